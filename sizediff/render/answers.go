package render

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// This file is what the App answers to commands in comments: short Markdown, about one question.

// answerRows bounds each table of an answer.
const answerRows = 20

// Code is a name from outside, in Markdown.
func Code(s string) string { return code(s) }

// Usage is a command as one writes it, in Markdown: letters of any script stay, the whole is one piece of code.
func Usage(s string) string {
	s = plainProse(s)
	if strings.ContainsAny(s, "`|@<>&\\") {
		return "<code>" + entities(s) + "</code>"
	}
	return "`" + s + "`"
}

// Prose is a sentence from outside, in Markdown.
func Prose(s string) string { return markdownProse(s) }

// Fence is a block of text from outside, in Markdown.
func Fence(s string) string { return fence(s) }

// Link is a Markdown link with our own words, or only they when the address is not plain HTTP.
func Link(text, address string) string { return link(text, address) }

// Bytes is a number of bytes for people.
func Bytes(n int64) string { return bytesOf(n) }

// answer is a table in the making.
type answer struct{ strings.Builder }

func (a *answer) line(format string, args ...any) { fmt.Fprintf(&a.Builder, format+"\n", args...) }

// table writes at most answerRows rows, and how many were left out.
func (a *answer) table(head, rule string, noun string, rows []string) {
	if len(rows) == 0 {
		return
	}
	a.line("\n%s\n%s", head, rule)
	for _, r := range firstOf(rows, answerRows) {
		a.line("%s", r)
	}
	if more := len(rows) - answerRows; more > 0 {
		a.line("\n%s not shown.", sentenceCase(counted(more, noun)))
	}
}

// bytesOfFound are a table's last columns: what is there, and what was there before if that is known.
type bytesOfFound struct{ alone bool }

func (c bytesOfFound) head() string {
	if c.alone {
		return " | bytes |"
	}
	return " | before | after | change |"
}

func (c bytesOfFound) rule() string {
	if c.alone {
		return "--:|"
	}
	return "--:|--:|--:|"
}

func (c bytesOfFound) cells(x sizediff.Change) string {
	if c.alone {
		return num(x.Head)
	}
	return fmt.Sprintf("%s | %s | %s", num(x.Base), num(x.Head), delta(x.Delta))
}

// FoundMarkdown answers what a name means in a target.
func FoundMarkdown(w io.Writer, target string, f sizediff.Found) error {
	a := new(answer)
	if f.Nothing() {
		a.line("%s: no symbol, crate or section is called %s.", markdownName(target), code(f.Query))
		return writeTo(w, a.String())
	}
	a.line("**%s in %s**", code(f.Query), markdownName(target))
	if f.Alone {
		a.line("\nNot compared: the base is not measured. These are the sizes of the head.")
	}
	c := bytesOfFound{f.Alone}
	var rows []string
	for _, s := range f.Symbols {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s %s | %s |", code(s.Name), markdownName(s.Bucket), code(s.Image), code(s.Section), c.cells(s.Change)))
	}
	a.table("| symbol | bucket | where"+c.head(), "|:--|:--|:--|"+c.rule(), "symbol", rows)
	rows = nil
	for _, x := range f.Families {
		instances := fmt.Sprintf("%d → %d", x.BaseInstances, x.HeadInstances)
		if f.Alone {
			instances = fmt.Sprint(x.HeadInstances)
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", code(x.Name), instances, c.cells(x.Change)))
	}
	a.table("| generic family | instances"+c.head(), "|:--|--:|"+c.rule(), "family", rows)
	rows = nil
	for _, x := range f.Crates {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", code(x.Crate), markdownName(x.Bucket), c.cells(x.Change)))
	}
	a.table("| crate | bucket"+c.head(), "|:--|:--|"+c.rule(), "crate", rows)
	rows = nil
	for _, s := range f.Sections {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |", code(s.Name), code(s.Image), s.Kind, c.cells(s.Change)))
	}
	a.table("| section | image | kind"+c.head(), "|:--|:--|:--|"+c.rule(), "section", rows)
	return writeTo(w, a.String())
}

// TopMarkdown lists the largest symbols of a target.
func TopMarkdown(w io.Writer, target string, largest []sizediff.SymbolSize) error {
	a := new(answer)
	a.line("**Largest symbols of %s**", markdownName(target))
	if len(largest) == 0 {
		a.line("\nNone: the images have no symbols, or none is in that bucket.")
		return writeTo(w, a.String())
	}
	a.line("\n| symbol | bytes | bucket | where |\n|:--|--:|:--|:--|")
	for _, s := range largest {
		a.line("| %s | %s | %s | %s |", code(s.Demangled), num(s.Size), markdownName(s.Bucket), code(s.Image))
	}
	return writeTo(w, a.String())
}

// MeasuredTarget is one target as it was measured: a build compared with itself.
type MeasuredTarget struct {
	Name, Commit string
	Report       *sizediff.Report
}

// ConfigsMarkdown lists what is measured, with what it was built and how much of it is attributed.
func ConfigsMarkdown(w io.Writer, targets []MeasuredTarget) error {
	a := new(answer)
	a.line("**Measured targets**\n\n| target | commit | images | resident | unattributed | built with |\n|:--|:--|--:|--:|--:|:--|")
	for _, t := range targets {
		r := t.Report
		a.line("| %s | %s | %d | %s | %s | %s |", markdownName(t.Name), code(short(t.Commit)), len(r.Images), num(r.Totals.Resident.Head),
			share(r.Closing.Resident.Unattributed.Head, r.Totals.Resident.Head), buildTools(r, markdownVoice))
	}
	return writeTo(w, a.String())
}

// CommitText is the block of every compared target for a commit message or a mail, each with its symbols in the form of
// bloat-o-meter, as Markdown. It holds sizes only: no verdict, nor what could be done about it.
func CommitText(w io.Writer, e *sizediff.Evaluation) error {
	v := newView(e)
	var blocks []string
	for _, t := range v.compared {
		blocks = append(blocks, commitBlock(t)+"\n"+bloatBlock(t.Report, "Function", answerRows, Options{}.withDefaults().Width, 0))
	}
	for _, t := range v.missing {
		blocks = append(blocks, fmt.Sprintf("Size (%s): not compared\n", cmp.Or(plain(t.Name), "one build")))
	}
	if len(blocks) == 0 {
		blocks = []string{"Size: not compared\n"}
	}
	return writeTo(w, fence(strings.Join(blocks, "\n")))
}
