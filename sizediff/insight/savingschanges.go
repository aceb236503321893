package insight

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// CodeChanges is what differs between two CodeSavings. A part is nil when it is not known of both.
type CodeChanges struct {
	Scope     Scope           `json:"scope"`
	Folding   *FoldChanges    `json:"folding"`
	Tails     *TailChanges    `json:"tails"`
	Outlining *OutlineChanges `json:"outlining"`
}

// CodeReadChange is how much of the code was looked at before and after.
type CodeReadChange struct {
	Judged    sizediff.Change `json:"judged"`
	NotJudged sizediff.Change `json:"not_judged"`
}

// FoldChanges compares FoldSavings.
type FoldChanges struct {
	CodeReadChange
	Saves sizediff.Change `json:"saves"`
	Safe  sizediff.Change `json:"safe"`
	New   []IdenticalCode `json:"new"` // of head; base has no group with two functions of these names
}

// TailChanges compares TailSavings.
type TailChanges struct {
	CodeReadChange
	Saves  sizediff.Change `json:"saves"`
	Return sizediff.Change `json:"return"`
	Jump   sizediff.Change `json:"jump"`
	Trap   sizediff.Change `json:"trap"`
	New    []CommonEnd     `json:"new"` // of head; base has no common end of two functions of these names
}

// OutlineChanges compares OutlineSavings.
type OutlineChanges struct {
	CodeReadChange
	Saves    sizediff.Change `json:"saves"`
	Families []OutlineChange `json:"families"` // whose estimates differ, largest change first
}

// OutlineChange is a family of an image whose estimate differs.
type OutlineChange struct {
	Image string          `json:"image"`
	Name  string          `json:"name"`
	Crate string          `json:"crate"`
	Saves sizediff.Change `json:"saves"` // 0 on a side where it would save nothing
}

// CompareSavings compares what sharing code would save. It returns nil unless it is known of both builds, in the same scope.
// Functions are found again by their names without hashes.
func CompareSavings(base, head *CodeSavings) *CodeChanges {
	if base == nil || head == nil || base.Scope != head.Scope {
		return nil
	}
	out := &CodeChanges{Scope: head.Scope}
	if b, h := base.Folding, head.Folding; b != nil && h != nil {
		out.Folding = &FoldChanges{CodeReadChange: compareRead(b.CodeRead, h.CodeRead), Saves: sizediff.NewChange(b.Saves, h.Saves),
			Safe: sizediff.NewChange(b.Safe, h.Safe), New: without(b.Groups, h.Groups, (*IdenticalCode).keys)}
	}
	if b, h := base.Tails, head.Tails; b != nil && h != nil {
		out.Tails = &TailChanges{CodeReadChange: compareRead(b.CodeRead, h.CodeRead), Saves: sizediff.NewChange(b.Saves, h.Saves),
			Return: sizediff.NewChange(b.Return, h.Return), Jump: sizediff.NewChange(b.Jump, h.Jump),
			Trap: sizediff.NewChange(b.Trap, h.Trap), New: without(b.Tails, h.Tails, (*CommonEnd).keys)}
	}
	if b, h := base.Outlining, head.Outlining; b != nil && h != nil {
		out.Outlining = &OutlineChanges{compareRead(b.CodeRead, h.CodeRead), sizediff.NewChange(b.Saves, h.Saves),
			compareEstimates(b.Families, h.Families)}
	}
	return out
}

func compareRead(b, h CodeRead) CodeReadChange {
	return CodeReadChange{sizediff.NewChange(b.Judged, h.Judged), sizediff.NewChange(b.NotJudged, h.NotJudged)}
}

func compareEstimates(base, head []OutlineEstimate) []OutlineChange {
	out := []OutlineChange{}
	key := func(e *OutlineEstimate) []string { return []string{e.Image, e.Crate, e.Name} }
	for _, p := range pair(base, head, key) {
		named, b, h := cmp.Or(p.head, p.base), int64(0), int64(0)
		if p.base != nil {
			b = p.base.Saves
		}
		if p.head != nil {
			h = p.head.Saves
		}
		if b == h {
			continue
		}
		out = append(out, OutlineChange{named.Image, named.Name, named.Crate, sizediff.NewChange(b, h)})
	}
	byDelta(out, func(c *OutlineChange) (int64, []string) { return c.Saves.Delta, []string{c.Image, c.Name, c.Crate} })
	return out
}

func (g *IdenticalCode) keys() []string {
	var out []string
	for _, f := range g.Functions {
		out = append(out, f.key())
	}
	return out
}

func (e *CommonEnd) keys() []string {
	var out []string
	for _, f := range e.Functions {
		out = append(out, f.key())
	}
	return out
}

// without returns the groups of head of which no group of base has two members by name.
func without[T any](base, head []T, keys func(*T) []string) []T {
	g := newGroups()
	for i := range base {
		g.add(keys(&base[i]))
	}
	out := []T{}
	for i := range head {
		if !g.have(keys(&head[i])) {
			out = append(out, head[i])
		}
	}
	return out
}

// tooCommon is how many groups can have a name before it says nothing about which of them is which.
const tooCommon = 100

// knownGroups finds groups by the names of their members.
type knownGroups struct {
	n      int
	whole  map[string]bool      // by all names
	byName map[string][]nameUse // by one name: where it is, up to tooCommon
}

// nameUse is how often a name is in a group.
type nameUse struct{ group, times int }

func newGroups() *knownGroups {
	return &knownGroups{whole: map[string]bool{}, byName: map[string][]nameUse{}}
}

func (g *knownGroups) add(names []string) {
	times, all := countNames(names)
	g.whole[all] = true
	for name, n := range times {
		if list := g.byName[name]; len(list) < tooCommon {
			g.byName[name] = append(list, nameUse{g.n, n})
		}
	}
	g.n++
}

// have reports whether a group has the same names, or two of them.
func (g *knownGroups) have(names []string) bool {
	times, all := countNames(names)
	if g.whole[all] {
		return true
	}
	common := map[int]int{} // by group
	for name, n := range times {
		for _, use := range g.byName[name] {
			if common[use.group] += min(n, use.times); common[use.group] >= 2 {
				return true
			}
		}
	}
	return false
}

func countNames(names []string) (times map[string]int, all string) {
	times = map[string]int{}
	for _, name := range names {
		times[name]++
	}
	slices.Sort(names)
	return times, strings.Join(names, "\x00")
}
