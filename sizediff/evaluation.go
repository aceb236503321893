package sizediff

import "time"

// Evaluation is the one record that every rendering is made from: the targets of a pull request (one, on the command
// line), judged by one policy.
type Evaluation struct {
	Targets    []TargetResult
	Policy     Policy
	Provenance Provenance
	Acceptance *Acceptance // nil unless somebody accepted growth over budget
	Lapsed     *Lapse      // nil unless an acceptance no longer holds

	// Justification is what the author says for the growth, in the trailers of the commits; "" when nothing.
	Justification string
	Proposal      *Proposal // nil unless the pull request changes the repository file
}

// TargetResult is one column of the report. Exactly one of Report and Problem says something: a target that could not be
// measured or compared has a Problem and, when only the base is missing, a Head for its absolute sizes.
type TargetResult struct {
	Name    string // for people, and for acceptances
	Target  string // what globs, floors and bands of the policy go by; "" is Name
	Report  *Report
	Budgets []BudgetResult   // budgets in the order of the policy, then ratchets
	Bands   map[string]int64 // noise in bytes by bucket and for BucketTotal; absent is 0
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
	CommandPrefix  string  // of these commands, "" is /size
	RuntimeHistory []int64 // runtime bytes of the last merges, oldest first; may be empty
}

// BaseChoice says how the base was chosen.
type BaseChoice string

const (
	BaseGiven       BaseChoice = "given" // named on the command line
	BaseExact       BaseChoice = "exact"
	BaseApproximate BaseChoice = "approximate"
)

// Verdict of an evaluation, worst target first.
type Verdict string

const (
	VerdictNoChange    Verdict = "no change"
	VerdictNoise       Verdict = "within noise"  // changed by no more than two builds of one tree do
	VerdictWithin      Verdict = "within budget" // changed, and no budget is exceeded (or none is set)
	VerdictExempt      Verdict = "exempt"        // changed, and budgets do not apply to this change
	VerdictOver        Verdict = "over budget"
	VerdictAccepted    Verdict = "accepted"              // over budget, all of it accepted
	VerdictByTrailer   Verdict = "accepted by trailer"   // over budget, and the policy takes the author's word for it
	VerdictConfig      Verdict = "configuration changed" // beyond version texts, and the policy tolerates that
	VerdictToolchain   Verdict = "toolchain changed"
	VerdictApproximate Verdict = "approximate base"
	VerdictNotCompared Verdict = "not compared"
	VerdictNotMeasured Verdict = "not measured"
)

// BudgetStatus of one budget or ratchet on one target.
type BudgetStatus string

const (
	BudgetWithin    BudgetStatus = "within"
	BudgetOver      BudgetStatus = "over"
	BudgetSuspended BudgetStatus = "suspended"  // shown and not applied; Why says the reason
	BudgetNotJudged BudgetStatus = "not judged" // nothing can or may be said; Why says the reason
)

// BudgetResult is one budget or ratchet applied to one target. All sizes are resident bytes, or what the budget's quantity is in.
type BudgetResult struct {
	Budget  Budget         // of a ratchet: its bucket, targets and headroom
	Delta   int64          // growth that is judged; of a ratchet: the head minus the floor
	Limit   int64          // what Delta may be, percent already resolved; of a ratchet: the headroom
	Band    int64          // noise: growth up to it is not over
	Status  BudgetStatus   // not judged: Delta and Limit may be 0 for want of anything better
	Why     string         // suspended or not judged: the reason, a clause; else ""
	Ratchet *RatchetResult // nil: a budget
}

// RatchetResult is what only a ratchet has.
type RatchetResult struct {
	Window time.Duration
	Floor  Floor // zero when none is known
	Growth int64 // what the change itself adds to the bucket
}

// Bucket is the bucket or the quantity that is judged, BucketTotal when the budget names none.
func (b BudgetResult) Bucket() string { return b.Budget.Name() }

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
