package command

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files, and README's table")

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// golden compares with a file, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(readFile(t, name), got); diff != "" {
		t.Errorf("%s (-want +got), rewrite with -update:\n%s", name, diff)
	}
}

func TestHelp(t *testing.T) {
	golden(t, "testdata/help.md", Help("/size", ""))
	var each strings.Builder
	for _, s := range Specs() {
		fmt.Fprintf(&each, "<!-- %s -->\n\n%s\n", s.Verb, Help("/binsize", s.Verb))
	}
	golden(t, "testdata/help-each.md", each.String())
	if Help("/size", "bisect") != Help("", "") {
		t.Error("the help of a command that does not exist is not that of all")
	}
}

// TestHelpIsNoCommand holds that people can copy and quote the help without running it.
func TestHelpIsNoCommand(t *testing.T) {
	texts := []string{Help("/size", "")}
	for _, s := range Specs() {
		texts = append(texts, Help("/size", s.Verb))
	}
	for _, help := range texts {
		for _, body := range []string{help, "> " + strings.ReplaceAll(help, "\n", "\n> "), "text\n" + help + "text", strings.ReplaceAll(help, "\n", "\r\n")} {
			if got := told(Parse(body, Options{})); got != "" {
				t.Errorf("%s\nis %s", body, got)
			}
		}
	}
}

func TestSpecs(t *testing.T) {
	for _, s := range Specs() {
		if s.Summary == "" || len(s.Examples) == 0 {
			t.Errorf("%s: no summary or no examples", s.Verb)
		}
		for _, e := range s.Examples {
			commands, err := Parse(strings.TrimSpace("/size "+e), Options{})
			if err != nil || len(commands) != 1 || commands[0].Verb != s.Verb {
				t.Errorf("example %q: %v, %v", e, commands, err)
			}
		}
		names := map[string]bool{}
		for _, p := range append(s.Args[:len(s.Args):len(s.Args)], s.Keys...) {
			if names[p.Name] || p.Shown == "" || p.About == "" || p.check == nil {
				t.Errorf("%s: %s is declared twice or not wholly", s.Verb, p.Name)
			}
			names[p.Name] = true
			if p.Default != "" {
				if value, problem := p.check(p.Default); value != p.Default || problem != "" {
					t.Errorf("%s: default of %s %s", s.Verb, p.Name, problem)
				}
			}
		}
		if got, ok := Lookup(s.Verb); !ok || got.Summary != s.Summary {
			t.Errorf("%s is not found", s.Verb)
		}
	}
	if _, ok := Lookup("bisect"); ok {
		t.Error("bisect is found")
	}
}

// TestReadme holds that README's table is made from the declaration.
func TestReadme(t *testing.T) {
	const name, begin, end = "../../README.md", "<!-- commands: go test ./bot/command -update -->\n", "\n<!-- end of commands -->\n"
	var table strings.Builder
	table.WriteString("| command | what it does | who may |\n|---|---|---|\n")
	for _, r := range Table("/size") {
		closed := ""
		if r.Closed {
			closed = " ¹"
		}
		fmt.Fprintf(&table, "| `%s`%s | %s | %s |\n", strings.ReplaceAll(r.Usage, "|", `\|`), closed, strings.TrimSuffix(r.Summary, "."), r.Who)
	}
	readme := readFile(t, name)
	before, rest, ok1 := strings.Cut(readme, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal("README has no place for the table")
	}
	golden(t, name, before+begin+table.String()+end+after)
}
