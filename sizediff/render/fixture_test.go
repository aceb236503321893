package render

import (
	"slices"

	"github.com/oxidometer/oxidometer/sizediff"
)

// The reports of the tests are made by hand and are consistent: buckets, closing parts, sections and symbols add up. The
// numbers of the first one are those of the ordinary case in the specification of the comment.

var kernelBuckets = []struct {
	name, label string
	base        int64
}{
	{sizediff.BucketRuntime, "Rust runtime", 38_912},
	{sizediff.BucketAbstractions, "Rust abstractions", 61_240},
	{sizediff.BucketDrivers, "Rust drivers", 120_448},
	{sizediff.BucketHelpers, "C helpers for Rust", 3_120},
	{sizediff.BucketC, "C", 11_150_000},
	{sizediff.BucketDerived, "derived tables (ORC, kallsyms)", 269_090},
	{sizediff.BucketPadding, "alignment", 27_374},
	{sizediff.BucketUnattributed, "unattributed", 0},
}

type deltas map[string]int64

var kernelTools = sizediff.Fingerprint{
	Rustc:        []string{"rustc version 1.86.0 (05f9846f8 2025-03-31)"},
	CC:           []string{"GCC: (Debian 14.2.0-19) 14.2.0"},
	LD:           []string{"GNU ld (GNU Binutils for Debian) 2.44"},
	ConfigSHA256: "c0ffee",
}

// newReport is a report whose buckets change by the given bytes. Constants are unnamed bytes inside the buckets.
func newReport(d deltas, constants, initial int64) *sizediff.Report {
	r := &sizediff.Report{
		Schema: sizediff.Schema, State: sizediff.Changed,
		Base:   sizediff.BuildInfo{Label: "base", Images: 1, Fingerprint: kernelTools},
		Head:   sizediff.BuildInfo{Label: "head", Images: 1, Fingerprint: kernelTools},
		Crates: []sizediff.CrateChange{}, Instantiators: []sizediff.CrateChange{}, Runtime: []sizediff.PathChange{},
		Opaque: []sizediff.OpaqueChange{}, Symbols: []sizediff.SymbolChange{}, Residue: []sizediff.ResidueChange{},
		Config: []sizediff.OptionChange{}, Texts: []sizediff.TextChange{}, Findings: []sizediff.Finding{},
	}
	p := &r.Closing.Resident
	for _, b := range kernelBuckets {
		c := sizediff.NewChange(b.base, b.base+d[b.name])
		initChange := sizediff.Change{}
		if b.name == sizediff.BucketC {
			initChange = sizediff.NewChange(402_118, 402_118+initial)
		}
		r.Buckets = append(r.Buckets, sizediff.BucketChange{Name: b.name, Label: b.label, Resident: c, Init: initChange})
		r.Totals.Resident = r.Totals.Resident.Plus(c)
		r.Totals.Init = r.Totals.Init.Plus(initChange)
		switch b.name {
		case sizediff.BucketDerived:
			p.Derived = c
		case sizediff.BucketPadding:
			p.Padding = c
		case sizediff.BucketUnattributed:
			p.Unattributed = c
		default:
			p.Named = p.Named.Plus(c)
		}
	}
	p.Constants = sizediff.NewChange(88_000, 88_000+constants)
	p.Named = p.Named.Plus(sizediff.NewChange(-88_000, -88_000-constants))
	r.Closing.Init.Named = r.Totals.Init
	r.Totals.Unloaded = sizediff.NewChange(9_120_000, 9_120_000)
	r.Totals.File = sizediff.NewChange(23_815_904, 23_815_904+r.Totals.Resident.Delta+initial)
	r.Images = []sizediff.ImageChange{{Path: "vmlinux", Status: sizediff.ImageChanged, Totals: r.Totals, Buckets: r.Buckets, Sections: []sizediff.SectionChange{}}}
	return r
}

func symbol(bucket, crate, name string, base, head int64) sizediff.SymbolChange {
	s := sizediff.SymbolChange{
		Image: "vmlinux", Section: ".text", Name: name, Demangled: name, Crate: crate, Bucket: bucket, Kind: sizediff.Resident,
		Change: sizediff.NewChange(base, head), State: sizediff.Grew,
	}
	switch {
	case base == 0:
		s.State = sizediff.SymbolAdded
	case head == 0:
		s.State = sizediff.SymbolRemoved
	case head < base:
		s.State = sizediff.Shrank
	}
	return s
}

