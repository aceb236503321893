package source

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var (
	vmlinux     = image("vmlinux", 300_000)
	module      = image("module", 9_000)
	gzModule    = image("gz", 8_000)
	zstModule   = image("zst", 7_000)
	xzModule    = image("xz", 6_000)
	helper      = image("helper", 500)
	config      = []byte("CONFIG_RUST=y\n")
	measurement = []byte(MeasurementMagic + "rest")
	bzImage     = bytes.Repeat([]byte("boot"), 700)
	bitcode     = []byte("BC\xc0\xde and so on")
)

// sample is a build with every kind of file.
func sample(t testing.TB) []entry {
	return []entry{
		{"vmlinux", vmlinux},
		{"drivers/net/a.ko", module},
		{"drivers/net/b.ko.gz", packGzip(t, gzModule)},
		{"drivers/net/c.ko.zst", packZstd(t, zstModule)},
		{"drivers/net/d.ko.xz", packXz(t, "d.ko.xz", xzModule)},
		{"tools/helper", helper},
		{".config", config},
		{"ci/size.oxm", measurement},
		{"arch/x86/boot/bzImage", bzImage},
		{"lto.o", bitcode},
		{"empty", nil},
	}
}

func sampleLines() []string {
	return []string{
		line(".config", Config, config),
		line("arch/x86/boot/bzImage", Opaque, bzImage),
		line("ci/size.oxm", Measurement, measurement),
		line("drivers/net/a.ko", ELF, module),
		line("drivers/net/b.ko", ELF, gzModule),
		line("drivers/net/c.ko", ELF, zstModule),
		line("drivers/net/d.ko", ELF, xzModule),
		line("empty", Opaque, nil),
		line("lto.o", Opaque, bitcode),
		line("tools/helper", ELF, helper),
		line("vmlinux", ELF, vmlinux),
	}
}

func TestContainers(t *testing.T) {
	files := sample(t)
	flat := packTar(t, files...)
	containers := map[string][]byte{
		"deflated.zip":   packZip(t, zip.Deflate, files...),
		"stored.zip":     packZip(t, zip.Store, files...),
		"plain.tar":      flat,
		"gzip.tar.gz":    packGzip(t, flat),
		"zstd.tar.zst":   packZstd(t, flat),
		"xz.tar.xz":      packXz(t, "sample.tar.xz", flat),
		"tar.zip":        packZip(t, zip.Deflate, entry{"build.tar", flat}),
		"tar-stored.zip": packZip(t, zip.Store, entry{"build.tar", flat}),
		"tgz.zip":        packZip(t, zip.Store, entry{"build.tgz", packGzip(t, flat)}),
		"txz.zip":        packZip(t, zip.Deflate, entry{"build.tar.xz", packXz(t, "sample.tar.xz", flat)}),
		"split.zip":      packZip(t, zip.Deflate, files[0], entry{"modules.tar.zst", packZstd(t, packTar(t, files[1:]...))}),
	}
	small := DefaultLimits()
	small.MemoryBytes = 1000 // nearly everything goes to the temporary file
	for name, data := range containers {
		for limits, lim := range map[string]Limits{"in memory": DefaultLimits(), "spooled": small} {
			t.Run(name+"/"+limits, func(t *testing.T) {
				empty := watchTemp(t)
				b, err := open(data, name, lim)
				check(t, err)
				empty()
				equal(t, list(t, b), sampleLines())
				equal(t, list(t, b), sampleLines()) // a second time, now that sizes are known
				empty()
				check(t, b.Close())
			})
		}
	}
}

func TestDirectory(t *testing.T) {
	dir := writeDir(t, append(sample(t), entry{".git/config", config}, entry{".git/vmlinux", vmlinux})...)
	check(t, os.Symlink("vmlinux", filepath.Join(dir, "link.ko")))
	check(t, os.Symlink("/", filepath.Join(dir, "root")))
	check(t, syscall.Mkfifo(filepath.Join(dir, "fifo.ko"), 0o644))
	b, err := Open(dir, DefaultLimits())
	check(t, err)
	defer b.Close()
	equal(t, list(t, b), sampleLines())
	if b.Ignored != 3 {
		t.Errorf("ignored %d files, want 3", b.Ignored)
	}
	if b.Label != dir || b.Single {
		t.Errorf("label %q, single %v", b.Label, b.Single)
	}
}

