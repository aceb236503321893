package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// EvaluationSchema is the version of the JSON form of an evaluation of several targets.
const EvaluationSchema = "oxidometer.evaluation/1"

// document is a report with what the evaluation adds to it.
type document struct {
	*sizediff.Report
	Verdict sizediff.Verdict `json:"verdict"`
	Budgets []budgetJSON     `json:"budgets"`
	Noise   map[string]int64 `json:"noise,omitempty"`   // band by bucket, in bytes; absent is 0
	Insight *insight.Changes `json:"insight,omitempty"` // absent unless it was asked for
	decisions
}

// decisions are what people did about the growth. Keys are absent when there is nothing to say.
type decisions struct {
	Acceptance    *acceptanceJSON `json:"acceptance,omitempty"`
	Lapsed        *lapseJSON      `json:"lapsed,omitempty"`
	Justification string          `json:"justification,omitempty"`
	Exempt        *exemptJSON     `json:"exempt,omitempty"`
	Proposal      *proposalJSON   `json:"proposal,omitempty"`
}

type acceptanceJSON struct {
	By          string         `json:"by"`
	Head        string         `json:"head"`
	Reason      string         `json:"reason"`
	CarriedFrom string         `json:"carried_from,omitempty"`
	Button      bool           `json:"button,omitempty"`
	Growth      []acceptedJSON `json:"growth"`
}

type acceptedJSON struct {
	Target  string `json:"target"`
	Bucket  string `json:"bucket"`
	Path    string `json:"path"`
	Ratchet bool   `json:"ratchet,omitempty"`
	Delta   int64  `json:"delta"`
}

type lapseJSON struct {
	By     string `json:"by"`
	Head   string `json:"head"`
	Reason string `json:"reason"`
	Why    string `json:"why"`
}

type exemptJSON struct {
	Reason    string `json:"reason"`
	Unlimited bool   `json:"unlimited"`
}

type proposalJSON struct {
	Title    string           `json:"title"`
	Verdict  sizediff.Verdict `json:"verdict"`
	Faults   int              `json:"faults"`
	Loosened []loosenedJSON   `json:"loosened"`
	Weaker   []string         `json:"weaker"`
}

type loosenedJSON struct {
	Target  string `json:"target"`
	Bucket  string `json:"bucket"`
	Path    string `json:"path"`
	Ratchet bool   `json:"ratchet,omitempty"`
	Old     int64  `json:"old"`
	New     *int64 `json:"new"` // null when it is removed
	Used    int64  `json:"used"`

	Quantity sizediff.Quantity `json:"quantity,omitempty"`     // whose name is bucket, and what sizes are of
	Unknown  bool              `json:"used_unknown,omitempty"` // used is 0 for want of anything better

	OldWindow float64 `json:"old_window_hours,omitempty"`
	NewWindow float64 `json:"new_window_hours,omitempty"`
}

// uncomparedDocument has no totals at all, so that nothing in it can be read as a change of zero.
type uncomparedDocument struct {
	Schema  string           `json:"schema"`
	State   sizediff.State   `json:"state"`
	Verdict sizediff.Verdict `json:"verdict"`
	Problem problemJSON      `json:"problem"`
	Head    *showDocument    `json:"head_alone,omitempty"` // absolute sizes of the head
	decisions
}

type problemJSON struct {
	Kind   sizediff.ProblemKind `json:"kind"`
	Reason string               `json:"reason"`
	Remedy string               `json:"remedy,omitempty"`
	URL    string               `json:"url,omitempty"`
}

type budgetJSON struct {
	Bucket string                `json:"bucket"` // of a quantity: its name
	Path   string                `json:"path"`
	Limit  int64                 `json:"limit"`
	Delta  int64                 `json:"delta"`
	Status sizediff.BudgetStatus `json:"status"`

	Why      string       `json:"why,omitempty"`
	Band     int64        `json:"band,omitempty"`
	Sources  bool         `json:"source_files,omitempty"` // path is about source files
	Ratchet  *ratchetJSON `json:"ratchet,omitempty"`      // delta is the distance from the floor, limit the headroom
	Accepted bool         `json:"accepted,omitempty"`

	Quantity sizediff.Quantity `json:"quantity,omitempty"` // what limit and delta are of, in place of resident bytes
}

type ratchetJSON struct {
	WindowHours float64    `json:"window_hours"`
	Growth      int64      `json:"growth"`
	Floor       *floorJSON `json:"floor,omitempty"` // absent when none is known
}

type floorJSON struct {
	Bytes int64  `json:"bytes"`
	SHA   string `json:"sha,omitempty"`
	Since string `json:"since,omitempty"`
}

type evaluationDocument struct {
	Schema  string           `json:"schema"`
	Verdict sizediff.Verdict `json:"verdict"`
	decisions
	Targets []targetDocument `json:"targets"`
}

type targetDocument struct {
	Name   string `json:"name"`
	Report any    `json:"report"`
}

