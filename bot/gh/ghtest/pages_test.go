package ghtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

// follow collects the keys of all pages, as go-github finds them, and holds that no page is larger than allowed.
func follow[T any](t *testing.T, size int, key func(T) string, get func(github.ListOptions) ([]T, *github.Response, error)) []string {
	t.Helper()
	var keys []string
	o := github.ListOptions{PerPage: 100}
	for range 100 {
		page, resp, err := get(o)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > size {
			t.Errorf("%d on a page, want at most %d", len(page), size)
		}
		for _, one := range page {
			keys = append(keys, key(one))
		}
		if resp.NextPage == 0 {
			return keys
		}
		o.Page = resp.NextPage
	}
	t.Fatal("the pages have no end")
	return nil
}

func TestPages(t *testing.T) {
	const size, many = 2, 5
	w := newWorld(t, func(o *Options) { o.PageSize = size })
	for i := range many {
		w.OpenPull(w.repo, Pull{Branch: fmt.Sprintf("b%d", i), Files: map[string]string{fmt.Sprint(i): "x"}})
		w.AddRepo(RepoOptions{Owner: "acme", Name: fmt.Sprintf("r%d", i), Installation: w.inst})
		w.AddInstallation(fmt.Sprintf("org%d", i))
	}
	sha := w.Branch(w.repo, "b0")
	run := w.AddRun(w.repo, Run{Pull: 1, Conclusion: "success"})
	for i := range many {
		if _, err := w.PostComment(w.repo, 1, "maria", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		w.AddReview(w.repo, 1, "maria", "COMMENTED", fmt.Sprint(i))
		w.AddRun(w.repo, Run{Branch: "main", Conclusion: "success"})
		w.AddJob(run, Job{Name: fmt.Sprint(i)})
		w.AddArtifact(run, Artifact{Name: fmt.Sprint(i)})
		w.AddCheck(w.repo, CheckOptions{SHA: sha, Name: fmt.Sprint(i)})
		w.SetLabel(w.repo, 1, "acme", fmt.Sprint(i), true)
		w.PushHead(w.repo, 2, Commit{})
	}
	w.mu.Lock() // and a suite of its own App, beside the one of GitHub Actions
	w.newSuite(w.repo, w.app, sha, "")
	w.mu.Unlock()
	c, ctx := w.client(""), context.Background()
	lists := map[string]struct {
		want int
		get  func() []string
	}{
		"pulls": {many, func() []string {
			return follow(t, size, func(p *github.PullRequest) string { return fmt.Sprint(p.GetNumber()) }, func(o github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
				return c.PullRequests.List(ctx, "acme", "linux", &github.PullRequestListOptions{ListOptions: o})
			})
		}},
		"commits of a pull": {many + 1, func() []string {
			return follow(t, size, (*github.RepositoryCommit).GetSHA, func(o github.ListOptions) ([]*github.RepositoryCommit, *github.Response, error) {
				return c.PullRequests.ListCommits(ctx, "acme", "linux", 2, &o)
			})
		}},
		"reviews": {many, func() []string {
			return follow(t, size, (*github.PullRequestReview).GetBody, func(o github.ListOptions) ([]*github.PullRequestReview, *github.Response, error) {
				return c.PullRequests.ListReviews(ctx, "acme", "linux", 1, &o)
			})
		}},
		"labels": {many, func() []string {
			return follow(t, size, (*github.Label).GetName, func(o github.ListOptions) ([]*github.Label, *github.Response, error) {
				return c.Issues.ListLabelsByIssue(ctx, "acme", "linux", 1, &o)
			})
		}},
		"comments": {many, func() []string {
			return follow(t, size, (*github.IssueComment).GetBody, func(o github.ListOptions) ([]*github.IssueComment, *github.Response, error) {
				return c.Issues.ListComments(ctx, "acme", "linux", 1, &github.IssueListCommentsOptions{ListOptions: o})
			})
		}},
		"branches": {many + 1, func() []string {
			return follow(t, size, (*github.Branch).GetName, func(o github.ListOptions) ([]*github.Branch, *github.Response, error) {
				return c.Repositories.ListBranches(ctx, "acme", "linux", &github.BranchListOptions{ListOptions: o})
			})
		}},
		"commits of a comparison": {many + 1, func() []string {
			return follow(t, size, (*github.RepositoryCommit).GetSHA, func(o github.ListOptions) ([]*github.RepositoryCommit, *github.Response, error) {
				v, resp, err := c.Repositories.CompareCommits(ctx, "acme", "linux", "main", "b1", &o)
				return v.Commits, resp, err
			})
		}},
		"runs": {many + 1, func() []string {
			return follow(t, size, func(r *github.WorkflowRun) string { return fmt.Sprint(r.GetID()) }, func(o github.ListOptions) ([]*github.WorkflowRun, *github.Response, error) {
				v, resp, err := c.Actions.ListRepositoryWorkflowRuns(ctx, "acme", "linux", &github.ListWorkflowRunsOptions{ListOptions: o})
				return v.WorkflowRuns, resp, err
			})
		}},
		"jobs": {many, func() []string {
			return follow(t, size, (*github.WorkflowJob).GetName, func(o github.ListOptions) ([]*github.WorkflowJob, *github.Response, error) {
				v, resp, err := c.Actions.ListWorkflowJobs(ctx, "acme", "linux", run, &github.ListWorkflowJobsOptions{ListOptions: o})
				return v.Jobs, resp, err
			})
		}},
		"artifacts": {many, func() []string {
			return follow(t, size, (*github.Artifact).GetName, func(o github.ListOptions) ([]*github.Artifact, *github.Response, error) {
				v, resp, err := c.Actions.ListWorkflowRunArtifacts(ctx, "acme", "linux", run, &o)
				return v.Artifacts, resp, err
			})
		}},
		"checks": {many, func() []string {
			return follow(t, size, (*github.CheckRun).GetName, func(o github.ListOptions) ([]*github.CheckRun, *github.Response, error) {
				v, resp, err := c.Checks.ListCheckRunsForRef(ctx, "acme", "linux", sha, &github.ListCheckRunsOptions{ListOptions: o})
				return v.CheckRuns, resp, err
			})
		}},
		"repositories": {many + 1, func() []string {
			return follow(t, size, (*github.Repository).GetName, func(o github.ListOptions) ([]*github.Repository, *github.Response, error) {
				v, resp, err := c.Apps.ListRepos(ctx, &o)
				return v.Repositories, resp, err
			})
		}},
		"installations": {many + 1, func() []string {
			return follow(t, size, func(i *github.Installation) string { return fmt.Sprint(i.GetID()) }, func(o github.ListOptions) ([]*github.Installation, *github.Response, error) {
				return w.appClient().Apps.ListInstallations(ctx, &o)
			})
		}},
	}
	for name, l := range lists {
		t.Run(name, func(t *testing.T) {
			keys := l.get()
			distinct := map[string]bool{}
			for _, k := range keys {
				distinct[k] = true
			}
			if len(keys) != l.want || len(distinct) != l.want {
				t.Errorf("%q, want %d different ones", keys, l.want)
			}
		})
	}
}

// TestLink compares the header with what GitHub documents: no prev and first on the first page, no next and last on the last.
func TestLink(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 5 {
		w.OpenPull(w.repo, Pull{Branch: fmt.Sprintf("b%d", i)})
	}
	token := w.token("")
	for _, c := range []struct {
		query, want string
		items       int
	}{
		{"per_page=2", "next=2 last=3", 2},
		{"per_page=2&page=2", "prev=1 next=3 last=3 first=1", 2},
		{"per_page=2&page=3", "prev=2 first=1", 1},
		{"per_page=2&page=9", "prev=3 first=1", 0},
		{"per_page=5", "", 5},
		{"per_page=1000", "", 5},
		{"per_page=0", "", 5},
		{"per_page=-1&page=-1", "", 5},
		{"per_page=2&page=99999999999999999999", "next=2 last=3", 2},
	} {
		for _, prefix := range []string{"", "/api/v3"} {
			a := w.do("GET", prefix+"/repos/acme/linux/pulls?state=all&"+c.query, token, "")
			var got []string
			for _, one := range strings.Split(a.Header.Get("Link"), ", ") {
				address, rel, ok := strings.Cut(one, `>; rel="`)
				if !ok {
					continue
				}
				u, err := url.Parse(address[1:])
				if err != nil || !strings.HasPrefix(address[1:], fmt.Sprintf("%s%s/repositories/%d/pulls?", w.api, prefix, w.repo.ID)) || u.Query().Get("state") != "all" {
					t.Errorf("%s: link %s, %v", c.query, one, err)
				}
				got = append(got, strings.TrimSuffix(rel, `"`)+"="+u.Query().Get("page"))
				if b := w.do("GET", address[1:], token, ""); b.StatusCode != 200 {
					t.Errorf("%s does not work: %d", address[1:], b.StatusCode)
				}
			}
			if strings.Join(got, " ") != c.want || strings.Count(a.text, `"mergeable"`) != 0 || strings.Count(a.text, `"draft"`) != c.items {
				t.Errorf("%s: link %q, %d items; want %q, %d", c.query, got, strings.Count(a.text, `"draft"`), c.want, c.items)
			}
		}
	}
}

func TestETag(t *testing.T) {
	w := newWorld(t, nil)
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	token, path := w.token(""), fmt.Sprintf("/repos/acme/linux/issues/%d", n)
	first := w.do("GET", path, token, "")
	etag, left := first.Header.Get("ETag"), first.Header.Get("X-RateLimit-Remaining")
	again := w.do("GET", path, token, "", "If-None-Match", etag)
	if again.StatusCode != 304 || again.text != "" || again.Header.Get("ETag") != etag || again.Header.Get("X-RateLimit-Remaining") != left {
		t.Errorf("%d %q, ETag %s, remaining %s; want 304 with %s and %s", again.StatusCode, again.text, again.Header.Get("ETag"),
			again.Header.Get("X-RateLimit-Remaining"), etag, left)
	}
	w.SetTitle(w.repo, n, "another")
	if a := w.do("GET", path, token, "", "If-None-Match", etag); a.StatusCode != 200 || a.Header.Get("ETag") == etag {
		t.Errorf("after a change: %d", a.StatusCode)
	}
	if a := w.do("GET", path, "", "", "If-None-Match", etag); a.StatusCode != 401 {
		t.Errorf("without credentials: %d", a.StatusCode)
	}
}

func TestRateLimit(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.RateLimit = 3 })
	c, ctx := w.client(""), context.Background()
	var err error
	for i := range 4 {
		_, _, err = c.Repositories.Get(ctx, "acme", "linux")
		if i < 3 && err != nil {
			t.Fatal(err)
		}
	}
	var limit *github.RateLimitError
	if !errors.As(err, &limit) || limit.Rate.Remaining != 0 || limit.Rate.Limit != 3 || !limit.Rate.Reset.Time.Equal(w.clock.Now().Add(time.Hour)) {
		t.Fatalf("%v", err)
	}
	rates := must[*github.RateLimits](t)(w.appClient().RateLimit.Get(ctx))
	if rates.Core.Remaining != 2 { // its own requests: one for the token
		t.Errorf("the App has %+v left", rates.Core)
	}
	// The client is new, because go-github remembers by the real clock when it may ask again.
	w.clock.add(time.Hour)
	if _, _, err := w.client("").Repositories.Get(ctx, "acme", "linux"); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

