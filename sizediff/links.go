package sizediff

import (
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// Links are the names by which images of a build refer to one another. Both lists are sorted and have each name once.
type Links struct {
	Exports []string // what it gives to modules: the entries of its export tables
	Imports []string // what it refers to and does not define
}

// links lists what an image gives and takes. An image without symbols does not say.
func (w *measuring) links() {
	if w.elf.Stripped {
		return
	}
	l := new(Links)
	for section, labels := range w.marks.exports {
		if name := w.elf.Sections[section].Name; !strings.HasPrefix(strings.TrimLeft(name, "_"), "ksymtab") {
			continue
		}
		for _, label := range labels {
			if name, ok := strings.CutPrefix(w.elf.Symbols[label.symbol()].Name, exportEntry); ok && name != "" {
				l.Exports = append(l.Exports, name)
			}
		}
	}
	for i := range w.elf.Symbols {
		if s := &w.elf.Symbols[i]; s.Section == elfmap.SectionUndefined && s.Bind != elfmap.Local && s.Name != "" {
			l.Imports = append(l.Imports, s.Name)
		}
	}
	l.Exports, l.Imports = unique(l.Exports), unique(l.Imports)
	w.out.Links = l
}

// haveLinks reports whether any image of the build says what it gives and takes.
func (m *Measurement) haveLinks() bool {
	return slices.ContainsFunc(m.Images, func(f ImageFile) bool { return f.Links != nil })
}

// links writes what images export as the places of the names among those of their symbols, where nearly all stand already, and all
// other names once, sorted, with their places in that list. Of places, it writes how far apart they are.
func (e *encoder) links(images []ImageFile) {
	var others []string
	own := make([][]int, len(images))
	left := make([][]string, len(images)) // exports that no symbol is called
	for i, f := range images {
		if f.Links != nil {
			own[i], left[i] = f.Image.placesOf(f.Links.Exports)
			others = append(append(others, left[i]...), f.Links.Imports...)
		}
	}
	others = unique(others)
	e.list(others)
	index := make(map[string]int, len(others))
	for i, name := range others {
		index[name] = i
	}
	indexes := func(names []string) []int {
		out := make([]int, len(names))
		for i, name := range names {
			out[i] = index[name]
		}
		return out
	}
	for i, f := range images {
		e.flag(f.Links != nil)
		if f.Links != nil {
			e.places(own[i])
			e.places(indexes(left[i]))
			e.places(indexes(f.Links.Imports))
		}
	}
}

// places writes an increasing list of numbers.
func (e *encoder) places(list []int) {
	e.count(len(list))
	next := 0
	for _, n := range list {
		e.num(uint64(n - next))
		next = n + 1
	}
}

// places reads an increasing list of numbers that are less than limit.
func (d *decoder) places(limit int) []int {
	n := d.count()
	if n > limit {
		d.fail()
		return nil
	}
	out := make([]int, n)
	next := 0
	for i := range out {
		out[i] = next + int(d.max(uint64(limit-next)))
		if d.bad {
			return nil
		}
		next = out[i] + 1
	}
	return out
}

func (d *decoder) links(images []ImageFile) {
	others := d.list()
	if !increasing(others) {
		d.fail()
	}
	for i := range images {
		if !d.flag() {
			continue
		}
		im, l := images[i].Image, new(Links)
		for _, at := range d.places(len(im.Symbols) + len(im.Aliases)) {
			l.Exports = append(l.Exports, im.nameAt(at))
		}
		for _, at := range d.places(len(others)) {
			l.Exports = append(l.Exports, others[at])
		}
		for _, at := range d.places(len(others)) {
			l.Imports = append(l.Imports, others[at])
		}
		slices.Sort(l.Exports)
		if d.bad || !increasing(l.Exports) {
			d.fail()
			return
		}
		im.Links = l
	}
}

// placesOf finds names among those of the symbols and, counted on from them, the aliases; a global symbol goes before a local one
// of the same name. The other names are left, in their order.
func (im *Image) placesOf(names []string) (places []int, left []string) {
	at := make(map[string]int, len(names))
	for _, name := range names {
		at[name] = -1
	}
	for n := range len(im.Symbols) + len(im.Aliases) {
		name := im.nameAt(n)
		old, wanted := at[name]
		if wanted && (old < 0 || n < len(im.Symbols) && im.Symbols[n].Flags&FlagGlobal != 0 && im.Symbols[old].Flags&FlagGlobal == 0) {
			at[name] = n
		}
	}
	for _, name := range names {
		if n := at[name]; n >= 0 {
			places = append(places, n)
		} else {
			left = append(left, name)
		}
	}
	slices.Sort(places)
	return places, left
}

func (im *Image) nameAt(place int) string {
	if n := place - len(im.Symbols); n >= 0 {
		return im.Aliases[n].Name
	}
	return im.Symbols[place].Name
}

// increasing reports whether a list is sorted and has each name once.
func increasing(list []string) bool {
	for i := 1; i < len(list); i++ {
		if list[i-1] >= list[i] {
			return false
		}
	}
	return true
}
