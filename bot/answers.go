package bot

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/oxidometer/oxidometer/bot/command"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/web"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// This file answers the commands that only ask. Answers are Markdown, made from what is stored; only status and the names of
// revisions need GitHub.

const (
	answerTargets = 4      // targets that one answer speaks of; config= chooses others
	answerBytes   = 12_000 // of a comparison inside an answer
	answerRuns    = 50     // runs that the status lists
)

// help lists the commands, or explains one.
func (r *request) help(c command.Command) (string, error) {
	text := command.Help(r.cfg.Commands.Prefix, command.Verb(c.Value("verb")))
	if r.PublicURL != "" {
		text += "\n" + render.Link("All commands with examples", r.PublicURL+"/help") + "\n"
	}
	return text, nil
}

// stuckAfter is how long a job that could run may wait before something is wrong with the queue.
const stuckAfter = 5 * time.Minute

// ping says that somebody is there, how late, and whether the queue moves. Who reads the answer knows that the store answers.
func (r *request) ping(command.Command) (string, error) {
	release := "unknown version"
	if info, ok := debug.ReadBuildInfo(); ok {
		release = info.Main.Version
	}
	stats, err := r.Store.Stats(r.ctx)
	if err != nil {
		return "", err
	}
	waiting := stats.Jobs["available"] + stats.Jobs["retryable"]
	return fmt.Sprintf("oxidometer %s. %s Your comment was read %s after it was written; %d jobs wait.",
		render.Prose(release), health(stats.OldestAge), max(0, r.Now().Sub(r.written)).Round(time.Second), waiting), nil
}

// health says whether the queue moves, by how long the oldest job that could run has waited.
func health(oldest time.Duration) string {
	if oldest < stuckAfter {
		return "All is well: the database answers and the queue moves."
	}
	return fmt.Sprintf("The queue is late: a job has waited for %s; the server's log may have the cause.", oldest.Round(time.Second))
}

// status explains what is known of the head, what its base is and why, and what is waited for.
func (r *request) status(command.Command) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "**Head %s**\n\n", render.Code(fmt.Sprintf("%.7s", r.pr.HeadSHA)))
	pending, err := r.statusRuns(&b)
	if err != nil {
		return "", err
	}
	rec, e, err := r.latest()
	switch {
	case errors.Is(err, store.ErrNotFound):
		b.WriteString("\nNothing was published on this pull request yet.\n")
	case err != nil:
		return "", err
	default:
		r.statusPublished(&b, rec, e)
	}
	by, paused, pausedErr := r.Store.Paused(r.ctx, r.repo.ID, r.pr.Number)
	if pausedErr != nil {
		return "", pausedErr
	}
	if paused {
		fmt.Fprintf(&b, "\nThe comment is paused by %s; the check run is still written.\n", render.Code(by))
	}
	switch published := err == nil && e.HeadSHA == r.pr.HeadSHA; {
	case pending:
		b.WriteString("\n**Waiting for** the runs that are not finished. The result follows when they are.\n")
	case !published:
		b.WriteString("\n**Waiting for** this head's turn in the queue, or for a run of it to begin.\n")
	default:
		b.WriteString("\nNothing is waited for.\n")
	}
	return b.String(), nil
}

// statusRuns lists the head's runs, with the artifacts of those that count, and reports whether one of these is not finished.
func (r *request) statusRuns(w io.Writer) (pending bool, err error) {
	runs, err := r.client.Runs(r.ctx, r.repo, gh.RunFilter{HeadSHA: r.pr.HeadSHA})
	if err != nil {
		return false, err
	}
	if len(runs) == 0 {
		fmt.Fprintln(w, "No workflow run of this head has begun.")
	}
	chosen := chooseRuns(runs, r.pr, r.cfg.Targets)
	counts := func(run gh.Run) bool {
		return slices.ContainsFunc(chosen, func(c gh.Run) bool { return c.ID == run.ID })
	}
	for i, run := range runs {
		pending = pending || counts(run) && run.Status != "completed"
		if i >= answerRuns {
			continue
		}
		state := render.Prose(cmp.Or(run.Conclusion, run.Status))
		if !counts(run) {
			state += "; it is not looked at"
		}
		fmt.Fprintf(w, "- %s of %s, event %s: %s\n", render.Link(fmt.Sprintf("run %d", run.ID), run.URL), render.Code(run.Path), render.Code(run.Event), state)
		if counts(run) {
			if err := r.statusArtifacts(w, run.ID); err != nil {
				return false, err
			}
		}
	}
	if more := len(runs) - answerRuns; more > 0 {
		fmt.Fprintf(w, "- %d more runs\n", more)
	}
	return pending, nil
}