// A file of a directory is read in place, not taken into memory.
func TestDirectoryReadsInPlace(t *testing.T) {
	b, err := Open(writeDir(t, entry{"vmlinux", vmlinux}), DefaultLimits())
	check(t, err)
	defer b.Close()
	c, err := b.Files[0].Open()
	check(t, err)
	defer c.Close()
	if _, ok := c.Bytes(); ok {
		t.Error("a plain file is in memory")
	}
}

func TestSingle(t *testing.T) {
	tests := map[string]struct {
		data []byte
		want string
	}{
		"vmlinux":       {vmlinux, line("vmlinux", ELF, vmlinux)},
		"a.ko":          {module, line("a.ko", ELF, module)},
		"a.ko.gz":       {packGzip(t, module), line("a.ko", ELF, module)},
		"a.ko.zst":      {packZstd(t, module), line("a.ko", ELF, module)},
		"d.ko.xz":       {packXz(t, "d.ko.xz", xzModule), line("d.ko", ELF, xzModule)},
		"a.out":         {helper, line("a.out", ELF, helper)},
		"base.oxm":      {measurement, line("base.oxm", Measurement, measurement)},
		"a.zip":         {module, line("a.zip", ELF, module)}, // content decides, not the name
		"four":          {[]byte(elfMagic), line("four", ELF, []byte(elfMagic))},
		"packed-in-zst": {packZstd(t, measurement), line("packed-in-zst", Measurement, measurement)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(writeDir(t, entry{name, test.data}), name)
			b, err := Open(path, DefaultLimits())
			check(t, err)
			defer b.Close()
			if !b.Single {
				t.Error("not single")
			}
			equal(t, list(t, b), []string{test.want})
		})
	}
}

func TestLabels(t *testing.T) {
	ko := func(names ...string) (files []entry) {
		for _, n := range names {
			data := module
			if strings.HasSuffix(n, ".gz") {
				data = packGzip(t, module)
			}
			files = append(files, entry{n, data})
		}
		return files
	}
	tests := map[string]struct {
		files []entry
		want  []string
	}{
		"wrapped":            {ko("build/vmlinux", "build/fs/x.ko"), []string{"fs/x.ko", "vmlinux"}},
		"wrapped once":       {ko("a/b/vmlinux", "a/b/x.ko"), []string{"b/vmlinux", "b/x.ko"}},
		"not all wrapped":    {ko("build/vmlinux", "x.ko"), []string{"build/vmlinux", "x.ko"}},
		"same beginning":     {ko("build/vmlinux", "build2/x.ko"), []string{"build/vmlinux", "build2/x.ko"}},
		"kernel's directory": {ko("drivers/a.ko", "drivers/b.ko"), []string{"drivers/a.ko", "drivers/b.ko"}},
		"dots":               {ko("./vmlinux", "./a//b/./c.ko"), []string{"a/b/c.ko", "vmlinux"}},
		"case":               {ko("xt_TCPMSS.ko", "xt_tcpmss.ko"), []string{"xt_TCPMSS.ko", "xt_tcpmss.ko"}},
		"plain and packed":   {ko("fs/x.ko", "fs/x.ko.gz", "y.ko"), []string{"fs/x.ko", "fs/x.ko.gz", "y.ko"}},
		"vmlinux packed":     {ko("vmlinux-6.1.gz", "y.ko"), []string{"vmlinux-6.1", "y.ko"}},
		"odd names":          {ko("a b.ko", "<c>&\n.ko", "\x1b[31m.ko"), []string{"\x1b[31m.ko", "<c>&\n.ko", "a b.ko"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, data := range [][]byte{packZip(t, zip.Deflate, test.files...), packTar(t, test.files...)} {
				b, err := open(data, "x", DefaultLimits())
				check(t, err)
				var got []string
				for _, f := range b.Files {
					got = append(got, f.Path)
				}
				equal(t, got, test.want)
				list(t, b)
				check(t, b.Close())
			}
		})
	}
}

