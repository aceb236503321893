package render

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"

	"github.com/oxidometer/oxidometer/sizediff"
)

//go:embed findings.html.tmpl report.html.tmpl show.html.tmpl tables.html.tmpl style.css
var files embed.FS

// pages are parsed when the first page is made.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"style": func() (template.CSS, error) {
			b, err := files.ReadFile("style.css")
			return template.CSS(b), err
		},
		"num": num, "delta": delta, "name": htmlName, "prose": plainProse,
		"sign": signClass, "percent": percent, "state": pathState,
		"kind": sectionKind, "imagestate": imageState, "crate": crateName,
	}).ParseFS(files, "*.tmpl"))
})

// maxHTMLName is the longest name on a page; pages have room for names that elsewhere end in a hash.
const maxHTMLName = 2000

func htmlName(s string) string { return capped(visible(s), maxHTMLName) }

// htmlVoice needs no escaping beyond making characters visible: html/template does the rest.
var htmlVoice = voice{code: htmlName, name: htmlName, prose: plainProse, own: plainVoice.own, quote: plainVoice.quote}

// signClass is the CSS class of a delta.
func signClass(n int64) string {
	switch {
	case n > 0:
		return "up"
	case n < 0:
		return "down"
	}
	return "zero"
}

type reportPage struct {
	Title, Verdict, Rest, State, Class string
	Provenance, Tools                  string
	Spark                              string
	Merges                             int
	Links                              []pageLink
	Notes                              []pageNote
	Targets                            []targetPage
	Missing                            []missingPage
	Insight                            []insightTable
}

type pageLink struct{ Text, URL string }

type pageNote struct {
	Text  string
	Items []string
}

type missingPage struct {
	Name, Kind, Reason, Remedy, URL string
	Head                            *sizediff.Report
	Runtime                         sizediff.BucketChange
}

type targetPage struct {
	ID, Name      string
	Totals        []totalTile
	Composition   []segment
	Buckets       []bucketRow
	Total         sizediff.Totals
	HasBudget     bool // a budget for the whole build: a column of the table
	TotalBudget   string
	TotalOver     bool
	Budgets       []string // those without a cell in the table
	Findings      []findingRow
	Why           string // a title, "" when there is nothing to explain
	Reasons       []string
	Chains        []chainRow
	MoreChains    int
	Panics        []sizediff.FunctionPanics
	Closing       []string
	Paths         []sizediff.PathChange
	PathSummary   string
	Crates        []sizediff.CrateChange
	Instantiators []sizediff.CrateChange
	Images        []sizediff.ImageChange
	ImageNotes    []string
	Sections      []sizediff.SectionChange
	SameSections  int
	Symbols       []sizediff.SymbolChange
	Tally         symbolTally
	Config        []sizediff.OptionChange
	Matching      sizediff.Matching
	Several       bool // more than one image: the image is a column
}

type totalTile struct {
	Name, Note string
	sizediff.Change
}

// segment is a part of the composition bar, in thousandths of its width.
type segment struct {
	Class, Label string
	X, W         int64
	Bytes        int64
	Share        string
}

type bucketRow struct {
	Class, Label string
	Resident     sizediff.Change
	Init         sizediff.Change
	Bar          bar
	Budget       string
	Over         bool
}

// bar is a change drawn from a middle line, in thousandths of half the width.
type bar struct {
	Class string
	X, W  int64
}

type findingRow struct{ Severity, Message, Image, Rule string }

// HTML writes one self-contained page. It needs no script and no other file, so it works under the policy
// "default-src 'none'; style-src 'unsafe-inline'".
func HTML(w io.Writer, e *sizediff.Evaluation) error {
	return pages().ExecuteTemplate(w, "report.html.tmpl", newReportPage(e))
}

func newReportPage(e *sizediff.Evaluation) reportPage {
	v := newView(e)
	h := v.headline(htmlVoice)
	state := v.stateOf()
	p := reportPage{
		Title: CheckTitle(e), Verdict: h.verdict, Rest: h.rest, State: state.words, Class: stateClass(v),
		Provenance: v.provenanceWords(htmlVoice),
	}
	if t := v.worst(); t != nil {
		p.Tools = fingerprint(t.Report, htmlVoice)
	}
	p.Spark, p.Merges = sparkline(e.Provenance.RuntimeHistory)
	for _, l := range []pageLink{{"History", e.Provenance.HistoryURL}, {"JSON", e.Provenance.JSONURL}} {
		if u := webAddress(l.URL); u != "" {
			p.Links = append(p.Links, pageLink{l.Text, u})
		}
	}
	for _, n := range v.notes(htmlVoice) {
		p.Notes = append(p.Notes, pageNote{n.text, n.items})
	}
	for i, t := range v.compared {
		page := newTargetPage(i, t)
		page.explain(t.Report)
		p.Targets = append(p.Targets, page)
	}
	for _, t := range v.missing {
		p.Missing = append(p.Missing, newMissingPage(t))
	}
	return p
}

