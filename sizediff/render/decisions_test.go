package render

import (
	"html"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// The states that come from what maintainers set and decide.

const days = 24 * time.Hour

// ratcheted judges a target by a ratchet on the runtime as well. delta is the distance from the floor.
func ratcheted(t sizediff.TargetResult, delta, headroom int64) sizediff.TargetResult {
	b := sizediff.BudgetResult{
		Budget: sizediff.Budget{Bucket: sizediff.BucketRuntime, Bytes: headroom}, Delta: delta, Limit: headroom, Status: sizediff.BudgetWithin,
		Ratchet: &sizediff.RatchetResult{
			Window: 90 * days, Floor: sizediff.Floor{Bytes: runtimeOf(t.Report).Resident.Head - delta, SHA: baseID, Since: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)},
			Growth: runtimeOf(t.Report).Resident.Delta,
		},
	}
	if delta > headroom && b.Ratchet.Growth > 0 {
		b.Status = sizediff.BudgetOver
	}
	t.Budgets = append(slices.Clone(t.Budgets), b)
	return t
}

func notJudged(t sizediff.TargetResult, b sizediff.BudgetResult, why string) sizediff.TargetResult {
	b.Status, b.Why = sizediff.BudgetNotJudged, why
	t.Budgets = append(slices.Clone(t.Budgets), b)
	return t
}

// exempt holds all budgets of a target, as Evaluate does for an exemption.
func exempt(t sizediff.TargetResult, x *sizediff.Exemption) sizediff.TargetResult {
	t.Budgets = slices.Clone(t.Budgets)
	for i := range t.Budgets {
		t.Budgets[i].Status, t.Budgets[i].Why = sizediff.BudgetSuspended, x.Reason
		if x.Unlimited {
			t.Budgets[i].Status = sizediff.BudgetNotJudged
		}
	}
	return t
}

func acceptance(e *sizediff.Evaluation, buckets ...string) *sizediff.Acceptance {
	a := &sizediff.Acceptance{By: "maint", Head: headID, Reason: "names come from user space and must not be trusted."}
	for _, g := range e.Exceeded() {
		if len(buckets) == 0 || slices.Contains(buckets, g.Bucket) {
			a.Growth = append(a.Growth, g)
		}
	}
	return a
}

func noisyReport() *sizediff.Report {
	r := newReport(deltas{"runtime": 24, "c": -8}, 0, 0)
	r.Symbols = []sizediff.SymbolChange{symbol(sizediff.BucketRuntime, "core", "core::fmt::write", 400, 424)}
	return r
}

func withBands(t sizediff.TargetResult, n int64) sizediff.TargetResult {
	t.Bands = map[string]int64{sizediff.BucketTotal: n}
	for _, b := range t.Report.Buckets {
		t.Bands[b.Name] = n
	}
	return t
}

