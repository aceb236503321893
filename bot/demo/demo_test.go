package demo

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/png"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/sirupsen/logrus"
)

var update = flag.Bool("update", false, "make README's screenshot again")

const screenshotFile = "../../.github/screenshot.png"

// startDemo runs the demo with the real program as its measuring child. stop ends it and returns its error.
func startDemo(t *testing.T) (address string, stop func() error) {
	t.Helper()
	self := filepath.Join(t.TempDir(), "oxidometer")
	if out, err := exec.Command("go", "build", "-o", self, "../../cmd/oxidometer").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("TMPDIR", t.TempDir())
	log := logrus.New()
	log.SetLevel(logrus.WarnLevel)
	log.SetOutput(t.Output())
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{Listen: "127.0.0.1:0", Self: self, Log: log, Ready: func(url string) { ready <- url }})
	}()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { stop() })
	select {
	case address = <-ready:
	case err := <-ended:
		stopped = true
		t.Fatalf("the demo ended: %v", err)
	}
	return address, stop
}

// TestDemo looks at the demo as a newcomer would.
func TestDemo(t *testing.T) {
	b := newBrowser(t)
	before := listening(t)
	address, stop := startDemo(t)
	began := time.Now()

	b.open(address)
	b.shows("#pull-1", "exercise formatting", "Rust runtime +30,567 B", "budget 1,024 B")
	b.shows("#pull-2", "say where the samples are", "No size change")
	b.shows("#pull-3", "print what was read", "Rust runtime +9,752 B", "budget 1,024 B")
	b.shows("#pull-4", "from the fork author/linux", "≈ +252,132 B", "1 commit older")
	b.shows("#pull-5", "a larger budget", "Rust runtime +9,752 B", "budget 1,024 B", "binary-size/over-budget")
	t.Logf("five results after %.1f s", time.Since(began).Seconds())
	b.look("list")

	step := func(name string, f func(*testing.T, *browser, string)) {
		t.Run(name, func(t *testing.T) {
			sub := &browser{t: t, ctx: b.ctx}
			f(t, sub, address)
		})
		for _, p := range b.takeProblems() {
			t.Errorf("%s: on the console: %s", name, p)
		}
	}
	step("over budget", overBudget)
	step("others", others)
	step("reports", reports)
	step("push", push)
	step("comment", comment)
	step("commands", someCommands)
	step("accept", accept)
	step("button", button)
	step("proposal", proposal)
	step("merge", merge)
	own := strings.TrimPrefix(address, "http://")
	for _, host := range b.asked() {
		if host != own {
			t.Errorf("a page asked %s for something", host)
		}
	}
	policyHolds(t, b, address)
	b.open("about:blank")
	if err := stop(); err != nil {
		t.Errorf("the demo ended with: %v", err)
	}
	nothingLeft(t, before, own)
}

func pullPage(address, number string) string { return address + "/penguins/linux/pull/" + number }

