package insight

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Ledger is where every byte of a build in memory goes: rows by image and crate, columns by what the bytes are for. All rows and
// columns of an image add up to its sections, resident ones and those freed after init apart.
type Ledger struct {
	Columns []Column  `json:"columns"` // of every Cost
	Rows    []CostRow `json:"rows"`    // by image, then most bytes first
}

// CostRow is what the code and data of one crate cost in one image.
type CostRow struct {
	Image  string `json:"image"`
	Bucket string `json:"bucket"`        // of the crate, or of C symbols; "" in the row of what belongs to nobody
	Crate  string `json:"crate"`         // that defines the code; "" for C, and in the row of what belongs to nobody
	Inst   string `json:"instantiating"` // that made the instances, where that is another; else ""
	Listed int64  `json:"listed"`        // what nm lists of it: sizes of symbols without prefixes, each name counted
	Memory
}

// Memory is costs by when they are given back.
type Memory struct {
	Resident Cost `json:"resident"`
	Init     Cost `json:"init"` // freed after boot or load
}

// All is both together.
func (m Memory) All() Cost { return m.Resident.Plus(m.Init) }

// Minus is the growth from n to m.
func (m Memory) Minus(n Memory) Memory {
	for i := range m.Resident {
		m.Resident[i] -= n.Resident[i]
		m.Init[i] -= n.Init[i]
	}
	return m
}

// of is the part that the bytes of a section belong to.
func (m *Memory) of(s *sizediff.Section) *Cost {
	if s.Kind == sizediff.Init {
		return &m.Init
	}
	return &m.Resident
}

// Cost is bytes by what they are for: one number for each of Columns.
type Cost [columns]int64

// The columns of a Cost.
const (
	Code         = iota // functions without their prefixes
	Objects             // named constants and variables
	Constants           // unnamed constants: strings, vtables, panic locations
	Prefixes            // call padding and patchable entries in front of functions
	Padding             // alignment
	Unwind              // .orc_*
	Sites               // tables of places in code: calls, returns, endbr
	ExportTables        // entries and names in export tables
	Kallsyms            // names and what goes with them in kallsyms
	Tables              // other derived tables
	Unattributed        // what nobody is known to own
	columns
)

// Column describes a column of a Cost.
type Column struct {
	Name  string `json:"name"`
	Basis Basis  `json:"basis"`
}

// Basis says how the bytes of a column were given to crates. What they add up to is measured in any case.
type Basis string

const (
	Measured  Basis = "measured"  // by symbols, labels and the addresses in tables
	Estimated Basis = "estimated" // Constants by who refers to them first; Padding by how much each function needs to fill up 16 bytes
)

// Columns are the columns of a Cost, in its order.
func Columns() []Column {
	return []Column{
		Code: {"code", Measured}, Objects: {"named data", Measured}, Constants: {"unnamed constants", Estimated},
		Prefixes: {"prefixes", Measured}, Padding: {"padding", Estimated}, Unwind: {"unwind tables", Measured},
		Sites: {"call and return sites", Measured}, ExportTables: {"exports", Measured}, Kallsyms: {"kallsyms", Measured},
		Tables: {"other tables", Measured}, Unattributed: {"unattributed", Measured},
	}
}

// Sum of all columns.
func (c Cost) Sum() int64 {
	var sum int64
	for _, n := range c {
		sum += n
	}
	return sum
}

// Plus adds two costs.
func (c Cost) Plus(d Cost) Cost {
	for i := range c {
		c[i] += d[i]
	}
	return c
}

// Costs makes the ledger of a build. What tables hold of C code is in the row of what belongs to nobody: measurements do not say whose
// it is.
func Costs(m *sizediff.Measurement, buckets []sizediff.Bucket) Ledger {
	return newBuild(m, buckets).costs()
}

func (b *build) costs() Ledger {
	out := Ledger{Columns(), []CostRow{}}
	for i := range b.images {
		rows := b.images[i].costs()
		byBytes(rows, func(r *CostRow) (int64, []string) { return r.All().Sum(), []string{r.Bucket, r.Crate, r.Inst} })
		out.Rows = append(out.Rows, rows...)
	}
	return out
}

type costKey struct{ bucket, crate, inst string }

// costing adds up one image.
type costing struct {
	*image
	rows    map[costKey]*CostRow
	buckets map[string]string
}

func (im *image) costs() []CostRow {
	c := &costing{im, map[costKey]*CostRow{}, im.crateBuckets()}
	for i := range im.symbols {
		c.symbol(&im.symbols[i])
	}
	for _, a := range im.Aliases {
		s := &im.symbols[a.Symbol]
		c.of(s).Listed += s.listed()
	}
	for i := range im.Shares {
		c.share(&im.Shares[i])
	}
	out := make([]CostRow, 0, len(c.rows))
	for _, r := range c.rows {
		if r.Listed != 0 || r.All().Sum() != 0 {
			out = append(out, *r)
		}
	}
	return out
}

func (c *costing) row(k costKey) *CostRow {
	r := c.rows[k]
	if r == nil {
		r = &CostRow{Image: c.Path, Bucket: k.bucket, Crate: k.crate, Inst: k.inst}
		c.rows[k] = r
	}
	return r
}

