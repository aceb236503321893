package elfmap

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// generated is an image like a kernel's with n symbols, in no order: functions, their call padding, and labels in it.
func generated(n int) []byte {
	b := builder{typ: FileExecutable, symbols: make([]sym, 0, n)}
	var text []byte
	for i := range n / 3 {
		at := uint64(len(text))
		name := fmt.Sprintf("_RNvMs%d_NtCs1234567890_6kernel4fmt_%d", i%7, i)
		b.symbols = append(b.symbols, fn("__pfx_"+name, at, 16), fn(name, at+16, 40), label(fmt.Sprintf(".Ltmp%d", i), at))
		text = append(append(text, repeat("\x90", 16)...), repeat("\xf3\xaa", 20)...)
		text = append(text, repeat("\x90", 8)...)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(b.symbols), func(i, j int) { b.symbols[i], b.symbols[j] = b.symbols[j], b.symbols[i] })
	b.parts = []part{code(".text", text), {name: ".rodata", typ: progbits, flags: flagAlloc, data: make([]byte, n*8)}}
	return b.bytes()
}

// Each step is linear: ten times the symbols take ten times as long, and Own a little more for sorting.
func benchmark(b *testing.B, f func(b *testing.B, data []byte)) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := generated(n)
			b.ReportAllocs()
			b.ResetTimer()
			f(b, data)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/symbol")
		})
	}
}

func opened(b *testing.B, data []byte) *Image {
	im, err := Open(bytes.NewReader(data), int64(len(data)), nil)
	if err != nil {
		b.Fatal(err)
	}
	return im
}

func BenchmarkOpen(b *testing.B) {
	benchmark(b, func(b *testing.B, data []byte) {
		for b.Loop() {
			opened(b, data)
		}
	})
}

func BenchmarkReadSymbols(b *testing.B) {
	benchmark(b, func(b *testing.B, data []byte) {
		for b.Loop() {
			if err := opened(b, data).ReadSymbols(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOwn(b *testing.B) {
	benchmark(b, func(b *testing.B, data []byte) {
		im := opened(b, data)
		if err := im.ReadSymbols(); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := im.Own(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	for _, portable := range []bool{false, true} {
		b.Run(fmt.Sprintf("portable=%v", portable), func(b *testing.B) {
			benchmark(b, func(b *testing.B, data []byte) {
				im := opened(b, data)
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					if _, _, err := im.Digest(portable); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkVmlinux does all of it on a real kernel.
func BenchmarkVmlinux(b *testing.B) {
	data := baseVmlinux(b)
	b.ReportAllocs()
	for b.Loop() {
		im := opened(b, data)
		if err := im.ReadSymbols(); err != nil {
			b.Fatal(err)
		}
		if _, err := im.Own(); err != nil {
			b.Fatal(err)
		}
	}
}
