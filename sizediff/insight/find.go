package insight

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// Find returns the nodes that a name can mean, in order of name. A name is a symbol as in the symbol table or as people write it;
// if there is none of that name, a part of one as people write it. IMAGE:NAME means only symbols of that image, which is
// its path or the last part of it, and IMAGE:SECTION+OFFSET whatever begins or lies there.
func (g *Graph) Find(name string) []int32 {
	list := g.meant(name)
	rank := g.ranks(list)
	slices.SortFunc(list, func(a, b int32) int { return cmp.Compare(rank[a], rank[b]) })
	return list
}

// meant is Find in no order for people; nil for nothing.
func (g *Graph) meant(name string) []int32 {
	if name == "" {
		return nil
	}
	found := g.find(name, func(int32) bool { return true })
	if len(found) > 0 {
		return found
	}
	for i := 0; i < len(name); i++ {
		if name[i] != ':' {
			continue
		}
		if strings.HasPrefix(name[i:], "::") {
			i++
			continue
		}
		image, rest := name[:i], name[i+1:]
		in := func(n int32) bool { return g.path(n) == image || path.Base(g.path(n)) == image }
		if found := g.findPlace(rest, in); found != nil {
			return found
		}
		if rest != "" {
			if found := g.find(rest, in); found != nil {
				return found
			}
		}
	}
	return nil
}

// find looks for exact names, then for parts.
func (g *Graph) find(name string, in func(int32) bool) []int32 {
	var exact, part []int32
	var parser rustname.Parser
	test := func(n int32, symbol string) {
		if !in(n) {
			return
		}
		if symbol == name {
			exact = append(exact, n)
			return
		}
		shown := symbol
		if rustname.Looks(symbol) {
			if parsed, ok := parser.Parse(symbol); ok {
				shown = parsed.String()
			}
		}
		switch {
		case shown == name:
			exact = append(exact, n)
		case strings.Contains(shown, name):
			part = append(part, n)
		}
	}
	for i := range g.Nodes {
		if k := g.Nodes[i].Kind; k == sizediff.NodeSymbol || k == sizediff.NodeExternal {
			test(int32(i), g.Name(int32(i)))
		}
	}
	for i := range g.Images {
		im := &g.Images[i]
		for _, a := range im.Aliases {
			if n := im.nodes[a.Symbol]; n >= 0 {
				test(n, a.Name)
			}
		}
	}
	if len(exact) > 0 {
		return unique(exact)
	}
	return unique(part)
}

// findPlace looks for SECTION+OFFSET.
func (g *Graph) findPlace(text string, in func(int32) bool) []int32 {
	i := strings.LastIndexByte(text, '+')
	if i < 0 {
		return nil
	}
	offset, err := strconv.ParseUint(text[i+1:], 0, 64)
	if err != nil {
		return nil
	}
	var found []int32
	for n := range g.Nodes {
		x := &g.Nodes[n]
		if x.Kind <= sizediff.NodeUnnamed && in(int32(n)) && g.section(int32(n)) == text[:i] &&
			(x.Offset == offset || x.Offset < offset && offset-x.Offset < x.Size) {
			found = append(found, int32(n))
		}
	}
	return found
}

// unique is a list with each node once.
func unique(list []int32) []int32 {
	slices.Sort(list)
	return slices.Compact(list)
}
