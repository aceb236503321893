package gh

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// methods are all that send requests about a repository.
var methods = map[string]func(context.Context, *Client, Repo) error{
	"PullRequest":      func(ctx context.Context, c *Client, r Repo) error { _, err := c.PullRequest(ctx, r, 1); return err },
	"OpenPullRequests": func(ctx context.Context, c *Client, r Repo) error { _, err := c.OpenPullRequests(ctx, r); return err },
	"PullRequestsOfHead": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.PullRequestsOfHead(ctx, r, "dev", "b", sha1st, 9)
		return err
	},
	"Commit": func(ctx context.Context, c *Client, r Repo) error { _, err := c.Commit(ctx, r, sha1st); return err },
	"MergeBase": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.MergeBase(ctx, r, "a", "b")
		return err
	},
	"FirstParents": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.FirstParents(ctx, r, sha1st, 9)
		return err
	},
	"Contains": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.Contains(ctx, r, "b", sha1st)
		return err
	},
	"Runs":    func(ctx context.Context, c *Client, r Repo) error { _, err := c.Runs(ctx, r, RunFilter{}); return err },
	"RunByID": func(ctx context.Context, c *Client, r Repo) error { _, err := c.RunByID(ctx, r, 1); return err },
	"FailedStep": func(ctx context.Context, c *Client, r Repo) error {
		_, _, _, err := c.FailedStep(ctx, r, 1)
		return err
	},
	"Artifacts":   func(ctx context.Context, c *Client, r Repo) error { _, err := c.Artifacts(ctx, r, 1); return err },
	"ArtifactURL": func(ctx context.Context, c *Client, r Repo) error { _, err := c.ArtifactURL(ctx, r, 1); return err },
	"File": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.File(ctx, r, "a/b.yml", "main")
		return err
	},
	"PutCheck": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.PutCheck(ctx, r, Check{HeadSHA: sha1st, Name: "n", Status: "queued", Title: "t"})
		return err
	},
	"PutCheck by id": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.PutCheck(ctx, r, Check{ID: 3, HeadSHA: sha1st, Name: "n", Status: "queued", Title: "t"})
		return err
	},
	"PutComment": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.PutComment(ctx, r, 1, 0, ours, "x")
		return err
	},
	"PutComment by id": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.PutComment(ctx, r, 1, 3, ours, "x")
		return err
	},
	"FindComment": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.FindComment(ctx, r, 1, ours)
		return err
	},
	"PutCheck with annotations": func(ctx context.Context, c *Client, r Repo) error {
		_, err := c.PutCheck(ctx, r, noted)
		return err
	},
	"PutCheck with annotations by id": func(ctx context.Context, c *Client, r Repo) error {
		check := noted
		check.ID = 3
		_, err := c.PutCheck(ctx, r, check)
		return err
	},
	"PullCommits": func(ctx context.Context, c *Client, r Repo) error { _, err := c.PullCommits(ctx, r, 1); return err },
	"PullFiles":   func(ctx context.Context, c *Client, r Repo) error { _, _, err := c.PullFiles(ctx, r, 1); return err },
	"SetLabels": func(ctx context.Context, c *Client, r Repo) error {
		return c.SetLabels(ctx, r, 1, map[string]bool{"size": true})
	},
	"LabelsSet": func(ctx context.Context, c *Client, r Repo) error { _, err := c.LabelsSet(ctx, r, 1); return err },
	"Role": func(ctx context.Context, c *Client, r Repo) error {
		role, err := c.Role(ctx, r, "dev")
		if err == nil && role == RoleNone { // that there is no such user is an answer
			err = &Error{Op: "read a role", Class: ClassNotFound, Message: "none"}
		}
		return err
	},
	"React": func(ctx context.Context, c *Client, r Repo) error { return c.React(ctx, r, 1, "eyes") },
}

var noted = Check{HeadSHA: sha1st, Name: "n", Status: "queued", Title: "t",
	Annotations: []Annotation{{Path: "p", StartLine: 1, EndLine: 1, Level: "notice", Message: "m"}}}

