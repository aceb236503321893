package elfmap

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// What lies between sized symbols: labels, prefixes, alignment, and what is left.
func TestGaps(t *testing.T) {
	nops := func(n int) []byte { return repeat("\x90", n) }
	ret := []byte{0xc3}
	work := repeat("\xf3\xaa", 5) // 10 bytes that are no filling
	join := func(b ...[]byte) []byte { return bytes.Join(b, nil) }
	tests := []struct {
		name string
		data []byte
		syms []sym
		want string
	}{
		{"assembly without sizes", join(work, nops(6), work, ret), []sym{label("entry", 0), label("exit", 16)},
			"inferred entry 0-a\npadding a-10\ninferred exit 10-1b\n"},
		{"a label inside what a symbol covers", join(work, nops(6), work), []sym{fn("f", 0, 10), label("f_mid", 4), label("g", 16)},
			"body f 0-a\npadding a-10\ninferred g 10-1a\n"},
		{"code before the first label", join(work, nops(6), work), []sym{label("g", 16)},
			"unattributed 0-a\npadding a-10\ninferred g 10-1a\n"},
		{"the best of two labels", join(work, work), []sym{label("__pi_a", 0), label("b", 0), label(".La", 0), {name: "typed", typ: Func, bind: Global, section: 1}},
			"inferred typed 0-14\n"},
		{"marks are no labels", work, []sym{label("_stext", 0), label("__start_x", 0), label("entry_text", 0), label("$x", 0), label(".Ltmp0", 0), label("x_end", 0), label("__pfx_f", 0), label("", 0)},
			"unattributed 0-a\n"},
		{"a function may be called like a mark", work, []sym{{name: "do_start", typ: Func, section: 1}},
			"inferred do_start 0-a\n"},
		{"an object is no code", work, []sym{{name: "table", typ: Object, section: 1}},
			"unattributed 0-a\n"},
		{"call padding", join(nops(16), work), []sym{fn("__pfx_f", 0, 16), fn("f", 16, 10)},
			"prefix f 0-10\nbody f 10-1a\n"},
		{"kCFI and call padding", join(nops(16), nops(16), work), []sym{fn("__cfi_f", 0, 16), fn("__pfx_f", 16, 16), fn("f", 32, 10)},
			"prefix f 0-20\nbody f 20-2a\n"},
		{"call padding of nobody", join(nops(16), work), []sym{fn("__pfx_f", 0, 16)},
			"body __pfx_f 0-10\nunattributed 10-1a\n"},
		{"call padding before an alias group", join(nops(16), work), []sym{fn("__pfx_f", 0, 16), fn("longest", 16, 10), fn("f", 16, 10)},
			"prefix f 0-10\nbody f 10-1a\n"},
		{"patchable prefix", join(work, nops(6), nops(11), work), []sym{fn("e", 0, 10), label(".Ltmp3", 16), fn("f", 27, 10)},
			"body e 0-a\npadding a-10\nprefix f 10-1b\nbody f 1b-25\n"},
		{"patchable prefix of a weak function that lost its name", join(work, nops(6), nops(16), work, nops(6), work), []sym{fn("e", 0, 10), label(".Ltmp3", 16), fn("f", 48, 10)},
			"body e 0-a\nunattributed a-2a\npadding 2a-30\nbody f 30-3a\n"},
		{"patchable prefix far away", join(work, nops(86), work), []sym{fn("e", 0, 10), label(".Ltmp3", 16), fn("f", 96, 10)},
			"body e 0-a\npadding a-60\nbody f 60-6a\n"},
		{"no more than alignment", join(work, []byte{0xaa}, nops(5), work), []sym{fn("e", 0, 10), fn("f", 16, 10)},
			"body e 0-a\nunattributed a-b\npadding b-10\nbody f 10-1a\n"},
		{"the end of a section", join(work, nops(6)), []sym{fn("e", 0, 10)},
			"body e 0-a\nunattributed a-10\n"},
		{"aliases", join(work, work), []sym{fn("__pi_clear", 0, 10), {name: "clear", size: 10, typ: Func, bind: Weak, section: 1}, fn("clear_long", 0, 10), {name: "loc", size: 10, typ: Func, section: 1}, {name: "n", size: 10, bind: Global, section: 1}, fn("b", 10, 10), fn("a", 10, 10)},
			"body clear_long 0-a\nbody a a-14\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := builder{parts: []part{code(".text", tt.data)}, symbols: tt.syms}
			im, m := own(t, b.bytes())
			checkMap(t, im, m)
			if got := describe(im, m.Tiling(1)); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// Alignment between objects: zeros only, no more than the address needs, a page or more apart as a step.
func TestDataGaps(t *testing.T) {
	obj := func(name string, at, size uint64) sym {
		return sym{name: name, value: at, size: size, typ: Object, section: 1}
	}
	tests := []struct {
		name   string
		typ    uint32
		size   uint64
		filled []uint64 // bytes that are not 0
		syms   []sym
		want   string
	}{
		{"zeros", progbits, 40, nil, []sym{obj("a", 0, 4), obj("b", 16, 24)}, "body a 0-4\npadding 4-10\nbody b 10-28\n"},
		{"more zeros than alignment", progbits, 40, nil, []sym{obj("a", 0, 4), obj("b", 20, 20)}, "body a 0-4\nunattributed 4-14\nbody b 14-28\n"},
		{"something before the zeros", progbits, 40, []uint64{9}, []sym{obj("a", 0, 4), obj("b", 16, 24)}, "body a 0-4\nunattributed 4-a\npadding a-10\nbody b 10-28\n"},
		{"no zeros", progbits, 40, []uint64{15}, []sym{obj("a", 0, 4), obj("b", 16, 24)}, "body a 0-4\nunattributed 4-10\nbody b 10-28\n"},
		{"a page", progbits, 0x1010, nil, []sym{obj("a", 0, 0x100), obj("b", 0x1000, 16)}, "body a 0-100\nstep 100-1000\nbody b 1000-1010\n"},
		{"a page without a name", progbits, 0x2010, nil, []sym{obj("a", 0, 0x1000), obj("b", 0x2000, 16)}, "body a 0-1000\nunattributed 1000-2000\nbody b 2000-2010\n"},
		{"up to the end of a page", progbits, 0x1000, nil, []sym{obj("a", 0, 0x100)}, "body a 0-100\nstep 100-1000\n"},
		{"a table", progbits, 0x1000, nil, nil, "unattributed 0-1000\n"},
		{"NOBITS", TypeNobits, 0x1010, nil, []sym{obj("a", 0, 3), obj("b", 4, 4), obj("c", 0x1000, 8), obj("d", 0x100c, 4)},
			"body a 0-3\npadding 3-4\nbody b 4-8\nstep 8-1000\nbody c 1000-1008\nunattributed 1008-100c\nbody d 100c-1010\n"},
		{"a label", progbits, 16, nil, []sym{label("mark", 8)}, "unattributed 0-10\n"},
		{"an object in an object", progbits, 64, nil, []sym{obj("whole", 0, 64), obj("part", 16, 16), obj("bit", 20, 4)},
			"body whole 0-10\nbody part 10-14\nbody bit 14-18\nbody part 18-20\nbody whole 20-40\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := part{name: ".data", typ: tt.typ, flags: flagAlloc | flagWrite, size: tt.size}
			if tt.typ != TypeNobits {
				p.data = make([]byte, tt.size)
				for _, at := range tt.filled {
					p.data[at] = 1
				}
			}
			b := builder{parts: []part{p}, symbols: append([]sym{}, tt.syms...)}
			im, m := own(t, b.bytes())
			checkMap(t, im, m)
			if got := describe(im, m.Tiling(1)); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// Code that is aligned to a huge page is one step, not growth of anybody.
func TestHugeStep(t *testing.T) {
	const huge = 2 << 20
	data := append(repeat("\xf3\xaa", 50), make([]byte, huge-100)...)
	data = append(data, repeat("\xf3\xaa", 8)...)
	b := builder{typ: FileExecutable, parts: []part{code(".text", data)}, symbols: []sym{fn("entry", 0x10000000, 100), fn("next", 0x10000000+huge, 16)}}
	b.parts[0].addr = 0x10000000
	im, m := own(t, b.bytes())
	if got, want := describe(im, m.Tiling(1)), "body entry 0-64\nstep 64-200000\nbody next 200000-200010\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// What assemblers and linkers fill with: encodings as `as` of binutils and LLVM emit them for .p2align.
func TestFilling(t *testing.T) {
	tests := []struct {
		machine Machine
		big     bool
		fill    string
		want    bool
	}{
		{MachineX8664, false, "\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00\x0f\x1f\x40\x00", true},
		{MachineX8664, false, "\xcc\x66\x90\x0f\x1f\x00\x0f\x1f\x44\x00\x00\x0f\x1f\x80\x00\x00\x00\x00", true},
		{MachineX8664, false, "\xcc\xcc\xcc", true},
		{MachineX8664, false, "\x0f\x1f\x40\x01", false},
		{MachineX8664, false, "\x90\xc3", false},
		{MachineX86, false, "\x8d\xb4\x26\x00\x00\x00\x00\x8d\x76\x00\x66\x90", true},
		{MachineX86, false, "\x2e\x8d\xb4\x26\x00\x00\x00\x00", true},
		{MachineARM64, false, "\x1f\x20\x03\xd5\x1f\x20\x03\xd5", true},
		{MachineARM64, false, "\xc0\x03\x5f\xd6", false},
		{MachineRISCV, false, "\x01\x00\x13\x00\x00\x00", true},
		{MachineARM, false, "\x00\xf0\x20\xe3\x00\x00\xa0\xe1\x00\xbf", true},
		{MachinePPC64, true, "\x60\x00\x00\x00\x60\x00\x00\x00", true},
		{MachinePPC64, false, "\x00\x00\x00\x60", true},
		{MachinePPC64, true, "\x4e\x80\x00\x20", false},
		{MachineS390, true, "\x07\x07\x07\x07", true},
		{MachineLoongArch, false, "\x00\x00\x40\x03", true},
		{Machine(9999), false, "\x90", false},
		{Machine(9999), false, "\x00\x00\x00", true},
	}
	for _, tt := range tests {
		if got := isNops(tt.machine, []byte(tt.fill)); got != tt.want {
			t.Errorf("%v: % x is filling: %v", tt.machine, tt.fill, got)
		}
		if got := isNops(tt.machine, append([]byte(tt.fill), 0, 0, 0)); got != tt.want {
			t.Errorf("%v: % x and zeros is filling: %v", tt.machine, tt.fill, got)
		}
	}
}

// A Thumb function's address has its lowest bit set.
func TestThumb(t *testing.T) {
	b := builder{class: 32, machine: MachineARM, typ: FileExecutable, parts: []part{code(".text", repeat("\x70\x47", 8))}, symbols: []sym{fn("thumb", 0x8001, 8), {name: "data", value: 0x8009, size: 7, typ: Object, section: 1}}}
	b.parts[0].addr = 0x8000
	im, m := own(t, b.bytes())
	checkMap(t, im, m)
	if got, want := describe(im, m.Tiling(1)), "body thumb 0-8\nunattributed 8-9\nbody data 9-10\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Aliases are named once each, under the name that owns.
func TestAliases(t *testing.T) {
	b := builder{parts: []part{code(".text", repeat("\xc3", 32))}, symbols: []sym{
		fn("__pi_x", 0, 8), fn("x", 0, 8), fn("x_shorter", 0, 4), label("x_label", 0), fn("y", 8, 24), fn("z", 8, 24),
	}}
	im, m := own(t, b.bytes())
	want := []string{"x=__pi_x", "x=x_shorter", "y=z"}
	if got := aliases(im, m); len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMachineNames(t *testing.T) {
	want := map[Machine]string{MachineX8664: "x86-64", MachineX86: "x86", MachineARM64: "arm64", MachineARM: "arm", MachineRISCV: "riscv",
		MachinePPC: "powerpc", MachinePPC64: "powerpc64", MachineS390: "s390x", MachineLoongArch: "loongarch", 0: "machine 0", 65535: "machine 65535"}
	for m, w := range want {
		if m.String() != w {
			t.Errorf("machine %d is %q, want %q", uint16(m), m.String(), w)
		}
	}
}

// Numbers are read in the image's order and class.
func TestNumbers(t *testing.T) {
	raw := []byte{0xff, 2, 3, 4, 5, 6, 7, 0x81}
	for _, class := range []int{32, 64} {
		for _, big := range []bool{false, true} {
			b := builder{class: class, big: big, parts: []part{code(".text", raw)}}
			im := open(t, b.bytes())
			pointer := b.order().Uint64(raw)
			if class == 32 {
				pointer = uint64(b.order().Uint32(raw))
			}
			if im.Word(raw) != int32(b.order().Uint32(raw)) || im.Pointer(raw) != pointer || im.PointerSize() != class/8 {
				t.Errorf("class %d, big %v: word %#x, pointer %#x of %d bytes", class, big, im.Word(raw), im.Pointer(raw), im.PointerSize())
			}
		}
	}
	if !IsELF([]byte("\x7fELF")) || IsELF([]byte("\x7fEL")) || IsELF(nil) || binary.LittleEndian.Uint16(raw) != 0x2ff {
		t.Error("IsELF")
	}
}