// growthReport is the ordinary case.
func growthReport() *sizediff.Report {
	r := newReport(deltas{"runtime": 612, "abstractions": 1056, "drivers": 248, "padding": 32, "derived": 200}, 136, 32)
	const rt, ab, dr = sizediff.BucketRuntime, sizediff.BucketAbstractions, sizediff.BucketDrivers
	r.Symbols = []sizediff.SymbolChange{
		symbol(ab, "kernel", "kernel::workqueue::Queue::try_spawn::<_>", 0, 484),
		symbol(ab, "kernel", "<kernel::workqueue::Queue as core::fmt::Debug>::fmt", 0, 412),
		symbol(rt, "core", "core::fmt::builders::DebugStruct::field", 0, 348),
		symbol(dr, "rust_binder", "rust_binder::process::Process::debug_print", 1904, 2216),
		symbol(rt, "core", "<core::fmt::builders::PadAdapter as core::fmt::Write>::write_str", 0, 196),
		symbol(rt, "core", "core::fmt::builders::DebugStruct::finish", 0, 68),
		symbol(dr, "rust_binder", "rust_binder::thread::Thread::debug_print", 864, 800),
		symbol(ab, "kernel", "kernel::print::call_printk", 172, 196),
	}
	initSymbol := symbol(sizediff.BucketC, "", "rust_binder_init", 96, 128)
	initSymbol.Section, initSymbol.Kind = ".init.text", sizediff.Init
	r.Symbols = append(r.Symbols, initSymbol)
	r.Runtime = []sizediff.PathChange{
		{Path: "core::fmt::builders", Change: sizediff.NewChange(0, 612)},
		{Path: "core::fmt::num", Change: sizediff.NewChange(4102, 4102)},
	}
	r.Crates = []sizediff.CrateChange{
		{Bucket: ab, Crate: "kernel", Change: sizediff.NewChange(60_000, 61_056), Unnamed: sizediff.NewChange(1200, 1336)},
		{Bucket: rt, Crate: "core", Change: sizediff.NewChange(38_000, 38_612)},
		{Bucket: dr, Crate: "rust_binder", Change: sizediff.NewChange(120_448, 120_696)},
	}
	r.Instantiators = []sizediff.CrateChange{{Crate: "rust_binder", Change: sizediff.NewChange(9_000, 9_484)}}
	r.Images[0].Sections = []sizediff.SectionChange{
		{Name: ".text", Kind: sizediff.Resident, Change: sizediff.NewChange(7_667_127, 7_668_859)},
		{Name: ".rodata", Kind: sizediff.Resident, Change: sizediff.NewChange(1_388_552, 1_388_768)},
		{Name: ".orc_unwind", Kind: sizediff.Resident, Derived: true, Change: sizediff.NewChange(161_454, 161_574)},
		{Name: ".orc_unwind_ip", Kind: sizediff.Resident, Derived: true, Change: sizediff.NewChange(107_636, 107_716)},
		{Name: ".init.text", Kind: sizediff.Init, Change: sizediff.NewChange(402_118, 402_150)},
		{Name: ".data", Kind: sizediff.Resident, Change: sizediff.NewChange(2_345_415, 2_345_415)},
	}
	r.Opaque = []sizediff.OpaqueChange{{Path: "arch/x86/boot/bzImage", Status: sizediff.ImageChanged, Change: sizediff.NewChange(12_308_992, 12_309_504)}}
	r.Findings = []sizediff.Finding{
		{Rule: sizediff.RuleNewRuntimePath, Severity: sizediff.Warning, Message: "core::fmt::builders is new in the runtime", Delta: 612},
		{Rule: sizediff.RuleRuntimeGrowth, Severity: sizediff.Note, Message: "the Rust runtime grows by 612 B", Delta: 612},
	}
	r.Matching = sizediff.Matching{Exact: 61_204, HashFree: 12, Unmatched: 5}
	fmtOf := sizediff.Step{Name: "<kernel::workqueue::Queue as core::fmt::Debug>::fmt", Image: "vmlinux", Crate: "kernel", Bucket: ab}
	causedBy(r, 41, &sizediff.Location{File: "rust/kernel/workqueue.rs", Line: 212}, fmtOf)
	return r
}

