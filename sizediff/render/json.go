package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/oxidometer/oxidometer/sizediff"
)

// EvaluationSchema is the version of the JSON form of an evaluation of several targets.
const EvaluationSchema = "oxidometer.evaluation/1"

// document is a report with what the evaluation adds to it.
type document struct {
	*sizediff.Report
	Verdict sizediff.Verdict `json:"verdict"`
	Budgets []budgetJSON     `json:"budgets"`
}

// uncomparedDocument has no totals at all, so that nothing in it can be read as a change of zero.
type uncomparedDocument struct {
	Schema  string           `json:"schema"`
	State   sizediff.State   `json:"state"`
	Verdict sizediff.Verdict `json:"verdict"`
	Problem problemJSON      `json:"problem"`
	Head    *showDocument    `json:"head_alone,omitempty"` // absolute sizes of the head
}

type problemJSON struct {
	Kind   sizediff.ProblemKind `json:"kind"`
	Reason string               `json:"reason"`
	Remedy string               `json:"remedy,omitempty"`
	URL    string               `json:"url,omitempty"`
}

type budgetJSON struct {
	Bucket string                `json:"bucket"`
	Path   string                `json:"path"`
	Limit  int64                 `json:"limit"`
	Delta  int64                 `json:"delta"`
	Status sizediff.BudgetStatus `json:"status"`
}

type evaluationDocument struct {
	Schema  string           `json:"schema"`
	Verdict sizediff.Verdict `json:"verdict"`
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
		return encode(w, reportDocument(e, 0))
	}
	doc := evaluationDocument{Schema: EvaluationSchema, Verdict: e.Verdict(), Targets: []targetDocument{}}
	if len(e.Targets) == 0 {
		doc.Verdict = sizediff.VerdictNotMeasured
	}
	for i := range e.Targets {
		doc.Targets = append(doc.Targets, targetDocument{e.Targets[i].Name, reportDocument(e, i)})
	}
	return encode(w, doc)
}

// reportDocument is one target as if it were alone.
func reportDocument(e *sizediff.Evaluation, i int) any {
	alone := *e
	alone.Targets = e.Targets[i : i+1]
	v := newView(&alone)
	if len(v.compared) == 0 {
		t := v.missing[0]
		p := problemOf(t)
		doc := uncomparedDocument{Schema: sizediff.Schema, State: sizediff.NotCompared, Verdict: v.verdict, Problem: problemJSON(p)}
		if r := headOf(t); r != nil {
			doc.Head = newShowDocument(bySize(r), nil)
		}
		return doc
	}
	t := v.compared[0]
	r := *t.Report
	r.Schema = sizediff.Schema
	doc := document{Report: &r, Verdict: v.verdict, Budgets: []budgetJSON{}}
	for _, b := range t.Budgets {
		doc.Budgets = append(doc.Budgets, budgetJSON{b.Budget.Bucket, b.Budget.Path, b.Limit, b.Delta, b.Status})
	}
	return doc
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
