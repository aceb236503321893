package gh

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Event is a webhook delivery, reduced to what a job needs to know where to look. It is a hint: what it says may be out
// of date. What the event does not have is zero.
type Event struct {
	Name, Action string
	GUID         string // of the delivery; the payload does not hold it, the caller sets it
	Installation int64
	Repo         Repo
	Pull         int    // of pull_request, reviews of and comments on one, and check events that name exactly one in Repo; never of workflow_run
	HeadSHA      string // full id; "" when a push deleted the ref
	HeadBranch   string // the pull request's, run's or suite's, in whatever repository it lies
	HeadRepoID   int64  // where HeadBranch lies; 0: unknown or deleted
	RunID        int64
	RunEvent     string // what started the run
	Branch       string // in Repo: the pull request's or merge group's base, the branch pushed to or run on
	Ref          string // of a push: refs/heads/…, refs/tags/…
	App          int64  // whose check it is
	Deleted      bool   // the push deleted its ref

	PullState      string // open or closed; of pull_request, of reviews, and of comments on one
	PullAuthor     Sender // of the same
	Merged         bool   // of the same
	MergeCommitSHA string // what a merged pull request became; of pull_request and reviews

	Comment         *Comment // of issue_comment created and of pull_request_review submitted
	ForIssueIsPull  bool     // what was commented on is a pull request
	CheckRunID      int64
	RequestedAction string // identifier of the button
	Sender          Sender
	MergeGroup      struct{ HeadSHA, BaseSHA, HeadRef string }
	Changes         struct{ BaseChanged bool } // pull_request edited
	Added, Removed  []Repo                     // installation events; without DefaultBranch
}

// Sender is who caused an event or wrote a comment.
type Sender struct {
	Login string
	Bot   bool
	ID    int64
}

// Comment is a comment or a review as it was when the event was sent.
type Comment struct {
	ID        int64
	Review    bool // a review's own text, "" for many: its ID is not of the kind that React and PutComment take
	Body      string
	Author    Sender
	App       int64 // the App it was written through; 0: none, or GitHub does not say, as of reviews
	CreatedAt time.Time
}

type wireUser struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"`
}

func (u wireUser) sender() Sender { return Sender{Login: u.Login, Bot: u.Type == "Bot", ID: u.ID} }

type wireRepo struct {
	ID            int64    `json:"id"`
	Name          string   `json:"name"`
	FullName      string   `json:"full_name"`
	Owner         wireUser `json:"owner"`
	DefaultBranch string   `json:"default_branch"`
	Private       bool     `json:"private"`
	Archived      bool     `json:"archived"`
}

func (r wireRepo) repo(installation int64) (Repo, error) {
	if r.Owner.Login == "" {
		r.Owner.Login, _, _ = strings.Cut(r.FullName, "/")
	}
	out := Repo{
		ID: r.ID, Owner: r.Owner.Login, Name: r.Name, DefaultBranch: r.DefaultBranch,
		Private: r.Private, Archived: r.Archived, Installation: installation,
	}
	if r.ID <= 0 || !validName(out.Owner) || !validName(out.Name) {
		return Repo{}, fmt.Errorf("repository %q with id %d is none", oneLine(out.String()), r.ID)
	}
	return out, nil
}

// ref is one end of a pull request.
type ref struct {
	SHA  string    `json:"sha"`
	Ref  string    `json:"ref"`
	Repo *wireRepo `json:"repo"`
}

func (r ref) repoID() int64 {
	if r.Repo == nil {
		return 0
	}
	return r.Repo.ID
}

type pullRef struct {
	Number int `json:"number"`
	Base   ref `json:"base"`
}

type suite struct {
	HeadSHA    string             `json:"head_sha"`
	HeadBranch string             `json:"head_branch"`
	App        struct{ ID int64 } `json:"app"`
	Pulls      []pullRef          `json:"pull_requests"`
}

