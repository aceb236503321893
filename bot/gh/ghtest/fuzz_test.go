package ghtest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequest holds that no request with a valid token makes the server panic.
func FuzzRequest(f *testing.F) {
	s := New(Options{AppID: appID, Key: &appKey().PublicKey})
	inst := s.AddInstallation("acme")
	repo := s.AddRepo(RepoOptions{Owner: "acme", Name: "linux", Installation: inst, Files: map[string]string{"README": "x"}})
	s.OpenPull(repo, Pull{Branch: "topic"})
	s.mu.Lock()
	token := s.newToken(s.installations[0], s.installations[0].permissions, nil).text
	s.mu.Unlock()
	s.SetRateLimit(1 << 30)
	for _, rt := range table {
		method, path, _ := strings.Cut(rt.pattern, " ")
		path = wildcard.ReplaceAllString(strings.Replace(path, "REPO", "/repos/acme/linux", 1), "1")
		f.Add(method, path+"?page=2&per_page=1&ref=topic&created=1..2&head=a:b", `{"body":"x","name":"x","head_sha":"0","labels":["a"],"output":{},"actions":[{}]}`)
	}
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		u, err := r.URL.Parse(target)
		if err != nil {
			return // no address, so no request either
		}
		r.Method, r.URL = method, u
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("User-Agent", "fuzz")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 499 {
			t.Errorf("%s %s: %d", method, target, w.Code)
		}
	})
}
