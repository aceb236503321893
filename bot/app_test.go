package bot_test

import (
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

func (w *world) view(pull int) ghtest.PullView {
	v, ok := w.github.PullView(w.repo, pull)
	if !ok {
		w.t.Fatalf("no pull request %d", pull)
	}
	return v
}

// comments returns what our App says on a pull request now.
func (w *world) comments(pull int) []string {
	var out []string
	for _, c := range w.view(pull).Comments {
		if c.AppID == 7 && !c.Deleted {
			out = append(out, c.Body)
		}
	}
	return out
}

// check returns our check run on a commit, the newest.
func (w *world) check(pull int, sha string) (c ghtest.CheckView) {
	for _, v := range w.view(pull).Checks {
		if v.AppID == 7 && v.HeadSHA == sha {
			c = v
		}
	}
	return c
}

func (w *world) head(pull int) string { return w.view(pull).HeadSHA }

// settled waits until the check run of the head is complete.
func (w *world) settled(pull int) ghtest.CheckView {
	w.t.Helper()
	w.eventually("the check run is complete", func() bool { return w.check(pull, w.head(pull)).Status == "completed" })
	return w.check(pull, w.head(pull))
}

func TestPullRequest(t *testing.T) {
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "printing", Title: "mydriver: print what was read", Author: "torvalds", Files: map[string]string{"drivers/mydriver.rs": "…"}})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	check := w.settled(pull)
	if !strings.Contains(check.Title, "Rust runtime") || check.Conclusion != "neutral" {
		t.Errorf("check run: %q, %s", check.Title, check.Conclusion)
	}
	w.eventually("a comment", func() bool { return len(w.comments(pull)) == 1 })
	body := w.comments(pull)[0]
	if !strings.HasPrefix(body, "**Kernel grows by") {
		t.Errorf("the comment begins %.100q", body)
	}
	t.Log(body)
}
