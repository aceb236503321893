package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

var (
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	headA = "9f3c2a1" + strings.Repeat("0", 33)
	headB = "aabbccd" + strings.Repeat("0", 33)
	headC = "aabbccd1" + strings.Repeat("0", 32)
)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

var (
	runtime = Growth{Target: "x86_64", Bucket: "runtime", Delta: 1344}
	arm     = Growth{Target: "arm64", Bucket: "runtime", Delta: 1292}
	total   = Growth{Target: "x86_64", Bucket: "total", Delta: 9000}
	inPath  = Growth{Target: "x86_64", Bucket: "total", Path: "mm/**", Delta: 5000}
)

func TestBind(t *testing.T) {
	over := func(head, id string, published float64, growth ...Growth) Verdict {
		return Verdict{Head: head, Tree: "t" + head, Evaluation: id, Published: at(published), Over: growth}
	}
	onA := []Verdict{over(headA, "e1", 0.5, runtime, arm)}
	onBoth := append(slices.Clone(onA), over(headB, "e2", 60, total))
	const reason = "names come from user space"
	for _, c := range []struct {
		name     string
		verdicts []Verdict
		head     string
		req      Request
		want     Kind     // of the refusal
		says     string   // the refusal, whole
		id       string   // the evaluation that was accepted
		growth   []Growth // what was accepted of it
	}{
		{name: "the head's verdict", verdicts: onA, head: headA, req: Request{Written: at(60)}, id: "e1", growth: []Growth{arm, runtime}},
		{name: "the head is named", verdicts: onA, head: headA, req: Request{SHA: "9F3C2A1", Written: at(60)}, id: "e1", growth: []Growth{arm, runtime}},
		{name: "by its full id", verdicts: onA, head: headA, req: Request{SHA: headA, Written: at(60)}, id: "e1", growth: []Growth{arm, runtime}},
		{name: "pushed between verdict and command", verdicts: onA, head: headB, req: Request{Written: at(60)}, want: Stale,
			says: "`9f3c2a1` is no longer the head; for the head `aabbccd` look at its result and write `/size accept aabbccd reason=\"…\"`."},
		{name: "pushed, and the new verdict came after the command", verdicts: onBoth, head: headB, req: Request{Written: at(30)}, want: Stale},
		{name: "pushed, and the old head is named", verdicts: onBoth, head: headB, req: Request{SHA: "9f3c2a1", Written: at(90)}, want: Stale},
		{name: "pushed back while the newer verdict was the last", verdicts: onBoth, head: headA, req: Request{Written: at(90)}, want: Stale,
			says: "`aabbccd` is no longer the head; for the head `9f3c2a1` look at its result and write `/size accept 9f3c2a1 reason=\"…\"`."},
		{name: "pushed back, and the head is named", verdicts: onBoth, head: headA, req: Request{SHA: "9f3c2a1", Written: at(90)}, id: "e1", growth: []Growth{arm, runtime}},
		{name: "another prefix", verdicts: onA, head: headB, req: Request{Written: at(60), Prefix: "/binsize"}, want: Stale,
			says: "`9f3c2a1` is no longer the head; for the head `aabbccd` look at its result and write `/binsize accept aabbccd reason=\"…\"`."},
		{name: "an abbreviation names one head only", verdicts: append(slices.Clone(onBoth), over(headC, "e3", 61, total)), head: headC,
			req: Request{SHA: "aabbccd0", Written: at(90)}, want: Stale,
			says: "`aabbccd0` is no longer the head; for the head `aabbccd1` look at its result and write `/size accept aabbccd1 reason=\"…\"`."},
		{name: "ambiguous", verdicts: append(slices.Clone(onBoth), over(headC, "e3", 61, total)), head: headC,
			req: Request{SHA: "aabbccd", Written: at(90)}, want: SHAAmbiguous,
			says: "2 heads of this pull request begin with `aabbccd`; give more digits: write `/size accept aabbccd1 reason=\"…\"`."},
		{name: "unknown", verdicts: onA, head: headA, req: Request{SHA: "deadbeef", Written: at(60)}, want: SHAUnknown,
			says: "`deadbeef` is no head of this pull request that has a result; the head is `9f3c2a1`: look at its result and write `/size accept 9f3c2a1 reason=\"…\"`."},
		{name: "too long", verdicts: onA, head: headA, req: Request{SHA: headA + "0", Written: at(60)}, want: SHAUnknown},
		{name: "too short", verdicts: onA, head: headA, req: Request{SHA: "9f3c2a", Written: at(60)}, want: SHAShort},
		{name: "not hexadecimal", verdicts: onA, head: headA, req: Request{SHA: "`@everyone`", Written: at(60)}, want: SHAUnknown,
			says: "What you named is not the id of a commit; the head is `9f3c2a1`: look at its result and write `/size accept 9f3c2a1 reason=\"…\"`."},
		{name: "no verdict", head: headA, req: Request{Written: at(60)}, want: NotSeen,
			says: "No result was published before you wrote; look at the result for `9f3c2a1` first, and then write `/size accept 9f3c2a1 reason=\"…\"`."},
		{name: "no verdict of the head that is named", verdicts: onA, head: headB, req: Request{SHA: "aabbccd", Written: at(60)}, want: NotSeen},
		{name: "a verdict that was not published", verdicts: []Verdict{{Head: headA, Over: []Growth{runtime}}}, head: headA, req: Request{Written: at(60)}, want: NotSeen},
		{name: "written before", verdicts: onBoth, head: headB, req: Request{SHA: "aabbccd", Written: at(59)}, want: NotSeen},
		{name: "published in the second of the command", verdicts: onA, head: headA, req: Request{Written: at(0)}, want: SameSecond,
			says: "The result for `9f3c2a1` was published in the second in which you wrote, so it may be that you had not seen it; look at it and try again: `/size accept 9f3c2a1 reason=\"…\"`."},
		{name: "published at the whole second of the command", verdicts: onBoth, head: headB, req: Request{SHA: headB, Written: at(60)}, want: SameSecond},
		{name: "the same, and an older head was seen", verdicts: onBoth, head: headB, req: Request{Written: at(60)}, want: SameSecond},
		{name: "a second later", verdicts: onA, head: headA, req: Request{Written: at(1)}, id: "e1", growth: []Growth{arm, runtime}},
		{name: "a button knows fractions of a second", verdicts: onA, head: headA, req: Request{SHA: headA, Button: true, Written: at(0.6)}, id: "e1", growth: []Growth{arm, runtime}},
		{name: "a button's moment too early", verdicts: onA, head: headA, req: Request{SHA: headA, Button: true, Written: at(0.4)}, want: SameSecond},
		{name: "what was seen counts, not what came in the command's second", verdicts: append(slices.Clone(onA), over(headA, "e2", 60, total)), head: headA,
			req: Request{Written: at(60)}, id: "e1", growth: []Growth{arm, runtime}},
		{name: "the newest that was seen", verdicts: append([]Verdict{over(headA, "e2", 59, total)}, onA...), head: headA, req: Request{Written: at(60)},
			id: "e2", growth: []Growth{total}},
		{name: "without time", verdicts: onA, head: headA, want: NotSeen},
		{name: "within budget", verdicts: []Verdict{over(headA, "e1", 0)}, head: headA, req: Request{Written: at(60)}, want: Nothing,
			says: "There is nothing to accept: no budget is over for `9f3c2a1`."},
		{name: "one bucket", verdicts: []Verdict{over(headA, "e1", 0, runtime, arm, total)}, head: headA, req: Request{Bucket: "runtime", Written: at(60)},
			id: "e1", growth: []Growth{arm, runtime}},
		{name: "a bucket with a path", verdicts: []Verdict{over(headA, "e1", 0, runtime, inPath)}, head: headA, req: Request{Bucket: "total", Written: at(60)},
			id: "e1", growth: []Growth{inPath}},
		{name: "a bucket that is not over", verdicts: []Verdict{over(headA, "e1", 0, total, runtime, arm)}, head: headA, req: Request{Bucket: "drivers", Written: at(60)},
			want: OtherBucket, says: "`drivers` is not over its budget for `9f3c2a1`; over budget: `runtime`, `total`."},
		{name: "a hostile bucket", verdicts: onA, head: headA, req: Request{Bucket: "`\n@all\u202e", Written: at(60)},
			want: OtherBucket, says: "`\\u0060\\u000a@all\\u202e` is not over its budget for `9f3c2a1`; over budget: `runtime`."},
		{name: "without reason", verdicts: onA, head: headA, req: Request{Reason: " ", Written: at(60)}, want: NoReason,
			says: "A reason of at least 10 characters belongs to an acceptance: write `/size accept 9f3c2a1 reason=\"…\"`."},
		{name: "with hardly a reason", verdicts: onA, head: headA, req: Request{Reason: "  it is ok\n", Written: at(60)}, want: NoReason},
		{name: "with an invisible reason", verdicts: onA, head: headA, req: Request{Reason: strings.Repeat("\u200b", 20), Written: at(60)}, want: NoReason},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.req.Reason == "" {
				c.req.Reason = reason
			}
			c.req.By, c.req.ByID = "maint", 7
			got, refusal := Bind(c.req, c.verdicts, c.head)
			if (refusal == nil) != (c.want == "") {
				t.Fatalf("refusal %+v, want %q", refusal, c.want)
			}
			if refusal != nil {
				if refusal.Kind != c.want || c.says != "" && refusal.Text != c.says {
					t.Errorf("refusal %q:\n%s\nwant %q:\n%s", refusal.Kind, refusal.Text, c.want, c.says)
				}
				if strings.Count(refusal.Text, "`")%2 != 0 || !strings.HasSuffix(refusal.Text, ".") || strings.ContainsAny(refusal.Text, "\n\u202e") {
					t.Errorf("refusal %q: want one plain line with pairs of backticks", refusal.Text)
				}
				if d := cmp.Diff(Record{}, got); d != "" {
					t.Errorf("a record beside the refusal: %s", d)
				}
				return
			}
			want := Record{Head: c.head, Tree: "t" + c.head, Evaluation: c.id, Bucket: c.req.Bucket, Growth: c.growth,
				By: "maint", ByID: 7, Reason: reason, Button: c.req.Button, At: c.req.Written}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBindReason(t *testing.T) {
	verdicts := []Verdict{{Head: headA, Published: at(0), Over: []Growth{runtime}}}
	for _, c := range []struct{ name, reason, want string }{
		{"as written", `needed: "<b>pad</b>" @maint #12`, `needed: "<b>pad</b>" @maint #12`}, // whoever shows it escapes it
		{"lines", " one\r\n\ttwo three\u2028four ", "one two three four"},
		{"controls", "a\x00b\x1b[31mc and more", "a\ufffdb\ufffd[31mc and more"},
		{"not UTF-8", "it ends in \xff\xfe", "it ends in \ufffd"},
		{"long", strings.Repeat("ä", 600), strings.Repeat("ä", 499) + "…"},
	} {
		got, refusal := Bind(Request{Reason: c.reason, Written: at(60)}, verdicts, headA)
		if refusal != nil || got.Reason != c.want {
			t.Errorf("%s: reason %q, refusal %+v, want %q", c.name, got.Reason, refusal, c.want)
		}
	}
	got, refusal := Bind(Request{Button: true, Written: at(60)}, verdicts, headA)
	if refusal != nil || got.Reason != ButtonReason {
		t.Errorf("button: reason %q, refusal %+v", got.Reason, refusal)
	}
}

// A refusal's text tells a command that then does what it says.
func TestBindSuggestsWhatWorks(t *testing.T) {
	verdicts := []Verdict{
		{Head: headB, Evaluation: "e1", Published: at(0), Over: []Growth{runtime}},
		{Head: headC, Evaluation: "e2", Published: at(10), Over: []Growth{runtime}},
	}
	for _, head := range []string{headB, headC} {
		_, refusal := Bind(Request{SHA: map[string]string{headB: headC, headC: headB}[head], Reason: "ten letters", Written: at(60)}, verdicts, head)
		if refusal == nil || refusal.Kind != Stale {
			t.Fatalf("refusal %+v, want stale", refusal)
		}
		_, rest, _ := strings.Cut(refusal.Text, "/size accept ")
		sha, _, _ := strings.Cut(rest, " ")
		if got, refusal := Bind(Request{SHA: sha, Reason: "ten letters", Written: at(61)}, verdicts, head); refusal != nil || got.Head != head {
			t.Errorf("%s: record of %s, refusal %+v, want one of %s", sha, got.Head, refusal, head)
		}
	}
}

func TestOver(t *testing.T) {
	budget := func(bucket, path string, delta int64, status sizediff.BudgetStatus) sizediff.BudgetResult {
		return sizediff.BudgetResult{Budget: sizediff.Budget{Bucket: bucket, Path: path}, Delta: delta, Band: 16, Status: status}
	}
	ratchet := budget("runtime", "", 50, sizediff.BudgetOver)
	ratchet.Ratchet = &sizediff.RatchetResult{}
	report := &sizediff.Report{State: sizediff.Changed}
	e := &sizediff.Evaluation{Targets: []sizediff.TargetResult{
		{Name: "x86_64", Report: report, Budgets: []sizediff.BudgetResult{
			budget("total", "", 9000, sizediff.BudgetOver), budget("", "", 9000, sizediff.BudgetOver), // two budgets on the same bytes
			budget("runtime", "", 1344, sizediff.BudgetOver), budget("c", "", 5, sizediff.BudgetWithin),
			budget("drivers", "", 5, sizediff.BudgetSuspended), budget("", "mm/**", 5000, sizediff.BudgetOver), ratchet,
		}},
		{Name: "arm64", Report: report, Budgets: []sizediff.BudgetResult{budget("runtime", "", 1292, sizediff.BudgetOver)}},
		{Name: "lost", Problem: &sizediff.Problem{Kind: sizediff.ProblemNotCompared}, Budgets: []sizediff.BudgetResult{budget("c", "", 9, sizediff.BudgetOver)}},
	}}
	ratcheted := Growth{Target: "x86_64", Bucket: "runtime", Ratchet: true, Delta: 50}
	if d := cmp.Diff([]Growth{arm, runtime, ratcheted, total, inPath}, Over(e)); d != "" {
		t.Error(d)
	}
	bands := Bands(e)
	if bands("arm64", "runtime") != 16 || bands("x86_64", "total") != 16 || bands("arm64", "total") != 0 {
		t.Errorf("bands %d, %d, %d", bands("arm64", "runtime"), bands("x86_64", "total"), bands("arm64", "total"))
	}

	// What Judge accepts, the evaluation takes for accepted, up to the same byte.
	record := Record{Head: headA, By: "maint", Growth: Over(e)}
	for more, want := range map[int64]sizediff.Verdict{0: sizediff.VerdictAccepted, 16: sizediff.VerdictAccepted, 17: sizediff.VerdictOver} {
		e.Targets[1].Budgets[0].Delta = arm.Delta + more
		e.Acceptance = Judge([]Record{record}, Verdict{Head: headB, Over: Over(e)}, Rules{Band: bands}).Accepted
		if v := e.Verdict(); v != want || (e.Acceptance != nil) != (want == sizediff.VerdictAccepted) { // of one budget no part is covered
			t.Errorf("%d bytes more: verdict %s, acceptance %+v, want %s", more, v, e.Acceptance, want)
		}
	}
	e.Provenance.BaseChoice = sizediff.BaseApproximate
	if over := Over(e); over != nil {
		t.Errorf("over against an approximate base: %v", over)
	}
}
