package coderef

import "encoding/binary"

// scanS390 follows the z/Architecture Principles of Operation, chapters 5 and 7: all instructions that count halfwords from
// themselves, but for those that only tell of branches to come.
func scanS390(code []byte, addr uint64, f func(Ref)) {
	for pos := 0; pos < len(code); {
		size := [4]int{2, 4, 4, 6}[code[pos]>>6]
		if pos+size > len(code) {
			return
		}
		if kind, field, ok := relativeS390(code[pos : pos+size]); ok {
			at := addr + uint64(pos)
			distance := extend(uint32(binary.BigEndian.Uint16(code[pos+2:])), 16)
			if field == 4 {
				distance = extend(binary.BigEndian.Uint32(code[pos+2:]), 32)
			}
			f(Ref{at, at + distance<<1, kind, at})
		}
		pos += size
	}
}

// relativeS390 says what kind of reference an instruction makes, and how many bytes the distance has that begins with its third
// one.
func relativeS390(in []byte) (kind Kind, field int, ok bool) {
	minor := uint16(1) << (in[1] & 15) // most have their opcode's second half here
	switch in[0] {
	case 0x84, 0x85: // BRXH, BRXLE
		return Jump, 2, true
	case 0xa7: // BRC, BRAS, BRCT, BRCTG
		return callOrJump(in[1]&15 == 5), 2, minor&(1<<4|1<<5|1<<6|1<<7) != 0
	case 0xc0: // LARL, BRCL, BRASL
		switch in[1] & 15 {
		case 0:
			return Address, 4, true
		case 4, 5:
			return callOrJump(in[1]&15 == 5), 4, true
		}
	case 0xc4: // LLHRL, LGHRL, LHRL, LLGHRL, STHRL, LGRL, STGRL, LGFRL, LRL, LLGFRL, STRL
		return Address, 4, minor&0xf9f4 != 0
	case 0xc6: // EXRL, PFDRL, CGHRL, CHRL, CLGHRL, CLHRL, CGRL, CLGRL, CGFRL, CRL, CLGFRL, CLRL
		return Address, 4, minor&0xf5f5 != 0
	case 0xcc: // BRCTH
		return Jump, 4, in[1]&15 == 6
	case 0xec: // BRXHG, BRXLG; CGRJ, CLGRJ, CRJ, CLRJ; CGIJ, CLGIJ, CIJ, CLIJ
		switch in[5] {
		case 0x44, 0x45, 0x64, 0x65, 0x76, 0x77, 0x7c, 0x7d, 0x7e, 0x7f:
			return Jump, 2, true
		}
	}
	return 0, 0, false
}
