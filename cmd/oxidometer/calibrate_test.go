package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
)

// runs runs the program in this process and returns what it writes and its exit code.
func runs(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	open := func(name string) *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	a := &app{stdout: open("stdout"), stderr: open("stderr")}
	code = a.run(args)
	read := func(f *os.File) string {
		data, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return read(a.stdout), read(a.stderr), code
}

// TestCalibrateStored replays what a server has kept: the order is that of the runs, and a commit built twice shows the noise.
func TestCalibrateStored(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "bot.db")
	db, err := store.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(db.PutRepo(t.Context(), store.Repo{ID: 1, Owner: "torvalds", Name: "linux", DefaultBranch: "main"}))
	must(db.PutRepo(t.Context(), store.Repo{ID: 2, Owner: "torvalds", Name: "empty", DefaultBranch: "main"}))
	day := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	artifact := int64(0)
	put := func(target, build, sha string, hour int) {
		blob, err := os.ReadFile(filepath.Join("..", "..", "bot", "demo", "builds", build, "kernel.oxm"))
		must(err)
		artifact++
		_, err = db.PutMeasurement(t.Context(), store.Measurement{
			RepoID: 1, Target: ".github/workflows/my kernel.yml " + target, SHA: strings.Repeat(sha, 40), ArtifactID: artifact,
			Trusted: true, Branch: "main", Blob: blob, Built: day.Add(time.Duration(hour) * time.Hour),
		})
		must(err)
	}
	put("x86_64", "fmtgrowth", "b", 2)
	put("x86_64", "base", "a", 1)
	put("x86_64", "fmtgrowth", "b", 3)
	put("arm64", "base", "a", 1)
	put("arm64", "base", "c", 4)

	calibrate := append([]string{"calibrate", "--database", url, "--repository"}, "Torvalds/Linux")
	out, stderr, code := runs(t, calibrate...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{
		"2 builds of arm64, from aaaaaaa to ccccccc: 1 step.",
		"3 builds of x86_64, from aaaaaaa to bbbbbbb: 1 step.",
		"2 changes to judge budgets by.",
		"x86_64: 1 pair of like builds differ by at most 0 B in total.",
		"Largest with bbbbbbb (x86_64): total,",
		"- {bucket: runtime, grow: 32KiB}",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	one, _, _ := runs(t, append(calibrate, "--target", "arm64")...)
	if strings.Contains(one, "x86_64") || !strings.Contains(one, "1 change to judge budgets by.") {
		t.Errorf("only arm64:\n%s", one)
	}
	byPath := filepath.Join(t.TempDir(), "file.yml")
	must(os.WriteFile(byPath, []byte("budgets:\n  - {path: '**/*.ko', grow: 1B}\n  - {targets: [arm*], grow: 0B}\n"), 0o600))
	withPath, stderr, _ := runs(t, append(calibrate, "--config", byPath)...)
	for _, want := range []string{"total in **/*.ko: 1 B would have stopped 1 of 2", "total of arm*: 0 B would have stopped 0 of 2"} {
		if !strings.Contains(withPath, want) {
			t.Errorf("%q is missing in\n%s%s", want, withPath, stderr)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--repository", "a/b"}, "--repository a/b: is not in the database; write OWNER/NAME of one where the App is installed"},
		{[]string{"--repository", "torvalds/empty"}, "torvalds/empty: branch main has 0 builds in the database, and a change lies between two; wait for more of its builds, or name another branch or target"},
		{[]string{"--target", "mips"}, "target mips on branch main has 0 builds"},
		{[]string{"--branch", "next"}, "branch next has 0 builds"},
	} {
		out, stderr, code := runs(t, append(calibrate, c.args...)...)
		if code != exitError || out != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d, %q; want %q", c.args, code, stderr, c.want)
		}
	}
}

// TestSuggestedFileHolds: whatever the history, the file can be read, and stops no larger share of it than was asked for.
func TestSuggestedFileHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	base := "preset: rust-binary\nbudgets:\n  - {bucket: total, grow: 1B}\n\n# more\n  - grow: 2%\n  - {quantity: panic_sites, grow: 1024}\n  - {quantity: exports, grow: 1KiB}\nbuckets:\n  \"y: #\": {crates: [core]}\n  runtime: {label: R}\n"
	repo, err := config.ParseRepo("f.yml", []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	file := fileToSuggest{"f.yml", base, repo}
	buckets := repo.Policy().Buckets
	for range 100 {
		h := sizediff.History{Target: "t"}
		for i := range random.IntN(200) {
			s := sizediff.Sizes{Buckets: map[string]int64{}}
			for _, b := range buckets {
				s.Buckets[b.Name] = random.Int64N(1 << random.IntN(30))
				s.Resident += s.Buckets[b.Name]
			}
			h.Builds = append(h.Builds, sizediff.Built{Label: fmt.Sprintf("\n- %d: [", i), Sizes: s})
		}
		histories := []sizediff.History{h}
		o := sizediff.CalibrateOptions{Buckets: buckets, StopRate: float64(random.IntN(20))}
		c := sizediff.Calibrate(histories, o)
		text, err := file.with(c)
		if err != nil {
			t.Fatal(err)
		}
		after, err := config.ParseRepo("f.yml", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		o.Budgets = after.Policy().Budgets
		again := sizediff.Calibrate(histories, o)
		for i, b := range again.Budgets[:len(c.Suggested)] {
			if b.Stopped > c.Stopped || b.Stopped != c.Suggested[i].Stopped {
				t.Errorf("%+v stops more than the %d of all together", b, c.Stopped)
			}
		}
		if float64(c.Stopped*100) > o.StopRate*float64(c.Changes) {
			t.Errorf("%d of %d changes are stopped, which is more than %v %%", c.Stopped, c.Changes, o.StopRate)
		}
		if twice, err := (fileToSuggest{"f.yml", text, after}).with(c); err != nil || twice != text {
			t.Errorf("error %v; suggested twice:\n%s", err, twice)
		}
	}
}

func TestReplaceBudgets(t *testing.T) {
	for before, after := range map[string]string{
		"version: 1":                                    "version: 1\n\nNEW\n",
		"budgets: []\ngate: {}\n":                       "NEW\ngate: {}\n",
		"budgets:\n- {grow: 1B}\n# next\ngate:\n":       "NEW\n# next\ngate:\n",
		"a: 1\nbudgets:\n  - x\n\n  # y\n  - z\n\nb:\n": "a: 1\nNEW\n\nb:\n",
		"# Replayed 3 changes.\nbudgets:\n  - x\n":      "NEW\n",
		"# Mine.\nbudgets:\n  - x\n":                    "# Mine.\nNEW\n",
	} {
		if got := replaceBudgets(before, "NEW\n"); got != after {
			t.Errorf("%q becomes %q, want %q", before, got, after)
		}
	}
}
