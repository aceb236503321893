package bot

import (
	"errors"
	"testing"
	"time"

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

// An owner that GitHub says nothing about hides no other.
func TestAnyOwner(t *testing.T) {
	member := func(_, team string) (bool, error) {
		if team == "hidden" {
			return false, errors.New("not readable")
		}
		return team == "ours", nil
	}
	for _, c := range []struct {
		owners []string
		yes    bool
		fails  bool
	}{
		{nil, false, false},
		{[]string{"@org/others"}, false, false},
		{[]string{"@org/hidden"}, false, true},
		{[]string{"@org/hidden", "@org/others"}, false, true},
		{[]string{"@org/hidden", "@org/ours"}, true, false},
		{[]string{"@org/hidden", "@Maint"}, true, false},
		{[]string{"@org/ours", "@org/hidden"}, true, false},
	} {
		if yes, err := anyOwner(c.owners, "maint", member); yes != c.yes || (err != nil) != c.fails {
			t.Errorf("%q: %v, %v", c.owners, yes, err)
		}
	}
}

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		oldest time.Duration
		want   string
	}{
		{0, "All is well: the database answers and the queue moves."},
		{stuckAfter - 1, "All is well: the database answers and the queue moves."},
		{stuckAfter, "The queue is late: a job has waited for 5m0s; the server's log may have the cause."},
	} {
		if got := health(c.oldest); got != c.want {
			t.Errorf("%v: got %q, want %q", c.oldest, got, c.want)
		}
	}
}
