package command

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// told writes the result of Parse as one text: the commands with their values, then the kind of the error.
func told(commands []Command, err error) string {
	var parts []string
	for _, c := range commands {
		s := string(c.Verb)
		for _, k := range slices.Sorted(maps.Keys(c.Values)) {
			s += fmt.Sprintf(" %s=%s", k, c.Values[k])
		}
		parts = append(parts, s)
	}
	if fault, ok := errors.AsType[*Error](err); ok {
		parts = append(parts, "!"+string(fault.Kind))
	} else if err != nil {
		parts = append(parts, "!"+err.Error())
	}
	return strings.Join(parts, "; ")
}

func TestParse(t *testing.T) {
	const r = ` reason="ten characters"`
	long := strings.Repeat("x", maxReason)
	for _, c := range []struct{ body, want string }{
		{"", ""},
		{"looks good", ""},

		// What starts a command.
		{"/size", "report"},
		{"/size ", "report"},
		{"/size\t", "report"},
		{"/SIZE Ping", "ping"},
		{"/sizeable ping", ""},
		{"/size-x ping", ""},
		{"/size:ping", ""},
		{"/size, please", ""},
		{"/ſize ping", ""}, // a long s is an s only where case is folded
		{"//size ping", ""},
		{"size ping", ""},
		{"please /size ping", ""},
		{"/size\u00a0ping", "ping"},
		{"/size\u200bping", ""},
		{"@oxidometer", "report"},
		{"@oxidometer top", "top n=10"},
		{"@Oxidometer size top", "top n=10"},
		{"@oxidometer size", "report"},
		{"@oxidometer  sizes", "!unknown_verb"},
		{"@oxidometer, thanks", ""},
		{"@oxidometer-two ping", ""},
		{"@oxidometer/team ping", ""},
		{"thanks @oxidometer ping", ""},

		// Verbs.
		{"/size config=arm64", "report config=arm64"},
		{"/size CONFIG=arm64", "report config=arm64"},
		{"/size report config=arm64", "report config=arm64"},
		{"/size status", "status"},
		{"/size refresh", "refresh"},
		{"/size configs", "configs"},
		{"/size text", "text"},
		{"/size unaccept", "unaccept"},
		{"/size pause", "pause"},
		{"/size resume", "resume"},
		{"/size ping.", "!unknown_verb"},
		{"/size rebuild base", "!unknown_verb"},
		{"/size bisect", "!unknown_verb"},
		{"/size \"ping\"", "ping"},
		{"/size help", "help"},
		{"/size help Accept", "help verb=accept"},
		{"/size help bisect", "!bad_value"},
		{"/size help accept top", "!too_many_arguments"},
		{"/size ping now", "!too_many_arguments"},
		{"/size ping n=1", "!unknown_key"},

		// Remarks.
		{"/size # as discussed", "report"},
		{"/size ping # n=1 \"", "ping"},
		{"/size ping #12", "ping"},
		{"/size ping#12", "!unknown_verb"},
		{"/size explain {closure#0}", "explain symbol={closure#0}"},
		{"/size explain #x", "!missing_argument"},
		{`/size accept reason="see #12, it is needed"`, "accept reason=see #12, it is needed"},
		{"/size top bucket=#1", "top bucket=#1 n=10"},

		// Quotes.
		{`/size accept reason="say \"ten\" characters"`, `accept reason=say "ten" characters`},
		{`/size accept reason="back\slash and \\ stay"`, `accept reason=back\slash and \\ stay`},
		{`/size accept reason="never closed, though long`, "!bad_quotes"},
		{`/size accept reason="never closed either\"`, "!bad_quotes"},
		{`/size accept reason="ten characters"bucket=c`, "!bad_quotes"},
		{`/size accept reason="ten characters""more"`, "!bad_quotes"},
		{"/size accept reason=“ten characters”", "accept reason=ten characters"},
		{"/size accept reason=”ten characters”", "accept reason=ten characters"},
		{"/size accept reason=„ten characters“", "accept reason=ten characters"},
		{`/size accept reason="ten “good” characters"`, "accept reason=ten “good” characters"},
		{`/size accept reason=“ten "good" characters”`, `accept reason=ten "good" characters`},
		{`/size accept reason=“ten \”good\” characters”`, "accept reason=ten ”good” characters"},
		{`/size accept reason="not closed as it opened”`, "!bad_quotes"},
		{`/size accept reason= "ten characters"`, "!bad_value"},
		{`/size accept reason ="ten characters"`, "!bad_value"},
		{`/size accept reason=characters"inside"it`, `accept reason=characters"inside"it`},
		{"/size explain `<T as Trait>::f`", "explain symbol=<T as Trait>::f"},
		{"/size explain `a\\`", `explain symbol=a\`},
		{"/size explain `a", "!bad_quotes"},
		{"/size accept reason='ten characters'", "!bad_value"},
		{`/size explain ""`, "!bad_value"},

		// accept.
		{"/size accept" + r, "accept reason=ten characters"},
		{"/size accept 9F3C2A1" + r, "accept reason=ten characters sha=9f3c2a1"},
		{"/size accept" + r + " 9f3c2a1", "accept reason=ten characters sha=9f3c2a1"},
		{"/size accept " + strings.Repeat("a", 40) + r, "accept reason=ten characters sha=" + strings.Repeat("a", 40)},
		{"/size accept " + strings.Repeat("a", 41) + r, "!bad_value"},
		{"/size accept 9f3c2a" + r, "!bad_value"},
		{"/size accept main" + r, "!bad_value"},
		{"/size accept 9f3c2a1 9f3c2a2" + r, "!too_many_arguments"},
		{"/size accept bucket=runtime" + r, "accept bucket=runtime reason=ten characters"},
		{`/size accept bucket="Rust runtime"` + r, "accept bucket=Rust runtime reason=ten characters"},
		{"/size accept bucket=a bucket=b" + r, "!duplicate_key"},
		{"/size accept buckets=a" + r, "!unknown_key"},
		{"/size accept", "!missing_argument"},
		{"/size accept looks fine", "!bad_value"},
		{`/size accept reason=""`, "!bad_value"},
		{`/size accept reason="nine char"`, "!bad_value"},
		{`/size accept reason="a          b"`, "!bad_value"},
		{`/size accept reason="  ten   characters  "`, "accept reason=ten characters"},
		{`/size accept reason="` + strings.Repeat("\u200b", 20) + `"`, "!bad_value"},
		{`/size accept reason="zehn Größen"`, "accept reason=zehn Größen"},
		{`/size accept reason="` + long + `"`, "accept reason=" + long},
		{`/size accept reason="` + long + `x"`, "!bad_value"},
		{"/size accept reason=\"ten characters\a\"", "!bad_value"},
		{"/size accept reason=\"ten characters\x1b[2J\"", "!bad_value"},
		{"/size accept reason=\"ten characters\x00\"", "!bad_value"},
		{"/size accept reason=\"ten characters\u202e\"", "!bad_value"},
		{"/size accept reason=\"ten characters\xff\"", "!bad_value"},

		// base and diff.
		{"/size base", "!missing_argument"},
		{"/size base auto", "base revision=auto"},
		{"/size base v6.18-rc1", "base revision=v6.18-rc1"},
		{"/size base rust/next", "base revision=rust/next"},
		{"/size base main next", "!too_many_arguments"},
		{"/size base HEAD~1", "!bad_value"},
		{"/size base v1..v2", "!bad_value"},
		{"/size base --exec", "!bad_value"},
		{"/size base a//b", "!bad_value"},
		{"/size base .git", "!bad_value"},
		{"/size base a.lock", "!bad_value"},
		{"/size base a.", "!bad_value"},
		{"/size base @", "!bad_value"},
		{"/size base a@{1}", "!bad_value"},
		{`/size base "a b"`, "!bad_value"},
		{"/size base " + strings.Repeat("x", maxRevision+1), "!bad_value"},
		{"/size diff v1..v2", "diff range=v1..v2"},
		{"/size diff v1..v2 config=arm64", "diff config=arm64 range=v1..v2"},
		{"/size diff v1...v2", "!bad_value"},
		{"/size diff v1..v2..v3", "!bad_value"},
		{"/size diff v1", "!bad_value"},
		{"/size diff v1..", "!bad_value"},
		{"/size diff ..v2", "!bad_value"},
		{"/size diff v1 v2", "!bad_value"},
		{"/size diff", "!missing_argument"},

		// explain and top.
		{"/size explain core::fmt::write config=arm64", "explain config=arm64 symbol=core::fmt::write"},
		{"/size explain Vec<u8>::push", "explain symbol=Vec<u8>::push"},
		{"/size explain a*b_c*d_e", "explain symbol=a*b_c*d_e"},
		{`/size explain "a b"`, "explain symbol=a b"},
		{"/size explain a b", "!too_many_arguments"},
		{"/size explain operator=", "!unknown_key"},
		{`/size explain "operator="`, "explain symbol=operator="},
		{"/size explain <T>::operator=", "explain symbol=<T>::operator="},
		{"/size explain " + strings.Repeat("x", maxSymbol), "explain symbol=" + strings.Repeat("x", maxSymbol)},
		{"/size explain " + strings.Repeat("x", maxSymbol+1), "!bad_value"},
		{"/size top", "top n=10"},
		{"/size top n=1", "top n=1"},
		{"/size top N=050", "top n=50"},
		{"/size top n=0", "!bad_value"},
		{"/size top n=51", "!bad_value"},
		{"/size top n=+5", "!bad_value"},
		{"/size top n=5.0", "!bad_value"},
		{"/size top n=٥", "!bad_value"},
		{"/size top n=99999999999999999999", "!bad_value"},
		{"/size top n=", "!bad_value"},
		{"/size top 5", "!too_many_arguments"},
		{"/size top n=5 n=6", "!duplicate_key"},
		{"/size top bucket=" + strings.Repeat("x", maxName+1), "!bad_value"},

		// Several.
		{"/size ping\n/size top", "ping; top n=10"},
		{"/size ping\r\n\r\n/size top\r\n", "ping; top n=10"},
		{"/size ping\r/size top", "ping; top n=10"},
		{"/size ping\ntext\n/size top", "ping; top n=10"},
		{"/size ping\n/size pong\n/size top", "ping; !unknown_verb"},
		{strings.Repeat("/size ping\n", 5), "ping; ping; ping; ping; ping"},
		{strings.Repeat("/size ping\n", 6), "ping; ping; ping; ping; ping; !too_many"},
		{strings.Repeat("/size ping\n\n", 100), "ping; ping; ping; ping; ping; !too_many"},
		{strings.Repeat("/size ping\n", 4) + "/size pong\n/size ping\n", "ping; ping; ping; ping; !unknown_verb"},
	} {
		if got := told(Parse(c.body, Options{Bot: "oxidometer"})); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.body, got, c.want)
		}
	}
}

