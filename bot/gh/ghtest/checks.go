package ghtest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Limits of a check run. Those of summary and text are documented in characters but counted in bytes.
const (
	maxCheckText   = 65535
	maxAnnotations = 50
	maxActions     = 3
)

type suite struct {
	id               int64
	repo             *Repo
	app              *app
	sha, branch      string
	before           string
	created, updated time.Time
}

type check struct {
	id    int64
	suite *suite
	repo  *Repo
	app   *app
	sha   string
	CheckState
	details, external  string
	actions            []CheckAction
	annotations        []Annotation
	started, completed time.Time
	history            []CheckState
}

// CheckAction is a button of a check run.
type CheckAction struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// Annotation is a note of a check run on lines of a file. The columns may be nil.
type Annotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn *int   `json:"start_column"`
	EndColumn   *int   `json:"end_column"`
	Level       string `json:"annotation_level"`
	Message     string `json:"message"`
	Title       string `json:"title"`
	RawDetails  string `json:"raw_details"`
}

var annotationLevels = []string{"notice", "warning", "failure"}

// fault says what GitHub refuses of it, "" for nothing.
func (a Annotation) fault() string {
	column := func(n *int) bool { return n == nil || *n >= 1 && a.StartLine == a.EndLine }
	switch {
	case a.Path == "" || a.Message == "" || a.Level == "" || a.StartLine == 0 || a.EndLine == 0:
		return "\"path\", \"start_line\", \"end_line\", \"annotation_level\", \"message\" weren't supplied."
	case a.StartLine < 0 || a.EndLine < a.StartLine:
		return fmt.Sprintf("lines %d to %d are none", a.StartLine, a.EndLine)
	case !column(a.StartColumn) || !column(a.EndColumn):
		return "columns are only for annotations of one line"
	case !slices.Contains(annotationLevels, a.Level):
		return a.Level + " is not a member of [\"notice\", \"warning\", \"failure\"]."
	case len(a.Message) > maxCheckText || len(a.RawDetails) > maxCheckText:
		return "message and raw_details have at most 64 KB"
	case utf8.RuneCountInString(a.Title) > 255:
		return fmt.Sprintf("Only 255 characters are allowed; %d were supplied.", utf8.RuneCountInString(a.Title))
	}
	return ""
}

func (a Annotation) json(c *check, s *Server) obj {
	return obj{"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": a.StartColumn, "end_column": a.EndColumn,
		"annotation_level": a.Level, "title": textOrNil(a.Title), "message": a.Message, "raw_details": textOrNil(a.RawDetails),
		"blob_href": fmt.Sprintf("%s/blob/%s/%s", c.repo.web(s), c.sha, a.Path)}
}

// CheckOptions say what a check run of another App is like.
type CheckOptions struct {
	AppID                    int64 // 15368, GitHub Actions, when 0
	SHA, Name                string
	Status, Conclusion       string
	Title, Summary, External string
}

// AddCheck adds a check run that another App made.
func (s *Server) AddCheck(r *Repo, o CheckOptions) int64 {
	defer s.lock()()
	setDefault(&o.AppID, actionsApp)
	setDefault(&o.Status, "completed")
	by := s.foreignApp(o.AppID)
	c := &check{id: s.next("check"), repo: r, app: by, sha: s.mustCommit(r, o.SHA).sha, suite: s.newSuite(r, by, o.SHA, ""), external: o.External,
		started: s.now(), CheckState: CheckState{Name: o.Name, Status: o.Status, Conclusion: o.Conclusion, Title: o.Title, Summary: o.Summary}}
	s.record(c)
	s.checks = append(s.checks, c)
	s.emitCheck(c, s.bot(by), "created", obj{})
	if c.Status == "completed" {
		s.emitCheck(c, s.bot(by), "completed", obj{})
	}
	return c.id
}

func (s *Server) record(c *check) {
	c.At = s.now()
	if c.completed.IsZero() && c.Status == "completed" {
		c.completed = c.At
	}
	c.suite.updated = c.At
	c.history = append(c.history, c.CheckState)
}

// newSuite returns the App's suite for a commit, which is made when there is none.
func (s *Server) newSuite(r *Repo, by *app, sha, branch string) *suite {
	for _, u := range s.suites {
		if u.repo == r && u.app == by && u.sha == sha {
			return u
		}
	}
	u := &suite{id: s.next("suite"), repo: r, app: by, sha: sha, branch: branch, created: s.now(), updated: s.now()}
	s.suites = append(s.suites, u)
	return u
}

