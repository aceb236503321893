// Package ghtest is a GitHub in one http.Handler: it holds accounts, repositories, commits, pull requests, comments,
// checks, workflow runs and artifacts in memory, answers the part of the REST API that a GitHub App needs, and sends
// signed webhooks for every change. Tests of the App and the demo run on it.
//
// It is as strict as GitHub documents itself, and stricter in these points, so that nothing works here by luck:
//
//   - nothing can be read without authentication, though GitHub shows public repositories to anybody;
//   - permissions are asked for in public repositories too, if they belong to the installation;
//   - a route that is not built, and a field in a request's body that is not documented, fails the test (Reporter);
//   - pages can be made smaller than the client asked for (Options.PageSize).
//
// Identifiers come from counters and hashes, never from a random source, so two servers that are told the same things
// give the same answers. All methods are safe for concurrent use. Methods that set something up panic when they are
// handed something that does not exist, such as the number of no pull request: that is a fault of the caller's code.
package ghtest

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Reporter is told what a client should not have done. *testing.T is one.
type Reporter interface {
	Errorf(format string, args ...any)
}

// Options say what the server starts with. The zero value of every field but AppID and Key is usable.
type Options struct {
	AppID int64
	// Key is the App's public key; it may be left out when PEM holds the private or the public key.
	Key *rsa.PublicKey
	PEM []byte
	// AppSlug is "oxidometer" when empty. The App's comments are written by AppSlug + "[bot]".
	AppSlug string
	// Permissions and Events of the App. The defaults are what oxidometer asks for.
	Permissions map[string]string
	Events      []string

	WebhookURL, WebhookSecret string
	// PageSize caps what a page holds, whatever per_page says. 0 is GitHub's 100.
	PageSize int
	// MergeableAfter is how many times GET of a pull request answers mergeable null after its head or base moved, with the
	// merge commit of before. With 0 the first GET knows; on GitHub that is luck, so set 1 where it matters.
	MergeableAfter int
	// LinkTTL is how long the address of an artifact works. 0 is one minute, as documented.
	LinkTTL time.Duration
	// RateLimit is the number of requests per hour and installation. 0 is 5,000.
	RateLimit int
	// APIURL, StorageURL and WebURL are used in addresses. Start sets the first two.
	APIURL, StorageURL, WebURL string

	Now func() time.Time
	T   Reporter
}

// Server is the fake GitHub. It is the handler of the API host; Storage is the handler of the host that artifacts are
// downloaded from.
type Server struct {
	o Options

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever something changes
	ids     map[string]int64

	accounts      map[string]*account
	apps          map[int64]*app
	app           *app // the one that webhooks go to
	installations []*installation
	tokens        map[string]*token
	quotas        map[string]*quota
	manifests     map[string]*manifest
	teams         map[string]*team // by organization/team

	repos    []*Repo
	oldNames map[string]*Repo
	commits  map[string]*commit

	comments  []*comment
	suites    []*suite
	checks    []*check
	runs      []*run
	artifacts []*artifact

	queue      []*delivery
	log        []*delivery
	hooks      Hooks
	held       bool
	delivering bool

	faults []*faultRule
	calls  []*Call
}

// New returns a server that knows one App and nothing else. It panics when Options.PEM is not a key.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	setDefault(&o.AppSlug, "oxidometer")
	setDefault(&o.APIURL, "https://api.github.com")
	setDefault(&o.StorageURL, "https://productionresultssa0.blob.core.windows.net")
	setDefault(&o.WebURL, "https://github.com")
	setDefault(&o.LinkTTL, time.Minute)
	setDefault(&o.RateLimit, 5000)
	if o.PageSize <= 0 || o.PageSize > maxPage {
		o.PageSize = maxPage
	}
	if o.Permissions == nil {
		o.Permissions = map[string]string{"metadata": "read", "actions": "read", "contents": "read", "pull_requests": "write", "checks": "write"}
	}
	if o.Events == nil {
		o.Events = []string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push", "repository", "workflow_run"}
	}
	if o.Key == nil && o.PEM != nil {
		key, err := publicKey(o.PEM)
		if err != nil {
			panic("ghtest: " + err.Error())
		}
		o.Key = key
	}
	s := &Server{
		o: o, changed: make(chan struct{}), ids: map[string]int64{},
		accounts: map[string]*account{}, apps: map[int64]*app{}, tokens: map[string]*token{}, quotas: map[string]*quota{},
		manifests: map[string]*manifest{}, teams: map[string]*team{}, oldNames: map[string]*Repo{}, commits: map[string]*commit{},
	}
	s.app = &app{
		id: o.AppID, slug: o.AppSlug, name: o.AppSlug, owner: s.account(o.AppSlug + "-dev"), key: o.Key, created: s.now(),
		permissions: maps.Clone(o.Permissions), events: append([]string(nil), o.Events...),
		hookURL: o.WebhookURL, hookSecret: o.WebhookSecret,
	}
	s.apps[o.AppID] = s.app
	s.apps[actionsApp] = &app{id: actionsApp, slug: "github-actions", name: "GitHub Actions", owner: s.account("github"), created: s.now()}
	return s
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func publicKey(text []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("the App's key is not PEM")
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return &k.PublicKey, nil
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if k, ok := k.(*rsa.PrivateKey); ok {
			return &k.PublicKey, nil
		}
	}
	if k, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		if k, ok := k.(*rsa.PublicKey); ok {
			return k, nil
		}
	}
	return nil, fmt.Errorf("the App's key is no RSA key")
}

