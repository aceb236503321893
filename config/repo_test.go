package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// golden compares with a file, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(readFile(t, name)), got); diff != "" {
		t.Errorf("%s (-want +got), rewrite with -update:\n%s", name, diff)
	}
}

func TestParseRepoFull(t *testing.T) {
	got, err := ParseRepo("full.yml", readFile(t, "testdata/full.yml"))
	if err != nil {
		t.Fatal(err)
	}
	minute := Duration(time.Minute)
	want := &Repo{
		Version: 1,
		Targets: []Target{
			{Name: "x86_64-rust", Workflow: "kernel.yml", Artifact: "vmlinux-x86_64-rust", Kind: KindELF, Files: []File{
				{Path: "vmlinux", Kind: KindELF},
				{Path: "arch/x86/boot/bzImage", Kind: KindOpaque},
				{Path: "**/*.ko", Kind: KindELF, Group: "modules"},
			}, ConfigFile: "build/.config", Required: true},
			{Name: "tiny-arm64", Workflow: "kernel.yaml", Artifact: "size-*.json", Kind: KindMeasurement, ConfigFile: ".config"},
		},
		Preset: PresetLinuxKernel,
		Buckets: []Bucket{
			{Name: "runtime", Label: "Runtime of Rust", Rule: Rule{Crates: []string{"core", "alloc", "compiler_builtins", "panic_abort", "std*"}}},
			{Name: "nova", Label: "Nova", Rule: Rule{Crates: []string{"nova_core"}, Images: []string{"drivers/gpu/**"}}},
			{Name: "formatting", Match: []Rule{
				{Paths: []string{"core::fmt::*"}},
				{Symbols: []string{"*fmt*"}, Language: []string{"rust"}},
			}},
			{Name: "drivers", Label: "Rust drivers", Rule: Rule{Language: []string{"rust"}}},
			{Name: "c", Label: "C", Rule: Rule{Language: []string{"c", "asm"}}},
			{Name: "derived", Rule: Rule{Sections: []string{".orc_*", "__ksymtab*", ".BTF*", "kallsyms*", "__ex_table"}}},
			{Name: "padding", Label: "alignment"},
		},
		Attribution: AttributeBoth,
		Base: Base{Strategy: BaseMergeBase, WaitForRunning: 90 * minute, MaxAncestors: 0,
			TrustedEvents: []string{"push", "merge_group"}, Branches: []string{"main", "rust-*", "stable/*", "6.12"}},
		Budgets: []Budget{
			{Bucket: "runtime", Unit: UnitImages, Grow: Growth{Bytes: 1024}, Owners: []string{"@org/rust-size"}},
			{Bucket: "total", Unit: UnitImages, Grow: Growth{Percent: 2}},
			{Bucket: "total", Targets: []string{"tiny-*"}, Unit: UnitImages, Grow: Growth{Bytes: 512}},
			{Bucket: "total", Path: "drivers/**", Unit: UnitImages, Grow: Growth{Bytes: 8192}},
			{Bucket: "total", Path: "mm/**", Unit: UnitSymbols, Grow: Growth{Bytes: 4096}},
			{Bucket: "total", Quantity: "panic_sites", Targets: []string{"x86*"}, Unit: UnitImages, Grow: Growth{Bytes: 4, Plain: true}, Owners: []string{"@org/rust-size"}},
		},
		Ratchets: []Ratchet{{Bucket: "runtime", Targets: []string{"*"}, Headroom: Growth{Percent: 5}, Window: 30 * 24 * 60 * minute}},
		Tolerance: Tolerance{Revert: Apply, ToolchainChange: ReportOnly, ConfigChange: Apply,
			Label:     map[string]Treatment{"rust-upgrade": ReportOnly, "bulk": Unlimited},
			PathsOnly: []string{"Documentation/**", "*.md"}},
		Gate: Gate{Mode: GateEnforce, OnOverBudget: ConcludeActionRequired, OnMissingBase: ConcludeFailure,
			OnNotMeasured: ConcludeSuccess, OnApproximateBase: ConcludeActionRequired,
			Trailer: "Size-Reason", TrailerBypassesGate: true, Acceptance: AcceptHeadOnly},
		Noise: Noise{Band: Band{Bytes: 32}, MinCommentChange: 64, FoldSymbolsBelow: 0},
		Comment: Comment{When: CommentOverBudget, OnDraft: DraftNothing, Style: StyleText, MaxRows: 5, Settle: 0,
			Recreate: true, NotifyOnWorse: true, MentionOwners: true, Header: "arm"},
		Commands: Commands{Prefix: "/bytes", Accept: []string{"maintain", "team:rust-size", "owners"}, AuthorMayAccept: true, Rebuild: []string{"triage"}},
		Report:   Report{Link: LinkAuthenticated, HistoryDays: 365, Disassembly: DisassembleNone},
		Limits:   Limits{ArtifactSize: 3 << 29, UnpackedSize: 4 << 30, AnalysisTime: minute * 3 / 2},
	}
	var warnings []string
	for _, w := range got.Warnings {
		warnings = append(warnings, fmt.Sprintf("%d:%d %s", w.Line, w.Column, w.Message))
	}
	got.Warnings = nil
	if diff := cmp.Diff([]string{
		"13:18 config_file has no effect in this version: the configuration is found by its name",
		"44:39 a budget by source file is only shown: this version cannot judge it",
		"88:12 commands.rebuild has no effect in this version",
		"91:9 authenticated is not available; it is treated as none",
	}, warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("full.yml (-want +got):\n%s", diff)
	}
}

