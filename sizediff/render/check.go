package render

import (
	"fmt"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Conclusions of a check run.
const (
	Success = "success"
	Neutral = "neutral"
	Failure = "failure"
)

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
	return title
}

// CheckMeasuring is the title while measurements are being made.
func CheckMeasuring(done, all int) string {
	return fmt.Sprintf("Measuring %d of %s…", done, counted(all, "target"))
}

// CheckConclusion is the conclusion of the check run. Only a budget that is exceeded and was not accepted fails, and only
// when enforce is set.
func CheckConclusion(e *sizediff.Evaluation, enforce bool) string {
	v := newView(e)
	switch {
	case v.verdict == sizediff.VerdictOver && enforce:
		return Failure
	case len(v.missing) > 0 || len(v.compared) == 0:
		return Neutral
	}
	switch v.verdict {
	case sizediff.VerdictNoChange, sizediff.VerdictAccepted:
		return Success
	case sizediff.VerdictWithin:
		if enforce || !v.grows() {
			return Success
		}
	}
	return Neutral
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
	case sizediff.VerdictOver:
		over := overBudgets(t)[0]
		return fmt.Sprintf("%s %s, budget %s", v.budgetName(plainVoice, over.Budget), deltaBytes(over.Delta), bytesOf(over.Limit))
	case sizediff.VerdictAccepted:
		over := overBudgets(t)[0]
		return fmt.Sprintf("%s %s, accepted by %s", v.budgetName(plainVoice, over.Budget), deltaBytes(over.Delta), plain(v.e.Acceptance.By))
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
