package elfmap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// plain is a file with one function, which every case changes.
func plain() builder {
	return builder{parts: []part{code(".text", repeat("\x90", 32))}, symbols: []sym{fn("f", 0, 32)}}
}

// Files that are refused, and what is said of them.
func TestRefused(t *testing.T) {
	with := func(change func(b *builder)) []byte {
		b := plain()
		change(&b)
		return b.bytes()
	}
	header := func(field string, n uint64) []byte {
		return with(func(b *builder) { b.header = map[string]uint64{field: n} })
	}
	add := func(p part) []byte { return with(func(b *builder) { b.parts = append(b.parts, p) }) }
	set := func(at int, c byte) []byte {
		b := plain()
		data := b.bytes()
		data[at] = c
		return data
	}
	b := plain()
	good := b.bytes()
	big := make([]byte, 1<<20)

	tests := []struct {
		name, problem string
		data          []byte
	}{
		{"empty", "not an ELF file", []byte{}},
		{"text", "not an ELF file", []byte("#!/bin/sh\necho this is no ELF file, only long enough for one\n")},
		{"magic alone", "not an ELF file", good[:8]},
		{"half a header", "ends at byte 40", good[:40]},
		{"no section headers left", "the end of the file", good[:len(good)-1]},
		{"half the contents", "damaged ELF file", good[:70]},
		{"class 3", "class 3 is neither 32 nor 64 bit", set(4, 3)},
		{"byte order 0", "byte order 0 is unknown", set(5, 0)},
		{"core dump", "type 4 holds no program", header("type", 4)},
		{"no section headers", "without section headers", header("shoff", 0)},
		{"section headers behind the end", "ends at byte", header("shoff", 1<<50)},
		{"section headers at the last address", "ends at byte", header("shoff", ^uint64(0))},
		{"header size 0", "a section header has 0 bytes", header("shentsize", 0)},
		{"header size of the other class", "a section header has 40 bytes, not 64", header("shentsize", 40)},
		{"no sections", "without section headers", header("shnum", 0)},
		{"more sections than bytes", "the end of the file", header("shnum", 0xfeff)},
		{"names in section 0", "section 0, which does not exist", header("shstrndx", 0)},
		{"names in no section", "section 77, which does not exist", header("shstrndx", 77)},
		{"names in the null section", "section 0, which does not exist", header("shstrndx", 0xffff)},
		{"names in code", "section 1 is no string table", header("shstrndx", 1)},
		{"section behind the end", "section 2 ends after byte", add(part{typ: progbits, flags: flagAlloc, offset: 1 << 40, size: 8})},
		{"section over the end", "section 2 ends after byte", add(part{typ: progbits, flags: flagAlloc, offset: 8, size: 1 << 20})},
		{"section that wraps", "section 2 ends after byte", add(part{typ: progbits, flags: flagAlloc, offset: ^uint64(7), size: 64})},
		{"section of all bytes there are", "claims 18446744073709551615 bytes", add(part{typ: progbits, offset: 64, size: ^uint64(0)})},
		{"NOBITS of 2^50", "section 2 claims 1125899906842624 bytes", add(part{typ: TypeNobits, flags: flagAlloc, size: 1 << 50})},
		{"sections on each other", "its sections claim", with(func(b *builder) {
			b.parts[0].data = big
			for range 8 {
				b.parts = append(b.parts, part{typ: TypeStrtab, offset: 64, size: 1 << 20})
			}
		})},
		{"names that are one long string", "more than 67108864 bytes of section names", longSectionNames()},
		{"2^21 sections", "2097152 sections", with(func(b *builder) {
			b.header = map[string]uint64{"shnum": 0, "shstrndx": 0xffff}
			b.parts = append(b.parts, part{typ: progbits, data: nullWith(1<<21, 0)})
			b.header["shoff"] = 64 + 32 // the part's data
		})},
		{"symbol names in no section", "symbol names are in section 99", symtabLinked(99)},
		{"symbol names in themselves", "section 2 is no string table", symtabLinked(2)},
		{"symbol names in code", "section 1 is no string table", symtabLinked(1)},
		{"symbol names nowhere", "section 0 is no string table", symtabLinked(0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, inMemory := range []bool{true, false} {
				im, err := openAs(tt.data, inMemory)
				if err == nil {
					err = im.ReadSymbols()
					if err == nil || im.Symbols != nil {
						t.Fatalf("in memory %v: no error", inMemory)
					}
				} else if im != nil {
					t.Errorf("in memory %v: an image and an error", inMemory)
				}
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("in memory %v: %T %v", inMemory, err, err)
				}
				if !strings.Contains(e.Problem, tt.problem) || e.Remedy == "" || e.Error() != e.Problem+"; "+e.Remedy {
					t.Errorf("in memory %v: %q, want %q", inMemory, e, tt.problem)
				}
			}
		})
	}
}

