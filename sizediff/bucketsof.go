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
