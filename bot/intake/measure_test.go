//go:build linux

package intake

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// programs builds the real program and the hostile one side by side, once, without the race detector: it needs more
// addresses than a child may have.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "intake-test-"); err != nil {
		return "", err
	}
	programsDir = dir
	for _, pkg := range []string{"../../cmd/oxidometer", "./testdata/child"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, filepath.Base(pkg)), pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("%w\n%s", err, out)
		}
	}
	return dir, nil
})

var programsDir string // "" if no test needed them

func TestMain(m *testing.M) {
	code := m.Run()
	if programsDir != "" {
		os.RemoveAll(programsDir)
	}
	os.Exit(code)
}

func program(t testing.TB, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

const smallELF = "../../sizediff/testdata/small-base/vmlinux"

func write(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "artifact")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type member struct {
	name   string
	method uint16
	data   []byte
}

func zipOf(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: m.method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMeasure holds that the child's measurement is the one that this process would make.
func TestMeasure(t *testing.T) {
	image := read(t, smallELF)
	path := write(t, zipOf(t, member{"build/vmlinux", zip.Deflate, image}, member{"build/.config", zip.Deflate, []byte("CONFIG_RUST=y\n")}))
	var seen []Observation
	in, _ := testIntake(t, func(o *Options) {
		o.Self = program(t, "oxidometer")
		o.Observe = func(ob Observation) { seen = append(seen, ob) }
	})
	blob, err := in.Measure(t.Context(), path, MeasureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	build, err := source.Open(path, source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer build.Close()
	m, err := sizediff.Measure(build, sizediff.MeasureOptions{Portable: true, Examine: insight.Examine})
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := sizediff.WriteMeasurement(&want, m); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(blob, want.Bytes()) {
		t.Errorf("%d bytes, want the %d that this process measures", len(blob), want.Len())
	}
	if len(seen) != 1 || seen[0].Outcome != "ok" || seen[0].Bytes != int64(len(blob)) {
		t.Errorf("observed %+v", seen)
	}
	again, err := in.Measure(t.Context(), write(t, blob), MeasureOptions{}) // a measurement may itself be the artifact
	if err != nil || !bytes.Equal(again, blob) {
		t.Errorf("measured again: %d bytes, %v", len(again), err)
	}
}

// TestMeasureKernel measures a real kernel within the default limits.
func TestMeasureKernel(t *testing.T) {
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "kernels")
	}
	path := filepath.Join(dir, "base.zip")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s: put the kernel builds into ../shared/kernels beside the checkout, or name their folder in OXIDOMETER_KERNELS", path)
	}
	in, _ := testIntake(t, func(o *Options) { o.Self = program(t, "oxidometer") })
	blob, err := in.Measure(t.Context(), path, MeasureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sizediff.ReadMeasurement(bytes.NewReader(blob))
	if err != nil || len(m.Images) < 2 {
		t.Errorf("%d bytes, %v", len(blob), err)
	}
}

// TestMeasureLargeMeasurement holds that a small artifact cannot make the server read more than it can afford.
func TestMeasureLargeMeasurement(t *testing.T) {
	m := &sizediff.Measurement{Portable: true, Images: []sizediff.ImageFile{{Path: "vmlinux", Image: &sizediff.Image{
		Crates:   []string{""},
		Sections: []sizediff.Section{{Name: ".text", Kind: sizediff.Resident}},
		Symbols:  make([]sizediff.Symbol, 1_500_000),
	}}}}
	var b bytes.Buffer
	if err := sizediff.WriteMeasurement(&b, m); err != nil {
		t.Fatal(err)
	}
	in, _ := testIntake(t, func(o *Options) { o.Self = program(t, "oxidometer"); o.ReadMemory = 64 << 20 })
	_, err := in.Measure(t.Context(), write(t, b.Bytes()), MeasureOptions{})
	const want = "its measurement cannot be used: reading it takes more than 64 MiB of memory"
	if e, ok := errors.AsType[*NotMeasured](err); !ok || e.Reason != want {
		t.Errorf("an artifact of %d bytes: %v, want %q", b.Len(), err, want)
	}
}

func TestMeasureHostileArtifacts(t *testing.T) {
	image := read(t, smallELF)
	bomb := zipOf(t, member{"vmlinux", zip.Deflate, make([]byte, 64<<20)})
	for _, c := range []struct {
		name, reason string
		data         []byte
	}{
		{"empty", "is empty", nil},
		{"noise", "neither an ELF file", []byte("hello")},
		{"zip without images", "holds no ELF", zipOf(t, member{"README", zip.Store, []byte("x")})},
		{"bomb", "more than 200 times its size", bomb},
		{"bomb in a zip", "", zipOf(t, member{"inner.zip", zip.Store, bomb})},
		{"member that leaves", "", zipOf(t, member{"../../vmlinux", zip.Store, image})},
		{"half a zip", "", zipOf(t, member{"vmlinux", zip.Store, image})[:5000]},
		{"half an image", "", image[:len(image)/2]},
		{"compressed section that claims 1 GiB", "", compressedBomb(t, image)},
		{"measurement that is noise", "damaged", []byte(source.MeasurementMagic + "noise")},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, _ := testIntake(t, func(o *Options) { o.Self = program(t, "oxidometer"); o.MemoryLimit = 256 << 20 })
			path := write(t, c.data)
			blob, err := in.Measure(t.Context(), path, MeasureOptions{})
			e, ok := errors.AsType[*NotMeasured](err)
			switch {
			case err == nil && c.reason == "": // it may be measurable; what counts is that nothing worse happens
				if _, err := sizediff.ReadMeasurement(bytes.NewReader(blob)); err != nil {
					t.Error(err)
				}
			case !ok || !strings.Contains(e.Reason, c.reason) || strings.Contains(e.Reason, "unexpectedly"):
				t.Errorf("%v, want a reason with %q", err, c.reason)
			case strings.Contains(e.Reason, path) || strings.ContainsAny(e.Reason, "\n\x1b"):
				t.Errorf("not fit for people: %q", e.Reason)
			default:
				t.Log(e.Reason)
			}
		})
	}
}