func (r *request) statusArtifacts(w io.Writer, run int64) error {
	artifacts, err := r.client.Artifacts(r.ctx, r.repo, run)
	if err != nil {
		return err
	}
	slices.SortFunc(artifacts, func(a, b gh.Artifact) int { return strings.Compare(a.Name, b.Name) })
	for _, a := range artifacts[:min(len(artifacts), maxTargets)] {
		word, err := r.artifactState(a)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "  - artifact %s, %s: %s\n", render.Code(a.Name), render.Bytes(a.Size), word)
	}
	if more := len(artifacts) - maxTargets; more > 0 {
		fmt.Fprintf(w, "  - %d more artifacts\n", more)
	}
	return nil
}

func (r *request) artifactState(a gh.Artifact) (string, error) {
	row, err := r.Store.MeasurementByArtifact(r.ctx, r.repo.ID, a.ID)
	switch {
	case errors.Is(err, store.ErrNotFound) && a.Expired:
		return "expired, never measured", nil
	case errors.Is(err, store.ErrNotFound):
		return "not measured yet", nil
	case err != nil:
		return "", err
	case row.Problem != "":
		return "not measured: " + render.Prose(row.Problem), nil
	}
	return "measured", nil
}

// statusPublished says what stands on the pull request, and how its base was chosen.
func (r *request) statusPublished(w io.Writer, rec web.Record, e store.Evaluation) {
	fmt.Fprintf(w, "\n**Published** for %s: %s\n", render.Code(e.HeadSHA[:7]), render.Prose(render.CheckTitle(rec.Evaluation)))
	if base := rec.Evaluation.Provenance.Base; base != "" {
		fmt.Fprintf(w, "\n**Base** %s (%s)\n", render.Code(base[:min(7, len(base))]), rec.Evaluation.Provenance.BaseChoice)
	} else {
		fmt.Fprintf(w, "\n**No base**\n")
	}
	if len(rec.Steps) > 0 {
		fmt.Fprintln(w)
	}
	for _, s := range rec.Steps {
		fmt.Fprintf(w, "- %s\n", render.Prose(s))
	}
}

// latest is the newest evaluation of the pull request, or store.ErrNotFound.
func (l *look) latest() (web.Record, store.Evaluation, error) {
	e, err := l.Store.LatestEvaluation(l.ctx, l.repo.ID, l.pr.Number)
	if err != nil {
		return web.Record{}, e, err
	}
	rec, err := web.DecodeRecord(e.Record)
	return rec, e, err
}

// measured is one target of a revision, from the store.
type measured struct {
	key  string // as it is stored: the workflow and the name
	name string
	sha  string
	*sizediff.Measurement
}

var commitForm = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// revision returns what is measured of a commit, a branch or a tag; config narrows it to the targets that the glob fits.
func (r *request) revision(rev, config string) ([]measured, error) {
	sha := strings.ToLower(rev)
	var rows []store.Measurement
	var err error
	if commitForm.MatchString(sha) {
		if rows, err = r.Store.MeasuredAt(r.ctx, r.repo.ID, sha); err != nil {
			return nil, err
		}
	}
	if len(rows) == 0 {
		// What a revision has in common with itself is its commit.
		sha, err = r.client.MergeBase(r.ctx, r.repo, rev, rev)
		if isNotFound(err) || unreadable(err) {
			return nil, refusedf("%s is no commit, branch or tag of this repository.", render.Code(rev))
		}
		if err != nil {
			return nil, err
		}
		if rows, err = r.Store.MeasuredAt(r.ctx, r.repo.ID, sha); err != nil {
			return nil, err
		}
	}
	if len(rows) == 0 {
		return nil, refusedf("%s is not measured; its build may have expired, or CI never built it.", render.Code(rev))
	}
	if slices.ContainsFunc(rows, func(m store.Measurement) bool { return m.SHA != rows[0].SHA }) {
		return nil, refusedf("%s fits several measured commits; write more of it.", render.Code(rev))
	}
	out, err := r.decodeAll(rows, config, answerTargets)
	switch {
	case err != nil || len(out) > 0:
		return out, err
	case config == "":
		return nil, refusedf("The build of %s lacks what the targets of the repository file are about.", render.Code(rev))
	}
	return nil, refusedf("No measured target of %s is called %s.", render.Code(rev), render.Code(config))
}

