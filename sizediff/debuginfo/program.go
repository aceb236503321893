package debuginfo

import (
	"cmp"
	"slices"
)

// maxFiles is the most source files, or directories, of one unit.
const maxFiles = 1 << 16

// lineTable is the line number program of one unit, executed.
type lineTable struct {
	version            int
	directories, files []sourceFile
	sequences          []sequence // by start
	rows               []lineRow
}

// sourceFile is a name in a directory by number. Directories have names only.
type sourceFile struct {
	name      value
	directory uint64
}

// sequence is code that the rows from first to last (excluded) tell about. They are in order of address.
type sequence struct {
	start, end  uint64
	first, last int
}

type lineRow struct {
	address    uint64
	file, line uint32
}

// readLines executes the line number program of a unit.
func (in *Info) readLines(u *unit) (*lineTable, error) {
	b, err := in.lineProgram(u.lineAt)
	if err != nil {
		return nil, err
	}
	r := lineReading{in: in, unit: *u, c: cursor{b: b, big: in.im.Big}}
	if err := r.header(); err != nil {
		return nil, err
	}
	for !r.c.done() {
		if err := r.step(); err != nil {
			return nil, err
		}
	}
	if r.c.spent {
		return nil, damaged("a line number program ends inside of an instruction")
	}
	slices.SortStableFunc(r.out.sequences, func(a, b sequence) int { return cmp.Compare(a.start, b.start) })
	return &r.out, nil
}

// lineProgram returns the program at an offset of .debug_line, with its header.
func (in *Info) lineProgram(at uint64) ([]byte, error) {
	s, err := in.section(".debug_line")
	if err != nil {
		return nil, err
	}
	b, err := in.piece(s, at, min(at+12, max(s.size, at)))
	if err != nil {
		return nil, err
	}
	c := cursor{b: b, big: in.im.Big}
	n, _ := c.length()
	if n > s.size {
		return nil, damaged("a line number program ends behind the last")
	}
	end := at + uint64(c.off) + n
	if b, err = in.piece(s, at, end); err != nil || !in.relocates(s) {
		return b, err
	}
	b = slices.Clone(b)
	return b, in.relocate(s, []patch{{at, b}})
}

// lineReading is a program while it runs.
type lineReading struct {
	in   *Info
	unit unit // with the size of offsets in .debug_line
	c    cursor
	out  lineTable

	step1, lineRange, opcodeBase uint8
	lineBase                     int8
	lengths                      []byte // operands of standard instructions

	address    uint64
	file, line uint64
	first      int // row of this sequence
}

func (r *lineReading) header() error {
	c := &r.c
	_, r.unit.offsets = c.length()
	r.out.version = int(c.number(2))
	if r.out.version < 2 || r.out.version > 5 {
		return notKnown("its line numbers are of version %d, which is not known here", r.out.version)
	}
	if r.out.version == 5 {
		c.skip(2) // sizes of addresses and of segment selectors
	}
	body := c.number(r.unit.offsets)
	body += uint64(c.off)
	r.step1 = c.u8()
	if r.out.version >= 4 {
		c.skip(1) // operations in an instruction word
	}
	c.skip(1) // default_is_stmt
	r.lineBase, r.lineRange, r.opcodeBase = int8(c.u8()), c.u8(), c.u8()
	if r.lineRange == 0 || r.opcodeBase == 0 || c.spent || body > uint64(len(c.b)) {
		return damaged("a line number program has no header")
	}
	r.lengths = c.next(uint64(r.opcodeBase) - 1)
	read := r.oldNames
	if r.out.version == 5 {
		read = r.names
	}
	if err := read(); err != nil {
		return err
	}
	if c.spent {
		return damaged("a line number program has no files")
	}
	c.off = int(body)
	r.reset()
	return nil
}

// oldNames reads directories and files as before DWARF 5: number 0 is the unit's own directory, and no file.
func (r *lineReading) oldNames() error {
	c := &r.c
	r.out.directories = []sourceFile{{}}
	r.out.files = []sourceFile{{}}
	for text := c.text(); len(text) > 0; text = c.text() {
		r.out.directories = append(r.out.directories, sourceFile{name: value{form: formString, text: text}})
	}
	for text := c.text(); len(text) > 0; text = c.text() {
		r.out.files = append(r.out.files, sourceFile{value{form: formString, text: text}, c.uleb()})
		c.uleb() // time
		c.uleb() // size
	}
	if len(r.out.directories) > maxFiles || len(r.out.files) > maxFiles {
		return tooMany
	}
	return r.in.spend(c.off)
}

