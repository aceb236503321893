package gh

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/go-github/v60/github"
)

// Repo names a repository. Requests use Owner and Name, and follow GitHub's redirect after a rename; what is stored should
// be keyed by ID.
type Repo struct {
	ID                         int64
	Owner, Name, DefaultBranch string
	Private, Archived          bool
	Installation               int64
}

// String is owner/name.
func (r Repo) String() string { return r.Owner + "/" + r.Name }

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	shaForm  = regexp.MustCompile(`^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)
)

// validName holds off names that would make another path of a request's URL: go-github does not escape them.
func validName(s string) bool { return nameForm.MatchString(s) && s != "." && s != ".." }

func (r Repo) check(op string) error {
	if !validName(r.Owner) || !validName(r.Name) {
		return misuse(op, "%q is not a repository's name", oneLine(r.String()))
	}
	return nil
}

func checkSHA(op, sha string) error {
	if !shaForm.MatchString(sha) {
		return misuse(op, "%q is not a full commit id", oneLine(sha))
	}
	return nil
}

// path is a path of the API below the repository; its arguments are escaped.
func (r Repo) path(format string, args ...any) string {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = url.PathEscape(s)
		}
	}
	return "repos/" + r.Owner + "/" + r.Name + "/" + fmt.Sprintf(format, args...)
}

func (c *Client) repo(r *github.Repository) Repo {
	return Repo{
		ID: r.GetID(), Owner: r.GetOwner().GetLogin(), Name: r.GetName(), DefaultBranch: r.GetDefaultBranch(),
		Private: r.GetPrivate(), Archived: r.GetArchived(), Installation: c.id,
	}
}

// Repository reads a repository by its id, which renames and transfers do not change.
func (c *Client) Repository(ctx context.Context, id int64) (Repo, error) {
	r, _, err := c.api.Repositories.GetByID(ctx, id)
	if err != nil {
		return Repo{}, c.app.fail(fmt.Sprintf("read repository %d", id), err)
	}
	if r.GetID() != id {
		return Repo{}, unusable(fmt.Sprintf("read repository %d", id))
	}
	return c.repo(r), nil
}

// Repositories lists what the installation covers, at most 10,000.
func (c *Client) Repositories(ctx context.Context) ([]Repo, error) {
	list, err := pages(10_000, (*github.Repository).GetID, func(o github.ListOptions) ([]*github.Repository, *github.Response, error) {
		l, resp, err := c.api.Apps.ListRepos(ctx, &o)
		if err != nil || l == nil { // nil: an empty answer
			return nil, resp, err
		}
		return l.Repositories, resp, nil
	})
	if err != nil {
		return nil, c.app.fail(fmt.Sprintf("list repositories of installation %d", c.id), err)
	}
	var out []Repo
	for _, r := range list {
		if r != nil {
			out = append(out, c.repo(r))
		}
	}
	return out, nil
}

// File reads a file of at most 1 MB (GitHub's limit) at a branch, tag or commit. ErrNotFound when there is none.
func (c *Client) File(ctx context.Context, repo Repo, path, ref string) ([]byte, error) {
	op := fmt.Sprintf("read %s of %s at %s", oneLine(path), repo, oneLine(ref))
	file, err := c.contents(ctx, op, repo, path, ref)
	if err != nil {
		return nil, err
	}
	if file.Type != "file" || file.Encoding != "base64" {
		return nil, &Error{Op: op, Status: 200, Class: ClassPermanent, Message: "not a file of at most 1 MB"}
	}
	text, err := base64.StdEncoding.DecodeString(file.Content) // skips line ends
	if err != nil {
		return nil, c.app.fail(op, err)
	}
	return text, nil
}

// FileID returns git's id of a file's contents at a branch, tag or commit: two files have the same one when they are equal.
// ErrNotFound when there is none.
func (c *Client) FileID(ctx context.Context, repo Repo, path, ref string) (string, error) {
	op := fmt.Sprintf("look for %s of %s at %s", oneLine(path), repo, oneLine(ref))
	file, err := c.contents(ctx, op, repo, path, ref)
	if err == nil && file.SHA == "" {
		err = &Error{Op: op, Status: 200, Class: ClassPermanent, Message: "not a file"}
	}
	return file.SHA, err
}

type contents struct {
	Type     string `json:"type"`
	SHA      string `json:"sha"`
	Encoding string `json:"encoding"`
	Content  string `json:"content"`
}

// contents reads what is at a path. For a folder it is empty.
// https://docs.github.com/en/rest/repos/contents#get-repository-content
func (c *Client) contents(ctx context.Context, op string, repo Repo, path, ref string) (contents, error) {
	if err := repo.check(op); err != nil {
		return contents{}, err
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return contents{}, misuse(op, "want a path below the repository's root")
		}
	}
	query := url.Values{}
	if ref != "" {
		query.Set("ref", ref)
	}
	var file contents
	escaped := (&url.URL{Path: path}).EscapedPath()
	_, err := send(ctx, c.api, "GET", repo.path("contents/")+escaped+"?"+query.Encode(), nil, &fileOrList{&file})
	return file, c.app.fail(op, err)
}

// fileOrList decodes a file's object, and leaves it empty for the array that a directory is.
type fileOrList struct{ file any }

func (f *fileOrList) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return nil
	}
	return json.Unmarshal(data, f.file)
}