// payload has the parts of all events we know.
type payload struct {
	Action       string             `json:"action"`
	Installation struct{ ID int64 } `json:"installation"`
	Repository   *wireRepo          `json:"repository"`
	Sender       wireUser           `json:"sender"`
	Hook         struct {
		AppID int64 `json:"app_id"`
	} `json:"hook"`

	PullRequest struct {
		Number         int        `json:"number"`
		State          string     `json:"state"`
		User           wireUser   `json:"user"`
		MergedAt       *time.Time `json:"merged_at"` // merged is not in every form of a pull request
		MergeCommitSHA string     `json:"merge_commit_sha"`
		Head           ref        `json:"head"`
		Base           ref        `json:"base"`
	} `json:"pull_request"`
	Review struct {
		ID          int64     `json:"id"`
		Body        string    `json:"body"` // null, which is ""
		User        wireUser  `json:"user"`
		SubmittedAt time.Time `json:"submitted_at"`
	} `json:"review"`
	Changes struct {
		Base json.RawMessage `json:"base"`
	} `json:"changes"`

	WorkflowRun wireRun `json:"workflow_run"`
	CheckSuite  suite   `json:"check_suite"`
	CheckRun    struct {
		ID      int64              `json:"id"`
		HeadSHA string             `json:"head_sha"`
		App     struct{ ID int64 } `json:"app"`
		Suite   suite              `json:"check_suite"`
		Pulls   []pullRef          `json:"pull_requests"`
	} `json:"check_run"`
	RequestedAction struct{ Identifier string } `json:"requested_action"`

	Issue struct {
		Number      int      `json:"number"`
		State       string   `json:"state"`
		User        wireUser `json:"user"`
		PullRequest *struct {
			MergedAt *time.Time `json:"merged_at"`
		} `json:"pull_request"`
	} `json:"issue"`
	Comment wireComment `json:"comment"`

	Ref     string `json:"ref"`
	After   string `json:"after"`
	Deleted bool   `json:"deleted"`

	MergeGroup struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`

	Repositories []wireRepo `json:"repositories"`
	Added        []wireRepo `json:"repositories_added"`
	Removed      []wireRepo `json:"repositories_removed"`
}

// maxPayload is the largest that GitHub sends.
const maxPayload = 25 << 20

// events lists what is understood, and whether the event is about a repository.
var events = map[string]struct {
	repository bool
	read       func(*Event, *payload) error
}{
	"ping":                      {false, readPing},
	"pull_request":              {true, readPullRequest},
	"pull_request_review":       {true, readReview},
	"workflow_run":              {true, readWorkflowRun},
	"check_suite":               {true, readCheckSuite},
	"check_run":                 {true, readCheckRun},
	"issue_comment":             {true, readIssueComment},
	"push":                      {true, readPush},
	"merge_group":               {true, readMergeGroup},
	"repository":                {true, readNothing},
	"installation":              {false, readInstallation},
	"installation_repositories": {false, readInstallation},
	"installation_target":       {false, readInstallation},
}

// ParseEvent reads the payload of a delivery whose signature was verified. name is the X-GitHub-Event header. An event
// that is not among those the App works with comes back with its Name and nothing else. A payload that lacks what its event
// needs, or in which an id, a name or a commit is not of its form, is an error; so all that is in an Event can be used
// in a request.
func ParseEvent(name string, body []byte) (Event, error) {
	e := Event{Name: name}
	kind, known := events[name]
	if !known {
		return e, nil
	}
	var p payload
	if len(body) > maxPayload {
		return Event{}, fmt.Errorf("event %s: payload of %d bytes, GitHub sends at most %d", name, len(body), maxPayload)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, fmt.Errorf("event %s: payload is not what GitHub documents: %s", name, oneLine(err.Error()))
	}
	e.Action, e.Installation, e.Sender = p.Action, p.Installation.ID, p.Sender.sender()
	if err := e.common(&p, kind.repository); err != nil {
		return Event{}, fmt.Errorf("event %s: %w", name, err)
	}
	if err := kind.read(&e, &p); err != nil {
		return Event{}, fmt.Errorf("event %s: %w", name, err)
	}
	return e, nil
}

// common reads installation and repository.
func (e *Event) common(p *payload, repository bool) error {
	if e.Name != "ping" && e.Installation <= 0 {
		return fmt.Errorf("no installation: the webhook has to be the App's, not a repository's")
	}
	if !repository {
		return nil
	}
	if p.Repository == nil {
		return fmt.Errorf("no repository")
	}
	var err error
	e.Repo, err = p.Repository.repo(e.Installation)
	return err
}

// setHead sets the head commit after looking at it.
func (e *Event) setHead(sha string) error {
	if !shaForm.MatchString(sha) {
		return fmt.Errorf("head %q is not a full commit id", oneLine(sha))
	}
	e.HeadSHA = sha
	return nil
}

func readNothing(*Event, *payload) error { return nil }

func readPing(e *Event, p *payload) error {
	e.App = p.Hook.AppID
	return nil
}

func readPullRequest(e *Event, p *payload) error {
	pr := p.PullRequest
	if pr.Number <= 0 {
		return fmt.Errorf("no pull request number")
	}
	e.Pull = pr.Number
	e.HeadBranch, e.HeadRepoID, e.Branch = pr.Head.Ref, pr.Head.repoID(), pr.Base.Ref
	e.Changes.BaseChanged = present(p.Changes.Base)
	e.PullState, e.PullAuthor, e.Merged = pr.State, pr.User.sender(), pr.MergedAt != nil
	if e.Merged && pr.MergeCommitSHA != "" { // before, it is the test merge
		if !shaForm.MatchString(pr.MergeCommitSHA) {
			return fmt.Errorf("merge commit %q is not a full commit id", oneLine(pr.MergeCommitSHA))
		}
		e.MergeCommitSHA = pr.MergeCommitSHA
	}
	return e.setHead(pr.Head.SHA)
}

// readReview reads a review like a comment on its pull request. What was written on lines is not part of it.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request_review
func readReview(e *Event, p *payload) error {
	if p.Review.ID <= 0 {
		return fmt.Errorf("no review")
	}
	e.ForIssueIsPull = true
	if e.Action == "submitted" {
		r := p.Review
		e.Comment = &Comment{ID: r.ID, Review: true, Body: r.Body, Author: r.User.sender(), CreatedAt: r.SubmittedAt}
	}
	return readPullRequest(e, p)
}

func readWorkflowRun(e *Event, p *payload) error {
	run := p.WorkflowRun
	if run.ID <= 0 {
		return fmt.Errorf("no run id")
	}
	e.RunID, e.RunEvent, e.HeadBranch, e.HeadRepoID = run.ID, run.Event, run.HeadBranch, run.HeadRepo.ID
	if run.HeadRepo.ID == e.Repo.ID {
		e.Branch = run.HeadBranch
	}
	return e.setHead(run.HeadSHA)
}

func readCheckSuite(e *Event, p *payload) error {
	e.App, e.HeadBranch, e.Pull = p.CheckSuite.App.ID, p.CheckSuite.HeadBranch, e.onlyPull(p.CheckSuite.Pulls)
	return e.setHead(p.CheckSuite.HeadSHA)
}

func readCheckRun(e *Event, p *payload) error {
	run := p.CheckRun
	if run.ID <= 0 {
		return fmt.Errorf("no check run id")
	}
	e.CheckRunID, e.App, e.HeadBranch, e.Pull = run.ID, run.App.ID, run.Suite.HeadBranch, e.onlyPull(run.Pulls)
	e.RequestedAction = p.RequestedAction.Identifier
	return e.setHead(run.HeadSHA)
}

// onlyPull is the one pull request of this repository in the list: with several, or with those of forks, the head's
// commit has to decide.
func (e *Event) onlyPull(list []pullRef) int {
	found := 0
	for _, p := range list {
		if p.Number <= 0 || p.Base.repoID() != e.Repo.ID {
			continue
		}
		if found != 0 {
			return 0
		}
		found = p.Number
	}
	return found
}

func readIssueComment(e *Event, p *payload) error {
	if p.Issue.Number <= 0 || p.Comment.ID <= 0 {
		return fmt.Errorf("no issue or comment")
	}
	if pull := p.Issue.PullRequest; pull != nil {
		e.ForIssueIsPull, e.Pull = true, p.Issue.Number
		e.PullState, e.PullAuthor, e.Merged = p.Issue.State, p.Issue.User.sender(), pull.MergedAt != nil
	}
	if e.Action == "created" {
		c := p.Comment
		e.Comment = &Comment{ID: c.ID, Body: c.Body, Author: c.User.sender(), App: c.app(), CreatedAt: c.CreatedAt}
	}
	return nil
}

func readPush(e *Event, p *payload) error {
	if !strings.HasPrefix(p.Ref, "refs/") {
		return fmt.Errorf("no ref")
	}
	e.Ref, e.HeadRepoID, e.Deleted = p.Ref, e.Repo.ID, p.Deleted
	if branch, ok := strings.CutPrefix(p.Ref, "refs/heads/"); ok {
		e.Branch, e.HeadBranch = branch, branch
	}
	if p.Deleted {
		return nil
	}
	return e.setHead(p.After)
}

func readMergeGroup(e *Event, p *payload) error {
	g := p.MergeGroup
	e.MergeGroup.HeadSHA, e.MergeGroup.HeadRef = g.HeadSHA, g.HeadRef
	if !shaForm.MatchString(g.BaseSHA) {
		return fmt.Errorf("base %q is not a full commit id", oneLine(g.BaseSHA))
	}
	e.MergeGroup.BaseSHA = g.BaseSHA
	e.Branch, e.HeadBranch = strings.TrimPrefix(g.BaseRef, "refs/heads/"), strings.TrimPrefix(g.HeadRef, "refs/heads/")
	e.HeadRepoID = e.Repo.ID
	return e.setHead(g.HeadSHA)
}

func readInstallation(e *Event, p *payload) error {
	for _, r := range append(p.Repositories, p.Added...) {
		repo, err := r.repo(e.Installation)
		if err != nil {
			return err
		}
		if e.Action == "deleted" {
			e.Removed = append(e.Removed, repo)
		} else {
			e.Added = append(e.Added, repo)
		}
	}
	for _, r := range p.Removed {
		repo, err := r.repo(e.Installation)
		if err != nil {
			return err
		}
		e.Removed = append(e.Removed, repo)
	}
	return nil
}

// present says whether a field was there and not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
