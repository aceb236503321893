package insight

import (
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// ExportTax is what the exports of Rust symbols cost.
type ExportTax struct {
	Known   bool        `json:"known"`         // every image says what it exports and imports; if not, all else is nil
	All     int         `json:"all,omitempty"` // exports of the build, C included
	Rows    []ExportRow `json:"rows"`          // by image and crate; most bytes of names and entries first
	Exports []Export    `json:"exports"`       // by image and name
}

// ExportRow is the exports of one crate, or of the C helpers for Rust, in one image.
type ExportRow struct {
	Image   string `json:"image"`
	Bucket  string `json:"bucket"`
	Crate   string `json:"crate"` // that defines the symbols; "" for C helpers
	Exports int    `json:"exports"`
	Names   int64  `json:"names"`   // bytes of the names with their ends, as in __ksymtab_strings
	Entries int64  `json:"entries"` // bytes of the other export tables: __ksymtab*, __kflagstab, __kcrctab*
	Held    int64  `json:"held"`    // bytes of the exported symbols, prefixes included, each once: they stay for as long as they are exported
	Used    int    `json:"used"`    // of the exports: some other image of the build imports them
	Idle    int64  `json:"idle"`    // of Held: no other image imports any name of it. Code of the same image may still need it
}

// Export is one exported Rust symbol, or C helper for Rust.
type Export struct {
	Image     string   `json:"image"`
	Bucket    string   `json:"bucket"`
	Crate     string   `json:"crate"`
	Name      string   `json:"name"`      // demangled
	Symbol    string   `json:"symbol"`    // as exported
	Names     int64    `json:"names"`     // as in ExportRow
	Entries   int64    `json:"entries"`   // as in ExportRow; the share of one export in the tables
	Held      int64    `json:"held"`      // 0 when an earlier export holds the same bytes, or no symbol of a known size is called so
	Importers []string `json:"importers"` // paths of the images that import it, sorted

	key string
}

// Exports finds what the exports of a build's Rust symbols cost. Sizes of names and entries are those of the tables, in which every
// export has one entry and one name.
func Exports(m *sizediff.Measurement, buckets []sizediff.Bucket) ExportTax {
	return newBuild(m, buckets).exportTax()
}

func (b *build) exportTax() ExportTax {
	if !b.linked {
		return ExportTax{}
	}
	out := ExportTax{Known: true, Rows: []ExportRow{}, Exports: []Export{}}
	importers := b.importers()
	for i := range b.images {
		im := &b.images[i]
		out.All += len(im.Links.Exports)
		exports, rows := b.exportsOf(im, importers)
		out.Exports, out.Rows = append(out.Exports, exports...), append(out.Rows, rows...)
	}
	byBytes(out.Rows, func(r *ExportRow) (int64, []string) { return r.Names + r.Entries, []string{r.Image, r.Bucket, r.Crate} })
	return out
}

// importers lists for each exported name the images that import it, by path.
func (b *build) importers() map[string][]string {
	out := map[string][]string{}
	for i := range b.images {
		for _, name := range b.images[i].Links.Imports {
			if e := b.exports[name]; e != nil && e.image != &b.images[i] {
				out[name] = append(out[name], b.images[i].Path)
			}
		}
	}
	return out
}

// exportsOf describes what an image exports for Rust.
func (b *build) exportsOf(im *image, importers map[string][]string) (exports []Export, rows []ExportRow) {
	sums := map[owner]*ExportRow{}
	used := map[*symbol]bool{} // false: an export of it has been seen, and nobody imports it
	entry, bucketOf := im.exportEntry(), im.crateBuckets()
	for _, name := range im.Links.Exports {
		e := b.exports[name]
		if e.image != im || !aboutRust(name, e.symbol) {
			continue
		}
		x := newExport(im, name, e.symbol, bucketOf)
		x.Entries, x.Importers = entry, append([]string{}, importers[name]...)
		if e.symbol != nil {
			if _, held := used[e.symbol]; !held {
				x.Held = int64(e.symbol.Size)
			}
			used[e.symbol] = used[e.symbol] || len(x.Importers) > 0
		}
		exports = append(exports, x)
		k := owner{x.Bucket, x.Crate}
		if sums[k] == nil {
			sums[k] = &ExportRow{Image: im.Path, Bucket: x.Bucket, Crate: x.Crate}
		}
		sums[k].add(&x)
	}
	for s, imported := range used {
		if !imported {
			sums[owner{s.bucket, s.crate()}].Idle += int64(s.Size)
		}
	}
	for _, r := range sums {
		rows = append(rows, *r)
	}
	return exports, rows
}

// owner is what exports are added up by.
type owner struct{ bucket, crate string }

func (r *ExportRow) add(x *Export) {
	r.Exports++
	r.Names += x.Names
	r.Entries += x.Entries
	r.Held += x.Held
	if len(x.Importers) > 0 {
		r.Used++
	}
}

// aboutRust reports whether an export is there for Rust: of a Rust symbol, or of a helper. s may be nil.
func aboutRust(name string, s *symbol) bool {
	if s != nil {
		return s.rust() || s.bucket == sizediff.BucketHelpers
	}
	_, ok := rustname.Parse(name)
	return ok
}

// newExport describes a name. An alias is of the crate that its symbol is given to, and a symbol without bytes is in the bucket that
// its crate is in.
func newExport(im *image, name string, s *symbol, bucketOf map[string]string) Export {
	x := Export{Image: im.Path, Name: name, Symbol: name, Names: int64(len(name)) + 1, key: name}
	n, ok := rustname.Parse(name)
	if ok {
		x.Name, x.key, x.Crate = n.String(), n.MatchKey(), n.Crate
		x.Bucket = bucketOf[n.Crate]
	}
	if s != nil {
		x.Bucket, x.Crate = s.bucket, s.crate()
	}
	return x
}

// exportEntry is how many bytes one export has in the tables besides its name.
func (im *image) exportEntry() int64 {
	if len(im.Links.Exports) == 0 {
		return 0
	}
	total := uint64(0)
	for _, s := range im.Sections {
		if name := strings.TrimLeft(s.Name, "_"); exportTable(name) && name != "ksymtab_strings" {
			total += s.Size
		}
	}
	return int64(total) / int64(len(im.Links.Exports))
}

// exportTable reports whether a section, given without leading underscores, is one of those that exports are in.
func exportTable(name string) bool {
	return strings.HasPrefix(name, "ksymtab") || strings.HasPrefix(name, "kflagstab") || strings.HasPrefix(name, "kcrctab")
}

// ExportChanges is what a change does to the exports of Rust symbols.
type ExportChanges struct {
	Known   bool           `json:"known"` // of both builds; if not, all else is nil
	Rows    []ExportChange `json:"rows"`
	Added   []Export       `json:"added"`   // of head, most bytes first
	Removed []Export       `json:"removed"` // of base, most bytes first
}

// ExportChange is the change of an ExportRow. A row that one of the builds does not have is 0 there.
type ExportChange struct {
	Image   string          `json:"image"`
	Bucket  string          `json:"bucket"`
	Crate   string          `json:"crate"`
	Exports sizediff.Change `json:"exports"`
	Names   sizediff.Change `json:"names"`
	Entries sizediff.Change `json:"entries"`
	Held    sizediff.Change `json:"held"`
	Used    sizediff.Change `json:"used"`
	Idle    sizediff.Change `json:"idle"`
}

// CompareExports says which exports came and went; names are compared without hashes. Rows without any change are left out.
func CompareExports(base, head ExportTax) ExportChanges {
	if !base.Known || !head.Known {
		return ExportChanges{}
	}
	out := ExportChanges{Known: true, Rows: []ExportChange{}, Added: []Export{}, Removed: []Export{}}
	for _, p := range pair(base.Rows, head.Rows, func(r *ExportRow) []string { return []string{r.Image, r.Bucket, r.Crate} }) {
		if c, changed := exportChange(p); changed {
			out.Rows = append(out.Rows, c)
		}
	}
	for _, p := range pair(base.Exports, head.Exports, func(x *Export) []string { return []string{x.Image, x.key} }) {
		switch {
		case p.base == nil:
			out.Added = append(out.Added, *p.head)
		case p.head == nil:
			out.Removed = append(out.Removed, *p.base)
		}
	}
	byDelta(out.Rows, func(c *ExportChange) (int64, []string) {
		return c.Names.Delta + c.Entries.Delta, []string{c.Image, c.Bucket, c.Crate}
	})
	for _, list := range [][]Export{out.Added, out.Removed} {
		byBytes(list, func(x *Export) (int64, []string) { return x.Names + x.Entries + x.Held, []string{x.Image, x.Symbol} })
	}
	return out
}

func exportChange(p sides[ExportRow]) (c ExportChange, changed bool) {
	var b, h ExportRow
	if p.base != nil {
		b = *p.base
		c.Image, c.Bucket, c.Crate = b.Image, b.Bucket, b.Crate
	}
	if p.head != nil {
		h = *p.head
		c.Image, c.Bucket, c.Crate = h.Image, h.Bucket, h.Crate
	}
	c.Exports, c.Used = sizediff.NewChange(int64(b.Exports), int64(h.Exports)), sizediff.NewChange(int64(b.Used), int64(h.Used))
	c.Names, c.Entries = sizediff.NewChange(b.Names, h.Names), sizediff.NewChange(b.Entries, h.Entries)
	c.Held, c.Idle = sizediff.NewChange(b.Held, h.Held), sizediff.NewChange(b.Idle, h.Idle)
	deltas := []int64{c.Exports.Delta, c.Names.Delta, c.Entries.Delta, c.Held.Delta, c.Used.Delta, c.Idle.Delta}
	return c, slices.ContainsFunc(deltas, func(n int64) bool { return n != 0 })
}
