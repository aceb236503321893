package render

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Names come from binaries, archives and repositories that strangers control. Every context has one function that makes
// a name harmless there: code for Markdown, summaryName for the raw HTML of a summary element, plain for text, fence for
// lines of text in a fenced block, html/template for pages and encode for JSON. All but the last start with visible or
// visibleProse and cut with capped, so nothing is ever stripped or shortened silently.

// maxName is the longest name shown, in characters; a longer one ends in ~ and eight digits of its SHA-256.
const maxName = 160

// maxProse bounds a sentence from outside, such as the reason of an acceptance.
const maxProse = 400

// joiner is a word joiner: invisible, and it ends what would be read as a mention.
const joiner = '\u2060'

// visible shows every character that is not printable ASCII as an escape such as \u202e: controls, bidirectional and
// zero-width characters, and letters that look like others.
func visible(s string) string {
	return escapeRunes(s, func(r rune) bool { return r >= ' ' && r <= '~' })
}

// visibleProse is visible for sentences that people write: letters of any script stay.
func visibleProse(s string) string {
	return escapeRunes(s, seen)
}

// seen reports whether a character leaves ink and does nothing else, or is a plain space.
func seen(r rune) bool {
	switch {
	case r <= '~':
		return r >= ' '
	case r == brailleBlank || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return false // a symbol and letters without ink
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsPunct(r) || unicode.IsSymbol(r)
}

const brailleBlank = '\u2800'

func escapeRunes(s string, keep func(rune) bool) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case keep(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

// capped shortens to max characters, the last nine of which are ~ and a hash of the whole.
func capped(s string, max int) string {
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return string([]rune(s)[:max-9]) + fmt.Sprintf("~%x", sum[:4])
}

// plain is a name for text output and check titles: one line, printable ASCII, at most maxName characters.
func plain(s string) string { return capped(visible(s), maxName) }

// plainProse is a sentence from outside for text output.
func plainProse(s string) string { return capped(visibleProse(s), maxProse) }

// lazily compiles an expression when it is first used, which most runs never do.
func lazily(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

var (
	backtickSafe  = lazily(`^[A-Za-z0-9_.][A-Za-z0-9_.:/+-]*$`)
	plainWord     = lazily(`^["'(]*[\pL\pN]+(['_-][\pL\pN]+)*[)"',.;:?!]*$`)
	plainNumber   = lazily(`^\(?[+-]?[0-9][0-9,.]*%?[),.;:]*$`)
	plainName     = lazily(`^[.]?[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$`)
	hexRun        = lazily(`^[0-9a-fA-F]{7,64}$`)
	mention       = lazily(`^@[A-Za-z0-9][A-Za-z0-9_-]{0,38}(/[A-Za-z0-9]([A-Za-z0-9_-]{0,98}[A-Za-z0-9])?)?$`)
	commandPrefix = lazily(`^/[A-Za-z0-9_-]+$`)
	listMarker    = lazily(`^[0-9]+[.)]`)
)

// code is a name in running Markdown or in a table cell: in backticks when that is safe, otherwise a code element whose
// content is written with entities. It cannot become markup, a link, a mention, a reference or a column.
func code(s string) string {
	s = plain(s)
	if backtickSafe().MatchString(s) {
		return "`" + s + "`"
	}
	return "<code>" + entities(s) + "</code>"
}

// markdownName is for names that are usually harmless, such as those of targets: as it is when it cannot mean anything in
// Markdown, otherwise as code.
func markdownName(s string) string {
	if harmlessName(s) {
		return s
	}
	return code(s)
}

// summaryName is a name inside a summary element, where Markdown is not read and HTML is.
func summaryName(s string) string {
	if harmlessName(s) {
		return s
	}
	return "<code>" + entities(plain(s)) + "</code>"
}

func harmlessName(s string) bool {
	return len(s) <= 60 && plainName().MatchString(s) && !reference(s)
}

// reference reports whether GitHub would link the word by itself, or a part of it: as an address, an issue or a commit.
func reference(s string) bool {
	l := strings.ToLower(s)
	notAlnum := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	return strings.Contains(l, "www.") || strings.Contains(l, "gh-") || slices.ContainsFunc(strings.FieldsFunc(l, notAlnum), hexRun().MatchString)
}

// markdownProse is a sentence from outside in Markdown. A word stays as it is when it can only be a word or a number; every
// other run of words becomes code, and what stands in angle brackets is one name. Punctuation behind a single name ends the run and is no part of the name.
func markdownProse(s string) string {
	var out, run []string
	flush := func() {
		if len(run) > 0 {
			out = append(out, code(strings.Join(run, " ")))
			run = nil
		}
	}
	words := strings.Fields(plainProse(s))
	for i := 0; i < len(words); i++ {
		w := words[i]
		if n := bracketed(words[i:]); n > 1 {
			run = append(run, words[i:i+n]...)
			i += n - 1
			continue
		}
		if harmlessWord(w) && !(i == 0 && listMarker().MatchString(w)) {
			flush()
			out = append(out, w)
			continue
		}
		name := strings.TrimRight(w, ",.;:?!")
		if name == w || !backtickSafe().MatchString(name) {
			run = append(run, w)
			continue
		}
		run = append(run, name)
		flush()
		out[len(out)-1] += w[len(name):]
	}
	flush()
	return strings.Join(out, " ")
}

// bracketed returns how many words it takes to close the angle brackets that the first of them opens, as in <T as Trait>::f; 0 when
// it opens none, or they are never closed.
func bracketed(words []string) int {
	depth := 0
	for i, w := range words {
		depth += strings.Count(w, "<") - strings.Count(strings.ReplaceAll(w, "->", ""), ">")
		switch {
		case i == 0 && (depth <= 0 || !strings.HasPrefix(w, "<") && !strings.Contains(w, "::<")):
			return 0
		case depth <= 0:
			return i + 1
		}
	}
	return 0
}

func harmlessWord(w string) bool {
	if reference(w) {
		return false
	}
	return plainWord().MatchString(w) || plainNumber().MatchString(w)
}

// entities writes all that could be Markdown or HTML as character references.
func entities(s string) string {
	var b strings.Builder
	alnum := func(i int) bool {
		return i >= 0 && i < len(s) && (s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || s[i] >= '0' && s[i] <= '9')
	}
	is := func(i int, c byte) bool { return i >= 0 && i < len(s) && s[i] == c }
	for i, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '@':
			fmt.Fprintf(&b, "&#64;&#%d;", joiner)
		case r == '_' && alnum(i-1) && alnum(i+1),
			r == ':' && (is(i-1, ':') || is(i+1, ':')),
			strings.ContainsRune(" ,;()+=-/", r), alnum(i):
			b.WriteRune(r)
		case r == '.' && !strings.HasSuffix(strings.ToLower(s[:i]), "www"):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// fence puts lines of text into a fenced block whose fence is longer than every run of backticks in it. Nothing is markup
// there, but a reply by mail could quote it, so mentions are broken here as well: after the layout, because a joiner has no
// width.
func fence(body string) string {
	body = strings.ReplaceAll(body, "@", "@"+string(joiner))
	if !strings.HasSuffix(body, "\n") {
		body += "\n"
	}
	longest, run := 2, 0
	for _, r := range body {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	ticks := strings.Repeat("`", longest+1)
	return ticks + "text\n" + body + ticks + "\n"
}

// link is a Markdown link, or only its text when the address is not plain HTTP.
func link(text, address string) string {
	u := webAddress(address)
	if u == "" {
		return text
	}
	return "[" + text + "](" + u + ")"
}

// webAddress returns the address when it is plain HTTP, written so that it cannot end a link or show what is not there;
// otherwise "".
func webAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	s := u.String()
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("()<>[]|`\\\"'*{}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
