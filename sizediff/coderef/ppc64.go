package coderef

import "encoding/binary"

// callerSavedPPC64 is what a call does not keep: r0, r3 to r12 (64-bit ELF V2 ABI, 2.2.1.1).
const callerSavedPPC64 = 1 | 0x3ff<<3

// scanPPC64 follows the Power ISA, book I, chapters 2 and 3, and the ABI: branches, prefixed instructions that count from
// themselves, and addresses relative to the table of contents. Code is little-endian.
func scanPPC64(code []byte, addr uint64, f func(Ref)) {
	var r registers
	var toc tableOfContents
	for pos := 0; pos+4 <= len(code); pos += 4 {
		w, at := binary.LittleEndian.Uint32(code[pos:]), addr+uint64(pos)
		ra := w >> 16 & 31
		r.arrive(at)
		switch w >> 26 {
		case 1: // a prefix
			if pos += 4; pos+4 > len(code) {
				return
			}
			r.prefixedPPC64(w, binary.LittleEndian.Uint32(code[pos:]), at, f)
			continue
		case 16: // BC
			r.branchPPC64(w, at, extend(w&0xfffc, 16), f)
		case 18: // B
			r.branchPPC64(w, at, extend(w&0x3fffffc, 26), f)
		case 15: // ADDIS
			toc.begin(w, at)
			r.forgetPPC64(w)
			if rt := w >> 21 & 31; ra == 2 && toc.known && rt != 2 {
				r.set(rt, toc.base+extend(w, 16)<<16, at)
			}
			continue
		default:
			offset, ok := offsetPPC64(w)
			switch {
			case !ok:
			case ra == 2 && !toc.end(w, at, offset) && toc.known:
				f(Ref{at, toc.base + offset, Address, at})
			case ra != 0:
				r.refer(ra, at, offset, Address, f)
			}
		}
		r.forgetPPC64(w)
	}
}

// tableOfContents is what register 2 points to. A function that uses it begins with ADDIS and ADDI, which add to its own
// address in r12, or which the linker has made to load a number (ABI, 2.3.2.1). It stays so: who changes it puts it back.
type tableOfContents struct {
	base  uint64
	known bool
	upper uint64 // of the ADDIS
	next  uint64 // where the ADDI must be
}

func (t *tableOfContents) begin(w uint32, at uint64) {
	switch w >> 16 {
	case 0x3c4c: // addis r2,r12
		t.upper, t.next = at+extend(w, 16)<<16, at+4
	case 0x3c40: // lis r2
		t.upper, t.next = extend(w, 16)<<16, at+4
	}
}

// end reports whether an instruction sets register 2.
func (t *tableOfContents) end(w uint32, at, offset uint64) bool {
	if w>>16 != 0x3842 { // addi r2,r2
		return false
	}
	t.base, t.known = t.upper+offset, t.next == at && at != 0
	return true
}

// branchPPC64 takes B and BC.
func (r *registers) branchPPC64(w uint32, at, to uint64, f func(Ref)) {
	if w&2 == 0 { // not AA
		to += at
	}
	if w&1 == 1 { // LK
		f(Ref{at, to, Call, at})
		return
	}
	r.branch(at, to, f)
}

// offsetPPC64 returns what ADDI, a load or a store adds to register RA.
func offsetPPC64(w uint32) (uint64, bool) {
	switch op := w >> 26; {
	case op == 14, op >= 32 && op <= 55: // ADDI, LWZ to STFDU
		return extend(w, 16), true
	case op == 56, op == 61 && w&3 == 1: // LQ, LXV and STXV
		return extend(w&0xfff0, 16), true
	case op == 57, op == 58, op == 61, op == 62: // LXSD and others, LD, STXSD and others, STD
		return extend(w&0xfffc, 16), true
	}
	return 0, false
}

// prefixedPPC64 takes an instruction of 8 bytes: PADDI, loads and stores with a distance of 34 bits.
func (r *registers) prefixedPPC64(prefix, w uint32, at uint64, f func(Ref)) {
	if prefix>>24&1 == 0 && prefix>>20&1 == 1 && w>>16&31 == 0 { // of the types 8LS and MLS, with R
		f(Ref{at, at + extend(prefix, 18)<<16 + uint64(w&0xffff), Address, at})
	}
	r.forget(w >> 21 & 31)
}

// forgetPPC64 forgets what an instruction overwrites, and a little more: what a move to a special register moves.
func (r *registers) forgetPPC64(w uint32) {
	rt, ra := w>>21&31, w>>16&31
	switch op := w >> 26; op {
	case 16, 18, 19: // branches; operations on bits of the condition register
		switch {
		case op == 19 && w>>1&31 != 16:
		case w&1 == 1: // LK
			r.known &^= callerSavedPPC64
		case op == 18 || w>>21&0x14 == 0x14: // always
			r.known = 0
		}
	case 17: // SC
		r.known &^= callerSavedPPC64
	case 20, 21, 23, 24, 25, 26, 27, 28, 29, 30: // rotations, logical operations with an immediate
		r.forget(ra)
	case 31:
		r.forgetExtendedPPC64(w)
	case 33, 35, 41, 43: // loads that change RA
		r.forget(rt)
		r.forget(ra)
	case 37, 39, 45, 49, 51, 53, 55: // stores and loads of floating point that do
		r.forget(ra)
	case 46: // LMW
		r.known &= 1<<rt - 1
	case 56: // LQ
		r.forget(rt)
		r.forget(rt | 1)
	case 58: // LD, LDU, LWA
		r.forget(rt)
		if w&3 == 1 {
			r.forget(ra)
		}
	case 62: // STD, STDU, STQ
		if w&3 == 1 {
			r.forget(ra)
		}
	case 4, 7, 8, 12, 13, 14, 15, 32, 34, 40, 42: // arithmetic, loads; what op 4 has for vectors, too
		r.forget(rt)
	}
}

// forgetExtendedPPC64 takes the instructions of primary opcode 31, by the low bits of the second one.
func (r *registers) forgetExtendedPPC64(w uint32) {
	rt, ra, op := w>>21&31, w>>16&31, w>>1&0x3ff
	switch op & 31 {
	case 0, 4: // comparisons, traps; SETB
		if op == 128 {
			r.forget(rt)
		}
	case 24, 26, 27, 28: // shifts, logical operations
		r.forget(ra)
	case 20, 21, 22, 23: // loads and stores
		if op&0x80 == 0 {
			r.forget(rt)
		}
		if op&32 != 0 { // with update
			r.forget(ra)
		}
	case 19: // moves from special and other registers
		r.forget(rt)
		r.forget(ra)
	default:
		r.forget(rt)
	}
}
