package sizediff

// Causes is what two builds tell about why one is larger, besides sizes: who refers to whom, what is there more than once,
// what is exported. Package insight finds it; Evaluate makes findings and budgets of it. No list is ever nil. A part that
// is not known is nil, which is not 0.
type Causes struct {
	References *ReferenceCauses `json:"references"` // nil: who refers to what is not known of both builds
	Copies     *CopyCauses      `json:"copies"`     // nil: a build has no image, or one without symbols
	Exports    *ExportCauses    `json:"exports"`    // nil: not every image of both builds says what it exports
	Inlined    *InlinedCauses   `json:"inlined"`    // nil: not every image with Rust code has debug information
}

// ReferenceCauses are those that take the references between symbols.
type ReferenceCauses struct {
	Exact        bool            `json:"exact"`         // every reference is a relocation; else some were found by decoding code
	Arrivals     []Arrival       `json:"arrivals"`      // largest first
	MoreArrivals int             `json:"more_arrivals"` // left out, because there are too many
	Panics       PanicChange     `json:"panics"`
	Portions     []PortionChange `json:"portions"` // in the order of the buckets: runtime, then abstractions
}

// Arrival is a symbol of the runtime or the abstractions that is new, larger, or used for the first time.
type Arrival struct {
	Name   string `json:"name"` // as people write it
	Image  string `json:"image"`
	Bucket string `json:"bucket"`
	Crate  string `json:"crate"`
	Path   string `json:"path"`  // module path, as in Report.Runtime
	Bytes  Change `json:"bytes"` // of all symbols of that name in the image
	Used   int64  `json:"used"`  // bytes of it that are used, when nothing of it was used in the base; else 0
	Kept   string `json:"kept"`  // what keeps it now, in the words of insight.Keeping: used, exported, linked
	Chain  []Step `json:"chain"` // the shortest of first new references, from what was used before; empty: not known, or far longer than people read
}

// Step is one symbol in a chain of references.
type Step struct {
	Name   string `json:"name"` // as people write it; "" is something without a name, such as a vtable
	Image  string `json:"image"`
	Crate  string `json:"crate"`  // "" is C
	Bucket string `json:"bucket"` // "" of what has no name

	// Location is of its first reference to the next step; nil: not known, because there is no debug information.
	Location *Location `json:"location,omitempty"`
}

// Location is a line of source code, as debug information has it.
type Location struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// PanicChange counts the places that call into the panic machinery. These are no bytes.
type PanicChange struct {
	Sites     Change           `json:"sites"`
	Functions []FunctionPanics `json:"functions"` // those that changed, most first
}

// FunctionPanics are the panic call sites in one function.
type FunctionPanics struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	Crate string `json:"crate"`
	Sites Change `json:"sites"`
}

// PortionChange splits a bucket's named bytes by what keeps them. The three parts add up to the bucket's symbols.
type PortionChange struct {
	Bucket   string `json:"bucket"`
	Used     Change `json:"used"`     // reached from C, from modules, from drivers
	Exported Change `json:"exported"` // kept by their export alone
	Linked   Change `json:"linked"`   // kept because their crate is linked whole
}

// CopyCauses are items of the runtime and the abstractions that stand in several images.
type CopyCauses struct {
	Items  Change       `json:"items"`  // with more than one copy
	Beyond Change       `json:"beyond"` // bytes of them beyond the largest copy
	New    []CopyChange `json:"new"`    // items with more copies than before, by bytes
}

// CopyChange is one item with more copies than before.
type CopyChange struct {
	Name   string   `json:"name"`
	Images []string `json:"images"` // that have it now
	Copies Change   `json:"copies"`
	Beyond Change   `json:"beyond"` // bytes
	Kernel string   `json:"kernel"` // what the kernel has of it, in the words of insight.KernelCopy
	Reason string   `json:"reason"` // why the copies do not share it, in the words of insight.Reason
}

// ExportCauses are the exports of Rust symbols that were added and removed.
type ExportCauses struct {
	Added   ExportSum `json:"added"`
	Removed ExportSum `json:"removed"`
}

// ExportSum adds up exports. Sizes are bytes.
type ExportSum struct {
	Count     int   `json:"count"`
	Names     int64 `json:"names"`     // name strings
	Entries   int64 `json:"entries"`   // in the tables of exports
	Held      int64 `json:"held"`      // code and data that they keep
	Importers int   `json:"importers"` // modules of the build that import any
}

// InlinedCauses is what two builds have of the runtime and of the abstractions inside of others' functions. These bytes are in
// the buckets of the functions that hold them, and are never added to the buckets of the inlined code: a patch that moves runtime
// code inline makes the runtime smaller there, and not the kernel.
type InlinedCauses struct {
	Code         Change          `json:"code"` // bytes of all code that debug information describes, for shares
	Runtime      Change          `json:"runtime"`
	Abstractions Change          `json:"abstractions"`
	List         []InlinedChange `json:"list"` // those that changed, largest first
}

// InlinedChange is one module's code inside of the functions that one crate was compiled with.
type InlinedChange struct {
	Path   string `json:"path"`
	Crate  string `json:"crate"`
	Bucket string `json:"bucket"`
	Host   string `json:"host"`
	Bytes  Change `json:"bytes"`
}
