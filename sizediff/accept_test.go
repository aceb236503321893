package sizediff_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// over is a target whose runtime is over budget by a number of bytes, and whose ratchet on the total is over as well if asked.
func over(name string, runtime int64, ratchet bool) sizediff.TargetResult {
	t := sizediff.TargetResult{Name: name, Report: &sizediff.Report{State: sizediff.Changed, Buckets: []sizediff.BucketChange{{Name: "runtime", Label: "Rust runtime"}}}}
	t.Budgets = []sizediff.BudgetResult{
		{Budget: sizediff.Budget{Bucket: "runtime", Bytes: 1024}, Delta: runtime, Limit: 1024, Status: sizediff.BudgetOver},
		{Budget: sizediff.Budget{Bytes: 8192}, Delta: 5000, Limit: 8192, Status: sizediff.BudgetWithin},
	}
	if ratchet {
		t.Budgets = append(t.Budgets, sizediff.BudgetResult{Delta: 700, Limit: 512, Status: sizediff.BudgetOver, Ratchet: &sizediff.RatchetResult{}})
	}
	return t
}

func TestAcceptance(t *testing.T) {
	runtime := sizediff.AcceptedGrowth{Target: "x86_64", Bucket: "runtime", Delta: 1344}
	total := sizediff.AcceptedGrowth{Target: "x86_64", Ratchet: true, Delta: 700}
	arm := sizediff.AcceptedGrowth{Target: "arm64", Bucket: "runtime", Delta: 1292}
	noisy := over("x86_64", 1376, false)
	noisy.Budgets[0].Band = 32
	noisier := over("x86_64", 1377, false)
	noisier.Budgets[0].Band = 32
	within := over("x86_64", 1000, false)
	within.Budgets[0].Status = sizediff.BudgetWithin
	inPath := over("x86_64", 1344, false)
	inPath.Budgets[0].Budget.Path = "vmlinux"
	tests := []struct {
		name    string
		targets []sizediff.TargetResult
		growth  []sizediff.AcceptedGrowth
		want    sizediff.Verdict
		lapsed  string
	}{
		{"the same", []sizediff.TargetResult{over("x86_64", 1344, false)}, []sizediff.AcceptedGrowth{runtime}, sizediff.VerdictAccepted, ""},
		{"smaller", []sizediff.TargetResult{over("x86_64", 1025, false)}, []sizediff.AcceptedGrowth{runtime}, sizediff.VerdictAccepted, ""},
		{"one byte more", []sizediff.TargetResult{over("x86_64", 1345, false)}, []sizediff.AcceptedGrowth{runtime}, sizediff.VerdictOver,
			"Rust runtime of x86_64 grew from +1,344 B to +1,345 B"},
		{"more by the noise", []sizediff.TargetResult{noisy}, []sizediff.AcceptedGrowth{runtime}, sizediff.VerdictAccepted, ""},
		{"more by more than the noise", []sizediff.TargetResult{noisier}, []sizediff.AcceptedGrowth{runtime}, sizediff.VerdictOver,
			"Rust runtime of x86_64 grew from +1,344 B to +1,377 B"},
		{"nothing is listed", []sizediff.TargetResult{over("x86_64", 1344, false)}, nil, sizediff.VerdictOver,
			"Rust runtime of x86_64 +1,344 B is over budget and was not accepted"},
		{"within budget by now", []sizediff.TargetResult{within}, []sizediff.AcceptedGrowth{runtime}, sizediff.VerdictWithin, ""},
		{"another target", []sizediff.TargetResult{over("x86_64", 1344, false)}, []sizediff.AcceptedGrowth{arm}, sizediff.VerdictOver,
			"Rust runtime of x86_64 +1,344 B is over budget and was not accepted"},
		{"one target of two", []sizediff.TargetResult{over("x86_64", 1344, false), over("arm64", 1292, false)}, []sizediff.AcceptedGrowth{runtime}, sizediff.VerdictOver,
			"Rust runtime of arm64 +1,292 B is over budget and was not accepted"},
		{"both targets", []sizediff.TargetResult{over("x86_64", 1344, false), over("arm64", 1292, false)}, []sizediff.AcceptedGrowth{arm, runtime}, sizediff.VerdictAccepted, ""},
		{"a ratchet is something else", []sizediff.TargetResult{over("x86_64", 1344, true)}, []sizediff.AcceptedGrowth{runtime, {Target: "x86_64", Bucket: "total", Delta: 9999}},
			sizediff.VerdictOver, "Resident total of x86_64 is 700 B above its lowest, which was not accepted"},
		{"budget and ratchet", []sizediff.TargetResult{over("x86_64", 1344, true)}, []sizediff.AcceptedGrowth{runtime, total}, sizediff.VerdictAccepted, ""},
		{"a ratchet that went further", []sizediff.TargetResult{over("x86_64", 1344, true)}, []sizediff.AcceptedGrowth{runtime, {Target: "x86_64", Bucket: "total", Ratchet: true, Delta: 699}},
			sizediff.VerdictOver, "Resident total of x86_64 went from 699 B to 700 B above its lowest"},
		{"a path is something else", []sizediff.TargetResult{inPath}, []sizediff.AcceptedGrowth{runtime}, sizediff.VerdictOver,
			"Rust runtime in vmlinux of x86_64 +1,344 B is over budget and was not accepted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &sizediff.Acceptance{By: "maint", Growth: tt.growth}
			if got := (&sizediff.Evaluation{Targets: tt.targets, Acceptance: a}).Verdict(); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if got := a.WhyLapsed(tt.targets); got != tt.lapsed {
				t.Errorf("lapsed because %q, want %q", got, tt.lapsed)
			}
		})
	}
	if (*sizediff.Acceptance)(nil).Covers("x86_64", noisy.Budgets[0]) {
		t.Error("no acceptance covers growth")
	}
}