// compressedBomb makes one section of an image compressed with a header that claims 1 GiB.
func compressedBomb(t *testing.T, image []byte) []byte {
	t.Helper()
	image = bytes.Clone(image)
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	headers := image[le.Uint64(image[40:]):]
	for i, s := range f.Sections {
		if s.Name != ".symtab" {
			continue
		}
		h := headers[i*64:]
		le.PutUint64(h[8:], uint64(elf.SHF_COMPRESSED))
		le.PutUint32(image[s.Offset:], uint32(elf.COMPRESS_ZLIB))
		le.PutUint64(image[s.Offset+8:], 1<<30)
		return image
	}
	t.Fatal("no .symtab")
	return nil
}

// TestMeasureHostileChild holds that a child that an artifact has got hold of cannot do more than fail.
func TestMeasureHostileChild(t *testing.T) {
	const memory, unexpected = "takes more than 256 MiB of memory", "ended unexpectedly"
	for _, c := range []struct {
		order, reason string
		retry         bool
	}{
		{order: "allocate", reason: memory},
		{order: "allocate at once", reason: memory},
		{order: "share", reason: memory},
		{order: "spin", reason: "takes more than 1s of processor time"},
		{order: "hang", reason: "takes longer than 1s"},
		{order: "panic", reason: unexpected},
		{order: "kill", reason: "too little memory", retry: true},
		{order: "nothing", reason: "wrote no measurement"},
		{order: "disk", reason: "make room in the server's directory", retry: true},
		{order: "two lines", reason: unexpected},
		{order: "control", reason: `member \x1b[2J\u202e @maintainers is damaged; https://host/x`},
		{order: "long", reason: "xxx..."},
		{order: "noise", reason: unexpected},
		{order: "garbage", reason: "its measurement cannot be used: damaged measurement"},
		{order: "foreign", reason: "wrote no measurement"},
		{order: "link", reason: "wrote no measurement"},
		{order: "pipe", reason: "wrote no measurement"},
		{order: "directory", reason: "wrote no measurement"},
		{order: "sparse", reason: "its measurement is larger than 64 MiB"},
		{order: "write", reason: "its measurement is larger than 64 MiB"},
		{order: "write elsewhere", reason: "unpacks to a file larger than 100 MiB"},
		{order: "files", reason: "too many open files"},
		{order: "orphan", reason: "wrote no measurement"},
	} {
		for _, plain := range []bool{false, true} {
			if c.order == "kill" && !plain {
				continue // the first process of a namespace cannot end itself like this
			}
			t.Run(fmt.Sprintf("%s, plain %t", c.order, plain), func(t *testing.T) {
				in, seen := hostile(t, plain)
				if c.order == "hang" {
					in.o.WallTime = time.Second
				}
				_, err := in.Measure(t.Context(), write(t, []byte(c.order)), MeasureOptions{})
				e, ok := errors.AsType[*NotMeasured](err)
				if !ok || !strings.Contains(e.Reason, c.reason) || e.Retry != c.retry {
					t.Fatalf("%v, want %q, retry %t", err, c.reason, c.retry)
				}
				if len(e.Reason) > 400 || strings.ContainsAny(e.Reason, "\n\x1b") || strings.Contains(e.Reason, "SeCrEt") {
					t.Errorf("not fit for people: %q", e.Reason)
				}
				if seen.Outcome != "not_measured" || c.reason == memory && c.order != "allocate at once" && seen.Memory < 64<<20 {
					t.Errorf("observed %+v", *seen)
				}
			})
		}
	}
}

