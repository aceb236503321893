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
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
)

var runJSON = map[string]any{"id": 3, "run_attempt": 2, "event": "push", "head_sha": sha1st}

func TestTokenIsNarrowedAndKept(t *testing.T) {
	f, c := fakeClient(t)
	f.json("GET repos/o/r/actions/runs/3", runJSON)
	for range 3 {
		if _, err := c.RunByID(t.Context(), testRepo, 3); err != nil {
			t.Fatal(err)
		}
	}
	if f.minted["5"] != 1 {
		t.Errorf("%d tokens for three calls", f.minted["5"])
	}
	var asked struct{ Permissions map[string]string }
	if err := json.Unmarshal([]byte(f.asked[0]), &asked); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Permissions(), asked.Permissions); diff != "" {
		t.Errorf("permissions asked for (-want +got):\n%s", diff)
	}
	if app := c.app; app.Installation(testInst) != c {
		t.Error("an installation has two clients")
	}
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	f, c := fakeClient(t)
	f.json("GET repos/o/r/actions/runs/3", runJSON)
	posted := 0
	f.on("POST repos/o/r/issues/comments/4/reactions", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), "eyes") {
			t.Errorf("body sent again is %q", body)
		}
		posted++
		reply(w, map[string]any{"id": 1})
	})
	if _, err := c.RunByID(t.Context(), testRepo, 3); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.minted["5"]++ // revokes what was handed out
	f.mu.Unlock()
	if err := c.React(t.Context(), testRepo, 4, "eyes"); err != nil {
		t.Fatal(err)
	}
	if posted != 1 || f.minted["5"] != 3 {
		t.Errorf("posted %d times, %d tokens", posted, f.minted["5"])
	}
}

func TestTokenNeverTaken(t *testing.T) {
	f, c := fakeClient(t)
	f.on("GET repos/o/r/actions/runs/3", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		reply(w, map[string]any{"message": "Bad credentials"})
	})
	_, err := c.RunByID(t.Context(), testRepo, 3)
	e := wantClass(t, err, ClassAuth)
	if e.Status != 401 || f.minted["5"] != 2 {
		t.Errorf("status %d after %d tokens", e.Status, f.minted["5"])
	}
}

func TestTokenRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header [2]string
		body   string
		class  Class
	}{
		{"suspended", 403, [2]string{}, `{"message":"This installation has been suspended"}`, ClassAuth},
		{"uninstalled", 404, [2]string{}, `{"message":"Not Found"}`, ClassAuth},
		{"wrong key", 401, [2]string{}, `{"message":"A JSON web token could not be decoded"}`, ClassAuth},
		{"permission not granted", 422, [2]string{}, `{"message":"The permissions requested are not granted to this installation."}`, ClassForbidden},
		{"429", 429, [2]string{"Retry-After", "3"}, ``, ClassRateLimited},
		{"502", 502, [2]string{}, `<html>`, ClassTemporary},
		{"null", 201, [2]string{}, `null`, ClassTemporary},
		{"empty", 201, [2]string{}, `{"token":"","expires_at":"2030-01-01T00:00:00Z"}`, ClassTemporary},
		{"no expiry", 201, [2]string{}, `{"token":"ghs_x"}`, ClassTemporary},
		{"page", 200, [2]string{}, `<html>`, ClassTemporary},
	} {
		for refused, before := range map[string]int32{"GET": 0, "POST": 1} { // what is granted, and the token
			if refused == "GET" && tt.status == 201 {
				continue
			}
			t.Run(tt.name+" "+refused, func(t *testing.T) {
				requests := atomic.Int32{}
				s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					requests.Add(1)
					if r.Method != refused {
						io.WriteString(w, `{"id":5,"permissions":{"metadata":"read"}}`)
						return
					}
					if tt.header[0] != "" {
						w.Header().Set(tt.header[0], tt.header[1])
					}
					w.WriteHeader(tt.status)
					io.WriteString(w, tt.body)
				}))
				defer s.Close()
				app, err := New(Options{BaseURL: s.URL, AppID: testApp, Key: testKey()})
				if err != nil {
					t.Fatal(err)
				}
				_, err = app.Installation(testInst).RunByID(t.Context(), testRepo, 3)
				e := wantClass(t, err, tt.class)
				if requests.Load() != before+1 {
					t.Errorf("%d requests", requests.Load())
				}
				if !strings.HasPrefix(e.Error(), "read workflow run 3 of o/r: get a token for installation 5: GitHub answered ") {
					t.Error(e)
				}
			})
		}
	}
}