// others are those about the App, or about no repository by name.
var others = map[string]func(context.Context, *App, *Client) error{
	"HookConfig":     func(ctx context.Context, a *App, _ *Client) error { _, err := a.HookConfig(ctx); return err },
	"LastDeliveries": func(ctx context.Context, a *App, _ *Client) error { _, err := a.LastDeliveries(ctx); return err },
	"Slug":           func(ctx context.Context, a *App, _ *Client) error { _, _, _, _, err := a.Slug(ctx); return err },
	"Installations":  func(ctx context.Context, a *App, _ *Client) error { _, err := a.Installations(ctx); return err },
	"FailedDeliveries": func(ctx context.Context, a *App, _ *Client) error {
		_, err := a.FailedDeliveries(ctx, time.Now())
		return err
	},
	"DeliveryPayload": func(ctx context.Context, a *App, _ *Client) error {
		_, _, _, err := a.DeliveryPayload(ctx, 1)
		return err
	},
	"TeamMember": func(ctx context.Context, _ *App, c *Client) error {
		in, err := c.TeamMember(ctx, "o", "t", "dev")
		if err == nil && !in { // that there is no such member is an answer
			err = &Error{Op: "look for a member", Class: ClassNotFound, Message: "none"}
		}
		return err
	},
	"Repository":   func(ctx context.Context, _ *App, c *Client) error { _, err := c.Repository(ctx, 1); return err },
	"Repositories": func(ctx context.Context, _ *App, c *Client) error { _, err := c.Repositories(ctx); return err },
}

// TestEveryMethodFails lets each method meet each kind of failure: the class is right, the message names what was wanted,
// and nothing is tried a second time.
func TestEveryMethodFails(t *testing.T) {
	notTokens := func(r *http.Request) bool { return !forToken(r.URL.Path) }
	for _, tt := range []struct {
		name  string
		fault ghtest.Fault
		class Class
	}{
		{"403", ghtest.Fault{Status: 403, Body: `{"message":"Resource not accessible by integration"}`}, ClassForbidden},
		{"404", ghtest.Fault{Status: 404, Body: `{"message":"Not Found"}`}, ClassNotFound},
		{"410", ghtest.Fault{Status: 410, Body: `{"message":"Gone"}`}, ClassGone},
		{"422", ghtest.Fault{Status: 422, Body: `{"message":"Validation Failed"}`}, ClassPermanent},
		{"429", ghtest.SecondaryLimited(nil, 429, 7*time.Second), ClassRateLimited},
		{"403 limit", ghtest.RateLimited(nil, time.Now().Add(time.Minute)), ClassRateLimited},
		{"500", ghtest.Fault{Status: 500}, ClassTemporary},
		{"502", ghtest.Fault{Status: 502, Body: "<html>"}, ClassTemporary},
		{"cut", ghtest.Fault{Cut: true}, ClassTemporary},
		{"slow", ghtest.Fault{Delay: time.Minute}, ClassTemporary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := ghtest.New(ghtest.Options{AppID: testApp, PEM: testKey(), T: t})
			url, stop := s.Start()
			t.Cleanup(stop)
			inst := s.AddInstallation("o")
			tt.fault.Match = notTokens
			s.AddFault(tt.fault)
			fails := func(name string, call func(*App, *Client) error) {
				o := Options{BaseURL: url, AppID: testApp, Key: testKey()}
				if tt.fault.Delay > 0 {
					o.Timeout = 100 * time.Millisecond
				}
				app, err := New(o) // a limit of one call must not hold back the next
				if err != nil {
					t.Fatal(err)
				}
				s.ResetCalls()
				err = call(app, app.Installation(inst))
				e, ok := err.(*Error)
				if !ok {
					t.Fatalf("%s: %T %v", name, err, err)
				}
				if class, _ := Classify(err); class != tt.class {
					t.Errorf("%s: class %v of %v, want %v", name, class, err, tt.class)
				}
				if e.Op == "" || e.Message == "" || strings.ContainsAny(e.Error(), "\n?") || strings.Contains(e.Error(), url) {
					t.Errorf("%s: message %q", name, e)
				}
				sent := 0
				for _, c := range s.Calls() {
					if !forToken(c.Path) {
						sent++
					}
				}
				limit := 1
				if strings.HasSuffix(name, "by id") && (tt.class == ClassNotFound || tt.class == ClassGone) {
					limit = 2 // then it searches
				}
				if tt.fault.Cut && limit < 4 {
					limit = 4 // net/http tries again by itself
				}
				if sent > limit && tt.fault.Delay == 0 { // what timed out is recorded late
					t.Errorf("%s: %d requests", name, sent)
				}
			}
			for name, call := range methods {
				fails(name, func(_ *App, c *Client) error { return call(t.Context(), c, testRepo) })
			}
			for name, call := range others {
				fails(name, func(a *App, c *Client) error { return call(t.Context(), a, c) })
			}
		})
	}
}

