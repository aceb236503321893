package bot_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// What is said of why a build grew, through the program. In small-base, disassembled, one place calls into the panic machinery; in
// small-head it is six.

const (
	noNewPanics = "budgets:\n  - {quantity: panic_sites, grow: 0}\ngate: {mode: enforce}\n"
	panicTitle  = "Panic call sites +5, budget 0"
)

// page reads a page of the program.
func (w *world) page(path string) string {
	w.t.Helper()
	resp, err := http.Get(w.url + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s (error %v)", path, resp.Status, err)
	}
	return string(body)
}

// contains fails for each text that is not, or with a "!" before it is, in a document.
func contains(t *testing.T, what, document string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		text, absent := strings.CutPrefix(text, "!")
		if strings.Contains(document, text) == absent {
			t.Errorf("%s: %q in it is %v:\n%s", what, text, !absent, document)
		}
	}
}

// A comment names who first referred to what grew, and a budget of panic call sites is judged and accepted as one of bytes is.
func TestPanicBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile(noNewPanics)
	w.github.SetRole(w.repo, maintainer, "maintain")
	w.build(ghtest.Run{}, smallBase(t))
	pull := w.open("printing")
	first := w.head(pull)
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	w.shows(pull, "failure", panicTitle)
	const over = "**Panic call sites +5: over the budget of 0"
	contains(t, "the comment", w.comment(pull, over).Body,
		"Budget of panic call sites: +5 of 0, over by 5.",
		"| new or larger in the runtime | bytes | first referenced by |",
		"| `core::unicode::printable` | +636 | the same |",
		"`mydriver::report`, through <code>&lt;&amp;mydriver::Reading as core::fmt::Debug&gt;::fmt</code> |",
		"5 more panic call sites (1 → 6): <code>&lt;str as core::fmt::Debug&gt;::fmt</code> +2",
		"!| not known |")
	w.idle()
	e, err := w.store.LatestEvaluation(t.Context(), w.repo.ID, pull)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "the report", w.page("/r/"+e.ID), "Panic call sites", "mydriver::report", "&lt;&amp;mydriver::Reading as core::fmt::Debug&gt;::fmt", "1 → 6")
	var report struct {
		sizediff.Report
		Budgets []struct {
			Quantity sizediff.Quantity
			Delta    int64
			Status   sizediff.BudgetStatus
		}
	}
	if err := json.Unmarshal([]byte(w.page("/r/"+e.ID+".json")), &report); err != nil {
		t.Fatal(err)
	}
	if c := report.Causes; c == nil || c.References == nil || len(c.References.Arrivals) == 0 || c.References.Panics.Sites != sizediff.NewChange(1, 6) {
		t.Errorf("the causes in the JSON are %+v", c)
	}
	if b := report.Budgets; len(b) != 1 || b[0].Quantity != sizediff.QuantityPanicSites || b[0].Delta != 5 || b[0].Status != sizediff.BudgetOver {
		t.Errorf("the budgets in the JSON are %+v", b)
	}

	w.laterThanNow()
	w.ask(pull, maintainer, accept, "+1")
	const acceptedPanics = "Panic call sites +5, accepted by maint"
	w.shows(pull, "success", acceptedPanics)
	contains(t, "the accepted comment", w.comment(pull, "**Panic call sites +5: over budget, accepted by `maint`").Body, "names come from user space")
	rows := w.ledger(pull)
	if len(rows) != 1 || rows[0].By != maintainer || rows[0].Head != first || !strings.Contains(string(rows[0].Growth), string(sizediff.QuantityPanicSites)) {
		t.Errorf("ledger %+v", rows)
	}
	w.rebuild(pull, smallHead(t)) // not larger
	w.shows(pull, "success", acceptedPanics)
	contains(t, "the comment on the later head", w.comment(pull, "**Panic call sites +5: over budget, accepted by `maint`").Body, first[:7])
}

// unexamined packs a measurement of a build as it was made before references were measured.
func unexamined(t *testing.T, build string) []byte {
	t.Helper()
	b, err := source.Open("../sizediff/testdata/"+build, source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := sizediff.Measure(b, sizediff.MeasureOptions{Portable: true})
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := sizediff.WriteMeasurement(&buf, m); err != nil {
		t.Fatal(err)
	}
	return zipped(t, "kernel.oxm", &buf)
}

// What an old measurement does not hold is not known. It is never within a budget, nor none.
func TestWithoutReferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repositoryFile(noNewPanics)
	w.build(ghtest.Run{}, unexamined(t, "small-base"))
	pull := w.open("printing")
	w.build(ghtest.Run{Pull: pull}, smallHead(t))
	const unjudged = "The budget of panic call sites is not judged: the references between symbols are not known of both builds; measure them again"
	contains(t, "the comment on an old base", w.comment(pull, grown).Body, unjudged, "Why the runtime grew", "!first referenced", "!call site (", "!call sites (", "!panic paths", "!within budget")
	w.shows(pull, "neutral", "+10,908 B (10.7 KiB), Rust runtime +9,752 B; panic call sites not judged")

	const question = "/size explain is_printable"
	w.laterThanNow()
	contains(t, "the answer on a head with references", w.ask(pull, author, question, "+1"), "Referred to by <code>&lt;char&gt;::escape_debug_ext</code>", "!is not known")
	w.rebuild(pull, unexamined(t, "small-head"))
	w.idle()
	w.shows(pull, "neutral", "+10,908 B")
	contains(t, "the answer on a head without", w.ask(pull, author, question, "+1"),
		"636", "Who refers to it is not known: this commit was measured without references.", "!Referred to by")
}
