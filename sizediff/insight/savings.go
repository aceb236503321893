package insight

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// CodeSavings is what sharing code would save in a build, each image by itself. Sizes are bytes. A part is nil when there is code
// in the scope and none of it could be read: it is of another machine, or has no symbols.
type CodeSavings struct {
	Scope     Scope           `json:"scope"`
	Folding   *FoldSavings    `json:"folding"`
	Tails     *TailSavings    `json:"tails"`
	Outlining *OutlineSavings `json:"outlining"`
}

// CodeRead is how much of the code in the scope was looked at.
type CodeRead struct {
	Judged    int64 `json:"judged"`
	NotJudged int64 `json:"not_judged"`
}

// known reports whether something was looked at, or there was nothing to look at.
func (r CodeRead) known() bool { return r.Judged > 0 || r.NotJudged == 0 }

func (r *CodeRead) add(judged, notJudged uint64) {
	r.Judged += int64(judged)
	r.NotJudged += int64(notJudged)
}

// FoldSavings is the Folding of all images.
type FoldSavings struct {
	CodeRead
	Saves  int64           `json:"saves"`  // with --icf=all
	Safe   int64           `json:"safe"`   // of it, with --icf=safe
	Groups []IdenticalCode `json:"groups"` // largest saving first
}

// IdenticalCode is a FoldGroup of an image.
type IdenticalCode struct {
	Image     string              `json:"image"`
	Functions []IdenticalFunction `json:"functions"` // two or more, by place
	Saves     int64               `json:"saves"`
	Safe      int64               `json:"safe"`
}

// IdenticalFunction is one of several with the same code.
type IdenticalFunction struct {
	CodeName
	Bytes        int64 `json:"bytes"`
	AddressTaken bool  `json:"address_taken"`
}

// CodeName is the name of a function.
type CodeName struct {
	Name   string `json:"name"`   // as people write it
	Symbol string `json:"symbol"` // as in the symbol table
}

// TailSavings is the TailMerging of all images.
type TailSavings struct {
	CodeRead
	Saves  int64       `json:"saves"` // by estimate, beyond what folding saves
	Return int64       `json:"return"`
	Jump   int64       `json:"jump"`
	Trap   int64       `json:"trap"`
	Tails  []CommonEnd `json:"tails"` // largest saving first
}

// CommonEnd is a Tail of an image.
type CommonEnd struct {
	Image     string     `json:"image"`
	Bytes     int64      `json:"bytes"`     // of one copy
	Functions []CodeName `json:"functions"` // that end in it, by place; one that does so in several places is there several times
	Saves     int64      `json:"saves"`
	Ending    Ending     `json:"ending"`
}

// OutlineSavings is the Outlining of all images.
type OutlineSavings struct {
	CodeRead
	Saves    int64             `json:"saves"`    // by estimate, beyond what folding saves
	Families []OutlineEstimate `json:"families"` // largest saving first
}

// OutlineEstimate is an OutlinedFamily of an image.
type OutlineEstimate struct {
	Image     string `json:"image"`
	Name      string `json:"name"`  // as Family.Name
	Crate     string `json:"crate"` // that defines it
	Instances int    `json:"instances"`
	Bytes     int64  `json:"bytes"`   // of these
	Sharing   int    `json:"sharing"` // instances that would call the inner function
	Common    int64  `json:"common"`  // bytes that each of those has of it
	Saves     int64  `json:"saves"`
}

var scopeNames, endingNames = []string{"rust", "all"}, []string{"return", "jump", "trap"}

// String is the word for a scope: rust or all.
func (s Scope) String() string { return scopeNames[s] }

// MarshalText is String.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String is the word for an ending: return, jump or trap.
func (e Ending) String() string { return endingNames[e] }

