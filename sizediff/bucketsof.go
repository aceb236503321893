package sizediff

// BucketsOf returns for each symbol of an image the name of the bucket that its bytes fall into.
func BucketsOf(buckets []Bucket, f *ImageFile) []string {
	c := newClassifier(buckets)
	by := c.forImage(f.Path, f.Image)
	out := make([]string, len(f.Symbols))
	for i := range f.Symbols {
		out[i] = c.buckets[by.symbol(&f.Symbols[i])].Name
	}
	return out
}

// CodeBuckets returns what gives Rust code that has no symbol of its own its bucket, such as code that was inlined, by its
// defining crate and module path. Without a crate it is C. Matches on sections, symbols or images do not fit it.
func CodeBuckets(buckets []Bucket) func(crate, path string) string {
	c := newClassifier(buckets)
	return func(crate, path string) string {
		language := LanguageRust
		if crate == "" {
			language = LanguageC
		}
		for i := range c.rules {
			r := &c.rules[i]
			switch {
			case r.sections != nil, r.symbols != nil, r.image != nil:
			case r.crates != nil && (crate == "" || !anyMatch(r.crates, crate)):
			case r.language != nil && !r.language[language]:
			case r.paths != nil && !matchPath(r.paths, path):
			default:
				return c.buckets[r.bucket].Name
			}
		}
		return c.buckets[c.unattributed].Name
	}
}
