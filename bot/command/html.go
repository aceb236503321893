package command

import (
	"regexp"
	"slices"
	"strings"
)

// tags are the HTML tags of a comment, in their order, as far as they stand in no quote, list, heading or table: those end what
// was begun in them.
type tags struct {
	all        []tag
	broken     bool // a tag or comment does not end
	unfinished int  // where it begins
}

type tag struct {
	name    string
	closing bool
	at      int
}

var tagName = regexp.MustCompile(`^</?([A-Za-z][A-Za-z0-9-]*)`)

// read adds the tags in a piece of HTML that begins at a place.
func (t *tags) read(html string, at int) {
	for i := 0; i < len(html) && !t.broken; {
		open := strings.IndexByte(html[i:], '<')
		if open < 0 {
			return
		}
		i += open
		size := 1
		switch m := tagName.FindStringSubmatch(html[i:]); {
		case strings.HasPrefix(html[i:], "<!--"):
			size = after(html[i:], len("<!"), "-->") // <!--> is a comment, too
		case strings.HasPrefix(html[i:], "<!"), strings.HasPrefix(html[i:], "<?"):
			size = after(html[i:], len("<!"), ">")
		case m != nil:
			t.all = append(t.all, tag{name: lower(m[1]), closing: html[i+1] == '/', at: at + i})
			size = tagEnd(html[i:], len(m[0]))
		}
		if size < 0 {
			t.broken, t.unfinished = true, at+i
			return
		}
		i += size
	}
}

// after returns the place behind the next end, or -1.
func after(s string, from int, end string) int {
	if i := strings.Index(s[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return -1
}

// tagEnd returns the place behind a tag's >, or -1. Values of attributes may hold one in quotes.
func tagEnd(s string, i int) int {
	value := false // whether an = has been read, and the value not yet begun
	for i < len(s) {
		switch c := s[i]; {
		case c == '>':
			return i + 1
		case value && (c == '"' || c == '\''):
			if i = after(s, i+1, string(c)); i < 0 {
				return -1
			}
			value = false
			continue
		case c == '=':
			value = true
		case !strings.ContainsRune(" \t\n\f", rune(c)):
			value = false
		}
		i++
	}
	return -1
}

// staysOpen are elements that hide, quote or list all that follows if nobody closes them. Of other elements nothing is inside
// until they are closed: some never are, and Vec<u8> is none.
var staysOpen = []string{"details", "blockquote", "pre", "table", "ul", "ol", "dl"}

// elements returns what is inside of elements, in a body of a length.
func (t *tags) elements(length int) []span {
	var inside []span
	open := map[string][]int{}
	for _, tag := range t.all {
		starts := open[tag.name]
		switch {
		case !tag.closing:
			open[tag.name] = append(starts, tag.at)
		case len(starts) > 0:
			open[tag.name] = starts[:len(starts)-1]
			if len(starts) == 1 {
				inside = append(inside, span{starts[0], tag.at})
			}
		}
	}
	for name, starts := range open {
		if len(starts) > 0 && slices.Contains(staysOpen, name) {
			inside = append(inside, span{starts[0], length})
		}
	}
	if t.broken {
		inside = append(inside, span{t.unfinished, length})
	}
	return inside
}
