package insight

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

func mergeTails(t testing.TB, im *elfmap.Image, owners *elfmap.Map, scope Scope) *TailMerging {
	t.Helper()
	m, err := MergeTails(im, owners, scope)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTailFixture is the end that tail1 and tail2 of testdata/src/twins.c share.
func TestTailFixture(t *testing.T) {
	for _, name := range []string{"x86_64-a.o", "x86_64.exec", "aarch64-a.o", "aarch64.exec"} {
		im, owners := icfFixture(t, name)
		m := mergeTails(t, im, owners, WholeImage)
		i := slices.IndexFunc(m.Tails, func(x Tail) bool {
			return strings.HasSuffix(im.Symbols[x.Sites[0].Symbol].Name, "a_tail1")
		})
		if i < 0 {
			t.Errorf("%s: the common end of tail1 and tail2 is not found", name)
			continue
		}
		x := m.Tails[i]
		if n := im.Symbols[x.Sites[1].Symbol].Name; n != "a_tail2" || x.Ending != EndsInJump || x.Bytes <= jumpSize[im.Machine] {
			t.Errorf("%s: tail1 shares %+v with %s", name, x, n)
		}
	}
}

func checkTails(t *testing.T, path string, im *elfmap.Image, m *TailMerging) {
	t.Helper()
	var saves uint64
	for _, x := range m.Tails {
		if len(x.Sites) < 2 || x.Saves != uint64(len(x.Sites)-1)*(x.Bytes-jumpSize[im.Machine]) || x.Saves == 0 {
			t.Errorf("%s: %d sites of %d bytes save %d", path, len(x.Sites), x.Bytes, x.Saves)
		}
		saves += x.Saves
		for _, s := range x.Sites {
			f := &im.Symbols[s.Symbol]
			if from := im.Offset(f); s.Start < from || s.Start+x.Bytes > from+f.Size || int(f.Section) != s.Section {
				t.Errorf("%s: the end of %s is outside of it", path, f.Name)
			}
		}
	}
	if saves != m.Saves || m.Return+m.Jump+m.Trap != m.Saves || m.Saves > m.Judged {
		t.Errorf("%s: tails save %d, in all %d of %d", path, saves, m.Saves, m.Judged)
	}
}

// TestTailsAreBest compares the saving on random code with that of the best plan, which is a largest spanning tree: every
// site but one of each tree jumps into the one that it has most in common with. The order of sites does not count.
func TestTailsAreBest(t *testing.T) {
	const jump = 5
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		x := &tails{program: &program{functions: make([]function, 1)}}
		for range 1 + r.IntN(6) {
			s := shape{size: uint8(1 + r.IntN(7))}
			if r.IntN(8) == 0 {
				s.back = int32(-r.IntN(20))
			}
			x.shapes = append(x.shapes, s)
		}
		for range 1 + r.IntN(12) {
			first := len(x.code)
			for range 1 + r.IntN(12) {
				x.code = append(x.code, uint32(r.IntN(len(x.shapes))))
			}
			x.sites = append(x.sites, site{first: first, end: len(x.code), stop: 1000})
		}
		want := spanningTree(x, jump)
		var got [2]TailMerging
		x.report(&got[0], jump)
		r.Shuffle(len(x.sites), func(i, j int) { x.sites[i], x.sites[j] = x.sites[j], x.sites[i] })
		x.report(&got[1], jump)
		if got[0].Saves != want || got[1].Saves != want || len(got[0].Tails) != len(got[1].Tails) {
			t.Fatalf("seed %d: tails save %d, in another order %d, at best %d", seed, got[0].Saves, got[1].Saves, want)
		}
	}
}

// spanningTree is Prim's algorithm, over what each two sites save.
func spanningTree(t *tails, jump uint64) (sum uint64) {
	best := make([]uint64, len(t.sites))
	in := make([]bool, len(t.sites))
	for at, n := 0, 1; n < len(t.sites); n++ {
		in[at] = true
		next := -1
		for i := range t.sites {
			if in[i] {
				continue
			}
			if c := t.common(&t.sites[at], &t.sites[i]); c > jump {
				best[i] = max(best[i], c-jump)
			}
			if next < 0 || best[i] > best[next] {
				next = i
			}
		}
		sum += best[next]
		at = next
	}
	return sum
}

// TestTailBorders is what may be a common end: jumps inside of it, none to before its start or behind its end.
func TestTailBorders(t *testing.T) {
	shapes := []shape{{size: 1}, {size: 2, back: -3}, {size: 2, ahead: 2}, {size: 3}, {size: 2, ahead: 5}}
	for _, c := range []struct {
		a, b []uint32
		want uint64
	}{
		{[]uint32{0}, []uint32{0}, 1},
		{[]uint32{0}, []uint32{3}, 0},
		{[]uint32{3, 0, 0}, []uint32{0, 0, 0}, 2},
		{[]uint32{0, 3, 1, 0}, []uint32{3, 3, 1, 0}, 6}, // back over the 3 bytes before it
		{[]uint32{0, 0, 1, 0}, []uint32{3, 0, 1, 0}, 1}, // back to what is not common
		{[]uint32{3, 2, 0}, []uint32{0, 2, 0}, 3},       // ahead, to the last
		{[]uint32{3, 4, 0}, []uint32{0, 4, 0}, 1},       // ahead, to behind the end
		{[]uint32{0, 0}, []uint32{0, 0}, 2},
		{nil, []uint32{0}, 0},
	} {
		x := &tails{shapes: shapes, code: append(slices.Clone(c.a), c.b...)}
		a, b := site{first: 0, end: len(c.a)}, site{first: len(c.a), end: len(x.code)}
		if got := x.common(&a, &b); got != c.want {
			t.Errorf("%v and %v have %d bytes in common, want %d", c.a, c.b, got, c.want)
		}
	}
}
