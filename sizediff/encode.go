package sizediff

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// The portable form of a measurement is source.MeasurementMagic, then one zstd stream. In it numbers are unsigned
// varints, strings have their length in front, and the columns of an image's symbols stand one after the other, which
// compresses better than rows. With source.ManifestMagic in its place a manifest follows at the end, with source.LinksMagic
// a flag, the manifest if the flag is set, and the links of the images, with source.ReferencesMagic these, the references, and what
// is inlined.
// A new version of the form needs a new magic.

// Limits on what a measurement may unpack to. A distribution kernel with all its modules takes a quarter of either.
const (
	maxDecoded = 128 << 20 // bytes
	maxItems   = 4 << 20   // symbols, sections and all other elements of lists
	maxSize    = 1 << 40   // of a section or a file, as in elfmap; sums of so many stay in 63 bits
	maxPath    = 4096      // bytes of a path, as in source.DefaultLimits: it is compared as often as there are symbols
)

var (
	errNotMeasurement = errors.New("not a measurement; give a file written by oxidometer measure")
	errNotPortable    = errors.New("measured with digests that only this process knows; measure with Portable")
	errManifest       = errors.New("a manifest that is not well formed; see Manifest.Check")
	errTooLarge       = errors.New("too many symbols for a measurement file; measure fewer images at a time")
	errDamaged        = errors.New("damaged measurement; measure the build again")
)

