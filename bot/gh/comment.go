package gh

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"
)

// wireComment is GitHub's; go-github v60 does not say which App wrote a comment.
type wireComment struct {
	ID        int64     `json:"id"`
	Body      string    `json:"body"`
	IssueURL  string    `json:"issue_url"`
	CreatedAt time.Time `json:"created_at"`
	User      wireUser  `json:"user"`
	App       *struct {
		ID int64 `json:"id"`
	} `json:"performed_via_github_app"`
}

func (w wireComment) app() int64 {
	if w.App == nil {
		return 0
	}
	return w.App.ID
}

// same says whether writing body would change nothing. GitHub may normalize line ends and the end of the text.
func (w wireComment) same(body string) bool {
	plain := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return plain(w.Body) == plain(body)
}

// PutComment makes body the text of our one comment on a pull request and returns the comment's id.
//
// The comment is the one with the given id (from the store; 0: none), if it is there, on this pull request and a bot's
// of ours. Otherwise it is the oldest of the first 3,000 comments that our App wrote and whose body satisfies marker;
// others of ours that do so are deleted. Otherwise it is created. What somebody else wrote is never touched, whatever it
// says. Where the text is the same already, nothing is written.
//
// There can be several kinds of comments of ours, each with a marker that no other kind's text satisfies.
//
// A body of more than 65,536 characters is refused before anything is sent. ClassLocked: the conversation is locked.
func (c *Client) PutComment(ctx context.Context, repo Repo, pull int, id int64, marker func(body string) bool, body string) (commentID int64, err error) {
	op := fmt.Sprintf("comment on %s#%d", repo, pull)
	if err := repo.check(op); err != nil {
		return 0, err
	}
	switch n := utf8.RuneCountInString(body); {
	case n > maxCommentBody:
		return 0, misuse(op, "the text has %d characters, at most %d are possible", n, maxCommentBody)
	case strings.TrimSpace(body) == "":
		return 0, misuse(op, "the text is empty")
	}
	commentID, err = c.putComment(ctx, repo, pull, id, marker, body)
	return commentID, c.app.fail(op, err)
}

func (c *Client) putComment(ctx context.Context, repo Repo, pull int, id int64, marker func(string) bool, body string) (int64, error) {
	if id != 0 {
		known, err := c.commentByID(ctx, repo, pull, id)
		if err == nil {
			err = c.editComment(ctx, repo, known, body)
		}
		if class, _ := Classify(err); class != ClassNotFound && class != ClassGone {
			return id, err
		}
	}
	ours, err := c.ownComments(ctx, repo, pull, marker)
	if err != nil {
		return 0, err
	}
	if len(ours) == 0 {
		var made wireComment
		_, err = send(ctx, c.api, http.MethodPost, repo.path("issues/%d/comments", pull), commentBody{body}, &made)
		if err == nil && made.ID == 0 {
			err = unusable("")
		}
		return made.ID, err
	}
	for _, double := range ours[1:] {
		if err := c.deleteComment(ctx, repo, double.ID); err != nil {
			return 0, err
		}
	}
	return ours[0].ID, c.editComment(ctx, repo, ours[0], body)
}

type commentBody struct {
	Body string `json:"body"`
}

// commentByID reads the comment that the store remembers. One that turns out to be another's is as good as gone. Where
// GitHub does not say which App wrote it, the store is believed, but never about a person's comment.
func (c *Client) commentByID(ctx context.Context, repo Repo, pull int, id int64) (wireComment, error) {
	var w wireComment
	_, err := send(ctx, c.api, http.MethodGet, repo.path("issues/comments/%d", id), nil, &w)
	if err != nil {
		return w, err
	}
	ours := w.app() == c.app.id || w.App == nil && w.User.Type == "Bot"
	if !ours || w.ID != id || !strings.HasSuffix(w.IssueURL, fmt.Sprintf("/issues/%d", pull)) {
		return w, &Error{Status: http.StatusOK, Class: ClassNotFound, Message: "the comment remembered is not ours"}
	}
	return w, nil
}

func (c *Client) editComment(ctx context.Context, repo Repo, w wireComment, body string) error {
	if w.same(body) {
		return nil
	}
	_, err := send(ctx, c.api, http.MethodPatch, repo.path("issues/comments/%d", w.ID), commentBody{body}, nil)
	return err
}

