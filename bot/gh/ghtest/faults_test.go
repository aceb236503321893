package ghtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

func TestFaults(t *testing.T) {
	w := newWorld(t, nil)
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	token := w.token("")
	path := fmt.Sprintf("/repos/acme/linux/issues/%d/comments", n)
	get := func() int { w.t.Helper(); return w.do("GET", "/api/v3"+path, token, "").StatusCode }
	comments := func() int { return len(w.Comments(w.repo, n)) }
	post := func() (int, error) {
		r, _ := http.NewRequest("POST", w.api+path, strings.NewReader(`{"body":"x"}`))
		r.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		defer a.Body.Close()
		_, err = io.ReadAll(a.Body)
		return a.StatusCode, err
	}

	remove := w.AddFault(Fault{Match: On("GET", "/comments"), After: 1, Times: 2, Status: 502, Body: "bad gateway"})
	if got := []int{get(), get(), get(), get()}; fmt.Sprint(got) != "[200 502 502 200]" {
		t.Errorf("After and Times: %v", got)
	}
	remove()
	remove = w.AddFault(Fault{Match: OnPath("*", "/issues/"), Status: 500})
	if status, _ := post(); status != 500 || comments() != 0 {
		t.Errorf("refused: %d, %d comments", status, comments())
	}
	remove()
	remove = w.AddFault(Fault{Match: On("POST", "/comments"), Times: 1, Status: 502, Done: true})
	if status, _ := post(); status != 502 || comments() != 1 {
		t.Errorf("answer lost: %d, %d comments, want 502 and 1", status, comments())
	}
	remove()
	for want, done := range []bool{false, true} {
		remove = w.AddFault(Fault{Match: On("POST", "/comments"), Times: 1, Cut: true, Done: done})
		if _, err := post(); err == nil || comments() != want+1 {
			t.Errorf("cut, done %t: %v, %d comments, want %d", done, err, comments(), want+1)
		}
		remove()
	}
	remove = w.AddFault(Fault{Match: On("GET", "/comments"), CutAfter: 10})
	a, err := http.NewRequest("GET", w.api+path, nil)
	a.Header.Set("Authorization", "Bearer "+token)
	if answer, err2 := http.DefaultClient.Do(a); err != nil || err2 != nil {
		t.Error(err, err2)
	} else if data, err := io.ReadAll(answer.Body); !errors.Is(err, io.ErrUnexpectedEOF) || len(data) != 10 {
		t.Errorf("cut after 10: %q, %v", data, err)
	}
	remove()

	var did []string
	remove = w.AddFault(Fault{Match: On("GET", "/comments"), Do: func(r *http.Request) { did = append(did, r.URL.Path); w.ExpireTokens() }})
	if get() != 401 || len(did) != 1 || did[0] != path {
		t.Errorf("Do: %v", did)
	}
	remove()
	token = w.token("")
	remove = w.AddFault(Fault{Match: On("GET", "/comments"), Delay: time.Hour})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	slow, _ := http.NewRequestWithContext(ctx, "GET", w.api+path, nil)
	if _, err := http.DefaultClient.Do(slow); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("delay: %v", err)
	}
	remove()
	if get() != 200 {
		t.Error("all faults are removed")
	}
}

func TestLimitFaults(t *testing.T) {
	w := newWorld(t, nil)
	get := func() error {
		_, _, err := w.client("").Repositories.Get(context.Background(), "acme", "linux")
		return err
	}
	reset := time.Now().Add(time.Hour).Truncate(time.Second)
	repo := On("GET", "/repos/acme/linux")
	w.AddFault(func() Fault { f := RateLimited(repo, reset); f.Times = 1; return f }())
	var primary *github.RateLimitError
	if err := get(); !errors.As(err, &primary) || !primary.Rate.Reset.Time.Equal(reset) {
		t.Errorf("primary: %v", err)
	}
	w.AddFault(func() Fault { f := SecondaryLimited(repo, 403, time.Minute); f.Times = 1; return f }())
	var secondary *github.AbuseRateLimitError
	if err := get(); !errors.As(err, &secondary) || secondary.GetRetryAfter() != time.Minute {
		t.Errorf("secondary: %v", err)
	}
	w.AddFault(SecondaryLimited(repo, 429, 0))
	var plain *github.ErrorResponse
	if err := get(); !errors.As(err, &plain) || plain.Response.StatusCode != 429 || plain.Response.Header.Get("Retry-After") != "" {
		t.Errorf("429: %v", err)
	}
}

