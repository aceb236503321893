package bot_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// during calls do once, when the program next downloads an artifact.
func (w *world) during(do func()) {
	var once sync.Once
	w.github.AddFault(ghtest.Fault{Match: ghtest.OnStorage, Do: func(*http.Request) { once.Do(do) }, Times: 1})
}

// said reports whether a comment of ours ever held the text.
func (w *world) said(pull int, text string) bool {
	return slices.ContainsFunc(w.view(pull).Comments, func(c ghtest.CommentView) bool {
		return c.AppID == 7 && (strings.Contains(c.Body, text) || slices.ContainsFunc(c.Edits, func(e ghtest.Edit) bool { return strings.Contains(e.Body, text) }))
	})
}

func TestPushWhileMeasuring(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	w.idle()
	pull := w.open("printing")
	old := w.head(pull)
	w.during(func() { w.push(pull) })
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.eventually("the push has come", func() bool { return w.head(pull) != old })
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
	w.idle()
	if w.said(pull, old[:7]) {
		t.Errorf("a comment spoke of %.7s, which was not the head any longer", old)
	}
	if c := w.check(old); c.Conclusion != "neutral" || !strings.HasPrefix(c.Title, "Not measured: ") {
		t.Errorf("the old head's check run does not end as not measured: %q, %q", c.Conclusion, c.Title)
	}
}

func TestClosedWhileMeasuring(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	w.idle()
	pull := w.open("printing")
	w.during(func() { w.github.ClosePull(w.repo, pull) })
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.eventually("it is closed", func() bool { return w.view(pull).State == "closed" })
	w.silent(pull)
	w.github.ReopenPull(w.repo, pull)
	w.comment(pull, grown)
}

func TestOlderRunFinishesLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	old := w.head(pull)
	first := w.github.AddRun(w.repo, ghtest.Run{Pull: pull})
	w.push(pull)
	// Of the new head there are two runs as well, the older of which hangs.
	hangs := w.github.AddRun(w.repo, ghtest.Run{Pull: pull, Created: time.Now().Add(-2 * time.Second)})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
	for _, late := range []int64{first, hangs} {
		w.finish(late, "kernel", smallBase(t))
		w.idle()
	}
	c := w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
	if len(c.Edits) != 0 || w.said(pull, old[:7]) {
		t.Errorf("the older runs were heard, %d edits:\n%s", len(c.Edits), c.Body)
	}
}

func TestDuplicateDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.github.SetHooks(ghtest.Hooks{Duplicate: func(ghtest.Delivery) bool { return true }})
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.idle()
	for _, d := range w.github.Deliveries() { // and all of them once more, hours later
		w.github.Redeliver(d.ID)
	}
	w.idle()
	if c := w.comment(pull, grown); len(c.Edits) != 0 {
		t.Errorf("the comment was edited %d times", len(c.Edits))
	}
	w.shows(pull, "neutral", "+10,908 B")
	fetched := 0
	for _, c := range w.github.Calls() {
		if c.Host == "storage" {
			fetched++
		}
	}
	if fetched != 2 {
		t.Errorf("%d downloads, want one of base and one of head", fetched)
	}
}

func TestOutOfOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.eventually("the program has looked at what was open when it started", func() bool {
		return slices.ContainsFunc(w.github.Calls(), func(c ghtest.Call) bool { return strings.HasSuffix(c.Path, "/pulls") })
	})
	w.github.HoldDeliveries()
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	old := w.head(pull)
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.github.ReleaseDeliveries(func(all []ghtest.Delivery) []ghtest.Delivery {
		slices.Reverse(all)
		return all
	})
	w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
	w.idle()
	if len(w.checks(old)) != 0 || len(w.ours(pull)[0].Edits) != 0 {
		t.Errorf("something was said of the old head")
	}
}

// Nothing arrives; the program looks by itself.
func TestReconcile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--poll-interval", "1s")
	w.github.SetWebhook("", "")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
}

// A delivery that failed is fetched from the App's log: no look at open pull requests finds a merge group.
func TestRedeliver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--poll-interval", "1s")
	pull := w.open("queued")
	w.github.SetHooks(ghtest.Hooks{Drop: func(ghtest.Delivery) bool { return true }})
	group := w.github.AddMergeGroup(w.repo, pull)
	w.eventually("the group has its answer", func() bool { return w.check(group.HeadSHA).Conclusion == "neutral" })
}

// A head whose check run ended because the pull request was closed waits again when it is opened again.
func TestReopenedWhileWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pull := w.open("printing")
	w.shows(pull, "queued", "Waiting for CI")
	w.idle()
	w.github.ClosePull(w.repo, pull)
	w.shows(pull, "neutral", "Not measured: the pull request was closed")
	w.idle()
	w.github.ReopenPull(w.repo, pull)
	w.shows(pull, "queued", "Waiting for CI")
}
