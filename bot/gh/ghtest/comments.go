package ghtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const maxComment = 65536 // characters

type comment struct {
	id               int64
	on               *pull
	author           *account
	app              *app // that wrote it for its author, or nil
	body             string
	created, updated time.Time
	deleted          time.Time
	edits            []Edit
	reactions        []reaction
}

type reaction struct {
	id      int64
	author  *account
	content string
	at      time.Time
}

// Refused is the error of a change that GitHub would not make. Status is the status code it would answer with.
type Refused struct {
	Status int
	Reason string
}

func (e *Refused) Error() string { return e.Reason }

// PostComment adds a user's comment to a pull request or an issue and returns its id. The error is a *Refused when the
// body is empty or too long, or the conversation is locked to people like this user.
func (s *Server) PostComment(r *Repo, number int, login, body string) (int64, error) {
	return s.PostCommentVia(r, number, login, body, 0)
}

// PostCommentVia is PostComment through an App with that id, 0 for none. Apps that were not known before are made.
func (s *Server) PostCommentVia(r *Repo, number int, login, body string, appID int64) (int64, error) {
	defer s.lock()()
	p := r.issueOrPull(int64(number))
	author := s.account(login)
	switch {
	case p == nil:
		return 0, &Refused{404, fmt.Sprintf("there is no pull request %d", number)}
	case p.locked && levels[permissionOf[r.role(author).base]] < levels["write"]:
		return 0, &Refused{403, lockedMessage}
	case r.archived:
		return 0, &Refused{403, "Repository was archived so is read-only."}
	}
	if fault := commentFault(body); fault != "" {
		return 0, &Refused{422, fault}
	}
	var via *app
	if appID != 0 {
		via = s.foreignApp(appID)
	}
	return s.addComment(p, author, via, body).id, nil
}

func (s *Server) foreignApp(id int64) *app {
	a := s.apps[id]
	if a == nil {
		slug := fmt.Sprintf("app-%d", id)
		a = &app{id: id, slug: slug, name: slug, owner: s.account(slug + "-dev"), created: s.now()}
		s.apps[id] = a
	}
	return a
}

const lockedMessage = "Unable to create comment because issue is locked."

func commentFault(body string) string {
	switch {
	case strings.TrimSpace(body) == "":
		return "body can't be blank"
	case utf8.RuneCountInString(body) > maxComment:
		return fmt.Sprintf("body is too long (maximum is %d characters)", maxComment)
	}
	return ""
}

func (s *Server) addComment(p *pull, author *account, via *app, body string) *comment {
	c := &comment{id: s.next("comment"), on: p, author: author, app: via, body: body, created: s.now(), updated: s.now()}
	s.comments = append(s.comments, c)
	p.updated = s.now()
	s.emitComment(c, author, "created", obj{})
	return c
}

func (s *Server) emitComment(c *comment, by *account, action string, more obj) {
	body := obj{"issue": c.on.issueJSON(s), "comment": c.json(s)}
	maps.Copy(body, more)
	s.emit(c.on.repo, by, "issue_comment", action, body)
}

// EditComment changes a comment's text, as its author or a maintainer can in the browser.
func (s *Server) EditComment(r *Repo, id int64, login, body string) error {
	defer s.lock()()
	c := s.comment(r, id)
	if c == nil {
		return &Refused{404, fmt.Sprintf("there is no comment %d", id)}
	}
	if fault := commentFault(body); fault != "" {
		return &Refused{422, fault}
	}
	s.editComment(c, s.account(login), body)
	return nil
}

func (s *Server) editComment(c *comment, by *account, body string) {
	if body == c.body {
		return
	}
	from := c.body
	c.edits = append(c.edits, Edit{Body: c.body, At: c.updated, By: by.login})
	c.body, c.updated = body, s.now()
	s.emitComment(c, by, "edited", obj{"changes": obj{"body": obj{"from": from}}})
}

