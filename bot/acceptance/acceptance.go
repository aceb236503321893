// Package acceptance holds the rules by which a maintainer accepts growth over budget: who may (May), what the words bind to
// (Bind), and for which heads they hold (Judge). It computes only; the caller reads GitHub, the store and the clock.
//
// An acceptance binds to what the person can have seen: a verdict that was published before the command was written. It names
// exact bytes per budget and target, and holds for its head. A later head keeps it as long as nothing that is over budget grew or
// is new; otherwise it lapses, for good, except for the very head it was given for.
//
// Texts for people are plain text. Whoever puts them into Markdown escapes them. In a Refusal and a Permission, backticks stand
// around what is code, in pairs; nothing between them or outside holds another. Names from elsewhere show what is not printable
// ASCII as escapes.
package acceptance

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Growth is one budget that is over on one target.
type Growth struct {
	Target  string `json:"target"`
	Bucket  string `json:"bucket"`            // sizediff.BucketTotal for all, or a quantity
	Path    string `json:"path,omitempty"`    // glob of the budget, "" for the whole build
	Ratchet bool   `json:"ratchet,omitempty"` // a bound on the sum of many pull requests
	Delta   int64  `json:"delta"`             // exact bytes, or what the quantity is in
}

// budget is what grew, without how much.
func (g Growth) budget() Growth {
	g.Delta = 0
	return g
}

func (g Growth) String() string {
	name := plain(g.Bucket)
	if g.Ratchet {
		name += " (ratchet)"
	}
	if g.Path != "" {
		name += " in " + plain(g.Path)
	}
	return name + " of " + plain(g.Target)
}

func compareGrowth(a, b Growth) int {
	return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Path, b.Path),
		compareBool(a.Ratchet, b.Ratchet), cmp.Compare(a.Delta, b.Delta))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Verdict is what was published for a head, and when by our own clock.
type Verdict struct {
	Head       string // commit
	Tree       string // of that commit; for the ledger, no rule asks for it
	Evaluation string // id
	Published  time.Time
	Over       []Growth // see Over; empty when there is nothing to accept
}

// Record is one row of the ledger.
type Record struct {
	ID                     int64
	RepoID                 int64
	Pull                   int
	Head, Tree, Evaluation string   // of the verdict that was seen
	Bucket                 string   // the one bucket that was accepted, "" for all that was over
	Growth                 []Growth // what was accepted, in order
	By                     string   // login
	ByID                   int64
	Reason                 string
	Button                 bool      // given by the button of the check run
	At                     time.Time // when the command was written
	Withdrawn              time.Time // zero: it was not
	WithdrawnBy            string
	Lapsed                 time.Time // zero: it did not
	LapsedAt               string    // head for which it lapsed
	Why                    string    // it lapsed: a clause
	MergeCommit            string
	Merged                 time.Time
}

// Over lists what is over budget, in order of target, bucket and path. Of two budgets on the same bytes it is one.
func Over(e *sizediff.Evaluation) []Growth {
	var over []Growth
	for _, g := range e.Exceeded() {
		over = append(over, Growth(g))
	}
	slices.SortFunc(over, compareGrowth)
	return slices.Compact(over)
}

// Bands returns the noise that the evaluation judged by, for Rules.
func Bands(e *sizediff.Evaluation) func(target, bucket string) int64 {
	type key struct{ target, bucket string }
	bands := map[key]int64{}
	for _, t := range e.Targets {
		for _, b := range t.Budgets {
			bands[key{t.Name, b.Bucket()}] = b.Band
		}
	}
	return func(target, bucket string) int64 { return bands[key{target, bucket}] }
}

// within says whether growth is at most what was accepted and the noise band.
func within(delta, accepted, band int64) bool {
	return delta <= accepted || uint64(delta)-uint64(accepted) <= uint64(max(band, 0)) // the difference may be more than an int64
}

// maxName is the longest name shown, in characters.
const maxName = 160

// plain is a name for a sentence: one line of printable ASCII without backticks.
func plain(s string) string {
	var out strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > maxName {
			out.WriteString("…")
			break
		}
		if r < ' ' || r > '~' || r == '`' {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func code(s string) string { return "`" + plain(s) + "`" }

// amount is so much of what grew, with sign and thousands: +1,344 B, or +4 of what is counted.
func (g Growth) amount(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := "+"
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if sizediff.Quantity(g.Bucket).Counted() {
		return sign + s
	}
	return sign + s + " B"
}

// clean makes one line of at most max characters of what somebody wrote: white space becomes a space, another control character
// or a byte that is not UTF-8 becomes U+FFFD.
func clean(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
	runes := []rune(strings.Join(strings.Fields(s), " "))
	if len(runes) > max {
		runes = append(runes[:max-1], '…')
	}
	return string(runes)
}
