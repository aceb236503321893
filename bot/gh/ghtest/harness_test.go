package ghtest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

const appID = 4242

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// reports collects what the server complains about, and fails the test for what nobody expected.
type reports struct {
	mu    sync.Mutex
	texts []string
}

func (r *reports) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, fmt.Sprintf(format, args...))
}

func (r *reports) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts := r.texts
	r.texts = nil
	return texts
}

// clock can be moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a started server with an installation and one repository.
type world struct {
	*Server
	t       *testing.T
	api     string
	clock   *clock
	reports *reports
	inst    int64
	repo    *Repo
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, reports: &reports{}}
	o := Options{AppID: appID, Key: &appKey().PublicKey, Now: w.clock.Now, T: w.reports}
	if change != nil {
		change(&o)
	}
	w.Server = New(o)
	var stop func()
	w.api, stop = w.Start()
	t.Cleanup(func() {
		stop()
		for _, text := range w.reports.take() {
			t.Error(text)
		}
	})
	w.AddOrganization("acme")
	w.inst = w.AddInstallation("acme")
	w.repo = w.AddRepo(RepoOptions{Owner: "acme", Name: "linux", Installation: w.inst, Private: true, Files: map[string]string{"README": "kernel\n"}})
	return w
}

func part(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// jwt signs claims the way an App does.
func jwt(key *rsa.PrivateKey, claims map[string]any) string {
	text := part(map[string]any{"alg": "RS256", "typ": "JWT"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (w *world) jwt() string {
	now := w.clock.Now()
	return jwt(appKey(), map[string]any{"iss": fmt.Sprint(appID), "iat": now.Add(-30 * time.Second).Unix(), "exp": now.Add(5 * time.Minute).Unix()})
}

// answered is a response that was read.
type answered struct {
	*http.Response
	text string
}

func (a answered) json(t *testing.T) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(a.text), &o); err != nil {
		t.Fatalf("%v in %q", err, a.text)
	}
	return o
}

func (w *world) do(method, path, auth, body string, header ...string) answered {
	w.t.Helper()
	target := path
	if path[0] == '/' {
		target = w.api + path
	}
	r, err := http.NewRequest(method, target, bytes.NewReader([]byte(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	if auth != "" {
		r.Header.Set("Authorization", "Bearer "+auth)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answered{answer, string(data)}
}

// token asks for an installation token over the API. body may be "".
func (w *world) token(body string) string {
	w.t.Helper()
	a := w.do("POST", fmt.Sprintf("/app/installations/%d/access_tokens", w.inst), w.jwt(), body)
	if a.StatusCode != 201 {
		w.t.Fatalf("%d %s", a.StatusCode, a.text)
	}
	return a.json(w.t)["token"].(string)
}

// client is go-github with an installation token; prefix is "" or "/api/v3".
func (w *world) client(prefix string) *github.Client {
	w.t.Helper()
	c := github.NewClient(nil).WithAuthToken(w.token(""))
	base, err := url.Parse(w.api + prefix + "/")
	if err != nil {
		w.t.Fatal(err)
	}
	c.BaseURL = base
	return c
}

func (w *world) appClient() *github.Client {
	c := github.NewClient(nil).WithAuthToken(w.jwt())
	c.BaseURL, _ = url.Parse(w.api + "/")
	return c
}

func (w *world) wait() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.WaitDeliveries(ctx); err != nil {
		w.t.Fatal("webhooks are not done after 10 s")
	}
}

func must[T any](t *testing.T) func(T, *github.Response, error) T {
	return func(v T, _ *github.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// unmarshal keeps numbers as they are written.
func unmarshal(t *testing.T, text string, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
}

func parseKey(t *testing.T, text string) *rsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("no PEM: %q", text)
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
