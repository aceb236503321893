package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// How budgets and ratchets are told.

// budgetNote says when budgets exist and are not applied.
func (v *view) budgetNote(say voice) string {
	exempt := v.e.Policy.Exempt
	for _, t := range v.compared {
		for _, b := range t.Budgets {
			switch {
			case exempt != nil && !b.Budget.Sources && b.Why != "" && (b.Status == sizediff.BudgetSuspended || exempt.Unlimited):
				return "Budget not applied: " + strings.TrimSuffix(say.prose(b.Why), ".") + "."
			case exempt == nil && b.Status == sizediff.BudgetSuspended:
				return "Budget not applied."
			}
		}
	}
	return ""
}

func (v *view) headlineOver(say voice) headline {
	h := headline{v.overClause(say) + ".", v.partly(say)}
	if v.e.Provenance.Commands {
		h.rest = joinSentences(h.rest, "Needs a smaller change or a maintainer's "+say.own(v.command("accept"))+".")
	}
	return h
}

// overClause names the first exceeded budget of the worst target that is not accepted, and in how many targets some is.
func (v *view) overClause(say voice) string {
	open := v.open(v.worst())
	first := open[0]
	s := v.overAmount(say, first) + ": over the " + amountOf(first.Budget, first.Limit) + " budget"
	switch r := first.Ratchet; {
	case first.Budget.Quantity.Counted():
		s = v.overAmount(say, first) + ": over the budget of " + num(first.Limit)
	case r != nil:
		s = fmt.Sprintf("%s (%s), headroom %s: over the ratchet", v.overAmount(say, first), floorWords(say, r.Floor), bytesOf(first.Limit))
	}
	if len(v.compared) > 1 {
		n := 0
		for _, t := range v.compared {
			if len(v.open(t)) > 0 {
				n++
			}
		}
		s += fmt.Sprintf(" in %d of %d targets", n, len(v.compared))
	}
	var also []string
	for _, b := range open[1:] {
		if b.Ratchet != nil {
			also = append(also, v.overAmount(say, b))
		} else {
			also = append(also, fmt.Sprintf("%s %s (budget %s)", v.budgetName(say, b.Budget), delta(b.Delta), num(b.Limit)))
		}
	}
	if len(also) > 3 {
		also = append(also[:3], fmt.Sprintf("%d more", len(also)-3))
	}
	if len(also) > 0 {
		s += "; also over: " + strings.Join(also, ", ")
	}
	return s
}

// overAmount is how much there is of what a budget bounds: "Rust runtime +1,344 B".
func (v *view) overAmount(say voice, b sizediff.BudgetResult) string {
	if b.Ratchet != nil {
		return fmt.Sprintf("%s is %s above its lowest of the last %s", v.budgetName(say, b.Budget), bytesOf(b.Delta), sizediff.Days(b.Ratchet.Window))
	}
	return v.firstName(say, b.Budget) + " " + deltaAmount(b.Budget, b.Delta)
}

// overTitle is a budget that is exceeded in as few words as possible.
func (v *view) overTitle(b sizediff.BudgetResult) string {
	name := v.firstName(plainVoice, b.Budget)
	if b.Ratchet != nil {
		return fmt.Sprintf("%s %s above its lowest of %s", name, bytesOf(b.Delta), sizediff.Days(b.Ratchet.Window))
	}
	return name + " " + deltaAmount(b.Budget, b.Delta)
}

// budgetName names what a budget bounds.
func (v *view) budgetName(say voice, b sizediff.Budget) string {
	t := v.worst()
	if t == nil && len(v.missing) > 0 {
		t = v.missing[0]
	}
	return boundName(t, say, b)
}

// firstName is budgetName where a sentence begins. A bucket's label stays as somebody wrote it.
func (v *view) firstName(say voice, b sizediff.Budget) string {
	if b.Quantity != "" {
		return sentenceCase(b.Quantity.Label())
	}
	return v.budgetName(say, b)
}

func boundName(t *sizediff.TargetResult, say voice, b sizediff.Budget) string {
	label := b.Bucket
	switch {
	case b.Quantity != "":
		return b.Quantity.Label()
	case t != nil && headOf(t) != nil:
		label = labelOf(headOf(t), b.Bucket)
	case b.Bucket == sizediff.BucketTotal || b.Bucket == "":
		label = "Resident total"
	}
	switch {
	case b.Path != "" && b.Sources:
		return say.prose(label) + " in the source files " + say.code(b.Path)
	case b.Path != "":
		return say.prose(label) + " in " + say.code(b.Path)
	}
	return say.prose(label)
}

// floorWords are a floor and where it was: "38,912 B at b41d77e".
func floorWords(say voice, f sizediff.Floor) string {
	if f.SHA == "" {
		return num(f.Bytes) + " B"
	}
	return num(f.Bytes) + " B at " + say.code(short(f.SHA))
}

