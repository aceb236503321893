package elfmap

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// builder writes an ELF file of any class and byte order, right or wrong in every field.
type builder struct {
	class   int  // 64 unless set
	big     bool // most significant byte first
	typ     uint16
	machine Machine
	parts   []part // section 1 and on
	symbols []sym  // when not nil, .symtab and .strtab follow the parts
	header  map[string]uint64
}

// part is a section. size, offset and entry stand in for what follows from data when they are not 0.
type part struct {
	name                string
	typ                 uint32
	flags, addr         uint64
	data                []byte
	size, offset, entry uint64
	link, info          uint32
	align               uint64
}

// sym is a symbol. An index of 0xff00 or more goes to SHT_SYMTAB_SHNDX unless it is reserved.
type sym struct {
	name        string
	value, size uint64
	typ         SymbolType
	bind        Binding
	other       byte
	section     int
	reserved    bool
}

const (
	progbits = 1
	ax       = flagAlloc | flagExec
)

// code is an executable section.
func code(name string, data []byte) part {
	return part{name: name, typ: progbits, flags: ax, data: data}
}

// fn is a global function of section 1.
func fn(name string, value, size uint64) sym {
	return sym{name: name, value: value, size: size, typ: Func, bind: Global, section: 1}
}

func label(name string, value uint64) sym {
	return sym{name: name, value: value, typ: NoType, section: 1}
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func (b *builder) order() byteOrder {
	if b.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (b *builder) wide() bool { return b.class != 32 }

// word appends an address-sized number.
func (b *builder) word(to []byte, n uint64) []byte {
	if b.wide() {
		return b.order().AppendUint64(to, n)
	}
	return b.order().AppendUint32(to, uint32(n))
}

// strtab appends names to a string table.
type strtab struct{ data []byte }

func (s *strtab) add(name string) uint32 {
	if len(s.data) == 0 {
		s.data = []byte{0}
	}
	if name == "" {
		return 0
	}
	at := len(s.data)
	s.data = append(append(s.data, name...), 0)
	return uint32(at)
}

// bytes returns the file.
func (b *builder) bytes() []byte {
	parts := append([]part{{}}, b.parts...)
	if b.symbols != nil {
		parts = b.addSymbols(parts)
	}
	var names strtab
	offsets := make([]uint32, len(parts)+1)
	for i := range parts {
		offsets[i] = names.add(parts[i].name)
	}
	offsets[len(parts)] = names.add(".shstrtab")
	parts = append(parts, part{name: ".shstrtab", typ: TypeStrtab, data: names.data})

	out := make([]byte, map[bool]int{false: 52, true: 64}[b.wide()])
	for i := range parts {
		p := &parts[i]
		for len(out)%8 != 0 {
			out = append(out, 0)
		}
		if p.typ != TypeNobits && p.offset == 0 && i > 0 {
			p.offset = uint64(len(out))
		}
		if p.size == 0 {
			p.size = uint64(len(p.data))
		}
		out = append(out, p.data...)
	}
	shoff, shnum, shstrndx := uint64(len(out)), uint64(len(parts)), uint64(len(parts)-1)
	if shnum >= 0xff00 {
		parts[0].size, parts[0].link = shnum, uint32(shstrndx)
		shnum, shstrndx = 0, 0xffff
	}
	for i, p := range parts {
		out = b.appendHeader(out, offsets[i], p)
	}
	b.fileHeader(out, shoff, shnum, shstrndx)
	return out
}

func (b *builder) appendHeader(out []byte, name uint32, p part) []byte {
	o := b.order()
	out = o.AppendUint32(o.AppendUint32(out, name), p.typ)
	for _, n := range []uint64{p.flags, p.addr, p.offset, p.size} {
		out = b.word(out, n)
	}
	out = o.AppendUint32(o.AppendUint32(out, p.link), p.info)
	return b.word(b.word(out, p.align), p.entry)
}

func (b *builder) fileHeader(out []byte, shoff, shnum, shstrndx uint64) {
	o := b.order()
	copy(out, "\x7fELF\x02\x01\x01")
	if !b.wide() {
		out[4] = 1
	}
	if b.big {
		out[5] = 2
	}
	field := func(name string, n uint64) uint64 {
		if v, ok := b.header[name]; ok {
			return v
		}
		return n
	}
	typ, machine, shentsize := b.typ, b.machine, uint64(40)
	if typ == 0 {
		typ = FileRelocatable
	}
	if machine == 0 {
		machine = MachineX8664
	}
	o.PutUint16(out[16:], uint16(field("type", uint64(typ))))
	o.PutUint16(out[18:], uint16(machine))
	at := 46
	if b.wide() {
		at, shentsize = 58, 64
		o.PutUint64(out[40:], field("shoff", shoff))
	} else {
		o.PutUint32(out[32:], uint32(field("shoff", shoff)))
	}
	o.PutUint16(out[at:], uint16(field("shentsize", shentsize)))
	o.PutUint16(out[at+2:], uint16(field("shnum", shnum)))
	o.PutUint16(out[at+4:], uint16(field("shstrndx", shstrndx)))
}

func (b *builder) addSymbols(parts []part) []part {
	var names strtab
	var table, index []byte
	extended := false
	for _, s := range append([]sym{{}}, b.symbols...) {
		shndx := uint16(s.section)
		if s.section >= 0xff00 && !s.reserved {
			shndx, extended = 0xffff, true
			index = b.order().AppendUint32(index, uint32(s.section))
		} else {
			index = b.order().AppendUint32(index, 0)
		}
		table = b.appendSymbol(table, names.add(s.name), shndx, s)
	}
	n := uint32(len(parts))
	parts = append(parts, part{name: ".symtab", typ: TypeSymtab, data: table, link: n + 1},
		part{name: ".strtab", typ: TypeStrtab, data: names.data})
	if extended {
		parts = append(parts, part{name: ".symtab_shndx", typ: TypeShndx, data: index, link: n})
	}
	return parts
}

func (b *builder) appendSymbol(to []byte, name uint32, shndx uint16, s sym) []byte {
	o := b.order()
	info := byte(s.bind)<<4 | byte(s.typ)
	to = o.AppendUint32(to, name)
	if b.wide() {
		to = o.AppendUint16(append(to, info, s.other), shndx)
		return o.AppendUint64(o.AppendUint64(to, s.value), s.size)
	}
	to = o.AppendUint32(o.AppendUint32(to, uint32(s.value)), uint32(s.size))
	return o.AppendUint16(append(to, info, s.other), shndx)
}

// rela and rel are one entry of SHT_RELA and SHT_REL.
func (b *builder) rela(offset uint64, symbol, typ uint32, addend int64) []byte {
	return b.word(b.rel(offset, symbol, typ), uint64(addend))
}

func (b *builder) rel(offset uint64, symbol, typ uint32) []byte {
	if b.wide() {
		return b.word(b.word(nil, offset), uint64(symbol)<<32|uint64(typ))
	}
	return b.word(b.word(nil, offset), uint64(symbol)<<8|uint64(typ&0xff))
}

// open opens a file that must be good, and reads its symbols.
func open(t testing.TB, data []byte) *Image {
	t.Helper()
	im, err := Open(nil, 0, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := im.ReadSymbols(); err != nil {
		t.Fatal(err)
	}
	return im
}

// own opens a file and decides about its bytes.
func own(t testing.TB, data []byte) (*Image, *Map) {
	t.Helper()
	im := open(t, data)
	m, err := im.Own()
	if err != nil {
		t.Fatal(err)
	}
	return im, m
}

var classNames = map[Class]string{
	Unattributed: "unattributed", Body: "body", Inferred: "inferred", Prefix: "prefix", Padding: "padding", Step: "step",
}

// describe writes the ranges of a section as "class name start-end" lines.
func describe(im *Image, t *Tiling) string {
	var b strings.Builder
	for i, r := range t.Ranges {
		b.WriteString(classNames[r.Class])
		if r.Owner >= 0 {
			b.WriteString(" " + im.Symbols[r.Owner].Name)
		}
		b.WriteString(" " + hex(r.Start) + "-" + hex(t.End(i)) + "\n")
	}
	return b.String()
}

func hex(n uint64) string {
	const digits = "0123456789abcdef"
	if n < 16 {
		return digits[n : n+1]
	}
	return hex(n/16) + digits[n%16:n%16+1]
}

// repeat makes n bytes of a pattern.
func repeat(pattern string, n int) []byte { return bytes.Repeat([]byte(pattern), n) }
