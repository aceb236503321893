package sizediff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// unattributedShare is the share of resident bytes in percent above which a report says that it knows too little.
const unattributedShare = 20

// Evaluate judges one target: it puts findings into the report and applies the budgets of the policy. Decisions use exact
// bytes. Evaluating the same report twice replaces the findings of the first time. What is to be said of Report.Causes has to be in
// the report by then.
func Evaluate(target string, r *Report, p Policy) TargetResult {
	t := TargetResult{Name: target, Target: target, Report: r}
	r.Findings = []Finding{}
	if r.State != NotCompared {
		j := judge{target, r, &p}
		t.Budgets, t.Bands = j.budgets(), j.bands()
	}
	f := &findings{r: r}
	f.std()
	f.budgets(t.Budgets)
	f.toolchain()
	f.config()
	f.runtime()
	f.causes()
	f.unattributed()
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return severityRank(b.Severity) - severityRank(a.Severity)
	})
	return t
}

// findings adds to a report what its numbers say.
type findings struct{ r *Report }

func (f *findings) add(rule string, s Severity, image string, delta int64, format string, a ...any) {
	f.r.Findings = append(f.r.Findings, Finding{rule, s, fmt.Sprintf(format, a...), image, delta})
}

// signed prints a number of bytes with its sign and thousands separators.
func signed(n int64) string {
	s := strconv.FormatInt(abs(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if n < 0 {
		return "-" + s
	}
	return "+" + s
}

// std is no part of a kernel: its presence means that a crate was built for a host.
func (f *findings) std() {
	var std Change // in all buckets
	for _, c := range f.r.Crates {
		if c.Crate == "std" {
			std = std.Plus(c.Change)
		}
	}
	if std.Head > 0 {
		f.add(RuleStdLinked, Error, "", std.Delta, "crate std is linked, %s bytes; a kernel has no std: find the crate that asks for it", signed(std.Head)[1:])
	}
}

func (f *findings) budgets(results []BudgetResult) {
	for _, b := range results {
		if b.Status != BudgetOver {
			continue
		}
		what := b.Bucket()
		if b.Ratchet != nil {
			f.add(RuleOverRatchet, Error, "", b.Delta, "%s is %s B above its lowest of the last %s, %s B; the headroom is %s B",
				what, signed(b.Delta)[1:], Days(b.Ratchet.Window), signed(b.Ratchet.Floor.Bytes)[1:], signed(b.Limit)[1:])
			continue
		}
		if q := b.Budget.Quantity; q != "" {
			f.add(RuleOverBudget, Error, "", b.Delta, "%s %s%s: over the budget of %s%s", q.Label(), signed(b.Delta), q.unit(), signed(b.Limit)[1:], q.unit())
			continue
		}
		if b.Budget.Path != "" {
			what += " in " + b.Budget.Path
		}
		f.add(RuleOverBudget, Error, "", b.Delta, "%s %s B is over the budget of %s B", what, signed(b.Delta), signed(b.Limit)[1:])
	}
}

func (f *findings) toolchain() {
	h := f.r.Head.Fingerprint
	for _, t := range []struct {
		name string
		all  []string
	}{{"rustc", h.Rustc}, {"the C compiler", h.CC}, {"the linker", h.LD}} {
		if len(t.all) > 1 {
			f.add(RuleToolchainMixed, Warning, "", 0, "one build mixes %d versions of %s: %s", len(t.all), t.name, strings.Join(t.all, "; "))
		}
	}
	if f.r.State == ToolchainChanged {
		f.add(RuleToolchainChanged, Note, "", 0, "%s", toolchainChange(f.r.Base.Fingerprint, h))
	}
}

func toolchainChange(b, h Fingerprint) string {
	var parts []string
	for _, t := range []struct {
		name       string
		base, head []string
	}{{"rustc", b.Rustc, h.Rustc}, {"the C compiler", b.CC, h.CC}, {"the linker", b.LD, h.LD}} {
		if len(t.base) > 0 && len(t.head) > 0 && !slices.Equal(t.base, t.head) {
			parts = append(parts, fmt.Sprintf("%s changed from %s to %s", t.name, strings.Join(t.base, " and "), strings.Join(t.head, " and ")))
		}
	}
	return strings.Join(parts, "; ")
}

func (f *findings) config() {
	n := 0
	var names []string
	for _, o := range f.r.Config {
		if o.Version {
			continue
		}
		if n++; n <= 5 {
			names = append(names, o.Option)
		}
	}
	if n > 5 {
		names = append(names, fmt.Sprintf("and %d more", n-5))
	}
	if n > 0 {
		f.add(RuleConfigChanged, Note, "", 0, "%d configuration options differ: %s", n, strings.Join(names, ", "))
	}
}

// runtime says that the Rust runtime grew, and which parts of it are new.
func (f *findings) runtime() {
	if f.r.State == NotCompared {
		return
	}
	if stripped := f.r.Stripped(); len(stripped) > 0 {
		f.add(RuleStripped, Warning, "", 0, "%s, so what of its change is Rust is not known; measure before strip", isStripped(stripped))
		return
	}
	var runtime Change
	for _, b := range f.r.Buckets {
		if b.Name == BucketRuntime {
			runtime = b.Resident
		}
	}
	if runtime.Delta > 0 {
		f.add(RuleRuntimeGrowth, Warning, "", runtime.Delta, "the Rust runtime grows by %s B to %s B", signed(runtime.Delta)[1:], signed(runtime.Head)[1:])
	}
	for _, p := range f.r.Runtime {
		if p.Base == 0 && p.Head > 0 {
			f.add(RuleNewRuntimePath, Note, "", p.Delta, "%s is new in this build, %s B", p.Path, signed(p.Head)[1:])
		}
	}
}

func (f *findings) unattributed() {
	for _, b := range f.r.Buckets {
		total := f.r.Totals.Resident.Head
		if b.Name == BucketUnattributed && total > 0 && b.Resident.Head*100 > total*unattributedShare {
			f.add(RuleUnattributed, Warning, "", b.Resident.Delta, "%d %% of the resident bytes (%s B) have no owner; a stripped image tells too little: measure it before strip",
				b.Resident.Head*100/total, signed(b.Resident.Head)[1:])
		}
	}
}
