package render

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

// randomTargets have up to twelve buckets with changes of every size, and do not always close.
func randomTargets(rng *rand.Rand) []sizediff.TargetResult {
	names := []string{"runtime", "abstractions", "drivers", "helpers", "c", "derived", "padding", "unattributed", "extra1", "extra2", "extra3", "extra4"}
	names = names[:1+rng.IntN(len(names))]
	var targets []sizediff.TargetResult
	for k := range 1 + rng.IntN(5) {
		r := &sizediff.Report{State: sizediff.Changed}
		for _, n := range names {
			d := int64(0)
			if rng.IntN(3) > 0 {
				d = rng.Int64N(1<<uint(1+rng.IntN(30))) - rng.Int64N(1<<uint(1+rng.IntN(30)))
			}
			c := sizediff.NewChange(1<<31, 1<<31+d)
			r.Buckets = append(r.Buckets, sizediff.BucketChange{Name: n, Label: n, Resident: c})
			r.Totals.Resident = r.Totals.Resident.Plus(c)
		}
		if rng.IntN(4) == 0 {
			r.Totals.Resident = r.Totals.Resident.Plus(sizediff.NewChange(0, 7))
		}
		if rng.IntN(2) == 0 {
			r.Totals.Init = sizediff.NewChange(5, 9)
		}
		t := target(fmt.Sprint("t", k), r)
		if rng.IntN(2) == 0 {
			t = withBudgets(t, rng.Int64N(5000), rng.Int64N(5000))
		}
		targets = append(targets, t)
	}
	return targets
}

func TestFirstTableAddsUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		targets := randomTargets(rng)
		v := newView(&sizediff.Evaluation{Targets: targets})
		rows := firstTable(v.compared)
		if len(rows) > maxRows {
			t.Fatalf("%d rows", len(rows))
		}
		for k, target := range v.compared {
			var sum int64
			for _, r := range rows {
				if r.kind == rowBucket || r.kind == rowOther || r.kind == rowGap {
					sum += r.changes[k].Delta
				}
			}
			if sum != target.Report.Totals.Resident.Delta || rows[0].changes[k].Delta != sum {
				t.Fatalf("rows add up to %d, total is %d", sum, target.Report.Totals.Resident.Delta)
			}
		}
		if !slices.ContainsFunc(rows, func(r row) bool { return r.bucket == sizediff.BucketRuntime }) {
			t.Fatal("the runtime has no row")
		}
	}
}

// The same evaluation renders the same, whatever the order of its targets.
func TestOrderOfTargetsDoesNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		targets := randomTargets(rng)
		a := asMarkdown(t, &sizediff.Evaluation{Targets: targets}, MarkdownOptions{})
		shuffled := slices.Clone(targets)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if b := asMarkdown(t, &sizediff.Evaluation{Targets: shuffled}, MarkdownOptions{}); a != b {
			t.Fatalf("the order of the targets changes the comment:\n%s\n%s", a, b)
		}
	}
}

// bigEvaluation has so much of everything that the comment must be shortened.
func bigEvaluation(targets, symbols, nameLength int) *sizediff.Evaluation {
	e := &sizediff.Evaluation{Provenance: exactBase()}
	for k := range targets {
		r := growthReport()
		r.Symbols = nil
		for i := range symbols {
			name := fmt.Sprintf("kernel::m%d::%s", i, strings.Repeat("x", nameLength))
			r.Symbols = append(r.Symbols, symbol("runtime", "core", name, 0, int64(symbols-i)))
			r.Runtime = append(r.Runtime, sizediff.PathChange{Path: name, Change: sizediff.NewChange(0, 5)})
			r.Images[0].Sections = append(r.Images[0].Sections, sizediff.SectionChange{Name: name, Kind: sizediff.Resident, Change: sizediff.NewChange(0, 5)})
		}
		e.Targets = append(e.Targets, withUsualBudgets(target(fmt.Sprintf("target-%03d", k), r)))
	}
	return e
}

