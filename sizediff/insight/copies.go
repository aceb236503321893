package insight

import (
	"cmp"
	"maps"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// OneCopy says which code of the runtime and the abstractions a build has more than once, and what its modules share.
type OneCopy struct {
	Known   bool        `json:"known"`   // every image says what it exports and imports
	Items   []Duplicate `json:"items"`   // defined in more than one image; most Beyond first
	Bytes   int64       `json:"bytes"`   // of all copies of the items
	Beyond  int64       `json:"beyond"`  // of all of them, as in Duplicate
	Modules []Module    `json:"modules"` // that hold or import any of it, by path

	single map[[2]string]int64 // bytes of items in one image only, by itemKey
}

// Duplicate is one item of the runtime or the abstractions that is defined in more than one image: the same path and the same
// type arguments, whoever instantiated it. Sizes are those of bodies, without prefixes.
type Duplicate struct {
	Name   string     `json:"name"`  // demangled, with type arguments, without hashes
	Crate  string     `json:"crate"` // that defines it
	Bucket string     `json:"bucket"`
	Copies []Copy     `json:"copies"` // by path of the image; two at least
	Bytes  int64      `json:"bytes"`  // of all copies
	Beyond int64      `json:"beyond"` // of all images but the one that has most of it, which is where it would stay
	Kernel KernelCopy `json:"kernel"`
	Reason Reason     `json:"reason"`

	mangled string // of the copy in the kernel, else of the first
}

// Copy is what one image has of an item.
type Copy struct {
	Image   string `json:"image"`
	Symbols int    `json:"symbols"` // more than one when several crates in the image made an instance
	Bytes   int64  `json:"bytes"`

	symbols []*symbol
}

// KernelCopy says whether modules could use a copy that the kernel itself has.
type KernelCopy string

const (
	KernelExports KernelCopy = "exported" // it has one and exports it
	KernelKeeps   KernelCopy = "local"    // it has one and does not export it
	KernelNone    KernelCopy = "none"     // it has none
	KernelUnknown KernelCopy = "unknown"  // it has one; what it exports is not known
)

// Reason says why a module has a copy of its own.
type Reason string

const (
	Generic     Reason = "generic"      // each crate makes the instances that it uses
	Inline      Reason = "inline"       // it is not generic, and small or marked #[inline]: each crate that uses it compiles it, for itself
	NotExported Reason = "not exported" // modules are linked with its one copy, which the kernel does not export
	NoReason    Reason = ""             // the same, but the kernel exports it, or that is not known
)

// Module says what a module shares with the rest of the build, and what it has itself.
type Module struct {
	Image string `json:"image"`
	Uses  []Use  `json:"uses"` // by bucket
}

// Use is one bucket's part of a Module.
type Use struct {
	Bucket  string    `json:"bucket"`
	Carries int       `json:"carries"` // symbols that it has itself
	Carried int64     `json:"carried"` // their bytes, prefixes included
	Imports *Imported `json:"imports"` // nil: not known
}

// Imported is what a module has from other images.
type Imported struct {
	Names int   `json:"names"`
	Bytes int64 `json:"bytes"` // of the symbols behind the names, prefixes included, each once: what it saves; not what these need in turn
}

// Copies finds what a build has more than once.
func Copies(m *sizediff.Measurement, buckets []sizediff.Bucket) OneCopy {
	return newBuild(m, buckets).oneCopy()
}

func (b *build) oneCopy() OneCopy {
	out := OneCopy{Known: b.linked, Items: []Duplicate{}, Modules: []Module{}, single: map[[2]string]int64{}}
	for _, list := range b.sharable() {
		it := b.item(list)
		if len(it.Copies) == 1 {
			out.single[[2]string(itemKey(&it))] = it.Bytes
			continue
		}
		out.Items = append(out.Items, it)
		out.Bytes += it.Bytes
		out.Beyond += it.Beyond
	}
	byBytes(out.Items, func(i *Duplicate) (int64, []string) { return i.Beyond, []string{i.Name, i.Bucket, i.mangled} })
	for i := range b.images {
		if im := &b.images[i]; !im.kernel() {
			if uses := b.uses(im); len(uses) > 0 {
				out.Modules = append(out.Modules, Module{im.Path, uses})
			}
		}
	}
	return out
}

// sharedBuckets hold what all crates use.
var sharedBuckets = []string{sizediff.BucketRuntime, sizediff.BucketAbstractions}

func shared(bucket string) bool { return slices.Contains(sharedBuckets, bucket) }

// sharable lists the symbols of each item of the runtime and the abstractions, by image and place.
func (b *build) sharable() map[string][]*symbol {
	out := map[string][]*symbol{}
	for i := range b.images {
		for j := range b.images[i].symbols {
			s := &b.images[i].symbols[j]
			if !shared(s.bucket) || !s.code() {
				continue
			}
			if name := s.name(); name != nil {
				key := name.MatchKey()
				out[key] = append(out[key], s)
			}
		}
	}
	return out
}

// item describes the symbols of one item.
func (b *build) item(list []*symbol) Duplicate {
	first := list[0]
	name := first.name()
	it := Duplicate{Name: name.String(), Crate: first.crate(), Bucket: first.bucket, Kernel: KernelNone, mangled: first.Symbol.Name}
	for _, s := range list {
		if n := len(it.Copies); n == 0 || it.Copies[n-1].Image != s.image.Path {
			it.Copies = append(it.Copies, Copy{Image: s.image.Path})
		}
		c := &it.Copies[len(it.Copies)-1]
		c.Symbols++
		c.Bytes += s.body()
		c.symbols = append(c.symbols, s)
		it.Bytes += s.body()
		if s.image.kernel() {
			if it.Kernel != KernelExports {
				it.mangled = s.Symbol.Name
			}
			it.Kernel = b.kernelCopy(it.Kernel, s)
		}
	}
	most := slices.MaxFunc(it.Copies, func(a, b Copy) int { return cmp.Compare(a.Bytes, b.Bytes) })
	it.Beyond = it.Bytes - most.Bytes
	it.Reason = reason(name, list, it.Kernel)
	return it
}

// kernelCopy adds to what is known the copy that is s.
func (b *build) kernelCopy(known KernelCopy, s *symbol) KernelCopy {
	switch {
	case s.image.Links == nil:
		return KernelUnknown
	case known == KernelExports:
		return known
	case b.exportsSymbol(s):
		return KernelExports
	}
	return KernelKeeps
}

// exportsSymbol reports whether the image exports the symbol under its own name.
func (b *build) exportsSymbol(s *symbol) bool {
	e := b.exports[s.Symbol.Name]
	return e != nil && e.symbol == s
}

// reason tells inline items by who can see the copies outside the kernel: no other object than the one that compiled them.
func reason(name *rustname.Name, list []*symbol, k KernelCopy) Reason {
	linked := slices.ContainsFunc(list, func(s *symbol) bool { return !s.image.kernel() && s.Flags&sizediff.FlagGlobal != 0 })
	switch {
	case name.Generic():
		return Generic
	case name.Instantiating != "" || !linked:
		return Inline
	case k == KernelExports || k == KernelUnknown:
		return NoReason
	}
	return NotExported
}

// uses adds up what a module imports and has of each shared bucket.
func (b *build) uses(im *image) []Use {
	sum := map[string]*Use{}
	of := func(bucket string) *Use {
		if sum[bucket] == nil {
			sum[bucket] = &Use{Bucket: bucket}
			if b.linked {
				sum[bucket].Imports = new(Imported)
			}
		}
		return sum[bucket]
	}
	for i := range im.symbols {
		if s := &im.symbols[i]; s.rust() && shared(s.bucket) {
			u := of(s.bucket)
			u.Carries++
			u.Carried += int64(s.Size)
		}
	}
	if b.linked {
		seen := map[*symbol]bool{}
		for _, name := range im.Links.Imports {
			e := b.exports[name]
			if e == nil || e.symbol == nil || e.image == im || !e.symbol.rust() || !shared(e.symbol.bucket) {
				continue
			}
			u := of(e.symbol.bucket).Imports
			u.Names++
			if !seen[e.symbol] {
				seen[e.symbol] = true
				u.Bytes += int64(e.symbol.Size)
			}
		}
	}
	var out []Use
	for _, bucket := range slices.Sorted(maps.Keys(sum)) {
		out = append(out, *sum[bucket])
	}
	return out
}

// ItemChange is an item of which there are more copies, fewer, or other ones.
type ItemChange struct {
	Duplicate                 // in head; in base when head has no duplicate of it
	Images    sizediff.Change `json:"images"`
	AllBytes  sizediff.Change `json:"all_bytes"`
	BeyondOne sizediff.Change `json:"beyond_one"`
}

// itemKey is what an item is found again by.
func itemKey(i *Duplicate) []string { return []string{i.Name, i.Bucket} }

// side is an item in one of two builds, where it may be in one image or none. i is nil then, and other is the item in the other build.
func (c *OneCopy) side(i, other *Duplicate) Duplicate {
	if i != nil {
		return *i
	}
	if n, ok := c.single[[2]string(itemKey(other))]; ok {
		return Duplicate{Copies: make([]Copy, 1), Bytes: n}
	}
	return Duplicate{}
}

// CompareCopies lists the items that are in more than one image of either build, and whose copies differ in number or size, largest
// change of BeyondOne first.
func CompareCopies(base, head OneCopy) []ItemChange {
	out := []ItemChange{}
	for _, p := range pair(base.Items, head.Items, itemKey) {
		c := ItemChange{Duplicate: *cmp.Or(p.head, p.base)}
		b, h := base.side(p.base, p.head), head.side(p.head, p.base)
		c.Images = sizediff.NewChange(int64(len(b.Copies)), int64(len(h.Copies)))
		c.AllBytes = sizediff.NewChange(b.Bytes, h.Bytes)
		c.BeyondOne = sizediff.NewChange(b.Beyond, h.Beyond)
		if c.Images.Delta != 0 || c.AllBytes.Delta != 0 || c.BeyondOne.Delta != 0 {
			out = append(out, c)
		}
	}
	byDelta(out, func(c *ItemChange) (int64, []string) { return c.BeyondOne.Delta, []string{c.Name, c.Bucket} })
	return out
}

// sides is an entry of base and its namesake in head; one may be nil.
type sides[T any] struct{ base, head *T }

// pair pairs two lists by keys, in order of these; entries of one key are paired in order.
func pair[T any](base, head []T, key func(*T) []string) []sides[T] {
	ordered := func(list []T) []*T {
		out := make([]*T, len(list))
		for i := range list {
			out[i] = &list[i]
		}
		slices.SortStableFunc(out, func(a, b *T) int { return slices.Compare(key(a), key(b)) })
		return out
	}
	a, b := ordered(base), ordered(head)
	var out []sides[T]
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = slices.Compare(key(a[0]), key(b[0]))
		}
		var s sides[T]
		if order <= 0 {
			s.base, a = a[0], a[1:]
		}
		if order >= 0 {
			s.head, b = b[0], b[1:]
		}
		out = append(out, s)
	}
	return out
}
