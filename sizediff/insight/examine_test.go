package insight

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// symbolized is what llvm-symbolizer says of a range of addresses, innermost first.
type symbolized struct {
	start, end uint64
	frames     []frame
}

type frame struct {
	function, file string
	line           int
}

func readTruth(t *testing.T, name string) (out []symbolized) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		var s symbolized
		if _, err := fmt.Sscanf(columns[0]+" "+columns[1], "%x %x", &s.start, &s.end); err != nil {
			t.Fatal(err)
		}
		for _, c := range columns[2:] {
			function, place, _ := strings.Cut(c, " ")
			i := strings.LastIndexByte(place, ':')
			f := frame{function: function, file: place[:i]}
			if _, err := fmt.Sscan(place[i+1:], &f.line); err != nil {
				t.Fatal(err)
			}
			s.frames = append(s.frames, f)
		}
		out = append(out, s)
	}
	return out
}

// TestLines holds that each reference of Rust code is said to be where llvm-symbolizer has it, in the function's own crate.
func TestLines(t *testing.T) {
	for _, name := range []string{"x86_64.exec", "v5.exec", "dropped.exec"} {
		path := filepath.Join("..", "debuginfo", "testdata", name)
		truth := readTruth(t, path+".truth")
		file, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		m := measured(t, path, Examine)
		im, r, checked := m.Images[0], m.Images[0].References, 0
		for _, e := range r.Edges {
			from := r.Nodes[e.From]
			if from.Symbol < 0 || im.Symbols[from.Symbol].Crate == 0 || !im.Sections[from.Section].Code {
				if e.Line != (sizediff.RefLine{}) {
					t.Errorf("%s: a line of what is no Rust code: %+v", name, e)
				}
				continue
			}
			at := file.Section(im.Sections[from.Section].Name).Addr + from.Offset + uint64(e.At)
			want := ""
			if f := ownFrame(truth, at, im.Crates[im.Symbols[from.Symbol].Crate]); f.line > 0 {
				want = fmt.Sprintf("%s:%d", f.file, f.line)
			}
			got := ""
			if l := r.Location(e.Line); l != nil {
				got = fmt.Sprintf("%s:%d", l.File, l.Line)
			}
			if checked++; got != want {
				t.Errorf("%s: %s+%#x is at %q, want %q", name, im.Symbols[from.Symbol].Name, e.At, got, want)
			}
		}
		if checked < 3 || im.Inlined == nil {
			t.Errorf("%s: %d references checked, inlined code known: %v", name, checked, im.Inlined != nil)
		}
	}
}

// ownFrame is the frame of an address in a crate, or the outermost that has a line.
func ownFrame(truth []symbolized, at uint64, crate string) (best frame) {
	for _, s := range truth {
		if at < s.start || at >= s.end {
			continue
		}
		for _, f := range s.frames {
			if f.line == 0 || f.file == "?" {
				continue
			}
			best = f
			if n, ok := rustname.Parse(f.function); ok && n.Crate == crate {
				break
			}
		}
	}
	return best
}
