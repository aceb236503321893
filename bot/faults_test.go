package bot_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// TestGitHubFails lets one thing go wrong at a time. Whatever it is, people see one comment and one check run in the end.
func TestGitHubFails(t *testing.T) {
	t.Parallel()
	repository := func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/repo") }
	tests := map[string][]ghtest.Fault{
		"502":                                 {{Match: repository, Times: 2, Status: 502, Body: "<html>Bad Gateway</html>"}},
		"502 after the comment was made":      {{Match: ghtest.On("POST", "/comments"), Times: 1, Status: 502, Done: true}},
		"502 after the check run was made":    {{Match: ghtest.On("POST", "/check-runs"), Times: 1, Status: 502, Done: true}},
		"cut after the comment was made":      {{Match: ghtest.On("POST", "/comments"), Times: 1, Cut: true, Done: true}},
		"429 with Retry-After":                {ghtest.SecondaryLimited(ghtest.On("GET", "/artifacts"), 429, time.Second)},
		"secondary rate limit":                {ghtest.SecondaryLimited(ghtest.On("POST", "/comments"), 403, 2*time.Second)},
		"primary rate limit":                  {ghtest.RateLimited(ghtest.OnPath("GET", "/actions/runs"), time.Now().Add(3*time.Second))},
		"artifact's storage answers 503":      {{Match: ghtest.OnStorage, Times: 2, Status: 503}},
		"the address of an artifact is stale": {{Match: ghtest.OnStorage, Times: 1, Status: 403}},
	}
	for name, faults := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, f := range faults {
				if f.Times == 0 {
					f.Times = 1
				}
				w.github.AddFault(f)
			}
			w.build(ghtest.Run{}, smallBase(t))
			pull := w.open("printing")
			w.build(ghtest.Run{Pull: pull}, smallHead(t))
			w.comment(pull, grown)
			w.shows(pull, "neutral", "+10,908 B")
			w.idle()
			w.comment(pull, grown)
		})
	}
}

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	w.idle()
	pull := w.open("printing")
	w.during(w.github.ExpireTokens)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
}

func TestCutDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	head := smallHead(t)
	w.build(ghtest.Run{}, smallBase(t))
	w.idle()
	w.github.AddFault(ghtest.Fault{Match: ghtest.OnStorage, Times: 2, CutAfter: int64(len(head) / 3)})
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, head)
	w.comment(pull, grown)
	resumed := 0
	for _, c := range w.github.Calls() {
		if c.Host == "storage" && c.Header.Get("Range") != "" {
			resumed++
		}
	}
	if resumed != 2 {
		t.Errorf("resumed %d times, want 2", resumed)
	}
}

// zipped packs files given as name, content, name, content, …
func zipped(t *testing.T, files ...any) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for i := 0; i < len(files); i += 2 {
		f, err := z.Create(files[i].(string))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(f, files[i+1].(io.Reader)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// hostile returns small-head's vmlinux after change had its way with it.
func hostile(t *testing.T, change func([]byte)) []byte {
	t.Helper()
	elf, err := os.ReadFile("../sizediff/testdata/small-head/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	change(elf)
	return zipped(t, "vmlinux", bytes.NewReader(elf))
}

// TestHostileArtifacts: each pull request gets "not measured" with a reason, and the server serves the next one.
func TestHostileArtifacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	elf, err := os.ReadFile("../sizediff/testdata/small-head/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		artifact []byte
		says     string
	}{
		{"bomb", zipped(t, "vmlinux", io.MultiReader(bytes.NewReader(elf), io.LimitReader(zeros{}, 256<<20))), "vmlinux"},
		{"truncated", smallHead(t)[:len(smallHead(t))/2], "damaged"},
		{"nozip", []byte("this is no zip archive, whatever its name says"), "no artifact with an ELF image"},
		{"sections", hostile(t, func(b []byte) { binary.LittleEndian.PutUint64(b[40:], 1<<62) }), "vmlinux: damaged ELF file"},
		{"sectioncount", hostile(t, func(b []byte) { binary.LittleEndian.PutUint16(b[60:], 0xfeff) }), "vmlinux: damaged ELF file"},
		{"elfheaderonly", hostile(t, func(b []byte) { clear(b[64:]) }), "vmlinux: damaged ELF file"},
	}
	pulls := map[string]int{}
	for _, test := range tests {
		pulls[test.name] = w.open(test.name)
		w.build(ghtest.Run{Pull: pulls[test.name]}, test.artifact)
	}
	for _, test := range tests {
		pull := pulls[test.name]
		check := w.shows(pull, "neutral", "Not measured")
		if !strings.Contains(check.Title, test.says) {
			t.Errorf("%s: the check run says %q, not %q", test.name, check.Title, test.says)
		}
		if strings.Contains(check.Title, w.dir) || strings.Contains(check.Summary, w.dir) {
			t.Errorf("%s: a path of the server is shown: %s", test.name, check.Title)
		}
		w.silent(pull)
	}
	pull := w.open("innocent")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.idle()
	w.clean()
}

func TestWrongDigest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	run := w.github.AddRun(w.repo, ghtest.Run{Pull: pull})
	w.github.AddArtifact(run, ghtest.Artifact{Name: "kernel", Bytes: smallHead(t), Digest: "sha256:" + strings.Repeat("0", 64)})
	w.github.FinishRun(run, "success")
	w.shows(pull, "neutral", "Not measured")
	w.silent(pull)
}

func TestSpoofedMarker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	if _, err := w.github.PostComment(w.repo, pull, "mallory", "**No size change.**\n<!-- oxidometer:v1 repo=300001 pr=1 mac=00 -->"); err != nil {
		t.Fatal(err)
	}
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	body := w.comment(pull, grown).Body
	w.idle()
	// He learns the true marker, and the program forgets everything.
	if _, err := w.github.PostComment(w.repo, pull, "mallory", body); err != nil {
		t.Fatal(err)
	}
	if _, err := w.github.PostCommentVia(w.repo, pull, "mallory", body, 99); err != nil {
		t.Fatal(err)
	}
	w.forget()
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	w.comment(pull, "**No size change.**")
	for _, c := range w.view(pull).Comments {
		if c.AppID != 7 && (c.Deleted || len(c.Edits) > 0) {
			t.Errorf("the comment of %s (App %d) was touched", c.Author, c.AppID)
		}
	}
}

