package ghtest

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

// TestClient walks through the life of a pull request with go-github, with and without the prefix of an enterprise server.
func TestClient(t *testing.T) {
	for _, prefix := range []string{"", "/api/v3"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			w := newWorld(t, nil)
			ctx := context.Background()
			c := w.client(prefix)
			n := w.OpenPull(w.repo, Pull{Branch: "topic", Title: "rust: faster", Author: "maria", Files: map[string]string{"a/b.rs": "fn main() {}\n"}})
			p := must[*github.PullRequest](t)(c.PullRequests.Get(ctx, "acme", "linux", n))
			if p.GetTitle() != "rust: faster" || p.GetHead().GetSHA() != w.Branch(w.repo, "topic") || !p.GetMergeable() || p.GetChangedFiles() != 1 {
				t.Errorf("pull request: %+v", p)
			}
			merge := must[*github.RepositoryCommit](t)(c.Repositories.GetCommit(ctx, "acme", "linux", p.GetMergeCommitSHA(), nil))
			if len(merge.Parents) != 2 || merge.Parents[0].GetSHA() != w.Branch(w.repo, "main") || merge.Parents[1].GetSHA() != p.GetHead().GetSHA() {
				t.Errorf("test merge: %+v", merge.Parents)
			}
			file, _, _, err := c.Repositories.GetContents(ctx, "acme", "linux", "a/b.rs", &github.RepositoryContentGetOptions{Ref: "topic"})
			if err != nil {
				t.Fatal(err)
			}
			if text, err := file.GetContent(); err != nil || text != "fn main() {}\n" {
				t.Errorf("content %q, %v", text, err)
			}
			comment := must[*github.IssueComment](t)(c.Issues.CreateComment(ctx, "acme", "linux", n, &github.IssueComment{Body: github.String("one")}))
			must[*github.IssueComment](t)(c.Issues.EditComment(ctx, "acme", "linux", comment.GetID(), &github.IssueComment{Body: github.String("two")}))
			must[*github.Reaction](t)(c.Reactions.CreateIssueCommentReaction(ctx, "acme", "linux", comment.GetID(), "rocket"))
			check := must[*github.CheckRun](t)(c.Checks.CreateCheckRun(ctx, "acme", "linux", github.CreateCheckRunOptions{Name: "oxidometer", HeadSHA: p.GetHead().GetSHA()}))
			must[*github.CheckRun](t)(c.Checks.UpdateCheckRun(ctx, "acme", "linux", check.GetID(), github.UpdateCheckRunOptions{Name: "oxidometer", Status: github.String("completed"),
				Conclusion: github.String("success"), Output: &github.CheckRunOutput{Title: github.String("0 bytes"), Summary: github.String("nothing")}}))
			found := must[*github.ListCheckRunsResults](t)(c.Checks.ListCheckRunsForRef(ctx, "acme", "linux", "topic", &github.ListCheckRunsOptions{AppID: github.Int64(appID)}))
			if found.GetTotal() != 1 || found.CheckRuns[0].GetConclusion() != "success" {
				t.Errorf("checks: %+v", found)
			}

			v, _ := w.PullView(w.repo, n)
			if len(v.Comments) != 1 || v.Comments[0].Body != "two" || len(v.Comments[0].Edits) != 1 || v.Comments[0].Edits[0].Body != "one" || v.Comments[0].AppID != appID ||
				!v.Comments[0].Bot || strings.Join(v.Comments[0].Reactions, "") != "rocket" {
				t.Errorf("comments: %+v", v.Comments)
			}
			if len(v.Checks) != 1 || len(v.Checks[0].History) != 2 || v.Checks[0].History[0].Status != "queued" || v.Checks[0].Title != "0 bytes" {
				t.Errorf("checks: %+v", v.Checks)
			}
			if len(v.Commits) != 1 || v.HeadRepo != "acme/linux" || v.State != "open" {
				t.Errorf("view: %+v", v)
			}
		})
	}
}
