package ghtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sample puts one object of every kind into a repository and returns what to write for the wildcards of the routes.
func (w *world) sample(repo *Repo) map[string]string {
	w.t.Helper()
	n := w.OpenPull(repo, Pull{Branch: "topic", Author: "maria", Labels: []string{"size"}, Files: map[string]string{"b.rs": "b\n"}})
	sha := w.Branch(repo, "topic")
	comment, err := w.PostCommentVia(repo, n, "oxidometer[bot]", "text", appID)
	if err != nil {
		w.t.Fatal(err)
	}
	run := w.AddRun(repo, Run{Pull: n, Conclusion: "success"})
	check := w.AddCheck(repo, CheckOptions{AppID: appID, SHA: sha, Name: "oxidometer"})
	w.mu.Lock()
	suite := w.check(repo, check).suite.id
	made := reaction{w.next("reaction"), w.bot(w.app), "eyes", w.now()}
	w.comment(repo, comment).reactions = []reaction{made}
	w.mu.Unlock()
	w.SetTeamMember("acme", "size", "maria", "active")
	delivery := int64(-1)
	if log := w.Deliveries(); len(log) > 0 {
		delivery = log[0].ID
	}
	return map[string]string{
		"org": "acme", "team": "size", "username": "maria", "path": "README", "ref": "heads/topic", "sha": sha, "basehead": "main...topic", "branch": "topic", "number": fmt.Sprint(n),
		"name": "size", "reaction": fmt.Sprint(made.id), "workflow": "kernel.yml", "attempt": "1", "format": "zip", "code": "none",
		"installation": fmt.Sprint(w.inst), "delivery": fmt.Sprint(delivery), "comment": fmt.Sprint(comment), "run": fmt.Sprint(run),
		"job": fmt.Sprint(w.AddJob(run, Job{Name: "build", Conclusion: "success"})), "check": fmt.Sprint(check), "suite": fmt.Sprint(suite),
		"artifact": fmt.Sprint(w.AddArtifact(run, Artifact{Name: "kernel", Bytes: []byte("PK")})),
	}
}

var (
	wildcard = regexp.MustCompile(`\{(\w+)(?:\.\.\.)?\}`)
	kindOfID = map[string]string{"app/installations": "installation", "hook/deliveries": "delivery", "issues/comments": "comment", "actions/runs": "run",
		"actions/jobs": "job", "actions/artifacts": "artifact", "check-runs": "check", "check-suites": "suite"}
)

// concrete returns a request that the route serves, about a repository that sample was called for.
func concrete(rt route, name string, values map[string]string) (method, path, body string) {
	method, path, _ = strings.Cut(rt.pattern, " ")
	before, _, _ := strings.Cut(path, "/{id}")
	for end, kind := range kindOfID {
		if strings.HasSuffix(before, end) {
			path = strings.Replace(path, "{id}", values[kind], 1)
		}
	}
	path = strings.Replace(path, "REPO", "/repos/"+name, 1)
	path = wildcard.ReplaceAllStringFunc(path, func(w string) string {
		v := values[wildcard.FindStringSubmatch(w)[1]]
		if strings.Contains(rt.pattern, "/git/") {
			return v
		}
		return strings.TrimPrefix(v, "heads/")
	})
	bodies := map[string]string{
		"POST REPO/pulls/{number}/reviews": `{"event":"APPROVE"}`, "POST REPO/issues/{number}/labels": `["size"]`,
		"POST REPO/issues/{number}/comments": `{"body":"hello"}`, "PATCH REPO/issues/comments/{id}": `{"body":"hello again"}`,
		"POST REPO/issues/comments/{id}/reactions": `{"content":"rocket"}`, "POST REPO/check-runs": `{"name":"oxidometer","head_sha":"` + values["sha"] + `"}`,
		"PATCH REPO/check-runs/{id}": `{"status":"in_progress"}`, "POST REPO/check-suites": `{"head_sha":"` + values["sha"] + `"}`,
		"PATCH /app/hook/config": `{"content_type":"json"}`,
	}
	return method, path, bodies[rt.pattern]
}

