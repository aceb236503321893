package ghtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

func TestCommentLimits(t *testing.T) {
	w := newWorld(t, nil)
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	issue := w.OpenIssue(w.repo, "maria", "no pull request")
	token := w.token("")
	post := func(number int, body string) answered {
		return w.do("POST", fmt.Sprintf("/repos/acme/linux/issues/%d/comments", number), token, fmt.Sprintf(`{"body":%q}`, body))
	}
	first := post(n, strings.Repeat("é", 65536))
	if first.StatusCode != 201 {
		t.Fatalf("65,536 characters of two bytes: %d %.200s", first.StatusCode, first.text)
	}
	if a := post(n, strings.Repeat("x", 65537)); a.StatusCode != 422 || !strings.Contains(a.text, "body is too long (maximum is 65536 characters)") {
		t.Errorf("65,537 characters: %d %.200s", a.StatusCode, a.text)
	}
	if a := post(99, "x"); a.StatusCode != 404 {
		t.Errorf("no such number: %d", a.StatusCode)
	}
	// The App may write to pull requests, not to issues.
	if a := post(issue, "x"); a.StatusCode != 403 {
		t.Errorf("on an issue: %d", a.StatusCode)
	}
	if a := w.do("GET", fmt.Sprintf("/repos/acme/linux/issues/%d/comments", issue), token, ""); a.StatusCode != 403 {
		t.Errorf("comments of an issue: %d", a.StatusCode)
	}
	edit := func(id any, body string) answered {
		return w.do("PATCH", fmt.Sprintf("/repos/acme/linux/issues/comments/%v", id), token, fmt.Sprintf(`{"body":%q}`, body))
	}
	id := w.Comments(w.repo, n)[0].ID
	if a := edit(id, strings.Repeat("x", 65537)); a.StatusCode != 422 {
		t.Errorf("edited to 65,537 characters: %d", a.StatusCode)
	}
	w.SetLocked(w.repo, n, true)
	if a := post(n, "x"); a.StatusCode != 403 || !strings.Contains(a.text, lockedMessage) {
		t.Errorf("locked: %d %s", a.StatusCode, a.text)
	}
	var refused *Refused
	if _, err := w.PostComment(w.repo, n, "karl", "x"); !errors.As(err, &refused) || refused.Status != 403 {
		t.Errorf("a passer-by on a locked conversation: %v", err)
	}
	w.SetRole(w.repo, "maria", "maintain")
	if _, err := w.PostComment(w.repo, n, "maria", "x"); err != nil {
		t.Errorf("a maintainer on a locked conversation: %v", err)
	}
	w.SetLocked(w.repo, n, false)
	w.Archive(w.repo, true)
	if a := post(n, "x"); a.StatusCode != 403 || !strings.Contains(a.text, "archived") {
		t.Errorf("archived: %d %s", a.StatusCode, a.text)
	}
	w.Archive(w.repo, false)

	spoof, err := w.PostComment(w.repo, n, "karl", "<!-- oxidometer -->")
	if err != nil {
		t.Fatal(err)
	}
	if a := edit(spoof, "x"); a.StatusCode != 403 {
		t.Errorf("edited somebody else's: %d", a.StatusCode)
	}
	if texts := w.reports.take(); len(texts) != 1 || !strings.Contains(texts[0], "changes a comment of karl") {
		t.Errorf("reported %q", texts)
	}
	for _, body := range []string{"", strings.Repeat("x", 65537)} {
		if _, err := w.PostComment(w.repo, n, "maria", body); !errors.As(err, &refused) || refused.Status != 422 {
			t.Errorf("%d characters of a user: %v", len(body), err)
		}
	}
	if a := w.do("DELETE", fmt.Sprintf("/repos/acme/linux/issues/comments/%d", id), token, ""); a.StatusCode != 204 {
		t.Errorf("delete: %d", a.StatusCode)
	}
	if a := edit(id, "x"); a.StatusCode != 404 {
		t.Errorf("edit of a deleted comment: %d", a.StatusCode)
	}
	if v := w.Comments(w.repo, n)[0]; !v.Deleted {
		t.Error("the deleted comment is not in the history")
	}
}