// forget stops the program, deletes its database and starts it again.
func (w *world) forget() {
	w.t.Helper()
	if w.store != nil {
		w.store.Close()
		w.store = nil
	}
	w.stop()
	for _, end := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(w.dir, "bot.db"+end))
	}
	w.start()
}

// Two comments of ours, however they came about, become one.
func TestTwoComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	first := w.comment(pull, grown)
	w.idle()
	if _, err := w.github.PostCommentVia(w.repo, pull, "oxidometer[bot]", first.Body, 7); err != nil {
		t.Fatal(err)
	}
	w.forget()
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	w.eventually("one comment is left", func() bool { return len(w.ours(pull)) == 1 })
	if now := w.comment(pull, "**No size change.**"); now.ID != first.ID {
		t.Errorf("comment %d is left, want the first, %d", now.ID, first.ID)
	}
}

// A maintainer deletes our comment: the next change writes another one.
func TestDeletedComment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	first := w.comment(pull, grown)
	w.idle()
	if err := w.github.DeleteComment(w.repo, first.ID, "torvalds"); err != nil {
		t.Fatal(err)
	}
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
}

func TestLockedConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.github.SetLocked(w.repo, pull, true)
	w.github.AddFault(ghtest.Fault{Match: ghtest.On("POST", "/comments"), Status: 403, Body: `{"message":"Unable to create comment because issue is locked."}`})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	check := w.shows(pull, "neutral", "+10,908 B")
	if !strings.Contains(check.Summary, "10,908") {
		t.Errorf("the check run does not carry the report:\n%s", check.Summary)
	}
	w.silent(pull)
	tries := 0
	for _, c := range w.github.Calls() {
		if c.Method == "POST" && strings.HasSuffix(c.Path, "/comments") {
			tries++
		}
	}
	if tries > 3 {
		t.Errorf("%d tries to write into a locked conversation", tries)
	}
}

func TestSuspended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	w.idle()
	pull := w.open("printing")
	w.during(func() { w.github.Suspend(w.installation, true) }) // in the middle of a job
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.silent(pull)
	second := w.open("printing-2")
	w.build(ghtest.Run{Pull: second}, smallHead(t))
	w.silent(second)
	w.github.Suspend(w.installation, false)
	w.comment(pull, grown)
	w.comment(second, grown)
}

func TestRenamedAndArchived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	w.idle()
	pull := w.open("printing")
	w.during(func() { w.github.Rename(w.repo, "linux-next") })
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	first := w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")
	w.idle()
	if n := w.ours(pull)[0].Edits; len(n) != 0 {
		t.Errorf("the comment was edited %d times", len(n))
	}
	w.github.Archive(w.repo, true)
	w.github.ResetCalls()
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	w.idle()
	if now := w.ours(pull); len(now) != 1 || now[0].Body != first.Body {
		t.Errorf("an archived repository was written to")
	}
	refused := 0
	for _, c := range w.github.Calls() {
		if c.Status == 403 {
			refused++
		}
	}
	if refused > 6 {
		t.Errorf("%d requests were refused, and still it tried", refused)
	}
}