// DeleteComment deletes a comment, as a maintainer can in the browser.
func (s *Server) DeleteComment(r *Repo, id int64, login string) error {
	defer s.lock()()
	c := s.comment(r, id)
	if c == nil {
		return &Refused{404, fmt.Sprintf("there is no comment %d", id)}
	}
	s.deleteComment(c, s.account(login))
	return nil
}

func (s *Server) deleteComment(c *comment, by *account) {
	s.emitComment(c, by, "deleted", obj{})
	c.deleted = s.now()
}

func (s *Server) comment(r *Repo, id int64) *comment {
	for _, c := range s.comments {
		if c.id == id && c.on.repo == r && c.deleted.IsZero() {
			return c
		}
	}
	return nil
}

var reactionKinds = []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}

func reactionCounts(url string, given []reaction) obj {
	counts := obj{"url": url, "total_count": len(given)}
	for _, kind := range reactionKinds {
		n := 0
		for _, r := range given {
			if r.content == kind {
				n++
			}
		}
		counts[kind] = n
	}
	return counts
}

func (c *comment) json(s *Server) obj {
	api := c.on.repo.api(s)
	o := obj{
		"id": c.id, "node_id": nodeID("IC", c.id), "url": fmt.Sprintf("%s/issues/comments/%d", api, c.id),
		"html_url": fmt.Sprintf("%s#issuecomment-%d", c.on.web(s), c.id), "issue_url": c.on.issueAPI(s), "user": c.author.json(s),
		"body": c.body, "created_at": stamp(c.created), "updated_at": stamp(c.updated), "author_association": c.on.repo.association(c.author),
		"performed_via_github_app": nil, "reactions": reactionCounts(fmt.Sprintf("%s/issues/comments/%d/reactions", api, c.id), c.reactions),
	}
	if c.app != nil {
		o["performed_via_github_app"] = c.app.json(s)
	}
	return o
}

// may says whether the token suffices for what belongs to this pull request or issue. The routes take either permission,
// but each is only good for its own kind: what lies on a pull request needs the one on pull requests, whatever the path says.
func (c *call) may(p *pull) (answer, bool) {
	need := "pull_requests"
	if p.issue {
		need = "issues"
	}
	level := "write"
	if c.r.Method == http.MethodGet {
		level = "read"
	}
	if c.covers(c.repo) && !allows(c.token.permissions, need+":"+level) {
		return refuse("issues:" + level + "|pull_requests:" + level), false
	}
	return answer{}, true
}

// issueOf finds the pull request or issue that the route names, if the token suffices for it.
func (c *call) issueOf() (*pull, answer, bool) {
	p := c.repo.issueOrPull(c.id("number"))
	if p == nil {
		return nil, notFound(), false
	}
	a, pass := c.may(p)
	return p, a, pass
}

// commentOf finds the comment that the route names, if the token suffices for it.
func (c *call) commentOf() (*comment, answer, bool) {
	one := c.s.comment(c.repo, c.id("id"))
	if one == nil {
		return nil, notFound(), false
	}
	a, pass := c.may(one.on)
	return one, a, pass
}

func listComments(c *call) answer {
	p, a, found := c.issueOf()
	if !found {
		return a
	}
	return c.comments(func(one *comment) bool { return one.on == p })
}

// listRepoComments leaves out what the token does not suffice for.
func listRepoComments(c *call) answer {
	return c.comments(func(one *comment) bool {
		_, pass := c.may(one.on)
		return one.on.repo == c.repo && pass
	})
}

// comments lists those that are wanted, oldest first.
func (c *call) comments(wanted func(*comment) bool) answer {
	since, _ := time.Parse(time.RFC3339, c.query("since"))
	var found []*comment
	for _, one := range c.s.comments {
		if one.deleted.IsZero() && wanted(one) && !one.updated.Before(since) {
			found = append(found, one)
		}
	}
	if c.query("direction") == "desc" && c.query("sort") != "" {
		slices.Reverse(found)
	}
	out := []obj{}
	for _, one := range paged(c, found) {
		out = append(out, one.json(c.s))
	}
	return ok(out)
}

