package render

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// view is an evaluation made ready for rendering. What more than one format says is decided here and in words.go, once.
type view struct {
	e        *sizediff.Evaluation
	compared []*sizediff.TargetResult // worst first
	missing  []*sizediff.TargetResult // not measured or not compared, by name
	verdict  sizediff.Verdict         // of the compared targets; of the missing ones when none was compared
}

func newView(e *sizediff.Evaluation) *view {
	v := &view{e: e}
	for i := range e.Targets {
		t := &e.Targets[i]
		if isCompared(t) {
			v.compared = append(v.compared, ungated(t, e.Provenance.BaseChoice))
		} else {
			v.missing = append(v.missing, t)
		}
	}
	slices.SortFunc(v.compared, v.worseFirst)
	slices.SortFunc(v.missing, func(a, b *sizediff.TargetResult) int { return cmp.Compare(a.Name, b.Name) })
	v.verdict = v.judge()
	return v
}

func isCompared(t *sizediff.TargetResult) bool {
	return t.Problem == nil && t.Report != nil && t.Report.State != sizediff.NotCompared
}

// worseFirst orders targets: what is over budget and not accepted first, then what is over, then by the largest used share of
// a budget, then by growth.
func (v *view) worseFirst(a, b *sizediff.TargetResult) int {
	return cmp.Or(
		-cmp.Compare(len(v.open(a)), len(v.open(b))),
		-cmp.Compare(len(overBudgets(a)), len(overBudgets(b))),
		-cmp.Compare(mostUsed(a), mostUsed(b)),
		-cmp.Compare(a.Report.Totals.Resident.Delta, b.Report.Totals.Resident.Delta),
		-cmp.Compare(runtimeOf(a.Report).Resident.Delta, runtimeOf(b.Report).Resident.Delta),
		cmp.Compare(a.Name, b.Name),
	)
}

func mostUsed(t *sizediff.TargetResult) int64 {
	var most int64
	for _, b := range t.Budgets {
		if b.Ratchet == nil && (b.Status == sizediff.BudgetWithin || b.Status == sizediff.BudgetOver) {
			most = max(most, b.Used())
		}
	}
	return most
}

func overBudgets(t *sizediff.TargetResult) []sizediff.BudgetResult {
	var over []sizediff.BudgetResult
	for _, b := range t.Budgets {
		if b.Status == sizediff.BudgetOver {
			over = append(over, b)
		}
	}
	return over
}

// judge finds the verdict of the compared targets. A missing target does not change it: it is told beside it.
func (v *view) judge() sizediff.Verdict {
	part := *v.e
	part.Targets = nil
	for _, t := range v.compared {
		part.Targets = append(part.Targets, *t)
	}
	if len(part.Targets) > 0 {
		return part.Verdict()
	}
	for _, t := range v.missing {
		if problemOf(t).Kind == sizediff.ProblemNotCompared {
			return sizediff.VerdictNotCompared
		}
	}
	return sizediff.VerdictNotMeasured
}

// ungated suspends the budgets of a target whose base is not the exact one.
func ungated(t *sizediff.TargetResult, choice sizediff.BaseChoice) *sizediff.TargetResult {
	if choice != sizediff.BaseApproximate {
		return t
	}
	c := *t
	c.Budgets = slices.Clone(t.Budgets)
	for i := range c.Budgets {
		if b := &c.Budgets[i]; b.Status == sizediff.BudgetOver || b.Status == sizediff.BudgetWithin {
			b.Status, b.Why = sizediff.BudgetSuspended, "the base is approximate"
		}
	}
	return &c
}

func (v *view) anyBudget(f func(sizediff.BudgetResult) bool) bool {
	return slices.ContainsFunc(v.compared, func(t *sizediff.TargetResult) bool { return slices.ContainsFunc(t.Budgets, f) })
}

func (v *view) anyOver() bool {
	return v.anyBudget(func(b sizediff.BudgetResult) bool { return b.Status == sizediff.BudgetOver })
}

// plainChange reports whether sizes changed and nothing calls for attention.
func (v *view) plainChange() bool {
	return v.verdict == sizediff.VerdictWithin || v.verdict == sizediff.VerdictExempt
}

func toolchainChanged(t *sizediff.TargetResult) bool {
	return t.Report.State == sizediff.ToolchainChanged
}

