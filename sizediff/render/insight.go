package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// Insight writes why a build is as large as it is, as text that follows Show.
func Insight(w io.Writer, s *insight.Summary, o Options) error {
	return insightText(w, insightTables(s, plainVoice), o)
}

// InsightChanges writes why two builds differ in size, as text that follows Text.
func InsightChanges(w io.Writer, c *insight.Changes, o Options) error {
	return insightText(w, insightChangeTables(c, plainVoice), o)
}

// InsightMarkdown is Insight for ShowMarkdown.
func InsightMarkdown(w io.Writer, s *insight.Summary, o Options) error {
	return insightMarkdown(w, insightTables(s, markdownVoice), o)
}

// InsightChangesMarkdown is InsightChanges for Markdown.
func InsightChangesMarkdown(w io.Writer, c *insight.Changes, o Options) error {
	return insightMarkdown(w, insightChangeTables(c, markdownVoice), o)
}

// ShowInsightJSON is ShowJSON with a summary under the key insight.
func ShowInsightJSON(w io.Writer, r *sizediff.Report, largest []sizediff.SymbolSize, s *insight.Summary) error {
	doc := newShowDocument(bySize(r), largest)
	doc.Insight = s
	return encode(w, doc)
}

// InsightJSON is JSON with changes under the key insight. The evaluation is of one target.
func InsightJSON(w io.Writer, e *sizediff.Evaluation, c *insight.Changes) error {
	doc := reportDocument(e, 0, decided(e))
	if d, ok := doc.(document); ok {
		d.Insight = c
		doc = d
	}
	return encode(w, doc)
}

// ShowInsightHTML is ShowHTML with a summary below.
func ShowInsightHTML(w io.Writer, r *sizediff.Report, largest []sizediff.SymbolSize, s *insight.Summary) error {
	p := newShowPage(r, largest)
	p.Tables = append(p.Tables, forPage(insightTables(s, htmlVoice))...)
	return pages().ExecuteTemplate(w, "show.html.tmpl", p)
}

// InsightHTML is HTML with changes below.
func InsightHTML(w io.Writer, e *sizediff.Evaluation, c *insight.Changes) error {
	p := newReportPage(e)
	p.Insight = forPage(insightChangeTables(c, htmlVoice))
	return pages().ExecuteTemplate(w, "report.html.tmpl", p)
}

// notKnown stands where a measurement does not say.
const notKnown = "–"

// insightTable is a table and what there is to say about it.
type insightTable struct {
	showTable
	text string
	left string // what is said of rows that are not in it, "" for none
}

// maxPageRows is how many rows a table about insight has on a page.
const maxPageRows = 500

// forPage leaves off rows that would make a page too long.
func forPage(list []insightTable) []insightTable {
	for i := range list {
		if t := &list[i]; len(t.rows) > maxPageRows {
			t.left = sentenceCase(counted(len(t.rows)-maxPageRows, t.noun)) + " not shown."
			t.rows = t.rows[:maxPageRows]
		}
	}
	return list
}

// Text and Left are for the template.
func (t insightTable) Text() string { return t.text }
func (t insightTable) Left() string { return t.left }

func insightText(w io.Writer, list []insightTable, o Options) error {
	p := &page{o: o.withDefaults()}
	for _, t := range list {
		p.heading(t.title)
		if t.text != "" {
			p.paragraph(t.text, 0)
		}
		if len(t.rows) == 0 {
			continue
		}
		g := grid{head: t.head, text: t.showTable.text}
		for _, i := range p.top(len(t.rows)) {
			g.rows = append(g.rows, t.rows[i])
		}
		g.write(p)
		p.left(len(t.rows), t.noun)
	}
	return writeTo(w, p.String())
}

