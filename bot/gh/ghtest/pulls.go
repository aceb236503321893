package ghtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Pull says what a new pull request is like.
type Pull struct {
	Head   *Repo  // the fork it comes from; nil: the repository itself
	Branch string // of Head
	Base   string // the default branch when empty
	// Files and Message: when Branch does not exist, it is made with one commit on top of the base branch.
	Files       map[string]string
	Message     string
	Title, Body string
	Author      string // the owner of Head when empty
	Draft       bool
	Labels      []string
}

type pull struct {
	id     int64
	number int
	issue  bool // no pull request, a plain issue
	repo   *Repo

	title, body, state string
	draft, locked      bool
	author             *account
	labels             []string

	head                           *Repo
	headRef, headSHA               string
	baseRef, baseSHA               string
	merged                         bool
	mergedBy                       *account
	mergeSHA                       string // the test merge, or what was merged
	testedHead, testedBase         string // what mergeSHA and mergeable were computed for
	conflict                       bool
	waits                          int
	events                         []issueEvent
	created, updated, closed, when time.Time // when: of the merge
	reviews                        []*review
}

// issueEvent is an entry of a pull request's history: labeled, unlabeled, closed, reopened, merged, locked, unlocked or
// renamed.
type issueEvent struct {
	id    int64
	by    *account
	app   *app // that did it, or nil
	kind  string
	label label // of labeled and unlabeled
	at    time.Time
}

type review struct {
	id                int64
	author            *account
	body, state, head string
	at                time.Time
}

// OpenPull opens a pull request and returns its number.
func (s *Server) OpenPull(r *Repo, o Pull) int {
	defer s.lock()()
	setDefault(&o.Head, r)
	setDefault(&o.Base, r.defaultBranch)
	setDefault(&o.Author, o.Head.owner.login)
	base := r.branches[o.Base]
	if base == "" {
		panic("ghtest: no branch " + o.Base + " in " + r.fullName())
	}
	if o.Head.branches[o.Branch] == "" {
		c := s.commit(o.Head, Commit{Message: cmp.Or(o.Message, o.Title), Author: o.Author, Files: o.Files}, []string{base})
		s.moveBranch(o.Head, o.Branch, c.sha, c.author)
	}
	setDefault(&o.Title, o.Branch)
	now := s.now()
	r.numbers++
	p := &pull{
		id: s.next("pull"), number: r.numbers, repo: r, title: o.Title, body: o.Body, state: "open", draft: o.Draft, author: s.account(o.Author),
		head: o.Head, headRef: o.Branch, headSHA: o.Head.branches[o.Branch], baseRef: o.Base, baseSHA: base, created: now, updated: now,
	}
	for _, name := range o.Labels {
		l := r.label(s, name)
		p.labels = append(p.labels, l.name)
		s.happened(p, p.author, "labeled").label = l
	}
	r.pulls = append(r.pulls, p)
	s.emitPull(p, p.author, "opened", obj{})
	return p.number
}

// OpenIssue opens an issue, which shares its numbers with pull requests.
func (s *Server) OpenIssue(r *Repo, author, title string) int {
	defer s.lock()()
	r.numbers++
	r.pulls = append(r.pulls, &pull{id: s.next("pull"), number: r.numbers, issue: true, repo: r, title: title, state: "open",
		author: s.account(author), created: s.now(), updated: s.now()})
	return r.numbers
}

func (r *Repo) issueOrPull(number int64) *pull {
	for _, p := range r.pulls {
		if int64(p.number) == number {
			return p
		}
	}
	return nil
}

func (r *Repo) pull(number int64) *pull {
	if p := r.issueOrPull(number); p != nil && !p.issue {
		return p
	}
	return nil
}

func (r *Repo) mustPull(number int) *pull {
	p := r.pull(int64(number))
	if p == nil {
		panic(fmt.Sprintf("ghtest: no pull request %d in %s", number, r.fullName()))
	}
	return p
}

