package source

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Offsets into a header of a zip's central directory (APPNOTE 4.3.12).
const (
	zipFlags, zipMethod, zipCRC, zipPacked, zipSize, zipOffset = 8, 10, 16, 20, 24, 42
)

// patchZip changes the central header of the n-th member.
func patchZip(t testing.TB, data []byte, n int, change func(header []byte)) []byte {
	t.Helper()
	data = bytes.Clone(data)
	at := 0
	for ; n >= 0; n-- {
		next := bytes.Index(data[at+1:], []byte("PK\x01\x02"))
		if next < 0 {
			t.Fatal("no such member")
		}
		at += 1 + next
	}
	change(data[at:])
	return data
}

func put32(offset int, v uint32) func([]byte) {
	return func(h []byte) { binary.LittleEndian.PutUint32(h[offset:], v) }
}

// zeros is an image that compresses far better than real ones.
func zeros(size int) []byte {
	return append([]byte(elfMagic), make([]byte, size-len(elfMagic))...)
}

func zipWithMode(t testing.TB, mode fs.FileMode) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, h := range []*zip.FileHeader{{Name: "vmlinux"}, {Name: "odd.ko"}} {
		if h.Name == "odd.ko" {
			h.SetMode(mode)
		}
		m, err := w.CreateHeader(h)
		check(t, err)
		_, err = m.Write(module)
		check(t, err)
	}
	check(t, w.Close())
	return buf.Bytes()
}

