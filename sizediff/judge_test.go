package sizediff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

const days = 24 * time.Hour

// judged is what a policy says of the budgets of grown().
func judged(p sizediff.Policy) []string {
	var got []string
	for _, b := range sizediff.Evaluate("x86_64-rust", grown(), p).Budgets {
		s := fmt.Sprintf("%+d of %d %s", b.Delta, b.Limit, b.Status)
		if b.Why != "" {
			s += ": " + b.Why
		}
		got = append(got, s)
	}
	return got
}

// TestRatchets: the runtime is at 1,100 bytes in the head, 100 of them from the change itself.
func TestRatchets(t *testing.T) {
	floor := func(n int64) map[string]sizediff.Floor { return map[string]sizediff.Floor{"x86_64-rust": {Bytes: n}} }
	tests := []struct {
		name    string
		ratchet sizediff.Ratchet
		band    int64
		want    []string
	}{
		{"exactly the headroom", sizediff.Ratchet{Bucket: "runtime", Bytes: 200, Floors: floor(900)}, 0, []string{"+200 of 200 within"}},
		{"one byte over", sizediff.Ratchet{Bucket: "runtime", Bytes: 199, Floors: floor(900)}, 0, []string{"+200 of 199 over"}},
		{"a share of the floor, rounded down", sizediff.Ratchet{Bucket: "runtime", Percent: 22.2, Floors: floor(900)}, 0, []string{"+200 of 199 over"}},
		{"a share of the floor, within", sizediff.Ratchet{Bucket: "runtime", Percent: 22.3, Floors: floor(900)}, 0, []string{"+200 of 200 within"}},
		{"no headroom", sizediff.Ratchet{Bucket: "runtime", Floors: floor(1_099)}, 0, []string{"+1 of 0 over"}},
		{"below the floor", sizediff.Ratchet{Bucket: "runtime", Floors: floor(2_000)}, 0, []string{"-900 of 0 within"}},
		{"too large, but this change makes it smaller", sizediff.Ratchet{Bucket: "c", Floors: floor(1)}, 0, []string{"+8949 of 0 within"}},
		{"too large, but this change leaves it alone", sizediff.Ratchet{Bucket: "unattributed", Floors: floor(-5)}, 0, []string{"+5 of 0 within"}},
		{"total", sizediff.Ratchet{Bytes: 49, Floors: floor(10_000)}, 0, []string{"+50 of 49 over"}},
		{"the change is within noise", sizediff.Ratchet{Bucket: "runtime", Bytes: 1, Floors: floor(900)}, 100, []string{"+200 of 1 within"}},
		{"the change is one byte more than noise", sizediff.Ratchet{Bucket: "runtime", Bytes: 1, Floors: floor(900)}, 99, []string{"+200 of 1 over"}},
		{"no floor", sizediff.Ratchet{Bucket: "runtime", Window: 90 * days}, 0, []string{"+0 of 0 not judged: no size of the last 90 days is known"}},
		{"the floor of another target", sizediff.Ratchet{Window: 36 * time.Hour, Floors: map[string]sizediff.Floor{"arm64": {Bytes: 1}}}, 0,
			[]string{"+0 of 0 not judged: no size of the last 36 hours is known"}},
		{"another target", sizediff.Ratchet{Targets: []string{"arm64*"}, Floors: floor(1)}, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := judged(sizediff.Policy{Ratchets: []sizediff.Ratchet{tt.ratchet}, NoiseBytes: tt.band})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRatchetFinding(t *testing.T) {
	r := grown()
	sizediff.Evaluate("t", r, sizediff.Policy{Ratchets: []sizediff.Ratchet{{
		Bucket: "runtime", Bytes: 10, Window: 90 * days, Floors: map[string]sizediff.Floor{"t": {Bytes: 1_000}},
	}}})
	want := sizediff.Finding{Rule: "over-ratchet", Severity: sizediff.Error, Delta: 100,
		Message: "runtime is 100 B above its lowest of the last 90 days, 1,000 B; the headroom is 10 B"}
	if r.Findings[0] != want {
		t.Errorf("%+v, want %+v", r.Findings[0], want)
	}
}

// TestExempt: an exemption comes before every other reason, and an unlimited one before every judgement.
func TestExempt(t *testing.T) {
	p := sizediff.Policy{
		Budgets:  []sizediff.Budget{{Bucket: "runtime", Bytes: 1}, {Bytes: 1_000}, {Path: "mm/**", Sources: true, Bytes: 7}},
		Ratchets: []sizediff.Ratchet{{Floors: map[string]sizediff.Floor{"x86_64-rust": {Bytes: 1}}}},
	}
	sources := "+0 of 7 not judged: the measurement knows no source files"
	for _, tt := range []struct {
		name   string
		exempt *sizediff.Exemption
		want   []string
	}{
		{"none", nil, []string{"+100 of 1 over", "+50 of 1000 within", sources, "+10049 of 0 over"}},
		{"report only", &sizediff.Exemption{Reason: "label x, set by m"},
			[]string{"+100 of 1 suspended: label x, set by m", "+50 of 1000 suspended: label x, set by m", sources, "+10049 of 0 suspended: label x, set by m"}},
		{"unlimited", &sizediff.Exemption{Reason: "a revert of #12", Unlimited: true},
			[]string{"+100 of 1 not judged: a revert of #12", "+50 of 1000 not judged: a revert of #12", sources, "+10049 of 0 not judged: a revert of #12"}},
		{"without a reason", &sizediff.Exemption{},
			[]string{"+100 of 1 suspended: an exemption", "+50 of 1000 suspended: an exemption", sources, "+10049 of 0 suspended: an exemption"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.Exempt = tt.exempt
			if diff := cmp.Diff(tt.want, judged(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			e := sizediff.Evaluation{Policy: p, Targets: []sizediff.TargetResult{sizediff.Evaluate("x86_64-rust", grown(), p)}}
			want := sizediff.VerdictExempt
			if tt.exempt == nil {
				want = sizediff.VerdictOver
			}
			if got := e.Verdict(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	p = sizediff.Policy{Exempt: &sizediff.Exemption{}}
	e := sizediff.Evaluation{Policy: p, Targets: []sizediff.TargetResult{sizediff.Evaluate("t", grown(), p)}}
	if got := e.Verdict(); got != sizediff.VerdictWithin {
		t.Errorf("exempt from no budget: %s", got)
	}
}

func TestSuspendedSaysWhy(t *testing.T) {
	p := sizediff.Policy{Budgets: []sizediff.Budget{{Bytes: 1}}, Tolerate: sizediff.Tolerance{ToolchainChange: true, ConfigChange: true}}
	r := grown()
	r.Config = []sizediff.OptionChange{{Option: "CONFIG_SMP", Base: "y"}}
	if got := sizediff.Evaluate("", r, p).Budgets[0].Why; got != "the configuration changed" {
		t.Error(got)
	}
	r.State = sizediff.ToolchainChanged
	if got := sizediff.Evaluate("", r, p).Budgets[0].Why; got != "the toolchain changed" {
		t.Error(got)
	}
}

func TestBand(t *testing.T) {
	p := sizediff.Policy{NoiseBytes: 8, Noise: map[string]map[string]int64{"a": {"runtime": 32, "total": 0, "c": -3}}}
	for _, tt := range []struct {
		target, bucket string
		want           int64
	}{{"a", "runtime", 32}, {"a", "total", 0}, {"a", "c", 0}, {"a", "drivers", 8}, {"b", "runtime", 8}} {
		if got := p.Band(tt.target, tt.bucket); got != tt.want {
			t.Errorf("band of %s in %s is %d, want %d", tt.bucket, tt.target, got, tt.want)
		}
	}
	if got := (&sizediff.Policy{NoiseBytes: -1}).Band("", ""); got != 0 {
		t.Errorf("a band below zero is %d", got)
	}
}

// TestNoise: grown() changes the total by +50, the runtime by +100 and C by -50.
func TestNoise(t *testing.T) {
	all := func(total, runtime, c int64) map[string]map[string]int64 {
		return map[string]map[string]int64{"t": {"total": total, "runtime": runtime, "c": c}}
	}
	tests := []struct {
		name   string
		policy sizediff.Policy
		change func(*sizediff.Report)
		want   sizediff.Verdict
	}{
		{"no band", sizediff.Policy{}, nil, sizediff.VerdictWithin},
		{"everything at its band", sizediff.Policy{Noise: all(50, 100, 50)}, nil, sizediff.VerdictNoise},
		{"the total one byte more", sizediff.Policy{Noise: all(49, 100, 50)}, nil, sizediff.VerdictWithin},
		{"growth one byte more", sizediff.Policy{Noise: all(50, 99, 50)}, nil, sizediff.VerdictWithin},
		{"shrinkage one byte more", sizediff.Policy{Noise: all(50, 100, 49)}, nil, sizediff.VerdictWithin},
		{"a fixed band", sizediff.Policy{NoiseBytes: 100}, nil, sizediff.VerdictNoise},
		{"of another target", sizediff.Policy{Noise: map[string]map[string]int64{"x": {"total": 999, "runtime": 999, "c": 999}}}, nil, sizediff.VerdictWithin},
		{"init grows by more", sizediff.Policy{NoiseBytes: 100}, func(r *sizediff.Report) { r.Totals.Init = sizediff.NewChange(0, 101) }, sizediff.VerdictWithin},
		{"an image is new", sizediff.Policy{NoiseBytes: 100}, func(r *sizediff.Report) { r.Images[1].Status = sizediff.Added }, sizediff.VerdictWithin},
		{"only what is never loaded", sizediff.Policy{NoiseBytes: 100}, func(r *sizediff.Report) {
			r.Totals, r.Buckets = sizediff.Totals{Unloaded: sizediff.NewChange(0, 5)}, nil
		}, sizediff.VerdictWithin},
		{"identical", sizediff.Policy{NoiseBytes: 100}, func(r *sizediff.Report) { r.State = sizediff.Identical }, sizediff.VerdictNoChange},
		{"another toolchain", sizediff.Policy{NoiseBytes: 100}, func(r *sizediff.Report) { r.State = sizediff.ToolchainChanged }, sizediff.VerdictToolchain},
		{"over budget by noise", sizediff.Policy{NoiseBytes: 100, Budgets: []sizediff.Budget{{Bucket: "runtime", Bytes: 3}}}, nil, sizediff.VerdictNoise},
		{"over budget by more than noise", sizediff.Policy{NoiseBytes: 99, Budgets: []sizediff.Budget{{Bucket: "runtime", Bytes: 3}}}, nil, sizediff.VerdictOver},
		{"more than noise, within budget", sizediff.Policy{NoiseBytes: 99, Budgets: []sizediff.Budget{{Bucket: "runtime", Bytes: 100}}}, nil, sizediff.VerdictWithin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := grown()
			if tt.change != nil {
				tt.change(r)
			}
			e := sizediff.Evaluation{Policy: tt.policy, Targets: []sizediff.TargetResult{sizediff.Evaluate("t", r, tt.policy)}}
			if got := e.Verdict(); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestDays(t *testing.T) {
	for d, want := range map[time.Duration]string{
		90 * days: "90 days", days: "1 day", 36 * time.Hour: "36 hours", time.Hour: "1 hour", 90 * time.Minute: "90 minutes", time.Second: "1s", 0: "0s",
	} {
		if got := sizediff.Days(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// randomReport has three buckets and closes.
func randomReport(rng *rand.Rand) *sizediff.Report {
	r := &sizediff.Report{State: sizediff.Changed}
	for _, name := range []string{"runtime", "drivers", "c"} {
		c := sizediff.NewChange(rng.Int64N(5_000), rng.Int64N(5_000))
		r.Buckets = append(r.Buckets, sizediff.BucketChange{Name: name, Resident: c})
		r.Totals.Resident = r.Totals.Resident.Plus(c)
	}
	if rng.IntN(5) == 0 {
		r.State = sizediff.ToolchainChanged
	}
	r.Causes = randomCauses(rng)
	return r
}

func randomPolicy(rng *rand.Rand) sizediff.Policy {
	p := sizediff.Policy{Tolerate: sizediff.Tolerance{ToolchainChange: rng.IntN(2) == 0}, NoiseBytes: max(0, rng.Int64N(200)-100)}
	buckets := []string{"runtime", "drivers", "c", "total", ""}
	for range rng.IntN(4) {
		b := sizediff.Budget{Bucket: buckets[rng.IntN(5)], Bytes: rng.Int64N(3_000)}
		if rng.IntN(3) == 0 {
			b = randomQuantity(rng)
		}
		if (b.Quantity == "" || b.Quantity.Shared()) && rng.IntN(3) == 0 {
			b.Percent = float64(rng.IntN(100)) / 4
		}
		p.Budgets = append(p.Budgets, b)
	}
	for range rng.IntN(3) {
		q := sizediff.Ratchet{Bucket: buckets[rng.IntN(5)], Bytes: rng.Int64N(3_000), Window: time.Duration(rng.IntN(90)) * days}
		if rng.IntN(3) > 0 {
			q.Floors = map[string]sizediff.Floor{"t0": {Bytes: rng.Int64N(5_000)}, "t1": {Bytes: rng.Int64N(5_000)}}
		}
		p.Ratchets = append(p.Ratchets, q)
	}
	if rng.IntN(6) == 0 {
		p.Exempt = &sizediff.Exemption{Unlimited: rng.IntN(2) == 0}
	}
	return p
}

func randomEvaluation(rng *rand.Rand) *sizediff.Evaluation {
	e := &sizediff.Evaluation{Policy: randomPolicy(rng), Provenance: sizediff.Provenance{BaseChoice: sizediff.BaseExact}}
	for i := range 1 + rng.IntN(2) {
		e.Targets = append(e.Targets, sizediff.Evaluate(fmt.Sprint("t", i), randomReport(rng), e.Policy))
	}
	if rng.IntN(6) == 0 {
		e.Provenance.BaseChoice = sizediff.BaseApproximate
	}
	return e
}

// TestJudgementsAreExact holds the definition of "over" against every result of random policies.
func TestJudgementsAreExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 3_000 {
		e := randomEvaluation(rng)
		for _, tr := range e.Targets {
			for _, b := range tr.Budgets {
				over := b.Delta > b.Limit && (b.Band == 0 || b.Delta > b.Band)
				if b.Ratchet != nil {
					over = over && b.Ratchet.Growth > 0 && b.Ratchet.Growth > b.Band
				}
				switch b.Status {
				case sizediff.BudgetOver, sizediff.BudgetWithin:
					if (b.Status == sizediff.BudgetOver) != over || b.Why != "" {
						t.Fatalf("%+v", b)
					}
				default:
					if b.Why == "" {
						t.Fatalf("no reason: %+v", b)
					}
				}
			}
		}
	}
}

// TestStripped: of an image without symbols nobody knows whose its bytes are. No budget but the total's is judged then, and no growth
// of the runtime is found or denied.
func TestStripped(t *testing.T) {
	full := func() sizediff.ImageFile { return makeImage(t, "vmlinux", fn("a", 400), fn("b", 4)) }
	bare := full()
	bare.Image = &sizediff.Image{
		Class: bare.Class, Type: bare.Type, Machine: bare.Machine, Stripped: true, Crates: []string{""}, Sections: slices.Clone(bare.Sections),
	}
	for i := range bare.Sections {
		bare.Sections[i].Content++
		bare.Shares = append(bare.Shares, sizediff.Share{Section: int32(i), Bytes: bare.Sections[i].Size})
	}
	p := sizediff.LinuxKernel()
	p.Budgets = []sizediff.Budget{
		{Bucket: sizediff.BucketRuntime, Bytes: 100}, {Bucket: sizediff.BucketTotal, Bytes: 100}, {Bucket: sizediff.BucketC, Path: "vm*", Bytes: 100},
		{Bucket: sizediff.BucketC, Path: "*.ko", Bytes: 100},
	}
	p.Ratchets = []sizediff.Ratchet{{Bucket: sizediff.BucketRuntime, Bytes: 1, Floors: map[string]sizediff.Floor{"": {Bytes: 1}}}}
	for _, pair := range [][2]sizediff.ImageFile{{full(), bare}, {bare, full()}} {
		r := sizediff.Compare(makeBuild(pair[0]), makeBuild(pair[1]), p.Buckets)
		result := sizediff.Evaluate("", r, p)
		want := []sizediff.BudgetStatus{sizediff.BudgetNotJudged, sizediff.BudgetWithin, sizediff.BudgetNotJudged, sizediff.BudgetWithin, sizediff.BudgetNotJudged}
		for i, b := range result.Budgets {
			if b.Status != want[i] || b.Status == sizediff.BudgetNotJudged && b.Why != "vmlinux is stripped; measure before strip" {
				t.Errorf("budget %d: %s, %q, want %s", i, b.Status, b.Why, want[i])
			}
		}
		rules := map[string]bool{}
		for _, f := range r.Findings {
			rules[f.Rule] = true
		}
		if !rules[sizediff.RuleStripped] || rules[sizediff.RuleRuntimeGrowth] || rules[sizediff.RuleNewRuntimePath] {
			t.Errorf("findings %+v", r.Findings)
		}
	}
}
