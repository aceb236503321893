package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

func (w *world) view(pull int) ghtest.PullView {
	v, ok := w.github.PullView(w.repo, pull)
	if !ok {
		w.t.Fatalf("no pull request %d", pull)
	}
	return v
}

func (w *world) head(pull int) string { return w.view(pull).HeadSHA }

// ours returns the comments of our App that can be seen on a pull request, but for answers to commands.
func (w *world) ours(pull int) (out []ghtest.CommentView) {
	for _, c := range w.view(pull).Comments {
		if c.AppID == 7 && !c.Deleted && !strings.Contains(c.Body, replyMark) {
			out = append(out, c)
		}
	}
	return out
}

// says is the first line of our only comment, "" when there is none.
func (w *world) says(pull int) string {
	w.t.Helper()
	switch list := w.ours(pull); len(list) {
	case 0:
		return ""
	case 1:
		line, _, _ := strings.Cut(list[0].Body, "\n")
		return line
	default:
		w.t.Errorf("pull request %d has %d comments of ours", pull, len(list))
		return list[0].Body
	}
}

// checks returns our check runs on a commit.
func (w *world) checks(sha string) (out []ghtest.CheckView) {
	for _, c := range w.github.Checks(w.repo, sha) {
		if c.AppID == 7 {
			out = append(out, c)
		}
	}
	return out
}

// check returns our only check run on a commit. The zero value means that there is none.
func (w *world) check(sha string) ghtest.CheckView {
	w.t.Helper()
	switch list := w.checks(sha); len(list) {
	case 0:
		return ghtest.CheckView{}
	case 1:
		return list[0]
	default:
		w.t.Errorf("commit %.7s has %d check runs of ours", sha, len(list))
		return list[0]
	}
}

// shows waits until the head's check run has that status or conclusion and a title with that text.
func (w *world) shows(pull int, state, title string) ghtest.CheckView {
	w.t.Helper()
	var c ghtest.CheckView
	if !w.wait(func() bool {
		c = w.check(w.head(pull))
		return (c.Conclusion == state || c.Status == state) && strings.Contains(c.Title, title)
	}) {
		w.t.Fatalf("the check run is %s %s, %q; want %s, %q", c.Status, c.Conclusion, c.Title, state, title)
	}
	return c
}

// comment waits until our only comment begins with that text, and returns it.
func (w *world) comment(pull int, begins string) ghtest.CommentView {
	w.t.Helper()
	if !w.wait(func() bool { return strings.HasPrefix(w.says(pull), begins) }) {
		c := w.check(w.head(pull))
		w.t.Fatalf("the comment is %q, want %q; the check run is %s %s, %q", w.says(pull), begins, c.Status, c.Conclusion, c.Title)
	}
	return w.ours(pull)[0]
}

// silent fails when there is a comment of ours, once all work is done.
func (w *world) silent(pull int) {
	w.t.Helper()
	w.idle()
	if says := w.says(pull); says != "" {
		w.t.Errorf("there is a comment, which nobody needs: %s", says)
	}
}

// open opens a pull request from a new branch with one commit.
func (w *world) open(branch string) int {
	return w.github.OpenPull(w.repo, ghtest.Pull{Branch: branch, Title: "mydriver: " + branch, Author: "torvalds", Files: map[string]string{"drivers/" + branch + ".rs": "…"}})
}

// push pushes another commit to a pull request.
func (w *world) push(pull int) string {
	return w.github.PushHead(w.repo, pull, ghtest.Commit{Files: map[string]string{fmt.Sprint("drivers/", len(w.view(pull).Commits)): "…"}})
}

// repositoryFile puts .github/oxidometer.yml on main.
func (w *world) repositoryFile(text string) {
	w.github.AddCommit(w.repo, ghtest.Commit{Branch: "main", Message: "oxidometer", Files: map[string]string{".github/oxidometer.yml": text}})
}

// grown is how a comment on small-head begins.
const grown = "**Kernel grows by 10,908 B"

func TestPullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	base := w.github.Branch(w.repo, "main")
	pull := w.open("printing")
	w.shows(pull, "queued", "Waiting for CI")
	run := w.github.AddRun(w.repo, ghtest.Run{Pull: pull})
	w.shows(pull, "in_progress", "Measuring")
	w.github.AddArtifact(run, ghtest.Artifact{Name: "kernel", Bytes: smallHead(t)})
	w.github.FinishRun(run, "success")
	w.shows(pull, "neutral", "+10,908 B")
	body := w.comment(pull, grown).Body
	if !strings.Contains(body, "`"+base[:7]+"` (exact base)") {
		t.Errorf("the comment does not name the exact base %.7s:\n%s", base, body)
	}
	if n := w.ours(pull)[0].Edits; len(n) != 0 {
		t.Errorf("a first comment was edited %d times", len(n))
	}
}

