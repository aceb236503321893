package command

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// line is a line on which a command stands.
type line struct {
	number int    // from 1
	source string // as it was written
	rest   string // what a reader sees of it behind what starts a command
}

func (l line) fault(e *Error) *Error {
	e.Line, e.Source = l.number, shorten(l.source, maxSource)
	return e
}

// Limits of what is read. Nobody who writes a command comes near them, and some Markdown within GitHub's own limit, the
// first of them, would cost a parser seconds or gigabytes.
const (
	maxBody      = 65_536 // characters
	maxLines     = 5_000
	maxDepth     = 100   // quotes and lists inside each other
	maxParagraph = 4_096 // bytes of a paragraph that holds a command
)

// find returns the lines on which commands stand, no more than tell that there are too many. The error is about the line after
// them, which looks like a command but was not read.
func find(body string, o Options) ([]line, *Error) {
	first, ok := looksLike(body, o)
	if !ok {
		return nil, nil
	}
	if tooMuch(body) {
		return nil, first.fault(&Error{Kind: TooLong, Reason: "the comment is too long, or nests too deep, to be searched for commands",
			Hint: "write the command into a comment of its own"})
	}
	doc := read(body)
	var lines []line
	for n := doc.root.FirstChild(); n != nil && len(lines) <= MaxCommands; n = n.NextSibling() {
		if n.Kind() != ast.KindParagraph {
			continue
		}
		found, fault := doc.paragraph(n, o)
		lines = append(lines, found...)
		if fault != nil {
			return lines, fault
		}
	}
	return lines[:min(len(lines), MaxCommands+1)], nil
}

// looksLike returns the first line that would be a command if Markdown allows it.
func looksLike(body string, o Options) (line, bool) {
	number := 0
	for source := range strings.SplitSeq(body, "\n") {
		number++
		if _, ok := o.cut(strings.TrimLeft(source, " ")); ok {
			return line{number: number, source: strings.TrimSpace(source)}, true
		}
	}
	return line{}, false
}

func tooMuch(body string) bool {
	if utf8.RuneCountInString(body) > maxBody || strings.Count(body, "\n") >= maxLines {
		return true
	}
	for l := range strings.SplitSeq(body, "\n") {
		if depth(l) > maxDepth {
			return true
		}
	}
	return false
}

// depth bounds how many quotes and lists a line can be inside of. A level of a list needs two columns of space or a marker and a
// space.
func depth(l string) int {
	levels, columns := 0, 0
	for i := range len(l) {
		switch l[i] {
		case ' ':
			columns++
		case '\t':
			columns += 4
		case '>':
			levels++
		case '-', '*', '+', '.', ')':
			if i+1 < len(l) && (l[i+1] == ' ' || l[i+1] == '\t') {
				levels++
			}
		case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		default:
			return levels + columns/2
		}
	}
	return levels + columns/2
}

// document is a comment's structure: its blocks, and in them as much as it takes to tell HTML from what only looks like it. Emphasis
// and links are looked for in paragraphs with commands alone: hostile ones cost the square of their length.
type document struct {
	body       string
	root       ast.Node
	references []parser.Reference // [label]: destination
	inside     []span             // of HTML elements
}

var (
	blocks = parser.NewParser(
		parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewRawHTMLParser(), 400)))
	inlines = parser.NewParser(
		parser.WithBlockParsers(util.Prioritized(parser.NewParagraphParser(), 100)),
		parser.WithInlineParsers(parser.DefaultInlineParsers()...),
		parser.WithInlineParsers(util.Prioritized(extension.NewStrikethroughParser(), 500)))
)

func read(body string) document {
	context := parser.NewContext()
	doc := document{body: body, root: blocks.Parse(text.NewReader([]byte(body)), parser.WithContext(context))}
	doc.references = context.References()
	var tags tags
	for n := doc.root.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.HTMLBlock:
			extent := linesOf(n)
			extent.to = max(extent.to, n.ClosureLine.Stop)
			tags.read(body[extent.from:extent.to], extent.from)
		case *ast.Paragraph:
			for _, html := range rawHTML(n) {
				tags.read(body[html.from:html.to], html.from)
			}
		}
	}
	doc.inside = tags.elements(len(body))
	return doc
}

// span is a range of bytes, from the first up to and without the last.
type span struct{ from, to int }

func (s span) holds(at int) bool { return s.from <= at && at < s.to }

