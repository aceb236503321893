package render

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// WhySchema is the version of the JSON form of why a symbol is in a build.
const WhySchema = "oxidometer.why/1"

// whyDocument is the JSON form. Sizes are bytes.
type whyDocument struct {
	Schema string `json:"schema"`
	*insight.Answer
}

// WhyJSON writes as JSON why a symbol is in a build.
func WhyJSON(w io.Writer, a *insight.Answer) error { return encode(w, whyDocument{WhySchema, a}) }

// Why writes as text why a symbol is in a build. Options.Top bounds callers and callees.
func Why(w io.Writer, a *insight.Answer, o Options) error {
	p := &page{o: o.withDefaults()}
	p.paragraph(whySubject(a.Symbol), 2)
	p.line("")
	p.paragraph(joinSentences(whyKept(a), whyRetained(a)), 2)
	if a.Panics > 0 {
		p.paragraph(fmt.Sprintf("It has %s.", counted(a.Panics, "panic call site")), 2)
	}
	p.chains(a)
	p.links("Callers", "caller", a.Callers)
	p.links("Callees", "callee", a.Callees)
	p.line("")
	p.paragraph(whyOrigins(a), 2)
	return writeTo(w, p.String())
}

// Bounds of a short answer.
const (
	shortChain = 12 // steps of a chain, before its middle is left out
	shortLinks = 5  // referrers of a kind
)

// WhyMarkdown answers in a few lines of Markdown why a symbol is in a build, after FoundMarkdown.
func WhyMarkdown(w io.Writer, a *insight.Answer) error {
	b := new(answer)
	b.line("\n%s", joinSentences(whyKept(a), whyRetained(a)))
	if a.Panics > 0 {
		b.line("It has %s.", counted(a.Panics, "panic call site"))
	}
	if len(a.Chains) > 0 && len(a.Chains[0]) > 1 {
		more := ""
		if a.MoreChains+int64(len(a.Chains)) > 1 {
			more = ", one of several"
		}
		b.line("\nShortest chain of references%s: %s", more, shortened(a.Chains[0]))
	}
	for _, x := range []struct {
		title string
		list  []insight.Link
	}{{"Referred to by", a.Callers}, {"Refers to", a.Callees}} {
		if len(x.list) == 0 {
			continue
		}
		var names []string
		for _, l := range x.list[:min(len(x.list), shortLinks)] {
			names = append(names, code(whyName(l.Item)))
		}
		if n := len(x.list) - shortLinks; n > 0 {
			names = append(names, fmt.Sprintf("%d more", n))
		}
		b.line("\n%s %s", x.title, listed(names))
	}
	b.line("\n%s", markdownProse(whyOrigins(a)))
	return writeTo(w, b.String())
}

// shortened is a chain on one line.
func shortened(chain []insight.Link) string {
	var names []string
	for i, l := range chain {
		switch middle := len(chain) > shortChain && i >= shortChain/2 && i < len(chain)-shortChain/2; {
		case !middle:
			names = append(names, code(whyName(l.Item)))
		case i == shortChain/2:
			names = append(names, fmt.Sprintf("%d more", len(chain)-shortChain))
		}
	}
	return strings.Join(names, " → ")
}

// WhyNotMarkdown says instead that it is not known who refers to a name, or that the name means several symbols.
func WhyNotMarkdown(w io.Writer, err error) error {
	b := new(answer)
	var several *insight.AmbiguousError
	switch {
	case errors.Is(err, insight.ErrNoReferences):
		b.line("\nWho refers to it is not known: this commit was measured without references.")
	case errors.As(err, &several) && len(several.Candidates) > 0:
		var names []string
		for _, c := range several.Candidates {
			names = append(names, code(c))
		}
		if several.More > 0 {
			names = append(names, fmt.Sprintf("%d more", several.More))
		}
		b.line("\nWho refers to it can be told of one symbol: %s.", listed(names))
	default:
		b.line("\nWho refers to it is not known: of C, a measurement knows only what leads to Rust.")
	}
	return writeTo(w, b.String())
}

// whySubject says what a symbol is, and where.
func whySubject(x insight.Item) string {
	s := whyName(x)
	if x.Image == "" {
		return s + ": imported; no image of the build defines it"
	}
	s += fmt.Sprintf(": %s in %s of %s", bytesOf(int64(x.Size)), plain(x.Section), plain(x.Image))
	if x.Crate != "" {
		s += ", crate " + plain(x.Crate)
	}
	return s
}

func whyName(x insight.Item) string {
	if x.Unnamed {
		return "unnamed bytes at " + plain(x.Demangled)
	}
	return plain(x.Demangled)
}

func whyKept(a *insight.Answer) string {
	if !keepingKnown(a) {
		return "What keeps it is not known, because calls are not."
	}
	switch a.Keeping {
	case insight.Exported:
		return "Nothing that is used refers to it: it stays only because it, or what refers to it, is exported."
	case insight.Linked:
		return "Nothing that is used or exported refers to it: it stays because its object is linked whole."
	}
	if len(a.Chains) > 0 && len(a.Chains[0]) == 1 {
		return "It stays by itself: " + whyRoot(a.Symbol) + "."
	}
	return "It stays because it is used."
}

