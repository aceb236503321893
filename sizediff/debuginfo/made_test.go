package debuginfo

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

const tagUnit = 0x11

// Abbreviations of the made units: a unit of C, a unit of Rust, and in it a namespace, functions and inlined code.
const (
	isC = iota + 1
	isRust
	isNamespace
	isNamed    // an abstract function with a linkage name
	isNameless // an abstract function without
	isFunction
	isNear // inlined, of the same unit
	isFar  // inlined, of another
)

func madeForms() []byte {
	return bytes.Join([][]byte{
		form(isC, tagUnit, 1, attrLanguage, formData1),
		form(isRust, tagUnit, 1, attrLanguage, formData2, attrName, formString),
		form(isNamespace, tagNamespace, 1, attrName, formString),
		form(isNamed, tagSubprogram, 0, attrLinkage, formString, attrInline, formData1),
		form(isNameless, tagSubprogram, 0, attrName, formString, attrInline, formFlagPresent),
		form(isFunction, tagSubprogram, 1, attrLow, formAddr, attrHigh, formUdata, attrLinkage, formString),
		form(isNear, tagInlined, 1, attrOrigin, formRefUdata, attrLow, formAddr, attrHigh, formData4),
		form(isFar, tagInlined, 0, attrOrigin, formRefAddr, attrLow, formAddr, attrHigh, formAddr),
		{0},
	}, nil)
}

// madeInfo is a unit of C, one of Rust as the issue wants it read, and another of C. Of the function of 0x80 bytes 0x20 are a
// core function's, of which 0x8 are an inner one's that has no linkage name, and 0x10 are C.
func madeInfo(version uint16, wide bool, gap int) []byte {
	d := &dwarf{wide: wide}
	end := d.unit(version, 0)
	d.u8(isC, 0x0c)
	c := d.Len()
	d.u8(isNameless)
	d.text("rust_helper_lock")
	d.WriteString(strings.Repeat("\xff", 50)) // nobody reads it
	end()
	d.Write(make([]byte, 4*gap))

	start := d.Len()
	end = d.unit(version, 0)
	d.u8(isRust, languageRust, 0)
	d.text("drivers/x.rs/@/x.1f0c-cgu.0")
	d.u8(isNamed)
	named := d.Len() - 1 - start
	d.text("_RNvNtNtCs0_4core5slice4iter4next")
	d.u8(1, isNamespace)
	d.text("kernel")
	d.u8(isNamespace)
	d.text("sync")
	d.u8(isNamespace)
	d.text("{impl#0}")
	d.u8(isNameless)
	nameless := d.Len() - 1 - start
	d.text("rust_fmt")
	d.u8(0, 0, 0)
	function := func(at uint64) {
		d.u8(isFunction)
		d.u64(at)
		d.uleb(0x80)
		d.text("_RNvCs0_1x5probe")
	}
	function(codeStart)
	d.u8(isNear)
	d.uleb(uint64(named))
	d.u64(codeStart + 0x10)
	d.u32(0x20)
	d.u8(isNear)
	d.uleb(uint64(nameless))
	d.u64(codeStart + 0x18)
	d.u32(8)
	d.u8(0, 0, isFar)
	d.offset(uint64(c))
	d.u64(codeStart + 0x40)
	d.u64(codeStart + 0x50)
	d.u8(0)
	function(0) // dropped by the linker
	d.u8(0, 0)
	end()

	end = d.unit(version, 0)
	d.u8(isC, 0x1d)
	end()
	return d.Bytes()
}

func madeImage(info []byte) []byte {
	return elfOf(part{".text", make([]byte, 0x100), true}, part{".debug_info", info, false}, part{".debug_abbrev", madeForms(), false})
}

// TestMade has by hand what compilers at hand do not write: 64-bit DWARF, gaps between units, C inlined into Rust, a function
// without a linkage name.
func TestMade(t *testing.T) {
	want := &Inlining{Code: 0x80, List: []Inlined{
		{"core::slice::iter", "core", "x", "x", 0x18},
		{"", "", "x", "x", 0x10},
		{"kernel::sync", "kernel", "x", "x", 8},
	}}
	for _, version := range []uint16{3, 4, 5} {
		for _, wide := range []bool{false, true} {
			for _, gap := range []int{0, 3} {
				in, err := Read(openImage(t, madeImage(madeInfo(version, wide, gap))))
				if err != nil {
					t.Fatal(err)
				}
				got, err := in.Inlined()
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("DWARF %d, wide %v, %d gaps: %s", version, wide, gap, d)
				}
			}
		}
	}
}

