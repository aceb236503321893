package command

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Each check here returns the value as it is handed on, and what is wrong with it: the rest of a sentence that begins with it.

const (
	maxName     = 100   // characters of a bucket or target
	maxSymbol   = 2_000 // characters; names of generic Rust functions are long
	maxRevision = 250   // bytes
	minReason   = 10    // characters
	maxReason   = 500
)

func name(v string) (clean, problem string)   { return v, oneLine(v, 1, maxName) }
func symbol(v string) (clean, problem string) { return v, oneLine(v, 1, maxSymbol) }

// reason joins runs of space, so ten characters are not one and nine spaces.
func reason(v string) (clean, problem string) {
	v = strings.Join(strings.Fields(v), " ")
	return v, oneLine(v, minReason, maxReason)
}

// oneLine bounds the characters of a value. Those that nobody sees do not count, and those that act on a terminal or turn the
// direction of what follows are not allowed.
func oneLine(v string, least, most int) (problem string) {
	seen := 0
	for _, r := range v {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError:
			return "holds a control character"
		case unicode.IsGraphic(r):
			seen++
		}
	}
	switch {
	case seen == 0:
		return "is empty"
	case seen < least:
		return fmt.Sprintf("is shorter than %d characters", least)
	case utf8.RuneCountInString(v) > most:
		return fmt.Sprintf("is longer than %d characters", most)
	}
	return ""
}

var digits = regexp.MustCompile(`^[0-9]{1,9}$`)

func number(least, most int) func(string) (string, string) {
	return func(v string) (clean, problem string) {
		n, err := strconv.Atoi(v)
		if err != nil || !digits.MatchString(v) || n < least || n > most {
			return "", fmt.Sprintf("is not a number from %d to %d", least, most)
		}
		return strconv.Itoa(n), ""
	}
}

var hexadecimal = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)

func sha(v string) (clean, problem string) {
	if !hexadecimal.MatchString(v) {
		return "", "is not a commit, which has 7 to 40 hexadecimal digits"
	}
	return lower(v), ""
}

func verbName(v string) (clean, problem string) {
	v = lower(v)
	if slices.Contains(verbs(), v) {
		return v, ""
	}
	if best := nearest(v, verbs()); best != "" {
		return "", "is not a command, but " + best + " is"
	}
	return "", "is not a command"
}

func revision(v string) (clean, problem string) {
	if !isRevision(v) {
		return "", "is not the name of a commit, tag or branch"
	}
	return v, ""
}

func revisions(v string) (clean, problem string) {
	from, to, ok := strings.Cut(v, "..")
	if !ok || !isRevision(from) || !isRevision(to) {
		return "", "is not two commits, tags or branches with two dots between them"
	}
	return v, ""
}

// isRevision follows git's rule for names of references. What git can compute from one, such as main~2, is none.
func isRevision(v string) bool {
	if len(v) > maxRevision || oneLine(v, 1, maxRevision) != "" || v == "@" || v[0] == '-' {
		return false
	}
	if strings.ContainsAny(v, ` ~^:?*[\`) || strings.ContainsFunc(v, unicode.IsSpace) || strings.Contains(v, "..") || strings.Contains(v, "@{") {
		return false
	}
	for part := range strings.SplitSeq(v, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return !strings.HasSuffix(v, ".")
}
