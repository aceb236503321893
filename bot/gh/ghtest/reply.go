package ghtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxPage     = 100
	defaultPage = 30
)

type obj = map[string]any

// call is one request on its way through the server.
type call struct {
	s      *Server
	r      *http.Request // canonical
	body   []byte
	prefix string

	app   *app          // set when a JWT was sent
	inst  *installation // set when an installation token was sent
	token *token
	repo  *Repo

	args   map[string]string // what the wildcards of the route stand for
	header http.Header       // of the answer
}

func (c *call) who() string {
	switch {
	case c.inst != nil:
		return fmt.Sprintf("installation %d", c.inst.id)
	case c.app != nil:
		return "app"
	}
	return ""
}

func (c *call) arg(name string) string { return c.args[name] }

func (c *call) id(name string) int64 {
	n, err := strconv.ParseInt(c.arg(name), 10, 64)
	if err != nil {
		return -1 // no object has it
	}
	return n
}

func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

// answer is a response. body is encoded as JSON unless raw is set.
type answer struct {
	status int
	body   any
	raw    []byte
	header http.Header
}

func ok(body any) answer      { return answer{status: http.StatusOK, body: body} }
func created(body any) answer { return answer{status: http.StatusCreated, body: body} }

const docs = "https://docs.github.com/rest"

func fail(status int, message string) answer {
	return answer{status: status, body: obj{"message": message, "documentation_url": docs, "status": strconv.Itoa(status)}}
}

func notFound() answer { return fail(http.StatusNotFound, "Not Found") }

// invalid is GitHub's answer to a field that is missing or has a value it must not have.
func invalid(resource, field, code, message string) answer {
	fault := obj{"resource": resource, "field": field, "code": code}
	if message != "" {
		fault["message"] = message
	}
	return answer{status: http.StatusUnprocessableEntity, body: obj{
		"message": "Validation Failed", "errors": []obj{fault}, "documentation_url": docs, "status": "422",
	}}
}

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	for k, v := range a.header {
		h[k] = v
	}
	data := a.raw
	if data == nil && a.body != nil {
		data = encode(a.body)
	}
	h.Set("Server", "GitHub.com")
	h.Set("X-GitHub-Api-Version-Selected", "2022-11-28")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Content-Type") == "" && data != nil {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		h.Del("Content-Length")
		data = nil
	}
	w.WriteHeader(a.status)
	w.Write(data)
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("ghtest: " + err.Error()) // unreachable: bodies are made of maps, slices and plain values
	}
	return data
}

// finish adds what every answer carries: rate limit, ETag, and the documented media type. It runs under the lock.
func (c *call) finish(a answer) answer {
	header := http.Header{}
	for k, v := range c.header {
		header[k] = v
	}
	for k, v := range a.header {
		header[k] = v
	}
	header.Set("X-GitHub-Media-Type", "github.v3; format=json")
	if a.raw == nil && a.body != nil {
		a.raw = encode(a.body)
	}
	header.Set("X-GitHub-Request-Id", fmt.Sprintf("%04X:%X", c.s.next("request"), sha256.Sum256([]byte(c.r.URL.Path)))[:20])
	if c.r.Method == http.MethodGet && a.status == http.StatusOK {
		etag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(a.raw))
		header.Set("ETag", etag)
		header.Set("Cache-Control", "private, max-age=60, s-maxage=60")
		header.Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With")
		if matches(c.r.Header.Get("If-None-Match"), etag) {
			a = answer{status: http.StatusNotModified}
		}
	}
	if q := c.quota(); q != nil {
		// An answer "not modified" is free, provided that the request carried credentials.
		if a.status != http.StatusNotModified && c.r.URL.Path != "/rate_limit" && q.used < q.limit {
			q.used++
		}
		q.headers(header)
	}
	a.header = header
	return a
}

func matches(list, etag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || one != "" && strings.TrimPrefix(one, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// quota is the primary rate limit of an installation or of the App.
type quota struct {
	limit, used int
	reset       time.Time
}

func (c *call) quota() *quota {
	key := c.who()
	if key == "" {
		return nil
	}
	q, now := c.s.quotas[key], c.s.now()
	if q == nil || !now.Before(q.reset) {
		q = &quota{limit: c.s.o.RateLimit, reset: now.Add(time.Hour)}
		c.s.quotas[key] = q
	}
	return q
}

func (q *quota) headers(h http.Header) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(q.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(q.limit-q.used))
	h.Set("X-RateLimit-Used", strconv.Itoa(q.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(q.reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

func (q *quota) json() obj {
	return obj{"limit": q.limit, "used": q.used, "remaining": q.limit - q.used, "reset": q.reset.Unix(), "resource": "core"}
}

// decode reads the body into v, a pointer to a struct of pointers. Fields that GitHub does not document are reported.
// ok is false when the body is no JSON object; the answer is then GitHub's.
func (c *call) decode(v any) (answer, bool) {
	if len(c.body) == 0 || string(c.body) == "null" {
		return answer{}, true
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		if _, wrong := err.(*json.UnmarshalTypeError); wrong {
			return fail(http.StatusUnprocessableEntity, "Invalid request.\n\n"+err.Error()), false
		}
		return fail(http.StatusBadRequest, "Problems parsing JSON"), false
	}
	strict := json.NewDecoder(strings.NewReader(string(c.body)))
	strict.DisallowUnknownFields()
	if err := strict.Decode(v); err != nil {
		c.s.report("ghtest: %s %s: %v", c.r.Method, c.r.URL.Path, err)
	}
	return answer{}, true
}

func (c *call) perPage() int {
	n, err := strconv.Atoi(c.query("per_page"))
	if err != nil || n < 1 {
		n = defaultPage
	}
	return min(n, maxPage, c.s.o.PageSize)
}

// paged cuts the page out of all that the request asks for, and sets the Link header.
func paged[T any](c *call, all []T) []T {
	per := c.perPage()
	page, err := strconv.Atoi(c.query("page"))
	if err != nil || page < 1 {
		page = 1
	}
	last := max(1, (len(all)+per-1)/per)
	var links []string
	link := func(n int, rel string) {
		links = append(links, fmt.Sprintf(`<%s>; rel="%s"`, c.linkTo(url.Values{"page": {strconv.Itoa(n)}}), rel))
	}
	if page > 1 {
		link(min(page-1, last), "prev")
	}
	if page < last {
		link(page+1, "next")
		link(last, "last")
	}
	if page > 1 {
		link(1, "first")
	}
	c.setLink(links)
	if page > last {
		return []T{}
	}
	return all[(page-1)*per : min(page*per, len(all)) : min(page*per, len(all))]
}

func (c *call) setLink(links []string) {
	if len(links) == 0 {
		return
	}
	if c.header == nil {
		c.header = http.Header{}
	}
	c.header.Set("Link", strings.Join(links, ", "))
}

// linkTo is the address of this request with other parameters, in the form that GitHub uses: by the repository's id.
func (c *call) linkTo(change url.Values) string {
	path := c.r.URL.EscapedPath()
	if c.repo != nil {
		if parts := strings.SplitN(path, "/", 5); len(parts) == 5 {
			path = fmt.Sprintf("/repositories/%d/%s", c.repo.ID, parts[4])
		}
	}
	q := c.r.URL.Query()
	for k, v := range change {
		q[k] = v
	}
	return c.s.o.APIURL + c.prefix + path + "?" + q.Encode()
}
