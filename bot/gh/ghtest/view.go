package ghtest

import (
	"slices"
	"time"
)

// PullView is a pull request as a page could show it. It is a copy: later changes do not reach it.
type PullView struct {
	Repo        string // owner/name
	RepoID      int64
	Number      int
	Title, Body string
	Author      string
	State       string // open or closed
	Merged      bool
	Draft       bool
	Locked      bool
	HeadRepo    string // "" when the fork was deleted
	HeadRef     string
	HeadSHA     string
	BaseRef     string
	BaseSHA     string
	MergeSHA    string
	Labels      []string
	Created     time.Time
	Updated     time.Time
	Commits     []CommitView  // oldest first
	Comments    []CommentView // oldest first, deleted ones too
	Checks      []CheckView   // of all commits, oldest first
	Runs        []RunView     // of all commits, oldest first
}

// CommitView is a commit.
type CommitView struct {
	SHA, Message, Author string
	Parents              []string
	At                   time.Time
}

// CommentView is a comment with everything it ever said.
type CommentView struct {
	ID               int64
	Author           string
	Bot              bool
	AppID            int64 // of the App that wrote it, or 0
	Body             string
	Created, Updated time.Time
	Deleted          bool
	Edits            []Edit // what it said before, oldest first
	Reactions        []string
}

// Edit is an older text of a comment: since when it was shown, and who replaced it.
type Edit struct {
	Body string
	At   time.Time
	By   string
}

// CheckState is what a check run said at a time.
type CheckState struct {
	Name                 string
	Status, Conclusion   string
	Title, Summary, Text string
	At                   time.Time
}

// CheckView is a check run with all of its states; the newest is embedded.
type CheckView struct {
	ID int64
	CheckState
	HeadSHA            string
	AppID              int64
	App                string // slug
	DetailsURL         string
	ExternalID         string
	Actions            []CheckAction
	Annotations        []Annotation // in the order in which they came
	Started, Completed time.Time
	History            []CheckState // oldest first, the newest included
}

// RunView is a workflow run.
type RunView struct {
	ID                        int64
	Attempt                   int
	Workflow, Event, HeadSHA  string
	Status, Conclusion        string
	Artifacts                 []string
	Created, Updated, Started time.Time
}

// Pulls returns the numbers of the repository's pull requests.
func (s *Server) Pulls(r *Repo) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []int
	for _, p := range r.pulls {
		if !p.issue {
			out = append(out, p.number)
		}
	}
	return out
}

// Repos returns the names of all repositories.
func (s *Server) Repos() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.repos {
		if !r.deleted {
			out = append(out, r.fullName())
		}
	}
	return out
}

// PullView returns a pull request as it is now. ok is false when there is none with that number.
func (s *Server) PullView(r *Repo, number int) (view PullView, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := r.pull(int64(number))
	if p == nil {
		return PullView{}, false
	}
	v := PullView{
		Repo: r.fullName(), RepoID: r.ID, Number: p.number, Title: p.title, Body: p.body, Author: p.author.login, State: p.state, Merged: p.merged, Draft: p.draft,
		Locked: p.locked, HeadRef: p.headRef, HeadSHA: p.headSHA, BaseRef: p.baseRef, BaseSHA: p.baseSHA, MergeSHA: p.mergeSHA,
		Labels: slices.Clone(p.labels), Created: p.created, Updated: p.updated,
	}
	if !p.head.deleted {
		v.HeadRepo = p.head.fullName()
	}
	shas := map[string]bool{p.headSHA: true}
	for _, c := range s.pullCommits(p) {
		shas[c.sha] = true
		v.Commits = append(v.Commits, CommitView{c.sha, c.message, c.author.login, slices.Clone(c.parents), c.date})
	}
	v.Comments = s.commentViews(p)
	for _, c := range s.checks {
		if c.repo == r && shas[c.sha] {
			v.Checks = append(v.Checks, c.view())
		}
	}
	for _, n := range s.runs {
		if n.repo == r && shas[n.sha] {
			v.Runs = append(v.Runs, s.runView(n))
		}
	}
	return v, true
}

func (s *Server) commentViews(p *pull) []CommentView {
	var out []CommentView
	for _, c := range s.comments {
		if c.on != p {
			continue
		}
		v := CommentView{ID: c.id, Author: c.author.login, Bot: c.author.kind == "Bot", Body: c.body, Created: c.created, Updated: c.updated,
			Deleted: !c.deleted.IsZero(), Edits: slices.Clone(c.edits)}
		if c.app != nil {
			v.AppID = c.app.id
		}
		for _, r := range c.reactions {
			v.Reactions = append(v.Reactions, r.content)
		}
		out = append(out, v)
	}
	return out
}

func (c *check) view() CheckView {
	return CheckView{ID: c.id, CheckState: c.CheckState, HeadSHA: c.sha, AppID: c.app.id, App: c.app.slug, DetailsURL: c.details, ExternalID: c.external,
		Actions: slices.Clone(c.actions), Annotations: slices.Clone(c.annotations), Started: c.started, Completed: c.completed, History: slices.Clone(c.history)}
}

func (s *Server) runView(n *run) RunView {
	v := RunView{ID: n.id, Attempt: n.attempt, Workflow: n.workflow.path, Event: n.event, HeadSHA: n.sha, Status: n.status, Conclusion: n.conclusion,
		Created: n.created, Updated: n.updated, Started: n.started}
	for _, a := range s.artifacts {
		if a.run == n {
			v.Artifacts = append(v.Artifacts, a.name)
		}
	}
	return v
}

// Comments returns the comments of a pull request or an issue, oldest first, deleted ones too.
func (s *Server) Comments(r *Repo, number int) []CommentView {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := r.issueOrPull(int64(number)); p != nil {
		return s.commentViews(p)
	}
	return nil
}

// Checks returns the check runs of a commit, oldest first.
func (s *Server) Checks(r *Repo, sha string) []CheckView {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []CheckView
	for _, c := range s.checks {
		if c.repo == r && c.sha == sha {
			out = append(out, c.view())
		}
	}
	return out
}

// CommitView returns a commit. ok is false when there is none.
func (s *Server) CommitView(r *Repo, sha string) (view CommitView, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.commits[sha]
	if c == nil || c.network != r.network {
		return CommitView{}, false
	}
	return CommitView{c.sha, c.message, c.author.login, slices.Clone(c.parents), c.date}, true
}