// A fork's run has no pull requests in its event, and another head repository.
func TestFork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	fork := w.github.AddFork(w.repo, "contributor")
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Head: fork, Branch: "main-2", Author: "contributor", Files: map[string]string{"a.rs": "…"}})
	// Another fork has a branch of the same name, and a pull request too.
	other := w.github.AddFork(w.repo, "somebody")
	second := w.github.OpenPull(w.repo, ghtest.Pull{Head: other, Branch: "main-2", Author: "somebody", Files: map[string]string{"b.rs": "…"}})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
	w.silent(second)
	w.shows(second, "queued", "Waiting for CI")
}

// A fork cannot make itself a base: its run of event push built main's commit, in its own repository.
func TestForkIsNoBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fork := w.github.AddFork(w.repo, "contributor")
	w.build(ghtest.Run{HeadRepo: fork, Event: "push", Branch: "main"}, smallHead(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.shows(pull, "neutral", "Not compared")
}

func TestNoChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("nothing")
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	w.shows(pull, "success", "No size change (1 of 1 target)")
	w.silent(pull)

	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	c := w.comment(pull, "**No size change.**")
	w.shows(pull, "success", "No size change (1 of 1 target)")
	if len(c.Edits) != 1 {
		t.Errorf("the comment was edited %d times, want once", len(c.Edits))
	}
}

func TestDraft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "printing", Draft: true, Files: map[string]string{"a.rs": "…"}})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.shows(pull, "neutral", "+10,908 B")
	w.silent(pull)
	w.github.SetDraft(w.repo, pull, false)
	w.comment(pull, grown)
}

func TestRunFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("broken")
	run := w.github.AddRun(w.repo, ghtest.Run{Pull: pull})
	w.github.AddJob(run, ghtest.Job{Name: "lint", Conclusion: "success", Steps: []ghtest.Step{{Name: "Lint"}}})
	w.github.AddJob(run, ghtest.Job{Name: "kernel (x86_64)", Conclusion: "failure", Steps: []ghtest.Step{{Name: "Checkout", Conclusion: "success"}, {Name: "Build", Conclusion: "failure"}, {Name: "Upload", Conclusion: "skipped"}}})
	w.github.FinishRun(run, "failure")
	w.shows(pull, "neutral", "Not measured: job kernel (x86_64) failed in step Build")
	w.silent(pull)

	// The next attempt of the same run builds.
	w.github.Rerun(run)
	w.shows(pull, "in_progress", "Measuring")
	w.github.AddArtifact(run, ghtest.Artifact{Name: "kernel", Bytes: smallHead(t)})
	w.github.FinishRun(run, "success")
	w.comment(pull, grown)

	// A comment that exists says it, too.
	w.push(pull)
	run = w.github.AddRun(w.repo, ghtest.Run{Pull: pull})
	w.github.AddJob(run, ghtest.Job{Name: "kernel", Conclusion: "failure", Steps: []ghtest.Step{{Name: "Build", Conclusion: "failure"}}})
	w.github.FinishRun(run, "failure")
	w.comment(pull, "**Not measured at `"+w.head(pull)[:7]+"`: job kernel failed in step Build")
}

func TestMergeGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pull := w.open("queued")
	group := w.github.AddMergeGroup(w.repo, pull)
	w.eventually("the group has its answer", func() bool { return w.check(group.HeadSHA).Conclusion == "neutral" })
	if c := w.check(group.HeadSHA); len(c.History) != 1 || c.Name != "oxidometer" {
		t.Errorf("check run %q had %d states, want its answer at once", c.Name, len(c.History))
	}
	w.answersAgain(group.HeadSHA, "neutral")
}

// A head that was pushed over has nothing to wait for. Who asks again is told.
func TestRerequestedOldHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pull := w.open("printing")
	w.shows(pull, "queued", "Waiting for CI")
	old := w.head(pull)
	w.push(pull)
	w.eventually("the old head's check run has ended", func() bool { return w.check(old).Conclusion == "neutral" })
	w.answersAgain(old, "neutral")
}

