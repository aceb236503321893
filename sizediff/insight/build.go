package insight

import (
	"errors"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// ErrNoReferences says that a build is a measurement: it holds sizes, and not who refers to what.
var ErrNoReferences = errors.New("a measurement holds no references between symbols; give the build that it was made from")

// Read makes the graph of a build that was measured. It reads the images again, for a measurement has no references; that of
// a build which is one itself is ErrNoReferences. Other errors are *sizediff.FileError, or come from package source.
func Read(b *source.Build, m *sizediff.Measurement) (*Graph, error) {
	files := map[string]*source.File{}
	for i := range b.Files {
		if f := &b.Files[i]; f.Kind == source.ELF {
			files[f.Path] = f
		}
	}
	var l linking
	for i := range m.Images {
		f := files[m.Images[i].Path]
		if f == nil {
			return nil, &sizediff.FileError{Build: b.Label, Err: ErrNoReferences}
		}
		if err := l.read(f, m.Images[i].Image); err != nil {
			return nil, fileError(b, f, err)
		}
	}
	return l.graph(), nil
}

// fileError names the file in errors that do not do so themselves.
func fileError(b *source.Build, f *source.File, err error) error {
	if named, ok := errors.AsType[*source.Error](err); ok {
		return named
	}
	return &sizediff.FileError{Build: b.Label, Path: f.Path, Err: err}
}

// linking puts the images of a build together: what one imports, another exports.
type linking struct {
	g       Graph
	refs    []edge
	imports []imported
	exports map[string]int32 // node by name, of what kernel and modules export
	globals map[string]int32 // node by name, of what other objects define
}

// imported is a reference to a name that the image does not define.
type imported struct {
	from, at uint32
	name     string
}

func (l *linking) read(f *source.File, m *sizediff.Image) error {
	c, err := f.Open()
	if err != nil {
		return err
	}
	defer c.Close()
	data, _ := c.Bytes()
	im, err := elfmap.Open(c, c.Size(), data)
	if err != nil {
		return err
	}
	return l.add(f.Path, m, im)
}

// add puts an image into the graph.
func (l *linking) add(path string, m *sizediff.Image, im *elfmap.Image) error {
	if err := im.ReadSymbols(); err != nil {
		return err
	}
	owners, err := im.Own()
	if err != nil {
		return err
	}
	r := &reading{linking: l, elf: im, owners: owners, image: int32(len(l.g.Images)), measured: m}
	l.g.Images = append(l.g.Images, Image{path, m, r.source()})
	return r.read()
}

// graph resolves imports and finishes. A name that several images export is the first's, as for the module loader, which
// refuses the others.
func (l *linking) graph() *Graph {
	external := map[string]int32{}
	for _, x := range l.imports {
		to, ok := l.exports[x.name]
		if !ok {
			to, ok = l.globals[x.name]
		}
		if !ok {
			to, ok = external[x.name]
		}
		if !ok {
			to = int32(len(l.g.Nodes))
			external[x.name] = to
			l.g.Nodes = append(l.g.Nodes, Node{Kind: External, Image: -1, Section: -1, Symbol: -1, name: x.name})
		}
		l.refs = append(l.refs, edge{int32(x.from), to, x.at, 1})
	}
	l.g.finish(l.refs)
	return &l.g
}

// put records the first definition of a name.
func put(m *map[string]int32, name string, n int32) {
	if *m == nil {
		*m = map[string]int32{}
	}
	if _, ok := (*m)[name]; !ok {
		(*m)[name] = n
	}
}

// plainSections hold code and data of all kinds. What lies in others is there because somebody reads it as a table.
var plainSections = []string{
	".text", ".rodata", ".data", ".bss", ".sdata", ".sbss", ".tdata", ".tbss", ".init.text", ".init.data", ".init.rodata", ".init.bss",
	".exit.text", ".exit.data", ".static_call.text", ".noinstr.text", ".cpuidle.text", ".head.text", ".ldata", ".lrodata", ".lbss", ".toc",
	".got", ".opd",
}

// isPlain reports whether a section is one of plainSections, or such a section of one function: .text.unlikely.
func isPlain(name string) bool {
	for _, p := range plainSections {
		if rest, ok := strings.CutPrefix(name, p); ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}
