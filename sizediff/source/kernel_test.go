package source

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kernels finds the real builds, which are too large to be kept in the repository.
func kernels(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "kernels")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no real kernel builds: set OXIDOMETER_KERNELS to the directory that holds base.zip")
	}
	return dir
}

// Every member of a real artifact reads the same as through unzip.
func TestKernelZip(t *testing.T) {
	unzip, err := exec.LookPath("unzip")
	if err != nil {
		t.Skip("unzip is not installed; it is what is compared with")
	}
	name := filepath.Join(kernels(t), "base.zip")
	b, err := Open(name, DefaultLimits())
	check(t, err)
	defer b.Close()
	names, err := exec.Command(unzip, "-Z1", name).Output()
	check(t, err)
	if want := len(strings.Fields(string(names))); len(b.Files) != want {
		t.Errorf("%d files, unzip lists %d", len(b.Files), want)
	}
	for i := range b.Files {
		f := &b.Files[i]
		want, err := exec.Command(unzip, "-p", name, f.Path).Output()
		check(t, err)
		if got := read(t, f); !bytes.Equal(got, want) {
			t.Errorf("%s: sha256 %x, unzip gives %x", f.Path, sha256.Sum256(got), sha256.Sum256(want))
		}
		if wantKind := map[bool]Kind{true: Config, false: ELF}[f.Path == ".config"]; f.Kind != wantKind {
			t.Errorf("%s is %v", f.Path, f.Kind)
		}
	}
}

func BenchmarkOpenZip(b *testing.B) {
	name := filepath.Join(kernels(b), "base.zip")
	for b.Loop() {
		build, err := Open(name, DefaultLimits())
		check(b, err)
		build.Close()
	}
}

func BenchmarkInflateVmlinux(b *testing.B) {
	build, err := Open(filepath.Join(kernels(b), "base.zip"), DefaultLimits())
	check(b, err)
	defer build.Close()
	f := &build.Files[len(build.Files)-1]
	b.SetBytes(f.Size)
	for b.Loop() {
		c, err := f.Open()
		check(b, err)
		c.Close()
	}
}

// As many modules as a distribution's kernel has.
func BenchmarkOpenDirectory(b *testing.B) {
	var files []entry
	for i := range 2000 {
		files = append(files, entry{fmt.Sprintf("drivers/net/ethernet/vendor%d/m%d.ko", i%50, i), helper})
	}
	dir := writeDir(b, files...)
	for b.Loop() {
		build, err := Open(dir, DefaultLimits())
		check(b, err)
		build.Close()
	}
}
