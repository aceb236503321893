package sizediff

// Verdict of the whole evaluation: that of its worst target, an acceptance and the author's justification considered. Neither
// changes any verdict but VerdictOver. Without any target nothing was measured.
func (e *Evaluation) Verdict() Verdict {
	if len(e.Targets) == 0 {
		return VerdictNotMeasured
	}
	worst := VerdictNoChange
	for i := range e.Targets {
		if v := e.targetVerdict(&e.Targets[i]); verdictRank[v] > verdictRank[worst] {
			worst = v
		}
	}
	switch {
	case worst != VerdictOver:
		return worst
	case e.accepted():
		return VerdictAccepted
	case e.Policy.TrailerBypasses && e.Justification != "":
		return VerdictByTrailer
	}
	return VerdictOver
}

// verdictRank orders verdicts from good to bad. Growth over budget is known, so it outranks what is not known.
var verdictRank = map[Verdict]int{
	VerdictNoChange: 0, VerdictNoise: 1, VerdictWithin: 2, VerdictExempt: 3, VerdictApproximate: 4, VerdictConfig: 5,
	VerdictToolchain: 6, VerdictNotCompared: 7, VerdictNotMeasured: 8, VerdictOver: 9,
}

func (e *Evaluation) targetVerdict(t *TargetResult) Verdict {
	switch {
	case t.Problem != nil && t.Problem.Kind == ProblemNotMeasured, t.Report == nil && t.Problem == nil:
		return VerdictNotMeasured
	case t.Problem != nil, t.Report.State == NotCompared:
		return VerdictNotCompared
	}
	for _, b := range t.Budgets {
		if b.Status == BudgetOver && e.Provenance.BaseChoice != BaseApproximate {
			return VerdictOver
		}
	}
	switch {
	case t.Report.State == ToolchainChanged:
		return VerdictToolchain
	case e.Provenance.BaseChoice == BaseApproximate: // equal to an older commit says nothing about the patch
		return VerdictApproximate
	case t.Report.State == Identical, t.Report.State == Unchanged:
		return VerdictNoChange
	case e.Policy.Tolerate.ConfigChange && configChanged(t.Report):
		return VerdictConfig
	case t.WithinNoise():
		return VerdictNoise
	case e.Policy.Exempt != nil && len(t.Budgets) > 0:
		return VerdictExempt
	}
	return VerdictWithin
}

// Worst returns the severest finding of all targets, "" when there is none.
func (e *Evaluation) Worst() Severity {
	var worst Severity
	for _, t := range e.Targets {
		if t.Report == nil {
			continue
		}
		for _, f := range t.Report.Findings {
			if f.Severity.AtLeast(worst) {
				worst = f.Severity
			}
		}
	}
	return worst
}
