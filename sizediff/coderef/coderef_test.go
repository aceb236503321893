package coderef

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// scan decodes hexadecimal bytes at an address and writes the references to addresses of the kernel, one a word.
func scan(t *testing.T, m elfmap.Machine, code string, addr uint64) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(code, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	Scan(m, b, addr, func(r Ref) {
		if r.Target >= 1<<32 { // not one of the small immediates
			out = append(out, fmt.Sprintf("%s+%x:%x", [...]string{"call", "jump", "address", "number"}[r.Kind], r.At-addr, r.Target))
		}
	})
	return strings.Join(out, " ")
}

// Bytes and targets as GNU as and objdump 2.40 have them, all at address ffffffff81000000.
func TestX86(t *testing.T) {
	tests := []struct{ code, want, text string }{
		{"48 8d 3d 29 12 00 01", "address+0:ffffffff82001230", "lea 0x1001229(%rip),%rdi"},
		{"48 8d 35 f9 ef ff ff", "address+0:ffffffff80fff000", "lea -0x1007(%rip),%rsi"},
		{"48 8b 05 31 12 00 01", "address+0:ffffffff82001238", "mov 0x1001231(%rip),%rax"},
		{"c6 05 29 12 00 01 05", "address+0:ffffffff82001230", "movb $0x5,0x1001229(%rip)"},
		{"81 3d 2a 12 00 01 78 56 34 12", "address+0:ffffffff82001234", "cmpl $0x12345678,0x100122a(%rip)"},
		{"48 83 3d 38 12 00 01 00", "address+0:ffffffff82001240", "cmpq $0x0,0x1001238(%rip)"},
		{"bf 45 23 01 00", "", "mov $0x12345,%edi"},
		{"48 c7 c7 30 12 00 82", "number+0:ffffffff82001230", "mov $0xffffffff82001230,%rdi"},
		{"48 c7 44 24 08 30 12 00 82", "number+0:ffffffff82001230", "movq $0xffffffff82001230,0x8(%rsp)"},
		{"68 30 12 00 82", "number+0:ffffffff82001230", "push $0xffffffff82001230"},
		{"48 b8 30 12 00 82 ff ff ff ff", "number+0:ffffffff82001230", "movabs $0xffffffff82001230,%rax"},
		{"48 81 fb 30 12 00 82", "number+0:ffffffff82001230", "cmp $0xffffffff82001230,%rbx"},
		{"ff 24 c5 00 20 00 82", "number+0:ffffffff82002000", "jmp *-0x7dffe000(,%rax,8)"},
		{"8b 04 8d 00 20 00 82", "number+0:ffffffff82002000", "mov -0x7dffe000(,%rcx,4),%eax"},
		{"48 8d 90 00 20 00 82", "number+0:ffffffff82002000", "lea -0x7dffe000(%rax),%rdx"},
		{"65 48 8b 05 f8 0f fd 01", "", "mov %gs:0x1fd0ff8(%rip),%rax: per-processor data"},
		{"65 48 8b 04 25 28 00 00 00", "", "mov %gs:0x28,%rax"},
		{"65 8b 14 05 00 10 fd 82", "", "mov %gs:-0x7d02f000(,%rax,1),%edx: per-processor data"},
		{"e8 fb ff 3f 00", "call+0:ffffffff81400000", "call ffffffff81400000"},
		{"e8 fb ff ff ff", "call+0:ffffffff81000000", "call ffffffff81000000, backwards"},
		{"e9 fb ff 3f 00", "jump+0:ffffffff81400000", "jmp ffffffff81400000"},
		{"2e e9 fa ff 3f 00", "jump+0:ffffffff81400000", "cs jmp ffffffff81400000, as a return thunk is"},
		{"0f 85 fa ff 3f 00", "jump+0:ffffffff81400000", "jne ffffffff81400000"},
		{"eb fe", "jump+0:ffffffff81000000", "jmp ffffffff81000000"},
		{"75 0e", "jump+0:ffffffff81000010", "jne ffffffff81000010"},
		{"ff 15 2a 12 00 01", "address+0:ffffffff82001230", "call *0x100122a(%rip)"},
		{"f3 0f 1e fa c3 cc", "", "endbr64; ret; int3"},
		{"55 48 89 e5 48 c7 c7 30 12 00 82 e8 f0 ff 3f 00 5d c3", "number+4:ffffffff82001230 call+b:ffffffff81400000", "push; mov; mov $; call; pop; ret"},
		{"06 e8 fa ff 3f 00", "call+1:ffffffff81400000", "(bad); call ffffffff81400000"},
		{"48 8d 3d 29 12", "", "lea cut short"},
		{"", "", "nothing"},
	}
	for _, tt := range tests {
		if got := scan(t, elfmap.MachineX8664, tt.code, 0xffffffff81000000); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// word is an instruction as objdump writes it, the other way round than in memory.
func words(code string) string {
	var out []string
	for w := range strings.FieldsSeq(code) {
		out = append(out, w[6:8], w[4:6], w[2:4], w[0:2])
	}
	return strings.Join(out, "")
}

// Instructions as GNU as and objdump 2.40 have them, all at address ffff800008000000. ADRP here is of ffff800009001000.
func TestARM64(t *testing.T) {
	const adrp = "b0008000 " // adrp x0, ffff800009001000
	tests := []struct{ code, want, text string }{
		{adrp + "9108c000", "address+4:ffff800009001230", "add x0, x0, #0x230"},
		{adrp + "9108c001 9108e002", "address+4:ffff800009001230 address+8:ffff800009001238", "add x1, x0, #0x230; add x2, x0, #0x238"},
		{adrp + "9108c000 9108c000", "address+4:ffff800009001230", "add x0, x0, #0x230, twice"},
		{adrp + "9140040c", "address+4:ffff800009002000", "add x12, x0, #0x1, lsl #12"},
		{adrp + "f9411c02", "address+4:ffff800009001238", "ldr x2, [x0, #568]"},
		{adrp + "3948e003", "address+4:ffff800009001238", "ldrb w3, [x0, #568]"},
		{adrp + "79447003", "address+4:ffff800009001238", "ldrh w3, [x0, #568]"},
		{adrp + "b9823803", "address+4:ffff800009001238", "ldrsw x3, [x0, #568]"},
		{adrp + "f9011c02", "address+4:ffff800009001238", "str x2, [x0, #568]"},
		{adrp + "fd412000", "address+4:ffff800009001240", "ldr d0, [x0, #576]"},
		{adrp + "3dc09000", "address+4:ffff800009001240", "ldr q0, [x0, #576]"},
		{adrp + "3dc09000 9108c000", "address+4:ffff800009001240 address+8:ffff800009001230", "ldr q0, [x0, #576]; add x0, x0, #0x230"},
		{adrp + "f9411c00 9108c000", "address+4:ffff800009001238", "ldr x0, [x0, #568]; add x0, x0, #0x230"},
		{adrp + "aa0903e0 9108c000", "", "mov x0, x9; add x0, x0, #0x230"},
		{adrp + "d2800080 9108c000", "", "mov x0, #0x4; add x0, x0, #0x230"},
		{adrp + "a94003e0 9108c000", "", "ldp x0, x0, [sp]; add x0, x0, #0x230"},
		{adrp + "a94003e9 9108c000", "", "ldp x9, x0, [sp]; add x0, x0, #0x230"},
		{adrp + "940fffff 9108c000", "call+4:ffff800008400000", "bl ffff800008400000; add x0, x0, #0x230"},
		{adrp + "d63f0020 9108c000", "", "blr x1; add x0, x0, #0x230"},
		{"b0008013 940fffff 9108c273", "call+4:ffff800008400000 address+8:ffff800009001230", "adrp x19; bl; add x19, x19, #0x230"},
		{adrp + "9108c021", "", "add x1, x1, #0x230"},
		{"b000801f 9108c3e0", "", "adrp xzr; add x0, sp, #0x230"},
		{"10fffec4", "address+0:ffff800007ffffd8", "adr x4, ffff800007ffffd8"},
		{"58000425", "address+0:ffff800008000084", "ldr x5, ffff800008000084"},
		{"94100000", "call+0:ffff800008400000", "bl ffff800008400000"},
		{"14100000", "jump+0:ffff800008400000", "b ffff800008400000"},
		{"17ffffff", "jump+0:ffff800007fffffc", "b ffff800007fffffc"},
		{"d65f03c0 d503201f 00000000", "", "ret; nop; udf"},
	}
	for _, tt := range tests {
		if got := scan(t, elfmap.MachineARM64, words(tt.code), 0xffff800008000000); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.text, got, tt.want)
		}
	}
	if got := scan(t, elfmap.MachineARM64, "94 10 00", 0); got != "" {
		t.Errorf("three bytes refer to %s", got)
	}
}

