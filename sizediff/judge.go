package sizediff

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"time"
)

// judge applies a policy to the report of one target.
type judge struct {
	target string
	r      *Report
	p      *Policy
}

func (j judge) budgets() []BudgetResult {
	var out []BudgetResult
	for _, b := range j.p.Budgets {
		if j.concerns(b.Targets) {
			out = append(out, j.budget(b))
		}
	}
	for _, q := range j.p.Ratchets {
		if j.concerns(q.Targets) {
			out = append(out, j.ratchet(q))
		}
	}
	return out
}

// concerns reports whether the target fits one of the globs; no globs fit all.
func (j judge) concerns(globs []string) bool {
	return len(globs) == 0 || anyMatch(compileAll(globs, false), j.target)
}

func (j judge) budget(b Budget) BudgetResult {
	c, unknown := budgeted(j.r, b)
	if b.Sources {
		return BudgetResult{Budget: b, Limit: b.Bytes, Status: BudgetNotJudged, Why: unknown}
	}
	res := BudgetResult{Budget: b, Delta: c.Delta, Limit: b.Bytes, Status: BudgetWithin}
	if b.Percent != 0 {
		res.Limit = percentOf(c.Base, b.Percent)
	}
	res.Band = j.p.Band(j.target, res.Bucket())
	held := j.held(&res)
	if unknown != "" && res.Status != BudgetNotJudged {
		held, res.Status, res.Why = true, BudgetNotJudged, unknown
	}
	if !held && res.Delta > res.Limit && beyond(res.Delta, res.Band) {
		res.Status = BudgetOver
	}
	return res
}

// beyond reports whether growth is more than noise. Without any, everything is.
func beyond(d, band int64) bool { return band == 0 || d > band }

// ratchet is over only when the change itself has a part in it: a change that leaves the bucket alone is not to blame for
// what came before it.
func (j judge) ratchet(q Ratchet) BudgetResult {
	c := bucketOf(q.Bucket, j.r.Totals, j.r.Buckets)
	floor, known := q.Floors[j.target]
	res := BudgetResult{
		Budget: q.budget(), Limit: q.Bytes, Status: BudgetWithin, Ratchet: &RatchetResult{Window: q.Window, Floor: floor, Growth: c.Delta},
	}
	why := ownerless(q.Bucket, j.r.Stripped())
	if !known {
		why = "no size of the last " + Days(q.Window) + " is known"
	}
	if why != "" {
		res.Status, res.Why = BudgetNotJudged, why
		return res
	}
	res.Delta, res.Band = c.Head-floor.Bytes, j.p.Band(j.target, res.Bucket())
	if q.Percent != 0 {
		res.Limit = percentOf(floor.Bytes, q.Percent)
	}
	if j.held(&res) {
		return res
	}
	if res.Delta > res.Limit && beyond(res.Delta, res.Band) && c.Delta > res.Band {
		res.Status = BudgetOver
	}
	return res
}

// held says of a budget that it is not applied, and why, if so.
func (j judge) held(b *BudgetResult) bool {
	switch {
	case j.p.Exempt != nil && j.p.Exempt.Unlimited:
		b.Status, b.Why = BudgetNotJudged, j.p.Exempt.reason()
	case j.p.Exempt != nil:
		b.Status, b.Why = BudgetSuspended, j.p.Exempt.reason()
	case j.p.Tolerate.ToolchainChange && j.r.State == ToolchainChanged:
		b.Status, b.Why = BudgetSuspended, "the toolchain changed"
	case j.p.Tolerate.ConfigChange && configChanged(j.r):
		b.Status, b.Why = BudgetSuspended, "the configuration changed"
	default:
		return false
	}
	return true
}

func (x *Exemption) reason() string { return cmp.Or(x.Reason, "an exemption") }

// configChanged reports whether an option changed that does not only carry a version.
func configChanged(r *Report) bool {
	return slices.ContainsFunc(r.Config, func(o OptionChange) bool { return !o.Version })
}

