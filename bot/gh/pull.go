package gh

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"
)

// PullRequest is the state of a pull request at one moment.
type PullRequest struct {
	Number                int
	State                 string // open or closed
	Merged, Draft, Locked bool
	Title, Body           string
	Author                string
	AuthorID              int64
	HeadSHA, HeadRef      string
	HeadRepoID            int64  // 0: the fork was deleted
	HeadOwner             string // of the head's repository
	BaseRef, BaseSHA      string // BaseSHA: the base branch's tip at the last event, which nobody may have built
	MergeCommitSHA        string // open: the test merge, "" while GitHub computes it; merged: what it became
	Labels                []string
	UpdatedAt             time.Time
}

func pullRequest(p *github.PullRequest) PullRequest {
	head, base := p.GetHead(), p.GetBase()
	out := PullRequest{
		Number: p.GetNumber(), State: p.GetState(), Merged: p.GetMerged() || !p.GetMergedAt().IsZero(), Draft: p.GetDraft(),
		Locked: p.GetLocked(), Title: p.GetTitle(), Body: p.GetBody(), Author: p.GetUser().GetLogin(), AuthorID: p.GetUser().GetID(),
		HeadSHA: head.GetSHA(), HeadRef: head.GetRef(), HeadRepoID: head.GetRepo().GetID(),
		HeadOwner: head.GetRepo().GetOwner().GetLogin(),
		BaseRef:   base.GetRef(), BaseSHA: base.GetSHA(), MergeCommitSHA: p.GetMergeCommitSHA(),
		UpdatedAt: p.GetUpdatedAt().Time,
	}
	if out.HeadOwner == "" {
		out.HeadOwner = head.GetUser().GetLogin()
	}
	for _, l := range p.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	return out
}

// PullRequest reads a pull request.
func (c *Client) PullRequest(ctx context.Context, repo Repo, number int) (PullRequest, error) {
	op := fmt.Sprintf("read pull request %s#%d", repo, number)
	if err := repo.check(op); err != nil {
		return PullRequest{}, err
	}
	p, _, err := c.api.PullRequests.Get(ctx, repo.Owner, repo.Name, number)
	if err != nil {
		return PullRequest{}, c.app.fail(op, err)
	}
	if p.GetNumber() != number {
		return PullRequest{}, unusable(op)
	}
	return pullRequest(p), nil
}

// OpenPullRequests lists the open pull requests, newest first, at most 3,000.
func (c *Client) OpenPullRequests(ctx context.Context, repo Repo) ([]PullRequest, error) {
	return c.pulls(ctx, repo, "")
}

// PullRequestsOfHead lists the open pull requests whose head is exactly this commit on this branch of this repository,
// wherever they want to be merged to. Several may share one head.
func (c *Client) PullRequestsOfHead(ctx context.Context, repo Repo, headOwner, branch, sha string, headRepoID int64) ([]PullRequest, error) {
	if headOwner == "" || branch == "" || sha == "" || headRepoID == 0 {
		return nil, misuse("list pull requests of "+repo.String(), "the head is not fully known")
	}
	list, err := c.pulls(ctx, repo, headOwner+":"+branch)
	if err != nil {
		return nil, err
	}
	var out []PullRequest
	for _, p := range list {
		if p.HeadSHA == sha && p.HeadRef == branch && p.HeadRepoID == headRepoID {
			out = append(out, p)
		}
	}
	return out, nil
}

func (c *Client) pulls(ctx context.Context, repo Repo, head string) ([]PullRequest, error) {
	op := "list pull requests of " + repo.String()
	if err := repo.check(op); err != nil {
		return nil, err
	}
	list, err := pages(3000, (*github.PullRequest).GetID, func(o github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		return c.api.PullRequests.List(ctx, repo.Owner, repo.Name, &github.PullRequestListOptions{State: "open", Head: head, ListOptions: o})
	})
	if err != nil {
		return nil, c.app.fail(op, err)
	}
	var out []PullRequest
	for _, p := range list {
		if p.GetState() == "open" {
			out = append(out, pullRequest(p))
		}
	}
	return out, nil
}

// PullCommits lists the commits of a pull request, oldest first. GitHub shows 250 at most.
// https://docs.github.com/en/rest/pulls/pulls#list-commits-on-a-pull-request
func (c *Client) PullCommits(ctx context.Context, repo Repo, pull int) ([]Commit, error) {
	op := fmt.Sprintf("list commits of %s#%d", repo, pull)
	if err := repo.check(op); err != nil {
		return nil, err
	}
	list, err := pages(250, (*github.RepositoryCommit).GetSHA, func(o github.ListOptions) ([]*github.RepositoryCommit, *github.Response, error) {
		return c.api.PullRequests.ListCommits(ctx, repo.Owner, repo.Name, pull, &o)
	})
	if err != nil {
		return nil, c.app.fail(op, err)
	}
	var out []Commit
	for _, one := range list {
		if one.GetSHA() != "" {
			out = append(out, commit(one.GetSHA(), one.GetCommit(), one.Parents))
		}
	}
	return out, nil
}

// File is a file that a pull request changes.
type File struct {
	Path     string `json:"filename"`
	Previous string `json:"previous_filename"` // its path before, of a renamed or copied one
	Status   string `json:"status"`            // added, removed, modified, renamed, copied, changed or unchanged
}

// maxFiles is how many of a pull request's files GitHub lists.
const maxFiles = 3000

// PullFiles lists the files that a pull request changes, against its merge base. GitHub shows 3,000 at most; all says
// that there are no others.
// https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
func (c *Client) PullFiles(ctx context.Context, repo Repo, pull int) (files []File, all bool, err error) {
	op := fmt.Sprintf("list files of %s#%d", repo, pull)
	if err := repo.check(op); err != nil {
		return nil, false, err
	}
	path := repo.path("pulls/%d/files", pull)
	list, err := pages(maxFiles, func(f File) string { return f.Path }, func(o github.ListOptions) ([]File, *github.Response, error) {
		var page []File
		resp, err := send(ctx, c.api, http.MethodGet, path+"?"+paged(url.Values{}, o), nil, &page)
		return page, resp, err
	})
	if err != nil {
		return nil, false, c.app.fail(op, err)
	}
	files = slices.DeleteFunc(list, func(f File) bool { return f.Path == "" })
	return files, len(list) < maxFiles, nil
}