// hostile returns an intake with tight limits whose child obeys the artifact.
func hostile(t *testing.T, plain bool) (*Intake, *Observation) {
	t.Helper()
	var (
		lock sync.Mutex
		seen Observation
	)
	in, _ := testIntake(t, func(o *Options) {
		o.Observe = func(ob Observation) {
			lock.Lock()
			defer lock.Unlock()
			seen = ob
		}
		o.Self = program(t, "child")
		o.MemoryLimit, o.FileLimit = 256<<20, 100<<20
		o.CPUTime, o.WallTime = time.Second, time.Minute
	})
	in.plain.Store(plain)
	return in, &seen
}

func TestMeasureConfinement(t *testing.T) {
	t.Setenv("OXIDOMETER_WEBHOOK_SECRET", "secret")
	inherited, err := unix.Open(smallELF, unix.O_RDONLY, 0) // open in children too, if nothing is done about it
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inherited)
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain %t", plain), func(t *testing.T) {
			in, _ := hostile(t, plain)
			_, err := in.Measure(t.Context(), write(t, []byte("report")), MeasureOptions{})
			e, ok := errors.AsType[*NotMeasured](err)
			if !ok {
				t.Fatal(err)
			}
			t.Log(e.Reason)
			if want := "env 4 limits 2,0,128,104857600 files 0=/dev/null,1=/dev/null,2=pipe "; !strings.HasPrefix(e.Reason, want) {
				t.Errorf("%q, want %q", e.Reason, want)
			}
			if plain {
				return
			}
			if in.plain.Load() {
				t.Skip("namespaces are not permitted here")
			}
			if !strings.Contains(e.Reason, " up 0 ") || !strings.HasSuffix(e.Reason, "pid 1") {
				t.Errorf("%q, want no network and no other processes", e.Reason)
			}
		})
	}
}

