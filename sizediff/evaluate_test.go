package sizediff_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// grown is a report by hand: the runtime from 1,000 to 1,100 bytes, C from 9,000 to 8,950, in two images.
func grown() *sizediff.Report {
	bucket := func(name string, base, head int64) sizediff.BucketChange {
		return sizediff.BucketChange{Name: name, Label: name, Resident: sizediff.NewChange(base, head)}
	}
	image := func(path string, runtime, c sizediff.Change) sizediff.ImageChange {
		return sizediff.ImageChange{Path: path, Totals: sizediff.Totals{Resident: runtime.Plus(c)}, Buckets: []sizediff.BucketChange{
			{Name: "runtime", Resident: runtime}, {Name: "c", Resident: c}}}
	}
	return &sizediff.Report{
		State:   sizediff.Changed,
		Totals:  sizediff.Totals{Resident: sizediff.NewChange(10_000, 10_050)},
		Buckets: []sizediff.BucketChange{bucket("runtime", 1_000, 1_100), bucket("c", 9_000, 8_950), bucket("unattributed", 0, 0)},
		Images: []sizediff.ImageChange{
			image("vmlinux", sizediff.NewChange(1_000, 1_040), sizediff.NewChange(8_000, 7_950)),
			image("drivers/net/a.ko", sizediff.NewChange(0, 60), sizediff.NewChange(1_000, 1_000)),
		},
	}
}

func TestBudgets(t *testing.T) {
	type result struct {
		Delta, Limit int64
		Status       sizediff.BudgetStatus
	}
	tests := []struct {
		name   string
		budget sizediff.Budget
		want   *result // nil: it does not apply to the target
	}{
		{"a bucket, within", sizediff.Budget{Bucket: "runtime", Bytes: 101}, &result{100, 101, sizediff.BudgetWithin}},
		{"exactly the limit", sizediff.Budget{Bucket: "runtime", Bytes: 100}, &result{100, 100, sizediff.BudgetWithin}},
		{"one byte over", sizediff.Budget{Bucket: "runtime", Bytes: 99}, &result{100, 99, sizediff.BudgetOver}},
		{"no growth at all", sizediff.Budget{Bucket: "runtime"}, &result{100, 0, sizediff.BudgetOver}},
		{"shrinks", sizediff.Budget{Bucket: "c"}, &result{-50, 0, sizediff.BudgetWithin}},
		{"must shrink, and does", sizediff.Budget{Bucket: "c", Bytes: -50}, &result{-50, -50, sizediff.BudgetWithin}},
		{"must shrink more", sizediff.Budget{Bucket: "c", Bytes: -51}, &result{-50, -51, sizediff.BudgetOver}},
		{"total", sizediff.Budget{Bucket: sizediff.BucketTotal, Bytes: 49}, &result{50, 49, sizediff.BudgetOver}},
		{"total without a name", sizediff.Budget{Bytes: 50}, &result{50, 50, sizediff.BudgetWithin}},
		{"a bucket that is not there", sizediff.Budget{Bucket: "nova"}, &result{0, 0, sizediff.BudgetWithin}},
		{"percent, within", sizediff.Budget{Bucket: "runtime", Percent: 10}, &result{100, 100, sizediff.BudgetWithin}},
		{"percent, over: the limit is rounded down", sizediff.Budget{Bucket: "runtime", Percent: 9.99}, &result{100, 99, sizediff.BudgetOver}},
		{"percent of total", sizediff.Budget{Percent: 0.29}, &result{50, 29, sizediff.BudgetOver}},
		{"percent of nothing", sizediff.Budget{Bucket: "runtime", Path: "drivers/**", Percent: 50}, &result{60, 0, sizediff.BudgetOver}},
		{"percent without bounds", sizediff.Budget{Percent: math.MaxFloat64}, &result{50, math.MaxInt64, sizediff.BudgetWithin}},
		{"percent that is no number", sizediff.Budget{Percent: math.NaN()}, &result{50, 0, sizediff.BudgetOver}},
		{"path", sizediff.Budget{Bucket: "runtime", Path: "vmlinux", Bytes: 40}, &result{40, 40, sizediff.BudgetWithin}},
		{"path with **", sizediff.Budget{Path: "drivers/**", Bytes: 59}, &result{60, 59, sizediff.BudgetOver}},
		{"path with * stays in its folder", sizediff.Budget{Path: "drivers/*", Bytes: 0}, &result{0, 0, sizediff.BudgetWithin}},
		{"path of all modules", sizediff.Budget{Path: "**/*.ko", Bytes: 60}, &result{60, 60, sizediff.BudgetWithin}},
		{"target", sizediff.Budget{Targets: []string{"arm64*", "x86_64-*"}, Bytes: 1}, &result{50, 1, sizediff.BudgetOver}},
		{"another target", sizediff.Budget{Targets: []string{"arm64*"}, Bytes: 1}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := grown()
			got := sizediff.Evaluate("x86_64-rust", r, sizediff.Policy{Budgets: []sizediff.Budget{tt.budget}}).Budgets
			if tt.want == nil {
				if len(got) != 0 {
					t.Errorf("%+v, want none", got)
				}
				return
			}
			if len(got) != 1 || (result{got[0].Delta, got[0].Limit, got[0].Status}) != *tt.want {
				t.Fatalf("%+v, want %+v", got, *tt.want)
			}
			over := 0
			for _, f := range r.Findings {
				if f.Rule == sizediff.RuleOverBudget && f.Severity == sizediff.Error && f.Delta == tt.want.Delta {
					over++
				}
			}
			if want := map[bool]int{true: 1}[tt.want.Status == sizediff.BudgetOver]; over != want {
				t.Errorf("%d findings of a budget, want %d", over, want)
			}
		})
	}
}