// causedBy makes every symbol of the runtime that grows come from one place, and counts panic call sites that stay what they are.
func causedBy(r *sizediff.Report, panics int64, where *sizediff.Location, from sizediff.Step) {
	c := &sizediff.ReferenceCauses{
		Arrivals: []sizediff.Arrival{}, Portions: []sizediff.PortionChange{},
		Panics: sizediff.PanicChange{Sites: sizediff.NewChange(panics, panics), Functions: []sizediff.FunctionPanics{}},
	}
	from.Location = where
	for _, s := range r.Symbols {
		if s.Bucket == sizediff.BucketRuntime && s.Delta > 0 {
			to := sizediff.Step{Name: s.Name, Image: s.Image, Crate: s.Crate, Bucket: s.Bucket}
			c.Arrivals = append(c.Arrivals, sizediff.Arrival{
				Name: s.Name, Image: s.Image, Bucket: s.Bucket, Crate: s.Crate, Path: "core", Bytes: s.Change, Kept: "used", Chain: []sizediff.Step{from, to},
			})
		}
	}
	r.Causes = &sizediff.Causes{References: c, Copies: &sizediff.CopyCauses{New: []sizediff.CopyChange{}}, Exports: &sizediff.ExportCauses{}}
}

func withUsualBudgets(t sizediff.TargetResult) sizediff.TargetResult {
	return withBudgets(t, 1024, 8192)
}

// withBudgets judges a target by a budget for the runtime and one for the total.
func withBudgets(t sizediff.TargetResult, runtime, total int64) sizediff.TargetResult {
	t.Budgets = []sizediff.BudgetResult{
		judged(sizediff.BucketRuntime, runtimeOf(t.Report).Resident.Delta, runtime),
		judged(sizediff.BucketTotal, t.Report.Totals.Resident.Delta, total),
	}
	return t
}

func judged(bucket string, d, limit int64) sizediff.BudgetResult {
	b := sizediff.BudgetResult{Budget: sizediff.Budget{Bucket: bucket, Bytes: limit, Owners: []string{"@rust-for-linux-size"}}, Delta: d, Limit: limit, Status: sizediff.BudgetWithin}
	if d > limit {
		b.Status = sizediff.BudgetOver
	}
	return b
}

func suspended(t sizediff.TargetResult) sizediff.TargetResult {
	t = withUsualBudgets(t)
	for i := range t.Budgets {
		t.Budgets[i].Status = sizediff.BudgetSuspended
	}
	return t
}

func target(name string, r *sizediff.Report) sizediff.TargetResult {
	return sizediff.TargetResult{Name: name, Report: r}
}

const (
	headID  = "9f3c2a1b00000000000000000000000000000000"
	baseID  = "b41d77e000000000000000000000000000000000"
	olderID = "a07c55e000000000000000000000000000000000"
)

func exactBase() sizediff.Provenance {
	return sizediff.Provenance{
		Head: headID, Base: baseID, MergeOf: baseID, BaseChoice: sizediff.BaseExact, Commands: true,
		ReportURL: "https://size.example.org/r/1", HistoryURL: "https://size.example.org/h/1", JSONURL: "https://size.example.org/r/1.json",
		RuntimeHistory: []int64{1, 1, 2, 2, 2, 3, 3, 3, 5, 5},
	}
}

// same is a report in which nothing changed.
func same(state sizediff.State) *sizediff.Report {
	r := newReport(nil, 0, 0)
	r.State = state
	r.Images[0].Status = sizediff.ImageIdentical
	if state == sizediff.Unchanged {
		r.Images[0].Status, r.Images[0].SameSize = sizediff.ImageChanged, true
	}
	return r
}