func insightMarkdown(w io.Writer, list []insightTable, o Options) error {
	o = o.withDefaults()
	var b strings.Builder
	for _, t := range list {
		fmt.Fprintf(&b, "\n**%s**\n", t.title)
		if t.text != "" {
			fmt.Fprintf(&b, "\n%s\n", t.text)
		}
		if len(t.rows) == 0 {
			continue
		}
		rule := "|:--|" + strings.Repeat("--:|", len(t.head)-1-t.showTable.text) + strings.Repeat(":--|", t.showTable.text)
		fmt.Fprintf(&b, "\n| %s |\n%s\n", strings.Join(t.head, " | "), rule)
		for i, cells := range t.rows {
			if o.Top >= 0 && i == o.Top {
				fmt.Fprintf(&b, "\n%s not shown.\n", sentenceCase(counted(len(t.rows)-i, t.noun)))
				break
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	return writeTo(w, b.String())
}

func insightTables(s *insight.Summary, say voice) []insightTable {
	note := strippedNote(s.Stripped)
	return append([]insightTable{
		useTable(s.Use, say), panicTable(s.Use, say), copiesTable(s, say).besides(note), modulesTable(s, say), exportsTable(s, say),
		familiesTable(s, say).besides(note), genericsTable(s, say).besides(note), costsTable(s, say), inlinedTable(s, say),
	}, codeTables(s.Code, say)...)
}

// noReferences stands where it is not known who refers to what.
const noReferences = "Not known: the build was measured without references, has an image without symbols, or is of a machine whose code is not decoded. " +
	"Give the build itself, before strip."

// besides adds to a table that a part of what it would say is not known. note may be "".
func (t insightTable) besides(note string) insightTable {
	switch {
	case note == "":
	case len(t.rows) == 0 || t.text == "":
		t.text = note
	default:
		t.text += " " + note
	}
	return t
}

// strippedNote says that images have no symbols, "" for none.
func strippedNote(images int) string {
	if images == 0 {
		return ""
	}
	return "Not known of " + counted(images, "image") + " without symbols: measure before strip."
}

// strippedNoteOfBoth is strippedNote of two builds.
func strippedNoteOfBoth(c sizediff.Change) string {
	if c.Base == 0 && c.Head == 0 {
		return ""
	}
	return fmt.Sprintf("Not compared: what is in images without symbols, %d before and %d after. Measure before strip.", c.Base, c.Head)
}

// useTable says what keeps the runtime and the abstractions in a build. u may be nil.
func useTable(u *insight.RuntimeUse, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "What keeps the runtime and the abstractions", noun: "bucket", head: []string{"bucket", "used", "only exported", "linked whole"}}, text: noReferences}
	if u == nil {
		return t
	}
	t.text = "Used is what C, modules and drivers of this build lead to. What is only exported would go if exports kept nothing."
	if !u.Exact {
		t.text += " Some references were found by decoding code, so addresses in data are an estimate."
	}
	for _, p := range u.Portions {
		t.rows = append(t.rows, []string{say.name(p.Bucket), num(int64(p.Used)), num(int64(p.Exported)), num(int64(p.Linked))})
	}
	return t
}

// panicTable lists the functions that can panic. u may be nil.
func panicTable(u *insight.RuntimeUse, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "Panic call sites", noun: "function", head: []string{"function", "sites", "image"}}, text: noReferences}
	t.showTable.text = 1
	if u == nil {
		return t
	}
	t.text = fmt.Sprintf("%s in %s.", sentenceCase(counted(u.PanicSites, "call")+" into the panic machinery"), counted(len(u.Functions), "function"))
	for _, f := range u.Functions {
		t.rows = append(t.rows, []string{say.code(f.Name), num(int64(f.Sites)), say.code(f.Image)})
	}
	return t
}

const (
	inlinedTitle   = "Inlined from other crates"
	inlinedApart   = "These bytes are counted with the functions that hold them, and are in no other sum."
	inlinedUnknown = "Not known: not every image with Rust code has debug information."
)

// inlinedTable lists what functions hold of other crates' code.
func inlinedTable(s *insight.Summary, say voice) insightTable {
	t := insightTable{showTable: showTable{title: inlinedTitle, noun: "row", head: []string{"module", "bytes", "in", "compiled for"}}, text: inlinedUnknown}
	t.showTable.text = 2
	if s.Inlined == nil {
		return t
	}
	sum := int64(0)
	for _, x := range s.Inlined.List {
		sum += x.Bytes
		t.rows = append(t.rows, []string{say.code(cmp.Or(x.Path, "C")), num(x.Bytes), say.code(cmp.Or(x.Into, "C")), say.code(x.Host)})
	}
	t.text = fmt.Sprintf("%s of the %s of Rust code that debug information describes. %s", bytesOf(sum), bytesOf(s.Inlined.Code), inlinedApart)
	return t
}