// worst is the compared target that the headline speaks of, nil when there is none.
func (v *view) worst() *sizediff.TargetResult {
	if len(v.compared) == 0 {
		return nil
	}
	return v.compared[0]
}

// problemOf returns why a target is missing; one without any statement counts as not compared.
func problemOf(t *sizediff.TargetResult) sizediff.Problem {
	if t.Problem != nil {
		return *t.Problem
	}
	if t.Report == nil && t.Head == nil {
		return sizediff.Problem{Kind: sizediff.ProblemNotMeasured, Reason: "nothing is known of it"}
	}
	return sizediff.Problem{Kind: sizediff.ProblemNotCompared, Reason: "there is no baseline"}
}

// headOf returns the report that holds the absolute sizes of a missing target, nil when there is none.
func headOf(t *sizediff.TargetResult) *sizediff.Report {
	if t.Head != nil {
		return t.Head
	}
	return t.Report
}

// byBot reports whether the base was chosen by the App; on the command line it is given.
func (v *view) byBot() bool {
	c := v.e.Provenance.BaseChoice
	return c == sizediff.BaseExact || c == sizediff.BaseApproximate
}

// options that differ and are no version text, over all compared targets, each once.
func (v *view) options() []sizediff.OptionChange {
	var all []sizediff.OptionChange
	seen := map[string]bool{}
	for _, t := range v.compared {
		for _, o := range t.Report.Config {
			if !o.Version && !seen[o.Option] {
				seen[o.Option] = true
				all = append(all, o)
			}
		}
	}
	return all
}

// grows reports whether any compared target grew, in resident bytes or in its runtime.
func (v *view) grows() bool {
	return slices.ContainsFunc(v.compared, func(t *sizediff.TargetResult) bool {
		return t.Report.Totals.Resident.Delta > 0 || runtimeOf(t.Report).Resident.Delta > 0 || t.Report.Totals.Init.Delta > 0
	})
}

func (v *view) shrinks() bool {
	return !v.grows() && slices.ContainsFunc(v.compared, func(t *sizediff.TargetResult) bool {
		return t.Report.Totals.Resident.Delta < 0 || t.Report.Totals.Init.Delta < 0
	})
}

// kernel reports whether what was measured is a Linux kernel, by the names of its images.
func (v *view) kernel() bool {
	for _, t := range v.e.Targets {
		if r := headOf(&t); r != nil && isKernel(r) {
			return true
		}
	}
	return false
}

// isKernel reports whether a build is a kernel or modules of one.
func isKernel(r *sizediff.Report) bool {
	return hasVmlinux(r) || slices.ContainsFunc(r.Images, func(i sizediff.ImageChange) bool { return strings.HasSuffix(i.Path, ".ko") })
}

// hasVmlinux reports whether a build has a kernel, under that name or vmlinux.old or vmlinux-6.12.
func hasVmlinux(r *sizediff.Report) bool {
	return slices.ContainsFunc(r.Images, func(i sizediff.ImageChange) bool { return strings.HasPrefix(path.Base(i.Path), "vmlinux") })
}

func bucketOf(r *sizediff.Report, name string) (sizediff.BucketChange, bool) {
	for _, b := range r.Buckets {
		if b.Name == name {
			return b, true
		}
	}
	return sizediff.BucketChange{Name: name}, false
}

func runtimeOf(r *sizediff.Report) sizediff.BucketChange {
	b, _ := bucketOf(r, sizediff.BucketRuntime)
	return b
}

// bucketLabel is a bucket's label, else its name.
func bucketLabel(b sizediff.BucketChange) string {
	if b.Label != "" {
		return b.Label
	}
	return b.Name
}

// labelOf names what a budget is about.
func labelOf(r *sizediff.Report, bucket string) string {
	if bucket == sizediff.BucketTotal || bucket == "" {
		return "Resident total"
	}
	b, _ := bucketOf(r, bucket)
	return bucketLabel(b)
}

// budgetFor returns the tightest budget of a target for a bucket of the whole build, of those that have a limit.
func budgetFor(t *sizediff.TargetResult, bucket string) (sizediff.BudgetResult, bool) {
	var best sizediff.BudgetResult
	found := false
	for _, b := range t.Budgets {
		if besideTable(b) || b.Bucket() != bucket {
			continue
		}
		if !found || b.Used() > best.Used() || b.Used() == best.Used() && b.Limit < best.Limit {
			best, found = b, true
		}
	}
	return best, found
}
