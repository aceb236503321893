package acceptance

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// story is a pull request that is pushed to and accepted, line by line. A line is what happens, "→" and what is so then:
//
//	push HEAD TARGET/BUCKET[:PATH]=DELTA …    a verdict for a head, and with it a Judgement whose lapses are stored
//	group HEAD …                              the same for a group of the merge queue
//	accept [BUCKET] [by NAME]                 accepts the last verdict
//	unaccept                                  withdraws everything
type story struct {
	rules   Rules
	now     Verdict
	records []Record
	clock   time.Time
}

// tell runs a line and says what it left.
func (s *story) tell(t *testing.T, line string) string {
	t.Helper()
	s.clock = s.clock.Add(time.Minute)
	words := strings.Fields(line)
	rules := s.rules
	switch verb := words[0]; verb {
	case "push", "group":
		s.now = Verdict{Head: words[1], Evaluation: fmt.Sprint(s.clock.Unix()), Published: s.clock, Over: grown(t, words[2:])}
		rules.Group = verb == "group"
	case "accept":
		r := Request{By: "maint", Reason: "a good reason", Written: s.clock}
		for i := 1; i < len(words); i++ {
			if words[i] == "by" {
				r.By = words[i+1]
				break
			}
			r.Bucket = words[i]
		}
		record, refusal := Bind(r, []Verdict{s.now}, s.now.Head)
		if refusal != nil {
			return string(refusal.Kind)
		}
		record.ID = int64(len(s.records) + 1)
		s.records = append(s.records, record)
	case "unaccept":
		for i := range s.records {
			s.records[i].Withdrawn = s.clock
		}
	}
	j := Judge(s.records, s.now, rules)
	for _, l := range j.Lapse {
		for i := range s.records {
			if r := &s.records[i]; r.ID == l.Record.ID && r.Lapsed.IsZero() {
				r.Lapsed, r.LapsedAt, r.Why = s.clock, s.now.Head, l.Why
			}
		}
	}
	return summary(j)
}

