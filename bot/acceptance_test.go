package bot_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/bot/store"
)

const (
	accept        = `/size accept reason="names come from user space"`
	acceptedTitle = "Rust runtime +9,752 B, accepted by maint"
)

// ledger reads the acceptances of a pull request.
func (w *world) ledger(pull int) []store.Acceptance {
	w.t.Helper()
	w.idle()
	list, err := w.store.Acceptances(w.t.Context(), w.repo.ID, pull)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// rebuild pushes another commit and has it built.
func (w *world) rebuild(pull int, artifact []byte) {
	w.t.Helper()
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, artifact)
}

// The check turns green without another run of CI, and the comment says who, for what and why.
func TestAccept(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	runs := len(w.view(pull).Runs)
	w.ask(pull, maintainer, accept, "+1")
	w.shows(pull, "success", acceptedTitle)
	body := w.comment(pull, "**Rust runtime +9,752 B: over budget, accepted by `maint`").Body
	if !strings.Contains(body, "names come from user space") || strings.Contains(body, "To go on") {
		t.Errorf("the comment does not say why it was accepted, or asks for it again:\n%s", body)
	}
	if n := len(w.view(pull).Runs); n != runs {
		t.Errorf("there are %d runs, want the %d of before", n, runs)
	}
	rows := w.ledger(pull)
	if len(rows) != 1 || rows[0].By != maintainer || rows[0].Head != w.head(pull) || rows[0].Tree == "" || rows[0].Reason != "names come from user space" {
		t.Fatalf("ledger %+v", rows)
	}
	merge := w.github.MergePull(w.repo, pull, false)
	w.eventually("the ledger has the merge commit", func() bool { return w.ledger(pull)[0].MergeCommit == merge })
}

func TestAcceptTwiceDelivered(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.ask(pull, maintainer, accept, "+1")
	w.shows(pull, "success", acceptedTitle)
	for _, d := range w.github.Deliveries() {
		if d.Event == "issue_comment" {
			w.github.Redeliver(d.ID)
		}
	}
	if rows := w.ledger(pull); len(rows) != 1 {
		t.Errorf("%d rows in the ledger, want one: %+v", len(rows), rows)
	}
}

func TestUnaccept(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.ask(pull, maintainer, "/size unaccept", "-1") // there is nothing to withdraw
	w.ask(pull, maintainer, accept, "+1")
	w.shows(pull, "success", acceptedTitle)
	w.ask(pull, maintainer, "/size unaccept", "+1")
	w.shows(pull, "failure", overTitle)
	if rows := w.ledger(pull); len(rows) != 1 || rows[0].WithdrawnBy != maintainer {
		t.Errorf("ledger %+v", rows)
	}
}

// Who accepts has to have seen the result that counts.
func TestAcceptAfterPush(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	old := w.head(pull)
	w.push(pull)
	w.shows(pull, "queued", "Waiting for CI")
	answer := w.ask(pull, maintainer, accept, "-1")
	if head := w.head(pull); !strings.Contains(answer, "`"+old[:7]+"` is no longer the head") || !strings.Contains(answer, "accept "+head[:7]+" reason=") {
		t.Errorf("the answer does not say what to write:\n%s", answer)
	}
	w.ask(pull, maintainer, `/size accept `+old[:10]+` reason="the one before the push"`, "-1")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.over(pull)
	w.ask(pull, maintainer, `/size accept `+w.head(pull)[:7]+` reason="the one after the push"`, "+1")
	w.shows(pull, "success", acceptedTitle)
}

