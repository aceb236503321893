package debuginfo

import (
	"cmp"
	"slices"
	"strings"
)

// Inlining is what the Rust functions of an image hold of other crates' code. These bytes are part of the functions that they
// were inlined into, and are counted there already.
type Inlining struct {
	Code int64     `json:"code"` // bytes of all functions that Rust units describe, which these are a share of
	List []Inlined `json:"list"` // most bytes first; never nil
}

// Inlined is code of one module that was inlined into functions of one other crate. Each byte is the innermost inlined
// function's. Code of the same crate as the function is left out.
type Inlined struct {
	Path  string `json:"path"`  // module of the inlined function, as in a report's runtime; "" when it is not Rust
	Crate string `json:"crate"` // its defining crate; "" when it is not Rust
	Into  string `json:"into"`  // defining crate of the function that holds it now, to which a measurement gives these bytes
	Host  string `json:"host"`  // crate that was compiled: of a generic instance the instantiating one
	Bytes int64  `json:"bytes"`
}

// Inlined adds up inlined code. The error is a *NotKnown. Code that two functions share is counted once, and so is all code:
// Code and each byte of it are exact as far as the debug information is.
func (in *Info) Inlined() (*Inlining, error) {
	var all []span
	owners := []owner{{}} // the first is for the functions' own code
	for _, u := range in.rust() {
		scopes, spans, err := in.scopes(u)
		if err != nil {
			return nil, err
		}
		all = append(all, ownedBy(&owners, u, scopes, innermost(spans))...)
	}
	slices.SortStableFunc(all, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	out := &Inlining{}
	bytes := make([]int64, len(owners))
	last := uint64(0)
	for _, s := range all {
		if s.end > last {
			n := int64(s.end - max(s.start, last))
			out.Code += n
			bytes[s.scope] += n
			last = s.end
		}
	}
	rows := map[Inlined]int64{}
	for i := 1; i < len(owners); i++ {
		row, err := in.row(&owners[i])
		if err != nil {
			return nil, err
		}
		if row.Crate != row.Into && bytes[i] > 0 {
			rows[row] += bytes[i]
		}
	}
	out.List = listed(rows)
	return out, nil
}

// Sum adds up images, such as those of a build. It is nil when any of them is, for then the sum is not known.
func Sum(images ...*Inlining) *Inlining {
	out := &Inlining{}
	rows := map[Inlined]int64{}
	for _, im := range images {
		if im == nil {
			return nil
		}
		out.Code += im.Code
		for _, row := range im.List {
			n := row.Bytes
			row.Bytes = 0
			rows[row] += n
		}
	}
	out.List = listed(rows)
	return out
}

// listed makes the list of rows without their bytes, and of these.
func listed(rows map[Inlined]int64) []Inlined {
	out := make([]Inlined, 0, len(rows))
	for row, n := range rows {
		row.Bytes = n
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b Inlined) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Path, b.Path), strings.Compare(a.Crate, b.Crate),
			strings.Compare(a.Into, b.Into), strings.Compare(a.Host, b.Host))
	})
	return out
}

// owner is an inlined function in the function that holds it, as entries.
type owner struct {
	unit          *unit
	item, holding uint64
}

// ownedBy replaces scopes of a unit by owners.
func ownedBy(owners *[]owner, u *unit, scopes []scope, spans []span) []span {
	holding := make([]uint64, len(scopes)) // by scope, the function that it is in; those outside come first
	for i, s := range scopes {
		switch {
		case !s.inlined:
			holding[i] = s.item
		case s.parent >= 0:
			holding[i] = holding[s.parent]
		default:
			holding[i] = nowhere
		}
	}
	known := map[owner]int32{}
	for i := range spans {
		at := spans[i].scope
		if !scopes[at].inlined {
			spans[i].scope = 0
			continue
		}
		o := owner{u, scopes[at].item, holding[at]}
		n, ok := known[o]
		if !ok {
			n = int32(len(*owners))
			known[o] = n
			*owners = append(*owners, o)
		}
		spans[i].scope = n
	}
	return spans
}

// row names an owner.
func (in *Info) row(o *owner) (Inlined, error) {
	it, err := in.item(o.item)
	if err != nil {
		return Inlined{}, err
	}
	if !it.known {
		return Inlined{}, notKnown("its debug information does not say whose the inlined code is, as with debuginfo=line-tables-only")
	}
	holding, err := in.item(o.holding)
	if err != nil {
		return Inlined{}, err
	}
	row := Inlined{Path: it.path, Crate: it.crate, Into: holding.crate, Host: o.unit.crate}
	row.Into = cmp.Or(row.Into, row.Host) // extern "C" functions have no Rust name
	row.Host = cmp.Or(row.Host, row.Into) // incremental compilation gives units names without the crate
	return row, nil
}
