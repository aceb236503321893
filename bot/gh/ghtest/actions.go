package ghtest

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Run says what a new workflow run is like.
type Run struct {
	// Pull takes head repository, branch and SHA from a pull request, with event "pull_request".
	Pull     int
	Event    string // "push" when empty
	SHA      string // the branch's tip when empty
	Branch   string // the default branch when empty
	HeadRepo *Repo  // the repository itself when nil
	Workflow string // ".github/workflows/kernel.yml" when empty
	Name     string // of the workflow; its file's when empty
	Created  time.Time
	// Status is "in_progress" when empty. A run with a Conclusion is completed.
	Status, Conclusion string
}

type run struct {
	id                 int64
	number, attempt    int
	repo, headRepo     *Repo
	workflow           *workflow
	suite              int64
	event              string
	status, conclusion string
	sha, branch, title string
	actor              *account
	created, updated   time.Time
	started            time.Time
	past               []obj // earlier attempts
	jobs               []*job
}

// Job is a job of a run. Steps without a conclusion are done if the job is.
type Job struct {
	Name, Status, Conclusion string
	Steps                    []Step
}

// Step is one step of a job.
type Step struct{ Name, Conclusion string }

type job struct {
	Job
	id      int64
	attempt int
	at      time.Time
}

// AddRun starts a workflow run and returns its id.
func (s *Server) AddRun(r *Repo, o Run) int64 {
	defer s.lock()()
	title := ""
	if o.Pull != 0 {
		p := r.mustPull(o.Pull)
		setDefault(&o.Event, "pull_request")
		setDefault(&o.HeadRepo, p.head)
		setDefault(&o.Branch, p.headRef)
		setDefault(&o.SHA, p.headSHA)
		title = p.title
	}
	setDefault(&o.HeadRepo, r)
	setDefault(&o.Event, "push")
	setDefault(&o.Branch, r.defaultBranch)
	setDefault(&o.SHA, o.HeadRepo.branches[o.Branch])
	setDefault(&o.Workflow, ".github/workflows/kernel.yml")
	setDefault(&o.Name, strings.TrimSuffix(path.Base(o.Workflow), path.Ext(o.Workflow)))
	setDefault(&o.Status, "in_progress")
	if o.Conclusion != "" {
		o.Status = "completed"
	}
	if o.Created.IsZero() {
		o.Created = s.now()
	}
	c := s.mustCommit(r, o.SHA)
	setDefault(&title, firstLine(c.message))
	w := s.workflow(r, o.Workflow, o.Name)
	r.runNumbers[w.path]++
	n := &run{
		id: s.next("run"), number: r.runNumbers[w.path], attempt: 1, repo: r, headRepo: o.HeadRepo, workflow: w, event: o.Event, status: o.Status,
		conclusion: o.Conclusion, sha: o.SHA, branch: o.Branch, title: title, actor: c.author, created: o.Created, updated: o.Created, started: o.Created,
		suite: s.newSuite(r, s.apps[actionsApp], o.SHA, o.Branch).id,
	}
	s.runs = append(s.runs, n)
	s.emitRun(n, "requested")
	if n.status == "completed" {
		s.emitRun(n, "completed")
	}
	return n.id
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func (s *Server) workflow(r *Repo, file, name string) *workflow {
	for _, w := range r.workflows {
		if w.path == file {
			return w
		}
	}
	w := &workflow{s.next("workflow"), name, file, s.now()}
	r.workflows = append(r.workflows, w)
	return w
}

func (s *Server) run(id int64) *run {
	for _, n := range s.runs {
		if n.id == id {
			return n
		}
	}
	return nil
}

func (s *Server) mustRun(id int64) *run {
	n := s.run(id)
	if n == nil {
		panic(fmt.Sprintf("ghtest: no run %d", id))
	}
	return n
}

// FinishRun completes a run: success, failure, cancelled, timed_out, …
func (s *Server) FinishRun(id int64, conclusion string) {
	defer s.lock()()
	n := s.mustRun(id)
	n.status, n.conclusion, n.updated = "completed", conclusion, s.now()
	s.emitRun(n, "completed")
}

// SetRunStatus moves a run that is not done yet: queued, waiting, in_progress, …
func (s *Server) SetRunStatus(id int64, status string) {
	defer s.lock()()
	n := s.mustRun(id)
	n.status, n.conclusion, n.updated = status, "", s.now()
	if status == "in_progress" {
		s.emitRun(n, "in_progress")
	}
}

// Rerun starts the next attempt of a run. Artifacts of the earlier ones stay.
func (s *Server) Rerun(id int64) {
	defer s.lock()()
	n := s.mustRun(id)
	n.past = append(n.past, n.json(s))
	n.attempt++
	n.status, n.conclusion, n.updated, n.started = "queued", "", s.now(), s.now()
	s.emitRun(n, "requested")
}

// DeleteRun deletes a run and its artifacts.
func (s *Server) DeleteRun(id int64) {
	defer s.lock()()
	gone := s.mustRun(id)
	s.runs = slices.DeleteFunc(s.runs, func(n *run) bool { return n == gone })
	s.artifacts = slices.DeleteFunc(s.artifacts, func(a *artifact) bool { return a.run == gone })
}

// AddJob adds a job to the run's newest attempt.
func (s *Server) AddJob(id int64, j Job) int64 {
	defer s.lock()()
	n := s.mustRun(id)
	setDefault(&j.Status, "completed")
	made := &job{Job: j, id: s.next("job"), attempt: n.attempt, at: s.now()}
	n.jobs = append(n.jobs, made)
	return made.id
}

func (s *Server) emitRun(n *run, action string) {
	s.emit(n.repo, n.actor, "workflow_run", action, obj{"workflow_run": n.json(s), "workflow": n.workflow.json(s, n.repo)})
}

func (w *workflow) json(s *Server, r *Repo) obj {
	return obj{"id": w.id, "node_id": nodeID("W", w.id), "name": w.name, "path": w.path, "state": "active", "created_at": stamp(w.created),
		"updated_at": stamp(w.created), "url": fmt.Sprintf("%s/actions/workflows/%d", r.api(s), w.id),
		"html_url":  r.web(s) + "/blob/" + r.defaultBranch + "/" + w.path,
		"badge_url": r.web(s) + "/workflows/" + w.name + "/badge.svg"}
}

func (n *run) json(s *Server) obj {
	api := fmt.Sprintf("%s/actions/runs/%d", n.repo.api(s), n.id)
	o := obj{
		"id": n.id, "node_id": nodeID("WFR", n.id), "name": n.workflow.name, "head_branch": n.branch, "head_sha": n.sha, "path": n.workflow.path,
		"display_title": n.title, "run_number": n.number, "run_attempt": n.attempt, "event": n.event, "status": n.status,
		"conclusion": textOrNil(n.conclusion), "workflow_id": n.workflow.id, "check_suite_id": n.suite, "check_suite_node_id": nodeID("CS", n.suite),
		"pull_requests": []obj{}, "created_at": stamp(n.created), "updated_at": stamp(n.updated), "run_started_at": stamp(n.started),
		"actor": n.actor.json(s), "triggering_actor": n.actor.json(s), "referenced_workflows": []obj{}, "previous_attempt_url": nil,
		"url": api, "html_url": fmt.Sprintf("%s/actions/runs/%d", n.repo.web(s), n.id), "jobs_url": api + "/jobs", "logs_url": api + "/logs",
		"artifacts_url": api + "/artifacts", "cancel_url": api + "/cancel", "rerun_url": api + "/rerun",
		"check_suite_url": fmt.Sprintf("%s/check-suites/%d", n.repo.api(s), n.suite),
		"workflow_url":    fmt.Sprintf("%s/actions/workflows/%d", n.repo.api(s), n.workflow.id),
		"head_commit":     s.commits[n.sha].simple(), "repository": n.repo.minimal(s), "head_repository": nil,
	}
	if n.attempt > 1 {
		o["previous_attempt_url"] = fmt.Sprintf("%s/attempts/%d", api, n.attempt-1)
	}
	if !n.headRepo.deleted {
		o["head_repository"] = n.headRepo.minimal(s)
	}
	if n.headRepo == n.repo { // for forks GitHub leaves the list empty
		o["pull_requests"] = s.pullsWithHead(n.repo, n.sha)
	}
	return o
}

func listRuns(c *call) answer { return c.runs(func(*run) bool { return true }) }

// workflowOf finds the workflow that the route names by file or by id.
func (c *call) workflowOf() *workflow {
	for _, w := range c.repo.workflows {
		if name := c.arg("workflow"); path.Base(w.path) == name || strconv.FormatInt(w.id, 10) == name {
			return w
		}
	}
	return nil
}

func listWorkflowRuns(c *call) answer {
	w := c.workflowOf()
	if w == nil {
		return notFound()
	}
	return c.runs(func(n *run) bool { return n.workflow == w })
}

func getWorkflow(c *call) answer {
	w := c.workflowOf()
	if w == nil {
		return notFound()
	}
	return ok(w.json(c.s, c.repo))
}

func listWorkflows(c *call) answer {
	out := []obj{}
	for _, w := range paged(c, c.repo.workflows) {
		out = append(out, w.json(c.s, c.repo))
	}
	return ok(obj{"total_count": len(c.repo.workflows), "workflows": out})
}

// runs lists those that are wanted and pass the filters of the request, newest first.
func (c *call) runs(wanted func(*run) bool) answer {
	inRange, valid := dateRange(c.query("created"))
	if !valid {
		return fail(422, "Invalid created parameter")
	}
	same := func(name, value string) bool { return c.query(name) == "" || c.query(name) == value }
	var found []*run
	for _, n := range c.s.runs {
		if n.repo == c.repo && wanted(n) && same("head_sha", n.sha) && same("event", n.event) && same("branch", n.branch) &&
			same("actor", n.actor.login) && same("check_suite_id", strconv.FormatInt(n.suite, 10)) &&
			(same("status", n.status) || same("status", n.conclusion)) && inRange(n.created) {
			found = append(found, n)
		}
	}
	slices.SortStableFunc(found, func(a, b *run) int { return cmp.Or(b.created.Compare(a.created), cmp.Compare(b.id, a.id)) })
	out := []obj{}
	for _, n := range paged(c, found[:min(len(found), 1000)]) {
		out = append(out, n.json(c.s))
	}
	return ok(obj{"total_count": len(found), "workflow_runs": out})
}

// dateRange reads GitHub's search form of dates: >D, >=D, <D, <=D, A..B with * for open, D.
func dateRange(text string) (func(time.Time) bool, bool) {
	if text == "" {
		return func(time.Time) bool { return true }, true
	}
	from, to, valid := time.Time{}, time.Time{}, true
	date := func(text string, end bool) time.Time {
		if text == "*" {
			return time.Time{}
		}
		if t, err := time.Parse("2006-01-02", text); err == nil {
			if end {
				t = t.Add(24*time.Hour - time.Second)
			}
			return t
		}
		t, err := time.Parse(time.RFC3339, text)
		valid = valid && err == nil
		return t
	}
	switch a, b, ranged := strings.Cut(text, ".."); {
	case ranged:
		from, to = date(a, false), date(b, true)
	case strings.HasPrefix(text, ">="):
		from = date(text[2:], false)
	case strings.HasPrefix(text, ">"):
		from = date(text[1:], true).Add(time.Second)
	case strings.HasPrefix(text, "<="):
		to = date(text[2:], true)
	case strings.HasPrefix(text, "<"):
		to = date(text[1:], false).Add(-time.Second)
	default:
		from, to = date(text, false), date(text, true)
	}
	return func(t time.Time) bool {
		return (from.IsZero() || !t.Before(from)) && (to.IsZero() || !t.After(to))
	}, valid
}

// runOf finds the run that the route names.
func (c *call) runOf() *run {
	if n := c.s.run(c.id("id")); n != nil && n.repo == c.repo {
		return n
	}
	return nil
}

func getRun(c *call) answer {
	n := c.runOf()
	if n == nil {
		return notFound()
	}
	return ok(n.json(c.s))
}

func getAttempt(c *call) answer {
	n, attempt := c.runOf(), c.id("attempt")
	switch {
	case n == nil || attempt < 1 || attempt > int64(n.attempt):
		return notFound()
	case attempt < int64(n.attempt):
		return ok(n.past[attempt-1])
	}
	return ok(n.json(c.s))
}

func (j *job) json(s *Server, n *run) obj {
	steps := []obj{}
	for i, step := range j.Steps {
		steps = append(steps, obj{"name": step.Name, "number": i + 1, "status": j.Status, "conclusion": textOrNil(cmp.Or(step.Conclusion, j.Conclusion)),
			"started_at": stamp(j.at), "completed_at": stamp(j.at)})
	}
	return obj{
		"id": j.id, "node_id": nodeID("CR", j.id), "run_id": n.id, "run_attempt": j.attempt, "run_url": fmt.Sprintf("%s/actions/runs/%d", n.repo.api(s), n.id),
		"head_sha": n.sha, "head_branch": n.branch, "workflow_name": n.workflow.name, "name": j.Name, "status": j.Status,
		"conclusion": textOrNil(j.Conclusion), "created_at": stamp(j.at), "started_at": stamp(j.at), "completed_at": stamp(j.at), "steps": steps,
		"url":           fmt.Sprintf("%s/actions/jobs/%d", n.repo.api(s), j.id),
		"html_url":      fmt.Sprintf("%s/actions/runs/%d/job/%d", n.repo.web(s), n.id, j.id),
		"check_run_url": fmt.Sprintf("%s/check-runs/%d", n.repo.api(s), j.id),
		"labels":        []string{"ubuntu-latest"}, "runner_id": 1, "runner_name": "runner", "runner_group_id": 1, "runner_group_name": "default",
	}
}

func listJobs(c *call) answer {
	n := c.runOf()
	if n == nil {
		return notFound()
	}
	attempt := int64(n.attempt)
	if c.arg("attempt") != "" {
		attempt = c.id("attempt")
	}
	var found []*job
	for _, j := range n.jobs {
		if c.query("filter") == "all" || int64(j.attempt) == attempt {
			found = append(found, j)
		}
	}
	out := []obj{}
	for _, j := range paged(c, found) {
		out = append(out, j.json(c.s, n))
	}
	return ok(obj{"total_count": len(found), "jobs": out})
}

func getJob(c *call) answer {
	for _, n := range c.s.runs {
		for _, j := range n.jobs {
			if n.repo == c.repo && j.id == c.id("id") {
				return ok(j.json(c.s, n))
			}
		}
	}
	return notFound()
}

// Artifact says what a new artifact is like. Its bytes come from the first of Open, File and Bytes that is set.
type Artifact struct {
	Name  string
	Bytes []byte
	File  string
	Open  func() io.ReadSeeker // a Closer is closed after use
	// Size is found out by seeking when 0. A wrong one can be claimed.
	Size int64
	// Digest is "sha256:…" of the bytes when empty, none at all when "-", and claimed as it is otherwise.
	Digest  string
	Expired bool
	Created time.Time
}

type artifact struct {
	id      int64
	run     *run
	name    string
	size    int64
	digest  string
	open    func() (io.ReadSeeker, error)
	expired bool
	created time.Time
	expires time.Time
}

const artifactLife = 90 * 24 * time.Hour

// AddArtifact adds an artifact to a run and returns its id.
func (s *Server) AddArtifact(runID int64, o Artifact) int64 {
	open := o.opener()
	if o.Size == 0 || o.Digest == "" {
		size, digest := inspect(open, o.Digest == "")
		setDefault(&o.Size, size)
		setDefault(&o.Digest, digest)
	}
	if o.Digest == "-" {
		o.Digest = ""
	}
	defer s.lock()()
	if o.Created.IsZero() {
		o.Created = s.now()
	}
	a := &artifact{id: s.next("artifact"), run: s.mustRun(runID), name: o.Name, size: o.Size, digest: o.Digest, open: open, expired: o.Expired,
		created: o.Created, expires: o.Created.Add(artifactLife)}
	if a.expired {
		a.expires = s.now().Add(-time.Second)
	}
	s.artifacts = append(s.artifacts, a)
	return a.id
}

func (o Artifact) opener() func() (io.ReadSeeker, error) {
	switch {
	case o.Open != nil:
		return func() (io.ReadSeeker, error) { return o.Open(), nil }
	case o.File != "":
		return func() (io.ReadSeeker, error) {
			f, err := os.Open(o.File)
			if err != nil {
				return nil, err
			}
			return f, nil
		}
	}
	text := string(o.Bytes) // a copy; the caller may change his
	return func() (io.ReadSeeker, error) { return strings.NewReader(text), nil }
}

// inspect returns the size and, if asked for, the digest of an artifact's bytes. It panics when they cannot be read.
func inspect(open func() (io.ReadSeeker, error), sum bool) (int64, string) {
	r, err := open()
	if err == nil {
		defer closeIt(r)
		var size int64
		digest := ""
		if sum {
			h := sha256.New()
			size, err = io.Copy(h, r)
			digest = fmt.Sprintf("sha256:%x", h.Sum(nil))
		} else {
			size, err = r.Seek(0, io.SeekEnd)
		}
		if err == nil {
			return size, digest
		}
	}
	panic("ghtest: artifact: " + err.Error())
}

func closeIt(r any) {
	if c, ok := r.(io.Closer); ok {
		c.Close()
	}
}

// ExpireArtifact makes an artifact expire now.
func (s *Server) ExpireArtifact(id int64) {
	defer s.lock()()
	a := s.artifact(id)
	if a == nil {
		panic(fmt.Sprintf("ghtest: no artifact %d", id))
	}
	a.expired, a.expires = true, s.now()
}

func (s *Server) artifact(id int64) *artifact {
	for _, a := range s.artifacts {
		if a.id == id {
			return a
		}
	}
	return nil
}

func (a *artifact) gone(s *Server) bool { return a.expired || !s.now().Before(a.expires) }

func (a *artifact) json(s *Server) obj {
	api := fmt.Sprintf("%s/actions/artifacts/%d", a.run.repo.api(s), a.id)
	return obj{
		"id": a.id, "node_id": nodeID("AR", a.id), "name": a.name, "size_in_bytes": a.size, "digest": textOrNil(a.digest), "expired": a.gone(s),
		"url": api, "archive_download_url": api + "/zip", "created_at": stamp(a.created), "updated_at": stamp(a.created), "expires_at": stamp(a.expires),
		"workflow_run": obj{"id": a.run.id, "repository_id": a.run.repo.ID, "head_repository_id": a.run.headRepo.ID, "head_branch": a.run.branch,
			"head_sha": a.run.sha},
	}
}

func listRunArtifacts(c *call) answer {
	n := c.runOf()
	if n == nil {
		return notFound()
	}
	return c.artifacts(func(a *artifact) bool { return a.run == n })
}

func listArtifacts(c *call) answer {
	return c.artifacts(func(a *artifact) bool { return a.run.repo == c.repo })
}

func (c *call) artifacts(wanted func(*artifact) bool) answer {
	var found []*artifact
	for _, a := range c.s.artifacts {
		if wanted(a) && (c.query("name") == "" || c.query("name") == a.name) {
			found = append(found, a)
		}
	}
	slices.Reverse(found)
	out := []obj{}
	for _, a := range paged(c, found) {
		out = append(out, a.json(c.s))
	}
	return ok(obj{"total_count": len(found), "artifacts": out})
}

func (c *call) artifactOf() *artifact {
	if a := c.s.artifact(c.id("id")); a != nil && a.run.repo == c.repo {
		return a
	}
	return nil
}

func getArtifact(c *call) answer {
	a := c.artifactOf()
	if a == nil {
		return notFound()
	}
	return ok(a.json(c.s))
}

func downloadZip(c *call) answer {
	a := c.artifactOf()
	switch {
	case a == nil || c.arg("format") != "zip":
		return notFound()
	case a.gone(c.s):
		return fail(410, "Artifact has expired")
	}
	return answer{status: 302, raw: []byte{}, header: map[string][]string{"Location": {c.s.link(a)}}}
}