func TestPrefix(t *testing.T) {
	for _, c := range []struct{ prefix, body, want string }{
		{"/binsize", "/binsize ping", "ping"},
		{"/binsize", "/BinSize ping", "ping"},
		{"/binsize", "/size ping", ""},
		{"/binsize", "@oxidometer binsize ping", "ping"},
		{"/binsize", "@oxidometer size ping", "ping"},
		{"/größe", "/größe ping", "ping"},
		{"/größe", "/gr", ""},
		{"/*size*", "/*size* ping", "ping"},
		{"", "/size ping", "ping"},
		// What cannot start a line of its own stands for the default.
		{"/", "/size ping", "ping"},
		{"size", "/size ping", "ping"},
		{"/a b", "/a b ping", ""},
		{"/a\n/b", "/b ping", ""},
		{"/\u202esize", "/size ping", "ping"},
	} {
		if got := told(Parse(c.body, Options{Prefix: c.prefix, Bot: "oxidometer"})); got != c.want {
			t.Errorf("%q with %q: got %q, want %q", c.body, c.prefix, got, c.want)
		}
	}
	if got := told(Parse("@oxidometer ping", Options{})); got != "" {
		t.Errorf("without a slug: got %q", got)
	}
}

func TestCommand(t *testing.T) {
	commands, err := Parse("Hello,\r\n\r\n  /size diff v1..v2  # why not\r\nand\r\n/size top n=7", Options{})
	if err != nil || len(commands) != 2 {
		t.Fatal(commands, err)
	}
	diff, top := commands[0], commands[1]
	if diff.Line != 3 || diff.Source != "/size diff v1..v2  # why not" || top.Line != 5 {
		t.Errorf("got %+v", commands)
	}
	if from, to := diff.Range(); from != "v1" || to != "v2" {
		t.Errorf("range %q, %q", from, to)
	}
	if top.Int("n") != 7 || top.Value("bucket") != "" {
		t.Errorf("got %+v", top)
	}
	commands, _ = Parse("/size ping # "+strings.Repeat("é", 2000), Options{})
	if len(commands) != 1 || commands[0].Source != "/size ping # "+strings.Repeat("é", maxSource-13)+"…" {
		t.Errorf("a long line: got %+v", commands)
	}
}

