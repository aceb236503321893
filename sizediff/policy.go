package sizediff

// Policy is how a build is judged: whose bytes are whose, and how much may grow. The zero Policy is not useful; start
// from LinuxKernel.
type Policy struct {
	Buckets  []Bucket // first match wins
	Budgets  []Budget
	Tolerate Tolerance
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
	BucketTotal        = "total" // in budgets only: all resident bytes
)

// Budget is growth allowed per pull request. Either Bytes or Percent is set.
type Budget struct {
	Bucket  string   // a bucket's name or BucketTotal
	Targets []string // globs over target names; empty: all
	Path    string   // glob over image paths; "": the whole build
	Bytes   int64
	Percent float64 // of the base; used when not zero
	Owners  []string
}

// Tolerance says when budgets are reported but not applied.
type Tolerance struct {
	ToolchainChange bool // true: a change of toolchain suspends the budgets
	ConfigChange    bool // true: a change of configuration beyond version texts suspends them
}
