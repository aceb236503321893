package coderef

import "golang.org/x/arch/x86/x86asm"

// ScanX86At is Scan for those x86-64 instructions only that hold one of the places, addresses in rising order: what begins
// before a place and ends behind it. It costs a tenth of Scan.
func ScanX86At(code []byte, addr uint64, places []uint64, f func(Ref)) {
	for pos := 0; pos < len(code) && len(places) > 0; {
		if places[0] <= addr+uint64(pos) {
			places = places[1:]
			continue
		}
		n := usualLength(code[pos:])
		if n > 0 && places[0] >= addr+uint64(pos+n) {
			pos += n
			continue
		}
		in, err := x86asm.Decode(code[pos:], 64)
		if err != nil || in.Len == 0 {
			pos++
			continue
		}
		if places[0] < addr+uint64(pos+in.Len) {
			x86Refs(in, addr+uint64(pos), f)
		}
		pos += in.Len
	}
}

// usualLength returns the length of the instruction that code begins with if it is one of those that make up nearly all
// code of a compiler, else 0. Opcodes are those of the Intel SDM, volume 2, appendix A.
func usualLength(code []byte) int {
	n, wide := 0, false
	if len(code) > 0 && code[0]>>4 == 4 { // REX
		n, wide = 1, code[0]&8 != 0
	}
	if len(code) < n+2 {
		return 0
	}
	modrm, imm := false, 0
	switch op := code[n]; {
	case op == 0x0f:
		n++
		modrm, imm = twoByteOpcode(code[n])
	case op < 0x40: // arithmetic of two operands
		modrm, imm = op&7 < 4, [8]int{4: 1, 5: 4, 6: -1, 7: -1}[op&7]
	case op >= 0x50 && op < 0x60, op == 0x90, op == 0x98, op == 0x99, op == 0xc3, op == 0xc9, op == 0xcc: // PUSH, POP, …, RET
	case op == 0x68, op == 0xe8, op == 0xe9: // PUSH, CALL, JMP
		imm = 4
	case op == 0x6a, op&0xf0 == 0x70, op == 0xa8, op&0xf8 == 0xb0, op == 0xeb: // PUSH, Jcc, TEST, MOV, JMP
		imm = 1
	case op == 0xa9: // TEST
		imm = 4
	case op&0xf8 == 0xb8: // MOV
		imm = 4
		if wide {
			imm = 8
		}
	case op == 0x69, op == 0x81, op == 0xc7 && code[n+1]>>3&7 == 0: // IMUL, arithmetic, MOV
		modrm, imm = true, 4
	case op == 0x6b, op == 0x80, op == 0x83, op == 0xc0, op == 0xc1, op == 0xc6 && code[n+1]>>3&7 == 0: // IMUL, arithmetic, shifts, MOV
		modrm, imm = true, 1
	case op == 0x63, op >= 0x84 && op <= 0x8b, op == 0x8d, op >= 0xd0 && op <= 0xd3: // MOVSXD, TEST, XCHG, MOV, LEA, shifts
		modrm = true
	case op == 0xf6 || op == 0xf7: // TEST has an immediate, NOT, NEG, MUL and DIV have none
		modrm = true
		if code[n+1]>>3&7 < 2 {
			imm = [2]int{1, 4}[op&1]
		}
	case op == 0xfe, op == 0xff: // INC, DEC, CALL, JMP, PUSH
		modrm = true
	default:
		imm = -1
	}
	if n++; imm < 0 {
		return 0
	}
	if modrm {
		if n == len(code) {
			return 0
		}
		n += modrmLength(code[n:])
	}
	if n += imm; n > len(code) {
		return 0
	}
	return n
}

// twoByteOpcode says what follows the opcodes that begin with 0F; imm is -1 when it is not a usual one.
func twoByteOpcode(op byte) (modrm bool, imm int) {
	switch {
	case op == 0x0b: // UD2
		return false, 0
	case op&0xf0 == 0x80: // Jcc
		return false, 4
	case op == 0xba: // BT and its like
		return true, 1
	case op&0xf0 == 0x40, op&0xf0 == 0x90, op == 0xaf, op&0xf6 == 0xb6, op == 0x10, op == 0x11, op == 0x1f, op == 0x28, op == 0x29:
		return true, 0 // CMOVcc, SETcc, IMUL, MOVZX and MOVSX, MOVUPS, NOP, MOVAPS
	}
	return false, -1
}

// modrmLength is the length of a ModRM byte and of the SIB byte and the displacement that it asks for.
func modrmLength(code []byte) int {
	mod, rm, n := code[0]>>6, code[0]&7, 1
	if mod == 3 {
		return n
	}
	if rm == 4 {
		if n = 2; len(code) > 1 {
			rm = code[1] & 7
		}
	}
	switch {
	case mod == 1:
		n++
	case mod == 2, mod == 0 && rm == 5:
		n += 4
	}
	return n
}
