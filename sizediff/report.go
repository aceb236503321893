package sizediff

import (
	"cmp"

	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// Schema is the version of the JSON form of a Report. A change that removes or redefines a field needs a new number.
const Schema = "oxidometer.report/1"

// State is what a comparison as a whole can claim.
type State string

const (
	// Identical: every image is equal to the byte in all that is measured (debug information is not).
	Identical State = "identical"
	// Unchanged: some bytes differ, every size that is reported is equal.
	Unchanged State = "unchanged"
	// Changed: at least one size differs.
	Changed State = "changed"
	// ToolchainChanged: base and head were built by different compilers or linkers, so the difference is not the patch's alone.
	ToolchainChanged State = "toolchain_changed"
	// NotCompared: there is no usable base. It says nothing about growth.
	NotCompared State = "not_compared"
)

// Report is the comparison of two builds. Its JSON form is a contract (DESIGN.md, "JSON of diff"). No list is ever nil.
// Lists are ordered by largest absolute delta, then by name, but for three: Buckets are in the order of the policy, Config
// is in that of the options' names, and Findings, which Evaluate fills, begin with the severest.
type Report struct {
	Schema        string          `json:"schema"`
	State         State           `json:"state"`
	Base          BuildInfo       `json:"base"`
	Head          BuildInfo       `json:"head"`
	Totals        Totals          `json:"totals"`
	Closing       Closing         `json:"closing"`
	Buckets       []BucketChange  `json:"buckets"`
	Crates        []CrateChange   `json:"crates"`
	Instantiators []CrateChange   `json:"instantiators"`
	Runtime       []PathChange    `json:"runtime"`
	Images        []ImageChange   `json:"images"`
	Opaque        []OpaqueChange  `json:"opaque"`
	Symbols       []SymbolChange  `json:"symbols"`
	Residue       []ResidueChange `json:"residue"`
	Config        []OptionChange  `json:"config"`
	Texts         []TextChange    `json:"texts"`
	Matching      Matching        `json:"matching"`
	Findings      []Finding       `json:"findings"`
	Causes        *Causes         `json:"causes,omitempty"` // nil unless somebody looked for them
}

// BuildInfo says what was compared.
type BuildInfo struct {
	Label       string      `json:"label"`
	Images      int         `json:"images"`
	Fingerprint Fingerprint `json:"fingerprint"`
}

// Fingerprint is the toolchain and configuration of a build. Each list is sorted and without repetition; more than one
// entry in Rustc means that images of one build were made by different compilers.
type Fingerprint struct {
	Rustc        []string `json:"rustc"`
	CC           []string `json:"cc"`
	LD           []string `json:"ld"`
	ConfigSHA256 string   `json:"config_sha256"` // of the sorted options, "" when the build carries no configuration
}

// Change is one quantity, in bytes, before and after. Delta is Head - Base.
type Change struct {
	Base  int64 `json:"base"`
	Head  int64 `json:"head"`
	Delta int64 `json:"delta"`
}

// NewChange returns the change from base to head.
func NewChange(base, head int64) Change { return Change{base, head, head - base} }

// Plus returns the sum of two changes.
func (c Change) Plus(d Change) Change {
	return Change{c.Base + d.Base, c.Head + d.Head, c.Delta + d.Delta}
}

// Totals of a build or an image. Resident, init and unloaded are different memory and are never added together.
type Totals struct {
	Resident Change `json:"resident"` // stays in memory
	Init     Change `json:"init"`     // freed after boot or load
	Unloaded Change `json:"unloaded"` // in the file, never in memory: not SHF_ALLOC
	File     Change `json:"file"`     // size of the image files
}

// Closing splits the totals by kind of owner: for resident and for init, the five parts add up to the total, to the byte.
type Closing struct {
	Resident ClosingParts `json:"resident"`
	Init     ClosingParts `json:"init"`
}

// ClosingParts are the five kinds of owner a byte can have.
type ClosingParts struct {
	Named        Change `json:"named"`        // symbols, with their prefixes
	Constants    Change `json:"constants"`    // unnamed constants whose crate the references tell
	Derived      Change `json:"derived"`      // tables that grow because other things grow
	Padding      Change `json:"padding"`      // alignment and page steps
	Unattributed Change `json:"unattributed"` // nothing in the image says whose they are
}

// Sum of the five parts.
func (p ClosingParts) Sum() Change {
	return p.Named.Plus(p.Constants).Plus(p.Derived).Plus(p.Padding).Plus(p.Unattributed)
}

// BucketChange is one bucket. Over all buckets Resident and Init add up to the totals. Order: the policy's.
type BucketChange struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Resident Change `json:"resident"`
	Init     Change `json:"init"`
}

