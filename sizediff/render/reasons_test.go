package render

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

func chainStep(bucket, name string) sizediff.Step {
	return sizediff.Step{Name: name, Image: "vmlinux", Bucket: bucket}
}

// TestOrigin holds whom the first reference is ascribed to: the last of the chain that is neither runtime nor abstraction.
func TestOrigin(t *testing.T) {
	const rt, ab, dr, c = sizediff.BucketRuntime, sizediff.BucketAbstractions, sizediff.BucketDrivers, sizediff.BucketC
	item := chainStep(rt, "core::x")
	for _, x := range []struct {
		chain   []sizediff.Step
		name    string
		through string
	}{
		{nil, "", ""},
		{[]sizediff.Step{item}, "", ""},
		{[]sizediff.Step{chainStep(dr, "d::f"), item}, "d::f", ""},
		{[]sizediff.Step{chainStep(c, "start"), chainStep(dr, "d::f"), chainStep(ab, "kernel::g"), {}, chainStep(rt, "core::h"), item}, "d::f", "kernel::g core::h"},
		{[]sizediff.Step{chainStep(c, "start"), chainStep(ab, "kernel::g"), item}, "start", "kernel::g"},
		{[]sizediff.Step{chainStep(ab, "kernel::g"), chainStep(rt, "core::h"), item}, "kernel::g", "core::h"},
		{[]sizediff.Step{chainStep(rt, "core::h"), item}, "", ""},
		{[]sizediff.Step{{Image: "vmlinux"}, item}, "", ""},
	} {
		o := originOf(&sizediff.Arrival{Chain: x.chain})
		if o.name != x.name || strings.Join(o.through, " ") != x.through {
			t.Errorf("%v: %q through %q, want %q through %q", x.chain, o.name, o.through, x.name, x.through)
		}
	}
}

// TestCommonOrigin holds that nobody is named for what others brought in, and that those of most bytes stand first.
func TestCommonOrigin(t *testing.T) {
	from := func(by string, bytes, used int64, through ...string) *sizediff.Arrival {
		chain := []sizediff.Step{chainStep(sizediff.BucketDrivers, by)}
		for _, x := range through {
			chain = append(chain, chainStep(sizediff.BucketRuntime, x))
		}
		return &sizediff.Arrival{Bytes: sizediff.NewChange(0, bytes), Used: used, Chain: append(chain, chainStep(sizediff.BucketRuntime, "core::x"))}
	}
	unknown := &sizediff.Arrival{Bytes: sizediff.NewChange(0, 999)}
	for _, x := range []struct {
		list []*sizediff.Arrival
		want string
	}{
		{nil, ""},
		{[]*sizediff.Arrival{unknown}, ""},
		{[]*sizediff.Arrival{from("d::f", 1, 0, "core::h"), unknown}, "d::f, through core::h"},
		{[]*sizediff.Arrival{from("d::f", 1, 0, "core::h"), from("d::f", 2, 0, "core::g")}, "d::f, through core::g"},
		{[]*sizediff.Arrival{from("d::f", 1, 0), from("d::f", 2, 0, "core::g")}, "d::f, through core::g"},
		{[]*sizediff.Arrival{from("d::f", 3, 0, "core::h"), from("d::g", 2, 0), from("d::g", 2, 0)}, "d::g and d::f"},
		{[]*sizediff.Arrival{from("d::f", 0, 3), from("d::g", 0, 3)}, "d::f and d::g"},
		{[]*sizediff.Arrival{from("d::f::<u8>", 1, 0), from("d::f::<u16>", 1, 0)}, "d::f::<_>"},
		{[]*sizediff.Arrival{from("a", 5, 0), from("b", 4, 0), from("c", 3, 0), from("d", 2, 0), from("e", 1, 0)}, "a, b, c and 2 others"},
	} {
		got := ""
		if o := commonOrigin(x.list); o.known() {
			got = o.words(plainVoice)
		}
		if got != x.want {
			t.Errorf("%q, want %q", got, x.want)
		}
	}
}

