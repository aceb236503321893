package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/config"
)

// run is a setup under way, and the browser that looks at its page.
type run struct {
	t      *testing.T
	github *ghtest.Server
	api    string
	dir    string
	page   string
	out    *lines
	end    chan outcome
	cancel context.CancelFunc
}

// lines is what setup told people so far.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, change func(*Options)) *run {
	t.Helper()
	github := ghtest.New(ghtest.Options{AppID: 1, T: t})
	api, stop := github.Start()
	t.Cleanup(stop)
	r := &run{t: t, github: github, api: api, dir: filepath.Join(t.TempDir(), "app"), out: &lines{}, end: make(chan outcome, 1)}
	o := Options{GitHubURL: api, Organization: "kernel", PublicURL: "https://size.example.org/", Dir: r.dir, Out: r.out}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	t.Cleanup(cancel)
	go func() {
		result, err := Run(ctx, o)
		r.end <- outcome{result, err}
	}()
	for r.page == "" {
		select {
		case e := <-r.end:
			t.Fatalf("ended at once: %v", e.err)
		case <-time.After(time.Millisecond):
			r.page = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(r.out.String())
		}
	}
	return r
}

func (r *run) get(address string) (*http.Response, string) {
	r.t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(body)
}

var (
	actionOf   = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	manifestOf = regexp.MustCompile(`name="manifest" value="([^"]*)"`)
)

// form returns what the first page posts, and where.
func (r *run) form() (action string, fields url.Values) {
	r.t.Helper()
	_, body := r.get(r.page + "/")
	a, m := actionOf.FindStringSubmatch(body), manifestOf.FindStringSubmatch(body)
	if a == nil || m == nil {
		r.t.Fatalf("no form in %s", body)
	}
	return html.UnescapeString(a[1]), url.Values{"manifest": {html.UnescapeString(m[1])}}
}

