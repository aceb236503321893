package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Text writes what people paste into mail: plain lines of at most Options.Width columns. The first line starts the verdict.
func Text(w io.Writer, e *sizediff.Evaluation, o Options) error {
	p := &page{o: o.withDefaults()}
	v := newView(e)
	p.verdict(v)
	for _, t := range v.compared {
		p.target(v, t)
	}
	for _, t := range v.missing {
		p.missing(t)
	}
	p.provenance(v)
	return writeTo(w, p.String())
}

func (p *page) verdict(v *view) {
	h := v.headline(plainVoice)
	for i, l := range wrapWords(h.String(), p.o.Width, 0) {
		if i == 0 {
			l = p.paint(bold, l)
		}
		p.line(l)
	}
	for _, n := range v.notes(plainVoice) {
		p.line("")
		p.paragraph(n.text, 0)
		for _, item := range n.items {
			p.paragraph("- "+item, 2)
		}
	}
}

func (p *page) target(v *view, t *sizediff.TargetResult) {
	r := t.Report
	if len(v.e.Targets) > 1 {
		p.line("")
		p.paragraph("== "+plain(t.Name)+" ==", 3)
	}
	p.totals(r)
	p.buckets(t)
	p.budgets(v, t)
	p.findings(r)
	p.reasons(v, r)
	p.config(r)
	p.inventory(r)
	p.crates("Crates, by where the code is defined", r.Crates, true)
	p.crates("Crates, by where generic code is instantiated", r.Instantiators, false)
	p.images(r)
	p.symbols(r)
}

func (p *page) totals(r *sizediff.Report) {
	p.line("")
	g := grid{head: []string{"bytes", "base", "head", "delta", ""}}
	for _, x := range []struct {
		name string
		c    sizediff.Change
	}{{"resident", r.Totals.Resident}, {"init (freed after boot or load)", r.Totals.Init},
		{"unloaded (never in memory)", r.Totals.Unloaded}, {"image files", r.Totals.File}} {
		g.add(x.name, num(x.c.Base), num(x.c.Head), delta(x.c.Delta), percent(x.c))
	}
	g.write(p)
}

func (p *page) buckets(t *sizediff.TargetResult) {
	r := t.Report
	p.heading("Buckets (resident; init is apart)")
	g := grid{head: []string{"bucket", "base", "head", "delta", "init delta"}}
	rest, restInit := r.Totals.Resident, r.Totals.Init
	for _, b := range ordered(r.Buckets) {
		g.add(plainProse(bucketLabel(b)), num(b.Resident.Base), num(b.Resident.Head), delta(b.Resident.Delta), delta(b.Init.Delta))
		rest, restInit = minus(rest, b.Resident), minus(restInit, b.Init)
	}
	if rest != (sizediff.Change{}) || restInit != (sizediff.Change{}) {
		g.add("in no bucket", num(rest.Base), num(rest.Head), delta(rest.Delta), delta(restInit.Delta))
	}
	g.add("= total", num(r.Totals.Resident.Base), num(r.Totals.Resident.Head), delta(r.Totals.Resident.Delta), delta(r.Totals.Init.Delta))
	g.write(p)
}

func minus(a, b sizediff.Change) sizediff.Change {
	return sizediff.Change{Base: a.Base - b.Base, Head: a.Head - b.Head, Delta: a.Delta - b.Delta}
}

func (p *page) budgets(v *view, t *sizediff.TargetResult) {
	if len(t.Budgets) == 0 {
		return
	}
	p.heading("Budgets")
	for _, b := range t.Budgets {
		line := budgetLine(t, b, plainVoice)
		if b.Budget.Quantity != "" {
			line = sentenceCase(line)
		}
		p.paragraph(line, 2)
	}
}

func (p *page) findings(r *sizediff.Report) {
	if len(r.Findings) == 0 {
		return
	}
	p.heading("Findings")
	for _, f := range sortedFindings(r) {
		p.paragraph(findingLine(f, plainVoice), 2)
	}
}

