package coderef

import "encoding/binary"

// callerSavedRISCV is what a call does not keep: ra, t0 to t2, a0 to a7, t3 to t6 (RISC-V ABIs, 1.1).
const callerSavedRISCV = 1<<1 | 7<<5 | 0xff<<10 | 0xf<<28

// scanRISCV follows the unprivileged ISA manual, chapters "RV32I", "RV64I" and "C": JAL, branches, and AUIPC or LUI with ADDI,
// JALR, a load or a store. With LUI, addresses lie in the lowest 2 GiB, and so does the code (ABIs: medlow).
func scanRISCV(code []byte, addr uint64, f func(Ref)) {
	var r registers
	medlow := addr < 1<<31
	for pos := 0; pos+2 <= len(code); {
		at := addr + uint64(pos)
		r.arrive(at)
		if code[pos]&3 != 3 {
			r.compressedRISCV(uint32(binary.LittleEndian.Uint16(code[pos:])), at, medlow, f)
			pos += 2
			continue
		}
		if pos+4 > len(code) {
			return
		}
		w := binary.LittleEndian.Uint32(code[pos:])
		pos += lengthRISCV(w)
		rd, rs1 := w>>7&31, w>>15&31
		switch w & 0x7f {
		case 0x17, 0x37: // AUIPC, LUI
			r.upperRISCV(w, at, medlow)
			continue
		case 0x6f: // JAL
			to := at + jumpRISCV(w)
			if rd == 0 {
				r.jump(at, to, f)
				continue
			}
			f(Ref{at, to, Call, at})
		case 0x67: // JALR
			r.refer(rs1, at, extend(w>>20, 12), callOrJump(rd != 0), f)
		case 0x63: // branches
			r.branch(at, at+branchRISCV(w), f)
		case 0x03, 0x07, 0x13: // loads, ADDI
			if offsetRISCV(w) {
				r.refer(rs1, at, extend(w>>20, 12), Address, f)
			}
		case 0x23, 0x27: // stores
			if offsetRISCV(w) {
				r.refer(rs1, at, extend(w>>25<<5|rd, 12), Address, f)
			}
		}
		r.forgetRISCV(w)
	}
}

// lengthRISCV is the length of an instruction of at least 4 bytes. None of more than 8 is defined.
func lengthRISCV(w uint32) int {
	switch {
	case w&0x3f == 0x1f:
		return 6
	case w&0x7f == 0x3f:
		return 8
	}
	return 4
}

// upperRISCV takes AUIPC and LUI.
func (r *registers) upperRISCV(w uint32, at uint64, medlow bool) {
	upper, rd := extend(w&^0xfff, 32), w>>7&31
	switch {
	case rd == 0: // no operation: a landing pad
	case w&0x20 == 0: // AUIPC
		r.set(rd, at+upper, at)
	case medlow:
		r.setNumber(rd, upper, at)
	default:
		r.forget(rd)
	}
}

// offsetRISCV reports whether a load, a store or an operation with an immediate adds that to its first register: all loads and
// stores of general registers, those of floating point but not of vectors, and ADDI.
func offsetRISCV(w uint32) bool {
	switch width := w >> 12 & 7; w & 0x7f {
	case 0x07, 0x27:
		return width >= 1 && width <= 4
	case 0x13:
		return width == 0
	case 0x23:
		return width <= 3
	}
	return w>>12&7 != 7
}

// jumpRISCV is the distance in JAL.
func jumpRISCV(w uint32) uint64 {
	return extend(w>>31<<20|w>>12&0xff<<12|w>>20&1<<11|w>>21&0x3ff<<1, 21)
}

// branchRISCV is the distance in a conditional branch.
func branchRISCV(w uint32) uint64 {
	return extend(w>>31<<12|w>>7&1<<11|w>>25&0x3f<<5|w>>8&0xf<<1, 13)
}

// forgetRISCV forgets what an instruction of 4 bytes overwrites.
func (r *registers) forgetRISCV(w uint32) {
	rd := w >> 7 & 31
	switch w & 0x7f {
	case 0x6f, 0x67: // JAL, JALR
		r.known &^= callerSavedRISCV
		if rd == 0 {
			r.known = 0
		}
	case 0x23, 0x27, 0x63, 0x07, 0x43, 0x47, 0x4b, 0x4f: // stores, branches, loads and sums of floating point
		return
	case 0x53: // other operations of floating point, but for comparisons and what moves to a general register
		if op := w >> 27; op != 0x14 && op != 0x18 && op != 0x1c {
			return
		}
	}
	r.forget(rd)
}

// compressedRISCV takes an instruction of 2 bytes. Loads and stores of this size are no half of a pair: their offsets are too
// short for one that is not known yet.
func (r *registers) compressedRISCV(w uint32, at uint64, medlow bool, f func(Ref)) {
	rd := w >> 7 & 31
	switch w & 0xe003 {
	case 0xa001: // C.J
		r.jump(at, at+extend(w>>12&1<<11|w>>11&1<<4|w>>9&3<<8|w>>8&1<<10|w>>7&1<<6|w>>6&1<<7|w>>3&7<<1|w>>2&1<<5, 12), f)
	case 0xc001, 0xe001: // C.BEQZ, C.BNEZ
		r.branch(at, at+extend(w>>12&1<<8|w>>10&3<<3|w>>5&3<<6|w>>3&3<<1|w>>2&1<<5, 9), f)
	case 0x6001: // C.LUI; C.ADDI16SP changes the stack pointer only
		r.forget(rd)
		if medlow && rd != 0 && rd != 2 {
			r.setNumber(rd, extend(w>>12&1<<17|w>>2&31<<12, 18), at)
		}
	case 0x0000, 0x4000, 0x6000, 0x8000: // C.ADDI4SPN, C.LW, C.LD, loads of Zcb
		r.forget(w>>2&7 + 8)
	case 0x8001: // operations on a0 to a5, s0, s1
		r.forget(w>>7&7 + 8)
	case 0x8002: // C.JR, C.MV, C.JALR, C.ADD
		switch {
		case w>>2&31 != 0:
			r.forget(rd)
		case w&0x1000 == 0:
			r.known = 0
		case rd != 0:
			r.known &^= callerSavedRISCV
		}
	case 0x0001, 0x2001, 0x4001, 0x0002, 0x4002, 0x6002: // C.ADDI, C.ADDIW, C.LI, C.SLLI, C.LWSP, C.LDSP
		r.forget(rd)
	}
}