func TestLadder(t *testing.T) {
	for _, x := range []struct {
		targets, symbols, name int
		says                   []string
	}{
		{1, 100, 30, []string{"58 smaller changes left out"}},
		{3, 200, 100, []string{"smaller changes left out"}},
		{6, 400, 150, []string{"smaller changes left out"}},
		{300, 50, 150, []string{"Symbols, images and sections of", "294 more targets"}},
	} {
		e := bigEvaluation(x.targets, x.symbols, x.name)
		out := asMarkdown(t, e, MarkdownOptions{Top: 42, Marker: "<!-- m -->"})
		checkKept(t, out, defaultMaxBytes)
		for _, s := range x.says {
			if !strings.Contains(out, s) {
				t.Errorf("%+v: does not say %q", x, s)
			}
		}
	}
}

// Every smaller limit is kept, and what was there before and is gone is announced.
func TestLadderAtEveryLimit(t *testing.T) {
	e := bigEvaluation(4, 120, 120)
	full := asMarkdown(t, e, MarkdownOptions{MaxBytes: 1 << 30, Top: -1, Marker: "<!-- m -->"})
	if strings.Contains(full, "left out") {
		t.Error("something is left out without need")
	}
	announced := map[string]string{
		"Text for the commit message</summary>": "commit message is left out",
		"(target-001)</summary>":                "Symbols, images and sections of target-001",
		"(target-000)</summary>":                "Symbols, images and sections of target-000",
	}
	for piece := range announced {
		if !strings.Contains(full, piece) {
			t.Fatalf("%q is not in the full comment", piece)
		}
	}
	for limit := len(full); limit >= minMaxBytes; limit = limit * 9 / 10 {
		out := asMarkdown(t, e, MarkdownOptions{MaxBytes: limit, Top: -1, Marker: "<!-- m -->"})
		checkKept(t, out, limit)
		if len(out) < len(full) && !strings.Contains(out, "left out") {
			t.Errorf("limit %d: shorter without saying so", limit)
		}
		for piece, words := range announced {
			if !strings.Contains(out, piece) && !strings.Contains(out, words) && !strings.Contains(out, "explanation, symbols, sections and images are left out") {
				t.Errorf("limit %d: %q is gone and nothing says it", limit, piece)
			}
		}
		if n := strings.Count(out, "<details>"); n != strings.Count(out, "</details>") {
			t.Errorf("limit %d: unbalanced folds", limit)
		}
	}
}

func checkKept(t *testing.T, out string, limit int) {
	t.Helper()
	if len(out) > limit {
		t.Errorf("%d bytes, the limit is %d", len(out), limit)
	}
	if !strings.HasPrefix(out, "**Kernel grows by 2,148 B; Rust runtime +612 B, within budget (59 % of 1,024 B).**") {
		t.Errorf("the verdict is lost: %.200s", out)
	}
	for _, s := range []string{"| **Resident total** |", "compared with `b41d77e` (exact base)", "[full report]("} {
		if !strings.Contains(out, s) {
			t.Errorf("limit %d: %q is lost", limit, s)
		}
	}
	if !strings.HasSuffix(out, "<!-- m -->\n") {
		t.Errorf("limit %d: the marker is not at the end", limit)
	}
}

func TestCheckSummaryFits(t *testing.T) {
	e := bigEvaluation(8, 500, 150)
	for _, limit := range []int{0, 65_535, 20_000, 5_000} {
		out := rendered(t, func(w ioWriter) error { return CheckSummary(w, e, limit) })
		most := limit
		if most == 0 {
			most = 65_535
		}
		if len(out) > most || !strings.HasPrefix(out, "**Kernel grows") {
			t.Errorf("limit %d: %d bytes, %.60s", limit, len(out), out)
		}
	}
}

// Names of targets and reasons can be so long that not even the first table fits.
func TestShortest(t *testing.T) {
	e := bigEvaluation(6, 0, 0)
	for i := range e.Targets {
		e.Targets[i].Name = strings.Repeat("<@&>", 40) + fmt.Sprint(i)
	}
	e.Targets[2] = failed(strings.Repeat("[x](y)", 30))
	e.Targets[2].Problem.Reason = strings.Repeat("@everyone #1 ", 400)
	out := asMarkdown(t, e, MarkdownOptions{MaxBytes: 1})
	if len(out) > minMaxBytes || !strings.Contains(out, "left out") || !strings.HasPrefix(out, "**") {
		t.Errorf("%d bytes: %s", len(out), out)
	}
}
