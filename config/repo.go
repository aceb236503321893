// Package config reads what people write: a repository's file, .github/oxidometer.yml.
//
// Everything in that file is optional. It is read strictly: an unknown key, a key given twice or a value of the wrong type is
// a fault with file, line and column, and all faults are reported together. The struct tags in this file are the whole
// schema; the decoder, the defaults and oxidometer.schema.json come from them:
//
//	yaml     the key; ",key" takes the key of the surrounding mapping, ",inline" shares the keys of the outer struct
//	default  what holds when the key is absent; a list is separated by commas
//	enum     the values that a string may have
//	need     "yes": the key must be given
package config

// Repo is a repository's file. ParseRepo fills in the defaults, so every field holds what applies.
type Repo struct {
	// Version of the file format. There is one: 1.
	Version int `yaml:"version" default:"1"`
	// Targets are what is measured; one entry is one column of the report. Without any, every artifact with an ELF image is a target.
	Targets []Target `yaml:"targets"`
	// Preset is the set of buckets to start from.
	Preset Preset `yaml:"preset" default:"linux-kernel" enum:"linux-kernel,rust-binary,rust-embedded,generic-elf"`
	// Buckets say whose bytes are whose; the first that matches wins. One with a preset's name replaces its rules or label. Others
	// are tried before the one that follows them here, and before those that take all of a language.
	Buckets []Bucket `yaml:"buckets"`
	// Attribution says which crate's bytes generic code is, in buckets and sums. Lists of crates are shown by both, so both is the
	// same as defining_crate.
	Attribution Attribution `yaml:"attribution" default:"defining_crate" enum:"defining_crate,instantiating_crate,both"`
	// Base says which build a pull request is compared with.
	Base Base `yaml:"base"`
	// Budgets are growth allowed per pull request.
	Budgets []Budget `yaml:"budgets"`
	// Ratchets are bounds on the sum of many pull requests; they follow the size down, never up.
	Ratchets []Ratchet `yaml:"ratchets"`
	// Tolerance says which kinds of change budgets are not applied to.
	Tolerance Tolerance `yaml:"tolerance"`
	// Gate says what the check run concludes.
	Gate Gate `yaml:"gate"`
	// Noise says which differences are too small to speak of.
	Noise Noise `yaml:"noise"`
	// Comment is the comment on the pull request.
	Comment Comment `yaml:"comment"`
	// Commands are the slash commands.
	Commands Commands `yaml:"commands"`
	// Report is the report page.
	Report Report `yaml:"report"`
	// Limits on untrusted input. They can only be lowered here: the server has the ceilings.
	Limits Limits `yaml:"limits"`

	// Warnings are things the file asks for that have no effect, in order of position.
	Warnings []Fault `yaml:"-"`
}

// Target is a build that is measured.
type Target struct {
	// Name of the target: the head of its column.
	Name string `yaml:"name" need:"yes"`
	// Workflow is the file name of the workflow that builds it, such as kernel.yml. Empty: any workflow.
	Workflow string `yaml:"workflow"`
	// Artifact is the name of the artifact, or a glob that fits exactly one. Empty: the target's name.
	Artifact string `yaml:"artifact"`
	// Kind of the artifact's content: opaque counts all its files by size only, and needs no ELF image among them. Images and a
	// measurement of them are told apart by what is there, whichever is written here.
	Kind FileKind `yaml:"kind" default:"elf" enum:"elf,opaque,measurement"`
	// Files of the artifact that are judged, in base and head alike; the first entry that fits an image counts. Empty: all of them.
	Files []File `yaml:"files"`
	// ConfigFile is the path of the kernel configuration in the artifact. This version finds it by its name: .config, config or
	// config-VERSION, else it is the one inside vmlinux.
	ConfigFile string `yaml:"config_file" default:".config"`
	// Required: when the artifact is missing, true says "not measured" and false leaves the target out.
	Required bool `yaml:"required" default:"true"`
}

// File of an artifact.
type File struct {
	// Path in the artifact as reports show it: without a folder that holds everything, and without the suffix of a compressed module.
	// A build without it is not measured. Or a glob, which may fit nothing: * and ? stay in a folder, ** is any number of folders.
	Path string `yaml:"path" need:"yes"`
	// Kind of the file; opaque files are counted by size only. To measurement holds what is said of the target's kind.
	Kind FileKind `yaml:"kind" default:"elf" enum:"elf,opaque,measurement"`
	// Group under which images are shown together where images are listed.
	Group string `yaml:"group"`
}

// FileKind says how a file is read.
type FileKind string

