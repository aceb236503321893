package insight

import (
	"slices"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/debuginfo"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// Examine reads all that a measurement holds besides sizes: references of Rust, their lines of source code, and what is inlined.
// It is a sizediff.Examiner. Debug information that is missing or damaged is no error: then lines and inlined code are not known.
func Examine(im *elfmap.Image, owners *elfmap.Map, out *sizediff.Image) error {
	if err := RustReferences(im, owners, out); err != nil {
		return err
	}
	explainCode(im, out)
	return nil
}

// ExamineAll is Examine with all references, those from C to C too.
func ExamineAll(im *elfmap.Image, owners *elfmap.Map, out *sizediff.Image) error {
	if err := References(im, owners, out); err != nil {
		return err
	}
	explainCode(im, out)
	return nil
}

func explainCode(im *elfmap.Image, out *sizediff.Image) {
	info, err := debuginfo.Read(im)
	if err != nil {
		return
	}
	if inlined, err := info.Inlined(); err == nil {
		out.Inlined = inlined
	}
	locate(info.Lines(), im, out)
}

// locating finds the lines of references.
type locating struct {
	lines   *debuginfo.Lines
	out     *sizediff.Image
	section []int     // ELF section of each measured one
	found   []written // by edge, then by import
	files   map[string]bool
}

// written is where code was written; the zero value is not known.
type written struct {
	file string
	line int
}

// locate fills in the lines of all references of code. Where debug information fails, those that were found are kept.
func locate(lines *debuginfo.Lines, im *elfmap.Image, out *sizediff.Image) {
	l := locating{lines: lines, out: out, files: map[string]bool{}}
	for i := range im.Sections {
		if i > 0 && im.Sections[i].Type != elfmap.TypeNull { // all others are measured, in order
			l.section = append(l.section, i)
		}
	}
	r := out.References
	for i := range r.Edges {
		l.found = append(l.found, l.find(r.Edges[i].From, r.Edges[i].At))
	}
	for i := range r.Imports {
		l.found = append(l.found, l.find(r.Imports[i].From, r.Imports[i].At))
	}
	for file := range l.files {
		r.Files = append(r.Files, file)
	}
	slices.Sort(r.Files)
	for i, s := range l.found {
		if s.line == 0 {
			continue
		}
		file, _ := slices.BinarySearch(r.Files, s.file)
		line := sizediff.RefLine{File: int32(file + 1), Line: int32(s.line)}
		if i < len(r.Edges) {
			r.Edges[i].Line = line
		} else {
			r.Imports[i-len(r.Edges)].Line = line
		}
	}
}

// find returns the line of a reference: of what was inlined there, that of the function's own crate, where the call was written.
func (l *locating) find(from int32, at uint32) written {
	n := &l.out.References.Nodes[from]
	if n.Symbol < 0 || !l.out.Sections[n.Section].Code {
		return written{}
	}
	s := &l.out.Symbols[n.Symbol]
	if s.Crate == 0 {
		return written{}
	}
	frames, err := l.lines.At(l.section[n.Section], n.Offset+uint64(at))
	if err != nil {
		return written{}
	}
	var best written
	for _, f := range frames {
		if f.Line <= 0 || f.File == "" {
			continue
		}
		best = written{f.File, f.Line} // the outermost, unless one is the function's own
		if f.Crate == l.out.Crates[s.Crate] {
			break
		}
	}
	if best.line > 0 {
		l.files[best.file] = true
	}
	return best
}