// TestRoutes holds for every route of the table who may use it.
func TestRoutes(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.WebhookURL = newReceiver(t).URL
		o.Permissions = map[string]string{"metadata": "read", "actions": "read", "contents": "read", "pull_requests": "write", "checks": "write",
			"members": "read"}
	})
	w.wait()
	other := w.AddInstallation("rival")
	foreign := w.AddRepo(RepoOptions{Owner: "rival", Name: "secret", Private: true, Installation: other})
	mine, theirs := w.sample(w.repo), w.sample(foreign)
	w.HoldDeliveries()

	good, old := w.token(""), w.token("")
	w.mu.Lock()
	w.tokens[old].expires = w.now()
	w.mu.Unlock()
	little := map[string]string{"": w.token(`{"permissions":{"metadata":"read"}}`)}
	for _, rt := range table {
		t.Run(rt.pattern, func(t *testing.T) {
			w := *w
			w.t = t
			method, path, body := concrete(rt, "acme/linux", mine)
			message := func(a answered) string {
				var o struct{ Message string }
				json.Unmarshal([]byte(a.text), &o)
				return o.Message
			}
			expect := func(what string, a answered, status int, text string) {
				t.Helper()
				if a.StatusCode != status || !strings.Contains(message(a), text) {
					t.Errorf("%s: %s %s: %d %s, want %d %s", what, method, path, a.StatusCode, a.text, status, text)
				}
			}
			if rt.auth == anybody {
				expect("unknown code", w.do(method, path, "", body), 404, "Not Found")
				return
			}
			none := "Requires authentication"
			if rt.auth == asApp {
				none = badJWT
			}
			expect("no credentials", w.do(method, path, "", body), 401, none)
			expect("nonsense", w.do(method, path, "ghs_nonsense", body), 401, "")
			expect("no user agent", w.do(method, path, good, body, "User-Agent", ""), 403, "User-Agent")
			switch rt.auth {
			case asApp:
				expect("installation token", w.do(method, path, good, body), 401, badJWT)
			case asInstalled:
				expect("JWT", w.do(method, path, w.jwt(), body), 401, "Bad credentials")
				expect("expired token", w.do(method, path, old, body), 401, "Bad credentials")
			}
			if strings.Contains(rt.pattern, "REPO") && rt.auth == asInstalled {
				_, there, body := concrete(rt, "rival/secret", theirs)
				expect("other repository", w.do(method, there, good, body), 404, "Not Found")
				_, there, body = concrete(rt, "acme/none", mine)
				expect("no repository", w.do(method, there, good, body), 404, "Not Found")
			}
			if rt.needs != "" && !strings.HasPrefix(rt.needs, "metadata:") {
				a := w.do(method, path, little[""], body)
				expect("missing permission", a, 403, "Resource not accessible by integration")
				if a.Header.Get("X-Accepted-Github-Permissions") == "" {
					t.Error("the permission that is missing is not named")
				}
			}
			if strings.HasPrefix(method, "DELETE") || strings.HasSuffix(path, "/attempts") {
				return // done in other tests
			}
			auth := good
			if rt.auth == asApp {
				auth = w.jwt()
			}
			for _, prefix := range []string{"", "/api/v3"} {
				a := w.do(method, prefix+path, auth, body)
				if a.StatusCode >= 400 {
					t.Errorf("%s %s%s: %d %s", method, prefix, path, a.StatusCode, a.text)
				}
				for _, name := range []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Used", "X-Ratelimit-Reset", "X-Github-Request-Id"} {
					if a.Header.Get(name) == "" {
						t.Errorf("%s %s: no %s", method, path, name)
					}
				}
				if a.StatusCode == 200 && method == "GET" && a.Header.Get("ETag") == "" {
					t.Error("no ETag")
				}
			}
		})
	}
	if texts := w.reports.take(); len(texts) > 0 {
		t.Errorf("reported: %q", texts)
	}
}

// TestUnknownRoute holds that nothing passes which is not built.
func TestUnknownRoute(t *testing.T) {
	w := newWorld(t, nil)
	for _, q := range []struct{ method, path string }{
		{"GET", "/user"}, {"PUT", "/repos/acme/linux/pulls/1/merge"}, {"GET", "/repos/acme/linux/actions/caches"}, {"DELETE", "/app"},
		{"GET", "/api/v3"}, {"GET", "/api/v4/app"}, {"GET", "/repos/acme"}, {"POST", "/graphql"}, {"GET", "/app/"},
	} {
		a := w.do(q.method, q.path, w.token(""), "")
		texts := w.reports.take()
		if q.path == "/app/" { // GitHub ignores a slash at the end
			continue
		}
		if a.StatusCode != 404 || len(texts) != 1 || !strings.Contains(texts[0], "no route "+q.method) {
			t.Errorf("%s %s: %d, reported %q", q.method, q.path, a.StatusCode, texts)
		}
	}
}