const (
	KindELF         FileKind = "elf"
	KindOpaque      FileKind = "opaque"
	KindMeasurement FileKind = "measurement"
)

// Preset names a set of buckets.
type Preset string

const (
	PresetLinuxKernel  Preset = "linux-kernel"
	PresetRustBinary   Preset = "rust-binary"
	PresetRustEmbedded Preset = "rust-embedded"
	PresetGenericELF   Preset = "generic-elf"
)

// Bucket is a named share of the bytes: either one rule written beside the label, or alternatives under match.
type Bucket struct {
	// Name of the bucket, used in budgets.
	Name string `yaml:",key"`
	// Label for people. Empty: the preset's label, else the name.
	Label string `yaml:"label"`
	// Rule is the only alternative, the ordinary case.
	Rule `yaml:",inline"`
	// Match lists alternatives, of which one has to fit.
	Match []Rule `yaml:"match"`
}

// Rule fits when every list that is given has a pattern that fits.
type Rule struct {
	// Crates are globs over the defining crate.
	Crates []string `yaml:"crates"`
	// Paths are globs over the module path of the item, such as core::fmt::*.
	Paths []string `yaml:"paths"`
	// Sections are globs over the section, or over a table inside one.
	Sections []string `yaml:"sections"`
	// Symbols are globs over the symbol as in the symbol table.
	Symbols []string `yaml:"symbols"`
	// Images are globs over the path of the image (** for any number of folders).
	Images []string `yaml:"images"`
	// Language of the owner. The symbol table does not tell C from assembly: c and asm mean both.
	Language []string `yaml:"language" enum:"rust,c,asm"`
}

// Attribution of generic code.
type Attribution string

const (
	AttributeDefining      Attribution = "defining_crate"
	AttributeInstantiating Attribution = "instantiating_crate"
	AttributeBoth          Attribution = "both"
)

// Base says which build a pull request is compared with.
type Base struct {
	// Strategy: auto takes what CI built, merge_base the fork point, first_parent the first parent of the merge (the fork point where
	// none was built).
	Strategy BaseStrategy `yaml:"strategy" default:"auto" enum:"auto,merge_base,first_parent"`
	// WaitForRunning is how long to wait for a base build in progress before an ancestor is used.
	WaitForRunning Duration `yaml:"wait_for_running" default:"45m"`
	// MaxAncestors is how far back a base may be. 0: the exact base or nothing.
	MaxAncestors int `yaml:"max_ancestors" default:"10"`
	// TrustedEvents are the events whose builds may be a base. pull_request never is.
	TrustedEvents []string `yaml:"trusted_events" default:"push,merge_group,schedule,workflow_dispatch" enum:"push,merge_group,schedule,workflow_dispatch"`
	// Branches whose builds may be a base, as globs. Empty: all whose commit is in the history of the base branch.
	Branches []string `yaml:"branches"`
}

// BaseStrategy says how the base is chosen.
type BaseStrategy string

const (
	BaseAuto        BaseStrategy = "auto"
	BaseMergeBase   BaseStrategy = "merge_base"
	BaseFirstParent BaseStrategy = "first_parent"
)

// Budget is growth allowed per pull request.
type Budget struct {
	// Bucket it applies to, or total for all resident bytes.
	Bucket string `yaml:"bucket" default:"total"`
	// Quantity it applies to in place of a bucket: panic_sites are places that call into the panic machinery, duplicates bytes of the
	// runtime and the abstractions beyond the largest copy, used_runtime bytes of the runtime that the build reaches, exports bytes of
	// names and entries of exported Rust symbols.
	Quantity string `yaml:"quantity" enum:"panic_sites,duplicates,used_runtime,exports"`
	// Targets it applies to, as globs. Empty: all.
	Targets []string `yaml:"targets"`
	// Path narrows it to images, as a glob; with unit: symbols to source files.
	Path string `yaml:"path"`
	// Unit that path is about.
	Unit BudgetUnit `yaml:"unit" default:"images" enum:"images,symbols"`
	// Grow is the growth allowed: a size or a share of the base. Of panic_sites it is how many more, and of exports always a size.
	Grow Growth `yaml:"grow" need:"yes"`
	// Owners are the people or teams responsible, such as @org/team.
	Owners []string `yaml:"owners"`
}

// BudgetUnit says what the path of a budget is about.
type BudgetUnit string

const (
	UnitImages  BudgetUnit = "images"
	UnitSymbols BudgetUnit = "symbols"
)

