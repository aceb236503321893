package coderef

import "golang.org/x/arch/x86/x86asm"

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
			f(Ref{at, target, kind, at})
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
		return disp, Number, disp != 0
	case x86asm.Imm:
		return uint64(int64(a)), Number, true
	}
	return 0, 0, false
}
