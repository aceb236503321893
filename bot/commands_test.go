package bot_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// The people of these tests.
const (
	author     = "contributor"
	maintainer = "maint"
	outsider   = "passer-by"
)

const enforced = "budgets:\n  - {bucket: runtime, grow: 1KiB}\ngate: {mode: enforce}\n"

// overBudget is a world with a pull request by author that is over budget.
func overBudget(t *testing.T) (*world, int) {
	t.Helper()
	return overBudgetOf(t, enforced)
}

// overBudgetOf is the same with another repository file.
func overBudgetOf(t *testing.T, file string) (*world, int) {
	t.Helper()
	w := newWorld(t)
	w.repositoryFile(file)
	w.github.SetRole(w.repo, maintainer, "maintain")
	w.github.SetRole(w.repo, author, "read")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.github.OpenPull(w.repo, ghtest.Pull{
		Head: w.github.AddFork(w.repo, author), Branch: "printing", Author: author, Files: map[string]string{"a.rs": "1"},
	})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.over(pull)
	return w, pull
}

const overTitle = "Rust runtime +9,752 B, budget 1,024 B"

// over waits until the head's check says that it is over budget, and until a comment written now is later than that.
func (w *world) over(pull int) {
	w.t.Helper()
	w.shows(pull, "failure", overTitle)
	w.comment(pull, "**Rust runtime +9,752 B: over the 1,024 B budget")
	w.laterThanNow()
}

// laterThanNow waits for the next second: GitHub tells the time of comments in whole ones.
func (w *world) laterThanNow() {
	w.t.Helper()
	now := time.Now().Truncate(time.Second)
	w.eventually("the next second has begun", func() bool { return time.Now().Truncate(time.Second).After(now) })
}

