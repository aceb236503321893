package sizediff_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// made is a build with so many bytes in the runtime and in drivers, by a compiler and with a configuration.
func made(label string, runtime, drivers int64, rustc, config string) sizediff.Built {
	return sizediff.Built{Label: label, Sizes: sizediff.Sizes{
		Resident: runtime + drivers, Buckets: map[string]int64{"runtime": runtime, "drivers": drivers}, Options: config,
		Fingerprint: sizediff.Fingerprint{Rustc: []string{rustc}, CC: []string{}, LD: []string{}, ConfigSHA256: config},
	}}
}

func TestCalibrate(t *testing.T) {
	buckets := sizediff.LinuxKernel().Buckets
	histories := []sizediff.History{
		{Target: "x86_64", Builds: []sizediff.Built{
			made("a", 1000, 5000, "1.86", "c"),
			made("b", 1300, 5000, "1.86", "c"), // runtime +300
			made("b", 1308, 4996, "1.86", "c"), // again: noise
			made("c", 1300, 9000, "1.86", "c"), // drivers +4,000, counted from the first build of b
			made("d", 9000, 9000, "1.87", "c"), // another compiler
			made("e", 9000, 9900, "1.87", "d"), // another configuration
			made("f", 8000, 9900, "1.87", "d"), // runtime -1,000
			made("g", 8000, 9900, "1.87", "d"), // nothing
		}},
		{Target: "arm64", Builds: []sizediff.Built{
			made("a", 1000, 0, "1.86", ""),
			made("c", 1700, 0, "1.86", ""), // runtime +700
			made("h", 1700, 0, "1.86", ""),
		}},
		{Target: "riscv64", Builds: []sizediff.Built{made("a", 1, 1, "1.86", "")}},
	}
	c := sizediff.Calibrate(histories, sizediff.CalibrateOptions{Buckets: buckets, StopRate: 20, Budgets: []sizediff.Budget{
		{Bucket: "runtime", Bytes: 500}, {Bytes: 500, Targets: []string{"x86*"}}, {Bucket: "runtime", Percent: 30},
		{Path: "drivers/**", Bytes: 1},
	}})
	if d := cmp.Diff([]sizediff.Calibrated{
		{Target: "x86_64", Builds: 8, First: "a", Last: "g", Steps: 6, Toolchain: 1, Config: 1},
		{Target: "arm64", Builds: 3, First: "a", Last: "h", Steps: 2},
		{Target: "riscv64", Builds: 1, First: "a", Last: "a"},
	}, c.Targets); d != "" {
		t.Error(d)
	}
	// Changes: b, c (in both targets), f, g and h.
	if c.Changes != 5 {
		t.Errorf("%d changes, want 5", c.Changes)
	}
	growth := map[string]sizediff.BucketGrowth{}
	for _, g := range c.Growth {
		growth[g.Bucket] = g
	}
	for _, want := range []sizediff.BucketGrowth{
		{Bucket: "total", Grew: 2, Median: 0, P90: 4000, P95: 4000, P99: 4000, Largest: 4000, At: "c", Target: "x86_64", Stopped: []int{2, 1, 1, 1, 0, 0, 0, 0, 0}},
		{Bucket: "runtime", Grew: 2, Median: 0, P90: 700, P95: 700, P99: 700, Largest: 700, At: "c", Target: "arm64", Stopped: []int{2, 1, 0, 0, 0, 0, 0, 0, 0}},
		{Bucket: "c", Stopped: make([]int, 9)},
	} {
		if d := cmp.Diff(want, growth[want.Bucket]); d != "" {
			t.Error(d)
		}
	}
	if c.Growth[0].Bucket != "total" || len(c.Growth) != len(buckets)+1 {
		t.Errorf("growth of %d buckets, first %s", len(c.Growth), c.Growth[0].Bucket)
	}
	if d := cmp.Diff([]sizediff.NoiseSeen{{Target: "x86_64", Pairs: 1, Bytes: map[string]int64{"total": 4, "runtime": 8, "drivers": 4}}}, c.Noise); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]sizediff.Replay{
		{Bucket: "runtime", Bytes: 500, Replayed: true, Stopped: 1},
		{Bucket: "total", Bytes: 500, Targets: []string{"x86*"}, Replayed: true, Stopped: 1},
		{Bucket: "runtime", Percent: 30, Replayed: true, Stopped: 1}, // 300 of 1,000 is the limit, not over it
		{Bucket: "total", Path: "drivers/**", Bytes: 1},
	}, c.Budgets); d != "" {
		t.Error(d)
	}
	// One of five may be stopped: c, by any bucket. b may not.
	if d := cmp.Diff([]sizediff.Suggestion{{Bucket: "runtime", Bytes: 384, Stopped: 1}, {Bucket: "drivers", Bytes: 256, Stopped: 1}, {Bucket: "total", Bytes: 384, Stopped: 1}},
		c.Suggested); d != "" || c.Stopped != 1 {
		t.Errorf("%d stopped\n%s", c.Stopped, d)
	}
}

