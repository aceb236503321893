package insight

import (
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/debuginfo"
)

// CompareInlined compares the inlined code of two images, or of two builds (see debuginfo.Sum). Code inside of functions of its
// own bucket is left out: there it is counted already. nil means not known, as of what and as a result.
func CompareInlined(base, head *debuginfo.Inlining, buckets []sizediff.Bucket) *sizediff.InlinedCauses {
	if base == nil || head == nil {
		return nil
	}
	rows := map[sizediff.InlinedChange]sizediff.Change{}
	bucketOf := sizediff.CodeBuckets(buckets)
	count := func(list []debuginfo.Inlined, change func(bytes int64) sizediff.Change) {
		for _, r := range list {
			bucket := bucketOf(r.Crate, r.Path)
			if shared(bucket) && bucketOf(r.Into, r.Into) != bucket {
				key := sizediff.InlinedChange{Path: r.Path, Crate: r.Crate, Bucket: bucket, Host: r.Host}
				rows[key] = rows[key].Plus(change(r.Bytes))
			}
		}
	}
	count(base.List, func(n int64) sizediff.Change { return sizediff.NewChange(n, 0) })
	count(head.List, func(n int64) sizediff.Change { return sizediff.NewChange(0, n) })
	out := &sizediff.InlinedCauses{Code: sizediff.NewChange(base.Code, head.Code), List: []sizediff.InlinedChange{}}
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
	byDelta(out.List, func(c *sizediff.InlinedChange) (int64, []string) {
		return c.Bytes.Delta, []string{c.Path, c.Host, c.Crate, c.Bucket}
	})
	return out
}

// inlining adds up what the images of a build have inlined, nil when it is not known of one with Rust code.
func inlining(m []image) *debuginfo.Inlining {
	var parts []*debuginfo.Inlining
	for i := range m {
		parts = append(parts, m[i].Inlined)
	}
	return debuginfo.Sum(parts...)
}
