package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// MarkdownOptions of the pull request comment.
type MarkdownOptions struct {
	MaxBytes  int      // 0 is 60,000; less than 4,000 is 4,000
	Top       int      // rows of symbols per target; 0 is 50, negative is all
	Header    string   // a heading that tells several comments apart, "" for none
	Marker    string   // a hidden line, written at the very end when not empty; it must be one HTML comment
	Updated   string   // the commit for which an existing comment was updated, "" for a new one
	Style     Style    // "" is StyleTable
	FoldBelow int64    // symbols that change by fewer bytes are added up in one line
	Mention   []string // users and teams that are notified when a budget is over, such as @org/team; all other names never are
}

// Style of the comment.
type Style string

const (
	StyleTable Style = "table"
	StyleText  Style = "text" // in the form of bloat-o-meter, as for mail
)

const (
	defaultMaxBytes = 60_000
	minMaxBytes     = 4_000
	defaultRows     = 50
	maxColumns      = 6 // targets in the first table; the others are in a folded one
)

// Markdown writes the comment of a pull request, never more than MaxBytes. When it would be longer it is shortened step by
// step (ladder.go); the verdict, the first table and the provenance always stay.
func Markdown(w io.Writer, e *sizediff.Evaluation, o MarkdownOptions) error {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Top == 0 {
		o.Top = defaultRows
	}
	return writeTo(w, fit(newView(e), o, commentSteps))
}

// comment is one try at writing the Markdown with a given amount of detail.
type comment struct {
	strings.Builder
	v *view
	o MarkdownOptions
	d detail
}

func (c *comment) line(format string, args ...any) {
	fmt.Fprintf(&c.Builder, format+"\n", args...)
}

func (c *comment) write() {
	if c.o.Header != "" {
		c.line("### %s\n", markdownProse(c.o.Header))
	}
	c.headline()
	switch {
	case len(c.v.compared) == 0:
		c.missingTable()
		c.notes()
	case c.o.Style == StyleText:
		c.textBlock()
		c.missingLines()
		c.missingNotes()
		c.besides()
		c.notes()
		c.toGoOn()
	default:
		c.firstTable()
		c.missingNotes()
		c.besides()
		c.notes()
		c.body()
	}
	c.provenance()
	if c.o.Marker != "" {
		c.line("%s", c.o.Marker)
	}
}

// body is all that the ladder may take away.
func (c *comment) body() {
	if c.d.minimal {
		c.line("")
		c.line("The explanation, symbols, sections and images are left out because they are too long. %s", c.elsewhere())
		return
	}
	c.otherTargets()
	c.differences()
	c.why()
	c.findings(c.v.worst())
	c.folds()
	c.commitMessage()
	c.toGoOn()
}

// elsewhere says where the whole can be seen.
func (c *comment) elsewhere() string {
	if u := c.v.e.Provenance.ReportURL; webAddress(u) != "" {
		return "The " + link("full report", u) + " has them."
	}
	return "`oxidometer diff --format html` shows them."
}

func (c *comment) headline() {
	h := c.v.headline(markdownVoice)
	if c.o.Updated != "" {
		h.rest = joinSentences(h.rest, "(updated for "+code(short(c.o.Updated))+")")
	}
	c.line("%s", strings.TrimSpace("**"+h.verdict+"** "+h.rest))
}

func (c *comment) firstTable() {
	if c.v.verdict == sizediff.VerdictNoChange && len(c.v.missing) == 0 {
		return
	}
	shown := c.v.compared[:min(len(c.v.compared), maxColumns)]
	rows := firstTable(shown)
	withBudget := c.v.hasBuildBudget()
	missing := c.v.missing[:min(len(c.v.missing), maxColumns)]
	c.line("")
	c.tableHead(shown, missing, withBudget)
	for i, r := range rows {
		cells := []string{c.rowLabel(r)}
		for k, t := range shown {
			cells = append(cells, c.cell(r, t, r.changes[k].Delta, k))
		}
		for _, t := range missing {
			cells = append(cells, missingCell(t, i == 0))
		}
		if withBudget {
			cells = append(cells, c.budgetCell(r, shown))
		}
		c.line("| %s |", strings.Join(cells, " | "))
	}
}