// inlinedChanges lists what of the runtime and the abstractions is inlined elsewhere in another size.
func inlinedChanges(c *insight.Changes, say voice) insightTable {
	t := insightTable{showTable: showTable{title: inlinedTitle, noun: "row", head: []string{"module", "base", "head", "delta", "compiled for"}}, text: inlinedUnknown}
	t.showTable.text = 1
	if c.Inlined == nil {
		return t
	}
	t.text = fmt.Sprintf("Runtime %s, abstractions %s. %s", changed(c.Inlined.Runtime), changed(c.Inlined.Abstractions), inlinedApart)
	for _, x := range c.Inlined.List {
		t.rows = append(t.rows, []string{say.code(x.Path), num(x.Bytes.Base), num(x.Bytes.Head), delta(x.Bytes.Delta), say.code(x.Host)})
	}
	return t
}

func copiesTable(s *insight.Summary, say voice) insightTable {
	c := s.OneCopy
	t := insightTable{showTable: showTable{title: "Code that is there more than once", noun: "item",
		head: []string{"item", "images", "bytes", "beyond", "shared", "kernel", "why"}}}
	t.showTable.text = 2
	if len(c.Items) == 0 {
		t.text = "No code of the runtime or the abstractions is in more than one image."
		return t
	}
	t.text = fmt.Sprintf("%s of the runtime and the abstractions in more than one image: %s, of it %s beyond one copy.",
		sentenceCase(counted(len(c.Items), "item")), bytesOf(c.Bytes), bytesOf(c.Beyond)) +
		" “kernel” says what copy the kernel itself has."
	type key struct{ name, bucket string }
	saves := map[key]string{}
	pays, gain := 0, int64(0)
	for i := range s.Sharing {
		x := &s.Sharing[i]
		saves[key{x.Name, x.Bucket}] = delta(x.Saves())
		if x.Saves() > 0 {
			pays++
			gain += x.Saves()
		}
	}
	if s.Sharing != nil {
		t.text += fmt.Sprintf(" “shared” is what one exported copy would save, by estimate: %s for the %d where it pays; copying the others is cheaper.", bytesOf(gain), pays)
	}
	for _, it := range c.Items {
		t.rows = append(t.rows, []string{say.code(it.Name), num(int64(len(it.Copies))), num(it.Bytes), num(it.Beyond),
			cmp.Or(saves[key{it.Name, it.Bucket}], notKnown), string(it.Kernel), string(it.Reason)})
	}
	return t
}

func modulesTable(s *insight.Summary, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "What modules import and carry of the runtime and the abstractions", noun: "row",
		head: []string{"module", "imports", "saves", "carries", "bytes", "of"}}}
	t.showTable.text = 1
	if !s.OneCopy.Known {
		t.text = "What modules import is not known: not every image says so. Measure the build again."
	}
	for _, m := range s.OneCopy.Modules {
		for _, u := range m.Uses {
			imports, saved := notKnown, notKnown
			if u.Imports != nil {
				imports, saved = num(int64(u.Imports.Names)), num(u.Imports.Bytes)
			}
			t.rows = append(t.rows, []string{say.code(m.Image), imports, saved, num(int64(u.Carries)), num(u.Carried), say.name(capped(u.Bucket, 20))})
		}
	}
	return t
}

// ownerName is what a row of a crate, or of C, is called.
func ownerName(bucket, crate string, say voice) string {
	switch {
	case crate != "":
		return say.code(crate)
	case bucket == "":
		return "not attributed"
	}
	return say.name(capped(bucket, 20))
}

