package bot_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// notCompared fails when a missing base reads like "no change" anywhere.
func (w *world) notCompared(pull int, why string) {
	w.t.Helper()
	check := w.shows(pull, "neutral", "Not compared")
	if text := check.Title + check.Summary; strings.Contains(strings.ToLower(text), "no size change") || !strings.Contains(text, why) {
		w.t.Errorf("the check run does not say %q:\n%s\n%s", why, check.Title, check.Summary)
	}
	w.silent(pull)
}

func TestBaseMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallBase(t)) // equal to what the base would be
	w.notCompared(pull, "main")

	w.build(ghtest.Run{}, smallBase(t)) // now there is a base
	w.shows(pull, "success", "No size change")
}

// A base that is missing for hours is worth a comment. Nothing but the clock brings it about.
func TestBaseMissingForLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.notCompared(pull, "main")
	w.idle()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "bot.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, later := range []string{
		"UPDATE evaluations SET created = created - 3 * 3600 * 1000000",
		"UPDATE river_job SET scheduled_at = datetime('now') WHERE state = 'scheduled' AND kind = 'pull'",
	} {
		if result, err := db.Exec(later); err != nil {
			t.Fatal(err)
		} else if n, _ := result.RowsAffected(); n == 0 {
			t.Fatalf("%s: there is none", later)
		}
	}
	w.comment(pull, "**Not compared")
	w.idle()
}

// A base that was measured while its artifact was there is as good as ever.
func TestBaseExpiredAfterMeasuring(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.github.AddRun(w.repo, ghtest.Run{})
	artifact := w.github.AddArtifact(run, ghtest.Artifact{Name: "kernel", Bytes: smallBase(t)})
	w.github.FinishRun(run, "success")
	w.idle()
	w.github.ExpireArtifact(artifact)
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	if c := w.comment(pull, grown); !strings.Contains(c.Body, "(exact base)") {
		t.Errorf("the base is not exact:\n%s", c.Body)
	}
}

func TestBaseExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.github.AddRun(w.repo, ghtest.Run{})
	w.github.AddArtifact(run, ghtest.Artifact{Name: "kernel", Bytes: smallBase(t), Expired: true})
	w.github.FinishRun(run, "success")
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.notCompared(pull, "expired")
}

func TestBaseStillRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := w.github.AddRun(w.repo, ghtest.Run{})
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.shows(pull, "in_progress", "Waiting for the build of the base")
	w.silent(pull)
	w.github.AddArtifact(base, ghtest.Artifact{Name: "kernel", Bytes: smallBase(t)})
	w.github.FinishRun(base, "success")
	if c := w.comment(pull, grown); !strings.Contains(c.Body, "(exact base)") || len(c.Edits) != 0 {
		t.Errorf("the base is not exact at once, %d edits:\n%s", len(c.Edits), c.Body)
	}
}

// An older base is named, and never gates.
func TestOlderBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("budgets:\n  - bucket: runtime\n    grow: 1B\ngate: {mode: enforce}\n")
	measured := w.github.Branch(w.repo, "main")
	w.build(ghtest.Run{}, smallBase(t))
	w.github.AddCommit(w.repo, ghtest.Commit{Branch: "main", Message: "breaks the build"})
	exact := w.github.Branch(w.repo, "main")
	failed := w.github.AddRun(w.repo, ghtest.Run{})
	w.github.FinishRun(failed, "failure")
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	c := w.comment(pull, "**About +10,908 B")
	line := w.says(pull)
	for _, want := range []string{"older base", measured[:7], exact[:7]} {
		if !strings.Contains(line, want) {
			t.Errorf("the first line lacks %s: %s", want, line)
		}
	}
	w.shows(pull, "neutral", "≈ +10,908 B")

	// The base builds at last; the comment becomes an exact one, and the gate holds.
	w.github.Rerun(failed)
	w.finish(failed, "kernel", smallBase(t))
	w.shows(pull, "failure", "Rust runtime +9,752 B, budget 1 B")
	if now := w.comment(pull, "**Rust runtime +9,752 B: over"); now.ID != c.ID {
		t.Errorf("comment %d, was %d", now.ID, c.ID)
	}
}