// TestFilters compares lists with what was put in.
func TestFilters(t *testing.T) {
	w := newWorld(t, nil)
	fork := w.AddFork(w.repo, "karl")
	w.AddCommit(w.repo, Commit{Branch: "next"})
	w.OpenPull(w.repo, Pull{Branch: "topic"})
	w.OpenPull(w.repo, Pull{Branch: "topic2", Base: "next"})
	w.OpenPull(w.repo, Pull{Head: fork, Branch: "topic"})
	w.ClosePull(w.repo, w.OpenPull(w.repo, Pull{Branch: "old"}))
	w.OpenIssue(w.repo, "karl", "no pull request")
	sha := w.Branch(w.repo, "main")
	push := w.AddRun(w.repo, Run{Conclusion: "success"})
	w.clock.add(time.Hour)
	failed := w.AddRun(w.repo, Run{Conclusion: "failure", Workflow: ".github/workflows/docs.yml"})
	pr := w.AddRun(w.repo, Run{Pull: 1})
	forked := w.AddRun(w.repo, Run{Pull: 3, Conclusion: "success"})
	artifact := w.AddArtifact(push, Artifact{Name: "kernel"})
	w.AddArtifact(push, Artifact{Name: "logs"})
	w.AddCheck(w.repo, CheckOptions{SHA: sha, Name: "build", Conclusion: "failure"})
	newer := w.AddCheck(w.repo, CheckOptions{SHA: sha, Name: "build", Conclusion: "success"})
	other := w.AddCheck(w.repo, CheckOptions{SHA: sha, Name: "build", AppID: 7, Status: "in_progress"})
	token := w.token("")
	for _, c := range []struct{ path, list, key, want string }{
		{"/pulls", "", "number", "[3 2 1]"},
		{"/pulls?state=closed", "", "number", "[4]"},
		{"/pulls?state=all&sort=created&direction=asc", "", "number", "[1 2 3 4]"},
		{"/pulls?sort=updated", "", "number", "[1 2 3]"},
		{"/pulls?base=next", "", "number", "[2]"},
		{"/pulls?head=acme:topic", "", "number", "[1]"},
		{"/pulls?head=karl:topic", "", "number", "[3]"},
		{"/pulls?head=topic2", "", "number", "[3 2 1]"}, // without an owner it is no filter
		{"/commits/topic2/pulls", "", "number", "[2]"},
		{"/actions/runs", "workflow_runs", "id", fmt.Sprint([]int64{forked, pr, failed, push})},
		{"/actions/runs?head_sha=" + sha, "workflow_runs", "id", fmt.Sprint([]int64{failed, push})},
		{"/actions/runs?event=pull_request", "workflow_runs", "id", fmt.Sprint([]int64{forked, pr})},
		{"/actions/runs?branch=topic&status=in_progress", "workflow_runs", "id", fmt.Sprint([]int64{pr})},
		{"/actions/runs?status=success", "workflow_runs", "id", fmt.Sprint([]int64{forked, push})},
		{"/actions/runs?status=completed&event=push", "workflow_runs", "id", fmt.Sprint([]int64{failed, push})},
		{"/actions/runs?created=%3C" + stamp(w.clock.Now()), "workflow_runs", "id", fmt.Sprint([]int64{push})},
		{"/actions/runs?event=push&created=%3E%3D" + stamp(w.clock.Now()), "workflow_runs", "id", fmt.Sprint([]int64{failed})},
		{"/actions/runs?created=2026-03-02..*", "workflow_runs", "id", "[]"},
		{"/actions/workflows/kernel.yml/runs?event=push", "workflow_runs", "id", fmt.Sprint([]int64{push})},
		{"/actions/workflows/docs.yml/runs", "workflow_runs", "id", fmt.Sprint([]int64{failed})},
		{fmt.Sprintf("/actions/runs/%d/artifacts?name=kernel", push), "artifacts", "id", fmt.Sprint([]int64{artifact})},
		{"/actions/artifacts?name=kernel", "artifacts", "id", fmt.Sprint([]int64{artifact})},
		{fmt.Sprintf("/actions/runs/%d/artifacts", pr), "artifacts", "id", "[]"},
		{"/commits/main/check-runs", "check_runs", "id", fmt.Sprint([]int64{other, newer})},
		{"/commits/main/check-runs?app_id=7", "check_runs", "id", fmt.Sprint([]int64{other})},
		{"/commits/main/check-runs?check_name=build&status=completed", "check_runs", "id", fmt.Sprint([]int64{newer})},
		{"/commits/main/check-runs?check_name=none", "check_runs", "id", "[]"},
		{"/commits/main/check-runs?filter=all", "check_runs", "id", fmt.Sprint([]int64{other, newer, newer - 1})},
		{"/commits/main/check-suites?app_id=7", "check_suites", "head_sha", "[" + sha + "]"},
	} {
		a := w.do("GET", "/repos/acme/linux"+c.path, token, "")
		if a.StatusCode != 200 {
			t.Errorf("%s: %d %s", c.path, a.StatusCode, a.text)
			continue
		}
		if got := keysOf(t, a.text, c.list, c.key); got != c.want {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
	for _, path := range []string{"/actions/workflows/none.yml/runs", "/actions/runs/1", "/pulls/5", "/pulls/99", "/pulls/x", "/git/ref/heads/none", "/branches/none",
		fmt.Sprintf("/actions/runs/%d/attempts/2", push), "/issues/99/comments", "/issues/comments/1", "/collaborators/nobody-at-all/permission"} {
		if a := w.do("GET", "/repos/acme/linux"+path, token, ""); a.StatusCode != 404 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.text)
		}
	}
	for _, path := range []string{"/commits/none", "/commits/none/check-runs", "/commits/none/pulls", "/actions/runs?created=yesterday"} {
		if a := w.do("GET", "/repos/acme/linux"+path, token, ""); a.StatusCode != 422 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.text)
		}
	}
}

func keysOf(t *testing.T, text, listName, key string) string {
	t.Helper()
	var all []map[string]any
	if listName == "" {
		unmarshal(t, text, &all)
	} else {
		var o map[string]any
		unmarshal(t, text, &o)
		for _, one := range o[listName].([]any) {
			all = append(all, one.(map[string]any))
		}
		if fmt.Sprint(o["total_count"]) != fmt.Sprint(len(all)) {
			t.Errorf("total_count %v of %d", o["total_count"], len(all))
		}
	}
	keys := []any{}
	for _, one := range all {
		keys = append(keys, one[key])
	}
	return fmt.Sprint(keys)
}
