package bot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

const exemptions = enforced + "tolerance: {label: {rust-upgrade: report_only}}\n"

// A label exempts when somebody with triage access, who is not the author, has set it after the last push, and as long as it is there.
func TestExemptByLabel(t *testing.T) {
	t.Parallel()
	w, pull := overBudgetOf(t, exemptions)
	const label = "rust-upgrade"
	w.github.SetLabel(w.repo, pull, author, label, true) // whom GitHub would not let
	w.idle()
	w.shows(pull, "failure", overTitle)
	w.github.SetLabel(w.repo, pull, author, label, false)
	w.github.SetRole(w.repo, author, "triage") // nobody exempts their own
	w.github.SetLabel(w.repo, pull, author, label, true)
	w.idle()
	w.shows(pull, "failure", overTitle)
	w.github.SetLabel(w.repo, pull, author, label, false)
	w.github.SetLabel(w.repo, pull, maintainer, label, true)
	w.shows(pull, "success", "label rust-upgrade, set by maint")
	w.rebuild(pull, smallHead(t)) // it was about what was there then
	w.shows(pull, "failure", overTitle)
	w.github.SetLabel(w.repo, pull, maintainer, label, false)
	w.laterThanNow()
	w.github.SetLabel(w.repo, pull, maintainer, label, true)
	w.shows(pull, "success", "label rust-upgrade, set by maint")
	w.github.SetLabel(w.repo, pull, maintainer, label, false)
	w.shows(pull, "failure", overTitle)
}

// A revert is believed when each file is again what it was before the commit, and nothing else came in between.
func TestExemptAsRevert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile(enforced)
	main := func(files map[string]string) string {
		return w.github.AddCommit(w.repo, ghtest.Commit{Branch: "main", Files: files})
	}
	main(map[string]string{"a.rs": "1", "b.rs": "1", "c.rs": "1"})
	shrinks := main(map[string]string{"a.rs": "2"})
	twice := main(map[string]string{"c.rs": "2"})
	main(map[string]string{"c.rs": "3"})
	w.build(ghtest.Run{}, smallBase(t))
	for name, c := range map[string]struct {
		of       string
		files    map[string]string
		believed bool
	}{
		"a revert":                     {shrinks, map[string]string{"a.rs": "1"}, true},
		"of another file":              {shrinks, map[string]string{"b.rs": "2"}, false},
		"with more than that":          {shrinks, map[string]string{"a.rs": "1", "b.rs": "2"}, false},
		"of more than that commit":     {twice, map[string]string{"c.rs": "1"}, false},
		"of what is not on the branch": {strings.Repeat("a", 40), map[string]string{"a.rs": "1"}, false},
	} {
		pull := w.github.OpenPull(w.repo, ghtest.Pull{
			Branch: strings.ReplaceAll(name, " ", "-"), Message: "Revert \"smaller\"\n\nThis reverts commit " + c.of + ".\n", Files: c.files,
		})
		w.build(ghtest.Run{Pull: pull}, smallHead(t))
		if c.believed {
			w.shows(pull, "success", "a revert of "+c.of[:7])
		} else {
			w.shows(pull, "failure", overTitle)
		}
	}
}

