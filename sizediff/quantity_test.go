package sizediff_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// caused is a report by hand that knows all causes.
func caused() *sizediff.Report {
	r := grown()
	r.Causes = &sizediff.Causes{
		References: &sizediff.ReferenceCauses{
			Exact:    true,
			Arrivals: []sizediff.Arrival{},
			Panics:   sizediff.PanicChange{Sites: sizediff.NewChange(12, 16), Functions: []sizediff.FunctionPanics{}},
			Portions: []sizediff.PortionChange{
				{Bucket: sizediff.BucketRuntime, Used: sizediff.NewChange(10_000, 10_500)},
				{Bucket: sizediff.BucketAbstractions, Used: sizediff.NewChange(7, 9_999)},
			},
		},
		Copies: &sizediff.CopyCauses{Beyond: sizediff.NewChange(2_000, 2_300), New: []sizediff.CopyChange{}},
		Exports: &sizediff.ExportCauses{
			Added:   sizediff.ExportSum{Count: 14, Names: 1_204, Entries: 448, Held: 3_100},
			Removed: sizediff.ExportSum{Count: 3, Names: 100, Entries: 96, Held: 800, Importers: 1},
		},
	}
	return r
}

func TestQuantities(t *testing.T) {
	forget := func(change func(*sizediff.Causes)) func(*sizediff.Report) {
		return func(r *sizediff.Report) { change(r.Causes) }
	}
	known := func(*sizediff.Report) {}
	noReferences := forget(func(c *sizediff.Causes) { c.References = nil })
	const panics, duplicates, used, exports = sizediff.QuantityPanicSites, sizediff.QuantityDuplicates, sizediff.QuantityUsedRuntime, sizediff.QuantityExports
	unreferenced := "the references between symbols are not known of both builds; measure them again, before strip"
	for _, tt := range []struct {
		name   string
		change func(*sizediff.Report)
		budget sizediff.Budget
		want   string
	}{
		{"as many panics as allowed", known, sizediff.Budget{Quantity: panics, Bytes: 4}, "panic_sites +4 of 4 within"},
		{"one panic too many", known, sizediff.Budget{Quantity: panics, Bytes: 3}, "panic_sites +4 of 3 over"},
		{"fewer panics", forget(func(c *sizediff.Causes) { c.References.Panics.Sites = sizediff.NewChange(4, 1) }), sizediff.Budget{Quantity: panics}, "panic_sites -3 of 0 within"},
		{"panics have no share", known, sizediff.Budget{Quantity: panics, Percent: 5}, "panic_sites +0 of 0 not judged: a share of the panic call sites cannot be told"},
		{"panics of unknown builds", noReferences, sizediff.Budget{Quantity: panics, Bytes: 4}, "panic_sites +0 of 4 not judged: " + unreferenced},
		{"duplicates", known, sizediff.Budget{Quantity: duplicates, Bytes: 299}, "duplicates +300 of 299 over"},
		{"duplicates of stripped images", forget(func(c *sizediff.Causes) { c.Copies = nil }), sizediff.Budget{Quantity: duplicates, Bytes: 1},
			"duplicates +0 of 1 not judged: what is there more than once is not known of both builds; measure all images, before strip"},
		{"a share of duplicates", known, sizediff.Budget{Quantity: duplicates, Percent: 15}, "duplicates +300 of 300 within"},
		{"duplicates take no references", noReferences, sizediff.Budget{Quantity: duplicates, Bytes: 1}, "duplicates +300 of 1 over"},
		{"used runtime", known, sizediff.Budget{Quantity: used, Bytes: 512}, "used_runtime +500 of 512 within"},
		{"a share of the used runtime", known, sizediff.Budget{Quantity: used, Percent: 4.99}, "used_runtime +500 of 499 over"},
		{"used runtime without a bucket of it", forget(func(c *sizediff.Causes) { c.References.Portions = c.References.Portions[1:] }), sizediff.Budget{Quantity: used, Bytes: 1},
			"used_runtime +0 of 1 not judged: no bucket is called runtime"},
		{"used runtime of unknown builds", noReferences, sizediff.Budget{Quantity: used, Percent: 1}, "used_runtime +0 of 0 not judged: " + unreferenced},
		{"exports, less those removed", known, sizediff.Budget{Quantity: exports, Bytes: 1_455}, "exports +1456 of 1455 over"},
		{"a share of exports", known, sizediff.Budget{Quantity: exports, Percent: 1}, "exports +0 of 0 not judged: a share of the exports cannot be told"},
		{"exports of unknown builds", forget(func(c *sizediff.Causes) { c.Exports = nil }), sizediff.Budget{Quantity: exports, Bytes: 1},
			"exports +0 of 1 not judged: what the images export is not known of both builds; measure them again"},
		{"nobody looked", func(r *sizediff.Report) { r.Causes = nil }, sizediff.Budget{Quantity: duplicates, Bytes: 1},
			"duplicates +0 of 1 not judged: the causes of the change were not looked for"},
		{"no such quantity", known, sizediff.Budget{Quantity: "generics", Bytes: 1}, "generics +0 of 1 not judged: there is no such quantity"},
		{"another target", known, sizediff.Budget{Quantity: panics, Targets: []string{"arm*"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := caused()
			tt.change(r)
			result := sizediff.Evaluate("x86_64", r, sizediff.Policy{Budgets: []sizediff.Budget{tt.budget}})
			got := ""
			for _, b := range result.Budgets {
				got += fmt.Sprintf("%s %+d of %d %s", b.Bucket(), b.Delta, b.Limit, b.Status)
				if b.Why != "" {
					got += ": " + b.Why
				}
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			e := sizediff.Evaluation{Targets: []sizediff.TargetResult{result}}
			if over := e.Verdict() == sizediff.VerdictOver; over != strings.HasSuffix(tt.want, " over") {
				t.Errorf("verdict %s", e.Verdict())
			}
		})
	}
}

// TestQuantityOverWithoutAnyChangeOfSize: what grows may weigh nothing.
func TestQuantityOverWithoutAnyChangeOfSize(t *testing.T) {
	r := caused()
	r.State, r.Totals, r.Buckets, r.Images = sizediff.Unchanged, sizediff.Totals{}, nil, nil
	p := sizediff.Policy{NoiseBytes: 64, Budgets: []sizediff.Budget{{Quantity: sizediff.QuantityPanicSites, Bytes: 2}}}
	e := sizediff.Evaluation{Policy: p, Targets: []sizediff.TargetResult{sizediff.Evaluate("x86_64", r, p)}}
	if got := e.Verdict(); got != sizediff.VerdictOver {
		t.Errorf("verdict %s: noise is in bytes, and panic call sites have none", got)
	}
}

// TestQuantityNoise: byte quantities have a band, as buckets do.
func TestQuantityNoise(t *testing.T) {
	p := sizediff.Policy{NoiseBytes: 300, Budgets: []sizediff.Budget{{Quantity: sizediff.QuantityDuplicates}, {Quantity: sizediff.QuantityUsedRuntime}}}
	b := sizediff.Evaluate("x86_64", caused(), p).Budgets
	if b[0].Band != 300 || b[0].Status != sizediff.BudgetWithin || b[1].Status != sizediff.BudgetOver {
		t.Errorf("%+v", b)
	}
}

// TestQuantityExempt: what is not known is not called suspended, and an unlimited exemption is said of everything.
func TestQuantityExempt(t *testing.T) {
	p := sizediff.Policy{Budgets: []sizediff.Budget{{Quantity: sizediff.QuantityPanicSites}, {Quantity: sizediff.QuantityExports}}}
	for _, tt := range []struct {
		exempt sizediff.Exemption
		want   [2]string
	}{
		{sizediff.Exemption{Reason: "label x"}, [2]string{"suspended: label x", "not judged: what the images export is not known of both builds; measure them again"}},
		{sizediff.Exemption{Reason: "a revert", Unlimited: true}, [2]string{"not judged: a revert", "not judged: a revert"}},
	} {
		r := caused()
		r.Causes.Exports = nil
		p.Exempt = &tt.exempt
		b := sizediff.Evaluate("x86_64", r, p).Budgets
		if got := [2]string{string(b[0].Status) + ": " + b[0].Why, string(b[1].Status) + ": " + b[1].Why}; got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestQuantityNames(t *testing.T) {
	for _, q := range sizediff.Quantities() {
		g := sizediff.AcceptedGrowth{Bucket: (sizediff.BudgetResult{Budget: sizediff.Budget{Quantity: q}}).Bucket()}
		if !q.Known() || q.Label() == "" || q.Counted() && q.Shared() || g.Budget().Quantity != q || g.Budget().Name() != string(q) {
			t.Errorf("%q: %+v", q, g.Budget())
		}
	}
	for _, name := range []string{"", sizediff.BucketTotal, sizediff.BucketRuntime} {
		if b := (sizediff.AcceptedGrowth{Bucket: name, Path: "**"}).Budget(); b.Quantity != "" || b.Path != "**" || sizediff.Quantity(name).Known() {
			t.Errorf("%q: %+v", name, b)
		}
	}
}

func TestQuantityAccepted(t *testing.T) {
	p := sizediff.Policy{Budgets: []sizediff.Budget{{Quantity: sizediff.QuantityPanicSites, Bytes: 2}, {Quantity: sizediff.QuantityExports}, {Bytes: 1_000}}}
	evaluate := func(sites int64) *sizediff.Evaluation {
		r := caused()
		r.Causes.References.Panics.Sites = sizediff.NewChange(0, sites)
		return &sizediff.Evaluation{Policy: p, Targets: []sizediff.TargetResult{sizediff.Evaluate("x86_64", r, p)}}
	}
	e := evaluate(4)
	all := e.Exceeded()
	if d := cmp.Diff([]sizediff.AcceptedGrowth{{Target: "x86_64", Bucket: "panic_sites", Delta: 4}, {Target: "x86_64", Bucket: "exports", Delta: 1_456}}, all); d != "" {
		t.Fatal(d)
	}
	for _, tt := range []struct {
		sites    int64
		accepted []sizediff.AcceptedGrowth
		want     sizediff.Verdict
		lapsed   string
	}{
		{4, all, sizediff.VerdictAccepted, ""},
		{3, all, sizediff.VerdictAccepted, ""},
		{5, all, sizediff.VerdictOver, "panic call sites of x86_64 grew from +4 to +5"},
		{4, all[1:], sizediff.VerdictOver, "panic call sites of x86_64 +4 are over budget and were not accepted"},
		{4, all[:1], sizediff.VerdictOver, "exports of x86_64 +1,456 B are over budget and were not accepted"},
		{4, []sizediff.AcceptedGrowth{all[1], {Target: "x86_64", Bucket: "total", Delta: 99}}, sizediff.VerdictOver, "panic call sites of x86_64 +4 are over budget and were not accepted"},
	} {
		e := evaluate(tt.sites)
		e.Acceptance = &sizediff.Acceptance{Growth: tt.accepted}
		if got := e.Verdict(); got != tt.want {
			t.Errorf("%d sites, accepted %+v: %s, want %s", tt.sites, tt.accepted, got, tt.want)
		}
		if got := e.Acceptance.WhyLapsed(e.Targets); got != tt.lapsed {
			t.Errorf("lapsed because %q, want %q", got, tt.lapsed)
		}
	}
}

func TestQuantityLoosened(t *testing.T) {
	panics := func(n int64) sizediff.Budget { return sizediff.Budget{Quantity: sizediff.QuantityPanicSites, Bytes: n} }
	share := func(p float64) sizediff.Budget {
		return sizediff.Budget{Quantity: sizediff.QuantityUsedRuntime, Percent: p}
	}
	unknown := caused()
	unknown.Causes = nil
	for _, tt := range []struct {
		name     string
		report   *sizediff.Report
		old, new []sizediff.Budget
		want     []sizediff.Loosened
	}{
		{"raised", caused(), []sizediff.Budget{panics(2)}, []sizediff.Budget{panics(5)}, []sizediff.Loosened{{Target: "t", Budget: panics(2), Old: 2, New: 5, Used: 4}}},
		{"lowered", caused(), []sizediff.Budget{panics(2)}, []sizediff.Budget{panics(1)}, nil},
		{"removed", caused(), []sizediff.Budget{panics(2)}, nil, []sizediff.Loosened{{Target: "t", Budget: panics(2), Old: 2, New: -1, Used: 4}}},
		{"a budget of bytes instead", caused(), []sizediff.Budget{panics(2)}, []sizediff.Budget{{Bytes: 2}}, []sizediff.Loosened{{Target: "t", Budget: panics(2), Old: 2, New: -1, Used: 4}}},
		{"a larger share", caused(), []sizediff.Budget{share(1)}, []sizediff.Budget{share(2)}, []sizediff.Loosened{{Target: "t", Budget: share(1), Old: 100, New: 200, Used: 500}}},
		{"raised, causes unknown", unknown, []sizediff.Budget{panics(2)}, []sizediff.Budget{panics(5)}, []sizediff.Loosened{{Target: "t", Budget: panics(2), Old: 2, New: 5, Unknown: true}}},
		{"a share, causes unknown", unknown, []sizediff.Budget{share(1)}, []sizediff.Budget{share(2)}, nil},
	} {
		got := sizediff.Loosen(sizediff.Policy{Budgets: tt.old}, sizediff.Policy{Budgets: tt.new}, []sizediff.TargetResult{{Name: "t", Report: tt.report}})
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestQuantityCalibration(t *testing.T) {
	b := sizediff.Budget{Quantity: sizediff.QuantityDuplicates, Bytes: 512}
	c := sizediff.Calibrate(nil, sizediff.CalibrateOptions{Budgets: []sizediff.Budget{b}})
	if d := cmp.Diff([]sizediff.Replay{{Bucket: "duplicates", Bytes: 512}}, c.Budgets); d != "" {
		t.Errorf("a quantity is in no history (-want +got):\n%s", d)
	}
	c.Suggested = []sizediff.Suggestion{{Bucket: "runtime", Bytes: 1}}
	if d := cmp.Diff([]sizediff.Budget{{Bucket: "runtime", Bytes: 1}, b}, c.Applied([]sizediff.Budget{b})); d != "" {
		t.Errorf("the budget is lost (-want +got):\n%s", d)
	}
}

// TestCauseFindings holds what each rule says, and when it is silent.
func TestCauseFindings(t *testing.T) {
	copies := func(names ...string) (all []sizediff.CopyChange) {
		for i, name := range names {
			all = append(all, sizediff.CopyChange{Name: name, Images: []string{"vmlinux", "a.ko", "b.ko", "c.ko"}[:i+2], Copies: sizediff.NewChange(1, int64(i+2)), Beyond: sizediff.NewChange(0, 100)})
		}
		return all
	}
	arrivals := []sizediff.Arrival{
		{Name: "core::fmt::write", Bucket: sizediff.BucketRuntime, Bytes: sizediff.NewChange(0, 400), Used: 400},
		{Name: "kernel::print", Bucket: sizediff.BucketAbstractions, Bytes: sizediff.NewChange(0, 300), Used: 300},
		{Name: "core::unicode::tables", Bucket: sizediff.BucketRuntime, Bytes: sizediff.NewChange(1_200, 1_200), Used: 1_200},
		{Name: "core::num::fmt", Bucket: sizediff.BucketRuntime, Bytes: sizediff.NewChange(4, 8)},
	}
	panics := func(n int) (all []sizediff.FunctionPanics) {
		for i := range n {
			all = append(all, sizediff.FunctionPanics{Name: fmt.Sprint("f", i), Sites: sizediff.NewChange(0, 2)})
		}
		return append(all, sizediff.FunctionPanics{Name: "less", Sites: sizediff.NewChange(9, 1)})
	}
	for _, tt := range []struct {
		name   string
		change func(*sizediff.Causes)
		want   []string
	}{{
		"nothing", func(*sizediff.Causes) {}, nil,
	}, {
		"one duplicate", func(c *sizediff.Causes) { c.Copies.New = copies("core::x"); c.Copies.New[0].Reason = "generic" },
		[]string{"warning new-duplicate +100: 1 item of the runtime and the abstractions has more copies than before, +100 B beyond the largest of each: core::x (generic) +100 B, 2 copies"},
	}, {
		"many duplicates", func(c *sizediff.Causes) { c.Copies.New = append(copies("a", "b", "c"), copies("d", "e")...) },
		[]string{"warning new-duplicate +500: 5 items of the runtime and the abstractions have more copies than before, +500 B beyond the largest of each: " +
			"a +100 B, 2 copies; b +100 B, 3 copies; c +100 B, 4 copies; and 2 more"},
	}, {
		"panics", func(c *sizediff.Causes) {
			c.References.Panics = sizediff.PanicChange{Sites: sizediff.NewChange(1_000, 1_002), Functions: panics(5)}
		}, []string{"warning new-panic-sites +2: 2 more places call into the panic machinery, 1,002 in all: f0 +2, f1 +2, f2 +2, and 2 more"},
	}, {
		"one panic, in decoded code, nobody knows where", func(c *sizediff.Causes) {
			c.References.Exact, c.References.Panics.Sites = false, sizediff.NewChange(0, 1)
		}, []string{"warning new-panic-sites +1: 1 more place calls into the panic machinery, 1 in all (counted by decoding code)"},
	}, {
		"fewer panics in all", func(c *sizediff.Causes) {
			c.References.Panics = sizediff.PanicChange{Sites: sizediff.NewChange(9, 8), Functions: panics(1)}
		}, nil,
	}, {
		"newly used", func(c *sizediff.Causes) { c.References.Arrivals = arrivals },
		[]string{"note newly-used-runtime +1600: 2 symbols of the Rust runtime that nothing used before are used, 1,600 B, of which 1,200 B were linked before: core::fmt::write (400 B), core::unicode::tables (1,200 B)"},
	}, {
		"newly used, larger than it was, in a list that is cut", func(c *sizediff.Causes) {
			c.References.MoreArrivals = 1
			c.References.Arrivals = []sizediff.Arrival{{Name: "core::x", Bucket: sizediff.BucketRuntime, Bytes: sizediff.NewChange(100, 500), Used: 500}}
		},
		[]string{"note newly-used-runtime +500: at least 1 symbol of the Rust runtime that nothing used before is used, 500 B, of which 100 B were linked before: core::x (500 B)"},
	}, {
		"newly used and new, in decoded code", func(c *sizediff.Causes) { c.References.Exact, c.References.Arrivals = false, arrivals[:2] },
		[]string{"note newly-used-runtime +400: 1 symbol of the Rust runtime that nothing used before is used, 400 B (found by decoding code): core::fmt::write (400 B)"},
	}, {
		"exports", func(c *sizediff.Causes) {
			c.Exports = &sizediff.ExportCauses{Added: sizediff.ExportSum{Count: 14, Names: 1_204, Entries: 448, Held: 3_100}}
		}, []string{"note export-growth +1652: 14 more exports of Rust symbols: 1,204 B of names and 448 B of entries, which keep 3,100 B of code and data alive; no module of this build imports any of them"},
	}, {
		"exports, some removed, some imported", func(c *sizediff.Causes) {
			c.Exports = &sizediff.ExportCauses{Added: sizediff.ExportSum{Count: 1, Names: 30, Entries: 16, Held: 5, Importers: 2}, Removed: sizediff.ExportSum{Count: 1, Names: 20, Entries: 16}}
		}, []string{"note export-growth +10: 1 more export of Rust symbols: 30 B of names and 16 B of entries, which keep 5 B of code and data alive; 2 modules of this build import some of them; 1 other is removed, 36 B"},
	}, {
		"fewer bytes of exports", func(c *sizediff.Causes) {
			c.Exports = &sizediff.ExportCauses{Added: sizediff.ExportSum{Count: 2, Names: 9}, Removed: sizediff.ExportSum{Count: 1, Names: 9}}
		}, nil,
	}, {
		"a name without end", func(c *sizediff.Causes) {
			c.References.Panics = sizediff.PanicChange{Sites: sizediff.NewChange(0, 1), Functions: []sizediff.FunctionPanics{{Name: strings.Repeat("ä", 5_000), Sites: sizediff.NewChange(0, 1)}}}
		}, []string{"warning new-panic-sites +1: 1 more place calls into the panic machinery, 1 in all: " + strings.Repeat("ä", 32) + "..." + strings.Repeat("ä", 29) + " +1"},
	}} {
		t.Run(tt.name, func(t *testing.T) {
			r := &sizediff.Report{State: sizediff.Changed, Causes: &sizediff.Causes{References: &sizediff.ReferenceCauses{Exact: true}, Copies: new(sizediff.CopyCauses)}}
			tt.change(r.Causes)
			sizediff.Evaluate("", r, sizediff.Policy{})
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%s %s %+d: %s", f.Severity, f.Rule, f.Delta, f.Message))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			r.State = sizediff.NotCompared
			if sizediff.Evaluate("", r, sizediff.Policy{}); len(r.Findings) > 0 {
				t.Errorf("of what was not compared: %+v", r.Findings)
			}
		})
	}
}

func TestQuantityFinding(t *testing.T) {
	r := caused()
	sizediff.Evaluate("", r, sizediff.Policy{Budgets: []sizediff.Budget{{Quantity: sizediff.QuantityPanicSites, Bytes: 2}, {Quantity: sizediff.QuantityExports, Bytes: 1_000}}})
	for i, want := range []string{"panic call sites +4: over the budget of 2", "exports +1,456 B: over the budget of 1,000 B"} {
		if f := r.Findings[i]; f.Message != want || f.Rule != sizediff.RuleOverBudget || f.Severity != sizediff.Error {
			t.Errorf("%+v, want %q", f, want)
		}
	}
}

// randomCauses know some parts or all.
func randomCauses(rng *rand.Rand) *sizediff.Causes {
	if rng.IntN(4) == 0 {
		return nil
	}
	change := func(most int64) sizediff.Change { return sizediff.NewChange(rng.Int64N(most), rng.Int64N(most)) }
	c := &sizediff.Causes{Copies: &sizediff.CopyCauses{Beyond: change(5_000)}}
	if rng.IntN(3) > 0 {
		c.References = &sizediff.ReferenceCauses{Panics: sizediff.PanicChange{Sites: change(9)}}
		if rng.IntN(3) > 0 {
			c.References.Portions = []sizediff.PortionChange{{Bucket: sizediff.BucketRuntime, Used: change(5_000)}}
		}
	}
	if rng.IntN(3) > 0 {
		c.Exports = &sizediff.ExportCauses{Added: sizediff.ExportSum{Names: rng.Int64N(3_000)}, Removed: sizediff.ExportSum{Entries: rng.Int64N(3_000)}}
	}
	return c
}

// randomQuantity is a budget that may not be judged.
func randomQuantity(rng *rand.Rand) sizediff.Budget {
	b := sizediff.Budget{Quantity: sizediff.Quantities()[rng.IntN(4)], Bytes: rng.Int64N(3_000)}
	if b.Quantity.Counted() {
		b.Bytes = rng.Int64N(6)
	}
	return b
}
