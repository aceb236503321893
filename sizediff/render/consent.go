package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
		return `"` + strings.TrimSuffix(say.prose(a.Reason), ".") + `."`
	case a.Button && v.e.Provenance.Commands:
		return "It was accepted by button, without a reason; please add a line: " + v.acceptCommand(say) + "."
	case a.Button:
		return "It was accepted by button, without a reason; please add a line of why."
	}
	return "No reason was given."
}

// bounds say up to where an acceptance holds, one clause for each bucket.
func (v *view) bounds(say voice, a *sizediff.Acceptance) []string {
	type key struct {
		bucket, path string
		ratchet      bool
	}
	var order []key
	amounts := map[key][]string{}
	for _, g := range a.Growth {
		k := key{cmp.Or(g.Bucket, sizediff.BucketTotal), g.Path, g.Ratchet}
		if amounts[k] == nil {
			order = append(order, k)
		}
		amount := deltaBytes(g.Delta)
		if g.Ratchet {
			amount = bytesOf(g.Delta)
		}
		if len(v.e.Targets) > 1 {
			amount += " (" + say.name(g.Target) + ")"
		}
		amounts[k] = append(amounts[k], amount)
	}
	var out []string
	for _, k := range order {
		name, most := v.noun(say, sizediff.Budget{Bucket: k.bucket, Path: k.path}), strings.Join(capList(amounts[k], 4), " or ")
		if k.ratchet {
			out = append(out, fmt.Sprintf("%s is more than %s above its lowest", name, most))
		} else {
			out = append(out, fmt.Sprintf("%s grows beyond %s", name, most))
		}
	}
	return capList(out, 3)
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
	var parts []string
	for _, t := range v.compared {
		for _, b := range overBudgets(t) {
			if a.Covers(t.Name, b) {
				parts = append(parts, v.overAmount(say, b)+v.inTarget(say, t))
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	s := fmt.Sprintf("%s %s accepted by %s%s.", listed(capList(parts, 4)), verb(parts, "is", "are"), say.code(a.By), acceptedFor(say, a))
	return joinSentences(s, v.reason(say, a))
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
	return `The author's justification: "` + strings.TrimSuffix(say.prose(j), ".") + `."`
}

// acceptCommand is the slash command that accepts this head.
func (v *view) acceptCommand(say voice) string {
	return say.own(v.command("accept " + commandCommit(v.e.Provenance.Head) + ` reason="…"`))
}

// command is a slash command with the repository's prefix. A prefix that is no word is not repeated.
func (v *view) command(words string) string {
	prefix := v.e.Provenance.CommandPrefix
	if len(prefix) > 40 || !commandPrefix.MatchString(prefix) {
		prefix = "/size"
	}
	return prefix + " " + words
}

// open are the budgets of a target that are over and not accepted.
func (v *view) open(t *sizediff.TargetResult) []sizediff.BudgetResult {
	return slices.DeleteFunc(overBudgets(t), func(b sizediff.BudgetResult) bool { return v.e.Acceptance.Covers(t.Name, b) })
}
