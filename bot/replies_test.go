package bot

import (
	"testing"

	"github.com/oxidometer/oxidometer/bot/command"
)

// What is wrong with a command is said in prose, and how to write it in one piece of code.
func TestFaultText(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"/size accept", "line 1: reason is missing; write it as: `/size accept [SHA] [bucket=NAME] reason=\"…\"`"},
		{"/size accpet", "line 1: there is no command \"accpet\"; did you mean `/size accept`?"},
		{"/size matters", "line 1: there is no command \"matters\"; `/size help` lists the commands"},
		{"/size top bukcet=c", "line 1: top has no key \"bukcet\"; did you mean `bucket=`?"},
		{"/size base main~1", "line 1: revision <code>&#34;main&#126;1&#34;</code> is not the name of a commit, tag or branch; write it as: <code>/size base auto&#124;SHA&#124;TAG&#124;BRANCH</code>"},
		{"/size <b>@me", "line 1: there is no command <code>&#34;&lt;b&gt;&#64;&#8288;me&#34;</code>; `/size help` lists the commands"},
	} {
		_, err := command.Parse(c.body, command.Options{})
		if got := faultText(err); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.body, got, c.want)
		}
	}
}
