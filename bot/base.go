package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oxidometer/oxidometer/bot/baseline"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
)

// baseBuild is what a target is compared with, or why there is nothing.
type baseBuild struct {
	baseline.Decision
	mergeOf  string // the head was built as merge with this commit; "" when it was built alone
	measured *sizediff.Measurement
	built    time.Time        // when its run was created
	problem  sizediff.Problem // when measured is nil
	wait     time.Duration    // the base is being built
}

// base finds the build that a target of the head is compared with. Package baseline decides; here is only who answers its
// questions.
func (l *look) base(t headTarget) (baseBuild, error) {
	q := &questions{look: l, target: t, artifacts: map[int64]gh.Artifact{}}
	facts, err := q.facts()
	if err != nil {
		return baseBuild{}, err
	}
	for {
		d, err := baseline.Find(l.ctx, facts, q.answer)
		if err != nil {
			return baseBuild{}, err
		}
		b := baseBuild{Decision: d, problem: sizediff.Problem{Kind: sizediff.ProblemNotCompared, Reason: d.Reason, Remedy: d.Remedy}}
		if d.Merged {
			b.mergeOf = d.ExactSHA
		}
		if d.Kind == baseline.Wait {
			b.wait = max(d.WaitUntil.Sub(l.Now()), time.Second)
		}
		if d.Kind != baseline.Exact && d.Kind != baseline.Ancestor {
			return b, nil
		}
		usable, err := q.measure(facts, &b)
		if err != nil || usable {
			return l.selected(t, b), err
		}
		// The artifact turned out to be unusable. The facts say so now; decide again without it.
	}
}

// questions answers what baseline asks, from GitHub and the store.
type questions struct {
	*look
	target    headTarget
	artifacts map[int64]gh.Artifact // by run, of the target
}

// facts are what is known before anything is asked.
func (q *questions) facts() (*baseline.Facts, error) {
	f := &baseline.Facts{
		Now: q.Now(), RepoID: q.repo.ID, BaseRef: q.pr.BaseRef, Head: factOf(q.target.run), FirstAsked: q.target.run.UpdatedAt,
		Rules:   rulesOf(q.cfg),
		Commits: map[string]baseline.Commit{}, OnBase: map[string]bool{}, RunsListed: map[string]bool{}, Measured: map[string]bool{},
	}
	if m := q.target.measured.Manifest; m != nil {
		f.Manifest = &baseline.Manifest{SHA: m.SHA, Parents: m.Parents, Run: m.Run}
	}
	merges, err := q.Store.TestMerges(q.ctx, q.repo.ID, q.pr.Number)
	for _, m := range merges {
		f.TestMerges = append(f.TestMerges, baseline.TestMerge{SHA: m.SHA, Seen: m.Seen})
	}
	return f, err
}

// rulesOf are the repository file's rules of bases.
func rulesOf(cfg *config.Repo) baseline.Rules {
	c := cfg.Base
	r := baseline.Rules{
		Strategy: baseline.Strategy(c.Strategy), WaitForRunning: time.Duration(c.WaitForRunning), MaxAncestors: c.MaxAncestors, Events: c.TrustedEvents,
	}
	if len(c.Branches) > 0 {
		r.Branch = func(name string) bool { return anyName(c.Branches, name) }
	}
	return r
}

// mayBeBase reports whether what a run built may be a baseline.
func mayBeBase(cfg *config.Repo, repo gh.Repo, run gh.Run) bool {
	ok, _ := baseline.Trusted(factOf(run), repo.ID, run.Path, rulesOf(cfg))
	return ok
}

func factOf(r gh.Run) baseline.Run {
	return baseline.Run{
		ID: r.ID, Attempt: r.Attempt, Event: r.Event, Status: r.Status, Conclusion: r.Conclusion, HeadSHA: r.HeadSHA, HeadBranch: r.HeadBranch,
		Path: r.Path, RepoID: r.RepoID, HeadRepoID: r.HeadRepoID, Created: r.CreatedAt, Updated: r.UpdatedAt,
	}
}

// answer puts the answer to one question into the facts.
func (q *questions) answer(ctx context.Context, n baseline.Need, f *baseline.Facts) error {
	switch n.Ask {
	case baseline.AskCommits:
		return q.commits(ctx, n.SHAs, f)
	case baseline.AskFirstParents:
		return q.firstParents(ctx, n.SHAs[0], n.N, f)
	case baseline.AskOnBase:
		for _, sha := range n.SHAs {
			on, err := q.client.Contains(ctx, q.repo, q.pr.BaseRef, sha)
			if err != nil && !isNotFound(err) {
				return err
			}
			f.OnBase[sha] = on
		}
	case baseline.AskMergeBase:
		sha, err := q.client.MergeBase(ctx, q.repo, q.pr.BaseRef, q.pr.HeadSHA)
		if err != nil && !isNotFound(err) {
			return err
		}
		f.MergeBase = &sha
	case baseline.AskBaseTip:
		// What a branch has in common with itself is its tip.
		tip, err := q.client.MergeBase(ctx, q.repo, q.pr.BaseRef, q.pr.BaseRef)
		if err != nil && !isNotFound(err) {
			return err
		}
		f.BaseTip = tip
	case baseline.AskRuns:
		return q.runs(ctx, n.SHAs, f)
	case baseline.AskMeasured:
		known, err := q.Store.MeasuredCommits(ctx, q.repo.ID, storedTarget(q.target.run.Path, q.target.name), n.SHAs)
		if err != nil {
			return err
		}
		for _, sha := range n.SHAs {
			f.Measured[sha] = known[sha]
		}
	case baseline.AskArtifacts:
		return q.listArtifacts(ctx, n.Runs, f)
	}
	return nil
}

