package coderef

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/arch/loong64/loong64asm"
	"golang.org/x/arch/ppc64/ppc64asm"
	"golang.org/x/arch/riscv64/riscv64asm"
	"golang.org/x/arch/s390x/s390xasm"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// here is where the instructions of these tests lie.
const here = 0x9000000000

// decoders are those of golang.org/x/arch: where the instruction that code begins with leads, as far as it says that by itself.
// known is false for what is none to them.
var decoders = map[elfmap.Machine]func(code []byte) (to []uint64, known bool){
	elfmap.MachineRISCV: func(code []byte) (to []uint64, known bool) {
		if len(code) > 1 && code[0]&3 == 1 && code[1]>>5 == 5 {
			return nil, false // C.J, of which it has the distance wrong, in v0.32.0
		}
		in, err := riscv64asm.Decode(code)
		relative := []riscv64asm.Op{
			riscv64asm.JAL, riscv64asm.BEQ, riscv64asm.BNE, riscv64asm.BLT, riscv64asm.BGE, riscv64asm.BLTU, riscv64asm.BGEU,
			riscv64asm.C_BEQZ, riscv64asm.C_BNEZ,
		}
		for _, a := range in.Args {
			if d, ok := a.(riscv64asm.Simm); ok && slices.Contains(relative, in.Op) {
				to = append(to, here+uint64(int64(d.Imm)))
			}
		}
		return to, err == nil
	},
	elfmap.MachineLoongArch: func(code []byte) (to []uint64, known bool) {
		in, err := loong64asm.Decode(code)
		for _, a := range in.Args {
			switch d := a.(type) {
			case loong64asm.OffsetSimm:
				if in.Op != loong64asm.JIRL {
					to = append(to, here+uint64(int64(d.Imm)))
				}
			case loong64asm.Simm32:
				if in.Op == loong64asm.PCADDI && code[0]&31 != 0 { // not into $zero
					to = append(to, here+uint64(int64(d.Imm))<<2)
				}
			}
		}
		return to, err == nil
	},
	elfmap.MachinePPC64: func(code []byte) (to []uint64, known bool) {
		in, err := ppc64asm.Decode(code, binary.LittleEndian)
		for _, a := range in.Args {
			switch d := a.(type) {
			case ppc64asm.PCRel:
				to = append(to, here+uint64(int64(d)))
			case ppc64asm.Label:
				to = append(to, uint64(int64(int32(d))))
			}
		}
		return to, err == nil && in.Len == 4
	},
	elfmap.MachineS390: func(code []byte) (to []uint64, known bool) {
		in, err := s390xasm.Decode(code)
		for _, a := range in.Args {
			switch d := a.(type) {
			case s390xasm.RegIm16:
				if in.Op != s390xasm.BPP {
					to = append(to, here+2*uint64(int16(d)))
				}
			case s390xasm.RegIm32:
				to = append(to, here+2*uint64(int32(d)))
			}
		}
		return to, err == nil && in.Op != s390xasm.BPRP
	},
}

// sameAsDecoder holds one instruction against what golang.org/x/arch makes of it.
func sameAsDecoder(t *testing.T, m elfmap.Machine, code []byte) {
	t.Helper()
	want, known := decoders[m](code)
	if !known {
		return
	}
	var got []uint64
	Scan(m, code, here, func(r Ref) {
		if r.At == here {
			got = append(got, r.Target)
		}
	})
	if !slices.Equal(got, want) {
		t.Errorf("%v: % x leads to %x, want %x", m, code, got, want)
	}
}

// TestDecoders takes all instructions of 2 bytes, and of the longer ones many of each opcode.
func TestDecoders(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for m := range decoders {
		for i := range 1 << 16 {
			code := make([]byte, 8)
			binary.LittleEndian.PutUint32(code[2:], random.Uint32())
			binary.BigEndian.PutUint16(code, uint16(i))
			sameAsDecoder(t, m, code)
		}
	}
}

func FuzzDecoders(f *testing.F) {
	for m := range decoders {
		for _, code := range []string{"\xef\x00\x50\x00\x01\x00\x01\x00", "\x00\x08\x00\x54\x00\x00\x40\x03", "\x01\x10\x00\x48\x00\x00\x00\x60", "\xc0\xe5\xff\xff\xff\xff\x07\x07"} {
			f.Add(uint16(m), []byte(code))
		}
	}
	f.Fuzz(func(t *testing.T, m uint16, code []byte) {
		if decoders[elfmap.Machine(m)] != nil && len(code) >= 8 { // some of them read on behind the end
			sameAsDecoder(t, elfmap.Machine(m), code)
		}
	})
}