func sparseTar(t testing.TB) []byte {
	h := tar.Header{Name: "vmlinux", Typeflag: tar.TypeReg, Size: int64(len(module)), Format: tar.FormatPAX}
	data := packTarHeaders(t, []tar.Header{h}, []entry{{"vmlinux", module}})
	data[156] = 'S' // the old GNU way; the map of the file is empty
	copy(data[257:265], "ustar  \x00")
	copy(data[483:495], "00000021450\x00")
	sum := 0
	copy(data[148:156], "        ")
	for _, c := range data[:tarBlock] {
		sum += int(c)
	}
	copy(data[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return data
}

// What must not get past opening. Every error is one line and gives no build.
func TestHostile(t *testing.T) {
	good := packZip(t, zip.Deflate, entry{"vmlinux", vmlinux}, entry{"a.ko", module})
	stored := packZip(t, zip.Store, entry{"vmlinux", vmlinux}, entry{"a.ko", module})
	tarball := packTar(t, entry{"vmlinux", vmlinux}, entry{"a.ko", module})
	tight := DefaultLimits()
	tight.Entries, tight.FileBytes, tight.TotalBytes, tight.NameBytes = 3, 310_000, 320_000, 40
	many := []entry{{"a.ko", module}, {"b.ko", module}, {"c.ko", module}, {"d.ko", module}}
	both := []entry{{"vmlinux", vmlinux}, {"b", image("more", 100_000)}}
	tests := map[string]struct {
		data []byte
		lim  Limits
		kind error
		want string
	}{
		"bomb":        {packZip(t, zip.Deflate, entry{"vmlinux", zeros(3 << 20)}), DefaultLimits(), ErrLimit, `member "vmlinux" unpacks to more than 200 times its size; leave it out, or unpack it and give the directory`},
		"tar bomb":    {packZstd(t, packTar(t, entry{"vmlinux", zeros(5 << 20)})), DefaultLimits(), ErrLimit, "unpacks to more than 200 times its size; leave it out, or unpack it and give the directory"},
		"tgz bomb":    {packGzip(t, packTar(t, entry{"vmlinux", zeros(5 << 20)})), DefaultLimits(), ErrLimit, "unpacks to more than 200 times"},
		"opaque bomb": {packGzip(t, packTar(t, entry{"vmlinux", module}, entry{"disk", make([]byte, 5<<20)})), DefaultLimits(), ErrLimit, "unpacks to more than 200 times"},
		"nested bomb": {packZip(t, zip.Deflate, entry{"b.tgz", packGzip(t, packTar(t, entry{"vmlinux", zeros(5 << 20)}))}), DefaultLimits(), ErrLimit, `member "vmlinux" unpacks to more than 200 times its size`},

		"impossible size": {patchZip(t, good, 0, put32(zipSize, 0xf0000000)), DefaultLimits(), ErrDamaged, `member "vmlinux" is damaged: it cannot be as large as the archive says; download the artifact again`},
		"stored size":     {patchZip(t, stored, 0, put32(zipSize, 300_001)), DefaultLimits(), ErrDamaged, `member "vmlinux" is damaged: it cannot be as large`},
		"packed size":     {patchZip(t, stored, 1, put32(zipPacked, 0xf0000000)), DefaultLimits(), ErrDamaged, `member "a.ko" is damaged: it ends too early; download the artifact again`},
		"per-file limit":  {packZip(t, zip.Deflate, entry{"vmlinux", image("v", 311_000)}), tight, ErrLimit, `member "vmlinux" unpacks to more than 310000 bytes`},
		"total limit":     {packZip(t, zip.Deflate, both...), tight, ErrLimit, `member "b" unpacks to more than 320000 bytes together with the others`},
		"tar total limit": {packGzip(t, packTar(t, both...)), tight, ErrLimit, "unpacks to more than 320000 bytes"},
		"tar file limit":  {packGzip(t, packTar(t, entry{"vmlinux", image("v", 311_000)})), tight, ErrLimit, `member "vmlinux" unpacks to more than 310000 bytes`},
		"zip entries":     {packZip(t, zip.Store, many...), tight, ErrLimit, "holds more than 3 entries; give only what was built"},
		"tar entries":     {packTar(t, many...), tight, ErrLimit, "holds more than 3 entries; give only what was built"},
		"long zip name":   {packZip(t, zip.Store, entry{strings.Repeat("n", 41), module}), tight, ErrLimit, "has a name of more than 40 bytes; use shorter names"},
		"long tar name":   {packTar(t, entry{strings.Repeat("n", 41), module}), tight, ErrLimit, "has a name of more than 40 bytes; use shorter names"},

		"overlap, same":    {patchZip(t, good, 1, put32(zipOffset, 0)), DefaultLimits(), ErrUnsafe, `shares bytes with member`},
		"overlap, inside":  {overlapping(t), DefaultLimits(), ErrUnsafe, `member "b.ko" shares bytes with member "a.ko"; pack it again with an ordinary tool`},
		"zip twice":        {packZip(t, zip.Store, entry{"a.ko", module}, entry{"a.ko", module}), DefaultLimits(), ErrUnsafe, `member "a.ko" is there twice; pack every file once`},
		"zip twice, dots":  {packZip(t, zip.Store, entry{"a.ko", module}, entry{"./a.ko", module}), DefaultLimits(), ErrUnsafe, `member "a.ko" is there twice`},
		"tar twice":        {packTar(t, entry{"a.ko", module}, entry{"a.ko", module}), DefaultLimits(), ErrUnsafe, `member "a.ko" is there twice`},
		"twice in the tar": {packZip(t, zip.Store, entry{"a.ko", module}, entry{"b.tar", packTar(t, entry{"a.ko", module})}), DefaultLimits(), ErrUnsafe, `member "a.ko" is there twice`},
		"encrypted":        {patchZip(t, good, 0, func(h []byte) { h[zipFlags] |= 1 }), DefaultLimits(), ErrUnsafe, `member "vmlinux" is encrypted; pack it without a password`},
		"method":           {patchZip(t, good, 0, func(h []byte) { h[zipMethod] = 14 }), DefaultLimits(), ErrUnsafe, `member "vmlinux" is compressed with method 14; pack it with deflate, as zip does`},
		"sparse":           {sparseTar(t), DefaultLimits(), ErrUnsafe, `member "vmlinux" is packed as a sparse file; pack it without --sparse`},

		"zip, no directory":  {good[:len(good)-60], DefaultLimits(), ErrDamaged, "is damaged: its directory of members is missing or wrong; download the artifact again"},
		"zip, half":          {good[:len(good)/2], DefaultLimits(), ErrDamaged, "is damaged: its directory of members is missing or wrong"},
		"zip, front lost":    {append([]byte("PK\x03\x04"), good[len(good)/2:]...), DefaultLimits(), ErrDamaged, `member "vmlinux" is damaged: its header is missing`},
		"tar, in a member":   {tarball[:1000], DefaultLimits(), ErrDamaged, "is damaged: it ends too early; download the artifact again"},
		"tar, after one":     {tarball[:bytes.Index(tarball, []byte("a.ko"))], DefaultLimits(), ErrDamaged, "is damaged: it ends too early; download the artifact again"},
		"tar, header":        {patched(tarball, bytes.Index(tarball, []byte("a.ko"))), DefaultLimits(), ErrDamaged, "is damaged: archive/tar: invalid tar header"},
		"gzip, cut":          {cut(packGzip(t, tarball), 4), DefaultLimits(), ErrDamaged, "is damaged: it ends too early; download the artifact again"},
		"gzip, sum":          {patched(packGzip(t, tarball), -8), DefaultLimits(), ErrDamaged, "is damaged: its checksum does not match; download the artifact again"},
		"zstd, cut":          {cut(packZstd(t, tarball), 4), DefaultLimits(), ErrDamaged, "is damaged: it ends too early"},
		"zstd, sum":          {patched(packZstd(t, tarball), -1), DefaultLimits(), ErrDamaged, "is damaged: its checksum does not match"},
		"xz, cut":            {cut(packXz(t, "d.ko.xz", xzModule), 1500), DefaultLimits(), nil, ""}, // a lone image: noticed when it is opened
		"xz, cut tar":        {cut(packXz(t, "sample.tar.xz", packTar(t, sample(t)...)), 10), DefaultLimits(), ErrDamaged, "is damaged: xz: data is truncated or corrupt"},
		"not the tar it is":  {packZip(t, zip.Store, entry{"a.tar", module}), DefaultLimits(), ErrNotBuild, `member "a.tar" is not a tar, as its name says; pack it again`},
		"not a gzip, either": {packZip(t, zip.Store, entry{"a.tar.gz", []byte("\x1f\x8b")}), DefaultLimits(), ErrDamaged, `member "a.tar.gz" is damaged: it ends too early`},
		"empty zip":          {packZip(t, zip.Store), DefaultLimits(), ErrNotBuild, "holds no ELF file and no measurement"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			empty := watchTemp(t)
			b, err := open(test.data, "x", test.lim)
			empty()
			if test.want == "" {
				check(t, err)
				if _, err = b.Files[0].Open(); !errors.Is(err, ErrDamaged) {
					t.Errorf("got %v", err)
				}
				return
			}
			if b != nil || !errors.Is(err, test.kind) || !strings.HasPrefix(err.Error(), "x: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v\nwant %s", b, err, test.want)
			}
		})
	}
}

