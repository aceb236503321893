package bot_test

import (
	"bytes"
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/bot/store"
)

// part packs some files of a build, and a bzImage of so many bytes if there are any.
func part(t *testing.T, build string, bzImage int, paths ...string) []byte {
	t.Helper()
	var files []any
	for _, p := range paths {
		data, err := os.ReadFile("../sizediff/testdata/" + build + "/" + p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, p, bytes.NewReader(data))
	}
	if bzImage > 0 {
		files = append(files, "arch/bzImage", bytes.NewReader(make([]byte, bzImage)))
	}
	return zipped(t, files...)
}

// TestTargetFiles: of one artifact, two targets judge different files; a file counted by size and a group are shown as such.
func TestTargetFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile(`targets:
  - {name: image, artifact: kernel, files: [{path: vmlinux, kind: opaque}, {path: arch/bzImage, kind: opaque}]}
  - {name: modules, artifact: kernel, files: [{path: "**/*.ko", group: all modules}]}
`)
	all := []string{"vmlinux", "drivers/c_sample.ko", "drivers/rust_sample.ko"}
	run := w.github.AddRun(w.repo, ghtest.Run{})
	artifact := w.github.AddArtifact(run, ghtest.Artifact{Name: "kernel", Bytes: part(t, "small-base", 100, all...)})
	w.github.FinishRun(run, "success")
	w.idle()
	w.github.ExpireArtifact(artifact) // both targets have a baseline of their own
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, part(t, "small-head", 350, all...))
	body := w.comment(pull, "**Kernel grows by 760 B").Body
	for _, want := range []string{"| image |", "**modules**", "all modules (1 image)", "(exact base)"} {
		if !strings.Contains(body, want) {
			t.Errorf("the comment lacks %q:\n%s", want, body)
		}
	}
	if !strings.Contains(body, "`arch/bzImage` +250") || strings.Contains(body, "`drivers/rust_sample.ko`") {
		t.Errorf("the comment does not tell of bzImage, or not of the group:\n%s", body)
	}
}

// TestTargetFilesOfThePast: the floor of a ratchet, and answers to commands, are of the same files.
func TestTargetFilesOfThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("targets: [{name: kernel, files: [{path: drivers/rust_sample.ko}]}]\nratchets: [{bucket: total, headroom: 100B}]\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, "**Resident total is 648 B above")
	w.github.SetRole(w.repo, maintainer, "maintain")
	for _, question := range []string{"/size top", "/size diff main.." + w.head(pull)[:9]} {
		if answer := w.ask(pull, maintainer, question, "+1"); !strings.Contains(answer, "rust_sample") || strings.Contains(answer, "do_count_chars") {
			t.Errorf("the answer to %s is about other files:\n%s", question, answer)
		}
	}
}

// TestTargetFileMissing: a listed file that is not there is said; it is never a change, and never no change.
func TestTargetFileMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("targets: [{name: kernel, files: [{path: vmlinux}, {path: drivers/c_sample.ko}, {path: \"**/*.xyz\"}]}]\n")
	w.build(ghtest.Run{}, part(t, "small-base", 0, "vmlinux", "drivers/c_sample.ko"))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, part(t, "small-head", 0, "drivers/c_sample.ko"))
	w.shows(pull, "neutral", "Not measured: artifact kernel has no ELF image vmlinux")
	w.silent(pull)
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, part(t, "small-head", 0, "vmlinux", "drivers/c_sample.ko"))
	w.comment(pull, "**Kernel grows by")

	// The same of a base.
	w.github.AddCommit(w.repo, ghtest.Commit{Branch: "main", Message: "no vmlinux"})
	w.build(ghtest.Run{}, part(t, "small-base", 0, "drivers/c_sample.ko"))
	second := w.open("second")
	w.build(ghtest.Run{Pull: second}, part(t, "small-head", 0, "vmlinux", "drivers/c_sample.ko"))
	check := w.shows(second, "neutral", "Not compared")
	if !strings.Contains(check.Summary, "has no ELF image") {
		t.Errorf("the check run does not say what the base lacks:\n%s", check.Summary)
	}
}

// TestOpaqueTarget: an artifact without any ELF image is compared by the sizes of its files if the target says so, also when it was
// found to hold none before.
func TestOpaqueTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, part(t, "small-base", 1000))
	w.idle()
	w.repositoryFile("targets: [{name: kernel, kind: opaque}]\n")
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "printing", Files: map[string]string{"a.rs": "…"}})
	w.build(ghtest.Run{Pull: pull}, part(t, "small-base", 1500))
	w.comment(pull, "**About 0 B") // the commit with the repository file was not built
	w.build(ghtest.Run{}, part(t, "small-base", 1000))
	w.comment(pull, "**Only files that are counted by size change: +500 B")
}

