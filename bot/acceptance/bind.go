package acceptance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Request is the command accept, or a click on the button.
type Request struct {
	SHA     string // full or abbreviated, or "" for the head whose verdict was published last before
	Bucket  string // "" for all that is over
	Reason  string
	By      string // login
	ByID    int64
	Button  bool
	Written time.Time // created_at of the comment, in whole seconds; for a button, when it was received
	Prefix  string    // of commands in this repository; "" is /size
}

// Refusal says why a command binds to nothing.
type Refusal struct {
	Kind Kind
	Text string // sentences, with what to do; see the package's note on texts
}

// Kind of a refusal.
type Kind string

const (
	NotSeen      Kind = "not seen"      // no verdict was published before the command was written
	SameSecond   Kind = "same second"   // one was, or was not: GitHub's times do not say
	Stale        Kind = "stale"         // the verdict was of another head than today's
	SHAUnknown   Kind = "sha unknown"   // no head of this pull request
	SHAShort     Kind = "sha short"     // fewer than minSHA digits
	SHAAmbiguous Kind = "sha ambiguous" // several heads begin so
	Nothing      Kind = "nothing"       // nothing was over budget
	OtherBucket  Kind = "other bucket"  // the bucket that was named is not over
	NoReason     Kind = "no reason"     // or hardly one
)

const (
	minSHA    = 7 // digits, what git abbreviates to
	minReason = 10
	maxReason = 500

	// ButtonReason stands in the ledger where somebody accepted with the button, which cannot carry a reason.
	ButtonReason = "(button)"
)

// Bind makes the record of an acceptance, without ID, RepoID and Pull, or says why not. verdicts are those of the pull request, in
// any order; those that were never published do not count. head is the pull request's head now.
//
// It binds to the newest verdict that was published before the command was written. GitHub tells in whole seconds when a comment
// was written, so of a verdict of that same second nobody can say whether it was seen. Then it was not: who accepts growth unseen
// cannot take it back after the merge, who is asked to try again loses a moment. GitHub's clock and ours have to agree for that.
func Bind(req Request, verdicts []Verdict, head string) (Record, *Refusal) {
	b := binding{Request: req, head: head, verdicts: published(verdicts)}
	seen, refusal := b.seen()
	if refusal != nil {
		return Record{}, refusal
	}
	growth, refusal := b.growth(seen)
	if refusal != nil {
		return Record{}, refusal
	}
	reason := clean(req.Reason, maxReason)
	switch {
	case reason == "" && req.Button:
		reason = ButtonReason
	case visible(reason) < minReason && !req.Button:
		return Record{}, refuse(NoReason, "A reason of at least %d characters belongs to an acceptance: write %s.", minReason, b.command())
	}
	return Record{
		Head: seen.Head, Tree: seen.Tree, Evaluation: seen.Evaluation, Bucket: req.Bucket, Growth: growth,
		By: req.By, ByID: req.ByID, Reason: reason, Button: req.Button, At: req.Written,
	}, nil
}

type binding struct {
	Request
	head     string
	verdicts []Verdict // published, oldest first
}

func published(verdicts []Verdict) []Verdict {
	list := slices.DeleteFunc(slices.Clone(verdicts), func(v Verdict) bool { return v.Published.IsZero() })
	slices.SortFunc(list, func(a, b Verdict) int {
		return cmp.Or(a.Published.Compare(b.Published), cmp.Compare(a.Evaluation, b.Evaluation))
	})
	return list
}

