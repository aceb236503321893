package bot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/bot/web"
	"github.com/oxidometer/oxidometer/sizediff"
)

const small = "../sizediff/testdata/"

// A module of small-base in bytes that stay in memory.
const moduleBytes = 862

// withModules is small-base with so many modules more than it has.
func withModules(t *testing.T, n int) []byte {
	return smallBaseWith(t, func(modules map[string]string) {
		for i := range n {
			modules[fmt.Sprintf("more%d.ko", i)] = "small-base"
		}
	})
}

// otherModule is small-base with the module of small-head, which is 648 bytes larger.
func otherModule(t *testing.T) []byte {
	return smallBaseWith(t, func(modules map[string]string) { modules["rust_sample.ko"] = "small-head" })
}

// smallBaseWith adds to or replaces the modules of small-base: by name, the build whose Rust module it is.
func smallBaseWith(t *testing.T, change func(modules map[string]string)) []byte {
	t.Helper()
	modules := map[string]string{}
	change(modules)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(small+"small-base")); err != nil {
		t.Fatal(err)
	}
	for name, build := range modules {
		data, err := os.ReadFile(small + build + "/drivers/rust_sample.ko")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "drivers", name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return zipOf(t, dir)
}

// merged pushes to main, has CI build it, and waits until that is measured.
func (w *world) merged(build []byte) string {
	w.t.Helper()
	sha := w.github.AddCommit(w.repo, ghtest.Commit{Branch: "main", Message: "merge", Files: map[string]string{"version": fmt.Sprint(len(build), w.t.Name())}})
	w.build(ghtest.Run{}, build)
	w.idle()
	return sha
}

// judged is what is stored of a pull request's last evaluation.
func (w *world) judged(pull int) *sizediff.Evaluation {
	w.t.Helper()
	w.idle()
	e, err := w.store.LatestEvaluation(w.t.Context(), w.repo.ID, pull)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := web.DecodeRecord(e.Record)
	if err != nil {
		w.t.Fatal(err)
	}
	if e.HeadSHA != w.head(pull) {
		w.t.Fatalf("the last evaluation is of %.7s, the head is %.7s", e.HeadSHA, w.head(pull))
	}
	return r.Evaluation
}

// A ratchet bounds what many pull requests add up to, and follows main down.
func TestRatchet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("ratchets:\n  - {bucket: total, headroom: 2KiB}\ngate: {mode: enforce}\n")
	expect := func(branch string, modules int, conclusion string, floor string, above int64) *sizediff.Evaluation {
		t.Helper()
		pull := w.open(branch)
		w.build(ghtest.Run{Pull: pull}, withModules(t, modules))
		w.idle()
		if c := w.check(w.head(pull)); c.Conclusion != conclusion {
			t.Errorf("%s: the check run is %s %s, %q; want %s", branch, c.Status, c.Conclusion, c.Title, conclusion)
		}
		e := w.judged(pull)
		r := e.Targets[0].Budgets[0]
		if r.Ratchet == nil || r.Ratchet.Floor.SHA != floor || r.Delta != above || r.Ratchet.Floor.Since.IsZero() {
			t.Errorf("%s: %+v of floor %+v; want %d B above that of %.7s", branch, r, r.Ratchet, above, floor)
		}
		return e
	}
	large := w.merged(withModules(t, 3))
	expect("two-more", 5, "success", large, 2*moduleBytes)
	expect("three-more", 6, "failure", large, 3*moduleBytes)

	lowest := w.merged(withModules(t, 0))
	expect("three", 3, "failure", lowest, 3*moduleBytes)
	expect("two", 2, "success", lowest, 2*moduleBytes)

	// Main grows by two that were within it. The third is one too many, though it is no larger than the others.
	w.merged(withModules(t, 1))
	w.merged(withModules(t, 2))
	e := expect("third", 3, "failure", lowest, 3*moduleBytes)
	expect("nothing", 2, "success", lowest, 2*moduleBytes) // is not to blame
	var runtime []int64
	for _, modules := range []int64{3, 0, 1, 2} {
		runtime = append(runtime, 6134+18*(modules+1))
	}
	if d := cmp.Diff(runtime, e.Provenance.RuntimeHistory); d != "" {
		t.Errorf("history of the runtime:\n%s", d)
	}
}

// What was built on main before it shrank is not held against the smaller main.
func TestRatchetLooksBackFromTheBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("ratchets:\n  - {bucket: total, headroom: 1KiB}\nbase: {strategy: merge_base}\ngate: {mode: enforce}\n")
	before := w.merged(withModules(t, 3))
	pull := w.open("older")
	w.merged(withModules(t, 0))
	w.build(ghtest.Run{Pull: pull}, withModules(t, 4))
	w.shows(pull, "neutral", "+862 B")
	if r := w.judged(pull).Targets[0].Budgets[0]; r.Ratchet.Floor.SHA != before || r.Delta != moduleBytes {
		t.Errorf("%+v of floor %+v", r, r.Ratchet)
	}
}

// Two builds of one commit that differ show the noise, and growth within it is not over a budget.
func TestNoiseBand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("budgets:\n  - {bucket: total, grow: 100B}\ngate: {mode: enforce}\n")
	quiet, noisy := smallBase(t), otherModule(t)
	w.merged(quiet)
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, noisy)
	w.shows(pull, "failure", "+648 B")
	if e := w.judged(pull); e.Policy.Noise != nil {
		t.Errorf("noise without two builds of one commit: %v", e.Policy.Noise)
	}
	for _, again := range [][]byte{noisy, quiet} { // the newest is the base
		w.build(ghtest.Run{}, again)
		w.idle()
	}
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, noisy)
	w.idle()
	if c := w.check(w.head(pull)); c.Conclusion == "failure" || c.Status != "completed" {
		t.Errorf("growth within noise: the check run is %s %s, %q", c.Status, c.Conclusion, c.Title)
	}
	e := w.judged(pull)
	if got := e.Targets[0].Budgets[0]; got.Band != 648 || got.Delta != 648 || got.Status != sizediff.BudgetWithin {
		t.Errorf("%+v, of noise %v", got, e.Policy.Noise)
	}
}
