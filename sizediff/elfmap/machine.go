package elfmap

import "strconv"

// Machine is e_machine of the ELF header.
type Machine uint16

// Machines for which something here depends on the instruction set.
const (
	MachineX86       Machine = 3
	MachinePPC       Machine = 20
	MachinePPC64     Machine = 21
	MachineS390      Machine = 22
	MachineARM       Machine = 40
	MachineX8664     Machine = 62
	MachineARM64     Machine = 183
	MachineRISCV     Machine = 243
	MachineLoongArch Machine = 258
)

// String is the name that kernel people use, or the number.
func (m Machine) String() string {
	switch m {
	case MachineX86:
		return "x86"
	case MachinePPC:
		return "powerpc"
	case MachinePPC64:
		return "powerpc64"
	case MachineS390:
		return "s390x"
	case MachineARM:
		return "arm"
	case MachineX8664:
		return "x86-64"
	case MachineARM64:
		return "arm64"
	case MachineRISCV:
		return "riscv"
	case MachineLoongArch:
		return "loongarch"
	}
	return "machine " + strconv.Itoa(int(m))
}

// nops are the instructions that assemblers and linkers fill alignment with, as they lie in little-endian memory;
// the big-endian machines' are given in their own order.
var nops = map[Machine][]string{
	MachineARM64:     {"\x1f\x20\x03\xd5"},
	MachineRISCV:     {"\x13\x00\x00\x00", "\x01\x00"},
	MachineARM:       {"\x00\xf0\x20\xe3", "\x00\x00\xa0\xe1", "\x00\xbf", "\xc0\x46"},
	MachinePPC:       {"\x60\x00\x00\x00", "\x00\x00\x00\x60"},
	MachinePPC64:     {"\x60\x00\x00\x00", "\x00\x00\x00\x60"},
	MachineS390:      {"\x07\x07", "\x07\x00", "\xc0\x04\x00\x00\x00\x00"},
	MachineLoongArch: {"\x00\x00\x40\x03"},
	MachineX86:       append([]string{"\x8d\x76\x00", "\x8d\xb6\x00\x00\x00\x00", "\x8d\x74\x26\x00", "\x8d\xb4\x26\x00\x00\x00\x00", "\x2e"}, x86nops...),
}

// x86nops are the recommended multi-byte forms (Intel SDM, NOP), and what GNU as and LLVM make of them with prefixes.
var x86nops = []string{
	"\x90", "\xcc", // nearly all filling of a kernel
	"\x0f\x1f\x84\x00\x00\x00\x00\x00", "\x0f\x1f\x80\x00\x00\x00\x00", "\x0f\x1f\x44\x00\x00", "\x0f\x1f\x40\x00",
	"\x0f\x1f\x00", "\x66", "\x2e",
}

// isNops reports whether b is nothing but filling: zeros, traps, or no-operation instructions of machine m.
func isNops(m Machine, b []byte) bool {
	end := len(b) - zeros(b) // behind it any number of zeros will do
	known := x86nops
	if m != MachineX8664 {
		known = nops[m]
	}
	for pos := 0; pos < end; {
		n := nopAt(known, b[pos:])
		if n == 0 {
			return false
		}
		pos += n
	}
	return true
}

// nopAt returns the length of the filling instruction that b begins with, or 0.
func nopAt(known []string, b []byte) int {
	for _, nop := range known {
		if nop[0] == b[0] && len(b) >= len(nop) && string(b[:len(nop)]) == nop {
			return len(nop)
		}
	}
	return 0
}

// zeros returns the number of zero bytes that b ends with.
func zeros(b []byte) int {
	n := 0
	for n < len(b) && b[len(b)-1-n] == 0 {
		n++
	}
	return n
}
