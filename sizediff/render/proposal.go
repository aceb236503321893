package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// note is a paragraph below the first table, with a list or without.
type note struct {
	text  string
	items []string
}

// notes are what the author says, and what the pull request makes of the repository file.
func (v *view) notes(say voice) []note {
	var out []note
	if j := v.justification(say); j != "" {
		out = append(out, note{text: j})
	}
	if p := v.e.Proposal; p != nil {
		out = append(out, note{v.proposalWords(say, p), v.looseWords(say, p)})
	}
	return out
}

func (v *view) proposalWords(say voice, p *sizediff.Proposal) string {
	s := "This pull request changes the repository file. It is judged by the file of its base"
	switch {
	case p.Faults > 0:
		return s + fmt.Sprintf("; the new one has %s, which the check run shows at their lines.", counted(p.Faults, "fault"))
	case p.Title != "":
		return s + "; with the new one the check would say " + say.quote(p.Title) + "."
	}
	return s + "."
}

const maxLoose = 8

// looseWords say what the new file allows more of: budgets and ratchets with their bytes, then all else.
func (v *view) looseWords(say voice, p *sizediff.Proposal) []string {
	var order []string
	same := map[string][]sizediff.Loosened{} // of several targets
	for _, l := range p.Loosened {
		s := v.loosened(say, l)
		if same[s] == nil {
			order = append(order, s)
		}
		same[s] = append(same[s], l)
	}
	var items []string
	for _, s := range order {
		items = append(items, "This pull request "+s+v.usedOf(say, same[s])+".")
	}
	for _, w := range p.Weaker {
		items = append(items, "Less strict: "+strings.TrimSuffix(say.prose(w), ".")+".")
	}
	if n := len(items) - maxLoose; n > 0 {
		items = append(slices.Clone(items[:maxLoose]), sentenceCase(counted(n, "more change"))+" of this kind.")
	}
	return items
}

// loosened says what the new file does to a budget or a ratchet.
func (v *view) loosened(say voice, l sizediff.Loosened) string {
	name, from := v.budgetName(say, l.Budget), amountOf(l.Budget, l.Old)
	window := fmt.Sprintf("from %s to %s", sizediff.Days(l.OldWindow), sizediff.Days(l.NewWindow))
	switch {
	case l.Ratchet && l.New < 0:
		return fmt.Sprintf("removes the ratchet on %s (headroom %s)", name, from)
	case l.New < 0:
		return fmt.Sprintf("removes the budget of %s (%s)", name, from)
	case !l.Ratchet:
		return fmt.Sprintf("raises the budget of %s from %s to %s", name, from, amountOf(l.Budget, l.New))
	case l.New <= l.Old:
		return fmt.Sprintf("shortens the window of the ratchet on %s %s", name, window)
	}
	s := fmt.Sprintf("raises the headroom of the ratchet on %s from %s to %s", name, from, bytesOf(l.New))
	if l.NewWindow < l.OldWindow {
		s += ", shortens its window " + window
	}
	return s
}

// usedOf says how much the pull request uses of one loosened budget, the target that uses most first.
func (v *view) usedOf(say voice, list []sizediff.Loosened) string {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b sizediff.Loosened) int {
		return cmp.Or(cmp.Compare(b.Used, a.Used), cmp.Compare(a.Target, b.Target))
	})
	most := list[0]
	raised := !most.Ratchet && most.New >= 0
	name := v.budgetName(say, most.Budget)
	var s string
	switch {
	case most.Unknown:
		return "; how much of it is used is not known"
	case most.Used == 0 && raised:
		return " and uses nothing of it"
	case most.Used == 0:
		return " and does not grow " + name
	case raised:
		s = " and uses " + amountOf(most.Budget, most.Used) + " of it"
	default:
		s = " and grows " + name + " by " + amountOf(most.Budget, most.Used)
	}
	if len(v.e.Targets) < 2 {
		return s
	}
	targets := []string{say.name(most.Target)}
	for _, l := range list[1:] {
		targets = append(targets, say.name(l.Target)+" "+amountOf(l.Budget, l.Used))
	}
	return s + " (" + strings.Join(capList(targets, 4), ", ") + ")"
}
