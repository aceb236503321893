package gh

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	shaA = strings.Repeat("a", 40)
	shaB = strings.Repeat("b", 40)
)

func readEvent(t testing.TB, file string) (name string, body []byte) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "events", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ = strings.Cut(file, "-")
	return name, body
}

// wantEvents are the payloads in testdata/events, written after GitHub's documentation.
func wantEvents() map[string]Event {
	linux := Repo{ID: 9, Owner: "rust-kernel", Name: "linux", DefaultBranch: "rust-next", Installation: 5}
	short := Repo{ID: 9, Owner: "rust-kernel", Name: "linux", Installation: 5}
	dev := Sender{Login: "dev", ID: 2}
	pull := Event{
		Installation: 5, Repo: linux, Sender: dev, Pull: 12, HeadSHA: shaA, HeadBranch: "binder", HeadRepoID: 19, Branch: "rust-next",
		PullState: "open", PullAuthor: dev,
	}
	run := Event{
		Installation: 5, Repo: linux, Sender: dev, HeadSHA: shaA, HeadBranch: "binder", HeadRepoID: 19, RunID: 300, RunEvent: "pull_request",
	}
	said := Event{Installation: 5, Repo: linux, Sender: dev, Pull: 12, ForIssueIsPull: true, PullState: "open", PullAuthor: dev}
	comment := Comment{ID: 500, Body: "/size report\r\n", Author: dev, CreatedAt: time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)}
	bot := Sender{Login: "oxidometer[bot]", Bot: true, ID: 3}
	maintainer := Sender{Login: "maintainer", ID: 4}
	review := Comment{ID: 600, Review: true, Body: "/size accept reason=\"worth it\"", Author: maintainer, CreatedAt: time.Date(2026, 3, 1, 11, 30, 0, 0, time.UTC)}
	plain := Event{Installation: 5, Sender: dev}
	with := func(e Event, change func(*Event)) Event { change(&e); return e }
	same := func(*Event) {}
	return map[string]Event{
		"ping":                          {App: 77},
		"pull_request-opened":           with(pull, same),
		"pull_request-synchronize":      with(pull, same),
		"pull_request-reopened":         with(pull, same),
		"pull_request-ready_for_review": with(pull, same),
		"pull_request-closed":           with(pull, func(e *Event) { e.PullState = "closed" }),
		"pull_request-merged": with(pull, func(e *Event) {
			e.Action, e.PullState, e.Merged, e.MergeCommitSHA = "closed", "closed", true, strings.Repeat("c", 40)
		}),
		"pull_request-edited":           with(pull, func(e *Event) { e.Changes.BaseChanged = true }),
		"pull_request-retitled":         with(pull, func(e *Event) { e.Action = "edited" }),
		"pull_request-nofork":           with(pull, func(e *Event) { e.Action, e.PullState, e.HeadRepoID = "closed", "closed", 0 }),
		"pull_request_review-submitted": with(pull, func(e *Event) { e.Sender, e.ForIssueIsPull, e.Comment = maintainer, true, &review }),
		"pull_request_review-empty": with(pull, func(e *Event) {
			c := review
			c.Body = ""
			e.Action, e.Sender, e.ForIssueIsPull, e.Comment = "submitted", maintainer, true, &c
		}),
		"pull_request_review-dismissed": with(pull, func(e *Event) { e.Sender, e.ForIssueIsPull = maintainer, true }),
		"workflow_run-completed":        with(run, same),
		"workflow_run-push": with(run, func(e *Event) {
			e.Action, e.RunEvent, e.HeadBranch, e.Branch, e.HeadRepoID = "requested", "push", "rust-next", "rust-next", 9
		}),
		"workflow_run-nofork": with(run, func(e *Event) { e.Action, e.HeadRepoID = "completed", 0 }),
		"check_suite-rerequested": {
			Installation: 5, Repo: linux, Sender: dev, Pull: 12, HeadSHA: shaA, HeadBranch: "b", App: 77,
		},
		"check_run-requested_action": {
			Installation: 5, Repo: linux, Sender: dev, Pull: 12, HeadSHA: shaA, App: 77, CheckRunID: 41, RequestedAction: "refresh",
		},
		"check_run-rerequested": {Installation: 5, Repo: linux, Sender: dev, HeadSHA: shaA, App: 77, CheckRunID: 41},
		"issue_comment-created": with(said, func(e *Event) { e.Comment = &comment }),
		"issue_comment-edited":  with(said, same),
		"issue_comment-deleted": with(said, same),
		"issue_comment-merged": with(said, func(e *Event) {
			e.Action, e.PullState, e.Merged, e.Comment = "created", "closed", true, &comment
		}),
		"issue_comment-bot": with(said, func(e *Event) {
			c := comment
			c.Author, c.App = bot, 77
			e.Action, e.Sender, e.Comment = "created", bot, &c
		}),
		"issue_comment-issue": with(said, func(e *Event) {
			*e = Event{Action: "created", Installation: 5, Repo: linux, Sender: dev, Comment: &comment}
		}),
		"push": {
			Installation: 5, Repo: linux, Sender: dev, HeadSHA: shaA, HeadBranch: "rust-next", HeadRepoID: 9, Branch: "rust-next",
			Ref: "refs/heads/rust-next",
		},
		"push-tag": {Installation: 5, Repo: linux, Sender: dev, HeadSHA: shaA, HeadRepoID: 9, Ref: "refs/tags/v1"},
		"push-deleted": {
			Installation: 5, Repo: linux, Sender: dev, HeadBranch: "feature/x", HeadRepoID: 9, Branch: "feature/x", Ref: "refs/heads/feature/x",
			Deleted: true,
		},
		"merge_group-checks_requested": with(plain, func(e *Event) {
			e.Repo, e.HeadSHA, e.HeadRepoID, e.Branch = linux, shaA, 9, "rust-next"
			e.MergeGroup.HeadSHA, e.MergeGroup.BaseSHA = shaA, shaB
			e.HeadBranch = "gh-readonly-queue/rust-next/pr-12-" + shaB
			e.MergeGroup.HeadRef = "refs/heads/" + e.HeadBranch
		}),
		"installation-created": with(plain, func(e *Event) { e.Added = []Repo{short} }),
		"installation-suspend": with(plain, func(e *Event) { e.Added = []Repo{short} }),
		"installation-deleted": with(plain, func(e *Event) { e.Removed = []Repo{short} }),
		"installation_repositories-added": with(plain, func(e *Event) {
			e.Added = []Repo{{ID: 10, Owner: "rust-kernel", Name: "r.b-x_y", Private: true, Installation: 5}}
		}),
		"installation_repositories-removed": with(plain, func(e *Event) { e.Removed = []Repo{short} }),
		"installation_target-renamed":       {Installation: 5},
		"repository-renamed":                with(plain, func(e *Event) { e.Repo = linux }),
	}
}

