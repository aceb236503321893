// Package command is the grammar of the commands that people write into comments, such as
//
//	/size accept bucket=runtime reason="formatting is needed in the panic path"
//
// Parse finds and checks them, Specs declares them, and Help and Table are made from the declaration. The package knows no
// pull request: whether somebody may use a command and whether the things it names exist is for the caller to find out.
//
// A command stands alone on a line, at its start, in a paragraph of its comment. What is quoted, shown as code, folded away, hidden
// in an HTML comment, struck out or part of a heading, list, table or link is talked about and not said, so it never counts. A
// Markdown parser decides what is what.
package command

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// DefaultPrefix starts every command unless the repository file says otherwise.
	DefaultPrefix = "/size"
	// MaxCommands is how many commands one comment may hold.
	MaxCommands = 5
)

// Command is one command, checked as far as that is possible without knowing the pull request.
type Command struct {
	Verb   Verb
	Line   int    // in the comment, from 1
	Source string // the line as it was written, without the space around it, cut after 1,000 characters
	// Values are the arguments by the names in the command's Spec. Those that were not given have their default or are absent.
	Values map[string]string
}

// Value returns an argument by its name in the Spec. It is "" if it was not given and has no default.
func (c Command) Value(name string) string { return c.Values[name] }

// Int returns an argument that is a number.
func (c Command) Int(name string) int {
	n, _ := strconv.Atoi(c.Values[name]) // Parse has checked it
	return n
}

// Range returns the two revisions of a diff.
func (c Command) Range() (from, to string) {
	from, to, _ = strings.Cut(c.Values["range"], "..") // a revision never holds two dots
	return from, to
}

// Options say what starts a command.
type Options struct {
	// Prefix is a slash and a word without spaces. Anything else counts as DefaultPrefix.
	Prefix string
	// Bot is the App's slug. "@slug top" and "@slug size top" then are "/size top". Empty: only the prefix starts a command.
	Bot string
}

// Parse returns the commands of a comment in their order, at most MaxCommands. At the first fault it stops: the commands before it
// are returned together with an *Error. A body without commands is neither.
func Parse(body string, o Options) ([]Command, error) {
	lines, unread := find(normalLines(body), o)
	var commands []Command
	for i, l := range lines {
		if len(commands) == MaxCommands {
			return commands, l.fault(&Error{Kind: TooMany, Reason: "a comment can hold five commands, and this is one more",
				Hint: "write it into another comment"})
		}
		c, fault := l.command(cleanPrefix(o.Prefix))
		if fault != nil {
			for _, after := range lines[i+1:] {
				fault.Unread = append(fault.Unread, shorten(after.source, maxSource))
			}
			return commands, l.fault(fault)
		}
		commands = append(commands, c)
	}
	if unread != nil {
		return commands, unread
	}
	return commands, nil
}

// normalLines makes every line end with \n alone, as Markdown reads them.
func normalLines(body string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)
}

func cleanPrefix(prefix string) string {
	odd := func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == utf8.RuneError }
	if len(prefix) < 2 || len(prefix) > 50 || prefix[0] != '/' || strings.ContainsFunc(prefix, odd) {
		return DefaultPrefix
	}
	return prefix
}

// cut removes what starts a command from a line, if it is there and ends there.
func (o Options) cut(line string) (rest string, ok bool) {
	prefix := cleanPrefix(o.Prefix)
	if rest, ok = cutWord(line, prefix); ok || o.Bot == "" {
		return rest, ok
	}
	if rest, ok = cutWord(line, "@"+o.Bot); !ok {
		return "", false
	}
	for _, word := range []string{"size", prefix[1:]} {
		if after, ok := cutWord(strings.TrimLeftFunc(rest, unicode.IsSpace), word); ok {
			return after, true
		}
	}
	return rest, true
}

// cutWord removes a word from the start of s, in any case. After it s has to end, or there has to be space.
func cutWord(s, word string) (rest string, ok bool) {
	if len(s) < len(word) || lower(s[:len(word)]) != lower(word) {
		return "", false
	}
	rest = s[len(word):]
	r, _ := utf8.DecodeRuneInString(rest)
	return rest, rest == "" || unicode.IsSpace(r)
}

// lower leaves letters alone that only fold to ASCII, such as the Kelvin sign.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// command reads what stands on a line, behind what starts it.
func (l line) command(prefix string) (Command, *Error) {
	words, fault := split(l.rest)
	if fault != nil {
		return Command{}, fault
	}
	verb := Report
	if len(words) > 0 && words[0].key == "" {
		verb = Verb(lower(words[0].text))
		words = words[1:]
	}
	spec, ok := Lookup(verb)
	if !ok {
		return Command{}, unknownVerb(string(verb), prefix)
	}
	values, fault := spec.values(words, prefix)
	if fault != nil {
		return Command{}, fault
	}
	return Command{Verb: verb, Line: l.number, Source: shorten(l.source, maxSource), Values: values}, nil
}

// values gives the words of a command their names, and checks them.
func (s Spec) values(words []word, prefix string) (map[string]string, *Error) {
	values := map[string]string{}
	args := s.Args
	for _, w := range words {
		var p Param
		switch {
		case w.key == "" && len(args) == 0:
			return nil, s.fault(prefix, TooManyArguments, shown(w.text)+" is one argument too many")
		case w.key == "":
			p, args = args[0], args[1:]
		default:
			var fault *Error
			if p, fault = s.key(w.key, prefix); fault != nil {
				return nil, fault
			}
		}
		if _, twice := values[p.Name]; twice {
			return nil, s.fault(prefix, DuplicateKey, p.Name+" is given twice")
		}
		value, problem := p.check(w.text)
		if problem != "" {
			return nil, s.fault(prefix, BadValue, p.Name+" "+shown(w.text)+" "+problem)
		}
		values[p.Name] = value
	}
	for _, p := range append(args[:len(args):len(args)], s.Keys...) {
		if _, given := values[p.Name]; given {
			continue
		}
		if p.Required {
			return nil, s.fault(prefix, MissingArgument, p.Name+" is missing")
		}
		if p.Default != "" {
			values[p.Name] = p.Default
		}
	}
	return values, nil
}

func (s Spec) key(name, prefix string) (Param, *Error) {
	var known []string
	for _, p := range s.Keys {
		if p.Name == lower(name) {
			return p, nil
		}
		known = append(known, p.Name)
	}
	fault := s.fault(prefix, UnknownKey, string(s.Verb)+" has no key "+shown(name))
	if best := nearest(lower(name), known); best != "" {
		fault.Hint, fault.Usage = "did you mean "+best+"=?", best+"="
	}
	return Param{}, fault
}

// fault is an error about the use of a command that exists.
func (s Spec) fault(prefix string, kind Kind, reason string) *Error {
	usage := s.Usage(prefix)
	return &Error{Kind: kind, Reason: reason, Hint: "write it as: " + usage, Usage: usage}
}
