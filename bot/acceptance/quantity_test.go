package acceptance

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// TestAcceptQuantity goes all the way: a policy judges a report, the evaluation is stored and read, somebody accepts what was over,
// the record is stored and read, and later evaluations are held against it. All that is over is a quantity.
func TestAcceptQuantity(t *testing.T) {
	policy := sizediff.Policy{NoiseBytes: 64, Budgets: []sizediff.Budget{{Quantity: sizediff.QuantityPanicSites, Bytes: 2}, {Bytes: 1024}}}
	evaluate := func(sites int64) *sizediff.Evaluation {
		r := &sizediff.Report{State: sizediff.Changed, Totals: sizediff.Totals{Resident: sizediff.NewChange(9_000, 9_100)}, Causes: &sizediff.Causes{
			References: &sizediff.ReferenceCauses{Panics: sizediff.PanicChange{Sites: sizediff.NewChange(10, 10+sites)}},
		}}
		e := &sizediff.Evaluation{Policy: policy, Targets: []sizediff.TargetResult{sizediff.Evaluate("x86_64", r, policy)}}
		return stored(t, e)
	}
	e := evaluate(4)
	if got := e.Verdict(); got != sizediff.VerdictOver {
		t.Fatalf("verdict %s", got)
	}
	seen := Verdict{Head: headA, Evaluation: "1", Published: at(0), Over: Over(e)}
	if d := cmp.Diff([]Growth{{Target: "x86_64", Bucket: "panic_sites", Delta: 4}}, seen.Over); d != "" {
		t.Fatal(d)
	}
	request := Request{Bucket: "panic_sites", Reason: "checked by hand", By: "maint", Written: at(60)}
	record, refusal := Bind(request, []Verdict{seen}, headA)
	if refusal != nil {
		t.Fatal(refusal.Text)
	}
	record.Growth = stored(t, record.Growth)
	for _, tt := range []struct {
		sites int64
		want  sizediff.Verdict
		why   string
	}{
		{4, sizediff.VerdictAccepted, ""}, {3, sizediff.VerdictAccepted, ""}, {2, sizediff.VerdictWithin, ""},
		{5, sizediff.VerdictOver, "panic_sites of x86_64 grew from +4 to +5"}, // noise is in bytes
	} {
		e := evaluate(tt.sites)
		j := Judge([]Record{record}, Verdict{Head: headB, Over: Over(e)}, Rules{Band: Bands(e)})
		e.Acceptance = j.Accepted
		if got := stored(t, e).Verdict(); got != tt.want {
			t.Errorf("+%d: %s, want %s", tt.sites, got, tt.want)
		}
		var why []string
		for _, l := range j.Lapse {
			why = append(why, l.Why)
		}
		if got := strings.Join(why, "; "); got != tt.why {
			t.Errorf("+%d: lapsed because %q, want %q", tt.sites, got, tt.why)
		}
	}
	request.Bucket = "duplicates"
	if _, refusal := Bind(request, []Verdict{seen}, headA); refusal == nil || refusal.Kind != OtherBucket || !strings.Contains(refusal.Text, "over budget: `panic_sites`.") {
		t.Errorf("a quantity that is not over: %+v", refusal)
	}
}

// stored is what comes back from the database.
func stored[T any](t *testing.T, v T) (back T) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	return back
}
