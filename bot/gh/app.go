package gh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
	"github.com/sirupsen/logrus"
)

// Options of New. Only AppID and Key are required.
type Options struct {
	BaseURL   string            // of the API: "" is https://api.github.com/; GitHub Enterprise Server's ends in /api/v3/
	AppID     int64             // of the GitHub App
	Key       []byte            // its RSA private key, PEM
	Transport http.RoundTripper // nil: a clone of http.DefaultTransport
	Timeout   time.Duration     // of one request, its body included; 0: 30 seconds
	Log       *logrus.Logger    // nil: no log
	Now       func() time.Time  // nil: time.Now

	// Observe is called for every answer and every failed request, from any goroutine: the Class as text, the status (0:
	// no answer), requests left of the rate limit (-1: not said), and when it is reset (zero: not said). May be nil.
	Observe func(class string, status int, remaining int, reset time.Time)
}

// App is the GitHub App. It is safe for concurrent use.
type App struct {
	id      int64
	key     []byte
	base    *url.URL // its path ends in a slash
	timeout time.Duration
	log     *logrus.Logger
	now     func() time.Time
	observe func(class string, status int, remaining int, reset time.Time)
	wire    *wire
	api     *github.Client // authenticated as the App

	mu      sync.Mutex
	clients map[int64]*Client
}

// Client acts in one installation. It is safe for concurrent use.
type Client struct {
	app  *App
	id   int64
	gate *gate
	api  *github.Client

	session *session
}

// New checks the options; it sends nothing.
func New(o Options) (*App, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.AppID <= 0 {
		return nil, fmt.Errorf("App id %d: must be positive; GitHub shows it on the App's settings page", o.AppID)
	}
	a := &App{
		id: o.AppID, key: slices.Clone(o.Key), base: base, clients: map[int64]*Client{},
		timeout: o.Timeout, log: o.Log, now: o.Now, observe: o.Observe,
	}
	if a.timeout <= 0 {
		a.timeout = requestTime
	}
	if a.log == nil {
		a.log = logrus.New()
		a.log.SetOutput(io.Discard)
	}
	if a.now == nil {
		a.now = time.Now
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	a.wire = &wire{app: a, next: o.Transport}
	apps, err := ghinstallation.NewAppsTransport(a.wire, a.id, a.key)
	if err != nil {
		return nil, errors.New("App private key: not an RSA key in PEM form; download one from the App's settings page")
	}
	a.api = a.client(&gate{app: a, next: signer{apps}})
	return a, nil
}

func parseBase(s string) (*url.URL, error) {
	if s == "" {
		s = "https://api.github.com/"
	}
	base, err := url.Parse(s)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" ||
		base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("GitHub URL %q: want the address of the API, such as https://api.github.com/ or https://HOST/api/v3/", oneLine(s))
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	return base, nil
}

func (a *App) client(g *gate) *github.Client {
	c := github.NewClient(&http.Client{Transport: g, Timeout: a.timeout})
	c.BaseURL, c.UserAgent = a.base, userAgent
	return c
}

// Installation returns the client of an installation, always the same one. It sends nothing.
func (a *App) Installation(id int64) *Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.clients[id]; c != nil {
		return c
	}
	s := &session{app: a, id: id}
	c := &Client{app: a, id: id, session: s, gate: &gate{app: a, next: s}}
	c.api = a.client(c.gate)
	a.clients[id] = c
	return c
}

// Slug returns the App's name in URLs, its id, what it asks installations for ("checks": "write") and the events it
// gets.
func (a *App) Slug(ctx context.Context) (slug string, id int64, permissions map[string]string, events []string, err error) {
	var app struct {
		ID          int64             `json:"id"`
		Slug        string            `json:"slug"`
		Permissions map[string]string `json:"permissions"`
		Events      []string          `json:"events"`
	}
	_, err = send(ctx, a.api, http.MethodGet, "app", nil, &app)
	if err == nil && app.ID == 0 {
		err = unusable("")
	}
	return app.Slug, app.ID, app.Permissions, app.Events, a.fail("read the App", err)
}

// Installation is where the App is installed.
type Installation struct {
	ID        int64
	Account   string // login of the user or organization
	Suspended bool
}

