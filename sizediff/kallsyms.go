package sizediff

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// kallsymsTables are the labels of scripts/kallsyms.c's output, which have no sizes.
var kallsymsTables = []string{
	"kallsyms_names", "kallsyms_offsets", "kallsyms_addresses", "kallsyms_relative_base", "kallsyms_num_syms", "kallsyms_markers",
	"kallsyms_token_table", "kallsyms_token_index", "kallsyms_seqs_of_names",
}

// kallsyms claims the symbol table that a kernel carries in its read-only data, and in it what Rust names take.
func (w *measuring) kallsyms(others *nameless) error {
	names := w.marks.kallsyms["kallsyms_names"]
	if names == nil {
		return nil
	}
	t := w.owners.Tiling(int(names.Section))
	if t == nil {
		return nil
	}
	data, err := w.elf.Data(t.Section)
	if err != nil || data == nil {
		return err
	}
	k := &kallsyms{w: w, data: data, tables: map[string]span{}, claims: map[string][]elfmap.Claim{}}
	next := w.nextSymbol(t.Section)
	for _, name := range kallsymsTables {
		s := w.marks.kallsyms[name]
		if s == nil || s.Section != names.Section {
			continue
		}
		if start := w.elf.Offset(s); start < t.Size {
			k.tables[name] = span{start, min(t.End(t.At(start)), next(start))}
		}
	}
	k.tokens = newTokens(w.elf, k.bytes("kallsyms_token_table"), k.bytes("kallsyms_token_index"))
	for name := range others.crates {
		k.tokens.others[prefix3(name)] = true
	}
	k.read(others)
	var parts, whole []elfmap.Claim
	for _, name := range kallsymsTables {
		parts = append(parts, k.claims[name]...)
		if s, ok := k.tables[name]; ok {
			whole = append(whole, elfmap.Claim{Start: s.start, End: k.end(name, s), Class: classTable})
		}
	}
	t.Claim(parts)
	t.Claim(whole)
	return nil
}

// nextSymbol returns a function that says where the next symbol of any kind begins in a section.
func (w *measuring) nextSymbol(section int) func(start uint64) uint64 {
	var begins []uint64
	for i := range w.elf.Symbols {
		if s := &w.elf.Symbols[i]; int(s.Section) == section && s.Type != elfmap.SectionType {
			begins = append(begins, w.elf.Offset(s))
		}
	}
	return func(start uint64) uint64 {
		next := ^uint64(0)
		for _, b := range begins {
			if b > start {
				next = min(next, b)
			}
		}
		return next
	}
}

// kallsyms is the tables of one kernel.
type kallsyms struct {
	w      *measuring
	data   []byte          // of their section
	tables map[string]span // from each label to the next of any name
	tokens *tokens
	names  uint64                    // bytes of kallsyms_names that hold names
	count  uint64                    // of names
	claims map[string][]elfmap.Claim // by table

	buf      []byte // the last name
	unpacked int    // bytes of names so far
}

func (k *kallsyms) bytes(table string) []byte {
	s := k.tables[table]
	return k.data[s.start:s.end]
}

// claim gives n bytes of a table to an owner.
func (k *kallsyms) claim(table string, start, n uint64, owner int32) {
	s, list := k.tables[table], k.claims[table]
	switch last := len(list) - 1; {
	case start+n > s.end-s.start:
	case last >= 0 && list[last].End == s.start+start && list[last].Owner == owner:
		list[last].End += n
	default:
		k.claims[table] = append(list, elfmap.Claim{Start: s.start + start, End: s.start + start + n, Owner: owner, Class: classTable})
	}
}

// read goes through the names and claims the name, the address and the sorting entry of each Rust symbol.
func (k *kallsyms) read(others *nameless) {
	owners := make([]int32, 0, len(k.bytes("kallsyms_offsets"))/4) // of the names so far
	names, pointer := k.bytes("kallsyms_names"), uint64(k.w.elf.PointerSize())
	for k.names < uint64(len(names)) {
		pos := k.names
		n, head := uint64(names[pos]), uint64(1)
		if n&0x80 != 0 && pos+1 < uint64(len(names)) { // since 6.1 a length of 128 or more takes two bytes
			n, head = n&0x7f|uint64(names[pos+1])<<7, 2
		}
		if n == 0 || pos+head+n > uint64(len(names)) {
			break
		}
		owner := k.owner(names[pos+head:pos+head+n], others)
		owners = append(owners, owner)
		if owner != 0 {
			k.claim("kallsyms_names", pos, head+n, owner)
			k.claim("kallsyms_offsets", k.count*4, 4, owner)
			k.claim("kallsyms_addresses", k.count*pointer, pointer, owner)
		}
		k.names += head + n
		k.count++
	}
	seqs := k.bytes("kallsyms_seqs_of_names")
	for i := uint64(0); i < k.count && 3*i+3 <= uint64(len(seqs)); i++ {
		b := seqs[3*i:]
		if n := int(b[0])<<16 | int(b[1])<<8 | int(b[2]); n < len(owners) && owners[n] != 0 {
			k.claim("kallsyms_seqs_of_names", 3*i, 3, owners[n])
		}
	}
}

