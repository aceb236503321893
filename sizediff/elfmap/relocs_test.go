package elfmap

import "testing"

// TestPCBias: the addends of PC-relative fields, less what the processor adds, are offsets in the section that a relocation
// names. In s390x.o, LARL has .bss + 2 and .data + 2 for what begins both.
func TestPCBias(t *testing.T) {
	im, err := Open(nil, 0, fixture(t, "elf/s390x.o"))
	if err != nil {
		t.Fatal(err)
	}
	if err := im.ReadSymbols(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = im.Relocs(im.Find(".text"), func(r Reloc) {
		if r.Type != 19 && r.Type != 20 && r.Type != 26 { // R_390_PC32DBL, PLT32DBL, GOTENT
			t.Errorf("type %d at %#x", r.Type, r.Offset)
		}
		if got := uint64(r.Addend) + r.PCBias(im.Machine); got != 0 {
			t.Errorf("at %#x: %#x, want 0", r.Offset, got)
		}
		seen++
	})
	if err != nil || seen != 11 {
		t.Errorf("%d relocations, %v; want 11", seen, err)
	}
	if got := (Reloc{Type: 2}).PCBias(MachineX8664); got != 4 {
		t.Errorf("R_X86_64_PC32: %d, want 4", got)
	}
	if got := (Reloc{Type: 1}).PCBias(MachineX8664); got != 0 {
		t.Errorf("R_X86_64_64: %d, want 0", got)
	}
}
