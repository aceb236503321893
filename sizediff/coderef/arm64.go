package coderef

import "encoding/binary"

// scanARM64 follows the Arm ARM, C6.2: ADRP with ADD, a load or a store, ADR, LDR (literal), B and BL.
func scanARM64(code []byte, addr uint64, f func(Ref)) {
	var pages registers // what ADRP put there
	for pos := 0; pos+4 <= len(code); pos += 4 {
		w, at := binary.LittleEndian.Uint32(code[pos:]), addr+uint64(pos)
		base := w >> 5 & 31
		pages.arrive(at)
		switch {
		case w&0x9f00001f == 0x9000001f: // ADRP into the zero register
		case w&0x9f000000 == 0x90000000: // ADRP
			pages.set(w&31, at&^0xfff+immediate21(w)<<12, at)
			continue
		case w&0x9f000000 == 0x10000000: // ADR
			f(Ref{at, at + immediate21(w), Address, at})
		case w&0x3b000000 == 0x18000000: // load, literal
			f(Ref{at, at + extend(w>>5, 19)<<2, Address, at})
		case w&0xff800000 == 0x91000000: // ADD, immediate
			pages.refer(base, at, uint64(w>>10&0xfff)<<(w>>22&1*12), Address, f)
		case w&0x3b000000 == 0x39000000: // load or store, unsigned offset
			pages.refer(base, at, uint64(w>>10&0xfff)<<accessShift(w), Address, f)
		case w&0x7c000000 == 0x14000000: // B, BL
			to := at + extend(w, 26)<<2
			if w>>31 == 0 {
				pages.jump(at, to, f)
				continue
			}
			f(Ref{at, to, Call, at})
		case w&0xff000000 == 0x54000000, w&0x7e000000 == 0x34000000: // B.cond, CBZ, CBNZ
			pages.branch(at, at+extend(w>>5, 19)<<2, f)
			continue
		case w&0x7e000000 == 0x36000000: // TBZ, TBNZ
			pages.branch(at, at+extend(w>>5, 14)<<2, f)
			continue
		case w>>25 == 0x6b && w>>21&1 == 0: // BR, RET
			pages.known = 0
			continue
		}
		pages.forgetARM64(w)
	}
}

// accessShift is the binary logarithm of the size of the access of a load or store with an unsigned offset.
func accessShift(w uint32) uint32 {
	if w&0x04800000 == 0x04800000 {
		return 4 // a whole vector register
	}
	return w >> 30
}

// forgetARM64 forgets what instruction w overwrites, by its group (Arm ARM, C4.1), and a little more: what a store stores, and
// what a comparison takes for flags.
func (r *registers) forgetARM64(w uint32) {
	switch {
	case w&0xfc000000 == 0x94000000, w>>25 == 0x6b: // BL, BLR
		r.known &^= 0x4007ffff // AAPCS64, 6.1.1: x0 to x18, x30
	case w&0x1c000000 == 0x10000000, w&0x0e000000 == 0x0a000000: // data processing, immediate and register
		r.forget(w & 31)
	case w&0x0e400000 == 0x08000000 && w&0x38000000 == 0x28000000: // store of two general registers
	case w&0x3ac00000 == 0x38000000 && w&0x01200c00 != 0x00200000: // store of one, not an atomic operation
	case w&0x0e000000 == 0x08000000: // load of general registers, and others
		r.forget(w & 31)
		if w&0x38000000 == 0x28000000 { // of two
			r.forget(w >> 10 & 31)
		}
	}
}

// immediate21 is the signed immediate of ADR and ADRP.
func immediate21(w uint32) uint64 { return extend(w>>5, 19)<<2 | uint64(w>>29&3) }
