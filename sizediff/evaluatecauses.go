package sizediff

import (
	"fmt"
	"strings"
)

// What Report.Causes says, as findings: at most one of each rule, with the largest named.

// Bounds of a finding, however much there is of what it is about.
const (
	maxNamed    = 3  // names, before it says how many more there are
	maxNameLong = 64 // characters of a name
)

func (f *findings) causes() {
	c := f.r.Causes
	if c == nil || f.r.State == NotCompared {
		return
	}
	if c.Copies != nil {
		f.duplicates(c.Copies.New)
	}
	if c.References != nil {
		f.panics(c.References)
		f.newlyUsed(c.References)
	}
	if c.Exports != nil {
		f.exports(c.Exports)
	}
}

func (f *findings) duplicates(items []CopyChange) {
	var beyond int64
	var names []string
	for _, x := range items {
		beyond += x.Beyond.Delta
		why := ""
		if x.Reason != "" {
			why = " (" + x.Reason + ")"
		}
		names = append(names, fmt.Sprintf("%s%s %s B, %s", shortened(x.Name), why, signed(x.Beyond.Delta), numbered(x.Copies.Head, "copy", "copies")))
	}
	if len(items) > 0 {
		f.add(RuleNewDuplicate, Warning, "", beyond, "%s more copies than before, %s B beyond the largest of each: %s",
			numbered(int64(len(items)), "item of the runtime and the abstractions has", "items of the runtime and the abstractions have"), signed(beyond), firstFew(names, "; "))
	}
}

func (f *findings) panics(c *ReferenceCauses) {
	sites := c.Panics.Sites
	var names []string
	for _, x := range c.Panics.Functions {
		if x.Sites.Delta > 0 {
			names = append(names, shortened(x.Name)+" "+signed(x.Sites.Delta))
		}
	}
	if sites.Delta > 0 {
		f.add(RuleNewPanicSites, Warning, "", sites.Delta, "%s into the panic machinery, %s in all%s%s",
			numbered(sites.Delta, "more place calls", "more places call"), signed(sites.Head)[1:], c.how("counted"), among(names))
	}
}

// newlyUsed is about bytes that may have been there all along: nobody can leave them out any more.
func (f *findings) newlyUsed(c *ReferenceCauses) {
	var used, linked int64
	var names []string
	for _, a := range c.Arrivals {
		if a.Bucket != BucketRuntime || a.Used <= 0 {
			continue
		}
		used += a.Used
		linked += min(a.Used, a.Bytes.Base)
		names = append(names, fmt.Sprintf("%s (%s B)", shortened(a.Name), signed(a.Used)[1:]))
	}
	if len(names) == 0 {
		return
	}
	before := ""
	if linked > 0 {
		before = fmt.Sprintf(", of which %s B were linked before", signed(linked)[1:])
	}
	least := "" // the list has the largest growth first, and what is not in it may be used too
	if c.MoreArrivals > 0 {
		least = "at least "
	}
	f.add(RuleNewlyUsedRuntime, Note, "", used, "%s%s, %s B%s%s%s",
		least, numbered(int64(len(names)), "symbol of the Rust runtime that nothing used before is used", "symbols of the Rust runtime that nothing used before are used"),
		signed(used)[1:], before, c.how("found"), among(names))
}

func (f *findings) exports(c *ExportCauses) {
	added, removed := c.Added, c.Removed
	growth := c.change().Delta
	if growth <= 0 {
		return
	}
	importers := "no module of this build imports any of them"
	if n := int64(added.Importers); n > 0 {
		importers = numbered(n, "module of this build imports", "modules of this build import") + " some of them"
	}
	less := ""
	if removed.Count > 0 {
		less = fmt.Sprintf("; %s removed, %s B", numbered(int64(removed.Count), "other is", "others are"), signed(removed.bytes())[1:])
	}
	f.add(RuleExportGrowth, Note, "", growth, "%s of Rust symbols: %s B of names and %s B of entries, which keep %s B of code and data alive; %s%s",
		numbered(int64(added.Count), "more export", "more exports"), signed(added.Names)[1:], signed(added.Entries)[1:], signed(added.Held)[1:], importers, less)
}

// how says that a reading of machine code is behind the numbers, where it is.
func (c *ReferenceCauses) how(found string) string {
	if c.Exact {
		return ""
	}
	return " (" + found + " by decoding code)"
}

// among introduces names, if there are any.
func among(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": " + firstFew(names, ", ")
}

func firstFew(names []string, separator string) string {
	if n := len(names) - maxNamed; n > 0 {
		names = append(names[:maxNamed:maxNamed], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(names, separator)
}

func numbered(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return signed(n)[1:] + " " + many
}

// shortened cuts a name in the middle: both ends of a path tell more than either alone.
func shortened(name string) string {
	r := []rune(name)
	if len(r) <= maxNameLong {
		return name
	}
	return string(r[:maxNameLong/2]) + "..." + string(r[len(r)-maxNameLong/2+3:])
}
