package gh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
)

const (
	userAgent   = "oxidometer"
	maxAnswer   = 32 << 20
	maxToken    = 1 << 20
	requestTime = 30 * time.Second
)

// The chain of one installation, from the caller to the network:
//
//	gate → session → ghinstallation → mint → wire → Options.Transport
//
// The App's own requests go gate → signer → ghinstallation → wire.

// wire is the innermost part, shared by all. It names us, caps answers, counts, and turns every answer of status 400 or
// more into an *Error, so that there is one place which tells failures apart: go-github v60 knows no 429, and
// ghinstallation leaves the body of a refused token request open.
type wire struct {
	app  *App
	next http.RoundTripper
}

func (t *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", userAgent)
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		t.observe(req, ClassTemporary, 0, nil)
		return nil, err
	}
	if resp.StatusCode >= 400 {
		e := answer(resp, t.app.now())
		t.observe(req, e.Class, resp.StatusCode, resp.Header)
		return nil, e
	}
	resp.Body = &cappedBody{body: resp.Body, left: maxAnswer}
	t.observe(req, ClassOK, resp.StatusCode, resp.Header)
	return resp, nil
}

func (t *wire) observe(req *http.Request, class Class, status int, h http.Header) {
	t.app.log.WithField("method", req.Method).WithField("path", req.URL.Path).WithField("status", status).
		WithField("class", class.String()).Debug("GitHub request")
	if t.app.observe == nil {
		return
	}
	remaining, err := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	if err != nil {
		remaining = -1
	}
	t.app.observe(class.String(), status, remaining, resetTime(h))
}

// cappedBody is a body that ends with errTooLarge where it would go on.
type cappedBody struct {
	body io.ReadCloser
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		return int(b.left), errTooLarge
	}
	b.left -= int64(n)
	return n, err
}

func (b *cappedBody) Close() error { return b.body.Close() }

// gate is the outermost part. It holds back requests to other hosts, which would carry our token there, and requests
// that a rate limit forbids.
type gate struct {
	app  *App
	next http.RoundTripper

	mu    sync.Mutex
	until time.Time // nothing is sent before
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.check(req.URL); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	resp, err := g.next.RoundTrip(req)
	if e, ok := errors.AsType[*Error](err); ok && e.Class == ClassRateLimited {
		g.mu.Lock()
		g.until = g.app.now().Add(e.RetryAfter)
		g.mu.Unlock()
	}
	return resp, err
}

func (g *gate) check(u *url.URL) error {
	if u.Scheme != g.app.base.Scheme || !strings.EqualFold(u.Host, g.app.base.Host) {
		return errOtherHost
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.until.Sub(g.app.now()); wait > 0 {
		return &Error{Class: ClassRateLimited, RetryAfter: clampWait(wait), Message: "not sent, GitHub asked us to wait"}
	}
	return nil
}

// signer authenticates as the App. ghinstallation's transport changes the request it is given, hence the clone.
type signer struct{ apps *ghinstallation.AppsTransport }

func (s signer) RoundTrip(req *http.Request) (*http.Response, error) {
	return s.apps.RoundTrip(req.Clone(req.Context()))
}

// session authenticates as one installation. Each has a ghinstallation.New of its own: transports made by
// NewFromAppsTransport share state without a lock.
type session struct {
	app *App
	id  int64

	mu      sync.Mutex
	tr      *ghinstallation.Transport
	granted map[string]string // what the installation's owner granted, when the last token was made
}

func (s *session) RoundTrip(req *http.Request) (*http.Response, error) {
	tr, err := s.transport()
	if err != nil {
		return nil, err
	}
	resp, err := tr.RoundTrip(req)
	if !refusedToken(err) {
		return resp, err
	}
	// Revoked, or expired by GitHub's clock and not by ours. A refused request did nothing, so it can be sent again.
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	s.forget(tr)
	if tr, err = s.transport(); err != nil {
		return nil, err
	}
	return tr.RoundTrip(again)
}

// refusedToken tells a token that GitHub no longer takes from an App key that it does not take.
func refusedToken(err error) bool {
	if _, minting := errors.AsType[*ghinstallation.HTTPError](err); minting {
		return false
	}
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusUnauthorized
}

func (s *session) transport() (*ghinstallation.Transport, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tr != nil {
		return s.tr, nil
	}
	tr, err := ghinstallation.New(mint{s}, s.app.id, s.id, s.app.key)
	if err != nil {
		return nil, fmt.Errorf("App private key: %w", err) // unreachable: New read the same key
	}
	tr.BaseURL = strings.TrimSuffix(s.app.base.String(), "/")
	s.tr = tr
	return tr, nil
}

// forget drops a refused token, unless another request did so already.
func (s *session) forget(tr *ghinstallation.Transport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tr == tr {
		s.tr = nil
	}
}

// permissions is what the installation's owner granted, as of the token in use. It is read with the token, and so makes one
// where there is none.
func (s *session) permissions(ctx context.Context) (map[string]string, error) {
	tr, err := s.transport()
	if err != nil {
		return nil, err
	}
	if _, err := tr.Token(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.granted), nil
}

// Granted returns what the installation's owner granted: names and levels. What is accepted later shows with the next token,
// within an hour.
func (c *Client) Granted(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.app.timeout)
	defer cancel()
	granted, err := c.session.permissions(ctx)
	return granted, c.app.fail(fmt.Sprintf("read what installation %d grants", c.id), err)
}

