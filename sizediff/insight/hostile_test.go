package insight

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
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
			for i := range 8 * many {
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
