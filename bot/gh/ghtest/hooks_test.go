package ghtest

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

// TestEvents makes everything happen and reads what was sent with go-github.
func TestEvents(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, func(o *Options) {
		o.WebhookURL, o.WebhookSecret = r.URL, hookSecret
		o.Events = []string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push", "repository", "workflow_run"}
	})
	allEvents(t, w)
	all := r.all()
	guids := map[string]bool{}
	for _, one := range all {
		event := one.header.Get("X-GitHub-Event")
		two, three := hmac.New(sha256.New, []byte(hookSecret)), hmac.New(sha1.New, []byte(hookSecret))
		two.Write(one.payload)
		three.Write(one.payload)
		if one.header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(two.Sum(nil)) || one.header.Get("X-Hub-Signature") != "sha1="+hex.EncodeToString(three.Sum(nil)) {
			t.Errorf("%s: wrong signature", event)
		}
		if !strings.HasPrefix(one.header.Get("User-Agent"), "GitHub-Hookshot/") || one.header.Get("Content-Type") != "application/json" ||
			one.header.Get("X-GitHub-Hook-Installation-Target-ID") != fmt.Sprint(appID) {
			t.Errorf("%s: header %v", event, one.header)
		}
		guids[one.header.Get("X-GitHub-Delivery")] = true
		checkPayload(t, w, event, one.payload)
	}
	if len(guids) != len(all) {
		t.Errorf("%d GUIDs of %d deliveries", len(guids), len(all))
	}
	names := eventNames(all)
	for _, want := range []string{
		"check_run completed", "check_run created", "check_run requested_action", "check_run rerequested", "check_suite completed", "check_suite requested",
		"check_suite rerequested", "installation created", "installation deleted", "installation new_permissions_accepted", "installation suspend",
		"installation unsuspend", "installation_repositories added", "installation_repositories removed", "issue_comment created", "issue_comment deleted",
		"issue_comment edited", "merge_group checks_requested", "merge_group destroyed", "ping ", "pull_request closed", "pull_request converted_to_draft",
		"pull_request edited", "pull_request labeled", "pull_request locked", "pull_request opened", "pull_request ready_for_review", "pull_request reopened",
		"pull_request synchronize", "pull_request unlabeled", "pull_request unlocked", "pull_request_review submitted", "push ", "repository archived",
		"repository deleted", "repository renamed", "repository transferred", "repository unarchived", "workflow_run completed", "workflow_run in_progress",
		"workflow_run requested",
	} {
		if names[want] == 0 {
			t.Errorf("no %s", want)
		}
	}
	if log := w.Deliveries(); len(log) != len(all) {
		t.Errorf("%d in the log, %d arrived", len(log), len(all))
	}
}

// checkPayload holds what every payload must say, as go-github understands it.
func checkPayload(t *testing.T, w *world, event string, payload []byte) {
	t.Helper()
	parsed, err := github.ParseWebHook(event, payload)
	if err != nil {
		t.Errorf("%s: %v", event, err)
		return
	}
	bad := func(what string, v any) { t.Errorf("%s %T: %s is %v", event, parsed, what, v) }
	if i, ok := parsed.(interface{ GetInstallation() *github.Installation }); ok && event != "ping" {
		if i.GetInstallation().GetID() == 0 {
			bad("installation", i.GetInstallation())
		}
	}
	if r, ok := parsed.(interface{ GetRepo() *github.Repository }); ok && !strings.HasPrefix(event, "installation") && event != "ping" {
		if id := r.GetRepo().GetID(); w.Name(w.repo) == "" || id == 0 || r.GetRepo().GetOwner().GetLogin() == "" || r.GetRepo().GetDefaultBranch() != "main" {
			bad("repository", r.GetRepo())
		}
	}
	switch e := parsed.(type) {
	case *github.PullRequestEvent:
		if p := e.GetPullRequest(); e.GetNumber() != p.GetNumber() || len(p.GetHead().GetSHA()) != 40 || p.GetBase().GetRef() == "" || p.GetUser().GetLogin() == "" {
			bad("pull request", p)
		}
		if e.GetAction() == "synchronize" && (e.GetBefore() == "" || e.GetAfter() != e.GetPullRequest().GetHead().GetSHA()) {
			bad("before and after", e.GetBefore()+" "+e.GetAfter())
		}
	case *github.WorkflowRunEvent:
		if n := e.GetWorkflowRun(); n.GetHeadSHA() == "" || e.GetWorkflow().GetPath() != ".github/workflows/kernel.yml" || (e.GetAction() == "completed") != (n.GetConclusion() == "success") {
			bad("run", n)
		}
	case *github.IssueCommentEvent:
		if c := e.GetComment(); c.GetBody() == "" || e.GetIssue().GetNumber() == 0 || e.GetIssue().IsPullRequest() == (c.GetBody() == "me too") {
			bad("comment", c)
		}
	case *github.CheckRunEvent:
		if c := e.GetCheckRun(); c.GetName() != "oxidometer" || c.GetApp().GetID() != appID || c.GetCheckSuite().GetID() == 0 {
			bad("check run", c)
		}
		if e.GetAction() == "requested_action" && e.GetRequestedAction().Identifier != "accept" {
			bad("action", e.GetRequestedAction())
		}
	case *github.CheckSuiteEvent:
		if u := e.GetCheckSuite(); u.GetHeadSHA() == "" || u.GetApp().GetID() != appID {
			bad("suite", u)
		}
	case *github.MergeGroupEvent:
		if g := e.GetMergeGroup(); g.GetHeadSHA() == "" || g.GetBaseSHA() == "" || g.GetBaseRef() != "refs/heads/main" || !strings.HasPrefix(g.GetHeadRef(), "refs/heads/gh-readonly-queue/main/pr-") {
			bad("merge group", g)
		}
	case *github.PushEvent:
		if !strings.HasPrefix(e.GetRef(), "refs/heads/") || len(e.GetAfter()) != 40 || len(e.GetBefore()) != 40 {
			bad("ref", e.GetRef())
		}
	}
}

