package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
)

func TestOneLine(t *testing.T) {
	_, faulty := config.ParseRepo("f.yml", []byte("a: 1\nb: 2\nc: 3\n"))
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("plain"), "plain"},
		{errors.New("two\nlines\n"), "two lines"},
		{errors.New("\x1b[31mred\x07 \u202e \x9b"), `\x1b[31mred\a \u202e �`},
		{fmt.Errorf("outer: %w", faulty), "f.yml:1:1: unknown key \"a\"; use one of version, targets, preset, buckets, attribution, base, budgets, " +
			"ratchets, tolerance, gate, noise, comment, commands, report, limits (and 2 more: oxidometer config check f.yml)"},
	} {
		if got := oneLine(c.err); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"}}}
	want := "^oxidometer v1.2.3\ncommit 0123456789abcdef of 2026-01-02T03:04:05Z, modified\ngo[^\n]* [a-z0-9]+/[a-z0-9]+\n$"
	if got := version(info); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got %q", got)
	}
	if got := version(nil); !strings.HasPrefix(got, "oxidometer unknown\ngo") {
		t.Errorf("without build information: %q", got)
	}
}

func TestProgressLine(t *testing.T) {
	p := &progress{measured: map[string]int{}, all: map[string]int{}}
	if got := p.line(); got != "measuring" {
		t.Errorf("at first: %q", got)
	}
	p.of("0")(1, 20)
	p.of("1")(3, 4)
	p.of("0")(2, 20)
	if got := p.line(); got != "measuring: 5 of 24 images" {
		t.Errorf("got %q", got)
	}
}

// TestProgressOffTerminal: nothing is written where nobody looks.
func TestProgressOffTerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := (&app{stderr: w}).startProgress()
	p.of("0")(1, 2)
	p.end()
	w.Close()
	if n, _ := r.Read(make([]byte, 1)); n != 0 {
		t.Error("progress in a pipe")
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		severities []sizediff.Severity
		failOn     string
		count      int
	}{
		{nil, "note", 0},
		{[]sizediff.Severity{sizediff.Error}, "never", 0},
		{[]sizediff.Severity{sizediff.Note, sizediff.Warning}, "error", 0},
		{[]sizediff.Severity{sizediff.Note, sizediff.Warning, sizediff.Error}, "warning", 2},
		{[]sizediff.Severity{sizediff.Note, sizediff.Warning, sizediff.Error}, "note", 3},
	} {
		report := &sizediff.Report{}
		for _, s := range c.severities {
			report.Findings = append(report.Findings, sizediff.Finding{Severity: s})
		}
		err := (&diffCommand{FailOn: c.failOn}).judge(&sizediff.Evaluation{Targets: []sizediff.TargetResult{{Report: report}}})
		findings, _ := errors.AsType[*findingsError](err)
		if findings == nil && c.count != 0 || findings != nil && findings.count != c.count {
			t.Errorf("%v with --fail-on %s: %v", c.severities, c.failOn, err)
		}
	}
}

// TestCompletionsAreComplete: every command, flag and value is offered in every shell.
func TestCompletionsAreComplete(t *testing.T) {
	parser, err := newParser(&app{})
	if err != nil {
		t.Fatal(err)
	}
	root := parser.Model.Node
	for shell, script := range map[string]string{"bash": bashCompletion(root), "zsh": zshCompletion(root), "fish": fishCompletion(root)} {
		for _, n := range commandsOf(root) {
			words := []string{n.Name}
			for _, f := range flagsOf(n) {
				words = append(append(words, f.Name), strings.Split(f.Enum, ",")...)
			}
			for _, p := range n.Positional {
				words = append(words, strings.Split(p.Enum, ",")...)
			}
			for _, word := range words {
				if !strings.Contains(script, word) {
					t.Errorf("%s: %s of %s is missing", shell, word, n.FullPath())
				}
			}
		}
	}
}
