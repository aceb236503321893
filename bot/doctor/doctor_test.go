package doctor

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/webhook"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// TestMain lets this program stand for oxidometer measure, as the measuring child. What it writes is only looked at from
// outside here; the command line's tests measure for real.
func TestMain(m *testing.M) {
	if len(os.Args) > 4 && os.Args[1] == "measure" {
		if strings.Contains(os.Args[0], "broken") || os.WriteFile(os.Args[4], []byte(source.MeasurementMagic), 0o600) != nil {
			fmt.Fprintln(os.Stderr, "oxidometer: broken")
			os.Exit(2)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const (
	appID  = 42
	secret = "0123456789abcdef0123456789abcdef"
)

var newKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
})

// patient is a server in good health, to be made ill.
type patient struct {
	t        *testing.T
	github   *ghtest.Server
	o        Options
	dir      string
	hook     *httptest.Server
	answer   atomic.Int64 // the webhook's, when not 0
	accepted atomic.Int64
}

func healthy(t *testing.T, change func(*ghtest.Options)) *patient {
	t.Helper()
	p := &patient{t: t, dir: t.TempDir()}
	handler, err := webhook.Handler(webhook.Options{Secrets: [][]byte{[]byte(secret)}, Accept: func(context.Context, webhook.Delivery) error {
		p.accepted.Add(1)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	p.hook = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := p.answer.Load(); status != 0 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(int(status))
			return
		}
		if r.URL.Path != "/webhook" {
			http.NotFound(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(p.hook.Close)
	o := ghtest.Options{AppID: appID, PEM: newKey(), T: t, WebhookURL: p.hook.URL + "/webhook", WebhookSecret: secret, Events: gh.Events()}
	if change != nil {
		change(&o)
	}
	p.github = ghtest.New(o)
	api, stop := p.github.Start()
	t.Cleanup(stop)

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	p.o = Options{Self: self, Transport: p.hook.Client().Transport, Server: config.Server{
		AppID: appID, PrivateKey: p.write("app.pem", string(newKey())), WebhookSecret: []string{"@" + p.write("secret", secret+"\n")},
		GitHubURL: api + "/api/v3/", Database: "sqlite:" + filepath.Join(p.dir, "o.db"), PublicURL: p.hook.URL,
	}}
	return p
}

func (p *patient) write(name, text string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// install installs the App on a repository; ghtest then tries to deliver that, which fails: it does not know the certificate.
func (p *patient) install(owner string) int64 {
	p.github.AddOrganization(owner)
	id := p.github.AddInstallation(owner)
	p.github.InstallRepo(id, p.github.AddRepo(ghtest.RepoOptions{Owner: owner, Name: "linux"}))
	return id
}

// deliver has GitHub send a webhook that ends with a status, or with none.
func (p *patient) deliver(status int) {
	p.t.Helper()
	to := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer to.Close()
	p.github.SetWebhook(to.URL, secret)
	p.github.Ping()
	if err := p.github.WaitDeliveries(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.github.SetWebhook(p.hook.URL+"/webhook", secret)
}

// examined returns the checks by what they looked at. Those of the machine take long and are left out.
func (p *patient) examined() map[string]Check {
	p.t.Helper()
	checks := map[string]Check{}
	e := begin(p.o)
	e.settings()
	e.github(p.t.Context())
	e.webhook(p.t.Context())
	e.database(p.t.Context())
	for _, c := range e.report {
		if _, twice := checks[c.What]; twice {
			p.t.Errorf("%s is checked twice", c.What)
		}
		if c.Status != OK && c.Remedy == "" || c.Finding == "" {
			p.t.Errorf("%+v: says nothing", c)
		}
		checks[c.What] = c
	}
	return checks
}

func (p *patient) expect(what string, status Status, says string) {
	p.t.Helper()
	c := p.examined()[what]
	if got := c.Finding + "; " + c.Remedy; c.Status != status || !strings.Contains(got, says) {
		p.t.Errorf("%s: %s %s, want %s …%s…", what, c.Status, got, status, says)
	}
}

// whats are all checks of a server with SQLite, in their order.
var whats = []string{"settings", "private key", "webhook secret", "public URL", "clock", "App", "permissions", "events", "installations",
	"webhook address", "webhook answers", "deliveries", "database", "database space", "temporary folder", "measuring"}

func TestHealthy(t *testing.T) {
	p := healthy(t, nil)
	p.install("rust-for-linux")
	p.deliver(202)
	p.github.SetWebhook(p.hook.URL+"/webhook", secret)
	report := Run(t.Context(), p.o)
	var got []string
	for _, c := range report {
		got = append(got, c.What)
		// How much room there is, whether namespaces are permitted, and what ghtest could not deliver at first is not ours to say.
		if c.Status != OK && c.What != "database space" && c.What != "temporary folder" && c.What != "measuring" && c.What != "deliveries" {
			t.Errorf("%+v", c)
		}
	}
	if strings.Join(got, ",") != strings.Join(whats, ",") {
		t.Errorf("checks %q, want %q", got, whats)
	}
	if report.Failed() != 0 {
		t.Errorf("%d failed: %s", report.Failed(), report.Text())
	}
	if p.accepted.Load() != 0 {
		t.Error("the examination stored deliveries")
	}
	if _, err := os.Stat(filepath.Join(p.dir, "o.db")); err == nil {
		t.Error("the examination made the database")
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, ".ox*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	p.expect("installations", OK, "1 installation, 1 repository")
	p.expect("events", OK, "issue_comment (follows commands in comments; needs issues: read)")
	for _, secretText := range []string{secret, "PRIVATE"} {
		if strings.Contains(report.Text(), secretText) {
			t.Errorf("the report shows a secret: %s", report.Text())
		}
	}
}

func TestSettings(t *testing.T) {
	p := healthy(t, nil)
	good := p.o.Server
	for _, c := range []struct {
		change func(*config.Server)
		what   string
		status Status
		says   string
	}{
		{func(s *config.Server) { s.AppID, s.PrivateKey, s.WebhookSecret = 0, "", nil }, "settings", Fail, "--app-id, --private-key, --webhook-secret not set"},
		{func(s *config.Server) { s.PrivateKey = "" }, "private key", Warn, "not checked; see settings"},
		{func(s *config.Server) { s.PrivateKey = "" }, "permissions", Warn, "not checked; see settings and private key"},
		{func(s *config.Server) { s.PrivateKey = filepath.Join(p.dir, "none") }, "private key", Fail, "cannot be read: no such file"},
		{func(s *config.Server) { s.PrivateKey = p.write("text", "hello") }, "private key", Fail, "is no PEM file"},
		{func(s *config.Server) {
			s.PrivateKey = p.write("cert", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
		}, "private key", Fail, `holds "CERTIFICATE", which is no RSA`},
		{func(s *config.Server) {
			s.PrivateKey = p.write("open.pem", string(newKey()))
			os.Chmod(s.PrivateKey, 0o644)
		}, "private key", Warn, "mode 0644 lets other users have it; chmod 600"},
		{func(s *config.Server) { s.WebhookSecret = []string{"@" + filepath.Join(p.dir, "none")} }, "webhook secret", Fail, "cannot be read"},
		{func(s *config.Server) { s.WebhookSecret = []string{"hunter2"} }, "webhook secret", Warn, "has only 7 characters"},
		{func(s *config.Server) { s.WebhookSecret = []string{secret, secret + "2"} }, "webhook secret", OK, "two are valid"},
		{func(s *config.Server) { s.WebhookSecret = []string{secret + "2", secret} }, "webhook answers", OK, "knows the secret"},
		{func(s *config.Server) { s.WebhookSecret = []string{secret, secret, secret} }, "webhook secret", Fail, "3 are given"},
		{func(s *config.Server) { s.WebhookSecret = []string{strings.Repeat("x", 32)} }, "webhook answers", Fail, "has another webhook secret"},
		{func(s *config.Server) { s.PublicURL = "" }, "public URL", Warn, "not set"},
		{func(s *config.Server) { s.PublicURL = "" }, "webhook answers", OK, "from here"},
		{func(s *config.Server) { s.PublicURL = "http://o.example" }, "public URL", Warn, "not encrypted"},
		{func(s *config.Server) { s.PublicURL = "https://o.example" }, "webhook address", Warn, "GitHub sends to https://127"},
		{func(s *config.Server) { s.AppID = 43 }, "App", Fail, "there is no App 43 there"},
		{func(s *config.Server) { s.GitHubURL = "http://127.0.0.1:1/api/v3/" }, "App", Fail, "check the network"},
		{func(s *config.Server) { s.GitHubURL = "http://127.0.0.1:1/api/v3/" }, "clock", Warn, "not checked; see App"},
		{func(s *config.Server) { s.Database = "sqlite:" + filepath.Join(p.dir, "none", "o.db") }, "database", Fail, "nothing can be written"},
		{func(s *config.Server) {
			s.Database = "sqlite:" + p.write("text", "hello, this is no database, but a text")
		}, "database", Fail, "not a database"},
		{func(s *config.Server) { s.Database = "postgres://u:hunter2@127.0.0.1:1/o" }, "database", Fail, "postgres://127.0.0.1:1/…: does not answer: connect: connection refused; check that it runs there"},
	} {
		p.o.Server = good
		c.change(&p.o.Server)
		p.expect(c.what, c.status, c.says)
	}
}

func TestOtherKey(t *testing.T) {
	p := healthy(t, nil)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.o.Server.PrivateKey = p.write("other.pem", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	p.expect("App", Fail, "the key is not App 42's")
	p.expect("permissions", Warn, "not checked; see App")
	p.expect("webhook answers", OK, "knows the secret") // all the same
}

func TestPermissionsAndEvents(t *testing.T) {
	with := func(more map[string]string) map[string]string {
		permissions := gh.Permissions()
		for name, level := range more {
			permissions[name] = level
		}
		return permissions
	}
	for _, c := range []struct {
		permissions map[string]string
		events      []string
		what        string
		status      Status
		says        string
	}{
		{with(nil), gh.Events(), "permissions", OK, "what it needs, and no more"},
		{with(map[string]string{"issues": "read", "merge_queues": "read"}), append(gh.Events(), "issue_comment", "merge_group"), "permissions", OK, "no more"},
		{with(map[string]string{"issues": "read", "merge_queues": "read"}), append(gh.Events(), "issue_comment", "merge_group"), "events", OK, "what it needs; "},
		{with(map[string]string{"checks": "read", "actions": ""}), nil, "permissions", Fail, "missing actions: read, checks: write; add them"},
		{with(map[string]string{"contents": "write"}), nil, "permissions", Warn, "more than it needs: contents: write"},
		{with(map[string]string{"issues": "write", "administration": "read"}), nil, "permissions", Warn, "more than it needs: administration: read; take"},
		{with(map[string]string{"members": "write"}), nil, "permissions", Warn, "more than it needs: members: write"},
		{with(nil), nil, "permissions", OK, "not asked for, which is fine: issues: write (labels pull requests with the verdict), members: read (lets"},
		{with(map[string]string{"issues": "write"}), nil, "permissions", OK, "which is fine: members: read"},
		{gh.Permissions(gh.Extras()...), nil, "permissions", OK, "and no more"},
		{gh.Permissions(gh.Extras()...), gh.Events(gh.Extras()...), "events", OK, "what it needs"},
		{with(nil), []string{"push"}, "events", Fail, "missing check_run, check_suite, pull_request, pull_request_review, repository, workflow_run"},
		{with(nil), append(gh.Events(), "star", "installation"), "events", Warn, "nobody reads star; unsubscribe"},
	} {
		p := healthy(t, func(o *ghtest.Options) { o.Permissions, o.Events = c.permissions, c.events })
		p.expect(c.what, c.status, c.says)
	}
}

// TestPermissionsNotAccepted: the App asks for more since, and an owner did not accept it yet.
func TestPermissionsNotAccepted(t *testing.T) {
	p := healthy(t, func(o *ghtest.Options) { o.Permissions = gh.Permissions(gh.Extras()...) })
	id := p.install("slow")
	p.github.SetPermissions(id, gh.Permissions())
	p.expect("installations", Warn, "permissions not yet accepted: slow (issues: write, members: read, merge_queues: read); its owner can accept them")
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		skew   time.Duration
		status Status
		says   string
	}{
		{0, OK, "within"},
		{20 * time.Second, Warn, "20s ahead of GitHub's"},
		{-30 * time.Second, Warn, "30s behind GitHub's"},
		{5 * time.Minute, Fail, "5m0s ahead of"},
		{-5 * time.Minute, Fail, "5m0s behind"},
	} {
		// Our own clock decides what is signed, so GitHub's is set instead; its Date header is written by net/http from ours.
		stop := time.Now()
		p := healthy(t, nil)
		p.o.Transport = dated{p.o.Transport, stop}
		p.o.Now = func() time.Time { return stop.Truncate(time.Second).Add(500*time.Millisecond + c.skew) }
		p.expect("clock", c.status, c.says)
	}
}

// dated answers with one time.
type dated struct {
	http.RoundTripper
	at time.Time
}

func (d dated) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Header.Set("Date", d.at.UTC().Format(http.TimeFormat))
	}
	return resp, err
}

func TestInstallations(t *testing.T) {
	p := healthy(t, nil)
	p.expect("installations", Warn, "none, so there is nothing to do; install oxidometer")
	first := p.install("rust-for-linux")
	second := p.install("other")
	p.expect("installations", OK, "2 installations, 2 repositories")
	p.github.Suspend(second, true)
	p.expect("installations", Warn, "2 installations, 1 repository; suspended: other")
	p.github.SetPermissions(first, map[string]string{"metadata": "read"})
	p.expect("installations", Fail, "rust-for-linux")
}

func TestWebhook(t *testing.T) {
	p := healthy(t, nil)
	for _, c := range []struct {
		status int
		says   string
	}{
		{http.StatusMovedPermanently, "answers 301, a redirection; give the address it leads to"},
		{http.StatusBadGateway, "the proxy has nobody to ask; is oxidometer serve running"},
		{http.StatusNotFound, "answers 404 to a wrong signature, and not 401; something else"},
		{http.StatusAccepted, "answers 202 to a wrong signature, and not 401"},
	} {
		p.answer.Store(int64(c.status))
		p.expect("webhook answers", Fail, c.says)
	}
	p.answer.Store(0)
	p.github.SetWebhook("", "")
	p.expect("webhook address", Fail, "GitHub sends no webhooks for this App; set it in the App's settings, Webhook, to https://127")
	p.github.SetWebhook("http://127.0.0.1:1/webhook", secret)
	p.expect("webhook address", Warn, "is not encrypted")
	p.expect("webhook answers", Fail, "cannot be reached from here: dial tcp")
	p.github.SetWebhook(p.hook.URL+"/hook", secret)
	p.o.Server.PublicURL = ""
	p.expect("webhook address", Warn, "does not end in /webhook")

	p.github.AddFault(ghtest.Fault{Match: ghtest.On("GET", "/app/hook/config"), Times: 1, Status: 200, Header: http.Header{"Content-Type": {"application/json"}},
		Body: `{"url":"https://o.example/webhook","content_type":"json","insecure_ssl":1,"secret":null}`})
	p.expect("webhook address", Fail, "GitHub does not sign")
	p.github.AddFault(ghtest.Fault{Match: ghtest.On("GET", "/app/hook/config"), Times: 1, Status: 200, Header: http.Header{"Content-Type": {"application/json"}},
		Body: `{"url":"https://o.example/webhook","content_type":"json","insecure_ssl":"1","secret":"*"}`})
	p.expect("webhook address", Warn, "does not check the certificate")
	p.github.AddFault(ghtest.Fault{Match: ghtest.On("GET", "/app/hook/config"), Times: 1, Status: 404, Body: "{}"})
	p.expect("webhook address", Fail, "GitHub sends no webhooks")
}

func TestDeliveries(t *testing.T) {
	p := healthy(t, nil)
	p.expect("deliveries", Warn, "GitHub has sent none of late")
	p.deliver(202)
	p.expect("deliveries", OK, "the last 1 arrived; the newest, ping, less than a minute ago")
	p.deliver(401)
	p.expect("deliveries", Fail, "1 of the last 2 did not arrive; the newest, ping, less than a minute ago: 401 Invalid HTTP Response: 401; the secret in the App's settings is not the server's")
	p.deliver(202)
	p.expect("deliveries", Warn, "1 of the last 3 did not arrive, last with 401")
	for _, d := range p.github.Deliveries() { // GitHub tries again, and then it arrives
		if d.StatusCode == 401 {
			to := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			defer to.Close()
			p.github.SetWebhook(to.URL, secret)
			p.github.Redeliver(d.ID)
		}
	}
	if err := p.github.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.expect("deliveries", OK, "the last 4 arrived")
}

func TestDatabase(t *testing.T) {
	p := healthy(t, nil)
	now := time.Now()
	s, err := store.Open(t.Context(), p.o.Server.Database, func() time.Time { return now.Add(-time.Hour) })
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	p.expect("database", OK, "its tables are up to date")
	p.expect("queue", OK, "0 waiting jobs")
}

func TestMeasuringFails(t *testing.T) {
	p := healthy(t, nil)
	broken := filepath.Join(p.dir, "broken")
	if err := os.Symlink(p.o.Self, broken); err != nil {
		t.Fatal(err)
	}
	p.o.Self = broken
	e := begin(p.o)
	e.machine(t.Context())
	last := e.report[len(e.report)-1]
	if last.Status != Fail || !strings.HasSuffix(last.Finding, "cannot be measured: not measured: broken") {
		t.Errorf("%+v", last)
	}
}

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		little, some uint64
		want         Status
	}{{0, 0, OK}, {0, 1 << 62, Warn}, {1 << 62, 1 << 62, Fail}} {
		e := &examination{}
		e.space("x", dir, c.little, c.some)
		if e.report[0].Status != c.want {
			t.Errorf("%+v: %+v", c, e.report[0])
		}
	}
	e := &examination{}
	e.space("x", filepath.Join(dir, "none"), 0, 0)
	if e.report[0].Status != Fail {
		t.Errorf("no folder: %+v", e.report[0])
	}
}

func TestReport(t *testing.T) {
	e := &examination{}
	e.ok("a", "good")
	e.warn("longer", "do\nthis", "from \x1b[31moutside")
	e.failed("b", fmt.Errorf("x: y; z"), "")
	want := "ok    a       good\nwarn  longer  from ?[31moutside; do this\nfail  b       x: y; z\n"
	if got := e.report.Text(); got != want {
		t.Errorf("got %q", got)
	}
	text, err := e.report.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Schema string
		Failed int
		Checks []Check
	}
	if err := json.Unmarshal([]byte(text), &back); err != nil || back.Schema != "oxidometer.doctor/1" || back.Failed != 1 || len(back.Checks) != 3 || back.Checks[2].Remedy != "z" {
		t.Errorf("%v: %s", err, text)
	}
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		n    int
		noun string
		want string
	}{{1, "repository", "1 repository"}, {2, "repository", "2 repositories"}, {0, "waiting job", "0 waiting jobs"}, {3, "day", "3 days"}} {
		if got := count(c.n, c.noun); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