// TestHostileNames: names that would lead a request somewhere else are not sent.
func TestHostileNames(t *testing.T) {
	_, c := fakeClient(t) // fails the test on any request
	for _, r := range []Repo{
		{}, {Owner: "o"}, {Owner: "..", Name: "r"}, {Owner: "o", Name: ".."}, {Owner: "o/p", Name: "r"}, {Owner: "o", Name: "r?x=1"},
		{Owner: "o", Name: "r#"}, {Owner: "o", Name: "r%2e"}, {Owner: "o", Name: "r\n"}, {Owner: "o", Name: strings.Repeat("r", 101)},
	} {
		for name, call := range methods {
			if class, _ := Classify(call(t.Context(), c, r)); class != ClassPermanent {
				t.Errorf("%s of %q: %v", name, r, class)
			}
		}
	}
	for _, sha := range []string{"", "main", strings.Repeat("g", 40), sha1st + "/..", sha1st[:39]} {
		if _, err := c.Commit(t.Context(), testRepo, sha); err == nil {
			t.Errorf("commit %q was asked for", sha)
		}
		if _, err := c.FirstParents(t.Context(), testRepo, sha, 3); err == nil {
			t.Errorf("history of %q was asked for", sha)
		}
		if _, err := c.Contains(t.Context(), testRepo, "main", sha); err == nil {
			t.Errorf("%q was looked for", sha)
		}
	}
	if _, err := c.MergeBase(t.Context(), testRepo, "", "main"); err == nil {
		t.Error("a comparison with nothing")
	}
}

// TestBranchNamesAreEscaped: what is allowed in a ref must not change the request.
func TestBranchNamesAreEscaped(t *testing.T) {
	f, c := fakeClient(t)
	f.on("GET repos/o/r/compare/{range}", func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.PathValue("range"), "feature/a+b#1%x&y...dev:b"; got != want {
			t.Errorf("asked for %q, want %q", got, want)
		}
		reply(w, map[string]any{"status": "behind", "merge_base_commit": map[string]any{"sha": sha2nd}})
	})
	if got, err := c.MergeBase(t.Context(), testRepo, "feature/a+b#1%x&y", "dev:b"); err != nil || got != sha2nd {
		t.Errorf("%q, %v", got, err)
	}
	f.on("GET repos/o/r/actions/workflows/{file}/runs", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("file") != "../a b.yml" || r.URL.Query().Get("branch") != "a&status=success" {
			t.Errorf("asked for %s", r.URL)
		}
		reply(w, map[string]any{})
	})
	if _, err := c.Runs(t.Context(), testRepo, RunFilter{WorkflowFile: "../a b.yml", Branch: "a&status=success"}); err != nil {
		t.Error(err)
	}
}

