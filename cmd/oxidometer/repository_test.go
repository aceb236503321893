package main

import (
	"bytes"
	"errors"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// sourceFiles returns every text file of the repository that people write, by path from its root.
func sourceFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a temporary file that is gone again
			}
			return err
		}
		name, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata"):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err == nil && !bytes.ContainsRune(data, 0) {
			files[filepath.ToSlash(name)] = data
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files["go.mod"] == nil || files["cmd/oxidometer/main.go"] == nil {
		t.Fatal("this is not the repository")
	}
	return files
}

func TestGofmt(t *testing.T) {
	for name, data := range sourceFiles(t) {
		if filepath.Ext(name) != ".go" {
			continue
		}
		formatted, err := format.Source(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(formatted, data) {
			t.Errorf("%s is not formatted: run gofmt -w %[1]s", name)
		}
	}
}

// Words that mark unfinished work, paths of one machine, and directives that silence tools. They are put together here so
// that this file does not hold them.
var forbiddenWords = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK|WI` + `P)\b|(?i:lorem` + ` ipsum|not implemented` + ` yet|place` + `holder text)|` +
	`(^|[^\w.])/(work|ro` + `ot|tmp/k)/|//no` + `lint\b`)

func TestNoForbiddenWords(t *testing.T) {
	for name, data := range sourceFiles(t) {
		if name == "go.sum" {
			continue
		}
		for i, line := range strings.Split(string(data), "\n") {
			if word := forbiddenWords.FindString(line); word != "" {
				t.Errorf("%s:%d: %q", name, i+1, word)
			}
		}
	}
	for _, line := range []string{"// TO" + "DO: x", "cd /ro" + "ot/x", "see /work" + "/x", "//no" + "lint:all"} {
		if !forbiddenWords.MatchString(line) {
			t.Errorf("%q is not noticed", line)
		}
	}
}

// TestTopLevelIsFixed holds the layout of the repository.
func TestTopLevelIsFixed(t *testing.T) {
	allowed := []string{"cmd", "bot", "sizediff", "config", "deploy", "go.mod", "go.sum", "Dockerfile", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"}
	for name := range sourceFiles(t) {
		top, _, _ := strings.Cut(name, "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(allowed, top) {
			t.Errorf("%s: %s is not part of the layout", name, top)
		}
	}
}

var commandLine = regexp.MustCompile("(?m)^\\s*(?:[$#] +)?oxidometer +([^\\n`#]*)")

// TestDocumentedCommandsExist parses every command line in the documents and in the help texts.
func TestDocumentedCommandsExist(t *testing.T) {
	parser, err := newParser(&app{})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, data := range sourceFiles(t) {
		if filepath.Ext(name) == ".md" || strings.HasPrefix(name, "deploy/") {
			texts[name] = string(data)
		}
	}
	for _, n := range commandsOf(parser.Model.Node) {
		texts["help of "+n.FullPath()] = n.Detail
	}
	found := 0
	for name, text := range texts {
		for _, match := range commandLine.FindAllStringSubmatch(text, -1) {
			found++
			if err := parses(match[1]); err != nil {
				t.Errorf("%s: oxidometer %s: %v", name, match[1], err)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d command lines found", found)
	}
	for _, wrong := range []string{"diff a", "diff --no-such-flag a b", "sumon a", "show a --format=jsn"} {
		if parses(wrong) == nil {
			t.Errorf("%q parses", wrong)
		}
	}
}

// parses reports whether a command line of a document is one of this program's. Shell syntax after it is left out.
func parses(line string) error {
	parser, err := newParser(&app{})
	if err != nil {
		return err
	}
	var args []string
	for _, word := range strings.Fields(strings.TrimRight(line, " \\")) {
		if strings.ContainsAny(word, "|><;&)") {
			break
		}
		if word == "--help" || word == "-h" {
			return nil // kong answers it at once
		}
		args = append(args, strings.Trim(word, `"'`))
	}
	_, err = kong.Trace(parser, args)
	if err == nil {
		_, err = parser.Parse(args)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a file with settings, which only its reader has
	}
	return err
}