// whyRoot says why something stays by itself.
func whyRoot(x insight.Item) string {
	switch x.Root {
	case sizediff.RootEntry.String():
		return "an entry point"
	case sizediff.RootC.String():
		if x.Unnamed {
			return "nothing refers to it by itself"
		}
		return "C"
	case sizediff.RootTable.String():
		return "in a section that is read as a table"
	case sizediff.RootGlobal.String():
		return "a global that other objects may refer to"
	case sizediff.RootExport.String():
		return "exported"
	}
	return "linked whole"
}

// keepingKnown reports whether it is known what keeps a symbol: what is used stays, and all else takes calls to tell.
func keepingKnown(a *insight.Answer) bool {
	return a.Keeping == insight.Used || !slices.ContainsFunc(a.Images, func(o insight.Origin) bool {
		return o.Path == a.Symbol.Image && o.Source == sizediff.RefPointers
	})
}

// whyRetained is "" where it is not known what would go.
func whyRetained(a *insight.Answer) string {
	if a.Symbol.Image == "" || !keepingKnown(a) {
		return ""
	}
	least := ""
	if a.RustOnly {
		least = "at least "
	}
	s := fmt.Sprintf("With it would go %s%s (%s)", least, bytesOf(int64(a.Retained.Bytes)), counted(a.Retained.Symbols, "symbol"))
	if u := a.Unexported; u != nil && *u != a.Retained {
		s += fmt.Sprintf("; %s (%s) if exports kept nothing", bytesOf(int64(u.Bytes)), counted(u.Symbols, "symbol"))
	}
	return s + "."
}

// chains writes the shortest chains, a line for each of their members.
func (p *page) chains(a *insight.Answer) {
	if len(a.Chains) == 0 || len(a.Chains[0]) == 1 {
		return
	}
	p.heading(fmt.Sprintf("Shortest chains: %s", counted(len(a.Chains[0])-1, "reference")))
	for i, c := range a.Chains {
		if i > 0 {
			p.line("")
		}
		p.paragraph(fmt.Sprintf("%s in %s: %s", whyName(c[0].Item), plain(c[0].Image), whyRoot(c[0].Item)), 2)
		for k, x := range c[1:] {
			s := fmt.Sprintf("→ %s, %s B", whyName(x.Item), num(int64(x.Size)))
			if x.Image != c[k].Image {
				s += " in " + whyImage(x.Item)
			}
			p.paragraph(fmt.Sprintf("%s (%s)", s, whyPlace(x)), 2)
		}
	}
	if a.MoreChains > 0 {
		p.line(fmt.Sprintf("(%s more of that length)", num(a.MoreChains)))
	}
}

// whyPlace says where the first reference to the next of a chain is.
func whyPlace(x insight.Link) string {
	s := fmt.Sprintf("at +%#x", x.At)
	if x.References > 1 {
		s = fmt.Sprintf("%s from +%#x on", counted(x.References, "reference"), x.At)
	}
	if x.Location != nil {
		s += ", " + plain(placeOf(x.Location))
	}
	return s
}

func whyImage(x insight.Item) string {
	if x.Image == "" {
		return "no image"
	}
	return plain(x.Image)
}

// links lists callers or callees.
func (p *page) links(title, noun string, list []insight.Link) {
	p.heading(fmt.Sprintf("%s: %s", title, num(int64(len(list)))))
	if len(list) == 0 {
		return
	}
	g := grid{head: []string{noun, "bytes", "references", "image"}, text: 1}
	for _, i := range p.top(len(list)) {
		x := list[i]
		g.add(whyName(x.Item), num(int64(x.Size)), num(int64(x.References)), capped(path.Base(whyImage(x.Item)), 24))
	}
	g.write(p)
	p.left(len(list), noun)
}

// whyOrigins says how far references can be relied on.
func whyOrigins(a *insight.Answer) string {
	var exact, decoded, partial []string
	for _, o := range a.Images {
		switch {
		case o.Exact:
			exact = append(exact, plain(o.Path))
		case o.Source == sizediff.RefDecoded:
			decoded = append(decoded, plain(o.Path))
		default:
			partial = append(partial, plain(o.Path))
		}
	}
	var s []string
	if len(exact) > 0 {
		s = append(s, "References of "+imageList(exact)+" are exact: they are relocations.")
	}
	if len(decoded) > 0 {
		s = append(s, "References of "+imageList(decoded)+" were found by decoding code: calls are exact, addresses of data an estimate.")
	}
	if len(partial) > 0 {
		s = append(s, "References of "+imageList(partial)+" are incomplete, because code of that machine is not decoded.")
	}
	if a.RustOnly {
		s = append(s, "The build is a measurement: of constants and of C only what leads to Rust is known.")
	}
	return strings.Join(s, " ")
}

// imageList keeps a list of images short enough for a sentence.
func imageList(paths []string) string {
	if len(paths) > 4 {
		paths = append(paths[:3:3], counted(len(paths)-3, "more image"))
	}
	return listed(paths)
}
