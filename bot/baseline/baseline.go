// Package baseline decides which commit the build of a pull request is compared with. Resolve is a pure function over
// facts that somebody else has collected: it asks nobody, and when it has to know more it says what.
//
// The rule: a build is compared with the very commit that lacks nothing but the pull request. A run of event
// pull_request built GitHub's test merge of base and head, so that commit is the first parent of the merge that was
// built. A run of event push built the head alone, so it is the merge base. pull_request.base.sha is neither, it
// is where the branch was at some event, and Facts have no place for it.
//
// That commit must have been built by people who may push to the repository: see Trusted. If it was not measured and
// cannot be any more, an older commit is taken, and called what it is. Nothing is ever taken in silence.
package baseline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Facts are all that Resolve looks at. Each map tells "known" from "not asked yet" by having the key. Commits are named by
// their full SHA. The zero value of each optional field means that nothing is known about it.
type Facts struct {
	Now     time.Time
	RepoID  int64  // the repository of the pull request's base
	BaseRef string // name of the base branch, such as main
	Head    Run    // the run that built the head
	Rules   Rules

	// TestMerges are the merge commits that GitHub has named for this pull request (merge_commit_sha), now and earlier.
	TestMerges []TestMerge
	// Manifest is what the build says about itself. It comes out of an artifact, so it counts only as far as Commits confirm it.
	// Nil where there is none.
	Manifest *Manifest
	// FirstAsked is when the base was first looked for; waiting is counted from then. Zero: now.
	FirstAsked time.Time

	Commits    map[string]Commit
	OnBase     map[string]bool // whether the commit is in the history of the base branch as it is now
	MergeBase  *string         // of the base branch and the head; "" if they have none
	BaseTip    string          // where the base branch is now; wanted only to estimate
	Runs       []Run           // of every kind; RunsListed says for which commits they are complete
	RunsListed map[string]bool // commits whose runs of the head's workflow are all in Runs
	Measured   map[string]bool // whether there is a measurement of the target made from a trusted run
}

// Rules are the repository file's.
type Rules struct {
	Strategy       Strategy      // "" is Auto
	WaitForRunning time.Duration // how long to wait for a base run in progress; 0: not at all
	MaxAncestors   int           // how many commits back a base may be; 0: the exact one or none
	// Events whose runs may be a base; those that are not in TrustedEvents never count. Empty: all of TrustedEvents.
	Events []string
	// Branch says whether a run on that branch may be a base. nil: a run on any branch of the repository may, if its
	// commit is in the base branch's history. Branches get renamed, history stays.
	Branch func(name string) bool
}

// Strategy says how the base is chosen.
type Strategy string

const (
	Auto        Strategy = "auto"         // by what was built
	MergeBase   Strategy = "merge_base"   // always the fork point
	FirstParent Strategy = "first_parent" // the first parent of the merge; where none was built, as Auto
)

// TestMerge is a merge commit that GitHub made to test the pull request. GitHub replaces it whenever the base branch has
// moved and somebody looks, so the one it names now is not always the one that was built.
type TestMerge struct {
	SHA  string
	Seen time.Time // the last time that GitHub named it
}

// Manifest is the claim of the CI step about the commit that it built.
type Manifest struct {
	SHA     string
	Parents []string // may be nil
	Run     int64    // the run that it says it is of; 0: it does not say
}

// Commit is what GitHub says about a commit.
type Commit struct {
	Parents []string
	Date    time.Time // committer's
	Missing bool      // GitHub does not know the commit
}

// Run is one attempt of a workflow run. Runs with the same ID and different attempts may be given side by side.
type Run struct {
	ID                 int64
	Attempt            int
	Event              string // push, pull_request, …
	Status, Conclusion string // as GitHub spells them
	HeadSHA            string
	HeadBranch         string
	Path               string // .github/workflows/kernel.yml; what follows an @ is ignored
	RepoID, HeadRepoID int64  // HeadRepoID is 0 when the fork was deleted
	Created, Updated   time.Time
	Artifact           Artifact
}

// Artifact is the run's artifact for the target in question. It is looked at only where the run succeeded.
type Artifact struct {
	State   ArtifactState
	ID      int64
	Problem string // of an Unusable one: why it could not be measured
}

// ArtifactState is what is known of an artifact.
type ArtifactState int

const (
	NotListed ArtifactState = iota // not asked yet
	Available                      // can be downloaded
	Expired                        // was there
	Absent                         // the run has none for this target
	Unusable                       // was downloaded, and could not be measured
)

// Kind is the kind of a decision.
type Kind string

const (
	Exact    Kind = "exact"    // SHA lacks nothing but the pull request
	Ancestor Kind = "ancestor" // SHA is near the exact base; the difference may include other commits. Never gating
	Wait     Kind = "wait"     // the exact base is being built; look again at WaitUntil, or when its run ends
	None     Kind = "none"     // nothing to compare with
)

// Cause says why a decision is not Exact.
type Cause string