// names reads directories and files of DWARF 5.
func (r *lineReading) names() (err error) {
	if r.out.directories, err = r.table(); err == nil {
		r.out.files, err = r.table()
	}
	return err
}

// Contents of a column, DW_LNCT.
const (
	columnPath      = 1
	columnDirectory = 2
)

func (r *lineReading) table() ([]sourceFile, error) {
	c := &r.c
	columns := make([]attr, c.u8())
	for i := range columns {
		columns[i] = attr{name: c.uleb(), form: c.uleb()}
	}
	n := c.uleb()
	if n > maxFiles {
		return nil, tooMany
	}
	var out []sourceFile
	for ; n > 0 && !c.spent; n-- {
		var f sourceFile
		for _, a := range columns {
			v := r.unit.read(c, a)
			switch a.name {
			case columnPath:
				f.name = v
			case columnDirectory:
				f.directory = v.n
			}
		}
		out = append(out, f)
		if err := r.in.spend(1 + len(columns)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *lineReading) reset() {
	r.address, r.file, r.line = 0, 1, 1
	r.first = len(r.out.rows)
}

// Standard instructions, DW_LNS, and extended ones, DW_LNE, that have a meaning here.
const (
	lineExtended     = 0
	lineCopy         = 1
	lineAdvance      = 2
	lineAdvanceLine  = 3
	lineSetFile      = 4
	lineConstAdvance = 8
	lineFixedAdvance = 9

	lineEnd        = 1
	lineSetAddress = 2
)

// step executes one instruction.
func (r *lineReading) step() error {
	c := &r.c
	op := c.u8()
	if op >= r.opcodeBase {
		n := op - r.opcodeBase
		r.advance(uint64(n / r.lineRange))
		r.line += uint64(int64(r.lineBase) + int64(n%r.lineRange))
		return r.emit()
	}
	switch op {
	case lineExtended:
		return r.extended()
	case lineCopy:
		return r.emit()
	case lineAdvance:
		r.advance(c.uleb())
	case lineAdvanceLine:
		r.line += uint64(c.sleb())
	case lineSetFile:
		r.file = c.uleb()
	case lineConstAdvance:
		r.advance(uint64((255 - r.opcodeBase) / r.lineRange))
	case lineFixedAdvance:
		r.address += c.number(2)
	default:
		for range r.lengths[op-1] {
			c.uleb()
		}
	}
	return r.in.spend(1)
}

func (r *lineReading) advance(n uint64) { r.address += n * uint64(r.step1) }

func (r *lineReading) extended() error {
	n := r.c.uleb()
	b := r.c.next(n)
	if len(b) == 0 {
		return r.in.spend(1)
	}
	switch arg := (cursor{b: b[1:], big: r.c.big}); b[0] {
	case lineEnd:
		r.finish()
	case lineSetAddress:
		if len(arg.b) == 4 || len(arg.b) == 8 {
			r.address = arg.number(len(arg.b))
		}
	}
	return r.in.spend(1)
}

func (r *lineReading) emit() error {
	r.out.rows = append(r.out.rows, lineRow{r.address, uint32(min(r.file, maxFiles)), uint32(r.line)})
	if r.in.spans++; r.in.spans > maxSpans {
		return tooMany
	}
	return r.in.spend(2)
}

// finish ends a sequence. That of code which the linker dropped is forgotten.
func (r *lineReading) finish() {
	rows := r.out.rows[r.first:]
	byAddress := func(a, b lineRow) int { return cmp.Compare(a.address, b.address) }
	if !slices.IsSortedFunc(rows, byAddress) {
		slices.SortStableFunc(rows, byAddress)
	}
	if len(rows) > 0 {
		if end, ok := r.in.inCode(rows[0].address, r.address); ok {
			r.out.sequences = append(r.out.sequences, sequence{rows[0].address, end, r.first, len(r.out.rows)})
		} else {
			r.out.rows = r.out.rows[:r.first]
		}
	}
	r.reset()
}

// at returns the row for an address: the last one that is not behind it.
func (t *lineTable) at(address uint64) (lineRow, bool) {
	i, found := slices.BinarySearchFunc(t.sequences, address, func(s sequence, a uint64) int { return cmp.Compare(s.start, a) })
	if !found {
		i--
	}
	if i < 0 || address >= t.sequences[i].end {
		return lineRow{}, false
	}
	rows := t.rows[t.sequences[i].first:t.sequences[i].last]
	n, _ := slices.BinarySearchFunc(rows, address, func(r lineRow, a uint64) int {
		if r.address <= a {
			return -1
		}
		return 1
	})
	return rows[n-1], true
}