// TestFullFileIsFull holds that full.yml gives every key there is, so that the tests above cannot miss a new one.
func TestFullFileIsFull(t *testing.T) {
	d := newDecoder("full.yml")
	d.decode(readFile(t, "testdata/full.yml"), DefaultRepo())
	given := map[string]bool{}
	for path := range d.places {
		given[path[strings.LastIndex(path, ".")+1:]] = true
	}
	var walk func(reflect.Type)
	walk = func(rt reflect.Type) {
		for rt.Kind() == reflect.Slice {
			rt = rt.Elem()
		}
		if _, ok := reflect.New(rt).Interface().(scalar); ok || rt.Kind() != reflect.Struct {
			return
		}
		for _, f := range fieldsOf(rt) {
			if !given[f.name] {
				t.Errorf("full.yml has no %s", f.name)
			}
			walk(rt.FieldByIndex(f.index).Type)
		}
	}
	walk(reflect.TypeFor[Repo]())
}

func TestParseRepoDefaults(t *testing.T) {
	want := DefaultRepo()
	if want.Base.WaitForRunning != Duration(45*time.Minute) || want.Limits.UnpackedSize != 8<<30 || !want.Noise.Band.Auto {
		t.Errorf("defaults: %+v", want)
	}
	for _, text := range []string{"", "\n", "# only a comment\n", "version: 1\n", "---\nversion: 1\n", "version: 1\ntargets:\nbase:\n", "{}", "gate: {}\nbuckets: {}\n"} {
		got, err := ParseRepo("f.yml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" && text != "gate: {}\nbuckets: {}\n" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseRepoOrdinary(t *testing.T) {
	r, err := ParseRepo("ordinary.yml", readFile(t, "testdata/ordinary.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Targets[0].Required || r.Targets[0].Kind != KindELF || len(r.Budgets) != 2 || len(r.Buckets) != 0 || r.Warnings != nil {
		t.Errorf("%+v", r)
	}
}

func TestAliases(t *testing.T) {
	r, err := ParseRepo("f.yml", []byte("budgets:\n  - &b {bucket: runtime, grow: &g 1KiB}\n  - *b\n  - {bucket: total, grow: *g}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Budgets) != 3 || r.Budgets[1].Bucket != "runtime" || r.Budgets[2].Grow.Bytes != 1024 {
		t.Errorf("%+v", r.Budgets)
	}
	r.Budgets[0].Bucket = "changed"
	if r.Budgets[1].Bucket != "runtime" {
		t.Error("an alias shares memory with its anchor")
	}
}

func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("base:\n  branches: &a [" + strings.Repeat("x, ", 1000) + "x]\nbudgets:\n")
	for range 1000 {
		b.WriteString("  - {grow: 1KiB, targets: *a}\n")
	}
	_, err := ParseRepo("f.yml", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "with its aliases written out") {
		t.Errorf("got %v", err)
	}
}

func TestErrorGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r, err := ParseRepo(filepath.Base(file), readFile(t, file))
			if err == nil || r != nil {
				t.Fatal("no error")
			}
			golden(t, strings.TrimSuffix(file, ".yml")+".txt", err.Error()+"\n")
		})
	}
}

func TestTooLarge(t *testing.T) {
	_, err := ParseRepo("big.yml", []byte(strings.Repeat("#", MaxFileSize+1)))
	if want := "big.yml: the file has more than 65536 bytes\n  leave out what is not needed"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := ParseRepo("f.yml", []byte(strings.Repeat("#", MaxFileSize))); err != nil {
		t.Error(err)
	}
}

// TestFaultShowsText: what a terminal would obey, or could not show, is in no part of a fault.
func TestFaultShowsText(t *testing.T) {
	var bytes []byte
	for b := range 256 {
		if b != '\n' {
			bytes = append(bytes, byte(b))
		}
	}
	_, err := ParseRepo("a\x1b[2J\u009b.yml", bytes)
	if err == nil {
		t.Fatal("no error")
	}
	for _, r := range err.Error() {
		if r != '\n' && (r < ' ' || r > '~') {
			t.Errorf("%q is in %q", r, err)
		}
	}
}

