package sizediff

import (
	"cmp"
	"time"
)

// Policy is how a build is judged: whose bytes are whose, and how much may grow. The zero Policy is not useful; start
// from LinuxKernel.
type Policy struct {
	Buckets  []Bucket // first match wins
	Budgets  []Budget
	Ratchets []Ratchet
	Tolerate Tolerance
	Exempt   *Exemption // of this one change; nil: none

	// Noise is the band in bytes by target, then by bucket (or BucketTotal): how far two builds of one tree differ. NoiseBytes is
	// the band wherever Noise names none.
	Noise      map[string]map[string]int64
	NoiseBytes int64

	// TrailerBypasses: the author's own justification is enough to go over budget.
	TrailerBypasses bool
}

// Band returns the noise of a bucket (or BucketTotal, or a quantity) of a target in bytes, never below 0. A difference of so many bytes or
// fewer, up or down, is no change. What is counted and no bytes has none.
func (p *Policy) Band(target, bucket string) int64 {
	if Quantity(bucket).Counted() {
		return 0
	}
	if band, ok := p.Noise[target][bucket]; ok {
		return max(band, 0)
	}
	return max(p.NoiseBytes, 0)
}

// Bucket is a named share of the bytes. A range of bytes falls into the first bucket of which any Match fits.
type Bucket struct {
	Name  string
	Label string
	Match []Match
}

// Match is a conjunction: every list that is not empty must have a pattern that fits. In a pattern * stands for any run of
// characters and ? for one; in Images neither crosses a slash, and ** does. Everything else stands for itself.
type Match struct {
	Crates   []string   // defining crate
	Paths    []string   // module path of the item, such as core::fmt::*; a pattern also covers what lies below it
	Sections []string   // section name, or the name of a table inside one ("kallsyms")
	Symbols  []string   // symbol name as in the symbol table
	Images   []string   // path of the image
	Language []Language // language of the owner
}

// Language of an owner.
type Language string

const (
	LanguageRust Language = "rust"
	LanguageC    Language = "c" // C and assembly: the symbol table does not tell them apart
)

// Names of the buckets of the presets. The last two always exist: they hold what no rule can claim.
const (
	BucketRuntime      = "runtime"
	BucketAbstractions = "abstractions"
	BucketDrivers      = "drivers"
	BucketHelpers      = "helpers"
	BucketC            = "c"
	BucketDerived      = "derived"
	BucketPadding      = "padding"
	BucketUnattributed = "unattributed"
	BucketTotal        = "total" // in budgets, ratchets and bands only: all resident bytes
)

// Budget is growth allowed per pull request. Either Bytes or Percent is set.
type Budget struct {
	Bucket   string   // a bucket's name or BucketTotal
	Quantity Quantity // in place of Bucket and Path; "": resident bytes of the bucket
	Targets  []string // globs over target names; empty: all
	Path     string   // glob over image paths; "": the whole build
	Sources  bool     // Path is about source files. No measurement knows these, so such a budget is shown as not judged
	Bytes    int64    // or, of a quantity that is counted, how many
	Percent  float64  // of the base; used when not zero. Of a quantity that is not Shared, such a budget is not judged
	Owners   []string
}

// Name is what the budget bounds, in one word: a quantity, a bucket or BucketTotal.
func (b Budget) Name() string { return cmp.Or(string(b.Quantity), b.Bucket, BucketTotal) }

// Ratchet bounds the sum of many changes: a bucket may not be larger than its smallest size in Window plus a headroom.
// Either Bytes or Percent is set.
type Ratchet struct {
	Bucket  string   // a bucket's name or BucketTotal
	Targets []string // globs over target names; empty: all
	Bytes   int64    // headroom
	Percent float64  // headroom as a share of the floor; used when not zero
	Window  time.Duration
	Floors  map[string]Floor // by target; without an entry the ratchet is not judged
}

// budget is a ratchet as a BudgetResult holds it.
func (q Ratchet) budget() Budget {
	return Budget{Bucket: q.Bucket, Targets: q.Targets, Bytes: q.Bytes, Percent: q.Percent}
}

// Floor is the smallest size of a bucket in the window of a ratchet.
type Floor struct {
	Bytes int64
	SHA   string    // commit that had it
	Since time.Time // when it was measured
}

// Exemption takes one change out of the budgets and ratchets: a revert, or a label that a maintainer set.
type Exemption struct {
	Reason    string // a clause for people: "a revert of #12", "label rust-upgrade, set by maint"
	Unlimited bool   // true: nothing is judged; false: budgets are shown as suspended
}

// Tolerance says when budgets are reported but not applied.
type Tolerance struct {
	ToolchainChange bool // true: a change of toolchain suspends the budgets
	ConfigChange    bool // true: a change of configuration beyond version texts suspends them
}

// Gate says how a verdict becomes the conclusion of a check run, in GitHub's words: success, neutral, failure or
// action_required. The zero value only reports. Without Enforce nothing fails or asks for an action, whatever the others say.
type Gate struct {
	Enforce         bool
	OverBudget      string // "" is failure
	MissingBase     string // "" is neutral
	NotMeasured     string // "" is neutral
	ApproximateBase string // "" is neutral
}
