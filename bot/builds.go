package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/intake"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// maxTargets bounds how many artifacts of a head are fetched when no repository file names the targets.
const maxTargets = 32

// headBuilds is what the runs of a head have built so far.
type headBuilds struct {
	targets []headTarget
	pending bool              // a run is not finished
	seen    bool              // there is a run at all
	since   time.Time         // when a run last moved
	first   time.Time         // when the first run that is finished was
	failed  *sizediff.Problem // of a run that failed, when nothing could be measured
	notes   []string          // what people may want to know of it, for the check run
}

// headTarget is one measured target of the head, or the reason why it is not measured.
type headTarget struct {
	name     string
	label    string // what people read: the name, and the workflow where several have targets of one name
	run      gh.Run
	artifact string // its name
	measured *sizediff.Measurement
	problem  *sizediff.Problem
}

// ready reports whether what is there may be published although runs are pending: settle has passed.
func (h *headBuilds) ready(now time.Time, settle config.Duration) bool {
	return len(h.targets) > 0 && now.Sub(h.first) > time.Duration(settle)
}

// settling is how long to wait for events before the next look.
func (h *headBuilds) settling(now time.Time, settle config.Duration) time.Duration {
	if len(h.targets) == 0 {
		return lookAgain
	}
	return min(lookAgain, time.Duration(settle)-now.Sub(h.first)+time.Second)
}

// waiting is the check run while more is expected. Without targets in a repository file nobody knows how much.
func (h *headBuilds) waiting(targets []config.Target) gh.Check {
	title := "Measuring: CI is not finished"
	if len(targets) > 0 {
		title = render.CheckMeasuring(len(h.targets), len(targets))
	}
	return gh.Check{Status: "in_progress", Title: title, Summary: h.summary()}
}

// expect adds the required targets of the repository file that no run has brought yet, each as not measured.
func (h *headBuilds) expect(targets []config.Target) {
	for _, t := range targets {
		if t.Required && !slices.ContainsFunc(h.targets, func(have headTarget) bool { return have.name == t.Name }) {
			h.targets = append(h.targets, headTarget{name: t.Name, label: t.Name, problem: &sizediff.Problem{
				Kind: sizediff.ProblemNotMeasured, Reason: "its run is not finished", Remedy: "nothing; the report is made again when the run is finished",
			}})
		}
	}
}

// unbegun reports whether a required target's workflow has no run yet.
func unbegun(runs []gh.Run, targets []config.Target) bool {
	return slices.ContainsFunc(targets, func(t config.Target) bool {
		return t.Required && !slices.ContainsFunc(runs, func(r gh.Run) bool { return wanted(r.Path, []config.Target{t}) })
	})
}

// summary lists what is known, for a check run that is not complete.
func (h *headBuilds) summary() string {
	if len(h.notes) == 0 {
		return "No run of this head is finished."
	}
	return "- " + strings.Join(h.notes, "\n- ")
}

// headBuilds looks at the runs of the head and measures what they built.
func (l *look) headBuilds() (*headBuilds, error) {
	runs, err := l.client.Runs(l.ctx, l.repo, gh.RunFilter{HeadSHA: l.pr.HeadSHA})
	if err != nil {
		return nil, err
	}
	h := &headBuilds{}
	chosen := chooseRuns(runs, l.pr, l.cfg.Targets)
	h.pending = len(chosen) > 0 && unbegun(chosen, l.cfg.Targets)
	for _, run := range chosen {
		h.seen = true
		if run.UpdatedAt.After(h.since) {
			h.since = run.UpdatedAt
		}
		if run.Status == "completed" && (h.first.IsZero() || run.UpdatedAt.Before(h.first)) {
			h.first = run.UpdatedAt
		}
		switch {
		case run.Status != "completed":
			h.pending = true
			h.notes = append(h.notes, fmt.Sprintf("%s is %s", codeSpan(path.Base(run.Path)), run.Status))
		case run.Conclusion == "success":
			if err := l.runTargets(h, run); err != nil {
				return nil, err
			}
		default:
			if err := l.failedRun(h, run); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(h.targets, func(a, b headTarget) int { return strings.Compare(a.name, b.name) })
	h.label()
	return h, nil
}

// label tells targets of one name from several workflows apart.
func (h *headBuilds) label() {
	count := map[string]int{}
	for _, t := range h.targets {
		count[t.name]++
	}
	for i := range h.targets {
		t := &h.targets[i]
		if t.label = t.name; count[t.name] > 1 {
			t.label += " (" + path.Base(t.run.Path) + ")"
		}
	}
}

// codeSpan shows a name that a pull request has chosen in Markdown of ours: as code, so that it is no markup and no mention.
func codeSpan(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '`' || r < ' ' || !unicode.IsPrint(r) {
			return '\''
		}
		return r
	}, name)
	if len(name) > 160 {
		name = strings.ToValidUTF8(name[:160], "") + "..."
	}
	return "`" + name + "`"
}

