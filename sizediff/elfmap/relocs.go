package elfmap

// Reloc is one relocation. Addend is what the entry says; for SHT_REL it is read from the place itself, as 32 bits.
type Reloc struct {
	Offset uint64 // from the start of the section
	Type   uint32
	Symbol uint32
	Addend int64
}

// PCBias is what an addend in code lacks because the processor does not count from the field: S + A - P with A = target - 4 for
// x86-64, which counts from behind it (psABI, table 4.10), and target + 2 for s390x, which counts from the instruction, 2 bytes
// before it (ELF ABI s390x supplement, 2.6.1). It is 0 for all others, and wraps around.
func (r Reloc) PCBias(m Machine) uint64 {
	switch {
	case m == MachineX8664 && (r.Type == 2 || r.Type == 4 || r.Type == 9 || r.Type == 41 || r.Type == 42):
		return 4
	case m == MachineS390 && (r.Type >= 17 && r.Type <= 20 || r.Type == 26): // PC16DBL, PLT16DBL, PC32DBL, PLT32DBL, GOTENT
		return ^uint64(1)
	}
	return 0
}

// Relocs calls f for each relocation that applies to section target, in file order, but not for those beyond its end. Where a
// compressed section ends is not known, so of these all are called; what is in memory is never compressed (gABI, SHF_COMPRESSED).
// It needs the relocations to be in the file: relocatable objects, and images linked with
// --emit-relocs. What the dynamic loader applies is left out.
func (im *Image) Relocs(target int, f func(Reloc)) error {
	var fields []byte // the section itself, which addends of SHT_REL stand in
	for _, i := range im.relocSections(target) {
		if to := &im.Sections[target]; im.Sections[i].Type == TypeRel && fields == nil && !to.Nobits() {
			var err error
			if fields, err = im.view(nil, to.Offset, to.Size); err != nil {
				return err
			}
		}
		if err := im.relocSection(i, target, fields, f); err != nil {
			return err
		}
	}
	return nil
}

// HasRelocs reports whether Relocs has a relocation section to read for section target.
func (im *Image) HasRelocs(target int) bool { return len(im.relocSections(target)) > 0 }

// relocSections lists the sections whose relocations apply to section target.
func (im *Image) relocSections(target int) []int {
	if im.relocs == nil {
		im.relocs = map[uint32][]int{}
		for i := range im.Sections {
			s := &im.Sections[i]
			dynamic := s.Alloc() && im.Type != FileRelocatable
			if (s.Type == TypeRela || s.Type == TypeRel) && s.Size > 0 && !dynamic {
				im.relocs[s.Info] = append(im.relocs[s.Info], i)
			}
		}
	}
	if target <= 0 || target >= len(im.Sections) {
		return nil
	}
	return im.relocs[uint32(target)]
}

func (im *Image) relocSection(i, target int, fields []byte, f func(Reloc)) error {
	s, to := &im.Sections[i], &im.Sections[target]
	rela := s.Type == TypeRela
	esz := uint64(im.PointerSize()) * 2
	if rela {
		esz = uint64(im.PointerSize()) * 3
	}
	base := uint64(0)
	if im.Type != FileRelocatable {
		base = to.Addr
	}
	var buf []byte // not Data's: f may call that
	for off, end := s.Offset, s.Offset+s.Size/esz*esz; off < end; off += uint64(len(buf)) {
		var err error
		if buf, err = im.view(buf, off, min(end-off, 4096*esz)); err != nil {
			return err
		}
		for b := buf; len(b) > 0; b = b[esz:] {
			r := im.reloc(b, rela)
			if r.Offset -= base; r.Offset >= to.Size && (!to.Compressed() || to.Alloc()) {
				continue
			}
			if !rela {
				r.Addend = im.inPlace(fields, r.Offset)
			}
			f(r)
		}
	}
	return nil
}

// view returns n bytes at offset off: of the file itself when it is in memory, else in buf if that is large enough.
func (im *Image) view(buf []byte, off, n uint64) ([]byte, error) {
	if im.bytes != nil {
		return im.bytes[off : off+n : off+n], nil
	}
	if uint64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	return buf[:n], im.read(buf[:n], off)
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

func (im *Image) inPlace(fields []byte, off uint64) int64 {
	if uint64(len(fields)) < 4 || off > uint64(len(fields))-4 {
		return 0
	}
	return int64(int32(im.u32(fields[off:])))
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
