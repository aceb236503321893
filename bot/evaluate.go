package bot

import (
	"fmt"
	"strings"
	"time"

	"github.com/oxidometer/oxidometer/bot/baseline"
	"github.com/oxidometer/oxidometer/bot/web"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// evaluate compares each target of the head with its base. wait is not zero when a base is worth waiting for; there is no
// evaluation then. steps explain how the bases were chosen.
func (l *look) evaluate(h *headBuilds) (e *sizediff.Evaluation, steps []string, wait time.Duration, err error) {
	policy := l.cfg.Policy()
	e = &sizediff.Evaluation{Policy: policy, Provenance: l.provenance()}
	for _, t := range h.targets {
		result := sizediff.TargetResult{Name: t.label, Problem: t.problem}
		if t.measured != nil {
			var base baseBuild
			if base, err = l.base(t); err != nil {
				return nil, nil, 0, err
			}
			for _, s := range base.Steps {
				steps = append(steps, t.label+": "+s)
			}
			if base.wait > 0 {
				wait = max(wait, base.wait)
				continue
			}
			result = l.compare(t, base, policy)
			l.choose(&e.Provenance, base)
		}
		e.Targets = append(e.Targets, result)
	}
	if wait > 0 {
		return nil, steps, wait, nil
	}
	return e, steps, 0, nil
}

// compare judges one target against its base, or says why it has none.
func (l *look) compare(t headTarget, base baseBuild, policy sizediff.Policy) sizediff.TargetResult {
	if base.measured == nil {
		alone := sizediff.Compare(t.measured, t.measured, policy.Buckets)
		return sizediff.TargetResult{Name: t.label, Problem: &base.problem, Head: alone}
	}
	report := sizediff.Compare(base.measured, t.measured, policy.Buckets)
	if l.Metrics.Unattributed != nil && report.Totals.Resident.Head > 0 {
		l.Metrics.Unattributed(float64(report.Closing.Resident.Unattributed.Head) / float64(report.Totals.Resident.Head))
	}
	result := sizediff.Evaluate(t.name, report, policy)
	result.Name = t.label
	return result
}

// provenance is what is known before a base was chosen.
func (l *look) provenance() sizediff.Provenance {
	return sizediff.Provenance{Head: l.pr.HeadSHA, Earlier: l.earlier()}
}

// earlier says how the last head before this one was judged, "" when there was none.
func (l *look) earlier() string {
	list, err := l.Store.Evaluations(l.ctx, l.repo.ID, l.pr.Number)
	if err != nil {
		l.log.WithError(err).Warn("earlier evaluations cannot be read")
		return ""
	}
	for _, e := range list {
		if e.HeadSHA == l.pr.HeadSHA {
			continue
		}
		full, err := l.Store.EvaluationByID(l.ctx, e.ID)
		var rec web.Record
		if err == nil {
			rec, err = web.DecodeRecord(full.Record)
		}
		if err != nil {
			l.log.WithError(err).Warn("an earlier evaluation cannot be read")
			return ""
		}
		return fmt.Sprintf("%s at %.7s", render.CheckTitle(rec.Evaluation), e.HeadSHA)
	}
	return ""
}

// choose notes in the provenance where a base came from. With several targets the least exact one counts.
func (l *look) choose(p *sizediff.Provenance, b baseBuild) {
	if b.measured == nil || p.BaseChoice == sizediff.BaseApproximate {
		return
	}
	p.Base, p.MergeOf, p.BaseChoice = b.SHA, b.mergeOf, sizediff.BaseExact
	if b.Kind == baseline.Ancestor {
		why, _, _ := strings.Cut(b.Reason, "; compared with ") // the comment says that in its own words
		p.BaseChoice, p.AncestorsBack, p.ExactBase, p.WhyNotExact = sizediff.BaseApproximate, b.AncestorsBack, b.ExactSHA, why
	}
}