func TestCalibrateNothing(t *testing.T) {
	for _, histories := range [][]sizediff.History{nil, {{Target: "x"}}, {{Target: "x", Builds: []sizediff.Built{made("a", 1, 1, "", "")}}}} {
		c := sizediff.Calibrate(histories, sizediff.CalibrateOptions{Buckets: sizediff.LinuxKernel().Buckets, StopRate: 2})
		if c.Changes != 0 || c.Stopped != 0 || c.Growth[0].Largest != 0 || len(c.Suggested) == 0 {
			t.Errorf("%+v", c)
		}
	}
}

// randomHistories has a few targets whose builds grow and shrink.
func randomHistories(random *rand.Rand) []sizediff.History {
	var out []sizediff.History
	for i := range 1 + random.IntN(3) {
		h := sizediff.History{Target: fmt.Sprint("target", i)}
		runtime, drivers := int64(10_000), int64(100_000)
		for j := range random.IntN(80) {
			runtime += max(-runtime, int64(random.NormFloat64()*700))
			if random.IntN(10) == 0 {
				drivers += int64(random.IntN(1 << random.IntN(24)))
			}
			h.Builds = append(h.Builds, made(fmt.Sprint("commit", j-random.IntN(2)), runtime, drivers, fmt.Sprint("1.", j/30), fmt.Sprint(j/50)))
		}
		out = append(out, h)
	}
	return out
}

// TestCalibrateProperties: a larger budget never stops more; the suggestions keep what they promise, and are not below noise.
func TestCalibrateProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	buckets := sizediff.LinuxKernel().Buckets
	for range 300 {
		histories := randomHistories(random)
		o := sizediff.CalibrateOptions{Buckets: buckets, StopRate: float64(random.IntN(1000)) / 50}
		c := sizediff.Calibrate(histories, o)
		for _, g := range c.Growth {
			for i, n := range g.Stopped {
				if n > c.Changes || i > 0 && n > g.Stopped[i-1] {
					t.Fatalf("%s: %d of %d stopped by budgets of %d", g.Bucket, g.Stopped, c.Changes, c.Candidates)
				}
			}
			if g.Median > g.P90 || g.P90 > g.P95 || g.P95 > g.P99 || g.P99 > g.Largest {
				t.Fatalf("percentiles are out of order: %+v", g)
			}
		}
		for _, s := range c.Suggested {
			o.Budgets = append(o.Budgets, sizediff.Budget{Bucket: s.Bucket, Bytes: s.Bytes})
			for _, n := range c.Noise {
				if n.Bytes[s.Bucket] > s.Bytes {
					t.Fatalf("%+v is below the noise of %d", s, n.Bytes[s.Bucket])
				}
			}
		}
		if len(o.Budgets) != 3 && c.Changes > 0 {
			t.Fatalf("suggested %+v", c.Suggested)
		}
		if c.Stopped*100 > int(o.StopRate*float64(c.Changes)+0.5) {
			t.Fatalf("%d of %d changes are stopped, more than %v percent", c.Stopped, c.Changes, o.StopRate)
		}
		again := sizediff.Calibrate(histories, o)
		for i, s := range c.Suggested {
			if again.Budgets[i].Stopped != s.Stopped || s.Stopped > c.Stopped {
				t.Fatalf("%+v stops %d when replayed, of %d in all", s, again.Budgets[i].Stopped, c.Stopped)
			}
		}
	}
}

// TestApplied: what is suggested replaces what is of the same kind, and nobody loses a budget.
func TestApplied(t *testing.T) {
	c := &sizediff.Calibration{Suggested: []sizediff.Suggestion{{Bucket: "runtime", Bytes: 256}, {Bucket: "total", Bytes: 512}}}
	given := []sizediff.Budget{
		{Bucket: "total", Path: "*.ko", Bytes: 1},
		{Bucket: "total", Percent: 2, Owners: []string{"@a"}},
		{Bucket: "c", Bytes: 3},
		{Bucket: "total", Bytes: 4, Owners: []string{"@b", "@a"}},
		{Bucket: "runtime", Targets: []string{"x"}, Bytes: 5, Owners: []string{"@c"}},
	}
	want := []sizediff.Budget{
		{Bucket: "runtime", Bytes: 256}, {Bucket: "total", Bytes: 512, Owners: []string{"@a", "@b"}}, given[0], given[2], given[4],
	}
	got := c.Applied(given)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, c.Applied(got)); diff != "" {
		t.Errorf("twice (-want +got):\n%s", diff)
	}
}
