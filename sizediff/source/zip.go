package source

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
)

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

// readZip lists a zip. Nothing is unpacked except the first bytes of members whose names do not tell their kind, and
// the tar, if there is exactly one: its files join the others.
func (b *Build) readZip(r io.ReaderAt, size int64) error {
	b.noun = "member"
	files, err := b.zipDirectory(r, size)
	if err != nil {
		return err
	}
	if err := b.checkOverlap(files, size); err != nil {
		return err
	}
	var tars []zipMember
	for _, f := range files {
		m, err := b.vet(f)
		switch {
		case err != nil:
			return err
		case m.name == "":
		case isTarName(m.name):
			tars = append(tars, m)
		default:
			if err := b.addZipMember(m, r); err != nil {
				return b.fail(m.name, err)
			}
		}
	}
	if len(tars) == 1 {
		return b.readZipTar(tars[0])
	}
	for _, m := range tars {
		if err := b.add(File{name: m.name, Size: m.size}); err != nil {
			return err
		}
	}
	return nil
}

// zipDirectory reads the central directory.
func (b *Build) zipDirectory(r io.ReaderAt, size int64) ([]*zip.File, error) {
	// The count of entries that a zip states need not be true, so the directory is bounded by its bytes first.
	const bytesPerEntry, rest = 512, 1 << 20
	gate := &readGate{r: r, left: int64(b.lim.Entries)*bytesPerEntry + rest, over: b.lim.tooMany(b.lim.Entries)}
	zr, err := zip.NewReader(gate, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		if errors.Is(err, zip.ErrFormat) {
			return nil, damaged("its directory of members is missing or wrong", err)
		}
		return nil, err
	}
	gate.open = true
	if len(zr.File) > b.lim.Entries {
		return nil, gate.over
	}
	zr.RegisterDecompressor(zip.Deflate, newInflater)
	return zr.File, nil
}

// readGate lets only so many bytes be read until it is open.
type readGate struct {
	r    io.ReaderAt
	left int64
	over *Error
	open bool
}

func (g *readGate) ReadAt(p []byte, offset int64) (int, error) {
	if !g.open {
		if g.left -= int64(len(p)); g.left < 0 {
			return 0, g.over
		}
	}
	return g.r.ReadAt(p, offset)
}

// checkOverlap refuses archives in which two members share bytes: a few of them can unpack to any amount.
func (b *Build) checkOverlap(files []*zip.File, size int64) error {
	type span struct {
		start, end int64
		name       string
	}
	const localHeader = 30
	spans := make([]span, 0, len(files))
	for _, f := range files {
		data, err := f.DataOffset()
		if err != nil {
			return b.fail(f.Name, damaged("its header is missing", err))
		}
		if data > size || f.CompressedSize64 > uint64(size-data) {
			return b.fail(f.Name, damaged("it ends too early", io.ErrUnexpectedEOF))
		}
		spans = append(spans, span{data - localHeader - int64(len(f.Name)), data + int64(f.CompressedSize64), f.Name})
	}
	slices.SortFunc(spans, func(x, y span) int { return cmp.Or(cmp.Compare(x.start, y.start), cmp.Compare(x.end, y.end)) })
	for i := 1; i < len(spans); i++ {
		if spans[i].start < spans[i-1].end {
			return b.refuse(spans[i].name, "shares bytes with member "+quote(spans[i-1].name), "pack it again with an ordinary tool")
		}
	}
	return nil
}

type zipMember struct {
	*zip.File
	name string // clean; empty if the member is to be skipped
	size int64  // as claimed
}