func TestCommentApp(t *testing.T) {
	w := newWorld(t, nil)
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	c, ctx := w.client(""), context.Background()
	must[*github.IssueComment](t)(c.Issues.CreateComment(ctx, "acme", "linux", n, &github.IssueComment{Body: github.String("ours")}))
	w.PostComment(w.repo, n, "oxidometer[bot]", "no App at all")
	w.PostCommentVia(w.repo, n, "maria", "another App", 99)
	a := w.do("GET", fmt.Sprintf("/repos/acme/linux/issues/%d/comments", n), w.token(""), "")
	var all []struct {
		Body string
		Via  *struct{ ID int64 } `json:"performed_via_github_app"`
		User struct{ Login, Type string }
	}
	unmarshal(t, a.text, &all)
	if len(all) != 3 || all[0].Via == nil || all[0].Via.ID != appID || all[0].User.Login != "oxidometer[bot]" || all[0].User.Type != "Bot" ||
		all[1].Via != nil || all[2].Via == nil || all[2].Via.ID != 99 {
		t.Errorf("%s", a.text)
	}
}

func TestReactions(t *testing.T) {
	w := newWorld(t, nil)
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	id, _ := w.PostComment(w.repo, n, "maria", "/size accept")
	path, token := fmt.Sprintf("/repos/acme/linux/issues/comments/%d/reactions", id), w.token("")
	for i, want := range []int{201, 200, 422} {
		content := []string{"rocket", "rocket", "thumbsup"}[i]
		if a := w.do("POST", path, token, `{"content":"`+content+`"}`); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", content, a.StatusCode, want)
		}
	}
	c, ctx := w.client(""), context.Background()
	list := must[[]*github.Reaction](t)(c.Reactions.ListIssueCommentReactions(ctx, "acme", "linux", id, nil))
	if len(list) != 1 || list[0].GetContent() != "rocket" || list[0].GetUser().GetLogin() != "oxidometer[bot]" {
		t.Errorf("%+v", list)
	}
	if _, err := c.Reactions.DeleteIssueCommentReaction(ctx, "acme", "linux", id, list[0].GetID()); err != nil {
		t.Error(err)
	}
	if v := w.Comments(w.repo, n)[0]; len(v.Reactions) != 0 {
		t.Errorf("%v are left", v.Reactions)
	}
}

func TestCheckLimits(t *testing.T) {
	w := newWorld(t, nil)
	w.OpenPull(w.repo, Pull{Branch: "topic"})
	sha, token := w.Branch(w.repo, "topic"), w.token("")
	output := func(title, summary, text string) string {
		return fmt.Sprintf(`"output":{"title":%s,"summary":%s,"text":%s}`, title, summary, text)
	}
	quoted := func(n int, s string) string { return `"` + strings.Repeat(s, n) + `"` }
	for _, c := range []struct {
		name, body, text string
		status           int
	}{
		{"longest", `"status":"queued",` + output(`"t"`, quoted(65535, "x"), quoted(65535, "y")), "", 201},
		{"summary", output(`"t"`, quoted(65536, "x"), `"y"`), "summary exceeds a maximum bytesize of 65535", 422},
		{"summary in bytes", output(`"t"`, quoted(32768, "é"), `"y"`), "summary exceeds", 422},
		{"text", output(`"t"`, `"x"`, quoted(65536, "y")), "text exceeds", 422},
		{"no title", `"output":{"summary":"x"}`, "title", 422},
		{"no conclusion", `"status":"completed"`, "conclusion", 422},
		{"conclusion of GitHub's own", `"conclusion":"stale"`, "conclusion", 422},
		{"conclusion too early", `"status":"queued","conclusion":"success"`, "conclusion", 422},
		{"status", `"status":"done"`, "status", 422},
		{"details_url", `"details_url":"javascript:alert(1)"`, "details_url", 422},
		{"time", `"started_at":"today"`, "started_at", 422},
		{"four buttons", `"actions":[` + strings.TrimSuffix(strings.Repeat(`{"label":"a","description":"b","identifier":"c"},`, 4), ",") + `]`, "No more than 3", 422},
		{"long label", `"actions":[{"label":"aaaaaaaaaaaaaaaaaaaaa","description":"b","identifier":"c"}]`, "Only 20", 422},
		{"no identifier", `"actions":[{"label":"a","description":"b"}]`, "Only 20", 422},
		{"long description", `"actions":[{"label":"a","description":` + quoted(41, "d") + `,"identifier":"c"}]`, "Only 40", 422},
		{"conclusion alone", `"conclusion":"success"`, `"status":"completed"`, 201},
	} {
		a := w.do("POST", "/repos/acme/linux/check-runs", token, `{"name":"oxidometer","head_sha":"`+sha+`",`+c.body+`}`)
		if a.StatusCode != c.status || !strings.Contains(a.text, c.text) {
			t.Errorf("%s: %d %.300s, want %d %s", c.name, a.StatusCode, a.text, c.status, c.text)
		}
	}
	for body, text := range map[string]string{`{"name":"x"}`: "head_sha", `{"head_sha":"` + sha + `"}`: "name", `{"name":"","head_sha":"` + sha + `"}`: "name",
		`{"name":"x","head_sha":"` + noSHA + `"}`: "No commit found for SHA"} {
		if a := w.do("POST", "/repos/acme/linux/check-runs", token, body); a.StatusCode != 422 || !strings.Contains(a.text, text) {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.text)
		}
	}
	foreign := w.AddCheck(w.repo, CheckOptions{SHA: sha, Name: "oxidometer", AppID: 7})
	if a := w.do("PATCH", fmt.Sprintf("/repos/acme/linux/check-runs/%d", foreign), token, `{"conclusion":"success"}`); a.StatusCode != 403 || !strings.Contains(a.text, "Invalid app_id") {
		t.Errorf("another App's check: %d %s", a.StatusCode, a.text)
	}
}

