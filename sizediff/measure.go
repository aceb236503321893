package sizediff

import (
	"errors"
	"io"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// MeasureOptions tune Measure.
type MeasureOptions struct {
	// Portable makes digests that hold outside this process. It is needed to write the measurement, and to compare it with
	// one that was read.
	Portable bool
	// Imageless accepts a build without any image that has other files: they are counted by size.
	Imageless bool
	// Examine looks further into each image while its file is open. It may fill in what Measure leaves empty, and is called
	// once for equal images, from several goroutines; nil: nobody looks. Its error is taken for the image's own.
	Examine  Examiner
	Cache    *Cache                // images measured before; may be nil. An image in it is not examined again
	Progress func(done, total int) // called as images finish, from one goroutine at a time; may be nil
}

// Examiner looks at an image that has been measured, while its file is open.
type Examiner func(im *elfmap.Image, owners *elfmap.Map, out *Image) error

// Examiners returns one that calls all of them in order, up to the first error; nil for none. Those that are nil are left out.
func Examiners(list ...Examiner) Examiner {
	list = slices.DeleteFunc(list, func(e Examiner) bool { return e == nil })
	if len(list) == 0 {
		return nil
	}
	return func(im *elfmap.Image, owners *elfmap.Map, out *Image) error {
		for _, e := range list {
			if err := e(im, owners, out); err != nil {
				return err
			}
		}
		return nil
	}
}

// Cache holds measured images by what they contain, so that an image that stands in two builds is parsed once.
// It is safe for concurrent use, and the zero value is ready.
type Cache struct {
	mu     sync.Mutex
	images map[cacheKey]*cached
}

// cacheKey is all that a measured image depends on.
type cacheKey struct {
	digest      elfmap.Digest
	portable    bool // what kind of digest that is
	discardExit bool // it may be a module, and modules keep no .exit sections
}

type cached struct {
	once  sync.Once
	image *Image
	err   error
}

// Add puts the images of a measurement into the cache.
func (c *Cache) Add(m *Measurement) {
	for _, f := range m.Images {
		e := c.entry(cacheKey{f.Digest, m.Portable, f.Type == elfmap.FileRelocatable && discardsExit(m.Config)})
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
	if len(images) == 0 && (packed != nil || !o.Imageless || len(m.Opaque) == 0) {
		if packed != nil {
			return m.readPacked(b, packed)
		}
		return nil, &FileError{Build: b.Label, Err: errors.New("it holds no ELF image; " +
			"give an ELF file, or a directory or archive with vmlinux or modules in it")}
	}
	if o.Cache == nil {
		o.Cache = new(Cache)
	}
	w := &measuringBuild{out: m, images: images, errs: make([]error, len(images)), options: o}
	m.Images = make([]ImageFile, len(images))
	for _, batch := range m.batches(images) {
		w.measure(batch, discardsExit(m.Config))
		for _, i := range batch {
			if err := w.errs[i]; err != nil {
				return nil, atFile(b, images[i], err)
			}
			if m.Config == nil {
				m.Config = m.Images[i].embedded
			}
		}
	}
	return m, nil
}

// batches says what to measure first: a vmlinux, when the configuration that modules are measured by may be inside it.
func (m *Measurement) batches(images []*source.File) [2][]int {
	var out [2][]int
	for i, f := range images {
		k := 1
		if m.Config == nil && path.Base(f.Path) == "vmlinux" {
			k = 0
		}
		out[k] = append(out[k], i)
	}
	return out
}

// sort files the build's contents: images to measure, a packed measurement, the configuration, and the rest by size. Beside a
// vmlinux at the top only modules are images: the tools, boot loaders and vDSOs of a build tree are no part of the kernel's
// own memory, or are in vmlinux already.
func (m *Measurement) sort(b *source.Build) (images []*source.File, packed *source.File, err error) {
	linked := false
	for i := range b.Files {
		linked = linked || b.Files[i].Path == "vmlinux"
	}
	for i := range b.Files {
		f := &b.Files[i]
		switch {
		case f.Kind == source.Config:
			if m.Config == nil {
				m.Config, err = readConfig(b, f)
			}
		case f.Kind == source.Manifest:
			err = m.readManifest(b, f)
		case f.Kind == source.Measurement:
			packed = f
		case f.Kind == source.Opaque:
			m.Opaque = append(m.Opaque, OpaqueFile{f.Path, f.Size})
		case !linked || f.Path == "vmlinux" || strings.HasSuffix(f.Path, ".ko"):
			images = append(images, f)
		case !intermediate(f.Path):
			m.Opaque = append(m.Opaque, OpaqueFile{f.Path, f.Size})
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

// readPacked reads the measurement that a build is. A manifest beside it stands in for its own.
func (m *Measurement) readPacked(b *source.Build, f *source.File) (*Measurement, error) {
	c, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	out, err := ReadMeasurement(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		return nil, &FileError{b.Label, f.Path, err}
	}
	out.Label = b.Label
	if out.Manifest == nil {
		out.Manifest = m.Manifest
	}
	return out, nil
}

func readConfig(b *source.Build, f *source.File) ([]Option, error) {
	text, err := readText(b, f)
	if err != nil {
		return nil, err
	}
	return ParseConfig(text), nil
}

// readText reads a configuration or a manifest, which source keeps small.
func readText(b *source.Build, f *source.File) ([]byte, error) {
	c, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	text, err := io.ReadAll(io.NewSectionReader(c, 0, min(c.Size(), maxConfig)))
	if err != nil {
		return nil, &FileError{b.Label, f.Path, err}
	}
	return text, nil
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

// measuringBuild measures the images of a build on all processors. They keep the order of their paths.
type measuringBuild struct {
	out     *Measurement
	images  []*source.File
	errs    []error
	options MeasureOptions
	mu      sync.Mutex
	done    int // images, in all batches
}

// measure measures the images of a batch, by index.
func (w *measuringBuild) measure(batch []int, discardExit bool) {
	var next atomic.Int64
	work := func() {
		for n := int(next.Add(1)); n <= len(batch); n = int(next.Add(1)) {
			i := batch[n-1]
			w.out.Images[i], w.errs[i] = measureFile(w.images[i], w.options, discardExit)
			w.finished()
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(batch)) {
		wg.Go(work)
	}
	wg.Wait()
}

func (w *measuringBuild) finished() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done++
	if w.options.Progress != nil {
		w.options.Progress(w.done, len(w.images))
	}
}

// atFile names the file in errors that do not do so themselves.
func atFile(b *source.Build, f *source.File, err error) error {
	var named *source.Error
	if errors.As(err, &named) {
		return err
	}
	return &FileError{b.Label, f.Path, err}
}

// errCut says that a file became shorter while it was read.
var errCut = errors.New("became shorter while it was read; wait until its build is finished")

// surviveCut makes errCut of the fault that reading ends in when somebody cuts a mapped file short. What it returns is deferred.
func surviveCut(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		r := recover()
		if _, fault := r.(interface{ Addr() uintptr }); fault {
			*err = errCut
		} else if r != nil {
			panic(r)
		}
	}
}

func measureFile(f *source.File, o MeasureOptions, discardExit bool) (out ImageFile, err error) {
	c, err := f.Open()
	if err != nil {
		return out, err
	}
	defer c.Close()
	data, release := c.Map()
	defer release()
	defer surviveCut(&err)()
	im, err := elfmap.Open(c, c.Size(), data)
	if err != nil {
		return out, err
	}
	d, contents, err := im.Digest(o.Portable)
	if err != nil {
		return out, err
	}
	k := cacheKey{d, o.Portable, im.Type == elfmap.FileRelocatable && discardExit}
	e := o.Cache.entry(k)
	e.once.Do(func() {
		defer surviveCut(&e.err)()
		e.image, e.err = measureImage(im, contents, k, o.Examine)
	})
	return ImageFile{Path: f.Path, FileSize: c.Size(), Image: e.image}, e.err
}