// A push that is not larger keeps what was accepted, a force-push to another tree of that size as well.
func TestAcceptanceIsCarried(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	first := w.head(pull)
	w.ask(pull, maintainer, accept, "+1")
	w.shows(pull, "success", acceptedTitle)
	w.rebuild(pull, smallHead(t))
	w.shows(pull, "success", acceptedTitle)
	if body := w.comment(pull, "**Rust runtime +9,752 B: over budget, accepted by `maint`").Body; !strings.Contains(body, first[:7]) {
		t.Errorf("the comment does not say for which head it was accepted first:\n%s", body)
	}
	w.github.PushHead(w.repo, pull, ghtest.Commit{Parents: []string{w.github.Branch(w.repo, "main")}, Files: map[string]string{"forced": "1"}})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.shows(pull, "success", acceptedTitle)
	w.rebuild(pull, smallBase(t))
	w.shows(pull, "success", "No size change")
}

// A push that is larger ends it, visibly and in the ledger.
func TestAcceptanceLapses(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.ask(pull, maintainer, accept, "+1")
	w.shows(pull, "success", acceptedTitle)
	first := w.head(pull)
	w.repositoryFile("budgets:\n  - {bucket: runtime, grow: 1KiB}\n  - {bucket: total, grow: 2KiB}\ngate: {mode: enforce}\n")
	w.build(ghtest.Run{}, smallBase(t))
	w.rebuild(pull, smallHead(t)) // another bucket is over now, which nobody accepted
	w.shows(pull, "failure", "Rust runtime +9,752 B")
	body := w.comment(pull, "**Rust runtime +9,752 B: over the 1,024 B budget").Body
	if !strings.Contains(body, "no longer holds") || !strings.Contains(body, first[:7]) {
		t.Errorf("the comment does not say that the acceptance lapsed:\n%s", body)
	}
	if rows := w.ledger(pull); len(rows) != 1 || rows[0].LapsedAt != w.head(pull) || rows[0].Why == "" {
		t.Errorf("ledger %+v", rows)
	}
	w.laterThanNow()
	answer := w.ask(pull, maintainer, `/size accept bucket=c reason="the wrong bucket"`, "-1")
	if !strings.Contains(answer, "`runtime`") || !strings.Contains(answer, "`total`") {
		t.Errorf("the answer does not name the buckets that are over:\n%s", answer)
	}
	w.ask(pull, maintainer, `/size accept bucket=runtime reason="only the runtime"`, "+1")
	w.eventually("a part is accepted, which is not enough", func() bool {
		return strings.Contains(w.says(pull), "over the") && strings.Contains(w.ours(pull)[0].Body, "only the runtime")
	})
	w.shows(pull, "failure", "")
	w.ask(pull, maintainer, `/size accept bucket=total reason="and the rest of it"`, "+1")
	w.shows(pull, "success", "accepted by maint")
}

// Growth that was accepted and grows ends it for good, but for the very head that it was given for: who forces that back has it again.
func TestLargerPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("budgets:\n  - {bucket: total, grow: 500B}\ngate: {mode: enforce}\n")
	w.github.SetRole(w.repo, maintainer, "write")
	w.build(ghtest.Run{}, smallBase(t))
	module := mixed(t)
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, module)
	w.shows(pull, "failure", "Resident total +853 B")
	w.laterThanNow()
	first := w.head(pull)
	w.ask(pull, maintainer, accept, "+1")
	w.shows(pull, "success", "Resident total +853 B, accepted by maint")

	w.rebuild(pull, smallHead(t))
	w.shows(pull, "failure", "Resident total +10,908 B")
	w.eventually("the comment says that it grew", func() bool {
		return strings.Contains(w.ours(pull)[0].Body, "no longer holds: total of kernel grew from +853 B to +10,908 B")
	})
	w.rebuild(pull, module)
	w.shows(pull, "failure", "Resident total +853 B")
	w.github.SetBranch(w.repo, "printing", first)
	w.shows(pull, "success", "Resident total +853 B, accepted by maint")
}

// mixed is a build with the image of the base and the modules of the head.
func mixed(t *testing.T) []byte {
	t.Helper()
	var files []any
	for path, from := range map[string]string{"vmlinux": "small-base", "drivers/c_sample.ko": "small-head", "drivers/rust_sample.ko": "small-head"} {
		data, err := os.ReadFile("../sizediff/testdata/" + from + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, path, bytes.NewReader(data))
	}
	return zipped(t, files...)
}

