package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "write a screenshot of every page, light and dark, wide and narrow, into this folder")

// patience is how long a test waits for what has to come. It is long because machines are busy; nothing here needs it.
const patience = 60 * time.Second

// browser is a tab of a headless Chromium that notes what went wrong on its pages.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // on the console: errors, refusals of the content security policy
	hosts    map[string]bool
}

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
	t.Skip("no Chromium in PATH: the pages are not looked at. Install chromium to have them tested")
	return ""
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	dir := t.TempDir()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Env("TMPDIR=" + dir),
		chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun,
	}
	for _, f := range []string{"disable-gpu", "disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(f, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, hosts: map[string]bool{}}
	if err := chromedp.Listen(ctx, b.event); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate("about:blank"))
	return b
}

func (b *browser) event(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && u.Host != "" {
			b.hosts[u.Host] = true
		}
	case *log.EventEntryAdded:
		b.problems = append(b.problems, fmt.Sprintf("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, "console: "+string(e.Type))
	}
}

// takeProblems returns what the console showed since the last call.
func (b *browser) takeProblems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.problems
	b.problems = nil
	return p
}

// asked returns the hosts that pages asked for something.
func (b *browser) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.hosts))
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

// text returns what a page shows of an element, "" when there is none.
func (b *browser) text(selector string) string {
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`(document.querySelector(%q)||{innerText:""}).innerText`, selector)))
	if err != nil {
		return "" // the page is just being loaded again
	}
	return s
}

func (b *browser) count(selector string) int {
	n, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](fmt.Sprintf(`document.querySelectorAll(%q).length`, selector)))
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// link returns the address of the first link that begins so.
func (b *browser) link(prefix string) string {
	b.t.Helper()
	href, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`(document.querySelector('a[href^=%q]')||{href:""}).href`, prefix)))
	if err != nil || href == "" {
		b.t.Fatalf("the page has no link to %s…: %v", prefix, err)
	}
	return href
}

// shows waits until the element holds all of these texts. Pages that wait for something load themselves again.
func (b *browser) shows(selector string, texts ...string) {
	b.t.Helper()
	var last string
	b.eventually(func() bool {
		last = b.text(selector)
		for _, s := range texts {
			if !strings.Contains(last, s) {
				return false
			}
		}
		return true
	}, func() string { return fmt.Sprintf("%s shows %q, want all of %q", selector, last, texts) })
}

func (b *browser) eventually(ok func() bool, otherwise func() string) {
	b.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("after %s still not: %s", patience, otherwise())
		}
	}
}

// still opens a page and waits until it does not load itself again: then a form keeps what is written into it.
func (b *browser) still(address string) {
	b.t.Helper()
	b.open(address)
	b.eventually(func() bool {
		loading, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.readyState != "complete" || !!document.querySelector("meta[http-equiv=refresh]")`))
		return err == nil && !loading
	}, func() string { return address + " has come to rest" })
}

// write comments as somebody.
func (b *browser) write(user, text string) {
	b.t.Helper()
	b.posts(user, chromedp.SetValue(chromedp.CSS("#body"), text), chromedp.Click(chromedp.CSS("#comment")))
}

// posts does what makes somebody's comment, and waits until it is on the page.
func (b *browser) posts(user string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	const theirs = "[id^=comment-]"
	before := b.count(theirs)
	b.do(chromedp.SetValue(chromedp.CSS("#user"), user))
	b.do(steps...)
	b.eventually(func() bool {
		n, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](fmt.Sprintf(`document.querySelectorAll(%q).length`, theirs)))
		return err == nil && n > before
	}, func() string { return "the comment of " + user + " is there" })
}

// reacted waits until the last of the App's reactions to the newest comment of a person is this one.
func (b *browser) reacted(reaction string) {
	b.t.Helper()
	last := ""
	b.eventually(func() bool {
		var err error
		last, err = chromedp.Run(b.ctx, chromedp.Evaluate[string](
			`([...document.querySelectorAll("[id^=comment-]")].at(-1)?.querySelector(".reactions")||{innerText:""}).innerText`))
		if err != nil {
			last = err.Error()
		}
		return strings.HasSuffix(strings.TrimSpace(last), reaction)
	}, func() string { return fmt.Sprintf("the newest comment has %q, want %s", last, reaction) })
}

// value is what stands in a field of a form.
func (b *browser) value(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q).value`, selector)))
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// laterThanNow waits for the next second: GitHub tells the time of comments in whole ones.
func (b *browser) laterThanNow() {
	b.t.Helper()
	now := time.Now().Truncate(time.Second)
	b.eventually(func() bool { return time.Now().Truncate(time.Second).After(now) }, func() string { return "the next second has begun" })
}

// scheme makes pages light or dark.
func (b *browser) scheme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	})
}

// look holds that a page fits its window, at desk width and at 500 pixels, in light and dark, and takes pictures if asked.
func (b *browser) look(name string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 500} {
			b.do(b.scheme(scheme), chromedp.EmulateViewport(width, 900))
			over, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
			if err != nil || over > 0 {
				b.t.Errorf("%s at %d pixels is %d too wide (error %v)", name, width, over, err)
			}
			if *screenshots == "" {
				continue
			}
			png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err = errors.Join(err, os.WriteFile(filepath.Join(*screenshots, fmt.Sprintf("%s-%s-%d.png", name, scheme, width)), png, 0o644)); err != nil {
				b.t.Error(err)
			}
		}
	}
	b.do(b.scheme("light"), chromedp.EmulateViewport(1280, 900))
}
