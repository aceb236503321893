// Package doctor checks a server's settings and surroundings: what it found, and what to do about it. It changes nothing
// but the database's tables, which it brings up to date as the server would.
package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/config"
)

// Status is how a check ended.
type Status string

// A warning does not keep the server from working, a failure keeps it from doing something that it is for.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Check is one thing that was looked at. All texts are single printable lines.
type Check struct {
	Status  Status `json:"status"`
	What    string `json:"what"`
	Finding string `json:"finding"`
	Remedy  string `json:"remedy,omitempty"`
}

// Report is every check, in a fixed order.
type Report []Check

// Options of Run.
type Options struct {
	Server    config.Server
	Self      string            // path of this program, which measures itself
	Transport http.RoundTripper // nil: a clone of http.DefaultTransport
	Now       func() time.Time  // nil: time.Now
}

const (
	requestTime = 15 * time.Second
	allTime     = 10 * time.Minute
)

// examination is one run.
type examination struct {
	o      Options
	report Report
	clock  *clock

	key     []byte
	secrets [][]byte
	app     *gh.App
	slug    string
}

// Run makes every check. It ends early only with ctx.
func Run(ctx context.Context, o Options) Report {
	ctx, cancel := context.WithTimeout(ctx, allTime)
	defer cancel()
	e := begin(o)
	e.settings()
	e.github(ctx)
	e.webhook(ctx)
	e.database(ctx)
	e.machine(ctx)
	return e.report
}

func begin(o Options) *examination {
	if o.Transport == nil {
		o.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &examination{o: o, clock: &clock{next: o.Transport, now: o.Now}}
}

func (e *examination) ok(what, format string, args ...any) {
	e.add(OK, what, "", format, args...)
}

func (e *examination) warn(what, remedy, format string, args ...any) {
	e.add(Warn, what, remedy, format, args...)
}

func (e *examination) fail(what, remedy, format string, args ...any) {
	e.add(Fail, what, remedy, format, args...)
}

func (e *examination) add(s Status, what, remedy, format string, args ...any) {
	e.report = append(e.report, Check{Status: s, What: what, Finding: line(fmt.Sprintf(format, args...)), Remedy: line(remedy)})
}

// failed reports an error. Without a remedy, the error's own is taken: what stands after its last semicolon.
func (e *examination) failed(what string, err error, remedy string) {
	text := err.Error()
	if i := strings.LastIndex(text, "; "); remedy == "" && i >= 0 {
		text, remedy = text[:i], text[i+2:]
	}
	e.fail(what, remedy, "%s", text)
}

// skipped says that a check could not be made because of another.
func (e *examination) skipped(because string, whats ...string) {
	for _, what := range whats {
		e.warn(what, "see "+because, "not checked")
	}
}

// line makes text from outside one line that a terminal shows as it is.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, strings.TrimSpace(s))
}

// Failed is how many checks failed.
func (r Report) Failed() int {
	n := 0
	for _, c := range r {
		if c.Status == Fail {
			n++
		}
	}
	return n
}

// Text is one line for each check: status, what, finding; remedy.
func (r Report) Text() string {
	width := 0
	for _, c := range r {
		width = max(width, len(c.What))
	}
	var b strings.Builder
	for _, c := range r {
		fmt.Fprintf(&b, "%-4s  %-*s  %s", c.Status, width, c.What, c.Finding)
		if c.Remedy != "" {
			b.WriteString("; " + c.Remedy)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// JSON is the report for programs.
func (r Report) JSON() (string, error) {
	out, err := json.MarshalIndent(struct {
		Schema string `json:"schema"`
		Failed int    `json:"failed"`
		Checks Report `json:"checks"`
	}{"oxidometer.doctor/1", r.Failed(), r}, "", "  ")
	return string(out) + "\n", err
}