// JSON writes one target as a report ("oxidometer.report/1", with verdict and budgets added), several as an evaluation that
// holds their reports in the order of the evaluation. A target that was not compared has state not_compared, a problem
// and no totals.
func JSON(w io.Writer, e *sizediff.Evaluation) error {
	if len(e.Targets) == 1 {
		return encode(w, reportDocument(e, 0, decided(e)))
	}
	doc := evaluationDocument{Schema: EvaluationSchema, Verdict: e.Verdict(), decisions: decided(e), Targets: []targetDocument{}}
	if len(e.Targets) == 0 {
		doc.Verdict = sizediff.VerdictNotMeasured
	}
	for i := range e.Targets {
		doc.Targets = append(doc.Targets, targetDocument{e.Targets[i].Name, reportDocument(e, i, decisions{})})
	}
	return encode(w, doc)
}

// reportDocument is one target as if it were alone, with what was decided.
func reportDocument(e *sizediff.Evaluation, i int, d decisions) any {
	alone := *e
	alone.Targets = e.Targets[i : i+1]
	v := newView(&alone)
	if len(v.compared) == 0 {
		t := v.missing[0]
		p := problemOf(t)
		doc := uncomparedDocument{Schema: sizediff.Schema, State: sizediff.NotCompared, Verdict: v.verdict, Problem: problemJSON(p), decisions: d}
		if r := headOf(t); r != nil {
			doc.Head = newShowDocument(bySize(r), nil)
		}
		return doc
	}
	t := v.compared[0]
	r := *t.Report
	r.Schema = sizediff.Schema
	doc := document{Report: &r, Verdict: v.verdict, Budgets: []budgetJSON{}, Noise: t.Bands, decisions: d}
	for _, b := range t.Budgets {
		accepted := b.Status == sizediff.BudgetOver && e.Acceptance.Covers(t.Name, b)
		bucket := cmp.Or(string(b.Budget.Quantity), b.Budget.Bucket)
		doc.Budgets = append(doc.Budgets, budgetJSON{
			bucket, b.Budget.Path, b.Limit, b.Delta, b.Status, b.Why, b.Band, b.Budget.Sources, ratchetDocument(b.Ratchet), accepted, b.Budget.Quantity,
		})
	}
	return doc
}

func ratchetDocument(r *sizediff.RatchetResult) *ratchetJSON {
	if r == nil {
		return nil
	}
	doc := &ratchetJSON{WindowHours: r.Window.Hours(), Growth: r.Growth}
	if f := r.Floor; f != (sizediff.Floor{}) {
		doc.Floor = &floorJSON{Bytes: f.Bytes, SHA: f.SHA}
		if !f.Since.IsZero() {
			doc.Floor.Since = f.Since.UTC().Format(time.RFC3339)
		}
	}
	return doc
}

// decided is what people did about the growth of an evaluation.
func decided(e *sizediff.Evaluation) decisions {
	d := decisions{Justification: e.Justification}
	if a := e.Acceptance; a != nil {
		d.Acceptance = &acceptanceJSON{a.By, a.Head, a.Reason, a.CarriedFrom, a.Button, []acceptedJSON{}}
		for _, g := range a.Growth {
			d.Acceptance.Growth = append(d.Acceptance.Growth, acceptedJSON(g))
		}
	}
	if e.Lapsed != nil {
		l := lapseJSON(*e.Lapsed)
		d.Lapsed = &l
	}
	if e.Policy.Exempt != nil {
		x := exemptJSON(*e.Policy.Exempt)
		d.Exempt = &x
	}
	if p := e.Proposal; p != nil {
		d.Proposal = &proposalJSON{p.Title, p.Verdict, p.Faults, []loosenedJSON{}, append([]string{}, p.Weaker...)}
		for _, l := range p.Loosened {
			doc := loosenedJSON{Target: l.Target, Bucket: cmp.Or(string(l.Budget.Quantity), l.Budget.Bucket), Path: l.Budget.Path, Ratchet: l.Ratchet,
				Old: l.Old, Used: l.Used, Quantity: l.Budget.Quantity, Unknown: l.Unknown,
				OldWindow: l.OldWindow.Hours(), NewWindow: l.NewWindow.Hours()}
			if l.New >= 0 {
				doc.New = &l.New
			}
			d.Proposal.Loosened = append(d.Proposal.Loosened, doc)
		}
	}
	return d
}

// encode writes JSON in which every character can be seen: what could move a terminal's cursor, turn its text around or hide
// in it is written as \u escapes, which mean the same to a program.
func encode(w io.Writer, doc any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	return writeTo(w, escapeUnseen(b.String()))
}

// escapeUnseen escapes what encoding/json leaves as it is. Outside of strings there is only printable ASCII and line feeds.
func escapeUnseen(s string) string {
	hidden := func(r rune) bool { return r != '\n' && !seen(r) }
	var b strings.Builder
	for {
		i := strings.IndexFunc(s, hidden)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		r, n := utf8.DecodeRuneInString(s[i:])
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
		s = s[i+n:]
	}
}
