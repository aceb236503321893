package acceptance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Rules are a repository's.
type Rules struct {
	HeadOnly bool // an acceptance holds for its head only

	// Band is the noise of a bucket on a target in bytes, by which growth may differ from what was accepted. nil is none. It
	// counts from the accepted bytes, so many small pushes cannot add up to more.
	Band func(target, bucket string) int64

	// Group says that the verdict is of a group of the merge queue, and its Head that of the pull request in it. The acceptances of
	// that head count, and what the group does not keep does not lapse for the pull request.
	Group bool
}

// Judgement is what the acceptances of a pull request mean for a verdict.
type Judgement struct {
	Accepted *sizediff.Acceptance // what is covered, nil when nothing is; all of it is only when Open is empty
	Covered  []Growth             // of the verdict, in order
	Open     []Growth             // over and not covered, in order
	Holds    []Record             // the records that cover something, preferred first
	Lapse    []Lapse              // by time: those that lapse now, and those that have lapsed for this head already (see Record.Lapsed)
}

// Lapse is a record that holds no longer.
type Lapse struct {
	Record Record
	Why    string // a clause, plain text
}

// Judge says which growth of the newest verdict is covered by the records of the pull request, in whatever order they come.
//
// A record for this head covers the growth it accepted. One for another head does so as well, unless it lapsed, HeadOnly is set,
// or something within it is over that no record covers: what it accepted grew, or a budget is over that was not. A record of one
// bucket looks at that bucket only. A lapse is final but for the head that the record was given for, so a force-push back to that
// head is accepted again. A withdrawn record never counts. While nothing is over, records neither lapse nor show.
func Judge(records []Record, now Verdict, rules Rules) Judgement {
	if len(now.Over) == 0 {
		return Judgement{}
	}
	var j Judgement
	var active, lapsed []Record
	for _, r := range preferred(records, now.Head) {
		switch {
		case !r.Withdrawn.IsZero():
		case r.Head == now.Head:
			active = append(active, r)
		case !r.Lapsed.IsZero():
			lapsed = append(lapsed, r)
		case rules.HeadOnly:
			j.Lapse = append(j.Lapse, Lapse{r, fmt.Sprintf("it was given for %s, and this repository wants one for each head", short(r.Head))})
		default:
			active = append(active, r)
		}
	}
	// What one record no longer covers can be too much for another, so look until all stay.
	for before := -1; len(active) != before; {
		before = len(active)
		j.cover(active, now.Over, rules)
		active = slices.DeleteFunc(active, func(r Record) bool {
			why := exceeded(r, j.Open, rules)
			if r.Head == now.Head || why == "" {
				return false
			}
			j.Lapse = append(j.Lapse, Lapse{r, why})
			return true
		})
	}
	if len(j.Covered) > 0 {
		j.Accepted = together(j.Holds, j.Covered, now.Head, rules)
	}
	if len(j.Open) > 0 {
		for _, r := range lapsed {
			if r.LapsedAt == now.Head {
				j.Lapse = append(j.Lapse, Lapse{r, r.Why})
			}
		}
	}
	slices.SortFunc(j.Lapse, func(a, b Lapse) int { return byTime(a.Record, b.Record) })
	if rules.Group {
		j.Lapse = nil
	}
	return j
}

// preferred sorts records: those for the head first, then the newest.
func preferred(records []Record, head string) []Record {
	return slices.SortedFunc(slices.Values(records), func(a, b Record) int {
		return cmp.Or(compareBool(b.Head == head, a.Head == head), byTime(b, a))
	})
}

func byTime(a, b Record) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) }

// cover sorts growth into Covered and Open, and notes the records that it took: for each growth the first that covers it.
func (j *Judgement) cover(active []Record, over []Growth, rules Rules) {
	j.Covered, j.Open, j.Holds = nil, nil, nil
	holds := make([]bool, len(active))
	for _, g := range slices.SortedFunc(slices.Values(over), compareGrowth) {
		at := slices.IndexFunc(active, func(r Record) bool { _, ok := r.accepted(g, rules); return ok })
		if at < 0 {
			j.Open = append(j.Open, g)
			continue
		}
		j.Covered = append(j.Covered, g)
		holds[at] = true
	}
	for i, r := range active {
		if holds[i] {
			j.Holds = append(j.Holds, r)
		}
	}
}

// accepted returns the growth of the record that covers g.
func (r Record) accepted(g Growth, rules Rules) (Growth, bool) {
	for _, a := range r.Growth {
		if a.budget() == g.budget() && within(g.Delta, a.Delta, rules.band(g)) {
			return a, true
		}
	}
	return Growth{}, false
}

func (rules Rules) band(g Growth) int64 {
	if rules.Band == nil {
		return 0
	}
	return max(0, rules.Band(g.Target, g.Bucket))
}

// maxWhy is how many budgets a sentence names.
const maxWhy = 3

// exceeded says what is over beyond the record, or "".
func exceeded(r Record, open []Growth, rules Rules) string {
	var parts []string
	more := 0
	for _, g := range open {
		if r.Bucket != "" && r.Bucket != g.Bucket {
			continue
		}
		if len(parts) == maxWhy {
			more++
			continue
		}
		parts = append(parts, beyond(r, g, rules.band(g)))
	}
	if len(parts) == 0 {
		return ""
	}
	if more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}

func beyond(r Record, g Growth, band int64) string {
	at := slices.IndexFunc(r.Growth, func(a Growth) bool { return a.budget() == g.budget() })
	if at < 0 {
		return fmt.Sprintf("%v is over budget with %s, which was not accepted", g, g.amount(g.Delta))
	}
	s := fmt.Sprintf("%v grew from %s to %s", g, g.amount(r.Growth[at].Delta), g.amount(g.Delta))
	if band > 0 {
		s += fmt.Sprintf(", by more than the noise of %s", g.amount(band)[1:])
	}
	return s
}

// together makes one acceptance of the records that hold: with all their logins and reasons, up to the bytes that they accepted.
// A button gives no reason.
func together(holds []Record, covered []Growth, head string, rules Rules) *sizediff.Acceptance {
	a := &sizediff.Acceptance{Head: head}
	var by, reasons []string
	for _, r := range holds {
		if !slices.Contains(by, r.By) {
			by = append(by, r.By)
		}
		if !(r.Button && r.Reason == ButtonReason) && !slices.Contains(reasons, r.Reason) {
			reasons = append(reasons, r.Reason)
		}
		if r.Head != head {
			a.CarriedFrom = cmp.Or(a.CarriedFrom, r.Head)
		}
		a.Button = a.Button || r.Button
	}
	a.By, a.Reason = strings.Join(by, ", "), strings.Join(reasons, " / ")
	for _, g := range covered {
		for _, r := range holds {
			if accepted, ok := r.accepted(g, rules); ok {
				a.Growth = append(a.Growth, sizediff.AcceptedGrowth(accepted))
				break
			}
		}
	}
	return a
}

func short(sha string) string { return plain(sha[:min(minSHA, len(sha))]) }