// TestNullsEverywhere: fields that GitHub leaves out, or that are null, are zero.
func TestNullsEverywhere(t *testing.T) {
	f, c := fakeClient(t)
	f.json("GET repos/o/r/pulls/1", map[string]any{"number": 1, "head": nil, "user": nil, "labels": nil})
	f.json("GET repos/o/r/pulls", []any{nil, map[string]any{"id": 1, "number": 2, "state": "open", "head": map[string]any{"repo": nil, "user": nil}}})
	f.json("GET repos/o/r/git/commits/"+sha1st, map[string]any{"sha": sha1st, "tree": nil, "parents": []any{nil}, "committer": nil})
	f.json("GET repos/o/r/compare/{range}", map[string]any{"merge_base_commit": nil})
	f.json("GET repos/o/r/actions/runs", map[string]any{"workflow_runs": []any{nil, map[string]any{"id": 2, "head_repository": nil, "conclusion": nil}}})
	f.json("GET repos/o/r/actions/runs/1/jobs", map[string]any{"jobs": []any{nil, map[string]any{"id": 2, "conclusion": "failure", "steps": []any{nil}}}})
	f.json("GET repos/o/r/actions/runs/1/artifacts", map[string]any{"artifacts": nil})
	f.json("GET repos/o/r/issues/1/comments", []any{nil, map[string]any{"id": 3, "user": nil, "performed_via_github_app": nil, "body": nil}})
	f.json("GET repos/o/r/pulls/1/commits", []any{nil, map[string]any{"sha": sha1st, "commit": nil, "parents": []any{nil}}})
	f.json("GET repos/o/r/pulls/1/files", []any{nil, map[string]any{"filename": "a", "previous_filename": nil, "status": nil}})
	f.json("GET repos/o/r/issues/1/labels", []any{nil, map[string]any{"name": nil}})
	f.json("GET repos/o/r/check-runs/4/annotations", []any{nil, map[string]any{"path": nil, "start_line": nil, "title": nil}})
	f.json("PATCH repos/o/r/check-runs/4", nil)
	f.json("GET repos/o/r/commits/"+sha1st+"/check-runs", map[string]any{"check_runs": []any{nil, map[string]any{"id": 4, "app": nil}}})
	f.json("POST repos/o/r/check-runs", map[string]any{"id": 5})
	f.json("GET repositories/1", map[string]any{"id": 1})
	f.json("GET installation/repositories", map[string]any{"repositories": []any{nil}})
	ctx := t.Context()
	must[PullRequest](t)(c.PullRequest(ctx, testRepo, 1))
	if l := must[[]PullRequest](t)(c.OpenPullRequests(ctx, testRepo)); len(l) != 1 || l[0].HeadRepoID != 0 {
		t.Errorf("%+v", l)
	}
	must[Commit](t)(c.Commit(ctx, testRepo, sha1st))
	_, err := c.MergeBase(ctx, testRepo, "a", "b")
	wantClass(t, err, ClassNotFound)
	if in, err := c.Contains(ctx, testRepo, "a", sha1st); err != nil || in {
		t.Error(in, err)
	}
	must[[]Run](t)(c.Runs(ctx, testRepo, RunFilter{}))
	if _, _, _, err := c.FailedStep(ctx, testRepo, 1); err != nil {
		t.Error(err)
	}
	must[[]Artifact](t)(c.Artifacts(ctx, testRepo, 1))
	_, err = c.FindComment(ctx, testRepo, 1, func(string) bool { return true })
	wantClass(t, err, ClassNotFound)
	if id := must[int64](t)(c.PutCheck(ctx, testRepo, Check{HeadSHA: sha1st, Name: "n", Status: "queued"})); id != 5 {
		t.Errorf("check run %d", id)
	}
	check := noted
	check.ID = 4
	if id := must[int64](t)(c.PutCheck(ctx, testRepo, check)); id != 4 {
		t.Errorf("check run %d", id)
	}
	if l := must[[]Commit](t)(c.PullCommits(ctx, testRepo, 1)); len(l) != 1 || l[0].SHA != sha1st {
		t.Errorf("%+v", l)
	}
	if files, all, err := c.PullFiles(ctx, testRepo, 1); err != nil || !all || len(files) != 1 || files[0] != (File{Path: "a"}) {
		t.Errorf("%+v, %v, %v", files, all, err)
	}
	if l := must[[]Label](t)(c.LabelsSet(ctx, testRepo, 1)); l != nil {
		t.Errorf("%+v", l)
	}
	must[Repo](t)(c.Repository(ctx, 1))
	must[[]Repo](t)(c.Repositories(ctx))
}

// TestAnswersWithNothing: whatever JSON comes, nothing panics, and nothing comes of it.
func TestAnswersWithNothing(t *testing.T) {
	for _, body := range []string{``, `null`, `{}`, `[]`, `[null]`, `{"repositories":[null],"jobs":[null],"check_runs":[null],"workflow_runs":[null]}`} {
		f, c := fakeClient(t)
		f.mux.HandleFunc("/api/v3/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		for name, call := range methods {
			err := call(t.Context(), c, testRepo)
			switch class, _ := Classify(err); {
			case class == ClassOK && (name == "PutCheck" || name == "PutCheck with annotations" || strings.HasPrefix(name, "PutComment") || name == "PullRequest" || name == "Commit" || name == "RunByID" || name == "Role"):
				t.Errorf("%s of %q: no error", name, body)
			case class == ClassAuth, class == ClassRateLimited, class == ClassForbidden:
				t.Errorf("%s of %q: %v", name, body, err)
			}
		}
		for name, call := range others {
			if err := call(t.Context(), c.app, c); err == nil && (name == "Slug" || name == "Repository" || name == "DeliveryPayload" || name == "TeamMember") {
				t.Errorf("%s of %q: no error", name, body)
			}
		}
	}
}

