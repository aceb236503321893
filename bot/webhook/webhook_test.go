package webhook

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

// The example of GitHub Docs, "Validating webhook deliveries".
const (
	docsSecret    = "It's a Secret to Everybody"
	docsPayload   = "Hello, World!"
	docsSignature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
)

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// recorder is a store that keeps each GUID once, and what was observed.
type recorder struct {
	mu       sync.Mutex
	got      map[string]Delivery
	calls    int
	observed []string
	fail     error
}

func (r *recorder) accept(_ context.Context, d Delivery) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.fail != nil {
		return r.fail
	}
	if r.got == nil {
		r.got = map[string]Delivery{}
	}
	if _, known := r.got[d.GUID]; !known {
		r.got[d.GUID] = d
	}
	return nil
}

func (r *recorder) observe(event, result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observed = append(r.observed, event+" "+result)
}

func newHandler(t testing.TB, r *recorder, maxBody int64, secrets ...string) http.Handler {
	t.Helper()
	o := Options{Accept: r.accept, Observe: r.observe, MaxBody: maxBody}
	for _, s := range secrets {
		o.Secrets = append(o.Secrets, []byte(s))
	}
	h, err := Handler(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// delivery is a request as GitHub makes it, signed with docsSecret.
func delivery(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	r.Header.Set("X-GitHub-Event", "pull_request")
	r.Header.Set("X-Hub-Signature-256", sign(docsSecret, []byte(body)))
	return r
}

func TestSignatureIsGitHubs(t *testing.T) {
	var rec recorder
	r := delivery(docsPayload)
	r.Header.Set("X-Hub-Signature-256", docsSignature)
	w := httptest.NewRecorder()
	newHandler(t, &rec, 0, docsSecret).ServeHTTP(w, r)
	if w.Code != http.StatusAccepted {
		t.Errorf("the documented example is answered with %d %s", w.Code, w.Body)
	}
}

func TestHandler(t *testing.T) {
	const body = `{"action":"opened"}`
	form := "payload=" + url.QueryEscape(body) + "&x=1"
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	without := func(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(name) } }
	withBody := func(contentType, body string) func(*http.Request) {
		return func(r *http.Request) {
			*r = *delivery(body)
			r.Header.Set("Content-Type", contentType)
		}
	}
	const formType = "application/x-www-form-urlencoded"
	tests := []struct {
		name    string
		change  func(*http.Request)
		status  int
		payload string
		observe string
	}{
		{"ordinary", nil, 202, body, "pull_request accepted"},
		{"charset", header("Content-Type", "application/json; charset=utf-8"), 202, body, "pull_request accepted"},
		{"old secret during rotation", header("X-Hub-Signature-256", sign("old", []byte(body))), 202, body, "pull_request accepted"},
		{"form", withBody(formType, form), 202, body, "pull_request accepted"},
		{"not JSON is not our concern", withBody("application/json", "{"), 202, "{", "pull_request accepted"},
		{"unknown event", header("X-GitHub-Event", "meta_2"), 202, body, "meta_2 accepted"},
		{"upper-case digits are the same bytes", func(r *http.Request) {
			digits := strings.TrimPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=")
			r.Header.Set("X-Hub-Signature-256", "sha256="+strings.ToUpper(digits))
		}, 202, body, "pull_request accepted"},

		{"GET", func(r *http.Request) { r.Method = http.MethodGet }, 405, "", "unverified wrong_method"},
		{"HEAD", func(r *http.Request) { r.Method = http.MethodHead }, 405, "", "unverified wrong_method"},
		{"another secret", header("X-Hub-Signature-256", sign("wrong", []byte(body))), 401, "", "unverified unsigned"},
		{"another body", header("X-Hub-Signature-256", sign(docsSecret, []byte(body+" "))), 401, "", "unverified unsigned"},
		{"no secret at all", header("X-Hub-Signature-256", sign("", []byte(body))), 401, "", "unverified unsigned"},
		{"no signature", without("X-Hub-Signature-256"), 401, "", "unverified unsigned"},
		{"SHA-1 only", func(r *http.Request) {
			r.Header.Del("X-Hub-Signature-256")
			mac := hmac.New(sha1.New, []byte(docsSecret))
			mac.Write([]byte(body))
			r.Header.Set("X-Hub-Signature", "sha1="+hex.EncodeToString(mac.Sum(nil)))
		}, 401, "", "unverified unsigned"},
		{"SHA-1 in the new header", func(r *http.Request) {
			mac := hmac.New(sha1.New, []byte(docsSecret))
			mac.Write([]byte(body))
			r.Header.Set("X-Hub-Signature-256", "sha1="+hex.EncodeToString(mac.Sum(nil)))
		}, 401, "", "unverified unsigned"},
		{"short signature", header("X-Hub-Signature-256", sign(docsSecret, []byte(body))[:69]), 401, "", "unverified unsigned"},
		{"long signature", header("X-Hub-Signature-256", sign(docsSecret, []byte(body))+"00"), 401, "", "unverified unsigned"},
		{"empty signature", header("X-Hub-Signature-256", ""), 401, "", "unverified unsigned"},
		{"only the prefix", header("X-Hub-Signature-256", "sha256="), 401, "", "unverified unsigned"},
		{"no prefix", header("X-Hub-Signature-256", sign(docsSecret, []byte(body))[7:]), 401, "", "unverified unsigned"},
		{"upper-case prefix", header("X-Hub-Signature-256", "SHA256="+sign(docsSecret, []byte(body))[7:]), 401, "", "unverified unsigned"},
		{"not hexadecimal", header("X-Hub-Signature-256", "sha256="+strings.Repeat("zz", 32)), 401, "", "unverified unsigned"},
		{"two signatures", func(r *http.Request) { r.Header.Add("X-Hub-Signature-256", docsSignature) }, 401, "", "unverified unsigned"},
		{"no GUID", without("X-GitHub-Delivery"), 400, "", "unverified malformed"},
		{"strange GUID", header("X-GitHub-Delivery", "a b"), 400, "", "unverified malformed"},
		{"long GUID", header("X-GitHub-Delivery", strings.Repeat("a", 129)), 400, "", "unverified malformed"},
		{"no event", without("X-GitHub-Event"), 400, "", "unverified malformed"},
		{"strange event", header("X-GitHub-Event", "Push\n"), 400, "", "unverified malformed"},
		{"no content type", without("Content-Type"), 415, "", "unverified malformed"},
		{"text", header("Content-Type", "text/plain"), 415, "", "unverified malformed"},
		{"broken content type", header("Content-Type", "application/json; ="), 415, "", "unverified malformed"},
		{"gzip", header("Content-Encoding", "gzip"), 415, "", "unverified malformed"},
		{"empty body", withBody("application/json", ""), 400, "", "unverified malformed"},
		{"form without payload", withBody(formType, "x=1"), 400, "", "unverified malformed"},
		{"form with an empty payload", withBody(formType, "payload="), 400, "", "unverified malformed"},
		{"form with two payloads", withBody(formType, form+"&"+form), 400, "", "unverified malformed"},
		{"form with a broken escape", withBody(formType, "payload=%zz"), 400, "", "unverified malformed"},
		{"form, signed over the JSON", func(r *http.Request) {
			withBody(formType, form)(r)
			r.Header.Set("X-Hub-Signature-256", sign(docsSecret, []byte(body)))
		}, 401, "", "unverified unsigned"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var rec recorder
			r := delivery(body)
			if test.change != nil {
				test.change(r)
			}
			w := httptest.NewRecorder()
			newHandler(t, &rec, 0, docsSecret, "old").ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("status %d %q, want %d", w.Code, w.Body, test.status)
			}
			if got := []string{test.observe}; !slices.Equal(rec.observed, got) {
				t.Errorf("observed %q, want %q", rec.observed, got)
			}
			if test.status != 202 {
				if rec.calls != 0 {
					t.Error("refused, but handed on")
				}
				return
			}
			want := Delivery{r.Header.Get("X-GitHub-Delivery"), r.Header.Get("X-GitHub-Event"), []byte(test.payload)}
			if got := rec.got[want.GUID]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("handed on %+v, want %+v", got, want)
			}
		})
	}
}