// PushHead adds a commit to a pull request's branch and returns its SHA.
func (s *Server) PushHead(r *Repo, number int, c Commit) string {
	defer s.lock()()
	p := r.mustPull(number)
	c.Branch, c.Author = p.headRef, cmp.Or(c.Author, p.author.login)
	return s.push(p.head, c)
}

// updatePulls makes pull requests follow a branch that moved.
func (s *Server) updatePulls(r *Repo, branch, before, after string, by *account) {
	for _, base := range s.repos {
		for _, p := range base.pulls {
			switch {
			case p.state != "open" || p.issue:
			case p.head == r && p.headRef == branch && after != "":
				p.headSHA, p.baseSHA = after, cmp.Or(base.branches[p.baseRef], p.baseSHA)
				p.updated = s.now()
				s.emitPull(p, by, "synchronize", obj{"before": before, "after": after})
			case p.head == r && p.headRef == branch, base == r && p.baseRef == branch && after == "":
				s.closePull(p, by)
			}
		}
	}
}

// ClosePull closes a pull request without merging it.
func (s *Server) ClosePull(r *Repo, number int) {
	defer s.lock()()
	p := r.mustPull(number)
	s.closePull(p, p.author)
}

func (s *Server) closePull(p *pull, by *account) {
	if p.state == "open" {
		p.state, p.updated, p.closed = "closed", s.now(), s.now()
		s.happened(p, by, "closed")
		s.emitPull(p, by, "closed", obj{})
	}
}

// ReopenPull opens a closed pull request again.
func (s *Server) ReopenPull(r *Repo, number int) {
	defer s.lock()()
	p := r.mustPull(number)
	p.state, p.updated, p.closed = "open", s.now(), time.Time{}
	s.happened(p, p.author, "reopened")
	s.emitPull(p, p.author, "reopened", obj{})
}

// MergePull merges a pull request with a merge commit, or squashed, and returns the new tip of the base branch.
func (s *Server) MergePull(r *Repo, number int, squash bool) string {
	defer s.lock()()
	p := r.mustPull(number)
	tip := r.branches[p.baseRef]
	files, removed := s.mergeFiles(tip, p.headSHA)
	made := Commit{Message: fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", p.number, p.author.login, p.headRef, p.title),
		Author: r.owner.login, Files: files, Remove: removed}
	parents := []string{tip, p.headSHA}
	if squash {
		made.Message, parents = fmt.Sprintf("%s (#%d)", p.title, p.number), parents[:1]
	}
	c := s.commit(r, made, parents)
	p.merged, p.mergedBy, p.when, p.mergeSHA = true, r.owner, s.now(), c.sha
	s.happened(p, r.owner, "merged")
	s.moveBranch(r, p.baseRef, c.sha, r.owner)
	s.closePull(p, r.owner)
	return c.sha
}

// SetConflict says whether the pull request can be merged.
func (s *Server) SetConflict(r *Repo, number int, conflict bool) {
	defer s.lock()()
	p := r.mustPull(number)
	p.conflict, p.testedHead = conflict, ""
}

// TestMerge returns the test merge of a pull request's head with its base branch's tip, which is made if need be. It is ""
// when they conflict.
func (s *Server) TestMerge(r *Repo, number int) string {
	defer s.lock()()
	p := r.mustPull(number)
	s.testMerge(p)
	return p.mergeSHA
}

func (s *Server) testMerge(p *pull) {
	tip := p.repo.branches[p.baseRef]
	if p.testedHead == p.headSHA && p.testedBase == tip {
		return
	}
	p.testedHead, p.testedBase, p.waits, p.mergeSHA = p.headSHA, tip, 0, ""
	if p.conflict || tip == "" || s.mergeBase(tip, p.headSHA) == nil {
		return
	}
	files, removed := s.mergeFiles(tip, p.headSHA)
	p.mergeSHA = s.commit(p.repo, Commit{Message: "Merge " + p.headSHA + " into " + tip, Author: p.author.login, Files: files, Remove: removed},
		[]string{tip, p.headSHA}).sha
}

