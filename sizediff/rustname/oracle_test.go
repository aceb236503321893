package rustname

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ianlancetaylor/demangle"
)

// The second opinion is ianlancetaylor/demangle, which prints the same form
// as String. Where both accept a name they must agree, except for what
// differs below; rustc-demangle (see constructs.txt) decides those as we do.

// disagree returns both forms if they differ.
func disagree(n *Name, sym string) (ours, theirs string, differ bool) {
	theirs, err := demangle.ToString(sym, demangle.MaxLength(16))
	if err != nil || known(n, sym) {
		return "", "", false
	}
	ours = inTheirWords(n.String())
	const compared = 1 << 15 // each side cuts long forms in its own way
	if len(ours) > compared && len(theirs) > compared {
		ours, theirs = ours[:compared], theirs[:compared]
	}
	return ours, theirs, ours != theirs
}

var (
	lateLifetime = regexp.MustCompile(`'_(\d+)`)
	constChar    = regexp.MustCompile(`'([^\x00-\x7f])'`)
)

// inTheirWords rewrites what demangle prints in another way: lifetimes from
// the 27th on as 'z1, constants of type char beyond ASCII as escapes, and one
// space less in a trait object without a trait.
func inTheirWords(s string) string {
	s = lateLifetime.ReplaceAllStringFunc(s, func(m string) string {
		var depth int
		fmt.Sscanf(m, "'_%d", &depth)
		return fmt.Sprintf("'z%d", depth-25)
	})
	s = constChar.ReplaceAllStringFunc(s, func(m string) string {
		r, _ := utf8.DecodeRuneInString(m[1:])
		return fmt.Sprintf(`'\u{%x}'`, r)
	})
	s = strings.ReplaceAll(s, `'\0'`, `'\u{0}'`)
	return strings.ReplaceAll(s, "  + ", " + ")
}

var (
	leadingZero  = regexp.MustCompile(`0[0-9]`)
	legacyEscape = regexp.MustCompile(`\$u`)
	theirEscape  = regexp.MustCompile(`\$u([2-6][0-9a-f]|7[0-9a-e])\$`)
)

// known reports names that the two read differently on purpose.
func known(n *Name, sym string) bool {
	if n.Mangling == Legacy {
		for _, s := range n.segments {
			if strings.HasPrefix(s, "_") { // demangle drops the underscore
				return true
			}
		}
		// demangle decodes "$u…$" for printable ASCII only.
		return len(legacyEscape.FindAllString(sym, -1)) != len(theirEscape.FindAllString(sym, -1))
	}
	for i := range n.nodes {
		nd := &n.nodes[i]
		if nd.class == pathNode && nd.tag == 'N' && isLower(nd.aux) && n.identifier(nd) == "" {
			return true // demangle prints "::" and nothing
		}
		if nd.puny && strings.HasPrefix(n.identifier(nd), "punycode{") {
			return true // not decodable, or longer than we decode
		}
	}
	return leadingZero.MatchString(sym) // "05" is one number to demangle
}

func TestAgreesWithDemangle(t *testing.T) {
	compared := 0
	for _, row := range constructs(t) {
		n, ok := Parse(row[0])
		if !ok {
			t.Errorf("Parse(%s) refuses it", row[0])
			continue
		}
		if ours, theirs, differ := disagree(n, row[0]); differ {
			t.Errorf("%s\nours   %s\ntheirs %s", row[0], ours, theirs)
		}
		if _, err := demangle.ToString(row[0]); err == nil && !known(n, row[0]) {
			compared++
		}
	}
	if compared < 450 {
		t.Errorf("compared %d names only", compared)
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range constructs(f) {
		f.Add(row[0])
	}
	f.Add(doubling(8))
	f.Add("_RNvXs_NtNtC4core3fmt3numyNtB6_8LowerHex3fmt.llvm.1")
	f.Add("__R0NvC3drvu8gr_nkaf3$tlv")
	f.Fuzz(func(t *testing.T, sym string) {
		n, ok := Parse(sym)
		if ok != (n != nil) {
			t.Fatalf("Parse = %v, %v", n, ok)
		}
		if !ok {
			return
		}
		if !Looks(sym) {
			t.Error("Parse accepts what Looks refuses")
		}
		forms := every(n)
		for i, s := range every(n) {
			if len(s) > MaxPrinted+len("...") {
				t.Errorf("form %d has %d bytes", i, len(s))
			}
			if s != forms[i] {
				t.Errorf("form %d: %q, then %q", i, forms[i], s)
			}
		}
		if ours, theirs, differ := disagree(n, sym); differ {
			t.Errorf("ours   %s\ntheirs %s", ours, theirs)
		}
	})
}