// TestLimits: the repository file lowers the server's limits. The reason names the key, and goes when the limit does.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"artifact_size", "unpacked_size"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.build(ghtest.Run{}, smallBase(t))
			w.idle()
			w.repositoryFile("limits: {" + key + ": 1KiB}\n")
			w.build(ghtest.Run{}, smallBase(t))
			pull := w.open("printing")
			w.build(ghtest.Run{Pull: pull}, smallHead(t))
			w.shows(pull, "neutral", "Not measured: ")
			check := w.shows(pull, "neutral", "limits."+key+" in the repository file")
			if !strings.Contains(check.Title, "1 KiB") {
				t.Errorf("the check run does not name the limit: %s", check.Title)
			}
			w.silent(pull)
			w.repositoryFile("limits: {" + key + ": 1GiB}\n")
			w.build(ghtest.Run{}, smallBase(t))
			w.comment(pull, grown)
		})
	}
}

// TestReportLink: without a link nothing leads to a page, and no page is there.
func TestReportLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	links := regexp.MustCompile(`http://[^)\s]+/[rp]/[0-9a-f-]+`).FindAllString(w.comment(pull, grown).Body, -1)
	if len(links) < 3 {
		t.Fatalf("a public report has the links %q, want report, history and JSON", links)
	}
	for _, link := range []string{"none", "authenticated"} {
		w.repositoryFile("report: {link: " + link + "}\n")
		w.build(ghtest.Run{}, smallBase(t))
		pull := w.open("printing-" + link)
		w.build(ghtest.Run{Pull: pull}, smallHead(t))
		c := w.comment(pull, grown)
		check := w.shows(pull, "neutral", "+10,908 B")
		if strings.Contains(c.Body+check.Summary+check.Text, w.url) || strings.HasPrefix(check.DetailsURL, w.url) {
			t.Errorf("%s: a link to a page:\n%s", link, c.Body)
		}
		w.idle()
		e, err := w.store.LatestEvaluation(t.Context(), w.repo.ID, pull)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/r/" + e.ID, "/r/" + e.ID + ".json"} {
			if status := w.status(w.url + path); status != http.StatusNotFound {
				t.Errorf("%s: %s answers %d", link, path, status)
			}
		}
	}
	for _, link := range links {
		if status := w.status(link); status != http.StatusOK {
			t.Errorf("a link that was given out answers %d", status)
		}
	}
}

// TestHistoryDays: what the default branch's file says of keeping results reaches the store.
func TestHistoryDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("report: {history_days: 30}\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	w.comment(pull, "**No size change.**")
	w.idle()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "bot.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE evaluations SET created = created - 31 * 24 * 3600 * 1000000"); err != nil {
		t.Fatal(err)
	}
	if n, err := w.store.Purge(t.Context(), store.Retention{}); err != nil || n != 1 {
		t.Errorf("%d rows purged (error %v), want the older evaluation", n, err)
	}
}

func TestDraftNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("comment: {on_draft: nothing}\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "printing", Draft: true, Files: map[string]string{"a.rs": "…"}})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.silent(pull)
	if n := len(w.checks(w.head(pull))); n != 0 {
		t.Errorf("a draft has %d check runs", n)
	}
	if out, err := w.store.Output(t.Context(), w.repo.ID, pull, "status", w.head(pull)); err != nil || out.BodySHA256 != "draft" {
		t.Errorf("its status is %q (error %v); reconcile would look at it again and again", out.BodySHA256, err)
	}
	w.github.SetDraft(w.repo, pull, false)
	w.comment(pull, grown)
	w.shows(pull, "neutral", "+10,908 B")

	// A check run that is there is kept up to date.
	w.github.SetDraft(w.repo, pull, true)
	w.idle()
	w.answersAgain(w.head(pull), "neutral")
}

// TestDraftComment: a draft may get everything.
func TestDraftComment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("comment: {on_draft: comment}\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "printing", Draft: true, Files: map[string]string{"a.rs": "…"}})
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, grown)
}

// TestRecreate: each head that has something to say gets a comment of its own, and the one before goes.
func TestRecreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("comment: {recreate: true}\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	first := w.comment(pull, grown)
	w.idle()

	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.eventually("there is another comment", func() bool { return len(w.ours(pull)) == 1 && w.ours(pull)[0].ID != first.ID })
	second := w.comment(pull, grown)
	w.idle()
	if len(second.Edits) != 0 || !strings.Contains(second.Body, w.head(pull)[:7]) {
		t.Errorf("%d edits of the second comment:\n%s", len(second.Edits), second.Body)
	}

	// Nothing to say is no reason to notify anybody.
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	if third := w.comment(pull, "**No size change.**"); third.ID != second.ID {
		t.Errorf("comment %d says that there is no change, want %d to", third.ID, second.ID)
	}
}

