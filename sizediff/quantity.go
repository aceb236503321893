package sizediff

import "slices"

// Quantity is what a budget bounds in place of the resident bytes of a bucket. It comes from Report.Causes, and where that does
// not know it, such a budget is not judged. No bucket has the name of a quantity.
type Quantity string

const (
	QuantityPanicSites  Quantity = "panic_sites"  // places that call into the panic machinery: a number, no bytes
	QuantityDuplicates  Quantity = "duplicates"   // bytes of the runtime and the abstractions beyond the largest copy
	QuantityUsedRuntime Quantity = "used_runtime" // bytes of the runtime that the build reaches
	QuantityExports     Quantity = "exports"      // bytes of names and entries of exports that were added, less those removed
)

// Quantities are all that there are.
func Quantities() []Quantity {
	return []Quantity{QuantityPanicSites, QuantityDuplicates, QuantityUsedRuntime, QuantityExports}
}

// Known reports whether there is such a quantity.
func (q Quantity) Known() bool { return slices.Contains(Quantities(), q) }

// Counted reports whether it is a number of places. All others are bytes.
func (q Quantity) Counted() bool { return q == QuantityPanicSites }

// Shared reports whether a part of it can be told: whether it has a size before the change, of which percent can be taken.
func (q Quantity) Shared() bool { return q == QuantityDuplicates || q == QuantityUsedRuntime }

// Label names it in a sentence, in the plural.
func (q Quantity) Label() string {
	switch q {
	case QuantityPanicSites:
		return "panic call sites"
	case QuantityUsedRuntime:
		return "used parts of the runtime"
	}
	return string(q)
}

// unit is what stands behind a number of it.
func (q Quantity) unit() string {
	if q.Counted() {
		return ""
	}
	return " B"
}

// of returns how the quantity changed, or why that is not known: a clause.
func (q Quantity) of(c *Causes) (change Change, unknown string) {
	switch {
	case c == nil:
		return Change{}, "the causes of the change were not looked for"
	case q == QuantityDuplicates && c.Copies == nil:
		return Change{}, "what is there more than once is not known of both builds; measure all images, before strip"
	case q == QuantityDuplicates:
		return c.Copies.Beyond, ""
	case q == QuantityExports && c.Exports == nil:
		return Change{}, "what the images export is not known of both builds; measure them again"
	case q == QuantityExports:
		return c.Exports.change(), ""
	case c.References == nil:
		return Change{}, "the references between symbols are not known of both builds; measure them again, before strip"
	case q == QuantityPanicSites:
		return c.References.Panics.Sites, ""
	case q == QuantityUsedRuntime:
		for _, p := range c.References.Portions {
			if p.Bucket == BucketRuntime {
				return p.Used, ""
			}
		}
		return Change{}, "no bucket is called " + BucketRuntime
	}
	return Change{}, "there is no such quantity"
}

// change of the bytes of names and entries. What was there before is not known, and counts as 0 beyond what was removed.
func (e *ExportCauses) change() Change {
	return NewChange(e.Removed.bytes(), e.Added.bytes())
}

func (s ExportSum) bytes() int64 { return s.Names + s.Entries }

// NeedsCauses reports whether a budget cannot be judged without Report.Causes.
func (p *Policy) NeedsCauses() bool {
	return slices.ContainsFunc(p.Budgets, func(b Budget) bool { return b.Quantity != "" })
}