// TestBudgetOfKernelSize: percentages of sizes as large as a kernel's are exact, where 64-bit floats are not.
func TestBudgetOfKernelSize(t *testing.T) {
	for base, want := range map[int64]int64{10_000: 29, 100_000: 290, 1 << 40: 3_188_583_720, 7_000_000_000_000_007: 20_300_000_000_000} {
		r := grown()
		r.Totals.Resident = sizediff.NewChange(base, base)
		if got := sizediff.Evaluate("", r, sizediff.Policy{Budgets: []sizediff.Budget{{Percent: 0.29}}}).Budgets[0].Limit; got != want {
			t.Errorf("0.29 %% of %d is %d, want %d", base, got, want)
		}
	}
}

func TestUsed(t *testing.T) {
	for _, tt := range []struct{ delta, limit, want int64 }{{0, 100, 0}, {-5, 100, 0}, {1, 3, 33}, {3, 3, 100}, {4, 3, 133}, {1, 0, 100}, {0, 0, 0}, {7, -1, 100}} {
		if got := (sizediff.BudgetResult{Delta: tt.delta, Limit: tt.limit}).Used(); got != tt.want {
			t.Errorf("%d of %d is used to %d %%, want %d", tt.delta, tt.limit, got, tt.want)
		}
	}
}

// TestSuspended holds when budgets are shown and not applied.
func TestSuspended(t *testing.T) {
	toolchain := func(r *sizediff.Report) { r.State = sizediff.ToolchainChanged }
	config := func(r *sizediff.Report) { r.Config = []sizediff.OptionChange{{Option: "CONFIG_SMP", Base: "y"}} }
	version := func(r *sizediff.Report) {
		r.Config = []sizediff.OptionChange{{Option: "CONFIG_RUSTC_VERSION", Base: "1", Head: "2", Version: true}}
	}
	tests := []struct {
		name     string
		change   func(*sizediff.Report)
		tolerate sizediff.Tolerance
		want     sizediff.BudgetStatus
	}{
		{"nothing changed", func(*sizediff.Report) {}, sizediff.Tolerance{ToolchainChange: true, ConfigChange: true}, sizediff.BudgetOver},
		{"toolchain, tolerated", toolchain, sizediff.Tolerance{ToolchainChange: true}, sizediff.BudgetSuspended},
		{"toolchain, not tolerated", toolchain, sizediff.Tolerance{ConfigChange: true}, sizediff.BudgetOver},
		{"configuration, tolerated", config, sizediff.Tolerance{ConfigChange: true}, sizediff.BudgetSuspended},
		{"configuration, not tolerated", config, sizediff.Tolerance{ToolchainChange: true}, sizediff.BudgetOver},
		{"only versions in the configuration", version, sizediff.Tolerance{ToolchainChange: true, ConfigChange: true}, sizediff.BudgetOver},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := grown()
			tt.change(r)
			got := sizediff.Evaluate("", r, sizediff.Policy{Budgets: []sizediff.Budget{{Bytes: 1}}, Tolerate: tt.tolerate})
			if got.Budgets[0].Status != tt.want {
				t.Errorf("%s, want %s", got.Budgets[0].Status, tt.want)
			}
		})
	}
	r := grown()
	r.State = sizediff.NotCompared
	if got := sizediff.Evaluate("", r, sizediff.Policy{Budgets: []sizediff.Budget{{Bytes: 1}}}); got.Budgets != nil {
		t.Errorf("budgets of what was not compared: %+v", got.Budgets)
	}
}

