package gh

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// Run is a workflow run, at its latest attempt.
type Run struct {
	ID                 int64
	Attempt            int
	Event              string // push, pull_request, merge_group, …
	Status, Conclusion string // Conclusion is "" until Status is completed
	HeadSHA            string // of the branch, also where the run built a merge
	HeadBranch         string
	Path               string // .github/workflows/kernel.yml
	Name, URL          string // URL: for people
	RepoID, HeadRepoID int64  // HeadRepoID: 0 when the fork was deleted
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// wireRun is GitHub's; go-github v60 lacks the path.
type wireRun struct {
	ID         int64     `json:"id"`
	Attempt    int       `json:"run_attempt"`
	Event      string    `json:"event"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion"`
	HeadSHA    string    `json:"head_sha"`
	HeadBranch string    `json:"head_branch"`
	Path       string    `json:"path"`
	Name       string    `json:"name"`
	URL        string    `json:"html_url"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	Repo       struct {
		ID int64 `json:"id"`
	} `json:"repository"`
	HeadRepo struct {
		ID int64 `json:"id"`
	} `json:"head_repository"`
}

func (r wireRun) run() Run {
	return Run{
		ID: r.ID, Attempt: r.Attempt, Event: r.Event, Status: r.Status, Conclusion: r.Conclusion, HeadSHA: r.HeadSHA,
		HeadBranch: r.HeadBranch, Path: workflowPath(r.Path), Name: r.Name, URL: r.URL, RepoID: r.Repo.ID,
		HeadRepoID: r.HeadRepo.ID, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// RunFilter narrows Runs; what is empty does not.
type RunFilter struct {
	HeadSHA, Event, Branch string
	WorkflowFile           string // kernel.yml
	Status                 string // a status or a conclusion
	Limit                  int    // at most that many; 0: 1,000, which is also the most that GitHub returns
}

// Runs lists runs, newest first. ErrNotFound when the workflow file never existed.
func (c *Client) Runs(ctx context.Context, repo Repo, f RunFilter) ([]Run, error) {
	op := "list workflow runs of " + repo.String()
	if err := repo.check(op); err != nil {
		return nil, err
	}
	path := repo.path("actions/runs")
	if f.WorkflowFile != "" {
		path = repo.path("actions/workflows/%s/runs", f.WorkflowFile)
	}
	query := url.Values{"exclude_pull_requests": {"true"}}
	for key, value := range map[string]string{"head_sha": f.HeadSHA, "event": f.Event, "branch": f.Branch, "status": f.Status} {
		if value != "" {
			query.Set(key, value)
		}
	}
	if f.Limit <= 0 || f.Limit > 1000 {
		f.Limit = 1000
	}
	list, err := pages(f.Limit, func(r wireRun) int64 { return r.ID }, func(o github.ListOptions) ([]wireRun, *github.Response, error) {
		var page struct {
			Runs []wireRun `json:"workflow_runs"`
		}
		resp, err := send(ctx, c.api, http.MethodGet, path+"?"+paged(query, o), nil, &page)
		return page.Runs, resp, err
	})
	if err != nil {
		return nil, c.app.fail(op, err)
	}
	var out []Run
	for _, r := range list {
		out = append(out, r.run())
	}
	return out, nil
}

// paged is the query with the page asked for.
func paged(query url.Values, o github.ListOptions) string {
	query.Set("per_page", strconv.Itoa(o.PerPage))
	if o.Page > 0 {
		query.Set("page", strconv.Itoa(o.Page))
	}
	return query.Encode()
}

// RunByID reads a run.
func (c *Client) RunByID(ctx context.Context, repo Repo, id int64) (Run, error) {
	op := fmt.Sprintf("read workflow run %d of %s", id, repo)
	if err := repo.check(op); err != nil {
		return Run{}, err
	}
	var r wireRun
	_, err := send(ctx, c.api, http.MethodGet, repo.path("actions/runs/%d?exclude_pull_requests=true", id), nil, &r)
	if err != nil {
		return Run{}, c.app.fail(op, err)
	}
	if r.ID != id {
		return Run{}, unusable(op)
	}
	return r.run(), nil
}

// FailedStep returns the job and the step that ended the run's latest attempt, and the job's page: the first that
// failed, else timed out, else was cancelled. The step is "" when the job ended before its steps; all three are "" when
// no job did. At most 1,000 jobs are looked at.
func (c *Client) FailedStep(ctx context.Context, repo Repo, runID int64) (job, step, url string, err error) {
	op := fmt.Sprintf("read jobs of workflow run %d of %s", runID, repo)
	if err := repo.check(op); err != nil {
		return "", "", "", err
	}
	jobs, err := pages(1000, (*github.WorkflowJob).GetID, func(o github.ListOptions) ([]*github.WorkflowJob, *github.Response, error) {
		l, resp, err := c.api.Actions.ListWorkflowJobs(ctx, repo.Owner, repo.Name, runID, &github.ListWorkflowJobsOptions{Filter: "latest", ListOptions: o})
		if err != nil || l == nil { // nil: an empty answer
			return nil, resp, err
		}
		return l.Jobs, resp, nil
	})
	if err != nil {
		return "", "", "", c.app.fail(op, err)
	}
	for _, bad := range []string{"failure", "timed_out", "cancelled"} {
		for _, j := range jobs {
			if j.GetConclusion() != bad {
				continue
			}
			for _, s := range j.Steps {
				if s.GetConclusion() == bad {
					return j.GetName(), s.GetName(), j.GetHTMLURL(), nil
				}
			}
			return j.GetName(), "", j.GetHTMLURL(), nil
		}
	}
	return "", "", "", nil
}

// Artifact is what a run uploaded. A run that was tried again may hold several of one name.
type Artifact struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Size      int64     `json:"size_in_bytes"` // of the zip file
	Expired   bool      `json:"expired"`
	Digest    string    `json:"digest"` // of the zip file, "sha256:…", or ""
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Artifacts lists a run's artifacts, of all attempts and expired ones too, at most 3,000. Asked for without go-github's
// type: v60 knows no digest, and no listing filters by name.
func (c *Client) Artifacts(ctx context.Context, repo Repo, runID int64) ([]Artifact, error) {
	op := fmt.Sprintf("list artifacts of workflow run %d of %s", runID, repo)
	if err := repo.check(op); err != nil {
		return nil, err
	}
	path := repo.path("actions/runs/%d/artifacts", runID)
	list, err := pages(3000, func(a Artifact) int64 { return a.ID }, func(o github.ListOptions) ([]Artifact, *github.Response, error) {
		var page struct {
			Artifacts []Artifact `json:"artifacts"`
		}
		resp, err := send(ctx, c.api, http.MethodGet, path+"?"+paged(url.Values{}, o), nil, &page)
		return page.Artifacts, resp, err
	})
	return list, c.app.fail(op, err)
}

// ArtifactURL asks where an artifact lies: an address on another host, good for about a minute, secret, and to be
// fetched without credentials. It is not followed. ClassGone when the artifact has expired.
func (c *Client) ArtifactURL(ctx context.Context, repo Repo, id int64) (string, error) {
	op := fmt.Sprintf("get the address of artifact %d of %s", id, repo)
	if err := repo.check(op); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, c.app.timeout)
	defer cancel()
	path := repo.path("actions/artifacts/%d/zip", id)
	for range 3 {
		req, err := c.api.NewRequest(http.MethodGet, path, nil)
		if err != nil {
			return "", c.app.fail(op, err)
		}
		// Not through http.Client: its errors about redirects quote the address.
		resp, err := c.gate.RoundTrip(req.WithContext(ctx))
		if err != nil {
			return "", c.app.fail(op, err)
		}
		resp.Body.Close()
		to, err := resp.Location()
		if err != nil || to.Host == "" || to.User != nil || to.Scheme != "https" && to.Scheme != "http" {
			return "", &Error{Op: op, Status: resp.StatusCode, Class: ClassTemporary, Message: "the answer is no redirect to an artifact"}
		}
		switch resp.StatusCode {
		case http.StatusFound:
			return to.String(), nil
		case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect: // a renamed repository
			path = to.String()
		default:
			return "", &Error{Op: op, Status: resp.StatusCode, Class: ClassTemporary, Message: "the answer is no redirect to an artifact"}
		}
	}
	return "", &Error{Op: op, Class: ClassPermanent, Message: "redirected too often"}
}

// workflowPath cuts off the "@refs/…" that GitHub puts behind some paths.
func workflowPath(path string) string {
	path, _, _ = strings.Cut(path, "@")
	return path
}
