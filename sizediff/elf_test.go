package sizediff_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

// elfFile writes a 64-bit little-endian ELF file.
type elfFile struct {
	typ      elf.Type
	machine  elf.Machine // x86-64 unless set
	sections []elfSection
	symbols  []elfSymbol // local ones first, as in a real file
}

type elfSection struct {
	name  string
	typ   elf.SectionType // SHT_PROGBITS unless set
	flags elf.SectionFlag
	addr  uint64
	data  []byte
	size  uint64 // for SHT_NOBITS
	relas []elf.Rela64
	entry uint64
}

// elfSymbol is a symbol; section is a name, "" for STT_FILE.
type elfSymbol struct {
	name        string
	section     string
	value, size uint64
	typ         elf.SymType
	bind        elf.SymBind
	vis         elf.SymVis
}

const (
	alloc    = elf.SHF_ALLOC
	execable = elf.SHF_ALLOC | elf.SHF_EXECINSTR
	writable = elf.SHF_ALLOC | elf.SHF_WRITE
)

// code is bytes that no reader takes for anything: INT3 would be padding, so it is a one-byte PUSH.
func code(n int) []byte { return bytes.Repeat([]byte{0x50}, n) }

// names collects strings of a string table.
type names struct{ data []byte }

func (n *names) add(s string) uint32 {
	if len(n.data) == 0 {
		n.data = []byte{0}
	}
	at := len(n.data)
	n.data = append(append(n.data, s...), 0)
	return uint32(at)
}

func (f *elfFile) bytes() []byte {
	sections := append([]elfSection{{typ: elf.SHT_NULL}}, f.sections...)
	index := map[string]int{}
	for i := range sections {
		if sections[i].typ == elf.SHT_NULL && i > 0 {
			sections[i].typ = elf.SHT_PROGBITS
		}
		if _, ok := index[sections[i].name]; !ok {
			index[sections[i].name] = i
		}
	}
	var strtab, shstrtab names
	headers := make([]elf.Section64, len(sections))
	for i, s := range sections {
		headers[i] = elf.Section64{Type: uint32(s.typ), Flags: uint64(s.flags), Addr: s.addr, Size: s.size, Entsize: s.entry, Addralign: 1}
	}
	link := uint32(len(sections))
	add := func(name string, h elf.Section64, data []byte) {
		sections = append(sections, elfSection{name: name, data: data})
		headers = append(headers, h)
	}
	var table bytes.Buffer
	locals := uint32(1)
	binary.Write(&table, binary.LittleEndian, elf.Sym64{})
	for _, s := range f.symbols {
		shndx := uint16(index[s.section])
		if s.typ == elf.STT_FILE {
			shndx = uint16(elf.SHN_ABS)
		}
		if s.bind == elf.STB_LOCAL {
			locals++
		}
		binary.Write(&table, binary.LittleEndian, elf.Sym64{Name: strtab.add(s.name), Info: elf.ST_INFO(s.bind, s.typ), Other: uint8(s.vis),
			Shndx: shndx, Value: s.value, Size: s.size})
	}
	if f.symbols != nil {
		add(".symtab", elf.Section64{Type: uint32(elf.SHT_SYMTAB), Link: link + 1, Info: locals, Entsize: 24, Addralign: 8}, table.Bytes())
		add(".strtab", elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}, strtab.data)
	}
	for i, s := range f.sections {
		if len(s.relas) > 0 {
			var b bytes.Buffer
			binary.Write(&b, binary.LittleEndian, s.relas)
			add(".rela"+s.name, elf.Section64{Type: uint32(elf.SHT_RELA), Link: link, Info: uint32(i + 1), Entsize: 24, Addralign: 8}, b.Bytes())
		}
	}
	add(".shstrtab", elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}, nil)
	for i := range sections {
		headers[i].Name = shstrtab.add(sections[i].name)
	}
	sections[len(sections)-1].data = shstrtab.data
	return f.layout(sections, headers)
}

// layout puts the header, the contents and the section headers one behind the other.
func (f *elfFile) layout(sections []elfSection, headers []elf.Section64) []byte {
	out := make([]byte, 64)
	for i, s := range sections {
		for len(out)%16 != 0 {
			out = append(out, 0)
		}
		headers[i].Off = uint64(len(out))
		if s.data != nil {
			headers[i].Size = uint64(len(s.data))
		}
		out = append(out, s.data...)
	}
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	h := elf.Header64{Type: uint16(f.typ), Machine: uint16(f.machine), Version: 1, Shoff: uint64(len(out)), Ehsize: 64, Shentsize: 64,
		Shnum: uint16(len(headers)), Shstrndx: uint16(len(headers) - 1)}
	if f.machine == 0 {
		h.Machine = uint16(elf.EM_X86_64)
	}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, h)
	copy(out, b.Bytes())
	b.Reset()
	binary.Write(&b, binary.LittleEndian, headers)
	return append(out, b.Bytes()...)
}

// rela is a relocation of type x86-64 PC32 unless another is given.
func rela(off uint64, symbol uint32, typ elf.R_X86_64, addend int64) elf.Rela64 {
	return elf.Rela64{Off: off, Info: elf.R_INFO(symbol, uint32(typ)), Addend: addend}
}

// measureELF measures an image that must be good.
func measureELF(t testing.TB, file []byte) *sizediff.Image {
	t.Helper()
	im, err := sizediff.MeasureImage(bytes.NewReader(file), int64(len(file)), file)
	if err != nil {
		t.Fatal(err)
	}
	checkImageCloses(t, im)
	return im
}

// checkImageCloses holds that symbols and shares add up to the size of every section with memory.
func checkImageCloses(t testing.TB, im *sizediff.Image) {
	t.Helper()
	left := make([]int64, len(im.Sections))
	for i, s := range im.Sections {
		if s.Kind != sizediff.Unloaded {
			left[i] = int64(s.Size)
		}
	}
	for _, s := range im.Symbols {
		left[s.Section] -= int64(s.Size)
	}
	for _, s := range im.Shares {
		left[s.Section] -= int64(s.Bytes)
	}
	for i, n := range left {
		if n != 0 {
			t.Errorf("section %s: %d bytes are left over", im.Sections[i].Name, n)
		}
	}
}
