package render

import (
	"io"
	"math"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// detail is how much a comment shows.
type detail struct {
	symbols   int  // rows of symbols per target, negative for all
	worstOnly bool // folded blocks of the worst target only
	commit    bool // the block for the commit message
	causes    int  // rows of the explanation
	minimal   bool // verdict, first table and provenance only
}

// rows is the height of the folded tables other than symbols.
func (d detail) rows() int {
	if d.symbols < 0 {
		return math.MaxInt
	}
	return max(d.symbols, 10)
}

// A step takes something away. The steps are taken in order until the comment fits; what a step has taken stays away. Each
// part says itself what was left out of it.
type step func(*detail)

var (
	commentSteps = []step{symbolRows(50), symbolRows(20), symbolRows(10), worstOnly, noCommit, threeCauses, minimal}
	// A check's page has no room problem but an own limit, and the reader comes to it for the detail: keep the worst target's rows longest.
	checkSteps = []step{symbolRows(200), symbolRows(50), worstOnly, noCommit, symbolRows(20), symbolRows(10), threeCauses, minimal}
)

func symbolRows(n int) step {
	return func(d *detail) {
		if d.symbols < 0 || d.symbols > n {
			d.symbols = n
		}
	}
}

func worstOnly(d *detail)   { d.worstOnly = true }
func noCommit(d *detail)    { d.commit = false }
func threeCauses(d *detail) { d.causes = 3 }
func minimal(d *detail)     { d.minimal = true }

// fit writes the comment with as much detail as fits.
func fit(v *view, o MarkdownOptions, steps []step) string {
	limit := max(o.MaxBytes, minMaxBytes)
	d := detail{symbols: o.Top, commit: true, causes: maxCauses}
	text := attempt(v, o, d)
	for _, s := range steps {
		if len(text) <= limit {
			return text
		}
		s(&d)
		text = attempt(v, o, d)
	}
	if len(text) <= limit {
		return text
	}
	return shortest(v, o, limit)
}

func attempt(v *view, o MarkdownOptions, d detail) string {
	c := &comment{v: v, o: o, d: d}
	c.write()
	return c.String()
}

// shortest is for names so long that even the first table does not fit: verdict and provenance.
func shortest(v *view, o MarkdownOptions, limit int) string {
	c := &comment{v: v, o: o}
	c.headline()
	c.line("\nThe tables are left out because they are too long. %s", c.elsewhere())
	c.provenance()
	if o.Marker != "" {
		c.line("%s", o.Marker)
	}
	if s := c.String(); len(s) <= limit {
		return s
	}
	// Only addresses are unbounded in what is left.
	e := *v.e
	e.Provenance.ReportURL, e.Provenance.HistoryURL, e.Provenance.JSONURL = "", "", ""
	if v.e.Provenance.ReportURL == "" && v.e.Provenance.HistoryURL == "" && v.e.Provenance.JSONURL == "" {
		return strings.ToValidUTF8(c.String()[:limit], "")
	}
	return shortest(newView(&e), o, limit)
}

// CheckSummary writes the summary of the check run: the comment with the limit of a check, max bytes (0 is 65,535), and
// without a marker.
func CheckSummary(w io.Writer, e *sizediff.Evaluation, max int) error {
	if max == 0 {
		max = 65_535
	}
	return writeTo(w, fit(newView(e), MarkdownOptions{MaxBytes: max, Top: 200}, checkSteps))
}