func decisionFixtures() []fixture {
	exact := exactBase()
	over := func(change func(*sizediff.Evaluation)) *sizediff.Evaluation {
		e := &sizediff.Evaluation{Targets: overTargets(), Provenance: exact}
		change(e)
		return e
	}
	all := func(t ...sizediff.TargetResult) *sizediff.Evaluation {
		return &sizediff.Evaluation{Targets: t, Provenance: exact}
	}
	usual := func() sizediff.TargetResult { return withUsualBudgets(target("x86_64-rust", growthReport())) }
	label := &sizediff.Exemption{Reason: "label rust-upgrade, set by maint"}
	revert := &sizediff.Exemption{Reason: "a revert of #12", Unlimited: true}
	ratchet := sizediff.BudgetResult{Budget: sizediff.Budget{Bucket: sizediff.BucketRuntime, Percent: 5}, Ratchet: &sizediff.RatchetResult{Window: 90 * days}}
	sources := sizediff.BudgetResult{Budget: sizediff.Budget{Path: "mm/**", Sources: true, Bytes: 4096}, Limit: 4096}

	exempted, reverted := all(exempt(usual(), label)), all(exempt(ratcheted(usual(), 2000, 1024), revert))
	exempted.Policy.Exempt, reverted.Policy.Exempt = label, revert
	ratchets := all(ratcheted(usual(), 900, 1024), notJudged(notJudged(withUsualBudgets(target("arm64-rust", growthReport())), ratchet, "no size of the last 90 days is known"), sources, "the measurement knows no source files"))
	ratchets.Targets[0] = notJudged(ratchets.Targets[0], sources, "the measurement knows no source files")
	idle := all(ratcheted(withUsualBudgets(target("x86_64-rust", shrunkReport())), 2000, 1024))

	return []fixture{
		{name: "accepted-carried", e: over(func(e *sizediff.Evaluation) {
			e.Acceptance = acceptance(e)
			e.Acceptance.CarriedFrom = olderID
			e.Acceptance.Growth[0].Delta += 100
		}), verdict: sizediff.VerdictAccepted, off: Success, on: Success},
		{name: "accepted-button", e: over(func(e *sizediff.Evaluation) {
			e.Acceptance = acceptance(e)
			e.Acceptance.Button, e.Acceptance.Reason = true, ""
		}), verdict: sizediff.VerdictAccepted, off: Success, on: Success},
		{name: "accepted-partly", e: over(func(e *sizediff.Evaluation) {
			for i, t := range e.Targets {
				e.Targets[i] = withBudgets(t, 1024, 2900)
			}
			e.Acceptance = acceptance(e, sizediff.BucketRuntime)
		}), verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "accepted-before", e: over(func(e *sizediff.Evaluation) { // nobody said yet that it lapsed
			e.Acceptance = acceptance(e)
			for i := range e.Acceptance.Growth {
				e.Acceptance.Growth[i].Delta -= 100
			}
		}), verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "lapsed", e: over(func(e *sizediff.Evaluation) {
			e.Lapsed = &sizediff.Lapse{By: "maint", Head: olderID, Reason: "needed", Why: "Rust runtime grew from +1,100 B to +1,344 B"}
		}), verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "justified", e: over(func(e *sizediff.Evaluation) {
			e.Justification = "debugfs has to print names; the formatting code is shared with the next driver."
		}), verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "by-trailer", e: over(func(e *sizediff.Evaluation) {
			e.Justification, e.Policy.TrailerBypasses = "debugfs has to print names", true
		}), verdict: sizediff.VerdictByTrailer, off: Success, on: Success},
		{name: "ratchet-over", e: all(ratcheted(usual(), 1344, 1024)), verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "ratchet-accepted", e: func() *sizediff.Evaluation {
			e := all(ratcheted(usual(), 1344, 1024))
			e.Acceptance = acceptance(e)
			return e
		}(), verdict: sizediff.VerdictAccepted, off: Success, on: Success},
		{name: "ratchets", e: ratchets, verdict: sizediff.VerdictWithin, off: Neutral, on: Success},
		{name: "ratchet-idle", e: idle, verdict: sizediff.VerdictWithin, off: Success, on: Success},
		{name: "noise", e: all(withBands(withUsualBudgets(target("x86_64-rust", noisyReport())), 32), withUsualBudgets(target("arm64-rust", same(sizediff.Identical)))),
			verdict: sizediff.VerdictNoise, off: Success, on: Success},
		{name: "exempt-label", e: exempted, verdict: sizediff.VerdictExempt, off: Neutral, on: Success},
		{name: "exempt-revert", e: reverted, verdict: sizediff.VerdictExempt, off: Neutral, on: Success},
		{name: "proposal", e: over(func(e *sizediff.Evaluation) {
			old := sizediff.Policy{
				Budgets:  []sizediff.Budget{{Bucket: sizediff.BucketRuntime, Bytes: 1024}, {Bytes: 8192}, {Bucket: sizediff.BucketRuntime, Path: "drivers/**", Bytes: 64}},
				Ratchets: []sizediff.Ratchet{{Bucket: sizediff.BucketRuntime, Bytes: 1024, Window: 90 * days}},
			}
			loose := sizediff.Policy{
				Budgets:  []sizediff.Budget{{Bucket: sizediff.BucketRuntime, Bytes: 2048}, {Bytes: 8192}},
				Ratchets: []sizediff.Ratchet{{Bucket: sizediff.BucketRuntime, Bytes: 4096, Window: 30 * days}},
			}
			e.Proposal = &sizediff.Proposal{
				Title: "+3,216 B, Rust runtime +1,344 B (65 % of budget)", Verdict: sizediff.VerdictWithin,
				Loosened: sizediff.Loosen(old, loose, e.Targets), Weaker: []string{"gate.mode goes from enforce to report"},
			}
		}), verdict: sizediff.VerdictOver, off: Neutral, on: Failure},
		{name: "proposal-faults", e: func() *sizediff.Evaluation {
			e := all(usual())
			e.Proposal = &sizediff.Proposal{Faults: 2}
			return e
		}(), verdict: sizediff.VerdictWithin, off: Neutral, on: Success},
	}
}

