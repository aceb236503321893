package gh

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-github/v60/github"
)

// PullRequest is the state of a pull request at one moment.
type PullRequest struct {
	Number                int
	State                 string // open or closed
	Merged, Draft, Locked bool
	Title, Author         string
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
		Locked: p.GetLocked(), Title: p.GetTitle(), Author: p.GetUser().GetLogin(),
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
