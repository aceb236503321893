package bot_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
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
