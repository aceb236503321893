package insight

import (
	"encoding/binary"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

const here = 0xffffffff81000000

// TestDecodeX86 has the encodings of the Intel SDM, volume 2.
func TestDecodeX86(t *testing.T) {
	for _, c := range []struct {
		code   string
		size   int // 0 for no instruction
		flow   flow
		fields []field
		branch bool
	}{
		{code: "\xc3", size: 1, flow: ret},
		{code: "\xc2\x08\x00", size: 3, flow: ret},
		{code: "\xe8\x10\x00\x00\x00", size: 5, flow: call, fields: []field{{1, 4, here + 0x15, true}}, branch: true},
		{code: "\xe9\xfb\xff\xff\xff", size: 5, flow: jump, fields: []field{{1, 4, here, true}}, branch: true},
		{code: "\xeb\xfe", size: 2, flow: jump, fields: []field{{1, 1, here, true}}, branch: true},
		{code: "\x74\x05", size: 2, fields: []field{{1, 1, here + 7, true}}, branch: true},
		{code: "\x0f\x84\x00\x01\x00\x00", size: 6, fields: []field{{2, 4, here + 0x106, true}}, branch: true},
		{code: "\xff\xe0", size: 2, flow: jump},
		{code: "\xff\xd0", size: 2, flow: call},
		{code: "\x0f\x0b", size: 2, flow: trap},
		{code: "\xcc", size: 1, flow: trap},
		{code: "\xf3\x0f\x1e\xfa", size: 4}, // ENDBR64
		{code: "\x48\x8d\x3d\x09\x00\x00\x00", size: 7, fields: []field{{3, 4, here + 0x10, true}}},
		{code: "\x48\xc7\xc7\x00\x10\x00\x81", size: 7, fields: []field{{3, 4, here + 0x1000, false}}},
		{code: "\x48\xb8\x00\x10\x00\x81\xff\xff\xff\xff", size: 10, fields: []field{{2, 8, here + 0x1000, false}}},
		{code: "\x66\xb8\x34\x12", size: 4},
		{code: "\x66\x81\xc3\x34\x12", size: 5},
		// MOV of an immediate to what is relative to the next instruction: both are fields.
		{code: "\xc7\x05\x04\x00\x00\x00\x00\x10\x00\x81", size: 10, fields: []field{{2, 4, here + 14, true}, {6, 4, here + 0x1000, false}}},
		{code: "\x65\x48\x8b\x04\x25\x28\x00\x00\x00", size: 9}, // of this processor
		{code: "\x48\x8b\x04\xc5\x00\x10\x00\x81", size: 8, fields: []field{{4, 4, here + 0x1000, false}}},
		{code: "\xf6\x47\x08\x01", size: 4},
		{code: "\xf7\xd8", size: 2},
		{code: "\xc5\xf8\x77", size: 3},                 // VZEROUPPER
		{code: "\xc4\xe3\x7d\x39\xc1\x01", size: 6},     // VEXTRACTI128
		{code: "\x62\xf1\xfd\x48\x6f\x47\x01", size: 7}, // VMOVDQA64, displacement of one byte
		{code: "\x0f\x3a\x0f\xc1\x08", size: 5},         // PALIGNR
		{code: "\x0f\x22\xd8", size: 3},                 // MOV CR3
		{code: "\xe8\x10\x00"}, {code: "\x0f"}, {code: "\x06"}, {code: "\x66"}, {code: ""}, {code: "\xc4\xe3"},
	} {
		in, ok := decodeX86([]byte(c.code), here)
		if ok != (c.size > 0) || ok && (in.size != c.size || in.flow != c.flow || in.branch != c.branch) {
			t.Errorf("% x: %v %+v", c.code, ok, in)
		}
		sameFields(t, []byte(c.code), in, c.fields)
	}
}

func sameFields(t *testing.T, code []byte, in instruction, want []field) {
	t.Helper()
	if in.n != len(want) {
		t.Errorf("% x: fields %+v, want %+v", code, in.fields[:in.n], want)
		return
	}
	for i, f := range want {
		if in.fields[i] != f {
			t.Errorf("% x: field %+v, want %+v", code, in.fields[i], f)
		}
	}
}

// TestDecodeARM64 has the encodings of the Arm ARM, C6.2.
func TestDecodeARM64(t *testing.T) {
	for _, c := range []struct {
		word   uint32
		flow   flow
		target uint64 // 0 for no field
		branch bool
		erased uint32
	}{
		{0xd65f03c0, ret, 0, false, 0},                         // RET
		{0xd65f0bff, ret, 0, false, 0},                         // RETAA
		{0xd69f03e0, ret, 0, false, 0},                         // ERET
		{0xd61f0000, jump, 0, false, 0},                        // BR X0
		{0xd63f0000, call, 0, false, 0},                        // BLR X0
		{0x14000001, jump, here + 4, true, 0x14000000},         // B
		{0x97ffffff, call, here - 4, true, 0x94000000},         // BL
		{0x54000040, onward, here + 8, true, 0x54000000},       // B.EQ
		{0xb4ffffe1, onward, here - 4, true, 0xb4000001},       // CBZ X1
		{0x37080043, onward, here + 8, true, 0x37080003},       // TBNZ W3, #1
		{0x58000080, onward, here + 16, false, 0x58000000},     // LDR X0, literal
		{0x10000080, onward, here + 16, false, 0x10000000},     // ADR X0
		{0xb0000001, onward, here + 0x1000, false, 0x90000001}, // ADRP X1
		{0xd4210000, trap, 0, false, 0},                        // BRK #0x800
		{0x00000000, trap, 0, false, 0},                        // UDF
		{0x8b010000, onward, 0, false, 0},                      // ADD X0, X0, X1
	} {
		code := binary.LittleEndian.AppendUint32(nil, c.word)
		in, ok := decodeARM64(code, here)
		if !ok || in.size != 4 || in.flow != c.flow || in.branch != c.branch {
			t.Errorf("%08x: %v %+v", c.word, ok, in)
		}
		if c.target == 0 {
			sameFields(t, code, in, nil)
			continue
		}
		sameFields(t, code, in, []field{{0, 4, c.target, true}})
		if erase(elfmap.MachineARM64, code, in.fields[0]); binary.LittleEndian.Uint32(code) != c.erased {
			t.Errorf("%08x: without the address %x, want %08x", c.word, code, c.erased)
		}
	}
	if _, ok := decodeARM64([]byte{0, 0, 0}, here); ok {
		t.Error("three bytes are an instruction")
	}
}
