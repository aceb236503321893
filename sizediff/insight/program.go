package insight

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/coderef"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// Scope says whose functions are compared.
type Scope uint8

const (
	RustCode   Scope = iota // functions with a Rust name, and local ones of a Rust object
	WholeImage              // all functions
)

// program is the functions of an image and what is needed to read their code.
type program struct {
	im        *elfmap.Image
	owners    *elfmap.Map
	decode    decoder           // nil when code is compared by relocations alone
	base      []uint64          // by section: addresses, made up in a relocatable file
	functions []function        // by address
	chosen    int               // of them
	starts    starts            // of the chosen ones
	relocs    map[int][]located // of code sections in a relocatable file, by section and offset
	pieces    map[int][]byte    // contents of sections that a linker merges by content
	alone     map[int]bool      // sections of a relocatable file that hold one function and nothing else
}

// function is a run of code with a sized symbol.
type function struct {
	symbol     int32
	section    int
	start, end uint64 // offsets in the section
	prefix     uint64 // bytes before it that belong to it
	addr       uint64
	chosen     bool // in the scope
	taken      bool // something uses its address other than to call it
}

func (f *function) bytes() uint64 { return f.prefix + f.end - f.start }

// located is a relocation with what it refers to.
type located struct {
	offset uint64
	kind   uint32
	to     target
}

// target is what code refers to.
type target struct {
	function int32  // index, or one of the values below
	symbol   uint32 // that is not in the file
	at       uint64 // offset in the function, address, or offset from the symbol
}

const (
	atAddress int32 = -1 - iota
	outside
)

func newProgram(im *elfmap.Image, owners *elfmap.Map, scope Scope) (*program, error) {
	p := &program{im: im, owners: owners, decode: decoders[im.Machine], pieces: map[int][]byte{}}
	if im.Big {
		p.decode = nil
	}
	p.layout()
	p.findFunctions(scope)
	p.findStarts()
	if p.relocatable() && p.chosen > 0 {
		return p, p.readRelocations()
	}
	return p, nil
}

// findTaken marks the functions in scope whose address is taken.
func (p *program) findTaken() error {
	switch {
	case p.chosen == 0:
		return nil
	case p.relocatable():
		return p.takenInObject()
	case p.decode == nil:
		return nil
	}
	return p.takenInImage()
}

func (p *program) relocatable() bool { return p.im.Type == elfmap.FileRelocatable }

// layout gives each section of a relocatable file its own addresses.
func (p *program) layout() {
	p.base = make([]uint64, len(p.im.Sections))
	next := uint64(1 << 32)
	for i := range p.im.Sections {
		s := &p.im.Sections[i]
		p.base[i] = s.Addr
		if p.relocatable() {
			p.base[i] = next
			next += s.Size&^0xfff + 0x2000
		}
	}
}

// findFunctions lists functions whose symbol has all of its bytes for itself. Trampolines of static calls are left out: the
// kernel patches them.
func (p *program) findFunctions(scope Scope) {
	rust := p.rustSymbols(scope)
	p.alone = map[int]bool{}
	p.functions = make([]function, 0, p.bodyCount())
	for i := range p.owners.Tilings {
		t := &p.owners.Tilings[i]
		s := &p.im.Sections[t.Section]
		if !s.Exec() || s.Nobits() {
			continue
		}
		before := len(p.functions)
		for j := range t.Ranges {
			if f, ok := p.functionAt(t, j); ok {
				if f.chosen = rust == nil || rust[f.symbol]; f.chosen {
					p.chosen++
				}
				p.functions = append(p.functions, f)
			}
		}
		p.alone[t.Section] = p.relocatable() && len(p.functions) == before+1 && len(t.Ranges) == 1
	}
	slices.SortFunc(p.functions, func(a, b function) int {
		return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(a.section, b.section))
	})
}

// bodyCount is how many functions there can be.
func (p *program) bodyCount() (n int) {
	for i := range p.owners.Tilings {
		t := &p.owners.Tilings[i]
		if !p.im.Sections[t.Section].Exec() {
			continue
		}
		for j := range t.Ranges {
			if t.Ranges[j].Class == elfmap.Body {
				n++
			}
		}
	}
	return n
}

