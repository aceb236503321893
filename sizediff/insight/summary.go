package insight

import (
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/debuginfo"
)

// Summary is all that a measurement tells about why its build is as large as it is, and what was read of the build's code.
type Summary struct {
	OneCopy  OneCopy     `json:"one_copy"`
	Sharing  []Sharing   `json:"sharing"` // nil: not known
	Exports  ExportTax   `json:"exports"`
	Generics GenericCode `json:"generics"`
	Costs    Ledger      `json:"costs"`

	Code *CodeSavings `json:"code"` // what CodeReader.Savings returns; nil: not known
	Use  *RuntimeUse  `json:"use"`  // what Uses returns; nil: not known, or not asked for

	// Stripped counts the images without symbols. What they hold of all this is not known, their sizes aside.
	Stripped int `json:"stripped"`

	// Inlined is other crates' code inside of functions, which is counted with these; nil: not known.
	Inlined *debuginfo.Inlining `json:"inlined"`
}

// Summarize does what Copies, Sharings, Exports, Generics and Costs do, in one pass over the symbols. Code and Use are left to who has them.
func Summarize(m *sizediff.Measurement, buckets []sizediff.Bucket) *Summary {
	b := newBuild(m, buckets)
	return &Summary{
		OneCopy: b.oneCopy(), Sharing: b.sharings(), Exports: b.exportTax(), Generics: b.generics(), Costs: b.costs(),
		Stripped: b.stripped(), Inlined: inlining(b.images),
	}
}

// Changes is what differs between two summaries.
type Changes struct {
	OneCopy  []ItemChange   `json:"one_copy"`
	Exports  ExportChanges  `json:"exports"`
	Generics []FamilyChange `json:"generics"`
	Costs    []CostChange   `json:"costs"`
	Code     *CodeChanges   `json:"code"` // nil: not known of both builds

	// Stripped counts the images of either build without symbols, as in Summary.
	Stripped sizediff.Change `json:"stripped"`

	// Inlined is what Report.Causes has; nil: not known.
	Inlined *sizediff.InlinedCauses `json:"-"`
}

// Changed compares two summaries. Inlined is left to who has it.
func Changed(base, head *Summary) *Changes {
	return &Changes{
		OneCopy: CompareCopies(base.OneCopy, head.OneCopy), Exports: CompareExports(base.Exports, head.Exports),
		Generics: CompareGenerics(base.Generics, head.Generics), Costs: CompareCosts(base.Costs, head.Costs),
		Code: CompareSavings(base.Code, head.Code), Stripped: sizediff.NewChange(int64(base.Stripped), int64(head.Stripped)),
	}
}
