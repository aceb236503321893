package coderef

import "encoding/binary"

// callerSavedLoongArch is what a call does not keep: ra, a0 to a7, t0 to t8 (LoongArch ELF psABI, "Register Convention").
const callerSavedLoongArch = 1<<1 | 0x1ffff<<4

// scanLoongArch follows the LoongArch reference manual, volume 1, appendix B: branches, PCADDI, and PCALAU12I, PCADDU12I or
// PCADDU18I with JIRL, ADDI.D, a load or a store.
func scanLoongArch(code []byte, addr uint64, f func(Ref)) {
	var r registers
	for pos := 0; pos+4 <= len(code); pos += 4 {
		w, at := binary.LittleEndian.Uint32(code[pos:]), addr+uint64(pos)
		r.arrive(at)
		switch w >> 26 {
		case 0x06, 0x07:
			r.pcAddLoongArch(w, at, f)
			continue
		case 0x10, 0x11, 0x12: // BEQZ, BNEZ, BCEQZ and BCNEZ
			if w>>26 != 0x12 || w>>9&1 == 0 {
				r.branch(at, at+extend(w&31<<16|w>>10&0xffff, 21)<<2, f)
			}
			continue
		case 0x13: // JIRL
			link := w&31 != 0
			r.refer(w>>5&31, at, extend(w>>10, 16)<<2, callOrJump(link), f)
			if r.known &^= callerSavedLoongArch; !link {
				r.known = 0
			}
		case 0x14: // B
			r.jump(at, at+extend(w&0x3ff<<16|w>>10&0xffff, 26)<<2, f)
			continue
		case 0x15: // BL
			f(Ref{at, at + extend(w&0x3ff<<16|w>>10&0xffff, 26)<<2, Call, at})
			r.known &^= callerSavedLoongArch
			continue
		case 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b: // BEQ, BNE, BLT, BGE, BLTU, BGEU
			r.branch(at, at+extend(w>>10, 16)<<2, f)
			continue
		}
		op := w >> 22
		if op == 0x0b || op >= 0xa0 && op <= 0xb3 { // ADDI.D, LD.B to XVST
			r.refer(w>>5&31, at, extend(w>>10, 12), Address, f)
		}
		if !(op >= 0xa4 && op <= 0xa7 || op >= 0xab && op <= 0xb3 || w>>24 == 0x25 || w>>24 == 0x27) { // stores, other registers
			r.forget(w & 31) // at times that of a floating point or vector register, too
		}
	}
}

// pcAddLoongArch takes the instructions that add to the program counter.
func (r *registers) pcAddLoongArch(w uint32, at uint64, f func(Ref)) {
	rd, imm := w&31, extend(w>>5, 20)
	if r.forget(rd); rd == 0 {
		return
	}
	switch w >> 25 {
	case 0x0c: // PCADDI
		f(Ref{at, at + imm<<2, Address, at})
	case 0x0d: // PCALAU12I
		r.set(rd, (at+imm<<12)&^0xfff, at)
	case 0x0e: // PCADDU12I
		r.set(rd, at+imm<<12, at)
	case 0x0f: // PCADDU18I
		r.set(rd, at+imm<<18, at)
	}
}
