package bot_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

// TestKilled kills the program at one request, before or after the request has taken its effect, and starts it again. There is one
// comment and one check run in the end, and they are right.
func TestKilled(t *testing.T) {
	t.Parallel()
	type moment struct {
		name  string
		match func(*http.Request) bool
		after int
		done  bool // the request has its effect, and the answer is lost
	}
	tests := []moment{
		{"at the first look", ghtest.OnPath("GET", "/pulls/"), 0, false},
		{"asking for the artifact", ghtest.On("GET", "/zip"), 1, false},
		{"in the download", ghtest.OnStorage, 1, false},
		{"before the check run is made", ghtest.On("POST", "/check-runs"), 0, false},
		{"after the check run was made", ghtest.On("POST", "/check-runs"), 0, true},
		{"before the comment is made", ghtest.On("POST", "/comments"), 0, false},
		{"after the comment was made", ghtest.On("POST", "/comments"), 0, true},
		{"before the check run is complete", completes, 0, false},
		{"after the check run was completed", completes, 0, true},
		{"before the comment is edited", ghtest.OnPath("PATCH", "/comments/"), 0, false},
		{"after the comment was edited", ghtest.OnPath("PATCH", "/comments/"), 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			killed := make(chan struct{})
			process := w.cmd.Process
			w.github.AddFault(ghtest.Fault{Match: test.match, After: test.after, Times: 1, Cut: true, Done: test.done, Do: func(*http.Request) {
				process.Kill()
				close(killed)
			}})
			w.build(ghtest.Run{}, smallBase(t))
			pull := w.open("printing")
			w.wait(func() bool { // for the first check run, if the program lives to see it
				select {
				case <-killed:
					return true
				default:
					return w.check(w.head(pull)).ID != 0
				}
			})
			w.build(ghtest.Run{Pull: pull}, smallHead(t))
			if strings.Contains(test.name, "edited") {
				w.comment(pull, grown)
				w.push(pull)
				w.build(ghtest.Run{Pull: pull}, smallBase(t))
			}
			select {
			case <-killed:
			case <-time.After(patience):
				t.Fatal("the program did not come to the request at which it was to be killed")
			}
			w.restart()
			if strings.Contains(test.name, "edited") {
				w.comment(pull, "**No size change.**")
				w.shows(pull, "success", "No size change")
			} else {
				w.comment(pull, grown)
				w.shows(pull, "neutral", "+10,908 B")
			}
			w.idle()
			if n, edited := len(w.ours(pull)[0].Edits), strings.Contains(test.name, "edited"); n != 0 && !edited || n > 1 {
				t.Errorf("the comment was edited %d times", n)
			}
			w.check(w.head(pull)) // only one
			w.clean()
		})
	}
}

// completes matches the request that gives a check run its conclusion.
func completes(r *http.Request) bool {
	return strings.Contains(r.URL.Path, "/check-runs") && r.Method != "GET" && strings.Contains(bodyOf(r), `"completed"`)
}

func bodyOf(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return ""
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

// TestKilledAfterDelivery kills the program as soon as it has answered for a delivery. No further one comes.
func TestKilledAfterDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.github.HoldDeliveries()
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.github.ReleaseDeliveries(nil)
	if err := w.github.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.restart()
	w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
}

// TestTerminated asks the program to end in the middle of a download. It ends well, and nothing is lost.
func TestTerminated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	w.idle()
	pull := w.open("printing")
	asked := make(chan struct{})
	w.github.AddFault(ghtest.Fault{Match: ghtest.OnStorage, Times: 1, Do: func(*http.Request) {
		w.cmd.Process.Signal(syscall.SIGTERM)
		close(asked)
		time.Sleep(300 * time.Millisecond) // the program is stopping while it waits for the artifact
	}})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	<-asked
	w.stop() // fails the test when the program ends with an error
	w.start()
	w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
	w.idle()
	w.comment(pull, grown)
	w.clean()
}

// clean fails when the program has left an artifact behind.
func (w *world) clean() {
	w.t.Helper()
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "bot.db") && e.Name() != "key.pem" {
			w.t.Errorf("left behind: %s", e.Name())
		}
	}
}

// TestReplicas runs two programs on one PostgreSQL, and kills one of them while a head is measured by either. The other ends
// the work, and knows the comment whoever of them wrote it.
func TestReplicas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--database", storetest.Postgres(t))
	w.replica()
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.push(pull)
	w.shows(pull, "queued", "Waiting for CI")
	killed := make(chan struct{})
	w.github.AddFault(ghtest.Fault{Match: ghtest.OnStorage, Times: 1, Cut: true, Do: func(*http.Request) { close(killed) }})
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	<-killed
	w.cmd.Process.Kill()
	w.cmd.Wait()
	w.comment(pull, "**No size change.**")
	w.shows(pull, "success", "No size change")
	w.start()
}
