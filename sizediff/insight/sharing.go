package insight

import (
	"cmp"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Sharing weighs the copies of an item against one copy that the kernel exports to all. It is an estimate: sizes of bodies and
// prefixes, the name and its entries are measured, but unwind data and call sites are reckoned by the bytes of code, alignment as
// if functions were aligned to 16 bytes, and kallsyms by the average name. What an import takes in the symbol table of a module is
// not counted, for no section with memory has it.
type Sharing struct {
	Duplicate
	Copied int64 `json:"copied"` // bytes of all copies with what comes with them, as they are
	Shared int64 `json:"shared"` // bytes of one copy in the kernel with what comes with it, its export included
}

// Saves is how many bytes less it takes to share the item. It is negative where copying is cheaper.
func (s *Sharing) Saves() int64 { return s.Copied - s.Shared }

// Sharings weighs every item that a build has more than once, most savings first. It is nil, and nothing is known, unless every image
// says what it exports and one of them is a kernel.
func Sharings(m *sizediff.Measurement, buckets []sizediff.Bucket) []Sharing {
	return newBuild(m, buckets).sharings()
}

func (b *build) sharings() []Sharing {
	k := slices.IndexFunc(b.images, func(im image) bool { return im.kernel() })
	if !b.linked || k < 0 {
		return nil
	}
	rates := map[*image]rate{}
	for i := range b.images {
		rates[&b.images[i]] = b.images[i].rate()
	}
	out := []Sharing{}
	for _, it := range b.oneCopy().Items {
		out = append(out, b.share(it, &b.images[k], rates))
	}
	byBytes(out, func(s *Sharing) (int64, []string) { return s.Saves(), []string{s.Name, s.Bucket, s.mangled} })
	return out
}

// rate is what comes with the Rust code of an image.
type rate struct {
	code, tables    int64 // bytes of functions without prefixes, and of the tables about them
	labels, symbols int64 // names in kallsyms, and their bytes
}

// rate reckons with the ledger of the image. A function has one name, its prefix another, and an export three.
func (im *image) rate() rate {
	var r rate
	for _, row := range im.costs() {
		if row.Crate != "" {
			sum := row.All()
			r.code += sum[Code]
			r.tables += sum[Unwind] + sum[Sites] + sum[Tables]
			r.symbols += sum[Kallsyms]
		}
	}
	rust := map[string]bool{}
	for i := range im.symbols {
		if s := &im.symbols[i]; s.rust() {
			r.labels++
			rust[s.Symbol.Name] = true
			if s.Prefix > 0 {
				r.labels++
			}
		}
	}
	for _, a := range im.Aliases {
		if im.symbols[a.Symbol].rust() {
			r.labels++
			rust[a.Name] = true
		}
	}
	for _, name := range im.Links.Exports {
		if rust[name] {
			r.labels += exportLabels
		}
	}
	return r
}

const exportLabels = 3 // __ksymtab_, __kstrtab_ and __kstrtabns_

// function is what a function takes with what comes with it.
func (r rate) function(s *symbol) int64 {
	n := int64(s.Size) + int64(-s.Size%alignment) + s.body()*r.tables/max(r.code, 1) + r.names(1)
	if s.Prefix > 0 {
		n += r.names(1)
	}
	return n
}

// names is what so many names take in kallsyms.
func (r rate) names(n int64) int64 { return n * r.symbols / max(r.labels, 1) }

// share weighs an item. The shared copy is the kernel's own where there is one, else as large as the largest.
func (b *build) share(it Duplicate, kernel *image, rates map[*image]rate) Sharing {
	out := Sharing{Duplicate: it}
	var one *symbol
	for _, c := range it.Copies {
		for _, s := range c.symbols {
			out.Copied += rates[s.image].function(s)
			if b.exportsSymbol(s) {
				out.Copied += export(s.image, rates[s.image], s.Symbol.Name)
			}
			if one == nil || better(s, one) {
				one = s
			}
		}
	}
	r := rates[kernel]
	if r.code == 0 { // a kernel without Rust code of its own
		r = rates[one.image]
	}
	out.Shared = r.function(one) + export(kernel, r, it.mangled)
	return out
}

// better reports whether s tells more about a copy in the kernel than t.
func better(s, t *symbol) bool {
	kernel := func(s *symbol) int {
		if s.image.kernel() {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(kernel(s), kernel(t)), cmp.Compare(s.Size, t.Size)) > 0
}

// export is what an export takes: its name, its entries and its labels.
func export(im *image, r rate, name string) int64 {
	return int64(len(name)) + 1 + im.exportEntry() + r.names(exportLabels)
}
