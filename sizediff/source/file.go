package source

import (
	"bytes"
	"io"
	"path"
	"slices"
	"strings"
)

// Kind says what can be done with a file.
type Kind uint8

const (
	Opaque      Kind = iota // counted by size only; cannot be opened
	ELF                     // an image, by its name or its first bytes; Open checks the bytes
	Config                  // a kernel configuration
	Measurement             // see IsMeasurement
	Manifest                // manifest.json at the root: what CI says about the build
)

func (k Kind) String() string {
	switch k {
	case ELF:
		return "ELF"
	case Config:
		return "config"
	case Measurement:
		return "measurement"
	case Manifest:
		return "manifest"
	}
	return "opaque"
}

// A measurement file starts with one of these, which are of the same length. The second form has a manifest at its end, the third
// perhaps a manifest and then the links of the images, the fourth that and then who refers to what in them; each is written only
// where it is needed, so that everything else can be read by older programs.
const (
	MeasurementMagic = "OXMZ\x00\x01"
	ManifestMagic    = "OXMZ\x00\x02"
	LinksMagic       = "OXMZ\x00\x03"
	ReferencesMagic  = "OXMZ\x00\x04"
)

// IsMeasurement reports whether a file that begins like this is a measurement.
func IsMeasurement(head []byte) bool {
	return slices.ContainsFunc([]string{MeasurementMagic, ManifestMagic, LinksMagic, ReferencesMagic}, func(magic string) bool {
		return bytes.HasPrefix(head, []byte(magic))
	})
}

const elfMagic = "\x7fELF"

const manifestName = "manifest.json"

// sniffBytes is how much of a file is read to learn its kind.
const sniffBytes = len(MeasurementMagic)

// File is one file of a build.
type File struct {
	// Path is a label: slash-separated, relative to the root of the build, without the suffix of a compressed module.
	// It comes from outside and may hold any character but NUL; it is never used to open or create anything.
	Path string
	Kind Kind
	Size int64 // bytes, uncompressed; of a compressed module -1 until it has been opened

	build  *Build
	name   string // as the build spells it
	codec  codec  // what the stored bytes are compressed with
	packed int64  // number of stored bytes
	stored func() (*Content, error)
}

// Open gives access to the uncompressed bytes. Different files can be opened at the same time, and a file more than
// once in turn. It sets Size. An ELF or Measurement file is known to start with the right magic. An Opaque file
// cannot be opened. The error is an *Error.
func (f *File) Open() (*Content, error) {
	c, err := f.content()
	if err == nil {
		if err = f.verify(c); err != nil {
			c.Close()
		}
	}
	if err != nil {
		return nil, f.build.fail(f.name, err)
	}
	if f.Size != c.size {
		f.Size = c.size
	}
	return c, nil
}

func (f *File) content() (*Content, error) {
	if f.Kind == Opaque {
		return nil, &Error{Problem: "cannot be measured", Remedy: "it is counted by size only", Err: ErrNotBuild}
	}
	c, err := f.stored()
	if err != nil || f.codec == plain {
		return c, err
	}
	defer c.Close()
	total := &f.build.left
	if f.Size >= 0 {
		total = nil // paid for when it was opened before
	}
	stream, err := f.build.unpack(io.NewSectionReader(c, 0, c.size), c.size, f.codec, f.build.lim.FileBytes, total)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return f.build.keep(stream, 4*c.size)
}

// keep unpacks a stream for one Open.
func (b *Build) keep(r io.Reader, hint int64) (*Content, error) {
	s := &spool{memory: b.lim.MemoryBytes}
	c, err := s.keep(r, hint)
	if err != nil {
		s.Close()
		return nil, err
	}
	c.close = s.Close
	return c, nil
}

func (f *File) verify(c *Content) error {
	if f.Kind == Config || f.Kind == Manifest {
		return nil
	}
	head := make([]byte, min(c.size, int64(sniffBytes)))
	if _, err := c.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	if kindOf(head, Opaque) == f.Kind {
		return nil
	}
	return &Error{Problem: "is not an ELF file, as its name says", Remedy: "build it again, or leave it out", Err: ErrNotBuild}
}

// classify tells a kind by name and size. What is not sure needs a look at the first bytes, with the kind as the
// fallback.
func (b *Build) classify(name string, size int64) (kind Kind, c codec, sure bool) {
	base := path.Base(name)
	if c := codecBySuffix(base); c != plain {
		stem := strings.TrimSuffix(base, c.suffix())
		if strings.HasSuffix(stem, ".ko") || stem == "vmlinux" || strings.HasPrefix(stem, "vmlinux-") {
			return ELF, c, true
		}
	}
	config := Config
	if size > b.lim.ConfigBytes {
		config = Opaque
	}
	switch {
	case strings.HasSuffix(base, ".ko"), base == "vmlinux", base == "vmlinux.unstripped":
		return ELF, plain, true
	case base == ".config":
		return config, plain, true
	case base == "config", strings.HasPrefix(base, "config-"):
		return config, plain, false
	case base == manifestName && size <= b.lim.ManifestBytes:
		return Manifest, plain, false
	case textSuffixes[path.Ext(base)]:
		return Opaque, plain, true
	}
	return Opaque, plain, false // .o is not sure either: with LTO it may be bitcode
}

// textSuffixes are what fills a kernel tree besides images; looking into them would cost more than the images.
var textSuffixes = map[string]bool{".c": true, ".h": true, ".S": true, ".rs": true, ".cmd": true, ".dts": true, ".dtsi": true}

func kindOf(head []byte, fallback Kind) Kind {
	switch {
	case bytes.HasPrefix(head, []byte(elfMagic)):
		return ELF
	case IsMeasurement(head):
		return Measurement
	}
	return fallback
}
