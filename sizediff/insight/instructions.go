package insight

import (
	"encoding/binary"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// instruction is what comparing code needs to know of one: where it ends, which parts of it are addresses, and whether
// control goes on behind it.
type instruction struct {
	size   int
	fields [2]field
	n      int // of fields
	flow   flow
	branch bool // the relative field is where control goes, not an address that is taken
}

// field is a part of an instruction that holds an address.
type field struct {
	at, size int
	target   uint64
	relative bool // to the program counter; else absolute, and perhaps only a number
}

func (in *instruction) add(f field) {
	in.fields[in.n] = f
	in.n++
}

type flow uint8

const (
	onward flow = iota // the next instruction follows, perhaps; also behind a trap, which a kernel uses for warnings
	call
	trap
	jump
	ret
)

// decoder reads the instruction that code begins with, which lies at an address. It returns false for what is none, and
// for one that it does not know.
type decoder func(code []byte, at uint64) (instruction, bool)

// decoders has the machines whose code can be compared without a relocation for each address.
var decoders = map[elfmap.Machine]decoder{elfmap.MachineX8664: decodeX86, elfmap.MachineARM64: decodeARM64}

// jumpSize is what a direct jump to anywhere in a kernel takes, in bytes.
var jumpSize = map[elfmap.Machine]uint64{elfmap.MachineX8664: 5, elfmap.MachineARM64: 4}

// What follows an opcode of x86-64.
const (
	modrm = 1 << iota
	imm8
	imm16
	immZ   // 4 bytes, 2 with an operand size prefix
	rel    // the immediate is relative to the next instruction
	group3 // F6, F7: an immediate for the first two of the group only
	immV   // B8: 8 bytes with REX.W
	moffs  // 8 bytes, 4 with an address size prefix
	bad
)

// oneByte and twoByte are the opcode maps of the Intel SDM, volume 2, tables, for 64-bit mode. In the map of
// 0F 38 all have a ModRM byte, in that of 0F 3A an immediate of one byte as well.
var oneByte, twoByte = opcodes(map[[2]byte]uint16{
	{0x06, 0x07}: bad, {0x0e, 0x0e}: bad, {0x16, 0x17}: bad, {0x1e, 0x1f}: bad, {0x27, 0x27}: bad, {0x2f, 0x2f}: bad,
	{0x37, 0x37}: bad, {0x3f, 0x3f}: bad, {0x60, 0x62}: bad, {0x63, 0x63}: modrm, {0x68, 0x68}: immZ, {0x69, 0x69}: modrm | immZ,
	{0x6a, 0x6a}: imm8, {0x6b, 0x6b}: modrm | imm8, {0x70, 0x7f}: imm8 | rel, {0x80, 0x80}: modrm | imm8, {0x81, 0x81}: modrm | immZ,
	{0x82, 0x82}: bad, {0x83, 0x83}: modrm | imm8, {0x84, 0x8f}: modrm, {0x9a, 0x9a}: bad, {0xa0, 0xa3}: moffs,
	{0xa8, 0xa8}: imm8, {0xa9, 0xa9}: immZ, {0xb0, 0xb7}: imm8, {0xb8, 0xbf}: immV, {0xc0, 0xc1}: modrm | imm8, {0xc2, 0xc2}: imm16,
	{0xc4, 0xc5}: bad,
	{0xc6, 0xc6}: modrm | imm8, {0xc7, 0xc7}: modrm | immZ, {0xc8, 0xc8}: imm16 | imm8, {0xca, 0xca}: imm16, {0xcd, 0xcd}: imm8,
	{0xce, 0xce}: bad, {0xd0, 0xd3}: modrm, {0xd4, 0xd6}: bad, {0xd8, 0xdf}: modrm, {0xe0, 0xe3}: imm8 | rel, {0xe4, 0xe7}: imm8,
	{0xe8, 0xe9}: immZ | rel, {0xea, 0xea}: bad, {0xeb, 0xeb}: imm8 | rel, {0xf6, 0xf6}: modrm | imm8 | group3,
	{0xf7, 0xf7}: modrm | immZ | group3, {0xfe, 0xff}: modrm,
}, true), opcodes(map[[2]byte]uint16{
	{0x00, 0x03}: modrm, {0x04, 0x04}: bad, {0x0a, 0x0a}: bad, {0x0c, 0x0c}: bad, {0x0d, 0x0d}: modrm, {0x0f, 0x0f}: modrm | imm8,
	{0x10, 0x2f}: modrm, {0x36, 0x36}: bad, {0x39, 0x39}: bad, {0x3b, 0x3f}: bad, {0x40, 0x6f}: modrm, {0x70, 0x73}: modrm | imm8,
	{0x74, 0x76}: modrm, {0x78, 0x7f}: modrm, {0x80, 0x8f}: immZ | rel, {0x90, 0x9f}: modrm, {0xa3, 0xa3}: modrm,
	{0xa4, 0xa4}: modrm | imm8, {0xa5, 0xa5}: modrm, {0xa6, 0xa7}: bad, {0xab, 0xab}: modrm, {0xac, 0xac}: modrm | imm8,
	{0xad, 0xb9}: modrm, {0xba, 0xba}: modrm | imm8, {0xbb, 0xc1}: modrm, {0xc2, 0xc2}: modrm | imm8, {0xc3, 0xc3}: modrm,
	{0xc4, 0xc6}: modrm | imm8, {0xc7, 0xc7}: modrm, {0xd0, 0xff}: modrm,
}, false)

// opcodes spreads ranges of opcodes over a table. The operations with two operands that begin the first map are regular.
func opcodes(ranges map[[2]byte]uint16, arithmetic bool) (t [256]uint16) {
	for op := 0; arithmetic && op < 0x40; op++ {
		t[op] = [8]uint16{modrm, modrm, modrm, modrm, imm8, immZ, 0, 0}[op&7]
	}
	for r, what := range ranges {
		for op := int(r[0]); op <= int(r[1]); op++ {
			t[op] = what
		}
	}
	return t
}

// prefixes is what stands before the opcode of an x86-64 instruction.
type prefixes struct {
	size          int
	short, narrow bool // operand size, address size
	segment       bool // a base that is not zero
	rexW          bool
}

func readPrefixes(code []byte) (p prefixes) {
	for ; p.size < len(code); p.size++ {
		switch code[p.size] {
		case 0x66:
			p.short = true
		case 0x67:
			p.narrow = true
		case 0x64, 0x65:
			p.segment = true
		case 0x26, 0x2e, 0x36, 0x3e, 0xf0, 0xf2, 0xf3:
		default:
			if code[p.size]>>4 == 4 {
				p.rexW = code[p.size]&8 != 0
				p.size++
			}
			return p
		}
	}
	return p
}

const maxX86 = 15 // bytes of an instruction

func decodeX86(code []byte, at uint64) (in instruction, ok bool) {
	code = code[:min(len(code), maxX86)]
	p := readPrefixes(code)
	pos, op, what := opcodeX86(code, p.size)
	if pos == 0 || what&bad != 0 {
		return in, false
	}
	disp, dispSize, reg := -1, 0, byte(0)
	pcRelative := false
	if what&modrm != 0 {
		if pos >= len(code) {
			return in, false
		}
		reg = code[pos] >> 3 & 7
		if op == 0x0f20 || op == 0x0f21 || op == 0x0f22 || op == 0x0f23 {
			pos++ // control and debug registers: there is no memory operand
		} else {
			size, n := modrmX86(code[pos:])
			pcRelative = code[pos]>>6 == 0 && code[pos]&7 == 5
			disp, dispSize = pos+size-n, n
			pos += size
		}
	}
	imm, immSize := pos, immediateX86(what, reg, p)
	in.size = pos + immSize
	if in.size > len(code) {
		return in, false
	}
	next := at + uint64(in.size)
	if dispSize == 4 && !p.segment {
		target := uint64(int64(int32(binary.LittleEndian.Uint32(code[disp:]))))
		if pcRelative {
			target += next
		}
		in.add(field{disp, 4, target, pcRelative})
	}
	switch {
	case what&rel != 0:
		in.branch = true
		in.add(field{imm, immSize, next + signed(code[imm:in.size]), true})
	case immSize == 4 || immSize == 8:
		in.add(field{imm, immSize, signed(code[imm:in.size]), false})
	}
	in.flow = flowX86(op, reg)
	return in, true
}

// opcodeX86 reads the opcode at pos and what it asks for; op is 0F.. for the second map, and -1 for the others. The position
// behind it is 0 when there is none.
func opcodeX86(code []byte, pos int) (next, op int, what uint16) {
	b := code[pos:]
	switch {
	case len(b) >= 2 && b[0] == 0xc5: // VEX and EVEX, SDM volume 2, 2.3 and 2.7
		return vector(b, pos, 2, 1)
	case len(b) >= 3 && b[0] == 0xc4:
		return vector(b, pos, 3, b[1]&0x1f)
	case len(b) >= 4 && b[0] == 0x62:
		return vector(b, pos, 4, b[1]&7)
	case len(b) >= 3 && b[0] == 0x0f && b[1] == 0x38:
		return pos + 3, -1, modrm
	case len(b) >= 3 && b[0] == 0x0f && b[1] == 0x3a:
		return pos + 3, -1, modrm | imm8
	case len(b) >= 2 && b[0] == 0x0f:
		return pos + 2, 0x0f00 | int(b[1]), twoByte[b[1]]
	case len(b) >= 1 && b[0] != 0x0f:
		return pos + 1, int(b[0]), oneByte[b[0]]
	}
	return 0, 0, bad
}

func vector(b []byte, pos, prefix int, table byte) (next, op int, what uint16) {
	if len(b) <= prefix {
		return 0, 0, bad
	}
	switch {
	case table == 1:
		what = twoByte[b[prefix]] & (modrm | imm8 | bad)
	case table == 3:
		what = modrm | imm8
	default:
		what = modrm
	}
	return pos + prefix + 1, -1, what
}

// modrmX86 returns the size of a ModRM byte with the SIB byte and the displacement that it asks for, and that of the
// displacement alone.
func modrmX86(b []byte) (size, disp int) {
	mod, rm := b[0]>>6, b[0]&7
	if mod == 3 {
		return 1, 0
	}
	size = 1
	if rm == 4 {
		if size = 2; len(b) > 1 {
			rm = b[1] & 7
		}
	}
	switch {
	case mod == 1:
		disp = 1
	case mod == 2, mod == 0 && rm == 5:
		disp = 4
	}
	return size + disp, disp
}

func immediateX86(what uint16, reg byte, p prefixes) (n int) {
	if what&group3 != 0 && reg > 1 {
		return 0
	}
	if what&imm8 != 0 {
		n++
	}
	if what&imm16 != 0 {
		n += 2
	}
	if what&immZ != 0 {
		n += 4
		if p.short && !p.rexW && what&rel == 0 {
			n -= 2
		}
	}
	switch {
	case what&immV != 0 && p.rexW, what&moffs != 0 && !p.narrow:
		n = 8
	case what&immV != 0 && p.short:
		n = 2
	case what&(immV|moffs) != 0:
		n = 4
	}
	return n
}

func flowX86(op int, reg byte) flow {
	switch {
	case op == 0xc3 || op == 0xc2 || op == 0xcf || op == 0xcb || op == 0x0f07 || op == 0x0f35: // RET, IRET, SYSRET, SYSEXIT
		return ret
	case op == 0xe9 || op == 0xeb || op == 0xff && (reg == 4 || reg == 5):
		return jump
	case op == 0xe8 || op == 0xff && (reg == 2 || reg == 3):
		return call
	case op == 0xcc || op == 0x0f0b || op == 0x0fb9 || op == 0x0fff || op == 0xf4: // INT3, UD2, UD1, UD0, HLT
		return trap
	}
	return onward
}

// signed reads a little-endian number of 1, 4 or 8 bytes.
func signed(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(int64(int8(b[0])))
	case 4:
		return uint64(int64(int32(binary.LittleEndian.Uint32(b))))
	}
	return binary.LittleEndian.Uint64(b)
}

