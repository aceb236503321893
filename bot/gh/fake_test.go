package gh

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testApp  = int64(77)
	testInst = int64(5)
	sha1st   = "1111111111111111111111111111111111111111"
	sha2nd   = "2222222222222222222222222222222222222222"
	sha3rd   = "3333333333333333333333333333333333333333"
)

var testRepo = Repo{ID: 9, Owner: "o", Name: "r", DefaultBranch: "main", Installation: testInst}

var testKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
})

// fake answers like nothing that ghtest would: each test says what. It mints tokens, refuses requests without the
// latest one of their installation, and fails the test on requests that no handler takes.
type fake struct {
	t   *testing.T
	mux *http.ServeMux
	url string

	mu     sync.Mutex
	grants map[string]string // what installations grant; nil: what the App needs
	minted map[string]int    // by installation
	asked  []string          // bodies of token requests
	calls  []string          // "GET /path?query", without those for tokens
	seen   []obs
}

type obs struct {
	class             string
	status, remaining int
}

func newFake(t *testing.T, change ...func(*Options)) (*fake, *App) {
	t.Helper()
	f := &fake{t: t, mux: http.NewServeMux(), minted: map[string]int{}}
	f.mux.HandleFunc("POST /api/v3/app/installations/{id}/access_tokens", f.mint)
	f.mux.HandleFunc("GET /api/v3/app/installations/{id}", f.installation)
	f.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("unexpected request %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusTeapot)
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !forToken(r.URL.Path) {
			f.mu.Lock()
			f.calls = append(f.calls, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/api/v3"))
			f.mu.Unlock()
		}
		if r.Header.Get("User-Agent") != "oxidometer" {
			t.Errorf("%s: User-Agent is %q", r.URL.Path, r.Header.Get("User-Agent"))
		}
		f.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	f.url = s.URL
	o := Options{BaseURL: s.URL + "/api/v3", AppID: testApp, Key: testKey(), Observe: func(class string, status, remaining int, _ time.Time) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen = append(f.seen, obs{class, status, remaining})
	}}
	for _, c := range change {
		c(&o)
	}
	app, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f, app
}

// client is newFake's client for testInst.
func fakeClient(t *testing.T, change ...func(*Options)) (*fake, *Client) {
	t.Helper()
	f, app := newFake(t, change...)
	return f, app.Installation(testInst)
}

// forToken says whether a request is one of those that a token takes.
func forToken(path string) bool { return strings.Contains(path, "/app/installations/") }

func (f *fake) installation(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
		f.t.Errorf("installation read without a JWT: %q", r.Header.Get("Authorization"))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	granted := f.grants
	if granted == nil {
		granted = Permissions()
	}
	reply(w, map[string]any{"id": json.Number(r.PathValue("id")), "permissions": granted})
}

func (f *fake) mint(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
		f.t.Errorf("token request without a JWT: %q", r.Header.Get("Authorization"))
	}
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	id := r.PathValue("id")
	f.minted[id]++
	f.asked = append(f.asked, string(body))
	token := f.token(id)
	f.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	reply(w, map[string]any{"token": token, "expires_at": time.Now().Add(time.Hour).Format(time.RFC3339)})
}

func (f *fake) token(id string) string { return fmt.Sprintf("ghs_%sx%d", id, f.minted[id]) }

// on handles requests with an installation token; the path is below the API's base.
func (f *fake) on(route string, h http.HandlerFunc) {
	method, path, _ := strings.Cut(route, " ")
	f.mux.HandleFunc(method+" /api/v3/"+path, func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		want := "token " + f.token("5")
		f.mu.Unlock()
		if got := r.Header.Get("Authorization"); got != want && !strings.HasPrefix(path, "app") {
			w.WriteHeader(http.StatusUnauthorized)
			reply(w, map[string]any{"message": "Bad credentials"})
			return
		}
		h(w, r)
	})
}

func (f *fake) json(route string, v any) {
	f.on(route, func(w http.ResponseWriter, _ *http.Request) { reply(w, v) })
}

func (f *fake) count(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

func reply(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

// page replies with one page of a list, of the size asked for, and the Link header to the next.
func page[T any](w http.ResponseWriter, r *http.Request, all []T, wrap func([]T) any) {
	q := r.URL.Query()
	size, number := 30, 1
	fmt.Sscan(q.Get("per_page"), &size)
	fmt.Sscan(q.Get("page"), &number)
	from := min((number-1)*size, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		q.Set("page", fmt.Sprint(number+1))
		next := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: q.Encode()}
		w.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
	}
	reply(w, wrap(all[from:to]))
}

func wantClass(t *testing.T, err error, want Class) *Error {
	t.Helper()
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("error is %T (%v), want *Error of class %v", err, err, want)
	}
	if class, _ := Classify(err); class != want {
		t.Fatalf("class of %q is %v, want %v", err, class, want)
	}
	return e
}
