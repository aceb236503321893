package render

import (
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

// The states in which a budget is on a quantity and not on the bytes of a bucket.

// causedReport is the ordinary case with its causes.
func causedReport() *sizediff.Report {
	r := growthReport()
	r.Causes = &sizediff.Causes{
		References: &sizediff.ReferenceCauses{
			Exact: true,
			Arrivals: []sizediff.Arrival{{
				Name: "core::unicode::printable::is_printable", Image: "vmlinux", Bucket: sizediff.BucketRuntime, Crate: "core",
				Path: "core::unicode::printable", Bytes: sizediff.NewChange(1_204, 1_204), Used: 1_204, Kept: "used", Chain: []sizediff.Step{
					{Name: "rust_binder::process::Process::debug_print", Image: "vmlinux", Crate: "rust_binder", Bucket: sizediff.BucketDrivers},
					{Image: "vmlinux"}, {Name: "core::unicode::printable::is_printable", Image: "vmlinux", Crate: "core", Bucket: sizediff.BucketRuntime},
				},
			}},
			Panics: sizediff.PanicChange{Sites: sizediff.NewChange(312, 316), Functions: []sizediff.FunctionPanics{
				{Name: "rust_binder::process::Process::debug_print", Image: "vmlinux", Crate: "rust_binder", Sites: sizediff.NewChange(2, 5)},
				{Name: "kernel::print::call_printk", Image: "vmlinux", Crate: "kernel", Sites: sizediff.NewChange(0, 1)},
			}},
			Portions: []sizediff.PortionChange{{Bucket: sizediff.BucketRuntime, Used: sizediff.NewChange(20_000, 21_816)}},
		},
		Copies: &sizediff.CopyCauses{Items: sizediff.NewChange(3, 4), Beyond: sizediff.NewChange(2_000, 2_300), New: []sizediff.CopyChange{{
			Name: "<[_] as core::fmt::Debug>::fmt", Images: []string{"vmlinux", "drivers/android/rust_binder.ko"},
			Copies: sizediff.NewChange(1, 2), Beyond: sizediff.NewChange(0, 300), Kernel: "local", Reason: "generic",
		}}},
		Exports: &sizediff.ExportCauses{Added: sizediff.ExportSum{Count: 14, Names: 1_204, Entries: 448, Held: 3_100}},
	}
	return r
}

func panicBudget(n int64) sizediff.Budget {
	return sizediff.Budget{Quantity: sizediff.QuantityPanicSites, Bytes: n, Owners: []string{"@rust-for-linux-size"}}
}

func evaluated(p sizediff.Policy, change ...func(*sizediff.Report)) *sizediff.Evaluation {
	r := causedReport()
	for _, f := range change {
		f(r)
	}
	return &sizediff.Evaluation{Policy: p, Provenance: exactBase(), Targets: []sizediff.TargetResult{sizediff.Evaluate("x86_64-rust", r, p)}}
}

func quantityFixtures() []fixture {
	usual := []sizediff.Budget{{Bucket: sizediff.BucketRuntime, Bytes: 1024}, {Bytes: 8192}}
	p := sizediff.Policy{Budgets: append(usual,
		panicBudget(2), sizediff.Budget{Quantity: sizediff.QuantityDuplicates, Bytes: 256},
		sizediff.Budget{Quantity: sizediff.QuantityUsedRuntime, Bytes: 4096}, sizediff.Budget{Quantity: sizediff.QuantityExports, Bytes: 2048})}
	onlyPanics := sizediff.Policy{Budgets: append(usual[:2:2], panicBudget(2))}
	accepted, partly := evaluated(p), evaluated(p)
	accepted.Acceptance = acceptance(accepted)
	partly.Acceptance = acceptance(partly, string(sizediff.QuantityPanicSites))
	label := &sizediff.Exemption{Reason: "label rust-upgrade, set by maint"}
	exempt := p
	exempt.Exempt = label
	proposal := evaluated(onlyPanics)
	proposal.Proposal = &sizediff.Proposal{
		Title: "+2,148 B", Verdict: sizediff.VerdictWithin,
		Loosened: sizediff.Loosen(p, sizediff.Policy{Budgets: []sizediff.Budget{panicBudget(8)}}, proposal.Targets),
	}
	return []fixture{
		{name: "quantity-over", e: evaluated(p), verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "quantity-over-alone", e: evaluated(onlyPanics, func(r *sizediff.Report) { // no size differs
			causes := r.Causes
			*r = *same(sizediff.Unchanged)
			r.Causes = causes
			r.Causes.Copies.New, r.Causes.References.Arrivals, r.Causes.Exports = nil, nil, nil
		}), verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "quantity-within", e: evaluated(sizediff.Policy{Budgets: append(usual[:2:2], panicBudget(4))}), verdict: sizediff.VerdictWithin, off: Neutral, on: Success},
		{name: "quantity-not-judged", e: evaluated(sizediff.Policy{Budgets: append(usual[:2:2], panicBudget(4))}, func(r *sizediff.Report) { r.Causes.References = nil }), verdict: sizediff.VerdictWithin, off: Neutral, on: Neutral},
		{name: "quantity-unknown", e: evaluated(p, func(r *sizediff.Report) { r.Causes.References, r.Causes.Exports = nil, nil }), verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "quantity-accepted", e: accepted, verdict: sizediff.VerdictAccepted, off: Success, on: Success},
		{name: "quantity-partly", e: partly, verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "quantity-exempt", e: evaluated(exempt), verdict: sizediff.VerdictExempt, off: Neutral, on: Success},
		{name: "quantity-proposal", e: proposal, verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
	}
}

// TestPanicsAreNoBytes: nothing that is said of panic call sites calls them bytes.
func TestPanicsAreNoBytes(t *testing.T) {
	for _, f := range quantityFixtures() {
		for _, out := range []string{CheckTitle(f.e), asText(t, f.e), asMarkdown(t, f.e, MarkdownOptions{}), asMarkdown(t, f.e, MarkdownOptions{Style: StyleText}), asHTML(t, f.e)} {
			for _, line := range strings.Split(out, "\n") {
				flat := flatten(line)
				for _, wrong := range []string{"sites+4B", "of2B", "overby2B", "beyond+4B", "budgetof2B", "2Bbudget"} {
					if strings.Contains(strings.ToLower(flat), "panic") && strings.Contains(flat, wrong) {
						t.Errorf("%s: %s", f.name, line)
					}
				}
			}
		}
	}
}