// hasBuildBudget reports whether the first table needs a column for budgets: one that applies.
func (v *view) hasBuildBudget() bool {
	for _, t := range v.compared {
		for _, b := range t.Budgets {
			if !besideTable(b) && b.Status != sizediff.BudgetSuspended {
				return true
			}
		}
	}
	return false
}

func (c *comment) tableHead(shown, missing []*sizediff.TargetResult, withBudget bool) {
	head, rule := "| bytes (change) |", "|:--|"
	if c.v.verdict == sizediff.VerdictApproximate || len(c.v.e.Targets) == 1 && c.v.e.Targets[0].Name == "" {
		head = "| bytes |" // the column says that it is the change
	}
	for i, t := range append(shown[:len(shown):len(shown)], missing...) {
		name := targetTitle(t)
		if i == 0 && len(shown) > 1 {
			name = "**" + name + "**"
		}
		head += " " + name + " |"
		if i < len(shown) {
			rule += "--:|"
		} else {
			rule += ":--|"
		}
	}
	if withBudget {
		head, rule = head+" budget per PR |", rule+"--:|"
	}
	c.line("%s\n%s", head, rule)
}

// targetTitle is the name of a target as a heading; the only target of the command line has none.
func targetTitle(t *sizediff.TargetResult) string {
	if t.Name == "" {
		return "change"
	}
	return markdownName(t.Name)
}

func (c *comment) rowLabel(r row) string {
	label := markdownProse(r.label)
	switch r.kind {
	case rowTotal:
		if c.v.plainChange() || c.v.opens(r.bucket) {
			label = "**" + label + "**"
		}
		return label
	case rowInit:
		return label
	case rowOther:
		var names []string
		for _, f := range r.folded {
			names = append(names, markdownProse(f))
		}
		return fmt.Sprintf("▸ other (%s)", strings.Join(firstOf(names, 4), ", "))
	case rowBucket:
		label += c.crateNames(r.bucket)
	}
	if c.v.opens(r.bucket) {
		label = "**" + label + "**"
	}
	return "▸ " + label
}