// TestTokenCarriesWhatIsGranted: a token asks for the extras that are of use in it, where they are granted.
func TestTokenCarriesWhatIsGranted(t *testing.T) {
	for _, tt := range []struct{ granted, want map[string]string }{
		{nil, nil},
		{map[string]string{"issues": "read", "merge_queues": "read", "administration": "write"}, nil},
		{map[string]string{"issues": "write"}, map[string]string{"issues": "write"}},
		{map[string]string{"issues": "admin", "members": "write", "contents": "write"}, map[string]string{"issues": "write", "members": "read"}},
		{map[string]string{"members": "read", "issues": "all"}, map[string]string{"members": "read"}},
	} {
		f, c := fakeClient(t)
		f.json("GET repos/o/r/actions/runs/3", runJSON)
		f.grants = Permissions()
		maps.Copy(f.grants, tt.granted)
		for range 2 {
			must[Run](t)(c.RunByID(t.Context(), testRepo, 3))
		}
		var asked struct{ Permissions map[string]string }
		if err := json.Unmarshal([]byte(f.asked[0]), &asked); err != nil || len(f.asked) != 1 {
			t.Fatal(err, f.asked)
		}
		want := Permissions()
		maps.Copy(want, tt.want)
		equal(t, fmt.Sprint(tt.granted), want, asked.Permissions)
		for _, x := range Extras() {
			if has := must[bool](t)(c.Has(t.Context(), x.Permission, x.Level)); has != Grants(tt.granted[x.Permission], x.Level) {
				t.Errorf("%v: has %s: %v", tt.granted, x.Name, has)
			}
		}
	}
}

// TestHas: what is granted is read with the token, and again with the next.
func TestHas(t *testing.T) {
	f, c := fakeClient(t)
	has := func() bool {
		t.Helper()
		return must[bool](t)(c.Has(t.Context(), "members", "read"))
	}
	if has() || f.minted["5"] != 1 {
		t.Errorf("%d tokens", f.minted["5"])
	}
	f.mu.Lock()
	f.grants = Permissions(Extras()...)
	f.minted["5"]++ // revokes what was handed out
	f.mu.Unlock()
	if has() {
		t.Error("known before GitHub was asked")
	}
	f.json("GET repos/o/r/actions/runs/3", runJSON)
	must[Run](t)(c.RunByID(t.Context(), testRepo, 3))
	if !has() || f.minted["5"] != 3 {
		t.Errorf("%d tokens", f.minted["5"])
	}
}

func TestGrants(t *testing.T) {
	levels := []string{"", "read", "write", "admin"}
	for i, have := range levels {
		for j, want := range levels {
			if Grants(have, want) != (i >= j) {
				t.Errorf("%q grants %q: %v", have, want, i < j)
			}
		}
		if Grants("all", have) {
			t.Errorf("an unknown level grants %q", have)
		}
	}
}

