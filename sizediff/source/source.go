// Package source opens a build: an ELF file, a directory, a zip, a tar (plain or compressed with gzip, xz or zstd), a
// zip that holds one such tar, or a measurement file.
//
// A build is a sorted list of files. Their names are labels: they are compared and shown, and nothing is ever opened
// or created under them. Bytes are fetched when a file is opened, and only for files that can be measured: a plain
// file is read in place, a packed one is unpacked into memory or, when large, into a temporary file without a name.
//
// Everything is taken as hostile. What an archive says about itself is checked before it is used, and what it unpacks
// to is counted while it is unpacked; see Limits.
package source

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// Build is an opened build. Its files can be opened until Close.
type Build struct {
	Label   string // as the caller named it
	Files   []File // sorted by Path, which is unique
	Single  bool   // a lone ELF or measurement file; its Path is its base name
	Ignored int    // symbolic links, hard links, devices and the like, which are left out

	lim     Limits
	left    atomic.Int64 // bytes that may still be unpacked
	noun    string       // what one of its files is called in an error
	seen    map[string]bool
	closers []io.Closer
}

// Open opens the build at a path. The error, if any, is an *Error that names the path.
func Open(name string, lim Limits) (*Build, error) {
	b := newBuild(name, lim)
	return b.finish(b.readPath(name))
}

// OpenReader opens a build that is one file: an ELF image, an archive or a measurement. The label stands for the name
// of the file. The reader must stay usable until Close and allow concurrent reads; it is not closed.
func OpenReader(r io.ReaderAt, size int64, label string, lim Limits) (*Build, error) {
	b := newBuild(label, lim)
	return b.finish(b.readFile(r, size))
}

// Close releases the build. Contents that are still open must not be used any more.
func (b *Build) Close() error {
	var errs []error
	for _, c := range slices.Backward(b.closers) {
		errs = append(errs, c.Close())
	}
	b.closers = nil
	return errors.Join(errs...)
}

func newBuild(label string, lim Limits) *Build {
	b := &Build{Label: label, lim: lim, seen: make(map[string]bool)}
	b.left.Store(lim.TotalBytes)
	return b
}

