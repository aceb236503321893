package sizediff

// Verdict of the whole evaluation: that of its worst target, an acceptance considered. Without any target nothing was
// measured.
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
	if worst == VerdictOver && e.Acceptance != nil {
		return VerdictAccepted
	}
	return worst
}

// verdictRank orders verdicts from good to bad. Growth over budget is known, so it outranks what is not known.
var verdictRank = map[Verdict]int{
	VerdictNoChange: 0, VerdictWithin: 1, VerdictApproximate: 2, VerdictConfig: 3, VerdictToolchain: 4, VerdictNotCompared: 5,
	VerdictNotMeasured: 6, VerdictOver: 7,
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