func (q *questions) commits(ctx context.Context, shas []string, f *baseline.Facts) error {
	for _, sha := range shas {
		c, err := q.client.Commit(ctx, q.repo, sha)
		if err != nil && !isNotFound(err) {
			return err
		}
		f.Commits[sha] = baseline.Commit{Parents: c.Parents, Date: c.Date, Missing: err != nil}
	}
	return nil
}

func (q *questions) firstParents(ctx context.Context, sha string, n int, f *baseline.Facts) error {
	line, err := q.client.FirstParents(ctx, q.repo, sha, n)
	if isNotFound(err) {
		f.Commits[sha] = baseline.Commit{Missing: true}
		return nil
	}
	for _, c := range line {
		f.Commits[c.SHA] = baseline.Commit{Parents: c.Parents, Date: c.Date}
	}
	return err
}

func (q *questions) runs(ctx context.Context, shas []string, f *baseline.Facts) error {
	for _, sha := range shas {
		runs, err := q.client.Runs(ctx, q.repo, gh.RunFilter{HeadSHA: sha})
		if err != nil && !isNotFound(err) {
			return err
		}
		for _, r := range runs {
			f.Runs = append(f.Runs, factOf(r))
		}
		f.RunsListed[sha] = true
	}
	return nil
}

// listArtifacts says what became of the target's artifact in each run.
func (q *questions) listArtifacts(ctx context.Context, runs []int64, f *baseline.Facts) error {
	for _, id := range runs {
		list, err := q.client.Artifacts(ctx, q.repo, id)
		if err != nil && !isNotFound(err) {
			return err
		}
		fact := baseline.Artifact{State: baseline.Absent}
		if i := slices.IndexFunc(list, q.isTarget(f, id)); i >= 0 {
			a := list[i]
			q.artifacts[id] = a
			if fact, err = q.artifactFact(ctx, a); err != nil {
				return err
			}
		}
		setArtifact(f, id, fact)
	}
	return nil
}

// isTarget matches the artifact of a run that is our target there.
func (q *questions) isTarget(f *baseline.Facts, run int64) func(gh.Artifact) bool {
	i := slices.IndexFunc(f.Runs, func(r baseline.Run) bool { return r.ID == run })
	return func(a gh.Artifact) bool {
		return i >= 0 && slices.Contains(targetsOf(q.cfg.Targets, gh.Run{Path: f.Runs[i].Path}, a.Name), q.target.name)
	}
}

func (q *questions) artifactFact(ctx context.Context, a gh.Artifact) (baseline.Artifact, error) {
	row, err := q.measuredBefore(ctx, q.repo, q.cfg, a, q.target.name)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return baseline.Artifact{}, err
	case err == nil && row.Problem != "":
		return baseline.Artifact{State: baseline.Unusable, ID: a.ID, Problem: row.Problem}, nil
	case a.Expired && err != nil:
		return baseline.Artifact{State: baseline.Expired, ID: a.ID}, nil
	}
	return baseline.Artifact{State: baseline.Available, ID: a.ID}, nil
}

func setArtifact(f *baseline.Facts, run int64, a baseline.Artifact) {
	for i := range f.Runs {
		if f.Runs[i].ID == run {
			f.Runs[i].Artifact = a
		}
	}
}

// measure gets the measurement that was decided for. False means that the artifact cannot be measured; the facts say it.
func (q *questions) measure(f *baseline.Facts, b *baseBuild) (bool, error) {
	if b.Measured {
		row, err := q.Store.Baseline(q.ctx, q.repo.ID, storedTarget(q.target.run.Path, q.target.name), b.SHA)
		if err != nil {
			return false, err
		}
		if b.measured, err = sizediff.ReadMeasurement(bytes.NewReader(row.Blob)); err != nil {
			return false, fmt.Errorf("stored measurement of commit %s: %w", b.SHA, err)
		}
		b.measured.Label, b.built = q.target.name, row.Built
		return true, nil
	}
	a, ok := q.artifacts[b.RunID]
	if !ok {
		return false, fmt.Errorf("run %d was chosen as base, but its artifacts are not known", b.RunID)
	}
	run, err := q.client.RunByID(q.ctx, q.repo, b.RunID)
	if err != nil {
		return false, err
	}
	m, problem, err := q.look.measure(q.ctx, q.client, q.repo, q.cfg, run, a, q.target.name)
	if err != nil || problem == nil {
		b.measured, b.built = m, run.CreatedAt
		return err == nil, err
	}
	setArtifact(f, b.RunID, baseline.Artifact{State: baseline.Unusable, ID: a.ID, Problem: problem.Reason})
	return false, nil
}
