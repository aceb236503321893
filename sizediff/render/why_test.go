package render

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// whyAnswer calls everything by one name.
func whyAnswer(name string) *insight.Answer {
	x := insight.Item{Image: name, Section: name, Name: name, Demangled: name, Crate: name, Size: 5000, Root: "c"}
	hidden := x
	hidden.Unnamed = true
	link := insight.Link{Item: x, References: 2, At: 7}
	return &insight.Answer{
		Build: name, Symbol: x, Keeping: insight.Used, Chains: [][]insight.Link{{link, {Item: hidden, References: 1}, link}}, MoreChains: 12345,
		Retained: insight.Retained{Bytes: 5000, Symbols: 1}, Unexported: &insight.Retained{Bytes: 6000, Symbols: 2}, Panics: 1,
		Callers: []insight.Link{link, {Item: hidden}}, Callees: []insight.Link{link},
		Images: []insight.Origin{{Path: name, Source: sizediff.RefRelocations, Exact: true}, {Path: name, Source: sizediff.RefDecoded}, {Path: name + ".so", Source: sizediff.RefPointers}},
	}
}

// TestWhyHostile holds that names cannot move a terminal's cursor, nor break the JSON.
func TestWhyHostile(t *testing.T) {
	for _, name := range hostileNames {
		var text, doc strings.Builder
		if err := Why(&text, whyAnswer(name), Options{}); err != nil {
			t.Fatal(err)
		}
		for _, r := range text.String() {
			if r != '\n' && !seen(r) {
				t.Errorf("%q shows %q", name, r)
			}
		}
		if err := WhyJSON(&doc, whyAnswer(name)); err != nil || !json.Valid([]byte(doc.String())) {
			t.Errorf("%q: %v, %s", name, err, doc.String())
		}
		var answer strings.Builder
		several := &insight.AmbiguousError{Build: name, Name: name, Candidates: []string{name, name}, More: 3}
		if err := errors.Join(WhyMarkdown(&answer, whyAnswer(name)), WhyNotMarkdown(&answer, several)); err != nil {
			t.Fatal(err)
		}
		checkMarkdown(t, name, answer.String(), &sizediff.Evaluation{})
	}
}

// TestWhyMarkdown holds what a short answer says, and what it leaves out.
func TestWhyMarkdown(t *testing.T) {
	a := whyAnswer("f")
	for range 20 {
		a.Chains[0] = append(a.Chains[0], a.Chains[0][0])
		a.Callers = append(a.Callers, a.Callers[0])
	}
	a.RustOnly = true
	var b strings.Builder
	if err := WhyMarkdown(&b, a); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"With it would go at least 5,000 B (1 symbol)", "It has 1 panic call site.", "Shortest chain of references, one of several: `f` → ", " → 11 more → ",
		"and 17 more\n", "Refers to `f`\n", "of constants and of C only what leads to Rust is known.",
	} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("%q is not in\n%s", s, b.String())
		}
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{insight.ErrNoReferences, "this commit was measured without references"},
		{&insight.AmbiguousError{Candidates: []string{"a::b", "a::c"}, More: 2}, "of one symbol: `a::b`, `a::c` and 2 more."},
		{&insight.AmbiguousError{}, "a measurement knows only what leads to Rust"},
	} {
		var b strings.Builder
		if err := WhyNotMarkdown(&b, c.err); err != nil || !strings.Contains(b.String(), c.want) {
			t.Errorf("%v: %q", err, b.String())
		}
	}
}

// TestWhySays holds what is said of each way to be kept.
func TestWhySays(t *testing.T) {
	for _, c := range []struct {
		change func(a *insight.Answer)
		want   []string
		not    []string
	}{
		{func(*insight.Answer) {},
			[]string{"It stays because it is used.", "With it would go 5,000 B (1 symbol); 6,000 B (2 symbols) if exports kept nothing.",
				"It has 1 panic call site.", "Shortest chains: 2 references", "(12,345 more of that length)", "f are exact", "an estimate", "are incomplete"}, nil},
		{func(a *insight.Answer) { a.Keeping, a.Unexported = insight.Exported, nil }, []string{"only because it, or what refers to it, is exported"}, []string{"kept nothing"}},
		{func(a *insight.Answer) { a.Keeping, a.Unexported = insight.Linked, nil }, []string{"its object is linked whole"}, nil},
		{func(a *insight.Answer) { a.Keeping, a.Images[0].Source = insight.Linked, sizediff.RefPointers },
			[]string{"What keeps it is not known, because calls are not."}, []string{"would go"}},
		{func(a *insight.Answer) { a.Chains, a.MoreChains, a.Panics = [][]insight.Link{a.Chains[0][:1]}, 0, 0 },
			[]string{"It stays by itself: C."}, []string{"Shortest", "panic", "more of"}},
		{func(a *insight.Answer) { a.Symbol.Image, a.Callers = "", nil }, []string{"imported; no image of the build defines it", "Callers: 0"}, []string{"would go"}},
	} {
		a := whyAnswer("f")
		c.change(a)
		var b strings.Builder
		if err := Why(&b, a, Options{}); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(b.String()), " ")
		for _, s := range c.want {
			if !strings.Contains(text, s) {
				t.Errorf("%q is not in\n%s", s, b.String())
			}
		}
		for _, s := range c.not {
			if strings.Contains(text, s) {
				t.Errorf("%q is in\n%s", s, b.String())
			}
		}
	}
}