// askMergeable is what a GET of the pull request sets off: GitHub computes the merge in the background, and the answer
// says null until that is done.
func (s *Server) askMergeable(p *pull) {
	if p.state != "open" || p.testedHead == p.headSHA && p.testedBase == p.repo.branches[p.baseRef] {
		return
	}
	if p.waits++; p.waits > s.o.MergeableAfter {
		s.testMerge(p)
	}
}

// SetBase lets the pull request be about another branch.
func (s *Server) SetBase(r *Repo, number int, branch string) {
	defer s.lock()()
	p := r.mustPull(number)
	from, sha := p.baseRef, p.baseSHA
	p.baseRef, p.baseSHA, p.updated = branch, r.branches[branch], s.now()
	if p.baseSHA == "" {
		panic("ghtest: no branch " + branch + " in " + r.fullName())
	}
	s.emitPull(p, p.author, "edited", obj{"changes": obj{"base": obj{"ref": obj{"from": from}, "sha": obj{"from": sha}}}})
}

// SetTitle changes the title.
func (s *Server) SetTitle(r *Repo, number int, title string) {
	defer s.lock()()
	p := r.mustPull(number)
	from := p.title
	p.title, p.updated = title, s.now()
	s.happened(p, p.author, "renamed")
	s.emitPull(p, p.author, "edited", obj{"changes": obj{"title": obj{"from": from}}})
}

// SetDraft makes the pull request a draft, or ready for review.
func (s *Server) SetDraft(r *Repo, number int, draft bool) {
	defer s.lock()()
	p := r.mustPull(number)
	p.draft, p.updated = draft, s.now()
	action := "ready_for_review"
	if draft {
		action = "converted_to_draft"
	}
	s.emitPull(p, p.author, action, obj{})
}

// SetLocked locks the conversation, or unlocks it.
func (s *Server) SetLocked(r *Repo, number int, locked bool) {
	defer s.lock()()
	p := r.mustPull(number)
	p.locked, p.updated = locked, s.now()
	action := "unlocked"
	if locked {
		action = "locked"
	}
	s.happened(p, r.owner, action)
	s.emitPull(p, r.owner, action, obj{})
}

// SetLabel adds a label to the pull request in the name of a user, or takes it away. The repository's label is made when
// there is none.
func (s *Server) SetLabel(r *Repo, number int, login, name string, on bool) {
	defer s.lock()()
	s.setLabel(r.mustPull(number), s.account(login), nil, name, on)
}

func (s *Server) setLabel(p *pull, by *account, via *app, name string, on bool) {
	l := p.repo.label(s, name)
	if slices.Contains(p.labels, l.name) == on {
		return
	}
	action := "labeled"
	if on {
		p.labels = append(p.labels, l.name)
	} else {
		action = "unlabeled"
		p.labels = slices.DeleteFunc(p.labels, func(have string) bool { return have == l.name })
	}
	p.updated = s.now()
	e := s.happened(p, by, action)
	e.label, e.app = l, via
	if !p.issue {
		s.emitPull(p, by, action, obj{"label": l.json(s, p.repo)})
	}
}

// happened adds an entry to the history and returns it.
func (s *Server) happened(p *pull, by *account, kind string) *issueEvent {
	p.events = append(p.events, issueEvent{id: s.next("event"), by: by, kind: kind, at: s.now()})
	return &p.events[len(p.events)-1]
}

func (e issueEvent) json(s *Server, p *pull) obj {
	o := obj{"id": e.id, "node_id": nodeID("EV", e.id), "url": fmt.Sprintf("%s/issues/events/%d", p.repo.api(s), e.id), "actor": e.by.json(s),
		"event": e.kind, "commit_id": nil, "commit_url": nil, "created_at": stamp(e.at), "performed_via_github_app": nil}
	if e.label.name != "" {
		o["label"] = obj{"name": e.label.name, "color": e.label.color}
	}
	if e.app != nil {
		o["performed_via_github_app"] = e.app.json(s)
	}
	return o
}

