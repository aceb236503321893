package demo

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// carried returns a measurement that the demo carries.
func carried(t *testing.T, name string) *sizediff.Measurement {
	t.Helper()
	f, err := embedded.Open("builds/" + name + "/kernel.oxm")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := sizediff.ReadMeasurement(f.(io.Reader))
	if err != nil {
		t.Fatalf("%s: %v; run bot/demo/make-builds.sh", name, err)
	}
	return m
}

func measured(t *testing.T, path string) *sizediff.Measurement {
	t.Helper()
	b, err := source.Open(path, source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := sizediff.Measure(b, sizediff.MeasureOptions{Portable: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func compare(base, head *sizediff.Measurement) *sizediff.Report {
	return sizediff.Compare(base, head, sizediff.LinuxKernel().Buckets)
}

// kernel returns the path of a file of the real kernel builds, or skips the test.
func kernel(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "kernels")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s: put the kernel builds into ../shared/kernels beside the checkout, or name their folder in OXIDOMETER_KERNELS", path)
	}
	return path
}

func TestBuildsAreWhatTheyClaim(t *testing.T) {
	for _, name := range []string{"base", "fmtgrowth", "binder"} {
		t.Run(name, func(t *testing.T) {
			m := carried(t, name)
			r := compare(m, m)
			if r.State != sizediff.Identical || r.Totals.Resident.Head < 1<<20 || len(r.Base.Fingerprint.Rustc) == 0 {
				t.Errorf("state %s, %d resident bytes, rustc %v; want a kernel with Rust in it", r.State, r.Totals.Resident.Head, r.Base.Fingerprint.Rustc)
			}
			fresh := measured(t, kernel(t, name+".zip"))
			if r := compare(m, fresh); r.State != sizediff.Identical || r.Totals.Resident.Delta != 0 || r.Totals.File.Delta != 0 {
				t.Errorf("compared with %s.zip measured now: %s, %+v; run bot/demo/make-builds.sh", name, r.State, r.Totals)
			}
		})
	}
}

// TestBuildsAgreeWithTruth compares what the demo shows with what an independent reader found.
func TestBuildsAgreeWithTruth(t *testing.T) {
	for _, name := range []string{"fmtgrowth", "binder"} {
		data, err := os.ReadFile(kernel(t, "truth-"+name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var truth struct {
			Files map[string]struct {
				Sections map[string][3]int64 `json:"sections"`
			} `json:"files"`
		}
		if err := json.Unmarshal(data, &truth); err != nil {
			t.Fatal(err)
		}
		want, got := map[string][3]int64{}, map[string][3]int64{}
		for path, f := range truth.Files {
			for section, sizes := range f.Sections {
				want[path+" "+section] = sizes
			}
		}
		for _, image := range compare(carried(t, "base"), carried(t, name)).Images {
			for _, s := range image.Sections {
				if s.Delta != 0 {
					got[image.Path+" "+s.Name] = [3]int64{s.Base, s.Head, s.Delta}
				}
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: changed sections (-truth +demo):\n%s", name, d)
		}
	}
}

// TestSmallBuilds holds that the ELF builds are the fixtures that the rest of the tests use.
func TestSmallBuilds(t *testing.T) {
	for _, name := range []string{"small-base", "small-head"} {
		theirs := os.DirFS(filepath.Join("..", "..", "sizediff", "testdata", name))
		files := 0
		err := fs.WalkDir(theirs, ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			files++
			want, err := fs.ReadFile(theirs, path)
			if err != nil {
				return err
			}
			if got, err := embedded.ReadFile("builds/" + name + "/" + path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s/%s differs from sizediff/testdata (error %v); run bot/demo/make-builds.sh", name, path, err)
			}
			return nil
		})
		if err != nil || files < 4 {
			t.Errorf("%s: %d files, error %v", name, files, err)
		}
	}
}
