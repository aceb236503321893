package insight

import "encoding/binary"

// starts is where functions in scope begin. It rules out at once most of what could be an address, and most functions that
// refer to none, without which finding them in the code of a whole kernel would take longer than everything else. It may say
// yes in place of no.
type starts struct {
	first, span uint64   // all lie in these
	units       []uint64 // a bit for each unit of 16 bytes in which one begins; nil for too large a span: all are possible
}

const (
	unitShift = 4
	maxSpan   = 1 << 30 // of addresses in units, which is 8 MiB of bits
)

// findStarts is done once functions are known.
func (p *program) findStarts() {
	first, last := ^uint64(0), uint64(0)
	for i := range p.functions {
		if f := &p.functions[i]; f.chosen {
			first, last = min(first, f.addr), max(last, f.addr)
		}
	}
	if p.chosen == 0 {
		return
	}
	p.starts = starts{first: first, span: last - first}
	if last-first > maxSpan {
		return
	}
	p.starts.units = make([]uint64, (last-first)>>(unitShift+6)+1)
	for i := range p.functions {
		if f := &p.functions[i]; f.chosen {
			unit := (f.addr - first) >> unitShift
			p.starts.units[unit>>6] |= 1 << (unit & 63)
		}
	}
}

// have reports whether a function can begin at an address.
func (s *starts) have(addr uint64) bool {
	off := addr - s.first
	if off > s.span {
		return false
	}
	unit := off >> unitShift
	return s.units == nil || s.units[unit>>6]>>(unit&63)&1 != 0
}

// mentionedX86 reports whether any four bytes of code can be the address of a function, or the distance to one from where the
// instruction ends, which is up to four bytes further on. Only the low half of an address is compared.
func (s *starts) mentionedX86(code []byte, at uint64) bool {
	if s.units == nil {
		return true
	}
	first, span := uint32(s.first), uint32(s.span)
	from := uint32(at) + 4 - first
	for i := 0; i+4 <= len(code); i++ {
		v := binary.LittleEndian.Uint32(code[i:])
		if off := v - first; off <= span && s.have(s.first+uint64(off)) {
			return true
		}
		off := from + uint32(i) + v
		if off <= span && s.have(s.first+uint64(off)) || off+4 <= span && s.have(s.first+uint64(off+4)) {
			return true
		}
	}
	return false
}

// mentionedARM64 reports whether any instruction of code makes an address from which one more can get to a function: it adds
// less than 16 MiB.
func (s *starts) mentionedARM64(code []byte, at uint64) bool {
	const reach = 1 << 24
	if s.units == nil {
		return true
	}
	for pos := 0; pos+4 <= len(code); pos += 4 {
		in, _ := decodeARM64(code[pos:], at+uint64(pos))
		if in.n == 0 || in.branch {
			continue
		}
		if to := in.fields[0].target; s.first+s.span-to < s.span+reach {
			return true
		}
	}
	return false
}
