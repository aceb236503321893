package bot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

const repositoryFile = ".github/oxidometer.yml"

// proposes pushes a repository file to a pull request, and has that built. "" takes the file away.
func (w *world) proposes(pull int, text string) {
	w.t.Helper()
	c := ghtest.Commit{Files: map[string]string{repositoryFile: text}}
	if text == "" {
		c = ghtest.Commit{Remove: []string{repositoryFile}}
	}
	w.github.PushHead(w.repo, pull, c)
	w.build(ghtest.Run{Pull: pull}, smallHead(w.t))
}

// judgedByBase waits until the head is judged by the file of its base, and until the comment says something of the proposed one.
func (w *world) judgedByBase(pull int, says ...string) {
	w.t.Helper()
	w.shows(pull, "failure", overTitle)
	for _, text := range says {
		if !w.wait(func() bool { return strings.Contains(w.ours(pull)[0].Body, text) }) {
			w.t.Fatalf("the comment does not say %q:\n%s", text, w.ours(pull)[0].Body)
		}
	}
}

// A pull request from a fork changes the repository file. Whatever it writes there, it is judged by the file of its base; what its own
// would say is shown.
func TestProposal(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.proposes(pull, "budgets:\n  - {bucket: runtime, grow: 16KiB}\ngate: {mode: report}\n")
	w.judgedByBase(pull, "raises the budget of Rust runtime from 1,024 B to 16,384 B (16.0 KiB) and uses 9,752 B of it", "`gate.mode` goes from enforce to report", "with the new one the check would say")

	// Faults stand on their lines, each once.
	w.proposes(pull, "budgets:\n  - {bucket: runtime, grwo: 1KiB}\ngate: {mode: strict}\n")
	w.judgedByBase(pull, "the new one has 3 faults, which the check run shows at their lines")
	w.idle()
	check := w.check(w.head(pull))
	var lines []int
	for _, a := range check.Annotations {
		lines = append(lines, a.StartLine)
		if a.Path != repositoryFile || a.Level != "failure" || a.Message == "" {
			t.Errorf("annotation %+v", a)
		}
	}
	if fmt.Sprint(lines) != "[2 2 3]" || !strings.Contains(check.Text, repositoryFile+":3:") {
		t.Errorf("annotations on lines %v, want 2, 2 and 3; the text is\n%s", lines, check.Text)
	}

	w.proposes(pull, "")
	w.judgedByBase(pull, "removes the budget of Rust runtime (1,024 B)")

	// None of these keeps the pull request from being judged.
	w.proposes(pull, strings.Repeat("x: 1\n", 5000))
	w.judgedByBase(pull, "faults, which the check run shows")
	w.proposes(pull, "# "+strings.Repeat("x", 2<<20))
	w.judgedByBase(pull, "the new one has 1 fault")
	w.proposes(pull, "buckets:\n  all: {symbols: ["+strings.Repeat("'*a*b*c*', ", 200)+"]}\n")
	w.judgedByBase(pull, "too many to try them here")
	w.github.PushHead(w.repo, pull, ghtest.Commit{Remove: []string{repositoryFile}, Files: map[string]string{repositoryFile + "/x": "a folder"}})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.judgedByBase(pull, "the new one has 1 fault")
}

// Who loosens a budget and changes nothing else is not silent about it.
func TestProposalAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile(enforced)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "looser", Files: map[string]string{repositoryFile: "budgets:\n  - {bucket: runtime, grow: 2KiB}\ngate: {mode: enforce}\n"}})
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	w.shows(pull, "success", "No size change")
	if body := w.comment(pull, "**No size change.**").Body; !strings.Contains(body, "raises the budget of Rust runtime from 1,024 B to 2,048 B") {
		t.Errorf("the comment does not say what is loosened:\n%s", body)
	}
}

// While the file of the base is broken, whoever mends it learns whether the new one is good.
func TestProposalToMend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("budgetts: []\n")
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "mend", Files: map[string]string{repositoryFile: "budgetz: []\n"}})
	w.eventually("the new fault is on its line", func() bool { return len(w.check(w.head(pull)).Annotations) == 1 })
	if text := w.check(w.head(pull)).Text; !strings.Contains(text, "budgetz") {
		t.Errorf("the check run does not show the fault:\n%s", text)
	}
	w.github.PushHead(w.repo, pull, ghtest.Commit{Files: map[string]string{repositoryFile: "budgets: []\n"}})
	w.shows(pull, "neutral", "The repository file on main has faults")
	if c := w.check(w.head(pull)); !strings.Contains(c.Summary, "The file of this pull request has no faults.") || len(c.Annotations) != 0 {
		t.Errorf("%d annotations; the check run says\n%s", len(c.Annotations), c.Summary)
	}
}
