package sizediff_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

func TestLoosen(t *testing.T) {
	budgets := func(b ...sizediff.Budget) sizediff.Policy { return sizediff.Policy{Budgets: b} }
	ratchets := func(q ...sizediff.Ratchet) sizediff.Policy { return sizediff.Policy{Ratchets: q} }
	runtime := sizediff.Budget{Bucket: "runtime", Bytes: 1024}
	target := sizediff.TargetResult{Name: "x86_64", Report: grown()} // runtime +100 of 1,000, total +50 of 10,000
	floors := map[string]sizediff.Floor{"x86_64": {Bytes: 500}}
	tests := []struct {
		name     string
		old, new sizediff.Policy
		want     []sizediff.Loosened
	}{
		{"raised", budgets(runtime), budgets(sizediff.Budget{Bucket: "runtime", Bytes: 2048}),
			[]sizediff.Loosened{{Target: "x86_64", Budget: runtime, Old: 1024, New: 2048, Used: 100}}},
		{"lowered", budgets(runtime), budgets(sizediff.Budget{Bucket: "runtime", Bytes: 1023}), nil},
		{"removed", budgets(runtime), budgets(), []sizediff.Loosened{{Target: "x86_64", Budget: runtime, Old: 1024, New: -1, Used: 100}}},
		{"added", budgets(), budgets(runtime), nil},
		{"moved", budgets(runtime, sizediff.Budget{Bytes: 1}), budgets(sizediff.Budget{Bucket: "total", Bytes: 1}, runtime), nil},
		{"no longer of this target", budgets(runtime), budgets(sizediff.Budget{Bucket: "runtime", Bytes: 1, Targets: []string{"arm*"}}),
			[]sizediff.Loosened{{Target: "x86_64", Budget: runtime, Old: 1024, New: -1, Used: 100}}},
		{"of another target", budgets(sizediff.Budget{Bucket: "runtime", Bytes: 1, Targets: []string{"arm*"}}), budgets(), nil},
		{"the looser of two is removed", budgets(runtime, sizediff.Budget{Bucket: "runtime", Bytes: 512}), budgets(sizediff.Budget{Bucket: "runtime", Bytes: 512}), nil},
		{"the tighter of two is removed", budgets(runtime, sizediff.Budget{Bucket: "runtime", Bytes: 512}), budgets(runtime),
			[]sizediff.Loosened{{Target: "x86_64", Budget: sizediff.Budget{Bucket: "runtime", Bytes: 512}, Old: 512, New: 1024, Used: 100}}},
		{"bytes to a larger share", budgets(sizediff.Budget{Bytes: 99}), budgets(sizediff.Budget{Percent: 1}),
			[]sizediff.Loosened{{Target: "x86_64", Budget: sizediff.Budget{Bytes: 99}, Old: 99, New: 100, Used: 50}}},
		{"bytes to a smaller share", budgets(sizediff.Budget{Bytes: 100}), budgets(sizediff.Budget{Percent: 1}), nil},
		{"a path is something else", budgets(sizediff.Budget{Path: "vmlinux", Bytes: 5}), budgets(sizediff.Budget{Bytes: 5}),
			[]sizediff.Loosened{{Target: "x86_64", Budget: sizediff.Budget{Path: "vmlinux", Bytes: 5}, Old: 5, New: -1}}},
		{"source files", budgets(sizediff.Budget{Path: "**", Sources: true, Bytes: 5}), budgets(sizediff.Budget{Path: "**", Sources: true, Bytes: 6}),
			[]sizediff.Loosened{{Target: "x86_64", Budget: sizediff.Budget{Path: "**", Sources: true, Bytes: 5}, Old: 5, New: 6, Unknown: true}}},
		{"headroom", ratchets(sizediff.Ratchet{Bucket: "runtime", Percent: 2, Floors: floors}), ratchets(sizediff.Ratchet{Bucket: "runtime", Percent: 3, Floors: floors}),
			[]sizediff.Loosened{{Target: "x86_64", Budget: sizediff.Budget{Bucket: "runtime", Percent: 2}, Ratchet: true, Old: 10, New: 15, Used: 100}}},
		{"headroom without a floor: of the base", ratchets(sizediff.Ratchet{Bucket: "runtime", Percent: 2}), ratchets(sizediff.Ratchet{Bucket: "runtime", Percent: 3}),
			[]sizediff.Loosened{{Target: "x86_64", Budget: sizediff.Budget{Bucket: "runtime", Percent: 2}, Ratchet: true, Old: 20, New: 30, Used: 100}}},
		{"a shorter window", ratchets(sizediff.Ratchet{Bytes: 5, Window: 90 * days}), ratchets(sizediff.Ratchet{Bytes: 4, Window: 30 * days}),
			[]sizediff.Loosened{{Target: "x86_64", Budget: sizediff.Budget{Bytes: 5}, Ratchet: true, Old: 5, New: 4, Used: 50, OldWindow: 90 * days, NewWindow: 30 * days}}},
		{"a longer window", ratchets(sizediff.Ratchet{Bytes: 5, Window: 30 * days}), ratchets(sizediff.Ratchet{Bytes: 5, Window: 90 * days}), nil},
		{"a ratchet for a budget", ratchets(sizediff.Ratchet{Bytes: 5}), budgets(sizediff.Budget{Bytes: 5}),
			[]sizediff.Loosened{{Target: "x86_64", Budget: sizediff.Budget{Bytes: 5}, Ratchet: true, Old: 5, New: -1, Used: 50}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, sizediff.Loosen(tt.old, tt.new, []sizediff.TargetResult{target})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestLoosenWithoutSizes: what is not measured is judged by bytes only.
func TestLoosenWithoutSizes(t *testing.T) {
	old := sizediff.Policy{Budgets: []sizediff.Budget{{Bucket: "runtime", Bytes: 5}, {Bucket: "c", Percent: 1}, {Bytes: 7}}}
	raised := sizediff.Policy{Budgets: []sizediff.Budget{{Bucket: "runtime", Bytes: 6}, {Bucket: "c", Percent: 9}, {Percent: 9}}}
	want := []sizediff.Loosened{{Target: "t", Budget: old.Budgets[0], Old: 5, New: 6}}
	got := sizediff.Loosen(old, raised, []sizediff.TargetResult{{Name: "t", Problem: &sizediff.Problem{}}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nothing known (-want +got):\n%s", diff)
	}
	alone := grown()
	alone.Totals.Resident = sizediff.NewChange(10_000, 10_000)
	got = sizediff.Loosen(sizediff.Policy{Budgets: old.Budgets[2:]}, raised, []sizediff.TargetResult{{Name: "label", Target: "t", Problem: &sizediff.Problem{}, Head: alone}})
	want = []sizediff.Loosened{{Target: "label", Budget: old.Budgets[2], Old: 7, New: 900}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("only the head known (-want +got):\n%s", diff)
	}
}

// TestLoosenIsStrict: a policy is no looser than itself, and whatever is within the new limits and not loosened is within
// the old.
func TestLoosenIsStrict(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 3_000 {
		e := randomEvaluation(rng)
		if got := sizediff.Loosen(e.Policy, e.Policy, e.Targets); got != nil {
			t.Fatalf("%+v is looser than itself: %+v", e.Policy, got)
		}
		p, q := e.Policy, randomPolicy(rng)
		p.Exempt, q.Exempt, p.Ratchets, q.Ratchets, q.NoiseBytes, q.Tolerate = nil, nil, nil, nil, p.NoiseBytes, p.Tolerate
		if len(sizediff.Loosen(p, q, e.Targets)) > 0 {
			continue
		}
		for _, tr := range e.Targets {
			before := sizediff.Evaluation{Targets: []sizediff.TargetResult{sizediff.Evaluate(tr.Name, tr.Report, p)}}
			after := sizediff.Evaluation{Targets: []sizediff.TargetResult{sizediff.Evaluate(tr.Name, tr.Report, q)}}
			if before.Verdict() == sizediff.VerdictOver && after.Verdict() != sizediff.VerdictOver {
				t.Fatalf("over budget with %+v, not with %+v, and nothing was loosened", p, q)
			}
		}
	}
}