func (c *costing) of(s *symbol) *CostRow {
	return c.row(costKey{s.bucket, s.crate(), c.Crates[s.Inst]})
}

// listed is what nm says of a symbol.
func (s *symbol) listed() int64 {
	if s.Flags&sizediff.FlagInferred != 0 {
		return 0
	}
	return s.body()
}

func (c *costing) symbol(s *symbol) {
	sec := &c.Sections[s.Section]
	if sec.Kind == sizediff.Unloaded {
		return
	}
	r := c.of(s)
	r.Listed += s.listed()
	m := r.of(sec)
	switch {
	case sec.Derived:
		m[tableColumn(sec.Name)] += int64(s.Size)
	case sec.Code:
		m[Code] += s.body()
		m[Prefixes] += int64(s.Prefix)
	default:
		m[Objects] += s.body()
		m[Prefixes] += int64(s.Prefix)
	}
}

func (c *costing) share(s *sizediff.Share) {
	sec := &c.Sections[s.Section]
	n := int64(s.Bytes)
	column := Unattributed
	switch {
	case s.Class == sizediff.SharePadding && sec.Code:
		c.padding(s)
		return
	case s.Class == sizediff.SharePadding || s.Class == sizediff.ShareStep:
		column = Padding
	case s.Class == sizediff.ShareConstant:
		column = Constants
	case s.Table != "":
		column = Kallsyms
	case sec.Derived:
		column = tableColumn(sec.Name)
	}
	crate := c.Crates[s.Crate]
	c.row(costKey{c.buckets[crate], crate, c.Crates[s.Inst]}).of(sec)[column] += n
}

// tableColumn is the column of a derived table.
func tableColumn(section string) int {
	switch name := strings.TrimLeft(section, "_"); {
	case strings.HasPrefix(name, ".orc_"):
		return Unwind
	case exportTable(name):
		return ExportTables
	case strings.HasSuffix(name, "_sites") || name == ".ibt_endbr_seal" || name == "patchable_function_entries" || name == "mcount_loc":
		return Sites
	}
	return Tables
}

// alignment is what functions are usually aligned to.
const alignment = 16

// padding shares out the alignment of a code section by what each function needs to fill up its last 16 bytes. Without functions it
// is nobody's.
func (c *costing) padding(s *sizediff.Share) {
	sec := &c.Sections[s.Section]
	var rows []*CostRow
	weights := map[*CostRow]uint64{}
	total := uint64(0)
	for i := range c.symbols {
		f := &c.symbols[i]
		if f.Section != s.Section {
			continue
		}
		if w := -f.Size % alignment; w > 0 {
			r := c.of(f)
			if weights[r] == 0 {
				rows = append(rows, r)
			}
			weights[r] += w
			total += w
		}
	}
	if total == 0 {
		c.row(costKey{}).of(sec)[Padding] += int64(s.Bytes)
		return
	}
	slices.SortFunc(rows, func(a, b *CostRow) int {
		return cmp.Or(strings.Compare(a.Bucket, b.Bucket), strings.Compare(a.Crate, b.Crate), strings.Compare(a.Inst, b.Inst))
	})
	given, seen := uint64(0), uint64(0)
	for _, r := range rows {
		seen += weights[r]
		upTo := mulDiv(s.Bytes, seen, total)
		r.of(sec)[Padding] += int64(upTo - given)
		given = upTo
	}
}

// mulDiv is a*b/c for b at most c, rounded down.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	q, _ := bits.Div64(hi, lo, c)
	return q
}

// CostChange is a row of the ledger that changed. A row that one of the builds does not have is 0 there.
type CostChange struct {
	Image  string          `json:"image"`
	Bucket string          `json:"bucket"`
	Crate  string          `json:"crate"`
	Inst   string          `json:"instantiating"`
	Listed sizediff.Change `json:"listed"`
	Base   Memory          `json:"base"`
	Head   Memory          `json:"head"`
}

// Delta is the growth of each column.
func (c *CostChange) Delta() Memory { return c.Head.Minus(c.Base) }

// CompareCosts lists the rows that changed in any column, largest change of the sum first.
func CompareCosts(base, head Ledger) []CostChange {
	out := []CostChange{}
	key := func(r *CostRow) []string { return []string{r.Image, r.Bucket, r.Crate, r.Inst} }
	for _, p := range pair(base.Rows, head.Rows, key) {
		var b, h CostRow
		named := p.head
		if p.base != nil {
			b = *p.base
		}
		if p.head != nil {
			h = *p.head
		} else {
			named = p.base
		}
		if b.Memory != h.Memory || b.Listed != h.Listed {
			out = append(out, CostChange{named.Image, named.Bucket, named.Crate, named.Inst, sizediff.NewChange(b.Listed, h.Listed), b.Memory, h.Memory})
		}
	}
	byDelta(out, func(c *CostChange) (int64, []string) {
		return c.Delta().All().Sum(), []string{c.Image, c.Bucket, c.Crate, c.Inst}
	})
	return out
}