// Start listens on two loopback ports, one for the API and one for artifacts, and returns the base address of the API
// without a trailing slash. The API answers there with and without the prefix /api/v3. stop waits for requests and
// webhooks under way.
func (s *Server) Start() (apiURL string, stop func()) {
	api, store := listen(), listen()
	s.mu.Lock()
	s.o.APIURL, s.o.StorageURL = "http://"+api.Addr().String(), "http://"+store.Addr().String()
	apiURL = s.o.APIURL
	s.mu.Unlock()
	servers := []*http.Server{serve(api, s), serve(store, s.Storage())}
	return apiURL, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.mu.Lock()
		s.queue, s.held = nil, false
		s.mu.Unlock()
		s.WaitDeliveries(ctx)
		for _, server := range servers {
			if server.Shutdown(ctx) != nil {
				server.Close()
			}
		}
	}
}

func listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("ghtest: " + err.Error())
	}
	return l
}

func serve(l net.Listener, h http.Handler) *http.Server {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l)
	return server
}

// URL returns the base address of the API, without a trailing slash.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.o.APIURL
}

// SetRateLimit changes how many requests an installation or the App may make in an hour, from now on.
func (s *Server) SetRateLimit(perHour int) {
	defer s.lock()()
	s.o.RateLimit = perHour
	clear(s.quotas)
}

// Changed returns a channel that is closed when something changes, or a request was answered, after the call.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Wait returns when until says true. It asks again after every change. The error is ctx's.
func (s *Server) Wait(ctx context.Context, until func() bool) error {
	for {
		changed := s.Changed()
		if until() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lock returns what unlocks again and tells those who wait for a change.
func (s *Server) lock() func() {
	s.mu.Lock()
	return func() {
		s.touch()
		s.mu.Unlock()
	}
}

func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) now() time.Time { return s.o.Now().UTC().Truncate(time.Second) }

// next counts the objects of a kind. GitHub's identifiers differ between kinds, so ours start at different numbers.
func (s *Server) next(kind string) int64 {
	if s.ids[kind] == 0 {
		s.ids[kind] = firstID[kind]
	}
	s.ids[kind]++
	return s.ids[kind]
}

var firstID = map[string]int64{
	"account": 1000, "installation": 20000, "repo": 300000, "pull": 1400000000, "comment": 2100000000, "reaction": 80000,
	"review": 1500000, "suite": 5500000000, "check": 6600000000, "workflow": 70000, "run": 7700000000, "job": 8800000000,
	"artifact": 990000000, "delivery": 11000000000, "app": 900000, "label": 440000, "event": 9900000000, "team": 3300, "hook": 500,
}

func (s *Server) report(format string, args ...any) {
	if s.o.T != nil {
		s.o.T.Errorf(format, args...)
	}
}

const (
	maxBody      = 16 << 20
	keptCalls    = 10_000
	keptBodies   = 1_000
	keptCallBody = 256 << 10
)

// ServeHTTP answers a request to the API host.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return // the client is gone
	}
	s.withFaults(w, r, "api", body, func(w http.ResponseWriter, note func(int, string)) {
		c := &call{s: s, body: body}
		a := s.answer(c, r)
		note(a.status, c.who())
		a.write(w)
	})
}

func (s *Server) answer(c *call, r *http.Request) answer {
	if len(c.body) > maxBody {
		return fail(http.StatusRequestEntityTooLarge, "Request body is too large")
	}
	c.r = s.canonical(c, r)
	if a, ok := s.webRoute(c); ok {
		return a
	}
	if r.Header.Get("User-Agent") == "" {
		return fail(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.")
	}
	if v := r.Header.Get("X-GitHub-Api-Version"); v != "" && v != "2022-11-28" {
		return fail(http.StatusBadRequest, "API version "+v+" is not supported")
	}
	rt, args := find(r.Method, c.r.URL.EscapedPath())
	if rt == nil {
		s.report("ghtest: no route %s %s", r.Method, r.URL.Path)
		return notFound()
	}
	c.args = args
	return s.dispatch(rt, c)
}

// canonical returns the request without the prefix of GitHub Enterprise Server, and with /repositories/{id} replaced by
// the name that the repository has today.
func (s *Server) canonical(c *call, r *http.Request) *http.Request {
	path := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, "/api/v3"); ok && (rest == "" || rest[0] == '/') {
		path, c.prefix = rest, "/api/v3"
	}
	if rest, ok := strings.CutPrefix(path, "/repositories/"); ok {
		number, tail, _ := strings.Cut(rest, "/")
		name := "-/-" // nobody has it
		s.mu.Lock()
		if id, err := strconv.ParseInt(number, 10, 64); err == nil {
			if repo := s.repoByID(id); repo != nil {
				name = repo.fullName()
			}
		}
		s.mu.Unlock()
		if tail != "" {
			tail = "/" + tail
		}
		path = "/repos/" + name + tail
	}
	out := r.Clone(r.Context())
	out.Body = io.NopCloser(bytes.NewReader(c.body))
	if plain, err := url.PathUnescape(path); err == nil {
		out.URL.Path, out.URL.RawPath = plain, path
	}
	return out
}
