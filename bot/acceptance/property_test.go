package acceptance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// chance makes pull requests of few heads, buckets and bytes, so that records meet.
type chance struct{ *rand.Rand }

func (c chance) head() string { return string(rune('a' + c.IntN(4))) }

func (c chance) growth() (over []Growth) {
	for _, target := range []string{"x", "y"} {
		for _, bucket := range []string{"runtime", "total", "c"} {
			if c.IntN(2) == 0 {
				over = append(over, Growth{Target: target, Bucket: bucket, Ratchet: c.IntN(4) == 0, Delta: c.Int64N(5)})
			}
		}
	}
	return over
}

func (c chance) record(id int) Record {
	r := Record{ID: int64(id), Head: c.head(), By: fmt.Sprint("p", c.IntN(3)), Reason: fmt.Sprint("r", c.IntN(3)), At: noon.Add(time.Duration(c.IntN(4)) * time.Minute)}
	r.Growth = c.growth()
	if c.IntN(3) == 0 {
		r.Bucket = []string{"runtime", "total"}[c.IntN(2)]
		r.Growth = slices.DeleteFunc(r.Growth, func(g Growth) bool { return g.Bucket != r.Bucket })
	}
	if c.IntN(4) == 0 {
		r.Lapsed, r.LapsedAt, r.Why = noon, c.head(), "because"
	}
	if c.IntN(4) == 0 {
		r.Withdrawn = noon
	}
	return r
}

func (c chance) scene() (records []Record, now Verdict, rules Rules) {
	for i := range c.IntN(5) {
		records = append(records, c.record(i+1))
	}
	band := c.Int64N(3)
	rules = Rules{HeadOnly: c.IntN(4) == 0, Group: c.IntN(4) == 0, Band: func(_, bucket string) int64 { return band * int64(len(bucket)) % 2 }}
	return records, Verdict{Head: c.head(), Over: c.growth()}, rules
}

const scenes = 3000

func scenesOf(t *testing.T, check func(c chance, records []Record, now Verdict, rules Rules) error) {
	t.Helper()
	for seed := range uint64(scenes) {
		c := chance{rand.New(rand.NewPCG(seed, 4))}
		records, now, rules := c.scene()
		if err := check(c, records, now, rules); err != nil {
			t.Fatalf("seed %d: %v\nrecords %+v\nnow %+v, head only %v, group %v", seed, err, records, now, rules.HeadOnly, rules.Group)
		}
	}
}

// Every judgement sorts what is over into two, and is whole only when nothing is left.
func TestJudgeSorts(t *testing.T) {
	scenesOf(t, func(_ chance, records []Record, now Verdict, rules Rules) error {
		j := Judge(records, now, rules)
		all := slices.SortedFunc(slices.Values(slices.Concat(j.Covered, j.Open)), compareGrowth)
		over := slices.SortedFunc(slices.Values(now.Over), compareGrowth)
		switch {
		case !slices.Equal(all, over):
			return fmt.Errorf("covered %v and open %v", j.Covered, j.Open)
		case (j.Accepted != nil) != (len(j.Covered) > 0):
			return fmt.Errorf("accepted %+v with open %v", j.Accepted, j.Open)
		case j.Accepted != nil && len(j.Accepted.Growth) != len(j.Covered):
			return fmt.Errorf("accepted %+v", j.Accepted)
		case (len(j.Holds) > 0) != (len(j.Covered) > 0):
			return fmt.Errorf("held by %v, covered %v", j.Holds, j.Covered)
		case len(over) == 0 && len(j.Lapse) > 0, rules.Group && len(j.Lapse) > 0:
			return fmt.Errorf("%v lapse", j.Lapse)
		}
		for _, r := range j.Holds {
			if !r.Withdrawn.IsZero() || r.Head != now.Head && (rules.HeadOnly || !r.Lapsed.IsZero()) {
				return fmt.Errorf("%+v holds", r)
			}
		}
		for _, l := range j.Lapse {
			if !l.Record.Withdrawn.IsZero() || l.Record.Head == now.Head || l.Why == "" {
				return fmt.Errorf("%+v lapses", l)
			}
		}
		return nil
	})
}

func TestJudgeIgnoresOrder(t *testing.T) {
	scenesOf(t, func(c chance, records []Record, now Verdict, rules Rules) error {
		before := Judge(records, now, rules)
		records, now.Over = slices.Clone(records), slices.Clone(now.Over)
		c.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		c.Shuffle(len(now.Over), func(i, j int) { now.Over[i], now.Over[j] = now.Over[j], now.Over[i] })
		if d := cmp.Diff(before, Judge(records, now, rules)); d != "" {
			return fmt.Errorf("in another order: %s", d)
		}
		return nil
	})
}

// More consent never covers less: more bytes, one more budget, a record that is not withdrawn, less growth.
func TestJudgeIsMonotone(t *testing.T) {
	scenesOf(t, func(c chance, records []Record, now Verdict, rules Rules) error {
		if len(records) == 0 || len(now.Over) == 0 {
			return nil
		}
		covered := budgets(Judge(records, now, rules).Covered)
		records, now.Over = slices.Clone(records), slices.Clone(now.Over)
		r := &records[c.IntN(len(records))]
		r.Growth = slices.Clone(r.Growth)
		switch c.IntN(4) {
		case 0:
			for i := range r.Growth {
				r.Growth[i].Delta += c.Int64N(3)
			}
		case 1:
			r.Growth = append(r.Growth, now.Over[c.IntN(len(now.Over))])
		case 2:
			r.Withdrawn = time.Time{}
		case 3:
			now.Over[c.IntN(len(now.Over))].Delta -= 1
		}
		after := budgets(Judge(records, now, rules).Covered)
		for _, g := range covered {
			if !slices.Contains(after, g) {
				return fmt.Errorf("%v is not covered any more", g)
			}
		}
		return nil
	})
}

func budgets(growth []Growth) (list []Growth) {
	for _, g := range growth {
		list = append(list, g.budget())
	}
	return list
}

func TestWithdrawnNeverCovers(t *testing.T) {
	scenesOf(t, func(_ chance, records []Record, now Verdict, rules Rules) error {
		before := Judge(records, now, rules)
		records = slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return !r.Withdrawn.IsZero() })
		if d := cmp.Diff(before, Judge(records, now, rules)); d != "" {
			return fmt.Errorf("without the withdrawn: %s", d)
		}
		return nil
	})
}

// Once its lapses are stored, a verdict is judged the same again.
func TestJudgeAgain(t *testing.T) {
	scenesOf(t, func(_ chance, records []Record, now Verdict, rules Rules) error {
		before := Judge(records, now, rules)
		records = slices.Clone(records)
		for _, l := range before.Lapse {
			i := slices.IndexFunc(records, func(r Record) bool { return r.ID == l.Record.ID })
			if records[i].Lapsed.IsZero() {
				records[i].Lapsed, records[i].LapsedAt, records[i].Why = noon, now.Head, l.Why
			}
		}
		after := Judge(records, now, rules)
		why := func(j Judgement) (list []string) {
			for _, l := range j.Lapse {
				list = append(list, fmt.Sprint(l.Record.ID, l.Why))
			}
			return list
		}
		if len(before.Open) > 0 && !slices.Equal(why(before), why(after)) {
			return fmt.Errorf("lapses %q, then %q", why(before), why(after))
		}
		before.Lapse, after.Lapse = nil, nil
		if d := cmp.Diff(before, after); d != "" {
			return fmt.Errorf("judged again: %s", d)
		}
		return nil
	})
}