// decodeARM64 follows the Arm ARM, C4.1. ADRP refers to a page; what is added to it stays in the instruction that adds.
func decodeARM64(code []byte, at uint64) (in instruction, ok bool) {
	if len(code) < 4 {
		return in, false
	}
	in.size = 4
	w := binary.LittleEndian.Uint32(code)
	relative := func(bits, shift int) { // a signed immediate, in words
		target := at + uint64(int64(int32(w<<(32-bits-shift)))>>(32-bits))<<2
		in.add(field{0, 4, target, true})
	}
	switch {
	case w&0x7c000000 == 0x14000000: // B, BL
		relative(26, 0)
		in.branch, in.flow = true, jump
		if w>>31 == 1 {
			in.flow = call
		}
	case w&0xff000000 == 0x54000000, w&0x7e000000 == 0x34000000: // B.cond, CBZ, CBNZ
		relative(19, 5)
		in.branch = true
	case w&0x7e000000 == 0x36000000: // TBZ, TBNZ
		relative(14, 5)
		in.branch = true
	case w&0x3b000000 == 0x18000000: // load, literal
		relative(19, 5)
	case w&0x1f000000 == 0x10000000: // ADR, ADRP
		imm := int64(int32(w<<8))>>11&^3 | int64(w>>29&3)
		if w>>31 == 1 {
			at, imm = at&^0xfff, imm<<12
		}
		in.add(field{0, 4, at + uint64(imm), true})
	case w&0xfe000000 == 0xd6000000: // to a register
		in.flow = [4]flow{jump, call, ret, onward}[w>>21&3]
		if w>>21&7 == 4 { // ERET
			in.flow = ret
		}
	case w&0xffe0001f == 0xd4200000, w>>16 == 0: // BRK, UDF
		in.flow = trap
	}
	return in, true
}

// erase clears a field in a copy of an instruction.
func erase(m elfmap.Machine, b []byte, f field) {
	if m == elfmap.MachineARM64 {
		w := binary.LittleEndian.Uint32(b)
		binary.LittleEndian.PutUint32(b, w&fixedARM64(w))
		return
	}
	clear(b[f.at : f.at+f.size])
}

// fixedARM64 has the bits of an instruction with an address that are not the address.
func fixedARM64(w uint32) uint32 {
	switch {
	case w&0x7c000000 == 0x14000000:
		return 0xfc000000
	case w&0x7e000000 == 0x36000000:
		return 0xfff8001f
	case w&0x1f000000 == 0x10000000:
		return 0x9f00001f
	}
	return 0xff00001f
}
