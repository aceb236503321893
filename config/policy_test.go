package config

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

func mustParse(t *testing.T, text string) *Repo {
	t.Helper()
	r, err := ParseRepo("f.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func bucketNames(buckets []sizediff.Bucket) string {
	var names []string
	for _, b := range buckets {
		names = append(names, b.Name)
	}
	return strings.Join(names, " ")
}

func TestPolicyWithoutAFileIsThePreset(t *testing.T) {
	if diff := cmp.Diff(sizediff.LinuxKernel(), DefaultRepo().Policy()); diff != "" {
		t.Errorf("-LinuxKernel +Policy:\n%s", diff)
	}
}

func TestPolicyOrderOfBuckets(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "derived runtime rust c padding unattributed"},
		{"buckets: {z: {crates: z}, a: {crates: a}}", "derived runtime z a rust c padding unattributed"},
		{"buckets: {c: {language: c}, z: {crates: z}, runtime: {crates: core}}", "derived z runtime rust c padding unattributed"},
		{"buckets: {a: {crates: a}, b: {crates: b}, runtime: , z: {crates: z}, c: , y: {crates: y}}", "derived a b runtime z y rust c padding unattributed"},
		{"buckets: {z: {crates: z}, derived: , a: {crates: a}}", "z derived runtime a rust c padding unattributed"},
		{"buckets: {unattributed: {label: x}, z: {images: z}, rust: {crates: y}}", "derived runtime z rust c padding unattributed"},
	} {
		got := bucketNames(mustParse(t, "preset: generic-elf\n"+c.text).Policy().Buckets)
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestPolicyBuckets(t *testing.T) {
	p := mustParse(t, `
preset: generic-elf
buckets:
  runtime: {crates: [core, "std*"]}
  c: {label: Legacy}
  rust: {label: Rust, match: [{crates: a, images: "*.ko"}, {language: [rust, c, asm]}]}
  new: {sections: .x}
`).Policy()
	preset := genericELF()
	want := []sizediff.Bucket{
		preset[0],
		{Name: "runtime", Label: "Rust runtime", Match: []sizediff.Match{{Crates: []string{"core", "std*"}}}},
		{Name: "new", Label: "new", Match: []sizediff.Match{{Sections: []string{".x"}}}},
		{Name: "rust", Label: "Rust", Match: []sizediff.Match{
			{Crates: []string{"a"}, Images: []string{"*.ko"}},
			{Language: []sizediff.Language{sizediff.LanguageRust, sizediff.LanguageC}},
		}},
		{Name: "c", Label: "Legacy", Match: []sizediff.Match{{Language: []sizediff.Language{sizediff.LanguageC}}}},
		{Name: "padding", Label: "padding"},
		{Name: "unattributed", Label: "unattributed"},
	}
	if diff := cmp.Diff(want, p.Buckets); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPolicyBudgetsAndTolerance(t *testing.T) {
	p := mustParse(t, `
budgets:
  - {bucket: runtime, grow: 1KiB, owners: "@a", targets: x*}
  - {grow: 0.5%, path: "drivers/**"}
  - {path: "mm/**", unit: symbols, grow: 1B}
tolerance: {toolchain_change: apply}
`).Policy()
	want := []sizediff.Budget{
		{Bucket: "runtime", Targets: []string{"x*"}, Bytes: 1024, Owners: []string{"@a"}},
		{Bucket: "total", Path: "drivers/**", Percent: 0.5},
	}
	if diff := cmp.Diff(want, p.Budgets); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want := (sizediff.Tolerance{ConfigChange: true}); p.Tolerate != want {
		t.Errorf("tolerance %+v, want %+v", p.Tolerate, want)
	}
}

func TestPolicyIsACopy(t *testing.T) {
	r := mustParse(t, "buckets: {runtime: {crates: [core]}}\nbudgets: [{bucket: runtime, grow: 1B, targets: [a]}]\n")
	for range 2 {
		p := r.Policy()
		i := bucketIndex(p.Buckets, "runtime")
		if p.Buckets[i].Match[0].Crates[0] != "core" || p.Budgets[0].Targets[0] != "a" {
			t.Fatal("changing a policy changed the file")
		}
		p.Buckets[i].Match[0].Crates[0], p.Budgets[0].Targets[0] = "x", "x"
	}
}

// TestPresets holds what every preset promises: known names, a rule for each bucket but the last two, valid patterns.
func TestPresets(t *testing.T) {
	for _, preset := range []Preset{PresetLinuxKernel, PresetRustBinary, PresetRustEmbedded, PresetGenericELF} {
		buckets := presetPolicy(preset).Buckets
		if n := len(buckets); n < 3 || buckets[n-2].Name != sizediff.BucketPadding || buckets[n-1].Name != sizediff.BucketUnattributed {
			t.Errorf("%s ends in %s", preset, bucketNames(buckets))
			continue
		}
		if bucketIndex(buckets, sizediff.BucketRuntime) < 0 || bucketIndex(buckets, sizediff.BucketC) < 0 {
			t.Errorf("%s has no runtime or no c: %s", preset, bucketNames(buckets))
		}
		for i, b := range buckets {
			if bucketIndex(buckets, b.Name) != i || b.Label == "" || (len(b.Match) == 0) != isRest(b.Name) {
				t.Errorf("%s: bucket %+v", preset, b)
			}
			for _, m := range b.Match {
				for _, glob := range slices.Concat(m.Crates, m.Paths, m.Sections, m.Symbols, m.Images) {
					if _, err := path.Match(glob, ""); err != nil {
						t.Errorf("%s: bucket %s: pattern %s", preset, b.Name, glob)
					}
				}
			}
		}
	}
}

// TestPresetsOwnWhatTheyShould puts crates of real builds where a maintainer would look for them.
func TestPresetsOwnWhatTheyShould(t *testing.T) {
	for _, c := range []struct {
		preset Preset
		crate  string
		want   string
	}{
		{PresetRustBinary, "core", "runtime"},
		{PresetRustBinary, "std", "runtime"},
		{PresetRustBinary, "hashbrown", "runtime"},
		{PresetRustBinary, "panic_unwind", "runtime"},
		{PresetRustBinary, "ripgrep", "rust"},
		{PresetRustEmbedded, "compiler_builtins", "runtime"},
		{PresetRustEmbedded, "panic_probe", "runtime"},
		{PresetRustEmbedded, "defmt_rtt", "runtime"},
		{PresetRustEmbedded, "cortex_m_rt", "abstractions"},
		{PresetRustEmbedded, "embassy_executor", "abstractions"},
		{PresetRustEmbedded, "stm32f4xx_hal", "abstractions"},
		{PresetRustEmbedded, "blinky", "application"},
		{PresetGenericELF, "alloc", "runtime"},
		{PresetGenericELF, "serde", "rust"},
	} {
		if got := bucketOfCrate(presetPolicy(c.preset).Buckets, c.crate); got != c.want {
			t.Errorf("%s: %s is in %s, want %s", c.preset, c.crate, got, c.want)
		}
	}
}

// bucketOfCrate is first match wins for a Rust symbol of which only the crate is known.
func bucketOfCrate(buckets []sizediff.Bucket, crate string) string {
	for _, b := range buckets {
		for _, m := range b.Match {
			fits := func(glob string) bool { ok, _ := path.Match(glob, crate); return ok }
			if slices.ContainsFunc(m.Crates, fits) || slices.Contains(m.Language, sizediff.LanguageRust) && wholeLanguage(m) {
				return b.Name
			}
		}
	}
	return sizediff.BucketUnattributed
}
