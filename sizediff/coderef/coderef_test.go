package coderef

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
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
			out = append(out, fmt.Sprintf("%s+%x:%x", [...]string{"call", "jump", "address"}[r.Kind], r.At-addr, r.Target))
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
		{"48 c7 c7 30 12 00 82", "address+0:ffffffff82001230", "mov $0xffffffff82001230,%rdi"},
		{"48 c7 44 24 08 30 12 00 82", "address+0:ffffffff82001230", "movq $0xffffffff82001230,0x8(%rsp)"},
		{"68 30 12 00 82", "address+0:ffffffff82001230", "push $0xffffffff82001230"},
		{"48 b8 30 12 00 82 ff ff ff ff", "address+0:ffffffff82001230", "movabs $0xffffffff82001230,%rax"},
		{"48 81 fb 30 12 00 82", "address+0:ffffffff82001230", "cmp $0xffffffff82001230,%rbx"},
		{"ff 24 c5 00 20 00 82", "address+0:ffffffff82002000", "jmp *-0x7dffe000(,%rax,8)"},
		{"8b 04 8d 00 20 00 82", "address+0:ffffffff82002000", "mov -0x7dffe000(,%rcx,4),%eax"},
		{"48 8d 90 00 20 00 82", "address+0:ffffffff82002000", "lea -0x7dffe000(%rax),%rdx"},
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
		{"55 48 89 e5 48 c7 c7 30 12 00 82 e8 f0 ff 3f 00 5d c3", "address+4:ffffffff82001230 call+b:ffffffff81400000", "push; mov; mov $; call; pop; ret"},
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

func TestSupported(t *testing.T) {
	for m := range elfmap.Machine(400) {
		want := m == elfmap.MachineX8664 || m == elfmap.MachineARM64
		if Supported(m) != want {
			t.Errorf("%v: %v", m, !want)
		}
		if !want {
			Scan(m, []byte{0xe8, 0, 0, 0, 0, 0x94, 0, 0, 0x94}, 0, func(r Ref) { t.Errorf("%v: reference %v", m, r) })
		}
	}
}

// Any bytes as code of any machine: no panic, references in order and inside the code, the same each time.
func FuzzScan(f *testing.F) {
	for _, name := range []string{"aarch64.exec", "x86_64.exec"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[0x120:0x320], uint64(0xffffffff81000000))
		f.Add(data[0x320:0x520], uint64(0))
	}
	f.Add([]byte("\xe8\xff\xff\xff\x7f\x48\xb8"), ^uint64(0))
	f.Add([]byte("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x2e\x0f"), ^uint64(0)-4)
	f.Add([]byte("\x62\xf1\x7c\x48\x10\x05\x00\x00\x00\x00\xc4\xe2\x7d\x18\x05\x00\x00\x00\x00"), uint64(1))
	f.Fuzz(func(t *testing.T, code []byte, addr uint64) {
		for _, m := range []elfmap.Machine{elfmap.MachineX8664, elfmap.MachineARM64, elfmap.MachineX86, elfmap.MachineS390} {
			var refs, again []Ref
			last := uint64(0)
			Scan(m, code, addr, func(r Ref) {
				off := r.At - addr
				if off < last || off >= uint64(len(code)) || r.Kind > Address {
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
	for name, m := range map[string]elfmap.Machine{"aarch64.exec": elfmap.MachineARM64, "x86_64.exec": elfmap.MachineX8664} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(m.String(), func(b *testing.B) {
			code := data[0x120:0x7f0]
			b.SetBytes(int64(len(code)))
			for b.Loop() {
				Scan(m, code, 0x400120, func(Ref) {})
			}
		})
	}
}