// requestSuites makes the suites that a push makes, one for every App with the right to write checks.
func (s *Server) requestSuites(r *Repo, branch, before, sha string, by *account) {
	i := s.installationOf(r)
	if i == nil || !allows(i.permissions, "checks:write") {
		return
	}
	u := s.newSuite(r, i.app, sha, branch)
	u.before = before
	s.emit(r, by, "check_suite", "requested", obj{"check_suite": u.payload(s)})
}

// RerequestSuite is the button "Re-run all checks" of a commit. It returns the id of the suite.
func (s *Server) RerequestSuite(r *Repo, sha, login string) int64 {
	defer s.lock()()
	u := s.newSuite(r, s.app, s.mustCommit(r, sha).sha, "")
	s.emit(r, s.account(login), "check_suite", "rerequested", obj{"check_suite": u.payload(s)})
	return u.id
}

// RerequestCheck is the button "Re-run" of a check run.
func (s *Server) RerequestCheck(r *Repo, id int64, login string) error {
	defer s.lock()()
	c := s.check(r, id)
	if c == nil {
		return &Refused{404, fmt.Sprintf("there is no check run %d", id)}
	}
	s.emitCheck(c, s.account(login), "rerequested", obj{})
	return nil
}

// RequestAction is a press on one of a check run's own buttons.
func (s *Server) RequestAction(r *Repo, id int64, identifier, login string) error {
	defer s.lock()()
	c := s.check(r, id)
	if c == nil || !slices.ContainsFunc(c.actions, func(a CheckAction) bool { return a.Identifier == identifier }) {
		return &Refused{404, fmt.Sprintf("check run %d has no button %q", id, identifier)}
	}
	s.emitCheck(c, s.account(login), "requested_action", obj{"requested_action": obj{"identifier": identifier}})
	return nil
}

func (s *Server) emitCheck(c *check, by *account, action string, more obj) {
	run := c.json(s)
	run["check_suite"] = c.suite.brief(s)
	more["check_run"] = run
	s.emit(c.repo, by, "check_run", action, more)
}

func (s *Server) check(r *Repo, id int64) *check {
	for _, c := range s.checks {
		if c.id == id && c.repo == r {
			return c
		}
	}
	return nil
}

// outcome sums up a suite: completed when all of its runs are.
func (s *Server) outcome(u *suite) (status, conclusion string, runs int) {
	status, conclusion = "completed", "success"
	for _, c := range s.latest(func(c *check) bool { return c.suite == u }) {
		runs++
		switch {
		case c.Status != "completed":
			status = "in_progress"
		case c.Conclusion == "failure" || c.Conclusion == "action_required" || c.Conclusion == "timed_out" || c.Conclusion == "cancelled":
			conclusion = c.Conclusion
		case conclusion == "success" && c.Conclusion != "skipped":
			conclusion = c.Conclusion
		}
	}
	if runs == 0 {
		status = "queued"
	}
	if status != "completed" {
		conclusion = ""
	}
	return status, conclusion, runs
}

// latest returns the newest run of each name in each suite, by id.
func (s *Server) latest(wanted func(*check) bool) []*check {
	type key struct {
		suite *suite
		name  string
	}
	newest := map[key]*check{}
	for _, c := range s.checks {
		if wanted(c) {
			newest[key{c.suite, c.Name}] = c
		}
	}
	var out []*check
	for _, c := range s.checks {
		if newest[key{c.suite, c.Name}] == c {
			out = append(out, c)
		}
	}
	return out
}

// payload is the form in check_suite events.
func (u *suite) payload(s *Server) obj {
	o := u.json(s)
	delete(o, "repository")
	return o
}

// brief is the form in check_run events.
func (u *suite) brief(s *Server) obj {
	o := u.payload(s)
	for _, name := range []string{"rerequestable", "runs_rerequestable", "latest_check_runs_count", "check_runs_url", "head_commit"} {
		delete(o, name)
	}
	return o
}

