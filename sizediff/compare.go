package sizediff

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// Compare says what changed from base to head, in the given buckets. It never returns nil. Both must be Portable or
// neither: with one of each, images that are equal read as changed in nothing.
func Compare(base, head *Measurement, buckets []Bucket) *Report {
	c := &comparison{
		classifier: newClassifier(buckets), base: base, head: head, tallies: map[*Image]*tally{},
	}
	c.baseSum, c.headSum = newTally(len(c.classifier.buckets)), newTally(len(c.classifier.buckets))
	c.out = &Report{
		Schema: Schema, Base: buildInfo(base), Head: buildInfo(head),
		Symbols: []SymbolChange{}, Residue: []ResidueChange{}, Images: []ImageChange{}, Texts: []TextChange{}, Findings: []Finding{},
	}
	c.tallyAll()
	c.images()
	c.movedImages()
	c.rows()
	c.totals()
	c.out.Opaque = compareOpaque(base.Opaque, head.Opaque)
	c.out.Config = compareConfig(base.Config, head.Config)
	c.out.Texts = c.texts.list()
	c.order()
	c.out.State = c.state()
	return c.out
}

// comparison is a Report in the making.
type comparison struct {
	*classifier
	base, head       *Measurement
	baseSum, headSum *tally
	tallies          map[*Image]*tally // of images, when no rule depends on their path
	matched          []*imagePair      // images that changed, were added or removed, in order of path
	texts            textChanges
	out              *Report
}

// imagePair is an image that is not identical on both sides. One side may be nil.
type imagePair struct {
	path                 string
	base, head           *Image
	baseTally, headTally *tally
	pairs                []pair
	restBase, restHead   []int32 // symbols without a counterpart
	row                  int     // index in Report.Images
}

// images pairs the images by path, adds up each, and matches the symbols of those that differ.
func (c *comparison) images() {
	baseImages := c.base.Images
	if c.base.Lone && c.head.Lone && len(baseImages) == 1 && len(c.head.Images) == 1 {
		baseImages = []ImageFile{{Path: c.head.Images[0].Path, FileSize: baseImages[0].FileSize, Group: c.head.Images[0].Group, Image: baseImages[0].Image}}
	}
	for _, p := range pairByKey(baseImages, c.head.Images, func(f ImageFile) string { return f.Path }) {
		row := ImageChange{Status: ImageChanged}
		var base, head *tally
		ip := &imagePair{row: len(c.out.Images)}
		if p.base != nil {
			row.Path, row.Group, ip.base = p.base.Path, p.base.Group, p.base.Image
			row.Stripped = p.base.Stripped
			base = c.tally(p.base)
			c.baseSum.add(base)
			c.baseSum.file += p.base.FileSize
		}
		if p.head != nil {
			row.Path, row.Group, ip.head = p.head.Path, p.head.Group, p.head.Image
			row.Stripped = row.Stripped || p.head.Stripped
			head = c.tally(p.head)
			c.headSum.add(head)
			c.headSum.file += p.head.FileSize
		}
		ip.path, ip.baseTally, ip.headTally = row.Path, base, head
		switch {
		case base == nil:
			row.Status = Added
		case head == nil:
			row.Status = Removed
		case p.base.FileSize == p.head.FileSize && c.equal(ip):
			row.Status = ImageIdentical
		}
		c.imageSums(&row, base, head, fileSize(p.base), fileSize(p.head))
		c.out.Images = append(c.out.Images, row)
		if row.Status != ImageIdentical {
			c.matched = append(c.matched, ip)
			c.match(ip)
		}
	}
}

// equal reports whether an image is the same on both sides. Digests of different kinds cannot tell.
func (c *comparison) equal(p *imagePair) bool {
	return p.base == p.head || c.base.Portable == c.head.Portable && p.base.Digest == p.head.Digest
}

func fileSize(f *ImageFile) int64 {
	if f == nil {
		return 0
	}
	return f.FileSize
}