// decodeAll reads the first measurements whose targets the glob fits, as far as the repository file says what of them is judged.
func (r *request) decodeAll(rows []store.Measurement, config string, most int) (out []measured, err error) {
	for _, known := range rows {
		name := TargetName(known.Target)
		if len(out) == most || config != "" && !sizediff.MatchName(config, name) {
			continue
		}
		row, err := r.Store.MeasurementByID(r.ctx, r.repo.ID, known.ID)
		if errors.Is(err, store.ErrNotFound) { // purged since
			continue
		}
		if err != nil {
			return nil, err
		}
		m, err := sizediff.ReadMeasurement(bytes.NewReader(row.Blob))
		if err != nil {
			return nil, fmt.Errorf("stored measurement %d: %w", row.ID, err)
		}
		if m, err = m.Select(r.cfg.Selection(name)); err != nil { // the build lacks what the target is about
			continue
		}
		m.Label = name
		out = append(out, measured{row.Target, name, row.SHA, m})
	}
	return out, nil
}

// base compares the head with another base, for information only; auto says which base counts and why.
func (r *request) base(c command.Command) (string, error) {
	rev := c.Value("revision")
	if rev == "auto" {
		rec, e, err := r.latest()
		if errors.Is(err, store.ErrNotFound) {
			return "", refusedf("Nothing was published on this pull request yet.")
		}
		if err != nil {
			return "", err
		}
		var b strings.Builder
		r.statusPublished(&b, rec, e)
		return b.String(), nil
	}
	return r.compareRevisions(rev, r.pr.HeadSHA, "")
}

// diff compares two measured revisions.
func (r *request) diff(c command.Command) (string, error) {
	from, to := c.Range()
	return r.compareRevisions(from, to, c.Value("config"))
}

func (r *request) compareRevisions(from, to, config string) (string, error) {
	base, err := r.revision(from, config)
	if err != nil {
		return "", err
	}
	head, err := r.revision(to, config)
	if err != nil {
		return "", err
	}
	policy := r.cfg.Policy()
	policy.Budgets, policy.Ratchets = nil, nil // for information: nothing is judged
	e := &sizediff.Evaluation{Policy: policy, Provenance: sizediff.Provenance{Head: head[0].sha, Base: base[0].sha, BaseChoice: sizediff.BaseGiven}}
	for _, h := range head {
		if b := sameTarget(base, h); b != nil {
			result := sizediff.Evaluate(h.name, insight.Compare(b.Measurement, h.Measurement, policy.Buckets), policy)
			e.Targets = append(e.Targets, result)
		}
	}
	if len(e.Targets) == 0 {
		return "", refusedf("%s and %s have no measured target in common.", render.Code(from), render.Code(to))
	}
	var b bytes.Buffer
	err = render.Markdown(&b, e, render.MarkdownOptions{MaxBytes: answerBytes, Top: 10})
	return b.String(), err
}

