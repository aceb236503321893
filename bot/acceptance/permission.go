package acceptance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Need says who may use a command. The zero value is the strictest.
type Need int

const (
	Acceptors      Need = iota // whom the repository file lets accept
	AuthorOrTriage             // the pull request's author, and who has triage access or more
	Anyone                     // who can write a comment
)

// Person is who sent a command. The functions ask GitHub and are called only when the answer matters.
type Person struct {
	Author bool // of the pull request, by id

	// Role is the name of the person's role in the repository: read, triage, write, maintain, admin. Another name, as "none", has
	// no access; the caller turns roles that an organisation made itself into the one they build on. An author association is no
	// role: it does not say what somebody may do.
	Role func() (string, error)

	InTeam func(name string) (bool, error) // nil: the App may not read teams
	Owner  func() (bool, error)            // of a budget that is over; nil: likewise
}

// AcceptRules are of the repository file.
type AcceptRules struct {
	Accept    []string // read, triage, write, maintain, admin, team:NAME, owners, author. Without any, nobody may
	AuthorMay bool     // the author may, if the list allows it
}

// Answer is one of three. The zero value allows nothing.
type Answer int

const (
	CouldNotTell Answer = iota
	Refused
	Allowed
)

// Permission is an answer with its sentence.
type Permission struct {
	Answer Answer
	Text   string // "" when allowed; see the package's note on texts
}

// ranks of roles. What is not in it has no access, or is no role.
var ranks = map[string]int{"read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}

// May says whether a person may use the command of that name.
func May(need Need, command string, who Person, rules AcceptRules) Permission {
	switch need {
	case Anyone:
		return Permission{Answer: Allowed}
	case AuthorOrTriage:
		return grant(command, who, []string{"author", "triage"})
	}
	if who.Author && !rules.AuthorMay {
		return Permission{Refused, fmt.Sprintf("%s is for somebody else than the author of the pull request; "+
			"%s in the repository file could allow it.", code(command), code("commands.author_may_accept"))}
	}
	return grant(command, who, rules.Accept)
}

// grant allows when one of the rules does. What GitHub did not say about one rule does not count against another that allows.
func grant(command string, who Person, rules []string) Permission {
	if who.Author && slices.Contains(rules, "author") {
		return Permission{Answer: Allowed}
	}
	role, unknown := "", []string(nil)
	if lowest := lowestRole(rules); lowest != "" {
		var err error
		if role, err = who.Role(); err != nil {
			unknown = append(unknown, "what access you have")
		} else if ranks[role] >= ranks[lowest] {
			return Permission{Answer: Allowed}
		}
	}
	ask := func(what string, member func() (bool, error)) bool {
		yes, err := member()
		if err != nil {
			unknown = append(unknown, what)
		}
		return yes && err == nil
	}
	hidden := false // a rule that the App was not allowed to ask about
	for _, rule := range rules {
		name, team := strings.CutPrefix(rule, "team:")
		switch {
		case team && who.InTeam == nil, rule == "owners" && who.Owner == nil:
			hidden = true
		case team && ask("whether you are in the team "+code(name), func() (bool, error) { return who.InTeam(name) }),
			rule == "owners" && ask("whether you own a budget", func() (bool, error) { return who.Owner() }):
			return Permission{Answer: Allowed}
		}
	}
	switch {
	case len(unknown) > 0:
		return Permission{CouldNotTell, fmt.Sprintf("GitHub did not say %s; try again.", strings.Join(unknown, " and "))}
	case hidden:
		return Permission{CouldNotTell, fmt.Sprintf("%s. Teams and owners cannot be looked up here: the App was not given the right to read members.",
			needs(command, role, rules))}
	}
	return Permission{Refused, needs(command, role, rules) + "."}
}

// lowestRole is the role among the rules that needs least, or "".
func lowestRole(rules []string) string {
	lowest := ""
	for _, rule := range rules {
		if ranks[rule] > 0 && (lowest == "" || ranks[rule] < ranks[lowest]) {
			lowest = rule
		}
	}
	return lowest
}

// needs says what the rules ask for and, when they ask for a role, which one there is.
func needs(command, role string, rules []string) string {
	var ways []string
	lowest := lowestRole(rules)
	if lowest != "" {
		ways = append(ways, lowest+" access")
	}
	for _, rule := range rules {
		name, team := strings.CutPrefix(rule, "team:")
		switch {
		case team:
			ways = append(ways, "to be in the team "+code(name))
		case rule == "owners":
			ways = append(ways, "to own a budget that is over")
		case rule == "author":
			ways = append(ways, "to be the author of the pull request")
		}
	}
	if len(ways) == 0 {
		return code(command) + " is for nobody here: the repository file names no role for it"
	}
	s := code(command) + " needs " + strings.Join(ways, ", or ")
	if lowest == "" {
		return s
	}
	if ranks[role] == 0 {
		role = ""
	}
	return s + "; you have " + cmp.Or(role, "no") + " access"
}
