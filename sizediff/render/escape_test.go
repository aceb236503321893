package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/oxidometer/oxidometer/sizediff"
)

type ioWriter = io.Writer

var hostileNames = []string{
	"@torvalds please look", "org/repo#12 closes #13 GH-14", "<script>alert(1)</script>", "<!-- x --> --> oxidometer:v1",
	"</details></code></pre><img src=x onerror=alert(1)>", "a|b|c\\|d", "line\nfeed\r\n\n# heading\n- item", "```\n</details>\n```", "`````",
	"[text](https://evil.example) ![i](http://evil.example/x.png)", "https://evil.example/path www.evil.example evil@evil.example mailto:a@b.c",
	"*bold* _it_ ~~gone~~ **x** __init__ $math$ :smile: core::x::y", "\u202egpj.exe\u2066", "zero\u200bwidth\ufeff\u00ad", "\x1b[31mred\x1b[0m\x07\x00",
	"раypal", "bad\xff\xfeutf8", strings.Repeat("long::", 200), strings.Repeat("`@|<", 100), "&lt;b&gt; &#64;x &amp;", "1. one", "- x", "> q", "# h", "    code",
	"{{.}} {{template}}", "javascript:alert(1)", "a\tb", "<a href=https://evil.example>x</a>", "deadbeefdeadbeef", "x]]>", "\u2028\u2029", "$$a$$", "\\", "\\`",
}

// hostileEvaluation has a hostile name everywhere a name can come from outside.
func hostileEvaluation(n string) *sizediff.Evaluation {
	r := growthReport()
	for i := range r.Symbols {
		r.Symbols[i].Name, r.Symbols[i].Demangled, r.Symbols[i].Crate, r.Symbols[i].Section, r.Symbols[i].Image = n, n, n, n, n
	}
	for i := range r.Crates {
		r.Crates[i].Crate = n
	}
	r.Runtime = append(r.Runtime, sizediff.PathChange{Path: n, Change: sizediff.NewChange(0, 9)})
	r.Instantiators[0].Crate = n
	r.Buckets[1].Label, r.Buckets[1].Name = n, n
	r.Images = append(r.Images,
		sizediff.ImageChange{Path: n, Status: sizediff.Removed, MovedTo: n}, sizediff.ImageChange{Path: n + ".ko", Status: sizediff.Added, MovedFrom: n},
		sizediff.ImageChange{Path: n + "2", Status: sizediff.ImageChanged})
	for i := range r.Images[0].Sections {
		r.Images[0].Sections[i].Name = n + fmt.Sprint(i)
	}
	r.Opaque[0].Path = n
	r.Config = []sizediff.OptionChange{{Option: n, Base: n, Head: n}, {Option: n + "2", Base: n, Version: true}}
	r.Texts = []sizediff.TextChange{{What: n, Base: n, Head: n + "x", Images: []string{n}, Delta: 3}}
	r.Findings = []sizediff.Finding{{Rule: n, Severity: sizediff.Error, Message: n + " is " + n, Image: n}}
	r.Head.Fingerprint.Rustc = []string{n, "rustc version " + n}
	r.Head.Fingerprint.ConfigSHA256 = n
	over := withBudgets(target(n, r), 100, 100)
	over.Budgets[0].Budget.Owners = []string{n, "@org/team"}
	over.Budgets = append(over.Budgets, sizediff.BudgetResult{Budget: sizediff.Budget{Bucket: n, Path: n}, Delta: 5, Limit: 9, Status: sizediff.BudgetWithin})
	lost := failed(n)
	lost.Problem.Reason, lost.Problem.Remedy, lost.Problem.URL = n, n, "https://example.org/"+n
	return &sizediff.Evaluation{
		Targets: []sizediff.TargetResult{over, lost, withUsualBudgets(target("plain", growthReport()))},
		Provenance: sizediff.Provenance{
			Head: n, Base: n, MergeOf: n, ExactBase: n, WhyNotExact: n, Earlier: n, BaseChoice: sizediff.BaseExact, Commands: true,
			ReportURL: "https://example.org/r?" + n, HistoryURL: "data:" + n, JSONURL: "javascript:" + n,
		},
	}
}