// MarshalText is String.
func (e Ending) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// Savings adds up what was read of the images of a build. It returns nil when one of them was not read: a measurement that was read
// from a file holds no code.
func (r *CodeReader) Savings(m *sizediff.Measurement) *CodeSavings {
	var (
		folding   = &FoldSavings{Groups: []IdenticalCode{}}
		tails     = &TailSavings{Tails: []CommonEnd{}}
		outlining = &OutlineSavings{Families: []OutlineEstimate{}}
	)
	images := slices.Clone(m.Images)
	slices.SortStableFunc(images, func(a, b sizediff.ImageFile) int { return strings.Compare(a.Path, b.Path) })
	for _, im := range images {
		r.mu.Lock()
		c := r.images[im.Digest]
		r.mu.Unlock()
		if c == nil {
			return nil
		}
		names := codeNames{symbols: c.names, names: map[int32]CodeName{}}
		folding.add(im.Path, c.Folding, names)
		tails.add(im.Path, c.Tails, names)
		outlining.add(im.Path, c.Outlining)
	}
	slices.SortStableFunc(folding.Groups, func(a, b IdenticalCode) int { return cmp.Compare(b.Saves, a.Saves) })
	slices.SortStableFunc(tails.Tails, func(a, b CommonEnd) int { return cmp.Compare(b.Saves, a.Saves) })
	slices.SortStableFunc(outlining.Families, func(a, b OutlineEstimate) int { return cmp.Compare(b.Saves, a.Saves) })
	return &CodeSavings{r.scope, ifKnown(folding), ifKnown(tails), ifKnown(outlining)}
}

func ifKnown[T interface{ known() bool }](part T) (none T) {
	if part.known() {
		return part
	}
	return none
}

// codeNames makes the names of symbols once.
type codeNames struct {
	symbols map[int32]string
	names   map[int32]CodeName
}

func (n codeNames) of(symbol int32) CodeName {
	name, known := n.names[symbol]
	if !known {
		s := n.symbols[symbol]
		if name = (CodeName{s, s}); rustname.Looks(s) {
			if parsed, ok := rustname.Parse(s); ok {
				name.Name = parsed.String()
			}
		}
		n.names[symbol] = name
	}
	return name
}

// key is the name without what changes from build to build.
func (n CodeName) key() string {
	if n.Name != n.Symbol {
		if parsed, ok := rustname.Parse(n.Symbol); ok {
			return parsed.MatchKey()
		}
	}
	return n.Symbol
}

func (s *FoldSavings) add(image string, f *Folding, names codeNames) {
	s.CodeRead.add(f.Judged, f.NotJudged)
	s.Saves += int64(f.Saves)
	s.Safe += int64(f.Safe)
	for _, g := range f.Groups {
		x := IdenticalCode{Image: image, Saves: int64(g.Saves), Safe: int64(g.Safe)}
		for _, f := range g.Functions {
			x.Functions = append(x.Functions, IdenticalFunction{names.of(f.Symbol), int64(f.Bytes), f.AddressTaken})
		}
		s.Groups = append(s.Groups, x)
	}
}

func (s *TailSavings) add(image string, t *TailMerging, names codeNames) {
	s.CodeRead.add(t.Judged, t.NotJudged)
	s.Saves += int64(t.Saves)
	s.Return += int64(t.Return)
	s.Jump += int64(t.Jump)
	s.Trap += int64(t.Trap)
	for _, t := range t.Tails {
		x := CommonEnd{Image: image, Bytes: int64(t.Bytes), Saves: int64(t.Saves), Ending: t.Ending}
		for _, site := range t.Sites {
			x.Functions = append(x.Functions, names.of(site.Symbol))
		}
		s.Tails = append(s.Tails, x)
	}
}

func (s *OutlineSavings) add(image string, o *Outlining) {
	s.CodeRead.add(o.Judged, o.NotJudged)
	s.Saves += int64(o.Saves)
	for _, f := range o.Families {
		s.Families = append(s.Families, OutlineEstimate{image, f.Name, f.Crate, f.Instances, int64(f.Bytes), f.Sharing, int64(f.Common), int64(f.Saves)})
	}
}
