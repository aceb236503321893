package bot

import (
	"time"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/sizediff"
)

// baseBuild is what a target is compared with, or why there is nothing.
type baseBuild struct {
	sha, mergeOf, exact, why string
	ancestors                int
	measured                 *sizediff.Measurement
	problem                  sizediff.Problem
	wait                     time.Duration
	steps                    []string
}

func (l *look) base(t headTarget) (baseBuild, error) {
	b := baseBuild{problem: sizediff.Problem{Kind: sizediff.ProblemNotCompared}}
	if t.run.Event == "pull_request" {
		c, err := l.client.Commit(l.ctx, l.repo, l.pr.MergeCommitSHA)
		if err != nil && !isNotFound(err) {
			return b, err
		}
		if len(c.Parents) == 2 && c.Parents[1] == l.pr.HeadSHA {
			b.sha, b.mergeOf = c.Parents[0], c.Parents[0]
		}
	} else {
		sha, err := l.client.MergeBase(l.ctx, l.repo, l.pr.BaseRef, l.pr.HeadSHA)
		if err != nil && !isNotFound(err) {
			return b, err
		}
		b.sha = sha
	}
	if b.sha == "" {
		b.problem.Reason = "it cannot be known which merge was built"
		return b, nil
	}
	runs, err := l.client.Runs(l.ctx, l.repo, gh.RunFilter{HeadSHA: b.sha})
	if err != nil {
		return b, err
	}
	for _, r := range runs {
		if !trusted(r, l.repo) || r.Path != t.run.Path {
			continue
		}
		if r.Status != "completed" {
			b.wait = time.Minute
			continue
		}
		as, err := l.client.Artifacts(l.ctx, l.repo, r.ID)
		if err != nil {
			return b, err
		}
		for _, a := range as {
			if a.Name == t.artifact {
				m, p, err := l.measure(l.ctx, l.client, l.repo, r, a, t.name)
				if err != nil {
					return b, err
				}
				if p == nil {
					b.measured, b.wait = m, 0
					return b, nil
				}
			}
		}
	}
	b.problem.Reason = "there is no baseline for " + short(b.sha)
	return b, nil
}
