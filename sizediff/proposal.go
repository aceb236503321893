package sizediff

import (
	"cmp"
	"time"
)

// Proposal is what a pull request makes of the repository file. It is judged by the file of its base; this is a preview.
type Proposal struct {
	Title    string     // what the check would say with the new file, "" when that has faults
	Verdict  Verdict    // the verdict that goes with Title
	Loosened []Loosened // budgets and ratchets, see Loosen
	Weaker   []string   // what else becomes less strict, each a clause: "gate.mode goes from enforce to report"
	Faults   int        // in the new file
}

// Loosened is a budget or ratchet that allows more than before, on one target. All sizes are resident bytes, or what the budget's
// quantity is in.
type Loosened struct {
	Target   string
	Budget   Budget // of the old file
	Ratchet  bool
	Old, New int64 // limit, or headroom of a ratchet; New is below 0 when it is removed
	Used     int64 // growth of this pull request, not below 0
	Unknown  bool  // Used is not known, and 0

	OldWindow, NewWindow time.Duration // of a ratchet; a shorter one forgets its lowest size sooner
}

// bound is what all budgets, or all ratchets, on the same bytes of a target allow together: the least of them counts.
type bound struct {
	budget  Budget
	limit   int64
	window  time.Duration
	used    int64
	unused  bool // how much is used is not known
	unknown bool // a share of a size that is not known
}

// boundKey is what two files have in common when they bound the same bytes.
type boundKey struct {
	name, path       string // name of a Budget
	sources, ratchet bool
}

// Loosen lists what a new policy allows more of than an old one: budgets and ratchets that are raised or removed, target by
// target and in the order of the old policy. A share is taken of the target's size; where that is not known, shares are left
// out.
func Loosen(old, new Policy, targets []TargetResult) []Loosened {
	var out []Loosened
	for i := range targets {
		t := &targets[i]
		before, after := boundsOf(t, &old), boundsOf(t, &new)
		for _, k := range before.order {
			b := before.all[k]
			a, kept := after.all[k]
			if !kept {
				a.limit = -1
			}
			if a.unknown || b.unknown || kept && a.limit <= b.limit && a.window >= b.window {
				continue
			}
			out = append(out, Loosened{
				Target: t.Name, Budget: b.budget, Ratchet: k.ratchet, Old: b.limit, New: a.limit, Used: b.used, Unknown: b.unused,
				OldWindow: b.window, NewWindow: a.window,
			})
		}
	}
	return out
}

// bounds are what a policy allows on a target, in the order in which it says so.
type bounds struct {
	all   map[boundKey]bound
	order []boundKey
}

func (s *bounds) add(k boundKey, b bound) {
	b.limit = max(b.limit, 0)
	was, known := s.all[k]
	if !known {
		s.order = append(s.order, k)
	} else {
		b.window, b.unknown = max(b.window, was.window), b.unknown || was.unknown
		if was.limit <= b.limit {
			b.limit, b.budget = was.limit, was.budget
		}
	}
	s.all[k] = b
}

func boundsOf(t *TargetResult, p *Policy) bounds {
	r, known := sizesOf(t)
	j := judge{cmp.Or(t.Target, t.Name), r, p}
	s := bounds{all: map[boundKey]bound{}}
	for _, b := range p.Budgets {
		if !j.concerns(b.Targets) {
			continue
		}
		c, why := budgeted(r, b)
		next := bound{budget: b, limit: b.Bytes, used: max(c.Delta, 0), unused: why != ""}
		if b.Percent != 0 {
			next.limit, next.unknown = percentOf(c.Base, b.Percent), !known || why != ""
		}
		s.add(boundKey{b.Name(), b.Path, b.Sources, false}, next)
	}
	for _, q := range p.Ratchets {
		if !j.concerns(q.Targets) {
			continue
		}
		c := bucketOf(q.Bucket, r.Totals, r.Buckets)
		next := bound{budget: q.budget(), limit: q.Bytes, window: q.Window, used: max(c.Delta, 0)}
		if q.Percent != 0 {
			floor, hasFloor := q.Floors[j.target]
			if !hasFloor {
				floor.Bytes = c.Base
			}
			next.limit, next.unknown = percentOf(floor.Bytes, q.Percent), !hasFloor && !known
		}
		s.add(boundKey{name: q.budget().Name(), ratchet: true}, next)
	}
	return s
}

// sizesOf is the report that holds the sizes of a target: the comparison, or the head alone, in which nothing grows. Without
// any it is an empty one.
func sizesOf(t *TargetResult) (r *Report, known bool) {
	switch {
	case t.Report != nil && t.Report.State != NotCompared:
		return t.Report, true
	case t.Head != nil:
		return t.Head, true
	}
	return &Report{}, false
}
