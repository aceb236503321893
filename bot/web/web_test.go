package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/net/html"

	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

const (
	repoID     = 41
	repoName   = "torvalds/linux"
	pull       = 7
	historyKey = "41-7-unguessable"
)

// site is the pages of a store with two evaluations of one pull request.
type site struct {
	t       *testing.T
	store   *store.Store
	metrics *Metrics
	url     string
	ids     []string // oldest first
}

func newSite(t *testing.T) *site {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "web.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	log := logrus.New()
	log.SetOutput(t.Output())
	w := &site{t: t, store: s, metrics: NewMetrics(s)}
	server := httptest.NewServer(Handler(Options{Store: s, Metrics: w.metrics, Log: log, History: func(key string) (int64, int, bool) {
		return repoID, pull, key == historyKey
	}, Prefix: "/size", Commands: []Command{
		{Name: "top", Usage: "/size top [n=1..50]", Summary: "List the largest symbols.", Who: "anybody", Closed: true,
			Arguments: []Argument{{Name: "n=1..50", About: "how many"}}, Examples: []string{"/size top", "/size top n=5"}},
		{Name: "base", Usage: "/size base <SHA>", Summary: "Compare.", Who: "the author", Examples: []string{"/size base v6.18"}},
	}}))
	t.Cleanup(server.Close)
	w.url = server.URL
	base, head := fixture(t, "small-base"), fixture(t, "small-head")
	w.put("1111111aaaaaaa", base, base)
	w.put("2222222bbbbbbb", base, head)
	return w
}