// stateClass chooses the colour of the verdict; the words say it as well.
func stateClass(v *view) string {
	switch v.verdict {
	case sizediff.VerdictOver:
		return "over"
	case sizediff.VerdictNoChange, sizediff.VerdictNoise, sizediff.VerdictAccepted:
		return "good"
	case sizediff.VerdictExempt:
		return "plain"
	case sizediff.VerdictWithin:
		if v.withinBudgets() || !v.grows() {
			return "good"
		}
		return "plain"
	}
	return "unsure"
}

func newMissingPage(t *sizediff.TargetResult) missingPage {
	p := problemOf(t)
	m := missingPage{Name: htmlName(t.Name), Kind: string(p.Kind), Reason: plainProse(p.Reason), Remedy: plainProse(p.Remedy), URL: webAddress(p.URL), Head: headOf(t)}
	if m.Head != nil {
		m.Runtime = runtimeOf(m.Head)
	}
	return m
}

// chainRow is a symbol that is new, larger or used for the first time, with who refers to it.
type chainRow struct {
	Name, Image string
	Bytes, Used int64
	Chain       []string
}

const maxChainRows = 200

// explain fills in why the runtime changed.
func (p *targetPage) explain(r *sizediff.Report) {
	x := reasonsOf(r, maxCauses, htmlVoice)
	if p.Why = x.title; p.Why != "" {
		p.Reasons = append(x.lines(htmlVoice), portionLines(r)...)
	}
	if r.Causes == nil || r.Causes.References == nil {
		return
	}
	list := r.Causes.References.Arrivals
	p.MoreChains = max(len(list)-maxChainRows, 0) + r.Causes.References.MoreArrivals
	for _, a := range list[:min(len(list), maxChainRows)] {
		row := chainRow{Name: a.Name, Image: a.Image, Bytes: a.Bytes.Delta, Used: a.Used}
		for _, s := range a.Chain {
			name := htmlName(cmp.Or(s.Name, "a constant or vtable"))
			if s.Location != nil {
				name += " (" + htmlName(placeOf(s.Location)) + ")"
			}
			row.Chain = append(row.Chain, name)
		}
		p.Chains = append(p.Chains, row)
	}
	p.Panics = r.Causes.References.Panics.Functions
}

func newTargetPage(index int, t *sizediff.TargetResult) targetPage {
	r := t.Report
	g := groupImages(r)
	p := targetPage{
		ID: fmt.Sprintf("target%d", index+1), Name: htmlName(t.Name), Totals: totalTiles(r.Totals), Total: r.Totals,
		Composition: composition(r), Buckets: bucketPageRows(t),
		Crates: changedCrates(r.Crates), Instantiators: changedCrates(r.Instantiators),
		Images: g.rows, ImageNotes: imageNotes(r, g), Tally: countSymbols(r.Symbols), Symbols: r.Symbols,
		Config: r.Config, Matching: r.Matching, Several: len(r.Images) > 1,
	}
	p.Paths, p.PathSummary = changedPaths(r)
	p.Sections, p.SameSections = sectionTotals(r)
	for _, b := range t.Budgets {
		if besideTable(b) {
			p.Budgets = append(p.Budgets, besideLine(t, b, htmlVoice))
		} else {
			p.HasBudget = true
		}
	}
	if b, ok := budgetFor(t, sizediff.BucketTotal); ok {
		p.TotalBudget, p.TotalOver = budgetShare(b), b.Status == sizediff.BudgetOver
	}
	p.Findings = findingRows(r)
	p.Closing = closingLines(r.Closing, func(s string) string { return s })
	return p
}

func totalTiles(t sizediff.Totals) []totalTile {
	return []totalTile{
		{"Resident", "stays in memory", t.Resident},
		{"Init", "freed after boot or load", t.Init},
		{"Unloaded", "never in memory", t.Unloaded},
		{"Files", "size of the images", t.File},
	}
}

// composition of the head's resident bytes.
func composition(r *sizediff.Report) []segment {
	whole := r.Totals.Resident.Head
	if whole <= 0 {
		return nil
	}
	var out []segment
	var sum int64
	for i, b := range ordered(r.Buckets) {
		n := b.Resident.Head
		if n <= 0 {
			continue
		}
		x := scale(sum, whole, 1000)
		sum += n
		out = append(out, segment{
			Class: bucketClass(i), Label: plainProse(bucketLabel(b)), X: x, W: scale(sum, whole, 1000) - x, Bytes: n, Share: share(n, whole),
		})
	}
	return out
}

