package insight

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// build is a measurement with what all questions about it need: buckets, and who exports what.
type build struct {
	images  []image              // by path
	exports map[string]*exported // by the name that is exported
	linked  bool                 // the links of every image are known
}

type image struct {
	*sizediff.ImageFile
	symbols []symbol
}

// symbol is one symbol of an image.
type symbol struct {
	*sizediff.Symbol
	image  *image // that it is in
	bucket string // that its bytes fall into
}

// exported is what a name stands for that an image exports.
type exported struct {
	image  *image
	symbol *symbol // nil when no symbol of a known size is called so
}

func newBuild(m *sizediff.Measurement, buckets []sizediff.Bucket) *build {
	b := &build{exports: map[string]*exported{}, linked: len(m.Images) > 0}
	b.images = make([]image, len(m.Images))
	for i := range m.Images {
		b.images[i].ImageFile = &m.Images[i]
	}
	slices.SortStableFunc(b.images, func(x, y image) int { return strings.Compare(x.Path, y.Path) })
	for i := range b.images {
		im := &b.images[i]
		im.read(sizediff.BucketsOf(buckets, im.ImageFile))
		b.linked = b.linked && im.Links != nil
		b.export(im)
	}
	return b
}

// named reports whether there are images, and all of them have symbols.
func (b *build) named() bool { return len(b.images) > 0 && b.stripped() == 0 }

// stripped counts the images without symbols.
func (b *build) stripped() (n int) {
	for i := range b.images {
		if b.images[i].Stripped {
			n++
		}
	}
	return n
}

func (im *image) read(buckets []string) {
	im.symbols = make([]symbol, len(im.Symbols))
	for i := range im.Symbols {
		s := &im.Symbols[i]
		im.symbols[i] = symbol{Symbol: s, image: im, bucket: buckets[i]}
	}
}

// name parses the name of a symbol, nil if it is no Rust name. It is not kept, for it is far larger than a symbol.
func (s *symbol) name() *rustname.Name {
	if s.How != sizediff.ByName {
		return nil
	}
	name, _ := rustname.Parse(s.Symbol.Name)
	return name
}

// export files the names that an image exports. Where several export a name, the first does: the loader refuses the others.
func (b *build) export(im *image) {
	if im.Links == nil {
		return
	}
	own := map[string]*exported{}
	for _, name := range im.Links.Exports {
		if b.exports[name] == nil {
			own[name] = &exported{image: im}
			b.exports[name] = own[name]
		}
	}
	file := func(name string, s *symbol) {
		if e := own[name]; e != nil && (e.symbol == nil || s.Flags&sizediff.FlagGlobal != 0 && e.symbol.Flags&sizediff.FlagGlobal == 0) {
			e.symbol = s
		}
	}
	for i := range im.symbols {
		file(im.Symbols[i].Name, &im.symbols[i])
	}
	for _, a := range im.Aliases {
		file(a.Name, &im.symbols[a.Symbol])
	}
}

// rust reports whether the symbol is Rust, whatever its name.
func (s *symbol) rust() bool { return s.How != sizediff.ByNothing }

func (s *symbol) code() bool { return s.image.Sections[s.Section].Code }

// crate that defines the symbol, "" for C.
func (s *symbol) crate() string { return s.image.Crates[s.Crate] }

// module is the module path of a Rust symbol, as in sizediff.Report.Runtime: its crate where the name does not tell.
func (s *symbol) module() string {
	if name := s.name(); name != nil && name.Module() != "" {
		return name.Module()
	}
	return s.crate()
}

// payer is the crate whose object the symbol is in: the instantiating crate, else the defining one.
func (s *symbol) payer() string {
	if s.Inst != 0 {
		return s.image.Crates[s.Inst]
	}
	return s.crate()
}

// body is its bytes without the prefix.
func (s *symbol) body() int64 { return int64(s.Size) - int64(s.Prefix) }

// kernel reports whether the image is a kernel, as opposed to a module or an object file.
func (im *image) kernel() bool { return im.Type != elfmap.FileRelocatable }

// crateBuckets is the bucket of each crate that has symbols in the image: that of its first one.
func (im *image) crateBuckets() map[string]string {
	out := map[string]string{}
	for i := range im.symbols {
		s := &im.symbols[i]
		if _, seen := out[s.crate()]; s.rust() && !seen {
			out[s.crate()] = s.bucket
		}
	}
	return out
}

// byBytes sorts a list by bytes, most first, then by names, which must make rows distinct.
func byBytes[T any](list []T, of func(*T) (int64, []string)) {
	slices.SortFunc(list, func(a, b T) int {
		m, k := of(&a)
		n, l := of(&b)
		return cmp.Or(cmp.Compare(n, m), slices.Compare(k, l))
	})
}

// byDelta sorts a list of changes by how large they are, whatever the sign, then by names.
func byDelta[T any](list []T, of func(*T) (int64, []string)) {
	byBytes(list, func(t *T) (int64, []string) {
		n, names := of(t)
		return max(n, -n), names
	})
}
