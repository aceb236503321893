// Package coderef finds the addresses that machine code refers to, for images that carry no relocations.
//
// It decodes linearly from the start of a function, which is exact for compiled code without data in between. It
// recognises the ways in which compilers form an address: relative to the program counter, as an absolute immediate or
// displacement (the x86-64 kernel code model), and by a pair of instructions (arm64).
package coderef

import (
	"encoding/binary"

	"golang.org/x/arch/x86/x86asm"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// Kind of a reference.
type Kind uint8

const (
	Call Kind = iota
	Jump
	Address // of data or code, taken or accessed
)

// Ref is one reference. Addresses are virtual.
type Ref struct {
	At, Target uint64
	Kind       Kind
}

// Supported reports whether code of this machine can be decoded.
func Supported(m elfmap.Machine) bool {
	return m == elfmap.MachineX8664 || m == elfmap.MachineARM64
}

// Scan calls f for each reference in code that begins at address addr, in order. It never fails: bytes that are no
// instruction are passed over. Targets are not checked; many immediates are no addresses.
func Scan(m elfmap.Machine, code []byte, addr uint64, f func(Ref)) {
	switch m {
	case elfmap.MachineX8664:
		scanX86(code, addr, f)
	case elfmap.MachineARM64:
		scanARM64(code, addr, f)
	}
}

func scanX86(code []byte, addr uint64, f func(Ref)) {
	for pos := 0; pos < len(code); {
		in, err := x86asm.Decode(code[pos:], 64)
		if err != nil || in.Len == 0 {
			pos++
			continue
		}
		x86Refs(in, addr+uint64(pos), f)
		pos += in.Len
	}
}

// x86Refs calls f for the references of the instruction at an address.
func x86Refs(in x86asm.Inst, at uint64, f func(Ref)) {
	for _, a := range in.Args {
		if a == nil {
			break
		}
		if target, kind, ok := x86Target(in, a, at+uint64(in.Len)); ok {
			f(Ref{at, target, kind})
		}
	}
}

func x86Target(in x86asm.Inst, a x86asm.Arg, next uint64) (uint64, Kind, bool) {
	switch a := a.(type) {
	case x86asm.Rel:
		if in.Op == x86asm.CALL {
			return next + uint64(int64(a)), Call, true
		}
		return next + uint64(int64(a)), Jump, true
	case x86asm.Mem:
		if a.Segment != 0 {
			return 0, 0, false // per-processor data
		}
		disp := uint64(int64(int32(a.Disp))) // the decoder does not extend the sign of 32 bits
		if a.Base == x86asm.RIP {
			return next + disp, Address, true
		}
		return disp, Address, disp != 0
	case x86asm.Imm:
		return uint64(int64(a)), Address, true
	}
	return 0, 0, false
}

// scanARM64 follows the Arm ARM, C6.2: ADRP with ADD, a load or a store, ADR, LDR (literal), B and BL.
func scanARM64(code []byte, addr uint64, f func(Ref)) {
	var page [32]uint64 // what ADRP put into each register; 0 for unknown
	for pos := 0; pos+4 <= len(code); pos += 4 {
		w, at := binary.LittleEndian.Uint32(code[pos:]), addr+uint64(pos)
		base := page[w>>5&31]
		switch {
		case w&0x9f00001f == 0x9000001f: // ADRP into the zero register
		case w&0x9f000000 == 0x90000000: // ADRP
			page[w&31] = at&^0xfff + uint64(immediate21(w)<<12)
			continue
		case w&0x9f000000 == 0x10000000: // ADR
			f(Ref{at, at + uint64(immediate21(w)), Address})
		case w&0x3b000000 == 0x18000000: // load, literal
			f(Ref{at, at + uint64(int64(int32(w<<8))>>13<<2), Address})
		case w&0xff800000 == 0x91000000 && base != 0: // ADD, immediate
			f(Ref{at, base + uint64(w>>10&0xfff)<<(w>>22&1*12), Address})
		case w&0x3b000000 == 0x39000000 && base != 0: // load or store, unsigned offset
			f(Ref{at, base + uint64(w>>10&0xfff)<<accessShift(w), Address})
		case w&0x7c000000 == 0x14000000: // B, BL
			kind := Jump
			if w>>31 == 1 {
				kind = Call
			}
			f(Ref{at, at + uint64(int64(int32(w<<6))>>4), kind})
		}
		forget(&page, w)
	}
}

// accessShift is the binary logarithm of the size of the access of a load or store with an unsigned offset.
func accessShift(w uint32) uint32 {
	if w&0x04800000 == 0x04800000 {
		return 4 // a whole vector register
	}
	return w >> 30
}

// forget clears what instruction w overwrites, by its group (Arm ARM, C4.1), and a little more: what a store stores, and
// what a comparison takes for flags.
func forget(page *[32]uint64, w uint32) {
	switch {
	case w&0xfc000000 == 0x94000000, w&0xfffffc1f == 0xd63f0000: // BL, BLR: AAPCS64, 6.1.1
		clear(page[:19])
		page[30] = 0
	case w&0x1c000000 == 0x10000000, w&0x0e000000 == 0x0a000000: // data processing, immediate and register
		page[w&31] = 0
	case w&0x0e000000 == 0x08000000: // load or store of general registers
		page[w&31] = 0
		if w&0x38000000 == 0x28000000 { // of two
			page[w>>10&31] = 0
		}
	}
}

// immediate21 is the signed immediate of ADR and ADRP.
func immediate21(w uint32) int64 {
	return int64(int32(w<<8))>>11&^3 | int64(w>>29&3)
}