func TestCalls(t *testing.T) {
	w := newWorld(t, nil)
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	token := w.token("")
	w.ResetCalls()
	w.do("POST", fmt.Sprintf("/api/v3/repos/acme/linux/issues/%d/comments?a=b", n), token, `{"body":"x"}`)
	w.do("GET", "/app", w.jwt(), "")
	w.do("GET", "/app", "", "")
	calls := w.Calls()
	if len(calls) != 3 {
		t.Fatalf("%+v", calls)
	}
	if c := calls[0]; c.Method != "POST" || c.Path != fmt.Sprintf("/repos/acme/linux/issues/%d/comments", n) || c.Query != "a=b" || string(c.Body) != `{"body":"x"}` ||
		c.Status != 201 || c.Who != fmt.Sprintf("installation %d", w.inst) || c.Host != "api" {
		t.Errorf("%+v", c)
	}
	if calls[1].Who != "app" || calls[2].Who != "" || calls[2].Status != 401 {
		t.Errorf("%+v", calls[1:])
	}
}

// TestConcurrent is for the race detector: everything at once, and what must hold afterwards.
func TestConcurrent(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, func(o *Options) { o.WebhookURL, o.WebhookSecret, o.MergeableAfter = r.URL, hookSecret, 1 })
	const workers, rounds = 8, 8
	pulls := make([]int, workers)
	for i := range pulls {
		pulls[i] = w.OpenPull(w.repo, Pull{Branch: fmt.Sprintf("b%d", i)})
	}
	clients := make([]*github.Client, workers)
	for i := range clients {
		clients[i] = w.client([]string{"", "/api/v3"}[i%2])
	}
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			ctx, c, n := context.Background(), clients[i], pulls[i]
			for j := range rounds {
				sha := w.PushHead(w.repo, n, Commit{Message: fmt.Sprint(i, j)})
				run := w.AddRun(w.repo, Run{Pull: n})
				w.AddArtifact(run, Artifact{Name: "kernel", Bytes: []byte("PK")})
				w.FinishRun(run, "success")
				_, _, err1 := c.PullRequests.Get(ctx, "acme", "linux", n)
				_, _, err2 := c.Issues.CreateComment(ctx, "acme", "linux", n, &github.IssueComment{Body: github.String(fmt.Sprint(j))})
				_, _, err3 := c.Checks.CreateCheckRun(ctx, "acme", "linux", github.CreateCheckRunOptions{Name: "x", HeadSHA: sha})
				_, _, err4 := c.Actions.ListWorkflowRunArtifacts(ctx, "acme", "linux", run, nil)
				_, _, err5 := c.PullRequests.List(ctx, "acme", "linux", nil)
				if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
					t.Error(err)
				}
				w.PullView(w.repo, n)
				w.Calls()
				w.Deliveries()
			}
		})
	}
	wg.Wait()
	w.wait()
	for _, n := range pulls {
		if v, _ := w.PullView(w.repo, n); len(v.Comments) != rounds || len(v.Checks) != rounds || len(v.Runs) != rounds {
			t.Errorf("%d: %d comments, %d checks, %d runs", n, len(v.Comments), len(v.Checks), len(v.Runs))
		}
	}
	if got := len(r.all()); got != len(w.Deliveries()) || got < workers*rounds*6 {
		t.Errorf("%d webhooks arrived, %d are in the log", got, len(w.Deliveries()))
	}
}

func TestWait(t *testing.T) {
	w := newWorld(t, nil)
	n := w.OpenPull(w.repo, Pull{Branch: "topic"})
	done := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		done <- w.Wait(ctx, func() bool { return len(w.Comments(w.repo, n)) == 2 })
	}()
	for range 2 {
		if _, err := w.PostComment(w.repo, n, "maria", "x"); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Wait(ctx, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestMisuse: a fixture that names what does not exist is a fault of the test, and says so.
func TestMisuse(t *testing.T) {
	w := newWorld(t, nil)
	for name, f := range map[string]func(){
		"no pull request 7 in acme/linux": func() { w.ClosePull(w.repo, 7) },
		"no pull request 8 in acme/linux": func() { w.PushHead(w.repo, 8, Commit{}) },
		"no run 1":                        func() { w.FinishRun(1, "success") },
		"no artifact 1":                   func() { w.ExpireArtifact(1) },
		"no installation 1":               func() { w.Suspend(1, true) },
		`no commit "abc"`:                 func() { w.SetBranch(w.repo, "x", "abc") },
		"no branch nope":                  func() { w.OpenPull(w.repo, Pull{Branch: "x", Base: "nope"}) },
		"repository acme/LINUX exists":    func() { w.AddRepo(RepoOptions{Owner: "acme", Name: "LINUX"}) },
		"no role boss":                    func() { w.SetRole(w.repo, "maria", "boss") },
		"artifact: open":                  func() { w.AddArtifact(w.AddRun(w.repo, Run{}), Artifact{File: "/does/not/exist"}) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, name) {
					t.Errorf("%s: %s", name, got)
				}
			}()
			f()
		}()
	}
	if _, ok := w.PullView(w.repo, 7); ok {
		t.Error("a view of nothing")
	}
	w.OpenPull(w.repo, Pull{Branch: "after"}) // no lock is left behind
}
