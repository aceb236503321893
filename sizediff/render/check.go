package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Conclusions of a check run.
const (
	Success        = "success"
	Neutral        = "neutral"
	ActionRequired = "action_required"
	Failure        = "failure"
)

// conclusions from good to bad.
var conclusions = []string{Success, Neutral, ActionRequired, Failure}

// CheckTitle is the title of the check run: one line of plain text.
func CheckTitle(e *sizediff.Evaluation) string {
	v := newView(e)
	if len(v.compared) == 0 {
		return v.titleMissing()
	}
	title := v.title()
	if len(v.missing) > 0 {
		title += fmt.Sprintf(", %d of %d targets; %s", len(v.compared), len(e.Targets), v.missingTitle())
	}
	if names := v.notJudged(); len(names) > 0 {
		title += "; " + listed(names) + " not judged"
	}
	return title
}

// notJudged are the quantities and buckets with a budget that some target cannot be judged by, though the budget is one that can.
func (v *view) notJudged() (names []string) {
	for _, t := range v.compared {
		for _, b := range t.Budgets {
			unknown := b.Status == sizediff.BudgetNotJudged && b.Ratchet == nil && !b.Budget.Sources && !v.exempted(b)
			if name := boundName(t, plainVoice, b.Budget); unknown && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// CheckMeasuring is the title while measurements are being made.
func CheckMeasuring(done, all int) string {
	return fmt.Sprintf("Measuring %d of %s…", done, counted(all, "target"))
}

// CheckConclusion is the conclusion of the check run: the worst of what the compared targets and the missing ones ask for. A
// gate that does not enforce never fails and never asks for an action.
func CheckConclusion(e *sizediff.Evaluation, gate sizediff.Gate) string {
	v := newView(e)
	worst := Success
	add := func(conclusion, otherwise string) {
		if c := cmp.Or(conclusion, otherwise); slices.Index(conclusions, c) > slices.Index(conclusions, worst) {
			worst = c
		}
	}
	if len(e.Targets) == 0 {
		add(gate.NotMeasured, Neutral)
	}
	for _, t := range v.missing {
		if problemOf(t).Kind == sizediff.ProblemNotCompared {
			add(gate.MissingBase, Neutral)
		} else {
			add(gate.NotMeasured, Neutral)
		}
	}
	if len(v.notJudged()) > 0 { // the gate cannot say that all is well
		add(gate.MissingBase, Neutral)
	}
	if len(v.compared) > 0 {
		if e.Provenance.BaseChoice == sizediff.BaseApproximate {
			add(gate.ApproximateBase, Neutral)
		}
		switch v.verdict {
		case sizediff.VerdictOver:
			add(gate.OverBudget, Failure)
		case sizediff.VerdictToolchain, sizediff.VerdictConfig:
			add(Neutral, "")
		case sizediff.VerdictWithin, sizediff.VerdictExempt:
			if !gate.Enforce && v.grows() {
				add(Neutral, "")
			}
		}
	}
	if !gate.Enforce && worst != Success {
		return Neutral
	}
	return worst
}

func (v *view) titleMissing() string {
	p := v.e.Provenance
	switch {
	case v.verdict == sizediff.VerdictNotCompared && p.ExactBase != "":
		return "Not compared: no baseline for " + plain(short(p.ExactBase))
	case v.verdict == sizediff.VerdictNotCompared && p.Base != "":
		return "Not compared: no baseline for " + plain(short(p.Base))
	case v.verdict == sizediff.VerdictNotCompared:
		return "Not compared: no baseline"
	case len(v.missing) == 0:
		return "Not measured: there is nothing to measure"
	}
	return capped("Not measured: "+plainProse(problemOf(v.missing[0]).Reason), maxName)
}

func (v *view) title() string {
	t := v.worst()
	resident := deltaBytes(t.Report.Totals.Resident.Delta)
	switch v.verdict {
	case sizediff.VerdictNoChange:
		return fmt.Sprintf("No size change (%d of %s)", len(v.compared), counted(len(v.e.Targets), "target"))
	case sizediff.VerdictNoise:
		return "±0 within noise: " + v.noiseWords(plainVoice)
	case sizediff.VerdictOver:
		over := v.open(t)[0]
		bound := "budget"
		if over.Ratchet != nil {
			bound = "headroom"
		}
		return fmt.Sprintf("%s, %s %s", v.overTitle(over), bound, amountOf(over.Budget, over.Limit))
	case sizediff.VerdictAccepted:
		return v.overTitle(overBudgets(t)[0]) + ", accepted by " + plain(v.e.Acceptance.By)
	case sizediff.VerdictByTrailer:
		return v.overTitle(v.open(t)[0]) + ", justified by its author, unreviewed"
	case sizediff.VerdictExempt:
		return capped(v.titleWithin(resident)+"; "+strings.TrimSuffix(lowerFirst(v.budgetNote(plainVoice)), "."), maxName)
	case sizediff.VerdictToolchain:
		changed, _ := v.toolchain(plainVoice)
		return capped("Toolchain changed: "+changed, maxName)
	case sizediff.VerdictConfig:
		return fmt.Sprintf("Configuration changed (%s): %s", counted(len(v.options()), "option"), resident)
	case sizediff.VerdictApproximate:
		base := "an older base"
		if n := v.e.Provenance.AncestorsBack; n > 0 {
			base = "a base " + counted(n, "commit") + " older"
		}
		return "≈ " + resident + " against " + base
	}
	return v.titleWithin(resident)
}

func (v *view) titleWithin(resident string) string {
	t := v.worst()
	if t.Report.Totals.Resident.Delta == 0 {
		return v.growth(plainVoice, false)
	}
	runtime := v.runtimeClause(plainVoice, false)
	if v.shrinks() {
		if runtime == "" {
			return resident + " 🎉"
		}
		return resident + " 🎉 " + runtime
	}
	share := ""
	bucket := v.judgingBucket()
	if b, ok := budgetFor(t, bucket); ok && b.Delta > 0 {
		share = fmt.Sprintf(" (%d %% of budget)", b.Used())
	}
	switch {
	case runtime == "":
		return resident + share
	case bucket == sizediff.BucketTotal:
		return resident + share + ", " + runtime
	}
	return resident + ", " + runtime + share
}

// missingTitle says which targets are missing in as few words as possible.
func (v *view) missingTitle() string {
	if len(v.missing) == 1 {
		return plain(v.missing[0].Name) + " " + string(problemOf(v.missing[0]).Kind)
	}
	counts := map[sizediff.ProblemKind]int{}
	for _, t := range v.missing {
		counts[problemOf(t).Kind]++
	}
	if n := counts[sizediff.ProblemNotMeasured]; n == len(v.missing) {
		return fmt.Sprintf("%d %s", n, sizediff.ProblemNotMeasured)
	} else if n == 0 {
		return fmt.Sprintf("%d %s", len(v.missing), sizediff.ProblemNotCompared)
	}
	return fmt.Sprintf("%d not measured or not compared", len(v.missing))
}
