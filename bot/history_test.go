package bot

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// at is a point so many days before noon, with so many bytes in the runtime, by a compiler and with a configuration.
func at(sha string, daysAgo int, runtime int64, rustc, config string) point {
	return point{sha, noon.AddDate(0, 0, -daysAgo), sizediff.Sizes{
		Resident: runtime + 100, Buckets: map[string]int64{"runtime": runtime, "c": 100}, Options: config,
		Fingerprint: sizediff.Fingerprint{Rustc: []string{rustc}, ConfigSHA256: config},
	}}
}

func TestFloor(t *testing.T) {
	both := sizediff.Tolerance{ToolchainChange: true, ConfigChange: true}
	base := at("base", 1, 50, "1.86", "c")
	for _, c := range []struct {
		name     string
		before   []point
		tolerate sizediff.Tolerance
		want     string
		bytes    int64
	}{
		{"only the base", []point{base}, both, "base", 50},
		{"the base is not in the history", nil, both, "base", 50},
		{"smallest", []point{at("a", 5, 45, "1.86", "c"), at("b", 4, 40, "1.86", "c"), at("c", 3, 60, "1.86", "c"), base}, both, "b", 40},
		{"first of equal ones", []point{at("a", 5, 40, "1.86", "c"), at("b", 4, 40, "1.86", "c"), base}, both, "a", 40},
		{"first with the size of the base", []point{at("a", 5, 50, "1.86", "c"), base}, both, "a", 50},
		{"outside of the window", []point{at("a", 31, 10, "1.86", "c"), at("b", 30, 45, "1.86", "c"), base}, both, "b", 45},
		{"another toolchain", []point{at("a", 5, 10, "1.85", "c"), base}, both, "base", 50},
		{"another configuration", []point{at("a", 5, 10, "1.86", "d"), base}, both, "base", 50},
		{"both apply", []point{at("a", 5, 10, "1.85", "d"), base}, sizediff.Tolerance{}, "a", 10},
		{"a base older than the window", []point{at("base", 60, 50, "1.86", "c")}, both, "base", 50},
	} {
		p := past{now: noon, base: base, before: c.before}
		got := p.floor(sizediff.Ratchet{Bucket: "runtime", Window: 30 * 24 * time.Hour}, c.tolerate)
		if got.SHA != c.want || got.Bytes != c.bytes || got.Since.IsZero() {
			t.Errorf("%s: floor %+v, want %d of %s", c.name, got, c.bytes, c.want)
		}
		if total := p.floor(sizediff.Ratchet{Window: 30 * 24 * time.Hour}, c.tolerate); total.Bytes != c.bytes+100 {
			t.Errorf("%s: floor of the total %+v", c.name, total)
		}
	}
}

func TestNoiseOfThePast(t *testing.T) {
	for _, c := range []struct {
		name string
		all  []point
		want map[string]int64
	}{
		{"nothing", nil, map[string]int64{}},
		{"no commit twice", []point{at("a", 5, 1, "1.86", "c"), at("b", 4, 9, "1.86", "c")}, map[string]int64{}},
		{"equal", []point{at("a", 5, 1, "1.86", "c"), at("a", 4, 1, "1.86", "c")}, map[string]int64{}},
		{"largest of three", []point{at("a", 5, 1, "1.86", "c"), at("a", 4, 9, "1.86", "c"), at("a", 3, 4, "1.86", "c")}, map[string]int64{"runtime": 8, "total": 8}},
		{"made differently", []point{at("a", 5, 1, "1.86", "c"), at("a", 4, 9, "1.87", "c"), at("a", 4, 5, "1.87", "d")}, map[string]int64{}},
		{"long ago", []point{at("a", 91, 1, "1.86", "c"), at("a", 4, 9, "1.86", "c")}, map[string]int64{}},
	} {
		if d := cmp.Diff(c.want, past{now: noon, all: c.all}.noise()); d != "" {
			t.Errorf("%s:\n%s", c.name, d)
		}
	}
}

func TestRuntimeOfThePast(t *testing.T) {
	var all []point
	for i := range 40 {
		all = append(all, at(string(rune('a'+i)), 60-i, int64(i), "1.86", "c"))
	}
	all = append(all, at("a", 1, 77, "1.86", "c")) // built again
	var want []int64
	for i := range shownMerges {
		want = append(want, int64(40-shownMerges+i))
	}
	if got := (past{all: all}).runtime(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := (past{all: all, before: all[:3]}).runtime(); !slices.Equal(got, []int64{0, 1, 2}) {
		t.Errorf("up to the base: %v", got)
	}
}

// TestPoints: a job adds up so many builds and no more, the newest first; the next one goes on; a damaged one is passed over.
func TestPoints(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bot.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log := logrus.New()
	log.SetOutput(io.Discard)
	b := New(Options{Store: db, Log: log, Now: func() time.Time { return noon }})
	if err := db.PutRepo(t.Context(), store.Repo{ID: 1}); err != nil {
		t.Fatal(err)
	}
	blob := smallMeasurement(t)
	for i, data := range [][]byte{blob, blob, []byte("damaged"), blob, blob} {
		_, err := db.PutMeasurement(t.Context(), store.Measurement{
			RepoID: 1, Target: "kernel", SHA: string(rune('a' + i)), ArtifactID: int64(i), Trusted: true, Branch: "main", Blob: data, Built: noon.AddDate(0, 0, i-10),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	policy := sizediff.LinuxKernel()
	for _, want := range []string{"de", "bde", "abde", "abde"} {
		most := 2
		points, err := b.points(context.Background(), 1, "kernel", "main", policy, sizediff.Selection{}, &most)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range points {
			got += p.sha
			if p.sizes.Resident != 13608 {
				t.Errorf("%s has %d bytes", p.sha, p.sizes.Resident)
			}
		}
		if got != want {
			t.Errorf("known are %s, want %s", got, want)
		}
	}
}

func smallMeasurement(t *testing.T) []byte {
	t.Helper()
	build, err := source.Open("../sizediff/testdata/small-base", source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer build.Close()
	m, err := sizediff.Measure(build, sizediff.MeasureOptions{Portable: true})
	var buf bytes.Buffer
	if err == nil {
		err = sizediff.WriteMeasurement(&buf, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestTargetName(t *testing.T) {
	for _, workflow := range []string{".github/workflows/kernel.yml", ".github/workflows/my kernel.yaml", "dynamic/pages"} {
		for _, name := range []string{"x86_64", "two words", "odd.yml"} {
			if got := TargetName(storedTarget(workflow, name)); got != name {
				t.Errorf("%s of %s is read as %s", name, workflow, got)
			}
		}
	}
}