// openAs opens a file in memory, or through a reader.
func openAs(data []byte, inMemory bool) (*Image, error) {
	if inMemory {
		return Open(nil, 0, data)
	}
	return Open(bytes.NewReader(data), int64(len(data)), nil)
}

// nullWith is a section header that says nothing but a size and a link.
func nullWith(size uint64, link uint32) []byte {
	b := builder{}
	return b.appendHeader(nil, 0, part{size: size, link: link})
}

// longSectionNames has 20,000 sections whose names are one string of 4,000 bytes.
func longSectionNames() []byte {
	b := builder{parts: []part{{name: strings.Repeat("n", 4000), typ: progbits}}}
	for range 20_000 {
		b.parts = append(b.parts, part{typ: progbits})
	}
	data := b.bytes()
	shoff := len(data) - 64*(len(b.parts)+2)
	for i := range b.parts {
		data[shoff+64*(i+1)] = 1 // the offset of the name
	}
	return data
}

// symtabLinked is a file whose symbol table is section 2 and has its names in the given section.
func symtabLinked(to uint32) []byte {
	b := builder{parts: []part{code(".text", repeat("\x90", 16)), {name: ".symtab", typ: TypeSymtab, data: make([]byte, 48), link: to}}}
	return b.bytes()
}

// Errors of the reader are passed on, and a file that shrinks is truncated.
func TestReaderErrors(t *testing.T) {
	b := plain()
	data := b.bytes()
	broken := errors.New("broken disk")
	im, err := Open(failing{broken}, 1000, nil)
	if im != nil || err == nil {
		t.Errorf("%v, %v", im, err)
	}
	im, err = Open(bytes.NewReader(data), int64(len(data)), nil)
	if err != nil {
		t.Fatal(err)
	}
	im.r = failing{broken}
	if err := im.ReadSymbols(); !errors.Is(err, broken) {
		t.Errorf("symbols: %v", err)
	}
	if _, _, err := im.Digest(true); !errors.Is(err, broken) {
		t.Errorf("digest: %v", err)
	}
	if im, err := Open(bytes.NewReader(data[:len(data)/2]), int64(len(data)), nil); im != nil || err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v, %v", im, err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

var _ io.ReaderAt = failing{}

// A file with more sections than fit into e_shnum keeps their number in section 0, and indexes of symbols in a table.
func TestManySections(t *testing.T) {
	for _, class := range []int{32, 64} {
		for _, big := range []bool{false, true} {
			const n = 70_000
			b := builder{class: class, big: big, symbols: []sym{}}
			for i := range n {
				b.parts = append(b.parts, code(".text", []byte{0x90, byte(i)}))
			}
			for _, i := range []int{1, 0xfeff, 0xff00, 0xfff1, 0xffff, n} {
				b.symbols = append(b.symbols, sym{name: fmt.Sprintf("in%d", i), size: 2, typ: Func, section: i})
			}
			b.symbols = append(b.symbols, sym{name: "absolute", size: 2, section: 0xfff1, reserved: true})
			im, m := own(t, b.bytes())
			checkMap(t, im, m)
			if want := n + 5; len(im.Sections) != want {
				t.Fatalf("%d sections, want %d", len(im.Sections), want)
			}
			for i := range im.Symbols {
				s := &im.Symbols[i]
				var section int
				if fmt.Sscanf(s.Name, "in%d", &section); section > 0 {
					if int(s.Section) != section || describe(im, m.Tiling(section)) != "body "+s.Name+" 0-2\n" {
						t.Errorf("%s is in section %d", s.Name, s.Section)
					}
				} else if s.Name == "absolute" && s.Section != SectionAbsolute {
					t.Errorf("an absolute symbol is in section %d", s.Section)
				}
			}
		}
	}
}

// The null section cannot pass for a symbol table: it is not checked as the others are.
func TestNullSection(t *testing.T) {
	for _, typ := range []uint32{TypeSymtab, TypeShndx, TypeRela, TypeStrtab} {
		b := plain()
		data := b.bytes()
		shoff := len(data) - 64*5
		bad := b.appendHeader(nil, 0, part{typ: typ, flags: flagAlloc, offset: 1 << 60, size: 1 << 39, info: 1})
		copy(data[shoff:], bad)
		im, m := own(t, data)
		checkMap(t, im, m)
		if im.Stripped || len(im.Symbols) != 2 || im.Sections[0] != (Section{}) {
			t.Errorf("type %d: %+v", typ, im.Sections[0])
		}
		if _, _, err := im.Digest(true); err != nil {
			t.Error(err)
		}
	}
}

// Symbols anywhere, of any size.
func TestWildSymbols(t *testing.T) {
	tests := []struct {
		name string
		typ  uint16
		addr uint64
		syms []sym
		want string
	}{
		{"outside", 0, 0, []sym{fn("f", 16, 16), fn("end", 32, 4), fn("far", 1<<63, 4)}, "padding 0-10\nbody f 10-20\n"},
		{"size wraps", 0, 0, []sym{fn("f", 8, ^uint64(0)-4)}, "padding 0-8\nbody f 8-20\n"},
		{"before its section", FileExecutable, 0x1000, []sym{fn("f", 0xff0, 0x20), fn("g", 0x1008, 0x18)}, "padding 0-8\nbody g 8-20\n"},
		{"address of the last byte", FileExecutable, ^uint64(0) - 31, []sym{fn("f", ^uint64(0)-31, 64)}, "body f 0-20\n"},
		{"undefined", 0, 0, []sym{{name: "u", size: 32, typ: Func}}, "unattributed 0-20\n"},
		{"reserved section", 0, 0, []sym{{name: "u", size: 32, typ: Func, section: 0xff20, reserved: true}}, "unattributed 0-20\n"},
		{"no such section", 0, 0, []sym{{name: "u", size: 32, typ: Func, section: 0x7777}}, "unattributed 0-20\n"},
		{"extended without a table", 0, 0, []sym{{name: "u", size: 32, typ: Func, section: 0xffff, reserved: true}}, "unattributed 0-20\n"},
		{"section and file symbols", 0, 0, []sym{{name: "s", size: 32, typ: SectionType, section: 1}, {name: "f.c", size: 32, typ: File, section: 1}}, "unattributed 0-20\n"},
		{"no name", 0, 0, []sym{fn("", 0, 32)}, "body  0-20\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := plain()
			b.typ, b.symbols, b.parts[0].addr = tt.typ, tt.syms, tt.addr
			im, m := own(t, b.bytes())
			checkMap(t, im, m)
			if got := describe(im, m.Tiling(1)); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// Sections that overlap in the file, or have the same address, are still their own.
func TestOverlappingSections(t *testing.T) {
	b := plain()
	b.typ = FileExecutable
	b.parts = append(b.parts, part{name: ".twin", typ: progbits, flags: ax, offset: 64, size: 32})
	b.symbols = []sym{fn("f", 0, 32), {name: "g", size: 8, typ: Func, section: 2}}
	im, m := own(t, b.bytes())
	checkMap(t, im, m)
	if got, want := describe(im, m.Tiling(1))+describe(im, m.Tiling(2)), "body f 0-20\nbody g 0-8\nunattributed 8-20\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A million symbols that share one long name cost no more than their table; a name is cut at 4,096 bytes.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("n", 10_000)
	b := plain()
	b.symbols = []sym{fn(long, 0, 32)}
	if im := open(t, b.bytes()); len(im.Symbols[1].Name) != maxNameLen {
		t.Errorf("a name of %d bytes", len(im.Symbols[1].Name))
	}
	var names strtab
	names.add(long)
	entry := b.appendSymbol(nil, 1, 1, sym{size: 32, typ: Func})
	b = builder{parts: []part{code(".text", repeat("\x90", 32)),
		{name: ".symtab", typ: TypeSymtab, data: bytes.Repeat(entry, 200_000), link: 3}, {name: ".strtab", typ: TypeStrtab, data: names.data}}}
	im, err := Open(nil, 0, b.bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := im.ReadSymbols(); err == nil || im.Symbols != nil || !strings.Contains(err.Error(), "more than 536870912 bytes of symbol names") {
		t.Errorf("%v", err)
	}
}

// Relocations of both kinds, classes and byte orders; those beyond their section are left out.
func TestRelocs(t *testing.T) {
	type test struct {
		class     int
		big, rela bool
		typ       uint16
		addr      uint64
	}
	var tests []test
	for _, class := range []int{32, 64} {
		for _, big := range []bool{false, true} {
			for _, rela := range []bool{false, true} {
				tests = append(tests, test{class, big, rela, FileRelocatable, 0}, test{class, big, rela, FileExecutable, 0x4000})
			}
		}
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			b := builder{class: tt.class, big: tt.big, typ: tt.typ, symbols: []sym{fn("f", tt.addr, 8), fn("g", tt.addr+8, 8)}}
			text := code(".text", make([]byte, 16))
			text.addr = tt.addr
			b.order().PutUint32(text.data[4:], ^uint32(2)) // -3
			entry := func(offset uint64, symbol, typ uint32, addend int64) []byte {
				if tt.rela {
					return b.rela(tt.addr+offset, symbol, typ, addend)
				}
				return b.rel(tt.addr+offset, symbol, typ)
			}
			entries := bytes.Join([][]byte{entry(4, 2, 9, -3), entry(0, 1, 2, 0), entry(16, 1, 2, 5), entry(^uint64(0)-7, 1, 2, 5), entry(14, 1, 2, 0)}, nil)
			typ := map[bool]uint32{true: TypeRela, false: TypeRel}[tt.rela]
			b.parts = []part{text, {name: ".rel.text", typ: typ, data: append(entries, 1, 2, 3), info: 1, link: 4}, {name: ".rel.none", typ: typ, info: 1}}
			data := b.bytes()
			want := []Reloc{{4, 9, 2, -3}, {0, 2, 1, 0}, {14, 2, 1, 0}}
			for _, inMemory := range []bool{true, false} {
				im, err := openAs(data, inMemory)
				if err != nil {
					t.Fatal(err)
				}
				var got []Reloc
				if err := im.Relocs(1, func(r Reloc) { got = append(got, r); im.Data(2) }); err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("in memory %v: %v, want %v", inMemory, got, want)
				}
				for section, has := range map[int]bool{-1: false, 0: false, 1: true, 2: false, 3: false, 1000: false} {
					if im.HasRelocs(section) != has {
						t.Errorf("section %d: HasRelocs is %v", section, !has)
					}
				}
			}
		})
	}
}

// What the dynamic loader applies is not for a section; in a relocatable file nothing is the loader's.
func TestDynamicRelocs(t *testing.T) {
	for typ, want := range map[uint16]bool{FileRelocatable: true, FileExecutable: false, FileShared: false} {
		b := plain()
		b.typ = typ
		b.parts = append(b.parts, part{name: ".rela.plt", typ: TypeRela, flags: flagAlloc, data: b.rela(0, 1, 2, 0), info: 1})
		im := open(t, b.bytes())
		n := 0
		if err := im.Relocs(1, func(Reloc) { n++ }); err != nil {
			t.Fatal(err)
		}
		if im.HasRelocs(1) != want || (n == 1) != want {
			t.Errorf("type %d: HasRelocs %v, %d relocations", typ, im.HasRelocs(1), n)
		}
	}
}

// A relocatable object with a relocation section for each of many sections is read in one go.
func TestManyRelocSections(t *testing.T) {
	const n = 30_000
	b := builder{}
	for range n {
		b.parts = append(b.parts, code(".text", make([]byte, 8)))
	}
	for i := range n {
		b.parts = append(b.parts, part{name: ".rela.text", typ: TypeRela, data: b.rela(4, 0, 2, int64(i)), info: uint32(i + 1)})
	}
	im := open(t, b.bytes())
	for i := range n {
		got := int64(-1)
		if err := im.Relocs(i+1, func(r Reloc) { got = r.Addend }); err != nil || got != int64(i) || !im.HasRelocs(i+1) {
			t.Fatalf("section %d: addend %d, %v", i+1, got, err)
		}
	}
}

// Reading through a window gives what Data gives.
func TestWindow(t *testing.T) {
	data := make([]byte, 3*windowSize+5)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	b := builder{parts: []part{code(".text", data), {name: ".bss", typ: TypeNobits, flags: flagAlloc, size: 10}}}
	for _, inMemory := range []bool{true, false} {
		im, err := openAs(b.bytes(), inMemory)
		if err != nil {
			t.Fatal(err)
		}
		w := im.Window(1)
		size := uint64(len(data))
		for _, s := range []span{{0, 0}, {0, 10}, {5, windowSize + 5}, {100, 101}, {windowSize, 3 * windowSize}, {size - 1, size}, {3, size}, {size, size}} {
			got, err := w.Bytes(s.start, s.end)
			if err != nil || !bytes.Equal(got, data[s.start:s.end]) {
				t.Errorf("in memory %v: bytes %d to %d differ, %v", inMemory, s.start, s.end, err)
			}
		}
		for _, s := range []span{{5, 4}, {0, size + 1}, {size + 1, size + 2}} {
			if _, err := w.Bytes(s.start, s.end); err == nil {
				t.Errorf("in memory %v: bytes %d to %d can be read", inMemory, s.start, s.end)
			}
		}
		if _, err := im.Window(2).Bytes(0, 1); err == nil {
			t.Errorf("in memory %v: a section without bytes can be read", inMemory)
		}
	}
}