func TestStyleText(t *testing.T) {
	o := MarkdownOptions{Style: StyleText, FoldBelow: 64, Top: 5, Mention: []string{"@rust-for-linux-size", "@org/team_a"}, Marker: "<!-- oxidometer:v1 -->"}
	for _, name := range []string{"growth", "over", "accepted-partly", "one-not-measured", "no-change", "not-compared", "ratchet-over", "quantity-over"} {
		golden(t, name+".style-text.md", asMarkdown(t, fixtureNamed(name), o))
	}
}

func TestDecisionsInJSON(t *testing.T) {
	for _, name := range []string{"ratchet-accepted", "exempt-label", "accepted-partly", "proposal", "noise", "quantity-accepted", "quantity-unknown", "quantity-proposal"} {
		e := *fixtureNamed(name)
		if name != "accepted-partly" {
			e.Targets = e.Targets[:1]
		}
		for i := range e.Targets { // the rest of a report is held elsewhere
			r := *e.Targets[i].Report
			r.Symbols, r.Images, r.Buckets, r.Crates, r.Runtime, r.Causes = nil, nil, nil, nil, nil, nil
			e.Targets[i].Report = &r
		}
		golden(t, name+".json", rendered(t, func(w io.Writer) error { return JSON(w, &e) }))
	}
}

// TestEveryFormatTellsDecisions: what people decided is in text, Markdown and HTML, in the same words.
func TestEveryFormatTellsDecisions(t *testing.T) {
	for name, says := range map[string][]string{
		"justified":       {"The author's justification:", "debugfs has to print names"},
		"by-trailer":      {"justified by its author only, unreviewed", "The author's justification:"},
		"lapsed":          {"The acceptance by maint for a07c55e no longer holds: Rust runtime grew from +1,100 B to +1,344 B."},
		"accepted-before": {"The acceptance by maint for 9f3c2a1 no longer holds: Rust runtime of x86_64-rust grew from +1,244 B to +1,344 B."},
		"accepted-partly": {"accepted by maint for 9f3c2a1", "Resident total +3,216 B: over the 2,900 B budget"},
		"ratchet-over":    {"Rust runtime is 1,344 B above its lowest of the last 90 days (38,180 B at b41d77e), headroom 1,024 B"},
		"ratchets":        {"The ratchet on Rust runtime is not judged: no size of the last 90 days is known", "The budget of Resident total in the source files mm/** is not judged: the measurement knows no source files"},
		"exempt-label":    {"Budget not applied: label rust-upgrade, set by maint."},
		"exempt-revert":   {"Budget not applied: a revert of #12."},
		"noise":           {"No change beyond noise: +16 B (band ±32 B)."},
		"proposal": {"This pull request raises the budget of Rust runtime from 1,024 B to 2,048 B and uses 1,344 B of it (x86_64-rust, arm64-rust 1,292 B, riscv64-rust 1,008 B).",
			"with the new one the check would say", "gate.mode goes from enforce to report"},
		"proposal-faults": {"the new one has 2 faults"},
		"quantity-over": {"Panic call sites +4: over the budget of 2; also over: duplicates +300 (budget 256).", "parts of the runtime: +1,816 of 4,096 B (44 %), within",
			"4 more panic call sites (312 → 316): rust_binder::process::Process::debug_print +3", "14 more exports of Rust symbols: 1,204 B of names and 448 B of entries",
			"1,204 B of the runtime were there before and are used for the first time: core::unicode::printable 1,204 B; first by rust_binder::process::Process::debug_print"},
		"quantity-over-alone": {"Panic call sites +4: over the budget of 2."},
		"quantity-unknown":    {"The budget of panic call sites is not judged: the references between symbols are not known of both builds; measure them again"},
		"quantity-accepted":   {"Panic call sites +4: over budget, accepted by maint", "Valid until panic call sites grow beyond +4, or duplicates grow beyond +300 B."},
		"quantity-partly":     {"Duplicates +300 B: over the 256 B budget.", "Only panic call sites +4 are accepted by maint"},
		"quantity-exempt":     {"Budget not applied: label rust-upgrade, set by maint.", "call sites: +4 of 2, not applied"},
		"quantity-proposal": {"raises the budget of panic call sites from 2 to 8 and uses 4 of it", "removes the budget of duplicates (256 B) and grows duplicates by 300 B",
			"removes the budget of exports (2,048 B) and grows exports by 1,652 B"},
	} {
		e := fixtureNamed(name)
		for format, out := range map[string]string{"text": asText(t, e), "markdown": asMarkdown(t, e, MarkdownOptions{}), "html": asHTML(t, e)} {
			flat := flatten(out)
			for _, s := range says {
				if !strings.Contains(flat, flatten(s)) {
					t.Errorf("%s as %s does not say %q", name, format, s)
				}
			}
		}
	}
}

