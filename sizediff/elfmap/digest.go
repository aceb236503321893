package elfmap

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/maphash"
)

// Digest identifies what is measured: allocated sections, symbols, relocations and notes. Debug information does not
// count, but for its size; so two images with the same Digest have the same measurement.
type Digest [sha256.Size]byte

// processKey keys digests that stay in this process. It is random, so that nobody can prepare images that collide.
var processKey = maphash.MakeSeed()

// Digest reads everything that counts once, in file order. A portable digest is SHA-256 and holds anywhere; the others can
// only be compared within this process, and are several times faster. contents has an entry for each section: the
// beginning of the digest of its bytes, 0 for sections whose bytes do not count.
func (im *Image) Digest(portable bool) (d Digest, contents []uint64, err error) {
	all, one := sha256.New(), sha256.New()
	if !portable {
		x, y := new(maphash.Hash), new(maphash.Hash)
		x.SetSeed(processKey)
		y.SetSeed(processKey)
		all, one = x, y
	}
	contents = make([]uint64, len(im.Sections))
	head := make([]byte, 0, 256)
	for _, n := range []int{im.Class, int(im.Machine), int(im.Type), len(im.Sections)} {
		head = binary.LittleEndian.AppendUint64(head, uint64(n))
	}
	if im.Big {
		head = append(head, 1)
	}
	for i := 1; i < len(im.Sections); i++ {
		s := &im.Sections[i]
		head = binary.LittleEndian.AppendUint64(head, uint64(len(s.Name)))
		head = append(head, s.Name...)
		for _, n := range []uint64{uint64(s.Type), s.Flags, s.Addr, s.Size, s.Align, uint64(s.Link), uint64(s.Info)} {
			head = binary.LittleEndian.AppendUint64(head, n)
		}
		if im.measured(i) {
			one.Reset()
			if err := im.hash(one, i); err != nil {
				return d, nil, err
			}
			sum := one.Sum(nil)
			contents[i] = binary.LittleEndian.Uint64(sum)
			head = append(head, sum...)
		}
		all.Write(head)
		head = head[:0]
	}
	copy(d[:], all.Sum(nil))
	return d, contents, nil
}

func (im *Image) hash(h hash.Hash, i int) error {
	w := im.Window(i)
	for off, end := uint64(0), im.Sections[i].Size; off < end; {
		n := min(windowSize, end-off)
		b, err := w.Bytes(off, off+n)
		if err != nil {
			return err
		}
		h.Write(b)
		off += n
	}
	return nil
}

// measured reports whether the contents of section i can change a measurement.
func (im *Image) measured(i int) bool {
	s := &im.Sections[i]
	if s.Nobits() || s.Size == 0 {
		return false
	}
	switch s.Type {
	case TypeSymtab, TypeShndx, TypeNote, TypeStrtab:
		return true
	case TypeRela, TypeRel:
		t := int(s.Info)
		return s.Alloc() || t < len(im.Sections) && im.Sections[t].Alloc()
	}
	return s.Alloc() || s.Name == ".comment"
}
