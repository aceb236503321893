package sizediff

import (
	"cmp"
	"fmt"
	"slices"
)

// Acceptance is a maintainer's consent to growth over budget: to what Growth lists, and to nothing else.
type Acceptance struct {
	By, Head, Reason string
	CarriedFrom      string // head for which it was first given, "" when it is this one
	Button           bool   // given by the button of the check run, which cannot carry a reason
	Growth           []AcceptedGrowth
}

// AcceptedGrowth is one budget or ratchet on one target, and the Delta up to which it is accepted.
type AcceptedGrowth struct {
	Target  string // TargetResult.Name
	Bucket  string // BudgetResult.Bucket: a bucket, BucketTotal or a quantity
	Path    string // of the budget
	Ratchet bool
	Delta   int64 // BudgetResult.Delta when it was accepted
}

// Budget is what was exceeded, without a limit.
func (g AcceptedGrowth) Budget() Budget {
	if q := Quantity(g.Bucket); q.Known() {
		return Budget{Quantity: q}
	}
	return Budget{Bucket: cmp.Or(g.Bucket, BucketTotal), Path: g.Path}
}

// Lapse is an acceptance that no longer holds.
type Lapse struct {
	By, Head, Reason string
	Why              string // a clause: "Rust runtime grew from +1,344 B to +2,000 B"
}

// covers reports whether an entry is about this budget of this target, at whatever size.
func (g AcceptedGrowth) covers(target string, b BudgetResult) bool {
	return g.Target == target && g.Budget().Name() == b.Bucket() && g.Path == b.Budget.Path && g.Ratchet == (b.Ratchet != nil)
}

// Covers reports whether growth over budget is accepted: the same target, bucket or quantity, path and kind, and no more than was
// accepted plus the noise. A nil acceptance covers nothing.
func (a *Acceptance) Covers(target string, b BudgetResult) bool {
	if a == nil {
		return false
	}
	most, known := a.of(target, b)
	return known && b.Delta-max(b.Band, 0) <= most
}

// WhyLapsed says why an acceptance does not hold for targets that were judged later: growth that was accepted grew further, or
// something that was not accepted is over. It is "" when the acceptance holds, which it does for everything smaller.
func (a *Acceptance) WhyLapsed(targets []TargetResult) string {
	for i := range targets {
		t := &targets[i]
		for _, b := range t.over() {
			if a.Covers(t.Name, b) {
				continue
			}
			accepted, known := a.of(t.Name, b)
			unit := b.Budget.Quantity.unit()
			switch name := t.nameOf(b); {
			case known && b.Ratchet != nil:
				return fmt.Sprintf("%s went from %s B to %s B above its lowest", name, signed(accepted)[1:], signed(b.Delta)[1:])
			case known:
				return fmt.Sprintf("%s grew from %s%s to %s%s", name, signed(accepted), unit, signed(b.Delta), unit)
			case b.Ratchet != nil:
				return fmt.Sprintf("%s is %s B above its lowest, which was not accepted", name, signed(b.Delta)[1:])
			case b.Budget.Quantity != "":
				return fmt.Sprintf("%s %s%s are over budget and were not accepted", name, signed(b.Delta), unit)
			default:
				return fmt.Sprintf("%s %s B is over budget and was not accepted", name, signed(b.Delta))
			}
		}
	}
	return ""
}

// of returns up to what a budget of a target is accepted.
func (a *Acceptance) of(target string, b BudgetResult) (most int64, known bool) {
	for _, g := range a.Growth {
		if g.covers(target, b) && (!known || g.Delta > most) {
			most, known = g.Delta, true
		}
	}
	return most, known
}

// Exceeded lists what is over budget, targets and budgets in their order: what an acceptance has to cover. It is empty where
// nothing gates, as on an approximate base.
func (e *Evaluation) Exceeded() []AcceptedGrowth {
	var all []AcceptedGrowth
	for i := range e.Targets {
		t := &e.Targets[i]
		if e.targetVerdict(t) != VerdictOver {
			continue
		}
		for _, b := range t.over() {
			g := AcceptedGrowth{Target: t.Name, Bucket: b.Bucket(), Path: b.Budget.Path, Ratchet: b.Ratchet != nil, Delta: b.Delta}
			if !slices.Contains(all, g) {
				all = append(all, g)
			}
		}
	}
	return all
}

// accepted reports whether all that is over budget is accepted.
func (e *Evaluation) accepted() bool {
	for i := range e.Targets {
		t := &e.Targets[i]
		if e.targetVerdict(t) != VerdictOver {
			continue
		}
		for _, b := range t.over() {
			if !e.Acceptance.Covers(t.Name, b) {
				return false
			}
		}
	}
	return true
}

func (t *TargetResult) over() []BudgetResult {
	return slices.DeleteFunc(slices.Clone(t.Budgets), func(b BudgetResult) bool { return b.Status != BudgetOver })
}

// nameOf names what a budget of the target bounds.
func (t *TargetResult) nameOf(b BudgetResult) string {
	name := b.Bucket()
	if t.Report != nil {
		for _, x := range t.Report.Buckets {
			if x.Name == name {
				name = cmp.Or(x.Label, name)
			}
		}
	}
	switch {
	case b.Budget.Quantity != "":
		name = b.Budget.Quantity.Label()
	case name == BucketTotal:
		name = "Resident total"
	}
	if b.Budget.Path != "" {
		name += " in " + b.Budget.Path
	}
	if t.Name != "" {
		name += " of " + t.Name
	}
	return name
}
