package command

import (
	"fmt"
	"slices"
	"strconv"
)

// Kind says what is wrong with a command.
type Kind string

const (
	UnknownVerb      Kind = "unknown_verb"
	UnknownKey       Kind = "unknown_key"
	DuplicateKey     Kind = "duplicate_key"
	BadValue         Kind = "bad_value"
	BadQuotes        Kind = "bad_quotes"
	MissingArgument  Kind = "missing_argument"
	TooManyArguments Kind = "too_many_arguments"
	TooMany          Kind = "too_many" // more than MaxCommands
	TooLong          Kind = "too_long" // the comment, not read for that reason
)

// Error is a command that cannot be followed. All text in it is plain: parts of it come from the comment, and whoever puts it into
// Markdown or HTML has to escape it. What is quoted in Reason and Hint is short and printable.
type Error struct {
	Kind   Kind
	Line   int    // in the comment, from 1
	Source string // the line as it was written, without the space around it, cut after 1,000 characters
	Reason string // what is wrong with what
	Hint   string // what to do
	Usage  string // the command that Hint holds, word for word, or ""

	// Unread are the lines of the commands after this one, each as Source is; no more of them than tell that there are too many.
	Unread []string
}

// Error returns one line: where, what, and what to do.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s; %s", e.Line, e.Reason, e.Hint) }

func unknownVerb(verb, prefix string) *Error {
	usage := prefix + " help"
	e := &Error{Kind: UnknownVerb, Reason: "there is no command " + shown(verb), Hint: `"` + usage + `" lists the commands`, Usage: usage}
	if slices.Contains(later, verb) {
		e.Reason = verb + " is not available here"
	} else if best := nearest(verb, verbs()); best != "" {
		e.Usage = prefix + " " + best
		e.Hint = `did you mean "` + e.Usage + `"?`
	}
	return e
}

// nearest returns the known word that was probably meant, or "".
func nearest(word string, known []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := distance(word, k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters have to be added, removed, replaced or swapped with their neighbour to get from a to b. Words
// longer than any we know are simply far away.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

const (
	maxSource = 1_000 // characters of a line that is handed on
	maxShown  = 40    // characters of a word in an error
)

func shown(word string) string { return strconv.Quote(shorten(word, maxShown)) }

// shorten cuts a text after a number of characters.
func shorten(s string, most int) string {
	seen := 0
	for i := range s {
		if seen == most {
			return s[:i] + "…"
		}
		seen++
	}
	return s
}