// AddReview submits a review: APPROVED, CHANGES_REQUESTED or COMMENTED. The body may be empty.
func (s *Server) AddReview(r *Repo, number int, login, state, body string) int64 {
	defer s.lock()()
	return s.addReview(r.mustPull(number), s.account(login), state, body).id
}

func (s *Server) addReview(p *pull, by *account, state, body string) *review {
	v := &review{id: s.next("review"), author: by, body: body, state: state, head: p.headSHA, at: s.now()}
	p.reviews = append(p.reviews, v)
	if state == "PENDING" { // nobody else can see it yet
		return v
	}
	o := v.json(s, p)
	o["state"], o["body"] = strings.ToLower(state), textOrNil(body)
	s.emit(p.repo, by, "pull_request_review", "submitted", obj{"review": o, "pull_request": p.listed(s)})
	return v
}

func (v *review) json(s *Server, p *pull) obj {
	o := obj{"id": v.id, "node_id": nodeID("PRR", v.id), "user": v.author.json(s), "body": v.body, "state": v.state, "commit_id": v.head,
		"submitted_at": stamp(v.at), "html_url": fmt.Sprintf("%s#pullrequestreview-%d", p.web(s), v.id), "pull_request_url": p.api(s),
		"author_association": p.repo.association(v.author), "_links": obj{"html": obj{"href": p.web(s)}, "pull_request": obj{"href": p.api(s)}}}
	if v.state == "PENDING" {
		delete(o, "submitted_at")
	}
	return o
}

func (s *Server) emitPull(p *pull, by *account, action string, more obj) {
	body := obj{"number": p.number, "pull_request": p.json(s)}
	maps.Copy(body, more)
	s.emit(p.repo, by, "pull_request", action, body)
}

func (p *pull) api(s *Server) string { return fmt.Sprintf("%s/pulls/%d", p.repo.api(s), p.number) }
func (p *pull) web(s *Server) string {
	if p.issue {
		return fmt.Sprintf("%s/issues/%d", p.repo.web(s), p.number)
	}
	return fmt.Sprintf("%s/pull/%d", p.repo.web(s), p.number)
}
func (p *pull) issueAPI(s *Server) string {
	return fmt.Sprintf("%s/issues/%d", p.repo.api(s), p.number)
}

func (p *pull) labelList(s *Server) []obj {
	out := []obj{}
	for _, name := range p.labels {
		out = append(out, p.repo.label(s, name).json(s, p.repo))
	}
	return out
}

// end is one side: head or base. The repository of a head is null once the fork was deleted.
func (s *Server) end(r *Repo, owner *account, ref, sha string) obj {
	o := obj{"label": owner.login + ":" + ref, "ref": ref, "sha": sha, "user": owner.json(s), "repo": nil}
	if !r.deleted {
		o["repo"] = r.json(s)
	}
	return o
}

