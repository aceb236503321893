package insight

import "github.com/oxidometer/oxidometer/sizediff"

// RuntimeUse says what keeps the runtime and the abstractions in a build, and how many places can panic. Sizes are bytes.
type RuntimeUse struct {
	Exact      bool             `json:"exact"` // every reference is a relocation; else some were found by decoding code
	Portions   []BucketPortions `json:"portions"`
	PanicSites int              `json:"panic_sites"` // in all
	Functions  []FunctionSites  `json:"functions"`   // with panic call sites, most first
}

// BucketPortions are the Portions of a bucket.
type BucketPortions struct {
	Bucket   string `json:"bucket"`
	Used     uint64 `json:"used"`
	Exported uint64 `json:"exported"`
	Linked   uint64 `json:"linked"`
}

// FunctionSites are the panic call sites in a function.
type FunctionSites struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	Crate string `json:"crate"`
	Sites int    `json:"sites"`
}

// Uses returns nil when the references of an image are not known: it has no symbols, was measured without references, or is a linked
// image of a machine whose code is not decoded.
func Uses(m *sizediff.Measurement, buckets []sizediff.Bucket) *RuntimeUse {
	var g buildGraph
	if !g.read(newBuild(m, buckets)) {
		return nil
	}
	u := &RuntimeUse{Exact: g.exact(), Portions: []BucketPortions{}, Functions: []FunctionSites{}}
	for _, bucket := range sharedBuckets {
		p := g.portions(bucket)
		u.Portions = append(u.Portions, BucketPortions{bucket, p.Used, p.Exported, p.Linked})
	}
	for _, p := range g.Panics() {
		u.PanicSites += p.Sites
		u.Functions = append(u.Functions, FunctionSites{g.Demangled(p.Node), g.path(p.Node), g.crate(p.Node), p.Sites})
	}
	byBytes(u.Functions, func(f *FunctionSites) (int64, []string) { return int64(f.Sites), []string{f.Name, f.Image} })
	return u
}