// TestConfine: where the kernel offers it, a child is left the artifact and its directory, and nothing else.
func TestConfine(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	secret := write(t, []byte("private key"))
	in, _ := hostile(t, true) // in a network of its own it could not connect anyway
	_, err = in.Measure(t.Context(), write(t, []byte("confined "+secret+" "+listener.Addr().String())), MeasureOptions{})
	e, ok := errors.AsType[*NotMeasured](err)
	if !ok {
		t.Fatal(err)
	}
	const left = "read the artifact, write the output, rename the output"
	const all = "error unsupported operation, read the artifact, change the artifact, write the output, rename the output, link in the output, " +
		"read a file, change a file, make a file, list files, read in another thread, run a program, connect"
	want := "error <nil>, " + left
	switch version := landlockVersion(); {
	case version == 0:
		want = all
	case version < 3:
		want = "error <nil>, read the artifact, change the artifact, write the output, rename the output, connect"
	case version < 4:
		want += ", connect"
	}
	if e.Reason != want {
		t.Errorf("it may\n%s\nwant\n%s", e.Reason, want)
	}
}

// The real program confines itself, too: it may read a file, but not list a directory.
func TestMeasureConfinesItself(t *testing.T) {
	cmd := exec.Command(program(t, "oxidometer"), "measure", filepath.Dir(smallELF), "-o", filepath.Join(t.TempDir(), "out"), "--confined")
	out, err := cmd.CombinedOutput()
	if confined := err != nil && strings.Contains(string(out), "permission denied"); confined != (landlockVersion() > 0) {
		t.Errorf("confined is %t: %v, %s", confined, err, out)
	}
}

func TestMeasureLeavesNoProcess(t *testing.T) {
	in, _ := hostile(t, false)
	in.Measure(t.Context(), write(t, []byte("orphan")), MeasureOptions{})
	if in.plain.Load() {
		t.Skip("namespaces are not permitted here")
	}
	if left := processes(t, in.o.Dir); len(left) > 0 {
		t.Errorf("still running: %q", left)
	}
}

// processes returns the command lines that name a directory, but for zombies, which have none.
func processes(t *testing.T, dir string) []string {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, l := range lines {
		pid := strings.Split(l, "/")[2]
		if data, err := os.ReadFile(l); err == nil && pid != strconv.Itoa(os.Getpid()) && bytes.Contains(data, []byte(dir)) {
			found = append(found, string(data))
		}
	}
	return found
}

func TestMeasureCanceled(t *testing.T) {
	in, _ := hostile(t, false)
	in.o.Parallel, in.slots = 1, make(chan struct{}, 1)
	why := errors.New("newer head")
	ctx, cancel := context.WithCancelCause(t.Context())
	path := write(t, []byte("hang"))
	errs := make(chan error, 2)
	for range 2 { // one runs, one waits
		go func() {
			_, err := in.Measure(ctx, path, MeasureOptions{})
			errs <- err
		}()
	}
	eventually(t, "a child", func() bool { return len(processes(t, path)) > 0 })
	cancel(why)
	for range 2 {
		if err := <-errs; err != why {
			t.Errorf("%v, want the cause", err)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %s in ten seconds", what)
}

func TestMeasureProgramMissing(t *testing.T) {
	in, _ := testIntake(t, func(o *Options) { o.Self = "/nonexistent" })
	_, err := in.Measure(t.Context(), smallELF, MeasureOptions{})
	if _, ok := errors.AsType[*NotMeasured](err); ok || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want a problem of this machine", err)
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	in, _ := testIntake(t, nil)
	in.o.Dir = dir
	live, err := in.newDir()
	if err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, dirPrefix+"stale")
	other := filepath.Join(dir, "other")
	elsewhere := t.TempDir()
	for _, d := range []string{stale, filepath.Join(stale, "sub"), other, filepath.Join(elsewhere, "kept")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, dirPrefix+"link")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	if n, err := in.Sweep(); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	for path, want := range map[string]bool{stale: false, live.path: true, other: true, link: true, filepath.Join(elsewhere, "kept"): true} {
		if _, err := os.Lstat(path); (err == nil) != want {
			t.Errorf("%s is there: %t", path, err == nil)
		}
	}
	if err := live.remove(); err != nil {
		t.Error(err)
	}
}

// TestSweepForeign holds that another user's directory stays, whatever its name.
func TestSweepForeign(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make another user's directory")
	}
	in, _ := testIntake(t, nil)
	in.o.Dir = t.TempDir()
	foreign := filepath.Join(in.o.Dir, dirPrefix+"foreign")
	if err := errors.Join(os.Mkdir(foreign, 0o700), os.Chown(foreign, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	if n, err := in.Sweep(); n != 0 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
}

// TestKilledServer kills a server while it measures: its child dies with it, and the next server removes what is left.
func TestKilledServer(t *testing.T) {
	for _, order := range []string{"hang", "while downloading"} {
		t.Run(order, func(t *testing.T) {
			dir := t.TempDir()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, order)
				if order != "hang" {
					w.(http.Flusher).Flush()
					<-r.Context().Done()
				}
			}))
			defer server.Close()
			cmd := exec.Command(program(t, "child"), "serve", server.URL, "0", dir, program(t, "child"))
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			children := func() int { return len(processes(t, dir)) }
			want := 1 // the server itself
			if order == "hang" {
				want = 2
			}
			eventually(t, "file", func() bool {
				found, _ := filepath.Glob(filepath.Join(dir, dirPrefix+"*", "artifact"))
				return len(found) == 1 && children() == want
			})
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			eventually(t, "end of the child", func() bool { return children() == 0 })
			if _, err := New(Options{Dir: dir}); err != nil {
				t.Error(err)
			}
			isEmpty(t, dir)
		})
	}
}

