package debuginfo

import (
	"bytes"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// item is what an entry says of the function that was inlined.
type item struct {
	path, crate string // "": it is not Rust
	known       bool
}

// nowhere is no entry.
const nowhere = ^uint64(0)

// item reads whose code an entry is, by its linkage name, or by the namespaces it stands in.
func (in *Info) item(at uint64) (item, error) {
	if it, ok := in.items[at]; ok {
		return it, nil
	}
	it, err := in.readItem(at)
	if err == nil {
		in.items[at] = it
	}
	return it, err
}

// maxHops is how often an entry may send on to another that says more. There are two: from an instance to the abstract
// function, and from that to its declaration.
const maxHops = 4

func (in *Info) readItem(at uint64) (item, error) {
	for range maxHops {
		u := in.unitAt(at) // nil for nowhere
		if u == nil {
			break
		}
		if u.data == nil {
			return item{known: u.language != 0}, nil
		}
		e, err := in.entryAt(u, at)
		if err != nil {
			return item{}, err
		}
		name := in.stringOf(u, e.linkage)
		if err := in.spend(4 * len(name)); err != nil {
			return item{}, err
		}
		if n, ok := rustname.Parse(string(name)); ok && n.Crate != "" {
			return item{n.Module(), n.Crate, true}, nil
		}
		if home := in.homes[at]; home != "" {
			return item{home, outermost(home), true}, nil
		}
		next, ok := u.reference(e.origin)
		if !ok {
			next, ok = u.reference(e.declaration)
		}
		if !ok {
			break
		}
		at = next
	}
	return item{}, nil
}

// entryAt reads the entry at an offset of .debug_info that a unit holds.
func (in *Info) entryAt(u *unit, at uint64) (e entry, err error) {
	if err := in.load(u); err != nil {
		return e, err
	}
	if at-u.start < uint64(u.entries) || at-u.start >= uint64(len(u.data)) {
		return e, damaged("a reference leads out of its unit")
	}
	c := u.cursor(in.im.Big, int(at-u.start))
	form := u.abbrevs.of(c.uleb())
	if form == nil {
		return e, damaged("an entry has no form")
	}
	if err := in.spend(1 + len(form.attrs)); err != nil {
		return e, err
	}
	return u.entry(&c, form), nil
}

// outermost returns the first part of a path.
func outermost(path string) string {
	crate, _, _ := strings.Cut(path, "::")
	return crate
}

// crateOf returns the crate whose code a symbol is; false for what has no Rust name.
func crateOf(symbol string) (string, bool) {
	n, ok := rustname.Parse(symbol)
	if !ok {
		return "", false
	}
	return n.Crate, true
}

// stringOf returns the text of a value, "" when it leads nowhere. What is longer than any symbol name is cut.
func (in *Info) stringOf(u *unit, v value) []byte {
	section := ".debug_str"
	switch v.form {
	case formString:
		return v.text[:min(len(v.text), rustname.MaxSymbol)]
	case formStrp:
	case formLineStrp:
		section = ".debug_line_str"
	case formStrx, formStrx1, formStrx2, formStrx3, formStrx4:
		at, ok := in.indexed(".debug_str_offsets", u.strOffsets, v.n, u.offsets)
		if !ok {
			return nil
		}
		v.n = at
	default:
		return nil
	}
	b, err := in.named(section)
	if err != nil || v.n >= uint64(len(b)) {
		return nil
	}
	b = b[v.n:min(uint64(len(b)), v.n+rustname.MaxSymbol)]
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return b
}