func exportsTable(s *insight.Summary, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "Exports for Rust", noun: "row",
		head: []string{"crate", "exports", "names", "entries", "holds", "imported", "idle", "image"}}}
	t.showTable.text = 1
	if !s.Exports.Known {
		t.text = "Exports are not known: not every image says what it exports. Measure the build again."
		return t
	}
	t.text = "“holds” is bytes of the exported symbols, “idle” those of them that no other image imports; the image itself may still use them."
	for _, r := range s.Exports.Rows {
		t.rows = append(t.rows, []string{ownerName(r.Bucket, r.Crate, say), num(int64(r.Exports)), num(r.Names), num(r.Entries), num(r.Held),
			num(int64(r.Used)), num(r.Idle), say.code(r.Image)})
	}
	return t
}

func familiesTable(s *insight.Summary, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "Generic code by family", noun: "family", head: []string{"family", "instances", "bytes", "most by", "most for"}}}
	t.showTable.text = 2
	if len(s.Generics.Families) == 0 {
		t.text = "There is none."
	}
	for _, f := range s.Generics.Families {
		t.rows = append(t.rows, []string{say.code(f.Name), num(int64(f.Instances)), num(f.Bytes), say.code(capped(f.ByCrate[0].Name, 24)), say.code(capped(f.ByArgs[0].Name, 24))})
	}
	return t
}

func genericsTable(s *insight.Summary, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "Generic and other code by crate", noun: "crate",
		head: []string{"crate", "other", "generic", "share", "elsewhere", "foreign"}}}
	if len(s.Generics.Crates) == 0 {
		t.text = "There is no Rust code."
		return t
	}
	t.text = "“elsewhere” is what other crates' objects have of it, “foreign” what its objects have of other crates."
	for _, c := range s.Generics.Crates {
		t.rows = append(t.rows, []string{say.code(crateName(c.Crate)), num(c.Plain), num(c.Generic), share(c.Generic, c.Plain+c.Generic), num(c.Elsewhere), num(c.Foreign)})
	}
	return t
}

// costGroups are the columns of a table of costs, each the sum of some of the ledger's.
var costGroups = []struct {
	name    string
	columns []int
}{
	{"code", []int{insight.Code}}, {"data", []int{insight.Objects, insight.Constants}}, {"around", []int{insight.Prefixes, insight.Padding}},
	{"tables", []int{insight.Unwind, insight.Sites, insight.Tables}}, {"exports", []int{insight.ExportTables}},
	{"kallsyms", []int{insight.Kallsyms}}, {"rest", []int{insight.Unattributed}},
}

// costCells are the cells of a cost, with the sum at the end.
func costCells(c insight.Cost, format func(int64) string) []string {
	var cells []string
	for _, g := range costGroups {
		n := int64(0)
		for _, column := range g.columns {
			n += c[column]
		}
		cells = append(cells, format(n))
	}
	return append(cells, format(c.Sum()))
}

func costHead(first ...string) []string {
	for _, g := range costGroups {
		first = append(first, g.name)
	}
	return append(first, "all")
}

const costText = "Freed memory included. Unnamed constants, in “data”, and padding, in “around”, are estimated per crate; all else is measured."

type owner struct{ bucket, crate string }

func costsTable(s *insight.Summary, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "The full cost by crate, all images", noun: "crate", head: costHead("crate", "nm lists")}, text: costText}
	sums, listed := map[owner]insight.Cost{}, map[owner]int64{}
	for _, r := range s.Costs.Rows {
		k := owner{r.Bucket, r.Crate}
		sums[k], listed[k] = sums[k].Plus(r.All()), listed[k]+r.Listed
	}
	for _, k := range owners(sums) {
		t.rows = append(t.rows, append([]string{ownerName(k.bucket, k.crate, say), num(listed[k])}, costCells(sums[k], num)...))
	}
	return t
}

// owners lists those with the largest sums first, whatever their signs.
func owners(sums map[owner]insight.Cost) []owner {
	var out []owner
	for k := range sums {
		out = append(out, k)
	}
	size := func(k owner) int64 { return max(sums[k].Sum(), -sums[k].Sum()) }
	slices.SortFunc(out, func(a, b owner) int {
		return cmp.Or(cmp.Compare(size(b), size(a)), strings.Compare(a.bucket, b.bucket), strings.Compare(a.crate, b.crate))
	})
	return out
}