const (
	Undecided     Cause = "undecided"      // facts are missing: see the needs
	Running       Cause = "running"        // the exact base's run is still in progress
	RunFailed     Cause = "run_failed"     // it did not succeed
	NoRun         Cause = "no_run"         // it was never built by a trusted run
	BaseStopped   Cause = "base_stopped"   // none of the last commits of the base branch was
	NoTarget      Cause = "no_target"      // it was built, but not for this target
	ExpiredBase   Cause = "expired"        // it was built, never measured, and the artifact is gone
	NotMeasurable Cause = "not_measurable" // its artifact cannot be measured
	NotOnBase     Cause = "not_on_base"    // the base branch was force-pushed, or is another one now
	UnknownMerge  Cause = "unknown_merge"  // nobody can tell which merge was built
	BadManifest   Cause = "bad_manifest"   // what the build says of itself is not so
	Unrelated     Cause = "unrelated"      // base and head have no common history
	ByStrategy    Cause = "by_strategy"    // the repository file asks for another commit than what was built asks for
)

// Decision is the answer. Every text is for people, without markup, and may hold names that others have chosen (branches).
type Decision struct {
	Kind          Kind
	SHA           string // the commit to compare with; "" unless Exact or Ancestor
	ExactSHA      string // the commit that would be exact; "" if it cannot be known
	Merged        bool   // the head was built as a merge with ExactSHA, not alone
	AncestorsBack int    // of an Ancestor: how many commits it lies behind the one that was looked for first
	Measured      bool   // SHA has a measurement. Otherwise RunID and ArtifactID are to be measured
	RunID         int64
	ArtifactID    int64

	Cause     Cause     // "" if Exact
	CauseRun  int64     // the run that explains the cause; 0: none does
	Reason    string    // one line: why this commit, or why none
	Remedy    string    // one line: what people can do for an exact comparison; "" if Exact
	WaitUntil time.Time // of Wait
	Steps     []string  // the whole reasoning, in order
}

// Need is a question whose answer belongs into Facts.
type Need struct {
	Ask  Ask
	SHAs []string
	Runs []int64
	N    int
}

// Ask says what a Need wants and where the answer goes.
type Ask string

const (
	AskCommits      Ask = "commits"       // SHAs → Facts.Commits, with Missing if GitHub does not know one
	AskFirstParents Ask = "first_parents" // SHAs[0] and N-1 more along the first parents → Facts.Commits
	AskOnBase       Ask = "on_base"       // SHAs → Facts.OnBase
	AskMergeBase    Ask = "merge_base"    // → Facts.MergeBase
	AskBaseTip      Ask = "base_tip"      // → Facts.BaseTip
	AskRuns         Ask = "runs"          // SHAs → Facts.Runs and Facts.RunsListed
	AskMeasured     Ask = "measured"      // SHAs → Facts.Measured
	AskArtifacts    Ask = "artifacts"     // Runs → Run.Artifact of these in Facts.Runs
)

// Resolve decides. With needs, nothing is decided yet: the decision is None with cause Undecided, and its steps say how far
// it came. Without, it is final for these facts. It is the same whatever the order of Facts' lists.
func Resolve(f Facts) (Decision, []Need) {
	r := &resolver{Facts: f}
	d := r.search(r.origin())
	if len(r.needs) > 0 {
		d = Decision{Kind: None, Cause: Undecided, ExactSHA: d.ExactSHA, Reason: "not everything is known yet",
			Remedy: "wait; it is looked at again"}
	}
	d.Steps = r.steps
	return d, r.needs
}

// rounds bounds Find. A decision needs one round for each kind of question, and one for each run whose artifacts
// are looked at.
const rounds = 200

// Find calls Resolve and answer in turns until everything needed is known. answer puts the answer into the facts; if it
// leaves some out, the decision stays Undecided. Errors are answer's.
func Find(ctx context.Context, f *Facts, answer func(context.Context, Need, *Facts) error) (Decision, error) {
	var before []Need
	for range rounds {
		d, needs := Resolve(*f)
		if len(needs) == 0 || slices.EqualFunc(needs, before, sameNeed) {
			return d, nil
		}
		for _, need := range needs {
			if err := answer(ctx, need, f); err != nil {
				return d, fmt.Errorf("base of run %d, asking for %s: %w", f.Head.ID, need.Ask, err)
			}
		}
		before = needs
	}
	d, _ := Resolve(*f)
	return d, nil
}

func sameNeed(a, b Need) bool {
	return a.Ask == b.Ask && a.N == b.N && slices.Equal(a.SHAs, b.SHAs) && slices.Equal(a.Runs, b.Runs)
}

// resolver collects steps and needs while it goes through the facts.
type resolver struct {
	Facts
	steps []string
	needs []Need
}

func (r *resolver) step(format string, args ...any) {
	r.steps = append(r.steps, fmt.Sprintf(format, args...))
}

func (r *resolver) need(n Need) { r.needs = append(r.needs, n) }

// commit returns what is known of a commit, and asks for it otherwise.
func (r *resolver) commit(sha string) (Commit, bool) {
	c, known := r.Commits[sha]
	if !known {
		r.need(Need{Ask: AskCommits, SHAs: []string{sha}})
	}
	return c, known
}

// short is how people write a commit.
func short(sha string) string { return sha[:min(7, len(sha))] }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
