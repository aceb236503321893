package demo

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// TestOnlyHere: another site whose name resolves to this machine gets nothing.
func TestOnlyHere(t *testing.T) {
	handler := onlyHere("127.0.0.2:8080", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"127.0.0.2:8080": 200, "127.0.0.1:8080": 200, "localhost:8080": 200,
		"rebound.example:8080": 403, "127.0.0.1.rebound.example:8080": 403, "localhost:81": 403, "localhost": 403, "": 403,
	} {
		for _, path := range []string{"/", "/r/x", "/p/x", "/penguins/linux/pull/1/comment"} {
			r := httptest.NewRequest("POST", path, nil)
			r.Host = host
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s of host %q: %d, want %d", path, host, w.Code, want)
			}
		}
	}
}

// TestCommentUsers: the form speaks for the people of the list, and for no App.
func TestCommentUsers(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	d := newDemo(ghtest.Options{AppID: appID, Key: &key.PublicKey, WebhookSecret: "s", WebURL: "http://localhost"})
	_, stop := d.github.Start()
	defer stop()
	if err := d.seed(); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]int{
		"maint": 303, "reviewer": 303, "author": 303, "passer-by": 303, "": 400, "oxidometer[bot]": 400, "Maint": 400, "stranger": 400,
	} {
		r := httptest.NewRequest("POST", "/penguins/linux/pull/1/comment", strings.NewReader(url.Values{"user": {user}, "body": {"hello"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetPathValue("number", "1")
		w := httptest.NewRecorder()
		d.comment(w, r)
		if w.Code != want {
			t.Errorf("a comment of %q: %d %s, want %d", user, w.Code, w.Body, want)
		}
	}
	if v, _ := d.github.PullView(d.repo, 1); len(v.Comments) != 4 {
		t.Errorf("%d comments, want 4", len(v.Comments))
	}
}