// submit presses the button and returns where GitHub sends the browser.
func (r *run) submit() *url.URL {
	r.t.Helper()
	action, fields := r.form()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Post(action, "application/x-www-form-urlencoded", strings.NewReader(fields.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		body, _ := io.ReadAll(resp.Body)
		r.t.Fatalf("%s: %s", resp.Status, body)
	}
	return back
}

func (r *run) wait() outcome {
	r.t.Helper()
	select {
	case e := <-r.end:
		return e
	case <-time.After(20 * time.Second):
		r.t.Fatal("setup does not end")
		return outcome{}
	}
}

// running fails the test if setup has ended.
func (r *run) running() {
	r.t.Helper()
	select {
	case e := <-r.end:
		r.t.Fatalf("ended: %+v", e)
	default:
	}
}

func TestSetup(t *testing.T) {
	r := start(t, nil)
	resp, body := r.get(r.submit().String())
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "oxidometer-kernel exists") {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	end := r.wait()
	if end.err != nil {
		t.Fatal(end.err)
	}
	want := Result{Name: "oxidometer-kernel", Slug: "oxidometer-kernel", AppID: end.result.AppID,
		InstallURL: r.api + "/github-apps/oxidometer-kernel/installations/new", Settings: filepath.Join(r.dir, "serve.yml")}
	if end.result != want {
		t.Errorf("got %+v, want %+v", end.result, want)
	}
	if !strings.Contains(body, want.InstallURL) {
		t.Errorf("no link to install in %s", body)
	}

	for name, mode := range map[string]fs.FileMode{"": fs.ModeDir | 0o700, "app.pem": 0o600, "webhook-secret": 0o600, "serve.yml": 0o600} {
		info, err := os.Stat(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("%q has mode %v, want %v", name, info.Mode(), mode)
		}
	}
	if entries, _ := os.ReadDir(r.dir); len(entries) != 3 {
		t.Errorf("left behind: %v", entries)
	}
	key, _ := os.ReadFile(filepath.Join(r.dir, "app.pem"))
	secret, _ := os.ReadFile(filepath.Join(r.dir, "webhook-secret"))
	for _, shown := range []string{body, r.out.String()} {
		if strings.Contains(shown, strings.TrimSpace(string(secret))) || strings.Contains(shown, "PRIVATE KEY") {
			t.Errorf("a secret is shown: %s", shown)
		}
	}

	// The settings work: the key is the App's, and GitHub knows what was asked for.
	text, _ := os.ReadFile(want.Settings)
	settings, err := config.ParseSettings(want.Settings, text)
	if err != nil {
		t.Fatal(err)
	}
	for flag, value := range map[string]string{"app-id": fmt.Sprint(want.AppID), "private-key": filepath.Join(r.dir, "app.pem"),
		"webhook-secret": "@" + filepath.Join(r.dir, "webhook-secret"), "github-url": r.api + "/api/v3/", "public-url": "https://size.example.org"} {
		if got := settings[flag]; len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q", flag, got, value)
		}
	}
	app, err := gh.New(gh.Options{BaseURL: settings["github-url"][0], AppID: want.AppID, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	_, id, permissions, events, err := app.Slug(context.Background())
	if err != nil || id != want.AppID {
		t.Fatalf("id %d, %v", id, err)
	}
	if fmt.Sprint(permissions) != "map[actions:read checks:write contents:read metadata:read pull_requests:write]" {
		t.Errorf("permissions %v", permissions)
	}
	if fmt.Sprint(events) != "[check_run check_suite pull_request pull_request_review push repository workflow_run]" {
		t.Errorf("events %v", events)
	}
	hook, err := app.HookConfig(context.Background())
	if err != nil || hook.URL != "https://size.example.org/webhook" || !hook.Secret {
		t.Errorf("hook %+v, %v", hook, err)
	}
}

// eventNeeds is which permission GitHub wants for an event, from its page "Webhook events and payloads". It refuses a
// manifest without.
var eventNeeds = map[string]string{"check_run": "checks", "check_suite": "checks", "issue_comment": "issues", "merge_group": "merge_queues",
	"pull_request": "pull_requests", "pull_request_review": "pull_requests", "push": "contents", "repository": "metadata", "workflow_run": "actions"}

func TestManifestIsAllowed(t *testing.T) {
	for _, c := range []struct {
		extras, permissions, events int
		issues                      string
	}{{0, 5, 7, ""}, {1, 6, 8, "read"}, {2, 6, 8, "write"}, {3, 7, 8, "write"}, {4, 8, 9, "write"}} {
		extras := gh.Extras()[:c.extras]
		f := &flow{o: Options{PublicURL: "https://o", Extras: extras}}
		m := f.manifest()
		for _, event := range m.Events {
			if need := eventNeeds[event]; need == "" || m.Permissions[need] == "" {
				t.Errorf("%d extras: event %s needs the permission %q", len(extras), event, need)
			}
		}
		if len(m.Permissions) != c.permissions || len(m.Events) != c.events || m.Permissions["issues"] != c.issues || !slices.IsSorted(m.Events) {
			t.Errorf("%d extras: %v, %v", len(extras), m.Permissions, m.Events)
		}
	}
}

func TestPage(t *testing.T) {
	r := start(t, func(o *Options) {
		o.Name, o.Extras = `A "<b>" & co`, gh.Extras()
	})
	resp, body := r.get(r.page + "/")
	css := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(body)
	if css == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(css[1]))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action " + r.api + " " + r.page + "; base-uri 'none'; frame-ancestors 'none'"
	if got := resp.Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("policy %s, want %s", got, want)
	}
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Referrer-Policy") != "strict-origin" {
		t.Errorf("headers %v", resp.Header)
	}
	if regexp.MustCompile(`(?i)<script|<img|<link|src=|@import|url\(`).MatchString(body) {
		t.Errorf("the page loads something: %s", body)
	}
	action, fields := r.form()
	u, err := url.Parse(action)
	if err != nil || u.Path != "/organizations/kernel/settings/apps/new" || len(u.Query().Get("state")) != 64 {
		t.Errorf("action %s", action)
	}
	var m manifest
	if err := json.Unmarshal([]byte(fields.Get("manifest")), &m); err != nil || m.Name != `A "<b>" & co` || m.Public {
		t.Errorf("manifest %+v, %v", m, err)
	}
	if m.RedirectURL != r.page+"/callback" {
		t.Errorf("redirect to %s", m.RedirectURL)
	}
	for _, text := range []string{"issues: write", "members: read", "merge_queues: read", "With <code>issue_comment</code>", "With <code>members: read</code>", "https://size.example.org/webhook", html.EscapeString(r.dir)} {
		if !strings.Contains(body, text) {
			t.Errorf("the page does not show %s", text)
		}
	}
}

