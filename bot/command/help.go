package command

import (
	"fmt"
	"strings"
)

// Row is a command in a table of all of them.
type Row struct {
	Usage, Summary, Who string
	Closed              bool // also works on closed and merged pull requests
}

// Table returns all commands in their order, as plain text.
func Table(prefix string) []Row {
	var rows []Row
	for _, s := range Specs() {
		rows = append(rows, Row{Usage: s.Usage(prefix), Summary: s.Summary, Who: s.Who.String(), Closed: s.Closed})
	}
	return rows
}

// Help returns the help as Markdown: of one command, or of all if there is none of that name. No line of it is a command, also
// when somebody quotes it.
func Help(prefix string, v Verb) string {
	if s, ok := Lookup(v); ok {
		return s.help(cleanPrefix(prefix))
	}
	return helpAll(cleanPrefix(prefix))
}

func helpAll(prefix string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "A command stands at the start of a line in a new comment or review, five of them at most. "+
		"In code, quotes, lists and headings it does not count, and neither does it in a comment that was edited.\n\n```text\n")
	for i, s := range Specs() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n    %s\n", s.Usage(prefix), s.Summary)
	}
	fmt.Fprintf(&b, "```\n\nAlone, `%[1]s` is `%[1]s report`. Values with spaces need quotes, and a `#` begins a remark. "+
		"With a command's name behind it, `%[1]s help` has examples.\n", prefix)
	return b.String()
}

func (s Spec) help(prefix string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "```text\n%s\n```\n\n%s\n", s.Usage(prefix), s.Summary)
	if len(s.Args)+len(s.Keys) > 0 {
		b.WriteByte('\n')
	}
	for _, p := range s.Args {
		fmt.Fprintf(&b, "- `%s`: %s\n", p.Shown, p.About)
	}
	for _, p := range s.Keys {
		fmt.Fprintf(&b, "- `%s`: %s\n", p.Name, p.About)
	}
	fmt.Fprintf(&b, "\nFor %s.", s.Who)
	if s.Who == Acceptors {
		b.WriteString(" The repository file can say otherwise (`commands.accept`).")
	}
	if s.Closed {
		b.WriteString(" It works on closed pull requests, too.")
	}
	b.WriteString(" Examples:\n\n```text\n")
	for _, e := range s.Examples {
		fmt.Fprintln(&b, strings.TrimSpace(prefix+" "+e))
	}
	b.WriteString("```\n")
	return b.String()
}