// CrateChange is the allocated bytes (resident and init) of one crate in one bucket.
// Unnamed says how many of them are constants without a symbol.
type CrateChange struct {
	Bucket string `json:"bucket,omitempty"` // absent in Instantiators
	Crate  string `json:"crate"`
	Change
	Unnamed Change `json:"unnamed"`
}

// PathChange is one module path of the Rust runtime, such as core::fmt::num, over all images; allocated bytes of named symbols.
type PathChange struct {
	Path string `json:"path"`
	Change
}

// Status of an image.
type Status string

const (
	Added          Status = "added"
	Removed        Status = "removed"
	ImageChanged   Status = "changed"
	ImageIdentical Status = "identical"
)

// ImageChange is one image of the build.
type ImageChange struct {
	Path      string          `json:"path"`
	Group     string          `json:"group,omitempty"` // under which it is shown, "" for its own path
	Status    Status          `json:"status"`
	SameSize  bool            `json:"same_size,omitempty"`  // status changed, but no size differs
	TextOnly  bool            `json:"text_only,omitempty"`  // status changed, but only by version texts: see Report.Texts
	MovedTo   string          `json:"moved_to,omitempty"`   // status removed: the image that now holds its symbols (a module became built-in)
	MovedFrom string          `json:"moved_from,omitempty"` // status added: the image that held them
	Stripped  bool            `json:"stripped,omitempty"`   // a side has no symbol table: its symbols are absent, not zero
	Totals    Totals          `json:"totals"`
	Buckets   []BucketChange  `json:"buckets"`
	Sections  []SectionChange `json:"sections"`
}

// Kind of memory a section ends in.
type Kind string

const (
	Resident Kind = "resident"
	Init     Kind = "init"
	Unloaded Kind = "unloaded"
)

// SectionChange is one section of an image; sections with the same name are added up. A kind that differs between base
// and head makes two rows.
type SectionChange struct {
	Name    string `json:"name"`
	Kind    Kind   `json:"kind"`
	Derived bool   `json:"derived"`
	Change
}

// OpaqueChange is a file that is counted by size only.
type OpaqueChange struct {
	Path   string `json:"path"`
	Status Status `json:"status"`
	Change
}

// SymbolState says how a symbol changed.
type SymbolState string

const (
	SymbolAdded   SymbolState = "added"
	SymbolRemoved SymbolState = "removed"
	Grew          SymbolState = "grew"
	Shrank        SymbolState = "shrank"
	Moved         SymbolState = "moved" // now in another image or section; Delta may be anything
)

// SymbolChange is one symbol that changed in size, place or existence. Sizes are the bytes it owns, its prefix included.
type SymbolChange struct {
	Image         string      `json:"image"`
	Section       string      `json:"section"`
	FromImage     string      `json:"from_image,omitempty"`   // moved: where it was
	FromSection   string      `json:"from_section,omitempty"` // moved: where it was
	Name          string      `json:"name"`                   // as in the symbol table of head, else of base
	Demangled     string      `json:"demangled"`              // without hashes; equal to Name when it is no Rust name
	Crate         string      `json:"crate"`                  // defining crate, "" for C
	Instantiating string      `json:"instantiating,omitempty"`
	Bucket        string      `json:"bucket"`
	Family        string      `json:"family"` // generic family, "" for C
	Attribution   string      `json:"attribution,omitempty"`
	Kind          Kind        `json:"kind"`
	State         SymbolState `json:"change"`
	Change
}

