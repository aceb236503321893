package insight

import "github.com/oxidometer/oxidometer/sizediff"

// Compare is sizediff.Compare with the causes of what changed.
func Compare(base, head *sizediff.Measurement, buckets []sizediff.Bucket) *sizediff.Report {
	r := sizediff.Compare(base, head, buckets)
	r.Causes = Explain(base, head, buckets)
	return r
}