// TestSubscriptions: an App gets what it subscribed to, where it is installed and not suspended.
func TestSubscriptions(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, func(o *Options) { o.WebhookURL, o.Events = r.URL, []string{"push"} })
	w.wait()
	count := func() int { w.wait(); return len(r.all()) }
	before := count()
	n := w.OpenPull(w.repo, Pull{Branch: "topic"}) // push, and check_suite, which needs no subscription
	if got := count() - before; got != 2 {
		t.Errorf("%d deliveries, want push and check_suite: %v", got, eventNames(r.all()))
	}
	w.SetPermissions(w.inst, map[string]string{"metadata": "read", "contents": "read"})
	before = count()
	w.PushHead(w.repo, n, Commit{})
	if got := count() - before; got != 1 {
		t.Errorf("%d deliveries, want push", got)
	}
	w.Suspend(w.inst, true)
	before = count()
	w.PushHead(w.repo, n, Commit{})
	w.AddCommit(w.AddRepo(RepoOptions{Owner: "karl", Name: "own"}), Commit{Branch: "main"})
	if got := count() - before; got != 0 {
		t.Errorf("%d deliveries for a suspended installation and a repository without the App", got)
	}
	w.Suspend(w.inst, false)
	w.SetWebhook("", "")
	before = count()
	w.PushHead(w.repo, n, Commit{})
	if got := count() - before; got != 0 {
		t.Errorf("%d deliveries without a webhook", got)
	}
}

