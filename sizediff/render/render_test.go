package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs (-want +got), -update writes it:\n%s", path, d)
	}
}

func rendered(t *testing.T, f func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func asText(t *testing.T, e *sizediff.Evaluation) string {
	return rendered(t, func(w io.Writer) error { return Text(w, e, Options{}) })
}

func asMarkdown(t *testing.T, e *sizediff.Evaluation, o MarkdownOptions) string {
	return rendered(t, func(w io.Writer) error { return Markdown(w, e, o) })
}

func asHTML(t *testing.T, e *sizediff.Evaluation) string {
	return rendered(t, func(w io.Writer) error { return HTML(w, e) })
}

func TestStates(t *testing.T) {
	for _, f := range fixtures() {
		t.Run(f.name, func(t *testing.T) {
			if got := newView(f.e).verdict; got != f.verdict {
				t.Errorf("verdict %q, want %q", got, f.verdict)
			}
			if off, on := CheckConclusion(f.e, sizediff.Gate{}), CheckConclusion(f.e, sizediff.Gate{Enforce: true}); off != f.off || on != f.on {
				t.Errorf("conclusions %s and %s, want %s and %s", off, on, f.off, f.on)
			}
			golden(t, f.name+".md", asMarkdown(t, f.e, MarkdownOptions{Marker: "<!-- oxidometer:v1 -->"}))
			golden(t, f.name+".txt", asText(t, f.e))
		})
	}
}

func TestCheckTitles(t *testing.T) {
	var b strings.Builder
	for _, f := range fixtures() {
		b.WriteString(f.name + ": " + CheckTitle(f.e) + "\n")
	}
	b.WriteString("measuring: " + CheckMeasuring(2, 3) + "\n")
	golden(t, "titles.txt", b.String())
}

func TestHTMLAndJSONGoldens(t *testing.T) {
	golden(t, "growth-cli.html", asHTML(t, fixtureNamed("growth-cli")))
	for _, name := range []string{"growth-cli", "not-compared", "over"} {
		golden(t, name+".json", rendered(t, func(w io.Writer) error { return JSON(w, fixtureNamed(name)) }))
	}
}

// The verdict, in the same words, begins every format.
func TestFormatsAgree(t *testing.T) {
	for _, f := range fixtures() {
		h := newView(f.e).headline(plainVoice).verdict
		text := strings.Join(strings.Fields(asText(t, f.e)), " ")
		if !strings.HasPrefix(text, h) {
			t.Errorf("%s: text does not begin with %q", f.name, h)
		}
		if page := asHTML(t, f.e); !strings.Contains(strings.ReplaceAll(page, "&#39;", "'"), "<h1>"+strings.ReplaceAll(h, "+", "&#43;")+"</h1>") {
			t.Errorf("%s: page lacks %q", f.name, h)
		}
		md, _, _ := strings.Cut(asMarkdown(t, f.e, MarkdownOptions{}), "\n")
		if plainMarkdown(md) != plainMarkdown("**"+h+"** "+newView(f.e).headline(plainVoice).rest) {
			t.Errorf("%s: Markdown begins with %q, want %q", f.name, md, h)
		}
	}
}

var markup = regexp.MustCompile("[`*]|</?code>")

func plainMarkdown(s string) string {
	return strings.TrimSpace(html.UnescapeString(markup.ReplaceAllString(s, "")))
}

func TestTextIsNarrow(t *testing.T) {
	evaluations := map[string]*sizediff.Evaluation{"hostile": hostileEvaluation(hostileNames[0])}
	for _, f := range fixtures() {
		evaluations[f.name] = f.e
	}
	for _, n := range hostileNames {
		evaluations["hostile "+plain(n)] = hostileEvaluation(n)
	}
	for name, e := range evaluations {
		for _, width := range []int{0, 72, 100} {
			out := rendered(t, func(w io.Writer) error { return Text(w, e, Options{Top: -1, Width: width}) })
			limit := Options{Width: width}.withDefaults().Width
			for i, l := range strings.Split(out, "\n") {
				if n := utf8.RuneCountInString(l); n > limit && !strings.Contains(l, "https://") {
					t.Errorf("%s: line %d has %d columns of %d: %s", name, i+1, n, limit, l)
				}
			}
		}
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestColorChangesNothingElse(t *testing.T) {
	for _, f := range fixtures() {
		colored := rendered(t, func(w io.Writer) error { return Text(w, f.e, Options{Color: true}) })
		if !strings.Contains(colored, "\x1b[") {
			t.Errorf("%s: no colour", f.name)
		}
		if d := cmp.Diff(asText(t, f.e), escapes.ReplaceAllString(colored, "")); d != "" {
			t.Errorf("%s: colour changed the content:\n%s", f.name, d)
		}
	}
}

func TestTextHidesNothingSilently(t *testing.T) {
	r := growthReport()
	long := "kernel::" + strings.Repeat("very_long_module_name::", 6) + "f"
	r.Symbols = append(r.Symbols, symbol("drivers", "x", long, 0, 1))
	e := &sizediff.Evaluation{Targets: []sizediff.TargetResult{target("", r)}}
	joined := strings.Join(strings.Fields(rendered(t, func(w io.Writer) error { return Text(w, e, Options{Top: -1}) })), "")
	if !strings.Contains(joined, long) {
		t.Error("a long name is not whole")
	}
	few := rendered(t, func(w io.Writer) error { return Text(w, e, Options{Top: 2}) })
	if !strings.Contains(few, "8 smaller changes not shown") {
		t.Errorf("rows are missing without a word:\n%s", few)
	}
}

// scripts/bloat-o-meter prints exactly this for the same symbols.
func TestBloatOMeterForm(t *testing.T) {
	r := &sizediff.Report{Symbols: []sizediff.SymbolChange{
		symbol("c", "", "shrinks", 864, 800), symbol("c", "", "is_new", 0, 484), symbol("c", "", "is_gone", 10, 0), symbol("c", "", "grows", 100, 120),
	}}
	r.Closing.Resident.Named = sizediff.NewChange(10_000, 10_430)
	want := `add/remove: 1/1 grow/shrink: 1/1 up/down: 504/-74 (430)
Function                                     old     new   delta
is_new                                         -     484    +484
grows                                        100     120     +20
is_gone                                       10       -     -10
shrinks                                      864     800     -64
Total: Before=10000, After=10430, chg +4.30%
`
	if d := cmp.Diff(want, bloatBlock(r, "Function", -1, 80, 0)); d != "" {
		t.Error(d)
	}
}

func TestJSONContract(t *testing.T) {
	out := rendered(t, func(w io.Writer) error { return JSON(w, fixtureNamed("growth-cli")) })
	var doc map[string]any
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"schema", "state", "base", "head", "totals", "buckets", "crates", "instantiators", "runtime", "images", "symbols", "findings", "verdict", "budgets"} {
		if doc[k] == nil {
			t.Errorf("%s is missing", k)
		}
	}
	if !strings.Contains(out, `"demangled": "<kernel::workqueue`) || !strings.HasSuffix(out, "}\n") {
		t.Error("names are escaped for HTML, or the last line is not ended")
	}
	none := rendered(t, func(w io.Writer) error {
		return JSON(w, &sizediff.Evaluation{Targets: []sizediff.TargetResult{baseless("x", "no base", "", same(sizediff.Identical))}})
	})
	if err := json.Unmarshal([]byte(none), &doc); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(none, `"delta"`) || !strings.Contains(none, `"state": "not_compared"`) {
		t.Errorf("not compared can be read as a change:\n%s", none)
	}
}

// No uncertain state may look like "no change" in any format.
func TestUncertainIsNotZero(t *testing.T) {
	for _, name := range []string{"not-compared", "not-measured", "nothing"} {
		e := fixtureNamed(name)
		for format, out := range map[string]string{"text": asText(t, e), "markdown": asMarkdown(t, e, MarkdownOptions{}), "html": asHTML(t, e), "title": CheckTitle(e)} {
			out = regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAllString(out, "")
			if strings.Contains(strings.ToLower(out), "no size change") || strings.Contains(out, "+0") || strings.Contains(out, "| 0 |") {
				t.Errorf("%s as %s looks like no change:\n%s", name, format, out)
			}
		}
	}
}

func TestShow(t *testing.T) {
	r := growthReport()
	for i := range r.Buckets {
		b := &r.Buckets[i]
		b.Resident, b.Init = sizediff.NewChange(b.Resident.Head, b.Resident.Head), sizediff.NewChange(b.Init.Head, b.Init.Head)
	}
	r.Findings = []sizediff.Finding{{Rule: sizediff.RuleStdLinked, Severity: sizediff.Error, Message: "crate std is linked, 96 bytes"}}
	largest := []sizediff.SymbolSize{
		{Image: "vmlinux", Demangled: "rust_binder::process::Process::debug_print", Bucket: "drivers", Size: 2216},
		{Image: "vmlinux", Name: "rust_binder_init", Bucket: "c", Size: 128},
	}
	golden(t, "show.txt", rendered(t, func(w io.Writer) error { return Show(w, r, largest, Options{}) }))
	golden(t, "show.md", rendered(t, func(w io.Writer) error { return ShowMarkdown(w, r, largest, Options{}) }))
	golden(t, "show.json", rendered(t, func(w io.Writer) error { return ShowJSON(w, r, largest) }))
	golden(t, "show.html", rendered(t, func(w io.Writer) error { return ShowHTML(w, r, largest) }))
}

func TestNumbers(t *testing.T) {
	for _, x := range []struct{ got, want string }{
		{num(0), "0"}, {num(999), "999"}, {num(1000), "1,000"}, {num(-1234567), "-1,234,567"}, {num(-9223372036854775808), "-9,223,372,036,854,775,808"},
		{delta(0), "0"}, {delta(612), "+612"}, {delta(-64), "-64"}, {bytesOf(10_000), "10,000 B"}, {bytesOf(10_240), "10,240 B (10.0 KiB)"},
		{deltaBytes(-126_368), "-126,368 B (123.4 KiB)"}, {percent(sizediff.NewChange(0, 5)), ""}, {percent(sizediff.NewChange(200, 201)), "+0.50%"},
		{percent(sizediff.NewChange(11_670_184, 11_672_332)), "+0.018%"}, {percent(sizediff.NewChange(11_670_184, 11_670_165)), ""},
		{versionOf("rustc version 1.97.1 (8bab26f4f 2026-07-14) (built from a source tarball)"), "1.97.1"},
		{versionOf("GCC: (Debian 14.2.0-19) 14.2.0"), "14.2.0"}, {versionOf("Linker: Debian LLD 21.1.8"), "21.1.8"},
		{versionOf("Debian clang version 21.1.8 (14)"), "21.1.8"}, {versionOf("GNU ld (GNU Binutils for Debian) 2.44"), "2.44"}, {versionOf("odd"), "odd"},
	} {
		if x.got != x.want {
			t.Errorf("got %q, want %q", x.got, x.want)
		}
	}
}

func TestDifferingWords(t *testing.T) {
	for _, x := range [][4]string{
		{"7.2.13 SMP mod_unload", "7.2.6 SMP mod_unload", "7.2.13", "7.2.6"},
		{"Linux version 6.1 (a@b) #1", "Linux version 6.2 (a@b) #2", "6.1 (a@b) #1", "6.2 (a@b) #2"},
		{"6.1 SMP preempt", "6.1 preempt", "SMP preempt", "preempt"},
		{"same words", "same words", "words", "words"},
		{"", "new", "", "new"},
	} {
		if b, h := differingWords(x[0], x[1]); b != x[2] || h != x[3] {
			t.Errorf("%q and %q differ in %q and %q, want %q and %q", x[0], x[1], b, h, x[2], x[3])
		}
	}
}

// What cannot be known, or is of one side only, is said in the first line.
func TestHeadlineOfOddBuilds(t *testing.T) {
	text := func(change func(*sizediff.Report)) string {
		r := growthReport()
		change(r)
		e := &sizediff.Evaluation{Targets: []sizediff.TargetResult{target("", r)}}
		return newView(e).headline(plainVoice).String()
	}
	for _, x := range []struct {
		name   string
		change func(*sizediff.Report)
		want   string
	}{
		{"stripped", func(r *sizediff.Report) { r.Images[0].Stripped = true }, "Kernel grows by 2,148 B; Rust runtime not known, because vmlinux is stripped."},
		{"no Rust", func(r *sizediff.Report) { r.Buckets[0].Resident = sizediff.Change{} }, "Kernel grows by 2,148 B; no Rust runtime in it."},
		{"one side", func(r *sizediff.Report) {
			r.Images = append(r.Images, sizediff.ImageChange{Path: "a.ko", Status: sizediff.Added},
				sizediff.ImageChange{Path: "b.ko", Status: sizediff.Removed}, sizediff.ImageChange{Path: "c.ko", Status: sizediff.Removed},
				sizediff.ImageChange{Path: "d.ko", Status: sizediff.Removed, MovedTo: "vmlinux"})
		}, "Kernel grows by 2,148 B; Rust runtime +612 B. 1 image only in the head and 2 images only in the base."},
		{"shift", func(r *sizediff.Report) { r.Totals.Resident, r.Totals.Init = sizediff.Change{}, sizediff.Change{} },
			"Resident size is unchanged in all, but not in its parts; Rust runtime +612 B."},
	} {
		if got := text(x.change); got != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

func TestShowTitleOfOddBuilds(t *testing.T) {
	r := growthReport()
	r.Buckets[0].Resident = sizediff.Change{}
	if got, want := showTitle(r), "Kernel of 1 image: 11,672,332 B (11.1 MiB) resident; no Rust runtime in it."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.Images[0].Stripped = true
	if got, want := showTitle(r), "Kernel of 1 image: 11,672,332 B (11.1 MiB) resident; Rust runtime not known, because not all of it has symbols."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestToolNames(t *testing.T) {
	gcc, clang := "(Debian 12.2.0-14) 12.2.0", "Debian clang version 19.1.7 (3)"
	for _, x := range []struct {
		base, head []string
		want       string
	}{
		{[]string{gcc}, []string{"(GNU) 13.1.0"}, "gcc 12.2.0 → 13.1.0"},
		{[]string{gcc}, []string{clang}, "C compiler gcc 12.2.0 → clang 19.1.7"},
		{[]string{clang}, []string{clang, gcc}, "C compiler clang 19.1.7 → clang 19.1.7 and gcc 12.2.0"},
		{nil, []string{clang}, "clang unknown → 19.1.7"},
	} {
		if got := tools(sizediff.Fingerprint{CC: x.base}, sizediff.Fingerprint{CC: x.head})[1].change(plainVoice); got != x.want {
			t.Errorf("%q, want %q", got, x.want)
		}
	}
}