// tallyAll adds up every image once, on all processors, unless rules depend on an image's path.
func (c *comparison) tallyAll() {
	if slices.ContainsFunc(c.rules, func(r rule) bool { return r.image != nil }) {
		return
	}
	var files []*ImageFile
	for _, list := range [][]ImageFile{c.base.Images, c.head.Images} {
		for i := range list {
			if f := &list[i]; c.tallies[f.Image] == nil {
				c.tallies[f.Image] = newTally(len(c.buckets))
				files = append(files, f)
			}
		}
	}
	var wg sync.WaitGroup
	for k := range min(runtime.GOMAXPROCS(0), len(files)) {
		wg.Go(func() {
			paths := modules{}
			for i := k; i < len(files); i += runtime.GOMAXPROCS(0) {
				*c.tallies[files[i].Image] = *c.tallyImage(files[i].Path, files[i].Image, paths)
			}
		})
	}
	wg.Wait()
}

// tally returns the sums of an image.
func (c *comparison) tally(f *ImageFile) *tally {
	if t := c.tallies[f.Image]; t != nil {
		return t
	}
	return c.tallyImage(f.Path, f.Image, modules{})
}

func (c *comparison) match(p *imagePair) {
	switch {
	case p.base == nil:
		p.restHead = allSymbols(p.head)
	case p.head == nil:
		p.restBase = allSymbols(p.base)
	default:
		m := matchSymbols(p.base, p.head, &c.out.Matching)
		p.pairs, p.restBase, p.restHead = m.pairs, m.base.rest, m.head.rest
		c.texts.compare(p.path, p.base, p.head)
	}
}