// TestRefused: what does not come from our page and from GitHub changes nothing, and setup goes on.
func TestRefused(t *testing.T) {
	r := start(t, nil)
	back := r.submit()
	with := func(change func(url.Values)) string {
		u, q := *back, back.Query()
		change(q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for _, c := range []struct {
		name, url string
		status    int
		says      string
	}{
		{"other state", with(func(q url.Values) { q.Set("state", strings.Repeat("0", 64)) }), 403, "its state is another"},
		{"no state", with(func(q url.Values) { q.Del("state") }), 403, "its state is another"},
		{"no code", with(func(q url.Values) { q.Del("code") }), 400, "GitHub sent no code"},
		{"a path for a code", with(func(q url.Values) { q.Set("code", "../../user") }), 400, "GitHub sent no code"},
		{"denied", with(func(q url.Values) { q.Set("error", "access_denied\x1b[31m") }), 200, "GitHub did not create the App: access_denied?[31m"},
		{"expired", with(func(q url.Values) { q.Set("code", "0123456789abcdef") }), 502, "it works once, and for an hour"},
		{"other page", r.page + "/x", 404, "not found"},
	} {
		resp, body := r.get(c.url)
		if resp.StatusCode != c.status || !strings.Contains(html.UnescapeString(body), c.says) {
			t.Errorf("%s: %s: %s", c.name, resp.Status, body)
		}
		if resp.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no policy", c.name)
		}
		r.running()
	}
	for _, told := range []string{"its state is another; start on the first page", "no code; start", "access_denied?[31m; start again", "for an hour; start again"} {
		if !strings.Contains(r.out.String(), told) {
			t.Errorf("the terminal does not say %q: %s", told, r.out)
		}
	}
	if resp, err := http.Post(r.page+"/callback?"+back.RawQuery, "text/plain", nil); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", resp, err)
	}
	req, _ := http.NewRequest("GET", r.page+"/", nil)
	req.Host = "evil.example"
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("other host: %v, %v", resp, err)
	}
	if entries, _ := os.ReadDir(r.dir); len(entries) != 1 {
		t.Errorf("files: %v", entries)
	}

	if resp, body := r.get(back.String()); resp.StatusCode != 200 { // and then it works
		t.Errorf("%s: %s", resp.Status, body)
	}
	if e := r.wait(); e.err != nil {
		t.Error(e.err)
	}
}

// TestTemporary: a GitHub that is ill for a moment does not cost the App. Loading the page again is enough.
func TestTemporary(t *testing.T) {
	r := start(t, nil)
	back := r.submit().String()
	r.github.AddFault(ghtest.Fault{Match: ghtest.On("POST", "/conversions"), Times: 1, Status: 502})
	if resp, body := r.get(back); resp.StatusCode != 502 || !strings.Contains(body, "answers 502") || !strings.Contains(body, "load this page again") {
		t.Errorf("%s: %s", resp.Status, body)
	}
	r.github.AddFault(ghtest.Fault{Match: ghtest.On("POST", "/conversions"), Times: 1, Cut: true})
	if _, body := r.get(back); !strings.Contains(body, "cannot be reached") || strings.Contains(body, "app-manifests") {
		t.Errorf("%s", body)
	}
	r.running()
	r.get(back)
	if e := r.wait(); e.err != nil {
		t.Error(e.err)
	}
}

// TestOddAnswers: an answer that is no App is never stored.
func TestOddAnswers(t *testing.T) {
	good := `"id":7,"slug":"o","name":"o","webhook_secret":"s","pem":"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"`
	for _, c := range []struct {
		status     int
		body, says string
	}{
		{201, "<html>", "something else than an App"},
		{201, "null", "no App id"},
		{201, `{"id":-1}`, "no App id"},
		{201, `{"id":7,"slug":"../x"}`, "no name that can be used"},
		{201, `{"id":7,"slug":"o","webhook_secret":null}`, "no webhook secret"},
		{201, `{"id":7,"slug":"o","webhook_secret":"a\nb"}`, "no webhook secret"},
		{201, `{"id":7,"slug":"o","webhook_secret":"s","pem":"x"}`, "no private key"},
		{201, "{" + good + "}", "no RSA key"},
		{401, "{}", "answers 401 to the code; check --github-url"},
		{302, "", "answers 302"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}))
		s, err := parseSite(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		f := &flow{site: s, o: Options{Client: server.Client()}}
		if _, err := f.exchange(t.Context(), "abc"); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.body, err, c.says)
		}
		server.Close()
	}
}

func TestExistingFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"app.pem", "serve.yml"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Run(t.Context(), Options{PublicURL: "https://o", Dir: dir, Out: io.Discard})
		if err == nil || !strings.HasPrefix(err.Error(), path+": exists") || !strings.Contains(err.Error(), "--force") {
			t.Errorf("%v", err)
		}
		if text, _ := os.ReadFile(path); string(text) != "mine" {
			t.Errorf("%s is %q", path, text)
		}
		os.Remove(path)
	}
	if err := os.WriteFile(filepath.Join(dir, "app.pem"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := start(t, func(o *Options) { o.Dir, o.Force = dir, true })
	r.get(r.submit().String())
	if e := r.wait(); e.err != nil {
		t.Fatal(e.err)
	}
	info, _ := os.Stat(filepath.Join(dir, "app.pem"))
	if text, _ := os.ReadFile(filepath.Join(dir, "app.pem")); string(text) == "old" || info.Mode() != 0o600 {
		t.Errorf("not replaced: %v", info.Mode())
	}
}

// TestFileAppears: a file that somebody put there while the browser was on GitHub is not overwritten.
func TestFileAppears(t *testing.T) {
	r := start(t, nil)
	back := r.submit().String()
	key := filepath.Join(r.dir, "app.pem")
	if err := os.WriteFile(key, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.get(back)
	e := r.wait()
	if e.err == nil || !strings.Contains(e.err.Error(), "its key cannot be stored") || !strings.Contains(e.err.Error(), "/organizations/kernel/settings/apps/oxidometer-kernel/advanced") {
		t.Errorf("%v", e.err)
	}
	if text, _ := os.ReadFile(key); string(text) != "mine" {
		t.Errorf("it is %q now", text)
	}
}

func TestEnds(t *testing.T) {
	r := start(t, nil)
	r.cancel()
	if e := r.wait(); e.err == nil || !strings.Contains(e.err.Error(), "nothing was stored") {
		t.Errorf("stopped: %v", e.err)
	}
	if _, err := os.Stat(r.dir); err == nil {
		t.Error("the folder is left behind")
	}
	r = start(t, func(o *Options) { o.Life = 10 * time.Millisecond })
	if e := r.wait(); e.err == nil || !strings.Contains(e.err.Error(), "nobody came back") {
		t.Errorf("time over: %v", e.err)
	}
}

func TestRunRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    Options
		says string
	}{
		{Options{PublicURL: "https://o", Port: port}, fmt.Sprintf("--port %d: is in use by another program; choose", port)},
		{Options{}, `--public-url "": is no address`},
		{Options{PublicURL: "size.example.org"}, "is no address"},
		{Options{PublicURL: "https://u:p@o"}, "is no address"},
		{Options{PublicURL: "http://localhost:8080"}, "github.com cannot reach this address"},
		{Options{PublicURL: "https://192.168.1.1"}, "github.com cannot reach this address"},
		{Options{PublicURL: "https://o", GitHubURL: "github"}, "--github-url"},
		{Options{PublicURL: "https://o", Organization: "a/b"}, "--organization"},
		{Options{PublicURL: "https://o", Name: strings.Repeat("x", 35)}, "GitHub takes 34 at most"},
		{Options{PublicURL: "https://o", Dir: file}, "--dir"},
	} {
		c.o.Out = io.Discard
		dir := filepath.Join(t.TempDir(), "d")
		if c.o.Dir == "" {
			c.o.Dir = dir
		}
		_, err := Run(t.Context(), c.o)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.says)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%+v: leaves %s behind", c.o, dir)
		}
	}
}

func TestSite(t *testing.T) {
	for _, c := range []struct{ in, web, api, install string }{
		{"", "https://github.com", "https://api.github.com/", "https://github.com/apps/o/installations/new"},
		{"https://github.com/", "https://github.com", "https://api.github.com/", "https://github.com/apps/o/installations/new"},
		{"https://api.github.com", "https://github.com", "https://api.github.com/", "https://github.com/apps/o/installations/new"},
		{"https://octo.ghe.com", "https://octo.ghe.com", "https://api.octo.ghe.com/", "https://octo.ghe.com/apps/o/installations/new"},
		{"https://api.octo.ghe.com/", "https://octo.ghe.com", "https://api.octo.ghe.com/", "https://octo.ghe.com/apps/o/installations/new"},
		{"https://git.example", "https://git.example", "https://git.example/api/v3/", "https://git.example/github-apps/o/installations/new"},
		{"https://git.example/api/v3/", "https://git.example", "https://git.example/api/v3/", "https://git.example/github-apps/o/installations/new"},
		{"http://127.0.0.1:80/api/v3", "http://127.0.0.1:80", "http://127.0.0.1:80/api/v3/", "http://127.0.0.1:80/github-apps/o/installations/new"},
	} {
		s, err := parseSite(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if s.web.String() != c.web || s.api.String() != c.api || s.installPage("https://evil.example/apps/x", "o") != c.install {
			t.Errorf("%q: %s, %s, %s", c.in, s.web, s.api, s.installPage("https://evil.example/apps/x", "o"))
		}
		if got := s.installPage(c.web+"/apps/named", "o"); got != c.web+"/apps/named/installations/new" {
			t.Errorf("%q: %s", c.in, got)
		}
	}
}