func TestWrongMethodSaysWhichIsRight(t *testing.T) {
	w := httptest.NewRecorder()
	newHandler(t, &recorder{}, 0, docsSecret).ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/webhook", nil))
	if w.Header().Get("Allow") != "POST" {
		t.Errorf("Allow: %q", w.Header().Get("Allow"))
	}
}

func TestDuplicateIsAccepted(t *testing.T) {
	var rec recorder
	h := newHandler(t, &rec, 0, docsSecret)
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, delivery("{}"))
		if w.Code != http.StatusAccepted {
			t.Errorf("status %d", w.Code)
		}
	}
	if rec.calls != 2 || len(rec.got) != 1 {
		t.Errorf("%d calls, %d deliveries; want each request handed on, and one delivery", rec.calls, len(rec.got))
	}
}

func TestAcceptFails(t *testing.T) {
	rec := recorder{fail: errors.New("database is locked: /secret/path")}
	w := httptest.NewRecorder()
	newHandler(t, &rec, 0, docsSecret).ServeHTTP(w, delivery("{}"))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", w.Code)
	}
	if strings.Contains(w.Body.String(), "secret") {
		t.Errorf("the answer shows our error: %s", w.Body)
	}
	if !slices.Equal(rec.observed, []string{"pull_request unavailable"}) {
		t.Errorf("observed %q", rec.observed)
	}
}

