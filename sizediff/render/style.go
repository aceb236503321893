package render

import (
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// textBlock is the comment's first table and its symbols as lines of text, target by target, for people who read mail.
func (c *comment) textBlock() {
	if c.v.verdict == sizediff.VerdictNoChange {
		return
	}
	p := &page{o: Options{}.withDefaults()}
	var left []string
	for i, t := range c.v.compared {
		if i > 0 && (c.d.worstOnly || c.d.minimal) || i >= maxColumns {
			left = append(left, markdownName(t.Name))
			continue
		}
		if i > 0 {
			p.line("")
		}
		c.textTarget(p, t)
	}
	c.line("\n%s", strings.TrimSuffix(fence(p.String()), "\n"))
	if len(left) > 0 {
		c.line("\nThe sizes of %s are left out. %s", listed(firstOf(left, 5)), c.elsewhere())
	}
}

func (c *comment) textTarget(p *page, t *sizediff.TargetResult) {
	if len(c.v.e.Targets) > 1 {
		p.paragraph("== "+plain(t.Name)+" ==", 3)
	}
	g := grid{head: []string{"bytes", "base", "head", "delta"}}
	withBudget := c.v.hasBuildBudget()
	if withBudget {
		g.head, g.text = append(g.head, "budget"), 1
	}
	for _, r := range firstTable([]*sizediff.TargetResult{t}) {
		x := r.changes[0]
		label := plainProse(r.label)
		if r.kind == rowOther {
			label = "other buckets"
		}
		cells := []string{label, num(x.Base), num(x.Head), delta(x.Delta)}
		if withBudget {
			cells = append(cells, c.textBudget(t, r))
		}
		g.rows = append(g.rows, cells)
	}
	g.write(p)
	if c.d.minimal {
		p.line("(the symbols are left out because they are too long)")
		return
	}
	p.line("")
	if countSymbols(t.Report.Symbols) != (symbolTally{}) {
		p.WriteString(bloatBlock(t.Report, "Function", c.d.symbols, defaultWidth, c.o.FoldBelow))
	}
	for _, l := range closingLines(t.Report.Closing, func(s string) string { return s }) {
		p.paragraph(l, 2)
	}
}

// textBudget is the limit of a row and, when that is exceeded, by how much.
func (c *comment) textBudget(t *sizediff.TargetResult, r row) string {
	if r.kind != rowTotal && r.kind != rowBucket {
		return ""
	}
	b, ok := budgetFor(t, r.bucket)
	switch {
	case !ok || b.Status == sizediff.BudgetSuspended:
		return ""
	case b.Status == sizediff.BudgetOver && c.v.e.Acceptance.Covers(t.Name, b):
		return num(b.Limit) + ", accepted"
	case b.Status == sizediff.BudgetOver:
		return num(b.Limit) + ", over by " + num(b.Delta-b.Limit)
	}
	return num(b.Limit)
}

// missingLines are the targets that could not be compared, which have no column here.
func (c *comment) missingLines() {
	for i, t := range c.v.missing {
		if i == maxColumns {
			return // missingNotes counts the others
		}
		p := problemOf(t)
		c.line("\n%s %s: %s", targetTitle(t), p.Kind, markdownLinked(p))
	}
}
