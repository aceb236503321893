package render

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// cause is a path of the runtime or a generic family or a single symbol that explains a change of the runtime.
type cause struct {
	path    string // a path that is new or gone, with all below it; "" otherwise
	state   string // new, gone, larger, smaller
	change  sizediff.Change
	symbols []sizediff.SymbolChange // of a path
	parts   []contribution          // what changed in it, largest first; one for a family or a symbol
	origin  origin
	idle    bool // it is known that nothing in the build uses it
}

// contribution is a generic family, or a symbol that has none of its family beside it.
type contribution struct {
	name      string
	instances int
	change    sizediff.Change
	symbols   []sizediff.SymbolChange
}

const maxCauses = 5

// causes explain the runtime's change of a report: paths that came or went, and families besides them, the largest first. Growth is explained when the runtime grew, shrinkage when it shrank. more counts what was left out.
func causes(r *sizediff.Report, limit int) (list []cause, more int) {
	wantPath, sign := "gone", int64(-1)
	if runtimeOf(r).Resident.Delta > 0 {
		wantPath, sign = "new", 1
	}
	known := map[string]bool{}
	for _, p := range r.Runtime {
		known[p.Path] = true
	}
	under := map[string][]sizediff.SymbolChange{}
	for _, s := range r.Symbols {
		if s.Bucket == sizediff.BucketRuntime && (s.Delta > 0) == (sign > 0) && s.Delta != 0 {
			path := s.Path()
			if !known[path] { // in a module that is as large as before
				path = pathOf(symbolName(s), known)
			}
			under[path] = append(under[path], s)
		}
	}
	trees := wholeTrees(r.Runtime, wantPath)
	at := map[string]int{}
	for _, p := range r.Runtime {
		if pathState(p.Change) != wantPath {
			continue
		}
		top := trees.top(p.Path)
		i, ok := at[top]
		if !ok {
			i = len(list)
			at[top] = i
			list = append(list, cause{path: top, state: wantPath})
		}
		list[i].change = list[i].change.Plus(p.Change)
		list[i].symbols = append(list[i].symbols, under[p.Path]...)
		delete(under, p.Path)
	}
	for i := range list {
		list[i].parts = families(list[i].symbols)
	}
	var rest []sizediff.SymbolChange
	for _, symbols := range under {
		rest = append(rest, symbols...)
	}
	for _, f := range families(rest) {
		list = append(list, cause{state: sizeState(f.change), change: f.change, parts: []contribution{f}})
	}
	slices.SortStableFunc(list, func(a, b cause) int { return -cmp.Compare(magnitude(a.change.Delta), magnitude(b.change.Delta)) })
	more = max(len(list)-limit, 0)
	list = list[:len(list)-more]
	from := origins(r)
	for i := range list {
		arrived := from.of(list[i].parts)
		list[i].origin, list[i].idle = list[i].from(arrived), idle(arrived)
	}
	return list, more
}

// trees are the paths of which everything below is in one state as well.
type trees map[string]bool

// wholeTrees returns those that came or went whole, with a symbol of their own.
func wholeTrees(paths []sizediff.PathChange, state string) trees {
	out := trees{}
	for _, p := range paths {
		if pathState(p.Change) == state {
			out[p.Path] = true
		}
	}
	for _, p := range paths {
		if pathState(p.Change) != state {
			for path := p.Path; path != ""; path = parentOf(path) {
				delete(out, path)
			}
		}
	}
	return out
}

// top is the topmost of them that a path is in; itself if there is none above.
func (t trees) top(path string) string {
	top := path
	for above := parentOf(path); above != ""; above = parentOf(above) {
		if t[above] {
			top = above
		}
	}
	return top
}

// parentOf is the module around a module, "" of a crate.
func parentOf(path string) string { return path[:max(strings.LastIndex(path, "::"), 0)] }

// families adds symbols up by generic family, largest first.
func families(symbols []sizediff.SymbolChange) []contribution {
	sums := map[string]*contribution{}
	for _, s := range symbols {
		key := cmp.Or(s.Family, symbolName(s))
		f := sums[key]
		if f == nil {
			f = &contribution{name: symbolName(s)}
			sums[key] = f
		} else {
			f.name = key
		}
		f.instances++
		f.change = f.change.Plus(s.Change)
		f.symbols = append(f.symbols, s)
	}
	list := make([]contribution, 0, len(sums))
	for _, f := range sums {
		list = append(list, *f)
	}
	slices.SortFunc(list, compareContributions)
	return list
}

// compareContributions puts the largest first, whatever its sign.
func compareContributions(a, b contribution) int {
	return cmp.Or(-cmp.Compare(magnitude(a.change.Delta), magnitude(b.change.Delta)), cmp.Compare(a.name, b.name))
}

// pathOf returns the longest known module path that a demangled name begins with, "" when there is none:
// core::fmt::num::imp::fmt_u64 and <core::fmt::num::Foo as Bar>::baz are under core::fmt::num.
func pathOf(name string, known map[string]bool) string {
	name = strings.TrimLeft(name, "<&*[( ")
	if i := strings.IndexAny(name, "<>{}()[] ,;"); i >= 0 {
		name = name[:i]
	}
	for name != "" && !known[name] {
		name = parentOf(name)
	}
	return name
}