func sameTarget(list []measured, m measured) *measured {
	i := slices.IndexFunc(list, func(x measured) bool { return x.key == m.key })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// explain says what a symbol, crate or section is on both sides.
func (r *request) explain(c command.Command) (string, error) {
	head, err := r.revision(r.pr.HeadSHA, c.Value("config"))
	if err != nil {
		return "", err
	}
	base, err := r.publishedBase(c.Value("config"))
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	for _, h := range head {
		var before *sizediff.Measurement // nil: it is not compared
		if same := sameTarget(base, h); same != nil {
			before = same.Measurement
		}
		found := sizediff.Lookup(before, h.Measurement, r.cfg.Policy().Buckets, c.Value("symbol"))
		if err := render.FoundMarkdown(&b, h.name, found); err != nil {
			return "", err
		}
		if len(found.Symbols) > 0 {
			if err := whyIn(&b, h, c.Value("symbol")); err != nil {
				return "", err
			}
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}

// whyIn says who refers to a symbol of a measured head.
func whyIn(w io.Writer, h measured, symbol string) error {
	g, err := insight.NewGraph(h.Measurement)
	if err != nil {
		return render.WhyNotMarkdown(w, err)
	}
	a, err := g.Why(h.name, symbol, 1)
	if err != nil {
		return render.WhyNotMarkdown(w, err)
	}
	return render.WhyMarkdown(w, a)
}

// publishedBase is what the pull request was compared with last, nil when that is not measured.
func (r *request) publishedBase(config string) ([]measured, error) {
	rec, _, err := r.latest()
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil || rec.Evaluation.Provenance.Base == "" {
		return nil, err
	}
	rows, err := r.Store.MeasuredAt(r.ctx, r.repo.ID, rec.Evaluation.Provenance.Base)
	if err != nil {
		return nil, err
	}
	return r.decodeAll(rows, config, len(rows))
}

// top lists the largest symbols of the head.
func (r *request) top(c command.Command) (string, error) {
	head, err := r.revision(r.pr.HeadSHA, "")
	if err != nil {
		return "", err
	}
	bucket, buckets := c.Value("bucket"), r.cfg.Policy().Buckets
	if bucket != "" && !slices.ContainsFunc(buckets, func(b sizediff.Bucket) bool { return b.Name == bucket }) {
		return "", refusedf("There is no bucket %s; there are %s.", render.Code(bucket), bucketNames(buckets))
	}
	var b bytes.Buffer
	for _, h := range head {
		largest := sizediff.Largest(h.Measurement, buckets, -1)
		if bucket != "" {
			largest = slices.DeleteFunc(largest, func(s sizediff.SymbolSize) bool { return s.Bucket != bucket })
		}
		if err := render.TopMarkdown(&b, h.name, largest[:min(c.Int("n"), len(largest))]); err != nil {
			return "", err
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}

func bucketNames(buckets []sizediff.Bucket) string {
	var names []string
	for _, b := range buckets {
		names = append(names, render.Code(b.Name))
	}
	return strings.Join(names, ", ")
}

// configs lists what is measured of the head.
func (r *request) configs(command.Command) (string, error) {
	head, err := r.revision(r.pr.HeadSHA, "")
	if err != nil {
		return "", err
	}
	var targets []render.MeasuredTarget
	for _, h := range head {
		targets = append(targets, render.MeasuredTarget{Name: h.name, Commit: h.sha, Report: sizediff.Compare(h.Measurement, h.Measurement, r.cfg.Policy().Buckets)})
	}
	var b bytes.Buffer
	err = render.ConfigsMarkdown(&b, targets)
	return b.String(), err
}

// judged is what was published of the head.
func (r *request) judged() (*sizediff.Evaluation, error) {
	rec, e, err := r.latest()
	if errors.Is(err, store.ErrNotFound) || err == nil && e.HeadSHA != r.pr.HeadSHA {
		return nil, refusedf("This head is not measured yet; `%s status` says what is waited for.", r.cfg.Commands.Prefix)
	}
	return rec.Evaluation, err
}

// reportOf is the report of the targets that a glob fits, as an answer.
func (r *request) reportOf(config string) (string, error) {
	e, err := r.judged()
	if err != nil {
		return "", err
	}
	e.Targets = slices.DeleteFunc(e.Targets, func(t sizediff.TargetResult) bool { return !sizediff.MatchName(config, t.Name) })
	if len(e.Targets) == 0 {
		return "", refusedf("No target is called %s.", render.Code(config))
	}
	var b bytes.Buffer
	err = render.Markdown(&b, e, render.MarkdownOptions{MaxBytes: answerBytes, Top: 10})
	return b.String(), err
}

// text is the report for a commit message or a mail.
func (r *request) text(command.Command) (string, error) {
	e, err := r.judged()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = render.CommitText(&b, e)
	return b.String(), err
}
