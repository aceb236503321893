package insight

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
)

// TestTakenWithoutStarts: what is ruled out at once are no addresses of functions in scope.
func TestTakenWithoutStarts(t *testing.T) {
	for _, path := range images(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		checkTaken(t, path, data)
	}
}

func TestKernelTaken(t *testing.T) {
	checkTaken(t, "base.zip", kernel(t, "base.zip", "vmlinux"))
}

func checkTaken(t *testing.T, path string, data []byte) {
	t.Helper()
	im, owners := open(t, data)
	for _, scope := range []Scope{RustCode, WholeImage} {
		var all [2]*program
		for i := range all {
			p, err := newProgram(im, owners, scope)
			if err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				p.starts.units, p.starts.first, p.starts.span = nil, 0, ^uint64(0)
			}
			if err := p.findTaken(); err != nil {
				t.Fatal(err)
			}
			all[i] = p
		}
		for i, f := range all[0].functions {
			if f.chosen && f.taken != all[1].functions[i].taken {
				t.Errorf("%s: address of %s taken: %v, by decoding all code %v", path, im.Symbols[f.symbol].Name, f.taken, !f.taken)
			}
		}
	}
}

// TestMentions puts references into random bytes: none is missed.
func TestMentions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 2000 {
		p := &program{functions: make([]function, 1+r.IntN(5))}
		base := uint64(0xffffffff81000000) + uint64(r.IntN(1<<24))
		for i := range p.functions {
			p.functions[i] = function{addr: base + uint64(r.IntN(1<<20)), chosen: true}
			p.chosen++
		}
		p.findStarts()
		to := p.functions[r.IntN(len(p.functions))].addr
		at := base - 1<<22 + uint64(r.IntN(1<<23))
		instruction := [][]byte{
			{0x48, 0xc7, 0xc0, byte(to), byte(to >> 8), byte(to >> 16), byte(to >> 24)}, // MOV
			{0x48, 0xb8, byte(to), byte(to >> 8), byte(to >> 16), byte(to >> 24), 0xff, 0xff, 0xff, 0xff},
			lea(at, to), addImmediate(at, to),
		}[r.IntN(4)]
		if !p.starts.mentionedX86(instruction, at) {
			t.Fatalf("% x at %#x leads to %#x", instruction, at, to)
		}
		page := at&^0xfff + uint64(int64(to&^0xfff)-int64(at&^0xfff))
		n := uint32((page - at&^0xfff) >> 12)
		w := 0x90000000 | n&3<<29 | n>>2&0x7ffff<<5
		code := []byte{byte(w), byte(w >> 8), byte(w >> 16), byte(w >> 24)}
		if in, _ := decodeARM64(code, at&^3); in.fields[0].target != page || !p.starts.mentionedARM64(code, at&^3) {
			t.Fatalf("ADRP % x at %#x leads to %#x", code, at&^3, page)
		}
	}
}

// lea is LEA with a distance to an address.
func lea(at, to uint64) []byte {
	d := to - at - 7
	return []byte{0x48, 0x8d, 0x05, byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24)}
}

// addImmediate is ADD of four bytes to what stands at an address.
func addImmediate(at, to uint64) []byte {
	d := to - at - 11
	return bytes.Join([][]byte{{0x48, 0x81, 0x05, byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24)}, {0x55, 0x66, 0x77, 0x11}}, nil)
}