// TestUnknownField holds that a body with a field that GitHub does not document is noticed.
func TestUnknownField(t *testing.T) {
	w := newWorld(t, nil)
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	a := w.do("POST", fmt.Sprintf("/repos/acme/linux/issues/%d/comments", n), w.token(""), `{"body":"x","sticky":true}`)
	if texts := w.reports.take(); a.StatusCode != 201 || len(texts) != 1 || !strings.Contains(texts[0], "sticky") {
		t.Errorf("%d, reported %q", a.StatusCode, texts)
	}
}

func TestBadBodies(t *testing.T) {
	w := newWorld(t, nil)
	path := fmt.Sprintf("/repos/acme/linux/issues/%d/comments", w.OpenPull(w.repo, Pull{Branch: "topic"}))
	for body, status := range map[string]int{`{"body":`: 400, `[1]`: 422, `{"body":7}`: 422, `{}`: 422, ``: 422, `{"body":" "}`: 422, strings.Repeat(" ", maxBody+1): 413} {
		if a := w.do("POST", path, w.token(""), body); a.StatusCode != status {
			t.Errorf("%.20q: %d, want %d", body, a.StatusCode, status)
		}
	}
}

func TestJWT(t *testing.T) {
	w := newWorld(t, nil)
	now := w.clock.Now()
	claims := func(iss any, iat, exp time.Duration) map[string]any {
		return map[string]any{"iss": iss, "iat": now.Add(iat).Unix(), "exp": now.Add(exp).Unix()}
	}
	id := fmt.Sprint(appID)
	good := jwt(appKey(), claims(id, -time.Minute, 9*time.Minute))
	parts := strings.Split(good, ".")
	for _, c := range []struct {
		name, token, text string
		status            int
	}{
		{"good", good, "", 200},
		{"number as issuer", jwt(appKey(), claims(appID, 0, time.Minute)), "", 200},
		{"exactly ten minutes", jwt(appKey(), claims(id, 0, 10*time.Minute)), "", 200},
		{"too long", jwt(appKey(), claims(id, 0, 10*time.Minute+time.Second)), "too far in the future", 401},
		{"expired", jwt(appKey(), claims(id, -10*time.Minute, 0)), "must be a numeric value representing the future time", 401},
		{"issued in the future", jwt(appKey(), claims(id, 2*time.Minute, 5*time.Minute)), "'Issued at'", 401},
		{"no expiry", jwt(appKey(), map[string]any{"iss": id, "iat": now.Unix()}), "'Expiration time'", 401},
		{"no time of issue", jwt(appKey(), map[string]any{"iss": id, "exp": now.Add(time.Minute).Unix()}), "'Issued at'", 401},
		{"other App", jwt(appKey(), claims("1", 0, time.Minute)), noIntegration, 404},
		{"changed claims", parts[0] + "." + part(claims(id, 0, 2*time.Minute)) + "." + parts[2], badJWT, 401},
		{"no algorithm", part(map[string]any{"alg": "none"}) + "." + parts[1] + ".", badJWT, 401},
		{"HMAC", part(map[string]any{"alg": "HS256"}) + "." + parts[1] + "." + parts[2], badJWT, 401},
		{"no JWT", "a.b.c", badJWT, 401},
	} {
		if a := w.do("GET", "/app", c.token, ""); a.StatusCode != c.status || !strings.Contains(a.text, c.text) {
			t.Errorf("%s: %d %s, want %d %s", c.name, a.StatusCode, a.text, c.status, c.text)
		}
	}
	r, _ := http.NewRequest("GET", w.api+"/app", nil)
	r.Header.Set("Authorization", "token "+good)
	if a, err := http.DefaultClient.Do(r); err != nil || a.StatusCode != 401 {
		t.Errorf("a JWT after the word token: %v %v", a, err)
	}
}

