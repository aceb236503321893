package bot_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
)

// What keeps us from one installation or repository does not keep us from the next.
func TestReconcileGoesOn(t *testing.T) {
	t.Parallel()
	pulls := ghtest.On("GET", "/torvalds/linux/pulls")
	list := ghtest.On("GET", "/installation/repositories")
	reset := time.Now().Add(time.Hour)
	tests := map[string]struct {
		fault  ghtest.Fault
		second bool // the other repository is in an installation of its own
	}{
		"repository forbidden":      {fault: ghtest.Fault{Match: pulls, Status: 403, Body: `{"message":"Resource not accessible by integration"}`}},
		"repository 502":            {fault: ghtest.Fault{Match: pulls, Status: 502}},
		"installation suspended":    {fault: ghtest.Fault{Match: list, Status: 403, Body: `{"message":"This installation has been suspended"}`}, second: true},
		"installation 502":          {fault: ghtest.Fault{Match: list, Status: 502}, second: true},
		"installation rate limited": {fault: ghtest.RateLimited(list, reset), second: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--poll-interval", "1s")
			w.github.SetWebhook("", "")
			w.github.AddFault(onlyFirst(test.fault))
			owner, installation := "torvalds", w.installation
			if test.second {
				owner = "somebody"
				w.github.AddOrganization(owner)
				installation = w.github.AddInstallation(owner)
			}
			w.repo = w.github.AddRepo(ghtest.RepoOptions{Owner: owner, Name: "next", Installation: installation, Files: map[string]string{"README": "…"}})
			pull := w.open("printing")
			w.shows(pull, "queued", "Waiting for CI")
		})
	}
}

// onlyFirst restricts a fault to the installation that it hits first.
func onlyFirst(f ghtest.Fault) ghtest.Fault {
	var mu sync.Mutex
	var first string
	match := f.Match
	f.Match = func(r *http.Request) bool {
		if !match(r) {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		token := r.Header.Get("Authorization")
		if first == "" {
			first = token
		}
		return token == first
	}
	return f
}

// A delivery that cannot be fetched does not keep us from those after it; one that is lost is asked for once.
func TestRedeliverGoesOn(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"lost": 404, "forbidden": 403, "temporary": 502} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--poll-interval", "1s")
			pull := w.open("queued")
			w.idle()
			fetch := func(r *http.Request) bool {
				return slices.ContainsFunc(w.github.Deliveries(), func(d ghtest.Delivery) bool {
					return d.Event == "ping" && strings.HasSuffix(r.URL.Path, fmt.Sprintf("/app/hook/deliveries/%d", d.ID))
				})
			}
			var asked atomic.Int32
			w.github.AddFault(ghtest.Fault{Match: fetch, Do: func(*http.Request) { asked.Add(1) }, Status: status, Body: `{"message":"no"}`})
			w.github.SetHooks(ghtest.Hooks{Drop: func(ghtest.Delivery) bool { return true }})
			guid, sent := w.github.Deliver("ping", []byte(`{"zen":"…"}`)), time.Now()
			w.eventually("the ping is asked for, and what follows is a second later", func() bool {
				return asked.Load() > 0 && time.Since(sent) > 2*time.Second
			})
			group := w.github.AddMergeGroup(w.repo, pull)
			w.eventually("the group has its answer", func() bool { return w.check(group.HeadSHA).Conclusion == "neutral" })
			_, err := w.store.DeliveryByGUID(t.Context(), guid)
			if known := err == nil; known != (status == 404) {
				t.Errorf("the delivery that was not fetched: %v", err)
			}
			if n := asked.Load(); status == 404 && n != 1 {
				t.Errorf("asked for what is lost %d times", n)
			}
		})
	}
}

// A delivery that we cannot read is fetched once.
func TestRedeliverUnreadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--poll-interval", "1s")
	w.idle()
	w.github.SetHooks(ghtest.Hooks{Drop: func(ghtest.Delivery) bool { return true }})
	guid := w.github.Deliver("pull_request", []byte(`{"action":"opened","secret":1}`))
	w.eventually("the delivery is known", func() bool {
		d, err := w.store.DeliveryByGUID(t.Context(), guid)
		return err == nil && len(d.Payload) == 0
	})
}

