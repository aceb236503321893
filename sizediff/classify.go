package sizediff

import (
	"regexp"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// glob is a compiled pattern. Most patterns are a name, or a prefix and a star.
type glob struct {
	text   string // the name, or the prefix
	prefix bool   // text is a prefix
	re     *regexp.Regexp
}

// compileGlob compiles a pattern in which * stands for any run of characters (within one path element when slash is
// set, where ** crosses them), and ? for one. Everything else stands for itself.
func compileGlob(pattern string, slash bool) glob {
	if !strings.ContainsAny(pattern, "*?") {
		return glob{text: pattern}
	}
	if p := strings.TrimRight(pattern, "*"); !strings.ContainsAny(p, "*?") && (!slash || strings.HasSuffix(pattern, "**")) {
		return glob{text: p, prefix: true}
	}
	one, run := ".", ".*"
	if slash {
		one, run = "[^/]", "[^/]*"
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch rest := pattern[i:]; {
		case slash && strings.HasPrefix(rest, "**/"):
			b.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			i++
		case rest[0] == '*':
			b.WriteString(run)
		case rest[0] == '?':
			b.WriteString(one)
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
		}
	}
	re, err := regexp.Compile("(?s)^" + b.String() + "$")
	if err != nil { // no UTF-8, so it is only itself
		return glob{text: pattern}
	}
	return glob{re: re}
}

func (g glob) match(s string) bool {
	switch {
	case g.re != nil:
		return g.re.MatchString(s)
	case g.prefix:
		return strings.HasPrefix(s, g.text)
	}
	return s == g.text
}

// MatchPath reports whether a path fits a pattern, as in Match.Images and Budget.Path.
func MatchPath(pattern, path string) bool { return compileGlob(pattern, true).match(path) }

// MatchName reports whether a name fits a pattern, as in Match.Crates and Budget.Targets.
func MatchName(pattern, name string) bool { return compileGlob(pattern, false).match(name) }

func anyMatch(gs []glob, s string) bool {
	for _, g := range gs {
		if g.match(s) {
			return true
		}
	}
	return false
}

func compileAll(patterns []string, slash bool) []glob {
	var gs []glob
	for _, p := range patterns {
		gs = append(gs, compileGlob(p, slash))
	}
	return gs
}

// rule is one Match of one bucket.
type rule struct {
	bucket                                  int
	crates, paths, sections, symbols, image []glob
	language                                map[Language]bool
}

// classifier gives ranges of bytes their bucket.
type classifier struct {
	buckets                        []Bucket
	rules                          []rule
	derived, padding, unattributed int
}

// newClassifier compiles the buckets. Buckets for padding and for what nobody owns are added when they are missing.
func newClassifier(buckets []Bucket) *classifier {
	c := &classifier{buckets: buckets[:len(buckets):len(buckets)]}
	c.derived = c.bucket(BucketDerived, "derived tables")
	c.padding = c.bucket(BucketPadding, "alignment")
	c.unattributed = c.bucket(BucketUnattributed, "unattributed")
	for i, b := range c.buckets {
		for _, m := range b.Match {
			r := rule{
				bucket: i, crates: compileAll(m.Crates, false), paths: compileAll(m.Paths, false),
				sections: compileAll(m.Sections, false), symbols: compileAll(m.Symbols, false), image: compileAll(m.Images, true),
			}
			for _, l := range m.Language {
				if r.language == nil {
					r.language = map[Language]bool{}
				}
				r.language[l] = true
			}
			c.rules = append(c.rules, r)
		}
	}
	return c
}

func (c *classifier) bucket(name, label string) int {
	for i := range c.buckets {
		if c.buckets[i].Name == name {
			return i
		}
	}
	c.buckets = append(c.buckets, Bucket{Name: name, Label: label})
	return len(c.buckets) - 1
}

// imageClassifier is a classifier for one image: what only depends on the image, a section or a crate is decided once.
type imageClassifier struct {
	*classifier
	im       *Image
	rules    []*rule
	sections [][]bool // by rule, then section; nil when the rule has no section patterns
	crates   [][]bool // by rule, then crate; nil when it has no crate patterns
}

func (c *classifier) forImage(path string, im *Image) *imageClassifier {
	b := &imageClassifier{classifier: c, im: im}
	for i := range c.rules {
		r := &c.rules[i]
		if r.image != nil && !anyMatch(r.image, path) {
			continue
		}
		var sections, crates []bool
		if r.sections != nil {
			sections = make([]bool, len(im.Sections))
			for j := range im.Sections {
				sections[j] = anyMatch(r.sections, im.Sections[j].Name)
			}
		}
		if r.crates != nil {
			crates = make([]bool, len(im.Crates))
			for j, name := range im.Crates {
				crates[j] = j > 0 && anyMatch(r.crates, name)
			}
		}
		b.rules = append(b.rules, r)
		b.sections = append(b.sections, sections)
		b.crates = append(b.crates, crates)
	}
	return b
}

// language of a symbol.
func (s *Symbol) language() Language {
	if s.How != ByNothing {
		return LanguageRust
	}
	return LanguageC
}

// symbol returns the bucket of a symbol.
func (b *imageClassifier) symbol(s *Symbol) int {
	lang := s.language()
	for i, r := range b.rules {
		if b.sections[i] != nil && !b.sections[i][s.Section] {
			continue
		}
		if b.crates[i] != nil && !b.crates[i][s.Crate] {
			continue
		}
		if r.language != nil && !r.language[lang] {
			continue
		}
		if r.symbols != nil && !anyMatch(r.symbols, s.Name) {
			continue
		}
		if r.paths != nil && !matchModule(r.paths, s) {
			continue
		}
		return r.bucket
	}
	return b.unattributed
}

// matchModule reports whether the module path of a Rust symbol, or one above it, fits.
func matchModule(gs []glob, s *Symbol) bool {
	if s.How != ByName {
		return false
	}
	n, ok := rustname.Parse(s.Name)
	return ok && matchPath(gs, n.Module())
}

// matchPath reports whether a pattern fits a module, or one that it is below.
func matchPath(gs []glob, p string) bool {
	for p != "" {
		if anyMatch(gs, p) {
			return true
		}
		i := strings.LastIndex(p, "::")
		if i < 0 {
			break
		}
		p = p[:i]
	}
	return false
}

// share returns the bucket of bytes that no symbol owns.
func (b *imageClassifier) share(s *Share) int {
	switch s.Class {
	case SharePadding, ShareStep:
		return b.padding
	case ShareUnattributed, ShareTable:
		return b.anonymous(s)
	}
	for i, r := range b.rules {
		if b.sections[i] != nil && !b.sections[i][s.Section] || b.crates[i] != nil && !b.crates[i][s.Crate] ||
			r.language != nil && !r.language[LanguageRust] || r.symbols != nil || r.paths != nil {
			continue
		}
		return r.bucket
	}
	return b.unattributed
}

// anonymous returns the bucket of bytes that only their section or their table names.
func (b *imageClassifier) anonymous(s *Share) int {
	for i, r := range b.rules {
		if r.sections == nil || r.crates != nil || r.symbols != nil || r.paths != nil || r.language != nil {
			continue
		}
		if b.sections[i][s.Section] || s.Table != "" && anyMatch(r.sections, s.Table) {
			return r.bucket
		}
	}
	if s.Class == ShareTable {
		return b.derived
	}
	return b.unattributed
}