// functionAt returns the function whose code is a range of a section.
func (p *program) functionAt(t *elfmap.Tiling, j int) (f function, ok bool) {
	g, end := t.Ranges[j], t.End(j)
	if g.Class != elfmap.Body {
		return f, false
	}
	s := &p.im.Symbols[g.Owner]
	if s.Type != elfmap.Func || strings.HasPrefix(s.Name, "__SCT__") || end-g.Start != s.Size || p.im.Offset(s) != g.Start {
		return f, false
	}
	f = function{symbol: g.Owner, section: t.Section, start: g.Start, end: end, addr: p.base[t.Section] + g.Start}
	if j > 0 && t.Ranges[j-1].Class == elfmap.Prefix && t.Ranges[j-1].Owner == g.Owner {
		f.prefix = g.Start - t.Ranges[j-1].Start
	}
	return f, true
}

// rustSymbols says which symbols own Rust code; nil for all.
func (p *program) rustSymbols(scope Scope) map[int32]bool {
	if scope == WholeImage {
		return nil
	}
	rust := map[int32]bool{}
	var parser rustname.Parser
	isRust := func(i int32) bool {
		s := &p.im.Symbols[i]
		if rustname.Looks(s.Name) {
			if _, ok := parser.Parse(s.Name); ok {
				return true
			}
		}
		return s.Bind == elfmap.Local && strings.Contains(p.im.FileName(s), "-cgu.")
	}
	for i := range p.owners.Tilings {
		if !p.im.Sections[p.owners.Tilings[i].Section].Exec() {
			continue
		}
		for _, g := range p.owners.Tilings[i].Ranges {
			if g.Class == elfmap.Body && isRust(g.Owner) {
				rust[g.Owner] = true
			}
		}
	}
	for _, a := range p.owners.Aliases {
		if !rust[a.Leader] && isRust(a.Name) {
			rust[a.Leader] = true
		}
	}
	return rust
}

// resolve says what lies at an address.
func (p *program) resolve(addr uint64) target {
	i := sort.Search(len(p.functions), func(i int) bool { return p.functions[i].addr > addr }) - 1
	if i >= 0 && addr-p.functions[i].addr < p.functions[i].end-p.functions[i].start {
		return target{function: int32(i), at: addr - p.functions[i].addr}
	}
	return target{function: atAddress, at: addr}
}

// readRelocations reads those of code.
func (p *program) readRelocations() error {
	p.relocs = map[int][]located{}
	for i := range p.owners.Tilings {
		section := p.owners.Tilings[i].Section
		if !p.im.Sections[section].Exec() {
			continue
		}
		err := p.im.Relocs(section, func(r elfmap.Reloc) {
			if to, ok := p.relocated(r, true); ok {
				p.relocs[section] = append(p.relocs[section], located{r.Offset, r.Type, to})
			}
		})
		if err != nil {
			return err
		}
		slices.SortStableFunc(p.relocs[section], func(a, b located) int { return cmp.Compare(a.offset, b.offset) })
	}
	return nil
}

// relocated says what a relocation refers to.
func (p *program) relocated(r elfmap.Reloc, inCode bool) (target, bool) {
	if int(r.Symbol) >= len(p.im.Symbols) {
		return target{}, false
	}
	s := &p.im.Symbols[r.Symbol]
	at := uint64(r.Addend)
	if inCode {
		at += r.PCBias(p.im.Machine)
	}
	if s.Section <= 0 || int(s.Section) >= len(p.base) {
		return target{outside, r.Symbol, at}, true
	}
	value := p.base[s.Section] + p.im.Offset(s)
	if s.Type != elfmap.SectionType {
		if to := p.resolve(value); to.function >= 0 {
			to.at += at
			return to, true
		}
	}
	return p.resolve(value + at), true
}

// siteTables name places in code for the kernel to find or to patch, and keep no function's address.
var siteTables = []string{
	".orc_", ".call_sites", ".return_sites", ".retpoline_sites", ".ibt_endbr_seal", ".cfi_sites", "__mcount_loc",
	"__patchable_function_entries", "__bug_table", "__ex_table", "__jump_table", ".altinstructions", ".smp_locks", ".eh_frame",
	".llvm_addrsig",
}