func (u *suite) json(s *Server) obj {
	status, conclusion, runs := s.outcome(u)
	url := fmt.Sprintf("%s/check-suites/%d", u.repo.api(s), u.id)
	return obj{
		"id": u.id, "node_id": nodeID("CS", u.id), "head_branch": textOrNil(u.branch), "head_sha": u.sha, "status": status, "conclusion": textOrNil(conclusion),
		"url": url, "before": textOrNil(u.before), "after": u.sha, "pull_requests": s.pullsWithHead(u.repo, u.sha), "app": u.app.json(s),
		"repository": u.repo.minimal(s), "created_at": stamp(u.created), "updated_at": stamp(u.updated), "rerequestable": true,
		"runs_rerequestable": true, "latest_check_runs_count": runs, "check_runs_url": url + "/check-runs", "head_commit": s.commits[u.sha].simple(),
	}
}

func (c *check) json(s *Server) obj {
	url := fmt.Sprintf("%s/check-runs/%d", c.repo.api(s), c.id)
	html := fmt.Sprintf("%s/runs/%d", c.repo.web(s), c.id)
	details := c.details
	setDefault(&details, html)
	return obj{
		"id": c.id, "node_id": nodeID("CR", c.id), "head_sha": c.sha, "external_id": c.external, "url": url, "html_url": html, "details_url": details,
		"status": c.Status, "conclusion": textOrNil(c.Conclusion), "started_at": stampOrNil(c.started), "completed_at": stampOrNil(c.completed),
		"name": c.Name, "check_suite": obj{"id": c.suite.id}, "app": c.app.json(s),
		"pull_requests": s.pullsWithHead(c.repo, c.sha),
		"output": obj{"title": textOrNil(c.Title), "summary": textOrNil(c.Summary), "text": textOrNil(c.Text),
			"annotations_count": len(c.annotations), "annotations_url": url + "/annotations"},
	}
}

type checkInput struct {
	Name        *string `json:"name"`
	HeadSHA     *string `json:"head_sha"`
	DetailsURL  *string `json:"details_url"`
	ExternalID  *string `json:"external_id"`
	Status      *string `json:"status"`
	Conclusion  *string `json:"conclusion"`
	StartedAt   *string `json:"started_at"`
	CompletedAt *string `json:"completed_at"`
	Output      *struct {
		Title       *string      `json:"title"`
		Summary     *string      `json:"summary"`
		Text        *string      `json:"text"`
		Annotations []Annotation `json:"annotations"`
		Images      []obj        `json:"images"`
	} `json:"output"`
	Actions *[]CheckAction `json:"actions"`
}

var (
	statuses    = []string{"queued", "in_progress", "completed"}
	conclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"} // "stale" is GitHub's own
)

// fault returns GitHub's answer to input that it refuses.
func (in *checkInput) fault() (answer, bool) {
	bad := func(field, code, message string) (answer, bool) {
		return invalid("CheckRun", field, code, message), true
	}
	switch {
	case in.Name != nil && *in.Name == "":
		return bad("name", "missing_field", "")
	case in.Status != nil && !slices.Contains(statuses, *in.Status):
		return bad("status", "invalid", "")
	case in.Conclusion != nil && !slices.Contains(conclusions, *in.Conclusion):
		return bad("conclusion", "invalid", "")
	case in.Status != nil && *in.Status == "completed" && in.Conclusion == nil:
		return bad("conclusion", "missing_field", "")
	case in.Status != nil && *in.Status != "completed" && in.Conclusion != nil:
		return bad("conclusion", "invalid", "conclusion is only for completed check runs")
	case in.DetailsURL != nil && *in.DetailsURL != "" && !isWeb(*in.DetailsURL):
		return bad("details_url", "invalid", "details_url must use http or https scheme")
	case !isTime(in.StartedAt):
		return bad("started_at", "invalid", "")
	case !isTime(in.CompletedAt):
		return bad("completed_at", "invalid", "")
	}
	if o := in.Output; o != nil {
		switch {
		case o.Title == nil || o.Summary == nil:
			return fail(422, "Invalid request.\n\n\"title\", \"summary\" weren't supplied."), true
		case len(*o.Summary) > maxCheckText:
			return bad("summary", "custom", fmt.Sprintf("summary exceeds a maximum bytesize of %d", maxCheckText))
		case o.Text != nil && len(*o.Text) > maxCheckText:
			return bad("text", "custom", fmt.Sprintf("text exceeds a maximum bytesize of %d", maxCheckText))
		case len(o.Annotations) > maxAnnotations:
			return fail(422, fmt.Sprintf("Invalid request.\n\nNo more than %d items are allowed; %d were supplied.", maxAnnotations, len(o.Annotations))), true
		}
		for i, a := range o.Annotations {
			if fault := a.fault(); fault != "" {
				return fail(422, fmt.Sprintf("Invalid request.\n\nFor 'properties/annotations/%d', %s", i, fault)), true
			}
		}
	}
	return in.actionFault()
}

