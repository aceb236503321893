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

// ShowSchema is the version of the JSON form of one build.
const ShowSchema = "oxidometer.show/1"

// Show writes one build as text. The report compares the build with itself; only its head is shown. largest are the rows of
// symbols, in their order.
func Show(w io.Writer, r *sizediff.Report, largest []sizediff.SymbolSize, o Options) error {
	r = bySize(r)
	p := &page{o: o.withDefaults()}
	p.paragraph(showTitle(r), 2)
	p.findings(r)
	p.line("")
	for _, s := range showTables(r, largest, plainVoice) {
		if len(s.rows) == 0 {
			continue
		}
		if s.title != "" {
			p.heading(s.title)
		}
		g := grid{head: s.head, text: s.text}
		limit := len(s.rows)
		if s.bounded && p.o.Top >= 0 {
			limit = min(limit, p.o.Top)
		}
		g.rows = s.rows[:limit]
		g.write(p)
		if s.bounded {
			p.left(len(s.rows), s.noun)
		}
	}
	p.line("")
	p.paragraph("Built with "+buildTools(r, plainVoice), 2)
	return writeTo(w, p.String())
}

// ShowMarkdown writes one build as Markdown.
func ShowMarkdown(w io.Writer, r *sizediff.Report, largest []sizediff.SymbolSize, o Options) error {
	o, r = o.withDefaults(), bySize(r)
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n", markdownProse(showTitle(r)))
	for i, f := range sortedFindings(r) {
		if i == 0 {
			b.WriteString("\n**Findings**\n\n")
		}
		fmt.Fprintf(&b, "- %s\n", findingLine(f, markdownVoice))
	}
	for _, s := range showTables(r, largest, markdownVoice) {
		if len(s.rows) == 0 {
			continue
		}
		if s.title != "" {
			fmt.Fprintf(&b, "\n**%s**\n", s.title)
		}
		rule := "|:--|" + strings.Repeat("--:|", len(s.head)-1-s.text) + strings.Repeat(":--|", s.text)
		fmt.Fprintf(&b, "\n| %s |\n%s\n", strings.Join(s.head, " | "), rule)
		for i, cells := range s.rows {
			if s.bounded && o.Top >= 0 && i == o.Top {
				fmt.Fprintf(&b, "\n%s not shown.\n", sentenceCase(counted(len(s.rows)-i, s.noun)))
				break
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	fmt.Fprintf(&b, "\nBuilt with %s\n", buildTools(r, markdownVoice))
	return writeTo(w, b.String())
}

// ShowJSON writes one build as JSON.
func ShowJSON(w io.Writer, r *sizediff.Report, largest []sizediff.SymbolSize) error {
	return encode(w, newShowDocument(bySize(r), largest))
}

// bySize orders the lists of a report by size in the head. Those of a report that compares a build with itself are ordered
// by name, because no delta tells them apart.
func bySize(r *sizediff.Report) *sizediff.Report {
	s := *r
	s.Crates, s.Instantiators = cratesBySize(r.Crates), cratesBySize(r.Instantiators)
	s.Runtime, s.Images, s.Opaque = slices.Clone(r.Runtime), slices.Clone(r.Images), slices.Clone(r.Opaque)
	slices.SortStableFunc(s.Runtime, func(a, b sizediff.PathChange) int { return cmp.Compare(b.Head, a.Head) })
	slices.SortStableFunc(s.Images, func(a, b sizediff.ImageChange) int {
		return cmp.Compare(b.Totals.Resident.Head, a.Totals.Resident.Head)
	})
	slices.SortStableFunc(s.Opaque, func(a, b sizediff.OpaqueChange) int { return cmp.Compare(b.Head, a.Head) })
	return &s
}

func cratesBySize(list []sizediff.CrateChange) []sizediff.CrateChange {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b sizediff.CrateChange) int { return cmp.Compare(b.Head, a.Head) })
	return list
}

func showTitle(r *sizediff.Report) string {
	subject := "Build"
	if isKernel(r) {
		subject = "Kernel"
	}
	s := fmt.Sprintf("%s of %s: %s resident", subject, counted(len(r.Images), "image"), bytesOf(r.Totals.Resident.Head))
	b, ok := bucketOf(r, sizediff.BucketRuntime)
	label := plainProse(bucketLabel(b))
	stripped := slices.ContainsFunc(r.Images, func(i sizediff.ImageChange) bool { return i.Stripped })
	switch {
	case !ok:
	case stripped:
		s += fmt.Sprintf("; %s not known, because not all of it has symbols", label)
	case b.Resident.Head == 0:
		s += fmt.Sprintf("; no %s in it", label)
	default:
		s += fmt.Sprintf("; %s %s", label, bytesOf(b.Resident.Head))
	}
	return s + "."
}

func buildTools(r *sizediff.Report, say voice) string {
	var parts []string
	for _, t := range tools(r.Head.Fingerprint, r.Head.Fingerprint) {
		if len(t.head) > 0 {
			parts = append(parts, t.name+" "+say.name(versions(t.head, t.short)))
		}
	}
	if len(parts) == 0 {
		return "tools that the images do not name"
	}
	return strings.Join(parts, ", ")
}

// showTable is one table of a shown build. Bounded tables obey the limit of rows.
type showTable struct {
	title, noun string
	head        []string
	rows        [][]string
	text        int
	bounded     bool
	swatches    bool // rows have the colours of the composition bar
}

func showTables(r *sizediff.Report, largest []sizediff.SymbolSize, say voice) []showTable {
	return []showTable{
		showTotals(r), showBuckets(r, say),
		showCrates("Crates, by where the code is defined", r.Crates, say, true),
		showCrates("Crates, by where generic code is instantiated", r.Instantiators, say, false),
		showInventory(r, say), showImages(r, say), showSymbols(largest, say),
	}
}

func showTotals(r *sizediff.Report) showTable {
	t := r.Totals
	return showTable{head: []string{"total", "bytes"}, rows: [][]string{
		{"resident", num(t.Resident.Head)},
		{"init (freed after boot or load)", num(t.Init.Head)},
		{"unloaded (never in memory)", num(t.Unloaded.Head)},
		{"image files", num(t.File.Head)},
	}}
}

func showBuckets(r *sizediff.Report, say voice) showTable {
	s := showTable{title: "Buckets", swatches: true, head: []string{"bucket", "resident", "share", "init"}}
	for _, b := range ordered(r.Buckets) {
		s.rows = append(s.rows, []string{say.prose(bucketLabel(b)), num(b.Resident.Head), share(b.Resident.Head, r.Totals.Resident.Head), num(b.Init.Head)})
	}
	return s
}

// share of the whole in percent.
func share(part, whole int64) string {
	if whole <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f%%", float64(part)*100/float64(whole))
}

func showCrates(title string, list []sizediff.CrateChange, say voice, withBucket bool) showTable {
	s := showTable{title: title, noun: "crate", bounded: true, head: []string{"crate", "bytes", "of it unnamed"}}
	if withBucket {
		s.head, s.text = append(s.head, "bucket"), 1
	}
	for _, c := range list {
		cells := []string{say.code(crateName(c.Crate)), num(c.Head), num(c.Unnamed.Head)}
		if withBucket {
			cells = append(cells, say.name(capped(c.Bucket, 20)))
		}
		s.rows = append(s.rows, cells)
	}
	return s
}

func showInventory(r *sizediff.Report, say voice) showTable {
	s := showTable{title: "Rust runtime by path", noun: "path", bounded: true, head: []string{"path", "bytes"}}
	for _, p := range r.Runtime {
		s.rows = append(s.rows, []string{say.code(p.Path), num(p.Head)})
	}
	return s
}

func showImages(r *sizediff.Report, say voice) showTable {
	s := showTable{title: "Images", noun: "image", bounded: true, head: []string{"image", "resident", "init", "unloaded", "file", ""}, text: 1}
	for _, i := range r.Images {
		note := ""
		if i.Stripped {
			note = "stripped"
		}
		s.rows = append(s.rows, []string{say.code(i.Path), num(i.Totals.Resident.Head), num(i.Totals.Init.Head), num(i.Totals.Unloaded.Head), num(i.Totals.File.Head), note})
	}
	for _, o := range r.Opaque {
		s.rows = append(s.rows, []string{say.code(o.Path), "–", "–", "–", num(o.Head), "size only"})
	}
	return s
}

func showSymbols(largest []sizediff.SymbolSize, say voice) showTable {
	s := showTable{title: "Largest symbols", noun: "symbol", bounded: true, head: []string{"symbol", "bytes", "bucket"}, text: 1}
	for _, x := range largest {
		name := x.Demangled
		if name == "" {
			name = x.Name
		}
		s.rows = append(s.rows, []string{say.code(name), num(x.Size), say.name(capped(x.Bucket, 20))})
	}
	return s
}

// showDocument is the JSON form of one build. Sizes are bytes.
type showDocument struct {
	Schema        string                `json:"schema"`
	Label         string                `json:"label"`
	Images        []showImage           `json:"images"`
	Fingerprint   sizediff.Fingerprint  `json:"fingerprint"`
	Totals        showSizes             `json:"totals"`
	Closing       showClosing           `json:"closing"`
	Buckets       []showBucket          `json:"buckets"`
	Crates        []showCrate           `json:"crates"`
	Instantiators []showCrate           `json:"instantiators"`
	Runtime       []showPath            `json:"runtime"`
	Opaque        []showPath            `json:"opaque"`
	Symbols       []sizediff.SymbolSize `json:"symbols"`
	Findings      []sizediff.Finding    `json:"findings"`
	Insight       *insight.Summary      `json:"insight,omitempty"` // absent unless it was asked for
}

type showSizes struct {
	Resident int64 `json:"resident"`
	Init     int64 `json:"init"`
	Unloaded int64 `json:"unloaded"`
	File     int64 `json:"file"`
}

type showClosing struct {
	Resident showParts `json:"resident"`
	Init     showParts `json:"init"`
}

type showParts struct {
	Named        int64 `json:"named"`
	Constants    int64 `json:"constants"`
	Derived      int64 `json:"derived"`
	Padding      int64 `json:"padding"`
	Unattributed int64 `json:"unattributed"`
}

type showBucket struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Resident int64  `json:"resident"`
	Init     int64  `json:"init"`
}