func isSiteTable(name string) bool {
	return slices.ContainsFunc(siteTables, func(p string) bool { return strings.HasPrefix(name, p) })
}

// takeAt marks the function in scope that begins at an address.
func (p *program) takeAt(addr uint64) {
	if p.starts.have(addr) {
		p.take(p.resolve(addr))
	}
}

// take marks the function that a target is the start of.
func (p *program) take(to target) {
	if to.function >= 0 && to.at == 0 {
		p.functions[to.function].taken = true
	}
}

// takenInObject finds functions whose address counts: as the compiler says, in the address-significance table, or all that
// something other than a call or a jump refers to.
func (p *program) takenInObject() error {
	if known, err := p.significant(); known || err != nil {
		return err
	}
	for i := range p.owners.Tilings {
		section := p.owners.Tilings[i].Section
		s := &p.im.Sections[section]
		if s.Exec() || isSiteTable(s.Name) {
			continue
		}
		err := p.im.Relocs(section, func(r elfmap.Reloc) {
			if to, ok := p.relocated(r, false); ok {
				p.take(to)
			}
		})
		if err != nil {
			return err
		}
	}
	return p.takenByCode()
}

const typeAddrsig = 0x6fff4c03 // SHT_LLVM_ADDRSIG

// significant reads the address-significance table: numbers of symbols in ULEB128. It is out of date when it does not link
// to the symbol table; so says the linker that writes such a file.
func (p *program) significant() (known bool, err error) {
	for i := range p.im.Sections {
		s := &p.im.Sections[i]
		if s.Type != typeAddrsig || s.Link == 0 || int(s.Link) >= len(p.im.Sections) || p.im.Sections[s.Link].Type != elfmap.TypeSymtab {
			continue
		}
		b, err := p.im.Data(i)
		if err != nil {
			return false, err
		}
		for len(b) > 0 {
			n, size := binary.Uvarint(b)
			if size <= 0 {
				return false, nil
			}
			b = b[size:]
			if n >= uint64(len(p.im.Symbols)) {
				return false, nil
			}
			if s := &p.im.Symbols[n]; s.Section > 0 && int(s.Section) < len(p.base) {
				p.take(p.resolve(p.base[s.Section] + p.im.Offset(s)))
			}
		}
		return true, nil
	}
	return false, nil
}

// takenInImage finds functions whose address stands in code other than to go there, or in data: as a pointer, as a distance
// from where it stands, or as what the loader writes there. A number that looks like one counts too.
func (p *program) takenInImage() error {
	if err := p.takenByCode(); err != nil {
		return err
	}
	for i := range p.im.Sections {
		s := &p.im.Sections[i]
		if !s.Alloc() || s.Exec() || s.Nobits() || isSiteTable(s.Name) {
			continue
		}
		b, err := p.im.Data(i)
		if err != nil {
			return err
		}
		from, to := p.nameTable(i)
		p.takenByData(b[:from], s.Addr)
		p.takenByData(b[to:], s.Addr+to)
	}
	return nil
}

// nameTable is where in a section the kernel has the distances of all symbols for kallsyms, which keep no function's address.
func (p *program) nameTable(section int) (from, to uint64) {
	for i := range p.im.Symbols {
		s := &p.im.Symbols[i]
		if int(s.Section) != section || p.im.Head(int32(i)) != [4]byte{'k', 'a', 'l', 'l'} {
			continue
		}
		switch s.Name {
		case "kallsyms_offsets":
			from = p.im.Offset(s) &^ 7
		case "kallsyms_seqs_of_names":
			to = p.im.Offset(s) &^ 7
		}
	}
	if size := p.im.Sections[section].Size; from > to || from == 0 || to > size {
		return 0, 0
	}
	return from, to
}

func (p *program) takenByData(b []byte, addr uint64) {
	for pos := 0; pos+4 <= len(b); pos += 4 {
		p.takeAt(addr + uint64(pos) + uint64(int64(int32(binary.LittleEndian.Uint32(b[pos:])))))
		if pos%8 == 0 && pos+8 <= len(b) {
			p.takeAt(binary.LittleEndian.Uint64(b[pos:]))
		}
	}
}

