package debuginfo

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// Line is a line of source code.
type Line struct {
	File  string `json:"file"`  // as ShortPath has it; "" when it is not known
	Line  int    `json:"line"`  // 0 when the compiler gives none
	Crate string `json:"crate"` // defining crate of the function; "" when it is not Rust, or not known
}

// Lines finds the source of code. It reads what debug information has of a unit when code of it is first asked for.
type Lines struct {
	in    *Info
	units []*unit
	ready bool   // what follows is known
	cover []span // by address, the number of the unit in place of a scope
	fault error  // of a unit whose code is not known
	read  map[*unit]*unitLines
}

// unitLines is what Lines needs of one unit.
type unitLines struct {
	table  *lineTable
	scopes []scope
	spans  []span
	files  map[uint32]string // by number, those that were asked for
	fault  error             // why there is nothing of it
}

// Lines returns the source lines of the image.
func (in *Info) Lines() *Lines { return &Lines{in: in, units: in.rust(), read: map[*unit]*unitLines{}} }

// At returns where the code at an offset of a section comes from: first its own line, then, when it was inlined, that of the
// call, and so on outwards. It is nil for what no Rust unit describes. The error is a *NotKnown.
func (l *Lines) At(section int, offset uint64) ([]Line, error) {
	if section <= 0 || section >= len(l.in.base) || !l.in.im.Sections[section].Exec() {
		return nil, nil
	}
	if !l.ready {
		l.findCode()
	}
	address := l.in.base[section] + offset
	i, ok := spanAt(l.cover, address)
	if !ok {
		return nil, l.fault
	}
	u := l.units[l.cover[i].scope]
	t := l.of(u)
	if t.fault != nil {
		return nil, t.fault
	}
	return l.lines(u, t, address)
}

// findCode lists which unit has which code; the first of several has it.
func (l *Lines) findCode() {
	var all []span
	for i, u := range l.units {
		if l.fault = l.in.load(u); l.fault != nil {
			break
		}
		for _, s := range u.cover {
			all = append(all, span{start: s.start, end: s.end, scope: int32(i)})
		}
	}
	l.cover, l.ready = innermost(all), true
}

// spanAt finds the span that has an address, among those that are ordered and do not overlap.
func spanAt(spans []span, address uint64) (int, bool) {
	i, found := slices.BinarySearchFunc(spans, address, func(s span, a uint64) int { return cmp.Compare(s.start, a) })
	if !found {
		i--
	}
	return i, i >= 0 && address < spans[i].end
}

// of reads a unit, once.
func (l *Lines) of(u *unit) *unitLines {
	t := l.read[u]
	if t != nil {
		return t
	}
	t = &unitLines{table: &lineTable{}, files: map[uint32]string{}}
	l.read[u] = t
	var spans []span
	if t.scopes, spans, t.fault = l.in.scopes(u); t.fault != nil {
		return t
	}
	t.spans = innermost(spans)
	if u.hasLines {
		if table, err := l.in.readLines(u); err != nil {
			t.fault = err
		} else {
			t.table = table
		}
	}
	return t
}

// lines follows the calls from the innermost function outwards.
func (l *Lines) lines(u *unit, t *unitLines, address uint64) ([]Line, error) {
	var here Line
	if row, ok := t.table.at(address); ok {
		here = Line{File: l.file(u, t, row.file), Line: int(row.line)}
	}
	i, ok := spanAt(t.spans, address)
	if !ok {
		if here.Line == 0 {
			return nil, nil
		}
		return []Line{here}, nil
	}
	var out []Line
	for at := t.spans[i].scope; at >= 0; at = t.scopes[at].parent {
		s := &t.scopes[at]
		it, err := l.in.item(s.item)
		if err != nil {
			return nil, err
		}
		if here.Crate = it.crate; !s.inlined {
			here.Crate = cmp.Or(here.Crate, u.crate)
		}
		out = append(out, here)
		if !s.inlined {
			break
		}
		here = Line{File: l.file(u, t, s.callFile), Line: int(s.callLine)}
	}
	return out, l.in.spend(16 * len(out)) // a frame costs more than a value
}

// file names file number n of a unit.
func (l *Lines) file(u *unit, t *unitLines, n uint32) string {
	table := t.table
	if uint64(n) >= uint64(len(table.files)) || table.version < 5 && n == 0 {
		return ""
	}
	name, known := t.files[n]
	if known {
		return name
	}
	f := table.files[n]
	if name = string(l.in.stringOf(u, f.name)); name != "" {
		directory := ""
		if f.directory < uint64(len(table.directories)) {
			directory = string(l.in.stringOf(u, table.directories[f.directory].name))
		}
		name = ShortPath(u.directory, directory, name)
	}
	t.files[n] = name
	return name
}

// ShortPath is the name of a source file as people know it, from the directory that the compiler ran in, the one that the file
// is listed in (absolute, relative to the first, or ""), and the file's name. What lies below the first is named from there:
// rust/kernel/workqueue.rs. Rust's own library begins at library/, wherever the toolchain or a distribution keeps it:
// library/core/src/fmt/mod.rs. Other names stay as they are.
func ShortPath(compiled, directory, name string) string {
	full := name
	for _, d := range []string{directory, compiled} {
		if !path.IsAbs(full) {
			full = path.Join(d, full)
		}
	}
	full = path.Clean(full)
	if i := strings.LastIndex(full, "/library/"); i >= 0 && holdsToolchain(full[:i]) {
		return full[i+1:]
	}
	if compiled = path.Clean(compiled); path.IsAbs(compiled) {
		if rest, ok := strings.CutPrefix(full, strings.TrimSuffix(compiled, "/")+"/"); ok {
			return rest
		}
	}
	return full
}

// holdsToolchain reports whether the library in a directory is Rust's: /usr/lib/rustlib/src/rust of a toolchain,
// /rustc/<commit> of what Rust's developers built, or /usr/src/rustc-1.85.0 of a distribution.
func holdsToolchain(directory string) bool {
	return strings.HasSuffix(directory, "/rustlib/src/rust") || path.Dir(directory) == "/rustc" ||
		strings.HasPrefix(path.Base(directory), "rustc-")
}