// hostileEvaluations are the states in which other parts of the text are said.
func hostileEvaluations(n string) map[string]*sizediff.Evaluation {
	over, accepted, approximate, toolchain, missing, unmeasured := hostileEvaluation(n), hostileEvaluation(n), hostileEvaluation(n), hostileEvaluation(n), hostileEvaluation(n), hostileEvaluation(n)
	accepted.Acceptance = &sizediff.Acceptance{By: n, Head: n, Reason: n, CarriedFrom: n, Growth: accepted.Exceeded()}
	for i := range approximate.Targets {
		approximate.Targets[i].Budgets, toolchain.Targets[i].Budgets = nil, nil
	}
	approximate.Provenance.BaseChoice = sizediff.BaseApproximate
	toolchain.Targets[0].Report.State = sizediff.ToolchainChanged
	missing.Targets = []sizediff.TargetResult{baseless(n, n, n, over.Targets[0].Report)}
	unmeasured.Targets = unmeasured.Targets[1:2]
	quiet := hostileEvaluation(n)
	quiet.Targets = []sizediff.TargetResult{target(n, same(sizediff.Identical)), target(n+"2", same(sizediff.Unchanged))}
	decided, lapsed, exempted := hostileEvaluation(n), hostileEvaluation(n), hostileEvaluation(n)
	decided.Targets[0] = ratcheted(decided.Targets[0], 500, 100)
	decided.Targets[0].Budgets[3].Ratchet.Floor.SHA = n
	decided.Targets[0] = notJudged(decided.Targets[0], sizediff.BudgetResult{Budget: sizediff.Budget{Bucket: n, Path: n, Sources: true}}, n)
	decided.Acceptance = &sizediff.Acceptance{By: n, Head: n, Reason: n, Growth: decided.Exceeded()[:1]}
	decided.Justification, decided.Provenance.CommandPrefix = n, n
	decided.Proposal = &sizediff.Proposal{Title: n, Weaker: []string{n, n}, Loosened: []sizediff.Loosened{
		{Target: n, Budget: sizediff.Budget{Bucket: n, Path: n}, Old: 1, New: 2}, {Target: n, Budget: sizediff.Budget{Bucket: n, Path: n, Sources: true}, Old: 1, New: -1},
		{Target: n, Budget: sizediff.Budget{Bucket: n}, Ratchet: true, Old: 1, New: 2},
	}}
	lapsed.Lapsed = &sizediff.Lapse{By: n, Head: n, Reason: n, Why: n}
	exempted.Policy.Exempt = &sizediff.Exemption{Reason: n}
	for i, t := range exempted.Targets {
		exempted.Targets[i] = exempt(t, exempted.Policy.Exempt)
	}
	return map[string]*sizediff.Evaluation{"decided": decided, "lapsed": lapsed, "exempted": exempted, "over": over, "accepted": accepted, "approximate": approximate, "toolchain": toolchain, "missing": missing, "unmeasured": unmeasured, "quiet": quiet}
}

var allowed = map[string]bool{
	"html": true, "head": true, "body": true, "p": true, "strong": true, "em": false, "code": true, "pre": true, "table": true, "thead": true, "tbody": true,
	"tr": true, "th": true, "td": true, "ul": true, "li": true, "details": true, "summary": true, "a": true,
}

var autolinked = regexp.MustCompile(`(?i)@[a-z0-9]|#[0-9]|gh-[0-9]|https?:|www\.|\b[0-9a-f]{7,40}\b|:[a-z_]+:`)

// What GitHub does with the text after Markdown: it makes mentions, references and links in every text that is not code.
func TestHostileMarkdown(t *testing.T) {
	for _, n := range hostileNames {
		for state, e := range hostileEvaluations(n) {
			where := fmt.Sprintf("%s with %q", state, n)
			checkMarkdown(t, where, asMarkdown(t, e, MarkdownOptions{Updated: n}), e)
			checkMarkdown(t, where+" as text", asMarkdown(t, e, MarkdownOptions{Updated: n, Style: StyleText, Mention: []string{n}}), e)
		}
	}
}

