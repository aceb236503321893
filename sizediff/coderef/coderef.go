// Package coderef finds the addresses that machine code refers to, for images that carry no relocations.
//
// It decodes linearly from the start of a function, which is exact for compiled code without data in between. Own decoders
// read just the instruction forms that hold a part of an address; only x86-64 needs more, for the length of the others. They
// recognise the ways in which compilers form an address:
//
//   - relative to the program counter, in one instruction: calls and branches of all machines, and what else can;
//   - as an absolute immediate or displacement: the x86-64 kernel code model;
//   - by a pair of instructions, of which the first puts the upper part into a register: arm64, riscv64, loongarch64;
//   - relative to the table of contents: ppc64 in the little-endian ABI, where the function itself computes r2 from r12.
//
// Not seen is what is computed otherwise: relative to the global pointer, which RISC-V's linker does where it may relax,
// relative to r2 of a ppc64 function that does not set it, by the extreme code model of LoongArch, and from literal pools.
package coderef

import "github.com/oxidometer/oxidometer/sizediff/elfmap"

// Kind of a reference.
type Kind uint8

const (
	Call Kind = iota
	Jump
	Address // of data or code, taken or accessed
	Number  // that is such an address if the code lies where it was linked to; or a mere number
)

// Ref is one reference. Addresses are virtual.
type Ref struct {
	At, Target uint64 // of the instruction, the second of a pair
	Kind       Kind
	High       uint64 // of the instruction that forms the upper part of Target; At where there is one only
}

// Supported reports whether code of this machine, of 32 or 64 bits and of this byte order, can be decoded.
func Supported(m elfmap.Machine, class int, big bool) bool {
	switch m {
	case elfmap.MachineX8664, elfmap.MachineARM64: // ILP32 has the same code; instructions are always little-endian
		return true
	case elfmap.MachineRISCV, elfmap.MachineLoongArch, elfmap.MachinePPC64:
		return class == 64 && !big
	case elfmap.MachineS390:
		return class == 64 && big
	}
	return false
}

// Scan calls f for each reference in code that begins at address addr, in order. The code is of an image that is Supported. It
// never fails: bytes that are no instruction are passed over. Targets are not checked; many numbers are no addresses.
func Scan(m elfmap.Machine, code []byte, addr uint64, f func(Ref)) {
	switch m {
	case elfmap.MachineX8664:
		scanX86(code, addr, f)
	case elfmap.MachineARM64:
		scanARM64(code, addr, f)
	case elfmap.MachineRISCV:
		scanRISCV(code, addr, f)
	case elfmap.MachineLoongArch:
		scanLoongArch(code, addr, f)
	case elfmap.MachinePPC64:
		scanPPC64(code, addr, f)
	case elfmap.MachineS390:
		scanS390(code, addr, f)
	}
}

// extend is the signed number in the lowest bits of w.
func extend(w uint32, bits int) uint64 {
	return uint64(int64(int32(w<<(32-bits)) >> (32 - bits)))
}

// callOrJump is the kind of a branch by whether it keeps where it came from.
func callOrJump(link bool) Kind {
	if link {
		return Call
	}
	return Jump
}