// Ratchet bounds the sum of growth over a time.
type Ratchet struct {
	// Bucket it applies to, or total for all resident bytes.
	Bucket string `yaml:"bucket" default:"total"`
	// Targets it applies to, as globs. Empty: all.
	Targets []string `yaml:"targets"`
	// Headroom above the smallest size in the window.
	Headroom Growth `yaml:"headroom" need:"yes"`
	// Window of time in which the smallest size is looked for.
	Window Duration `yaml:"window" default:"90d"`
}

// Tolerance says what happens to budgets, by kind of change.
type Tolerance struct {
	// Revert is a pull request that takes back an earlier one.
	Revert Treatment `yaml:"revert" default:"unlimited" enum:"apply,report_only,unlimited"`
	// ToolchainChange is a base and a head built by different compilers or linkers.
	ToolchainChange Treatment `yaml:"toolchain_change" default:"report_only" enum:"apply,report_only"`
	// ConfigChange is a base and a head with different configurations.
	ConfigChange Treatment `yaml:"config_change" default:"report_only" enum:"apply,report_only"`
	// Label is by label of the pull request; labels count when set by triage or above, not by the author, after the last push.
	Label map[string]Treatment `yaml:"label" enum:"apply,report_only,unlimited"`
	// PathsOnly are globs: a pull request that touches nothing else is not measured, and its check succeeds. * and ? stay in a folder,
	// ** is any number of folders.
	PathsOnly []string `yaml:"paths_only"`
}

// Treatment of budgets for a kind of change.
type Treatment string

const (
	Apply      Treatment = "apply"       // budgets as written
	ReportOnly Treatment = "report_only" // shown, never a failure
	Unlimited  Treatment = "unlimited"   // not judged at all
)

// Gate says what the check run concludes.
type Gate struct {
	// Mode: report never fails, enforce does.
	Mode GateMode `yaml:"mode" default:"report" enum:"report,enforce"`
	// OnOverBudget is the conclusion over budget, in mode enforce.
	OnOverBudget Conclusion `yaml:"on_over_budget" default:"failure" enum:"failure,action_required"`
	// OnMissingBase is the conclusion when there is nothing to compare with.
	OnMissingBase Conclusion `yaml:"on_missing_base" default:"neutral" enum:"neutral,success,failure,action_required"`
	// OnNotMeasured is the conclusion when a required target is missing.
	OnNotMeasured Conclusion `yaml:"on_not_measured" default:"neutral" enum:"neutral,success,failure,action_required"`
	// OnApproximateBase is the conclusion when the base is an ancestor of the exact one.
	OnApproximateBase Conclusion `yaml:"on_approximate_base" default:"neutral" enum:"neutral,success,failure,action_required"`
	// Trailer of a commit message that justifies growth.
	Trailer string `yaml:"trailer" default:"Size-Justification"`
	// TrailerBypassesGate: the trailer alone is enough, without a maintainer.
	TrailerBypassesGate bool `yaml:"trailer_bypasses_gate" default:"false"`
	// Acceptance: whether consent holds for later heads that are not larger.
	Acceptance Acceptance `yaml:"acceptance" default:"carry_if_not_larger" enum:"carry_if_not_larger,head_only"`
}

// GateMode says whether the check can fail.
type GateMode string

const (
	GateReport  GateMode = "report"
	GateEnforce GateMode = "enforce"
)

// Conclusion of a check run, in GitHub's words.
type Conclusion string

const (
	ConcludeNeutral        Conclusion = "neutral"
	ConcludeSuccess        Conclusion = "success"
	ConcludeFailure        Conclusion = "failure"
	ConcludeActionRequired Conclusion = "action_required"
)

// Acceptance says how long consent to growth holds.
type Acceptance string

const (
	AcceptCarry    Acceptance = "carry_if_not_larger"
	AcceptHeadOnly Acceptance = "head_only"
)

// Noise says which differences are too small to speak of.
type Noise struct {
	// Band is the difference between two builds of one tree: auto from history, or a size.
	Band Band `yaml:"band" default:"auto"`
	// MinCommentChange is the change below which no first comment is written. The check is always exact.
	MinCommentChange Size `yaml:"min_comment_change" default:"1B"`
	// FoldSymbolsBelow is the change below which symbols are summed up in one line.
	FoldSymbolsBelow Size `yaml:"fold_symbols_below" default:"16B"`
}

