package insight_test
import ("testing";"time";"fmt";"os";"strings")
func TestProbe(t *testing.T) {
	g := readGraph(t, os.Getenv("B"))
	t0 := time.Now()
	for _, q := range strings.Split(os.Getenv("Q"), ";") {
		a, err := g.Why("b", q, 5)
		fmt.Println(time.Since(t0))
		if err != nil { fmt.Println(err); continue }
		fmt.Printf("%+v\nkept %v ret %+v unexp %+v panics %d more %d\n", a.Symbol, a.Keeping, a.Retained, a.Unexported, a.Panics, a.MoreChains)
		for _, c := range a.Chains { fmt.Println("chain"); for _, x := range c { fmt.Println("   ", x.Image, x.Demangled, x.Size, x.Root, x.References, x.At) } }
		fmt.Println("callers"); for i, x := range a.Callers { if i<12 {fmt.Println("   ", x.Image, x.Demangled, x.Size, x.References, x.At)} }
		fmt.Println("callees"); for i, x := range a.Callees { if i<12 {fmt.Println("   ", x.Image, x.Demangled, x.Size, x.References, x.At)} }
		fmt.Println(a.Images)
	}
	n := map[string]int{}; sz := map[string]uint64{}
	for i := range g.Nodes { n[g.Nodes[i].Root.String()+fmt.Sprint(g.Nodes[i].Kind)]++ ; sz[g.Nodes[i].Root.String()]+= g.Nodes[i].Size}
	fmt.Println(n, sz, len(g.Nodes), len(g.Panics()))
}
