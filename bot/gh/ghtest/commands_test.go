package ghtest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

func TestTeams(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Permissions = map[string]string{"metadata": "read", "members": "read"} })
	w.AddOrganization("rival")
	w.SetTeamMember("rival", "size", "maria", "active")
	w.SetTeamMember("acme", "size", "maria", "active")
	w.SetTeamMember("acme", "size", "karl", "pending")
	w.SetTeamMember("acme", "size", "ada", "active")
	w.SetTeamMember("acme", "size", "ada", "")
	for _, c := range []struct {
		path, permissions string
		status            int
		text              string
	}{
		{"acme/teams/size/memberships/maria", "", 200, `"state":"active"`},
		{"ACME/teams/Size/memberships/Maria", "", 200, `"state":"active"`},
		{"acme/teams/size/memberships/karl", "", 200, `"state":"pending"`},
		{"acme/teams/size/memberships/ada", "", 404, "Not Found"},
		{"acme/teams/size/memberships/nobody", "", 404, "Not Found"},
		{"acme/teams/none/memberships/maria", "", 404, "Not Found"},
		{"karl/teams/size/memberships/maria", "", 404, "Not Found"},
		{"rival/teams/size/memberships/maria", "", 403, "Resource not accessible"},
		{"acme/teams/size/memberships/maria", `{"permissions":{"metadata":"read"}}`, 403, "Resource not accessible"},
	} {
		if a := w.do("GET", "/orgs/"+c.path, w.token(c.permissions), ""); a.StatusCode != c.status || !strings.Contains(a.text, c.text) {
			t.Errorf("%s: %d %s, want %d %s", c.path, a.StatusCode, a.text, c.status, c.text)
		}
	}
}

// TestPullsAndIssues: the routes that both share take the permission of whichever it is.
func TestPullsAndIssues(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Permissions = map[string]string{"metadata": "read", "pull_requests": "write", "issues": "write"}
	})
	pull, issue := w.OpenPull(w.repo, Pull{Branch: "topic", Labels: []string{"size"}}), w.OpenIssue(w.repo, "maria", "help")
	tokens := map[int]string{pull: w.token(`{"permissions":{"pull_requests":"write"}}`), issue: w.token(`{"permissions":{"issues":"write"}}`)}
	for _, mine := range []int{pull, issue} {
		id, err := w.PostComment(w.repo, mine, "maria", "/size")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ method, path, body string }{
			{"GET", fmt.Sprintf("issues/%d", mine), ""},
			{"GET", fmt.Sprintf("issues/%d/comments", mine), ""},
			{"POST", fmt.Sprintf("issues/%d/comments", mine), `{"body":"x"}`},
			{"GET", fmt.Sprintf("issues/%d/events", mine), ""},
			{"GET", fmt.Sprintf("issues/%d/labels", mine), ""},
			{"POST", fmt.Sprintf("issues/%d/labels", mine), `{"labels":["size"]}`},
			{"DELETE", fmt.Sprintf("issues/%d/labels/size", mine), ""},
			{"GET", fmt.Sprintf("issues/comments/%d", id), ""},
			{"GET", fmt.Sprintf("issues/comments/%d/reactions", id), ""},
			{"POST", fmt.Sprintf("issues/comments/%d/reactions", id), `{"content":"eyes"}`},
		} {
			for owner, token := range tokens {
				want := 403
				if owner == mine {
					want = 201
				}
				a := w.do(c.method, "/repos/acme/linux/"+c.path, token, c.body)
				if a.StatusCode != want && (want == 403 || a.StatusCode != 200) {
					t.Errorf("%s %s with the permission of %d: %d %s", c.method, c.path, owner, a.StatusCode, a.text)
				}
				if want == 403 && !strings.Contains(a.Header.Get("X-Accepted-Github-Permissions"), "issues=") {
					t.Errorf("%s %s: the permission that is missing is not named", c.method, c.path)
				}
			}
		}
		var all []struct{ Body string }
		unmarshal(t, w.do("GET", "/repos/acme/linux/issues/comments", tokens[mine], "").text, &all)
		if len(all) != len(w.Comments(w.repo, mine)) {
			t.Errorf("%d comments of the repository for the permission of %d", len(all), mine)
		}
	}
}