// TestCheckStates holds that a check run goes back from completed, and that its history is kept.
func TestCheckStates(t *testing.T) {
	w := newWorld(t, nil)
	w.OpenPull(w.repo, Pull{Branch: "topic"})
	sha, token := w.Branch(w.repo, "topic"), w.token("")
	a := w.do("POST", "/repos/acme/linux/check-runs", token, `{"name":"oxidometer","head_sha":"`+sha+`"}`)
	path := fmt.Sprintf("/repos/acme/linux/check-runs/%.0f", a.json(t)["id"])
	for _, step := range []struct{ body, status, conclusion, completed string }{
		{`{"status":"in_progress"}`, "in_progress", "<nil>", "<nil>"},
		{`{"conclusion":"success","output":{"title":"a","summary":"b"}}`, "completed", "success", stamp(w.clock.Now())},
		{`{"output":{"title":"c","summary":"d"}}`, "completed", "success", stamp(w.clock.Now())},
		{`{"status":"queued"}`, "queued", "<nil>", "<nil>"},
	} {
		o := w.do("PATCH", path, token, step.body).json(t)
		if fmt.Sprint(o["status"]) != step.status || fmt.Sprint(o["conclusion"]) != step.conclusion || fmt.Sprint(o["completed_at"]) != step.completed {
			t.Errorf("%s: %v %v %v", step.body, o["status"], o["conclusion"], o["completed_at"])
		}
	}
	var seen []string
	for _, s := range w.Checks(w.repo, sha)[0].History {
		seen = append(seen, s.Status+s.Conclusion+s.Title)
	}
	if got := strings.Join(seen, " "); got != "queued in_progress completedsuccessa completedsuccessc queuedc" {
		t.Error(got)
	}
}

func TestPermissionOfUsers(t *testing.T) {
	w := newWorld(t, nil)
	w.AddRepo(RepoOptions{Owner: "acme", Name: "open", Installation: w.inst})
	c, ctx := w.client(""), context.Background()
	check := func(repo, permission, role string) {
		t.Helper()
		p := must[*github.RepositoryPermissionLevel](t)(c.Repositories.GetPermissionLevel(ctx, "acme", repo, "maria"))
		if p.GetPermission() != permission || p.GetUser().GetRoleName() != role {
			t.Errorf("%s %s, want %s %s", p.GetPermission(), p.GetUser().GetRoleName(), permission, role)
		}
	}
	for role, permission := range permissionOf {
		w.SetRole(w.repo, "maria", role)
		check("linux", permission, role)
	}
	w.SetCustomRole(w.repo, "maria", "size-owner", "triage")
	check("linux", "read", "size-owner")
	w.SetRole(w.repo, "maria", "")
	check("linux", "none", "none")
	check("open", "read", "read")
	for _, login := range []string{"nobody", "acme", "oxidometer[bot]"} { // an organization and an App are no users
		_, resp, err := c.Repositories.GetPermissionLevel(ctx, "acme", "open", login)
		if err == nil || resp.StatusCode != 404 || !strings.Contains(err.Error(), "is not a user") {
			t.Errorf("%s: %v", login, err)
		}
	}
}