func TestParseEvent(t *testing.T) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	wants := wantEvents()
	if len(files) != len(wants) {
		t.Errorf("%d payloads, %d expectations", len(files), len(wants))
	}
	for file, want := range wants {
		t.Run(file, func(t *testing.T) {
			name, body := readEvent(t, file)
			want.Name = name
			if _, action, ok := strings.Cut(file, "-"); ok && want.Action == "" && name != "push" {
				want.Action = action
			}
			got, err := ParseEvent(name, body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseEventKnowsAllItIsToldOf(t *testing.T) {
	seen := map[string]bool{}
	for file := range wantEvents() {
		name, _ := readEvent(t, file)
		seen[name] = true
	}
	for name := range events {
		if !seen[name] {
			t.Errorf("no payload of event %s is tested", name)
		}
	}
}

func TestParseEventUnknown(t *testing.T) {
	for _, body := range []string{`{"action":"created"}`, `{`, ``, `null`} {
		for _, name := range []string{"star", "", "security_advisory", "../push"} {
			got, err := ParseEvent(name, []byte(body))
			if diff := cmp.Diff(Event{Name: name}, got); err != nil || diff != "" {
				t.Errorf("%q of %q: %v %s", body, name, err, diff)
			}
		}
	}
}

// TestParseEventHostile changes one thing in a good payload at a time.
func TestParseEventHostile(t *testing.T) {
	for _, tt := range []struct{ file, path, value string }{
		{"push", "repository", `null`},
		{"push", "repository.id", `0`},
		{"push", "repository.id", `"9"`},
		{"push", "repository.id", `1e400`},
		{"push", "repository.name", `".."`},
		{"push", "repository.name", `"a/b"`},
		{"push", "repository.name", `"a?b"`},
		{"push", "repository.owner.login", `"../../app"`},
		{"push", "installation", `null`},
		{"push", "installation.id", `-1`},
		{"push", "after", `"main"`},
		{"push", "after", `""`},
		{"push", "ref", `"main"`},
		{"pull_request-opened", "pull_request", `null`},
		{"pull_request-opened", "pull_request", `[]`},
		{"pull_request-opened", "pull_request.number", `0`},
		{"pull_request-opened", "pull_request.number", `99999999999999999999`},
		{"pull_request-opened", "pull_request.head", `null`},
		{"pull_request-opened", "pull_request.head.sha", `"aaaa"`},
		{"pull_request-merged", "pull_request.merge_commit_sha", `"main"`},
		{"pull_request_review-submitted", "review", `null`},
		{"pull_request_review-submitted", "review.id", `0`},
		{"pull_request_review-submitted", "pull_request", `null`},
		{"pull_request_review-submitted", "pull_request.head.sha", `""`},
		{"workflow_run-completed", "workflow_run.id", `null`},
		{"workflow_run-completed", "workflow_run.head_sha", `"../x"`},
		{"check_run-rerequested", "check_run.id", `0`},
		{"check_run-rerequested", "check_run.head_sha", `null`},
		{"check_suite-rerequested", "check_suite", `null`},
		{"issue_comment-created", "issue.number", `0`},
		{"issue_comment-created", "comment", `null`},
		{"merge_group-checks_requested", "merge_group.base_sha", `"x"`},
		{"merge_group-checks_requested", "merge_group.head_sha", `"x"`},
		{"installation-created", "installation", `null`},
		{"installation_repositories-added", "repositories_added", `[{"id":1,"name":"..","full_name":"o/.."}]`},
		{"installation_repositories-removed", "repositories_removed", `[{"id":1,"name":"x"}]`},
	} {
		t.Run(tt.file+" "+tt.path+" "+tt.value, func(t *testing.T) {
			name, body := readEvent(t, tt.file)
			var tree map[string]any
			if err := json.Unmarshal(body, &tree); err != nil {
				t.Fatal(err)
			}
			at, steps := tree, strings.Split(tt.path, ".")
			for _, s := range steps[:len(steps)-1] {
				at = at[s].(map[string]any)
			}
			at[steps[len(steps)-1]] = json.RawMessage(tt.value)
			changed, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseEvent(name, changed)
			if err == nil {
				t.Fatalf("accepted: %+v", got)
			}
			if diff := cmp.Diff(Event{}, got); diff != "" {
				t.Errorf("an error, and an event:\n%s", diff)
			}
			if !strings.HasPrefix(err.Error(), "event "+name+": ") {
				t.Error(err)
			}
		})
	}
	for _, body := range []string{``, `null`, `[]`, `"x"`, `{`, `{}`, strings.Repeat("[", 20_000), strings.Repeat(" ", maxPayload+1)} {
		if _, err := ParseEvent("pull_request", []byte(body)); err == nil {
			t.Errorf("accepted %.20q", body)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	for file := range wantEvents() {
		name, body := readEvent(f, file)
		f.Add(name, body)
	}
	f.Add("push", []byte(`{"repository":{"id":1,"name":"..","owner":{"login":"o"}},"installation":{"id":1}}`))
	f.Add("star", []byte(`null`))
	name := regexp.MustCompile(`^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$`)
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		e, err := ParseEvent(event, body)
		if err != nil {
			if diff := cmp.Diff(Event{}, e); diff != "" {
				t.Errorf("an error, and an event:\n%s", diff)
			}
			if strings.ContainsAny(err.Error(), "\n\r\x00\x1b") {
				t.Errorf("error %q is not one line", err)
			}
			return
		}
		if e.Name != event {
			t.Errorf("name is %q", e.Name)
		}
		for _, r := range append(append([]Repo{e.Repo}, e.Added...), e.Removed...) {
			if r != (Repo{}) && (!name.MatchString(r.String()) || r.ID <= 0 || strings.HasPrefix(r.Name, "..") && len(r.Name) == 2) {
				t.Errorf("repository %+v", r)
			}
		}
		if e.MergeCommitSHA != "" && (!e.Merged || !shaForm.MatchString(e.MergeCommitSHA)) {
			t.Errorf("merge commit %q", e.MergeCommitSHA)
		}
		if e.HeadSHA != "" && len(e.HeadSHA) != 40 && len(e.HeadSHA) != 64 || e.Pull < 0 {
			t.Errorf("head %q, pull %d", e.HeadSHA, e.Pull)
		}
		_, known := events[event]
		if known && event != "ping" && e.Installation <= 0 {
			t.Error("no installation")
		}
	})
}
