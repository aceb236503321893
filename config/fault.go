package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is one thing that is wrong with a file.
type Fault struct {
	File         string
	Line, Column int    // from 1, columns in characters; 0 when the file as a whole is meant
	Source       string // the line of the file, "" when there is none
	Message      string // what is wrong
	Remedy       string // what to do
}

// Error is the fault in one line.
func (f Fault) Error() string {
	return f.place() + ": " + f.Message + "; " + f.Remedy
}

// Detail is the fault with the source line and a caret below the place.
func (f Fault) Detail() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", clean(f.place()), f.Message)
	if f.Line > 0 {
		source, column := window([]rune(f.Source), f.Column)
		fmt.Fprintf(&b, "%5d |%s\n", f.Line, indent(source))
		fmt.Fprintf(&b, "      | %s^\n", strings.Repeat(" ", column-1))
	}
	fmt.Fprintf(&b, "  %s\n", f.Remedy)
	return b.String()
}

func indent(source string) string {
	if source == "" {
		return ""
	}
	return " " + source
}

func (f Fault) place() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}

// windowWidth is how much of a long line is shown, in characters.
const windowWidth = 96

// window cuts a long line around a column and replaces what could move a terminal's cursor, so that the caret stays in place.
func window(line []rune, column int) (string, int) {
	column = min(max(column, 1), len(line)+1)
	start := max(0, min(column-1-windowWidth/2, len(line)-windowWidth))
	line = slices.Clone(line[start:min(start+windowWidth, len(line))])
	for i, r := range line {
		switch {
		case r == '\t':
			line[i] = ' '
		case !unicode.IsPrint(r), r == utf8.RuneError: // the latter for a byte that is no text
			line[i] = '?'
		}
	}
	return strings.TrimRight(string(line), " "), column - start
}

// Faults is everything that is wrong with a file, in order of position. It is never empty when it is an error.
type Faults []Fault

// maxShown is how many faults are written out; one mistake early in a file can cause many.
const maxShown = 20

// Error is every fault in detail, separated by empty lines.
func (fs Faults) Error() string {
	var b strings.Builder
	for i, f := range fs {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more\n", len(fs)-maxShown)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.Detail())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Unwrap gives the faults one by one.
func (fs Faults) Unwrap() []error {
	errs := make([]error, len(fs))
	for i, f := range fs {
		errs[i] = f
	}
	return errs
}

func byPosition(a, b Fault) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
}

// suggest says which of the known words was meant, or lists them.
func suggest(word string, known []string) string {
	limit := 1
	if len(word) > 3 {
		limit = max(2, len(word)/3)
	}
	best, bestDistance := "", limit+1
	for _, k := range known {
		d := distance(strings.ToLower(word), k)
		if len(word) > 3 && strings.HasPrefix(k, word) {
			d = 1
		}
		if d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "use one of " + strings.Join(known, ", ")
}

// distance is the Levenshtein distance in bytes; words longer than any we know are simply far away.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// quote shows a word from the file, shortened and with control characters escaped.
func quote(word string) string {
	if r := []rune(word); len(r) > 40 {
		word = string(r[:40]) + "…"
	}
	return fmt.Sprintf("%q", word)
}

// clean escapes line breaks and what else could move a terminal's cursor.
func clean(message string) string {
	var b strings.Builder
	for _, r := range message {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}