func (w *world) status(url string) int {
	w.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Whoever takes a repository from the App takes what was made from it, too.
func TestInstallationForgotten(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(*world){
		"uninstalled":        func(w *world) { w.github.Uninstall(w.installation) },
		"repository removed": func(w *world) { w.github.UninstallRepo(w.repo) },
		"repository deleted": func(w *world) { w.github.DeleteRepo(w.repo) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.build(ghtest.Run{}, smallBase(t))
			pull := w.open("printing")
			w.build(ghtest.Run{Pull: pull}, smallHead(t))
			w.comment(pull, grown)
			w.idle()
			e, err := w.store.LatestEvaluation(t.Context(), w.repo.ID, pull)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := w.store.RepoByID(t.Context(), w.repo.ID); err != nil || r.Installation != w.installation || r.Name != "linux" {
				t.Errorf("stored repository %+v, error %v", r, err)
			}
			report := w.url + "/r/" + e.ID
			if got := w.status(report); got != http.StatusOK {
				t.Fatalf("report before: %d", got)
			}
			remove(w)
			w.eventually("the report is gone", func() bool { return w.status(report) == http.StatusNotFound })
			w.idle()
			if _, err := w.store.RepoByID(t.Context(), w.repo.ID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the repository is still known: %v", err)
			}
			list, err := w.store.DeliveriesSince(t.Context(), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range list {
				if d.RepoID == w.repo.ID {
					t.Errorf("delivery %s %s %s is kept", d.GUID, d.Event, d.Action)
				}
			}
		})
	}
}

// What is being measured when a repository is taken away is not kept either.
func TestRemovedWhileMeasuring(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idle()
	run := w.github.AddRun(w.repo, ghtest.Run{})
	artifact := w.github.AddArtifact(run, ghtest.Artifact{Name: "kernel", Bytes: smallBase(t)})
	forgotten := make(chan bool, 1)
	w.during(func() {
		w.github.UninstallRepo(w.repo)
		forgotten <- w.wait(func() bool {
			_, err := w.store.RepoByID(t.Context(), w.repo.ID)
			return errors.Is(err, store.ErrNotFound)
		})
	})
	w.github.FinishRun(run, "success")
	if !<-forgotten {
		t.Fatal("the repository is still known")
	}
	w.idle()
	if m, err := w.store.MeasurementByArtifact(t.Context(), w.repo.ID, artifact); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the measurement is kept: %+v, error %v", m, err)
	}
	if log := w.log.String(); strings.Contains(log, "level=error") || strings.Contains(log, "it is tried again") {
		t.Error("the job did not end quietly")
	}
}

func TestInstallationSuspended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idle()
	for _, suspended := range []bool{true, false} {
		w.github.Suspend(w.installation, suspended)
		w.eventually("the store knows whether it is suspended", func() bool {
			i, err := w.store.InstallationByID(t.Context(), w.installation)
			return err == nil && i.Suspended == suspended && i.Account == "torvalds"
		})
	}
}

// inProcess is a Bot of this process, on the GitHub of a world whose program hears nothing of it.
func (w *world) inProcess(requireConfig bool) *bot.Bot {
	w.t.Helper()
	_, key := appKey()
	log := logrus.New()
	log.SetOutput(io.Discard)
	var base string
	for i, arg := range w.args {
		if arg == "--github-url" {
			base = w.args[i+1]
		}
	}
	app, err := gh.New(gh.Options{BaseURL: base, AppID: 7, Key: key, Log: log})
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := store.Open(w.t.Context(), "sqlite:"+filepath.Join(w.t.TempDir(), "own.db"), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { s.Close() })
	return bot.New(bot.Options{GitHub: app, Store: s, Log: log, MarkerKey: []byte("key"), RequireConfig: requireConfig})
}

// A job that was given up says so where it is still true, and nowhere else.
func TestDiscarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.github.SetWebhook("", "")
	job := func(pull int) store.Job {
		return store.Job{Kind: queue.Pull, Installation: w.installation, RepoID: w.repo.ID, Pull: pull, ID: 1}
	}
	discard := func(b *bot.Bot, j store.Job) { b.Discarded(t.Context(), j, errors.New("disk full")) }
	expect := func(what, sha, conclusion string) {
		t.Helper()
		if got := w.check(sha).Conclusion; got != conclusion {
			t.Errorf("%s: check run %q, want %q", what, got, conclusion)
		}
	}
	b := w.inProcess(false)

	pull := w.open("current")
	j := job(pull)
	j.SHA = w.head(pull)
	w.push(pull)
	discard(b, j)
	expect("job for an older head", w.head(pull), "")
	expect("the older head itself", j.SHA, "")
	j.SHA = w.head(pull)
	discard(b, j)
	expect("job for the head", w.head(pull), "neutral")

	pull = w.open("nameless")
	discard(b, job(pull))
	expect("job that names no head", w.head(pull), "neutral")

	pull = w.open("closed")
	w.github.ClosePull(w.repo, pull)
	discard(b, job(pull))
	expect("closed pull request", w.head(pull), "")

	pull = w.open("overtaken")
	first := job(pull)
	first.ID = 0
	if err := b.Store.Enqueue(t.Context(), []store.Job{first}); err != nil {
		t.Fatal(err)
	}
	discard(b, first)
	expect("a newer job waits", w.head(pull), "")

	pull = w.open("grouped")
	group := w.github.AddMergeGroup(w.repo, pull)
	inGroup := store.Job{Kind: queue.Base, Installation: w.installation, RepoID: w.repo.ID, SHA: group.HeadSHA, MergeGroup: "gh-readonly-queue/main/pr-1-0"}
	strict := w.inProcess(true)
	discard(strict, inGroup)
	expect("group without a required file", group.HeadSHA, "")
	discard(b, inGroup)
	expect("group", group.HeadSHA, "neutral")

	pull = w.open("strict")
	discard(strict, job(pull))
	expect("no file where one is required", w.head(pull), "")
	w.repositoryFile("version: 1\n")
	discard(strict, job(pull))
	expect("the file is there", w.head(pull), "neutral")
}
