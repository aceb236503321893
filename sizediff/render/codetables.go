package render

import (
	"fmt"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// What is said where savings are not known.
const (
	noCode       = "Not known: a measurement holds no code. Give the build that it was made from."
	noCodeOfBoth = "Not compared: not known of both builds, because a measurement holds no code. Give the builds that they were made from."
	unreadable   = "Not known: none of the code could be read, because it has no symbols or is of another machine than x86-64 and arm64."
	notOfBoth    = "Not compared: not known of both builds. The code of one has no symbols, or is of another machine than x86-64 and arm64."
)

// codeTable begins one of the tables about shared code. Where nothing is known, why says so.
func codeTable(title, noun string, words int, why string, head ...string) insightTable {
	t := insightTable{showTable: showTable{title: title, noun: noun, head: head}, text: why}
	t.showTable.text = words
	return t
}

func foldTable(why string) insightTable {
	return codeTable("Identical functions", "group", 1, why, "function", "copies", "saves", "safely", "image")
}

func tailTable(why string) insightTable {
	return codeTable("Common ends of functions", "end", 2, why, "function", "copies", "bytes", "saves", "ends in", "image")
}

const (
	codeTitle    = "Code that could be shared"
	outlineTitle = "What instances of generic functions have in common"
)

// codeTables are what sharing code would save in a build. s may be nil.
func codeTables(s *insight.CodeSavings, say voice) []insightTable {
	if s == nil {
		return []insightTable{{showTable: showTable{title: codeTitle}, text: noCode}}
	}
	return []insightTable{foldings(s, say), tailMergings(s, say), outlinings(s, say)}
}

func foldings(s *insight.CodeSavings, say voice) insightTable {
	t := foldTable(unreadable)
	switch f := s.Folding; {
	case f == nil:
	case len(f.Groups) == 0:
		t.text = "There are none. " + readWords(s.Scope, f.CodeRead)
	default:
		t.text = fmt.Sprintf("Folding them would save %s with the linker's --icf=all, of it at least %s with --icf=safe, "+
			"which leaves alone what has its address taken. %s", bytesOf(f.Saves), bytesOf(f.Safe), readWords(s.Scope, f.CodeRead))
		t.rows = foldedRows(f.Groups, say)
	}
	return t
}

// readWords says how much of the code was looked at.
func readWords(scope insight.Scope, r insight.CodeRead) string {
	code := "Rust code"
	if scope == insight.WholeImage {
		code = "code"
	}
	s := fmt.Sprintf("Looked at: %s of %s", bytesOf(r.Judged), code)
	if r.NotJudged > 0 {
		s += fmt.Sprintf("; not %s that cannot be read", bytesOf(r.NotJudged))
	}
	return s + "."
}

func foldedRows(groups []insight.IdenticalCode, say voice) (rows [][]string) {
	for _, g := range groups {
		var names []string
		for _, f := range g.Functions {
			names = append(names, f.Name)
		}
		rows = append(rows, []string{severalNames(names, say), num(int64(len(names))), num(g.Saves), num(g.Safe), say.code(g.Image)})
	}
	return rows
}

// severalNames is the first of some names, and how many others there are.
func severalNames(names []string, say voice) string {
	s := say.code(names[0])
	slices.Sort(names)
	if n := len(slices.Compact(names)) - 1; n > 0 {
		s += " and " + counted(n, "other")
	}
	return s
}

func tailMergings(s *insight.CodeSavings, say voice) insightTable {
	t := tailTable(unreadable)
	switch m := s.Tails; {
	case m == nil:
	case len(m.Tails) == 0:
		t.text = "There are none that would save anything. " + readWords(s.Scope, m.CodeRead)
	default:
		t.text = fmt.Sprintf("One copy of each would save %s by estimate, beyond what folding saves and less the jumps to it: "+
			"%s end in a return, %s in a jump, %s in a trap or a call that does not come back. %s",
			bytesOf(m.Saves), bytesOf(m.Return), bytesOf(m.Jump), bytesOf(m.Trap), readWords(s.Scope, m.CodeRead))
		t.rows = tailRows(m.Tails, say)
	}
	return t
}

func tailRows(tails []insight.CommonEnd, say voice) (rows [][]string) {
	for _, e := range tails {
		var names []string
		for _, f := range e.Functions {
			names = append(names, f.Name)
		}
		rows = append(rows, []string{severalNames(names, say), num(int64(len(names))), num(e.Bytes), num(e.Saves), e.Ending.String(), say.code(e.Image)})
	}
	return rows
}

func outlinings(s *insight.CodeSavings, say voice) insightTable {
	t := codeTable(outlineTitle, "family", 1, unreadable, "family", "instances", "bytes", "alike", "common", "saves", "image")
	o := s.Outlining
	switch {
	case o == nil:
		return t
	case len(o.Families) == 0:
		t.text = "Nothing that would save anything as an inner function, by estimate. " + readWords(s.Scope, o.CodeRead)
		return t
	}
	t.text = fmt.Sprintf("As inner functions that are not generic it would save %s, by estimate: a call and a jump are taken off for each instance, "+
		"nothing for arguments. “alike” is how many instances have “common” bytes each. Their common ends count above as well. %s",
		bytesOf(o.Saves), readWords(s.Scope, o.CodeRead))
	for _, f := range o.Families {
		t.rows = append(t.rows, []string{say.code(f.Name), num(int64(f.Instances)), num(f.Bytes), num(int64(f.Sharing)), num(f.Common), num(f.Saves), say.code(f.Image)})
	}
	return t
}

// codeChangeTables are codeTables before and after. c may be nil.
func codeChangeTables(c *insight.CodeChanges, say voice) []insightTable {
	if c == nil {
		return []insightTable{{showTable: showTable{title: codeTitle}, text: noCodeOfBoth}}
	}
	folded, tails := foldTable(notOfBoth), tailTable(notOfBoth)
	if f := c.Folding; f != nil {
		folded.text = fmt.Sprintf("What folding them would save with the linker's --icf=all: %s; with --icf=safe at least: %s.%s%s",
			changeWords(f.Saves), changeWords(f.Safe), notReadWords(f.NotJudged), newWords(len(f.New), "group"))
		folded.rows = foldedRows(f.New, say)
	}
	if m := c.Tails; m != nil {
		tails.text = fmt.Sprintf("What one copy of each would save by estimate, beyond folding: %s.%s%s",
			changeWords(m.Saves), notReadWords(m.NotJudged), newWords(len(m.New), "end"))
		tails.rows = tailRows(m.New, say)
	}
	return []insightTable{folded, tails, outlineChanges(c, say)}
}

func outlineChanges(c *insight.CodeChanges, say voice) insightTable {
	t := codeTable(outlineTitle, "family", 1, notOfBoth, "family", "before", "after", "change", "image")
	o := c.Outlining
	if o == nil {
		return t
	}
	t.text = fmt.Sprintf("What inner functions that are not generic would save, by estimate: %s.%s", changeWords(o.Saves), notReadWords(o.NotJudged))
	for _, f := range o.Families {
		t.rows = append(t.rows, []string{say.code(f.Name), num(f.Saves.Base), num(f.Saves.Head), delta(f.Saves.Delta), say.code(f.Image)})
	}
	return t
}

// changeWords is a size after and before, for a sentence.
func changeWords(c sizediff.Change) string {
	if c.Delta == 0 {
		return bytesOf(c.Head) + " as before"
	}
	return fmt.Sprintf("%s, before %s (%s)", bytesOf(c.Head), bytesOf(c.Base), delta(c.Delta))
}

// newWords introduces what is new by name.
func newWords(n int, noun string) string {
	if n == 0 {
		return " None is new by the names of the functions."
	}
	return " New by the names of the functions: " + counted(n, noun) + "."
}

func notReadWords(c sizediff.Change) string {
	if c.Base == 0 && c.Head == 0 {
		return ""
	}
	return fmt.Sprintf(" Code that cannot be read: %s.", changeWords(c))
}