func overReport(runtime, abstractions, drivers, derived int64) *sizediff.Report {
	r := newReport(deltas{"runtime": runtime, "abstractions": abstractions, "drivers": drivers, "derived": derived}, 0, 0)
	const rt = sizediff.BucketRuntime
	r.Symbols = []sizediff.SymbolChange{
		symbol(sizediff.BucketDrivers, "rust_binder", "rust_binder::stats::print_name", 0, drivers),
		symbol(rt, "core", "<core::str::lossy::Utf8Chunks as core::iter::Iterator>::next", 0, 448),
		symbol(rt, "core", "core::fmt::Formatter::pad", 120, 508),
		symbol(rt, "core", "core::str::count::do_count_chars", 0, 356),
		symbol(rt, "core", "core::str::count::char_count_general_case", 0, 88),
		symbol(sizediff.BucketAbstractions, "kernel", "kernel::str::CStr::display", 40, 40+abstractions),
		symbol(rt, "core", "core::slice::index::slice_end_index_len_fail", 0, 64),
	}
	if rest := runtime - 1344; rest != 0 {
		r.Symbols = append(r.Symbols, symbol(rt, "core", "core::panicking::panic_fmt", 1000, 1000+rest))
	}
	r.Runtime = []sizediff.PathChange{{Path: "core::str::lossy", Change: sizediff.NewChange(0, 448)}, {Path: "core::str::count", Change: sizediff.NewChange(0, 444)}}
	printName := sizediff.Step{Name: "rust_binder::stats::print_name", Image: "vmlinux", Crate: "rust_binder", Bucket: sizediff.BucketDrivers}
	causedBy(r, 41, &sizediff.Location{File: "drivers/android/binder/stats.rs", Line: 88}, printName)
	c := r.Causes.References
	for i := range c.Arrivals { // counting characters comes through padding
		if a := &c.Arrivals[i]; a.Name == "core::str::count::do_count_chars" {
			pad := sizediff.Step{Name: "core::fmt::Formatter::pad", Image: "vmlinux", Crate: "core", Bucket: rt}
			a.Chain = []sizediff.Step{a.Chain[0], pad, a.Chain[1]}
		}
	}
	c.Panics = sizediff.PanicChange{Sites: sizediff.NewChange(41, 44), Functions: []sizediff.FunctionPanics{
		{Name: printName.Name, Image: "vmlinux", Crate: "rust_binder", Sites: sizediff.NewChange(0, 3)},
	}}
	return r
}

func overTargets() []sizediff.TargetResult {
	return []sizediff.TargetResult{
		withUsualBudgets(target("riscv64-rust", overReport(1008, 84, 1404, 84))),
		withUsualBudgets(target("x86_64-rust", overReport(1344, 96, 1512, 264))),
		withUsualBudgets(target("arm64-rust", overReport(1292, 88, 1480, 96))),
	}
}

func toolchainReport() *sizediff.Report {
	r := newReport(deltas{"runtime": -1904, "abstractions": 2240, "drivers": -416, "derived": -32}, 0, 0)
	r.State = sizediff.ToolchainChanged
	r.Head.Fingerprint.Rustc = []string{"rustc version 1.87.0 (17067e9ac 2025-05-09)"}
	r.Head.Fingerprint.ConfigSHA256 = "c0ffef"
	r.Config = []sizediff.OptionChange{
		{Option: "CONFIG_RUSTC_LLVM_VERSION", Base: "190107", Head: "200101", Version: true},
		{Option: "CONFIG_RUSTC_VERSION_TEXT", Base: `"rustc 1.86.0 (05f9846f8 2025-03-31)"`, Head: `"rustc 1.87.0 (17067e9ac 2025-05-09)"`, Version: true},
	}
	return r
}

func configReport() *sizediff.Report {
	r := growthReport()
	r.Head.Fingerprint.ConfigSHA256 = "c0ffef"
	for _, o := range []string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"} {
		r.Config = append(r.Config, sizediff.OptionChange{Option: "CONFIG_RUST_" + o, Head: "y"})
	}
	return r
}

func failed(name string) sizediff.TargetResult {
	return sizediff.TargetResult{Name: name, Problem: &sizediff.Problem{
		Kind: sizediff.ProblemNotMeasured, Reason: "job kernel (arm64) failed in step Build", URL: "https://github.com/o/r/actions/runs/1/job/2",
	}}
}

func baseless(name, reason, remedy string, r *sizediff.Report) sizediff.TargetResult {
	return sizediff.TargetResult{Name: name, Head: r, Problem: &sizediff.Problem{
		Kind: sizediff.ProblemNotCompared, Reason: reason, Remedy: remedy, URL: "https://github.com/o/r/actions/runs/8841",
	}}
}

// fixture is one state of the product.
type fixture struct {
	name    string
	e       *sizediff.Evaluation
	verdict sizediff.Verdict
	off, on string // conclusion of the check, gate off and on
}

