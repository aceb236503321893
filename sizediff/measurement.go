package sizediff

import (
	"github.com/oxidometer/oxidometer/sizediff/debuginfo"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// Measurement is a measured build, portable between machines. It does not know buckets: those are a matter of policy.
type Measurement struct {
	Label    string
	Lone     bool        // a single image, given by itself: it is compared with another lone image whatever their names
	Portable bool        // digests hold outside this process
	Images   []ImageFile // ordered by path
	Opaque   []OpaqueFile
	Config   []Option  // of the build's .config, or of the configuration inside vmlinux; sorted; nil when there is neither
	Manifest *Manifest // what CI says about the build; nil when it says nothing. It is never compared
}

// ImageFile is an image at its place in a build. Equal images share one Image.
type ImageFile struct {
	Path     string
	FileSize int64
	Group    string // that Select put it into; "" for none. It is no part of the portable form
	*Image
}

// OpaqueFile is a file counted by size only.
type OpaqueFile struct {
	Path string
	Size int64
}

// Option is one line of a kernel configuration: name without CONFIG_, value as written there ("y", "m", "\"text\"", "4").
// Options that are not set are left out.
type Option struct{ Name, Value string }

// Image is what was measured of one ELF image. For each section with memory, the Size of its symbols and the Bytes of its
// shares add up to the section's size. An Image is never changed after it was made.
type Image struct {
	Digest   elfmap.Digest
	Machine  elfmap.Machine
	Class    int // 32 or 64
	Big      bool
	Type     uint16
	Stripped bool // no symbol table: symbols are absent, not zero
	Sections []Section
	Crates   []string // names that symbols and shares refer to; "" comes first and means none
	Symbols  []Symbol // in order of section and address
	Aliases  []SymbolAlias
	Shares   []Share
	Tools    Tools
	Texts    []Text
	Links    *Links // nil: not known, as in an image without symbols and in files of older programs

	// What MeasureOptions.Examine fills in, nil if it did not.
	References *References
	Inlined    *debuginfo.Inlining // nil, too, when debug information does not say

	embedded []Option // configuration inside the image; only there until its build has one
}

// Section of an image.
type Section struct {
	Name    string
	Kind    Kind
	Code    bool
	Derived bool // a table that grows because other things grow
	Size    uint64
	Content uint64 // a short digest of the bytes, 0 for a section without any; says whether two sections are equal, not why
	Rest    uint64 // the same without the bytes of Image.Texts; equal to Content when there are none in the section
}

// Symbol owns bytes of a section.
type Symbol struct {
	Name    string
	Size    uint64 // bytes it owns, Prefix included; what an inner symbol covers is not its own
	Prefix  uint32 // bytes of call padding or patchable entry in front of it
	Section int32  // index into Image.Sections
	Crate   int32  // index into Image.Crates: the defining crate; 0 for C
	Inst    int32  // index into Image.Crates: the instantiating crate, or 0
	How     Attribution
	Flags   SymbolFlags
}

// SymbolFlags of a symbol.
type SymbolFlags uint8

const (
	FlagGlobal   SymbolFlags = 1 << iota // global or weak
	FlagInferred                         // it has no size: it owns what no sized symbol covers up to the next
	FlagObject                           // data, not code
)

// SymbolAlias is another name for the bytes of a symbol.
type SymbolAlias struct {
	Symbol int32 // index into Image.Symbols
	Name   string
}

// Attribution says how a symbol or a constant was given to its crate.
type Attribution uint8

const (
	ByNothing    Attribution = iota // it is C, or nobody's
	ByName                          // its mangled name says so
	ByFile                          // the STT_FILE symbol before it names a codegen unit of the crate
	ByNeighbour                     // the symbols before and after it are the crate's
	ByImage                         // the image is one crate's module
	ByConvention                    // a name that only one crate uses: __rust__udivti3
	ByReference                     // only that crate's code refers to it first
)

var attributionNames = [...]string{"", "name", "file", "neighbour", "image", "convention", "reference"}

// String is the word for it, "" for ByNothing.
func (a Attribution) String() string {
	if int(a) < len(attributionNames) {
		return attributionNames[a]
	}
	return ""
}

// ShareClass is the kind of owner of a share.
type ShareClass uint8

const (
	ShareUnattributed ShareClass = iota
	SharePadding
	ShareStep     // alignment to a page or more
	ShareConstant // unnamed constants of a crate
	ShareTable    // entries of a derived table; Crate is set when they describe a crate's symbols
)

var shareNames = [...]string{"unattributed", "padding", "step", "constants", "derived"}

func (c ShareClass) String() string {
	if int(c) < len(shareNames) {
		return shareNames[c]
	}
	return ""
}

// Share is bytes of a section that no symbol owns, added up by owner.
type Share struct {
	Section int32
	Class   ShareClass
	Table   string // for a table inside another section: "kallsyms"; else ""
	Crate   int32
	Inst    int32
	Bytes   uint64
}

// Tools that an image says it was made by. Each list is sorted.
type Tools struct {
	Rustc []string
	CC    []string
	LD    []string
}

// Text is a piece of an image that only says when, where or by what it was made.
type Text struct {
	What    string // "vermagic", "linux_banner", "build id", "embedded configuration"
	Value   string // printable; for blobs a short digest
	Size    int64  // allocated bytes that it takes
	Section string // where it lies
}