func grown(t *testing.T, words []string) (over []Growth) {
	for _, w := range words {
		name, delta, _ := strings.Cut(w, "=")
		target, bucket, _ := strings.Cut(name, "/")
		bucket, path, _ := strings.Cut(bucket, ":")
		n, err := strconv.ParseInt(delta, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		over = append(over, Growth{Target: target, Bucket: bucket, Path: path, Delta: n})
	}
	return over
}

func summary(j Judgement) string {
	var s []string
	switch {
	case j.Accepted != nil && len(j.Open) == 0:
		a := "accepted by " + j.Accepted.By
		if j.Accepted.CarriedFrom != "" {
			a += ", carried from " + j.Accepted.CarriedFrom
		}
		s = append(s, a)
	case len(j.Covered) > 0:
		s = append(s, "open but for "+fmt.Sprint(j.Covered))
	case len(j.Open) > 0:
		s = append(s, "open")
	default:
		s = append(s, "nothing over")
	}
	for _, l := range j.Lapse {
		s = append(s, fmt.Sprintf("%s's lapsed: %s", l.Record.By, l.Why))
	}
	return strings.Join(s, " | ")
}

func TestStories(t *testing.T) {
	headOnly := Rules{HeadOnly: true}
	noise := Rules{Band: func(target, bucket string) int64 { return map[string]int64{"x/runtime": 16}[target+"/"+bucket] }}
	for _, c := range []struct {
		name  string
		rules Rules
		lines []string
	}{
		{"nobody accepts", Rules{}, []string{
			"push a x/runtime=1344 → open",
			"push b → nothing over"}},
		{"accepted", Rules{}, []string{
			"push a x/runtime=1344 → open",
			"accept → accepted by maint",
			"push a x/runtime=1344 → accepted by maint"}},
		{"a larger second push", Rules{}, []string{
			"push a x/runtime=1344 y/runtime=100 → open",
			"accept → accepted by maint",
			"push b x/runtime=1345 y/runtime=100 → open | maint's lapsed: runtime of x grew from +1,344 B to +1,345 B",
			"push b x/runtime=1345 y/runtime=100 → open | maint's lapsed: runtime of x grew from +1,344 B to +1,345 B", // looked at again
			"accept by other → accepted by other"}},
		{"a smaller second push", Rules{}, []string{
			"push a x/runtime=1344 y/runtime=100 → open",
			"accept → accepted by maint",
			"push b x/runtime=1000 → accepted by maint, carried from a",
			"push c x/runtime=1344 → accepted by maint, carried from a", // no more than was accepted
			"push d x/runtime=9999 → open | maint's lapsed: runtime of x grew from +1,344 B to +9,999 B"}},
		{"a lapse is final", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push b x/runtime=200 → open | maint's lapsed: runtime of x grew from +100 B to +200 B",
			"push c x/runtime=50 → open",
			"push a x/runtime=100 → accepted by maint", // but for its own head
			"push d x/runtime=50 → open"}},
		{"a force-push to another tree", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push rebased x/runtime=100 → accepted by maint, carried from a"}},
		{"a force-push back, withdrawn", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push b x/runtime=200 → open | maint's lapsed: runtime of x grew from +100 B to +200 B",
			"unaccept → open",
			"push a x/runtime=100 → open"}},
		{"withdrawn, and given again", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"unaccept → open",
			"accept by other → accepted by other",
			"push b x/runtime=100 → accepted by other, carried from a"}},
		{"a new bucket", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push b x/runtime=100 x/total=9000 → open | maint's lapsed: total of x is over budget with +9,000 B, which was not accepted"}},
		{"a new target", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push b x/runtime=100 y/runtime=90 → open | maint's lapsed: runtime of y is over budget with +90 B, which was not accepted"}},
		{"a target that was measured later", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push a x/runtime=100 y/runtime=90 → open but for [runtime of x]", // its own head: it stands, and covers what was seen
			"accept by other → accepted by other",
			"push b x/runtime=100 y/runtime=90 → accepted by other, carried from a"}},
		{"a path is another budget", Rules{}, []string{
			"push a x/total=100 → open",
			"accept → accepted by maint",
			"push b x/total:mm/**=100 → open | maint's lapsed: total in mm/** of x is over budget with +100 B, which was not accepted"}},
		{"nothing over in between", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push b → nothing over",
			"accept → nothing",
			"push c x/runtime=100 → accepted by maint, carried from a"}},
		{"one bucket of two", Rules{}, []string{
			"push a x/runtime=100 x/total=9000 → open",
			"accept drivers → other bucket",
			"accept runtime → open but for [runtime of x]",
			"push b x/runtime=100 x/total=9500 → open but for [runtime of x]", // the total is none of its business
			"accept total by boss → accepted by boss, maint, carried from a",
			"push c x/runtime=100 x/total=9500 → accepted by boss, maint, carried from b",
			"push d x/runtime=101 x/total=9500 → open but for [total of x] | maint's lapsed: runtime of x grew from +100 B to +101 B"}},
		{"one bucket, on a new target", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept runtime → accepted by maint",
			"push b x/runtime=100 y/runtime=1 → open | maint's lapsed: runtime of y is over budget with +1 B, which was not accepted"}},
		{"a lapse takes along what leaned on it", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept runtime by first → accepted by first",
			"push a x/runtime=100 y/runtime=50 x/total=10 → open but for [runtime of x]",
			"accept by second → accepted by second",
			"push b x/runtime=100 y/runtime=50 x/total=20 → open | first's lapsed: runtime of y is over budget with +50 B, which was not accepted | " +
				"second's lapsed: total of x grew from +10 B to +20 B"}},
		{"head_only", headOnly, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push b x/runtime=1 → open | maint's lapsed: it was given for a, and this repository wants one for each head",
			"push a x/runtime=100 → accepted by maint",
			"group a x/runtime=100 → accepted by maint"}},
		{"a band of noise", noise, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push b x/runtime=116 → accepted by maint, carried from a",
			"push c x/runtime=117 → open | maint's lapsed: runtime of x grew from +100 B to +117 B, by more than the noise of 16 B"}},
		{"a merge group", Rules{}, []string{
			"push a x/runtime=100 → open",
			"accept → accepted by maint",
			"push b x/runtime=90 → accepted by maint, carried from a",
			"group b x/runtime=90 → accepted by maint, carried from a",
			"group b x/runtime=150 → open", // on top of others it is more; nothing lapses for it
			"push b x/runtime=90 → accepted by maint, carried from a"}},
		{"many budgets", Rules{}, []string{
			"push a x/runtime=1 → open",
			"accept → accepted by maint",
			"push b x/c=1 x/drivers=2 x/helpers=3 x/derived=4 x/total=5 → open | maint's lapsed: c of x is over budget with +1 B, which was not accepted; " +
				"derived of x is over budget with +4 B, which was not accepted; drivers of x is over budget with +2 B, which was not accepted; and 2 more"}},
		{"extreme bytes", Rules{Band: func(string, string) int64 { return 1 << 40 }}, []string{
			"push a x/runtime=-9223372036854775808 → open",
			"accept → accepted by maint",
			"push b x/runtime=9223372036854775807 → open | maint's lapsed: runtime of x grew from -9,223,372,036,854,775,808 B to " +
				"+9,223,372,036,854,775,807 B, by more than the noise of 1,099,511,627,776 B"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &story{rules: c.rules, clock: noon}
			for i, line := range c.lines {
				do, want, _ := strings.Cut(line, " → ")
				if got := s.tell(t, do); got != want {
					t.Fatalf("line %d, %s:\n got %s\nwant %s", i+1, do, got, want)
				}
			}
		})
	}
}
