package ghtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"
)

const hookSecret = "It's a Secret to Everybody"

// received is a webhook as it arrived.
type received struct {
	header  http.Header
	payload []byte
}

// receiver is the App's side: it keeps what arrives and answers with status.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	status func(event string) int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: func(string) int { return 202 }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		data, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.got = append(r.got, received{q.Header.Clone(), data})
		status := r.status(q.Header.Get("X-GitHub-Event"))
		r.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

// allEvents makes everything happen once, so that every event with every action is sent.
func allEvents(t *testing.T, w *world) {
	t.Helper()
	ctx := context.Background()
	w.Ping()
	w.SetRole(w.repo, "maria", "write")
	n := w.OpenPull(w.repo, Pull{Branch: "topic", Title: "rust: faster", Body: "why", Author: "maria", Labels: []string{"size"}, Files: map[string]string{"b.rs": "b\n"}})
	fork := w.AddFork(w.repo, "karl")
	m := w.OpenPull(w.repo, Pull{Head: fork, Branch: "patch", Title: "from a fork", Draft: true, Files: map[string]string{"c.rs": "c\n"}})
	sha := w.PushHead(w.repo, n, Commit{Files: map[string]string{"b.rs": "bb\n"}, Remove: []string{"README"}})
	w.PushHead(w.repo, m, Commit{Files: map[string]string{"c.rs": "cc\n"}})
	w.AddCommit(w.repo, Commit{Branch: "main", Files: map[string]string{"d.rs": "d\n"}})
	w.AddCommit(w.repo, Commit{Branch: "next"})
	w.SetDraft(w.repo, m, false)
	w.SetDraft(w.repo, m, true)
	w.SetTitle(w.repo, n, "rust: much faster")
	w.SetBase(w.repo, n, "next")
	w.SetBase(w.repo, n, "main")
	w.SetLabel(w.repo, n, "maria", "size-ok", true)
	w.SetLabel(w.repo, n, "maria", "size-ok", false)
	w.SetLocked(w.repo, n, true)
	w.SetLocked(w.repo, n, false)
	w.ClosePull(w.repo, n)
	w.ReopenPull(w.repo, n)
	w.AddReview(w.repo, n, "maria", "APPROVED", "good")

	c := w.client("")
	check := must[*github.CheckRun](t)(c.Checks.CreateCheckRun(ctx, "acme", "linux", github.CreateCheckRunOptions{Name: "oxidometer", HeadSHA: sha,
		Actions: []*github.CheckRunAction{{Label: "Accept", Description: "Accept the growth", Identifier: "accept"}}}))
	must[*github.CheckRun](t)(c.Checks.UpdateCheckRun(ctx, "acme", "linux", check.GetID(), github.UpdateCheckRunOptions{Name: "oxidometer", Conclusion: github.String("neutral"),
		Status: github.String("completed"), Output: &github.CheckRunOutput{Title: github.String("t"), Summary: github.String("s"), Text: github.String("x")}}))
	for _, err := range []error{w.RerequestCheck(w.repo, check.GetID(), "maria"), w.RequestAction(w.repo, check.GetID(), "accept", "maria")} {
		if err != nil {
			t.Error(err)
		}
	}
	w.RerequestSuite(w.repo, sha, "maria")
	comment := must[*github.IssueComment](t)(c.Issues.CreateComment(ctx, "acme", "linux", n, &github.IssueComment{Body: github.String("one")}))
	must[*github.IssueComment](t)(c.Issues.EditComment(ctx, "acme", "linux", comment.GetID(), &github.IssueComment{Body: github.String("two")}))
	id, err := w.PostComment(w.repo, n, "maria", "/size status")
	if err != nil {
		t.Error(err)
	}
	if err := w.DeleteComment(w.repo, id, "maria"); err != nil {
		t.Error(err)
	}
	if _, err := w.PostComment(w.repo, w.OpenIssue(w.repo, "karl", "help"), "karl", "me too"); err != nil {
		t.Error(err)
	}

	for _, o := range []Run{{Pull: n}, {Pull: m}, {Event: "push"}} {
		run := w.AddRun(w.repo, o)
		w.SetRunStatus(run, "in_progress")
		w.FinishRun(run, "success")
	}
	g := w.AddMergeGroup(w.repo, n, m)
	w.DropMergeGroup(w.repo, g, "merged")
	w.MergePull(w.repo, n, false)
	w.DeleteRepo(fork)
	w.SetTitle(w.repo, m, "its fork is gone")
	w.Archive(w.repo, true)
	w.Archive(w.repo, false)
	w.Rename(w.repo, "linux-next")

	w.AddInstallation("karl")
	other := w.AddRepo(RepoOptions{Owner: "acme", Name: "other", Installation: w.inst})
	w.UninstallRepo(other)
	w.InstallRepo(w.inst, other)
	w.Transfer(other, "karl")
	w.DeleteRepo(other)
	w.SetPermissions(w.inst, w.o.Permissions)
	w.Suspend(w.inst, true)
	w.Suspend(w.inst, false)
	w.Uninstall(w.inst)
	w.wait()
}

func eventNames(all []received) map[string]int {
	names := map[string]int{}
	for _, r := range all {
		var action string
		if e, err := github.ParseWebHook(r.header.Get("X-GitHub-Event"), r.payload); err == nil {
			if a, ok := e.(interface{ GetAction() string }); ok {
				action = a.GetAction()
			}
		}
		names[fmt.Sprintf("%s %s", r.header.Get("X-GitHub-Event"), action)]++
	}
	return names
}
