package render

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// cause is a path of the runtime or a generic family or a single symbol that explains a change of the runtime.
type cause struct {
	path   string // a path that is new or gone; "" otherwise
	state  string // new, gone, larger, smaller
	change sizediff.Change
	parts  []contribution // what changed in it, largest first; one for a family or a symbol
	origin origin
}

// contribution is a generic family, or a symbol that has none of its family beside it.
type contribution struct {
	name      string
	instances int
	change    sizediff.Change
	symbols   []sizediff.SymbolChange
}

const maxCauses = 5

// causes explain the runtime's change of a report: first paths that came or went, then the largest families besides them.
// Growth is explained when the runtime grew, shrinkage when it shrank. more counts what was left out.
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
			path := pathOf(symbolName(s), known)
			under[path] = append(under[path], s)
		}
	}
	for _, p := range r.Runtime {
		if pathState(p.Change) == wantPath {
			list = append(list, cause{path: p.Path, state: wantPath, change: p.Change, parts: families(under[p.Path])})
			delete(under, p.Path)
		}
	}
	var rest []sizediff.SymbolChange
	for _, symbols := range under {
		rest = append(rest, symbols...)
	}
	for _, f := range families(rest) {
		list = append(list, cause{state: sizeState(f.change), change: f.change, parts: []contribution{f}})
	}
	more = max(len(list)-limit, 0)
	list = list[:len(list)-more]
	from := origins(r)
	for i := range list {
		list[i].origin = from.of(list[i].parts)
	}
	return list, more
}

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
		name = name[:max(strings.LastIndex(name, "::"), 0)]
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
}

func (o origin) known() bool { return o.name != "" }

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

// of returns where the largest of what changed comes from.
func (a arrivals) of(parts []contribution) origin {
	for _, part := range parts {
		for _, s := range part.symbols {
			if x := a[symbolPlace{symbolName(s), s.Image}]; x != nil {
				if o := originOf(x); o.known() {
					return o
				}
			}
		}
	}
	return origin{}
}

func originOf(a *sizediff.Arrival) origin {
	last := len(a.Chain) - 1 // the symbol itself
	for _, foreign := range []func(bucket string) bool{
		func(b string) bool { return b != sizediff.BucketRuntime && b != sizediff.BucketAbstractions },
		func(b string) bool { return b != sizediff.BucketRuntime },
	} {
		for i := last - 1; i >= 0; i-- {
			if s := a.Chain[i]; s.Name != "" && foreign(s.Bucket) {
				return origin{s.Name, s.Image, named(a.Chain[i+1 : last]), s.Location}
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
	origin origin // of the largest
}

func newlyUsedOf(r *sizediff.Report) (out newlyUsed) {
	if r.Causes == nil || r.Causes.References == nil {
		return out
	}
	paths := map[string]int64{}
	var first *sizediff.Arrival
	for i := range r.Causes.References.Arrivals {
		a := &r.Causes.References.Arrivals[i]
		if a.Bucket != sizediff.BucketRuntime || a.Used == 0 || a.Bytes.Base == 0 {
			continue
		}
		out.bytes += a.Used
		paths[a.Path] += a.Used
		if first == nil || a.Used > first.Used {
			first = a
		}
	}
	for path, n := range paths {
		out.paths = append(out.paths, contribution{name: path, change: sizediff.NewChange(0, n)})
	}
	slices.SortFunc(out.paths, compareContributions)
	if first != nil {
		out.origin = originOf(first)
	}
	return out
}