var notWords = regexp.MustCompile("<[^>]*>|[`*\\s]")

// flatten leaves of a text what every format writes the same way.
func flatten(s string) string { return notWords.ReplaceAllString(html.UnescapeString(s), "") }

// TestConclusions holds the table of states and conclusions against the keys of the gate.
func TestConclusions(t *testing.T) {
	strict := sizediff.Gate{Enforce: true, OverBudget: ActionRequired, MissingBase: ActionRequired, NotMeasured: Failure, ApproximateBase: ActionRequired}
	lax := sizediff.Gate{Enforce: true, MissingBase: Success, NotMeasured: Success, ApproximateBase: Success}
	for name, want := range map[string][2]string{
		"no-change": {Success, Success}, "noise": {Success, Success}, "growth": {Success, Success}, "shrinkage": {Success, Success},
		"over": {ActionRequired, Failure}, "accepted": {Success, Success}, "accepted-partly": {ActionRequired, Failure}, "lapsed": {ActionRequired, Failure},
		"by-trailer": {Success, Success}, "approximate": {ActionRequired, Success}, "over-older-base": {ActionRequired, Success},
		"not-compared": {ActionRequired, Success}, "not-measured": {Failure, Success}, "nothing": {Failure, Success}, "one-not-measured": {Failure, Success},
		"over-and-not-measured": {Failure, Failure}, "toolchain": {Neutral, Neutral}, "config": {Neutral, Neutral}, "exempt-label": {Success, Success},
	} {
		e := fixtureNamed(name)
		if got := [2]string{CheckConclusion(e, strict), CheckConclusion(e, lax)}; got != want {
			t.Errorf("%s: %s when strict and %s when lax, want %s and %s", name, got[0], got[1], want[0], want[1])
		}
	}
	strict.Enforce = false
	for _, f := range fixtures() {
		if got := CheckConclusion(f.e, strict); got != Neutral && got != Success {
			t.Errorf("%s: %s although the gate only reports", f.name, got)
		}
	}
}

// TestMentions: the only mentions are those that were asked for, when a budget is over, once.
func TestMentions(t *testing.T) {
	mentions := regexp.MustCompile(`@[A-Za-z0-9]`)
	asked := []string{"@org/rust-size", "@maint", "@maint", "@everyone <b>", "everyone", "@-x", "@org/a/b", "@x\n@y"}
	for _, f := range fixtures() {
		out := asMarkdown(t, f.e, MarkdownOptions{Mention: asked})
		want := 0
		if f.verdict == sizediff.VerdictOver && f.e.Provenance.BaseChoice == sizediff.BaseExact {
			want = 2
		}
		if got := len(mentions.FindAllString(out, -1)); got != want {
			t.Errorf("%s: %d mentions, want %d", f.name, got, want)
		}
		if want > 0 && !strings.Contains(out, "owners: @org/rust-size, @maint, <code>") && !strings.Contains(out, "owners: @org/rust-size, @maint\n") {
			t.Errorf("%s: not where the owners stand", f.name)
		}
		if out := asMarkdown(t, f.e, MarkdownOptions{}); mentions.MatchString(out) {
			t.Errorf("%s: a mention that nobody asked for", f.name)
		}
	}
}

// TestNoCommandsWithoutAnAnswer: a slash command is only recommended where somebody answers, with the prefix that is answered.
func TestNoCommandsWithoutAnAnswer(t *testing.T) {
	for _, f := range fixtures() {
		e := *f.e
		e.Provenance.Commands = false
		if out := asMarkdown(t, &e, MarkdownOptions{}) + asText(t, &e) + asHTML(t, &e); strings.Contains(out, "/size ") {
			t.Errorf("%s: recommends a command to nobody", f.name)
		}
		e.Provenance.Commands, e.Provenance.CommandPrefix = true, "/bytes"
		if out := asMarkdown(t, &e, MarkdownOptions{}) + asText(t, &e) + asHTML(t, &e); strings.Contains(out, "/size ") {
			t.Errorf("%s: recommends a command with another prefix", f.name)
		}
		e.Provenance.CommandPrefix = "/x`</p> @y"
		if out := asMarkdown(t, &e, MarkdownOptions{}); strings.Contains(out, "</p>") {
			t.Errorf("%s: a prefix that is no word", f.name)
		}
	}
}

