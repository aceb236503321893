package coderef

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

func openImage(t testing.TB, name string) *elfmap.Image {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	im, err := elfmap.Open(nil, 0, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := im.ReadSymbols(); err != nil {
		t.Fatal(err)
	}
	return im
}

var (
	line     = regexp.MustCompile(`^ *([0-9a-f]+):\s+(\S+)\s*(.*)$`)
	target   = regexp.MustCompile(`([0-9a-f]+) <[^>]+>$|# ([0-9a-f]+)`)
	distance = regexp.MustCompile(`(-?\d+)(?: <[^>]+>)?$`)
	calls    = regexp.MustCompile(`^(jal|jalr|bl|bla|bcl|bdnzl|bras|brasl)$`)
	branches = regexp.MustCompile(`^(b[a-z0-9]*|j[a-z]*|cl?g?[ir]j[a-z]+)$`)
)

// disassembled reads what a disassembler says about references that it resolves by itself, by address.
func disassembled(t *testing.T, m elfmap.Machine, name string) map[uint64]Ref {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	refs, before := map[uint64]Ref{}, ""
	for l := range strings.Lines(string(text)) {
		f := line.FindStringSubmatch(strings.TrimSpace(l))
		if f == nil {
			continue
		}
		at, op := number(t, f[1], 16), f[2]
		r := Ref{At: at, Kind: Address}
		switch {
		case calls.MatchString(op):
			r.Kind = Call
		case branches.MatchString(op):
			r.Kind = Jump
		case before == "lui":
			r.Kind = Number
		}
		before = op
		if m == elfmap.MachineLoongArch { // counts from the instruction; pcaddi in words
			d := distance.FindStringSubmatch(f[3])
			if d == nil || r.Kind == Address && op != "pcaddi" || op == "jirl" {
				continue
			}
			r.Target = at + number(t, d[1], 10)
			if op == "pcaddi" {
				r.Target = at + number(t, d[1], 10)*4
			}
		} else {
			d := target.FindStringSubmatch(f[3])
			if d == nil {
				continue
			}
			r.Target = number(t, d[1]+d[2], 16)
		}
		refs[at] = r
	}
	return refs
}

func number(t *testing.T, s string, base int) uint64 {
	t.Helper()
	n, err := strconv.ParseInt(s, base, 64)
	if err != nil {
		t.Fatal(err)
	}
	return uint64(n)
}

// TestForms decodes code that has every form of a reference. A disassembler has said where most of them lead, the relocations
// of the linker say it for pairs.
func TestForms(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		text, relocationOnly int
	}{
		{"riscv64", 46, 1}, {"loongarch64", 21, 22}, {"powerpc64le", 34, 23}, {"s390x", 57, 0},
	} {
		im := openImage(t, "forms/"+tt.name+".exec")
		section := im.Find(".text")
		code, err := im.Data(section)
		if err != nil {
			t.Fatal(err)
		}
		want, known := disassembled(t, im.Machine, "forms/"+tt.name+".txt"), relocations(t, im, section)
		byRelocation := 0
		Scan(im.Machine, code, im.Sections[section].Addr, func(r Ref) {
			held := false
			for _, x := range known {
				held = held || x.holds(r, im.Machine)
			}
			w, told := want[r.At]
			switch w.High = r.High; {
			case told && r != w:
				t.Errorf("%s: %+v, the disassembler says %+v", tt.name, r, w)
			case !told && !held:
				t.Errorf("%s: %+v, which nobody says", tt.name, r)
			case !told:
				byRelocation++
			}
			delete(want, r.At)
			tt.text--
		})
		for _, r := range want {
			t.Errorf("%s: no reference %+v", tt.name, r)
		}
		if tt.text += byRelocation; tt.text != 0 || byRelocation != tt.relocationOnly {
			t.Errorf("%s: %d references told by the disassembler too few, %d by relocations alone", tt.name, tt.text, byRelocation)
		}
		if c := compare(t, im, im, []function{{"all", section, 0, uint64(len(code))}}); len(c.missing) > 0 {
			t.Errorf("%s: no reference for the relocations %+v", tt.name, c.missing)
		}
	}
}