func TestDeliveryFaults(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, func(o *Options) { o.WebhookURL, o.WebhookSecret = r.URL, hookSecret })
	w.wait()
	start := len(w.Deliveries())
	last := func() Delivery {
		w.wait()
		log := w.Deliveries()
		return log[len(log)-1]
	}

	w.SetHooks(Hooks{Drop: func(d Delivery) bool { return d.Event == "pull_request" }})
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	dropped := last()
	if dropped.Event != "pull_request" || dropped.StatusCode != 502 || slices.ContainsFunc(r.all(), func(g received) bool { return g.header.Get("X-GitHub-Event") == "pull_request" }) {
		t.Errorf("dropped: %+v", dropped)
	}
	w.SetHooks(Hooks{})
	if a := w.do("POST", fmt.Sprintf("/app/hook/deliveries/%d/attempts", dropped.ID), w.jwt(), ""); a.StatusCode != 202 {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
	again := last()
	if again.GUID != dropped.GUID || !again.Redelivery || again.StatusCode != 202 || again.ID == dropped.ID {
		t.Errorf("redelivered: %+v", again)
	}

	r.mu.Lock()
	r.status = func(event string) int {
		if event == "pull_request" {
			return 500
		}
		return 202
	}
	r.mu.Unlock()
	w.SetTitle(w.repo, n, "fails")
	if d := last(); d.StatusCode != 500 || d.Status != "Invalid HTTP Response: 500" {
		t.Errorf("receiver fails: %+v", d)
	}
	r.Close()
	w.SetTitle(w.repo, n, "nobody there")
	if d := last(); d.StatusCode != 502 || d.Status != "failed to connect to host" {
		t.Errorf("receiver is gone: %+v", d)
	}

	ctx := context.Background()
	c := w.appClient()
	var got []*github.HookDelivery
	o := &github.ListCursorOptions{PerPage: 2}
	for {
		page, resp, err := c.Apps.ListHookDeliveries(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		if resp.Cursor == "" {
			break
		}
		o.Cursor = resp.Cursor
	}
	log := w.Deliveries()
	if len(got) != len(log) || len(got) < start+5 {
		t.Fatalf("%d deliveries over the API, %d in the log", len(got), len(log))
	}
	for i, d := range got {
		want := log[len(log)-1-i]
		if d.GetID() != want.ID || d.GetGUID() != want.GUID || d.GetEvent() != want.Event || d.GetStatusCode() != want.StatusCode || d.GetRedelivery() != want.Redelivery ||
			d.GetInstallationID() != want.Installation || d.GetAction() != want.Action {
			t.Errorf("%d: %+v, want %+v", i, d, want)
		}
	}
	one, _, err := c.Apps.GetHookDelivery(ctx, dropped.ID)
	if err != nil || one.GetGUID() != dropped.GUID || one.Request.Headers["X-Github-Event"] != "pull_request" || one.Request.Headers["X-Hub-Signature-256"] == "" {
		t.Fatalf("%+v %v", one, err)
	}
	if payload, err := one.ParseRequestPayload(); err != nil || payload.(*github.PullRequestEvent).GetNumber() != n {
		t.Errorf("payload: %v", err)
	}
	if a := w.do("GET", "/app/hook/deliveries?cursor=nonsense", w.jwt(), ""); a.StatusCode != 422 {
		t.Errorf("wrong cursor: %d", a.StatusCode)
	}
	for _, path := range []string{"/app/hook/deliveries/1", "/app/hook/deliveries/x"} {
		if a := w.do("GET", path, w.jwt(), ""); a.StatusCode != 404 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	w.clock.add(logLife + time.Second)
	if list, _, err := w.appClient().Apps.ListHookDeliveries(ctx, nil); err != nil || len(list) != 0 {
		t.Errorf("%d in the log after three days, %v", len(list), err)
	}
}

func TestDuplicateAndOrder(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, func(o *Options) { o.WebhookURL, o.Events = r.URL, []string{"pull_request"} })
	w.wait()
	before := len(r.all())
	titles := func() []string {
		w.wait()
		var out []string
		for _, g := range r.all()[before:] {
			var p struct {
				PR *struct{ Title string } `json:"pull_request"`
			}
			if json.Unmarshal(g.payload, &p); p.PR != nil {
				out = append(out, p.PR.Title)
			}
		}
		before = len(r.all())
		return out
	}
	n := w.OpenPull(w.repo, Pull{Branch: "topic", Title: "one"})
	titles()
	w.SetHooks(Hooks{Duplicate: func(d Delivery) bool { return d.Action == "edited" }})
	w.SetTitle(w.repo, n, "two")
	w.wait()
	all := r.all()
	if got := titles(); len(got) != 2 || all[len(all)-1].header.Get("X-GitHub-Delivery") != all[len(all)-2].header.Get("X-GitHub-Delivery") {
		t.Errorf("duplicate: %v", got)
	}
	w.SetHooks(Hooks{})
	w.HoldDeliveries()
	for _, title := range []string{"a", "b", "c"} {
		w.SetTitle(w.repo, n, title)
	}
	if got := titles(); len(got) != 0 {
		t.Errorf("held: %v", got)
	}
	w.ReleaseDeliveries(func(all []Delivery) []Delivery { return []Delivery{all[2], all[0], all[2]} })
	if got := strings.Join(titles(), " "); got != "c a c" {
		t.Errorf("released: %s", got)
	}
	w.HoldDeliveries()
	w.SetTitle(w.repo, n, "d")
	w.ReleaseDeliveries(nil)
	if got := strings.Join(titles(), " "); got != "d" {
		t.Errorf("released in order: %s", got)
	}
	guid := w.Deliver("star", []byte(`{"action":"created"}`))
	w.wait()
	if all := r.all(); all[len(all)-1].header.Get("X-GitHub-Event") != "star" || all[len(all)-1].header.Get("X-GitHub-Delivery") != guid {
		t.Error("any payload can be sent")
	}
}

// TestMergedEvents: the pull request's closed event says that it was merged, and with what.
func TestMergedEvents(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, func(o *Options) { o.WebhookURL = r.URL })
	n := w.OpenPull(w.repo, Pull{Branch: "topic", Files: map[string]string{"x": "1"}})
	tip := w.MergePull(w.repo, n, false)
	w.wait()
	var seen []string
	for _, g := range r.all() {
		switch e, _ := github.ParseWebHook(g.header.Get("X-GitHub-Event"), g.payload); e := e.(type) {
		case *github.PullRequestEvent:
			seen = append(seen, fmt.Sprintf("%s %t %t", e.GetAction(), e.GetPullRequest().GetMerged(), e.GetPullRequest().GetMergeCommitSHA() == tip))
		case *github.PushEvent:
			seen = append(seen, fmt.Sprintf("push %s %t %d", e.GetRef(), e.GetAfter() == tip, len(e.Commits)))
		}
	}
	want := "push refs/heads/topic false 1, opened false false, push refs/heads/main true 2, closed true true"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestForeignEvents: an App is told of other Apps' check runs too, and of all repositories when it is installed.
func TestForeignEvents(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, func(o *Options) { o.WebhookURL = r.URL })
	w.AddCheck(w.repo, CheckOptions{SHA: w.Branch(w.repo, "main"), Name: "build", Conclusion: "success"})
	own := w.AddRepo(RepoOptions{Owner: "karl", Name: "own"})
	w.AddInstallation("karl", own)
	w.wait()
	var seen []string
	for _, g := range r.all() {
		switch e, _ := github.ParseWebHook(g.header.Get("X-GitHub-Event"), g.payload); e := e.(type) {
		case *github.CheckRunEvent:
			seen = append(seen, fmt.Sprintf("%s by %d", e.GetAction(), e.GetCheckRun().GetApp().GetID()))
		case *github.InstallationEvent:
			for _, one := range e.Repositories {
				seen = append(seen, fmt.Sprintf("%s %s", e.GetAction(), one.GetFullName()))
			}
		}
	}
	if got := strings.Join(seen, ", "); got != "created by 15368, completed by 15368, created karl/own" {
		t.Error(got)
	}
}

