package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// The parts of the comment between the first table and the provenance.

// why explains the runtime's change of the worst target in at most five bullets, or in a table when it is over budget.
func (c *comment) why() {
	t := c.v.worst()
	if c.v.verdict == sizediff.VerdictNoChange || c.v.verdict == sizediff.VerdictNoise {
		return
	}
	form, table := reasonsOf, c.v.anyOver() && runtimeOf(t.Report).Resident.Delta > 0
	if table {
		form = reasonsTable
	}
	x := form(t.Report, min(maxCauses, c.d.causes), markdownVoice)
	if x.title == "" {
		return
	}
	title := "**" + x.title + "**" + c.v.inTarget(markdownVoice, t)
	if table {
		c.causeTable(title, x)
	} else {
		c.line("\n%s", title)
		for _, l := range x.lines(markdownVoice) {
			c.line("- %s", l)
		}
	}
	if x.more > 0 {
		c.line("\n%s of the runtime: see the symbols below.", sentenceCase(counted(x.more, "smaller change")))
	}
}

// causeTable says the same with a row for each cause, and what there is to try.
func (c *comment) causeTable(title string, x reasons) {
	head, first := "", slices.ContainsFunc(x.causes, func(y cause) bool { return y.origin.known() })
	if first {
		head = "first referenced by "
	}
	c.line("\n%s, largest first\n\n| new or larger in the runtime | bytes | %s|\n|:--|--:|:--|", title, head)
	var above origin
	for _, y := range x.causes {
		last := causeState(y, markdownVoice)
		switch {
		case y.idle:
			last = "nothing in this build uses it"
		case first && y.origin.known():
			last = y.origin.after(above, markdownVoice)
		case first:
			last = "not known"
		}
		above = y.origin
		c.line("| %s | %s | %s |", causeName(y, markdownVoice), delta(y.change.Delta), last)
	}
	if len(x.extras) > 0 {
		c.line("\n- %s", strings.Join(x.extras, "\n- "))
	}
	if h := hints(c.v.worst().Report); len(h) > 0 {
		c.line("\n*Hints (from the pattern, not certain):* %s.", strings.Join(h, "; "))
	}
}

func (c *comment) findings(t *sizediff.TargetResult) {
	list := importantFindings(t.Report)
	if len(list) == 0 {
		return
	}
	c.line("\n**Findings**%s", c.v.inTarget(markdownVoice, t))
	for i, f := range list {
		if i == maxCauses {
			c.line("- %s", counted(len(list)-i, "more finding"))
			break
		}
		c.line("- %s", findingLine(f, markdownVoice))
	}
}

// otherTargets lists the compared targets that have no column in the first table.
func (c *comment) otherTargets() {
	if len(c.v.compared) <= maxColumns {
		return
	}
	rest := c.v.compared[maxColumns:]
	c.line("\n<details><summary>%s: %s to %s resident</summary>\n", sentenceCase(counted(len(rest), "more target")),
		delta(rest[len(rest)-1].Report.Totals.Resident.Delta), delta(rest[0].Report.Totals.Resident.Delta))
	c.line("| target | resident | runtime | init |\n|:--|--:|--:|--:|")
	for i, t := range rest {
		if c.d.worstOnly && i == 50 {
			break
		}
		c.line("| %s | %s | %s | %s |", markdownName(t.Name), delta(t.Report.Totals.Resident.Delta), delta(runtimeOf(t.Report).Resident.Delta), delta(t.Report.Totals.Init.Delta))
	}
	if c.d.worstOnly && len(rest) > 50 {
		c.line("\n%s left out. %s", sentenceCase(counted(len(rest)-50, "more target")), c.elsewhere())
	}
	c.line("</details>")
}

// differences tells of the configuration and of texts, in a line each.
func (c *comment) differences() {
	t := c.v.worst()
	for _, l := range configLines(t.Report, markdownVoice) {
		c.line("\n%s", l)
	}
	texts := textLines(t.Report, markdownVoice)
	for i, l := range texts {
		if i == 3 {
			c.line("\n%s of texts only.", sentenceCase(counted(len(texts)-i, "more difference")))
			break
		}
		c.line("\n%s.", l)
	}
	if c.v.verdict == sizediff.VerdictApproximate {
		p := c.v.e.Provenance
		if p.ExactBase != "" {
			c.line("\nThis is replaced by an exact comparison as soon as %s is measured. Commits in between: %s…%s.",
				code(short(p.ExactBase)), code(short(p.Base)), code(short(p.ExactBase)))
		}
	}
}