func TestExceeded(t *testing.T) {
	e := &sizediff.Evaluation{Targets: []sizediff.TargetResult{over("b", 2000, true), over("a", 3000, false), {Name: "c"}}}
	e.Targets[0].Budgets = append(e.Targets[0].Budgets, e.Targets[0].Budgets[0]) // two budgets on the same bytes
	want := []sizediff.AcceptedGrowth{{Target: "b", Bucket: "runtime", Delta: 2000}, {Target: "b", Bucket: "total", Ratchet: true, Delta: 700}, {Target: "a", Bucket: "runtime", Delta: 3000}}
	if diff := cmp.Diff(want, e.Exceeded()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	e.Provenance.BaseChoice = sizediff.BaseApproximate
	if got := e.Exceeded(); got != nil {
		t.Errorf("against an older base: %+v", got)
	}
}

func TestTrailer(t *testing.T) {
	e := &sizediff.Evaluation{Targets: []sizediff.TargetResult{over("t", 2000, false)}, Justification: "needed"}
	if got := e.Verdict(); got != sizediff.VerdictOver {
		t.Errorf("a policy that wants a maintainer: %s", got)
	}
	e.Policy.TrailerBypasses = true
	if got := e.Verdict(); got != sizediff.VerdictByTrailer {
		t.Errorf("a policy that takes the author's word: %s", got)
	}
	e.Acceptance = &sizediff.Acceptance{Growth: e.Exceeded()}
	if got := e.Verdict(); got != sizediff.VerdictAccepted {
		t.Errorf("a maintainer's word counts for more: %s", got)
	}
	e.Acceptance, e.Justification = nil, ""
	if got := e.Verdict(); got != sizediff.VerdictOver {
		t.Errorf("no word at all: %s", got)
	}
}

// TestAcceptanceOnlyEverAccepts: whatever is accepted, only "over budget" becomes something else; accepting all that is
// exceeded accepts, and lapses with the first byte more.
func TestAcceptanceOnlyEverAccepts(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	accepted := 0
	for range 3_000 {
		e := randomEvaluation(rng)
		before := e.Verdict()
		all := e.Exceeded()
		some := slices.Clone(all)
		for i := range some {
			some[i].Delta += rng.Int64N(3) - 1
		}
		if len(some) > 0 && rng.IntN(2) == 0 {
			some = slices.Delete(some, 0, 1)
		}
		e.Acceptance = &sizediff.Acceptance{Growth: some}
		after := e.Verdict()
		if before != sizediff.VerdictOver && after != before {
			t.Fatalf("an acceptance made %s of %s", after, before)
		}
		if before != sizediff.VerdictOver {
			continue
		}
		if holds := e.Acceptance.WhyLapsed(e.Targets) == ""; holds != (after == sizediff.VerdictAccepted) || !holds && after != sizediff.VerdictOver {
			t.Fatalf("holds: %v, verdict %s", holds, after)
		}
		e.Acceptance.Growth = all
		if got := e.Verdict(); got != sizediff.VerdictAccepted {
			t.Fatalf("all of it is accepted: %s", got)
		}
		accepted++
		grow(e)
		if got := e.Verdict(); got != sizediff.VerdictOver {
			t.Fatalf("a byte beyond what was accepted and its noise: %s", got)
		}
	}
	if accepted < 200 {
		t.Errorf("only %d evaluations were over budget", accepted)
	}
}

// grow makes the first budget that is over exceed what was accepted and its noise by a byte.
func grow(e *sizediff.Evaluation) {
	for i := range e.Targets {
		budgets := e.Targets[i].Budgets
		for k, b := range budgets {
			if b.Status != sizediff.BudgetOver {
				continue
			}
			most := b.Delta
			for _, x := range budgets {
				if x.Status == sizediff.BudgetOver && x.Bucket() == b.Bucket() && (x.Ratchet != nil) == (b.Ratchet != nil) {
					most = max(most, x.Delta)
				}
			}
			budgets[k].Delta = most + b.Band + 1
			return
		}
	}
}