func (in *checkInput) actionFault() (answer, bool) {
	if in.Actions == nil {
		return answer{}, false
	}
	if n := len(*in.Actions); n > maxActions {
		return fail(422, fmt.Sprintf("Invalid request.\n\nNo more than %d items are allowed; %d were supplied.", maxActions, n)), true
	}
	for _, a := range *in.Actions {
		for _, f := range []struct {
			text  string
			limit int
		}{{a.Label, 20}, {a.Description, 40}, {a.Identifier, 20}} {
			if n := utf8.RuneCountInString(f.text); n == 0 || n > f.limit {
				return fail(422, fmt.Sprintf("Invalid request.\n\nOnly %d characters are allowed; %d were supplied.", f.limit, n)), true
			}
		}
	}
	return answer{}, false
}

func isWeb(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func isTime(text *string) bool {
	if text == nil {
		return true
	}
	_, err := time.Parse(time.RFC3339, *text)
	return err == nil
}

// apply copies what was sent into the check run.
func (in *checkInput) apply(c *check) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&c.Name, in.Name)
	set(&c.details, in.DetailsURL)
	set(&c.external, in.ExternalID)
	set(&c.Status, in.Status)
	if in.Conclusion != nil {
		c.Conclusion, c.Status = *in.Conclusion, "completed"
	} else if in.Status != nil {
		c.Conclusion, c.completed = "", time.Time{}
	}
	if in.StartedAt != nil {
		c.started, _ = time.Parse(time.RFC3339, *in.StartedAt)
	}
	if in.CompletedAt != nil {
		c.completed, _ = time.Parse(time.RFC3339, *in.CompletedAt)
	}
	if in.Output != nil {
		set(&c.Title, in.Output.Title)
		set(&c.Summary, in.Output.Summary)
		set(&c.Text, in.Output.Text)
		c.annotations = append(c.annotations, in.Output.Annotations...)
	}
	if in.Actions != nil {
		c.actions = slices.Clone(*in.Actions)
	}
}

func createCheck(c *call) answer {
	var in checkInput
	if a, ok := c.decode(&in); !ok {
		return a
	}
	switch {
	case in.Name == nil:
		return fail(422, "Invalid request.\n\n\"name\" wasn't supplied.")
	case in.HeadSHA == nil:
		return fail(422, "Invalid request.\n\n\"head_sha\" wasn't supplied.")
	}
	if a, bad := in.fault(); bad {
		return a
	}
	at := c.s.commits[*in.HeadSHA]
	if at == nil || at.network != c.repo.network {
		return noCommit(*in.HeadSHA)
	}
	by := c.inst.app
	made := &check{id: c.s.next("check"), repo: c.repo, app: by, sha: at.sha, suite: c.s.newSuite(c.repo, by, at.sha, ""), started: c.s.now(),
		CheckState: CheckState{Status: "queued"}}
	in.apply(made)
	c.s.checks = append(c.s.checks, made)
	c.changed(made, "created")
	return created(made.json(c.s))
}

func updateCheck(c *call) answer {
	one := c.s.check(c.repo, c.id("id"))
	if one == nil {
		return notFound()
	}
	if one.app != c.inst.app {
		return fail(403, fmt.Sprintf("Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", c.inst.app.id))
	}
	var in checkInput
	if a, ok := c.decode(&in); !ok {
		return a
	}
	if in.HeadSHA != nil {
		c.s.report("ghtest: update of a check run with head_sha, which cannot be changed")
	}
	if in.Output != nil && in.Output.Title == nil { // only needed to create one
		in.Output.Title = &one.Title
	}
	if a, bad := in.fault(); bad {
		return a
	}
	in.apply(one)
	c.changed(one, "")
	return ok(one.json(c.s))
}

// changed records the new state and sends the events: created, completed, and completed of the suite.
func (c *call) changed(one *check, action string) {
	done := len(one.history) > 0 && one.history[len(one.history)-1].Status == "completed"
	c.s.record(one)
	by := c.s.bot(one.app)
	if action != "" {
		c.s.emitCheck(one, by, action, obj{})
	}
	if one.Status == "completed" && !done {
		c.s.emitCheck(one, by, "completed", obj{})
		if status, _, _ := c.s.outcome(one.suite); status == "completed" {
			c.s.emit(c.repo, by, "check_suite", "completed", obj{"check_suite": one.suite.payload(c.s)})
		}
	}
}