// Path is the path in Report.Runtime that a symbol of the runtime counts to.
func (s *SymbolChange) Path() string {
	if s.Attribution == ByName.String() {
		if n, ok := rustname.Parse(s.Name); ok {
			return cmp.Or(n.Module(), s.Crate)
		}
	}
	return s.Crate
}

// ResidueChange is what a section holds besides symbols and that changed.
// Class is constants, derived, padding, step or unattributed; Crate is set for constants and, where known, for derived tables.
type ResidueChange struct {
	Image   string `json:"image"`
	Section string `json:"section"`
	Class   string `json:"class"`
	Crate   string `json:"crate,omitempty"`
	Kind    Kind   `json:"kind"`
	Change
}

// OptionChange is one configuration option that differs. An absent option is "".
type OptionChange struct {
	Option  string `json:"option"`
	Base    string `json:"base"`
	Head    string `json:"head"`
	Version bool   `json:"version"` // it only carries a tool's version
}

// TextChange is a difference that is only text: vermagic, banner, build id, embedded configuration, a path in a panic location.
type TextChange struct {
	What   string   `json:"what"`
	Base   string   `json:"base,omitempty"`
	Head   string   `json:"head,omitempty"`
	Images []string `json:"images"`
	Delta  int64    `json:"delta"` // bytes it explains in allocated sections, over all images
}

// Matching counts how base symbols found their counterpart.
type Matching struct {
	Exact     int `json:"exact"`
	HashFree  int `json:"hash_free"` // equal without hashes, disambiguators and counters
	Alias     int `json:"alias"`     // equal through another name of the same bytes
	Family    int `json:"family"`    // closures and shims by their place in the family
	Moved     int `json:"moved"`
	Unmatched int `json:"unmatched"` // added and removed
}

// Severity of a finding.
type Severity string

const (
	Note    Severity = "note"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// AtLeast reports whether s is as severe as t or more.
func (s Severity) AtLeast(t Severity) bool { return severityRank(s) >= severityRank(t) }

func severityRank(s Severity) int {
	switch s {
	case Error:
		return 3
	case Warning:
		return 2
	case Note:
		return 1
	}
	return 0
}

// Rules that a finding can come from.
const (
	RuleRuntimeGrowth    = "runtime-growth"
	RuleNewRuntimePath   = "new-runtime-path"
	RuleStdLinked        = "std-linked"
	RuleToolchainMixed   = "toolchain-mixed"
	RuleToolchainChanged = "toolchain-changed"
	RuleConfigChanged    = "config-changed"
	RuleUnattributed     = "high-unattributed"
	RuleStripped         = "stripped-image"
	RuleOverBudget       = "over-budget"
	RuleOverRatchet      = "over-ratchet"
	RuleNewDuplicate     = "new-duplicate"
	RuleNewPanicSites    = "new-panic-sites"
	RuleNewlyUsedRuntime = "newly-used-runtime"
	RuleExportGrowth     = "export-growth"
)

// Finding is one rule that fired.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Image    string   `json:"image"` // "" when it concerns the whole build
	Delta    int64    `json:"delta"` // bytes, but of panic call sites their number
}

// SymbolSize is one symbol of a build. Size is the bytes it owns, its prefix included.
type SymbolSize struct {
	Image         string `json:"image"`
	Section       string `json:"section"`
	Name          string `json:"name"`
	Demangled     string `json:"demangled"`
	Crate         string `json:"crate"`
	Instantiating string `json:"instantiating,omitempty"`
	Bucket        string `json:"bucket"`
	Family        string `json:"family"`
	Attribution   string `json:"attribution,omitempty"`
	Kind          Kind   `json:"kind"`
	Size          int64  `json:"size"`
}