// TestOriginAfter holds what is said of an origin below another.
func TestOriginAfter(t *testing.T) {
	f := origin{name: "d::f", image: "d.ko"}
	through, also, line := f, f, f
	through.through = []string{"core::g", "core::h"}
	also.also = []symbolPlace{{"d::g", "d.ko"}}
	line.location = &sizediff.Location{File: "d.rs", Line: 8}
	elsewhere := also
	elsewhere.also = []symbolPlace{{"d::g", "e.ko"}}
	for _, x := range []struct {
		last, o origin
		want    string
	}{
		{origin{}, f, "d::f in d.ko"},
		{f, f, "the same"},
		{f, through, "the same, through core::g"},
		{through, f, "the same, directly"},
		{through, through, "the same"},
		{f, also, "d::f and d::g in d.ko"},
		{also, also, "the same"},
		{origin{}, elsewhere, "d::f and d::g"},
		{origin{}, line, "d::f in d.rs:8"},
		{f, line, "the same in d.rs:8"},
		{line, line, "the same"},
	} {
		if got := x.o.after(x.last, plainVoice); got != x.want {
			t.Errorf("%q, want %q", got, x.want)
		}
	}
}

// TestCausesAreCountedOnce: a symbol belongs to the path that it counts to, which its name need not begin with.
func TestCausesAreCountedOnce(t *testing.T) {
	r := newReport(deltas{"runtime": 700}, 0, 0)
	s := symbol(sizediff.BucketRuntime, "core", "<char>::escape_debug_ext", 0, 600)
	s.Name, s.Attribution = "_RNvMNtNtCs1_4core4char7methodsc16escape_debug_ext", sizediff.ByName.String()
	r.Symbols = append(r.Symbols, symbol(sizediff.BucketRuntime, "core", "core::a::f", 0, 100), s)
	r.Runtime = []sizediff.PathChange{
		{Path: "core::a", Change: sizediff.NewChange(0, 100)}, {Path: "core::char::methods", Change: sizediff.NewChange(0, 600)},
	}
	list, more := causes(r, maxCauses)
	if len(list) != 2 || more != 0 || list[0].path != "core::char::methods" || len(list[0].parts) != 1 || list[1].path != "core::a" {
		t.Errorf("%+v and %d more", list, more)
	}
}