// listed is the form in lists, which says neither merged nor mergeable.
func (p *pull) listed(s *Server) obj {
	api, web, issue := p.api(s), p.web(s), p.issueAPI(s)
	return obj{
		"id": p.id, "node_id": nodeID("PR", p.id), "number": p.number, "state": p.state, "locked": p.locked, "active_lock_reason": nil,
		"title": p.title, "body": textOrNil(p.body), "user": p.author.json(s), "draft": p.draft, "labels": p.labelList(s),
		"created_at": stamp(p.created), "updated_at": stamp(p.updated), "closed_at": stampOrNil(p.closed), "merged_at": stampOrNil(p.when),
		"merge_commit_sha": textOrNil(p.mergeSHA), "assignee": nil, "assignees": []obj{}, "requested_reviewers": []obj{}, "requested_teams": []obj{},
		"milestone": nil, "auto_merge": nil, "author_association": p.repo.association(p.author),
		"head": s.end(p.head, p.head.owner, p.headRef, p.headSHA), "base": s.end(p.repo, p.repo.owner, p.baseRef, p.baseSHA),
		"url": api, "html_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch", "issue_url": issue, "commits_url": api + "/commits",
		"review_comments_url": api + "/comments", "review_comment_url": p.repo.api(s) + "/pulls/comments{/number}", "comments_url": issue + "/comments",
		"statuses_url": p.repo.api(s) + "/statuses/" + p.headSHA,
		"_links": obj{"self": obj{"href": api}, "html": obj{"href": web}, "issue": obj{"href": issue}, "comments": obj{"href": issue + "/comments"},
			"review_comments": obj{"href": api + "/comments"}, "review_comment": obj{"href": p.repo.api(s) + "/pulls/comments{/number}"},
			"commits": obj{"href": api + "/commits"}, "statuses": obj{"href": p.repo.api(s) + "/statuses/" + p.headSHA}},
	}
}

func (p *pull) json(s *Server) obj {
	o := p.listed(s)
	comments, added, deleted := 0, 0, 0
	for _, c := range s.comments {
		if c.on == p && c.deleted.IsZero() {
			comments++
		}
	}
	files := s.pullFiles(p)
	for _, f := range files {
		added, deleted = added+f.additions, deleted+f.deletions
	}
	mergeable, state, rebaseable := any(nil), "unknown", any(nil)
	if p.state == "open" && p.testedHead == p.headSHA && p.testedBase == p.repo.branches[p.baseRef] {
		mergeable, rebaseable, state = !p.conflict, !p.conflict, "clean"
		switch {
		case p.conflict:
			state = "dirty"
		case p.draft:
			state = "draft"
		}
	}
	var mergedBy any
	if p.mergedBy != nil {
		mergedBy = p.mergedBy.json(s)
	}
	maps.Copy(o, obj{"merged": p.merged, "mergeable": mergeable, "rebaseable": rebaseable, "mergeable_state": state, "merged_by": mergedBy,
		"comments": comments, "review_comments": 0, "maintainer_can_modify": p.head != p.repo, "commits": len(s.pullCommits(p)), "additions": added,
		"deletions": deleted, "changed_files": len(files)})
	return o
}

func (s *Server) pullCommits(p *pull) []*commit { return s.between(p.baseSHA, p.headSHA) }

func (s *Server) pullFiles(p *pull) []changedFile {
	base := ""
	if c := s.mergeBase(p.baseSHA, p.headSHA); c != nil {
		base = c.sha
	}
	return renames(s.diff(base, p.headSHA))
}

// issueJSON is the pull request, or the issue, as the issues API and issue_comment payloads show it.
func (p *pull) issueJSON(s *Server) obj {
	api := p.issueAPI(s)
	o := obj{
		"id": p.id, "node_id": nodeID("I", p.id), "number": p.number, "title": p.title, "body": textOrNil(p.body), "state": p.state, "state_reason": nil,
		"locked": p.locked, "active_lock_reason": nil, "user": p.author.json(s), "labels": p.labelList(s), "assignee": nil, "assignees": []obj{},
		"milestone": nil, "comments": 0, "created_at": stamp(p.created), "updated_at": stamp(p.updated), "closed_at": stampOrNil(p.closed),
		"author_association": p.repo.association(p.author), "url": api, "repository_url": p.repo.api(s), "labels_url": api + "/labels{/name}",
		"comments_url": api + "/comments", "events_url": api + "/events", "html_url": p.web(s), "performed_via_github_app": nil,
		"timeline_url": api + "/timeline", "reactions": reactionCounts(api+"/reactions", nil),
	}
	if !p.issue {
		o["draft"] = p.draft
		o["pull_request"] = obj{"url": p.api(s), "html_url": p.web(s), "diff_url": p.web(s) + ".diff", "patch_url": p.web(s) + ".patch",
			"merged_at": stampOrNil(p.when)}
	}
	return o
}

