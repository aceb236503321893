package bot_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/oxidometer/oxidometer/bot"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

// asker is a Bot of this process that works commands without a queue, so that each try is the test's.
type asker struct {
	*world
	bot  *bot.Bot
	pull int
}

// asked writes a comment and returns the job that it becomes.
func (a asker) asked(login, body string) (store.Job, int64) {
	a.t.Helper()
	id := a.post(a.pull, login, body)
	if err := a.github.WaitDeliveries(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	if err := a.bot.Redeliver(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	job := store.Job{Kind: queue.Command, Installation: a.installation, RepoID: a.repo.ID, Pull: a.pull, Command: true, Attempt: 1}
	for _, d := range a.github.Deliveries() {
		if d.Event == "issue_comment" {
			job.Delivery = d.GUID
		}
	}
	return job, id
}

// refuses makes requests whose path ends so fail.
func (a asker) refuses(suffix string, status int, body string) (end func()) {
	return a.github.AddFault(ghtest.Fault{Match: ghtest.On("*", suffix), Status: status, Body: body})
}

func (a asker) reactions(id int64, want ...string) {
	a.t.Helper()
	if got := a.posted(a.pull, id).Reactions; !slices.Equal(got, want) {
		a.t.Errorf("reactions %v, want %v", got, want)
	}
}

func newAsker(t *testing.T) asker {
	w := newWorld(t)
	w.github.SetHooks(ghtest.Hooks{Drop: func(ghtest.Delivery) bool { return true }}) // the program hears nothing
	w.github.SetRole(w.repo, maintainer, "write")
	return asker{w, w.inProcess(false), w.open("printing")}
}

const permission = "/collaborators/" + maintainer + "/permission"

// GitHub does not say what somebody may do, however often it is asked: the person is told, after the last try.
func TestPermissionIsNeverTold(t *testing.T) {
	t.Parallel()
	a := newAsker(t)
	end := a.refuses(permission, 502, "")
	job, id := a.asked(maintainer, accept)
	for job.Attempt = 1; job.Attempt < 5; job.Attempt++ {
		if err := a.bot.Command(t.Context(), job); err == nil || errors.Is(err, &rivertype.JobCancelError{}) || errors.Is(err, &rivertype.JobSnoozeError{}) {
			t.Fatalf("try %d: %v, want an error that is tried again", job.Attempt, err)
		}
		a.reactions(id, "eyes")
	}
	for range 2 { // the second changes nothing
		if err := a.bot.Command(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		a.reactions(id, "eyes", "confused")
	}
	if r := a.reply(a.pull); !strings.Contains(r, "GitHub did not say what access you have; try again.") {
		t.Errorf("the answer is\n%s", r)
	}

	// A rate limit is waited for, also then.
	end()
	end = a.github.AddFault(ghtest.RateLimited(ghtest.On("*", permission), time.Now().Add(time.Hour)))
	job, id = a.asked(maintainer, "/size refresh")
	job.Attempt = 5
	if err := a.bot.Command(t.Context(), job); !errors.Is(err, &rivertype.JobSnoozeError{}) {
		t.Errorf("over the rate limit: %v, want to wait", err)
	}
	end()
	a.reactions(id, "eyes")
}

// What GitHub refuses for good is told at once.
func TestPermissionIsRefused(t *testing.T) {
	t.Parallel()
	a := newAsker(t)
	end := a.refuses(permission, 403, `{"message":"Resource not accessible by integration"}`)
	job, id := a.asked(maintainer, "/size pause")
	if err := a.bot.Command(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	a.reactions(id, "eyes", "confused")
	end()

	// In a suspended installation nothing can be told.
	end = a.refuses(permission, 403, `{"message":"This installation has been suspended"}`)
	job, _ = a.asked(maintainer, "/size pause")
	if err := a.bot.Command(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	end()
	if _, paused, err := a.bot.Store.Paused(t.Context(), a.repo.ID, a.pull); paused || err != nil {
		t.Errorf("paused: %v, %v, though nobody knew who asked", paused, err)
	}

	// And a command that came to nothing whatever happened is given up in words.
	end = a.refuses("/pulls/1", 502, "")
	job, id = a.asked(maintainer, "/size pause")
	if err := a.bot.Command(t.Context(), job); err == nil {
		t.Error("the pull request could not be read, and still there was no error")
	}
	end()
	a.bot.Discarded(t.Context(), job, errors.New("502"))
	a.reactions(id, "eyes", "confused")
	if r := a.reply(a.pull); !strings.Contains(r, "was given up") {
		t.Errorf("the answer is\n%s", r)
	}
}

// What was done before a later command failed is not done again, nor taken back.
func TestCommandGoesOn(t *testing.T) {
	t.Parallel()
	a := newAsker(t)
	put := func() {
		t.Helper()
		_, err := a.bot.Store.PutAcceptance(t.Context(), store.Acceptance{
			RepoID: a.repo.ID, Pull: a.pull, Head: a.head(a.pull), Evaluation: "e", Growth: []byte("[]"), By: maintainer, At: time.Now().Add(-time.Minute),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put()
	end := a.refuses("/actions/runs", 502, "")
	job, id := a.asked(maintainer, "/size unaccept\n\nand then\n\n/size status")
	if err := a.bot.Command(t.Context(), job); err == nil {
		t.Fatal("the runs could not be read, and still there was no error")
	}
	end()
	job.Attempt++
	if err := a.bot.Command(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	a.reactions(id, "eyes", "+1")
	if r := a.reply(a.pull); !strings.Contains(r, "No workflow run of this head has begun.") {
		t.Errorf("the answer is\n%s", r)
	}
	rows, err := a.bot.Store.Acceptances(t.Context(), a.repo.ID, a.pull)
	if err != nil || len(rows) != 1 || rows[0].WithdrawnBy != maintainer {
		t.Errorf("ledger %+v, error %v", rows, err)
	}
}

// One person cannot have us write for ever: beyond the limit there is a reaction and no answer.
func TestAskedTooOften(t *testing.T) {
	t.Parallel()
	a := newAsker(t)
	for i := range int64(31) {
		if _, _, err := a.bot.Store.ClaimCommand(t.Context(), store.Command{RepoID: a.repo.ID, Kind: "issue_comment", Source: -1 - i, Pull: a.pull, Login: outsider}); err != nil {
			t.Fatal(err)
		}
	}
	job, id := a.asked(outsider, "/size ping")
	if err := a.bot.Command(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	a.reactions(id, "eyes", "-1")
	if r := a.reply(a.pull); r != "" {
		t.Errorf("there is an answer:\n%s", r)
	}
	job, id = a.asked(maintainer, "/size ping")
	if err := a.bot.Command(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	a.reactions(id, "eyes", "+1")
}

// Comments that are no commands cost no request about the pull request.
func TestMentionOfSomebodyElse(t *testing.T) {
	t.Parallel()
	a := newAsker(t)
	job, _ := a.asked(maintainer, "@somebody please have a look")
	a.github.ResetCalls()
	if err := a.bot.Command(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	for _, c := range a.github.Calls() {
		if strings.HasPrefix(c.Path, "/repos") {
			t.Errorf("%s %s", c.Method, c.Path)
		}
	}
}

// A locked conversation: the command is done, and nobody can be told. It is not tried again and again.
func TestCommandInLockedConversation(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	locked := func(r *http.Request) bool {
		return r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/reactions") || strings.HasSuffix(r.URL.Path, "/comments"))
	}
	w.github.SetLocked(w.repo, pull, true)
	end := w.github.AddFault(ghtest.Fault{Match: locked, Status: 403, Body: `{"message":"Unable to create comment because issue is locked."}`})
	w.github.ResetCalls()
	w.post(pull, maintainer, accept)
	w.shows(pull, "success", acceptedTitle)
	w.post(pull, maintainer, "/size ping")
	w.idle()
	refused := 0
	for _, c := range w.github.Calls() {
		if c.Status == 403 {
			refused++
		}
	}
	if refused != 5 { // two reactions to each comment, and one answer
		t.Errorf("%d requests were refused, want five", refused)
	}
	end()

	// Suspended in the middle of the next: nothing is taken back by somebody whom nobody could ask about.
	w.github.AddFault(ghtest.Fault{
		Match: ghtest.On("GET", permission), Times: 1, Do: func(*http.Request) { w.github.Suspend(w.installation, true) },
	})
	w.post(pull, maintainer, "/size unaccept")
	w.eventually("it is suspended", func() bool {
		i, err := w.store.InstallationByID(t.Context(), w.installation)
		return err == nil && i.Suspended
	})
	w.idle()
	w.github.Suspend(w.installation, false)
	w.idle()
	w.shows(pull, "success", acceptedTitle)
	w.ask(pull, maintainer, "/size unaccept", "+1")
	w.shows(pull, "failure", overTitle)
}

const ownPrefix = "budgets:\n  - {bucket: runtime, grow: 1KiB, owners: ['@captain']}\ngate: {mode: enforce}\n" +
	"commands: {prefix: /binsize, accept: [write, 'team:rust-size', owners]}\n"

// Roles that an organization made, teams with and without the permission to read them, owners, and a prefix of the repository's own.
func TestRolesAndTeams(t *testing.T) {
	t.Parallel()
	w, pull := overBudgetOf(t, ownPrefix)
	w.github.SetTeamMember("torvalds", "rust-size", "member", "active")
	w.github.SetTeamMember("torvalds", "rust-size", "invited", "pending")
	w.github.SetCustomRole(w.repo, "releaser", "release captain", "maintain")
	w.github.SetCustomRole(w.repo, "sorter", "issue captain", "triage")
	const acceptIt, takeBack = `/binsize accept reason="talked about on the list"`, "/binsize unaccept"

	other := w.post(pull, maintainer, accept)
	issue := w.github.OpenIssue(w.repo, maintainer, "not a pull request")
	if _, err := w.github.PostComment(w.repo, issue, maintainer, acceptIt); err != nil {
		t.Fatal(err)
	}
	for _, login := range []string{"member", "sorter"} { // nobody may ask who is in a team
		if answer := w.ask(pull, login, acceptIt, "confused"); !strings.Contains(answer, "was not given the right to read members") {
			t.Errorf("the answer to %s is\n%s", login, answer)
		}
	}
	w.ask(pull, "releaser", acceptIt, "+1")
	w.shows(pull, "success", "accepted by releaser")
	w.ask(pull, "releaser", takeBack, "+1")
	w.shows(pull, "failure", overTitle)
	if r := w.posted(pull, other).Reactions; len(r) != 0 {
		t.Errorf("the usual prefix is answered with %v", r)
	}
	if c := w.github.Comments(w.repo, issue); len(c) != 1 || len(c[0].Reactions) != 0 {
		t.Errorf("the comment on the issue is answered: %+v", c)
	}

	w.github.SetPermissions(w.installation, gh.Permissions(gh.Extras()...))
	w.github.ExpireTokens()
	w.laterThanNow()
	for _, login := range []string{"invited", "sorter", outsider} {
		answer := w.ask(pull, login, acceptIt, "-1")
		if !strings.Contains(answer, "needs write access, or to be in the team `rust-size`, or to own a budget that is over") {
			t.Errorf("the answer to %s is\n%s", login, answer)
		}
	}
	for _, login := range []string{"member", "captain"} {
		w.ask(pull, login, acceptIt, "+1")
		w.shows(pull, "success", "accepted by "+login)
		w.ask(pull, login, takeBack, "+1")
		w.shows(pull, "failure", overTitle)
		w.laterThanNow() // or the next one is taken back, too
	}
	if answer := w.ask(pull, outsider, "@oxidometer top", "+1"); !strings.Contains(answer, "Largest symbols") || !strings.Contains(answer, "<code>/binsize top</code>") {
		t.Errorf("the answer to a mention is\n%s", answer)
	}
}

// Names come from artifacts, workflows and branches, reasons from people. None is markup, a mention or a marker of ours.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	w, pull := overBudget(t)
	const name = "</code> @torvalds <img src=x> | #1 ``` <!-- oxidometer:v1 -->"
	run := w.github.AddRun(w.repo, ghtest.Run{Pull: pull, Workflow: ".github/workflows/@torvalds.yml"})
	w.github.AddArtifact(run, ghtest.Artifact{Name: name, Bytes: []byte("no zip")})
	w.github.FinishRun(run, "success")
	w.idle()
	w.laterThanNow()
	check := func(text string) {
		t.Helper()
		for _, bad := range []string{"@torvalds", "<img", "</code> @", "| #1", "-- oxidometer:v1 --"} {
			if strings.Contains(text, bad) {
				t.Errorf("there is %q in\n%s", bad, text)
			}
		}
	}
	check(w.ask(pull, outsider, "/size status", "+1"))
	check(w.ask(pull, outsider, "/size configs", "+1"))
	w.ask(pull, maintainer, `/size accept reason="`+strings.ReplaceAll(name, "`", "'")+`"`, "+1")
	w.eventually("the reason is shown", func() bool { return strings.Contains(w.ours(pull)[0].Body, "accepted by") })
	body := w.ours(pull)[0].Body
	check(body)
	if strings.Count(body, "<!--") != 1 || !strings.HasSuffix(strings.TrimSpace(body), "-->") {
		t.Errorf("the comment has not exactly one marker, at its end:\n%s", body)
	}
}

// Two programs on one database answer each command once, in one reply.
func TestCommandsOnReplicas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--database", storetest.Postgres(t))
	w.replica()
	w.github.SetRole(w.repo, maintainer, "write")
	pull := w.open("printing")
	w.shows(pull, "queued", "Waiting for CI")
	var ids []int64
	for range 4 {
		ids = append(ids, w.post(pull, maintainer, "/size ping"), w.post(pull, outsider, "/size pause"))
	}
	for i, id := range ids {
		want := []string{"eyes", []string{"+1", "-1"}[i%2]}
		w.eventually("the comment is answered", func() bool { return len(w.posted(pull, id).Reactions) == 2 })
		if got := w.posted(pull, id).Reactions; !slices.Equal(got, want) {
			t.Errorf("comment %d: reactions %v, want %v", i, got, want)
		}
	}
	if r := w.reply(pull); !strings.Contains(r, "asked:") {
		t.Errorf("the reply is %q", r)
	}
}
