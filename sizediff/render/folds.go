package render

import (
	"fmt"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// folds are the closed blocks; each title carries its own number, so that it need not be opened.
func (c *comment) folds() {
	if c.v.verdict == sizediff.VerdictNoChange {
		return
	}
	var left []string
	for i, t := range c.v.compared {
		if t.Report.State == sizediff.Identical {
			continue
		}
		if i > 0 && c.d.worstOnly || i >= maxColumns {
			left = append(left, markdownName(t.Name))
			continue
		}
		c.symbolsFold(t)
		c.inventoryFold(t)
		c.imagesFold(t)
		c.sectionsFold(t)
	}
	if len(left) > 0 {
		c.line("\nSymbols, images and sections of %s are left out. %s", listed(firstOf(left, 5)), c.elsewhere())
	}
}

func (c *comment) fold(t *sizediff.TargetResult, title, body string) {
	name := ""
	if len(c.v.e.Targets) > 1 {
		name = " (" + summaryName(t.Name) + ")"
	}
	c.line("\n<details><summary>%s%s</summary>\n\n%s</details>", title, name, body)
}

func (c *comment) symbolsFold(t *sizediff.TargetResult) {
	r := t.Report
	tally := countSymbols(r.Symbols)
	if tally == (symbolTally{}) {
		return
	}
	title := "Symbols: " + tally.String()
	body := fence(bloatBlock(r, "Symbol", c.d.symbols, defaultWidth, c.o.FoldBelow)) + c.symbolsLeft(r)
	for _, l := range closingLines(r.Closing, func(s string) string { return "**" + s + "**" }) {
		body += l + "\n"
	}
	c.fold(t, title, body)
}

// symbolsLeft says how many symbols the block above does not show, "" when it shows all.
func (c *comment) symbolsLeft(r *sizediff.Report) string {
	large, _ := foldSmall(bloatOrder(r.Symbols), c.o.FoldBelow)
	if n := len(large) - c.d.symbols; c.d.symbols >= 0 && n > 0 {
		return counted(n, "smaller change") + " left out. " + c.elsewhere() + "\n\n"
	}
	return ""
}

func (c *comment) inventoryFold(t *sizediff.TargetResult) {
	paths, summary := changedPaths(t.Report)
	if len(paths) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString("| path | before | after | change | |\n|:--|--:|--:|--:|:--|\n")
	for i, p := range paths {
		if i == c.d.rows() {
			fmt.Fprintf(&b, "\n%s left out. %s\n", sentenceCase(counted(len(paths)-i, "smaller change")), c.elsewhere())
			break
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(p.Path), num(p.Base), num(p.Head), delta(p.Delta), pathState(p.Change))
	}
	c.fold(t, "Rust runtime by path: "+summary, b.String())
}

func (c *comment) imagesFold(t *sizediff.TargetResult) {
	r := t.Report
	g := groupImages(r)
	if len(r.Images) < 2 && len(g.rows) < 2 && len(g.moves) == 0 {
		return
	}
	var title []string
	for i, x := range g.rows {
		if i == 3 {
			title = append(title, fmt.Sprintf("%d more", len(g.rows)-i))
			break
		}
		title = append(title, summaryName(x.Path)+" "+delta(x.Totals.Resident.Delta))
	}
	if n := len(g.moves); n > 0 {
		title = append(title, counted(n, "module")+" became built-in or the reverse")
	}
	if s := g.counts(); s != "" {
		title = append(title, s)
	}
	c.fold(t, "Images: "+strings.Join(title, ", "), c.imageRows(r, g))
}

func (c *comment) imageRows(r *sizediff.Report, g imageGroups) string {
	var b strings.Builder
	if len(g.rows) > 0 {
		b.WriteString("| image | | resident | init | unloaded | file |\n|:--|:--|--:|--:|--:|--:|\n")
	}
	for i, x := range g.rows {
		if i == c.d.rows() {
			fmt.Fprintf(&b, "\n%s left out. %s\n", sentenceCase(counted(len(g.rows)-i, "more image")), c.elsewhere())
			break
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", code(x.Path), imageState(x), delta(x.Totals.Resident.Delta),
			delta(x.Totals.Init.Delta), delta(x.Totals.Unloaded.Delta), delta(x.Totals.File.Delta))
	}
	var lines []string
	for i, x := range g.moves {
		if i == c.d.rows() {
			lines = append(lines, "- "+counted(len(g.moves)-i, "more image")+" of this kind")
			break
		}
		lines = append(lines, "- "+moveLine(x, markdownVoice))
	}
	if s := g.counts(); s != "" {
		lines = append(lines, "- "+s)
	}
	if len(lines) > 0 {
		b.WriteString("\n" + strings.Join(lines, "\n") + "\n")
	}
	return b.String()
}

func (c *comment) sectionsFold(t *sizediff.TargetResult) {
	sections, unchanged := sectionTotals(t.Report)
	if opaque := opaqueLines(t.Report, markdownVoice); len(sections) == 0 && len(opaque) > 0 {
		c.fold(t, fmt.Sprintf("Counted by size only: %s changed", counted(len(opaque), "file")), "- "+strings.Join(firstOf(opaque, 10), "\n- ")+"\n")
		return
	}
	if len(sections) == 0 {
		return
	}
	var title []string
	for i, s := range sections {
		if i == 4 {
			title = append(title, fmt.Sprintf("%d more", len(sections)-i))
			break
		}
		title = append(title, summaryName(s.Name)+" "+delta(s.Delta))
	}
	var b strings.Builder
	b.WriteString("| section | kind | before | after | change |\n|:--|:--|--:|--:|--:|\n")
	for i, s := range sections {
		if i == c.d.rows() {
			fmt.Fprintf(&b, "\n%s left out. %s\n", sentenceCase(counted(len(sections)-i, "smaller change")), c.elsewhere())
			break
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", sectionName(s.Name), sectionKind(s), num(s.Base), num(s.Head), delta(s.Delta))
	}
	b.WriteString("\n" + sentenceCase(counted(unchanged, "section")) + " unchanged.")
	for _, l := range firstOf(opaqueLines(t.Report, markdownVoice), 10) {
		b.WriteString(" " + sentenceCase(l) + ".")
	}
	c.fold(t, "Sections: "+strings.Join(title, ", "), b.String()+"\n")
}

func sectionName(s string) string {
	if harmlessName(s) {
		return s
	}
	return code(s)
}
