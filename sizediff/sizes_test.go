package sizediff_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// TestSizesAreTheReports: a build's sizes are what a comparison says of it, whole or image by image.
func TestSizesAreTheReports(t *testing.T) {
	policy := sizediff.LinuxKernel()
	byImage := append([]sizediff.Bucket{{Name: "modules", Match: []sizediff.Match{{Images: []string{"**/*.ko"}}}}}, policy.Buckets...)
	for _, buckets := range [][]sizediff.Bucket{policy.Buckets, byImage, nil} {
		for _, m := range builds(t) {
			r := sizediff.Compare(m, m, buckets)
			s := sizediff.SizesOf(m, buckets, "")
			want := sizediff.Sizes{Resident: r.Totals.Resident.Head, Buckets: map[string]int64{}, Fingerprint: r.Head.Fingerprint, Options: s.Options}
			for _, b := range r.Buckets {
				want.Buckets[b.Name] = b.Resident.Head
			}
			if d := cmp.Diff(want, s); d != "" {
				t.Errorf("%s (-report +sizes):\n%s", m.Label, d)
			}
			sum := int64(0)
			for _, im := range r.Images {
				sum += sizediff.SizesOf(m, buckets, im.Path).Of(sizediff.BucketTotal)
			}
			if sum != s.Resident {
				t.Errorf("%s: its images have %d bytes, it has %d", m.Label, sum, s.Resident)
			}
			text, err := json.Marshal(s)
			var back sizediff.Sizes
			if err == nil {
				err = json.Unmarshal(text, &back)
			}
			if d := cmp.Diff(s, back); d != "" || err != nil {
				t.Errorf("read back: error %v\n%s", err, d)
			}
		}
	}
}

func TestMadeAlike(t *testing.T) {
	made := func(rustc, config, options string) sizediff.Sizes {
		s := sizediff.Sizes{Options: options, Fingerprint: sizediff.Fingerprint{Rustc: []string{}, CC: []string{}, LD: []string{}, ConfigSHA256: config}}
		if rustc != "" {
			s.Fingerprint.Rustc = []string{rustc}
		}
		return s
	}
	for _, c := range []struct {
		name                 string
		a, b                 sizediff.Sizes
		tools, config, alike bool
	}{
		{"equal", made("1.86", "a", "o"), made("1.86", "a", "o"), false, false, true},
		{"no configuration", made("1.86", "", ""), made("1.86", "", ""), false, false, true},
		{"nothing known", made("", "", ""), made("", "", ""), false, false, false},
		{"one does not say", made("1.86", "a", "o"), made("", "", ""), false, false, false},
		{"another compiler", made("1.86", "a", "o"), made("1.87", "a", "o"), true, false, false},
		{"another option", made("1.86", "a", "o"), made("1.86", "b", "p"), false, true, false},
		{"another version text", made("1.86", "a", "o"), made("1.86", "b", "o"), false, false, false},
	} {
		if got := [3]bool{c.a.OtherTools(c.b), c.a.OtherConfig(c.b), c.a.MadeAlike(c.b)}; got != [3]bool{c.tools, c.config, c.alike} {
			t.Errorf("%s: other tools, other configuration, alike: %v", c.name, got)
		}
	}
}

func TestRulesDigest(t *testing.T) {
	bucket := func(name, label string, crates ...string) []sizediff.Bucket {
		return []sizediff.Bucket{{Name: name, Label: label, Match: []sizediff.Match{{Crates: crates}}}}
	}
	digest := sizediff.RulesDigest(bucket("runtime", "Rust runtime", "core", "alloc"), sizediff.Selection{})
	if sizediff.RulesDigest(bucket("runtime", "Runtime", "core", "alloc"), sizediff.Selection{}) != digest {
		t.Error("a label changes the digest")
	}
	for _, other := range [][]sizediff.Bucket{bucket("rt", "", "core", "alloc"), bucket("runtime", "", "core"), bucket("runtime", "", `core","alloc`), nil} {
		if sizediff.RulesDigest(other, sizediff.Selection{}) == digest {
			t.Errorf("%+v has the digest of other rules", other)
		}
	}
	for _, part := range []sizediff.Selection{{Opaque: true}, {Instantiating: true}, {Files: []sizediff.FileRule{{Path: "vmlinux"}}}} {
		if sizediff.RulesDigest(bucket("runtime", "", "core", "alloc"), part) == digest {
			t.Errorf("%+v has the digest of the whole", part)
		}
	}
}

func BenchmarkSizesOf(b *testing.B) {
	m := measureBuild(b, "../bot/demo/builds/fmtgrowth/kernel.oxm", nil)
	buckets := sizediff.LinuxKernel().Buckets
	for b.Loop() {
		sizediff.SizesOf(m, buckets, "")
	}
}