// WriteMeasurement writes the portable form of m. Equal measurements give equal bytes. The label is not written: a
// measurement is called what its file is called. The measurement must be Portable.
func WriteMeasurement(w io.Writer, m *Measurement) error {
	if !m.Portable {
		return errNotPortable
	}
	if m.Manifest != nil && !m.Manifest.understood() {
		return errManifest
	}
	var e encoder
	e.flag(m.Lone)
	e.count(len(m.Config))
	for _, o := range m.Config {
		e.str(o.Name)
		e.str(o.Value)
	}
	e.count(len(m.Opaque))
	for _, o := range m.Opaque {
		e.str(o.Path)
		e.num(uint64(o.Size))
	}
	e.count(len(m.Images))
	for _, f := range m.Images {
		e.str(f.Path)
		e.num(uint64(f.FileSize))
		e.image(f.Image)
	}
	magic := source.MeasurementMagic
	switch {
	case m.haveLinks() || m.haveReferences() || m.haveInlined():
		magic = source.LinksMagic
		e.flag(m.Manifest != nil)
		if m.Manifest != nil {
			e.manifest(m.Manifest)
		}
		e.links(m.Images)
		if m.haveReferences() || m.haveInlined() {
			magic = source.ReferencesMagic
			e.references(m.Images)
			e.inlined(m.Images)
		}
	case m.Manifest != nil:
		magic = source.ManifestMagic
		e.manifest(m.Manifest)
	}
	if e.items > maxItems || len(e.b) > maxDecoded {
		return errTooLarge
	}
	if _, err := io.WriteString(w, magic); err != nil {
		return err
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if _, err := z.Write(e.b); err != nil {
		return err
	}
	return z.Close()
}

type encoder struct {
	b     []byte
	items int // of all lists
}

func (e *encoder) num(n uint64) { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) count(n int)  { e.items += n; e.num(uint64(n)) }
func (e *encoder) str(s string) { e.num(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) flag(f bool) {
	if f {
		e.num(1)
	} else {
		e.num(0)
	}
}

func (e *encoder) list(s []string) {
	e.count(len(s))
	for _, t := range s {
		e.str(t)
	}
}

func (e *encoder) image(im *Image) {
	e.b = append(e.b, im.Digest[:]...)
	e.num(uint64(im.Machine))
	e.num(uint64(im.Class))
	e.flag(im.Big)
	e.num(uint64(im.Type))
	e.flag(im.Stripped)
	e.count(len(im.Sections))
	for _, s := range im.Sections {
		e.str(s.Name)
		e.str(string(s.Kind))
		e.flag(s.Code)
		e.flag(s.Derived)
		e.num(s.Size)
		e.num(s.Content)
		e.num(s.Content ^ s.Rest) // 0 nearly always
	}
	e.list(im.Crates)
	e.symbols(im)
	e.count(len(im.Shares))
	for _, s := range im.Shares {
		e.num(uint64(s.Section))
		e.num(uint64(s.Class))
		e.str(s.Table)
		e.num(uint64(s.Crate))
		e.num(uint64(s.Inst))
		e.num(s.Bytes)
	}
	e.list(im.Tools.Rustc)
	e.list(im.Tools.CC)
	e.list(im.Tools.LD)
	e.count(len(im.Texts))
	for _, t := range im.Texts {
		e.str(t.What)
		e.str(t.Value)
		e.num(uint64(t.Size))
		e.str(t.Section)
	}
}

// symbolColumns are the numbers of a symbol, one column each.
var symbolColumns = []struct {
	get func(*Symbol) uint64
	set func(*Symbol, uint64)
}{
	{func(s *Symbol) uint64 { return uint64(s.Section) }, func(s *Symbol, n uint64) { s.Section = int32(n) }},
	{func(s *Symbol) uint64 { return s.Size }, func(s *Symbol, n uint64) { s.Size = n }},
	{func(s *Symbol) uint64 { return uint64(s.Prefix) }, func(s *Symbol, n uint64) { s.Prefix = uint32(n) }},
	{func(s *Symbol) uint64 { return uint64(s.Crate) }, func(s *Symbol, n uint64) { s.Crate = int32(n) }},
	{func(s *Symbol) uint64 { return uint64(s.Inst) }, func(s *Symbol, n uint64) { s.Inst = int32(n) }},
	{func(s *Symbol) uint64 { return uint64(s.How) }, func(s *Symbol, n uint64) { s.How = Attribution(n) }},
	{func(s *Symbol) uint64 { return uint64(s.Flags) }, func(s *Symbol, n uint64) { s.Flags = SymbolFlags(n) }},
}

func (e *encoder) symbols(im *Image) {
	e.count(len(im.Symbols))
	for _, c := range symbolColumns {
		for i := range im.Symbols {
			e.num(c.get(&im.Symbols[i]))
		}
	}
	for i := range im.Symbols {
		e.str(im.Symbols[i].Name)
	}
	e.count(len(im.Aliases))
	for _, a := range im.Aliases {
		e.num(uint64(a.Symbol))
		e.str(a.Name)
	}
}

// ReadMeasurement reads what WriteMeasurement wrote. It checks everything that later steps rely on: indexes, and that
// the parts of every section add up.
func ReadMeasurement(r io.Reader) (*Measurement, error) {
	magic := make([]byte, len(source.MeasurementMagic))
	if _, err := io.ReadFull(r, magic); err != nil || !source.IsMeasurement(magic) {
		return nil, errNotMeasurement
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDecoded), zstd.WithDecoderMaxWindow(32<<20))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var b strings.Builder
	if _, err := io.Copy(&b, io.LimitReader(z, maxDecoded+1)); err != nil || b.Len() > maxDecoded {
		return nil, errDamaged
	}
	d := &decoder{s: b.String()}
	m := d.measurement()
	form := string(magic)
	linked := form == source.LinksMagic || form == source.ReferencesMagic
	if form == source.ManifestMagic || linked && d.flag() {
		m.Manifest = d.manifest()
	}
	if linked {
		d.links(m.Images)
	}
	if form == source.ReferencesMagic {
		d.references(m.Images)
		d.inlined(m.Images)
	}
	if d.bad || d.s != "" {
		return nil, errDamaged
	}
	return m, nil
}

// decoder reads from s. After the first fault bad is set and everything reads as zero.
type decoder struct {
	s     string
	items int // read so far
	bad   bool
}

func (d *decoder) num() uint64 {
	var n uint64
	for i := 0; i < len(d.s) && i < binary.MaxVarintLen64; i++ {
		c := d.s[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.s = d.s[i+1:]
			return n
		}
	}
	d.fail()
	return 0
}

func (d *decoder) fail() { d.s, d.bad = "", true }

// max reads a number that must be less than limit.
func (d *decoder) max(limit uint64) uint64 {
	n := d.num()
	if n >= limit {
		d.fail()
		return 0
	}
	return n
}

// size reads the size of a section or a file, or a part of it.
func (d *decoder) size() uint64 { return d.max(maxSize + 1) }

// length reads how many bytes follow.
func (d *decoder) length() int {
	n := d.num()
	if n > uint64(len(d.s)) {
		d.fail()
		return 0
	}
	return int(n)
}

// count reads how many elements follow; each takes a byte at least.
func (d *decoder) count() int {
	n := d.length()
	if d.items += n; d.items > maxItems {
		d.fail()
		return 0
	}
	return n
}

func (d *decoder) str() string {
	n := d.length()
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

func (d *decoder) path() string {
	s := d.str()
	if len(s) > maxPath {
		d.fail()
		return ""
	}
	return s
}

func (d *decoder) flag() bool { return d.max(2) == 1 }

func (d *decoder) list() []string {
	var out []string
	for n := d.count(); n > 0 && !d.bad; n-- {
		out = append(out, d.str())
	}
	return out
}

func (d *decoder) measurement() *Measurement {
	m := &Measurement{Lone: d.flag(), Portable: true}
	for n := d.count(); n > 0 && !d.bad; n-- {
		m.Config = append(m.Config, Option{d.str(), d.str()})
	}
	for n := d.count(); n > 0 && !d.bad; n-- {
		m.Opaque = append(m.Opaque, OpaqueFile{d.path(), int64(d.size())})
	}
	for n := d.count(); n > 0 && !d.bad; n-- {
		m.Images = append(m.Images, ImageFile{Path: d.path(), FileSize: int64(d.size()), Image: d.image()})
	}
	if len(m.Images)+len(m.Opaque) == 0 {
		d.fail()
	}
	for _, f := range m.Images {
		if slices.ContainsFunc(f.Texts, func(t Text) bool { return t.What == textConfig }) {
			f.embedded = m.Config
		}
	}
	return m
}

func (d *decoder) image() *Image {
	im := new(Image)
	if len(d.s) < len(im.Digest) {
		d.fail()
		return im
	}
	copy(im.Digest[:], d.s)
	d.s = d.s[len(im.Digest):]
	im.Machine = elfmap.Machine(d.max(1 << 16))
	im.Class = int(d.max(65))
	im.Big = d.flag()
	im.Type = uint16(d.max(1 << 16))
	im.Stripped = d.flag()
	for n := d.count(); n > 0 && !d.bad; n-- {
		im.Sections = append(im.Sections, d.section())
	}
	im.Crates = d.list()
	if len(im.Crates) == 0 || im.Crates[0] != "" {
		d.fail()
	}
	d.symbols(im)
	for n := d.count(); n > 0 && !d.bad; n-- {
		im.Shares = append(im.Shares, d.share(im))
	}
	im.Tools = Tools{d.list(), d.list(), d.list()}
	for n := d.count(); n > 0 && !d.bad; n-- {
		im.Texts = append(im.Texts, Text{d.str(), d.str(), int64(d.size()), d.str()})
	}
	if !d.bad && !im.closes() {
		d.fail()
	}
	return im
}

func (d *decoder) section() Section {
	s := Section{Name: d.str(), Kind: Kind(d.str()), Code: d.flag(), Derived: d.flag(), Size: d.size(), Content: d.num()}
	s.Rest = s.Content ^ d.num()
	if s.Kind != Resident && s.Kind != Init && s.Kind != Unloaded {
		d.fail()
	}
	return s
}

func (d *decoder) symbols(im *Image) {
	n := d.count()
	if n > len(d.s)/len(symbolColumns) {
		d.fail()
		return
	}
	im.Symbols = make([]Symbol, n)
	for c, column := range symbolColumns {
		limit := d.columnLimit(im, c)
		for i := range im.Symbols {
			column.set(&im.Symbols[i], d.max(limit))
		}
	}
	for i := range im.Symbols {
		im.Symbols[i].Name = d.str()
	}
	for k := d.count(); k > 0 && !d.bad; k-- {
		im.Aliases = append(im.Aliases, SymbolAlias{int32(d.max(uint64(n))), d.str()})
	}
}

// columnLimit is what the numbers of a column must stay below.
func (d *decoder) columnLimit(im *Image, column int) uint64 {
	switch column {
	case 0:
		return uint64(len(im.Sections))
	case 1:
		return maxSize + 1
	case 2:
		return 1 << 32
	case 3, 4:
		return uint64(len(im.Crates))
	case 5:
		return uint64(len(attributionNames))
	}
	return 1 << 8
}

func (d *decoder) share(im *Image) Share {
	return Share{
		Section: int32(d.max(uint64(len(im.Sections)))), Class: ShareClass(d.max(uint64(len(shareNames)))), Table: d.str(),
		Crate: int32(d.max(uint64(len(im.Crates)))), Inst: int32(d.max(uint64(len(im.Crates)))), Bytes: d.size(),
	}
}

// closes reports whether symbols and shares add up to the size of every section with memory, and to nothing elsewhere.
func (im *Image) closes() bool {
	left := make([]uint64, len(im.Sections))
	for i, s := range im.Sections {
		if s.Kind != Unloaded {
			left[i] = s.Size
		}
	}
	take := func(section int32, n uint64) bool {
		if n > left[section] {
			return false
		}
		left[section] -= n
		return true
	}
	for i := range im.Symbols {
		if !take(im.Symbols[i].Section, im.Symbols[i].Size) {
			return false
		}
	}
	for i := range im.Shares {
		if !take(im.Shares[i].Section, im.Shares[i].Bytes) {
			return false
		}
	}
	for _, n := range left {
		if n != 0 {
			return false
		}
	}
	return true
}
