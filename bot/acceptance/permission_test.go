package acceptance

import (
	"errors"
	"strings"
	"testing"
)

func TestMay(t *testing.T) {
	silent := errors.New("no answer")
	role := func(name string) func() (string, error) { return func() (string, error) { return name, nil } }
	noRole := func() (string, error) { return "", silent }
	member := func(yes bool, err error) func(string) (bool, error) {
		return func(name string) (bool, error) {
			if name != "rust-size" {
				t.Errorf("asked for team %q", name)
			}
			return yes, err
		}
	}
	owner := func(yes bool, err error) func() (bool, error) { return func() (bool, error) { return yes, err } }
	write := AcceptRules{Accept: []string{"write"}}
	team := AcceptRules{Accept: []string{"write", "team:rust-size"}}
	const askAgain = "GitHub did not say what access you have; try again."
	for _, c := range []struct {
		name  string
		need  Need
		who   Person
		rules AcceptRules
		want  Answer
		says  string
	}{
		{"write is enough", Acceptors, Person{Role: role("write")}, write, Allowed, ""},
		{"so is more", Acceptors, Person{Role: role("admin")}, write, Allowed, ""},
		{"triage is not", Acceptors, Person{Role: role("triage")}, write, Refused, "`accept` needs write access; you have triage access."},
		{"an outsider", Acceptors, Person{Role: role("none")}, write, Refused, "`accept` needs write access; you have no access."},
		{"a role of the organisation's own", Acceptors, Person{Role: role("release `captain`")}, write, Refused, "`accept` needs write access; you have no access."},
		{"GitHub does not answer", Acceptors, Person{Role: noRole}, write, CouldNotTell, askAgain},
		{"the lowest role counts", Acceptors, Person{Role: role("maintain")}, AcceptRules{Accept: []string{"admin", "maintain"}}, Allowed, ""},
		{"below both", Acceptors, Person{Role: role("write")}, AcceptRules{Accept: []string{"admin", "maintain"}}, Refused,
			"`accept` needs maintain access; you have write access."},

		{"in the team", Acceptors, Person{Role: role("read"), InTeam: member(true, nil)}, team, Allowed, ""},
		{"not in the team", Acceptors, Person{Role: role("read"), InTeam: member(false, nil)}, team, Refused,
			"`accept` needs write access, or to be in the team `rust-size`; you have read access."},
		{"the team is not told", Acceptors, Person{Role: role("read"), InTeam: member(true, silent)}, team, CouldNotTell,
			"GitHub did not say whether you are in the team `rust-size`; try again."},
		{"nothing is told", Acceptors, Person{Role: noRole, InTeam: member(false, silent)}, team, CouldNotTell,
			"GitHub did not say what access you have and whether you are in the team `rust-size`; try again."},
		{"the role is not told, the team is enough", Acceptors, Person{Role: noRole, InTeam: member(true, nil)}, team, Allowed, ""},
		{"the role is not told, the team says no", Acceptors, Person{Role: noRole, InTeam: member(false, nil)}, team, CouldNotTell, askAgain},
		{"teams may not be read", Acceptors, Person{Role: role("read")}, team, CouldNotTell, "`accept` needs write access, or to be in the team `rust-size`; " +
			"you have read access. Teams and owners cannot be looked up here: the App was not given the right to read members."},
		{"teams may not be read, and need not", Acceptors, Person{Role: role("write")}, team, Allowed, ""},
		{"an owner", Acceptors, Person{Owner: owner(true, nil)}, AcceptRules{Accept: []string{"owners"}}, Allowed, ""},
		{"no owner", Acceptors, Person{Owner: owner(false, nil)}, AcceptRules{Accept: []string{"owners"}}, Refused, "`accept` needs to own a budget that is over."},

		{"the author, who could", Acceptors, Person{Author: true, Role: role("admin")}, write, Refused,
			"`accept` is for somebody else than the author of the pull request; `commands.author_may_accept` in the repository file could allow it."},
		{"the author may, with the role", Acceptors, Person{Author: true, Role: role("write")}, AcceptRules{Accept: []string{"write"}, AuthorMay: true}, Allowed, ""},
		{"the author may, without the role", Acceptors, Person{Author: true, Role: role("read")}, AcceptRules{Accept: []string{"write"}, AuthorMay: true}, Refused,
			"`accept` needs write access; you have read access."},
		{"the author is listed", Acceptors, Person{Author: true, Role: role("read")}, AcceptRules{Accept: []string{"write", "author"}, AuthorMay: true}, Allowed, ""},
		{"the author is listed, but may not", Acceptors, Person{Author: true, Role: role("admin")}, AcceptRules{Accept: []string{"author", "write"}}, Refused, ""},
		{"somebody else where the author is listed", Acceptors, Person{Role: role("read")}, AcceptRules{Accept: []string{"maintain", "author"}, AuthorMay: true}, Refused,
			"`accept` needs maintain access, or to be the author of the pull request; you have read access."},
		{"nobody", Acceptors, Person{Role: role("admin")}, AcceptRules{}, Refused, "`accept` is for nobody here: the repository file names no role for it."},
		{"unknown rules grant nothing", Acceptors, Person{Role: role("admin")}, AcceptRules{Accept: []string{"", "none", "Write", "everybody"}}, Refused,
			"`accept` is for nobody here: the repository file names no role for it."},

		{"author or triage: the author", AuthorOrTriage, Person{Author: true}, write, Allowed, ""},
		{"author or triage: triage", AuthorOrTriage, Person{Role: role("triage")}, write, Allowed, ""},
		{"author or triage: read", AuthorOrTriage, Person{Role: role("read")}, write, Refused,
			"`accept` needs triage access, or to be the author of the pull request; you have read access."},
		{"author or triage: no answer", AuthorOrTriage, Person{Role: noRole}, write, CouldNotTell, askAgain},
		{"anyone", Anyone, Person{}, write, Allowed, ""},
	} {
		got := May(c.need, "accept", c.who, c.rules)
		if got.Answer != c.want || c.says != "" && got.Text != c.says {
			t.Errorf("%s: answer %d: %s\nwant %d: %s", c.name, got.Answer, got.Text, c.want, c.says)
		}
		if (got.Text == "") != (got.Answer == Allowed) || strings.Count(got.Text, "`")%2 != 0 {
			t.Errorf("%s: answer %d with text %q", c.name, got.Answer, got.Text)
		}
	}
}