// Nothing can be accepted that is within budget, that nobody has judged, or without a reason.
func TestNothingToAccept(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.ask(pull, maintainer, `/size accept`, "-1")
	w.ask(pull, maintainer, `/size accept reason="short"`, "-1")
	w.ask(pull, maintainer, `/size accept 0123456 reason="no head of this pull request"`, "-1")
	w.rebuild(pull, smallBase(t))
	w.shows(pull, "success", "No size change")
	w.laterThanNow()
	if answer := w.ask(pull, maintainer, accept, "-1"); !strings.Contains(answer, "nothing to accept") {
		t.Errorf("the answer is\n%s", answer)
	}
	other := w.open("unbuilt")
	w.shows(other, "queued", "Waiting for CI")
	if answer := w.ask(other, maintainer, accept, "-1"); !strings.Contains(answer, "No result was published") {
		t.Errorf("the answer is\n%s", answer)
	}
}

func TestAcceptButton(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	check := w.check(w.head(pull))
	press := func(login string) {
		t.Helper()
		if err := w.github.RequestAction(w.repo, check.ID, "accept", login); err != nil {
			t.Fatal(err)
		}
		w.idle()
	}
	press(author)
	press("helper[bot]")
	w.shows(pull, "failure", overTitle)
	press(maintainer)
	w.shows(pull, "success", acceptedTitle)
	if rows := w.ledger(pull); len(rows) != 1 || !rows[0].Button || rows[0].Reason != "(button)" {
		t.Errorf("ledger %+v", rows)
	}
	body := w.comment(pull, "**Rust runtime +9,752 B: over budget, accepted by `maint`").Body
	if strings.Contains(body, "(button)") || !strings.Contains(body, "please add a line: `/size accept "+w.head(pull)[:7]) {
		t.Errorf("the comment does not ask for a reason:\n%s", body)
	}
}

// A group of the merge queue is judged as its pull request was.
func TestAcceptanceInMergeGroup(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	group := w.github.AddMergeGroup(w.repo, pull)
	w.eventually("the group fails", func() bool { return w.check(group.HeadSHA).Conclusion == "failure" })
	w.github.DropMergeGroup(w.repo, group, "invalidated")
	w.ask(pull, maintainer, accept, "+1")
	w.shows(pull, "success", acceptedTitle)
	w.push(w.open("unrelated")) // so that the next group is another commit
	group = w.github.AddMergeGroup(w.repo, pull)
	w.eventually("the group passes", func() bool { return w.check(group.HeadSHA).Conclusion == "success" })
	if title := w.check(group.HeadSHA).Title; !strings.Contains(title, "accepted by maint") {
		t.Errorf("the group's check is %q", title)
	}

	// What is known of another head says nothing about the one that is queued.
	w.github.DropMergeGroup(w.repo, group, "invalidated")
	w.push(pull)
	group = w.github.AddMergeGroup(w.repo, pull)
	w.eventually("the group is not judged", func() bool { return w.check(group.HeadSHA).Conclusion == "neutral" })
	if title := w.check(group.HeadSHA).Title; title != "#1: not judged at "+w.head(pull)[:7] {
		t.Errorf("the group's check is %q", title)
	}
}

// head_only: each head wants its own.
func TestAcceptHeadOnly(t *testing.T) {
	t.Parallel()
	w, pull := overBudgetOf(t, "budgets:\n  - {bucket: runtime, grow: 1KiB}\ngate: {mode: enforce, acceptance: head_only}\n")
	w.ask(pull, maintainer, accept, "+1")
	w.shows(pull, "success", acceptedTitle)
	w.rebuild(pull, smallHead(t))
	w.shows(pull, "failure", overTitle)
}