// TestFindings holds every rule: when it fires, how severe it is, what it says.
func TestFindings(t *testing.T) {
	tests := []struct {
		name   string
		change func(*sizediff.Report)
		want   []string
	}{{
		"the runtime grows", func(*sizediff.Report) {},
		[]string{"warning runtime-growth +100: the Rust runtime grows by 100 B to 1,100 B"},
	}, {
		"the runtime shrinks", func(r *sizediff.Report) { r.Buckets[0].Resident = sizediff.NewChange(1_000, 999) }, nil,
	}, {
		"only its init part grows", func(r *sizediff.Report) {
			r.Buckets[0].Resident, r.Buckets[0].Init = sizediff.NewChange(5, 5), sizediff.NewChange(0, 9)
		}, nil,
	}, {
		"new paths, gone paths, paths that grow", func(r *sizediff.Report) {
			r.Buckets[0].Resident = sizediff.Change{}
			r.Runtime = []sizediff.PathChange{
				{Path: "core::fmt::float", Change: sizediff.NewChange(0, 12_345)}, {Path: "core::num", Change: sizediff.NewChange(9, 0)},
				{Path: "core::str", Change: sizediff.NewChange(5, 6)}, {Path: "core::zero", Change: sizediff.NewChange(0, 0)},
			}
		}, []string{"note new-runtime-path +12345: core::fmt::float is new in this build, 12,345 B"},
	}, {
		"std, once for all buckets", func(r *sizediff.Report) {
			r.Crates = []sizediff.CrateChange{{Bucket: "runtime", Crate: "std", Change: sizediff.NewChange(0, 300)}, {Bucket: "derived", Crate: "std", Change: sizediff.NewChange(0, 40)}}
			r.Buckets[0].Resident = sizediff.Change{}
		}, []string{"error std-linked +340: crate std is linked, 340 bytes; a kernel has no std: find the crate that asks for it"},
	}, {
		"std is gone", func(r *sizediff.Report) {
			r.Crates = []sizediff.CrateChange{{Crate: "std", Change: sizediff.NewChange(300, 0)}}
			r.Buckets[0].Resident = sizediff.Change{}
		}, nil,
	}, {
		"toolchain changed, and mixed", func(r *sizediff.Report) {
			r.State = sizediff.ToolchainChanged
			r.Base.Fingerprint = sizediff.Fingerprint{Rustc: []string{"1.96"}, CC: []string{"clang 21"}}
			r.Head.Fingerprint = sizediff.Fingerprint{Rustc: []string{"1.96", "1.97"}, CC: []string{"clang 21"}, LD: []string{"LLD 21"}}
			r.Buckets[0].Resident = sizediff.Change{}
		}, []string{
			"warning toolchain-mixed +0: one build mixes 2 versions of rustc: 1.96; 1.97",
			"note toolchain-changed +0: rustc changed from 1.96 to 1.96 and 1.97",
		},
	}, {
		"configuration", func(r *sizediff.Report) {
			for _, o := range []string{"A", "B", "C", "D", "E", "F", "G"} {
				r.Config = append(r.Config, sizediff.OptionChange{Option: "CONFIG_" + o, Head: "y"})
			}
			r.Config = append(r.Config, sizediff.OptionChange{Option: "CONFIG_CC_VERSION_TEXT", Head: "x", Version: true})
			r.Buckets[0].Resident = sizediff.Change{}
		}, []string{"note config-changed +0: 7 configuration options differ: CONFIG_A, CONFIG_B, CONFIG_C, CONFIG_D, CONFIG_E, and 2 more"},
	}, {
		"unattributed, just not too much", func(r *sizediff.Report) {
			r.Buckets = []sizediff.BucketChange{{Name: "unattributed", Resident: sizediff.NewChange(0, 2_010)}}
		}, nil,
	}, {
		"unattributed, too much", func(r *sizediff.Report) {
			r.Buckets = []sizediff.BucketChange{{Name: "unattributed", Resident: sizediff.NewChange(2_000, 2_011)}}
		}, []string{"warning high-unattributed +11: 20 % of the resident bytes (2,011 B) have no owner; a stripped image tells too little: measure it before strip"},
	}, {
		"not compared: nothing is said of growth", func(r *sizediff.Report) { r.State = sizediff.NotCompared }, nil,
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := grown()
			tt.change(r)
			for range 2 { // the second time replaces the findings of the first
				sizediff.Evaluate("", r, sizediff.Policy{})
			}
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%s %s %+d: %s", f.Severity, f.Rule, f.Delta, f.Message))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestFindingsOrder: the severest come first.
func TestFindingsOrder(t *testing.T) {
	r := grown()
	r.Runtime = []sizediff.PathChange{{Path: "core::fmt", Change: sizediff.NewChange(0, 5)}}
	r.Crates = []sizediff.CrateChange{{Crate: "std", Change: sizediff.NewChange(0, 1)}}
	e := sizediff.Evaluation{Targets: []sizediff.TargetResult{sizediff.Evaluate("", r, sizediff.Policy{Budgets: []sizediff.Budget{{Bytes: 1}}})}}
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Rule)
	}
	if diff := cmp.Diff([]string{"std-linked", "over-budget", "runtime-growth", "new-runtime-path"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e.Worst() != sizediff.Error {
		t.Errorf("worst is %q, want error", e.Worst())
	}
	if none := (&sizediff.Evaluation{Targets: []sizediff.TargetResult{{Problem: &sizediff.Problem{}}}}).Worst(); none != "" {
		t.Errorf("worst of nothing is %q", none)
	}
	for _, tt := range []struct {
		a, b sizediff.Severity
		want bool
	}{{"error", "warning", true}, {"warning", "warning", true}, {"note", "warning", false}, {"", "note", false}} {
		if tt.a.AtLeast(tt.b) != tt.want {
			t.Errorf("%q is at least %q: %v", tt.a, tt.b, !tt.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	target := func(state sizediff.State, budgets ...sizediff.BudgetStatus) sizediff.TargetResult {
		tr := sizediff.TargetResult{Report: &sizediff.Report{State: state}}
		for _, s := range budgets {
			tr.Budgets = append(tr.Budgets, sizediff.BudgetResult{Status: s})
		}
		return tr
	}
	problem := func(k sizediff.ProblemKind) sizediff.TargetResult {
		return sizediff.TargetResult{Problem: &sizediff.Problem{Kind: k}}
	}
	config := target(sizediff.Changed, sizediff.BudgetSuspended)
	config.Report.Config = []sizediff.OptionChange{{Option: "CONFIG_SMP", Head: "y"}}
	same := target(sizediff.Unchanged)
	same.Report.Config = config.Report.Config
	versions := target(sizediff.Changed)
	versions.Report.Config = []sizediff.OptionChange{{Option: "CONFIG_CC_VERSION_TEXT", Head: "x", Version: true}}

	within, over := target(sizediff.Changed, sizediff.BudgetWithin), target(sizediff.Changed, sizediff.BudgetWithin, sizediff.BudgetOver)
	tests := []struct {
		name    string
		targets []sizediff.TargetResult
		base    sizediff.BaseChoice
		accept  bool
		want    sizediff.Verdict
	}{
		{"identical", []sizediff.TargetResult{target(sizediff.Identical)}, sizediff.BaseExact, false, sizediff.VerdictNoChange},
		{"unchanged", []sizediff.TargetResult{target(sizediff.Unchanged)}, sizediff.BaseGiven, false, sizediff.VerdictNoChange},
		{"changed", []sizediff.TargetResult{target(sizediff.Changed)}, sizediff.BaseGiven, false, sizediff.VerdictWithin},
		{"within budget", []sizediff.TargetResult{within}, sizediff.BaseExact, false, sizediff.VerdictWithin},
		{"over budget", []sizediff.TargetResult{over}, sizediff.BaseExact, false, sizediff.VerdictOver},
		{"over budget and accepted", []sizediff.TargetResult{over}, sizediff.BaseExact, true, sizediff.VerdictAccepted},
		{"within budget, an acceptance is not needed", []sizediff.TargetResult{within}, sizediff.BaseExact, true, sizediff.VerdictWithin},
		{"approximate base", []sizediff.TargetResult{within}, sizediff.BaseApproximate, false, sizediff.VerdictApproximate},
		{"approximate base, over: it is not known whose", []sizediff.TargetResult{over}, sizediff.BaseApproximate, false, sizediff.VerdictApproximate},
		{"approximate base, identical: never no change", []sizediff.TargetResult{target(sizediff.Identical)}, sizediff.BaseApproximate, false, sizediff.VerdictApproximate},
		{"approximate base, unchanged: never no change", []sizediff.TargetResult{target(sizediff.Unchanged)}, sizediff.BaseApproximate, false, sizediff.VerdictApproximate},
		{"configuration", []sizediff.TargetResult{config}, sizediff.BaseExact, false, sizediff.VerdictConfig},
		{"configuration, approximate base", []sizediff.TargetResult{config}, sizediff.BaseApproximate, false, sizediff.VerdictApproximate},
		{"configuration, equal sizes", []sizediff.TargetResult{same}, sizediff.BaseExact, false, sizediff.VerdictNoChange},
		{"configuration, only versions", []sizediff.TargetResult{versions}, sizediff.BaseExact, false, sizediff.VerdictWithin},
		{"toolchain", []sizediff.TargetResult{target(sizediff.ToolchainChanged)}, sizediff.BaseExact, false, sizediff.VerdictToolchain},
		{"toolchain, approximate base", []sizediff.TargetResult{target(sizediff.ToolchainChanged)}, sizediff.BaseApproximate, false, sizediff.VerdictToolchain},
		{"toolchain, not tolerated, over", []sizediff.TargetResult{target(sizediff.ToolchainChanged, sizediff.BudgetOver)}, sizediff.BaseExact, false, sizediff.VerdictOver},
		{"not compared", []sizediff.TargetResult{problem(sizediff.ProblemNotCompared)}, sizediff.BaseExact, false, sizediff.VerdictNotCompared},
		{"not compared, by state", []sizediff.TargetResult{target(sizediff.NotCompared)}, sizediff.BaseExact, false, sizediff.VerdictNotCompared},
		{"not measured", []sizediff.TargetResult{problem(sizediff.ProblemNotMeasured)}, sizediff.BaseExact, false, sizediff.VerdictNotMeasured},
		{"nothing known", []sizediff.TargetResult{{}}, sizediff.BaseExact, false, sizediff.VerdictNotMeasured},
		{"no target", nil, sizediff.BaseExact, false, sizediff.VerdictNotMeasured},
		{"the worst of several: configuration", []sizediff.TargetResult{within, config, same}, sizediff.BaseExact, false, sizediff.VerdictConfig},
		{"the worst of several: toolchain", []sizediff.TargetResult{config, target(sizediff.ToolchainChanged), within}, sizediff.BaseExact, false, sizediff.VerdictToolchain},
		{"the worst of several: not measured", []sizediff.TargetResult{problem(sizediff.ProblemNotCompared), problem(sizediff.ProblemNotMeasured), within}, sizediff.BaseExact, false, sizediff.VerdictNotMeasured},
		{"the worst of several: growth that is known", []sizediff.TargetResult{problem(sizediff.ProblemNotMeasured), over}, sizediff.BaseExact, false, sizediff.VerdictOver},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &sizediff.Evaluation{Targets: tt.targets, Policy: sizediff.LinuxKernel(), Provenance: sizediff.Provenance{BaseChoice: tt.base}}
			if tt.accept {
				e.Acceptance = &sizediff.Acceptance{By: "maint", Growth: e.Exceeded()}
			}
			if got := e.Verdict(); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	strict := &sizediff.Evaluation{Targets: []sizediff.TargetResult{config}}
	if got := strict.Verdict(); got != sizediff.VerdictWithin {
		t.Errorf("a configuration change that is not tolerated: %s, want within budget", got)
	}
}