// TestNotifyOnWorse: a push that goes over budget is told in a comment of its own, once.
func TestNotifyOnWorse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("budgets: [{bucket: runtime, grow: 1KiB}]\ncomment: {notify_on_worse: true, when: always}\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallBase(t))
	first := w.comment(pull, "**No size change.**")
	w.push(pull)
	run := w.github.AddRun(w.repo, ghtest.Run{Pull: pull})
	w.github.FinishRun(run, "failure") // says nothing about the size
	w.idle()
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.eventually("there are two comments", func() bool { return len(w.ours(pull)) == 2 })
	told := w.ours(pull)[1]
	for _, want := range []string{"With `" + w.head(pull)[:7] + "` this pull request is over budget", "`Rust runtime +9,752 B, budget 1,024 B`"} {
		if !strings.Contains(told.Body, want) {
			t.Errorf("it does not say %q: %s", want, told.Body)
		}
	}
	w.idle()
	w.push(pull) // still over
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.shows(pull, "neutral", "Rust runtime +9,752 B, budget 1,024 B")
	w.idle()
	if list := w.ours(pull); len(list) != 2 || list[0].ID != first.ID || len(list[1].Edits) != 0 {
		t.Errorf("%d comments, want the report and one that it is over budget", len(list))
	}
}

// TestHeader: the header stands above the report, and makes it another comment.
func TestHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("comment: {header: Kernel @arm}\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	first := w.comment(pull, "### Kernel ")
	if _, rest, _ := strings.Cut(first.Body, "\n"); !strings.HasPrefix(rest, "\n"+grown) || strings.Contains(first.Body, "l @arm") {
		t.Errorf("the heading is not above the report, or mentions somebody:\n%s", first.Body)
	}
	w.idle()
	w.repositoryFile("comment: {header: Kernel x86}\n")
	w.build(ghtest.Run{}, smallBase(t))
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.eventually("there are two comments", func() bool { return len(w.ours(pull)) == 2 })
	if list := w.ours(pull); len(list[0].Edits) != 0 || !strings.HasPrefix(list[1].Body, "### Kernel x86\n\n"+grown) {
		t.Errorf("the comment with the other header was edited, or the new one is none:\n%s", list[1].Body)
	}
}

// TestMinCommentChange: a change below it gets no first comment. The check run is as exact as ever, and a budget goes first.
func TestMinCommentChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("noise: {min_comment_change: 20KiB}\n")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.shows(pull, "neutral", "+10,908 B")
	w.silent(pull)
	w.repositoryFile("noise: {min_comment_change: 20KiB}\nbudgets: [{bucket: runtime, grow: 1KiB}]\n")
	w.build(ghtest.Run{}, smallBase(t))
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.comment(pull, "**Rust runtime +9,752 B: over")
}

// TestPathsOnly: a pull request that touches only what is left out has its answer without CI, and no comment.
func TestPathsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile("tolerance: {paths_only: [\"Documentation/**\", \"*.md\"]}\ncomment: {when: always}\n")
	w.build(ghtest.Run{}, smallBase(t))
	const title = "Not measured: only files changed that tolerance.paths_only leaves out"
	pull := w.github.OpenPull(w.repo, ghtest.Pull{Branch: "printing", Files: map[string]string{"README.md": "…", "Documentation/rust/a.rst": "…"}})
	check := w.shows(pull, "success", title)
	if len(check.History) != 1 || !strings.Contains(check.Summary, "Files changed: 2.") || !strings.Contains(check.Summary, "`Documentation/**`, `*.md`") {
		t.Errorf("%d states of the check run; it says %s", len(check.History), check.Summary)
	}
	w.silent(pull)
	old := w.head(pull)

	// One other file, and all is as ever.
	w.push(pull)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	first := w.comment(pull, grown)
	if c := w.check(old); c.Conclusion != "success" {
		t.Errorf("the check run of the old head is %s, %q now", c.Conclusion, c.Title)
	}

	// It is taken back: the comment does not go on to tell of growth.
	w.github.AddCommit(w.repo, ghtest.Commit{Branch: "printing", Parents: []string{w.github.Branch(w.repo, "main")}, Files: map[string]string{"README.md": "…"}})
	w.shows(pull, "success", title)
	if c := w.comment(pull, "**Not measured at `"+w.head(pull)[:7]+"`: only files changed"); c.ID != first.ID {
		t.Errorf("comment %d, was %d", c.ID, first.ID)
	}
}
