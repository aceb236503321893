package gh

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-github/v60/github"
)

// Commit is a commit; Parents are in git's order, so Parents[0] is the first parent.
type Commit struct {
	SHA, Tree string
	Parents   []string
	Message   string
	Date      time.Time // the committer's
}

func commit(sha string, c *github.Commit, parents []*github.Commit) Commit {
	out := Commit{SHA: sha, Tree: c.GetTree().GetSHA(), Message: c.GetMessage(), Date: c.GetCommitter().GetDate().Time}
	for _, p := range parents {
		out.Parents = append(out.Parents, p.GetSHA())
	}
	return out
}

// Commit reads a commit by its full id.
func (c *Client) Commit(ctx context.Context, repo Repo, sha string) (Commit, error) {
	op := fmt.Sprintf("read commit %s of %s", oneLine(sha), repo)
	if err := repo.check(op); err != nil {
		return Commit{}, err
	}
	if err := checkSHA(op, sha); err != nil {
		return Commit{}, err
	}
	got, _, err := c.api.Git.GetCommit(ctx, repo.Owner, repo.Name, sha)
	if err != nil {
		return Commit{}, c.app.fail(op, err)
	}
	if got.GetSHA() == "" {
		return Commit{}, unusable(op)
	}
	return commit(got.GetSHA(), got, got.Parents), nil
}

// comparison is the part of GitHub's three-dot comparison that we use; the rest is a list of patches.
type comparison struct {
	Status    string `json:"status"` // of the head: ahead, behind, identical or diverged
	MergeBase struct {
		SHA string `json:"sha"`
	} `json:"merge_base_commit"`
}

func (c *Client) compare(ctx context.Context, repo Repo, base, head string) (comparison, error) {
	var out comparison
	op := fmt.Sprintf("compare %s with %s in %s", oneLine(base), oneLine(head), repo)
	if err := repo.check(op); err != nil {
		return out, err
	}
	if base == "" || head == "" {
		return out, misuse(op, "want two revisions")
	}
	_, err := send(ctx, c.api, "GET", repo.path("compare/%s...%s", base, head)+"?per_page=1", nil, &out)
	return out, c.app.fail(op, err)
}

// MergeBase returns the merge base of two revisions: commits, branches, or OWNER:BRANCH of a fork. ErrNotFound when they
// share no history.
func (c *Client) MergeBase(ctx context.Context, repo Repo, base, head string) (string, error) {
	cmp, err := c.compare(ctx, repo, base, head)
	if err == nil && cmp.MergeBase.SHA == "" {
		err = &Error{Op: "find the merge base in " + repo.String(), Status: 200, Class: ClassNotFound, Message: "there is none"}
	}
	return cmp.MergeBase.SHA, err
}

// Contains says whether sha is the branch's tip or one of its ancestors. ErrNotFound when either does not exist.
func (c *Client) Contains(ctx context.Context, repo Repo, branch, sha string) (bool, error) {
	if err := checkSHA("look for a commit in "+repo.String(), sha); err != nil {
		return false, err
	}
	cmp, err := c.compare(ctx, repo, branch, sha)
	return err == nil && (cmp.Status == "behind" || cmp.Status == "identical"), err
}

// FirstParents follows first parents from sha, which comes first, for n commits, or fewer where history begins. GitHub
// lists history with its side branches, so one request may bring only one commit of the chain; after 50 requests what
// was found is returned.
func (c *Client) FirstParents(ctx context.Context, repo Repo, sha string, n int) ([]Commit, error) {
	op := fmt.Sprintf("read history of %s from %s", repo, oneLine(sha))
	if err := repo.check(op); err != nil {
		return nil, err
	}
	if err := checkSHA(op, sha); err != nil {
		return nil, err
	}
	known := map[string]Commit{}
	var chain []Commit
	for requests := 0; len(chain) < n; {
		next, ok := known[sha]
		if !ok {
			if requests == 50 {
				break
			}
			requests++
			if err := c.history(ctx, repo, sha, known); err != nil {
				return nil, c.app.fail(op, err)
			}
			if next, ok = known[sha]; !ok {
				return nil, &Error{Op: op, Status: 200, Class: ClassTemporary, Message: "the history does not begin where it was asked to"}
			}
		}
		delete(known, sha) // a chain cannot come back
		chain = append(chain, next)
		if len(next.Parents) == 0 {
			break
		}
		sha = next.Parents[0]
	}
	return chain, nil
}

// history adds up to 100 commits that are reachable from sha, newest first.
func (c *Client) history(ctx context.Context, repo Repo, sha string, known map[string]Commit) error {
	list, _, err := c.api.Repositories.ListCommits(ctx, repo.Owner, repo.Name, &github.CommitsListOptions{
		SHA: sha, ListOptions: github.ListOptions{PerPage: 100},
	})
	for _, rc := range list {
		if rc == nil {
			continue
		}
		known[rc.GetSHA()] = commit(rc.GetSHA(), rc.GetCommit(), rc.Parents)
	}
	return err
}