func TestFaultInOneLine(t *testing.T) {
	_, err := ParseRepo("f.yml", []byte("\n  bukets: {}\n"))
	fault, ok := errors.AsType[Fault](err)
	if want := `f.yml:2:3: unknown key "bukets"; did you mean buckets?`; !ok || fault.Error() != want {
		t.Errorf("got %v, want %s", fault, want)
	}
}

func TestScalars(t *testing.T) {
	size := func(text string) (any, error) { var s Size; err := s.parse(text); return int64(s), err }
	growth := func(text string) (any, error) { var g Growth; err := g.parse(text); return g, err }
	band := func(text string) (any, error) { var b Band; err := b.parse(text); return b, err }
	duration := func(text string) (any, error) {
		var d Duration
		err := d.parse(text)
		return time.Duration(d), err
	}
	for _, c := range []struct {
		parse func(string) (any, error)
		text  string
		want  any // nil: an error
	}{
		{size, "0", int64(0)}, {size, "12", int64(12)}, {size, "512B", int64(512)}, {size, "8 KiB", int64(8192)},
		{size, "1.5KiB", int64(1536)}, {size, "2MiB", int64(2 << 20)}, {size, "8GiB", int64(8 << 30)}, {size, "1048576GiB", int64(1 << 50)},
		{size, "", nil}, {size, "B", nil}, {size, "KiB", nil}, {size, "-1", nil}, {size, "+1", nil}, {size, "1e3", nil}, {size, "0x10", nil},
		{size, "1.B", nil}, {size, ".5KiB", nil}, {size, "1..5KiB", nil}, {size, "0.5B", nil}, {size, "1KB", nil}, {size, "1kib", nil}, {size, "inf", nil},
		{size, "NaN", nil}, {size, "1048577GiB", nil}, {size, strings.Repeat("9", 400), nil}, {size, "1_000", nil}, {size, " 1", nil},
		{growth, "1KiB", Growth{Bytes: 1024}}, {growth, "2%", Growth{Percent: 2}}, {growth, "0.5 %", Growth{Percent: 0.5}}, {growth, "0%", Growth{}},
		{growth, "1001%", nil}, {growth, "%", nil}, {growth, "-1%", nil}, {growth, "x", nil},
		{band, "auto", Band{Auto: true}}, {band, "16B", Band{Bytes: 16}}, {band, "Auto", nil},
		{duration, "0s", time.Duration(0)}, {duration, "45m", 45 * time.Minute}, {duration, "1h30m", 90 * time.Minute}, {duration, "90d", 90 * 24 * time.Hour},
		{duration, "2w", 14 * 24 * time.Hour}, {duration, "3650d", 3650 * 24 * time.Hour},
		{duration, "", nil}, {duration, "45", nil}, {duration, "m", nil}, {duration, "1.5h", nil}, {duration, "-1h", nil}, {duration, "3651d", nil},
		{duration, "999999w", nil}, {duration, "9999999s", nil}, {duration, "1M", nil}, {duration, "1y", nil}, {duration, "1h ", nil},
	} {
		got, err := c.parse(c.text)
		if (err != nil) != (c.want == nil) || err == nil && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: got %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"buckets", "budgets", "base", "gate"}
	for word, want := range map[string]string{
		"bukets":                   "did you mean buckets?",
		"Budgets":                  "did you mean budgets?",
		"bse":                      "did you mean base?",
		"zz":                       "use one of buckets, budgets, base, gate",
		"":                         "use one of buckets, budgets, base, gate",
		strings.Repeat("x", 10000): "use one of buckets, budgets, base, gate",
	} {
		if got := suggest(word, known); got != want {
			t.Errorf("suggest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

// FuzzParseRepo: no input makes the reader panic; what it accepts can be turned into a policy; faults lie inside the file.
func FuzzParseRepo(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yml")
	errorFiles, _ := filepath.Glob("testdata/errors/*.yml")
	for _, file := range append(files, errorFiles...) {
		f.Add(readFile(f, file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRepo("f.yml", data)
		if err == nil {
			if buckets := r.Policy().Buckets; len(buckets) < len(r.Buckets) {
				t.Errorf("%d buckets in the file, %d in the policy", len(r.Buckets), len(buckets))
			}
			return
		}
		faults, ok := errors.AsType[Faults](err)
		if !ok || len(faults) == 0 || r != nil {
			t.Fatalf("error %#v with %v", err, r)
		}
		for _, fault := range faults {
			if fault.Line < 0 || fault.Line > strings.Count(string(data), "\n")+1 || fault.Line > 0 && (fault.Column < 1 || fault.Column > len([]rune(fault.Source))+1) {
				t.Errorf("fault outside of the file: %+v", fault)
			}
			if strings.ContainsAny(fault.Error(), "\n\r\x1b") || fault.Remedy == "" {
				t.Errorf("fault is not one clean line: %q", fault.Error())
			}
		}
	})
}