func cut(data []byte, n int) []byte { return data[:len(data)-n] }

// patched flips the bits of a byte, counted from the end if negative.
func patched(data []byte, at int) []byte {
	data = bytes.Clone(data)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 0xff
	return data
}

// overlapping has a second member whose header lies in the data of the first.
func overlapping(t testing.TB) []byte {
	inner := packZip(t, zip.Store, entry{"b.ko", module})
	data := packZip(t, zip.Store, entry{"a.ko", inner}, entry{"b.ko", module})
	at := bytes.Index(data[4:], []byte("PK\x03\x04")) + 4
	return patchZip(t, data, 2, put32(zipOffset, uint32(at))) // the header 0 is the inner archive's own
}

func TestHostileNames(t *testing.T) {
	for name, want := range map[string]string{
		"/etc/passwd":      "has an absolute name",
		"../vmlinux":       "has a name that leaves the archive",
		"a/../../vmlinux":  "has a name that leaves the archive",
		"a/..":             "has a name that leaves the archive",
		`a\b.ko`:           "has a backslash in its name",
		`C:\vmlinux`:       "has a backslash in its name",
		"c:vmlinux":        "has an absolute name",
		"//server/x":       "has an absolute name",
		"nul\x00.ko":       "has a NUL in its name",
		"../dir/":          "has a name that leaves the archive",
		"\x1b]0;x\a../../": "",
	} {
		files := []entry{{"vmlinux", module}, {name, nil}}
		archives := [][]byte{packZip(t, zip.Store, files...)}
		if !strings.Contains(name, "\x00") && !strings.HasSuffix(name, "/") { // tar ends a name there; its writer wants directories marked
			archives = append(archives, packTar(t, files...))
		}
		for _, data := range archives {
			b, err := open(data, "x", DefaultLimits())
			if b != nil || !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got %v, %v; want %s", name, b, err, want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\a\x00\n") {
				t.Errorf("%q: a control character reaches the error", name)
			}
		}
	}
}

func TestZipOtherTypes(t *testing.T) {
	for _, mode := range []fs.FileMode{fs.ModeSymlink, fs.ModeDevice, fs.ModeNamedPipe, fs.ModeDevice | fs.ModeCharDevice, fs.ModeSocket} {
		b, err := open(zipWithMode(t, mode|0o644), "x", DefaultLimits())
		check(t, err)
		equal(t, list(t, b), []string{line("vmlinux", ELF, module)})
		if b.Ignored != 1 {
			t.Errorf("%v: ignored %d", mode, b.Ignored)
		}
	}
}