func holds(spans []span, at int) bool {
	for _, s := range spans {
		if s.holds(at) {
			return true
		}
	}
	return false
}

func linesOf(block ast.Node) span {
	l := block.Lines()
	return span{l.At(0).Start, l.At(l.Len() - 1).Stop}
}

// rawHTML returns where there is HTML in the text of a block.
func rawHTML(block ast.Node) []span {
	var spans []span
	_ = ast.Walk(block, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // its error is always nil
		if html, ok := n.(*ast.RawHTML); ok && entering {
			spans = append(spans, span{html.Segments.At(0).Start, html.Segments.At(html.Segments.Len() - 1).Stop})
		}
		return ast.WalkContinue, nil
	})
	return spans
}

// delimiterRow is the second line of a table.
var delimiterRow = regexp.MustCompile(`^\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$`)

// paragraph returns the commands in a paragraph.
func (d document) paragraph(p ast.Node, o Options) ([]line, *Error) {
	var candidates []candidate
	for i := range p.Lines().Len() {
		segment := p.Lines().At(i)
		if source := d.body[segment.Start:segment.Stop]; i > 0 && delimiterRow.MatchString(strings.TrimRight(source, "\n")) {
			if n := len(candidates); n > 0 && candidates[n-1].index == i-1 {
				candidates = candidates[:n-1] // it is the table's head
			}
			break // all that follows is the table's body
		}
		if c, ok := d.candidate(segment.Start, o); ok && !holds(d.inside, c.at) {
			c.index = i
			candidates = append(candidates, c)
		}
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	extent := linesOf(p)
	if extent.to-extent.from > maxParagraph {
		return nil, candidates[0].fault(&Error{Kind: TooLong, Reason: "the paragraph is too long to be searched for commands",
			Hint: "leave an empty line before and after the command"})
	}
	shown := d.visible(extent)
	var lines []line
	for _, c := range candidates {
		if holds(shown.plain, c.at) {
			c.rest = shown.without(c.rest, c.restAt)
			lines = append(lines, c.line)
		}
	}
	return lines, nil
}

// candidate is a line of a paragraph that begins like a command.
type candidate struct {
	line
	index      int // in the paragraph
	at, restAt int // where the command and its rest begin
}

// candidate looks at the line whose text begins at a place.
func (d document) candidate(at int, o Options) (candidate, bool) {
	start := strings.LastIndexByte(d.body[:at], '\n') + 1
	if indent := d.body[start:at]; len(indent) > 3 || strings.Trim(indent, " ") != "" {
		return candidate{}, false
	}
	source, _, _ := strings.Cut(d.body[at:], "\n")
	rest, ok := o.cut(source)
	if !ok {
		return candidate{}, false
	}
	number := strings.Count(d.body[:at], "\n") + 1
	return candidate{line: line{number: number, source: strings.TrimSpace(source), rest: rest}, at: at, restAt: at + len(source) - len(rest)}, true
}

// visibility says what readers see of a paragraph.
type visibility struct {
	plain  []span // text that is neither code nor part of a link, nor marked in any way
	unseen []span // comments, and backslashes that break a line
}

func (d document) visible(paragraph span) visibility {
	context := parser.NewContext()
	for _, r := range d.references {
		context.AddReference(r)
	}
	source := d.body[paragraph.from:paragraph.to]
	root := inlines.Parse(text.NewReader([]byte(source)), parser.WithContext(context))
	var v visibility
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // its error is always nil
		t, ok := n.(*ast.Text)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		from, to := paragraph.from+t.Segment.Start, paragraph.from+t.Segment.Stop
		if n.Parent().Kind() == ast.KindParagraph {
			v.plain = append(v.plain, span{from, to})
		}
		if t.HardLineBreak() && strings.HasPrefix(d.body[to:], `\`) {
			v.unseen = append(v.unseen, span{to, to + 1})
		}
		return ast.WalkContinue, nil
	})
	for _, html := range rawHTML(root) {
		if kind := source[html.from+1]; kind == '!' || kind == '?' {
			v.unseen = append(v.unseen, span{paragraph.from + html.from, paragraph.from + html.to})
		}
	}
	return v
}

// without returns what is seen of a text that begins at a place.
func (v visibility) without(s string, at int) string {
	var b strings.Builder
	for i := range len(s) {
		if !holds(v.unseen, at+i) {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
