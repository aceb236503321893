package gh

import (
	"context"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"
)

// GitHub's limits.
const (
	maxCheckText   = 65_535 // bytes, though the documentation says characters
	maxCommentBody = 65_536 // characters
)

// Check is a check run of ours.
type Check struct {
	ID                   int64 // 0: not known
	HeadSHA, Name        string
	Status               string // queued, in_progress or completed
	Conclusion           string // only with completed: success, neutral, failure, action_required, …
	Title, Summary, Text string // Markdown, except Title; an empty Summary becomes Title; 65,535 bytes at most
	DetailsURL           string
	ExternalID           string
	Actions              []CheckAction // at most 3
	Annotations          []Annotation  // at most 1,000; see PutCheck
}

// CheckAction is a button of a check run.
type CheckAction struct {
	Label       string `json:"label"`       // at most 20 characters
	Description string `json:"description"` // at most 40
	Identifier  string `json:"identifier"`  // at most 20
}

// checkBody is what is sent. Actions is a pointer, so that an update can take buttons away.
type checkBody struct {
	Name       string         `json:"name"`
	HeadSHA    string         `json:"head_sha,omitempty"`
	Status     string         `json:"status"`
	Conclusion string         `json:"conclusion,omitempty"`
	DetailsURL string         `json:"details_url,omitempty"`
	ExternalID string         `json:"external_id,omitempty"`
	Output     *checkOutput   `json:"output,omitempty"`
	Actions    *[]CheckAction `json:"actions,omitempty"`
}

type checkOutput struct {
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	Text        string       `json:"text"`
	Annotations []Annotation `json:"annotations,omitempty"`
}

// PutCheck writes a check run and returns its id. With an ID it is updated; without one, or when that one is gone, our
// App's newest check run of that name on that commit is, and only when there is none it is created. So a write that was
// not recorded is not repeated.
//
// Annotations are added, never taken away: GitHub has no way to. Those that the check run has already are not sent again,
// so a check can be written any number of times with the same ones; where there are more than 50, they take several
// updates. An annotation that no longer holds stays on its commit.
// https://docs.github.com/en/rest/checks/runs#update-a-check-run
func (c *Client) PutCheck(ctx context.Context, repo Repo, check Check) (id int64, err error) {
	op := fmt.Sprintf("write check run %s on %s of %s", oneLine(check.Name), oneLine(check.HeadSHA), repo)
	if err := repo.check(op); err != nil {
		return 0, err
	}
	if err := check.validate(op); err != nil {
		return 0, err
	}
	if check.ID != 0 {
		err = c.updateCheck(ctx, repo, check)
		if class, _ := Classify(err); class != ClassNotFound {
			return check.ID, c.app.fail(op, err)
		}
	}
	if check.ID, err = c.findCheck(ctx, repo, check.HeadSHA, check.Name); err != nil {
		return 0, c.app.fail(op, err)
	}
	if check.ID != 0 {
		return check.ID, c.app.fail(op, c.updateCheck(ctx, repo, check))
	}
	var made struct {
		ID int64 `json:"id"`
	}
	notes := without(check.Annotations, nil)
	first := min(len(notes), maxAnnotations)
	body := check.body(notes[:first])
	body.HeadSHA = check.HeadSHA
	if len(check.Actions) > 0 {
		body.Actions = &check.Actions
	}
	_, err = send(ctx, c.api, http.MethodPost, repo.path("check-runs"), body, &made)
	if err == nil && made.ID == 0 {
		err = unusable("")
	}
	if err == nil && first < len(notes) {
		check.ID = made.ID
		err = c.patchCheck(ctx, repo, check, notes[first:])
	}
	return made.ID, c.app.fail(op, err)
}

func (c *Client) updateCheck(ctx context.Context, repo Repo, check Check) error {
	var notes []Annotation
	if len(check.Annotations) > 0 {
		have, err := c.annotations(ctx, repo, check.ID)
		if err != nil {
			return err
		}
		notes = without(check.Annotations, have)
	}
	return c.patchCheck(ctx, repo, check, notes)
}

// patchCheck updates a check run, several times if there are more annotations than one request takes.
func (c *Client) patchCheck(ctx context.Context, repo Repo, check Check, notes []Annotation) error {
	actions := append([]CheckAction{}, check.Actions...) // never null
	for {
		part := min(len(notes), maxAnnotations)
		body := check.body(notes[:part])
		body.Actions = &actions
		_, err := send(ctx, c.api, http.MethodPatch, repo.path("check-runs/%d", check.ID), body, nil)
		if notes = notes[part:]; err != nil || len(notes) == 0 {
			return err
		}
	}
}

// findCheck returns the id of our newest check run of that name, or 0. Another App's of the same name is not ours.
func (c *Client) findCheck(ctx context.Context, repo Repo, sha, name string) (int64, error) {
	runs, err := pages(1000, (*github.CheckRun).GetID, func(o github.ListOptions) ([]*github.CheckRun, *github.Response, error) {
		l, resp, err := c.api.Checks.ListCheckRunsForRef(ctx, repo.Owner, repo.Name, sha, &github.ListCheckRunsOptions{
			CheckName: &name, AppID: &c.app.id, Filter: github.String("all"), ListOptions: o,
		})
		if err != nil || l == nil { // nil: an empty answer
			return nil, resp, err
		}
		return l.CheckRuns, resp, nil
	})
	newest := int64(0)
	for _, r := range runs {
		if r.GetApp().GetID() == c.app.id && r.GetName() == name && r.GetHeadSHA() == sha {
			newest = max(newest, r.GetID())
		}
	}
	return newest, err
}

func (c Check) body(notes []Annotation) checkBody {
	body := checkBody{Name: c.Name, Status: c.Status, Conclusion: c.Conclusion, DetailsURL: c.DetailsURL, ExternalID: c.ExternalID}
	if c.Title != "" {
		body.Output = &checkOutput{Title: c.Title, Summary: c.Summary, Text: c.Text, Annotations: notes}
		if c.Summary == "" {
			body.Output.Summary = c.Title
		}
	}
	return body
}

func (c Check) validate(op string) error {
	if err := checkSHA(op, c.HeadSHA); err != nil {
		return err
	}
	switch {
	case c.Name == "":
		return misuse(op, "the check run has no name")
	case c.Status != "queued" && c.Status != "in_progress" && c.Status != "completed":
		return misuse(op, "unknown status %q", c.Status)
	case (c.Status == "completed") != (c.Conclusion != ""):
		return misuse(op, "status %s does not go with conclusion %q", c.Status, c.Conclusion)
	case c.Title == "" && (c.Summary != "" || c.Text != "" || len(c.Annotations) > 0):
		return misuse(op, "a text or annotations without a title")
	case len(c.Summary) > maxCheckText, len(c.Text) > maxCheckText, len(c.Title) > maxCheckText:
		return misuse(op, "title, summary or text is longer than %d bytes", maxCheckText)
	case len(c.Actions) > 3:
		return misuse(op, "%d buttons, at most 3", len(c.Actions))
	}
	for _, a := range c.Actions {
		if a.Label == "" || a.Identifier == "" || a.Description == "" || utf8.RuneCountInString(a.Label) > 20 ||
			utf8.RuneCountInString(a.Description) > 40 || utf8.RuneCountInString(a.Identifier) > 20 {
			return misuse(op, "button %q: label and identifier have 1 to 20 characters, the description 1 to 40", a.Label)
		}
	}
	return validateAnnotations(op, c.Annotations)
}
