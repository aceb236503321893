package insight

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// Generic code is what the compiler makes anew for each list of arguments and each crate that asks for it. Sizes are those of
// functions, prefixes included; data is left out.

// GenericCode says what generic code a build has.
type GenericCode struct {
	Families []Family    `json:"families"` // most bytes first
	Crates   []CrateCode `json:"crates"`   // most bytes first
}

// Family is all instances of one generic function, method or closure in a build.
type Family struct {
	Name      string `json:"name"`      // with _ for its arguments
	Crate     string `json:"crate"`     // that defines it
	Bucket    string `json:"bucket"`    // of its first instance
	Instances int    `json:"instances"` // copies in several images or crates are several
	Bytes     int64  `json:"bytes"`
	ByCrate   []Part `json:"by_crate"` // by the crate that made the instances; most bytes first
	ByArgs    []Part `json:"by_args"`  // by the list of arguments; most bytes first

	instances []instance
}

// Part of a family.
type Part struct {
	Name      string `json:"name"` // of the crate, or the arguments with commas between them
	Instances int    `json:"instances"`
	Bytes     int64  `json:"bytes"`
}

type instance struct {
	key   string // what it is, and which crate made it, without hashes
	image string
	bytes int64
}

// CrateCode is the functions of one crate.
type CrateCode struct {
	Crate     string `json:"crate"`
	Plain     int64  `json:"plain"`     // that it defines and that are no instances, inline ones in other crates included
	Generic   int64  `json:"generic"`   // instances of what it defines, whoever made them
	Elsewhere int64  `json:"elsewhere"` // of Generic and Plain: made by other crates, and so in their objects
	Foreign   int64  `json:"foreign"`   // what it made of the code of other crates; counted in their rows
}

// Generics finds the generic code of a build.
func Generics(m *sizediff.Measurement, buckets []sizediff.Bucket) GenericCode {
	return newBuild(m, buckets).generics()
}

func (b *build) generics() GenericCode {
	families := familyIndex{map[[2]string]*Family{}, map[partKey]int{}}
	crates := map[string]*CrateCode{}
	crate := func(name string) *CrateCode {
		if crates[name] == nil {
			crates[name] = &CrateCode{Crate: name}
		}
		return crates[name]
	}
	for i := range b.images {
		for j := range b.images[i].symbols {
			s := &b.images[i].symbols[j]
			if !s.rust() || !s.code() {
				continue
			}
			n, c := int64(s.Size), crate(s.crate())
			if name := s.name(); name != nil && name.Generic() {
				c.Generic += n
				families.join(s, name)
			} else {
				c.Plain += n
			}
			if s.payer() != s.crate() {
				c.Elsewhere += n
				crate(s.payer()).Foreign += n
			}
		}
	}
	out := GenericCode{Families: []Family{}, Crates: []CrateCode{}}
	for _, f := range families.byName {
		byPart := func(p *Part) (int64, []string) { return p.Bytes, []string{p.Name} }
		byBytes(f.ByCrate, byPart)
		byBytes(f.ByArgs, byPart)
		out.Families = append(out.Families, *f)
	}
	for _, c := range crates {
		out.Crates = append(out.Crates, *c)
	}
	byBytes(out.Families, func(f *Family) (int64, []string) { return f.Bytes, []string{f.Name, f.Crate} })
	byBytes(out.Crates, func(c *CrateCode) (int64, []string) { return c.Plain + c.Generic, []string{c.Crate} })
	return out
}

// familyIndex finds families and their parts.
type familyIndex struct {
	byName map[[2]string]*Family // by crate and name
	parts  map[partKey]int       // by what they are, their places in the lists
}

type partKey struct {
	list *[]Part
	name string
}

// join adds an instance to its family.
func (x *familyIndex) join(s *symbol, name *rustname.Name) {
	k := [2]string{s.crate(), name.Family()}
	f := x.byName[k]
	if f == nil {
		f = &Family{Name: k[1], Crate: k[0], Bucket: s.bucket}
		x.byName[k] = f
	}
	n := int64(s.Size)
	f.Instances++
	f.Bytes += n
	x.add(&f.ByCrate, s.payer(), n)
	x.add(&f.ByArgs, strings.Join(name.Args(), ", "), n)
	f.instances = append(f.instances, instance{name.MatchKey() + "\x00" + s.payer(), s.image.Path, n})
}

// add adds an instance to a part of a list.
func (x *familyIndex) add(list *[]Part, name string, n int64) {
	k := partKey{list, name}
	i, known := x.parts[k]
	if !known {
		i = len(*list)
		x.parts[k] = i
		*list = append(*list, Part{Name: name})
	}
	(*list)[i].Instances++
	(*list)[i].Bytes += n
}