// percentOf returns the given share of a number of bytes, rounded down. The share is taken as the decimal number that
// people write, so that 0.29 % of 10,000 is 29 and not what is left of it in binary.
func percentOf(n int64, percent float64) int64 {
	share, ok := new(big.Rat).SetString(strconv.FormatFloat(percent, 'g', -1, 64))
	if !ok { // infinite, or no number
		return 0
	}
	share.Mul(share, big.NewRat(n, 100))
	limit := new(big.Int).Div(share.Num(), share.Denom())
	if !limit.IsInt64() {
		return math.MaxInt64
	}
	return limit.Int64()
}

// budgeted returns what a budget limits, or why that is not known: a clause.
func budgeted(r *Report, b Budget) (sum Change, unknown string) {
	switch {
	case b.Quantity != "" && b.Percent != 0 && !b.Quantity.Shared():
		return Change{}, "a share of the " + b.Quantity.Label() + " cannot be told"
	case b.Quantity != "":
		return b.Quantity.of(r.Causes)
	case b.Sources:
		return Change{}, "the measurement knows no source files"
	case b.Path == "":
		return bucketOf(b.Bucket, r.Totals, r.Buckets), ownerless(b.Bucket, r.Stripped())
	}
	var stripped []string
	for i := range r.Images {
		if im := &r.Images[i]; MatchPath(b.Path, im.Path) {
			sum = sum.Plus(bucketOf(b.Bucket, im.Totals, im.Buckets))
			if im.stripped() {
				stripped = append(stripped, im.Path)
			}
		}
	}
	return sum, ownerless(b.Bucket, stripped)
}

// ownerless says that nothing is known of a bucket, because images whose bytes may be in it have no symbols; "" when it is known.
// The sum of all is known in any case.
func ownerless(bucket string, stripped []string) string {
	if bucket == BucketTotal || bucket == "" || len(stripped) == 0 {
		return ""
	}
	return isStripped(stripped) + "; measure before strip"
}

func isStripped(paths []string) string {
	if len(paths) == 1 {
		return paths[0] + " is stripped"
	}
	return fmt.Sprintf("%s and %d more images are stripped", paths[0], len(paths)-1)
}

// Stripped lists the images that changed and have no symbols on one side or both: of their bytes, nobody knows whose they are.
func (r *Report) Stripped() []string {
	var paths []string
	for i := range r.Images {
		if r.Images[i].stripped() {
			paths = append(paths, r.Images[i].Path)
		}
	}
	return paths
}

func (i *ImageChange) stripped() bool {
	return i.Stripped && i.Status != ImageIdentical && !i.SameSize
}

func bucketOf(name string, totals Totals, buckets []BucketChange) Change {
	if name == BucketTotal || name == "" {
		return totals.Resident
	}
	for _, b := range buckets {
		if b.Name == name {
			return b.Resident
		}
	}
	return Change{}
}

// bands are the noise of the total and of every bucket that has some, nil when none has.
func (j judge) bands() map[string]int64 {
	var bands map[string]int64
	add := func(bucket string) {
		if n := j.p.Band(j.target, bucket); n > 0 {
			if bands == nil {
				bands = map[string]int64{}
			}
			bands[bucket] = n
		}
	}
	add(BucketTotal)
	for _, b := range j.r.Buckets {
		add(b.Name)
	}
	return bands
}

// WithinNoise reports whether sizes changed, and none by more than its band: the total and every bucket, resident and init
// apart. What is never loaded does not count. An image that came or went is a change whatever its size.
func (t *TargetResult) WithinNoise() bool {
	r := t.Report
	if r == nil || r.State != Changed {
		return false
	}
	if slices.ContainsFunc(r.Images, func(i ImageChange) bool { return i.Status == Added || i.Status == Removed }) {
		return false
	}
	all := append([]BucketChange{{Name: BucketTotal, Resident: r.Totals.Resident, Init: r.Totals.Init}}, r.Buckets...)
	changed := false
	for _, b := range all {
		for _, d := range []int64{b.Resident.Delta, b.Init.Delta} {
			if band := t.Bands[b.Name]; d > band || d < -band {
				return false
			}
			changed = changed || d != 0
		}
	}
	return changed
}

// Days writes a time in days, or in the largest unit below of which it is a whole number: "90 days", "36 hours".
func Days(d time.Duration) string {
	for _, u := range []struct {
		name   string
		length time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		if n := d / u.length; n == 1 && d == u.length {
			return "1 " + u.name
		} else if n > 0 && d == n*u.length {
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return d.String()
}