// Has says whether a permission was granted at that level, as Granted has it.
func (c *Client) Has(ctx context.Context, permission, level string) (bool, error) {
	granted, err := c.Granted(ctx)
	return err == nil && Grants(granted[permission], level), err
}

// mint sits below ghinstallation. It watches the requests for tokens, and has each ask for the permissions that the App uses
// and the installation grants.
type mint struct{ *session }

func (m mint) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, fmt.Sprintf("/app/installations/%d/access_tokens", m.id)) {
		return m.app.wire.RoundTrip(req)
	}
	resp, err := m.token(req)
	op := fmt.Sprintf("get a token for installation %d", m.id)
	if e, ok := errors.AsType[*Error](err); ok {
		refused := *e
		refused.Op = op
		switch {
		case e.Class == ClassForbidden, e.Class == ClassNotFound, e.Class == ClassGone:
			refused.Class = ClassAuth
		case e.Status == http.StatusUnprocessableEntity: // asked for a permission that was not granted
			refused.Class = ClassForbidden
		}
		return nil, &refused
	}
	if err != nil {
		return nil, err
	}
	return m.verify(op, resp)
}

// token sends the request for a token, after it asked what is granted.
func (m mint) token(req *http.Request) (*http.Response, error) {
	granted, err := m.ask(req)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.granted = granted
	m.mu.Unlock()
	body, err := json.Marshal(map[string]any{"permissions": tokenPermissions(granted)})
	if err != nil {
		return nil, err // unreachable: only strings
	}
	req = req.Clone(req.Context())
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	req.Header.Set("Content-Type", "application/json")
	return m.app.wire.RoundTrip(req)
}

// ask reads what the installation grants, with the signature of the request for a token.
// https://docs.github.com/en/rest/apps/apps#get-an-installation-for-the-authenticated-app
func (m mint) ask(req *http.Request) (map[string]string, error) {
	get, err := http.NewRequestWithContext(req.Context(), http.MethodGet, strings.TrimSuffix(req.URL.String(), "/access_tokens"), nil)
	if err != nil {
		return nil, err // unreachable: it was an address before
	}
	get.Header = req.Header.Clone()
	get.Header.Del("Content-Type")
	resp, err := m.app.wire.RoundTrip(get)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var in struct {
		ID          int64             `json:"id"`
		Permissions map[string]string `json:"permissions"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(body, &in) != nil || in.ID != m.id {
		return nil, &Error{Status: resp.StatusCode, Class: ClassTemporary, Message: "the answer is no installation"}
	}
	return in.Permissions, nil
}

// verify lets only a usable token through; ghinstallation would panic on "null".
func (m mint) verify(op string, resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	var token struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if json.Unmarshal(body, &token) != nil || token.Token == "" || token.ExpiresAt.IsZero() {
		return nil, &Error{Op: op, Status: resp.StatusCode, Class: ClassTemporary, Message: "the answer holds no token"}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