// vet checks what a zip says of a member, whether it will be read or not.
func (b *Build) vet(f *zip.File) (zipMember, error) {
	name, err := b.cleanName(f.Name)
	if err != nil {
		return zipMember{}, err
	}
	const encrypted, masked = 1 << 0, 1 << 13
	switch {
	case strings.HasSuffix(f.Name, "/"), f.Mode().IsDir():
		return zipMember{}, nil
	case f.Mode()&fs.ModeType != 0:
		b.Ignored++
		return zipMember{}, nil
	case f.Flags&(encrypted|masked) != 0:
		return zipMember{}, b.refuse(name, "is encrypted", "pack it without a password")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return zipMember{}, b.refuse(name, fmt.Sprintf("is compressed with method %d", f.Method), "pack it with deflate, as zip does")
	}
	// Deflate makes at most 1032 bytes of one, so a size beyond that is a lie that need not be tried.
	most := f.CompressedSize64
	if f.Method == zip.Deflate {
		most = 1032 * (most + 1)
	}
	if f.UncompressedSize64 > most || f.UncompressedSize64 > math.MaxInt64 {
		return zipMember{}, b.fail(name, damaged("it cannot be as large as the archive says", nil))
	}
	return zipMember{f, name, int64(f.UncompressedSize64)}, nil
}

func (b *Build) addZipMember(m zipMember, r io.ReaderAt) error {
	kind, c, sure := b.classify(m.name, m.size)
	if !sure {
		var err error
		if kind, err = sniffZip(m, kind); err != nil {
			return err
		}
	}
	if kind != Opaque {
		if err := b.payZip(m, b.lim.FileBytes); err != nil {
			return err
		}
	}
	open := func() (*Content, error) { return b.openZipMember(m, r) }
	return b.add(File{name: m.name, Kind: kind, Size: m.size, codec: c, packed: m.size, stored: open})
}

// payZip holds the claimed size against the limits. A member never yields more than it claims, so this is enough.
func (b *Build) payZip(m zipMember, most int64) error {
	if m.Method == zip.Store {
		return nil // read in place
	}
	most, over := b.lim.unpacked(int64(m.CompressedSize64), most)
	if m.size > most {
		return over
	}
	if b.left.Add(-m.size) < 0 {
		return b.lim.overTotal()
	}
	return nil
}

func sniffZip(m zipMember, fallback Kind) (Kind, error) {
	rc, err := m.Open()
	if err != nil {
		return fallback, err
	}
	defer rc.Close()
	var head [sniffBytes]byte
	n, err := io.ReadFull(rc, head[:min(m.size, int64(sniffBytes))])
	if err != nil {
		return fallback, err
	}
	return kindOf(head[:n], fallback), nil
}

// openZipMember unpacks a member, or reads it in place if it is stored plainly, after its checksum has been verified.
func (b *Build) openZipMember(m zipMember, r io.ReaderAt) (*Content, error) {
	rc, err := m.stream()
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	if m.Method != zip.Store {
		return b.keep(rc, m.size)
	}
	buf := make([]byte, min(m.size+1, 256<<10))
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, rc, buf); err != nil {
		return nil, err
	}
	offset, err := m.DataOffset()
	if err != nil {
		return nil, err
	}
	return newContent(r, offset, m.size), nil
}

// stream unpacks a member and fails if it turns out longer than it claims.
func (m zipMember) stream() (io.ReadCloser, error) {
	rc, err := m.Open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{&meter{r: rc, left: m.size, over: damaged("it is larger than the archive says", nil)}, rc}, nil
}

// readZipTar reads the files of a tar inside a zip, in one pass.
func (b *Build) readZipTar(m zipMember) error {
	if err := b.payZip(m, b.lim.TotalBytes); err != nil {
		return b.fail(m.name, err)
	}
	rc, err := m.stream()
	if err != nil {
		return b.fail(m.name, err)
	}
	defer rc.Close()
	head, rest, err := peek(rc, tarBlock)
	if err != nil {
		return b.fail(m.name, err)
	}
	if c := codecOf(head); c != plain {
		d, err := b.unpack(rest, m.size, c, b.lim.TotalBytes, &b.left)
		if err != nil {
			return b.fail(m.name, err)
		}
		defer d.Close()
		if head, rest, err = peek(d, tarBlock); err != nil {
			return b.fail(m.name, err)
		}
	}
	if !isTar(head) {
		return b.fail(m.name, &Error{Problem: "is not a tar, as its name says", Remedy: "pack it again", Err: ErrNotBuild})
	}
	if err := b.readTarStream(rest); err != nil {
		return b.fail(m.name, err)
	}
	return nil
}
