package command

import "strings"

// Verb says what a command does.
type Verb string

const (
	Report   Verb = "report"
	HelpVerb Verb = "help"
	Status   Verb = "status"
	Refresh  Verb = "refresh"
	Base     Verb = "base"
	Diff     Verb = "diff"
	Explain  Verb = "explain"
	Top      Verb = "top"
	Configs  Verb = "configs"
	Text     Verb = "text"
	Accept   Verb = "accept"
	Unaccept Verb = "unaccept"
	Pause    Verb = "pause"
	Resume   Verb = "resume"
	Ping     Verb = "ping"
)

// later are verbs that the documentation of other releases knows.
var later = []string{"rebuild", "bisect"}

// Who says who may use a command, unless the repository file says otherwise.
type Who int

const (
	Readers        Who = iota // anybody who can read the repository
	AuthorOrTriage            // the pull request's author, and anybody with the role triage or a higher one
	Acceptors                 // commands.accept and commands.author_may_accept of the repository file
)

// String returns it in words, for people.
func (w Who) String() string {
	switch w {
	case AuthorOrTriage:
		return "the author, or anybody with triage access"
	case Acceptors:
		return "anybody with write access, but not the author alone"
	}
	return "anybody who can read"
}

// Spec declares a command.
type Spec struct {
	Verb      Verb
	Summary   string   // one sentence
	Examples  []string // without the prefix
	Who       Who
	Closed    bool    // also works on closed and merged pull requests
	ReplyText bool    // answers with text; the others answer with what they do
	Args      []Param // by position
	Keys      []Param // KEY=VALUE, in any order
}

// Param is an argument of a command.
type Param struct {
	Name     string // in Command.Values; of a key also what people write before the =
	Shown    string // stands for the value in usages
	About    string // what values it takes, as half a sentence
	Required bool
	Default  string
	// check returns the value as it is handed on, and what is wrong with it: the rest of a sentence that begins with it.
	check func(value string) (clean, problem string)
}

var (
	config = Param{Name: "config", Shown: "NAME", About: "a measured target; without it, all of them", check: name}
	bucket = Param{Name: "bucket", Shown: "NAME", About: "a bucket, such as runtime; without it, all of them", check: name}
)

// Specs declares all commands, in the order of the help. Help, Table, README and the checks in Parse are made from it.
func Specs() []Spec {
	return []Spec{
		{Verb: Report, Who: AuthorOrTriage, Summary: "Post or refresh the comment now, even when nothing changed.",
			Keys: []Param{config}, Examples: []string{"", "report", "report config=x86_64-rust"}},
		{Verb: HelpVerb, Closed: true, ReplyText: true, Summary: "List the commands, or explain one of them with examples.",
			Args:     []Param{{Name: "verb", Shown: "COMMAND", About: "a command's name", check: verbName}},
			Examples: []string{"help", "help accept"}},
		{Verb: Status, ReplyText: true, Summary: "Say which runs and artifacts were seen, which base was chosen and why, and what is waited for.",
			Examples: []string{"status"}},
		{Verb: Refresh, Who: AuthorOrTriage, Summary: "Evaluate again; what is not stored is fetched again.",
			Examples: []string{"refresh"}},
		{Verb: Base, Who: AuthorOrTriage, ReplyText: true, Summary: "Compare with another base, in the reply only; the check does not change.",
			Args: []Param{{Name: "revision", Shown: "auto|SHA|TAG|BRANCH", Required: true, check: revision,
				About: "a commit, tag or branch that was measured; auto is the base that the check has"}},
			Examples: []string{"base auto", "base v6.18", "base 9f3c2a1"}},
		{Verb: Diff, Closed: true, ReplyText: true, Summary: "Compare two measured revisions.",
			Args: []Param{{Name: "range", Shown: "FROM..TO", Required: true, check: revisions,
				About: "two commits, tags or branches that were measured"}},
			Keys: []Param{config}, Examples: []string{"diff v6.17..v6.18", "diff 9f3c2a1..rust-next config=x86_64-rust"}},
		{Verb: Explain, Closed: true, ReplyText: true, Summary: "Say how large a symbol, crate or section is, before and after, how many instances of generic code there are, and who refers to a symbol.",
			Args: []Param{{Name: "symbol", Shown: "SYMBOL|CRATE|SECTION", Required: true, check: symbol,
				About: "its name, in quotes or backticks if there are spaces in it"}},
			Keys: []Param{config}, Examples: []string{"explain core::fmt::write", "explain \"<str as core::fmt::Display>::fmt\"", "explain .rodata config=x86_64-rust"}},
		{Verb: Top, ReplyText: true, Summary: "List the largest symbols of the head.",
			Keys:     []Param{{Name: "n", Shown: "1..50", About: "how many, 10 by default", Default: "10", check: number(1, 50)}, bucket},
			Examples: []string{"top", "top n=25 bucket=runtime"}},
		{Verb: Configs, ReplyText: true, Summary: "List the measured targets: toolchain, configuration, and how much is attributed.",
			Examples: []string{"configs"}},
		{Verb: Text, Who: AuthorOrTriage, ReplyText: true, Summary: "Write the result as plain text for a commit message.",
			Examples: []string{"text"}},
		{Verb: Accept, Who: Acceptors, Summary: "Accept growth over budget, for a reason that is kept and shown in the comment.",
			Args: []Param{{Name: "sha", Shown: "SHA", check: sha,
				About: "the head that is accepted, 7 to 40 hexadecimal digits; without it, the last one that was judged before the comment"}},
			Keys: []Param{bucket, {Name: "reason", Shown: `"…"`, Required: true, check: reason, About: "why, in 10 to 500 characters"}},
			Examples: []string{`accept reason="formatting is needed in the panic path"`,
				`accept 9f3c2a1 bucket=runtime reason="agreed on the list, see v3"`}},
		{Verb: Unaccept, Who: Acceptors, Summary: "Withdraw the acceptance.",
			Examples: []string{"unaccept"}},
		{Verb: Pause, Who: AuthorOrTriage, Summary: "Leave the comment of this pull request as it is; the check is still reported.",
			Examples: []string{"pause"}},
		{Verb: Resume, Who: AuthorOrTriage, Summary: "Update the comment again.",
			Examples: []string{"resume"}},
		{Verb: Ping, Closed: true, ReplyText: true, Summary: "Say the version, whether all is well, and how far behind the App is.",
			Examples: []string{"ping"}},
	}
}

// verbs are their names.
func verbs() []string {
	var names []string
	for _, s := range Specs() {
		names = append(names, string(s.Verb))
	}
	return names
}

// Lookup returns the declaration of a command.
func Lookup(v Verb) (Spec, bool) {
	for _, s := range Specs() {
		if s.Verb == v {
			return s, true
		}
	}
	return Spec{}, false
}

// Usage returns the command as one writes it: capital letters stand for a value, brackets for what may be left out.
func (s Spec) Usage(prefix string) string {
	var b strings.Builder
	b.WriteString(cleanPrefix(prefix) + " " + string(s.Verb))
	write := func(p Param, text string) {
		if !p.Required {
			text = "[" + text + "]"
		}
		b.WriteString(" " + text)
	}
	for _, p := range s.Args {
		write(p, p.Shown)
	}
	for _, p := range s.Keys {
		write(p, p.Name+"="+p.Shown)
	}
	return b.String()
}