func TestInstallationsRefreshAtOnce(t *testing.T) {
	f, app := newFake(t)
	f.mux.HandleFunc("GET /api/v3/repositories/{id}", func(w http.ResponseWriter, r *http.Request) {
		if want := "token ghs_" + r.PathValue("id") + "x1"; r.Header.Get("Authorization") != want {
			t.Errorf("repository %s read with %q", r.PathValue("id"), r.Header.Get("Authorization"))
		}
		reply(w, map[string]any{"id": json.Number(r.PathValue("id")), "name": "r", "owner": map[string]any{"login": "o"}})
	})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			id := int64(1 + i%4)
			if _, err := app.Installation(id).Repository(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestRateLimitIsReportedAndRespected(t *testing.T) {
	for _, status := range []int{403, 429} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			clock := time.Now()
			f, c := fakeClient(t, func(o *Options) { o.Now = func() time.Time { return clock } })
			limited := true
			f.on("GET repos/o/r/actions/runs/3", func(w http.ResponseWriter, _ *http.Request) {
				if limited {
					w.Header().Set("Retry-After", "60")
					w.WriteHeader(status)
					return
				}
				reply(w, runJSON)
			})
			_, err := c.RunByID(t.Context(), testRepo, 3)
			if _, wait := Classify(err); wantClass(t, err, ClassRateLimited) == nil || wait != time.Minute {
				t.Errorf("wait is %v", wait)
			}
			limited = false
			clock = clock.Add(59 * time.Second)
			_, err = c.ArtifactURL(t.Context(), testRepo, 3) // another call of that installation
			if _, wait := Classify(err); wantClass(t, err, ClassRateLimited) == nil || wait != time.Second {
				t.Errorf("wait is %v", wait)
			}
			if n := f.count("GET"); n != 1 {
				t.Errorf("%d requests while limited", n)
			}
			clock = clock.Add(time.Second)
			if _, err = c.RunByID(t.Context(), testRepo, 3); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUsedUpLimitIsRespected(t *testing.T) {
	f, c := fakeClient(t)
	f.on("GET repos/o/r/actions/runs/3", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Limit", "5000")
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", fmt.Sprint(time.Now().Add(20*time.Minute).Unix()))
		reply(w, runJSON)
	})
	if _, err := c.RunByID(t.Context(), testRepo, 3); err != nil {
		t.Fatal(err)
	}
	_, err := c.RunByID(t.Context(), testRepo, 3)
	wantClass(t, err, ClassRateLimited)
	if _, wait := Classify(err); wait < 15*time.Minute || wait > 20*time.Minute {
		t.Errorf("wait is %v", wait)
	}
	if n := f.count("GET"); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestAnswersAreCapped(t *testing.T) {
	f, c := fakeClient(t)
	f.on("GET repos/o/r/actions/runs/3", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"name":"`)
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		for range 40 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	_, err := c.RunByID(t.Context(), testRepo, 3)
	wantClass(t, err, ClassPermanent)
}

func TestCappedBody(t *testing.T) {
	for _, size := range []int{0, 9, 10, 11, 30} {
		b := &cappedBody{body: io.NopCloser(strings.NewReader(strings.Repeat("x", size))), left: 10}
		got, err := io.ReadAll(b)
		if tooLarge := size > 10; errors.Is(err, errTooLarge) != tooLarge || len(got) != min(size, 10) {
			t.Errorf("size %d: %d bytes, %v", size, len(got), err)
		}
	}
}

func TestTimeout(t *testing.T) {
	f, c := fakeClient(t, func(o *Options) { o.Timeout = 50 * time.Millisecond })
	release := make(chan struct{})
	defer close(release)
	hang := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-release
	}
	f.on("GET repos/o/r/actions/runs/3", hang)
	f.on("GET repos/o/r/actions/artifacts/3/zip", func(http.ResponseWriter, *http.Request) { <-release })
	_, err := c.RunByID(t.Context(), testRepo, 3)
	if wantClass(t, err, ClassTemporary); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is no timeout", err)
	}
	_, err = c.ArtifactURL(t.Context(), testRepo, 3)
	if wantClass(t, err, ClassTemporary); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is no timeout", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.RunByID(ctx, testRepo, 3)
	if wantClass(t, err, ClassTemporary); !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not a cancellation", err)
	}
}

func TestBrokenAnswers(t *testing.T) {
	for name, body := range map[string]string{"page": "<html>", "cut": `{"id": 3, "na`, "kind": `{"id":"three"}`} {
		t.Run(name, func(t *testing.T) {
			f, c := fakeClient(t)
			f.on("GET repos/o/r/actions/runs/3", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
			_, err := c.RunByID(t.Context(), testRepo, 3)
			wantClass(t, err, ClassTemporary)
		})
	}
	t.Run("connection", func(t *testing.T) {
		f, c := fakeClient(t)
		f.on("GET repos/o/r/actions/runs/3", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"id":`)
		})
		_, err := c.RunByID(t.Context(), testRepo, 3)
		wantClass(t, err, ClassTemporary)
	})
	t.Run("202", func(t *testing.T) {
		f, c := fakeClient(t)
		f.on("GET repos/o/r/actions/runs/3", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
		_, err := c.RunByID(t.Context(), testRepo, 3)
		wantClass(t, err, ClassTemporary)
	})
}

func TestTokenStaysOnTheHost(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed to %s with Authorization %q", r.URL, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	f, c := fakeClient(t)
	away := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/x?sig=s3cret", http.StatusMovedPermanently)
	}
	f.on("GET repos/o/r/actions/runs/3", away)
	f.on("GET repos/o/r/actions/artifacts/3/zip", away)
	_, err := c.RunByID(t.Context(), testRepo, 3)
	if e := wantClass(t, err, ClassPermanent); strings.Contains(e.Error(), "s3cret") {
		t.Error(e)
	}
	_, err = c.ArtifactURL(t.Context(), testRepo, 3)
	wantClass(t, err, ClassPermanent)
}

func TestRenamedRepositoryIsFollowed(t *testing.T) {
	f, c := fakeClient(t)
	f.on("GET repos/o/r/actions/runs/3", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, f.url+"/api/v3/repositories/9/actions/runs/3", http.StatusMovedPermanently)
	})
	f.json("GET repositories/9/actions/runs/3", runJSON)
	f.on("POST repos/o/r/issues/comments/4/reactions", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, f.url+"/api/v3/repositories/9/issues/comments/4/reactions", http.StatusTemporaryRedirect)
	})
	f.on("POST repositories/9/issues/comments/4/reactions", func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); !strings.Contains(string(body), "eyes") {
			t.Errorf("body is %q", body)
		}
		reply(w, map[string]any{})
	})
	if _, err := c.RunByID(t.Context(), testRepo, 3); err != nil {
		t.Error(err)
	}
	if err := c.React(t.Context(), testRepo, 4, "eyes"); err != nil {
		t.Error(err)
	}
}

func TestObserveAndLog(t *testing.T) {
	var log bytes.Buffer
	lg := logrus.New()
	lg.SetOutput(&log)
	lg.SetLevel(logrus.DebugLevel)
	f, c := fakeClient(t, func(o *Options) { o.Log = lg })
	f.on("GET repos/o/r/actions/runs/3", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Remaining", "4999")
		reply(w, runJSON)
	})
	f.on("GET repos/o/r/actions/artifacts/3/zip", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://storage.example/a?sig=s3cret", http.StatusFound)
	})
	f.on("GET repos/o/r/actions/runs/4", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	c.RunByID(t.Context(), testRepo, 3)
	c.RunByID(t.Context(), testRepo, 4)
	c.ArtifactURL(t.Context(), testRepo, 3)
	want := []obs{{"ok", 200, -1}, {"ok", 201, -1}, {"ok", 200, 4999}, {"not_found", 404, -1}, {"ok", 302, -1}}
	if diff := cmp.Diff(want, f.seen, cmp.AllowUnexported(obs{})); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	if out := log.String(); !strings.Contains(out, "path=/api/v3/repos/o/r/actions/runs/3") || strings.Contains(out, "s3cret") || strings.Contains(out, "ghs_") {
		t.Errorf("log:\n%s", out)
	}
}

func TestNew(t *testing.T) {
	good := Options{AppID: testApp, Key: testKey()}
	for name, change := range map[string]func(*Options){
		"no id":  func(o *Options) { o.AppID = 0 },
		"no key": func(o *Options) { o.Key = nil },
		"other key": func(o *Options) {
			o.Key = []byte("-----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY-----\n")
		},
		"path":   func(o *Options) { o.BaseURL = "/api/v3" },
		"scheme": func(o *Options) { o.BaseURL = "ftp://h/" },
		"user":   func(o *Options) { o.BaseURL = "https://u:s3cret@h/" },
		"query":  func(o *Options) { o.BaseURL = "https://h/?s3cret" },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for in, want := range map[string]string{
		"": "https://api.github.com/", "https://h/api/v3": "https://h/api/v3/", "http://127.0.0.1:1/": "http://127.0.0.1:1/",
	} {
		good.BaseURL = in
		app, err := New(good)
		if err != nil || app.base.String() != want {
			t.Errorf("%q: %v, %v", in, app, err)
		}
	}
}