// reasons say why the runtime changed, where it is known who refers to what.
func (p *page) reasons(v *view, r *sizediff.Report) {
	x := reasonsOf(r, maxCauses, plainVoice)
	if x.title == "" || r.Causes == nil {
		return
	}
	p.heading(x.title)
	for _, l := range x.lines(plainVoice) {
		p.paragraph("- "+l, 2)
	}
	for _, l := range portionLines(r) {
		p.paragraph("- "+l, 2)
	}
}

func findingLine(f sizediff.Finding, say voice) string {
	s := string(f.Severity) + ": " + say.prose(f.Message)
	if f.Image != "" && !strings.Contains(f.Message, f.Image) {
		s += " (" + say.code(f.Image) + ")"
	}
	return s + " [" + say.name(f.Rule) + "]"
}

const maxOptions = 10

func (p *page) config(r *sizediff.Report) {
	for _, l := range configLines(r, plainVoice) {
		p.line("")
		p.paragraph(l, 2)
	}
}

// configLines lists the options that differ, up to ten, and apart from them those that only carry a version.
func configLines(r *sizediff.Report, say voice) []string {
	var real, versions []string
	for _, o := range r.Config {
		if o.Version {
			versions = append(versions, say.code(o.Option))
			continue
		}
		real = append(real, say.code(o.Option)+" "+optionValue(o.Base, say)+" → "+optionValue(o.Head, say))
	}
	var lines []string
	if len(real) > 0 {
		lines = append(lines, fmt.Sprintf("%s differences (%d): %s.", say.own(".config"), len(real), strings.Join(firstOf(real, maxOptions), ", ")))
	}
	if len(versions) > 0 {
		lines = append(lines, fmt.Sprintf("%s differences that only carry a version (%d): %s.", say.own(".config"), len(versions), strings.Join(firstOf(versions, maxOptions), ", ")))
	}
	return lines
}

// firstOf cuts a list and says how many it cut.
func firstOf(s []string, n int) []string {
	if len(s) <= n {
		return s
	}
	return append(s[:n:n], fmt.Sprintf("and %d more", len(s)-n))
}

func optionValue(s string, say voice) string {
	if s == "" {
		return "not set"
	}
	return say.name(s)
}

func (p *page) inventory(r *sizediff.Report) {
	paths, summary := changedPaths(r)
	if len(paths) == 0 {
		return
	}
	p.heading("Rust runtime by path: " + summary)
	g := grid{head: []string{"path", "base", "head", "delta", ""}, text: 1}
	for _, x := range p.top(len(paths)) {
		c := paths[x]
		g.add(plain(c.Path), num(c.Base), num(c.Head), delta(c.Delta), pathState(c.Change))
	}
	g.write(p)
	p.left(len(paths), "path")
}

