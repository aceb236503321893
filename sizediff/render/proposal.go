package render

import (
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
	var order []looseSentence
	used := map[looseSentence][]string{}
	for _, l := range p.Loosened {
		w := v.loosened(say, l)
		if used[w] == nil {
			order = append(order, w)
		}
		u := bytesOf(l.Used)
		if len(v.e.Targets) > 1 {
			u += " (" + say.name(l.Target) + ")"
		}
		used[w] = append(used[w], u)
	}
	var items []string
	for _, w := range order {
		if w.unknown {
			items = append(items, "This pull request "+w.change+"; how much of it is used is not known.")
			continue
		}
		items = append(items, "This pull request "+w.change+" and "+w.before+strings.Join(capList(used[w], 4), ", ")+w.after+".")
	}
	for _, w := range p.Weaker {
		items = append(items, "Less strict: "+strings.TrimSuffix(say.prose(w), ".")+".")
	}
	if n := len(items) - maxLoose; n > 0 {
		items = append(slices.Clone(items[:maxLoose]), sentenceCase(counted(n, "more change"))+" of this kind.")
	}
	return items
}

// looseSentence says one change of the file, around what the pull request uses of it.
type looseSentence struct {
	change, before, after string
	unknown               bool
}

func (v *view) loosened(say voice, l sizediff.Loosened) looseSentence {
	name, from := v.budgetName(say, l.Budget), bytesOf(l.Old)
	w := looseSentence{before: "grows it by ", unknown: l.Budget.Sources}
	switch {
	case l.Ratchet && l.New < 0:
		w.change = fmt.Sprintf("removes the ratchet on %s (headroom %s)", name, from)
	case l.New < 0:
		w.change = fmt.Sprintf("removes the budget of %s (%s)", name, from)
	case !l.Ratchet:
		w.change = fmt.Sprintf("raises the budget of %s from %s to %s", name, from, bytesOf(l.New))
		w.before, w.after = "uses ", " of it"
	default:
		var parts []string
		if l.New > l.Old {
			parts = append(parts, fmt.Sprintf("raises the headroom of the ratchet on %s from %s to %s", name, from, bytesOf(l.New)))
		}
		if l.NewWindow < l.OldWindow {
			parts = append(parts, fmt.Sprintf("shortens the window of the ratchet on %s from %s to %s", name, sizediff.Days(l.OldWindow), sizediff.Days(l.NewWindow)))
		}
		w.change = strings.Join(parts, ", ")
	}
	return w
}