func createComment(c *call) answer {
	p, a, found := c.issueOf()
	if !found {
		return a
	}
	body, a, ok := c.commentText()
	switch {
	case !ok:
		return a
	case p.locked:
		return fail(403, lockedMessage)
	}
	made := c.s.addComment(p, c.s.bot(c.inst.app), c.inst.app, body)
	a = created(made.json(c.s))
	a.header = http.Header{"Location": {fmt.Sprintf("%s/issues/comments/%d", c.repo.api(c.s), made.id)}}
	return a
}

func (c *call) commentText() (string, answer, bool) {
	var in struct {
		Body *string `json:"body"`
	}
	if a, ok := c.decode(&in); !ok {
		return "", a, false
	}
	if in.Body == nil {
		return "", fail(422, "Invalid request.\n\n\"body\" wasn't supplied."), false
	}
	if fault := commentFault(*in.Body); fault != "" {
		return "", invalid("IssueComment", "body", "unprocessable", fault), false
	}
	return *in.Body, answer{}, true
}

func getComment(c *call) answer {
	one, a, found := c.commentOf()
	if !found {
		return a
	}
	return ok(one.json(c.s))
}

// own finds the comment to change. What GitHub says to an App that changes somebody else's is not documented; here it is
// refused and reported, because no client of this package should try.
func (c *call) own() (*comment, answer, bool) {
	one, a, found := c.commentOf()
	if !found {
		return nil, a, false
	}
	if one.app != c.inst.app {
		c.s.report("ghtest: %s %s changes a comment of %s", c.r.Method, c.r.URL.Path, one.author.login)
		return nil, fail(403, "Resource not accessible by integration"), false
	}
	return one, answer{}, true
}

func updateComment(c *call) answer {
	one, a, mine := c.own()
	if !mine {
		return a
	}
	body, a, valid := c.commentText()
	if !valid {
		return a
	}
	c.s.editComment(one, c.s.bot(c.inst.app), body)
	return ok(one.json(c.s))
}

func deleteComment(c *call) answer {
	one, a, mine := c.own()
	if !mine {
		return a
	}
	c.s.deleteComment(one, c.s.bot(c.inst.app))
	return answer{status: 204}
}

func (r reaction) json(s *Server) obj {
	return obj{"id": r.id, "node_id": nodeID("REA", r.id), "user": r.author.json(s), "content": r.content, "created_at": stamp(r.at)}
}

func listReactions(c *call) answer {
	one, a, found := c.commentOf()
	if !found {
		return a
	}
	out := []obj{}
	for _, r := range paged(c, one.reactions) {
		if want := c.query("content"); want == "" || want == r.content {
			out = append(out, r.json(c.s))
		}
	}
	return ok(out)
}

func createReaction(c *call) answer {
	one, a, found := c.commentOf()
	if !found {
		return a
	}
	var in struct {
		Content string `json:"content"`
	}
	if a, ok := c.decode(&in); !ok {
		return a
	}
	if !slices.Contains(reactionKinds, in.Content) {
		return invalid("Reaction", "content", "invalid", "")
	}
	by := c.s.bot(c.inst.app)
	for _, r := range one.reactions {
		if r.author == by && r.content == in.Content {
			return ok(r.json(c.s))
		}
	}
	made := reaction{c.s.next("reaction"), by, in.Content, c.s.now()}
	one.reactions = append(one.reactions, made)
	return created(made.json(c.s))
}

func deleteReaction(c *call) answer {
	one, a, found := c.commentOf()
	if !found {
		return a
	}
	for i, r := range one.reactions {
		if r.id == c.id("reaction") && r.author == c.s.bot(c.inst.app) {
			one.reactions = slices.Delete(one.reactions, i, i+1)
			return answer{status: 204}
		}
	}
	return notFound()
}