// TestErrors holds the sentences that people read.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"/size reprot", `line 1: there is no command "reprot"; did you mean "/size report"?`},
		{"Hi\n\n/size Stauts now", `line 3: there is no command "stauts"; did you mean "/size status"?`},
		{"/size unacept", `line 1: there is no command "unacept"; did you mean "/size unaccept"?`},
		{"/size hello", `line 1: there is no command "hello"; did you mean "/size help"?`},
		{"/size matters", `line 1: there is no command "matters"; "/size help" lists the commands`},
		{"/size x", `line 1: there is no command "x"; "/size help" lists the commands`},
		{"/size bisect", `line 1: bisect is not available here; "/size help" lists the commands`},
		{"/size \u200bping", `line 1: there is no command "\u200bping"; "/size help" lists the commands`},
		{"/size " + strings.Repeat("x", 50), `line 1: there is no command "` + strings.Repeat("x", 40) + `…"; "/size help" lists the commands`},
		{"/size top bukcet=c", `line 1: top has no key "bukcet"; did you mean bucket=?`},
		{"/size top colour=red", `line 1: top has no key "colour"; write it as: /size top [n=1..50] [bucket=NAME]`},
		{"/size ping bucket=c", `line 1: ping has no key "bucket"; write it as: /size ping`},
		{"/size top n=70", `line 1: n "70" is not a number from 1 to 50; write it as: /size top [n=1..50] [bucket=NAME]`},
		{"/size top n=1 n=2", `line 1: n is given twice; write it as: /size top [n=1..50] [bucket=NAME]`},
		{"/size accept", `line 1: reason is missing; write it as: /size accept [SHA] [bucket=NAME] reason="…"`},
		{"/size accept it grows", `line 1: sha "it" is not a commit, which has 7 to 40 hexadecimal digits; write it as: /size accept [SHA] [bucket=NAME] reason="…"`},
		{"/size accept reason=why", `line 1: reason "why" is shorter than 10 characters; write it as: /size accept [SHA] [bucket=NAME] reason="…"`},
		{"/size accept reason=\"\x1b[2J\"", `line 1: reason "\x1b[2J" holds a control character; write it as: /size accept [SHA] [bucket=NAME] reason="…"`},
		{"/size help pign", `line 1: verb "pign" is not a command, but ping is; write it as: /size help [COMMAND]`},
		{"/size diff v1...v2", `line 1: range "v1...v2" is not two commits, tags or branches with two dots between them; write it as: /size diff FROM..TO [config=NAME]`},
		{"/size base main~1", `line 1: revision "main~1" is not the name of a commit, tag or branch; write it as: /size base auto|SHA|TAG|BRANCH`},
		{"/size explain a b", `line 1: "b" is one argument too many; write it as: /size explain SYMBOL|CRATE|SECTION [config=NAME]`},
		{`/size accept reason="because`, `line 1: the quotes before "because" are not closed; close them on the same line; inside quotes write \" for a quote`},
		{`/size accept reason="because"of`, `line 1: the quotes before "of" close in the middle of a word; put a space after them; inside quotes write \" for a quote`},
		{strings.Repeat("/size ping\n", 6), "line 6: a comment can hold five commands, and this is one more; write it into another comment"},
	} {
		_, err := Parse(c.body, Options{})
		if err == nil || err.Error() != c.want {
			t.Errorf("%q:\n got %v\nwant %s", c.body, err, c.want)
		}
	}
	_, err := Parse("a\n\n  /size pong "+strings.Repeat("x", 2000)+" \n", Options{})
	fault, ok := errors.AsType[*Error](err)
	if !ok || fault.Source != "/size pong "+strings.Repeat("x", maxSource-11)+"…" {
		t.Errorf("source: got %+v", fault)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"ping", "ping", 0}, {"", "top", 3}, {"top", "", 3}, {"pign", "ping", 1}, {"pin", "ping", 1}, {"pingg", "ping", 1},
		{"bing", "ping", 1}, {"statsu", "status", 1}, {"kitten", "sitting", 3}, {strings.Repeat("a", 65), "a", 65},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