func allSymbols(im *Image) []int32 {
	out := make([]int32, len(im.Symbols))
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// rows makes the lists of what changed: symbols, and what sections hold besides.
func (c *comparison) rows() {
	for _, p := range c.matched {
		changed := len(c.out.Symbols)
		for _, q := range p.pairs {
			c.pairRow(p, q)
		}
		for _, i := range p.restBase {
			c.out.Symbols = append(c.out.Symbols, c.symbolRow(p, p.base, p.baseTally, i, SymbolRemoved, Change{}))
		}
		for _, j := range p.restHead {
			c.out.Symbols = append(c.out.Symbols, c.symbolRow(p, p.head, p.headTally, j, SymbolAdded, Change{}))
		}
		c.out.Matching.Unmatched += len(p.restBase) + len(p.restHead)
		residue := c.residue(p)
		row := &c.out.Images[p.row]
		if row.Status == ImageChanged {
			row.SameSize = len(c.out.Symbols) == changed && !residue && sameSections(row.Sections) && row.Totals.File.Delta == 0
			row.TextOnly = len(p.restBase)+len(p.restHead) == 0 && textOnly(p.base, p.head)
		}
	}
}

func sameSections(rows []SectionChange) bool {
	for _, s := range rows {
		if s.Delta != 0 {
			return false
		}
	}
	return true
}

// pairRow adds a row for a pair of symbols that differ in size or section.
func (c *comparison) pairRow(p *imagePair, q pair) {
	s, t := &p.base.Symbols[q.base], &p.head.Symbols[q.head]
	from, to := &p.base.Sections[s.Section], &p.head.Sections[t.Section]
	change := NewChange(int64(s.Size), int64(t.Size))
	moved := from.Kind != to.Kind || from.Name != to.Name && looseSection(from.Name) != looseSection(to.Name)
	if change.Delta == 0 && !moved {
		return
	}
	state := Grew
	switch {
	case moved:
		state = Moved
	case change.Delta < 0:
		state = Shrank
	}
	row := c.symbolRow(p, p.head, p.headTally, q.head, state, change)
	if moved {
		row.FromSection = from.Name
	}
	c.out.Symbols = append(c.out.Symbols, row)
}

// symbolRow describes symbol i of an image. For one that only one side has, the change follows from the state.
func (c *comparison) symbolRow(p *imagePair, im *Image, t *tally, i int32, state SymbolState, change Change) SymbolChange {
	s := &im.Symbols[i]
	switch state {
	case SymbolAdded:
		change = NewChange(0, int64(s.Size))
	case SymbolRemoved:
		change = NewChange(int64(s.Size), 0)
	}
	d := describe(im, s)
	return SymbolChange{
		Image: p.path, Section: im.Sections[s.Section].Name, Kind: im.Sections[s.Section].Kind,
		Name: s.Name, Demangled: d.demangled, Family: d.family, Crate: im.Crates[s.Crate], Instantiating: im.Crates[s.Inst],
		Bucket: c.buckets[t.bucketOf[i]].Name, Attribution: s.How.String(), State: state, Change: change,
	}
}

type description struct{ demangled, family string }

// describe prints a symbol's name for people.
func describe(im *Image, s *Symbol) description {
	if s.How == ByNothing || !rustname.Looks(strings.TrimPrefix(s.Name, "__pfx_")) {
		return description{demangled: s.Name}
	}
	n, ok := rustname.Parse(strings.TrimPrefix(s.Name, "__pfx_"))
	if !ok {
		return description{demangled: s.Name}
	}
	return description{n.String(), n.Family()}
}

// residue adds rows for what a section holds besides symbols, and reports whether any changed.
func (c *comparison) residue(p *imagePair) bool {
	n := len(c.out.Residue)
	var base, head map[residueKey]int64
	if p.base != nil {
		base = p.baseTally.residue
	}
	if p.head != nil {
		head = p.headTally.residue
	}
	names := newSectionNames()
	changes := map[residueKey]Change{}
	eachKey(base, head, func(k residueKey, b, h int64) {
		k.section = names.key(k.section)
		changes[k] = changes[k].Plus(NewChange(b, h))
	})
	for k, change := range changes {
		if change.Delta != 0 {
			c.out.Residue = append(c.out.Residue, ResidueChange{p.path, names.name(k.section), k.class, k.crate, k.kind, change})
		}
	}
	return len(c.out.Residue) > n
}

// state says what the comparison as a whole can claim.
func (c *comparison) state() State {
	if c.out.Base.Fingerprint.differs(c.out.Head.Fingerprint) {
		return ToolchainChanged
	}
	identical, same := true, len(c.out.Symbols) == 0 && len(c.out.Residue) == 0
	for i := range c.out.Images {
		im := &c.out.Images[i]
		identical = identical && im.Status == ImageIdentical
		same = same && (im.Status == ImageIdentical || im.SameSize)
	}
	for _, o := range c.out.Opaque {
		if o.Status != ImageIdentical {
			identical, same = false, false
		}
	}
	switch {
	case identical:
		return Identical
	case same:
		return Unchanged
	}
	return Changed
}

// order puts every list into its contracted order: largest absolute delta first, then by name.
func (c *comparison) order() {
	byDelta(c.out.Symbols, func(s *SymbolChange) (int64, []string) {
		return s.Delta, []string{s.Demangled, s.Image, s.Section, s.Name, string(s.State)}
	})
	byDelta(c.out.Residue, func(r *ResidueChange) (int64, []string) {
		return r.Delta, []string{r.Image, r.Section, r.Class, r.Crate, string(r.Kind)}
	})
	byDelta(c.out.Images, func(i *ImageChange) (int64, []string) {
		return i.Totals.Resident.Delta, []string{i.Path}
	})
	for i := range c.out.Images {
		byDelta(c.out.Images[i].Sections, func(s *SectionChange) (int64, []string) {
			return s.Delta, []string{s.Name, string(s.Kind)}
		})
	}
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// byDelta sorts by largest absolute delta, then by the given names; equal rows keep their order.
func byDelta[T any](rows []T, key func(*T) (int64, []string)) {
	type sortable struct {
		delta int64
		names []string
		row   T
	}
	keyed := make([]sortable, len(rows))
	for i := range rows {
		d, names := key(&rows[i])
		keyed[i] = sortable{abs(d), names, rows[i]}
	}
	slices.SortStableFunc(keyed, func(a, b sortable) int {
		if a.delta != b.delta {
			return cmp.Compare(b.delta, a.delta)
		}
		return slices.Compare(a.names, b.names)
	})
	for i := range rows {
		rows[i] = keyed[i].row
	}
}