func TestOptions(t *testing.T) {
	accept := func(context.Context, Delivery) error { return nil }
	one := [][]byte{[]byte("s")}
	for name, o := range map[string]Options{
		"no secret":      {Accept: accept},
		"empty secret":   {Accept: accept, Secrets: [][]byte{[]byte("s"), {}}},
		"three secrets":  {Accept: accept, Secrets: [][]byte{[]byte("a"), []byte("b"), []byte("c")}},
		"no Accept":      {Secrets: one},
		"negative limit": {Accept: accept, Secrets: one, MaxBody: -1},
	} {
		if h, err := Handler(o); err == nil || h != nil {
			t.Errorf("%s: got a handler and error %v", name, err)
		}
	}
	if _, err := Handler(Options{Secrets: one, Accept: accept}); err != nil {
		t.Error(err)
	}
}

// endless is a body without end that counts what is taken from it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return len(p), nil
}

func TestBodyLimit(t *testing.T) {
	const limit = 100_000
	var rec recorder
	h := newHandler(t, &rec, limit, docsSecret)
	for size, want := range map[int]int{limit - 1: 202, limit: 202, limit + 1: 413} {
		for _, chunked := range []bool{false, true} {
			r := delivery(strings.Repeat("x", size))
			if chunked {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%d bytes, chunked %t: status %d, want %d", size, chunked, w.Code, want)
			}
		}
	}
	for _, claimed := range []int64{-1, limit + 1, 1 << 60} {
		body := &endless{}
		r := delivery("{}")
		r.Body, r.ContentLength = io.NopCloser(body), claimed
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge || w.Header().Get("Connection") != "close" {
			t.Errorf("claimed %d: status %d, Connection: %q; want 413 and close", claimed, w.Code, w.Header().Get("Connection"))
		}
		if claimed > limit && body.read != 0 || body.read > 2*limit {
			t.Errorf("claimed %d: read %d bytes of a body over the limit of %d", claimed, body.read, limit)
		}
	}
}

func TestClaimedLengthAllocatesLittle(t *testing.T) {
	h := newHandler(t, &recorder{}, 0, docsSecret)
	const requests = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range requests {
		r := delivery("{}")
		r.ContentLength = DefaultMaxBody
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / requests; per > 1<<20 {
		t.Errorf("a request that only claims %d bytes allocates %d", DefaultMaxBody, per)
	}
}

// Strangers with large bodies are held off, ordinary deliveries get through.
func TestManyLargeBodies(t *testing.T) {
	const limit = 1 << 20
	var rec recorder
	h := newHandler(t, &rec, limit, docsSecret)
	large := strings.Repeat("x", limit)
	var waiting sync.WaitGroup
	codes := make(chan int, 16)
	release := make(chan struct{})
	started := make(chan struct{}, cap(codes))
	for range cap(codes) {
		waiting.Go(func() {
			r := delivery(large)
			body := &stalling{Reader: strings.NewReader(large), started: func() { started <- struct{}{} }, release: release}
			r.Body = io.NopCloser(body)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			body.told.Do(body.started)
			codes <- w.Code
		})
	}
	for range cap(codes) {
		<-started
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, delivery("{}"))
	if w.Code != http.StatusAccepted {
		t.Errorf("an ordinary delivery beside large ones: status %d", w.Code)
	}
	close(release)
	waiting.Wait()
	count := map[int]int{}
	for range cap(codes) {
		count[<-codes]++
	}
	if count[202] < largeBodies || count[503] == 0 || count[202]+count[503] != cap(codes) {
		t.Errorf("answers %v: want %d or more accepted and the others told to come again", count, largeBodies)
	}
	if held := h.(*handler).large.Load(); held != 0 {
		t.Errorf("%d bytes are still counted", held)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, delivery(large))
	if w.Code != http.StatusAccepted {
		t.Errorf("a large delivery afterwards: status %d", w.Code)
	}
}

// stalling yields everything, says that it did, and waits before the end.
type stalling struct {
	*strings.Reader
	started func()
	release <-chan struct{}
	told    sync.Once
}

func (s *stalling) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err == io.EOF {
		s.told.Do(s.started)
		<-s.release
	}
	return n, err
}

