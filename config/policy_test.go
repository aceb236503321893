package config

import (
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

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
  - {quantity: panic_sites, grow: 4, owners: "@a"}
  - {quantity: duplicates, grow: 512B, targets: x*}
  - {quantity: used_runtime, grow: 2%}
  - {quantity: exports, grow: 512}
tolerance: {toolchain_change: apply}
`).Policy()
	want := []sizediff.Budget{
		{Bucket: "runtime", Targets: []string{"x*"}, Bytes: 1024, Owners: []string{"@a"}},
		{Bucket: "total", Path: "drivers/**", Percent: 0.5},
		{Bucket: "total", Path: "mm/**", Sources: true, Bytes: 1},
		{Quantity: "panic_sites", Bytes: 4, Owners: []string{"@a"}},
		{Quantity: "duplicates", Targets: []string{"x*"}, Bytes: 512},
		{Quantity: "used_runtime", Percent: 2},
		{Quantity: "exports", Bytes: 512},
	}
	if diff := cmp.Diff(want, p.Budgets); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want := (sizediff.Tolerance{ConfigChange: true}); p.Tolerate != want {
		t.Errorf("tolerance %+v, want %+v", p.Tolerate, want)
	}
}

// TestQuantitiesOfTheSchema: the file knows the quantities that can be judged, and no bucket of a preset has the name of one.
func TestQuantitiesOfTheSchema(t *testing.T) {
	var want []string
	for _, q := range sizediff.Quantities() {
		want = append(want, string(q))
	}
	fields := fieldsOf(reflect.TypeFor[Budget]())
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == "quantity" })
	if diff := cmp.Diff(want, fields[i].enum); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, preset := range []Preset{PresetLinuxKernel, PresetRustBinary, PresetRustEmbedded, PresetGenericELF} {
		for _, b := range presetPolicy(preset).Buckets {
			if sizediff.Quantity(b.Name).Known() {
				t.Errorf("%s has a bucket %s", preset, b.Name)
			}
		}
	}
}

func TestPolicyOfTheOtherKeys(t *testing.T) {
	p := mustParse(t, `
ratchets:
  - {bucket: runtime, headroom: 5%}
  - {headroom: 1KiB, window: 2w, targets: [x*]}
gate: {trailer_bypasses_gate: true}
noise: {band: 32B}
`).Policy()
	want := []sizediff.Ratchet{
		{Bucket: "runtime", Percent: 5, Window: 90 * 24 * time.Hour},
		{Bucket: "total", Targets: []string{"x*"}, Bytes: 1024, Window: 14 * 24 * time.Hour},
	}
	if diff := cmp.Diff(want, p.Ratchets); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !p.TrailerBypasses || p.NoiseBytes != 32 {
		t.Errorf("trailer bypasses: %v, noise %d B", p.TrailerBypasses, p.NoiseBytes)
	}
	if p := mustParse(t, "noise: {band: auto}").Policy(); p.NoiseBytes != 0 || p.Noise != nil {
		t.Errorf("an automatic band is not the file's: %+v", p)
	}
}

func TestRenderGate(t *testing.T) {
	if got, want := DefaultRepo().RenderGate(), (sizediff.Gate{OverBudget: "failure", MissingBase: "neutral", NotMeasured: "neutral", ApproximateBase: "neutral"}); got != want {
		t.Errorf("default: %+v, want %+v", got, want)
	}
	got := mustParse(t, "gate: {mode: enforce, on_over_budget: action_required, on_missing_base: failure, on_not_measured: success, on_approximate_base: action_required}").RenderGate()
	if want := (sizediff.Gate{Enforce: true, OverBudget: "action_required", MissingBase: "failure", NotMeasured: "success", ApproximateBase: "action_required"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestExemption(t *testing.T) {
	for treatment, want := range map[Treatment]*sizediff.Exemption{Apply: nil, ReportOnly: {Reason: "r"}, Unlimited: {Reason: "r", Unlimited: true}} {
		if diff := cmp.Diff(want, treatment.Exemption("r")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", treatment, diff)
		}
	}
}

// TestWeaker changes one key at a time, to and fro: one direction is weaker, the other is not.
func TestWeaker(t *testing.T) {
	for _, c := range []struct{ strict, loose, want string }{
		{"gate: {mode: enforce}", "", "gate.mode goes from enforce to report"},
		{"", "gate: {on_over_budget: action_required}", "gate.on_over_budget goes from failure to action_required"},
		{"gate: {on_missing_base: failure}", "", "gate.on_missing_base goes from failure to neutral"},
		{"", "gate: {on_not_measured: success}", "gate.on_not_measured goes from neutral to success"},
		{"gate: {on_approximate_base: action_required}", "gate: {on_approximate_base: success}", "gate.on_approximate_base goes from action_required to success"},
		{"", "gate: {trailer_bypasses_gate: true}", "gate.trailer_bypasses_gate goes from false to true"},
		{"gate: {acceptance: head_only}", "", "gate.acceptance goes from head_only to carry_if_not_larger"},
		{"tolerance: {revert: apply}", "", "tolerance.revert goes from apply to unlimited"},
		{"tolerance: {toolchain_change: apply}", "", "tolerance.toolchain_change goes from apply to report_only"},
		{"tolerance: {config_change: apply}", "", "tolerance.config_change goes from apply to report_only"},
		{"", "tolerance: {label: {a b: unlimited, c: apply}}", "tolerance.label a b goes from apply to unlimited"},
		{"tolerance: {label: {a: report_only}}", "tolerance: {label: {a: unlimited}}", "tolerance.label a goes from report_only to unlimited"},
		{"", `tolerance: {paths_only: ["*.c"]}`, "tolerance.paths_only gains *.c"},
		{"noise: {band: 8B}", "noise: {band: 32B}", "noise.band goes from 8B to 32B"},
		{"", "commands: {accept: [write, triage]}", "commands.accept gains triage"},
		{"", "commands: {accept: [write, owners]}", "commands.accept gains owners"},
		{
			"commands: {accept: owners}\nbudgets: [{grow: 1B}, {bucket: runtime, grow: 1B, owners: '@a'}]",
			"commands: {accept: owners}\nbudgets: [{bucket: runtime, grow: 1B, owners: ['@A', '@org/b']}, {grow: 1B}]", "budgets[0].owners gains @org/b",
		},
		{"", "commands: {author_may_accept: true}", "commands.author_may_accept goes from false to true"},
		{"base: {trusted_events: [push]}", "base: {trusted_events: [push, schedule]}", "base.trusted_events gains schedule"},
		{"targets: [{name: a}, {name: b}]", "targets: [{name: a}]", "target b is removed"},
		{"targets: [{name: a}]", "targets: [{name: a, required: false}]", "target a is no longer required"},
		{"", "targets: [{name: a}]", "only the targets of the list are measured"},
	} {
		strict, loose := mustParse(t, c.strict), mustParse(t, c.loose)
		if diff := cmp.Diff([]string{c.want}, Weaker(strict, loose)); diff != "" {
			t.Errorf("%q to %q (-want +got):\n%s", c.strict, c.loose, diff)
		}
		for _, same := range [][2]*Repo{{loose, strict}, {strict, strict}, {loose, loose}} {
			if got := Weaker(same[0], same[1]); got != nil {
				t.Errorf("%q and %q: stricter or equal is called weaker: %q", c.strict, c.loose, got)
			}
		}
	}
	for _, c := range []struct{ old, new, want string }{
		{"", "noise: {band: 32B}", "noise.band goes from auto to 32B"},
		{"commands: {accept: owners}", "commands: {accept: owners}\nbudgets: [{grow: 1B, owners: '@a'}]", "budgets[0].owners gains @a"},
		{
			"commands: {accept: owners}\nbudgets: [{quantity: exports, grow: 1, owners: '@a'}]",
			"commands: {accept: owners}\nbudgets: [{quantity: duplicates, grow: 1, owners: '@a'}]", "budgets[0].owners gains @a",
		},
		{"noise: {band: 32B}", "", "noise.band goes from 32B to auto"},
		{"", "buckets: {runtime: {crates: core}}", "the rules of runtime change"},
		{"", "buckets: {nova: {crates: nova}}", "the rules of the buckets change"},
		{"", "preset: generic-elf", "the rules of the buckets change"},
	} {
		if diff := cmp.Diff([]string{c.want}, Weaker(mustParse(t, c.old), mustParse(t, c.new))); diff != "" {
			t.Errorf("%q to %q (-want +got):\n%s", c.old, c.new, diff)
		}
	}
	if got := Weaker(DefaultRepo(), mustParse(t, "budgets: [{grow: 1B, owners: '@a'}]")); got != nil {
		t.Errorf("an owner who may not accept: %q", got)
	}
	if got := Weaker(DefaultRepo(), mustParse(t, "buckets: {runtime: {label: Runtime}}")); got != nil {
		t.Errorf("another label: %q", got)
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