// top is the indexes of the rows that are shown.
func (p *page) top(n int) []int {
	if p.o.Top >= 0 {
		n = min(n, p.o.Top)
	}
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// left says how many rows top left out.
func (p *page) left(n int, noun string) {
	if p.o.Top >= 0 && n > p.o.Top {
		p.line(fmt.Sprintf("(%s not shown; --top all shows them)", counted(n-p.o.Top, noun)))
	}
}

func (p *page) crates(title string, all []sizediff.CrateChange, withBucket bool) {
	list := changedCrates(all)
	if len(list) == 0 {
		return
	}
	p.heading(title)
	g := grid{head: []string{"crate", "base", "head", "delta", "unnamed"}}
	if withBucket {
		g.head, g.text = append(g.head, "bucket"), 1
	}
	for _, i := range p.top(len(list)) {
		c := list[i]
		cells := []string{plain(crateName(c.Crate)), num(c.Base), num(c.Head), delta(c.Delta), delta(c.Unnamed.Delta)}
		if withBucket {
			cells = append(cells, capped(plain(c.Bucket), 20))
		}
		g.rows = append(g.rows, cells)
	}
	g.write(p)
	p.left(len(list), "crate")
}

func (p *page) images(r *sizediff.Report) {
	g := groupImages(r)
	p.heading("Images")
	if len(g.rows) > 0 {
		t := grid{head: []string{"image", "resident", "init", "unloaded", "file", ""}, text: 1}
		for _, i := range p.top(len(g.rows)) {
			x := g.rows[i]
			t.add(plain(x.Path), delta(x.Totals.Resident.Delta), delta(x.Totals.Init.Delta), delta(x.Totals.Unloaded.Delta),
				delta(x.Totals.File.Delta), imageState(x))
		}
		t.write(p)
		p.left(len(g.rows), "image")
	}
	for _, i := range p.top(len(g.moves)) {
		p.paragraph(moveLine(g.moves[i], plainVoice), 2)
	}
	p.left(len(g.moves), "moved image")
	texts := textLines(r, plainVoice)
	for _, i := range p.top(len(texts)) {
		p.paragraph(texts[i], 2)
	}
	p.left(len(texts), "difference of text")
	opaque := opaqueLines(r, plainVoice)
	for _, i := range p.top(len(opaque)) {
		p.paragraph(opaque[i], 2)
	}
	p.left(len(opaque), "file")
	if c := g.counts(); c != "" {
		p.paragraph(c, 2)
	}
}

// imageState is the status in a word, and whether the symbols are missing.
func imageState(i sizediff.ImageChange) string {
	if i.Stripped {
		return string(i.Status) + ", stripped"
	}
	return string(i.Status)
}

// opaqueLines are the files that only their size is known of and that differ in it.
func opaqueLines(r *sizediff.Report, say voice) []string {
	var lines []string
	for _, o := range r.Opaque {
		if o.Delta != 0 || o.Status == sizediff.Added || o.Status == sizediff.Removed {
			lines = append(lines, opaqueLine(o, say))
		}
	}
	return lines
}

// opaqueDelta is the change of all files that only their size is known of.
func opaqueDelta(r *sizediff.Report) int64 {
	var sum int64
	for _, o := range r.Opaque {
		sum += o.Delta
	}
	return sum
}

func opaqueLine(o sizediff.OpaqueChange, say voice) string {
	switch o.Status {
	case sizediff.Added:
		return fmt.Sprintf("%s is new: %s B (only its size is counted)", say.code(o.Path), num(o.Head))
	case sizediff.Removed:
		return fmt.Sprintf("%s is gone: it had %s B (only its size is counted)", say.code(o.Path), num(o.Base))
	}
	return fmt.Sprintf("%s %s B (%s → %s)", say.code(o.Path), delta(o.Delta), num(o.Base), num(o.Head))
}

func (p *page) symbols(r *sizediff.Report) {
	p.line("")
	block := bloatBlock(r, "Function", p.o.Top, p.o.Width, 0)
	for _, l := range strings.Split(strings.TrimSuffix(block, "\n"), "\n") {
		p.line(l)
	}
	for _, l := range closingLines(r.Closing, func(s string) string { return s }) {
		p.paragraph(l, 2)
	}
}

func (p *page) missing(t *sizediff.TargetResult) {
	problem := problemOf(t)
	p.line("")
	name := plain(t.Name)
	if name != "" {
		name += ": "
	}
	p.paragraph(name+string(problem.Kind)+": "+plainProse(problem.Reason), 2)
	if problem.Remedy != "" {
		p.paragraph("What helps: "+plainProse(problem.Remedy), 2)
	}
	if r := headOf(t); r != nil {
		p.paragraph(fmt.Sprintf("It has %s resident, of which %s %s.", bytesOf(r.Totals.Resident.Head), plainProse(bucketLabel(runtimeOf(r))), bytesOf(runtimeOf(r).Resident.Head)), 2)
	}
}

func (p *page) provenance(v *view) {
	p.line("")
	parts := []string{v.provenanceWords(plainVoice)}
	if t := v.worst(); t != nil {
		parts = append(parts, fingerprint(t.Report, plainVoice))
	}
	p.paragraph(strings.Join(parts, "; "), 2)
	for _, x := range []struct{ name, url string }{{"Report", v.e.Provenance.ReportURL}, {"JSON", v.e.Provenance.JSONURL}} {
		if u := webAddress(x.url); u != "" {
			p.line(x.name + ": " + u)
		}
	}
}
