package insight

import (
	"slices"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Compare is sizediff.Compare with the causes of what changed.
func Compare(base, head *sizediff.Measurement, buckets []sizediff.Bucket) *sizediff.Report {
	r := sizediff.Compare(base, head, buckets)
	r.Causes = Explain(Renamed(base, head, r), head, buckets)
	return r
}

// Renamed returns base with the paths that its images have in head, as their comparison found them: that of a lone image, and
// those of images that have moved as a whole. Everything here tells images by their paths. It changes nothing in base.
func Renamed(base, head *sizediff.Measurement, r *sizediff.Report) *sizediff.Measurement {
	out := *base
	out.Images = slices.Clone(base.Images)
	if base.Lone && head.Lone && len(base.Images) == 1 && len(head.Images) == 1 {
		out.Images[0].Path = head.Images[0].Path
		return &out
	}
	came := map[string]string{} // by path in head
	for _, im := range r.Images {
		if im.Status == sizediff.Added && im.MovedFrom != "" {
			came[im.Path] = im.MovedFrom
		}
	}
	moved := map[string]string{} // by path in base
	for _, im := range r.Images {
		if im.Status == sizediff.Removed && came[im.MovedTo] == im.Path {
			moved[im.Path] = im.MovedTo
		}
	}
	for i := range out.Images {
		if to, ok := moved[out.Images[i].Path]; ok {
			out.Images[i].Path = to
		}
	}
	return &out
}
