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
	read  map[*unit]*unitLines
}

// unitLines is what Lines needs of one unit.
type unitLines struct {
	table  *lineTable
	scopes []scope
	spans  []span
}

// Lines returns the source lines of the image.
func (in *Info) Lines() *Lines { return &Lines{in, in.rust(), map[*unit]*unitLines{}} }

// At returns where the code at an offset of a section comes from: first its own line, then, when it was inlined, that of the
// call, and so on outwards. It is nil for what no Rust unit describes. The error is a *NotKnown.
func (l *Lines) At(section int, offset uint64) ([]Line, error) {
	if section <= 0 || section >= len(l.in.base) || !l.in.im.Sections[section].Exec() {
		return nil, nil
	}
	address := l.in.base[section] + offset
	for _, u := range l.units {
		if err := l.in.load(u); err != nil {
			return nil, err
		}
		if !covers(u.cover, address) {
			continue
		}
		t, err := l.of(u)
		if err != nil {
			return nil, err
		}
		return l.lines(u, t, address)
	}
	return nil, nil
}

// covers reports whether any of the spans, which are ordered by start, has an address.
func covers(spans []span, address uint64) bool {
	for _, s := range spans {
		if s.start <= address && address < s.end {
			return true
		}
	}
	return false
}

func (l *Lines) of(u *unit) (*unitLines, error) {
	if t := l.read[u]; t != nil {
		return t, nil
	}
	t := &unitLines{table: &lineTable{}}
	scopes, spans, err := l.in.scopes(u)
	if err != nil {
		return nil, err
	}
	t.scopes, t.spans = scopes, innermost(spans)
	if u.hasLines {
		if t.table, err = l.in.readLines(u); err != nil {
			return nil, err
		}
	}
	l.read[u] = t
	return t, nil
}

// lines follows the calls from the innermost function outwards.
func (l *Lines) lines(u *unit, t *unitLines, address uint64) ([]Line, error) {
	var here Line
	if row, ok := t.table.at(address); ok {
		here = Line{File: l.file(u, t.table, row.file), Line: int(row.line)}
	}
	i, found := slices.BinarySearchFunc(t.spans, address, func(s span, a uint64) int { return cmp.Compare(s.start, a) })
	if !found {
		i--
	}
	if i < 0 || address >= t.spans[i].end {
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
		here = Line{File: l.file(u, t.table, s.callFile), Line: int(s.callLine)}
	}
	return out, nil
}

// file names file number n of a unit.
func (l *Lines) file(u *unit, t *lineTable, n uint32) string {
	if uint64(n) >= uint64(len(t.files)) || t.version < 5 && n == 0 {
		return ""
	}
	f := t.files[n]
	name := string(l.in.stringOf(u, f.name))
	if name == "" {
		return ""
	}
	directory := ""
	if f.directory < uint64(len(t.directories)) {
		directory = string(l.in.stringOf(u, t.directories[f.directory].name))
	}
	return ShortPath(u.directory, directory, name)
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