// commitMessage is a block ready for the commit's text.
func (c *comment) commitMessage() {
	v := c.v
	totals := v.worst().Report.Totals
	if !v.plainChange() && !v.anyOver() || totals.Resident.Delta == 0 && totals.Init.Delta == 0 {
		return
	}
	if !c.d.commit {
		c.line("\nThe text for the commit message is left out because it is too long.")
		return
	}
	c.line("\n<details><summary>Text for the commit message</summary>\n\n%s</details>", fence(commitBlock(v.worst())))
}

// commitBlock says in a few plain lines what a compared target was built with, how large it was and how large it is.
func commitBlock(t *sizediff.TargetResult) string {
	var what []string
	if t.Name != "" {
		what = append(what, plain(t.Name))
	}
	if f := t.Report.Head.Fingerprint; len(f.Rustc) > 0 {
		what = append(what, "rustc "+plain(versions(f.Rustc, versionOf)))
	}
	totals := t.Report.Totals
	total, runtime := totals.Resident, runtimeOf(t.Report)
	label := capped(plain(bucketLabel(runtime)), 40)
	width := len(fmt.Sprint(total.Base))
	column := max(len("resident"), len(label))
	row := func(name string, x sizediff.Change) string {
		return fmt.Sprintf("  %-*s %*d -> %*d (%+d%s)\n", column, name, width, x.Base, width, x.Head, x.Delta, commaPercent(x))
	}
	body := fmt.Sprintf("Size (%s):\n", cmp.Or(strings.Join(what, ", "), "one build")) + row("resident", total)
	if totals.Init.Delta != 0 {
		body += row("init", totals.Init)
	}
	if _, ok := bucketOf(t.Report, sizediff.BucketRuntime); ok {
		body += row(label, runtime.Resident)
	}
	return body
}

func commaPercent(x sizediff.Change) string {
	if s := percent(x); s != "" {
		return ", " + s
	}
	return ""
}

// toGoOn says what can be done about an exceeded budget.
func (c *comment) toGoOn() {
	if c.v.verdict != sizediff.VerdictOver || !c.v.byBot() {
		return
	}
	s := "**To go on:** push a smaller version"
	if c.v.e.Provenance.Commands {
		s += " · or a maintainer comments " + c.v.acceptCommand(markdownVoice)
	}
	s += " · the " + boundKindOf(c.v.open(c.v.worst())) + " set in `.github/oxidometer.yml` on the base branch"
	if owners := c.owners(); len(owners) > 0 {
		s += ", " + verb(owners, "owner: ", "owners: ") + strings.Join(firstOf(owners, maxOwners), ", ")
	}
	c.line("\n%s", s)
}

func boundKindOf(open []sizediff.BudgetResult) string {
	if slices.ContainsFunc(open, func(b sizediff.BudgetResult) bool { return b.Ratchet == nil }) {
		return "budget is"
	}
	return "ratchet is"
}

const maxOwners = 5

// owners of the budgets that are over and not accepted. Those that the caller wants to notify stand first, as real mentions;
// nothing else in a comment is one.
func (c *comment) owners() []string {
	var names, others []string
	for _, m := range c.o.Mention {
		if mention().MatchString(m) && !slices.Contains(names, m) && len(names) < maxOwners {
			names = append(names, m)
		}
	}
	for _, t := range c.v.compared {
		for _, b := range c.v.open(t) {
			for _, o := range b.Budget.Owners {
				if name := code(o); !slices.Contains(names, o) && !slices.Contains(others, name) {
					others = append(others, name)
				}
			}
		}
	}
	return append(names, others...)
}

// commandCommit is a commit as an argument; anything else is left out of the command.
func commandCommit(id string) string {
	if hexRun().MatchString(id) {
		return short(id)
	}
	return "COMMIT"
}
