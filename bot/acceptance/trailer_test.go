package acceptance

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestTrailers(t *testing.T) {
	const key = "Size-Justification"
	for _, c := range []struct {
		name     string
		messages []string
		body     string
		want     []string
	}{
		{"none", []string{"title\n\nbody\n"}, "body", nil},
		{"in a message", []string{"title\n\nbody\n\nSize-Justification: needed for names\n"}, "", []string{"needed for names"}},
		{"among others", []string{"title\n\nReviewed-by: A <a@b>\nsize-justification : one\nSigned-off-by: B <b@c>"}, "", []string{"one"}},
		{"folded", []string{"title\n\nSize-Justification: one\n two\n\tthree\nFixes: 1"}, "", []string{"one two three"}},
		{"from the next line", []string{"title\n\nSize-Justification:\n one"}, "", []string{"one"}},
		{"twice in one", []string{"title\n\nSize-Justification: one\nSize-Justification: two"}, "", []string{"one", "two"}},
		{"the title is none", []string{"Size-Justification: one", "\n\nSize-Justification: two\n"}, "", nil},
		{"the paragraph before the last", []string{"title\n\nSize-Justification: one\n\nThat is why."}, "", nil},
		{"prose beside it", []string{"title\n\nWe need it.\nSize-Justification: one"}, "", nil},
		{"prose beside what git writes", []string{"title\n\n[fixed a typo]\nSize-Justification: one\nSigned-off-by: B <b@c>"}, "", []string{"one"}},
		{"prose beside a cherry pick", []string{"title\n\n(cherry picked from commit 1)\nSize-Justification: one\nprose"}, "", []string{"one"}},
		{"too much prose", []string{"title\n\na\nb\nc\nd\ne\nf\ng\nSize-Justification: one\nSigned-off-by: B <b@c>"}, "", nil},
		{"another key", []string{"title\n\nSize-Justifications: one\nXSize-Justification: two"}, "", nil},
		{"empty", []string{"title\n\nSize-Justification: \nSize-Justification:"}, "", nil},
		{"in the description", nil, "Text.\r\n\r\nSize-Justification: one\r\n  two\r\n", []string{"one two"}},
		{"alone in the description", nil, "Size-Justification: one", []string{"one"}},
		{"in a template's remark", nil, "Text.\n\n<!--\nSize-Justification: say why\n-->", nil},
		{"in a quote", nil, "Text.\n\n> Size-Justification: one", nil},
		{"messages first, each text once", []string{"a\n\nSize-Justification: two", "b\n\nSize-Justification: one"}, "Size-Justification: two", []string{"two", "one"}},
		{"hostile", []string{"a\n\nSize-Justification: \x00<b>\x1b[1m\xff @all `x`\rb"}, "", []string{"\ufffd<b>\ufffd[1m\ufffd @all `x` b"}},
		{"long", []string{"a\n\nSize-Justification: " + strings.Repeat("é", 501)}, "", []string{strings.Repeat("é", 499) + "…"}},
	} {
		if got := Trailers(c.messages, c.body, key); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	var many []string
	for i := range 2 * maxTrailers {
		many = append(many, "t\n\nSize-Justification: "+strings.Repeat("x", i+1))
	}
	if got := Trailers(many, "", key); len(got) != maxTrailers {
		t.Errorf("%d trailers, want %d", len(got), maxTrailers)
	}
}

func FuzzTrailers(f *testing.F) {
	f.Add("title\n\nSize-Justification: one\n two\nSigned-off-by: x", "\r\n\r\nSize-Justification: two\r\n", "Size-Justification")
	f.Add(" \n\t\n \n a", "\n\n:\n: x", "")
	f.Fuzz(func(t *testing.T, message, body, key string) {
		got := Trailers([]string{message, message}, body, key)
		if len(got) > maxTrailers {
			t.Errorf("%d values", len(got))
		}
		for i, v := range got {
			if v == "" || !utf8.ValidString(v) || utf8.RuneCountInString(v) > maxTrailer || strings.ContainsFunc(v, unicode.IsControl) || slices.Contains(got[:i], v) {
				t.Errorf("value %q", v)
			}
		}
	})
}