// budgetLine says one budget or ratchet and how it went. What is not judged is never called within.
func budgetLine(t *sizediff.TargetResult, b sizediff.BudgetResult, say voice) string {
	name := boundName(t, say, b.Budget)
	why := strings.TrimSuffix(say.prose(b.Why), ".")
	switch {
	case b.Status == sizediff.BudgetNotJudged && b.Ratchet != nil:
		return "The ratchet on " + name + " is not judged: " + why
	case b.Status == sizediff.BudgetNotJudged:
		return "The budget of " + name + " is not judged: " + why
	}
	var s string
	if b.Ratchet != nil {
		s = ratchetSize(name, b, say)
	} else {
		s = fmt.Sprintf("%s: %s of %s%s", name, delta(b.Delta), num(b.Limit), unitOf(b.Budget))
	}
	switch {
	case b.Status == sizediff.BudgetOver && b.Ratchet != nil:
		return s + fmt.Sprintf(", over by %s B; this change adds %s", num(b.Delta-b.Limit), bytesOf(b.Ratchet.Growth))
	case b.Status == sizediff.BudgetOver:
		return s + fmt.Sprintf(", over by %s%s", num(b.Delta-b.Limit), unitOf(b.Budget))
	case b.Status == sizediff.BudgetSuspended && why != "":
		return s + ", not applied: " + why
	case b.Status == sizediff.BudgetSuspended:
		return s + ", not applied"
	case b.Ratchet == nil && b.Delta > b.Limit:
		return s + fmt.Sprintf(", within noise (band ±%s B)", num(b.Band))
	case b.Ratchet == nil:
		return s + fmt.Sprintf(" (%d %%), within", b.Used())
	case b.Delta <= b.Limit:
		return s + ", within"
	case b.Ratchet.Growth <= 0:
		return s + "; this change does not add to it"
	}
	return s + fmt.Sprintf("; what this change adds is within noise (band ±%s B)", num(b.Band))
}

// ratchetSize compares a size with the lowest of the window.
func ratchetSize(name string, b sizediff.BudgetResult, say voice) string {
	r := b.Ratchet
	lowest := fmt.Sprintf("its lowest of the last %s (%s), headroom %s", sizediff.Days(r.Window), floorWords(say, r.Floor), bytesOf(b.Limit))
	switch {
	case b.Delta > 0:
		return fmt.Sprintf("%s is %s above %s", name, bytesOf(b.Delta), lowest)
	case b.Delta < 0:
		return fmt.Sprintf("%s is %s below %s", name, bytesOf(-b.Delta), lowest)
	}
	return name + " is at " + lowest
}

// besideTable reports whether a budget has no cell in the first table: one on a part of the images or on a quantity, a ratchet, and
// what is not judged.
func besideTable(b sizediff.BudgetResult) bool {
	return b.Budget.Path != "" || b.Budget.Quantity != "" || b.Ratchet != nil || b.Status == sizediff.BudgetNotJudged
}

// besides are the lines about the budgets that the first table has no cell for, or none because of an exemption, each with the
// targets that it holds for.
func (v *view) besides(say voice, limit int) []string {
	var order []string
	names := map[string][]string{}
	for _, t := range v.compared {
		for _, b := range t.Budgets {
			shownOnly := v.e.Policy.Exempt != nil && b.Status == sizediff.BudgetSuspended
			if !besideTable(b) && !shownOnly || v.exempted(b) {
				continue
			}
			if shownOnly {
				b.Why = "" // said once, for all
			}
			line := besideLine(t, b, say)
			if names[line] == nil {
				order = append(order, line)
			}
			if name := say.name(t.Name); !slices.Contains(names[line], name) {
				names[line] = append(names[line], name)
			}
		}
	}
	var out []string
	for i, line := range order {
		if i == limit {
			return append(out, fmt.Sprintf("%s on budgets and ratchets.", sentenceCase(counted(len(order)-i, "more line"))))
		}
		if len(v.e.Targets) > 1 {
			line += " (" + strings.Join(capNames(names[line]), ", ") + ")"
		}
		out = append(out, line+".")
	}
	return out
}

// besideLine is budgetLine where nothing around it says that it is about a budget.
func besideLine(t *sizediff.TargetResult, b sizediff.BudgetResult, say voice) string {
	switch line := budgetLine(t, b, say); {
	case b.Status == sizediff.BudgetNotJudged:
		return line
	case b.Ratchet != nil:
		return "Ratchet: " + line
	default:
		return "Budget of " + line
	}
}

// exempted: that nothing is judged is said once, for all budgets.
func (v *view) exempted(b sizediff.BudgetResult) bool {
	x := v.e.Policy.Exempt
	return x != nil && x.Unlimited && !b.Budget.Sources && b.Status == sizediff.BudgetNotJudged
}
