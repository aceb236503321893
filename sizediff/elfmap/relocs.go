package elfmap

// Reloc is one relocation. Addend is what the entry says; for SHT_REL it is read from the place itself, as 32 bits.
type Reloc struct {
	Offset uint64 // from the start of the section
	Type   uint32
	Symbol uint32
	Addend int64
}

// Relocs calls f for each relocation that applies to section target, in file order. It needs the relocations to be in
// the file: relocatable objects, and images linked with --emit-relocs.
func (im *Image) Relocs(target int, f func(Reloc)) error {
	for i := 1; i < len(im.Sections); i++ {
		s := &im.Sections[i]
		if int(s.Info) != target || (s.Type != TypeRela && s.Type != TypeRel) || s.Alloc() && im.Type != FileRelocatable {
			continue
		}
		if err := im.relocSection(i, target, f); err != nil {
			return err
		}
	}
	return nil
}

// HasRelocs reports whether any relocation section applies to section target.
func (im *Image) HasRelocs(target int) bool {
	for i := 1; i < len(im.Sections); i++ {
		s := &im.Sections[i]
		if int(s.Info) == target && (s.Type == TypeRela || s.Type == TypeRel) && s.Size > 0 {
			return true
		}
	}
	return false
}

func (im *Image) relocSection(i, target int, f func(Reloc)) error {
	raw, err := im.Data(i)
	if err != nil {
		return err
	}
	raw = append([]byte(nil), raw...) // Data may be called by f
	base := uint64(0)
	if im.Type != FileRelocatable {
		base = im.Sections[target].Addr
	}
	rela := im.Sections[i].Type == TypeRela
	esz := im.Class / 8 * 2
	if rela {
		esz = im.Class / 8 * 3
	}
	for ; len(raw) >= esz; raw = raw[esz:] {
		r := im.reloc(raw, rela)
		r.Offset -= base
		if r.Offset >= im.Sections[target].Size {
			continue
		}
		if !rela {
			r.Addend = im.inPlace(target, r.Offset)
		}
		f(r)
	}
	return nil
}

func (im *Image) reloc(b []byte, rela bool) (r Reloc) {
	if im.Class == 64 {
		info := im.u64(b[8:])
		r = Reloc{Offset: im.u64(b), Type: uint32(info), Symbol: uint32(info >> 32)}
		if rela {
			r.Addend = int64(im.u64(b[16:]))
		}
		return r
	}
	info := im.u32(b[4:])
	r = Reloc{Offset: uint64(im.u32(b)), Type: info & 0xff, Symbol: info >> 8}
	if rela {
		r.Addend = int64(int32(im.u32(b[8:])))
	}
	return r
}

func (im *Image) inPlace(section int, off uint64) int64 {
	s := &im.Sections[section]
	var b [4]byte
	if s.Nobits() || s.Size < 4 || off > s.Size-4 || im.read(b[:], s.Offset+off) != nil {
		return 0
	}
	return int64(int32(im.u32(b[:])))
}

// Word reads a 4-byte signed number in the image's byte order.
func (im *Image) Word(b []byte) int32 { return int32(im.u32(b)) }

// Pointer reads an address of the image's class and byte order. b must hold PointerSize bytes.
func (im *Image) Pointer(b []byte) uint64 {
	if im.Class == 64 {
		return im.u64(b)
	}
	return uint64(im.u32(b))
}

// PointerSize is 4 or 8.
func (im *Image) PointerSize() int { return im.Class / 8 }