// What only shows when a member is opened.
func TestHostileMembers(t *testing.T) {
	good := packZip(t, zip.Deflate, entry{"x/vmlinux", vmlinux})
	stored := packZip(t, zip.Store, entry{"x/vmlinux", vmlinux})
	tests := map[string]struct {
		data []byte
		want string
	}{
		"deflated, sum":  {patchZip(t, good, 0, put32(zipCRC, 1)), `member "x/vmlinux" is damaged: its checksum does not match; download the artifact again`},
		"stored, sum":    {patchZip(t, stored, 0, put32(zipCRC, 1)), `member "x/vmlinux" is damaged: its checksum does not match; download the artifact again`},
		"data":           {patched(good, 5000), `member "x/vmlinux" is damaged: `},
		"claims less":    {patchZip(t, good, 0, put32(zipSize, 200_000)), `member "x/vmlinux" is damaged: `},
		"claims more":    {patchZip(t, good, 0, put32(zipSize, 300_001)), `member "x/vmlinux" is damaged: `},
		"lying bomb":     {lyingBomb(t), `member "vmlinux" is damaged: `},
		"packed module":  {packZip(t, zip.Store, entry{"a.ko.zst", packZstd(t, zeros(5<<20))}), `member "a.ko.zst" unpacks to more than 200 times its size`},
		"not compressed": {packZip(t, zip.Store, entry{"a.ko.xz", module}), `member "a.ko.xz" is damaged: xz: file format not recognized`},
		"empty":          {packZip(t, zip.Store, entry{"a.ko.zst", nil}), `member "a.ko.zst" is not an ELF file, as its name says; build it again, or leave it out`},
		"empty gzip":     {packZip(t, zip.Store, entry{"a.ko.gz", nil}), `member "a.ko.gz" is damaged: it ends too early`},
		"big window":     {packTar(t, entry{"a.ko.zst", bigWindow(t)}), `member "a.ko.zst" is damaged: window size exceeded`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			empty := watchTemp(t)
			b, err := open(test.data, "x.zip", DefaultLimits())
			check(t, err)
			defer b.Close()
			c, err := b.Files[0].Open()
			if err == nil || !strings.HasPrefix(err.Error(), "x.zip: "+test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
			if c != nil {
				t.Error("content beside an error")
			}
			empty()
		})
	}
}

// lyingBomb claims 100 bytes and inflates to 8 MiB.
func lyingBomb(t testing.TB) []byte {
	var packed, out bytes.Buffer
	w, err := flate.NewWriter(&packed, 9)
	check(t, err)
	data := zeros(8 << 20)
	_, err = w.Write(data)
	check(t, err)
	check(t, w.Close())
	z := zip.NewWriter(&out)
	m, err := z.CreateRaw(&zip.FileHeader{
		Name: "vmlinux", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(data),
		CompressedSize64: uint64(packed.Len()), UncompressedSize64: 100,
	})
	check(t, err)
	_, err = m.Write(packed.Bytes())
	check(t, err)
	check(t, z.Close())
	return out.Bytes()
}

// bigWindow is a small file that asks for a window of 512 MiB.
func bigWindow(t testing.TB) []byte {
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithWindowSize(zstd.MaxWindowSize))
	check(t, err)
	for range 10 { // without the size of the whole known beforehand
		_, err = w.Write(module)
		check(t, err)
		check(t, w.Flush())
	}
	check(t, w.Close())
	return buf.Bytes()
}

// A total holds for compressed modules too, and a file that is opened again is not counted again.
func TestTotalOfModules(t *testing.T) {
	lim := DefaultLimits()
	lim.TotalBytes = 25_000
	b, err := open(packTar(t, entry{"a.ko.gz", packGzip(t, module)}, entry{"b.ko.gz", packGzip(t, module)}, entry{"c.ko.gz", packGzip(t, module)}), "x", lim)
	check(t, err)
	defer b.Close()
	if b.Files[0].Size != -1 {
		t.Errorf("size %d before it is known", b.Files[0].Size)
	}
	for range 5 {
		read(t, &b.Files[0])
		read(t, &b.Files[1])
	}
	if _, err := b.Files[2].Open(); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v", err)
	}
}

// A directory of a zip that never ends is noticed before it is taken into memory.
func TestZipDirectoryIsBounded(t *testing.T) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := range 40_000 {
		_, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("%d.ko", i)})
		check(t, err)
	}
	check(t, w.Close())
	data := buf.Bytes()
	gate := &readGate{r: bytes.NewReader(data), left: 100_000, over: DefaultLimits().tooMany(1)}
	var e *Error
	if _, err := zip.NewReader(gate, int64(len(data))); !errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
	if _, err := open(data, "x", DefaultLimits()); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v", err)
	}
}

func TestDirectoryLimit(t *testing.T) {
	lim := DefaultLimits()
	lim.DirEntries = 3
	dir := writeDir(t, entry{"a/vmlinux", module}, entry{"b", nil}, entry{"c", nil})
	if b, err := Open(dir, lim); b != nil || !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "holds more than 3 entries") {
		t.Errorf("got %v, %v", b, err)
	}
}