// chooseRuns keeps one run of each workflow that built this head, in order of their paths: one that succeeded if any did,
// else one that may still. Among these a run of the pull request comes before one of the push, because it built what will be
// merged, and then the newest.
func chooseRuns(runs []gh.Run, pr gh.PullRequest, targets []config.Target) []gh.Run {
	best := map[string]gh.Run{}
	for _, r := range runs {
		if r.HeadSHA != pr.HeadSHA || r.Event != "pull_request" && r.Event != "push" && r.Event != "workflow_dispatch" ||
			pr.HeadRepoID != 0 && r.HeadRepoID != pr.HeadRepoID || !wanted(r.Path, targets) {
			continue
		}
		old, ok := best[r.Path]
		if !ok || betterRun(r, old) {
			best[r.Path] = r
		}
	}
	var out []gh.Run
	for _, r := range best {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b gh.Run) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func betterRun(a, b gh.Run) bool {
	if x, y := hope(a), hope(b); x != y {
		return x > y
	}
	if x, y := a.Event == "pull_request", b.Event == "pull_request"; x != y {
		return x
	}
	if !a.CreatedAt.Equal(b.CreatedAt) {
		return a.CreatedAt.After(b.CreatedAt)
	}
	return a.ID > b.ID
}

// hope orders runs by what can be got from them.
func hope(r gh.Run) int {
	switch {
	case r.Status == "completed" && r.Conclusion == "success":
		return 2
	case r.Status != "completed":
		return 1
	}
	return 0
}

// wanted reports whether a workflow is one that a target names, or nothing is named.
func wanted(workflow string, targets []config.Target) bool {
	if len(targets) == 0 {
		return true
	}
	return slices.ContainsFunc(targets, func(t config.Target) bool {
		return t.Workflow == "" || t.Workflow == path.Base(workflow)
	})
}

func (l *look) failedRun(h *headBuilds, run gh.Run) error {
	job, step, url, err := l.client.FailedStep(l.ctx, l.repo, run.ID)
	if err != nil && !isNotFound(err) {
		return err
	}
	reason := fmt.Sprintf("%s ended with %s", path.Base(run.Path), run.Conclusion)
	if job != "" {
		reason = fmt.Sprintf("job %s failed in step %s", job, step)
	}
	if url == "" {
		url = run.URL
	}
	h.failed = &sizediff.Problem{Kind: sizediff.ProblemNotMeasured, Reason: reason, URL: url, Remedy: "mend the build, or run it again"}
	h.notes = append(h.notes, codeSpan(reason))
	for _, t := range l.cfg.Targets {
		if t.Required && (t.Workflow == "" || t.Workflow == path.Base(run.Path)) {
			h.targets = append(h.targets, headTarget{name: t.Name, run: run, problem: h.failed})
		}
	}
	return nil
}

// runTargets measures the artifacts of a successful run that are targets.
func (l *look) runTargets(h *headBuilds, run gh.Run) error {
	artifacts, err := l.client.Artifacts(l.ctx, l.repo, run.ID)
	if err != nil {
		return err
	}
	h.notes = append(h.notes, fmt.Sprintf("%s is finished, %d artifacts", codeSpan(path.Base(run.Path)), len(artifacts)))
	if len(l.cfg.Targets) > 0 {
		return l.namedTargets(h, run, artifacts)
	}
	slices.SortStableFunc(artifacts, func(a, b gh.Artifact) int { return strings.Compare(a.Name, b.Name) })
	for i, a := range artifacts {
		if i == maxTargets {
			h.notes = append(h.notes, fmt.Sprintf("%d artifacts were not looked at; name the targets in .github/oxidometer.yml", len(artifacts)-i))
			break
		}
		m, problem, err := l.measure(l.ctx, l.client, l.repo, l.cfg, run, a, a.Name)
		if err != nil {
			return err
		}
		if problem != nil && problem.Kind == notABuild {
			continue
		}
		h.targets = append(h.targets, headTarget{name: a.Name, run: run, artifact: a.Name, measured: m, problem: problem})
	}
	return nil
}

// namedTargets measures what the repository file asks for.
func (l *look) namedTargets(h *headBuilds, run gh.Run, artifacts []gh.Artifact) error {
	for _, t := range l.cfg.Targets {
		if t.Workflow != "" && t.Workflow != path.Base(run.Path) {
			continue
		}
		a, problem := matchArtifact(artifacts, t)
		var m *sizediff.Measurement
		if problem == nil {
			var err error
			if m, problem, err = l.measure(l.ctx, l.client, l.repo, l.cfg, run, a, t.Name); err != nil {
				return err
			}
		}
		if problem == nil {
			m, problem = selectHead(l.cfg, t.Name, a.Name, m)
		}
		if problem != nil {
			problem.Kind = sizediff.ProblemNotMeasured // also where the artifact is no build at all
			if !t.Required {
				continue
			}
		}
		h.targets = append(h.targets, headTarget{name: t.Name, run: run, artifact: a.Name, measured: m, problem: problem})
	}
	return nil
}

// matchArtifact finds the one artifact of a target.
func matchArtifact(artifacts []gh.Artifact, t config.Target) (gh.Artifact, *sizediff.Problem) {
	pattern := t.Artifact
	if pattern == "" {
		pattern = t.Name
	}
	var found []gh.Artifact
	for _, a := range artifacts {
		if sizediff.MatchName(pattern, a.Name) {
			found = append(found, a)
		}
	}
	no := func(format string, a ...any) (gh.Artifact, *sizediff.Problem) {
		return gh.Artifact{}, &sizediff.Problem{Kind: sizediff.ProblemNotMeasured, Reason: fmt.Sprintf(format, a...),
			Remedy: "make target " + t.Name + " in .github/oxidometer.yml match one artifact"}
	}
	switch {
	case len(found) == 0:
		return no("no artifact is called %s", pattern)
	case len(found) > 1:
		return no("%d artifacts match %s", len(found), pattern)
	case found[0].Expired:
		return no("artifact %s has expired", found[0].Name)
	}
	return found[0], nil
}

// notABuild is the kind of a problem that says nothing was to be measured: an artifact without an ELF image.
const notABuild sizediff.ProblemKind = "not a build"

// measure returns the measurement of an artifact: from the store, or fetched and measured now, and stored. A problem is
// what people can do something about; an error is what a later try may mend.
func (b *Bot) measure(ctx context.Context, c *gh.Client, repo gh.Repo, cfg *config.Repo, run gh.Run, a gh.Artifact, target string) (*sizediff.Measurement, *sizediff.Problem, error) {
	done, err := b.measuring.enter(ctx, a.ID)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	row, err := b.measuredBefore(ctx, repo, cfg, a, target)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, nil, err
	}
	stored := storedTarget(run.Path, target)
	switch {
	case err != nil:
		if a.Expired {
			return nil, &sizediff.Problem{Kind: sizediff.ProblemNotMeasured, Reason: "artifact " + a.Name + " has expired"}, nil
		}
		row = store.Measurement{
			RepoID: repo.ID, Target: stored, SHA: run.HeadSHA, RunID: run.ID, RunEvent: run.Event, ArtifactID: a.ID,
			ArtifactDigest: a.Digest, Trusted: mayBeBase(cfg, repo, run), Built: run.CreatedAt, Created: b.Now(),
		}
		if row.Trusted {
			row.Branch = run.HeadBranch
		}
		if row.Blob, row.Problem, err = b.fetchAndMeasure(ctx, c, repo, cfg, a, target); err != nil {
			return nil, nil, err
		}
		if _, err := b.Store.PutMeasurement(ctx, row); err != nil {
			return nil, nil, err
		}
	case row.Target != stored: // an artifact may be several targets, each with files of its own, and each wants a base
		row.Target = stored
		if _, err := b.Store.PutMeasurement(ctx, row); err != nil {
			return nil, nil, err
		}
	}
	if row.Problem == noImage {
		return nil, &sizediff.Problem{Kind: notABuild, Reason: row.Problem}, nil
	}
	if row.Problem != "" {
		return nil, &sizediff.Problem{Kind: sizediff.ProblemNotMeasured, Reason: row.Problem, URL: run.URL}, nil
	}
	m, err := sizediff.ReadMeasurement(bytes.NewReader(row.Blob))
	if err != nil {
		return nil, nil, fmt.Errorf("stored measurement of artifact %d: %w", a.ID, err)
	}
	m.Label = target
	if len(m.Images) == 0 && !cfg.Selection(target).Opaque {
		return nil, &sizediff.Problem{Kind: notABuild, Reason: noImage}, nil
	}
	return m, nil, nil
}