func fixtures() []fixture {
	exact := exactBase()
	approximate := exact
	approximate.Base, approximate.ExactBase, approximate.BaseChoice = olderID, baseID, sizediff.BaseApproximate
	approximate.MergeOf, approximate.AncestorsBack, approximate.WhyNotExact = "", 4, "its build is still running, started 11 minutes ago"
	missing := sizediff.Provenance{Head: headID, ExactBase: baseID, BaseChoice: sizediff.BaseExact, Commands: true}
	earlier := exact
	earlier.Earlier = "+2,148 B at 9f3c2a1"
	given := sizediff.Provenance{Head: "binder.zip", Base: "base.zip", BaseChoice: sizediff.BaseGiven}
	accepted := &sizediff.Acceptance{By: "maint", Head: headID, Reason: "names come from user space and must not be trusted; revisit with the new CStr printer.", Growth: []sizediff.AcceptedGrowth{
		{Target: "x86_64-rust", Bucket: "runtime", Delta: 1344}, {Target: "arm64-rust", Bucket: "runtime", Delta: 1292},
	}}
	arm := newReport(deltas{"runtime": 588, "abstractions": 1100, "drivers": 260, "padding": 32, "derived": 72}, 0, 32)
	riscv := newReport(deltas{"runtime": 540, "abstractions": 972, "drivers": 236, "padding": 32, "derived": 64}, 0, 24)
	growth := func() []sizediff.TargetResult {
		return []sizediff.TargetResult{withUsualBudgets(target("arm64-rust", arm)), withUsualBudgets(target("x86_64-rust", growthReport())), withUsualBudgets(target("riscv64-rust", riscv))}
	}
	one := func(r *sizediff.Report) []sizediff.TargetResult { return []sizediff.TargetResult{target("", r)} }
	tolerated := &sizediff.Evaluation{Provenance: exact, Policy: sizediff.LinuxKernel(), Targets: []sizediff.TargetResult{suspended(target("x86_64-rust", configReport()))}}

	return append(append(decisionFixtures(), quantityFixtures()...), []fixture{
		{name: "growth", e: &sizediff.Evaluation{Targets: growth(), Provenance: exact}, verdict: sizediff.VerdictWithin, off: Neutral, on: Success},
		{name: "growth-cli", e: &sizediff.Evaluation{Targets: one(growthReport()), Provenance: given}, verdict: sizediff.VerdictWithin, off: Neutral, on: Success},
		{name: "shrinkage", e: &sizediff.Evaluation{Targets: one(shrunkReport()), Provenance: given}, verdict: sizediff.VerdictWithin, off: Success, on: Success},
		{name: "init-only", e: &sizediff.Evaluation{Targets: one(newReport(nil, 0, 48)), Provenance: given}, verdict: sizediff.VerdictWithin, off: Neutral, on: Success},
		{name: "no-change", e: &sizediff.Evaluation{Provenance: earlier, Targets: []sizediff.TargetResult{
			withUsualBudgets(target("x86_64", same(sizediff.Identical))), withUsualBudgets(target("arm64", same(sizediff.Identical))), withUsualBudgets(target("riscv64", same(sizediff.Unchanged))),
		}}, verdict: sizediff.VerdictNoChange, off: Success, on: Success},
		{name: "identical", e: &sizediff.Evaluation{Targets: one(same(sizediff.Identical)), Provenance: given}, verdict: sizediff.VerdictNoChange, off: Success, on: Success},
		{name: "same-sizes", e: &sizediff.Evaluation{Targets: one(same(sizediff.Unchanged)), Provenance: given}, verdict: sizediff.VerdictNoChange, off: Success, on: Success},
		{name: "approximate", e: &sizediff.Evaluation{Targets: []sizediff.TargetResult{suspended(target("x86_64-rust", growthReport()))}, Provenance: approximate}, verdict: sizediff.VerdictApproximate, off: Neutral, on: Neutral},
		{name: "only-build-id", e: &sizediff.Evaluation{Targets: one(onlyBuildID()), Provenance: given}, verdict: sizediff.VerdictNoChange, off: Success, on: Success},
		{name: "same-sizes-older-base", e: &sizediff.Evaluation{Targets: []sizediff.TargetResult{target("x86_64-rust", same(sizediff.Unchanged))}, Provenance: approximate}, verdict: sizediff.VerdictApproximate, off: Neutral, on: Neutral},
		{name: "over-older-base", e: &sizediff.Evaluation{Targets: overTargets()[1:2], Provenance: approximate}, verdict: sizediff.VerdictApproximate, off: Neutral, on: Neutral},
		{name: "not-compared", e: &sizediff.Evaluation{Provenance: missing, Targets: []sizediff.TargetResult{
			baseless("x86_64-rust", "base run #8841 failed in Build kernel", "run it again on main", same(sizediff.Identical)),
			baseless("arm64-rust", "artifact of the base run expired (kept 5 days), never measured", "rebase once main has a measured commit again", same(sizediff.Identical)),
			baseless("riscv64-rust", "the target did not exist at the base", "", same(sizediff.Identical)),
		}}, verdict: sizediff.VerdictNotCompared, off: Neutral, on: Neutral},
		{name: "not-measured", e: &sizediff.Evaluation{Provenance: earlier, Targets: []sizediff.TargetResult{failed("arm64-rust"), failed("x86_64-rust")}}, verdict: sizediff.VerdictNotMeasured, off: Neutral, on: Neutral},
		{name: "one-not-measured", e: &sizediff.Evaluation{Provenance: exact, Targets: []sizediff.TargetResult{
			withUsualBudgets(target("x86_64-rust", growthReport())), failed("arm64-rust"), withUsualBudgets(target("riscv64-rust", riscv)),
		}}, verdict: sizediff.VerdictWithin, off: Neutral, on: Neutral},
		{name: "over-and-not-measured", e: &sizediff.Evaluation{Provenance: exact, Targets: append(overTargets(), failed("loongarch64"))}, verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "over", e: &sizediff.Evaluation{Targets: overTargets(), Provenance: exact}, verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "accepted", e: &sizediff.Evaluation{Targets: overTargets(), Provenance: exact, Acceptance: accepted}, verdict: sizediff.VerdictAccepted, off: Success, on: Success},
		{name: "toolchain", e: &sizediff.Evaluation{Targets: []sizediff.TargetResult{suspended(target("x86_64-rust", toolchainReport()))}, Provenance: exact}, verdict: sizediff.VerdictToolchain, off: Neutral, on: Neutral},
		{name: "config", e: tolerated, verdict: sizediff.VerdictConfig, off: Neutral, on: Neutral},
		{name: "modules", e: &sizediff.Evaluation{Targets: one(modulesReport()), Provenance: given}, verdict: sizediff.VerdictWithin, off: Success, on: Success},
		{name: "nothing", e: &sizediff.Evaluation{}, verdict: sizediff.VerdictNotMeasured, off: Neutral, on: Neutral},
	}...)
}