// TestBaseStrategy: the base branch has grown since the fork point.
func TestBaseStrategy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ strategy, event, conclusion, title string }{
		{"auto", "pull_request", "success", "No size change"},
		{"auto", "push", "neutral", "+10,908 B"},
		{"first_parent", "pull_request", "success", "No size change"},
		{"first_parent", "push", "neutral", "+10,908 B"},
		{"merge_base", "pull_request", "neutral", "≈ +10,908 B"}, // what was built also has what main got
		{"merge_base", "push", "neutral", "+10,908 B"},
	} {
		t.Run(test.strategy+" "+test.event, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.repositoryFile("base: {strategy: " + test.strategy + "}\n")
			w.build(ghtest.Run{}, smallBase(t))
			pull := w.open("printing")
			w.github.AddCommit(w.repo, ghtest.Commit{Branch: "main", Message: "grows"})
			w.build(ghtest.Run{}, smallHead(t))
			w.push(pull)
			w.build(ghtest.Run{Pull: pull, Event: test.event}, smallHead(t))
			if c := w.shows(pull, test.conclusion, test.title); strings.HasPrefix(c.Title, "≈") != strings.HasPrefix(test.title, "≈") {
				t.Errorf("title %q, want %q", c.Title, test.title)
			}
		})
	}
}

// TestBaseRules: whose builds may be a base, and how far back one may be. Each key keeps from a comparison what is one without it.
func TestBaseRules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, rules string
		run         ghtest.Run
		older       bool // the exact base was not built, its parent was
		title       string
	}{
		{"no rules", "{}", ghtest.Run{}, false, "+10,908 B"},
		{"branch", "{branches: [main]}", ghtest.Run{}, false, "+10,908 B"},
		{"branch by pattern", `{branches: ["rust-*", "ma*"]}`, ghtest.Run{}, false, "+10,908 B"},
		{"another branch", `{branches: ["stable/*"]}`, ghtest.Run{}, false, "Not compared"},
		{"event", "{trusted_events: schedule}", ghtest.Run{Event: "schedule"}, false, "+10,908 B"},
		{"another event", "{trusted_events: [schedule, merge_group]}", ghtest.Run{}, false, "Not compared"},
		{"older", "{max_ancestors: 1}", ghtest.Run{}, true, "≈ +10,908 B"},
		{"older than may be", "{max_ancestors: 0}", ghtest.Run{}, true, "Not compared"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.repositoryFile("base: " + test.rules + "\n")
			w.build(test.run, smallBase(t))
			w.idle() // a build that is no base is not stored as one either
			if test.older {
				w.github.AddCommit(w.repo, ghtest.Commit{Branch: "main", Message: "is not built"})
			}
			pull := w.open("printing")
			w.build(ghtest.Run{Pull: pull}, smallHead(t))
			w.shows(pull, "neutral", test.title)
		})
	}
}

// TestBaseOfAnotherBranch: what a branch that may not be a base built is none, also when its commit got onto the base branch.
func TestBaseOfAnotherBranch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ rules, title string }{{"{}", "+10,908 B"}, {"{branches: [main], max_ancestors: 0}", "Not compared"}} {
		w := newWorld(t)
		w.repositoryFile("base: " + test.rules + "\n")
		w.github.AddCommit(w.repo, ghtest.Commit{Branch: "next", Message: "first on next"})
		first := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "next"})
		w.build(ghtest.Run{Branch: "next"}, smallBase(t)) // measured as the head of that pull request
		w.eventually("it is looked at", func() bool { return w.check(w.head(first)).Status == "completed" })
		w.github.SetBranch(w.repo, "main", w.github.Branch(w.repo, "next"))
		pull := w.open("printing")
		w.build(ghtest.Run{Pull: pull}, smallHead(t))
		w.shows(pull, "neutral", test.title)
	}
}

// TestBaseNotWaitedFor: with wait_for_running 0s an older base is taken at once.
func TestBaseNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("base: {wait_for_running: 0s}\n")
	w.build(ghtest.Run{}, smallBase(t))
	w.github.AddCommit(w.repo, ghtest.Commit{Branch: "main", Message: "is being built"})
	running := w.github.AddRun(w.repo, ghtest.Run{})
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, "**About +10,908 B")
	w.finish(running, "kernel", smallBase(t))
	w.comment(pull, grown)
}