// oneEach lets one job at a time work on an artifact. The next one finds the result in the store: a base is often wanted by its
// own run and by a pull request at the same moment, and may have a gigabyte.
type oneEach struct {
	mu   sync.Mutex
	busy map[int64]chan struct{} // closed when its job is done
}

// enter waits until nobody works on id. The caller calls done at the end.
func (o *oneEach) enter(ctx context.Context, id int64) (done func(), err error) {
	for {
		o.mu.Lock()
		other, busy := o.busy[id]
		if !busy {
			mine := make(chan struct{})
			o.busy[id] = mine
			o.mu.Unlock()
			return func() {
				o.mu.Lock()
				delete(o.busy, id)
				o.mu.Unlock()
				close(mine)
			}, nil
		}
		o.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// storedTarget is what a target is called in the store. Two workflows may both have one of the same name, and what one of them
// built is no base for the other.
func storedTarget(workflow, target string) string { return workflow + " " + target }

// noImage marks an artifact in which there was nothing to measure.
const noImage = "it holds no ELF image"

// nothingIn reports whether the measuring program found nothing to measure, in its words.
func nothingIn(reason string) bool {
	return strings.Contains(reason, "holds no ELF") || strings.Contains(reason, "is neither an ELF file nor")
}

// trusted reports whether a run may be a baseline: it built a commit of this repository itself, not what a pull request
// proposes.
func trusted(run gh.Run, repo gh.Repo) bool {
	return run.HeadRepoID == repo.ID && slices.Contains([]string{"push", "merge_group", "schedule", "workflow_dispatch"}, run.Event)
}

// aboutArtifact gives a reason that speaks of the whole artifact its subject.
func aboutArtifact(name, reason string) string {
	if strings.HasPrefix(reason, "is ") || strings.HasPrefix(reason, "holds ") {
		return "artifact " + name + " " + reason
	}
	return reason
}

// fetchAndMeasure downloads an artifact and measures it in a child process. A problem is the artifact's fault.
func (b *Bot) fetchAndMeasure(ctx context.Context, c *gh.Client, repo gh.Repo, cfg *config.Repo, a gh.Artifact, target string) (blob []byte, problem string, err error) {
	link := func(ctx context.Context) (string, error) { return c.ArtifactURL(ctx, repo, a.ID) }
	file, err := b.Intake.Fetch(ctx, link, intake.Want{Size: a.Size, Digest: a.Digest, Most: int64(cfg.Limits.ArtifactSize)})
	if p, ok := errors.AsType[*intake.FetchError](err); ok && !p.Temporary {
		return nil, p.Error(), nil
	}
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	blob, err = b.Intake.Measure(ctx, file.Path, measureOptions(cfg, target))
	if p, ok := errors.AsType[*intake.NotMeasured](err); ok && !p.Retry {
		if nothingIn(p.Reason) {
			return nil, noImage, nil
		}
		return nil, aboutArtifact(a.Name, p.Reason), nil
	}
	return blob, "", err
}
