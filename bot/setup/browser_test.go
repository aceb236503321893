package setup

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
)

// chromium finds the browser. Only a machine that is not for CI may lack it.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium in PATH; .ci/run installs it")
	}
	t.Skip("no Chromium in PATH: the way through the browser is not tested. Install chromium to have it tested")
	return ""
}

// TestBrowser goes from the first page to the last in a browser, which keeps to the page's policy: the form may go to
// GitHub and come back, and the style counts.
func TestBrowser(t *testing.T) {
	dir := t.TempDir()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Env("TMPDIR=" + dir),
		chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun,
	}
	for _, f := range []string{"disable-gpu", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(f, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	ctx, cancel := chromedp.NewContext(allocator)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var mu sync.Mutex
	var problems []string
	if err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok && !strings.HasSuffix(e.Entry.URL, "/favicon.ico") {
			mu.Lock()
			defer mu.Unlock()
			problems = append(problems, e.Entry.Text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	r := start(t, nil)
	steps := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%v; the browser says %q", err, problems)
		}
	}
	value := func(script string) string {
		t.Helper()
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](script))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	steps(chromedp.EmulateViewport(900, 1000), chromedp.Navigate(r.page+"/"))
	if got := value(`getComputedStyle(document.querySelector("button")).borderRadius`); got != "6px" {
		t.Errorf("the style does not count: %q", got)
	}
	steps(chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("a.button")))
	if got := value(`document.querySelector("h1").innerText`); got != "oxidometer-kernel exists" {
		t.Errorf("the last page says %q", got)
	}
	if e := r.wait(); e.err != nil {
		t.Error(e.err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(problems) > 0 {
		t.Errorf("the browser complains: %q", problems)
	}
}
