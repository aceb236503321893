package source

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var update = flag.Bool("update", false, "write the fixtures in testdata again; needs xz")

// entry is one file to be packed.
type entry struct {
	name string
	data []byte
}

// image is something that starts like an ELF file and compresses about as well as one.
func image(seed string, size int) []byte {
	out := []byte(elfMagic)
	for sum := sha256.Sum256([]byte(seed)); len(out) < size; sum = sha256.Sum256(sum[:]) {
		out = append(out, sum[:]...)
		out = append(out, make([]byte, 64)...)
	}
	return out[:size]
}

func packZip(t testing.TB, method uint16, files ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range files {
		m, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: method})
		check(t, err)
		_, err = m.Write(f.data)
		check(t, err)
	}
	check(t, w.Close())
	return buf.Bytes()
}

func packTar(t testing.TB, files ...entry) []byte {
	t.Helper()
	var headers []tar.Header
	for _, f := range files {
		headers = append(headers, tar.Header{Name: f.name, Typeflag: tar.TypeReg, Size: int64(len(f.data))})
	}
	return packTarHeaders(t, headers, files)
}

func packTarHeaders(t testing.TB, headers []tar.Header, files []entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i, h := range headers {
		h.Mode = 0o644
		check(t, w.WriteHeader(&h))
		_, err := w.Write(files[i].data)
		check(t, err)
	}
	check(t, w.Close())
	return buf.Bytes()
}

func packGzip(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write(data)
	check(t, err)
	check(t, w.Close())
	return buf.Bytes()
}

func packZstd(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	check(t, err)
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// packXz returns a fixture: there is no writer of xz in Go. With -update the xz tool makes it again.
func packXz(t testing.TB, fixture string, data []byte) []byte {
	t.Helper()
	name := filepath.Join("testdata", fixture)
	if *update {
		xz := exec.Command("xz", "--stdout", "--check=crc32", "--lzma2=dict=1MiB")
		xz.Stdin = bytes.NewReader(data)
		packed, err := xz.Output()
		check(t, err)
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(name, packed, 0o644))
	}
	packed, err := os.ReadFile(name)
	check(t, err)
	return packed
}

func writeDir(t testing.TB, files ...entry) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		check(t, os.MkdirAll(filepath.Dir(name), 0o755))
		check(t, os.WriteFile(name, f.data, 0o644))
	}
	return dir
}

func open(data []byte, label string, lim Limits) (*Build, error) {
	return OpenReader(bytes.NewReader(data), int64(len(data)), label, lim)
}

// list is a build in lines: label, kind, size and a digest of the content.
func list(t testing.TB, b *Build) []string {
	t.Helper()
	var lines []string
	for i := range b.Files {
		f := &b.Files[i]
		digest := "-"
		if f.Kind != Opaque {
			digest = fmt.Sprintf("%x", sha256.Sum256(read(t, f)))
		}
		lines = append(lines, fmt.Sprintf("%s %s %d %s", f.Path, f.Kind, f.Size, digest))
	}
	return lines
}

func read(t testing.TB, f *File) []byte {
	t.Helper()
	c, err := f.Open()
	check(t, err)
	defer c.Close()
	data := make([]byte, c.Size())
	if n, err := c.ReadAt(data, 0); n < len(data) || err != nil && err != io.EOF {
		t.Fatalf("%s: read %d of %d bytes: %v", f.Path, n, len(data), err)
	}
	if mem, ok := c.Bytes(); ok && !bytes.Equal(mem, data) {
		t.Fatalf("%s: Bytes and ReadAt differ", f.Path)
	}
	if _, err := c.ReadAt(make([]byte, 1), c.Size()); err != io.EOF {
		t.Fatalf("%s: reading at the end: %v", f.Path, err)
	}
	return data
}

// line is what list says of a file.
func line(path string, kind Kind, data []byte) string {
	digest := "-"
	if kind != Opaque {
		digest = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return fmt.Sprintf("%s %s %d %s", path, kind, len(data), digest)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// watchTemp gives the test a temporary directory of its own and fails if a name ever appears in it when asked.
func watchTemp(t *testing.T) (empty func()) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return func() {
		t.Helper()
		check(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if name != dir {
				t.Errorf("left behind: %s", name)
			}
			return err
		}))
	}
}