// TestWholeTrees: a path that came with all that is below it is one cause; one that has something older below it is not.
func TestWholeTrees(t *testing.T) {
	paths := []sizediff.PathChange{
		{Path: "core::sort::shared", Change: sizediff.NewChange(0, 1)}, {Path: "core::sort::shared::old", Change: sizediff.NewChange(1, 1)},
		{Path: "core::sort::shared::pivot", Change: sizediff.NewChange(0, 1)},
		{Path: "core::sort::unstable", Change: sizediff.NewChange(0, 1)}, {Path: "core::sort::unstable::heap::x", Change: sizediff.NewChange(0, 1)},
		{Path: "core::sort::unstable2", Change: sizediff.NewChange(0, 1)}, {Path: "core::sort::other", Change: sizediff.NewChange(1, 0)},
	}
	trees := wholeTrees(paths, "new")
	for path, want := range map[string]string{
		"core::sort::shared": "core::sort::shared", "core::sort::shared::pivot": "core::sort::shared::pivot",
		"core::sort::unstable": "core::sort::unstable", "core::sort::unstable::heap::x": "core::sort::unstable", "core::sort::unstable2": "core::sort::unstable2",
	} {
		if got := trees.top(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestWithoutArguments(t *testing.T) {
	for name, want := range map[string]string{
		"":                                  "",
		"f":                                 "f",
		"core::sort::<u8, <u8 as Ord>::lt>": "core::sort::<_>",
		"a::<fn() -> u8>::b::<c::<d>>::e":   "a::<_>::b::<_>::e",
		"<Vec<u8>>::push":                   "<Vec<u8>>::push",
		"broken::<":                         "broken::<",
		"broken::<a<b>":                     "broken::<a<b>",
	} {
		if got := withoutArguments(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestPanicLine(t *testing.T) {
	function := func(name string, base, head int64) sizediff.FunctionPanics {
		return sizediff.FunctionPanics{Name: name, Sites: sizediff.NewChange(base, head)}
	}
	for _, x := range []struct {
		base, head int64
		functions  []sizediff.FunctionPanics
		want       string
	}{
		{41, 41, nil, "no new panic paths (41 call sites before and after)"},
		{0, 0, nil, "no new panic paths (0 call sites before and after)"},
		{41, 42, []sizediff.FunctionPanics{function("a", 3, 1), function("b::<u8>", 0, 2), function("c", 0, 1)}, "1 more panic call site (41 → 42): b::<_> +2, c +1"},
		{1_496, 1_400, []sizediff.FunctionPanics{function("a", 96, 0)}, "96 fewer panic call sites (1,496 → 1,400): a -96"},
		{5, 5, []sizediff.FunctionPanics{function("a", 3, 0), function("b", 0, 3)}, "as many panic call sites as before, in other functions (5 → 5): b +3"},
		{0, 20, []sizediff.FunctionPanics{function("a", 0, 7), function("b::<u8>", 0, 4), function("b::<u16>", 0, 4), function("c", 0, 3), function("d", 0, 1), function("e", 0, 1)},
			"20 more panic call sites (0 → 20): b::<_> +8, a +7, c +3, 2 more"},
	} {
		if got := panicLine(sizediff.PanicChange{Sites: sizediff.NewChange(x.base, x.head), Functions: x.functions}, plainVoice); got != x.want {
			t.Errorf("%q, want %q", got, x.want)
		}
	}
}

// manyReasons is a report with more causes than there is room for, from one place or from several.
func manyReasons(shared bool) *sizediff.Report {
	r := newReport(deltas{"runtime": 2100}, 0, 0)
	for i := range int64(6) {
		r.Symbols = append(r.Symbols, symbol(sizediff.BucketRuntime, "core", fmt.Sprintf("core::m%d::f", i), 0, 600-100*i))
	}
	causedBy(r, 7, nil, chainStep(sizediff.BucketDrivers, "d::f"))
	a := r.Causes.References.Arrivals
	if !shared {
		a[1].Chain[0] = chainStep(sizediff.BucketDrivers, "d::g")
	}
	used := a[5]
	used.Name, used.Path, used.Bytes, used.Used = "core::old", "core", sizediff.NewChange(50, 50), 50
	r.Causes.References.Arrivals = append(a, used)
	r.Causes.Inlined = &sizediff.InlinedCauses{Runtime: sizediff.NewChange(100, 145), List: []sizediff.InlinedChange{}}
	return r
}

// TestReasons holds how many lines there are, and what becomes of causes that come from one place.
func TestReasons(t *testing.T) {
	for _, shared := range []bool{true, false} {
		r := manyReasons(shared)
		for limit := 3; limit <= maxCauses; limit++ {
			x := reasonsOf(r, limit, plainVoice)
			lines := x.lines(plainVoice)
			if len(lines) != limit || x.title != "Why the runtime grew" || len(x.causes)+x.more != 6 {
				t.Errorf("%d of %d lines, %d causes and %d more: %q", len(lines), limit, len(x.causes), x.more, lines)
			}
		}
		text := strings.Join(reasonsOf(r, maxCauses, plainVoice).lines(plainVoice), "\n")
		for s, want := range map[string]bool{
			"first reference: d::f": false, // there is room for one cause only
			"core::m0::f is new, +600 B; first referenced by d::f\ncore::m1::f is new, +500 B; first referenced by the same\n": shared,
			"core::m0::f is new, +600 B; first referenced by d::f":                                                             true,
			"50 B of the runtime were there before and are used for the first time: core 50 B; first by d::f":                  true,
			"inlined into other code, and counted there: 100 → 145 B (+45) of the runtime":                                     true,
			"no new panic paths (7 call sites before and after)":                                                               true,
		} {
			if strings.Contains(text, s) != want {
				t.Errorf("shared %v: %q in it: %v\n%s", shared, s, !want, text)
			}
		}
	}
	r := manyReasons(true)
	r.Causes.Inlined = nil
	r.Causes.References.Arrivals = r.Causes.References.Arrivals[:6]
	if lines := reasonsOf(r, maxCauses, plainVoice).lines(plainVoice); lines[3] != "first reference: d::f" || len(lines) != maxCauses {
		t.Errorf("%q", lines)
	}
	r = manyReasons(true)
	for i := range r.Causes.References.Arrivals {
		a := &r.Causes.References.Arrivals[i]
		a.Kept, a.Chain, a.Used = "exported", []sizediff.Step{}, 0
	}
	if lines := reasonsOf(r, maxCauses, plainVoice).lines(plainVoice); lines[0] != "core::m0::f is new, +600 B; nothing in this build uses it" {
		t.Errorf("%q", lines)
	}
	r = newReport(deltas{}, 0, 0)
	if x := reasonsOf(r, maxCauses, plainVoice); x.title != "" {
		t.Errorf("reasons for nothing: %+v", x)
	}
}
