package command

import (
	"errors"
	"strings"
	"testing"
)

// TestWhereCommandsCount has one /size ping in each comment, and says whether it counts.
func TestWhereCommandsCount(t *testing.T) {
	for _, c := range []struct {
		body   string
		counts bool
	}{
		// In a paragraph.
		{"Hello,\n/size ping\nthanks", true},
		{"Hello,  \n/size ping  \nthanks", true},
		{"Hello,\\\n/size ping\\\nthanks", true},
		{"Hello,\r\n/size ping\\\r\nthanks", true},
		{"/size ping\n\n```\ncode\n```", true},
		{"# Heading\n/size ping", true},
		{"***\n/size ping\n***", true},
		{"Hello **you**,\n/size ping", true},
		{"[text](https://example.org)\n/size ping", true},
		{"[label]: https://example.org\n/size ping", true},
		{"a_b\n/size ping\nc_d", true},
		{"a\\*b\n/size ping\nc*", true},
		{"`code`\n/size ping\n`code`", true},
		{"a ` b\n/size ping", true},

		// Indented.
		{" /size ping", true},
		{"   /size ping", true},
		{"text\n   /size ping", true},
		{"    /size ping", false},
		{"text\n    /size ping", false},
		{"\t/size ping", false},
		{"text\n\t/size ping", false},
		{"text\n \t/size ping", false},
		{"\u00a0/size ping", false},
		{"text\n\u00a0/size ping", false},
		{"\u3000/size ping", false},
		{"\u200b/size ping", false},
		{"\ufeff/size ping", false},
		{"\u202e/size ping", false},
		{"\x00/size ping", false},
		{"text\u2028/size ping", false},
		{"text\v/size ping", false},
		{"\v/size ping", false},
		{"text\n\f/size ping", false},

		// Written so that it is no command.
		{`\/size ping`, false},
		{"&#47;size ping", false},
		{"&sol;size ping", false},
		{"/&#115;ize ping", false},
		{"`/size ping`", false},
		{"`` /size ping ``", false},
		{"*/size ping*", false},
		{"**/size ping**", false},
		{"~~/size ping~~", false},
		{"[/size ping](https://example.org)", false},
		{"![/size ping](https://example.org)", false},
		{"</size ping>", false},
		{"https://example.org\n/size\u2011ping", false},

		// Code.
		{"```\n/size ping\n```", false},
		{"```\r\n/size ping\r\n```", false},
		{"```sh\n/size ping\n```", false},
		{"~~~\n/size ping\n~~~", false},
		{"~~~ `\n/size ping\n~~~", false},
		{"  ```\n/size ping\n  ```", false},
		{"````\n```\n/size ping\n```\n````", false},
		{"~~~\n```\n~~~\n/size ping\n```", true},
		{"```\n~~~\n/size ping\n~~~\n```", false},
		{"```\n/size ping", false},
		{"```\n```\n/size ping\n```\n```", true},
		{"```\n``` not the end\n/size ping\n```", false},
		{"``` `\n/size ping\n```", true}, // no fence may hold a backtick; so this is code in a line, and not closed
		{"```\n\n\n/size ping\n\n```", false},
		{"text\n```\n/size ping\n```", false},
		{"    code\n\n    /size ping", false},
		{"`\n/size ping\n`", false},
		{"a `b\n/size ping\nc` d", false},
		{"``a `b\n/size ping\nc`` d", false},

		// Quotes.
		{"> /size ping", false},
		{">/size ping", false},
		{"> text\n/size ping", false}, // a paragraph goes on without its >
		{"> text\n\n/size ping", true},
		{"> text\n>\n/size ping", true},
		{"> > text\n/size ping", false},
		{"> > text\n>\n> /size ping", false},
		{"> ```\n> code\n/size ping", true}, // which code does not
		{"> ```\n> /size ping\n> ```", false},
		{"> [!NOTE]\n> /size ping", false},
		{"On Tuesday, somebody wrote:\n> /size ping\n> thanks", false},
		{"On Tuesday, somebody wrote:\r\n\r\n>> text\r\n> text\r\n\r\n/size ping\r\n\r\n-- \r\nme", true},

		// Lists, headings, tables, rules.
		{"- /size ping", false},
		{"* /size ping", false},
		{"1. /size ping", false},
		{"1) /size ping", false},
		{"- [ ] /size ping", false},
		{"- text\n/size ping", false},
		{"- text\n\n  /size ping", false},
		{"- text\n\n/size ping", true},
		{"- text\n  - text\n\n   /size ping", false},
		{"-\n\n  /size ping", true}, // nothing follows an empty item
		{"# /size ping", false},
		{"/size ping\n===", false},
		{"/size ping\n---", false},
		{"text\n/size ping\n---", false},
		{"text\n---\n/size ping", true},
		{"/size ping\n\n---", true},
		{"| a | b |\n|---|---|\n| /size ping | c |", false},
		{"a | b\n---|---\n/size ping | c", false},
		{"a | b\n---|---\n/size ping", false},
		{"a | b\n---|---\nc | d\n/size ping", false},
		{"a | b\n---|---\n\n/size ping", true},
		{"/size ping\n:-:", false},
		{"/size ping | b\n---|---", false},
		{"/size ping\na | b\n---|---\nc | d", true},
		{"a | b\n/size ping\n", true},

		// Links and emphasis over several lines.
		{"[a\n/size ping\nb](https://example.org)", false},
		{"[a\n/size ping\nb][label]\n\n[label]: https://example.org", false},
		{"[a\n/size ping\nb]\n\n[a /size ping b]: https://example.org", false},
		{"[a\n/size ping\nb]", true},
		{"[a](https://example.org\n'\n/size ping\n')", false},
		{"![a\n/size ping\nb](https://example.org)", false},
		{"*a\n/size ping\nb*", false},
		{"a*b\n/size ping\nc*d", false},
		{"__a\n/size ping\nb__", false},
		{"~~a\n/size ping\nb~~", false},
		{"[label]:\n/size ping", true}, // two words are no address

		// HTML.
		{"<!-- /size ping -->", false},
		{"<!--\n/size ping\n-->", false},
		{"<!--\n\n/size ping\n\n-->", false},
		{"<!-- a\n\n/size ping", false},
		{"text <!--\n/size ping\n-->", false},
		{"text <!-- a -->\n/size ping", true},
		{"text <!-- a\n/size ping", true}, // without an end in its paragraph it is no comment
		{"<!-- a --> text\n/size ping", true},
		{"<!-- a -->\n/size ping", true},
		{"<!-- a --> /size ping", false},
		{"<!-->\n/size ping\n-->", true}, // a whole comment
		{"text <!-->\n/size ping\n-->", true},
		{"<!-- <details> -->\n\n/size ping", true},
		{"text <?\n/size ping\n?>", false},
		{"text <!A\n/size ping\nb>", false},
		{"text <![CDATA[\n/size ping\n]]>", false},
		{"<?php\n\n/size ping\n\n?>", false},
		{"<![CDATA[\n\n/size ping\n\n]]>", false},
		{"<script>\n\n/size ping\n\n</script>", false},
		{"<pre>\n\n/size ping\n\n</pre>", false},
		{"<PRE>\n\n/size ping\n\n</PRE>", false},
		{"<div>\n/size ping\n</div>", false},
		{"<div>\n\n/size ping\n\n</div>", false},
		{"<div>\n\n</div>\n\n/size ping", true},
		{"<p>a</p>\n\n/size ping", true},
		{"<details>\n\n/size ping\n\n</details>", false},
		{"<details>\r\n\r\n/size ping\r\n\r\n</details>", false},
		{"<Details open>\n\n/size ping\n\n</dETAILS>", false},
		{"<details><summary>a</summary>\n\n/size ping\n\n</details>", false},
		{"<details>\n<summary>\n\n/size ping\n\n</summary>\n</details>", false},
		{"<details>\n\ntext\n\n</details>\n\n/size ping", true},
		{"<details>\n\n<details>\n\n</details>\n\n/size ping\n\n</details>", false},
		{"<details>\n\n```\n</details>\n```\n\n/size ping\n\n</details>", false},
		{"<details>\n\n`</details>`\n\n/size ping\n\n</details>", false},
		{"<details>\n\n<!-- </details> -->\n\n/size ping\n\n</details>", false},
		{"<details>\n\n<a title=\"</details>\">\n\n/size ping\n\n</details>", false},
		{"<details>\n\n/size ping", false},
		{"text <details>\n\n/size ping", false},
		{"text <details>\n/size ping", false},
		{"text <details>\n/size ping\n</details>", false},
		{"`<details>` is an element\n\n/size ping", true},
		{"```\n<details>\n```\n\n/size ping", true},
		{"\\<details>\n\n/size ping", true},
		{"> <details>\n\n/size ping", true}, // the quote ends it
		{"</details>\n\n/size ping", true},
		{"<details\n\n/size ping\n\n></details>", false},
		{"<div title=\"\n\n/size ping\n\n\">", false},
		{"<div title='\n\n/size ping\n\n'>", false},
		{"<div><!--\n\n/size ping\n\n--></div>", false},
		{"<div title=it's>a</div>\n\n/size ping", true},
		{"<div it's>a</div>\n\n/size ping", true},
		{"<div title = 'a > b'>a</div>\n\n/size ping", true},
		{"<blockquote>\n\n/size ping\n\n</blockquote>", false},
		{"<ul><li>\n\n/size ping\n\n</li></ul>", false},
		{"<h1>\n\n/size ping\n\n</h1>", false},
		{"<a href=\"https://example.org\">\n\n/size ping\n\n</a>", false},
		{"<b>\n/size ping\n</b>", false},
		{"text <b>\n/size ping\n</b>", false},
		{"text <b>a</b>\n/size ping", true},
		{"text <kbd\n/size ping\n>", true}, // a slash cannot stand there
		{"text <br>\n/size ping", true},
		{"<br>\n\n/size ping", true},
		{"<img src=\"a.png\">\n\n/size ping", true},
		{"Vec<u8> grows\n\n/size ping", true},
		{"Iterator<A> grows\n\n/size ping", true},
		{"Iterator<A> and <https://example.org>\n/size ping", true},
		{"a < b\n/size ping\nc > d", true},
	} {
		want := ""
		if c.counts {
			want = "ping"
		}
		if got := told(Parse(c.body, Options{})); got != want {
			t.Errorf("%q:\n got %q\nwant %q", c.body, got, want)
		}
		mention := strings.ReplaceAll(c.body, "/size", "@oxidometer")
		if c.body != strings.ReplaceAll(c.body, "</size", "") || strings.Contains(c.body, "/&#") || strings.Contains(c.body, "<kbd") ||
			strings.HasPrefix(c.body, `\/`) {
			continue // about the slash
		}
		if got := told(Parse(mention, Options{Bot: "oxidometer"})); got != want {
			t.Errorf("%q:\n got %q\nwant %q", mention, got, want)
		}
	}
}