// TestMoved follows a repository that was renamed and transferred, as go-github does.
func TestMoved(t *testing.T) {
	w := newWorld(t, nil)
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	c, ctx := w.client(""), context.Background()
	w.Rename(w.repo, "linux-next")
	p := must[*github.PullRequest](t)(c.PullRequests.Get(ctx, "acme", "linux", n))
	if p.GetBase().GetRepo().GetFullName() != "acme/linux-next" {
		t.Errorf("%s", p.GetBase().GetRepo().GetFullName())
	}
	token := w.token("")
	a := w.do("GET", "/api/v3/repos/acme/linux/pulls?state=all", token, "")
	if want := fmt.Sprintf("%s/api/v3/repositories/%d/pulls?state=all", w.api, w.repo.ID); a.StatusCode != 301 || a.Header.Get("Location") != want {
		t.Errorf("%d to %s, want %s", a.StatusCode, a.Header.Get("Location"), want)
	}
	if a := w.do("POST", fmt.Sprintf("/repos/acme/linux/issues/%d/comments", n), token, `{"body":"x"}`); a.StatusCode != 307 {
		t.Errorf("write to the old name: %d", a.StatusCode)
	}
	r := must[*github.Repository](t)(c.Repositories.GetByID(ctx, w.repo.ID))
	if r.GetName() != "linux-next" || r.GetDefaultBranch() != "main" || !r.GetPrivate() {
		t.Errorf("%+v", r)
	}
	w.Transfer(w.repo, "karl")
	if _, resp, err := c.Repositories.GetByID(ctx, w.repo.ID); err == nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("after the transfer: %v", err)
	}
	if w.Name(w.repo) != "karl/linux-next" || w.Repo("karl/linux-next") != w.repo || w.Repo("acme/linux") != nil {
		t.Errorf("names: %s", w.Name(w.repo))
	}
}

func TestForks(t *testing.T) {
	w := newWorld(t, nil)
	fork := w.AddFork(w.repo, "karl")
	n := w.OpenPull(w.repo, Pull{Head: fork, Branch: "topic", Files: map[string]string{"f": "1"}})
	own := w.OpenPull(w.repo, Pull{Branch: "topic", Files: map[string]string{"f": "2"}})
	c, ctx := w.client(""), context.Background()
	for number, count := range map[int]int{n: 0, own: 1} {
		run := must[*github.WorkflowRun](t)(c.Actions.GetWorkflowRunByID(ctx, "acme", "linux", w.AddRun(w.repo, Run{Pull: number})))
		if len(run.PullRequests) != count || run.GetEvent() != "pull_request" || run.GetHeadBranch() != "topic" {
			t.Errorf("run of %d: %d pull requests, want %d", number, len(run.PullRequests), count)
		}
		if id := run.GetHeadRepository().GetID(); (id == w.repo.ID) != (number == own) {
			t.Errorf("run of %d: head repository %d", number, id)
		}
	}
	p := must[*github.PullRequest](t)(c.PullRequests.Get(ctx, "acme", "linux", n))
	if p.GetHead().GetRepo().GetID() != fork.ID || p.GetHead().GetLabel() != "karl:topic" {
		t.Errorf("head: %+v", p.GetHead())
	}
	// Commits of a fork can be read through the repository that it was forked from.
	must[*github.RepositoryCommit](t)(c.Repositories.GetCommit(ctx, "acme", "linux", p.GetHead().GetSHA(), nil))
	cmp := must[*github.CommitsComparison](t)(c.Repositories.CompareCommits(ctx, "acme", "linux", "main", "karl:topic", nil))
	if cmp.GetStatus() != "ahead" || cmp.GetAheadBy() != 1 || len(cmp.Files) != 1 {
		t.Errorf("%s %d", cmp.GetStatus(), cmp.GetAheadBy())
	}
	w.DeleteRepo(fork)
	p = must[*github.PullRequest](t)(c.PullRequests.Get(ctx, "acme", "linux", n))
	if p.GetHead().Repo != nil || p.GetHead().GetUser().GetLogin() != "karl" {
		t.Errorf("head of a deleted fork: %+v", p.GetHead())
	}
	if v, _ := w.PullView(w.repo, n); v.HeadRepo != "" {
		t.Errorf("view: %q", v.HeadRepo)
	}
}