func getCheck(c *call) answer {
	one := c.s.check(c.repo, c.id("id"))
	if one == nil {
		return notFound()
	}
	return ok(one.json(c.s))
}

func listAnnotations(c *call) answer {
	one := c.s.check(c.repo, c.id("id"))
	if one == nil {
		return notFound()
	}
	out := []obj{}
	for _, a := range paged(c, one.annotations) {
		out = append(out, a.json(one, c.s))
	}
	return ok(out)
}

func listChecksForRef(c *call) answer {
	at := c.s.resolve(c.repo, c.arg("ref"))
	if at == nil {
		return noCommit(c.arg("ref"))
	}
	return c.checks(func(one *check) bool { return one.sha == at.sha })
}

func listChecksOfSuite(c *call) answer {
	u := c.suiteOf()
	if u == nil {
		return notFound()
	}
	return c.checks(func(one *check) bool { return one.suite == u })
}

func (c *call) checks(wanted func(*check) bool) answer {
	pass := func(one *check) bool {
		return one.repo == c.repo && wanted(one) && (c.query("check_name") == "" || c.query("check_name") == one.Name) &&
			(c.query("status") == "" || c.query("status") == one.Status) &&
			(c.query("app_id") == "" || c.query("app_id") == strconv.FormatInt(one.app.id, 10))
	}
	found := c.s.latest(pass)
	if c.query("filter") == "all" {
		found = nil
		for _, one := range c.s.checks {
			if pass(one) {
				found = append(found, one)
			}
		}
	}
	slices.Reverse(found)
	out := []obj{}
	for _, one := range paged(c, found) {
		out = append(out, one.json(c.s))
	}
	return ok(obj{"total_count": len(found), "check_runs": out})
}

func listSuites(c *call) answer {
	at := c.s.resolve(c.repo, c.arg("ref"))
	if at == nil {
		return noCommit(c.arg("ref"))
	}
	var found []*suite
	for _, u := range c.s.suites {
		named := func(one *check) bool { return one.suite == u && one.Name == c.query("check_name") }
		if u.repo == c.repo && u.sha == at.sha && (c.query("app_id") == "" || c.query("app_id") == strconv.FormatInt(u.app.id, 10)) &&
			(c.query("check_name") == "" || slices.ContainsFunc(c.s.checks, named)) {
			found = append(found, u)
		}
	}
	out := []obj{}
	for _, u := range paged(c, found) {
		out = append(out, u.json(c.s))
	}
	return ok(obj{"total_count": len(found), "check_suites": out})
}

func (c *call) suiteOf() *suite {
	for _, u := range c.s.suites {
		if u.id == c.id("id") && u.repo == c.repo {
			return u
		}
	}
	return nil
}

func getSuite(c *call) answer {
	u := c.suiteOf()
	if u == nil {
		return notFound()
	}
	return ok(u.json(c.s))
}

func createSuite(c *call) answer {
	var in struct {
		HeadSHA    string  `json:"head_sha"`
		HeadBranch *string `json:"head_branch"`
	}
	if a, ok := c.decode(&in); !ok {
		return a
	}
	at := c.s.commits[in.HeadSHA]
	if at == nil || at.network != c.repo.network {
		return noCommit(in.HeadSHA)
	}
	before := len(c.s.suites)
	u := c.s.newSuite(c.repo, c.inst.app, at.sha, "")
	if len(c.s.suites) == before {
		return ok(u.json(c.s))
	}
	return created(u.json(c.s))
}

func rerequestSuite(c *call) answer {
	u := c.suiteOf()
	if u == nil || u.app != c.inst.app {
		return notFound()
	}
	c.s.emit(c.repo, c.s.bot(c.inst.app), "check_suite", "rerequested", obj{"check_suite": u.payload(c.s)})
	return created(obj{})
}

func rerequestCheck(c *call) answer {
	one := c.s.check(c.repo, c.id("id"))
	if one == nil {
		return notFound()
	}
	if one.app != c.inst.app {
		return fail(403, "This check run is not owned by your app")
	}
	c.s.emitCheck(one, c.s.bot(c.inst.app), "rerequested", obj{})
	return created(obj{})
}
