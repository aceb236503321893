package coderef

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// FuzzUsualLength holds the lengths against the decoder: an instruction that both know ends at the same place.
func FuzzUsualLength(f *testing.F) {
	for _, code := range []string{
		"488d3d29120001", "c6052912000105", "48c744240830120082", "48b830120082ffffffff", "ff24c500200082", "f70424ffffff7f",
		"f6c301", "f7d8", "0f8400000000", "0fb6c0", "0fbae007", "0f0b", "41574156", "e800000000", "6bc003", "83c408", "3d00010000",
	} {
		b, err := hex.DecodeString(code)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		n := usualLength(code)
		if n > len(code) {
			t.Fatalf("% x: length %d", code, n)
		}
		if in, err := x86asm.Decode(code, 64); err == nil && n > 0 && n != in.Len {
			t.Errorf("% x: length %d, the decoder says %d: %v", code[:min(16, len(code))], n, in.Len, in)
		}
	})
}

// TestUsualLengthKernel walks all functions of a kernel. What the decoder does not know must not be usual either, for then
// the two would go on at different places.
func TestUsualLengthKernel(t *testing.T) {
	im := kernelImage(t, "base.zip", "vmlinux")
	all, usual := 0, 0
	for _, fn := range functions(im, func(string) bool { return true }) {
		code, err := im.Window(fn.section).Bytes(fn.start, fn.end)
		if err != nil {
			t.Fatal(err)
		}
		for pos := 0; pos < len(code); {
			n := usualLength(code[pos:])
			in, err := x86asm.Decode(code[pos:], 64)
			if err != nil || in.Len == 0 {
				if n > 0 {
					t.Errorf("%s+%#x: % x is usual, but the decoder says %v", fn.name, pos, code[pos:min(pos+15, len(code))], err)
				}
				pos++
				continue
			}
			if n > 0 && n != in.Len {
				t.Errorf("%s+%#x: length %d, the decoder says %d: %v", fn.name, pos, n, in.Len, in)
			}
			if all++; n > 0 {
				usual++
			}
			pos += in.Len
		}
	}
	if usual*10 < all*8 {
		t.Errorf("%d of %d instructions are usual, fewer than eight in ten", usual, all)
	}
	t.Logf("%d of %d instructions are usual", usual, all)
}

// ScanX86At finds what Scan finds in the instructions that hold a place.
func TestScanX86At(t *testing.T) {
	// lea 0x1001229(%rip),%rdi; mov $0x12345,%edi; mov $0xffffffff82001230,%rdi; ret
	code, err := hex.DecodeString(strings.ReplaceAll("48 8d 3d 29 12 00 01 bf 45 23 01 00 48 c7 c7 30 12 00 82 c3", " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	const addr = 0xffffffff81000000
	var all []Ref
	Scan(elfmap.MachineX8664, code, addr, func(r Ref) { all = append(all, r) })
	for _, tt := range []struct {
		places []uint64
		want   []Ref
	}{
		{nil, nil},
		{[]uint64{addr}, nil}, // where an instruction begins it holds no address
		{[]uint64{addr + 3}, all[:1]},
		{[]uint64{addr + 3, addr + 3, addr + 8}, all[:2]},
		{[]uint64{addr + 7, addr + 15}, all[2:]},
		{[]uint64{addr + 100}, nil},
	} {
		var got []Ref
		ScanX86At(code, addr, tt.places, func(r Ref) { got = append(got, r) })
		if !slices.Equal(got, tt.want) {
			t.Errorf("places %x: %x, want %x", tt.places, got, tt.want)
		}
	}
}
