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
