package command

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one argument: KEY=VALUE, or a value alone.
type word struct {
	key  string // "" if there is none
	text string
}

var keyBefore = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*)=`)

// split cuts the rest of a command's line into words, up to a # that begins one.
func split(s string) ([]word, *Error) {
	var words []word
	for {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		if s == "" || s[0] == '#' {
			return words, nil
		}
		var w word
		if m := keyBefore.FindStringSubmatch(s); m != nil {
			w.key, s = m[1], s[len(m[0]):]
		}
		var fault *Error
		if w.text, s, fault = cutValue(s); fault != nil {
			return nil, fault
		}
		words = append(words, w)
	}
}

// cutValue takes a value from the start of s, which may be in quotes.
func cutValue(s string) (value, rest string, fault *Error) {
	open, size := utf8.DecodeRuneInString(s)
	if !strings.ContainsRune("\"`"+curly, open) {
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], nil
	}
	value, rest, ok := cutQuoted(s[size:], open)
	if !ok {
		return "", "", &Error{Kind: BadQuotes, Reason: "the quotes before " + shown(s[size:]) + " are not closed",
			Hint: `close them on the same line; inside quotes write \" for a quote`}
	}
	if r, _ := utf8.DecodeRuneInString(rest); rest != "" && !unicode.IsSpace(r) {
		return "", "", &Error{Kind: BadQuotes, Reason: "the quotes before " + shown(rest) + " close in the middle of a word",
			Hint: `put a space after them; inside quotes write \" for a quote`}
	}
	return value, rest, nil
}

// curly are the quotes that phones and mail programs write for ". Which of them opens and which closes depends on what they
// took for the start of a word, so any of them does both.
const curly = "“”„‟"

// cutQuoted takes what stands before the closing quote. A backslash before a quote makes it a character of the value; between
// backticks, where code is, there is no such thing.
func cutQuoted(s string, open rune) (value, rest string, ok bool) {
	closing := string(open)
	if strings.Contains(curly, closing) {
		closing = curly
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == '\\' && open != '`' {
			if next, n := utf8.DecodeRuneInString(s[i+1:]); n > 0 && strings.ContainsRune(`"`+closing, next) {
				b.WriteString(s[i+1 : i+1+n])
				i += 1 + n
				continue
			}
		}
		if strings.ContainsRune(closing, r) {
			return b.String(), s[i+size:], true
		}
		b.WriteString(s[i : i+size])
		i += size
	}
	return "", "", false
}
