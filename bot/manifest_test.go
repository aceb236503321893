package bot_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// saying is small-head with a manifest.json beside its images.
func saying(t *testing.T, text string) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../sizediff/testdata/small-head")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return zipOf(t, dir)
}

// built is a manifest that names a commit and a run.
func built(sha string, run int64) string {
	return fmt.Sprintf(`{"schema": "oxidometer.manifest/1", "commit": %q, "run_id": %d}`, sha, run)
}

// measured is small-head as a job of GitHub Actions measures it, outside a checkout.
func measured(t *testing.T, sha string, run int64) []byte {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	head, err := filepath.Abs("../sizediff/testdata/small-head")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(path, "measure", head, "-o", "kernel.oxm", "--target", "kernel")
	cmd.Dir = dir
	cmd.Env = []string{"GITHUB_ACTIONS=true", "GITHUB_SHA=" + sha, fmt.Sprint("GITHUB_RUN_ID=", run), "GITHUB_RUN_ATTEMPT=1"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return zipOf(t, dir)
}

// unseen makes a pull request whose run built a test merge that the App never saw: when it first looks, main has moved on, and
// GitHub names another merge.
func (w *world) unseen(branch string) (pull int, run int64, merge, base string) {
	w.github.SetHooks(ghtest.Hooks{Drop: func(ghtest.Delivery) bool { return true }})
	defer w.github.SetHooks(ghtest.Hooks{})
	w.build(ghtest.Run{}, smallBase(w.t))
	base = w.github.Branch(w.repo, "main")
	pull = w.open(branch)
	merge = w.github.TestMerge(w.repo, pull)
	run = w.github.AddRun(w.repo, ghtest.Run{Pull: pull, Created: time.Now().Add(-time.Hour)})
	w.github.AddCommit(w.repo, ghtest.Commit{Branch: "main", Message: "moves on"})
	w.build(ghtest.Run{}, smallHead(w.t)) // compared with this, nothing has changed
	if now := w.github.TestMerge(w.repo, pull); now == merge {
		w.t.Fatalf("GitHub still names the test merge %s", now)
	}
	if err := w.github.WaitDeliveries(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return pull, run, merge, base
}

// What the build says of itself makes the base exact.
func TestManifest(t *testing.T) {
	t.Parallel()
	for name, artifact := range map[string]func(t *testing.T, sha string, run int64) []byte{
		"beside the images":  func(t *testing.T, sha string, run int64) []byte { return saying(t, built(sha, run)) },
		"in the measurement": measured,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			pull, run, merge, base := w.unseen("printing")
			w.finish(run, "kernel", artifact(t, merge, run))
			body := w.comment(pull, grown).Body
			for _, want := range []string{"`" + base[:7] + "` (exact base)", "built as merge with `" + base[:7] + "`"} {
				if !strings.Contains(body, want) {
					t.Errorf("the comment does not say %s:\n%s", want, body)
				}
			}
		})
	}
}

// Without a manifest nobody can tell what was built there.
func TestNoManifest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pull, run, _, _ := w.unseen("printing")
	w.finish(run, "kernel", smallHead(t))
	w.notCompared(pull, "which merge was built cannot be known")
}

// A workflow that checks out the head itself says so, and is compared with the merge base.
func TestManifestOfTheHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pull, run, _, base := w.unseen("printing")
	w.finish(run, "kernel", saying(t, built(w.head(pull), run)))
	body := w.comment(pull, grown).Body
	if !strings.Contains(body, "`"+base[:7]+"` (exact base)") || strings.Contains(body, "built as merge") {
		t.Errorf("the head was built alone, on %.7s:\n%s", base, body)
	}
}

// A manifest that is not so never chooses a base, whatever it names.
func TestLyingManifest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fork := w.github.AddFork(w.repo, "mallory")
	evil := w.github.AddCommit(fork, ghtest.Commit{Branch: "evil", Message: "a base of one's own"})
	w.build(ghtest.Run{HeadRepo: fork, Event: "push", Branch: "evil"}, smallHead(t))
	other, _, othersMerge, _ := w.unseen("other")
	tests := []struct {
		name     string
		manifest func(pull int, run int64, merge string) string
		title    string // of the check run
		says     string
	}{
		{"another's merge", func(_ int, run int64, _ string) string { return built(othersMerge, run) }, "Not compared", "no merge of the head"},
		{"another's head", func(_ int, run int64, _ string) string { return built(w.head(other), run) }, "Not compared", "no merge of the head"},
		{"main itself", func(_ int, run int64, _ string) string { return built(w.github.Branch(w.repo, "main"), run) }, "Not compared", "no merge of the head"},
		{"nothing known", func(_ int, run int64, _ string) string { return built(strings.Repeat("0123456789", 4), run) }, "Not compared", "GitHub does not know"},
		{"other parents", func(pull int, run int64, merge string) string {
			return strings.TrimSuffix(built(merge, run), "}") + fmt.Sprintf(`, "parents": [%q, %q]}`, w.github.Branch(w.repo, "main"), w.head(pull))
		}, "Not compared", "no merge of the head"},
		{"another run", func(_ int, run int64, merge string) string { return built(merge, run-1) }, "Not compared", "the manifest is of another run"},
		{"no commit", func(_ int, run int64, _ string) string { return built("../../orgs/x", run) }, "Not compared", "does not name a commit"},
		{"garbage", func(int, int64, string) string { return "\x00{" }, "Not compared", "does not name a commit"},
		{"a merge with a fork's commit", func(pull int, run int64, _ string) string {
			return built(w.github.AddCommit(fork, ghtest.Commit{Branch: "evil", Parents: []string{evil, w.head(pull)}}), run)
		}, "≈ +10,908 B", "not on main"},
	}
	for i, test := range tests {
		pull, run, merge, _ := w.unseen(fmt.Sprint("lie-", i))
		artifact := saying(t, test.manifest(pull, run, merge))
		w.finish(run, "kernel", artifact)
		check := w.shows(pull, "neutral", test.title)
		if !strings.Contains(check.Title+check.Summary, test.says) {
			t.Errorf("%s: the check run does not say %q:\n%s\n%s", test.name, test.says, check.Title, check.Summary)
		}
		if strings.Contains(check.Summary, "exact base)") {
			t.Errorf("%s: the base is called exact:\n%s", test.name, check.Summary)
		}
	}
}
