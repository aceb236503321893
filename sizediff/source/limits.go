package source

import (
	"fmt"
	"io"
	"sync/atomic"
)

// Limits bound what opening a build and its files may cost. Start from DefaultLimits.
type Limits struct {
	Entries       int   // entries of an archive, of every type
	DirEntries    int   // entries of a directory tree, of every type
	NameBytes     int   // length of a name in an archive
	ConfigBytes   int64 // a larger .config is Opaque
	ManifestBytes int64 // a larger manifest.json is Opaque
	FileBytes     int64 // one file, unpacked
	TotalBytes    int64 // all that is unpacked; a file is counted once, however often it is opened
	Ratio         int64 // unpacked to packed size of one file or stream; see RatioFloor
	RatioFloor    int64 // what may always be unpacked, whatever the ratio: small files of zeros are ordinary
	MemoryBytes   int64 // a larger unpacked file, or the rest of a tar's files, goes to a temporary file
	Imageless     bool  // an archive or a directory may hold files without any image or measurement among them
}

// DefaultLimits are generous for kernel builds with debug information and bearable for a server.
func DefaultLimits() Limits {
	return Limits{
		Entries:       10_000,
		DirEntries:    1_000_000,
		NameBytes:     4096,
		ConfigBytes:   4 << 20,
		ManifestBytes: 8 << 10,
		FileBytes:     4 << 30,
		TotalBytes:    8 << 30,
		Ratio:         200,
		RatioFloor:    1 << 20,
		MemoryBytes:   64 << 20,
	}
}

// unpacked says how many bytes so many packed ones may become, at most so many, and what to say when they become more.
func (l Limits) unpacked(packed, most int64) (int64, *Error) {
	ratio := max(l.Ratio, 1)
	if allowed := max(l.RatioFloor, packed*ratio); packed < most/ratio && allowed < most {
		return allowed, l.over(fmt.Sprintf("%d times its size", ratio))
	}
	return most, l.over(formatSize(most))
}

func (l Limits) over(what string) *Error {
	return &Error{Problem: "unpacks to more than " + what, Remedy: "leave it out, or unpack it and give the directory", Err: ErrLimit}
}

func (l Limits) tooMany(n int) *Error {
	return &Error{
		Problem: fmt.Sprintf("holds more than %d entries", n),
		Remedy:  "give only what was built: vmlinux, the modules and .config",
		Err:     ErrLimit,
	}
}

// meter passes a stream on until it has yielded more than it may.
type meter struct {
	r     io.Reader
	left  int64  // bytes it may still yield
	over  *Error // what to say when it yields more
	total *atomic.Int64
	lim   Limits
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if m.left -= int64(n); m.left < 0 {
		return 0, m.over
	}
	if m.total != nil && m.total.Add(int64(-n)) < 0 {
		return 0, m.lim.overTotal()
	}
	return n, err
}

func (l Limits) overTotal() *Error {
	return l.over(formatSize(l.TotalBytes) + " together with the others")
}

func formatSize(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
