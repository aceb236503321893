package acceptance

import (
	"slices"
	"strings"
)

const (
	maxTrailers = 10
	maxTrailer  = 500 // characters
)

// Trailers returns what the author says under a key such as Size-Justification: the values of that trailer in the commit messages,
// then in the description of the pull request, each text once, at most ten, as lines of at most 500 characters.
//
// Trailers are what git takes for such without configuration: the last paragraph, when all of its lines are trailers, or a quarter
// of them and one that git itself writes. A line that begins with white space goes on with the one before. The first paragraph of
// a message is its title; a description has none.
func Trailers(messages []string, body, key string) []string {
	var values []string
	add := func(paragraph []string) {
		for _, t := range trailers(paragraph) {
			value := clean(t.value, maxTrailer)
			if strings.EqualFold(t.key, key) && value != "" && len(values) < maxTrailers && !slices.Contains(values, value) {
				values = append(values, value)
			}
		}
	}
	for _, message := range messages {
		if last, first := lastParagraph(message); !first {
			add(last)
		}
	}
	last, _ := lastParagraph(body)
	add(last)
	return values
}

// lastParagraph returns its lines, and whether it is the first as well.
func lastParagraph(text string) (lines []string, first bool) {
	lines = strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	blank := func(line string) bool { return strings.TrimSpace(line) == "" }
	for len(lines) > 0 && blank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	for i := len(lines) - 1; i >= 0; i-- {
		if blank(lines[i]) {
			return lines[i+1:], !slices.ContainsFunc(lines[:i], func(line string) bool { return !blank(line) })
		}
	}
	return lines, true
}

type trailer struct{ key, value string }

// trailers reads a paragraph, or returns nothing when it is prose.
func trailers(lines []string) []trailer {
	var list []trailer
	prose, counted := 0, 0
	byGit, folds := false, false // folds: the line before was a trailer
	for _, line := range lines {
		if line[0] == ' ' || line[0] == '\t' {
			if folds {
				list[len(list)-1].value += "\n" + line
			} else {
				prose++
			}
			continue
		}
		t, ok := parseTrailer(line)
		folds = ok
		switch {
		case ok:
			list = append(list, t)
			counted++
			byGit = byGit || strings.HasPrefix(line, "Signed-off-by: ")
		case strings.HasPrefix(line, "(cherry picked from commit "):
			counted++
			byGit = true
		default:
			prose++
		}
	}
	if prose > 0 && (!byGit || 3*counted < prose) {
		return nil
	}
	return list
}

// parseTrailer reads a line of a key of letters, digits and hyphens, a colon, and a value.
func parseTrailer(line string) (trailer, bool) {
	key, value, found := strings.Cut(line, ":")
	key = strings.TrimRight(key, " \t")
	other := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
	}
	return trailer{key, value}, found && key != "" && !strings.ContainsFunc(key, other)
}
