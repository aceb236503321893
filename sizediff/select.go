package sizediff

import (
	"fmt"
	"slices"
	"strings"
)

// Selection says which part of a build is judged, and how. The zero Selection is all of it. A measurement is of a whole build, and
// stays good when a repository changes its rules: they are applied when it is compared.
type Selection struct {
	// Files that are judged; the first rule that fits an image counts, and what none fits is left out. Files that are no images
	// need a rule with Opaque. Empty: every file. A lone image is always judged: its path is only what somebody called the file.
	Files []FileRule
	// Opaque: every file is counted by size only.
	Opaque bool
	// Instantiating: generic code belongs to the crate that instantiated it, not to the one that defines it.
	Instantiating bool
}

// FileRule takes files of a build into a Selection.
type FileRule struct {
	Path   string // of one file, which the build must have; or a pattern as in Match.Images, which may fit none
	Opaque bool   // counted by size only, also where it is an image
	Group  string // images of a group are shown together; "": each by itself
}

// fits reports whether a rule speaks of a path.
func (r FileRule) fits(path string) bool { return MatchPath(r.Path, path) }

// single reports whether a rule names one file.
func (r FileRule) single() bool { return !strings.ContainsAny(r.Path, "*?") }

// Lacking says what a build lacks of a Selection. Its text goes on after a name of the build: "has no image vmlinux".
type Lacking struct {
	Images, Files []string // paths that are listed, as image or to be counted by size, in the order of the rules
}

func (e *Lacking) Error() string {
	var parts []string
	for _, p := range e.Images {
		parts = append(parts, "no ELF image "+p)
	}
	for _, p := range e.Files {
		parts = append(parts, "no file "+p)
	}
	switch n := len(parts); {
	case n == 0:
		return "has none of the files that are listed"
	case n > 5:
		parts = append(parts[:4], fmt.Sprintf("%d more of the listed files are not there", n-4))
	}
	return "has " + strings.Join(parts, ", ")
}

// Select returns the part of a measurement that a selection asks for. It changes nothing in m, and shares memory with it. The
// error is a *Lacking: a file that is listed is not there, or nothing at all is left.
func (m *Measurement) Select(s Selection) (*Measurement, error) {
	part := *m
	if len(s.Files) > 0 && !m.Lone {
		if lacking := part.keep(s.Files); lacking != nil {
			return nil, lacking
		}
	}
	if s.Opaque {
		part.flatten()
	}
	if s.Instantiating {
		part.instantiate()
	}
	return &part, nil
}

// keep leaves only the files that a rule fits.
func (m *Measurement) keep(rules []FileRule) error {
	images, opaque := m.Images, m.Opaque
	m.Images, m.Opaque = nil, nil
	for _, f := range images {
		i := slices.IndexFunc(rules, func(r FileRule) bool { return r.fits(f.Path) })
		switch {
		case i < 0:
		case rules[i].Opaque:
			m.Opaque = append(m.Opaque, OpaqueFile{f.Path, f.FileSize})
		default:
			f.Group = rules[i].Group
			m.Images = append(m.Images, f)
		}
	}
	for _, f := range opaque {
		if slices.ContainsFunc(rules, func(r FileRule) bool { return r.Opaque && r.fits(f.Path) }) {
			m.Opaque = append(m.Opaque, f)
		}
	}
	m.sortOpaque()
	return m.lacks(rules)
}

// lacks says which listed files are missing. One that an earlier rule took is there.
func (m *Measurement) lacks(rules []FileRule) error {
	e := new(Lacking)
	for _, r := range rules {
		switch {
		case !r.single(), slices.ContainsFunc(m.Images, func(f ImageFile) bool { return f.Path == r.Path }),
			slices.ContainsFunc(m.Opaque, func(f OpaqueFile) bool { return f.Path == r.Path }):
		case r.Opaque:
			e.Files = append(e.Files, r.Path)
		default:
			e.Images = append(e.Images, r.Path)
		}
	}
	if len(e.Images)+len(e.Files) > 0 || len(m.Images)+len(m.Opaque) == 0 {
		return e
	}
	return nil
}

// flatten counts every file by size only.
func (m *Measurement) flatten() {
	m.Opaque = slices.Clone(m.Opaque)
	for _, f := range m.Images {
		m.Opaque = append(m.Opaque, OpaqueFile{f.Path, f.FileSize})
	}
	m.Images = nil
	m.sortOpaque()
}

func (m *Measurement) sortOpaque() {
	slices.SortStableFunc(m.Opaque, func(a, b OpaqueFile) int { return strings.Compare(a.Path, b.Path) })
}

// instantiate gives the bytes of generic code to the crates that instantiated it.
func (m *Measurement) instantiate() {
	done := map[*Image]*Image{}
	m.Images = slices.Clone(m.Images)
	for i := range m.Images {
		im := m.Images[i].Image
		if done[im] == nil {
			done[im] = im.instantiated()
		}
		m.Images[i].Image = done[im]
	}
}

func (im *Image) instantiated() *Image {
	out := *im
	out.Symbols, out.Shares = slices.Clone(im.Symbols), slices.Clone(im.Shares)
	for i := range out.Symbols {
		if s := &out.Symbols[i]; s.Inst != 0 {
			s.Crate = s.Inst
		}
	}
	for i := range out.Shares {
		if s := &out.Shares[i]; s.Inst != 0 {
			s.Crate = s.Inst
		}
	}
	return &out
}