// seen is the verdict that the person can have seen, which has to be that of the head.
func (b *binding) seen() (Verdict, *Refusal) {
	sha, refusal := b.named()
	if refusal != nil {
		return Verdict{}, refusal
	}
	var seen *Verdict
	tie := false // the head has a verdict of the command's second
	for i, v := range b.verdicts {
		switch {
		case sha != "" && v.Head != sha:
		case v.Published.Before(b.Written):
			seen = &b.verdicts[i]
		case v.Head == b.head && v.Published.Before(b.Written.Truncate(time.Second).Add(time.Second)):
			tie = true
		}
	}
	switch {
	case seen != nil && seen.Head == b.head:
		return *seen, nil
	case tie:
		return Verdict{}, refuse(SameSecond, "The result for %s was published in the second in which you wrote, so it may be that you had not "+
			"seen it; look at it and try again: %s.", b.short(b.head), b.command())
	case seen != nil:
		return Verdict{}, b.stale(seen.Head)
	case sha != "" && sha != b.head:
		return Verdict{}, b.stale(sha)
	}
	return Verdict{}, refuse(NotSeen, "No result was published before you wrote; look at the result for %s first, and then write %s.",
		b.short(b.head), b.command())
}

func (b *binding) stale(sha string) *Refusal {
	return refuse(Stale, "%s is no longer the head; for the head %s look at its result and write %s.", b.short(sha), b.short(b.head), b.command())
}

// named is the head that the command names, or "" when it names none.
func (b *binding) named() (string, *Refusal) {
	if b.SHA == "" {
		return "", nil
	}
	sha := strings.ToLower(b.SHA)
	if strings.Trim(sha, "0123456789abcdef") != "" {
		return "", refuse(SHAUnknown, "What you named is not the id of a commit; the head is %s: look at its result and write %s.",
			b.short(b.head), b.command())
	}
	if len(sha) < minSHA {
		return "", refuse(SHAShort, "%s is too short for the id of a commit, which needs at least %d digits: write %s.",
			code(sha), minSHA, b.command())
	}
	var found []string
	for _, head := range b.heads() {
		if strings.HasPrefix(head, sha) {
			found = append(found, head)
		}
	}
	switch len(found) {
	case 0:
		return "", refuse(SHAUnknown, "%s is no head of this pull request that has a result; the head is %s: look at its result and write %s.",
			code(sha), b.short(b.head), b.command())
	case 1:
		return found[0], nil
	}
	return "", refuse(SHAAmbiguous, "%d heads of this pull request begin with %s; give more digits: write %s.", len(found), code(sha), b.command())
}

// heads are the commits that a command can name, in order.
func (b *binding) heads() []string {
	heads := []string{b.head}
	for _, v := range b.verdicts {
		heads = append(heads, v.Head)
	}
	slices.Sort(heads)
	return slices.Compact(heads)
}

// growth is what the command accepts of a verdict.
func (b *binding) growth(seen Verdict) ([]Growth, *Refusal) {
	if len(seen.Over) == 0 {
		return nil, refuse(Nothing, "There is nothing to accept: no budget is over for %s.", b.short(seen.Head))
	}
	over := slices.SortedFunc(slices.Values(seen.Over), compareGrowth)
	if b.Bucket == "" {
		return over, nil
	}
	var names []string
	growth := slices.DeleteFunc(over, func(g Growth) bool {
		names = append(names, code(g.Bucket))
		return g.Bucket != b.Bucket
	})
	if len(growth) == 0 {
		slices.Sort(names)
		return nil, refuse(OtherBucket, "%s is not over its budget for %s; over budget: %s.", code(b.Bucket), b.short(seen.Head),
			strings.Join(slices.Compact(names), ", "))
	}
	return growth, nil
}

// command is what to write for the head.
func (b *binding) command() string {
	return "`" + plain(cmp.Or(b.Prefix, "/size")) + " accept " + strings.Trim(b.short(b.head), "`") + ` reason="…"` + "`"
}

// short abbreviates a head so that it still names one.
func (b *binding) short(head string) string {
	n := minSHA
	for _, other := range b.heads() {
		for other != head && n < len(head) && strings.HasPrefix(other, head[:n]) {
			n++
		}
	}
	return code(head[:min(n, len(head))])
}

func refuse(kind Kind, format string, args ...any) *Refusal {
	return &Refusal{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// visible counts the characters that show, and spaces.
func visible(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsGraphic(r) && r != utf8.RuneError {
			n++
		}
	}
	return n
}
