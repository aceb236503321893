package bot_test

import (
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// sharing opens a second pull request with the head of the first, to a branch where nothing can fail.
func (w *world) sharing(pull int) int {
	w.t.Helper()
	w.github.SetBranch(w.repo, "next", w.github.Branch(w.repo, "main"))
	w.github.AddCommit(w.repo, ghtest.Commit{Branch: "next", Message: "no budgets here", Files: map[string]string{repositoryFile: "gate: {mode: report}\n"}})
	other := w.github.OpenPull(w.repo, ghtest.Pull{Head: w.github.Repo(author + "/linux"), Branch: "printing", Base: "next", Author: author})
	if w.head(other) != w.head(pull) {
		w.t.Fatal("the pull requests have different heads")
	}
	w.build(ghtest.Run{Pull: other}, smallHead(w.t))
	return other
}

// A check run is of a commit. Whoever opens a second pull request with the same head does not clear the check of the first; closed, it
// has no say any more.
func TestSharedHead(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	other := w.sharing(pull)
	w.eventually("the other is judged", func() bool { return len(w.ours(other)) == 1 })
	w.idle()
	c := w.shows(pull, "failure", overTitle)
	// Whoever wrote last names the other.
	if !strings.HasPrefix(c.Title, "#1: ") && !strings.Contains(c.Summary, "the head of #2 as well") {
		t.Errorf("the check run does not name the other pull request: %q\n%s", c.Title, c.Summary)
	}
	w.ask(other, author, "/size refresh", "+1")
	w.ask(pull, author, "/size refresh", "+1")
	w.idle()
	c = w.shows(pull, "failure", overTitle)
	for _, a := range c.Actions {
		if a.Identifier == "accept" {
			t.Error("a button accepts, though it cannot tell for which pull request")
		}
	}

	// Accepted, the first stops nobody any more.
	w.laterThanNow()
	w.ask(pull, maintainer, accept, "+1")
	w.eventually("what is accepted does not fail", func() bool { return w.check(w.head(pull)).Conclusion == "neutral" })
	w.ask(pull, maintainer, "/size unaccept", "+1")
	w.shows(pull, "failure", overTitle)

	// Closed, it has no say.
	w.github.ClosePull(w.repo, pull)
	w.eventually("the closed one has no say", func() bool { return w.check(w.head(other)).Conclusion == "neutral" })
	w.github.ReopenPull(w.repo, pull)
	w.shows(pull, "failure", overTitle)
}