func fixture(t *testing.T, name string) *sizediff.Measurement {
	t.Helper()
	b, err := source.Open(filepath.Join("..", "..", "sizediff", "testdata", name), source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := sizediff.Measure(b, sizediff.MeasureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m.Label = "kernel"
	return m
}

// put stores an evaluation. Its title is one that a stranger might choose.
func (w *site) put(headSHA string, base, head *sizediff.Measurement) {
	w.t.Helper()
	policy := sizediff.LinuxKernel()
	report := sizediff.Compare(base, head, policy.Buckets)
	e := &sizediff.Evaluation{
		Targets: []sizediff.TargetResult{sizediff.Evaluate("kernel", report, policy)}, Policy: policy,
		Provenance: sizediff.Provenance{Head: headSHA, Base: "0000000ccccccc", BaseChoice: sizediff.BaseExact},
	}
	data, err := Record{Repository: repoName, Pull: pull, Title: "<script>alert(1)</script>", Evaluation: e}.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	id, err := w.store.PutEvaluation(w.t.Context(), store.Evaluation{
		RepoID: repoID, Pull: pull, HeadSHA: headSHA, BaseSHA: "0000000ccccccc", State: string(e.Verdict()), Record: data,
		Created: time.Date(2026, 11, 20, 12, len(w.ids), 0, 0, time.UTC),
	}, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ids = append(w.ids, id)
}

// get returns an answer and its body, having looked at the headers that all have.
func (w *site) get(path string) (*http.Response, string) {
	w.t.Helper()
	resp, err := http.Get(w.url + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer", "Set-Cookie": "",
	} {
		if got := resp.Header.Get(name); got != want {
			w.t.Errorf("%s: %s is %q, want %q", path, name, got, want)
		}
	}
	p := resp.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(p, "default-src 'none';") || strings.Contains(p, "script-src") || strings.Contains(p, "http") {
		w.t.Errorf("%s: content security policy %q", path, p)
	}
	return resp, string(body)
}

// page is get for a page that is there. It holds what the policy would refuse: scripts, and what comes from elsewhere.
func (w *site) page(path string) string {
	w.t.Helper()
	resp, body := w.get(path)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		w.t.Fatalf("%s: %s, %s", path, resp.Status, resp.Header.Get("Content-Type"))
	}
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && slices.Contains([]string{"script", "iframe", "object", "embed"}, n.Data) {
			w.t.Errorf("%s: has an element %s", path, n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "src" && !strings.HasPrefix(a.Val, "data:") || strings.HasPrefix(a.Key, "on") {
				w.t.Errorf("%s: <%s %s=%q>", path, n.Data, a.Key, a.Val)
			}
		}
	}
	return body
}

func TestReport(t *testing.T) {
	w := newSite(t)
	body := w.page("/r/" + w.ids[1])
	for _, want := range []string{"9,752", "core::fmt", "rust_sample"} {
		if !strings.Contains(body, want) {
			t.Errorf("the report does not mention %s", want)
		}
	}
	for _, path := range []string{"/r/0000", "/r/" + w.ids[1] + "x", "/r/0000.json", "/r/%2e%2e", "/"} {
		if resp, _ := w.get(path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, want 404", path, resp.Status)
		}
	}
}

func TestReportAsJSON(t *testing.T) {
	w := newSite(t)
	resp, body := w.get("/r/" + w.ids[1] + ".json")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	if !json.Valid([]byte(body)) || !strings.Contains(body, `"oxidometer.report/1"`) || !strings.Contains(body, "9752") {
		t.Errorf("%.300s", body)
	}
}

func TestHistory(t *testing.T) {
	w := newSite(t)
	body := w.page("/p/" + historyKey)
	newer, older := strings.Index(body, w.ids[1]), strings.Index(body, w.ids[0])
	if older < 0 || newer < 0 || newer > older {
		t.Errorf("links to the reports at %d and %d, want the newer one first", newer, older)
	}
	for _, want := range []string{repoName + " #7", "1111111", "2222222", "2026-11-20 12:01", "No size change"} {
		if !strings.Contains(body, want) {
			t.Errorf("the history does not mention %q", want)
		}
	}
	for _, path := range []string{"/p/41-7-guess", "/p/41-8-unguessable", "/p/", "/p/41-7-"} {
		if resp, body := w.get(path); resp.StatusCode != http.StatusNotFound || strings.Contains(body, repoName) {
			t.Errorf("%s: %s, %q; want 404 and no name", path, resp.Status, body)
		}
	}
}

// TestLedger holds that the page tells who accepted what, why, and what became of it. Names and reasons are strangers'.
func TestLedger(t *testing.T) {
	w := newSite(t)
	if body := w.page("/p/" + historyKey); strings.Contains(body, "Accepted growth") {
		t.Error("nothing was accepted, and the page has a table of it")
	}
	at := time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC)
	put := func(a store.Acceptance) int64 {
		a.RepoID, a.Pull, a.Head, a.Evaluation = repoID, pull, "2222222bbbbbbb", w.ids[1]
		id, err := w.store.PutAcceptance(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	lapsed := put(store.Acceptance{By: "maint", Reason: "<script>alert(1)</script> is needed", At: at})
	errs := []error{w.store.LapseAcceptance(t.Context(), repoID, lapsed, "3333333ccccccc", "runtime of kernel grew further")}
	put(store.Acceptance{By: "reviewer", Bucket: "runtime", Reason: "agreed on the list", At: at.Add(time.Hour)})
	errs = append(errs, w.store.MergeAcceptances(t.Context(), repoID, pull, "5555555eeeeeee")) // as a row of an older release can have it
	_, err := w.store.WithdrawAcceptances(t.Context(), repoID, pull, "lead", at.Add(2*time.Hour))
	put(store.Acceptance{By: "owner", Reason: "still needed", At: at.Add(3 * time.Hour)})
	errs = append(errs, err, w.store.MergeAcceptances(t.Context(), repoID, pull, "4444444ddddddd"))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	body := w.page("/p/" + historyKey)
	_, table, _ := strings.Cut(body, "Accepted growth")
	for _, want := range []string{
		"2026-11-20 12:30", "maint", "2222222", "all that was over", "&lt;script&gt;alert(1)&lt;/script&gt; is needed", "3333333", ": runtime of kernel grew further",
		"2026-11-20 13:30", "reviewer", "runtime", "agreed on the list", "withdrawn by lead, 2026-11-20 14:30", "merged as <code>4444444",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table does not mention %q:\n%s", want, table)
		}
	}
	if strings.Contains(table, "5555555") {
		t.Errorf("what was withdrawn is said to be merged:\n%s", table)
	}
	if strings.Index(table, "reviewer") > strings.Index(table, "maint<") {
		t.Error("the newest is not first")
	}
}

func TestHelp(t *testing.T) {
	w := newSite(t)
	body := w.page("/help")
	for _, want := range []string{
		`<a href="#top">`, `id="top"`, "/size top [n=1..50]", "List the largest symbols.", "For anybody. It works on closed", "<dt><code>n=1..50</code></dt><dd>how many</dd>",
		"<pre>/size top\n/size top n=5</pre>", "/size base &lt;SHA&gt;", "For the author.", "<pre>/size base v6.18</pre>", "<code>/size report</code>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not hold %q:\n%s", want, body)
		}
	}
}