func insightChangeTables(c *insight.Changes, say voice) []insightTable {
	note := strippedNoteOfBoth(c.Stripped)
	return append([]insightTable{
		copyChanges(c, say).besides(note), exportChanges(c, say), familyChanges(c, say).besides(note), costChanges(c, say), inlinedChanges(c, say),
	}, codeChangeTables(c.Code, say)...)
}

func copyChanges(c *insight.Changes, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "Code that is there more than once", noun: "item",
		head: []string{"item", "images", "bytes", "beyond", "kernel", "why"}}}
	t.showTable.text = 2
	if len(c.OneCopy) == 0 {
		t.text = "No more and no fewer copies."
	}
	for _, x := range c.OneCopy {
		t.rows = append(t.rows, []string{say.code(x.Name), delta(x.Images.Delta), delta(x.AllBytes.Delta), delta(x.BeyondOne.Delta), string(x.Kernel), string(x.Reason)})
	}
	return t
}

func exportChanges(c *insight.Changes, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "Exports for Rust", noun: "row",
		head: []string{"crate", "exports", "names", "entries", "holds", "imported", "idle"}}}
	switch x := c.Exports; {
	case !x.Known:
		t.text = "Exports are not compared: not every image of both builds says what it exports. Measure them again."
	case len(x.Added)+len(x.Removed) == 0:
		t.text = "None added, none removed."
	default:
		t.text = strings.TrimSpace(exportSentence("Adds", "keeps", x.Added) + " " + exportSentence("Removes", "no longer keeps", x.Removed))
	}
	for _, r := range c.Exports.Rows {
		t.rows = append(t.rows, []string{ownerName(r.Bucket, r.Crate, say), delta(r.Exports.Delta), delta(r.Names.Delta), delta(r.Entries.Delta),
			delta(r.Held.Delta), delta(r.Used.Delta), delta(r.Idle.Delta)})
	}
	return t
}

// exportSentence says what some exports cost: "Adds 14 exports: 1,204 B of names, keeps 3,100 B alive, imported by nobody."
func exportSentence(verb, keeps string, list []insight.Export) string {
	if len(list) == 0 {
		return ""
	}
	names, held, importers := int64(0), int64(0), map[string]bool{}
	for _, x := range list {
		names += x.Names
		held += x.Held
		for _, path := range x.Importers {
			importers[path] = true
		}
	}
	by := "imported by nobody"
	if len(importers) > 0 {
		by = "imported by " + counted(len(importers), "module")
	}
	return fmt.Sprintf("%s %s: %s of names, %s %s alive, %s.", verb, counted(len(list), "export"), bytesOf(names), keeps, bytesOf(held), by)
}

func familyChanges(c *insight.Changes, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "Generic code by family", noun: "family",
		head: []string{"family", "instances", "bytes", "new", "gone", "bodies", "by"}}}
	t.showTable.text = 1
	if len(c.Generics) == 0 {
		t.text = "No change."
	}
	for _, f := range c.Generics {
		by := ""
		if len(f.ByCrate) > 0 {
			by = say.code(capped(f.ByCrate[0].Name, 24))
		}
		t.rows = append(t.rows, []string{say.code(f.Name), delta(f.Instances.Delta), delta(f.Bytes.Delta), delta(f.New), delta(f.Gone), delta(f.Bigger + f.Smaller), by})
	}
	return t
}

func costChanges(c *insight.Changes, say voice) insightTable {
	t := insightTable{showTable: showTable{title: "The full cost by crate, all images", noun: "crate", head: costHead("crate", "nm lists")}, text: costText}
	sums, listed := map[owner]insight.Cost{}, map[owner]int64{}
	for i := range c.Costs {
		r := &c.Costs[i]
		k := owner{r.Bucket, r.Crate}
		sums[k], listed[k] = sums[k].Plus(r.Delta().All()), listed[k]+r.Listed.Delta
	}
	for _, k := range owners(sums) {
		if sums[k] != (insight.Cost{}) || listed[k] != 0 {
			t.rows = append(t.rows, append([]string{ownerName(k.bucket, k.crate, say), delta(listed[k])}, costCells(sums[k], delta)...))
		}
	}
	if len(t.rows) == 0 {
		t.text = "No change."
	}
	return t
}
