package insight

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// crafted is a build of one image, made by somebody who knows what takes time.
type crafted struct {
	names []string // of symbols, which are nodes by the same numbers
	roots map[int]sizediff.Root
	edges [][2]int
}

// add adds a symbol and returns its node.
func (c *crafted) add(name string) int {
	c.names = append(c.names, name)
	return len(c.names) - 1
}

func (c *crafted) refer(from, to int) { c.edges = append(c.edges, [2]int{from, to}) }

// root makes a symbol stay by itself.
func (c *crafted) root(n int) int {
	if c.roots == nil {
		c.roots = map[int]sizediff.Root{}
	}
	c.roots[n] = sizediff.RootC
	return n
}

// measurement is the build as a server gets it: packed and read again.
func (c *crafted) measurement(t testing.TB) *sizediff.Measurement {
	t.Helper()
	im := &sizediff.Image{
		Machine: 62, Class: 64, Type: 2, Crates: []string{"", "core"},
		Sections: []sizediff.Section{{Name: ".text", Kind: sizediff.Resident, Code: true, Size: uint64(len(c.names))}},
	}
	r := &sizediff.References{Source: sizediff.RefDecoded, Rust: true}
	for i, name := range c.names {
		s := sizediff.Symbol{Name: name, Size: 1}
		if rustname.Looks(name) {
			s.How, s.Crate = sizediff.ByName, 1
		}
		im.Symbols = append(im.Symbols, s)
		r.Nodes = append(r.Nodes, sizediff.RefNode{Symbol: int32(i), Size: 1, Offset: uint64(i), Root: c.roots[i]})
	}
	slices.SortFunc(c.edges, func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	for _, e := range slices.Compact(c.edges) {
		r.Edges = append(r.Edges, sizediff.RefEdge{From: int32(e[0]), To: int32(e[1]), Count: 1})
	}
	im.References = r
	m := &sizediff.Measurement{Portable: true, Images: []sizediff.ImageFile{{Path: strings.Repeat("d/", 1000) + "vmlinux", Image: im}}}
	var b bytes.Buffer
	if err := sizediff.WriteMeasurement(&b, m); err != nil {
		t.Fatal(err)
	}
	read, err := sizediff.ReadMeasurement(&b)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// inCore is the mangled name of a function in a module of core, "" for none.
func inCore(module, name string) string {
	path := "C4core"
	if module != "" {
		path = fmt.Sprintf("NtC4core%d%s", len(module), module)
	}
	return fmt.Sprintf("_RNv%s%d%s", path, len(name), name)
}

// numbered is the name of the i-th function of core.
func numbered(i int) string { return inCore("", fmt.Sprintf("f%d", i)) }

// TestHostileBuilds explains builds that make careless readers slow: what is here by the ten thousand would take minutes or hours if
// anything looked at all of one for each of another, or at long names again and again.
func TestHostileBuilds(t *testing.T) {
	const many = 30_000
	long := strings.Repeat("n", 8<<20) // twice of it, in 30,000 comparisons, is half a terabyte
	deep := inCore("", strings.Repeat("n", 60_000))
	tests := map[string]func() *crafted{
		"a star of long names": func() *crafted {
			c := new(crafted)
			a, b := c.root(c.add(long+"a")), c.root(c.add(long+"b"))
			for i := range many {
				n := c.add(numbered(i))
				c.refer(a, n)
				c.refer(b, n)
			}
			return c
		},
		"a chain of all": func() *crafted {
			c := new(crafted)
			last := c.root(c.add("start"))
			for i := range 4 * many {
				n := c.add(numbered(i))
				c.refer(last, n)
				last = n
			}
			return c
		},
		"all of one name": func() *crafted {
			c := new(crafted)
			a := c.root(c.add("start"))
			for range many {
				c.refer(a, c.add(numbered(1)))
			}
			return c
		},
		"names of which the last is used": func() *crafted {
			c := new(crafted)
			a := c.root(c.add("start"))
			for k := range 2 {
				for i := range many {
					if n := c.add(numbered(i)); k == 1 {
						c.refer(a, n)
					}
				}
			}
			return c
		},
		"all panic, called by one with a long name": func() *crafted {
			c := new(crafted)
			a := c.root(c.add(deep))
			for i := range many {
				c.refer(a, c.add(inCore("panicking", fmt.Sprintf("f%d", i))))
			}
			return c
		},
		"ties all the way": func() *crafted {
			c := new(crafted)
			before := []int{c.root(c.add(deep + "a")), c.root(c.add(deep + "b"))}
			for i := range many / 2 {
				now := []int{c.add(numbered(2 * i)), c.add(numbered(2*i + 1))}
				for _, x := range before {
					for _, y := range now {
						c.refer(x, y)
					}
				}
				before = now
			}
			return c
		},
		"instances of one function": func() *crafted {
			c := new(crafted)
			a := c.root(c.add("start"))
			for i := range 2 * many {
				c.refer(a, c.add(fmt.Sprintf("_RINvNtC4core4iter2f1Kj%x_EC1a", i)))
			}
			return c
		},
		"a ring that nothing leads to": func() *crafted {
			c := new(crafted)
			for i := range many {
				c.refer(c.add(numbered(i)), (i+many-1)%many)
			}
			return c
		},
	}
	nothing := new(crafted)
	nothing.root(nothing.add("start"))
	for name, make := range tests {
		t.Run(name, func(t *testing.T) {
			c := make()
			base, head := nothing.measurement(t), c.measurement(t)
			r := Compare(base, head, sizediff.LinuxKernel().Buckets)
			if got := len(r.Causes.References.Arrivals); got > maxArrivals {
				t.Errorf("%d arrivals", got)
			}
			Compare(head, base, sizediff.LinuxKernel().Buckets)
			Changed(Summarize(base, sizediff.LinuxKernel().Buckets), Summarize(head, sizediff.LinuxKernel().Buckets))
			g, err := NewGraph(head)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := g.Why("head", g.Name(int32(len(c.names)-1)), 1); err != nil {
				t.Log(err)
			}
			if _, err := g.Why("head", "f", 1); err == nil {
				t.Error("f means one symbol")
			}
		})
	}
}

// FuzzExplain finds the causes between any two measurements that can be read, both ways, and asks the graph of one any name. The
// inputs are what is inside the compression, which has a checksum.
func FuzzExplain(f *testing.F) {
	unpacked := func(m *sizediff.Measurement) []byte {
		var b, out bytes.Buffer
		if err := sizediff.WriteMeasurement(&b, m); err != nil {
			f.Fatal(err)
		}
		z, err := zstd.NewReader(bytes.NewReader(b.Bytes()[len(source.ReferencesMagic):]))
		if err != nil {
			f.Fatal(err)
		}
		if _, err := out.ReadFrom(z); err != nil {
			f.Fatal(err)
		}
		return out.Bytes()
	}
	base, head := measured(f, fixture("small-base"), Examine), measured(f, fixture("small-head"), Examine)
	ring := &crafted{}
	for i := range 4 {
		ring.refer(ring.add(numbered(i)), (i+1)%4)
	}
	f.Add(unpacked(base), unpacked(head), "core::fmt::write")
	f.Add(unpacked(ring.measurement(f)), unpacked(head), "f1")
	f.Add(unpacked(measured(f, fixture("elf/x86_64.o"), Examine)), unpacked(measured(f, fixture("elf/arm.o"), Examine)), "x86_64.o:.rodata+0x1")
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		f.Fatal(err)
	}
	read := func(inside []byte) *sizediff.Measurement {
		m, err := sizediff.ReadMeasurement(bytes.NewReader(pack.EncodeAll(inside, []byte(source.ReferencesMagic))))
		if err != nil {
			return nil
		}
		return m
	}
	buckets := sizediff.LinuxKernel().Buckets
	f.Fuzz(func(t *testing.T, one, other []byte, name string) {
		base, head := read(one), read(other)
		if base == nil || head == nil || len(name) > 100 {
			return
		}
		there, back := Compare(base, head, buckets).Causes, Compare(head, base, buckets).Causes
		checkCauses(t, there, back)
		Changed(Summarize(base, buckets), Summarize(head, buckets))
		g, err := NewGraph(head)
		if err != nil {
			return
		}
		found := g.Find(name)
		for _, n := range found[:min(len(found), 4)] {
			checkChains(t, g, n, 20)
			g.explain("head", n, 3)
		}
	})
}

// checkCauses holds that going back undoes what there is to count, and that portions are of the same bytes on both ways.
func checkCauses(t *testing.T, there, back *sizediff.Causes) {
	t.Helper()
	if (there.References == nil) != (back.References == nil) || (there.Copies == nil) != (back.Copies == nil) || (there.Exports == nil) != (back.Exports == nil) {
		t.Fatal("known one way only")
	}
	if there.Copies != nil && (there.Copies.Beyond.Delta != -back.Copies.Beyond.Delta || there.Copies.Items.Delta != -back.Copies.Items.Delta) {
		t.Errorf("copies: %+v there, %+v back", there.Copies, back.Copies)
	}
	if there.References == nil {
		return
	}
	if a, b := there.References.Panics, back.References.Panics; a.Sites.Delta != -b.Sites.Delta || len(a.Functions) != len(b.Functions) {
		t.Errorf("panic call sites: %+v there, %+v back", a, b)
	}
	for i, p := range there.References.Portions {
		if q := back.References.Portions[i]; p.Used.Delta != -q.Used.Delta || p.Exported.Delta != -q.Exported.Delta || p.Linked.Delta != -q.Linked.Delta {
			t.Errorf("%s: %+v there, %+v back", p.Bucket, p, q)
		}
	}
	for _, a := range there.References.Arrivals {
		if n := len(a.Chain); n > maxSteps || n > 0 && (a.Chain[n-1].Name != a.Name || a.Chain[n-1].Image != a.Image) || a.Used > a.Bytes.Head || a.Used == 0 && a.Bytes.Delta <= 0 {
			t.Errorf("%+v", a)
		}
	}
}
