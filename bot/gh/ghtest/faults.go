package ghtest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong with requests to the API or to the storage host.
type Fault struct {
	// Match picks the requests; nil picks all. It is called with no lock held; the path has no /api/v3 in front.
	Match func(*http.Request) bool
	After int // so many matching requests are left alone first
	Times int // how many are hit; 0: all

	Delay time.Duration // before anything else happens
	Do    func(*http.Request)

	// Status answers with this instead. Done lets the request take effect all the same, so that only its answer is lost.
	Status int
	Header http.Header
	Body   string
	Done   bool

	// CutAfter breaks the connection after so many bytes of the body, Cut before any answer.
	// With Cut, Status is not used.
	CutAfter int64
	Cut      bool
}

type faultRule struct {
	Fault
	seen int
}

// Call is a request that was made.
type Call struct {
	Host         string // "api" or "storage"
	Method, Path string // the path without /api/v3
	Query        string
	Header       http.Header
	Body         []byte // the first 256 KiB; only of the newest 1,000 calls
	Who          string // "app", "installation N", or ""
	Status       int    // 0 when it was not answered yet, or the connection was broken
	At           time.Time
}

// AddFault makes things go wrong from now on; remove ends it. Of several rules that match, the first counts.
func (s *Server) AddFault(f Fault) (remove func()) {
	defer s.lock()()
	rule := &faultRule{Fault: f}
	s.faults = append(s.faults, rule)
	return func() {
		defer s.lock()()
		s.faults = slices.DeleteFunc(s.faults, func(r *faultRule) bool { return r == rule })
	}
}

// On matches a method and the end of a path; "*" is any method.
func On(method, pathSuffix string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return (method == "*" || r.Method == method) && strings.HasSuffix(r.URL.Path, pathSuffix)
	}
}

// OnPath matches a method and a part of a path; "*" is any method.
func OnPath(method, part string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return (method == "*" || r.Method == method) && strings.Contains(r.URL.Path, part)
	}
}

// OnStorage matches requests to the storage host.
func OnStorage(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, storagePath) }

// Calls returns the requests, oldest first: all of them, or at least the newest 10,000.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Call, len(s.calls))
	for i, c := range s.calls {
		out[i] = *c
	}
	return out
}

// ResetCalls forgets them.
func (s *Server) ResetCalls() {
	defer s.lock()()
	s.calls = nil
}

// fault returns the rule that hits the request, or nil.
func (s *Server) fault(r *http.Request) *Fault {
	s.mu.Lock()
	rules := slices.Clone(s.faults)
	s.mu.Unlock()
	for _, rule := range rules {
		if rule.Match != nil && !rule.Match(r) {
			continue
		}
		s.mu.Lock()
		rule.seen++
		hit := rule.seen > rule.After && (rule.Times == 0 || rule.seen <= rule.After+rule.Times)
		s.mu.Unlock()
		if hit {
			return &rule.Fault
		}
	}
	return nil
}

// withFaults records the request and lets the first matching fault happen around serve, which notes the status and who
// asked before it answers.
func (s *Server) withFaults(w http.ResponseWriter, r *http.Request, host string, body []byte, serve func(http.ResponseWriter, func(int, string))) {
	call := &Call{Host: host, Method: r.Method, Path: strings.TrimPrefix(r.URL.Path, "/api/v3"), Query: r.URL.RawQuery, Header: r.Header.Clone(),
		Body: body[:min(len(body), keptCallBody)], At: s.now()}
	s.recordCall(call)
	note := func(status int, who string) {
		defer s.lock()()
		call.Status, call.Who = status, who
	}
	shown := r.Clone(r.Context())
	shown.Body, shown.URL.Path = io.NopCloser(bytes.NewReader(body)), call.Path
	f := s.fault(shown)
	if f == nil {
		serve(w, note)
		return
	}
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		}
	}
	if f.Do != nil {
		f.Do(shown)
	}
	instead := func(_ int, who string) { note(f.Status, who) } // the status that the client sees, 0 for none
	switch {
	case f.Cut || f.Status != 0:
		instead(0, "")
		if f.Done {
			serve(newSink(), instead)
		}
		if f.Cut {
			panic(http.ErrAbortHandler)
		}
		f.write(w)
	case f.CutAfter > 0:
		serve(&cutter{ResponseWriter: w, left: f.CutAfter}, instead)
	default:
		serve(w, note)
	}
}

func (s *Server) recordCall(c *Call) {
	defer s.lock()()
	s.calls = append(s.calls, c)
	if old := len(s.calls) - 1 - keptBodies; old >= 0 {
		s.calls[old].Body = nil
	}
	s.calls = newest(s.calls, keptCalls)
}

func (f *Fault) write(w http.ResponseWriter) {
	for k, v := range f.Header {
		w.Header()[http.CanonicalHeaderKey(k)] = v
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(f.Body)))
	w.WriteHeader(f.Status)
	io.WriteString(w, f.Body)
}

// cutter breaks the connection once so many bytes of the body are written.
type cutter struct {
	http.ResponseWriter
	left int64
}

func (c *cutter) Write(b []byte) (int, error) {
	if int64(len(b)) < c.left {
		c.left -= int64(len(b))
		return c.ResponseWriter.Write(b)
	}
	c.ResponseWriter.Write(b[:c.left])
	if f, ok := c.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// sink takes an answer that nobody gets.
type sink struct{ header http.Header }

func newSink() sink                        { return sink{http.Header{}} }
func (s sink) Header() http.Header         { return s.header }
func (s sink) Write(b []byte) (int, error) { return len(b), nil }
func (s sink) WriteHeader(int)             {}

// RateLimited is a fault like GitHub's primary rate limit, for requests that match. Use it with Times.
func RateLimited(match func(*http.Request) bool, reset time.Time) Fault {
	return Fault{Match: match, Status: http.StatusForbidden, Body: `{"message":"API rate limit exceeded for installation ID 1.","documentation_url":"https://docs.github.com/rest/overview/resources-in-the-rest-api#rate-limiting"}`,
		Header: http.Header{"X-RateLimit-Limit": {"5000"}, "X-RateLimit-Remaining": {"0"}, "X-RateLimit-Used": {"5000"},
			"X-RateLimit-Reset": {strconv.FormatInt(reset.Unix(), 10)}, "X-RateLimit-Resource": {"core"}}}
}

// SecondaryLimited is a fault like GitHub's secondary rate limit, with status 403 or 429. retryAfter 0 leaves the header out.
func SecondaryLimited(match func(*http.Request) bool, status int, retryAfter time.Duration) Fault {
	f := Fault{Match: match, Status: status, Header: http.Header{},
		Body: `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`}
	if retryAfter > 0 {
		f.Header.Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
	}
	return f
}