func overBudget(t *testing.T, b *browser, address string) {
	b.open(pullPage(address, "1"))
	b.shows("#our-comment", "oxidometer[bot]", "over the 1,024 B budget", "Why the runtime grew", "/size accept")
	b.shows("#our-comment table", "Resident total", "Rust runtime", "+30,567", "derived tables", "+51,110")
	b.shows("#our-comment", "first referenced by", "rust_minimal::sort_all in samples/rust/rust_minimal.ko", "rust_minimal::parse_all", "rust_minimal::shout",
		"are used for the first time", "33 more panic call sites (496 → 529)", "each type that is sorted")
	b.shows("#our-check", "Rust runtime +30,567 B", "failure")
	if b.count("#our-comment details pre code") == 0 {
		t.Error("the symbols are not folded away in a block of code")
	}
	b.shows("#labels", "binary-size/over-budget")
	if text := b.text("#our-comment"); strings.Contains(text, "**") || strings.Contains(text, "|--") || strings.Contains(text, "<!--") {
		t.Errorf("the comment is not rendered: %.300q", text)
	}
	b.look("over-budget")
	if *update {
		b.do(chromedp.EmulateViewport(1080, 1000))
		picture, err := chromedp.Run(b.ctx, chromedp.Screenshot(chromedp.CSS("#our-comment")))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(screenshotFile, smaller(t, picture), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// smaller writes a picture in 256 colours: those that text on a page is in, and some for symbols.
func smaller(t *testing.T, picture []byte) []byte {
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[color.RGBA]int{}
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			counts[color.RGBAModel.Convert(full.At(x, y)).(color.RGBA)]++
		}
	}
	common := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int { return counts[b] - counts[a] })
	colors := slices.Clone(palette.WebSafe)
	for _, c := range common[:min(len(common), 256-len(colors))] {
		colors = append(colors, c)
	}
	few := image.NewPaletted(full.Bounds(), colors)
	draw.Draw(few, few.Bounds(), full, full.Bounds().Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// others looks at the pull requests that are within budget or have no exact base.
func others(t *testing.T, b *browser, address string) {
	b.open(pullPage(address, "2"))
	b.shows("#our-check", "No size change", "success")
	if n := b.count("#our-comment"); n != 0 {
		t.Errorf("a pull request that changes nothing has %d comments of ours", n)
	}
	b.look("no-change")
	b.open(pullPage(address, "3"))
	b.shows("#our-comment table", "kernel-small", "+9,752")
	b.shows("#our-comment", "mydriver::report, through <&mydriver::Reading as core::fmt::Debug>::fmt", "5 more panic call sites (1 → 6)")
	b.look("elf")
	b.open(pullPage(address, "4"))
	b.shows("#our-comment", "+252,132 B", "older base", "≈ +18,458")
	b.shows("#our-check", "neutral")
	b.look("fork")
}

// reports follows the comment's links to the App's own pages.
func reports(t *testing.T, b *browser, address string) {
	b.open(pullPage(address, "1"))
	report, history, help := b.link(address+"/r/"), b.link(address+"/p/"), address+"/help"
	for _, page := range []string{address, pullPage(address, "1"), pullPage(address, "99"), address + "/nowhere", report, history, help} {
		resp, err := http.Get(page)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if p := resp.Header.Values("Content-Security-Policy"); len(p) != 1 || !strings.Contains(p[0], "default-src 'none'") || strings.Contains(p[0], "script-src") {
			t.Errorf("%s: content security policy %q", page, p)
		}
	}
	b.open(report)
	b.shows("body", "30,567", "core::slice::sort", "samples/rust/rust_minimal.ko", "rust_minimal::sort_all", "496 → 529")
	b.look("report")
	b.open(history)
	b.shows("body", "penguins/linux #1", "Rust runtime +30,567 B")
	b.look("history")
	b.open(help)
	b.shows("body", "/size accept [SHA]", "List the largest symbols")
	b.look("help")
}

// push sends another commit through the form; the one comment and the check follow.
func push(t *testing.T, b *browser, address string) {
	b.still(pullPage(address, "1"))
	old := b.text("#head")
	b.do(chromedp.SetValue(chromedp.CSS("#build"), "base"), chromedp.Click(chromedp.CSS("#push")))
	b.shows("#our-check", "No size change", "success")
	b.shows("#our-comment", "No size change")
	if n := b.count("#our-comment"); n != 1 {
		t.Errorf("%d comments of ours after a push, want 1", n)
	}
	if head := b.text("#head"); head == old || len(head) != 7 {
		t.Errorf("head %q after the push, %q before", head, old)
	}
	b.still(pullPage(address, "1"))
	b.do(chromedp.SetValue(chromedp.CSS("#build"), "fmtgrowth"), chromedp.Click(chromedp.CSS("#push")))
	b.shows("#our-check", "Rust runtime +30,567 B", "failure")
	b.shows("#our-comment", "over the 1,024 B budget")
	if n := b.count("#our-comment"); n != 1 {
		t.Errorf("%d comments of ours after two pushes, want 1", n)
	}
}

// comment posts as a person. HTML in it stays out, and our marker in it earns nothing.
func comment(t *testing.T, b *browser, address string) {
	b.still(pullPage(address, "1"))
	theirs := b.count(".card.ours")
	b.write("passer-by", "Is **this** fine?\n\n<script>document.title='owned'</script><h1 id=\"owned\">x</h1>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
	b.shows("main", "passer-by commented", "Is this fine?")
	if n := b.count("#owned, .body script"); n != 0 {
		t.Errorf("%d elements of a person's HTML are on the page", n)
	}
	if n := b.count(".card.ours"); n != theirs {
		t.Errorf("%d comments of ours after somebody else's, %d before", n, theirs)
	}
	b.look("comment")
}

// someCommands writes the commands that the page offers. Each is done, and those that have an answer share one comment.
func someCommands(t *testing.T, b *browser, address string) {
	for _, c := range commands {
		b.still(pullPage(address, "3"))
		b.posts("reviewer", chromedp.Click(chromedp.CSS(fmt.Sprintf("button[value=%q]", c))))
		if c == "/size unaccept" {
			b.reacted("👎") // nothing was accepted
		} else {
			b.reacted("👍")
		}
	}
	b.shows("#our-reply", "There is no acceptance to withdraw")
	if n := b.count("#our-reply"); n != 1 {
		t.Errorf("%d answers, want one that is edited", n)
	}
}

const consent = `/size accept reason="formatting is needed in the panic path"`

// accept tries the prefilled command as those who may not, and as one who may. The check turns green on the page.
func accept(t *testing.T, b *browser, address string) {
	page := pullPage(address, "1")
	b.still(page)
	if text := b.value("#body"); text != consent {
		t.Errorf("the form proposes %q", text)
	}
	for user, says := range map[string]string{"author": "for somebody else than the author", "passer-by": "needs write access"} {
		b.still(page)
		b.write(user, consent)
		b.reacted("👎")
		b.shows("#our-reply", user+" asked", says)
		b.shows("#our-check", "failure")
	}
	b.still(page)
	b.laterThanNow()
	b.write("maint", consent)
	b.shows("#our-check", "accepted by maint", "success")
	b.shows("#our-comment", "over budget, accepted by maint", "formatting is needed in the panic path")
	b.reacted("👍")
	b.shows("#labels", "binary-size/accepted")
	b.look("accepted")
}

// button presses the check's own button, as the author and as somebody else.
func button(t *testing.T, b *browser, address string) {
	press := func(user string) {
		b.still(pullPage(address, "3"))
		b.do(chromedp.SetValue(chromedp.CSS("#presser"), user), chromedp.Click(chromedp.CSS("#press-accept")))
	}
	press("maint") // who wrote it
	b.shows("#our-reply", "maint asked", "for somebody else than the author")
	press("reviewer")
	b.shows("#our-check", "accepted by reviewer", "success")
	if n := b.count("#press-accept"); n != 0 {
		t.Error("what is accepted can be accepted again")
	}
}

// proposal looks at the pull request that changes the repository file.
func proposal(t *testing.T, b *browser, address string) {
	b.still(pullPage(address, "5"))
	b.shows("main", ".github/oxidometer.yml as this pull request has it", "grow: 16KiB")
	b.shows("#our-comment", "16,384")
	b.look("proposal")
}

// merge accepts and merges that pull request, after which another is judged by the new file.
func merge(t *testing.T, b *browser, address string) {
	b.still(pullPage(address, "5"))
	if n := b.count("#merge[disabled]"); n != 1 {
		t.Error("it can be merged over budget")
	}
	if resp, err := http.PostForm(pullPage(address, "5")+"/merge", nil); err != nil || resp.StatusCode != http.StatusConflict {
		t.Errorf("merging over budget: %v (error %v)", resp, err)
	}
	b.laterThanNow()
	b.write("maint", consent)
	b.shows("#our-check", "success")
	b.still(pullPage(address, "5"))
	b.do(chromedp.Click(chromedp.CSS("#merge")))
	b.shows("#state", "merged")
	b.still(pullPage(address, "5"))
	history := b.link(address + "/p/")
	b.eventually(func() bool { b.open(history); return strings.Contains(b.text("#accepted"), "merged as") },
		func() string { return "the history has the merge commit" })
	b.shows("#accepted", "maint", "formatting is needed in the panic path")
	b.look("ledger")
	b.still(pullPage(address, "3"))
	b.posts("maint", chromedp.Click(chromedp.CSS(`button[value="/size refresh"]`)))
	b.shows("#our-check", "59 % of budget", "success")
	b.open(address)
	b.shows("main", "merged", "grow: 16KiB")
}

// policyHolds tries what the policy forbids, which also shows that this test would see it.
func policyHolds(t *testing.T, b *browser, address string) {
	b.open(pullPage(address, "1"))
	b.takeProblems()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`
		let s = document.createElement('script'); s.textContent = "document.title = 'owned'"; document.body.append(s);
		let i = document.createElement('img'); i.src = 'http://192.0.2.1/x.png'; document.body.append(i); 1`))
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	b.eventually(func() bool { problems = append(problems, b.takeProblems()...); return len(problems) >= 2 },
		func() string { return "the browser refuses a script and an image" })
	if title := b.text("title"); title == "owned" {
		t.Error("a script ran")
	}
}

// nothingLeft looks for files and sockets of a demo that has ended.
func nothingLeft(t *testing.T, before map[string]bool, own string) {
	t.Helper()
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) > 0 {
		t.Errorf("left in TMPDIR: %v (error %v)", left, err)
	}
	if c, err := net.Dial("tcp", own); err == nil {
		c.Close()
		t.Errorf("%s still answers", own)
	}
	for socket := range listening(t) {
		if !before[socket] {
			t.Errorf("still listening: %s", socket)
		}
	}
}

// listening returns the local addresses on which this process listens, as /proc tells them.
func listening(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	if runtime.GOOS != "linux" {
		return out
	}
	inodes := map[string]bool{}
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil && strings.HasPrefix(target, "socket:[") {
			inodes[strings.Trim(target, "socket:[]")] = true
		}
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			continue // a kernel without IPv6
		}
		for _, line := range strings.Split(string(data), "\n") {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && inodes[f[9]] {
				out[f[1]] = true
			}
		}
	}
	return out
}

// TestScreenshot holds that README's picture is one, and not too large to be loaded with the page.
func TestScreenshot(t *testing.T) {
	f, err := os.Open(screenshotFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	config, err := png.DecodeConfig(f)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if config.Width < 600 || info.Size() > 200_000 {
		t.Errorf("%d pixels wide, %d bytes; want at least 600, at most 200,000", config.Width, info.Size())
	}
}