// takenByCode looks at all code, of whatever scope, for addresses of functions in scope.
func (p *program) takenByCode() error {
	for i := range p.owners.Tilings {
		t := &p.owners.Tilings[i]
		s := &p.im.Sections[t.Section]
		if !s.Exec() || s.Nobits() {
			continue
		}
		for _, r := range p.relocs[t.Section] {
			if r.to.function >= 0 && r.to.at == 0 && !p.functions[r.to.function].taken {
				branch, err := p.isBranch(t, r)
				if err != nil {
					return err
				}
				p.functions[r.to.function].taken = !branch
			}
		}
		if p.decode == nil {
			continue
		}
		if err := p.scanTaken(t); err != nil {
			return err
		}
	}
	return nil
}

// scanTaken decodes the code of a section.
func (p *program) scanTaken(t *elfmap.Tiling) error {
	window := p.im.Window(t.Section)
	for j, g := range t.Ranges {
		if g.Class == elfmap.Padding || g.Class == elfmap.Step {
			continue
		}
		code, err := window.Bytes(g.Start, t.End(j))
		if err != nil {
			return err
		}
		switch at := p.base[t.Section] + g.Start; {
		case p.im.Machine == elfmap.MachineARM64 && p.starts.mentionedARM64(code, at):
			coderef.Scan(p.im.Machine, code, at, func(r coderef.Ref) {
				if r.Kind == coderef.Address {
					p.takeAt(r.Target)
				}
			})
		case p.im.Machine == elfmap.MachineX8664 && p.starts.mentionedX86(code, at):
			p.scanTakenX86(code, at)
		}
	}
	return nil
}

func (p *program) scanTakenX86(code []byte, at uint64) {
	for pos := 0; pos < len(code); {
		in, ok := decodeX86(code[pos:], at+uint64(pos))
		if !ok {
			pos++
			continue
		}
		for _, f := range in.fields[:in.n] {
			if !(in.branch && f.relative) && (f.relative || !p.relocatable()) {
				p.takeAt(f.target)
			}
		}
		pos += in.size
	}
}

// isBranch reports whether a relocation in code is that of a call or a jump. Types are those of the processor supplements.
func (p *program) isBranch(t *elfmap.Tiling, r located) (bool, error) {
	switch p.im.Machine {
	case elfmap.MachineX8664, elfmap.MachineX86: // only the opcode tells
		from := r.offset - min(r.offset, 2)
		b, err := p.im.Window(t.Section).Bytes(from, r.offset)
		if err != nil || len(b) == 0 || r.kind != 2 && r.kind != 4 {
			return false, err
		}
		op := b[len(b)-1]
		return op == 0xe8 || op == 0xe9 || len(b) == 2 && b[0] == 0x0f && op&0xf0 == 0x80, nil
	case elfmap.MachineARM64: // TSTBR14, CONDBR19, JUMP26, CALL26
		return r.kind == 279 || r.kind == 280 || r.kind == 282 || r.kind == 283, nil
	case elfmap.MachineRISCV: // BRANCH, JAL, CALL, CALL_PLT, RVC_BRANCH, RVC_JUMP
		return r.kind >= 16 && r.kind <= 19 || r.kind == 44 || r.kind == 45, nil
	case elfmap.MachineARM: // PC24, THM_CALL, PLT32, CALL, JUMP24, THM_JUMP24
		return r.kind == 1 || r.kind == 10 || r.kind >= 27 && r.kind <= 30, nil
	case elfmap.MachinePPC, elfmap.MachinePPC64: // REL24, REL14, REL14_BRTAKEN, REL14_BRNTAKEN, REL24_NOTOC
		return r.kind >= 10 && r.kind <= 13 || r.kind == 116, nil
	case elfmap.MachineS390: // the opcode tells: BRC and BRAS, BRCL and BRASL
		from := r.offset - min(r.offset, 2)
		b, err := p.im.Window(t.Section).Bytes(from, r.offset)
		if err != nil || len(b) < 2 {
			return false, err
		}
		return (b[0] == 0xa7 || b[0] == 0xc0) && b[1]&14 == 4, nil
	case elfmap.MachineLoongArch: // B16, B21, B26, CALL36
		return r.kind >= 64 && r.kind <= 66 || r.kind == 110, nil
	}
	return false, nil
}
