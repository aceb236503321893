package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oxidometer/oxidometer/sizediff"
)

// What people say for growth: a maintainer's acceptance, and the author's justification.

func (v *view) headlineAccepted(say voice) headline {
	a := v.e.Acceptance
	first := overBudgets(v.worst())[0]
	s := v.overAmount(say, first) + ": over " + boundWord(first) + ", accepted by " + say.code(a.By) + acceptedFor(say, a)
	return headline{s + ":", joinSentences(v.reason(say, a), "Valid until "+strings.Join(v.bounds(say, a), ", or ")+".")}
}

// boundWord is what growth is over.
func boundWord(b sizediff.BudgetResult) string {
	if b.Ratchet != nil {
		return "the ratchet"
	}
	return "budget"
}

func acceptedFor(say voice, a *sizediff.Acceptance) string {
	switch {
	case a.CarriedFrom != "":
		return ", carried over from " + say.code(short(a.CarriedFrom))
	case a.Head != "":
		return " for " + say.code(short(a.Head))
	}
	return ""
}

// reason of an acceptance. A button cannot carry one, so it asks for a line.
func (v *view) reason(say voice, a *sizediff.Acceptance) string {
	switch {
	case a.Reason != "":
		return inTheirWords(say, a.Reason)
	case a.Button && v.e.Provenance.Commands:
		return "It was accepted by button, without a reason; please add a line: " + v.acceptCommand(say) + "."
	case a.Button:
		return "It was accepted by button, without a reason; please add a line of why."
	}
	return "No reason was given."
}

// bounds say up to where an acceptance holds, one clause for each bucket.
func (v *view) bounds(say voice, a *sizediff.Acceptance) []string {
	var out []string
	for _, g := range v.groups(say, a.Growth) {
		name, most := v.noun(say, g.budget), strings.Join(capList(g.amounts, 4), " or ")
		switch {
		case g.ratchet:
			out = append(out, fmt.Sprintf("%s is more than %s above its lowest", name, most))
		case g.budget.Quantity != "":
			out = append(out, fmt.Sprintf("%s grow beyond %s", name, most))
		default:
			out = append(out, fmt.Sprintf("%s grows beyond %s", name, most))
		}
	}
	return capList(out, 3)
}

// growthGroup is what is accepted of one bucket or quantity, target by target.
type growthGroup struct {
	budget  sizediff.Budget
	ratchet bool
	amounts []string // "+1,344 B (x86_64)"
}

func (v *view) groups(say voice, growth []sizediff.AcceptedGrowth) []growthGroup {
	var out []growthGroup
	for _, g := range growth {
		b := g.Budget()
		i := slices.IndexFunc(out, func(x growthGroup) bool {
			return x.budget.Name() == b.Name() && x.budget.Path == b.Path && x.ratchet == g.Ratchet
		})
		if i < 0 {
			i = len(out)
			out = append(out, growthGroup{budget: b, ratchet: g.Ratchet})
		}
		amount := deltaAmount(b, g.Delta)
		if g.Ratchet {
			amount = bytesOf(g.Delta)
		}
		if len(v.e.Targets) > 1 {
			amount += " (" + say.name(g.Target) + ")"
		}
		out[i].amounts = append(out[i].amounts, amount)
	}
	return out
}

// noun is what a budget bounds, as in the middle of a sentence.
func (v *view) noun(say voice, b sizediff.Budget) string {
	if name := v.budgetName(say, b); name != "Rust runtime" {
		return name
	}
	return "the runtime"
}

// partly says which part of the growth is accepted, when another is not. "" when none is.
func (v *view) partly(say voice) string {
	a := v.e.Acceptance
	var covered []sizediff.AcceptedGrowth
	for _, t := range v.compared {
		for _, b := range overBudgets(t) {
			if a.Covers(t.Name, b) {
				covered = append(covered, sizediff.AcceptedGrowth{Target: t.Name, Bucket: b.Bucket(), Path: b.Budget.Path, Ratchet: b.Ratchet != nil, Delta: b.Delta})
			}
		}
	}
	if len(covered) == 0 {
		return ""
	}
	var parts []string
	is := "is"
	for _, g := range v.groups(say, covered) {
		if g.budget.Quantity != "" {
			is = "are"
		}
		part := v.budgetName(say, g.budget) + " " + listed(capList(g.amounts, 4))
		if g.ratchet {
			part = v.budgetName(say, g.budget) + " at " + listed(capList(g.amounts, 4)) + " above its lowest"
		}
		parts = append(parts, part)
	}
	return joinSentences("Only "+strings.Join(capList(parts, 3), ", ")+" "+is+" accepted by "+say.code(a.By)+acceptedFor(say, a)+".", v.reason(say, a))
}

// lapse says that an acceptance no longer holds, "" when none has lapsed. One that covers nothing of what is over has lapsed,
// whether or not somebody said so.
func (v *view) lapse(say voice) string {
	l := v.e.Lapsed
	if a := v.e.Acceptance; l == nil && a != nil && v.verdict == sizediff.VerdictOver && v.partly(say) == "" {
		l = &sizediff.Lapse{By: a.By, Head: cmp.Or(a.CarriedFrom, a.Head), Reason: a.Reason, Why: a.WhyLapsed(v.e.Targets)}
	}
	if l == nil {
		return ""
	}
	s := "The acceptance by " + say.code(l.By)
	if l.Head != "" {
		s += " for " + say.code(short(l.Head))
	}
	s += " no longer holds"
	if l.Why != "" {
		s += ": " + strings.TrimSuffix(say.prose(l.Why), ".")
	}
	return s + "."
}

// justification is what the author says, "" when nothing.
func (v *view) justification(say voice) string {
	j := strings.TrimSpace(v.e.Justification)
	if j == "" {
		return ""
	}
	return "The author's justification: " + inTheirWords(say, j)
}

// inTheirWords quotes a person, punctuation and all, as a sentence: what does not end as one gets its full stop behind the quotes.
func inTheirWords(say voice, words string) string {
	words = strings.TrimSpace(words)
	quoted := `"` + say.prose(words) + `"`
	if end, _ := utf8.DecodeLastRuneInString(words); strings.ContainsRune(".!?…", end) {
		return quoted
	}
	return quoted + "."
}

// acceptCommand is the slash command that accepts this head.
func (v *view) acceptCommand(say voice) string {
	return say.own(v.command("accept " + commandCommit(v.e.Provenance.Head) + ` reason="…"`))
}

// command is a slash command with the repository's prefix. A prefix that is no word is not repeated.
func (v *view) command(words string) string {
	prefix := v.e.Provenance.CommandPrefix
	if len(prefix) > 40 || !commandPrefix().MatchString(prefix) {
		prefix = "/size"
	}
	return prefix + " " + words
}

// open are the budgets of a target that are over and not accepted.
func (v *view) open(t *sizediff.TargetResult) []sizediff.BudgetResult {
	return slices.DeleteFunc(overBudgets(t), func(b sizediff.BudgetResult) bool { return v.e.Acceptance.Covers(t.Name, b) })
}

// opens reports whether something of a bucket is over and not accepted.
func (v *view) opens(bucket string) bool {
	return v.verdict == sizediff.VerdictOver && slices.ContainsFunc(v.compared, func(t *sizediff.TargetResult) bool {
		return slices.ContainsFunc(v.open(t), func(b sizediff.BudgetResult) bool { return b.Bucket() == bucket && b.Budget.Path == "" })
	})
}