func TestConfigNames(t *testing.T) {
	big := image("big", 5+int(DefaultLimits().ConfigBytes))[len(elfMagic):]
	tests := map[string]struct {
		data []byte
		want Kind
	}{
		".config":      {config, Config},
		"x/config":     {config, Config},
		"config-6.1":   {config, Config},
		"config-tool":  {helper, ELF},
		"my.config":    {config, Opaque},
		"big/.config":  {big, Opaque},
		"elf.c":        {helper, Opaque},
		"vmlinux.lds":  {config, Opaque},
		"vmlinux.o":    {helper, ELF},
		"lib.so.6":     {helper, ELF},
		"vmlinux.huge": {config, Opaque},
	}
	files := []entry{{"vmlinux", module}}
	for name, test := range tests {
		files = append(files, entry{name, test.data})
	}
	dir := writeDir(t, files...)
	for _, open := range []func() (*Build, error){
		func() (*Build, error) { return Open(dir, DefaultLimits()) },
		func() (*Build, error) { return open(packZip(t, zip.Store, files...), "x.zip", DefaultLimits()) },
		func() (*Build, error) { return open(packTar(t, files...), "x.tar", DefaultLimits()) },
		func() (*Build, error) { return open(packZstd(t, packTar(t, files...)), "x.tar.zst", DefaultLimits()) },
	} {
		b, err := open()
		check(t, err)
		for _, f := range b.Files {
			if want, ok := tests[f.Path]; ok && f.Kind != want.want {
				t.Errorf("%s: %s is %v, want %v", b.Label, f.Path, f.Kind, want.want)
			}
		}
		check(t, b.Close())
	}
}

// Archives are opened one level deep, and only a single tar in a zip is.
func TestNesting(t *testing.T) {
	inner := packTar(t, entry{"vmlinux", vmlinux})
	zipped := packZip(t, zip.Store, entry{"vmlinux", vmlinux})
	extra := entry{"extra.ko", module}
	opaque := map[string][]byte{
		"zip in zip":      packZip(t, zip.Store, entry{"b.zip", zipped}, extra),
		"zip in tar":      packTar(t, entry{"b.zip", zipped}, extra),
		"tar in tar":      packTar(t, entry{"b.tar", inner}, extra),
		"two tars in zip": packZip(t, zip.Store, entry{"a.tar", inner}, entry{"b.tar", inner}, extra),
		"tar in tar in zip": packZip(t, zip.Store,
			entry{"a.tar", packTar(t, entry{"b.tar.gz", packGzip(t, inner)}, extra)}),
	}
	for name, data := range opaque {
		t.Run(name, func(t *testing.T) {
			b, err := open(data, "x", DefaultLimits())
			check(t, err)
			defer b.Close()
			for _, f := range b.Files {
				if (f.Path == "extra.ko") != (f.Kind == ELF) {
					t.Errorf("%s is %v", f.Path, f.Kind)
				}
			}
		})
	}
	for name, data := range map[string][]byte{
		"only zip in zip":  packZip(t, zip.Store, entry{"b.zip", zipped}),
		"only tar in tar":  packTar(t, entry{"b.tar", inner}),
		"only two in zip":  packZip(t, zip.Store, entry{"b.tar", inner}, entry{"c.tar", inner}),
		"only zip in a gz": packGzip(t, zipped),
	} {
		t.Run(name, func(t *testing.T) {
			if b, err := open(data, "x", DefaultLimits()); !errors.Is(err, ErrNotBuild) || b != nil {
				t.Errorf("got %v, %v", b, err)
			}
		})
	}
}

// Different files can be opened at the same time. Run with -race.
func TestConcurrentOpen(t *testing.T) {
	files := sample(t)
	small := DefaultLimits()
	small.MemoryBytes = 1000
	builds := map[string]func() (*Build, error){
		"dir": func() (*Build, error) { return Open(writeDir(t, files...), small) },
		"zip": func() (*Build, error) { return open(packZip(t, zip.Deflate, files...), "x.zip", small) },
		"tar": func() (*Build, error) { return open(packZstd(t, packTar(t, files...)), "x.tar.zst", small) },
	}
	for name, open := range builds {
		t.Run(name, func(t *testing.T) {
			b, err := open()
			check(t, err)
			defer b.Close()
			var wg sync.WaitGroup
			for i := range b.Files {
				wg.Go(func() {
					for range 5 {
						c, err := b.Files[i].Open()
						if err != nil {
							if b.Files[i].Kind != Opaque {
								t.Error(err)
							}
							return
						}
						c.ReadAt(make([]byte, 100), 50)
						c.Close()
					}
				})
			}
			wg.Wait()
			equal(t, list(t, b), sampleLines())
		})
	}
}

