// Package render turns an evaluation into text, Markdown, JSON and HTML.
//
// All formats say the same, because they share one view of the evaluation (view.go), one first table (rows.go) and one
// wording (words.go, facts.go). A format only lays out. The output is a function of the input alone.
//
// What comes from binaries, archives and repositories is hostile. Each context has one function in escape.go that makes a
// name harmless there.
package render

import (
	"fmt"
	"io"
	"strings"
)

// Options of the text forms. The zero value is the default.
type Options struct {
	Top   int  // rows of symbols; 0 is 30, negative is all
	Color bool // colour growth and shrinkage with terminal escapes; the words are the same without
	Width int  // columns; 0 is 80, less than 72 is 72
}

const (
	defaultTop   = 30
	defaultWidth = 80
	minWidth     = 72
)

func (o Options) withDefaults() Options {
	if o.Top == 0 {
		o.Top = defaultTop
	}
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, minWidth)
	return o
}

// page collects text output.
type page struct {
	strings.Builder
	o Options
}

func (p *page) line(s string) { p.WriteString(s); p.WriteByte('\n') }

// paragraph wraps a sentence at the page's width; lines after the first are indented by hang.
func (p *page) paragraph(s string, hang int) {
	for _, l := range wrapWords(s, p.o.Width, hang) {
		p.line(l)
	}
}

func (p *page) heading(s string) {
	p.line("")
	p.line(p.paint(bold, s))
}

const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	reset = "\x1b[0m"
)

func (p *page) paint(style, s string) string {
	if !p.o.Color || strings.TrimSpace(s) == "" {
		return s
	}
	return style + s + reset
}

// paintDelta colours a column that holds a signed number.
func (p *page) paintDelta(s string) string {
	switch t := strings.TrimSpace(s); {
	case strings.HasPrefix(t, "+"):
		return p.paint(red, s)
	case strings.HasPrefix(t, "-") && t != "-":
		return p.paint(green, s)
	}
	return s
}

// grid is a table in text: the first column holds names, the others numbers.
type grid struct {
	head []string
	rows [][]string
	text int // the last columns that are text and aligned to the left
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// write lays the table out. A name that is too long for its column stands on lines of its own; numbers are on the last.
func (g *grid) write(p *page) {
	widths := make([]int, len(g.head))
	for _, r := range append([][]string{g.head}, g.rows...) {
		for i, c := range r {
			widths[i] = max(widths[i], len([]rune(c)))
		}
	}
	rest := p.o.Width
	for _, w := range widths[1:] {
		rest -= w + 2
	}
	widths[0] = min(widths[0], max(rest, 16))
	g.writeRow(p, g.head, widths, true)
	for _, r := range g.rows {
		g.writeRow(p, r, widths, false)
	}
}

func (g *grid) writeRow(p *page, cells []string, widths []int, head bool) {
	names := wrapName(cells[0], widths[0])
	for _, n := range names[:len(names)-1] {
		p.line(n)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s", widths[0], names[len(names)-1])
	for i, c := range cells[1:] {
		if i+1 >= len(cells)-g.text {
			fmt.Fprintf(&b, "  %-*s", widths[i+1], c)
			continue
		}
		cell := fmt.Sprintf("%*s", widths[i+1], c)
		if !head {
			cell = p.paintDelta(cell)
		}
		b.WriteString("  " + cell)
	}
	p.line(strings.TrimRight(b.String(), " "))
}

// wrapWords breaks at spaces; a word that is longer than a line is broken like a name.
func wrapWords(s string, width, hang int) []string {
	var lines []string
	line, indent := "", ""
	flush := func() {
		lines = append(lines, indent+line)
		line, indent = "", strings.Repeat(" ", hang)
	}
	for _, w := range strings.Fields(s) {
		if line != "" && len([]rune(indent+line))+1+len([]rune(w)) > width {
			flush()
		}
		for len([]rune(indent+w)) > width && line == "" {
			r := []rune(w)
			line, w = string(r[:width-len(indent)]), string(r[width-len(indent):])
			flush()
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	flush()
	return lines
}

func writeTo(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}