// TestPages: lists that shift, that never end and that turn back.
func TestPages(t *testing.T) {
	type entry struct {
		ID int64 `json:"id"`
	}
	t.Run("shifting", func(t *testing.T) {
		f, c := fakeClient(t)
		all := make([]entry, 0, 250)
		for i := range 250 {
			all = append(all, entry{int64(1000 - i)})
		}
		f.on("GET repos/o/r/actions/runs/1/artifacts", func(w http.ResponseWriter, r *http.Request) {
			page(w, r, all, func(part []entry) any { return map[string]any{"artifacts": part} })
			all = append([]entry{{int64(2000 + len(all))}}, all...) // one more while we read
		})
		list := must[[]Artifact](t)(c.Artifacts(t.Context(), testRepo, 1))
		if len(list) != 250 || list[0].ID != 1000 || list[249].ID != 751 {
			t.Errorf("%d entries", len(list))
		}
	})
	t.Run("endless", func(t *testing.T) {
		f, c := fakeClient(t)
		asked := 0
		f.on("GET repos/o/r/actions/runs/1/artifacts", func(w http.ResponseWriter, r *http.Request) {
			asked++
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/x?page=%d>; rel="next"`, r.Host, asked+1))
			reply(w, map[string]any{"artifacts": []entry{{int64(asked)}}})
		})
		if list := must[[]Artifact](t)(c.Artifacts(t.Context(), testRepo, 1)); len(list) != maxPages || asked != maxPages {
			t.Errorf("%d entries in %d requests", len(list), asked)
		}
	})
	t.Run("turning back", func(t *testing.T) {
		f, c := fakeClient(t)
		asked := 0
		f.on("GET repos/o/r/actions/runs/1/artifacts", func(w http.ResponseWriter, r *http.Request) {
			asked++
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/x?page=%d>; rel="next"`, r.Host, 2))
			reply(w, map[string]any{"artifacts": []entry{{int64(asked)}}})
		})
		must[[]Artifact](t)(c.Artifacts(t.Context(), testRepo, 1))
		if asked != 2 {
			t.Errorf("%d requests", asked)
		}
	})
	t.Run("too many", func(t *testing.T) {
		f, c := fakeClient(t)
		all := make([]entry, 3500)
		for i := range all {
			all[i].ID = int64(i + 1)
		}
		f.on("GET repos/o/r/actions/runs/1/artifacts", func(w http.ResponseWriter, r *http.Request) {
			page(w, r, all, func(part []entry) any { return map[string]any{"artifacts": part} })
		})
		if list := must[[]Artifact](t)(c.Artifacts(t.Context(), testRepo, 1)); len(list) != 3000 || f.count("GET") != 30 {
			t.Errorf("%d entries in %d requests", len(list), f.count("GET"))
		}
	})
}

func TestArtifactURLOdd(t *testing.T) {
	for name, tt := range map[string]struct {
		status   int
		location string
		class    Class
	}{
		"no redirect":    {200, "", ClassTemporary},
		"no address":     {302, "", ClassTemporary},
		"bad address":    {302, "https://h/%zz?sig=s3cret", ClassTemporary},
		"no web address": {302, "file:///etc/passwd?sig=s3cret", ClassTemporary},
		"credentials":    {302, "https://u:s3cret@h/x", ClassTemporary},
		"not modified":   {304, "https://h/x", ClassTemporary},
		"around":         {301, "/api/v3/repos/o/r/actions/artifacts/3/zip", ClassPermanent},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := fakeClient(t)
			f.on("GET repos/o/r/actions/artifacts/3/zip", func(w http.ResponseWriter, _ *http.Request) {
				if tt.location != "" {
					w.Header().Set("Location", tt.location)
				}
				w.WriteHeader(tt.status)
			})
			url, err := c.ArtifactURL(t.Context(), testRepo, 3)
			if e := wantClass(t, err, tt.class); url != "" || strings.Contains(e.Error(), "s3cret") {
				t.Errorf("%q, %v", url, e)
			}
		})
	}
}
