package render

import (
	"io"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// savings is a summary of code in which a function, its crate and its image have names.
func savings(name, image string) *insight.Summary {
	code := insight.CodeRead{Judged: 274_554, NotJudged: 153}
	return &insight.Summary{Code: &insight.CodeSavings{
		Folding:   &insight.FoldSavings{CodeRead: code, Saves: 7742, Safe: 62, Groups: identical(name, image)},
		Tails:     &insight.TailSavings{CodeRead: code, Saves: 280, Return: 280, Tails: ends(name, image)},
		Outlining: &insight.OutlineSavings{CodeRead: code, Saves: 606, Families: []insight.OutlineEstimate{{Image: image, Name: name, Crate: name, Instances: 3, Bytes: 1380, Sharing: 3, Common: 363, Saves: 606}}},
	}}
}

func savingsChanges(name, image string) *insight.Changes {
	return &insight.Changes{Code: &insight.CodeChanges{
		Folding:   &insight.FoldChanges{Saves: sizediff.NewChange(7445, 7742), Safe: sizediff.NewChange(62, 62), New: identical(name, image)},
		Tails:     &insight.TailChanges{Saves: sizediff.NewChange(10_576, 15_043), New: ends(name, image)},
		Outlining: &insight.OutlineChanges{Saves: sizediff.NewChange(0, 606), Families: []insight.OutlineChange{{Image: image, Name: name, Saves: sizediff.NewChange(0, 606)}}},
	}}
}

func identical(name, image string) []insight.IdenticalCode {
	f := insight.IdenticalFunction{CodeName: insight.CodeName{Name: name, Symbol: name}, Bytes: 62}
	other := insight.IdenticalFunction{CodeName: insight.CodeName{Name: "other", Symbol: "other"}, Bytes: 62, AddressTaken: true}
	return []insight.IdenticalCode{{Image: image, Functions: []insight.IdenticalFunction{f, f, other}, Saves: 124, Safe: 62}}
}

func ends(name, image string) []insight.CommonEnd {
	f := insight.CodeName{Name: name, Symbol: name}
	return []insight.CommonEnd{{Image: image, Bytes: 61, Functions: []insight.CodeName{f, f}, Saves: 56, Ending: insight.EndsInTrap}}
}

func textOf(t *testing.T, list []insightTable) string {
	return rendered(t, func(w io.Writer) error { return insightText(w, list, Options{}) })
}

// TestCodeGoldens has what is known, and then what is not.
func TestCodeGoldens(t *testing.T) {
	const name = "<rust_binder::allocation::AllocationView>::write::<_>"
	s, c := savings(name, "vmlinux").Code, savingsChanges(name, "vmlinux").Code
	none, unread := &insight.CodeSavings{Folding: &insight.FoldSavings{}, Tails: &insight.TailSavings{}, Outlining: &insight.OutlineSavings{}}, &insight.CodeSavings{}
	golden(t, "code.txt", textOf(t, codeTables(s, plainVoice))+textOf(t, codeTables(none, plainVoice))+
		textOf(t, codeTables(unread, plainVoice))+textOf(t, codeTables(nil, plainVoice)))
	golden(t, "code-changes.txt", textOf(t, codeChangeTables(c, plainVoice))+textOf(t, codeChangeTables(&insight.CodeChanges{}, plainVoice))+
		textOf(t, codeChangeTables(nil, plainVoice)))
	golden(t, "code.md", rendered(t, func(w io.Writer) error { return insightMarkdown(w, codeTables(s, markdownVoice), Options{}) }))
	golden(t, "insight.html", rendered(t, func(w io.Writer) error {
		return InsightHTML(w, fixtureNamed("growth-cli"), savingsChanges(name, "vmlinux"))
	}))
	golden(t, "show-insight.html", rendered(t, func(w io.Writer) error { return ShowInsightHTML(w, growthReport(), nil, savings(name, "vmlinux")) }))
	golden(t, "code.json", rendered(t, func(w io.Writer) error { return encode(w, []any{s, c}) }))
}

// Names from files are text on a page, and never markup or columns elsewhere.
func TestHostileCode(t *testing.T) {
	for _, n := range hostileNames {
		checkPage(t, "diff", rendered(t, func(w io.Writer) error { return InsightHTML(w, fixtureNamed("growth-cli"), savingsChanges(n, n)) }))
		checkPage(t, "show", rendered(t, func(w io.Writer) error { return ShowInsightHTML(w, growthReport(), nil, savings(n, n)) }))
		for _, list := range [][]insightTable{codeTables(savings(n, n).Code, markdownVoice), codeChangeTables(savingsChanges(n, n).Code, markdownVoice)} {
			out := rendered(t, func(w io.Writer) error { return insightMarkdown(w, list, Options{}) })
			for line := range strings.Lines(out) {
				if strings.HasPrefix(line, "|") && strings.Count(line, "|")-strings.Count(line, `\|`) > 8 {
					t.Errorf("%q makes columns: %s", n, line)
				}
			}
		}
		for _, r := range textOf(t, codeTables(savings(n, n).Code, plainVoice)) + textOf(t, codeChangeTables(savingsChanges(n, n).Code, plainVoice)) {
			if r < ' ' && r != '\n' || r == 0x7f || r == '\u202e' {
				t.Fatalf("%q: %q in the text", n, r)
			}
		}
	}
}

// A page has the first rows of a long table, and says how many there are besides. No other table of a page is cut.
func TestLongInsight(t *testing.T) {
	s := savings("f", "vmlinux")
	for range maxPageRows + 6 {
		s.Code.Tails.Tails = append(s.Code.Tails.Tails, ends("f", "vmlinux")...)
	}
	page := rendered(t, func(w io.Writer) error {
		return ShowInsightHTML(w, growthReport(), make([]sizediff.SymbolSize, maxPageRows+50), s)
	})
	if !strings.Contains(page, "7 ends not shown.") || strings.Count(page, "not shown") != 1 {
		t.Errorf("the page does not say that 7 ends are not shown")
	}
	if n := strings.Count(page, "<td class=\"word\">trap</td>"); n != maxPageRows {
		t.Errorf("the page has %d ends", n)
	}
	if n := strings.Count(page, "<tr>"); n < 2*maxPageRows+50 {
		t.Errorf("the page has %d rows in all", n)
	}
}