// What the author says is shown, and is enough only where the repository file says so. Owners are mentioned once.
func TestJustificationAndOwners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const file = "budgets:\n  - {bucket: runtime, grow: 1KiB, owners: ['@torvalds/rust-size']}\ncomment: {mention_owners: true}\ngate: {mode: enforce"
	w.repositoryFile(file + "}\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.github.OpenPull(w.repo, ghtest.Pull{
		Branch: "printing", Files: map[string]string{"a.rs": "1"},
		Message: "printing: be kind\n\nMore text.\n\nSize-Justification: people read this, @torvalds <b>\nSigned-off-by: A <a@b.c>\n",
	})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.over(pull)
	const mention = "@torvalds/rust-size"
	body := w.ours(pull)[0].Body
	if !strings.Contains(body, "people read this") || strings.Contains(body, "<b>") || strings.Count(body, mention) != 1 || strings.Count(body, "@torvalds") != 1 || len(w.ours(pull)[0].Edits) > 0 {
		t.Errorf("the comment does not show the author's words, or not as such, or does not mention the owners once:\n%s", body)
	}
	w.repositoryFile(file + ", trailer_bypasses_gate: true}\n")
	w.build(ghtest.Run{}, smallBase(t))
	w.rebuild(pull, smallHead(t))
	w.shows(pull, "success", "justified by its author, unreviewed")
	w.eventually("the comment is edited", func() bool { return len(w.ours(pull)[0].Edits) > 0 })
	if body := w.ours(pull)[0].Body; strings.Contains(body, mention) {
		t.Errorf("the owners are mentioned again:\n%s", body)
	}
}

// The gate reports and never fails, until somebody wants it to; what cannot be told ends as the repository file says.
func TestGate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const budget = "budgets:\n  - {bucket: runtime, grow: 1KiB}\n"
	w.repositoryFile(budget)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("reported")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.shows(pull, "neutral", overTitle)
	if actions := w.check(w.head(pull)).Actions; len(actions) != 2 {
		t.Errorf("buttons %+v", actions)
	}

	const strict = budget + "base: {max_ancestors: 0}\ngate: {mode: enforce, on_over_budget: action_required, on_missing_base: failure, on_not_measured: failure}\n"
	w.repositoryFile(strict)
	missing := w.open("missing")
	w.build(ghtest.Run{Pull: missing}, smallHead(t))
	w.shows(missing, "failure", "Not compared")
	broken := w.open("broken")
	w.github.FinishRun(w.github.AddRun(w.repo, ghtest.Run{Pull: broken}), "failure")
	w.shows(broken, "failure", "Not measured")
	w.build(ghtest.Run{}, smallBase(t))
	w.shows(missing, "action_required", overTitle)

	w.repositoryFile(budget + "gate: {mode: enforce, on_approximate_base: action_required}\n")
	older := w.open("older")
	w.build(ghtest.Run{Pull: older}, smallBase(t))
	w.shows(older, "action_required", "against a base")
}

// Labels say the verdict where the App may write them, and are never read: to set one by hand changes nothing.
func TestLabels(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.idle()
	labels := func(want ...string) {
		t.Helper()
		w.eventually("the labels are "+strings.Join(want, ", "), func() bool {
			have := w.view(pull).Labels
			slices.Sort(have)
			return slices.Equal(have, want)
		})
	}
	labels()
	for _, c := range w.github.Calls() {
		if strings.HasSuffix(c.Path, "/labels") {
			t.Errorf("%s %s without the permission", c.Method, c.Path)
		}
	}
	w.github.SetPermissions(w.installation, gh.Permissions(gh.Extras()...))
	w.github.ExpireTokens()
	w.github.SetLabel(w.repo, pull, maintainer, "binary-size/accepted", true)
	w.ask(pull, maintainer, "/size refresh", "+1")
	labels("binary-size/over-budget")
	w.shows(pull, "failure", overTitle)
	w.github.SetLabel(w.repo, pull, maintainer, "rust", true)
	w.ask(pull, maintainer, accept, "+1")
	labels("binary-size/accepted", "rust")
	w.rebuild(pull, part(t, "small-base", 0, "vmlinux"))
	labels("binary-size/improved", "rust")
	w.rebuild(pull, smallBase(t))
	labels("rust")

	// A label that cannot be written is no reason to stop.
	w.github.AddFault(ghtest.Fault{Match: ghtest.On("POST", "/labels"), Status: 403, Body: `{"message":"Resource not accessible by integration"}`})
	w.rebuild(pull, smallHead(t))
	w.shows(pull, "success", acceptedTitle)
}