func onlyBuildID() *sizediff.Report {
	r := same(sizediff.Unchanged)
	r.Images[0].TextOnly = true
	r.Texts = []sizediff.TextChange{{What: "build id", Images: []string{"vmlinux"}}}
	return r
}

func shrunkReport() *sizediff.Report {
	r := newReport(deltas{"runtime": -1120, "abstractions": -2784}, 0, 0)
	r.Symbols = []sizediff.SymbolChange{
		symbol(sizediff.BucketAbstractions, "kernel", "kernel::sync::arc::Arc::<_>::drop_slow", 2784, 0),
		symbol(sizediff.BucketRuntime, "core", "core::fmt::float::float_to_decimal_common_exact", 1120, 0),
	}
	r.Runtime = []sizediff.PathChange{{Path: "core::fmt::float", Change: sizediff.NewChange(1120, 0)}}
	return r
}

// modulesReport is a new release: texts differ in all modules, one module became built-in.
func modulesReport() *sizediff.Report {
	r := newReport(deltas{"c": -19}, 0, 0)
	r.Images[0].Status, r.Images[0].Totals = sizediff.ImageIdentical, sizediff.Totals{}
	t := sizediff.TextChange{What: "vermagic", Base: "7.2.13", Head: "7.2.6", Delta: -19}
	for i := range 19 {
		path := "drivers/net/phy/m" + string(rune('a'+i)) + ".ko"
		t.Images = append(t.Images, path)
		r.Images = append(r.Images, sizediff.ImageChange{Path: path, Status: sizediff.ImageChanged, TextOnly: true, Totals: sizediff.Totals{Resident: sizediff.NewChange(4001, 4000)}})
	}
	r.Texts = []sizediff.TextChange{t}
	r.Images = append(r.Images,
		sizediff.ImageChange{Path: "drivers/android/rust_binder.ko", Status: sizediff.Removed, MovedTo: "vmlinux", Totals: sizediff.Totals{Resident: sizediff.NewChange(120_448, 0)}},
		sizediff.ImageChange{Path: "fs/ext4/ext4.ko", Status: sizediff.ImageIdentical}, sizediff.ImageChange{Path: "fs/fat/fat.ko", Status: sizediff.ImageIdentical})
	r.Base.Images, r.Head.Images = 23, 22
	return r
}

func fixtureNamed(name string) *sizediff.Evaluation {
	all := fixtures()
	return all[slices.IndexFunc(all, func(f fixture) bool { return f.name == name })].e
}