// crateNames lists the crates of the runtime or the abstractions that changed most in the worst target.
func (c *comment) crateNames(bucket string) string {
	if readingRank(bucket) > readingRank(sizediff.BucketAbstractions) || !c.v.plainChange() {
		return ""
	}
	var names []string
	for _, x := range c.v.worst().Report.Crates {
		if x.Bucket == bucket && x.Crate != "" && x.Delta != 0 {
			names = append(names, code(x.Crate))
		}
	}
	if len(names) > 2 {
		names = append(names[:2], "…")
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// cell is one number of the first table.
func (c *comment) cell(r row, t *sizediff.TargetResult, d int64, column int) string {
	s := delta(d)
	b, budgeted := budgetFor(t, r.bucket)
	over := budgeted && b.Status == sizediff.BudgetOver && r.kind != rowInit
	switch {
	case c.v.verdict == sizediff.VerdictApproximate:
		return "≈ " + s
	case over && c.v.e.Acceptance.Covers(t.Name, b):
		return "**" + s + "** accepted"
	case over:
		return "**" + s + " ⚠️**"
	case c.v.plainChange() && column == 0 && len(c.v.e.Targets) > 1 && (r.kind == rowTotal || r.bucket == sizediff.BucketRuntime):
		return "**" + s + "**"
	}
	return s
}

func missingCell(t *sizediff.TargetResult, first bool) string {
	if !first {
		return "–"
	}
	p := problemOf(t)
	s := string(p.Kind)
	if p.Reason != "" {
		s += ": " + markdownLinked(p)
	}
	return s
}

// markdownLinked is the reason of a problem, linked to where it can be seen.
func markdownLinked(p sizediff.Problem) string {
	reason := markdownProse(p.Reason)
	if p.URL == "" {
		return reason
	}
	return reason + " (" + link("see", p.URL) + ")"
}

// budgetCell shows the limit, or each target's own when they differ, and how it went when something is over.
func (c *comment) budgetCell(r row, shown []*sizediff.TargetResult) string {
	if r.kind != rowTotal && r.kind != rowBucket {
		return "–"
	}
	var limits []string
	over, within := false, false
	for _, t := range shown {
		b, ok := budgetFor(t, r.bucket)
		if !ok {
			continue
		}
		if l := num(b.Limit); len(limits) == 0 || limits[len(limits)-1] != l {
			limits = append(limits, l)
		}
		over = over || b.Status == sizediff.BudgetOver
		within = within || b.Status == sizediff.BudgetWithin
	}
	s := strings.Join(limits, " / ")
	switch {
	case s == "":
		return "–"
	case over:
		return "**" + s + "**"
	case within && c.v.anyOver():
		return s + " ✅"
	}
	return s
}

// missingNotes says what helps for targets that the table shows as missing, and how many it does not show.
func (c *comment) missingNotes() {
	for i, t := range c.v.missing {
		if i >= maxColumns {
			c.line("")
			c.line("%s not measured or not compared.", sentenceCase(counted(len(c.v.missing)-i, "more target")+" "+map[bool]string{true: "was", false: "were"}[len(c.v.missing)-i == 1]))
			return
		}
		if p := problemOf(t); p.Remedy != "" {
			c.line("")
			c.line("What helps for %s: %s", markdownName(t.Name), markdownProse(p.Remedy))
		}
	}
}

// besides are the budgets and ratchets that have no cell in the first table.
func (c *comment) besides() {
	if c.v.verdict == sizediff.VerdictNoChange {
		return
	}
	limit := 12
	if c.d.minimal {
		limit = 3
	}
	for _, l := range c.v.besides(markdownVoice, limit) {
		c.line("\n%s", l)
	}
}

func (c *comment) notes() {
	for _, n := range c.v.notes(markdownVoice) {
		c.line("\n%s", n.text)
		for _, item := range n.items {
			c.line("- %s", item)
		}
	}
}

// missingTable shows the absolute sizes of what could not be compared.
func (c *comment) missingTable() {
	var rows []string
	runtime := "Rust runtime"
	for i, t := range c.v.missing {
		r := headOf(t)
		if i == 20 || r == nil && c.v.verdict == sizediff.VerdictNotMeasured {
			break
		}
		resident, inRuntime := "–", "–"
		if r != nil {
			resident, inRuntime = num(r.Totals.Resident.Head), num(runtimeOf(r).Resident.Head)
			runtime = bucketLabel(runtimeOf(r))
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |", targetTitle(t), resident, inRuntime, missingReason(t)))
	}
	if len(rows) > 0 {
		c.line("\n| target | resident | %s | why no base |\n|:--|--:|--:|:--|", markdownProse(runtime))
		c.line("%s", strings.Join(rows, "\n"))
		if n := len(c.v.missing) - len(rows); n > 0 {
			c.line("\nand %s.", counted(n, "more target"))
		}
	}
	c.remedies()
}

func missingReason(t *sizediff.TargetResult) string {
	p := problemOf(t)
	if p.Kind == sizediff.ProblemNotMeasured {
		return string(p.Kind) + ": " + markdownLinked(p)
	}
	return markdownLinked(p)
}

// remedies lists what helps, each once.
func (c *comment) remedies() {
	var out []string
	seen := map[string]bool{}
	for _, t := range c.v.missing {
		if r := problemOf(t).Remedy; r != "" && !seen[r] && len(out) < 5 {
			seen[r] = true
			out = append(out, strings.TrimSuffix(markdownProse(r), "."))
		}
	}
	if len(out) > 0 {
		c.line("\nWhat helps: %s.", strings.Join(out, "; or "))
	}
}

// provenance is the last line: always there, also when all else was left out.
func (c *comment) provenance() {
	p := c.v.e.Provenance
	parts := []string{c.v.provenanceWords(markdownVoice)}
	if t := c.v.worst(); t != nil {
		parts = append(parts, fingerprint(t.Report, markdownVoice))
	}
	if p.Earlier != "" && len(c.v.compared) > 0 {
		parts = append(parts, "earlier on this pull request: "+markdownProse(p.Earlier))
	}
	if line, n := sparkline(p.RuntimeHistory); n > 1 {
		parts = append(parts, fmt.Sprintf("runtime, last %d merges: %s", n, line))
	}
	for _, x := range []struct{ text, url string }{{"full report", p.ReportURL}, {"history", p.HistoryURL}, {"raw JSON", p.JSONURL}} {
		if webAddress(x.url) != "" {
			parts = append(parts, link(x.text, x.url))
		}
	}
	if c.v.e.Provenance.Commands {
		parts = append(parts, markdownVoice.own(c.v.command("help")))
	}
	c.line("\n%s", strings.Join(parts, " · "))
}
