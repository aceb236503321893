package rustname

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parseLegacy reads {<decimal-number> <bytes>} "E" behind "_ZN". The last
// segment must be the hash; like other readers we ask for five different
// digits, so that no C++ name is taken for Rust.
func parseLegacy(body string) (*Name, bool) {
	n := &Name{Mangling: Legacy}
	hash := ""
	for body != "" && body[0] != 'E' {
		size := 0
		for body != "" && isDigit(body[0]) && size <= MaxSymbol {
			size = size*10 + int(body[0]-'0')
			body = body[1:]
		}
		if size == 0 || size > len(body) {
			return nil, false
		}
		if hash != "" {
			n.segments = append(n.segments, unescape(hash))
		}
		hash, body = body[:size], body[size:]
	}
	if body == "" || !isHash(hash) || len(n.segments) == 0 || !validSuffix(body[1:]) {
		return nil, false
	}
	n.Hash, n.Suffix = hash[1:], body[1:]
	n.Crate = n.legacyCrate()
	return n, true
}

func isHash(s string) bool {
	if len(s) != 17 || s[0] != 'h' {
		return false
	}
	var seen uint16
	for _, c := range []byte(s[1:]) {
		if !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
		v, _ := hexUint(string(c))
		seen |= 1 << v
	}
	return bits.OnesCount16(seen) >= 5
}

// unescape decodes the "$…$" and ".." of a legacy identifier. From the first
// escape it does not know on, the text stays as it is.
func unescape(s string) string {
	if strings.HasPrefix(s, "_$") {
		s = s[1:]
	}
	var out strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "$.")
		if i < 0 {
			break
		}
		out.WriteString(s[:i])
		s = s[i:]
		if s[0] == '.' {
			if strings.HasPrefix(s, "..") {
				out.WriteString("::")
				s = s[2:]
			} else {
				out.WriteByte('.')
				s = s[1:]
			}
			continue
		}
		code, rest, _ := strings.Cut(s[1:], "$")
		r, ok := escaped(code)
		if !ok || len(code)+1 == len(s) {
			break
		}
		out.WriteRune(r)
		s = rest
	}
	out.WriteString(s)
	return out.String()
}

func escaped(code string) (rune, bool) {
	switch code {
	case "SP":
		return '@', true
	case "BP":
		return '*', true
	case "RF":
		return '&', true
	case "LT":
		return '<', true
	case "GT":
		return '>', true
	case "LP":
		return '(', true
	case "RP":
		return ')', true
	case "C":
		return ',', true
	}
	digits, ok := strings.CutPrefix(code, "u")
	v, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil || strings.ToLower(digits) != digits {
		return 0, false
	}
	r := rune(v)
	return r, v <= utf8.MaxRune && utf8.ValidRune(r) && !unicode.IsControl(r)
}

// legacyImpl returns the self type and trait of "<A as B>", "<impl B for A>"
// and "<impl A>", whichever segment has them. An inherent impl written
// "path::Type<T>::f" is not told from a module.
func (n *Name) legacyImpl() (self, trait string) {
	for _, s := range n.segments {
		if !strings.HasPrefix(s, "<") || !strings.HasSuffix(s, ">") {
			continue
		}
		s = s[1 : len(s)-1]
		if impl, ok := strings.CutPrefix(s, "impl "); ok {
			if i := topLevel(impl, " for "); i >= 0 {
				return impl[i+len(" for "):], impl[:i]
			}
			return impl, ""
		}
		if i := topLevel(s, " as "); i >= 0 {
			return s[:i], s[i+len(" as "):]
		}
		return s, ""
	}
	return "", ""
}

// topLevel is the index of sep outside all brackets, -1 if it is not there.
func topLevel(s, sep string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '<', '(', '[':
			depth++
		case '>':
			if i == 0 || s[i-1] != '-' { // not "->"
				depth--
			}
		case ')', ']':
			depth--
		}
		if depth == 0 && strings.HasPrefix(s[i:], sep) {
			return i
		}
	}
	return -1
}

