package rustname

import (
	"strconv"
	"strings"
	"testing"
)

// base62 encodes a number as the grammar wants it.
func base62(n int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if n == 0 {
		return "_"
	}
	s := ""
	for n--; n >= 62; n /= 62 {
		s = digits[n%62:n%62+1] + s
	}
	return digits[n:n+1] + s + "_"
}

// doubling nests tuples so that each holds the one inside it twice.
func doubling(levels int) string {
	var b strings.Builder
	b.WriteString("_RMC0" + strings.Repeat("T", levels) + "p")
	for i := levels; i > 0; i-- {
		b.WriteString("B" + base62(3+i) + "E")
	}
	return b.String()
}

// every calls each accessor and returns the printed forms.
func every(n *Name) []string {
	n.Closure()
	n.Generic()
	return append(n.Args(), n.String(), n.Verbose(), n.Family(), n.Item(), n.Module(), n.ImplSelf(),
		n.Trait(), n.Shim(), n.MatchKey(), n.FamilyKey(), n.Crate, n.Instantiating, n.Suffix)
}

func TestHostileNamesAreBounded(t *testing.T) {
	for _, test := range []struct {
		why string
		sym string
		ok  bool
	}{
		{"doubling, small", doubling(6), true},
		{"doubling to 2⁶⁰ types", doubling(60), true},
		{"doubling to 2⁴⁰⁰ types", doubling(400), true},
		{"doubling beyond the depth", doubling(600), false},
		{"references in a row", "_RMC0" + strings.Repeat("R", 400) + "h", true},
		{"references too deep", "_RMC0" + strings.Repeat("R", 600) + "h", false},
		{"references much too deep", "_RMC0" + strings.Repeat("R", 60_000) + "h", false},
		{"deep through a back-reference", "_RIC0" + strings.Repeat("R", 400) + "h" + strings.Repeat("R", 400) + "B2_E", false},
		{"tuples never closed", "_RMC0" + strings.Repeat("T", 400), false},
		{"trait impls in trait impls", "_R" + strings.Repeat("X", 30_000), false},
		{"many arguments", "_RIC0" + strings.Repeat("h", 60_000) + "E", true},
		{"many back-references", "_RIC0" + strings.Repeat("B_", 20_000) + "E", false},
		{"many good back-references", "_RIC0h" + strings.Repeat("B2_", 20_000) + "E", true},
		{"chain of back-references", "_RIC0h" + chain(4, 9_000) + "E", true},
		{"depth without output", "_RIC0" + strings.Repeat("Nk", 200) + "C0" + strings.Repeat("0", 200) + strings.Repeat("B2_", 15_000) + "E", true},
		{"long identifier", "_RNvC1a60000" + strings.Repeat("b", 60_000), true},
		{"long punycode", "_RNvC1au60000" + strings.Repeat("b", 60_000), true},
		{"a megabyte of identifier", "_RNvC1a1000000" + strings.Repeat("b", 1_000_000), false},
		{"a megabyte of letters", "_RN" + strings.Repeat("v", 1_000_000), false},
		{"a long binder", "_RMC0FGf8_Eu", true},
		{"many long binders", "_RIC0" + strings.Repeat("FGf8_Eu", 8_000) + "E", true},
		{"a long number", "_RIC0Ko" + strings.Repeat("f", 60_000) + "_E", true},
		{"a long string", "_RIC0KRe" + strings.Repeat("00", 30_000) + "_E", true},
		{"legacy, a segment too long", "_ZN4000000000a17h0123456789abcdefE", false},
		{"legacy, many segments", "_ZN" + strings.Repeat("1a", 30_000) + "17h0123456789abcdefE", true},
		{"legacy, brackets", "_ZN" + strconv.Itoa(4*15_000) + strings.Repeat("$LT$", 15_000) + "17h0123456789abcdefE", true},
	} {
		n, ok := Parse(test.sym)
		if ok != test.ok {
			t.Errorf("%s: Parse = %v, want %v", test.why, ok, test.ok)
		}
		if !ok {
			continue
		}
		for _, s := range every(n) {
			if limit := min(MaxPrinted, 4096+16*len(test.sym)); len(s) > limit+len("...") {
				t.Errorf("%s: a printed form has %d bytes, limit %d", test.why, len(s), limit)
			}
		}
	}
}

// chain is n back-references, each to the one before; the first is at offset
// start behind "_R" and points at the byte before it.
func chain(start, n int) string {
	var b strings.Builder
	to := start - 1
	for range n {
		at := start + b.Len()
		b.WriteString("B" + base62(to))
		to = at
	}
	return b.String()
}

func TestCutNamesSaySo(t *testing.T) {
	n, ok := Parse(doubling(60))
	if !ok {
		t.Fatal("Parse refuses it")
	}
	if s := n.String(); !strings.HasPrefix(s, "<((((") || !strings.HasSuffix(s, "...") {
		t.Errorf("String = %.20s…%s", s, s[len(s)-5:])
	}
	if n.Module() != "" || n.Crate != "" || n.ImplSelf() == "" {
		t.Errorf("Module %q, Crate %q: the crate of the name is the empty identifier", n.Module(), n.Crate)
	}
}

// TestAmplified holds that a short name whose back-references double it again and again prints in little time and room.
func TestAmplified(t *testing.T) {
	backref := func(position int) string {
		if position == 0 {
			return "B_"
		}
		const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		s := ""
		for n := position - 1; n > 0 || s == ""; n /= len(digits) {
			s = string(digits[n%len(digits)]) + s
		}
		return "B" + s + "_"
	}
	body := "IC1a" // behind _R, from where back-references count
	last := len(body)
	body += "TjjE"
	for range 20 {
		next := len(body)
		body += "T" + backref(last) + backref(last) + "E"
		last = next
	}
	sym := "_R" + body + "E"
	n, ok := Parse(sym)
	if !ok {
		t.Fatal("not parsed")
	}
	for _, s := range every(n) {
		if len(s) > 4096+16*len(sym)+len("...") {
			t.Errorf("%d bytes of name print as %d", len(sym), len(s))
		}
	}
	if s := n.String(); !strings.HasSuffix(s, "...") {
		t.Errorf("%d bytes, not cut", len(s))
	}
}