func TestManifest(t *testing.T) {
	w := newWorld(t, nil)
	manifest := `{"name":"Kernel Size","url":"https://example.org","hook_attributes":{"url":"https://example.org/webhook"},"redirect_url":"http://127.0.0.1:1/done?x=1",
		"public":false,"default_permissions":{"checks":"write","metadata":"read"},"default_events":["push"]}`
	post := func(manifest string) answered {
		return w.do("POST", "/organizations/acme/settings/apps/new?state=abc", "", "manifest="+strings.NewReplacer("&", "%26", "+", "%2B").Replace(manifest),
			"Content-Type", "application/x-www-form-urlencoded")
	}
	a := post(manifest)
	u, err := http.NewRequest("GET", a.Header.Get("Location"), nil)
	if a.StatusCode != 302 || err != nil {
		t.Fatalf("%d %s %v", a.StatusCode, a.text, err)
	}
	q := u.URL.Query()
	if q.Get("state") != "abc" || q.Get("x") != "1" || len(q.Get("code")) != 40 {
		t.Errorf("back to %s", u.URL)
	}
	c := github.NewClient(nil)
	c.BaseURL = w.appClient().BaseURL
	made := must[*github.AppConfig](t)(c.Apps.CompleteAppManifest(context.Background(), q.Get("code")))
	if made.GetSlug() != "kernel-size" || made.GetWebhookSecret() == "" || made.GetOwner().GetLogin() != "acme" || made.GetClientID() == "" {
		t.Errorf("%+v", made)
	}
	key := parseKey(t, made.GetPEM())
	now := w.clock.Now()
	token := jwt(key, map[string]any{"iss": made.GetID(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()})
	if o := w.do("GET", "/app", token, "").json(t); o["slug"] != "kernel-size" || fmt.Sprint(o["permissions"]) != "map[checks:write metadata:read]" {
		t.Errorf("the new App: %v", o)
	}
	if a := w.do("POST", "/app-manifests/"+q.Get("code")+"/conversions", "", ""); a.StatusCode != 404 {
		t.Errorf("the code works twice: %d", a.StatusCode)
	}
	back := post(manifest).Header.Get("Location")
	w.clock.add(manifestLife + time.Second)
	if a := w.do("POST", "/app-manifests/"+strings.Split(strings.Split(back, "code=")[1], "&")[0]+"/conversions", "", ""); a.StatusCode != 404 {
		t.Errorf("the code works after an hour: %d", a.StatusCode)
	}
	for name, bad := range map[string]string{
		"no url": strings.Replace(manifest, `"url":"https://example.org",`, "", 1), "no redirect": strings.Replace(manifest, "redirect_url", "setup_url", 1),
		"level": strings.Replace(manifest, `"checks":"write"`, `"checks":"all"`, 1), "no JSON": "{", "hook": strings.Replace(manifest, "https://example.org/webhook", "nothing", 1),
	} {
		if a := post(bad); a.StatusCode != 422 {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
	}
	w.reports.take() // the one that is no JSON
	if a := w.do("GET", "/settings/apps/new", "", ""); a.StatusCode != 200 {
		t.Errorf("the page: %d", a.StatusCode)
	}
}