func checkMarkdown(t *testing.T, where, out string, e *sizediff.Evaluation) {
	t.Helper()
	if !utf8.ValidString(out) || strings.ContainsAny(out, "\x00\x07\x1b\u202e\u2066\u200b\ufeff\u00ad\u2028\u2029\r\t") {
		t.Errorf("%s: a character that cannot be seen is in the output", where)
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(goldhtml.WithUnsafe()))
	var page bytes.Buffer
	if err := md.Convert([]byte(out), &page); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	folds := 0
	walk(doc, func(n *html.Node, inCode bool) {
		switch n.Type {
		case html.ElementNode:
			if n.Data == "details" && n.Parent.Data == "body" {
				folds++
			}
			if !allowed[n.Data] {
				t.Errorf("%s: element <%s> in\n%s", where, n.Data, out)
			}
			if n.Data == "a" && !ours(attribute(n, "href")) {
				t.Errorf("%s: link to %s", where, attribute(n, "href"))
			}
			if n.Data == "tr" && !sameWidth(n) {
				t.Errorf("%s: a row of another width in\n%s", where, out)
			}
		case html.CommentNode:
			t.Errorf("%s: comment %q", where, n.Data)
		case html.TextNode:
			if m := autolinked.FindString(n.Data); m != "" && !inCode {
				t.Errorf("%s: GitHub would link %q in %q", where, m, n.Data)
			}
			if inCode && regexp.MustCompile(`@[A-Za-z]`).MatchString(n.Data) {
				t.Errorf("%s: mention without joiner: %q", where, n.Data)
			}
		}
	})
	if folds != strings.Count(out, "\n<details><summary>") {
		t.Errorf("%s: %d folds at the top level in\n%s", where, folds, out)
	}
}

// ours are the addresses that the evaluation itself gives.
func ours(href string) bool {
	return strings.HasPrefix(href, "https://example.org/") || strings.HasPrefix(href, "https://github.com/o/r/")
}

func walk(n *html.Node, visit func(n *html.Node, inCode bool)) { walkIn(n, false, visit) }

func walkIn(n *html.Node, inCode bool, visit func(*html.Node, bool)) {
	inCode = inCode || n.Type == html.ElementNode && (n.Data == "code" || n.Data == "pre")
	visit(n, inCode)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walkIn(c, inCode, visit)
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// sameWidth reports whether a row has as many cells as the first row of its table.
func sameWidth(tr *html.Node) bool {
	table := tr.Parent.Parent
	var first *html.Node
	walk(table, func(n *html.Node, _ bool) {
		if first == nil && n.Data == "tr" {
			first = n
		}
	})
	return cells(tr) == cells(first)
}

func cells(tr *html.Node) int {
	n := 0
	for c := tr.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode {
			n++
		}
	}
	return n
}

var htmlElements = regexp.MustCompile(`^(html|head|meta|title|style|body|header|main|footer|section|nav|div|p|h1|h2|h3|dl|dt|dd|small|ul|li|span|svg|rect|line|table|caption|thead|tbody|tfoot|tr|th|td|details|summary|a)$`)

func TestHostileHTML(t *testing.T) {
	for _, n := range hostileNames {
		for state, e := range hostileEvaluations(n) {
			checkPage(t, fmt.Sprintf("%s with %q", state, n), asHTML(t, e))
		}
		e := hostileEvaluation(n)
		checkPage(t, "show", rendered(t, func(w io.Writer) error {
			return ShowHTML(w, e.Targets[0].Report, []sizediff.SymbolSize{{Demangled: n, Bucket: n, Size: 1}})
		}))
	}
}

func checkPage(t *testing.T, where, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	tables, scoped := 0, 0
	walk(doc, func(n *html.Node, _ bool) {
		switch n.Type {
		case html.ElementNode:
			if !htmlElements.MatchString(n.Data) {
				t.Errorf("%s: element <%s>", where, n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" || a.Key == "href" && !strings.HasPrefix(a.Val, "#target") && !ours(a.Val) {
					t.Errorf("%s: attribute %s=%q", where, a.Key, a.Val)
				}
			}
			if n.Data == "table" {
				tables++
			}
			if n.Data == "caption" {
				scoped++
			}
			if n.Data == "tr" && !sameWidth(n) {
				t.Errorf("%s: a row of another width", where)
			}
		case html.TextNode:
			if strings.ContainsAny(n.Data, "\x00\x07\x1b\u202e\u2066\u200b\ufeff") {
				t.Errorf("%s: a character that cannot be seen in %q", where, n.Data)
			}
		}
	})
	if tables != scoped {
		t.Errorf("%s: %d tables, %d captions", where, tables, scoped)
	}
}