func TestLabels(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Permissions = map[string]string{"metadata": "read", "pull_requests": "write", "issues": "write"}
	})
	n := w.OpenPull(w.repo, Pull{Branch: "topic", Author: "maria", Labels: []string{"rust"}})
	path := fmt.Sprintf("/repos/acme/linux/issues/%d/labels", n)
	little, all := w.token(`{"permissions":{"pull_requests":"write"}}`), w.token("")
	w.clock.add(time.Minute)
	w.SetLabel(w.repo, n, "karl", "size/ok", true)
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		text                      string
	}{
		{"POST", path, little, `{"labels":["new"]}`, 403, "You do not have permission to create labels on this repository."},
		{"POST", path, all, `{"labels":["new"]}`, 200, `"new"`},
		{"POST", path, little, `{"labels":["NEW","Rust"]}`, 200, `"new"`},
		{"POST", path, little, `{"labels":[]}`, 422, "missing_field"},
		{"POST", path, little, `{"labels":[" "]}`, 422, "missing_field"},
		{"POST", path, all, `{"labels":["` + strings.Repeat("x", 51) + `"]}`, 422, "too long"},
		{"DELETE", path + "/size%2Fok", little, "", 200, `"new"`},
		{"DELETE", path + "/size%2Fok", little, "", 404, "Label does not exist"},
	} {
		if a := w.do(c.method, c.path, c.token, c.body); a.StatusCode != c.status || !strings.Contains(a.text, c.text) {
			t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.body, a.StatusCode, a.text, c.status, c.text)
		}
	}
	var many []string
	for i := range 99 {
		many = append(many, fmt.Sprintf(`"l%d"`, i))
	}
	if a := w.do("POST", path, all, `{"labels":[`+strings.Join(many, ",")+`]}`); a.StatusCode != 422 {
		t.Errorf("101 labels: %d", a.StatusCode)
	}
	w.ClosePull(w.repo, n)
	w.ReopenPull(w.repo, n)
	var events []struct {
		Event string
		Actor struct{ Login, Type string }
		At    time.Time                 `json:"created_at"`
		Label *struct{ Name string }    `json:"label"`
		Via   *struct{ ID json.Number } `json:"performed_via_github_app"`
	}
	unmarshal(t, w.do("GET", fmt.Sprintf("/repos/acme/linux/issues/%d/events", n), little, "").text, &events)
	var got []string
	for _, e := range events {
		text := e.Event + " " + e.Actor.Login
		if e.Label != nil {
			text += " " + e.Label.Name
		}
		if e.Via != nil {
			text += " via " + e.Via.ID.String()
		}
		got = append(got, text)
	}
	want := "labeled maria rust, labeled karl size/ok, labeled oxidometer[bot] new via 4242, unlabeled oxidometer[bot] size/ok via 4242, closed maria, reopened maria"
	if strings.Join(got, ", ") != want || !events[1].At.Equal(w.clock.Now()) || events[0].At.Equal(events[1].At) {
		t.Errorf("%s\nwant %s", strings.Join(got, ", "), want)
	}
	if v, _ := w.PullView(w.repo, n); strings.Join(v.Labels, " ") != "rust new" {
		t.Errorf("labels %q", v.Labels)
	}
}

func TestPullFiles(t *testing.T) {
	w := newWorld(t, nil)
	w.AddCommit(w.repo, Commit{Branch: "main", Files: map[string]string{"a": "one\n", "b": "two\n", "c": "three\n"}})
	n := w.OpenPull(w.repo, Pull{Branch: "topic", Files: map[string]string{"a": "other\n"}})
	w.PushHead(w.repo, n, Commit{Files: map[string]string{"dir/b": "two\n", "new": "x\n"}, Remove: []string{"b", "c"}})
	w.AddCommit(w.repo, Commit{Branch: "main", Files: map[string]string{"elsewhere": "y\n"}}) // not the pull request's
	files := must[[]*github.CommitFile](t)(w.client("").PullRequests.ListFiles(context.Background(), "acme", "linux", n, nil))
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprint(f.GetStatus(), " ", f.GetFilename(), " ", f.GetPreviousFilename()))
	}
	if want := "modified a , removed c , renamed dir/b b, added new "; strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
	// GitHub lists 3,000 at most.
	many := map[string]string{}
	for i := range 3001 {
		many[fmt.Sprint("m", i)] = fmt.Sprint(i)
	}
	m := w.OpenPull(w.repo, Pull{Branch: "many", Files: many})
	last := w.do("GET", fmt.Sprintf("/repos/acme/linux/pulls/%d/files?per_page=100&page=30", m), w.token(""), "")
	if link := last.Header.Get("Link"); last.StatusCode != 200 || strings.Contains(link, "next") || !strings.Contains(last.text, `"m998"`) || strings.Contains(last.text, `"m999"`) {
		t.Errorf("%d, links %s", last.StatusCode, link)
	}
}

