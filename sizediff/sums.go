package sizediff

import (
	"cmp"
	"slices"
	"strings"
)

// sides is an entry of base and its namesake in head; one may be nil.
type sides[T any] struct{ base, head *T }

// pairByKey pairs two lists by key, in order of keys. Entries with the same key are paired in order.
func pairByKey[T any](base, head []T, key func(T) string) []sides[T] {
	var out []sides[T]
	i, j := 0, 0
	a, b := sortedBy(base, key), sortedBy(head, key)
	for i < len(a) || j < len(b) {
		switch {
		case j == len(b) || i < len(a) && key(*a[i]) < key(*b[j]):
			out = append(out, sides[T]{base: a[i]})
			i++
		case i == len(a) || key(*b[j]) < key(*a[i]):
			out = append(out, sides[T]{head: b[j]})
			j++
		default:
			out = append(out, sides[T]{a[i], b[j]})
			i, j = i+1, j+1
		}
	}
	return out
}

func sortedBy[T any](list []T, key func(T) string) []*T {
	out := make([]*T, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	slices.SortStableFunc(out, func(a, b *T) int { return strings.Compare(key(*a), key(*b)) })
	return out
}

// eachKey calls f for every key of either map, in no order.
func eachKey[K comparable, V any](base, head map[K]V, f func(k K, b, h V)) {
	for k, b := range base {
		f(k, b, head[k])
	}
	for k, h := range head {
		if _, both := base[k]; !both {
			var zero V
			f(k, zero, h)
		}
	}
}

// imageSums fills the sums of an image's row. A tally is nil where the image does not exist.
func (c *comparison) imageSums(row *ImageChange, base, head *tally, baseFile, headFile int64) {
	if base == nil {
		base = newTally(len(c.buckets))
	}
	if head == nil {
		head = newTally(len(c.buckets))
	}
	row.Totals = totalsOf(base, head)
	row.Totals.File = NewChange(baseFile, headFile)
	row.Buckets = c.bucketChanges(base, head)
	row.Sections = sectionChanges(base.sections, head.sections)
}

func sectionChanges(base, head map[sectionKey]sectionSum) []SectionChange {
	names := newSectionNames()
	sums := map[sectionKey]SectionChange{}
	eachKey(base, head, func(k sectionKey, b, h sectionSum) {
		k.name = names.key(k.name)
		sum := sums[k]
		sum.Kind, sum.Derived = k.kind, sum.Derived || b.derived || h.derived
		sum.Change = sum.Change.Plus(NewChange(b.size, h.size))
		sums[k] = sum
	})
	out := make([]SectionChange, 0, len(sums))
	for k, sum := range sums {
		sum.Name = names.name(k.name)
		out = append(out, sum)
	}
	return out
}

// sectionNames brings sections together whose names differ in hashes alone. Such a group is called by what its names have
// in common, every other section by its own name.
type sectionNames struct{ own map[string]string }

func newSectionNames() sectionNames { return sectionNames{map[string]string{}} }

// key is what the section is grouped by.
func (n sectionNames) key(name string) string {
	k := looseSection(name)
	if other, ok := n.own[k]; !ok {
		n.own[k] = name
	} else if other != name {
		n.own[k] = k
	}
	return k
}

// name of a group, once all of it is known.
func (n sectionNames) name(key string) string { return n.own[key] }

func totalsOf(base, head *tally) Totals {
	return Totals{
		Resident: NewChange(base.memory[0], head.memory[0]), Init: NewChange(base.memory[1], head.memory[1]),
		Unloaded: NewChange(base.unloaded, head.unloaded), File: NewChange(base.file, head.file),
	}
}

func (c *comparison) bucketChanges(base, head *tally) []BucketChange {
	out := make([]BucketChange, len(c.buckets))
	for i, b := range c.buckets {
		out[i] = BucketChange{b.Name, b.Label,
			NewChange(base.buckets[i][0], head.buckets[i][0]), NewChange(base.buckets[i][1], head.buckets[i][1])}
	}
	return out
}

// totals fills the sums over the whole build.
func (c *comparison) totals() {
	b, h := c.baseSum, c.headSum
	c.out.Totals = totalsOf(b, h)
	c.out.Buckets = c.bucketChanges(b, h)
	c.out.Closing = Closing{closingParts(b.closing[0], h.closing[0]), closingParts(b.closing[1], h.closing[1])}
	c.out.Crates = []CrateChange{}
	eachKey(b.crates, h.crates, func(k crateKey, x, y crateSum) {
		c.out.Crates = append(c.out.Crates, crateChange(c.buckets[k.bucket].Name, k.crate, x, y))
	})
	c.out.Instantiators = []CrateChange{}
	eachKey(b.inst, h.inst, func(k string, x, y crateSum) {
		c.out.Instantiators = append(c.out.Instantiators, crateChange("", k, x, y))
	})
	byCrate := func(r *CrateChange) (int64, []string) { return r.Delta, []string{r.Crate, r.Bucket} }
	byDelta(c.out.Crates, byCrate)
	byDelta(c.out.Instantiators, byCrate)
	c.out.Runtime = []PathChange{}
	eachKey(b.runtime, h.runtime, func(k string, x, y int64) {
		c.out.Runtime = append(c.out.Runtime, PathChange{k, NewChange(x, y)})
	})
	byDelta(c.out.Runtime, func(r *PathChange) (int64, []string) { return r.Delta, []string{r.Path} })
}

func closingParts(b, h parts) ClosingParts {
	return ClosingParts{
		Named: NewChange(b.named, h.named), Constants: NewChange(b.constants, h.constants), Derived: NewChange(b.derived, h.derived),
		Padding: NewChange(b.padding, h.padding), Unattributed: NewChange(b.unattributed, h.unattributed),
	}
}

func crateChange(bucket, crate string, b, h crateSum) CrateChange {
	return CrateChange{bucket, crate, NewChange(b.bytes, h.bytes), NewChange(b.unnamed, h.unnamed)}
}

func compareOpaque(base, head []OpaqueFile) []OpaqueChange {
	out := []OpaqueChange{}
	for _, p := range pairByKey(base, head, func(f OpaqueFile) string { return f.Path }) {
		switch {
		case p.base == nil:
			out = append(out, OpaqueChange{p.head.Path, Added, NewChange(0, p.head.Size)})
		case p.head == nil:
			out = append(out, OpaqueChange{p.base.Path, Removed, NewChange(p.base.Size, 0)})
		case p.base.Size != p.head.Size:
			out = append(out, OpaqueChange{p.head.Path, ImageChanged, NewChange(p.base.Size, p.head.Size)})
		default:
			out = append(out, OpaqueChange{p.head.Path, ImageIdentical, NewChange(p.base.Size, p.head.Size)})
		}
	}
	byDelta(out, func(o *OpaqueChange) (int64, []string) { return o.Delta, []string{o.Path} })
	return out
}

// compareConfig lists options that differ, by name. A build without a configuration differs in nothing: that is unknown.
func compareConfig(base, head []Option) []OptionChange {
	out := []OptionChange{}
	if base == nil || head == nil {
		return out
	}
	for _, p := range pairByKey(base, head, func(o Option) string { return o.Name }) {
		var c OptionChange
		if p.base != nil {
			c.Option, c.Base = p.base.Name, p.base.Value
		}
		if p.head != nil {
			c.Option, c.Head = p.head.Name, p.head.Value
		}
		if c.Base != c.Head {
			c.Version = isVersionOption(c.Option)
			c.Option = "CONFIG_" + c.Option
			out = append(out, c)
		}
	}
	return out
}

// buildInfo gathers what the images of a build say of their tools.
func buildInfo(m *Measurement) BuildInfo {
	var t Tools
	for _, f := range m.Images {
		t.Rustc = append(t.Rustc, f.Tools.Rustc...)
		t.CC = append(t.CC, f.Tools.CC...)
		t.LD = append(t.LD, f.Tools.LD...)
	}
	list := func(s []string) []string {
		if s = unique(s); s == nil {
			return []string{}
		}
		return s
	}
	return BuildInfo{m.Label, len(m.Images), Fingerprint{list(t.Rustc), list(t.CC), list(t.LD), configDigest(m.Config)}}
}

// differs reports whether two builds are known to come from different tools. A tool that one of them does not name is
// unknown, not different.
func (f Fingerprint) differs(g Fingerprint) bool {
	known := func(a, b []string) bool { return len(a) > 0 && len(b) > 0 && !slices.Equal(a, b) }
	return known(f.Rustc, g.Rustc) || known(f.CC, g.CC) || known(f.LD, g.LD)
}

// Largest returns the n largest symbols of a build, largest first, then by name and image. n < 0 means all.
func Largest(m *Measurement, buckets []Bucket, n int) []SymbolSize {
	type ref struct {
		file   *ImageFile
		bucket []uint16
		symbol int
	}
	c := newClassifier(buckets)
	var refs []ref
	for i := range m.Images {
		f := &m.Images[i]
		t := c.tallyImage(f.Path, f.Image, modules{})
		for j := range f.Symbols {
			refs = append(refs, ref{f, t.bucketOf, j})
		}
	}
	slices.SortStableFunc(refs, func(a, b ref) int {
		s, t := &a.file.Symbols[a.symbol], &b.file.Symbols[b.symbol]
		return cmp.Or(cmp.Compare(t.Size, s.Size), strings.Compare(s.Name, t.Name), strings.Compare(a.file.Path, b.file.Path))
	})
	if n >= 0 && n < len(refs) {
		refs = refs[:n]
	}
	out := make([]SymbolSize, len(refs))
	for i, r := range refs {
		s := &r.file.Symbols[r.symbol]
		d := describe(r.file.Image, s)
		sec := &r.file.Sections[s.Section]
		out[i] = SymbolSize{
			Image: r.file.Path, Section: sec.Name, Name: s.Name, Demangled: d.demangled, Family: d.family, Kind: sec.Kind, Size: int64(s.Size),
			Crate: r.file.Crates[s.Crate], Instantiating: r.file.Crates[s.Inst], Bucket: c.buckets[r.bucket[r.symbol]].Name,
			Attribution: s.How.String(),
		}
	}
	return out
}
