package main

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

// causesOfFmtgrowth are the functions of the patch that lead to a path of the runtime, as reading it tells.
var causesOfFmtgrowth = map[string][]string{
	"core::slice::sort":            {"sort_all"},                               // sort_unstable and its like
	"core::ops::function":          {"sort_all"},                               // Entry's lt, as the sort's argument
	"core::slice":                  {"sort_all"},                               // binary_search_by_key
	"core::time":                   {"sort_all"},                               // a Duration is printed
	"core::panicking::panic_const": {"sort_all"},                               // which divides
	"core::net":                    {"parse_all"},                              // an IpAddr is parsed and printed
	"core::str::pattern":           {"parse_all"},                              // split, split_once
	"core::unicode::unicode_data":  {"shout"},                                  // cases, is_alphabetic, is_numeric
	"core::char":                   {"shout"},                                  // ToUppercase
	"core::fmt::num":               {"parse_all", "sort_all"},                  // {n:?} and {b:x?}
	"core::fmt":                    {"parse_all", "sort_all", "shout", "init"}, // all of them print, and init prints shout's characters
}

// endOfTable: shout compares a pointer with the end of an array of characters, and there begins the table by which a u16 is printed
// in sort_all. What the address stands for is nothing that an image says.
func endOfTable(x sizediff.Arrival) bool {
	return slices.Contains([]string{"<&u16 as core::fmt::Debug>::fmt", "<u16 as core::fmt::Display>::fmt", "<u16 as core::fmt::UpperHex>::fmt"}, x.Name)
}

// TestCausesOfFmtgrowth: each path of the runtime that the patch brings in or uses for the first time is ascribed to the function of
// the patch that does so, by a chain that begins in the module's own code.
func TestCausesOfFmtgrowth(t *testing.T) {
	builds := filepath.Join("..", "..", "bot", "demo", "builds")
	out := filepath.Join(t.TempDir(), "report.json")
	a := &app{stdout: os.Stdout, stderr: os.Stderr}
	if code := a.run([]string{"diff", filepath.Join(builds, "base", "kernel.oxm"), filepath.Join(builds, "fmtgrowth", "kernel.oxm"), "--insight", "--format", "json", "-o", out}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report sizediff.Report
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	seen, sorting := map[string]bool{}, int64(0)
	for _, x := range report.Causes.References.Arrivals {
		if x.Bucket != sizediff.BucketRuntime {
			continue
		}
		if strings.HasPrefix(x.Path, "core::slice::sort") {
			sorting += x.Bytes.Delta
		}
		path, want := causeOfPath(x.Path)
		by := patchFunction(x.Chain)
		if !slices.Contains(want, by) && !(endOfTable(x) && by == "shout") {
			t.Errorf("%s under %s, %+d B, is ascribed to %q, want one of %q: %+v", x.Name, x.Path, max(x.Bytes.Delta, x.Used), by, want, x.Chain)
		}
		seen[path] = true
	}
	for path := range causesOfFmtgrowth {
		if !seen[path] {
			t.Errorf("nothing arrived under %s", path)
		}
	}
	// nm -S of rust_minimal.ko: 20 functions of 27,493 B, each with a prefix of 16.
	if sorting != 27_813 {
		t.Errorf("sorting grew by %d B, want 27,813", sorting)
	}
	for _, p := range report.Runtime {
		if known, _ := causeOfPath(p.Path); p.Base == 0 && p.Head > 0 && !seen[known] {
			t.Errorf("nobody brought the new path %s in", p.Path)
		}
	}
}

// causeOfPath looks for the closest path of which the causes are known.
func causeOfPath(path string) (known string, functions []string) {
	for path != "" {
		if f := causesOfFmtgrowth[path]; f != nil {
			return path, f
		}
		path = path[:max(strings.LastIndex(path, "::"), 0)]
	}
	return "", nil
}

// patchFunction is the last function of a chain that the patch wrote; init was there before.
func patchFunction(chain []sizediff.Step) (name string) {
	for i, s := range chain {
		switch f, ours := strings.CutPrefix(s.Name, "rust_minimal::"); {
		case s.Image != "samples/rust/rust_minimal.ko" && i == 0:
			return "" // the chain does not begin in the module
		case ours:
			name = f
		case s.Name == "<rust_minimal::RustMinimal as kernel::Module>::init":
			name = cmp.Or(name, "init")
		}
	}
	return name
}