func getPull(c *call) answer {
	p := c.repo.pull(c.id("number"))
	if p == nil {
		return notFound()
	}
	if accept := c.r.Header.Get("Accept"); strings.Contains(accept, ".diff") || strings.Contains(accept, ".patch") {
		c.s.report("ghtest: pull requests as diff or patch are not built")
		return fail(415, "Unsupported 'Accept' header")
	}
	c.s.askMergeable(p)
	return ok(p.json(c.s))
}

func listPulls(c *call) answer {
	state := cmp.Or(c.query("state"), "open")
	headOwner, headRef, filterHead := strings.Cut(c.query("head"), ":")
	var found []*pull
	for _, p := range c.repo.pulls {
		switch {
		case p.issue, state != "all" && p.state != state:
		case filterHead && (!strings.EqualFold(p.head.owner.login, headOwner) || p.headRef != headRef):
		case c.query("base") != "" && p.baseRef != c.query("base"):
		default:
			found = append(found, p)
		}
	}
	c.sort(found)
	out := []obj{}
	for _, p := range paged(c, found) {
		out = append(out, p.listed(c.s))
	}
	return ok(out)
}

// sort orders pull requests as the parameters sort and direction ask: newest first, if they say nothing.
func (c *call) sort(pulls []*pull) {
	by := c.query("sort")
	ascending := c.query("direction") == "asc" || c.query("direction") == "" && by != "" && by != "created"
	slices.SortStableFunc(pulls, func(a, b *pull) int {
		order := cmp.Compare(a.number, b.number)
		if by == "updated" {
			order = cmp.Or(a.updated.Compare(b.updated), order)
		}
		if !ascending {
			order = -order
		}
		return order
	})
}

func listPullCommits(c *call) answer {
	p := c.repo.pull(c.id("number"))
	if p == nil {
		return notFound()
	}
	commits := c.s.pullCommits(p)
	out := []obj{}
	for _, one := range paged(c, commits[:min(len(commits), 250)]) {
		out = append(out, one.json(c.s, c.repo))
	}
	return ok(out)
}

func listPullFiles(c *call) answer {
	p := c.repo.pull(c.id("number"))
	if p == nil {
		return notFound()
	}
	out := []obj{}
	files := c.s.pullFiles(p)
	for _, f := range paged(c, files[:min(len(files), 3000)]) {
		out = append(out, f.json(c.s, c.repo, p.headSHA))
	}
	return ok(out)
}

func listReviews(c *call) answer {
	p := c.repo.pull(c.id("number"))
	if p == nil {
		return notFound()
	}
	out := []obj{}
	for _, v := range paged(c, p.reviews) {
		out = append(out, v.json(c.s, p))
	}
	return ok(out)
}

var reviewStates = map[string]string{"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED", "": "PENDING"}

func createReview(c *call) answer {
	p := c.repo.pull(c.id("number"))
	if p == nil {
		return notFound()
	}
	var in struct {
		CommitID *string `json:"commit_id"`
		NodeID   *string `json:"node_id"`
		Body     string  `json:"body"`
		Event    string  `json:"event"`
		Comments []any   `json:"comments"`
	}
	if a, ok := c.decode(&in); !ok {
		return a
	}
	state := reviewStates[in.Event]
	if state == "" || state != "APPROVED" && state != "PENDING" && in.Body == "" {
		return invalid("PullRequestReview", "body", "missing_field", "")
	}
	return ok(c.s.addReview(p, c.s.bot(c.inst.app), state, in.Body).json(c.s, p))
}

// pullsOfCommit lists the pull requests that a commit belongs to.
func pullsOfCommit(c *call) answer {
	found := c.s.resolve(c.repo, c.arg("ref"))
	if found == nil {
		return noCommit(c.arg("ref"))
	}
	var all []*pull
	for _, p := range c.repo.pulls {
		if !p.issue && (p.mergeSHA == found.sha && p.merged || slices.Contains(c.s.pullCommits(p), found)) {
			all = append(all, p)
		}
	}
	out := []obj{}
	for _, p := range paged(c, all) {
		out = append(out, p.listed(c.s))
	}
	return ok(out)
}