// legacyPlace returns the segments that say where the item is: the name's
// own, or for "<A as B>::f" those of A, or of B if A is no path.
func (n *Name) legacyPlace() []string {
	if !strings.HasPrefix(n.segments[0], "<") {
		return n.segments
	}
	self, trait := n.legacyImpl()
	for _, s := range []string{self, trait} {
		if i := strings.IndexByte(s, '<'); i > 0 {
			s = s[:i]
		}
		if path := strings.Split(s, "::"); len(path) > 1 && isIdentifier(path[0]) {
			return path
		}
	}
	return nil
}

func (n *Name) legacyCrate() string {
	if place := n.legacyPlace(); len(place) > 0 && isIdentifier(place[0]) {
		return place[0]
	}
	return ""
}

func isIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

// legacyMade splits a segment at the compiler-made part it is or ends in:
// "{{closure}}", "{{constant}}", "call_once{{vtable.shim}}". Those inside
// "<…>" belong to arguments.
func legacyMade(segment string) (before, kind string, ok bool) {
	before, kind, ok = strings.Cut(segment, "{{")
	if !ok || strings.Contains(before, "<") || !strings.HasSuffix(kind, "}}") {
		return segment, "", false
	}
	return before, strings.TrimSuffix(kind, "}}"), true
}

// legacyOutermost is the path up to the first compiler-made part.
func legacyOutermost(path []string) []string {
	for i, s := range path {
		before, _, made := legacyMade(s)
		switch {
		case made && before == "":
			return path[:i]
		case made:
			return append(path[:i:i], before)
		}
	}
	return path
}

func (n *Name) legacyItem() string {
	item := Name{segments: legacyOutermost(n.segments)}
	s, _ := item.legacyFamily("")
	return s
}

// legacyModule takes the segments that can be modules and are not the item.
func (n *Name) legacyModule() string {
	place := legacyOutermost(n.legacyPlace())
	end := 0
	for end < len(place) && isIdentifier(place[end]) && isModuleName(place[end]) {
		end++
	}
	end = min(end, max(len(place)-1, 1))
	return cut(strings.Join(place[:end], "::"))
}

func (n *Name) legacyClosures() int {
	depth := 0
	for _, s := range n.segments {
		if _, kind, _ := legacyMade(s); kind == "closure" {
			depth++
		}
	}
	return depth
}

func (n *Name) legacyShim() string {
	for _, s := range n.segments {
		_, kind, _ := legacyMade(s)
		for _, end := range []string{".shim", "-shim"} {
			if kind, ok := strings.CutSuffix(kind, end); ok {
				return kind
			}
		}
	}
	return ""
}

func (n *Name) legacyKey() string {
	s := strings.Join(n.segments, "::")
	if rest, ok := strings.CutPrefix(s, "core::ptr::drop_in_place<"); ok {
		return "core::ptr::drop_glue<" + rest
	}
	return s
}

// legacyFamily replaces the argument lists at the ends of path segments by
// hole and returns them without their brackets.
func (n *Name) legacyFamily(hole string) (family string, args []string) {
	folded := make([]string, len(n.segments))
	take := func(path string) string {
		open := strings.IndexByte(path, '<')
		if open <= 0 || !strings.HasSuffix(path, ">") || strings.ContainsAny(path[:open], "([&*") {
			return path
		}
		args = append(args, path[open+1:len(path)-1])
		return path[:open] + hole
	}
	for i, s := range n.segments {
		self, trait := (&Name{segments: []string{s}}).legacyImpl()
		switch {
		case self == "":
			folded[i] = take(s)
		case strings.HasPrefix(s, "<impl ") && trait != "":
			trait = take(trait)
			folded[i] = "<impl " + trait + " for " + take(self) + ">"
		case strings.HasPrefix(s, "<impl "):
			folded[i] = "<impl " + take(self) + ">"
		case trait == "":
			folded[i] = "<" + take(self) + ">"
		default:
			self = take(self)
			folded[i] = "<" + self + " as " + take(trait) + ">"
		}
	}
	return strings.Join(folded, "::"), args
}
