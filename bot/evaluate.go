package bot

import (
	"fmt"
	"strings"
	"time"

	"github.com/oxidometer/oxidometer/bot/acceptance"
	"github.com/oxidometer/oxidometer/bot/baseline"
	"github.com/oxidometer/oxidometer/bot/web"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// pair is one target of the head and what it is compared with.
type pair struct {
	headTarget
	base baseBuild
}

// evaluate compares each target of the head with its base. wait is not zero when a base is worth waiting for; there is no
// evaluation then. steps explain how the bases were chosen.
func (l *look) evaluate(h *headBuilds) (e *sizediff.Evaluation, steps []string, wait time.Duration, err error) {
	pairs, steps, wait, err := l.pairs(h)
	if wait > 0 || err != nil {
		return nil, steps, wait, err
	}
	policy := l.cfg.Policy()
	if policy.Exempt, err = l.exemptByLabel(); err != nil {
		return nil, nil, 0, err
	}
	if e, err = l.judge(pairs, policy); err != nil {
		return nil, nil, 0, err
	}
	if len(acceptance.Over(e)) > 0 { // whether it is a revert takes many requests, and matters here alone
		if policy.Exempt, err = l.exemptAsRevert(); err != nil {
			return nil, nil, 0, err
		}
		if policy.Exempt != nil {
			if e, err = l.judge(pairs, policy); err != nil {
				return nil, nil, 0, err
			}
		}
	}
	if err := l.considerAcceptances(e); err != nil {
		return nil, nil, 0, err
	}
	if err := l.preview(e, pairs); err != nil {
		return nil, nil, 0, err
	}
	return e, steps, 0, nil
}

// pairs finds the base of each target.
func (l *look) pairs(h *headBuilds) (pairs []pair, steps []string, wait time.Duration, err error) {
	for _, t := range h.targets {
		p := pair{headTarget: t}
		if t.measured != nil {
			if p.base, err = l.base(t); err != nil {
				return nil, nil, 0, err
			}
			for _, s := range p.base.Steps {
				steps = append(steps, t.label+": "+s)
			}
			wait = max(wait, p.base.wait)
		}
		pairs = append(pairs, p)
	}
	return pairs, steps, wait, nil
}

// judge compares and judges all targets by one policy.
func (l *look) judge(pairs []pair, policy sizediff.Policy) (*sizediff.Evaluation, error) {
	e := &sizediff.Evaluation{Policy: policy, Provenance: l.provenance()}
	for _, p := range pairs {
		result := sizediff.TargetResult{Name: p.label, Problem: p.problem}
		if p.measured != nil {
			judged, err := l.byHistory(e, p.headTarget, p.base)
			if err != nil {
				return nil, err
			}
			result = l.compare(p.headTarget, p.base, judged)
			l.choose(&e.Provenance, p.base)
		}
		e.Targets = append(e.Targets, result)
	}
	return e, nil
}

// compare judges one target against its base, or says why it has none.
func (l *look) compare(t headTarget, base baseBuild, policy sizediff.Policy) sizediff.TargetResult {
	if base.measured == nil {
		alone := sizediff.Compare(t.measured, t.measured, policy.Buckets)
		return sizediff.TargetResult{Name: t.label, Problem: &base.problem, Head: alone}
	}
	report := insight.Compare(base.measured, t.measured, policy.Buckets)
	if l.Metrics.Unattributed != nil && report.Totals.Resident.Head > 0 {
		l.Metrics.Unattributed(float64(report.Closing.Resident.Unattributed.Head) / float64(report.Totals.Resident.Head))
	}
	result := sizediff.Evaluate(t.name, report, policy)
	result.Name, result.Target = t.label, t.name
	return result
}

// provenance is what is known before a base was chosen.
func (l *look) provenance() sizediff.Provenance {
	return sizediff.Provenance{Head: l.pr.HeadSHA, Earlier: l.earlier(), Commands: l.commands, CommandPrefix: l.cfg.Commands.Prefix}
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