// Installations lists all installations, at most 10,000.
func (a *App) Installations(ctx context.Context) ([]Installation, error) {
	list, err := pages(10_000, (*github.Installation).GetID, func(o github.ListOptions) ([]*github.Installation, *github.Response, error) {
		return a.api.Apps.ListInstallations(ctx, &o)
	})
	if err != nil {
		return nil, a.fail("list installations", err)
	}
	var out []Installation
	for _, in := range list {
		if in == nil {
			continue
		}
		out = append(out, Installation{ID: in.GetID(), Account: in.GetAccount().GetLogin(), Suspended: !in.GetSuspendedAt().IsZero()})
	}
	return out, nil
}

// FailedDelivery is a webhook delivery that did not arrive.
type FailedDelivery struct {
	ID             int64 // for DeliveryPayload
	GUID           string
	Event          string
	InstallationID int64
	DeliveredAt    time.Time
}

// delivery is go-github's HookDelivery without what we do not need.
type delivery struct {
	ID             int64     `json:"id"`
	GUID           string    `json:"guid"`
	DeliveredAt    time.Time `json:"delivered_at"`
	StatusCode     int       `json:"status_code"`
	Event          string    `json:"event"`
	InstallationID int64     `json:"installation_id"`
}

// FailedDeliveries reads the App's delivery log back to since and returns the deliveries that never arrived, oldest
// first, each GUID once: one that any attempt delivered is not among them. It reads at most 100 pages of 100.
func (a *App) FailedDeliveries(ctx context.Context, since time.Time) ([]FailedDelivery, error) {
	arrived := map[string]bool{}
	failed := map[string]FailedDelivery{}
	cursor := ""
	for range maxPages {
		var page []delivery
		query := url.Values{"per_page": {"100"}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		resp, err := send(ctx, a.api, http.MethodGet, "app/hook/deliveries?"+query.Encode(), nil, &page)
		if err != nil {
			return nil, a.fail("read the delivery log", err)
		}
		older := false
		for _, d := range page { // newest first
			switch {
			case d.DeliveredAt.Before(since):
				older = true
			case d.StatusCode >= 200 && d.StatusCode < 300:
				arrived[d.GUID] = true
			default:
				failed[d.GUID] = FailedDelivery{d.ID, d.GUID, d.Event, d.InstallationID, d.DeliveredAt}
			}
		}
		if older || resp.Cursor == "" || resp.Cursor == cursor {
			break
		}
		cursor = resp.Cursor
	}
	var out []FailedDelivery
	for guid, d := range failed {
		if !arrived[guid] {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(x, y FailedDelivery) int {
		if c := x.DeliveredAt.Compare(y.DeliveredAt); c != 0 {
			return c
		}
		return strings.Compare(x.GUID, y.GUID)
	})
	return out, nil
}

// DeliveryPayload returns what a delivery carried. The payload is GitHub's copy, not the bytes that were signed.
func (a *App) DeliveryPayload(ctx context.Context, id int64) (event, guid string, payload []byte, err error) {
	op := fmt.Sprintf("read delivery %d", id)
	var d struct {
		delivery
		Request struct {
			Payload json.RawMessage `json:"payload"`
		} `json:"request"`
	}
	if _, err := send(ctx, a.api, http.MethodGet, fmt.Sprintf("app/hook/deliveries/%d", id), nil, &d); err != nil {
		return "", "", nil, a.fail(op, err)
	}
	if len(d.Request.Payload) == 0 || d.Event == "" || d.GUID == "" {
		return "", "", nil, &Error{Op: op, Status: http.StatusOK, Class: ClassGone, Message: "the log no longer holds the payload"}
	}
	return d.Event, d.GUID, d.Request.Payload, nil
}

// send is a request that go-github v60 has no method or no complete type for.
func send(ctx context.Context, api *github.Client, method, path string, body, into any) (*github.Response, error) {
	req, err := api.NewRequest(method, path, body)
	if err != nil {
		return nil, err
	}
	return api.Do(ctx, req, into)
}

const maxPages = 100

// pages reads a list to its end, to limit entries or to maxPages. Entries that moved to a later page while it was read
// are kept once.
func pages[T any, K comparable](limit int, key func(T) K, fetch func(github.ListOptions) ([]T, *github.Response, error)) ([]T, error) {
	var all []T
	seen := map[K]bool{}
	opts := github.ListOptions{PerPage: min(limit, 100)}
	for range maxPages {
		page, resp, err := fetch(opts)
		if err != nil {
			return nil, err
		}
		for _, item := range page {
			if k := key(item); !seen[k] {
				seen[k] = true
				all = append(all, item)
			}
		}
		if len(all) >= limit {
			return all[:limit], nil
		}
		if resp.NextPage <= opts.Page {
			return all, nil
		}
		opts.Page = resp.NextPage
	}
	return all, nil
}