// answersAgain asks for a commit's check run again.
func (w *world) answersAgain(sha, conclusion string) {
	w.t.Helper()
	w.idle()
	before := w.check(sha)
	if err := w.github.RerequestCheck(w.repo, before.ID, "torvalds"); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("the check run is written again", func() bool { return len(w.check(sha).History) > len(before.History) })
	if c := w.check(sha); c.Conclusion != conclusion {
		w.t.Errorf("asked for again, the check run is %q, want %q", c.Conclusion, conclusion)
	}
}

func TestRerequested(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.github.SetHooks(ghtest.Hooks{Drop: func(d ghtest.Delivery) bool { return d.Event == "workflow_run" }})
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	check := w.shows(pull, "queued", "Waiting for CI")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.idle()
	if err := w.github.RerequestCheck(w.repo, check.ID, "torvalds"); err != nil {
		t.Fatal(err)
	}
	w.comment(pull, grown)
	check = w.shows(pull, "neutral", "+10,908 B")
	w.idle()

	// Asked for once more, it answers, although it has nothing new to say.
	for range 2 {
		before := len(w.check(w.head(pull)).History)
		if err := w.github.RerequestCheck(w.repo, check.ID, "torvalds"); err != nil {
			t.Fatal(err)
		}
		w.eventually("the check run is written again", func() bool { return len(w.check(w.head(pull)).History) > before })
		w.shows(pull, "neutral", "+10,908 B")
		w.idle()
	}
	w.github.RerequestSuite(w.repo, w.head(pull), "torvalds")
	w.idle()
	w.shows(pull, "neutral", "+10,908 B")
	if n := w.ours(pull)[0].Edits; len(n) != 0 {
		t.Errorf("the comment was edited %d times, from\n%s\nto\n%s", len(n), n[0].Body, w.ours(pull)[0].Body)
	}
}

// An artifact that could not be measured is remembered as such until somebody asks for the check again.
func TestRerequestedFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("broken")
	w.build(ghtest.Run{Pull: pull}, smallHead(t)[:5000])
	check := w.shows(pull, "neutral", "Not measured")
	w.idle()
	fetched := func() (n int) {
		for _, c := range w.github.Calls() {
			if c.Host == "storage" {
				n++
			}
		}
		return n
	}
	before := fetched()
	w.github.SetDraft(w.repo, pull, true)
	w.github.SetDraft(w.repo, pull, false) // a look like any other
	w.idle()
	if n := fetched(); n != before {
		t.Errorf("fetched %d more artifacts, though they are known", n-before)
	}
	w.answersAgain(w.head(pull), "neutral")
	w.idle()
	if n := fetched(); n != before+1 {
		t.Errorf("asked for again, %d artifacts were fetched, want one", n-before)
	}
	if err := w.github.RerequestCheck(w.repo, check.ID, "torvalds"); err != nil {
		t.Fatal(err)
	}
	w.idle()
	w.github.RerequestSuite(w.repo, w.head(pull), "torvalds")
	w.idle()
	if n := fetched(); n != before+3 {
		t.Errorf("asked for again twice, %d artifacts were fetched in all, want three", n-before)
	}
}

func TestRepositoryFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("budgets:\n  - bucket: runtime\n    grow: 1KiB\ngate: {mode: enforce}\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "printing", Files: map[string]string{
		"a.rs": "…", ".github/oxidometer.yml": "comment: {when: never}\ngate: {mode: report}\n", // the head's file counts for nothing
	}})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.shows(pull, "failure", "Rust runtime +9,752 B, budget 1,024 B")
	w.comment(pull, "**Rust runtime +9,752 B: over the 1,024 B budget")
}

func TestBrokenRepositoryFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("version: 1\nbudgetts: []\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	check := w.shows(pull, "neutral", "The repository file on main has faults")
	if !strings.Contains(check.Summary, ".github/oxidometer.yml:2:1") || !strings.Contains(check.Summary, "budgetts") {
		t.Errorf("the check run does not name the fault and where it is:\n%s", check.Summary)
	}
	w.silent(pull)
	w.repositoryFile("version: 1\n")
	w.build(ghtest.Run{}, smallBase(t)) // of the commit that mends it; an event that makes the App look again
	w.comment(pull, "**")
}

func TestRequireConfig(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--require-config")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.silent(pull)
	if c := w.check(w.head(pull)); c.ID != 0 {
		t.Errorf("a check run appeared: %s", c.Title)
	}
	w.repositoryFile("version: 1\n")
	w.build(ghtest.Run{}, smallBase(t))
	second := w.open("printing-2")
	w.build(ghtest.Run{Pull: second}, smallHead(t))
	w.comment(second, grown)
}