func TestOpaqueCannotBeOpened(t *testing.T) {
	b, err := open(packTar(t, entry{"vmlinux", vmlinux}, entry{"bzImage", bzImage}), "x.tar", DefaultLimits())
	check(t, err)
	defer b.Close()
	_, err = b.Files[0].Open()
	want := `x.tar: member "bzImage" cannot be measured; it is counted by size only`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReadErrors(t *testing.T) {
	dir := writeDir(t, entry{"empty", nil}, entry{"notes", config}, entry{"no/images", config}, entry{"bad/x.ko", config})
	tests := map[string]struct {
		kind error
		want string
	}{
		"missing": {ErrNotFound, "does not exist; check the path"},
		"empty":   {ErrNotBuild, "is empty; " + giveBuild},
		"notes":   {ErrNotBuild, "is neither an ELF file nor an archive nor a measurement; " + giveBuild},
		"no":      {ErrNotBuild, "holds no ELF file and no measurement; " + giveBuild},
		"linked":  {ErrNotBuild, "holds no ELF file and no measurement; links and special files in it are not followed; " + giveBuild},
		"notes/x": {syscall.ENOTDIR, "cannot be read: not a directory; check the path"},
		"loop":    {syscall.ELOOP, "cannot be read: too many levels of symbolic links; check the path"},
	}
	check(t, os.Mkdir(filepath.Join(dir, "linked"), 0o755))
	check(t, os.Symlink("../notes", filepath.Join(dir, "linked", "vmlinux")))
	check(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			b, err := Open(path, DefaultLimits())
			if b != nil || !errors.Is(err, test.kind) || err.Error() != path+": "+test.want {
				t.Errorf("got %v, %v", b, err)
			}
		})
	}
	if _, err := Open("", DefaultLimits()); err == nil || err.Error() != `"": is no path; `+giveBuild {
		t.Errorf("got %v", err)
	}
	_, err := Open(filepath.Join(dir, "missing"), DefaultLimits())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
	b, err := Open(filepath.Join(dir, "bad"), DefaultLimits())
	check(t, err)
	defer b.Close()
	if _, err := b.Files[0].Open(); !errors.Is(err, ErrNotBuild) || !strings.Contains(err.Error(), `file "x.ko" is not an ELF file`) {
		t.Errorf("got %v", err)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can read everything")
	}
	dir := writeDir(t, entry{"vmlinux", vmlinux}, entry{"secret", helper})
	check(t, os.Chmod(filepath.Join(dir, "secret"), 0))
	_, err := Open(dir, DefaultLimits())
	want := dir + `: file "secret" cannot be read: permission denied; check its permissions`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNotARegularFile(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	check(t, syscall.Mkfifo(fifo, 0o644))
	if b, err := Open(fifo, DefaultLimits()); b != nil || !errors.Is(err, ErrNotBuild) {
		t.Errorf("got %v, %v", b, err)
	}
}

// What people give by mistake is told by name.
func TestNotABuild(t *testing.T) {
	boot := make([]byte, 1024)
	copy(boot[0x202:], "HdrS")
	tests := []struct {
		data []byte
		want string
	}{
		{boot, "is a boot image, which has no symbols; give the vmlinux it was made from"},
		{[]byte("!<arch>\n"), "is a static library or a package; unpack it and give the directory"},
		{[]byte("<html>"), "is neither an ELF file nor an archive nor a measurement; " + giveBuild},
		{packGzip(t, config), "is neither an ELF file nor an archive nor a measurement; " + giveBuild},
	}
	for _, test := range tests {
		b, err := open(test.data, "x", DefaultLimits())
		if b != nil || !errors.Is(err, ErrNotBuild) || err.Error() != "x: "+test.want {
			t.Errorf("got %v, %v; want %s", b, err, test.want)
		}
	}
}

func TestTarOtherTypes(t *testing.T) {
	headers := []tar.Header{
		{Name: "vmlinux", Typeflag: tar.TypeReg, Size: int64(len(module))},
		{Name: "dir/", Typeflag: tar.TypeDir},
		{Name: "a.ko", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "b.ko", Typeflag: tar.TypeLink, Linkname: "vmlinux"},
		{Name: "c.ko", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5},
		{Name: "d.ko", Typeflag: tar.TypeBlock},
		{Name: "e.ko", Typeflag: tar.TypeFifo},
	}
	files := make([]entry, len(headers))
	files[0].data = module
	b, err := open(packTarHeaders(t, headers, files), "x.tar", DefaultLimits())
	check(t, err)
	defer b.Close()
	equal(t, list(t, b), []string{line("vmlinux", ELF, module)})
	if b.Ignored != 5 {
		t.Errorf("ignored %d, want 5", b.Ignored)
	}
}