// TestBrokenRecord holds that people are told when a record cannot be read, and get no half of a page.
func TestBrokenRecord(t *testing.T) {
	w := newSite(t)
	for _, record := range []string{"", "{", `{"version":1}`, `{"version":99,"evaluation":{}}`} {
		id, err := w.store.PutEvaluation(t.Context(), store.Evaluation{RepoID: repoID, Pull: pull, Record: []byte(record)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/r/" + id, "/r/" + id + ".json", "/p/" + historyKey} {
			if resp, body := w.get(path); resp.StatusCode != http.StatusInternalServerError || !strings.HasPrefix(body, "This page cannot be shown") {
				t.Errorf("%q: %s: %s, %.80q", record, path, resp.Status, body)
			}
		}
	}
}

func TestHealth(t *testing.T) {
	w := newSite(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if resp, body := w.get(path); resp.StatusCode != http.StatusOK || body != "ok\n" {
			t.Errorf("%s: %s, %q", path, resp.Status, body)
		}
	}
	w.store.Close()
	if resp, _ := w.get("/healthz"); resp.StatusCode != http.StatusOK {
		t.Errorf("without a store, healthz: %s; a restart would not mend that", resp.Status)
	}
	resp, body := w.get("/readyz")
	if resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "sql") {
		t.Errorf("without a store, readyz: %s, %q", resp.Status, body)
	}
}

func TestMetrics(t *testing.T) {
	w := newSite(t)
	w.metrics.Delivery("pull_request", "accepted")
	w.metrics.Job("pull", "done")
	w.metrics.Request("ok", 4999)
	w.metrics.Request("temporary", -1)
	w.metrics.Intake("fetch", "ok", 1000, time.Second)
	w.metrics.Intake("measure", "ok", 0, 2*time.Second)
	w.metrics.Unattributed(0.25)
	if err := w.store.Enqueue(t.Context(), []store.Job{{Kind: "pull", RepoID: repoID, Pull: pull}}); err != nil {
		t.Fatal(err)
	}
	resp, body := w.get("/metrics")
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	for _, want := range []string{
		`oxidometer_deliveries_total{event="pull_request",result="accepted"} 1`,
		`oxidometer_jobs_total{kind="pull",outcome="done"} 1`,
		`oxidometer_github_requests_total{class="ok"} 1`,
		`oxidometer_github_requests_total{class="temporary"} 1`,
		`oxidometer_github_rate_remaining 4999`,
		`oxidometer_intake_total{op="fetch",outcome="ok"} 1`,
		`oxidometer_fetched_bytes_total 1000`,
		`oxidometer_measure_seconds_count 1`,
		`oxidometer_measure_seconds_sum 2`,
		`oxidometer_unattributed_ratio 0.25`,
		`oxidometer_queue_depth 1`,
		`oxidometer_queue_oldest_seconds `,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(body, "torvalds") || strings.Contains(body, "linux") {
		t.Error("the metrics name a repository")
	}
	w.store.Close()
	if resp, _ := w.get("/metrics"); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("without a store: %s; missing figures would look like a quiet queue", resp.Status)
	}
}
