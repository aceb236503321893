package source

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
)

const tarBlock = 512

// isTar recognises POSIX and GNU archives.
func isTar(head []byte) bool {
	return len(head) >= tarBlock && bytes.HasPrefix(head[257:], []byte("ustar"))
}

// tarReader takes the files of a tar into a build.
type tarReader struct {
	*tar.Reader
	b       *Build
	section *io.SectionReader // if the tar is a file: its members are read in place
	spool   *spool            // else: they are kept here
}

// readTar lists a tar that is not compressed.
func (b *Build) readTar(r io.ReaderAt, size int64) error {
	b.noun = "member"
	section := io.NewSectionReader(r, 0, size) // it can seek, so what is not wanted is skipped without reading
	if err := (&tarReader{Reader: tar.NewReader(section), b: b, section: section}).walk(); err != nil {
		return err
	}
	return checkTarEnd(section)
}

// readTarStream reads a tar that comes out of a decompressor, in one pass, and keeps what can be measured.
func (b *Build) readTarStream(r io.Reader) error {
	s := &spool{memory: b.lim.MemoryBytes}
	b.closers = append(b.closers, s)
	if err := (&tarReader{Reader: tar.NewReader(r), b: b, spool: s}).walk(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, r) // the checksum is at the very end
	return err
}

func (t *tarReader) walk() error {
	for entries := 1; ; entries++ {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		if entries > t.b.lim.Entries {
			return t.b.lim.tooMany(t.b.lim.Entries)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		name, err := t.b.cleanName(h.Name)
		if err != nil {
			return err
		}
		if err := t.take(h, name); err != nil {
			return t.b.fail(name, err)
		}
	}
}

func (t *tarReader) take(h *tar.Header, name string) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
	case tar.TypeDir:
		return nil
	default:
		t.b.Ignored++
		return nil
	}
	offset := t.offset()
	kind, c, sure := t.b.classify(name, h.Size)
	var head []byte
	if !sure {
		head = make([]byte, min(h.Size, int64(sniffBytes)))
		if _, err := io.ReadFull(t, head); err != nil {
			return err
		}
		kind = kindOf(head, kind)
	}
	f := File{name: name, Kind: kind, Size: h.Size, codec: c, packed: h.Size}
	if err := t.check(h, kind); err != nil {
		return err
	}
	switch {
	case kind == Opaque:
	case t.section != nil:
		f.stored = func() (*Content, error) { return newContent(t.section, offset, h.Size), nil }
	default:
		kept, err := t.spool.keep(io.MultiReader(bytes.NewReader(head), t), min(h.Size, 1<<20))
		if err != nil {
			return err
		}
		f.stored = func() (*Content, error) { return kept, nil }
	}
	return t.b.add(f)
}

// offset is where the data of the current member starts.
func (t *tarReader) offset() int64 {
	if t.section == nil {
		return 0
	}
	offset, _ := t.section.Seek(0, io.SeekCurrent) // cannot fail
	return offset
}

func (t *tarReader) check(h *tar.Header, kind Kind) error {
	sparse := isSparse(h)
	if h.Size > t.b.lim.FileBytes && (sparse || t.section == nil) {
		return t.b.lim.over(formatSize(t.b.lim.FileBytes))
	}
	if sparse && kind != Opaque {
		return &Error{Problem: "is packed as a sparse file", Remedy: "pack it without --sparse", Err: ErrUnsafe}
	}
	return nil
}

func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// checkTarEnd wants the block of zeros that ends a tar: without it, a file cut off between two members looks complete.
func checkTarEnd(section *io.SectionReader) error {
	end, _ := section.Seek(0, io.SeekCurrent)
	var last [tarBlock]byte
	if end >= tarBlock {
		if _, err := section.ReadAt(last[:], end-tarBlock); err != nil && err != io.EOF {
			return err
		}
	}
	if end < tarBlock || last != [tarBlock]byte{} {
		return damaged("it ends too early", io.ErrUnexpectedEOF)
	}
	return nil
}