// pullsWithHead is the list in runs, suites and checks: only those whose head lies in the same repository.
func (s *Server) pullsWithHead(r *Repo, sha string) []obj {
	out := []obj{}
	for _, p := range r.pulls {
		if p.issue || p.state != "open" || p.head != r || p.headSHA != sha {
			continue
		}
		short := obj{"id": r.ID, "url": r.api(s), "name": r.name}
		out = append(out, obj{"id": p.id, "number": p.number, "url": p.api(s), "head": obj{"ref": p.headRef, "sha": p.headSHA, "repo": short},
			"base": obj{"ref": p.baseRef, "sha": p.baseSHA, "repo": short}})
	}
	return out
}

func getIssue(c *call) answer {
	p, a, found := c.issueOf()
	if !found {
		return a
	}
	return ok(p.issueJSON(c.s))
}

func listRepoLabels(c *call) answer {
	out := []obj{}
	for _, l := range paged(c, c.repo.labels) {
		out = append(out, l.json(c.s, c.repo))
	}
	return ok(out)
}

func listLabels(c *call) answer {
	p, a, found := c.issueOf()
	if !found {
		return a
	}
	return ok(paged(c, p.labelList(c.s)))
}

func listIssueEvents(c *call) answer {
	p, a, found := c.issueOf()
	if !found {
		return a
	}
	out := []obj{}
	for _, e := range paged(c, p.events) {
		out = append(out, e.json(c.s, p))
	}
	return ok(out)
}

const (
	maxLabelName = 50  // characters
	maxLabels    = 100 // of an issue or a pull request
)

func addLabels(c *call) answer {
	p, a, found := c.issueOf()
	if !found {
		return a
	}
	var names []string
	if strings.HasPrefix(strings.TrimSpace(string(c.body)), "[") {
		if a, ok := c.decode(&names); !ok {
			return a
		}
	} else {
		var in struct {
			Labels []string `json:"labels"`
		}
		if a, ok := c.decode(&in); !ok {
			return a
		}
		names = in.Labels
	}
	if len(names) == 0 {
		return invalid("Label", "labels", "missing_field", "")
	}
	for _, name := range names {
		switch n := utf8.RuneCountInString(name); {
		case strings.TrimSpace(name) == "":
			return invalid("Label", "name", "missing_field", "")
		case n > maxLabelName:
			return invalid("Label", "name", "custom", fmt.Sprintf("name is too long (maximum is %d characters)", maxLabelName))
		case !c.repo.hasLabel(name) && !allows(c.token.permissions, "issues:write"):
			// Not documented, but met by many: making a label on the way takes the permission on issues.
			a := fail(403, "You do not have permission to create labels on this repository.")
			a.body.(obj)["errors"] = []obj{{"resource": "Repository", "field": "label", "code": "unauthorized"}}
			return a
		}
	}
	if len(p.labels)+len(names) > maxLabels {
		return invalid("Issue", "labels", "custom", fmt.Sprintf("labels cannot have more than %d labels", maxLabels))
	}
	for _, name := range names {
		c.s.setLabel(p, c.s.bot(c.inst.app), c.inst.app, name, true)
	}
	return ok(p.labelList(c.s))
}

func removeLabel(c *call) answer {
	p, a, found := c.issueOf()
	switch {
	case !found:
		return a
	case !slices.ContainsFunc(p.labels, func(have string) bool { return strings.EqualFold(have, c.arg("name")) }):
		return fail(404, "Label does not exist")
	}
	c.s.setLabel(p, c.s.bot(c.inst.app), c.inst.app, c.arg("name"), false)
	return ok(p.labelList(c.s))
}