const twoTargets = `targets:
  - {name: x86_64, workflow: x86.yml, artifact: kernel-*}
  - {name: arm64, workflow: arm.yml, artifact: kernel-*}
`

// run starts a run of a workflow; finish ends it with an artifact.
func (w *world) run(pull int, workflow string, created time.Time) int64 {
	return w.github.AddRun(w.repo, ghtest.Run{Pull: pull, Workflow: ".github/workflows/" + workflow, Created: created})
}

func (w *world) finish(run int64, name string, artifact []byte) {
	w.github.AddArtifact(run, ghtest.Artifact{Name: name, Bytes: artifact})
	w.github.FinishRun(run, "success")
}

func TestTwoTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile(twoTargets)
	w.finish(w.run(0, "x86.yml", time.Time{}), "kernel-1", smallBase(t))
	w.finish(w.run(0, "arm.yml", time.Time{}), "kernel-2", smallBase(t))
	pull := w.open("printing")
	x86, arm := w.run(pull, "x86.yml", time.Time{}), w.run(pull, "arm.yml", time.Time{})
	w.finish(x86, "kernel-3", smallHead(t))
	w.shows(pull, "in_progress", "Measuring 1 of 2")
	w.silent(pull)
	w.finish(arm, "kernel-4", smallBase(t))
	c := w.comment(pull, grown)
	if !strings.Contains(c.Body, "x86_64") || !strings.Contains(c.Body, "arm64") || len(c.Edits) != 0 {
		t.Errorf("%d edits of\n%s", len(c.Edits), c.Body)
	}
}

// A target that is late is waited for until settle has passed, and joins the comment when it comes.
func TestLateTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile(twoTargets + "comment: {settle: 1s}\n")
	w.finish(w.run(0, "x86.yml", time.Time{}), "kernel-1", smallBase(t))
	w.finish(w.run(0, "arm.yml", time.Time{}), "kernel-2", smallBase(t))
	pull := w.open("printing")
	x86, arm := w.run(pull, "x86.yml", time.Time{}), w.run(pull, "arm.yml", time.Time{})
	w.finish(x86, "kernel-3", smallHead(t))
	c := w.comment(pull, "**+10,908 B")
	if line := w.says(pull); !strings.Contains(line, "arm64") {
		t.Errorf("the first line does not say that arm64 is missing: %s", line)
	}
	w.finish(arm, "kernel-4", smallBase(t))
	w.eventually("arm64 is in the comment", func() bool { return len(w.ours(pull)[0].Edits) == 1 })
	if now := w.ours(pull)[0]; now.ID != c.ID || strings.Contains(now.Body, "not measured") {
		t.Errorf("comment %d, was %d:\n%s", now.ID, c.ID, now.Body)
	}
}

func TestFailedTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile(twoTargets)
	w.finish(w.run(0, "x86.yml", time.Time{}), "kernel-1", smallBase(t))
	w.finish(w.run(0, "arm.yml", time.Time{}), "kernel-2", smallBase(t))
	pull := w.open("printing")
	x86, arm := w.run(pull, "x86.yml", time.Time{}), w.run(pull, "arm.yml", time.Time{})
	w.github.AddJob(arm, ghtest.Job{Name: "kernel (arm64)", Conclusion: "failure", Steps: []ghtest.Step{{Name: "Build", Conclusion: "failure"}}})
	w.github.FinishRun(arm, "failure")
	w.finish(x86, "kernel-3", smallHead(t))
	w.shows(pull, "neutral", "1 of 2 targets; arm64 not measured")
	c := w.comment(pull, "**+10,908 B")
	if line := w.says(pull); !strings.Contains(line, "arm64 was not measured") || !strings.Contains(c.Body, "failed in step Build") {
		t.Errorf("the comment does not say why arm64 is missing:\n%s", c.Body)
	}
}

// An App that pages wrongly misses the artifact that counts.
func TestManyArtifacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("targets: [{name: kernel}]\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	run := w.github.AddRun(w.repo, ghtest.Run{Pull: pull})
	for i := range 299 {
		w.github.AddArtifact(run, ghtest.Artifact{Name: fmt.Sprintf("log-%03d", i), Bytes: []byte("log")})
	}
	w.finish(run, "kernel", smallHead(t))
	w.comment(pull, grown)
	fetched := 0
	for _, c := range w.github.Calls() {
		if c.Host == "storage" {
			fetched++
		}
	}
	if fetched != 2 {
		t.Errorf("%d artifacts were fetched, want base and head", fetched)
	}
}
