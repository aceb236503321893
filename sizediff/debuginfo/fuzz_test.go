package debuginfo

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzRead: any debug information gives numbers that the code can hold, or a reason why there are none; the same ones each time,
// and for no more memory than its size justifies. Sections that only hold tables share two inputs.
func FuzzRead(f *testing.F) {
	f.Add(madeInfo(4, false, 1), madeForms(), []byte{}, []byte{}, []byte{})
	f.Add(madeInfo(5, true, 0), madeForms(), []byte{}, []byte{}, []byte{})
	for _, name := range []string{"x86_64.exec", "v5.exec", "dropped.exec", "cross.so"} {
		im := openImage(f, readFile(f, "testdata/"+name))
		get := func(names ...string) (out []byte) {
			for _, n := range names {
				if i := im.Find(n); i != 0 {
					b, err := im.Data(i)
					if err != nil {
						f.Fatal(err)
					}
					out = append(out, b...)
				}
			}
			return out
		}
		f.Add(get(".debug_info"), get(".debug_abbrev"), get(".debug_line"), get(".debug_ranges", ".debug_rnglists"), get(".debug_str"))
	}
	f.Fuzz(func(t *testing.T, info, abbrevs, line, lists, texts []byte) {
		size := len(info) + len(abbrevs) + len(line) + len(lists) + len(texts)
		if size > 1<<16 {
			t.Skip("larger than what is worth the time")
		}
		image := elfOf(
			part{".text", make([]byte, 0x100), true}, part{".debug_info", info, false}, part{".debug_abbrev", abbrevs, false},
			part{".debug_line", line, false}, part{".debug_ranges", lists, false}, part{".debug_rnglists", lists, false},
			part{".debug_addr", lists, false}, part{".debug_str_offsets", lists, false}, part{".debug_str", texts, false},
			part{".debug_line_str", texts, false})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		inlined, lines := examine(t, image)
		runtime.ReadMemStats(&after)
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+1000*size); used > most {
			t.Errorf("%d bytes allocated for %d", used, size)
		}
		again, linesAgain := examine(t, image)
		if d := cmp.Diff(inlined, again) + cmp.Diff(lines, linesAgain); d != "" {
			t.Error(d)
		}
		if inlined == nil {
			return
		}
		sum := int64(0)
		for _, row := range inlined.List {
			sum += row.Bytes
		}
		if sum > inlined.Code || inlined.Code > 0x100 {
			t.Errorf("%d of %d bytes are inlined", sum, inlined.Code)
		}
	})
}

// examine asks for all there is. Nothing is nil when it is not known.
func examine(t *testing.T, image []byte) (inlined *Inlining, lines [][]Line) {
	in, err := Read(openImage(t, bytes.Clone(image)))
	if err == nil {
		if inlined, err = in.Inlined(); err != nil {
			inlined = nil
		}
	}
	checkReason(t, err)
	if in == nil {
		return nil, nil
	}
	all := in.Lines()
	for off := uint64(0); off < 0x100; off += 5 {
		l, err := all.At(1, off)
		if err != nil {
			checkReason(t, err)
			break // the others would fail in the same way, each at the cost of reading all again
		}
		lines = append(lines, l)
	}
	return inlined, lines
}

func checkReason(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*NotKnown](err); err != nil && !ok {
		t.Errorf("%v is no reason", err)
	}
}
