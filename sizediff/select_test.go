package sizediff_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oxidometer/oxidometer/sizediff"
)

// listed writes the files of a measurement: images as they are called, with their group, others with their size.
func listed(m *sizediff.Measurement) []string {
	var out []string
	for _, f := range m.Images {
		name := f.Path
		if f.Group != "" {
			name += " in " + f.Group
		}
		out = append(out, name)
	}
	for _, o := range m.Opaque {
		out = append(out, fmt.Sprintf("%s %d", o.Path, o.Size))
	}
	return out
}

func TestSelect(t *testing.T) {
	build := makeBuild(makeImage(t, "drivers/a.ko", fn("a", 1)), makeImage(t, "drivers/net/b.ko", fn("b", 2)), makeImage(t, "vmlinux", fn("c", 3)))
	build.Opaque = []sizediff.OpaqueFile{{Path: "System.map", Size: 7}, {Path: "arch/x86/boot/bzImage", Size: 9}}
	all := []string{"drivers/a.ko", "drivers/net/b.ko", "vmlinux", "System.map 7", "arch/x86/boot/bzImage 9"}
	files := func(rules ...sizediff.FileRule) sizediff.Selection { return sizediff.Selection{Files: rules} }
	tests := []struct {
		name  string
		s     sizediff.Selection
		want  []string
		lacks string
	}{
		{"all of it", sizediff.Selection{}, all, ""},
		{"one image", files(sizediff.FileRule{Path: "vmlinux"}), []string{"vmlinux"}, ""},
		{"a group", files(sizediff.FileRule{Path: "**/*.ko", Group: "modules"}), []string{"drivers/a.ko in modules", "drivers/net/b.ko in modules"}, ""},
		{"* stays in its folder", files(sizediff.FileRule{Path: "drivers/*.ko"}), []string{"drivers/a.ko"}, ""},
		{"an image by its size", files(sizediff.FileRule{Path: "drivers/**", Opaque: true}, sizediff.FileRule{Path: "vmlinux"}),
			[]string{"vmlinux", "drivers/a.ko 4096", "drivers/net/b.ko 4096"}, ""},
		{"a file that is no image", files(sizediff.FileRule{Path: "vmlinux"}, sizediff.FileRule{Path: "arch/x86/boot/bzImage", Opaque: true}),
			[]string{"vmlinux", "arch/x86/boot/bzImage 9"}, ""},
		{"** of images takes images", files(sizediff.FileRule{Path: "**"}), all[:3], ""},
		{"the first rule counts", files(sizediff.FileRule{Path: "drivers/a.ko", Group: "first"}, sizediff.FileRule{Path: "**/*.ko", Group: "second"}),
			[]string{"drivers/a.ko in first", "drivers/net/b.ko in second"}, ""},
		{"a listed file that an earlier rule took", files(sizediff.FileRule{Path: "**/*.ko"}, sizediff.FileRule{Path: "drivers/a.ko", Group: "late"}), all[:2], ""},
		{"a pattern that fits nothing", files(sizediff.FileRule{Path: "vmlinux"}, sizediff.FileRule{Path: "**/*.so"}), []string{"vmlinux"}, ""},
		{"everything by size", sizediff.Selection{Opaque: true},
			[]string{"System.map 7", "arch/x86/boot/bzImage 9", "drivers/a.ko 4096", "drivers/net/b.ko 4096", "vmlinux 4096"}, ""},

		{"no such image", files(sizediff.FileRule{Path: "vmlinx"}, sizediff.FileRule{Path: "**"}), nil, "has no ELF image vmlinx"},
		{"an image that is none", files(sizediff.FileRule{Path: "System.map"}, sizediff.FileRule{Path: "vmlinux"}), nil, "has no ELF image System.map"},
		{"no such file", files(sizediff.FileRule{Path: "vmlinux"}, sizediff.FileRule{Path: "bzImage", Opaque: true}), nil, "has no file bzImage"},
		{"several", files(sizediff.FileRule{Path: "a"}, sizediff.FileRule{Path: "b", Opaque: true}, sizediff.FileRule{Path: "c"}), nil,
			"has no ELF image a, no ELF image c, no file b"},
		{"nothing left", files(sizediff.FileRule{Path: "**/*.so"}), nil, "has none of the files that are listed"},
		{"many", files(sizediff.FileRule{Path: "a"}, sizediff.FileRule{Path: "b"}, sizediff.FileRule{Path: "c"}, sizediff.FileRule{Path: "d"},
			sizediff.FileRule{Path: "e"}, sizediff.FileRule{Path: "f"}), nil,
			"has no ELF image a, no ELF image b, no ELF image c, no ELF image d, 2 more of the listed files are not there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := build.Select(tt.s)
			if tt.lacks != "" {
				if err == nil || err.Error() != tt.lacks || got != nil {
					t.Errorf("error %v, want %q", err, tt.lacks)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, listed(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(all, listed(build)); diff != "" {
				t.Errorf("the measurement was changed:\n%s", diff)
			}
		})
	}
}

// TestSelectLone: what a lone image is called is nobody's business.
func TestSelectLone(t *testing.T) {
	m := makeBuild(makeImage(t, "vmlinux.after", fn("a", 1)))
	m.Lone = true
	got, err := m.Select(sizediff.Selection{Files: []sizediff.FileRule{{Path: "vmlinux"}}})
	if err != nil || len(got.Images) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestSelectProperties: whatever is selected on both sides of a comparison, sums close, the other way is the mirror, and parts that
// share no file add up to the whole.
func TestSelectProperties(t *testing.T) {
	base, head := measureBuild(t, "testdata/small-base", nil), measureBuild(t, "testdata/small-head", nil)
	buckets := sizediff.LinuxKernel().Buckets
	whole := sizediff.Compare(base, head, buckets)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		var in, out []sizediff.FileRule
		for _, path := range []string{"vmlinux", "drivers/c_sample.ko", "drivers/rust_sample.ko"} {
			r := sizediff.FileRule{Path: path, Opaque: rng.IntN(4) == 0, Group: []string{"", "a", "b"}[rng.IntN(3)]}
			if rng.IntN(2) == 0 {
				in = append(in, r)
			} else {
				r.Opaque = false
				out = append(out, r)
			}
		}
		sum := sizediff.Totals{}
		for _, rules := range [][]sizediff.FileRule{in, out} {
			if len(rules) == 0 {
				continue
			}
			for _, instantiating := range []bool{false, true} {
				s := sizediff.Selection{Files: rules, Instantiating: instantiating}
				b, h := selected(t, base, s), selected(t, head, s)
				checkPair(t, b, h, buckets)
				if instantiating {
					continue
				}
				totals := sizediff.Compare(b, h, buckets).Totals
				sum.Resident, sum.Init = sum.Resident.Plus(totals.Resident), sum.Init.Plus(totals.Init)
			}
		}
		if slices.ContainsFunc(in, func(r sizediff.FileRule) bool { return r.Opaque }) {
			continue
		}
		if sum.Resident != whole.Totals.Resident || sum.Init != whole.Totals.Init {
			t.Errorf("%v and %v add up to %+v, the whole is %+v", in, out, sum, whole.Totals)
		}
	}
}

func selected(t *testing.T, m *sizediff.Measurement, s sizediff.Selection) *sizediff.Measurement {
	t.Helper()
	out, err := m.Select(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSelectInstantiating: generic code moves to the crates that instantiated it, and no byte comes or goes.
func TestSelectInstantiating(t *testing.T) {
	const generic = "_RINvCs1_4core4swapNtCs2_6kernel3FooECs3_6driver"
	m := makeBuild(makeImage(t, "vmlinux", fn(generic, 100), fn("_RNvCs2_6kernel5print", 10), fn("memcpy", 1)))
	if got := m.Images[0].Crates; !slices.Equal(got, []string{"", "core", "driver", "kernel"}) {
		t.Fatalf("crates of the image: %v", got)
	}
	crates := func(m *sizediff.Measurement) map[string]int64 {
		out := map[string]int64{}
		for _, c := range sizediff.Compare(m, m, sizediff.LinuxKernel().Buckets).Crates {
			out[c.Bucket+" "+c.Crate] = c.Head
		}
		return out
	}
	part := selected(t, m, sizediff.Selection{Instantiating: true})
	if diff := cmp.Diff(map[string]int64{"drivers driver": 100, "abstractions kernel": 10}, crates(part)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int64{"runtime core": 100, "abstractions kernel": 10}, crates(m)); diff != "" {
		t.Errorf("the measurement was changed (-want +got):\n%s", diff)
	}
	a, b := sizediff.Compare(m, m, sizediff.LinuxKernel().Buckets), sizediff.Compare(part, part, sizediff.LinuxKernel().Buckets)
	if diff := cmp.Diff(a, b, cmpopts.IgnoreFields(sizediff.Report{}, "Buckets", "Crates", "Runtime"), cmpopts.IgnoreFields(sizediff.ImageChange{}, "Buckets")); diff != "" {
		t.Errorf("more than buckets and crates changed:\n%s", diff)
	}
}

// TestImageless: files without any image are compared by their sizes.
func TestImageless(t *testing.T) {
	build := func(size int64) *sizediff.Measurement {
		return &sizediff.Measurement{Portable: true, Opaque: []sizediff.OpaqueFile{{Path: "bzImage", Size: size}}}
	}
	again, err := sizediff.ReadMeasurement(bytes.NewReader(packed(t, build(5))))
	if err != nil {
		t.Fatal(err)
	}
	sameMeasurement(t, build(5), again)
	r := compareMade(t, build(5), build(7))
	if r.State != sizediff.Changed || len(r.Opaque) != 1 || r.Opaque[0].Delta != 2 {
		t.Errorf("%s, %+v", r.State, r.Opaque)
	}
	if r := compareMade(t, build(5), build(5)); r.State != sizediff.Identical {
		t.Errorf("equal sizes are %s", r.State)
	}
}