func TestAnnotations(t *testing.T) {
	w := newWorld(t, nil)
	w.OpenPull(w.repo, Pull{Branch: "topic"})
	sha, token := w.Branch(w.repo, "topic"), w.token("")
	good := `"path":"a.yml","start_line":3,"end_line":3,"annotation_level":"failure","message":"m"`
	for _, c := range []struct {
		note   string
		status int
	}{
		{good, 201},
		{good + `,"title":"t","raw_details":"r","start_column":1,"end_column":4`, 201},
		{`"path":"a.yml","start_line":3,"end_line":3,"annotation_level":"failure"`, 422},
		{`"start_line":3,"end_line":3,"annotation_level":"failure","message":"m"`, 422},
		{`"path":"a.yml","end_line":3,"annotation_level":"failure","message":"m"`, 422},
		{`"path":"a.yml","start_line":4,"end_line":3,"annotation_level":"failure","message":"m"`, 422},
		{`"path":"a.yml","start_line":3,"end_line":3,"annotation_level":"error","message":"m"`, 422},
		{`"path":"a.yml","start_line":3,"end_line":4,"start_column":1,"annotation_level":"notice","message":"m"`, 422},
		{`"path":"a.yml","start_line":3,"end_line":"4","annotation_level":"notice","message":"m"`, 422},
		{good + `,"title":"` + strings.Repeat("é", 256) + `"`, 422},
		{good + `,"raw_details":"` + strings.Repeat("x", maxCheckText+1) + `"`, 422},
	} {
		body := `{"name":"n","head_sha":"` + sha + `","output":{"title":"t","summary":"s","annotations":[{` + c.note + `}]}}`
		if a := w.do("POST", "/repos/acme/linux/check-runs", token, body); a.StatusCode != c.status {
			t.Errorf("%.200s: %d %.200s, want %d", c.note, a.StatusCode, a.text, c.status)
		}
	}
	// An update adds to them.
	second := w.Checks(w.repo, sha)[1]
	path := fmt.Sprintf("/repos/acme/linux/check-runs/%d", second.ID)
	for _, status := range []int{200, 200} {
		a := w.do("PATCH", path, token, `{"output":{"summary":"s","annotations":[{`+good+`}]}}`)
		if a.StatusCode != status {
			t.Errorf("%d %s", a.StatusCode, a.text)
		}
	}
	if v := w.Checks(w.repo, sha)[1]; len(v.Annotations) != 3 || v.Annotations[0].Title != "t" || *v.Annotations[0].EndColumn != 4 || v.Annotations[2].StartLine != 3 {
		t.Errorf("%+v", v.Annotations)
	}
	notes := must[[]*github.CheckRunAnnotation](t)(w.client("").Checks.ListCheckRunAnnotations(context.Background(), "acme", "linux", second.ID, nil))
	if len(notes) != 3 || notes[0].GetTitle() != "t" || notes[1].Title != nil || notes[1].StartColumn != nil || notes[2].GetAnnotationLevel() != "failure" {
		t.Errorf("%v", notes)
	}
}

// TestReviewPayload: a review says little, and a pending one nothing.
func TestReviewPayload(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, func(o *Options) { o.WebhookURL, o.Events = r.URL, []string{"pull_request_review"} })
	n := w.OpenPull(w.repo, Pull{Branch: "topic", Author: "karl"})
	w.AddReview(w.repo, n, "maria", "APPROVED", "")
	w.AddReview(w.repo, n, "maria", "COMMENTED", "/size accept")
	w.do("POST", fmt.Sprintf("/repos/acme/linux/pulls/%d/reviews", n), w.token(""), `{"body":"later"}`)
	w.wait()
	var got []string
	for _, one := range r.all() {
		if one.header.Get("X-GitHub-Event") != "pull_request_review" {
			continue
		}
		var p struct {
			Action string
			Review struct {
				Body, State *string
				Submitted   time.Time `json:"submitted_at"`
			}
			Pull map[string]any `json:"pull_request"`
		}
		unmarshal(t, string(one.payload), &p)
		body := "null"
		if p.Review.Body != nil {
			body = *p.Review.Body
		}
		_, full := p.Pull["merged"]
		if full || p.Pull["state"] != "open" || !p.Review.Submitted.Equal(w.clock.Now()) {
			t.Errorf("%s", one.payload)
		}
		got = append(got, p.Action+" "+*p.Review.State+" "+body)
	}
	if want := "submitted approved null, submitted commented /size accept"; strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
}