// scale is n/whole of length; n and whole are not negative.
func scale(n, whole int64, length float64) int64 {
	return int64(min(float64(n)/float64(whole), 1) * length)
}

func bucketClass(i int) string { return fmt.Sprintf("c%d", i%8) }

func bucketPageRows(t *sizediff.TargetResult) []bucketRow {
	var largest uint64
	for _, b := range t.Report.Buckets {
		largest = max(largest, magnitude(b.Resident.Delta))
	}
	var rows []bucketRow
	for i, b := range ordered(t.Report.Buckets) {
		r := bucketRow{Class: bucketClass(i), Label: plainProse(bucketLabel(b)), Resident: b.Resident, Init: b.Init, Bar: changeBar(b.Resident.Delta, largest)}
		if x, ok := budgetFor(t, b.Name); ok {
			r.Budget, r.Over = budgetShare(x), x.Status == sizediff.BudgetOver
		}
		rows = append(rows, r)
	}
	return rows
}

func changeBar(d int64, largest uint64) bar {
	if d == 0 || largest == 0 {
		return bar{Class: "zero"}
	}
	w := int64(float64(magnitude(d)) / float64(largest) * 1000)
	if d < 0 {
		return bar{"down", -w, w}
	}
	return bar{"up", 0, w}
}

// budgetShare is a budget in a cell.
func budgetShare(b sizediff.BudgetResult) string {
	s := num(b.Limit)
	switch b.Status {
	case sizediff.BudgetOver:
		return s + ", over by " + num(b.Delta-b.Limit)
	case sizediff.BudgetSuspended:
		return s + ", not applied"
	}
	return fmt.Sprintf("%s, %d %% used", s, b.Used())
}

// imageNotes are the lines about images that have no row.
func imageNotes(r *sizediff.Report, g imageGroups) []string {
	var notes []string
	for _, i := range g.moves {
		notes = append(notes, moveLine(i, htmlVoice))
	}
	notes = append(notes, textLines(r, htmlVoice)...)
	notes = append(notes, opaqueLines(r, htmlVoice)...)
	if s := g.counts(); s != "" {
		notes = append(notes, s)
	}
	return notes
}

func findingRows(r *sizediff.Report) []findingRow {
	var rows []findingRow
	for _, f := range sortedFindings(r) {
		rows = append(rows, findingRow{string(f.Severity), plainProse(f.Message), htmlName(f.Image), htmlName(f.Rule)})
	}
	return rows
}

type showPage struct {
	Title, Tools string
	Totals       []showTile
	Findings     []findingRow
	Composition  []segment
	Tables       []insightTable
}

type showTile struct {
	Name, Note string
	Bytes      int64
}

// ShowHTML writes one build as a page of the same kind as HTML's.
func ShowHTML(w io.Writer, r *sizediff.Report, largest []sizediff.SymbolSize) error {
	return pages().ExecuteTemplate(w, "show.html.tmpl", newShowPage(r, largest))
}

func newShowPage(r *sizediff.Report, largest []sizediff.SymbolSize) showPage {
	r = bySize(r)
	p := showPage{Title: showTitle(r), Tools: buildTools(r, htmlVoice), Findings: findingRows(r), Composition: composition(r)}
	for _, t := range totalTiles(r.Totals) {
		p.Totals = append(p.Totals, showTile{t.Name, t.Note, t.Head})
	}
	for _, t := range showTables(r, largest, htmlVoice)[1:] {
		if len(t.rows) > 0 {
			p.Tables = append(p.Tables, insightTable{showTable: t})
		}
	}
	return p
}

// Swatch is the colour of a row, "" for none.
func (t showTable) Swatch(row int) string {
	if !t.swatches {
		return ""
	}
	return bucketClass(row)
}

// Title, Head and Rows are for the template.
func (t showTable) Title() string    { return t.title }
func (t showTable) Head() []string   { return t.head }
func (t showTable) Rows() [][]string { return t.rows }

// Class says how a column is aligned.
func (t showTable) Class(column int) string {
	if column == 0 {
		return "name"
	}
	if column >= len(t.head)-t.text {
		return "word"
	}
	return "n"
}

// Heading of a target's section.
func (t targetPage) Heading() string {
	if strings.TrimSpace(t.Name) == "" {
		return "Totals"
	}
	return t.Name
}
