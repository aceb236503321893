package debuginfo

import (
	"cmp"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// patch is bytes of a section that relocations are applied to.
type patch struct {
	start uint64
	b     []byte
}

// change is what a relocation does to the field it applies to.
type change struct {
	op   uint8
	size int
}

const (
	nothing = iota
	set
	add
	subtract
	setLEB // ULEB128 of the length that it has
	addLEB
	subtractLEB
)

// changes are the relocations that occur in debug sections, by machine and type. Those of thread-local variables change
// nothing that is read here.
var changes = map[elfmap.Machine]map[uint32]change{
	elfmap.MachineX86:   {1: {set, 4}, 32: {nothing, 0}},
	elfmap.MachineX8664: {1: {set, 8}, 10: {set, 4}, 11: {set, 4}, 17: {nothing, 0}, 21: {nothing, 0}},
	elfmap.MachineARM:   {2: {set, 4}, 106: {nothing, 0}},
	elfmap.MachineARM64: {257: {set, 8}, 258: {set, 4}, 1029: {nothing, 0}},
	elfmap.MachinePPC:   {1: {set, 4}, 78: {nothing, 0}},
	elfmap.MachinePPC64: {1: {set, 4}, 38: {set, 8}, 78: {nothing, 0}},
	elfmap.MachineS390:  {4: {set, 4}, 22: {set, 8}, 52: {nothing, 0}, 53: {nothing, 0}},
	elfmap.MachineRISCV: {
		1: {set, 4}, 2: {set, 8}, 8: {nothing, 0}, 9: {nothing, 0}, 33: {add, 1}, 34: {add, 2}, 35: {add, 4}, 36: {add, 8},
		37: {subtract, 1}, 38: {subtract, 2}, 39: {subtract, 4}, 40: {subtract, 8}, 54: {set, 1}, 55: {set, 2}, 56: {set, 4},
		60: {setLEB, 0}, 61: {subtractLEB, 0},
	},
	elfmap.MachineLoongArch: {
		1: {set, 4}, 2: {set, 8}, 8: {nothing, 0}, 9: {nothing, 0}, 47: {add, 1}, 48: {add, 2}, 49: {add, 3}, 50: {add, 4}, 51: {add, 8},
		52: {subtract, 1}, 53: {subtract, 2}, 54: {subtract, 3}, 55: {subtract, 4}, 56: {subtract, 8}, 107: {addLEB, 0}, 108: {subtractLEB, 0},
	},
}

// relocate applies the relocations of a section to patches of it, which are ordered and do not overlap.
func (in *Info) relocate(s *section, patches []patch) error {
	kinds := changes[in.im.Machine]
	inPlace := slices.ContainsFunc(in.im.Sections, func(h elfmap.Section) bool {
		return h.Type == elfmap.TypeRel && int(h.Info) == s.index
	})
	var fault error
	err := in.im.Relocs(s.index, func(r elfmap.Reloc) {
		if fault == nil {
			fault = in.spend(1)
		}
		i, found := slices.BinarySearchFunc(patches, r.Offset, func(p patch, off uint64) int { return cmp.Compare(p.start, off) })
		if !found {
			i--
		}
		if i < 0 || r.Offset-patches[i].start >= uint64(len(patches[i].b)) || r.Type == 0 || fault != nil {
			return
		}
		k, known := kinds[r.Type]
		if !known {
			fault = notKnown("its debug information has relocations of type %d, which is not known for %s", r.Type, in.im.Machine)
			return
		}
		if inPlace {
			r.Addend = 0
			if k.op == set {
				k.op = add
			}
		}
		in.apply(k, patches[i].b[r.Offset-patches[i].start:], in.target(r))
	})
	if err != nil {
		return damaged("%v", err)
	}
	return fault
}

// target is S + A. What is no code begins at 0.
func (in *Info) target(r elfmap.Reloc) uint64 {
	if r.Symbol >= uint32(len(in.im.Symbols)) {
		return uint64(r.Addend)
	}
	s := &in.im.Symbols[r.Symbol]
	if !s.Defined() {
		return uint64(r.Addend)
	}
	return in.base[s.Section] + in.im.Offset(s) + uint64(r.Addend)
}

func (in *Info) apply(k change, b []byte, target uint64) {
	c := cursor{b: b, big: in.im.Big}
	var old uint64
	switch k.op {
	case nothing:
		return
	case setLEB, addLEB, subtractLEB:
		old = c.uleb()
	default:
		old = c.number(k.size)
	}
	if c.spent {
		return
	}
	switch k.op {
	case add, addLEB:
		target = old + target
	case subtract, subtractLEB:
		target = old - target
	}
	for i := range c.off {
		switch {
		case k.op >= setLEB:
			b[i] = b[i]&0x80 | byte(target>>(7*i))&0x7f
		case in.im.Big:
			b[c.off-1-i] = byte(target >> (8 * i))
		default:
			b[i] = byte(target >> (8 * i))
		}
	}
}