// TestFoldedSymbolsAddUp: the rows of a folded block have the same sum as those of a whole one.
func TestFoldedSymbolsAddUp(t *testing.T) {
	r := &sizediff.Report{Symbols: []sizediff.SymbolChange{
		symbol("c", "", "grows", 100, 120), symbol("c", "", "tiny", 8, 12), symbol("c", "", "tinier", 9, 6), symbol("c", "", "is_new", 0, 15), symbol("c", "", "shrinks", 864, 848),
	}}
	r.Closing.Resident.Named = sizediff.NewChange(10_000, 10_020)
	want := `add/remove: 1/0 grow/shrink: 2/2 up/down: 39/-19 (20)
Function                                     old     new   delta
grows                                        100     120     +20
shrinks                                      864     848     -16
(3 changes below 16 B)                        17      33     +16
Total: Before=10000, After=10020, chg +0.20%
`
	if d := cmp.Diff(want, bloatBlock(r, "Function", -1, 80, 16)); d != "" {
		t.Error(d)
	}
	for _, fold := range []int64{0, 1, 4} { // nothing, or a single one
		if d := cmp.Diff(bloatBlock(r, "Function", -1, 80, 0), bloatBlock(r, "Function", -1, 80, fold)); d != "" {
			t.Errorf("below %d: %s", fold, d)
		}
	}
	if out := bloatBlock(r, "Function", 1, 80, 16); !strings.Contains(out, "(1 smaller change not shown)\n(3 changes below 16 B)") {
		t.Errorf("with one row:\n%s", out)
	}
}

// TestRandomDecisions renders whatever budgets, ratchets and acceptances there can be: nothing panics, and what is over and not
// accepted is never called accepted.
func TestRandomDecisions(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 400 {
		e := &sizediff.Evaluation{Targets: randomTargets(rng), Provenance: exactBase()}
		for i, tr := range e.Targets {
			if rng.IntN(2) == 0 {
				e.Targets[i] = ratcheted(tr, rng.Int64N(9000)-1000, rng.Int64N(5000))
			}
			if rng.IntN(2) == 0 {
				b := judged("", rng.Int64N(9)-2, rng.Int64N(5))
				b.Budget.Quantity = sizediff.Quantities()[rng.IntN(4)]
				e.Targets[i].Budgets = append(slices.Clone(e.Targets[i].Budgets), b)
			}
		}
		if growth := e.Exceeded(); rng.IntN(3) > 0 {
			for i := range growth {
				growth[i].Delta += rng.Int64N(3) - 1
			}
			rng.Shuffle(len(growth), func(i, j int) { growth[i], growth[j] = growth[j], growth[i] })
			e.Acceptance = &sizediff.Acceptance{By: "maint", Growth: growth[:rng.IntN(len(growth)+1)]}
		}
		e.Policy.TrailerBypasses = rng.IntN(4) == 0
		if rng.IntN(2) == 0 {
			e.Justification = "why"
		}
		title, conclusion, md := CheckTitle(e), CheckConclusion(e, sizediff.Gate{Enforce: true}), asMarkdown(t, e, MarkdownOptions{Style: []Style{StyleTable, StyleText}[rng.IntN(2)]})
		if conclusion == Failure && strings.Contains(title, "accepted") {
			t.Fatalf("%s is called %s", conclusion, title)
		}
		if e.Verdict() == sizediff.VerdictOver != (conclusion == Failure) || conclusion == Failure && !strings.Contains(md, "over the ") {
			t.Fatalf("%s: %s, %s", e.Verdict(), conclusion, md)
		}
		_, _ = asText(t, e), asHTML(t, e)
	}
}

// TestNotesFit: long notes do not break the limit of a comment.
func TestNotesFit(t *testing.T) {
	for _, style := range []Style{StyleTable, StyleText} {
		e := bigEvaluation(3, 60, 120)
		e.Justification = strings.Repeat("@because ", 5000)
		e.Proposal = &sizediff.Proposal{Title: strings.Repeat("long <b> ", 500)}
		for range 50 {
			e.Proposal.Weaker = append(e.Proposal.Weaker, strings.Repeat("@weak ", 500))
		}
		for i := range e.Targets {
			for k := range 30 {
				e.Targets[i] = notJudged(e.Targets[i], sizediff.BudgetResult{Budget: sizediff.Budget{Path: strings.Repeat("*", 100+k), Sources: true}}, "nobody knows")
			}
		}
		for limit := 100_000; limit >= minMaxBytes; limit = limit * 6 / 10 {
			out := asMarkdown(t, e, MarkdownOptions{MaxBytes: limit, Top: -1, Style: style})
			if len(out) > limit || !strings.HasPrefix(out, "**Kernel grows") || !strings.Contains(out, "exact base") {
				t.Errorf("%s at %d: %d bytes, %.80s", style, limit, len(out), out)
			}
		}
	}
}
