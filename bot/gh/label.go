package gh

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"
)

// maxLabelName is GitHub's limit, in characters.
const maxLabelName = 50

// Label is a label that is on a pull request, and who set it last.
type Label struct {
	Name string
	By   Sender    // zero when GitHub does not say
	At   time.Time // zero when GitHub does not say
}

type wireLabel struct {
	Name string `json:"name"`
}

// SetLabels adds the labels whose value is true and removes those whose value is false. It leaves all others alone, and
// writes nothing where all is so already. GitHub does not tell capital letters in labels from small ones.
//
// A label that the repository does not have is made, which takes the extra permission on issues; without, the error is
// ClassForbidden.
// https://docs.github.com/en/rest/issues/labels#add-labels-to-an-issue
func (c *Client) SetLabels(ctx context.Context, repo Repo, pull int, want map[string]bool) error {
	op := fmt.Sprintf("label %s#%d", repo, pull)
	if err := repo.check(op); err != nil {
		return err
	}
	for name := range want {
		if n := utf8.RuneCountInString(name); n == 0 || n > maxLabelName || name == "." || name == ".." {
			return misuse(op, "%q is no label", oneLine(name))
		}
	}
	return c.app.fail(op, c.setLabels(ctx, repo, pull, want))
}

func (c *Client) setLabels(ctx context.Context, repo Repo, pull int, want map[string]bool) error {
	have, err := c.labels(ctx, repo, pull)
	if err != nil {
		return err
	}
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		there := slices.ContainsFunc(have, func(l wireLabel) bool { return strings.EqualFold(l.Name, name) })
		switch {
		case want[name] && !there:
			missing = append(missing, name)
		case !want[name] && there:
			_, err := send(ctx, c.api, http.MethodDelete, repo.path("issues/%d/labels/%s", pull, name), nil, nil)
			if class, _ := Classify(err); err != nil && class != ClassNotFound { // somebody else was faster
				return err
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = send(ctx, c.api, http.MethodPost, repo.path("issues/%d/labels", pull), map[string]any{"labels": missing}, nil)
	return err
}

func (c *Client) labels(ctx context.Context, repo Repo, pull int) ([]wireLabel, error) {
	path := repo.path("issues/%d/labels", pull)
	return pages(1000, func(l wireLabel) wireLabel { return l }, func(o github.ListOptions) ([]wireLabel, *github.Response, error) {
		var page []wireLabel
		resp, err := send(ctx, c.api, http.MethodGet, path+"?"+paged(url.Values{}, o), nil, &page)
		return page, resp, err
	})
}

// issueEvent is an entry of a pull request's history.
type issueEvent struct {
	ID        int64     `json:"id"`
	Event     string    `json:"event"`
	Actor     *wireUser `json:"actor"` // null: the account was deleted
	CreatedAt time.Time `json:"created_at"`
	Label     wireLabel `json:"label"`
}

// LabelsSet lists the labels that are on the pull request now, by name, with who set each and when. Where the history does
// not tell, as of a label that was renamed since, By and At are zero.
// https://docs.github.com/en/rest/issues/events#list-issue-events
func (c *Client) LabelsSet(ctx context.Context, repo Repo, pull int) ([]Label, error) {
	op := fmt.Sprintf("read labels of %s#%d", repo, pull)
	if err := repo.check(op); err != nil {
		return nil, err
	}
	have, err := c.labels(ctx, repo, pull)
	if err != nil {
		return nil, c.app.fail(op, err)
	}
	have = slices.DeleteFunc(have, func(l wireLabel) bool { return l.Name == "" })
	if len(have) == 0 {
		return nil, nil
	}
	set, err := c.labelHistory(ctx, repo, pull)
	if err != nil {
		return nil, c.app.fail(op, err)
	}
	var out []Label
	for _, l := range have {
		last := set[strings.ToLower(l.Name)]
		last.Name = l.Name
		out = append(out, last)
	}
	slices.SortFunc(out, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// labelHistory is who set what last, by small letters, of the labels that were not taken away again.
func (c *Client) labelHistory(ctx context.Context, repo Repo, pull int) (map[string]Label, error) {
	path := repo.path("issues/%d/events", pull)
	events, err := pages(10_000, func(e issueEvent) int64 { return e.ID }, func(o github.ListOptions) ([]issueEvent, *github.Response, error) {
		var page []issueEvent
		resp, err := send(ctx, c.api, http.MethodGet, path+"?"+paged(url.Values{}, o), nil, &page)
		return page, resp, err
	})
	slices.SortStableFunc(events, func(a, b issueEvent) int { return a.CreatedAt.Compare(b.CreatedAt) })
	set := map[string]Label{}
	for _, e := range events {
		name := strings.ToLower(e.Label.Name)
		switch {
		case e.Event == "labeled" && e.Actor != nil:
			set[name] = Label{By: e.Actor.sender(), At: e.CreatedAt}
		case e.Event == "labeled", e.Event == "unlabeled":
			delete(set, name)
		}
	}
	return set, err
}