type showCrate struct {
	Bucket  string `json:"bucket,omitempty"`
	Crate   string `json:"crate"`
	Size    int64  `json:"size"`
	Unnamed int64  `json:"unnamed"`
}

type showPath struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

type showImage struct {
	Path     string        `json:"path"`
	Stripped bool          `json:"stripped,omitempty"`
	Totals   showSizes     `json:"totals"`
	Buckets  []showBucket  `json:"buckets"`
	Sections []showSection `json:"sections"`
}

type showSection struct {
	Name    string        `json:"name"`
	Kind    sizediff.Kind `json:"kind"`
	Derived bool          `json:"derived"`
	Size    int64         `json:"size"`
}

func newShowDocument(r *sizediff.Report, largest []sizediff.SymbolSize) *showDocument {
	d := &showDocument{
		Schema: ShowSchema, Label: r.Head.Label, Fingerprint: r.Head.Fingerprint, Totals: sizesOf(r.Totals),
		Closing: showClosing{partsOf(r.Closing.Resident), partsOf(r.Closing.Init)}, Buckets: bucketsOf(r.Buckets),
		Crates: cratesOf(r.Crates), Instantiators: cratesOf(r.Instantiators),
		Images: []showImage{}, Runtime: []showPath{}, Opaque: []showPath{},
		Symbols:  append([]sizediff.SymbolSize{}, largest...),
		Findings: append([]sizediff.Finding{}, r.Findings...),
	}
	for _, p := range r.Runtime {
		d.Runtime = append(d.Runtime, showPath{p.Path, p.Head})
	}
	for _, o := range r.Opaque {
		d.Opaque = append(d.Opaque, showPath{o.Path, o.Head})
	}
	for _, i := range r.Images {
		img := showImage{Path: i.Path, Stripped: i.Stripped, Totals: sizesOf(i.Totals), Buckets: bucketsOf(i.Buckets), Sections: []showSection{}}
		for _, s := range i.Sections {
			img.Sections = append(img.Sections, showSection{s.Name, s.Kind, s.Derived, s.Head})
		}
		d.Images = append(d.Images, img)
	}
	return d
}

func sizesOf(t sizediff.Totals) showSizes {
	return showSizes{t.Resident.Head, t.Init.Head, t.Unloaded.Head, t.File.Head}
}

func partsOf(p sizediff.ClosingParts) showParts {
	return showParts{p.Named.Head, p.Constants.Head, p.Derived.Head, p.Padding.Head, p.Unattributed.Head}
}

func bucketsOf(list []sizediff.BucketChange) []showBucket {
	out := []showBucket{}
	for _, b := range list {
		out = append(out, showBucket{b.Name, b.Label, b.Resident.Head, b.Init.Head})
	}
	return out
}

func cratesOf(list []sizediff.CrateChange) []showCrate {
	out := []showCrate{}
	for _, c := range list {
		out = append(out, showCrate{c.Bucket, c.Crate, c.Head, c.Unnamed.Head})
	}
	return out
}