// TestServerMemory holds that a large artifact costs the server next to nothing. The size is OXIDOMETER_LARGE_ARTIFACT in MiB.
func TestServerMemory(t *testing.T) {
	size := int64(256)
	if text := os.Getenv("OXIDOMETER_LARGE_ARTIFACT"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		size = n
	}
	image := read(t, smallELF)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		z := zip.NewWriter(w)
		for _, name := range []string{"vmlinux", "core.dump"} { // an image with so much behind it, and something opaque
			m, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
			if err != nil {
				t.Error(err)
			}
			if name == "vmlinux" {
				m.Write(image)
			}
			chunk := make([]byte, 1<<20)
			for range size / 2 {
				if _, err := m.Write(chunk); err != nil {
					t.Error(err)
					return
				}
			}
		}
		z.Close()
	}))
	defer server.Close()
	dir := t.TempDir()
	cmd := exec.Command(program(t, "child"), "serve", server.URL, "0", dir, program(t, "oxidometer"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var fetched, blob, peak int64
	if _, err := fmt.Fscanf(bufio.NewReader(bytes.NewReader(out)), "fetched %d\nmeasured %d peak %d", &fetched, &blob, &peak); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("artifact of %s, peak memory of the server %s", formatSize(fetched), formatSize(peak<<10))
	if fetched < size<<20 || peak<<10 > 100<<20 {
		t.Errorf("%d bytes, peak of %d KiB", fetched, peak)
	}
	isEmpty(t, dir)
}

// FuzzReason holds that whatever a child writes to stderr becomes one harmless line.
func FuzzReason(f *testing.F) {
	for _, s := range []string{"oxidometer: /x: is damaged; get it again\n", "panic: x\n\ngoroutine 1", "\x1b[31m\u202e", "a?sig=b", strings.Repeat("é", 400), "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line := harmless(text)
		if len(line) > 320 || strings.ContainsAny(line, "\n\r\t\x1b\x00\u202e") || harmless(line) != line {
			t.Errorf("%q", line)
		}
	})
}

func TestFormat(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1 << 10: "1 KiB", 1 << 30: "1 GiB", 1<<30 + 1<<29: "1.5 GiB", 64 << 20: "64 MiB"} {
		if got := formatSize(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{5 * time.Minute: "5m", time.Hour: "1h", 90 * time.Second: "1m30s", 20 * time.Minute: "20m", 3 * time.Second: "3s"} {
		if got := formatTime(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
}
