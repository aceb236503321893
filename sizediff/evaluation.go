package sizediff

// Evaluation is the one record that every rendering is made from: the targets of a pull request (one, on the command
// line), judged by one policy.
type Evaluation struct {
	Targets    []TargetResult
	Policy     Policy
	Provenance Provenance
	Acceptance *Acceptance // nil unless somebody accepted the growth
}

// TargetResult is one column of the report. Exactly one of Report and Problem says something: a target that could not be
// measured or compared has a Problem and, when only the base is missing, a Head for its absolute sizes.
type TargetResult struct {
	Name    string
	Report  *Report
	Budgets []BudgetResult
	Problem *Problem
	Head    *Report // not compared: the head against itself, so that its sizes can be shown; else nil
}

// Problem is why a target has no comparison.
type Problem struct {
	Kind   ProblemKind
	Reason string // one line, Markdown-free: "job kernel (arm64) failed in step Build"
	Remedy string // what helps, "" when nothing does
	URL    string // where the reason can be seen, "" when nowhere
}

// ProblemKind uses the fixed words for uncertain states.
type ProblemKind string

const (
	ProblemNotMeasured ProblemKind = "not measured" // the head is missing or broken
	ProblemNotCompared ProblemKind = "not compared" // the base is missing
)

// Provenance is where the two sides come from. On the command line only the labels are set.
type Provenance struct {
	Head, Base     string // commit ids, or labels of builds
	MergeOf        string // head was built as merge with this commit, "" otherwise
	BaseChoice     BaseChoice
	AncestorsBack  int    // approximate base: first-parent commits between the exact base and the one used
	ExactBase      string // approximate base: the commit that should have been used
	WhyNotExact    string // approximate base: one line
	ReportURL      string
	HistoryURL     string
	JSONURL        string
	Earlier        string  // "+2,148 B at 9f3c2a1", "" when there was no earlier result
	Commands       bool    // whoever posts this answers slash commands, so they may be recommended
	RuntimeHistory []int64 // runtime bytes of the last merges, oldest first; may be empty
}

// BaseChoice says how the base was chosen.
type BaseChoice string

const (
	BaseGiven       BaseChoice = "given" // named on the command line
	BaseExact       BaseChoice = "exact"
	BaseApproximate BaseChoice = "approximate"
)

// Acceptance is a maintainer's written consent to growth over budget.
type Acceptance struct {
	By, Head, Reason string
	CarriedFrom      string // head for which it was first given, "" when it is this one
}

// Verdict of an evaluation, worst target first.
type Verdict string

const (
	VerdictNoChange    Verdict = "no change"
	VerdictWithin      Verdict = "within budget" // changed, and no budget is exceeded (or none is set)
	VerdictOver        Verdict = "over budget"
	VerdictAccepted    Verdict = "accepted"
	VerdictConfig      Verdict = "configuration changed" // beyond version texts, and the policy tolerates that
	VerdictToolchain   Verdict = "toolchain changed"
	VerdictApproximate Verdict = "approximate base"
	VerdictNotCompared Verdict = "not compared"
	VerdictNotMeasured Verdict = "not measured"
)

// BudgetStatus of one budget on one target.
type BudgetStatus string

const (
	BudgetWithin    BudgetStatus = "within"
	BudgetOver      BudgetStatus = "over"
	BudgetSuspended BudgetStatus = "suspended" // not applied: toolchain or configuration changed, or the base is approximate
)

// BudgetResult is one budget applied to one target.
type BudgetResult struct {
	Budget Budget
	Delta  int64 // growth that the budget judges, resident bytes
	Limit  int64 // bytes allowed, percent already resolved
	Status BudgetStatus
}

// Used returns the used share of the budget in percent, rounded down; 0 for shrinkage. A limit of 0 with growth is 100.
func (b BudgetResult) Used() int64 {
	if b.Delta <= 0 {
		return 0
	}
	if b.Limit <= 0 {
		return 100
	}
	return b.Delta * 100 / b.Limit
}