// No page may need anything that the policy of the server forbids.
func TestPageIsSelfContained(t *testing.T) {
	page := asHTML(t, fixtureNamed("growth"))
	for _, bad := range []string{"<script", "<link", "@import", "url(", " src=", "javascript:", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if !strings.Contains(page, `<meta name="robots" content="noindex">`) {
		t.Error("the page may be indexed")
	}
}

func TestHostileText(t *testing.T) {
	for _, n := range hostileNames {
		for state, e := range hostileEvaluations(n) {
			out := asText(t, e)
			for _, r := range out {
				if r < ' ' && r != '\n' || r == 0x7f || strings.ContainsRune("\u202e\u2066\u200b\ufeff\u00ad\u2028\u2029", r) {
					t.Fatalf("%s with %q: %q in the output", state, n, r)
				}
			}
			if title := CheckTitle(e); strings.ContainsAny(title, "\n\r\x1b") || utf8.RuneCountInString(title) > 600 {
				t.Errorf("%s with %q: title %q", state, n, title)
			}
		}
	}
}

// JSON is for programs, so it keeps every character; escapes make those visible that people would not see.
func TestHostileJSON(t *testing.T) {
	for _, n := range append(hostileNames, "\u007f\u0085\u009b", "\U000e0041\U0001f600", "\u3164") {
		out := rendered(t, func(w io.Writer) error { return JSON(w, hostileEvaluation(n)) })
		if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && !seen(r) }); i >= 0 {
			t.Errorf("%q: %q in the output", n, out[i:min(len(out), i+20)])
		}
		var doc struct {
			Targets []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(out), &doc); err != nil {
			t.Fatalf("%q: %v", n, err)
		}
		if want := strings.ToValidUTF8(n, "\ufffd\ufffd"); doc.Targets[0].Name != want {
			t.Errorf("%q is read back as %q", want, doc.Targets[0].Name)
		}
	}
}

func TestEscapes(t *testing.T) {
	long := strings.Repeat("a", 200)
	for _, x := range []struct{ got, want string }{
		{code("core::fmt::num"), "`core::fmt::num`"},
		{code("<A as B>::f"), "<code>&lt;A as B&gt;::f</code>"},
		{code("@x"), "<code>&#64;&#8288;x</code>"},
		{code("a|b`c"), "<code>a&#124;b&#96;c</code>"},
		{code("\u202eab"), "<code>&#92;u202eab</code>"},
		{plain("a\nb"), `a\u000ab`},
		{plain("\xff"), `\xff`},
		{plain(long), long[:151] + "~" + capped(long, 160)[152:]},
		{markdownName("x86_64-rust"), "x86_64-rust"},
		{markdownName("__init__"), "`__init__`"},
		{inTheirWords(markdownVoice, "it is needed"), `"it is needed".`},
		{inTheirWords(markdownVoice, "it is needed. "), `"it is needed."`},
		{inTheirWords(plainVoice, "why not?"), `"why not?"`},
		{markdownProse("rustc 1.87.0 is new"), "rustc 1.87.0 is new"},
		{markdownProse("see 0410b2b, 0410b2b: core::fmt; f(x, @b)!"), "see `0410b2b`, `0410b2b`: `core::fmt`; <code>f(x, &#64;&#8288;b)&#33;</code>"},
		{markdownProse("new: <T as U>::f (generic) +3 B, a::<b, c> too"), "new: <code>&lt;T as U&gt;::f</code> (generic) +3 B, <code>a::&lt;b, c&gt;</code> too"},
		{markdownProse("if x < y then <b is open"), "if x <code>&lt;</code> y then <code>&lt;b</code> is open"},
		{markdownProse("see #12, not http://x.y"), "see <code>&#35;12,</code> not `http://x.y`"},
		{fence("a ```` b\n"), "`````text\na ```` b\n`````\n"},
		{fence("a@b\n"), "```text\na@\u2060b\n```\n"},
		{plainProse("a\u3164\u2800\u115fb"), `a\u3164\u2800\u115fb`},
		{link("t", "https://a.b/c(d)"), "[t](https://a.b/c%28d%29)"},
		{link("t", "javascript:x"), "t"},
		{link("t", "//a.b"), "t"},
	} {
		if x.got != x.want {
			t.Errorf("got %q, want %q", x.got, x.want)
		}
	}
	if n := utf8.RuneCountInString(plain(long)); n != maxName {
		t.Errorf("a long name has %d characters", n)
	}
	if plain(long) == plain(long+"b") {
		t.Error("two long names look the same")
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, n := range hostileNames {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n string) {
		if len(n) > 300 {
			return
		}
		for state, e := range hostileEvaluations(n) {
			checkMarkdown(t, state, asMarkdown(t, e, MarkdownOptions{}), e)
		}
	})
}

// TestMention: who may own a budget can be mentioned, and nothing else.
func TestMention(t *testing.T) {
	for name, want := range map[string]bool{
		"@jo": true, "@jo_corp": true, "@org/team_a": true, "@_jo": false, "@a/b/c": false, "@x<y>": false, "@": false, "@org/": false,
	} {
		if got := mention().MatchString(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}
