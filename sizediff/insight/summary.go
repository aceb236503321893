package insight

import "github.com/oxidometer/oxidometer/sizediff"

// Summary is all that a measurement tells about why its build is as large as it is.
type Summary struct {
	OneCopy  OneCopy     `json:"one_copy"`
	Sharing  []Sharing   `json:"sharing"` // nil: not known
	Exports  ExportTax   `json:"exports"`
	Generics GenericCode `json:"generics"`
	Costs    Ledger      `json:"costs"`
}

// Summarize does what Copies, Sharings, Exports, Generics and Costs do, in one pass over the symbols.
func Summarize(m *sizediff.Measurement, buckets []sizediff.Bucket) *Summary {
	b := newBuild(m, buckets)
	return &Summary{b.oneCopy(), b.sharings(), b.exportTax(), b.generics(), b.costs()}
}

// Changes is what differs between two summaries.
type Changes struct {
	OneCopy  []ItemChange   `json:"one_copy"`
	Exports  ExportChanges  `json:"exports"`
	Generics []FamilyChange `json:"generics"`
	Costs    []CostChange   `json:"costs"`
}

// Changed compares two summaries.
func Changed(base, head *Summary) *Changes {
	return &Changes{
		CompareCopies(base.OneCopy, head.OneCopy), CompareExports(base.Exports, head.Exports),
		CompareGenerics(base.Generics, head.Generics), CompareCosts(base.Costs, head.Costs),
	}
}