// Comment is the comment on the pull request.
type Comment struct {
	// When a comment is written; never leaves the check run.
	When CommentWhen `yaml:"when" default:"changed" enum:"changed,over_budget,always,never"`
	// OnDraft is what a draft gets.
	OnDraft CommentOnDraft `yaml:"on_draft" default:"check_only" enum:"check_only,comment,nothing"`
	// Style of the comment; text is in the form of bloat-o-meter.
	Style CommentStyle `yaml:"style" default:"table" enum:"table,text"`
	// MaxRows of the list of symbols.
	MaxRows int `yaml:"max_rows" default:"20"`
	// Settle is how long a pull request has to be quiet before the first comment.
	Settle Duration `yaml:"settle" default:"10m"`
	// Recreate: write a new comment instead of editing the old one.
	Recreate bool `yaml:"recreate" default:"false"`
	// NotifyOnWorse: a new comment when a later push goes over budget.
	NotifyOnWorse bool `yaml:"notify_on_worse" default:"false"`
	// MentionOwners: name the owners of an exceeded budget so that they are notified.
	MentionOwners bool `yaml:"mention_owners" default:"false"`
	// Header tells two Apps or two files on one repository apart.
	Header string `yaml:"header"`
}

// CommentWhen says when a comment is written.
type CommentWhen string

const (
	CommentChanged    CommentWhen = "changed"
	CommentOverBudget CommentWhen = "over_budget"
	CommentAlways     CommentWhen = "always"
	CommentNever      CommentWhen = "never"
)

// CommentOnDraft says what a draft gets.
type CommentOnDraft string

const (
	DraftCheckOnly CommentOnDraft = "check_only"
	DraftComment   CommentOnDraft = "comment"
	DraftNothing   CommentOnDraft = "nothing"
)

// CommentStyle of the comment.
type CommentStyle string

const (
	StyleTable CommentStyle = "table"
	StyleText  CommentStyle = "text"
)

// Commands are the slash commands. A role is read, triage, write, maintain, admin, team:NAME, owners (of the budget) or author.
type Commands struct {
	// Prefix of every command.
	Prefix string `yaml:"prefix" default:"/size"`
	// Accept lists the roles that may accept growth.
	Accept []string `yaml:"accept" default:"write"`
	// AuthorMayAccept: the author of the pull request may accept its growth.
	AuthorMayAccept bool `yaml:"author_may_accept" default:"false"`
	// Rebuild lists the roles that may start builds.
	Rebuild []string `yaml:"rebuild" default:"write"`
}

// Report is the report page.
type Report struct {
	// Link says who may open the page: whoever has its unguessable address, or nobody. The server has no accounts, so authenticated is
	// the same as none.
	Link ReportLink `yaml:"link" default:"public" enum:"public,authenticated,none"`
	// HistoryDays is how long results are kept, and the report pages with them. The newest of an open pull request stays. 0: as long as
	// the server keeps them, a year.
	HistoryDays int `yaml:"history_days" default:"0"`
	// Disassembly shown on the page. This version shows none.
	Disassembly Disassembly `yaml:"disassembly" default:"changed_symbols" enum:"none,changed_symbols"`
}

// ReportLink says who may open the report page.
type ReportLink string

const (
	LinkPublic        ReportLink = "public"
	LinkAuthenticated ReportLink = "authenticated"
	LinkNone          ReportLink = "none"
)

// Disassembly shown on the report page.
type Disassembly string

const (
	DisassembleNone    Disassembly = "none"
	DisassembleChanged Disassembly = "changed_symbols"
)

// Limits on untrusted input.
type Limits struct {
	// ArtifactSize as downloaded. A larger artifact is not measured, and neither is one beyond the other limits.
	ArtifactSize Size `yaml:"artifact_size" default:"2GiB"`
	// UnpackedSize of all that has to be unpacked of an artifact.
	UnpackedSize Size `yaml:"unpacked_size" default:"8GiB"`
	// AnalysisTime is how long measuring one build may take.
	AnalysisTime Duration `yaml:"analysis_time" default:"5m"`
}

// MaxFileSize is the largest repository file that is read, in bytes.
const MaxFileSize = 64 << 10

// DefaultRepo is what holds without a file.
func DefaultRepo() *Repo {
	r := new(Repo)
	setDefaults(r)
	return r
}

// ParseRepo reads a repository's file. The name is only used in messages. The error, if any, is a Faults with everything that
// is wrong with the form of the file or, when that is right, with its values; the Repo is then nil.
func ParseRepo(name string, data []byte) (*Repo, error) {
	r := DefaultRepo()
	d := newDecoder(name)
	d.decode(data, r)
	if len(d.faults) == 0 {
		check(d, r)
	}
	if len(d.faults) > 0 {
		return nil, d.sorted(d.faults)
	}
	r.Warnings = d.sorted(d.warnings)
	return r, nil
}
