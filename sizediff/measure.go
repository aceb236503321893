package sizediff

import (
	"errors"
	"io"
	"path"
	"runtime"
	"strings"
	"sync"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// MeasureOptions tune Measure.
type MeasureOptions struct {
	// Portable makes digests that hold outside this process. It is needed to write the measurement, and to compare it with
	// one that was read.
	Portable bool
	Cache    *Cache                // images measured before; may be nil
	Progress func(done, total int) // called as images finish, from one goroutine at a time; may be nil
}

// Cache holds measured images by what they contain, so that an image that stands in two builds is parsed once.
// It is safe for concurrent use, and the zero value is ready.
type Cache struct {
	mu     sync.Mutex
	images map[cacheKey]*cached
}

type cacheKey struct {
	digest      elfmap.Digest
	discardExit bool
}

type cached struct {
	once  sync.Once
	image *Image
	err   error
}

// Add puts the images of a measurement into the cache.
func (c *Cache) Add(m *Measurement) {
	for _, f := range m.Images {
		e := c.entry(cacheKey{f.Digest, discardsExit(m.Config)})
		e.once.Do(func() { e.image = f.Image })
	}
}

func (c *Cache) entry(k cacheKey) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.images == nil {
		c.images = map[cacheKey]*cached{}
	}
	e := c.images[k]
	if e == nil {
		e = new(cached)
		c.images[k] = e
	}
	return e
}

// FileError is a file of a build that cannot be measured.
type FileError struct {
	Build, Path string
	Err         error
}

func (e *FileError) Error() string {
	if e.Path == "" || e.Path == path.Base(e.Build) {
		return e.Build + ": " + e.Err.Error()
	}
	return e.Build + ": " + e.Path + ": " + e.Err.Error()
}

func (e *FileError) Unwrap() error { return e.Err }

// Measure measures every image of a build; a build that is a measurement already is decoded. Where the build has a
// vmlinux, object files and earlier stages of its linking are left out: their bytes are in vmlinux.
// The error is a *FileError or comes from package source.
func Measure(b *source.Build, o MeasureOptions) (*Measurement, error) {
	m := &Measurement{Label: b.Label, Lone: b.Single, Portable: o.Portable}
	images, packed, err := m.sort(b)
	if err != nil {
		return nil, err
	}
	if len(images) == 0 {
		if packed != nil {
			return readPacked(b, packed)
		}
		return nil, &FileError{Build: b.Label, Err: errors.New("it holds no ELF image; " +
			"give an ELF file, or a directory or archive with vmlinux or modules in it")}
	}
	if o.Cache == nil {
		o.Cache = new(Cache)
	}
	if err := m.measureAll(b, images, o); err != nil {
		return nil, err
	}
	for i := 0; i < len(m.Images) && m.Config == nil; i++ {
		m.Config = m.Images[i].embedded
	}
	return m, nil
}

// sort files the build's contents: images to measure, a packed measurement, the configuration, and the rest by size.
func (m *Measurement) sort(b *source.Build) (images []*source.File, packed *source.File, err error) {
	linked := false
	for i := range b.Files {
		linked = linked || path.Base(b.Files[i].Path) == "vmlinux"
	}
	for i := range b.Files {
		f := &b.Files[i]
		switch {
		case f.Kind == source.Config:
			if m.Config == nil {
				m.Config, err = readConfig(b, f)
			}
		case f.Kind == source.Measurement:
			packed = f
		case f.Kind == source.Opaque:
			m.Opaque = append(m.Opaque, OpaqueFile{f.Path, f.Size})
		case !linked || !intermediate(f.Path):
			images = append(images, f)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return images, packed, nil
}

// intermediate reports whether a file of a kernel build only exists to be linked into vmlinux or a module.
func intermediate(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, ".o") || strings.HasPrefix(base, ".tmp_vmlinux") || base == "vmlinux.unstripped"
}

func readPacked(b *source.Build, f *source.File) (*Measurement, error) {
	c, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	m, err := ReadMeasurement(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		return nil, &FileError{b.Label, f.Path, err}
	}
	m.Label = b.Label
	return m, nil
}

func readConfig(b *source.Build, f *source.File) ([]Option, error) {
	c, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	text, err := io.ReadAll(io.NewSectionReader(c, 0, min(c.Size(), maxConfig)))
	if err != nil {
		return nil, &FileError{b.Label, f.Path, err}
	}
	return ParseConfig(text), nil
}

// discardsExit reports whether the configuration is known to have no module unloading.
func discardsExit(options []Option) bool {
	if options == nil {
		return false
	}
	for _, o := range options {
		if o.Name == "MODULE_UNLOAD" {
			return o.Value != "y"
		}
	}
	return true
}

// measureAll measures the images on all processors and keeps them in the order of their paths.
func (m *Measurement) measureAll(b *source.Build, images []*source.File, o MeasureOptions) error {
	m.Images = make([]ImageFile, len(images))
	errs := make([]error, len(images))
	discard := discardsExit(m.Config)
	var mu sync.Mutex
	next, done := 0, 0
	work := func() {
		for {
			mu.Lock()
			i := next
			next++
			mu.Unlock()
			if i >= len(images) {
				return
			}
			m.Images[i], errs[i] = measureFile(images[i], o, discard)
			mu.Lock()
			done++
			if o.Progress != nil {
				o.Progress(done, len(images))
			}
			mu.Unlock()
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(images)) {
		wg.Go(work)
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return atFile(b, images[i], err)
		}
	}
	return nil
}

// atFile names the file in errors that do not do so themselves.
func atFile(b *source.Build, f *source.File, err error) error {
	var named *source.Error
	if errors.As(err, &named) {
		return err
	}
	return &FileError{b.Label, f.Path, err}
}

func measureFile(f *source.File, o MeasureOptions, discardExit bool) (out ImageFile, err error) {
	c, err := f.Open()
	if err != nil {
		return out, err
	}
	defer c.Close()
	data, _ := c.Bytes()
	im, err := elfmap.Open(c, c.Size(), data)
	if err != nil {
		return out, err
	}
	d, contents, err := im.Digest(o.Portable)
	if err != nil {
		return out, err
	}
	e := o.Cache.entry(cacheKey{d, discardExit})
	e.once.Do(func() { e.image, e.err = measureImage(im, d, contents, discardExit) })
	return ImageFile{Path: f.Path, FileSize: c.Size(), Image: e.image}, e.err
}