func (b *Build) readPath(name string) error {
	if name == "" {
		return &Error{Path: `""`, Problem: "is no path", Remedy: giveBuild, Err: ErrNotFound}
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return b.readDir(name)
	case !info.Mode().IsRegular():
		return &Error{Problem: "is neither a file nor a directory", Remedy: giveBuild, Err: ErrNotBuild}
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	b.closers = append(b.closers, f)
	return b.readFile(f, info.Size())
}

// readFile finds out by content what a file is.
func (b *Build) readFile(r io.ReaderAt, size int64) error {
	head := make([]byte, min(max(size, 0), 2*tarBlock)) // a boot image shows itself just after 512 bytes
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	switch kind, c := kindOf(head, Opaque), codecOf(head); {
	case kind != Opaque:
		b.addSingle(r, size, kind, plain)
		return nil
	case isZip(head):
		return b.readZip(r, size)
	case isTar(head):
		return b.readTar(r, size)
	case c != plain:
		return b.readPacked(r, size, c)
	}
	return notBuild(head)
}

// readPacked reads a compressed tar in one pass, or finds that one image was compressed.
func (b *Build) readPacked(r io.ReaderAt, size int64, c codec) error {
	packed := io.NewSectionReader(r, 0, size)
	stream, err := b.unpack(packed, size, c, b.lim.TotalBytes, &b.left)
	if err != nil {
		return err
	}
	defer stream.Close()
	head, rest, err := peek(stream, tarBlock)
	if err != nil {
		return err
	}
	if kind := kindOf(head, Opaque); kind != Opaque {
		b.addSingle(r, size, kind, c)
		return nil
	}
	if isTar(head) {
		b.noun = "member"
		return b.readTarStream(rest)
	}
	return notBuild(head)
}

func (b *Build) addSingle(r io.ReaderAt, size int64, kind Kind, c codec) {
	name := path.Base(filepath.ToSlash(b.Label))
	b.Single = true
	b.Files = []File{{
		Path: strings.TrimSuffix(name, c.suffix()), Kind: kind, Size: size,
		build: b, name: name, codec: c, packed: size,
		stored: func() (*Content, error) {
			if f, ok := r.(*os.File); ok {
				return newFileContent(f, size), nil
			}
			return newContent(r, 0, size), nil
		},
	}}
	if c != plain {
		b.Files[0].Size = -1
	}
}

// add takes a file into the build. The name has passed cleanName, or comes from a directory.
func (b *Build) add(f File) error {
	if b.seen[f.name] {
		return b.refuse(f.name, "is there twice", "pack every file once")
	}
	b.seen[f.name] = true
	f.build, f.Path = b, f.name
	if f.codec != plain {
		f.Size = -1
	}
	b.Files = append(b.Files, f)
	return nil
}

// finish gives the files their labels. It closes the build if there was an error or there is nothing to measure.
func (b *Build) finish(err error) (*Build, error) {
	if err == nil && !b.Single {
		b.label()
		b.unwrap()
		b.rootManifest()
		slices.SortFunc(b.Files, func(x, y File) int { return strings.Compare(x.Path, y.Path) })
		if !b.lim.Imageless || len(b.Files) == 0 {
			err = b.requireImage()
		}
	}
	if err != nil {
		err = b.fail("", err)
		b.Close()
		return nil, err
	}
	b.seen = nil
	return b, nil
}

// label takes the compression suffix off, so that drm.ko pairs with drm.ko.xz. Where a build holds both, the plain one
// is measured and the other counted by size.
func (b *Build) label() {
	slices.SortFunc(b.Files, func(x, y File) int { return strings.Compare(x.name, y.name) })
	for i := range b.Files {
		f := &b.Files[i]
		if f.codec == plain {
			continue
		}
		if stem := strings.TrimSuffix(f.name, f.codec.suffix()); !b.seen[stem] {
			b.seen[stem] = true
			f.Path = stem
			continue
		}
		f.Kind, f.Size, f.codec = Opaque, f.packed, plain
	}
}

// unwrap takes off a directory that holds everything, as packing "build/" instead of its content gives, so that labels
// pair with those of a build packed the other way. A directory of the kernel's own tree is kept: a build of nothing
// but drivers still pairs with one that has more.
func (b *Build) unwrap() {
	if len(b.Files) == 0 {
		return
	}
	top, _, nested := strings.Cut(b.Files[0].Path, "/")
	if !nested || kernelDirs[top] {
		return
	}
	for _, f := range b.Files {
		if !strings.HasPrefix(f.Path, top+"/") {
			return
		}
	}
	for i := range b.Files {
		b.Files[i].Path = b.Files[i].Path[len(top)+1:]
	}
}

// rootManifest leaves the manifest of the whole build. Others of that name are some file of the build.
func (b *Build) rootManifest() {
	for i := range b.Files {
		if f := &b.Files[i]; f.Kind == Manifest && f.Path != manifestName {
			f.Kind = Opaque
		}
	}
}

// The directories at the top of the kernel's tree, and lib as the root of an installation.
var kernelDirs = map[string]bool{
	"arch": true, "block": true, "certs": true, "crypto": true, "drivers": true, "fs": true, "init": true,
	"io_uring": true, "ipc": true, "kernel": true, "lib": true, "mm": true, "net": true, "rust": true, "samples": true,
	"scripts": true, "security": true, "sound": true, "tools": true, "usr": true, "virt": true,
}

func (b *Build) requireImage() error {
	archive := ""
	for _, f := range b.Files {
		switch {
		case f.Kind == ELF || f.Kind == Measurement:
			return nil
		case archive == "" && (isTarName(f.name) || path.Ext(f.name) == ".zip"):
			archive = f.name
		}
	}
	if archive != "" {
		return &Error{
			Problem: fmt.Sprintf("holds no ELF file, only an archive, %s, that is not opened", quote(archive)),
			Remedy:  "unpack that archive and give what is inside",
			Err:     ErrNotBuild,
		}
	}
	e := &Error{Problem: "holds no ELF file and no measurement", Remedy: giveBuild, Err: ErrNotBuild}
	if b.Ignored > 0 {
		e.Problem += "; links and special files in it are not followed"
	}
	return e
}