// end is where a table ends: by its contents, for no label says where the last one does. What aligns the next is its own.
func (k *kallsyms) end(table string, s span) uint64 {
	n := s.end - s.start
	switch table {
	case "kallsyms_names":
		n = k.names
	case "kallsyms_offsets":
		n = 4 * k.count
	case "kallsyms_addresses":
		n = uint64(k.w.elf.PointerSize()) * k.count
	case "kallsyms_seqs_of_names":
		n = 3 * k.count
	case "kallsyms_num_syms":
		n = 4
	case "kallsyms_relative_base":
		n = uint64(k.w.elf.PointerSize())
	case "kallsyms_token_index":
		n = 2 * 256
	case "kallsyms_token_table":
		n = k.tokens.end
	}
	if s.end-s.start < n+8 {
		return s.end
	}
	return s.start + n
}

// owner returns the packed crates of a compressed name, which may be that of a label at what the symbol needs elsewhere:
// its prefix, its entries in the export tables. The first letters decide for nearly all, cheaply.
func (k *kallsyms) owner(compressed []byte, others *nameless) int32 {
	if c := k.tokens.second(compressed); c != '_' && !others.first[c] {
		return 0
	}
	k.buf = k.tokens.expand(k.buf[:0], compressed, 16)
	if len(k.buf) < 4 {
		return 0
	}
	name := k.buf[1:] // the first letter is the symbol's type
	prefix := ""
	if name[0] == '_' && name[1] == '_' {
		for _, p := range labelPrefixes {
			if bytes.HasPrefix(name, []byte(p)) {
				prefix = p
				break
			}
		}
	}
	name = name[len(prefix):]
	if len(name) < 3 || !k.tokens.others[string(name[:3])] && (name[0] != '_' || name[1] != 'R' && name[1] != 'Z') {
		return 0
	}
	if k.unpacked > maxUnpacked {
		return 0
	}
	k.buf = k.tokens.expand(k.buf[:0], compressed, maxSymbolName)
	k.unpacked += len(k.buf)
	return k.w.crateOfName(string(k.buf[1+len(prefix):]), others)
}

// labelPrefixes begin the names of labels that a symbol has besides its own.
var labelPrefixes = append([]string{"__pfx_"}, exportPrefixes...)

// Limits on names: twice the kernel's own, KSYM_NAME_LEN, for one; thirty times what a distribution kernel has of Rust, for
// all. A few bytes of kallsyms can stand for very long names.
const (
	maxSymbolName = 1024
	maxUnpacked   = 16 << 20
)

func prefix3(name string) string { return name[:min(3, len(name))] }

// tokens expands names compressed by scripts/kallsyms.c: each byte stands for a string.
type tokens struct {
	text   [256]string
	end    uint64          // of the last one in its table
	others map[string]bool // how names begin that are Rust and do not look it
}

func newTokens(im *elfmap.Image, table, index []byte) *tokens {
	t := &tokens{others: map[string]bool{}}
	var order binary.ByteOrder = binary.LittleEndian
	if im.Big {
		order = binary.BigEndian
	}
	for i := range t.text {
		if 2*i+2 > len(index) {
			break
		}
		at := int(order.Uint16(index[2*i:]))
		if at >= len(table) {
			continue
		}
		s := table[at:]
		if n := slices.Index(s[:min(len(s), 256)], 0); n >= 0 {
			t.text[i] = string(s[:n])
			t.end = max(t.end, uint64(at+n+1))
		}
	}
	return t
}

// second returns the second letter of a name, 0 for a shorter one.
func (t *tokens) second(compressed []byte) byte {
	skip := 1
	for _, c := range compressed {
		text := t.text[c]
		if skip < len(text) {
			return text[skip]
		}
		skip -= len(text)
	}
	return 0
}

// expand appends at most about limit bytes of the name to buf.
func (t *tokens) expand(buf, compressed []byte, limit int) []byte {
	for _, c := range compressed {
		if len(buf) >= limit {
			break
		}
		buf = append(buf, t.text[c]...)
	}
	return buf
}