// TestCutShort holds that whatever is missing at the end is said, and that nothing else comes of it.
func TestCutShort(t *testing.T) {
	whole := madeInfo(4, false, 0)
	for n := range whole {
		in, err := Read(openImage(t, madeImage(whole[:n])))
		if err == nil {
			_, err = in.Inlined()
		}
		if _, ok := err.(*NotKnown); err != nil && !ok {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for _, c := range []struct {
		change func(b []byte)
		want   string
	}{
		{func(b []byte) { b[4] = 6 }, "its debug information is DWARF 6, which is not known here"},
		{func(b []byte) { b[0] = 0xff }, "its debug information is damaged: a unit ends behind the last"},
		{func(b []byte) { b[6] = 0xff }, "its debug information is damaged: a unit refers to abbreviations that there are not"},
		{func(b []byte) { b[10] = 3 }, "its debug information is damaged: a unit has no header"},
		{func(b []byte) { b[11] = 99 }, "its debug information is damaged: the first entry of a unit has no form"},
	} {
		b := madeInfo(4, false, 0)
		c.change(b)
		if _, err := Read(openImage(t, madeImage(b))); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// unitsOfC makes units of C whose children take so many bytes each.
func unitsOfC(units, children int) []byte {
	d := &dwarf{}
	for range units {
		end := d.unit(5, 0)
		d.u8(isC, 0x1d)
		d.WriteString(strings.Repeat("\xff", children))
		end()
	}
	return d.Bytes()
}

// TestSkipping holds that a unit of C costs the same however large it is, and that no more of it is held than its head.
func TestSkipping(t *testing.T) {
	cost := func(children int) (work int, held uint64) {
		in, err := Read(openImage(t, madeImage(unitsOfC(100, children))))
		if err != nil {
			t.Fatal(err)
		}
		return maxWork - in.work, in.held - uint64(len(madeForms()))
	}
	work, held := cost(1000)
	if w, h := cost(100000); w != work || h != held || held > 100*headSize {
		t.Errorf("100 units cost %d and hold %d bytes, when larger %d and %d", work, held, w, h)
	}
}

func BenchmarkSkipping(b *testing.B) {
	for _, children := range []int{1000, 10000} {
		data := madeImage(unitsOfC(2400, children))
		b.Run(fmt.Sprintf("units=2400/bytes=%d", children), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				im, err := elfmap.Open(nil, 0, data)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := Read(im); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkInlined(b *testing.B) {
	im := openImage(b, readFile(b, "../testdata/debug/full.exec"))
	b.ReportAllocs()
	for b.Loop() {
		in, err := Read(im)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := in.Inlined(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestManyRanges asks for every byte of code of which every other has a range, and of which much is inlined ever deeper. If it took a look at
// all of these for each, that would take minutes.
func TestManyRanges(t *testing.T) {
	const many, deep = 200_000, maxDepth - 10
	const isUnit, isSplit, isDeep = 1, 2, 3
	forms := bytes.Join([][]byte{
		form(isUnit, tagUnit, 1, attrLanguage, formData2, attrLow, formAddr, attrRanges, formSecOffset),
		form(isSplit, tagSubprogram, 1, attrLinkage, formString, attrRanges, formSecOffset),
		form(isDeep, tagInlined, 1, attrOrigin, formUdata, attrRanges, formSecOffset),
		{0},
	}, nil)
	ranges, info := &dwarf{}, &dwarf{}
	for i := range uint64(many) {
		ranges.u64(codeStart + 2*i)
		ranges.u64(codeStart + 2*i + 1)
	}
	ranges.u64(0)
	ranges.u64(0)
	none := uint32(ranges.Len() - 16)
	end := info.unit(4, 0)
	info.u8(isUnit, languageRust, 0)
	info.u64(0)
	info.u32(0)
	info.u8(isSplit)
	info.text("_RNvCs0_1x5probe")
	info.u32(none)
	for i := range deep {
		info.u8(isDeep, 0)
		if i < deep-1 {
			info.u32(none)
		} else {
			info.u32(0)
		}
	}
	info.Write(make([]byte, deep+2))
	end()
	in, err := Read(openImage(t, elfOf(part{".text", make([]byte, 2*many), true}, part{".debug_info", info.Bytes(), false},
		part{".debug_abbrev", forms, false}, part{".debug_ranges", ranges.Bytes(), false})))
	if err != nil {
		t.Fatal(err)
	}
	lines := in.Lines()
	for i := range uint64(many) {
		if got, err := lines.At(1, 2*i+1); got != nil || err != nil {
			t.Fatalf("line of what no unit has: %v, %v", got, err)
		}
		if _, err := lines.At(1, 2*i); err != nil {
			break // all of it takes too long to tell, which is an answer
		}
	}
}