// TestWhatIsReadOfALine holds that Markdown inside an argument is left as it was written, but for what nobody sees.
func TestWhatIsReadOfALine(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"/size explain `a` # b", "explain symbol=a"},
		{"/size explain a_b_c", "explain symbol=a_b_c"},
		{"/size explain <T>::f", "explain symbol=<T>::f"},
		{"/size explain &amp;x", "explain symbol=&amp;x"},
		{`/size explain a\*b`, `explain symbol=a\*b`},
		{"/size explain a\\\nb", "explain symbol=a"},
		{"/size explain a\\\\\nb", `explain symbol=a\\`},
		{"/size explain a\\", `explain symbol=a\`},
		{`/size accept reason="see [the list](https://example.org/a)"`, "accept reason=see [the list](https://example.org/a)"},
		{`/size accept reason="**very** much needed"`, "accept reason=**very** much needed"},
		{`/size accept reason="see https://example.org/a#b"`, "accept reason=see https://example.org/a#b"},
		{"/size ping <!-- n=1 -->", "ping"},
		{"/size <!-- un -->ping", "ping"},
		{"/size p<!-- a -->ing", "ping"},
		{"/size<!-- a --> ping", ""},
		{"/size ping <!--\n/size top\n-->", "ping"},
		{"/size ping <!--\n--> now", "ping"},
		{`/size accept reason="ten <!-- hidden --> characters"`, "accept reason=ten characters"},
		{"/size accept reason=\"a\\\n/size ping", "!bad_quotes"},
		{"/size explain `a\n/size ping`", "!bad_quotes"},
		{"/size explain *a\n/size ping*", "explain symbol=*a"},
	} {
		if got := told(Parse(c.body, Options{})); got != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.body, got, c.want)
		}
	}
}

// TestTooLong holds that a comment that is not read says so, where it looks like a command, and else nothing.
func TestTooLong(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"as long as GitHub allows", strings.Repeat("é\n\n", 2_000) + strings.Repeat("é", maxBody-6_000-12) + "\n\n/size ping", "ping"},
		{"longer", strings.Repeat("é", maxBody) + "\n\n/size ping", "!too_long"},
		{"longer, no command", strings.Repeat("é", 2*maxBody), ""},
		{"many lines", strings.Repeat("\n", maxLines-1) + "/size ping", "ping"},
		{"more lines", strings.Repeat("\n", maxLines) + "/size ping", "!too_long"},
		{"a long paragraph", strings.Repeat("text\n", 800) + "/size ping", "ping"},
		{"a longer paragraph", "/size top\n\n" + strings.Repeat("text\n", 900) + "/size ping", "top n=10; !too_long"},
		{"a longer paragraph elsewhere", strings.Repeat("text\n", 900) + "\n/size ping", "ping"},
		{"a rule", strings.Repeat("-", 1_000) + "\n\n/size ping", "ping"},
		{"indented", "```\n" + strings.Repeat(" ", 200) + "^^^^\n```\n\n/size ping", "ping"},
		{"deep", strings.Repeat("> ", 50) + "\n\n/size ping", "ping"},
		{"deeper", strings.Repeat("> ", 80) + "\n\n/size ping", "!too_long"},
	} {
		if got := told(Parse(c.body, Options{})); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	_, err := Parse("```\n/size ping\n```\n"+strings.Repeat(">", 101), Options{})
	if fault, ok := errors.AsType[*Error](err); !ok || fault.Line != 2 || fault.Source != "/size ping" {
		t.Errorf("got %+v", err)
	}
}

// TestHostile has Markdown that takes time or memory in the square of its length from a parser that does not expect it.
func TestHostile(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, 64_000/len(s)) }
	growing := func(s string) string {
		var b strings.Builder
		for i := 1; b.Len() < 63_000; i++ {
			b.WriteString(strings.Repeat(s, i) + "a")
		}
		return b.String()
	}
	var bodies []string
	for _, s := range []string{
		">", "> ", ">\n", "- ", "1. ", "> - ", "- a\n", "[", "[a](", "![", "[](", "[a](<b", "]", "[a]: ", "[a]:b\n[a]\n", "[a](b \"\n", "*", "_ ", "*a ", "a*_", "*a_",
		"**x*a** ", "a~~", "`a ", "<a ", "<a b='", "<a\n", "<a b='c'\n", "<", "</a>", "<a>", "<a>\n\n", "<!--", "<!--\n", "<?", "<!A", "<![CDATA[", "<x", "<details>",
		"</details>\n\n<details>\n\n", "<!-- -->", "www.", "a@b ", "http://a ", "|", "|a", "|-|\n", "a|b\n-|-\n", "```\n", "~~~\n\n", "&", "&#", "\\", "\n", "a\n", " ", "\t",
		"a\n-\n", "=\n", "***\n", "# ", "[^a]: ", "/size\\\n", "/size <!-- \n", "/size `\n", "/size *\n", "/size [\n", "/size \"\n", "\r", "\x00",
	} {
		bodies = append(bodies, fill(s))
	}
	deep := strings.Repeat("- ", 60)
	bodies = append(bodies,
		growing("`"), growing("*"), growing(" "), growing("> "),
		strings.Repeat("[", 32_000)+strings.Repeat("]", 32_000),
		strings.Repeat("|a", 4_900)+"\n"+strings.Repeat("|-", 4_900)+"\n"+strings.Repeat("a\n", 4_900),
		deep+"a"+strings.Repeat("\n", 4_900),
		"> "+deep+"a\n"+strings.Repeat(">\n", 4_900),
		strings.Repeat("- ", 15_000)+"a\n"+strings.Repeat("\n", 4_900))
	for _, body := range bodies {
		for _, whole := range []string{"/size ping\n\n" + body + "\n\n/size ping", "/size ping\n" + body[:min(len(body), maxParagraph-100)]} {
			commands, err := Parse(whole, Options{})
			if _, typed := errors.AsType[*Error](err); err != nil && !typed || len(commands) > MaxCommands {
				t.Errorf("%.20q: got %d commands, error %v", body, len(commands), err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "/size", "Hi\r\n/size ping\r\n\r\n> /size top", "@oxidometer size diff a..b", "- a\n\n  /size ping\n\n/size ping", "<details>\n\n/size ping\n</details>\n/size top",
		"/size accept reason=“ten \\” characters” # b", "a <!-- b\n/size ping\n--> c", "[a]: b\n/size ping\n-|-", "```\n/size ping\n```\n/size ping\\\n/size `top`",
		"/size ping\n" + strings.Repeat("/size ping\n", 6),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		o := Options{Bot: "oxidometer"}
		commands, err := Parse(body, o)
		lines := strings.Split(normalLines(body), "\n")
		isLine := func(number int, source string) bool {
			if number < 1 || number > len(lines) {
				return false
			}
			line := strings.TrimSpace(lines[number-1])
			start, short := strings.CutSuffix(source, "…")
			return source == line || short && strings.HasPrefix(line, start)
		}
		if len(commands) > MaxCommands {
			t.Errorf("%d commands", len(commands))
		}
		last := 0
		for _, c := range commands {
			if !isLine(c.Line, c.Source) || c.Line <= last {
				t.Errorf("line %d is not %q", c.Line, c.Source)
			}
			last = c.Line
			if _, ok := Lookup(c.Verb); !ok {
				t.Errorf("verb %q", c.Verb)
			}
		}
		if fault, ok := errors.AsType[*Error](err); err != nil && (!ok || !isLine(fault.Line, fault.Source) || fault.Reason == "" || fault.Hint == "") {
			t.Errorf("error %#v", err)
		}
		fence := strings.Repeat("`", 3+longest(body, '`'))
		for how, hidden := range map[string]string{
			"quote":   "> " + strings.Join(lines, "\n> "),
			"fence":   fence + "\n" + body + "\n" + fence,
			"open":    fence + "\n" + body,
			"indent":  "    " + strings.Join(lines, "\n    "),
			"details": "<details>\n\n" + strings.ReplaceAll(body, "<", "") + "\n\n</details>",
			"comment": "<!--\n" + strings.ReplaceAll(body, ">", "") + "\n-->",
		} {
			commands, err := Parse(hidden, o)
			if fault, ok := errors.AsType[*Error](err); len(commands) > 0 || ok && fault.Kind != TooLong {
				t.Errorf("%s: %q gives %v, %v", how, hidden, commands, err)
			}
		}
	})
}

// longest returns the length of the longest run of a byte.
func longest(s string, b byte) int {
	run, most := 0, 0
	for i := range len(s) {
		run++
		if s[i] != b {
			run = 0
		}
		most = max(most, run)
	}
	return most
}
