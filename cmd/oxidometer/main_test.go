package main

import (
	"archive/zip"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oxidometer/oxidometer/sizediff"
)

var update = flag.Bool("update", false, "rewrite golden parts of test scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"oxidometer": main})
}

// TestScripts runs testdata/*.txtar. Each finds two small builds, small-base and small-head, in its folder.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup:               setUp,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    exits,
			"truncate": truncate,
			"zip":      zipFiles,
			"nofiles":  noFiles,
			"clean":    cleanOutput,
			"mode":     modeOf,
			"merge":    checkOutMerge,
			"manifest": manifestOf,
			"before":   before,
		},
	})
}

func setUp(e *testscript.Env) error {
	e.Setenv("TERM", "xterm")
	builds, err := filepath.Abs(filepath.Join("..", "..", "bot", "demo", "builds"))
	if err != nil {
		return err
	}
	e.Setenv("BUILDS", builds) // measurements of real kernels
	for _, name := range []string{"small-base", "small-head"} {
		if err := os.CopyFS(filepath.Join(e.WorkDir, name), os.DirFS(filepath.Join("..", "..", "sizediff", "testdata", name))); err != nil {
			return err
		}
	}
	return nil
}

// exits CODE COMMAND...: the command ends with this code. With 2 it says why in one line and writes nothing else.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
	stderr := ts.ReadFile("stderr")
	if code == exitError && (!strings.HasPrefix(stderr, "oxidometer: ") || strings.Count(stderr, "\n") != 1) {
		ts.Fatalf("standard error is not one line: %q", stderr)
	}
	if code == exitError && ts.ReadFile("stdout") != "" && args[2] != "config" {
		ts.Fatalf("standard output is not empty")
	}
}

// truncate FILE SIZE
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

// zip [-damaged] ARCHIVE (FILE NAME)...: packs files under the names, in which Go escapes stand for what they say.
// -damaged stores wrong checksums.
func zipFiles(ts *testscript.TestScript, _ bool, args []string) {
	damaged := args[0] == "-damaged"
	if damaged {
		args = args[1:]
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	w := zip.NewWriter(f)
	for pair := args[1:]; len(pair) >= 2; pair = pair[2:] {
		data := ts.ReadFile(pair[0])
		name, err := strconv.Unquote(`"` + pair[1] + `"`)
		ts.Check(err)
		sum := crc32.ChecksumIEEE([]byte(data))
		if damaged {
			sum++
		}
		size := uint64(len(data))
		entry, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Store, CRC32: sum, CompressedSize64: size, UncompressedSize64: size})
		ts.Check(err)
		_, err = io.WriteString(entry, data)
		ts.Check(err)
	}
	ts.Check(w.Close())
}

// nofiles GLOB: nothing is left that matches.
func noFiles(ts *testscript.TestScript, _ bool, args []string) {
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) > 0 {
		ts.Fatalf("left behind: %q", found)
	}
}

// clean FILE...: nothing in it moves a terminal's cursor. The file may be stdout or stderr.
func cleanOutput(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := ts.ReadFile(name)
		if i := strings.IndexFunc(text, movesCursor); i >= 0 {
			ts.Fatalf("%s holds control characters: %q", name, text[max(0, i-40):min(len(text), i+40)])
		}
	}
}

func movesCursor(r rune) bool {
	return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// mode FILE PERM
func modeOf(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := info.Mode().String(); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

// merge DIR: a shallow clone of a merge, as actions/checkout makes it.
func checkOutMerge(ts *testscript.TestScript, _ bool, args []string) {
	origin := ts.MkAbs(args[0]) + ".git"
	git := func(args ...string) string {
		ts.Check(ts.Exec("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...))
		return strings.TrimSpace(ts.ReadFile("stdout"))
	}
	git("init", "-q", "--bare", origin)
	at := "--git-dir=" + origin
	tree := git(at, "mktree", "--missing")
	first := git(at, "commit-tree", "-m", "parent 0000", tree)
	second := git(at, "commit-tree", "-m", "second", "-p", first, tree)
	git(at, "update-ref", "HEAD", git(at, "commit-tree", "-m", "merge", "-p", first, "-p", second, tree))
	git("clone", "-q", "--depth=1", "file://"+origin, ts.MkAbs(args[0]))
}

// before TEXT FILE OUT: what of a file stands before the first line that begins so.
func before(ts *testscript.TestScript, _ bool, args []string) {
	text, _, found := strings.Cut(ts.ReadFile(args[1]), "\n"+args[0])
	if !found {
		ts.Fatalf("%s has no line that begins with %q", args[1], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text+"\n"), 0o600))
}

// manifest FILE TEXT: what the measurement says of its build, with HEAD for the commit of the clone that merge has made.
func manifestOf(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	m, err := sizediff.ReadMeasurement(file)
	ts.Check(err)
	if m.Manifest == nil {
		ts.Fatalf("%s has no manifest", args[0])
	}
	got := fmt.Sprintf("commit %s parents %d run %d attempt %d target %s", m.Manifest.SHA, len(m.Manifest.Parents), m.Manifest.Run, m.Manifest.Attempt, m.Manifest.Target)
	want := args[1]
	if strings.Contains(want, "HEAD") {
		ts.Check(ts.Exec("git", "-C", ts.MkAbs("tree"), "rev-parse", "HEAD"))
		want = strings.ReplaceAll(want, "HEAD", strings.TrimSpace(ts.ReadFile("stdout")))
	}
	if got != want {
		ts.Fatalf("%s says\n%s\nwant\n%s", args[0], got, want)
	}
}