// Instructions as GNU as and objdump 2.40 have them, at address ffffffff80000000, where RISC-V kernels lie.
func TestRISCV(t *testing.T) {
	const auipc = "17150000 " // auipc a0, 0x1
	tests := []struct{ code, want, text string }{
		{auipc + "13050523", "address+4:ffffffff80001230", "addi a0, a0, 560"},
		{auipc + "83350523 03360523", "address+4:ffffffff80001230 address+8:ffffffff80001230", "ld a1, 560(a0); ld a2, 560(a0)"},
		{auipc + "13050523 13050523", "address+4:ffffffff80001230", "addi a0, a0, 560, twice"},
		{auipc + "1b050523", "", "addiw a0, a0, 560"},
		{auipc + "13450523", "", "xori a0, a0, 560"},
		{auipc + "1145 13050523", "", "c.li a0, 4; addi a0, a0, 560"},
		{auipc + "2e85 13050523", "", "c.mv a0, a1; addi a0, a0, 560"},
		{auipc + "0865 13050523", "", "c.ld a0, 8(a0); addi a0, a0, 560"},
		{auipc + "08e5 13050523", "address+6:ffffffff80001230", "c.sd a0, 8(a0); addi a0, a0, 560"},
		{auipc + "23b5a500 13050523", "address+8:ffffffff80001230", "sd a0, 10(a1); addi a0, a0, 560"},
		{auipc + "07a5a500 13050523", "address+8:ffffffff80001230", "flw fa0, 10(a1); addi a0, a0, 560"},
		{auipc + "5325b5a0 13050523", "", "feq.s a0, fa0, fa1; addi a0, a0, 560"},
		{auipc + "5375b500 13050523", "address+8:ffffffff80001230", "fadd.s fa0, fa0, fa1; addi a0, a0, 560"},
		{auipc + "ef005000 13050523", "call+4:ffffffff80000808", "jal ffffffff80000808; addi a0, a0, 560"},
		{auipc + "8295 13050523", "", "c.jalr a1; addi a0, a0, 560"},
		{auipc + "8280 13050523", "", "c.jr ra; addi a0, a0, 560"},
		{"17140000 ef005000 13040423", "call+4:ffffffff80000808 address+8:ffffffff80001230", "auipc s0, 0x1; jal; addi s0, s0, 560"},
		{auipc + "19c1 4545 19a0 13050523", "jump+4:ffffffff8000000a jump+8:ffffffff8000000e address+a:ffffffff80001230", "c.beqz a0, 6; c.li a0, 17; c.j 6; addi a0, a0, 560"},
		{"37150080 13050523", "", "lui a0, 0x80001; addi a0, a0, 560: a number"},
		{"17100000 13000023", "", "auipc zero, 0x1; addi zero, zero, 560"},
		{"1f0000000000 01a0", "jump+6:ffffffff80000006", "48 bits; c.j 0"},
		{"3f00000000000000 01a0", "jump+8:ffffffff80000008", "64 bits; c.j 0"},
		{"6f00", "", "jal cut short"},
	}
	for _, tt := range tests {
		if got := scan(t, elfmap.MachineRISCV, tt.code, 0xffffffff80000000); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Instructions as clang 19 has them, at address 9000000000200000, where LoongArch kernels lie.
func TestLoongArch(t *testing.T) {
	const pcalau = "1a000024 " // pcalau12i $a0, 1
	tests := []struct{ code, want, text string }{
		{pcalau + "02c8c084", "address+4:9000000000201230", "addi.d $a0, $a0, 560"},
		{pcalau + "02c8c085 28c8e086", "address+4:9000000000201230 address+8:9000000000201238", "addi.d $a1, $a0, 560; ld.d $a2, $a0, 568"},
		{pcalau + "02c8c084 02c8c084", "address+4:9000000000201230", "addi.d $a0, $a0, 560, twice"},
		{pcalau + "0288c084", "", "addi.w $a0, $a0, 560"},
		{pcalau + "0388c084", "", "ori $a0, $a0, 560"},
		{pcalau + "001500a4 02c8c084", "", "move $a0, $a1; addi.d $a0, $a0, 560"},
		{pcalau + "29c020a4 02c8c084", "address+8:9000000000201230", "st.d $a0, $a1, 8; addi.d $a0, $a0, 560"},
		{pcalau + "2b8020a4 02c8c084", "address+8:9000000000201230", "fld.d $fa4, $a1, 8; addi.d $a0, $a0, 560"},
		{pcalau + "26000ca4 02c8c084", "", "ldptr.d $a0, $a1, 12; addi.d $a0, $a0, 560"},
		{pcalau + "27000ca4 02c8c084", "address+8:9000000000201230", "stptr.d $a0, $a1, 12; addi.d $a0, $a0, 560"},
		{pcalau + "54080000 02c8c084", "call+4:9000000000200804", "bl 2048; addi.d $a0, $a0, 560"},
		{pcalau + "4c0000a1 02c8c084", "", "jirl $ra, $a1, 0; addi.d $a0, $a0, 560"},
		{pcalau + "4c000020 02c8c084", "", "ret; addi.d $a0, $a0, 560"},
		{pcalau + "50000800 02c8c084", "jump+4:900000000020000c", "b 8; addi.d $a0, $a0, 560"},
		{pcalau + "40000ca0 03804404 50000800 02c8c084", "jump+4:9000000000200010 jump+c:9000000000200014 address+10:9000000000201230", "beqz $a1, 12; ori $a0, $zero, 17; b 8; addi.d $a0, $a0, 560"},
		{"1a000037 54080000 02c8c2f7", "call+4:9000000000200804 address+8:9000000000201230", "pcalau12i $s0, 1; bl; addi.d $s0, $s0, 560"},
		{"1c000024 28c8c084", "address+4:9000000000201230", "pcaddu12i $a0, 1; ld.d $a0, $a0, 560"},
		{"1e000021 4c001021", "call+4:9000000000240010", "pcaddu18i $ra, 1; jirl $ra, $ra, 16"},
		{"1e00002c 4c001180", "jump+4:9000000000240010", "pcaddu18i $t0, 1; jirl $zero, $t0, 16"},
		{"1a000020 02c8c000", "", "pcalau12i $zero, 1; addi.d $zero, $zero, 560"},
		{"48000200", "", "jiscr0 0"},
	}
	for _, tt := range tests {
		if got := scan(t, elfmap.MachineLoongArch, words(tt.code), 0x9000000000200000); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Instructions as GNU as and objdump 2.40 have them, at address c000000000000000, where Power kernels lie. The table of contents is
// at c000000001238000.
func TestPPC64(t *testing.T) {
	const begin = "3c4c0124 38428000 " // addis r2, r12, 292; addi r2, r2, -32768
	const addis = begin + "3c620001 "  // addis r3, r2, 1
	tests := []struct{ code, want, text string }{
		{addis + "38630230", "address+c:c000000001248230", "addi r3, r3, 560"},
		{addis + "e8830230 90830238", "address+c:c000000001248230 address+10:c000000001248238", "ld r4, 560(r3); stw r4, 568(r3)"},
		{addis + "38630230 38630230", "address+c:c000000001248230", "addi r3, r3, 560, twice"},
		{begin + "38620230", "address+8:c000000001238230", "addi r3, r2, 560"},
		{begin + "48001001 60000000 38620230", "call+8:c000000000001008 address+10:c000000001238230", "bl; nop; addi r3, r2, 560"},
		{begin + "4e800421 e8410018 38620230", "address+10:c000000001238230", "bctrl; ld r2, 24(r1); addi r3, r2, 560"},
		{"3c620001 38630230", "", "addis r3, r2, 1; addi r3, r3, 560, without a table"},
		{"3c4c0124 60000000 38428000 38620230", "", "addis r2, r12, 292; nop; addi r2, r2, -32768; addi r3, r2, 560"},
		{addis + "60630230", "", "ori r3, r3, 560"},
		{addis + "7c832378 38630230", "", "mr r3, r4; addi r3, r3, 560"},
		{addis + "7c641b78 38630230", "address+10:c000000001248230", "mr r4, r3; addi r3, r3, 560"},
		{addis + "7c63212e 38630230", "address+10:c000000001248230", "stwx r3, r3, r4; addi r3, r3, 560"},
		{addis + "7c64282a 38630230", "", "ldx r3, r4, r5; addi r3, r3, 560"},
		{addis + "7c041800 38630230", "address+10:c000000001248230", "cmpw r4, r3; addi r3, r3, 560"},
		{addis + "f8640009 38630230", "address+10:c000000001248230", "stdu r3, 8(r4); addi r3, r3, 560"},
		{addis + "e8830009 38630230", "address+c:c000000001248008", "ldu r4, 8(r3); addi r3, r3, 560"},
		{addis + "48001001 38630230", "call+c:c00000000000100c", "bl; addi r3, r3, 560"},
		{addis + "4e800020 38630230", "", "blr; addi r3, r3, 560"},
		{addis + "4d820020 38630230", "address+10:c000000001248230", "beqlr; addi r3, r3, 560"},
		{addis + "4182000c 38600011 48000008 38630230", "jump+c:c000000000000018 jump+14:c00000000000001c address+18:c000000001248230", "beq 12; li r3, 17; b 8; addi r3, r3, 560"},
		{begin + "3fe20001 48001001 3bff0230", "call+c:c00000000000100c address+10:c000000001248230", "addis r31, r2, 1; bl; addi r31, r31, 560"},
		{"3c40c000 38428000 38620230", "address+8:ffffffffbfff8230", "lis r2, -16384; addi r2, r2, -32768; addi r3, r2, 560"},
		{"48000000", "jump+0:c000000000000000", "b 0"},
		{"4bfffffe", "jump+0:fffffffffffffffc", "ba -4"},
		{"0413ffff e464fffc", "", "pld from both r4 and here, which is no instruction"},
		{"06100001 38600230", "address+0:c000000000010230", "pla r3, 66096"},
		{"06000001 38640230", "", "paddi r3, r4, 66096"},
		{"0413ffff e460fff8", "address+0:bffffffffffffff8", "pld r3, -8"},
		{"04100000", "", "a prefix alone"},
	}
	for _, tt := range tests {
		if got := scan(t, elfmap.MachinePPC64, words(tt.code), 0xc000000000000000); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Instructions as GNU as and objdump 2.40 have them, at address 3ffe0000000.
func TestS390(t *testing.T) {
	tests := []struct{ code, want, text string }{
		{"c02000000918", "address+0:3ffe0001230", "larl %r2, 3ffe0001230"},
		{"c0e5ffffffff", "call+0:3ffdffffffe", "brasl %r14, 3ffdffffffe"},
		{"0707 a7f4ffff", "jump+2:3ffe0000000", "nopr; j 3ffe0000000"},
		{"c0f480000000", "jump+0:3fee0000000", "jg 3fee0000000"},
		{"ec2380008064", "jump+0:3ffdfff0000", "cgrje %r2, %r3, 3ffdfff0000"},
		{"c02100000918 c020", "", "lgfi %r2, 2328; larl cut short"},
		{"e3f07fff0071 c0e5", "", "lay %r15, 4095(%r7); brasl cut short"},
	}
	for _, tt := range tests {
		if got := scan(t, elfmap.MachineS390, tt.code, 0x3ffe0000000); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestSupported(t *testing.T) {
	type code struct {
		class int
		big   bool
	}
	little, big := code{64, false}, code{64, true}
	want := map[elfmap.Machine][]code{
		elfmap.MachineX8664: {little, big, {32, false}, {32, true}}, elfmap.MachineARM64: {little, big, {32, false}, {32, true}},
		elfmap.MachineRISCV: {little}, elfmap.MachineLoongArch: {little}, elfmap.MachinePPC64: {little}, elfmap.MachineS390: {big},
	}
	for m := range elfmap.Machine(400) {
		for _, c := range []code{little, big, {32, false}, {32, true}} {
			if got := Supported(m, c.class, c.big); got != slices.Contains(want[m], c) {
				t.Errorf("%v of %d bits, big-endian %v: %v", m, c.class, c.big, got)
			}
		}
		if want[m] == nil {
			Scan(m, []byte{0xe8, 0, 0, 0, 0, 0x94, 0, 0, 0x94}, 0, func(r Ref) { t.Errorf("%v: reference %v", m, r) })
		}
	}
}

// fixtures are linked programs of every machine.
var fixtures = []string{"x86_64.exec", "aarch64.exec", "riscv64.exec", "loongarch64.exec", "powerpc64le.exec", "s390x.exec"}

// text returns the code of a fixture and its address.
func text(t testing.TB, im *elfmap.Image) ([]byte, uint64) {
	t.Helper()
	section := im.Find(".text")
	code, err := im.Data(section)
	if err != nil {
		t.Fatal(err)
	}
	return code, im.Sections[section].Addr
}

// Any bytes as code of any machine: no panic, references in order and inside the code, the same each time.
func FuzzScan(f *testing.F) {
	machines := []elfmap.Machine{elfmap.MachineX86}
	for _, name := range fixtures {
		im := openImage(f, name)
		machines = append(machines, im.Machine)
		code, addr := text(f, im)
		f.Add(code[:min(len(code), 0x200)], addr)
	}
	for _, name := range []string{"riscv64", "loongarch64", "powerpc64le", "s390x"} {
		code, addr := text(f, openImage(f, "forms/"+name+".exec"))
		f.Add(code, addr)
	}
	f.Add([]byte("\xe8\xff\xff\xff\x7f\x48\xb8"), ^uint64(0))
	f.Add([]byte("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x2e\x0f"), ^uint64(0)-4)
	f.Add([]byte("\x62\xf1\x7c\x48\x10\x05\x00\x00\x00\x00\xc4\xe2\x7d\x18\x05\x00\x00\x00\x00"), uint64(1))
	f.Fuzz(func(t *testing.T, code []byte, addr uint64) {
		for _, m := range machines {
			var refs, again []Ref
			last := uint64(0)
			Scan(m, code, addr, func(r Ref) {
				off := r.At - addr
				if off < last || off >= uint64(len(code)) || r.High-addr > off || r.Kind > Number {
					t.Fatalf("%v: %+v of %d bytes at %#x", m, r, len(code), addr)
				}
				last = off
				refs = append(refs, r)
			})
			Scan(m, code, addr, func(r Ref) { again = append(again, r) })
			if !slices.Equal(refs, again) {
				t.Errorf("%v: %v, then %v", m, refs, again)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	for _, name := range fixtures {
		im := openImage(b, name)
		code, addr := text(b, im)
		b.Run(im.Machine.String(), func(b *testing.B) {
			b.SetBytes(int64(len(code)))
			for b.Loop() {
				Scan(im.Machine, code, addr, func(Ref) {})
			}
		})
	}
}
