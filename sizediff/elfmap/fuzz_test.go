package elfmap

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
)

// small fixtures, one for each class and byte order, and each kind of file.
var small = []string{
	"asm/layout.o", "asm/layout.exec", "asm/mapping.o", "asm/special.o", "asm/special.so", "asm/tables.ko",
	"elf/arm.exec", "elf/powerpc.exec", "elf/s390x.exec", "debug/strip-all.exec",
}

func seeds(tb testing.TB) [][]byte {
	var out [][]byte
	for _, name := range small {
		out = append(out, fixture(tb, name))
	}
	for _, class := range []int{32, 64} {
		for _, big := range []bool{false, true} {
			b := builder{class: class, big: big, symbols: []sym{fn("__pfx_f", 0, 16), fn("f", 16, 10), label(".Ltmp1", 26), label("g", 26)}}
			b.parts = []part{code(".text", repeat("\x90", 40)), {name: ".rela.text", typ: TypeRela, data: b.rela(20, 2, 2, -4), info: 1},
				{name: ".rel.text", typ: TypeRel, data: b.rel(28, 2, 2), info: 1}, {name: ".bss", typ: TypeNobits, flags: flagAlloc, size: 4096},
				{name: ".symtab_shndx", typ: TypeShndx, data: make([]byte, 20), link: 5}}
			out = append(out, b.bytes())
		}
	}
	return out
}

// Any bytes: no panic, no memory that the file does not back, an error without an image, and of an image that can be read
// every byte is owned once. Reading from memory and from a file come to the same.
func FuzzImage(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			t.Skip("larger than what is worth the time")
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		inMemory := summary(t, data, true)
		fromFile := summary(t, data, false)
		runtime.ReadMemStats(&after)
		if inMemory != fromFile {
			t.Errorf("in memory\n%s\nfrom a file\n%s", inMemory, fromFile)
		}
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(4<<20+100*len(data)); used > most {
			t.Errorf("%d bytes allocated for a file of %d", used, len(data))
		}
		checkFuzzed(t, data)
	})
}

// summary does all that can be done with an image, and says what came of it.
func summary(t *testing.T, data []byte, inMemory bool) string {
	im, err := openAs(data, inMemory)
	if err != nil {
		if im != nil {
			t.Error("an image and an error")
		}
		return err.Error()
	}
	d, contents, err := im.Digest(true)
	if err != nil {
		return err.Error()
	}
	if _, again, err := im.Digest(false); err != nil || len(again) != len(contents) {
		t.Errorf("%d digests of contents and %d, %v", len(contents), len(again), err)
	}
	if err := im.ReadSymbols(); err != nil {
		if im.Symbols != nil {
			t.Error("symbols and an error")
		}
		return err.Error()
	}
	m, err := im.Own()
	if err != nil {
		return err.Error()
	}
	relocs := 0
	for i := range im.Sections {
		err := im.Relocs(i, func(r Reloc) {
			if s := &im.Sections[i]; r.Offset >= s.Size && (!s.Compressed() || s.Alloc()) {
				t.Errorf("a relocation at %#x of section %d", r.Offset, i)
			}
			relocs++
		})
		if err != nil {
			return err.Error()
		}
	}
	ranges := 0
	for i := range m.Tilings {
		ranges += len(m.Tilings[i].Ranges)
	}
	return fmt.Sprintf("%x %d %d symbols %d ranges %d aliases %d relocations", d, contents, len(im.Symbols), ranges, len(m.Aliases), relocs)
}

// checkFuzzed holds the properties of an image, if it is one.
func checkFuzzed(t *testing.T, data []byte) {
	im, err := openAs(data, true)
	if err != nil || im.ReadSymbols() != nil {
		return
	}
	for i := range im.Symbols {
		im.FileName(&im.Symbols[i])
	}
	m, err := im.Own()
	if err != nil {
		t.Fatal(err)
	}
	checkMap(t, im, m)
	for i := range m.Tilings {
		tl := &m.Tilings[i]
		var claims []Claim
		for k := range uint64(8) {
			claims = append(claims, Claim{Start: tl.Size / 8 * k, End: tl.Size / 4 * k, Owner: int32(k), Class: ClassFree})
		}
		tl.Claim(claims)
		checkTiling(t, tl)
	}
	if !bytes.Equal(im.bytes, data) {
		t.Error("the file was changed")
	}
}