// post writes a comment as somebody.
func (w *world) post(pull int, login, body string) int64 {
	w.t.Helper()
	id, err := w.github.PostComment(w.repo, pull, login, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) posted(pull int, id int64) ghtest.CommentView {
	w.t.Helper()
	for _, c := range w.view(pull).Comments {
		if c.ID == id {
			return c
		}
	}
	w.t.Fatalf("pull request %d has no comment %d", pull, id)
	return ghtest.CommentView{}
}

// ask writes a comment and waits for the reaction to it. The answer is our reply, "" when there is none.
func (w *world) ask(pull int, login, body, reaction string) string {
	w.t.Helper()
	id := w.post(pull, login, body)
	w.eventually(fmt.Sprintf("%s gets %s for %s", login, reaction, body), func() bool {
		return slices.Contains(w.posted(pull, id).Reactions, reaction)
	})
	if got := w.posted(pull, id).Reactions; len(got) != 2 || got[0] != "eyes" {
		w.t.Errorf("%s: reactions %v, want eyes and then %s", body, got, reaction)
	}
	return w.reply(pull)
}

// reply is the one comment by which we answer.
func (w *world) reply(pull int) string {
	w.t.Helper()
	var all []string
	for _, c := range w.view(pull).Comments {
		if c.AppID == 7 && !c.Deleted && strings.Contains(c.Body, replyMark) {
			all = append(all, c.Body)
		}
	}
	if len(all) > 1 {
		w.t.Errorf("%d replies, want one", len(all))
	}
	return strings.Join(all, "\n")
}

const replyMark = "<!-- oxidometer-reply:"

func TestCommandsByWhom(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	base, head := w.github.Branch(w.repo, "main"), w.head(pull)
	const yes, no = "+1", "-1"
	for _, c := range []struct {
		command                      string
		author, maintainer, outsider string
		says                         string // in the reply to the maintainer
	}{
		{"/size", yes, yes, no, ""},
		{"/size report", yes, yes, no, ""},
		{"/size report config=kernel", yes, yes, no, "over the 1,024 B budget"},
		{"/size help", yes, yes, yes, "/size accept"},
		{"/size help accept", yes, yes, yes, "reason="},
		{"/size status", yes, yes, yes, "Nothing is waited for"},
		{"/size refresh", yes, yes, no, ""},
		{"/size base auto", yes, yes, no, "`" + base[:7] + "`"},
		{"/size base " + base, yes, yes, no, "+10,908"},
		{"/size base main", yes, yes, no, "+10,908"},
		{"/size diff " + base + ".." + head[:8], yes, yes, yes, "+10,908"},
		{"/size explain core::unicode::printable::is_printable", yes, yes, yes, "| 0 | 636 | +636 |"},
		{"/size explain core::unicode::printable::is_printable", yes, yes, yes, "<code>&lt;char&gt;::escape_debug_ext</code> → `core::unicode::printable::is_printable`"},
		{"/size explain core", yes, yes, yes, "| crate | bucket |"},
		{"/size top n=3 bucket=runtime", yes, yes, yes, "do_count_chars"},
		{"/size configs", yes, yes, yes, "rustc 1.96.0"},
		{"/size text", yes, yes, no, "Total: Before=12076, After=20036"},
		{"/size pause", yes, yes, no, ""},
		{"/size resume", yes, yes, no, ""},
		{"/size ping", yes, yes, yes, "All is well: the database answers and the queue moves. Your comment was read"},
		{`/size accept reason="needed for the panic path"`, no, yes, no, ""},
		{"/size unaccept", no, yes, no, ""},
	} {
		w.ask(pull, author, c.command, c.author)
		w.ask(pull, outsider, c.command, c.outsider)
		answer := w.ask(pull, maintainer, c.command, c.maintainer)
		if !strings.Contains(answer, c.says) {
			t.Errorf("%s is answered with\n%s\nwant %q in it", c.command, answer, c.says)
		}
		w.idle()
	}
	w.shows(pull, "failure", overTitle)
}

// What is only talked about, edited in, or said by a machine does nothing.
func TestNoCommands(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	ids := []int64{
		w.post(pull, maintainer, "> "+accept),
		w.post(pull, maintainer, "```\n"+accept+"\n```"),
		w.post(pull, maintainer, "Write `"+accept+"` for that."),
		w.post(pull, maintainer, "<!--\n"+accept+"\n-->"),
		w.post(pull, maintainer, "/sizeable"),
		w.post(pull, maintainer, "Fine with me."),
		w.post(pull, "helper[bot]", accept),
	}
	edited := w.post(pull, maintainer, "Fine with me, too.")
	if err := w.github.EditComment(w.repo, edited, maintainer, accept); err != nil {
		t.Fatal(err)
	}
	w.idle()
	for _, id := range append(ids, edited) {
		if c := w.posted(pull, id); len(c.Reactions) > 0 {
			t.Errorf("%q got %v", c.Body, c.Reactions)
		}
	}
	w.shows(pull, "failure", overTitle)
	if r := w.reply(pull); r != "" {
		t.Errorf("there is a reply:\n%s", r)
	}
}

func TestCommandFaults(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	for _, c := range []struct{ body, says string }{
		{"/size acept", "accept"},
		{"/size top m=3", "n="},
		{"/size top n=0", "1"},
		{"/size explain nothing_is_called_so", "no symbol, crate or section"},
		{"/size diff 0123456..main", "no commit, branch or tag"},
		{"/size base no-such-branch", "no commit, branch or tag"},
		{"/size top bucket=drivres", "There is no bucket"},
		{"/size report config=arm64", "No target is called"},
	} {
		reaction := "-1"
		if strings.Contains(c.body, "explain") {
			reaction = "+1" // that is an answer
		}
		if answer := w.ask(pull, maintainer, c.body, reaction); !strings.Contains(answer, c.says) {
			t.Errorf("%s is answered with\n%s\nwant %q in it", c.body, answer, c.says)
		}
	}

	// Several are done in order until one is at fault, and answered together.
	answer := w.ask(pull, maintainer, "/size ping\n\nand\n\n/size nonsense\n\n/size help", "-1")
	if !strings.Contains(answer, "jobs wait") || !strings.Contains(answer, "nonsense") || strings.Contains(answer, "/size accept") {
		t.Errorf("three commands, the second at fault, are answered with\n%s", answer)
	}
	if !strings.Contains(answer, "\n\nNot done: `/size help`.") {
		t.Errorf("what is not done is not said:\n%s", answer)
	}
	answer = w.ask(pull, maintainer, "/size top bucket=drivres\n/size ping # now\n/size nonsense\n/size help "+strings.Repeat("x", 100), "-1")
	if !strings.Contains(answer, "\n\nNot done: `/size ping # now`, `/size nonsense`, `/size help "+strings.Repeat("x", 68)+"…`.") {
		t.Errorf("what is not done is not said:\n%s", answer)
	}
}

// Names in commands come from anybody. What we answer mentions nobody and breaks out of nothing.
func TestHostileCommand(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	answer := w.ask(pull, outsider, "/size explain \"</code> @torvalds <img src=x> | #1 `\"", "+1")
	for _, bad := range []string{"@torvalds", "<img", "</code> @", "| #1"} {
		if strings.Contains(answer, bad) {
			t.Errorf("the answer holds %q:\n%s", bad, answer)
		}
	}
}

func TestCommandsOnClosed(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.github.MergePull(w.repo, pull, false)
	w.idle()
	for _, c := range []struct{ body, reaction string }{
		{"/size help", "+1"}, {"/size ping", "+1"}, {"/size explain core", "+1"}, {"/size diff main~..main", "-1"},
		{"/size status", "-1"}, {"/size report", "-1"}, {accept, "-1"}, {"/size pause", "-1"},
	} {
		w.ask(pull, maintainer, c.body, c.reaction)
	}
}

// A review holds commands like a comment. It takes no reactions, so it is answered in words.
func TestReviewWithCommand(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.github.AddReview(w.repo, pull, maintainer, "approved", "Looks good.\n\n"+accept)
	w.shows(pull, "success", acceptedTitle)
	w.eventually("the review is answered", func() bool { return strings.Contains(w.reply(pull), "Done.") })
}

func TestPause(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.ask(pull, maintainer, "/size pause", "+1")
	if answer := w.ask(pull, maintainer, "/size status", "+1"); !strings.Contains(answer, "paused by `maint`") {
		t.Errorf("the status is\n%s", answer)
	}
	w.rebuild(pull, smallBase(t))
	w.shows(pull, "success", "No size change")
	w.idle()
	if says := w.says(pull); !strings.Contains(says, "over the 1,024 B budget") {
		t.Errorf("the paused comment says %q", says)
	}
	w.ask(pull, maintainer, "/size resume", "+1")
	w.comment(pull, "**No size change.**")
}

// Asked for, the comment is written although nothing changed.
func TestReportOnDemand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.github.SetRole(w.repo, maintainer, "triage")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("nothing")
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	w.shows(pull, "success", "No size change")
	w.silent(pull)
	w.ask(pull, maintainer, "/size", "+1")
	w.comment(pull, "**No size change.**")
}

// GitHub does not say what somebody may do: that is neither yes nor no. Later it does.
func TestPermissionCannotBeTold(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	w.github.AddFault(ghtest.Fault{
		Match: func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/collaborators/"+maintainer+"/permission")
		}, Times: 1, Status: 502,
	})
	w.ask(pull, maintainer, accept, "+1")
	w.shows(pull, "success", acceptedTitle)
}

// After kill -9 between a command's effect and its answer, it is answered, and done once.
func TestCommandAfterCrash(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	killed := make(chan struct{})
	w.github.AddFault(ghtest.Fault{
		Match: func(r *http.Request) bool {
			return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/reactions")
		}, After: 1, Times: 1,
		Do: func(*http.Request) { w.cmd.Process.Kill(); close(killed) },
	})
	id := w.post(pull, maintainer, accept)
	<-killed
	w.cmd.Wait()
	w.start()
	w.eventually("the command is answered", func() bool { return slices.Contains(w.posted(pull, id).Reactions, "+1") })
	w.shows(pull, "success", acceptedTitle)
	if rows := w.ledger(pull); len(rows) != 1 {
		t.Errorf("%d rows in the ledger, want one", len(rows))
	}
}