// FamilyChange tells apart why a family takes more or less. New, Gone, Bigger and Smaller add up to Bytes.Delta.
type FamilyChange struct {
	Name      string          `json:"name"`
	Crate     string          `json:"crate"`
	Bucket    string          `json:"bucket"`
	Instances sizediff.Change `json:"instances"`
	Bytes     sizediff.Change `json:"bytes"`
	Added     int             `json:"added"`    // instances of head that base does not have, and the other way
	Removed   int             `json:"removed"`  // instances of head that base does not have, and the other way
	New       int64           `json:"new"`      // bytes of the added ones
	Gone      int64           `json:"gone"`     // bytes of the removed ones, negative
	Bigger    int64           `json:"bigger"`   // growth of those in both
	Smaller   int64           `json:"smaller"`  // and shrinkage, negative
	ByCrate   []PartChange    `json:"by_crate"` // by the crate that makes the instances; largest change first, only what changed
}

// PartChange is the change of a Part.
type PartChange struct {
	Name      string          `json:"name"`
	Instances sizediff.Change `json:"instances"`
	Bytes     sizediff.Change `json:"bytes"`
}

// CompareGenerics lists the families that changed, largest change first. An instance is found again in the other build by its name
// without hashes and the crate that made it, in the same image if it is there.
func CompareGenerics(base, head GenericCode) []FamilyChange {
	out := []FamilyChange{}
	for _, p := range pair(base.Families, head.Families, func(f *Family) []string { return []string{f.Crate, f.Name} }) {
		var b, h Family
		c := FamilyChange{}
		for side, f := range []*Family{p.base, p.head} {
			if f == nil {
				continue
			}
			c.Name, c.Crate, c.Bucket = f.Name, f.Crate, f.Bucket
			if side == 0 {
				b = *f
			} else {
				h = *f
			}
		}
		c.Instances, c.Bytes = sizediff.NewChange(int64(b.Instances), int64(h.Instances)), sizediff.NewChange(b.Bytes, h.Bytes)
		c.instances(b.instances, h.instances)
		if c.Added+c.Removed == 0 && c.Bigger == 0 && c.Smaller == 0 {
			continue
		}
		c.ByCrate = compareParts(b.ByCrate, h.ByCrate)
		out = append(out, c)
	}
	byDelta(out, func(c *FamilyChange) (int64, []string) { return c.Bytes.Delta, []string{c.Name, c.Crate} })
	return out
}

func compareParts(base, head []Part) []PartChange {
	out := []PartChange{}
	for _, p := range pair(base, head, func(p *Part) []string { return []string{p.Name} }) {
		var b, h Part
		if p.base != nil {
			b = *p.base
		}
		if p.head != nil {
			h = *p.head
		}
		c := PartChange{cmp.Or(h.Name, b.Name), sizediff.NewChange(int64(b.Instances), int64(h.Instances)), sizediff.NewChange(b.Bytes, h.Bytes)}
		if c.Instances.Delta != 0 || c.Bytes.Delta != 0 {
			out = append(out, c)
		}
	}
	byDelta(out, func(c *PartChange) (int64, []string) { return c.Bytes.Delta, []string{c.Name} })
	return out
}

// instances pairs the instances of a family, first those in the same image, then the rest.
func (c *FamilyChange) instances(base, head []instance) {
	place := func(i *instance) []string { return []string{i.key, i.image} }
	var lost, found []instance
	for _, p := range pair(sorted(base), sorted(head), place) {
		switch {
		case p.base == nil:
			found = append(found, *p.head)
		case p.head == nil:
			lost = append(lost, *p.base)
		default:
			c.body(p.head.bytes - p.base.bytes)
		}
	}
	for _, p := range pair(lost, found, func(i *instance) []string { return []string{i.key} }) {
		switch {
		case p.base == nil:
			c.Added++
			c.New += p.head.bytes
		case p.head == nil:
			c.Removed++
			c.Gone -= p.base.bytes
		default:
			c.body(p.head.bytes - p.base.bytes)
		}
	}
}

func (c *FamilyChange) body(n int64) {
	if n > 0 {
		c.Bigger += n
	} else {
		c.Smaller += n
	}
}

// sorted orders instances by size, so that it does not matter in which order an image has them.
func sorted(list []instance) []instance {
	out := slices.Clone(list)
	slices.SortFunc(out, func(a, b instance) int {
		return cmp.Or(cmp.Compare(a.bytes, b.bytes), strings.Compare(a.key, b.key), strings.Compare(a.image, b.image))
	})
	return out
}
