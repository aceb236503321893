package insight

import (
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/debuginfo"
)

// InlinedChanges is what two builds have of the runtime and of the abstractions inside of others' functions. These bytes are in
// the buckets of the functions that hold them, and are never added to the buckets of the inlined code: a patch that moves runtime
// code inline makes the runtime smaller there, and not the kernel.
type InlinedChanges struct {
	Code         sizediff.Change `json:"code"` // bytes of all code that debug information describes, for shares
	Runtime      sizediff.Change `json:"runtime"`
	Abstractions sizediff.Change `json:"abstractions"`
	List         []InlinedChange `json:"list"` // those that changed, largest first; never nil
}

// InlinedChange is one module's code inside of the functions that one crate was compiled with.
type InlinedChange struct {
	Path   string          `json:"path"`
	Crate  string          `json:"crate"`
	Bucket string          `json:"bucket"`
	Host   string          `json:"host"`
	Bytes  sizediff.Change `json:"bytes"`
}

// CompareInlined compares the inlined code of two images, or of two builds (see debuginfo.Sum). Code inside of functions of its
// own bucket is left out: there it is counted already. nil means not known, as of what and as a result.
func CompareInlined(base, head *debuginfo.Inlining, buckets []sizediff.Bucket) *InlinedChanges {
	if base == nil || head == nil {
		return nil
	}
	rows := map[InlinedChange]sizediff.Change{}
	bucketOf := sizediff.CodeBuckets(buckets)
	count := func(list []debuginfo.Inlined, change func(bytes int64) sizediff.Change) {
		for _, r := range list {
			bucket := bucketOf(r.Crate, r.Path)
			if shared(bucket) && bucketOf(r.Into, r.Into) != bucket {
				key := InlinedChange{Path: r.Path, Crate: r.Crate, Bucket: bucket, Host: r.Host}
				rows[key] = rows[key].Plus(change(r.Bytes))
			}
		}
	}
	count(base.List, func(n int64) sizediff.Change { return sizediff.NewChange(n, 0) })
	count(head.List, func(n int64) sizediff.Change { return sizediff.NewChange(0, n) })
	out := &InlinedChanges{Code: sizediff.NewChange(base.Code, head.Code), List: []InlinedChange{}}
	for row, n := range rows {
		if row.Bucket == sizediff.BucketRuntime {
			out.Runtime = out.Runtime.Plus(n)
		} else {
			out.Abstractions = out.Abstractions.Plus(n)
		}
		if row.Bytes = n; n.Delta != 0 {
			out.List = append(out.List, row)
		}
	}
	byDelta(out.List, func(c *InlinedChange) (int64, []string) {
		return c.Bytes.Delta, []string{c.Path, c.Host, c.Crate, c.Bucket}
	})
	return out
}