func TestTokens(t *testing.T) {
	w := newWorld(t, nil)
	two := w.AddRepo(RepoOptions{Owner: "acme", Name: "two", Private: true, Installation: w.inst})
	path := fmt.Sprintf("/app/installations/%d/access_tokens", w.inst)
	a := w.do("POST", path, w.jwt(), fmt.Sprintf(`{"repository_ids":[%d],"permissions":{"contents":"read","checks":"read"}}`, two.ID))
	o := a.json(t)
	if a.StatusCode != 201 || o["expires_at"] != stamp(w.clock.Now().Add(time.Hour)) || fmt.Sprint(o["permissions"]) != "map[checks:read contents:read metadata:read]" ||
		len(o["repositories"].([]any)) != 1 {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
	narrow := o["token"].(string)
	sha := w.Branch(two, "main")
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/repos/acme/two/contents/", "", 404}, // no files in it
		{"GET", "/repos/acme/two/commits/main", "", 200},
		{"GET", "/repos/acme/linux/commits/main", "", 404},
		{"GET", "/repos/acme/two/pulls", "", 403},
		{"GET", "/repos/acme/two/commits/main/check-runs", "", 200},
		{"POST", "/repos/acme/two/check-runs", `{"name":"x","head_sha":"` + sha + `"}`, 403},
		{"GET", fmt.Sprintf("/repositories/%d", two.ID), "", 200},
		{"GET", fmt.Sprintf("/repositories/%d", w.repo.ID), "", 404},
		{"GET", "/repositories/99", "", 404},
		{"GET", "/repositories/x/commits", "", 404},
	} {
		if a := w.do(c.method, c.path, narrow, c.body); a.StatusCode != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, a.StatusCode, a.text, c.status)
		}
	}
	if o := w.do("GET", "/installation/repositories", narrow, "").json(t); fmt.Sprint(o["total_count"]) != "1" {
		t.Errorf("repositories of a narrowed token: %v", o["total_count"])
	}
	for _, body := range []string{`{"permissions":{"contents":"write"}}`, `{"permissions":{"issues":"read"}}`, `{"permissions":{"checks":"all"}}`,
		`{"repository_ids":[1]}`, `{"repositories":["none"]}`} {
		if a := w.do("POST", path, w.jwt(), body); a.StatusCode != 422 {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.text)
		}
	}

	use := func(want int) {
		t.Helper()
		if a := w.do("GET", "/repos/acme/two", narrow, ""); a.StatusCode != want {
			t.Errorf("%d %s, want %d", a.StatusCode, a.text, want)
		}
	}
	w.Suspend(w.inst, true)
	use(403)
	if a := w.do("POST", path, w.jwt(), ""); a.StatusCode != 403 {
		t.Errorf("token of a suspended installation: %d %s", a.StatusCode, a.text)
	}
	w.Suspend(w.inst, false)
	use(200)
	w.clock.add(time.Hour - time.Second)
	use(200)
	w.clock.add(time.Second)
	use(401)
	narrow = w.token("")
	use(200)
	w.ExpireTokens()
	use(401)
	narrow = w.token("")
	if a := w.do("DELETE", "/installation/token", narrow, ""); a.StatusCode != 204 {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
	use(401)
	narrow = w.token("")
	w.SetPermissions(w.inst, map[string]string{"metadata": "read"})
	if a := w.do("GET", "/repos/acme/two/pulls", narrow, ""); a.StatusCode != 403 {
		t.Errorf("permission was taken away: %d", a.StatusCode)
	}
	w.Uninstall(w.inst)
	use(401)
	if a := w.do("POST", path, w.jwt(), ""); a.StatusCode != 404 {
		t.Errorf("token after the App was uninstalled: %d", a.StatusCode)
	}
}

// TestPublic: public repositories can be read with any token, but for what needs a permission of its own.
func TestPublic(t *testing.T) {
	w := newWorld(t, nil)
	other := w.AddInstallation("rival")
	open := w.AddRepo(RepoOptions{Owner: "rival", Name: "open", Installation: other, Files: map[string]string{"README": "x"}})
	values := w.sample(open)
	token := w.token("")
	for _, rt := range table {
		if !strings.Contains(rt.pattern, "REPO") || rt.auth != asInstalled {
			continue
		}
		method, path, body := concrete(rt, "rival/open", values)
		want := 403
		if method == "GET" && !strings.HasSuffix(rt.needs, "!") {
			want = 200
		}
		if a := w.do(method, path, token, body); a.StatusCode != want {
			t.Errorf("%s %s: %d %s, want %d", method, path, a.StatusCode, a.text, want)
		}
	}
}