func TestSecretsStayOutOfLogs(t *testing.T) {
	var out bytes.Buffer
	log := logrus.New()
	log.SetOutput(&out)
	log.SetLevel(logrus.TraceLevel)
	h, err := Handler(Options{Secrets: [][]byte{[]byte("hunter2")}, Log: log,
		Accept: func(context.Context, Delivery) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	r := delivery(`{"token":"ghs_x"}`)
	h.ServeHTTP(httptest.NewRecorder(), r)
	for _, secret := range []string{"hunter2", "ghs_x", r.Header.Get("X-Hub-Signature-256")[7:]} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the log shows %q:\n%s", secret, &out)
		}
	}
	if !strings.Contains(out.String(), "72d3162e-cc78-11e3-81ab-4c9367dc0958") {
		t.Errorf("the log does not name the delivery:\n%s", &out)
	}
}

// serve runs the handler in a real server with a short read timeout.
func serve(t *testing.T, h http.Handler) string {
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout = 100 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestSlowClient(t *testing.T) {
	var rec recorder
	conn, err := net.Dial("tcp", serve(t, newHandler(t, &rec, 0, docsSecret)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\n"+
		"X-GitHub-Delivery: 1\r\nX-Hub-Signature-256: %s\r\nContent-Length: 13\r\n\r\nHello", docsSignature)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil) // without a timeout of its own this would wait for ever
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadRequest || rec.calls != 0 {
		t.Errorf("status %d, handed on %d times; want 400 and none", response.StatusCode, rec.calls)
	}
}

func TestChunkedOverTheWire(t *testing.T) {
	var rec recorder
	address := serve(t, newHandler(t, &rec, 1000, docsSecret))
	for size, want := range map[int]int{1000: 202, 1001: 413} {
		r := delivery(strings.Repeat("x", size))
		r.RequestURI, r.URL.Scheme, r.URL.Host, r.ContentLength = "", "http", address, -1
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%d bytes in chunks: status %d, want %d", size, response.StatusCode, want)
		}
	}
}

// Whatever comes: no panic, one observation, and handed on exactly when an independent check of the signature agrees.
func FuzzHandler(f *testing.F) {
	f.Add("POST", "application/json", "72d3162e", "push", docsSignature, []byte(docsPayload))
	f.Add("POST", "application/x-www-form-urlencoded", "1", "push", sign(docsSecret, []byte("payload=%7B%7D")), []byte("payload=%7B%7D"))
	f.Add("POST", "application/json", "1", "push", "sha1=2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", []byte("{}"))
	f.Add("POST", "text/plain;;", "", "", "sha256=", []byte{})
	f.Add("GET", "", "\x00", "é", "sha256=\xff", []byte{0})
	f.Fuzz(func(t *testing.T, method, contentType, guid, event, signature string, body []byte) {
		var rec recorder
		h := newHandler(t, &rec, 1<<16, docsSecret)
		r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewReader(body))
		r.Method = method
		r.Header = http.Header{"Content-Type": {contentType}, "X-Github-Delivery": {guid}, "X-Github-Event": {event},
			"X-Hub-Signature-256": {signature}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if len(rec.observed) != 1 {
			t.Errorf("observed %q", rec.observed)
		}
		if (w.Code == http.StatusAccepted) != (rec.calls == 1) {
			t.Errorf("status %d, handed on %d times", w.Code, rec.calls)
		}
		if w.Code == http.StatusAccepted && !strings.EqualFold(signature, sign(docsSecret, body)) {
			t.Errorf("accepted %q with signature %q", body, signature)
		}
	})
}

// 20 kB is a usual pull_request delivery, 25 MiB the largest.
func BenchmarkHandler(b *testing.B) {
	for name, size := range map[string]int{"20kB": 20_000, "25MiB": DefaultMaxBody} {
		b.Run(name, func(b *testing.B) {
			h, err := Handler(Options{Secrets: [][]byte{[]byte("new"), []byte(docsSecret)},
				Accept: func(context.Context, Delivery) error { return nil }})
			if err != nil {
				b.Fatal(err)
			}
			body := bytes.Repeat([]byte("x"), size)
			r := delivery(string(body))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(bytes.NewReader(body))
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != http.StatusAccepted {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