// deleteComment removes a comment of ours. That it is gone is fine, and that we may not is no reason to keep the other
// one from being written; only what another try can mend is an error.
func (c *Client) deleteComment(ctx context.Context, repo Repo, id int64) error {
	_, err := send(ctx, c.api, http.MethodDelete, repo.path("issues/comments/%d", id), nil, nil)
	switch class, _ := Classify(err); class {
	case ClassTemporary, ClassRateLimited, ClassAuth:
		return err
	case ClassForbidden, ClassLocked, ClassPermanent:
		c.app.log.WithField("repository", repo.String()).WithField("comment", id).
			WithError(c.app.fail("delete a comment of ours", err)).Warn("comment left in place")
	}
	return nil
}

// DeleteComments deletes our comments on a pull request: the one with the given id (0: none), if it is ours, and those of the first
// 3,000 that our App wrote and whose body satisfies marker. That there is none is fine. One that GitHub does not let us delete is
// logged and stays.
func (c *Client) DeleteComments(ctx context.Context, repo Repo, pull int, id int64, marker func(string) bool) error {
	op := fmt.Sprintf("delete our comment on %s#%d", repo, pull)
	if err := repo.check(op); err != nil {
		return err
	}
	ours, err := c.ownComments(ctx, repo, pull, marker)
	if err == nil && id != 0 && !slices.ContainsFunc(ours, func(w wireComment) bool { return w.ID == id }) {
		known, knownErr := c.commentByID(ctx, repo, pull, id)
		if class, _ := Classify(knownErr); class != ClassNotFound && class != ClassGone {
			ours, err = append(ours, known), knownErr
		}
	}
	for i := 0; i < len(ours) && err == nil; i++ {
		err = c.deleteComment(ctx, repo, ours[i].ID)
	}
	return c.app.fail(op, err)
}

// FindComment returns the oldest comment of the first 3,000 that our App wrote and that satisfies marker, or
// ErrNotFound.
func (c *Client) FindComment(ctx context.Context, repo Repo, pull int, marker func(string) bool) (id int64, err error) {
	op := fmt.Sprintf("find our comment on %s#%d", repo, pull)
	if err := repo.check(op); err != nil {
		return 0, err
	}
	ours, err := c.ownComments(ctx, repo, pull, marker)
	if err != nil {
		return 0, c.app.fail(op, err)
	}
	if len(ours) == 0 {
		return 0, &Error{Op: op, Status: http.StatusOK, Class: ClassNotFound, Message: "there is none"}
	}
	return ours[0].ID, nil
}

// ownComments lists comments that our App wrote and that satisfy marker, oldest first.
func (c *Client) ownComments(ctx context.Context, repo Repo, pull int, marker func(string) bool) ([]wireComment, error) {
	path := repo.path("issues/%d/comments", pull)
	all, err := pages(3000, func(w wireComment) int64 { return w.ID }, func(o github.ListOptions) ([]wireComment, *github.Response, error) {
		var page []wireComment
		resp, err := send(ctx, c.api, http.MethodGet, path+"?"+paged(url.Values{}, o), nil, &page)
		return page, resp, err
	})
	var ours []wireComment
	for _, w := range all {
		if w.app() == c.app.id && marker(w.Body) {
			ours = append(ours, w)
		}
	}
	slices.SortFunc(ours, func(x, y wireComment) int {
		return cmp.Or(x.CreatedAt.Compare(y.CreatedAt), cmp.Compare(x.ID, y.ID))
	})
	return ours, err
}

// React adds a reaction to a comment: +1, -1, eyes, confused, … Once more does no harm: GitHub answers 200 instead of 201.
// A review cannot be reacted to. On a pull request's comment it takes the permission on pull requests, though GitHub's page
// names the one on issues.
// https://docs.github.com/en/rest/reactions/reactions#create-reaction-for-an-issue-comment
func (c *Client) React(ctx context.Context, repo Repo, commentID int64, content string) error {
	op := fmt.Sprintf("react to comment %d of %s", commentID, repo)
	if err := repo.check(op); err != nil {
		return err
	}
	_, _, err := c.api.Reactions.CreateIssueCommentReaction(ctx, repo.Owner, repo.Name, commentID, content)
	return c.app.fail(op, err)
}