// within shortens a name that begins with the path it stands under.
func within(name, path string) string {
	if rest, ok := strings.CutPrefix(name, path+"::"); ok {
		return rest
	}
	return name
}

// sizeState says in a word how something changed that has a size.
func sizeState(c sizediff.Change) string {
	switch {
	case c.Base == 0:
		return "new"
	case c.Head == 0:
		return "gone"
	case c.Delta > 0:
		return "larger"
	}
	return "smaller"
}

// origin is who first referred to something of the runtime: the last in the chain that is neither runtime nor abstraction, or failing
// that no runtime. The zero value is an origin that is not known.
type origin struct {
	name, image string
	through     []string           // what of the runtime and the abstractions lies between
	location    *sizediff.Location // of the reference; nil: not known
	also        []symbolPlace      // who referred to other parts of it, those of most bytes first
}

func (o origin) known() bool { return o.name != "" }

// same reports whether two origins are the same places, whatever lies between.
func (o origin) same(p origin) bool {
	return o.name == p.name && o.image == p.image && slices.Equal(o.also, p.also)
}

// symbolPlace is a symbol as reports name it.
type symbolPlace struct{ name, image string }

// arrivals of a report by symbol.
type arrivals map[symbolPlace]*sizediff.Arrival

func origins(r *sizediff.Report) arrivals {
	out := arrivals{}
	if r.Causes == nil || r.Causes.References == nil {
		return out
	}
	list := r.Causes.References.Arrivals
	for i := range list {
		out[symbolPlace{list[i].Name, list[i].Image}] = &list[i]
	}
	return out
}

// of returns the arrivals of what changed.
func (a arrivals) of(parts []contribution) (list []*sizediff.Arrival) {
	seen := map[symbolPlace]bool{}
	for _, part := range parts {
		for _, s := range part.symbols {
			place := symbolPlace{symbolName(s), s.Image}
			if x := a[place]; x != nil && !seen[place] {
				seen[place] = true
				list = append(list, x)
			}
		}
	}
	return list
}

// commonOrigin is who first referred to most bytes of several arrivals, and who to the rest. The way to them is that of the largest.
func commonOrigin(list []*sizediff.Arrival) origin {
	bytes := map[symbolPlace]int64{}
	first := map[symbolPlace]origin{}
	largest := map[symbolPlace]int64{}
	for _, x := range list {
		o := originOf(x)
		if !o.known() {
			continue
		}
		o.name = withoutArguments(o.name)
		place, n := symbolPlace{o.name, o.image}, max(x.Bytes.Delta, x.Used)
		bytes[place] += n
		if n > largest[place] || !first[place].known() {
			first[place], largest[place] = o, n
		}
	}
	if len(bytes) == 0 {
		return origin{}
	}
	places := slices.SortedFunc(maps.Keys(bytes), func(x, y symbolPlace) int {
		return cmp.Or(-cmp.Compare(bytes[x], bytes[y]), cmp.Compare(x.name, y.name), cmp.Compare(x.image, y.image))
	})
	o := first[places[0]]
	o.also = places[1:]
	return o
}

// idle reports whether all that has arrived is there for its export alone, or because its crate is linked whole.
func idle(list []*sizediff.Arrival) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(a *sizediff.Arrival) bool { return a.Kept == "used" })
}

// from is the origin of a cause. What is a part of it does not lie between.
func (x cause) from(list []*sizediff.Arrival) origin {
	o := commonOrigin(list)
	if len(o.through) > 0 && slices.ContainsFunc(x.symbols, func(s sizediff.SymbolChange) bool { return symbolName(s) == o.through[0] }) {
		o.through = nil
	}
	return o
}

func originOf(a *sizediff.Arrival) origin {
	last := len(a.Chain) - 1 // the symbol itself
	for _, foreign := range []func(bucket string) bool{
		func(b string) bool { return b != sizediff.BucketRuntime && b != sizediff.BucketAbstractions },
		func(b string) bool { return b != sizediff.BucketRuntime },
	} {
		for i := last - 1; i >= 0; i-- {
			if s := a.Chain[i]; s.Name != "" && foreign(s.Bucket) {
				return origin{name: s.Name, image: s.Image, through: named(a.Chain[i+1 : last]), location: s.Location}
			}
		}
	}
	return origin{}
}

func named(steps []sizediff.Step) (names []string) {
	for _, s := range steps {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// newlyUsed is what of the runtime was there before and is used for the first time, by module path, largest first.
type newlyUsed struct {
	bytes  int64
	paths  []contribution
	origin origin
}

func newlyUsedOf(r *sizediff.Report) (out newlyUsed) {
	if r.Causes == nil || r.Causes.References == nil {
		return out
	}
	paths := map[string]int64{}
	var list []*sizediff.Arrival
	for i := range r.Causes.References.Arrivals {
		a := &r.Causes.References.Arrivals[i]
		if a.Bucket != sizediff.BucketRuntime || a.Used == 0 || a.Bytes.Base == 0 {
			continue
		}
		n := min(a.Used, a.Bytes.Base)
		out.bytes += n
		paths[a.Path] += n
		list = append(list, a)
	}
	for path, n := range paths {
		out.paths = append(out.paths, contribution{name: path, change: sizediff.NewChange(0, n)})
	}
	slices.SortFunc(out.paths, compareContributions)
	out.origin = commonOrigin(list)
	out.origin.through = nil // it differs
	return out
}
