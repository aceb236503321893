package sizediff_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

var (
	shortID = strings.Repeat("0123456789abcdef0123", 2)
	longID  = strings.Repeat("0123456789abcdef", 4)
)

func someManifest() *sizediff.Manifest {
	return &sizediff.Manifest{SHA: shortID, Tree: longID, Parents: []string{longID, shortID}, Run: 1 << 40, Attempt: 2, Target: "x86_64 – rust"}
}

const ours = `{"schema": "oxidometer.manifest/1", `

func TestParseManifest(t *testing.T) {
	many := `"` + strings.Repeat(shortID+`", "`, 100) + shortID + `"`
	tests := []struct {
		name, text string
		want       *sizediff.Manifest
		says       string
	}{
		{"all", ours + `"commit": "` + shortID + `", "tree": "` + longID + `", "parents": ["` + longID + `", "` + shortID +
			`"], "run_id": 1099511627776, "run_attempt": 2, "target": "x86_64 – rust"}`, someManifest(), ""},
		{"the least", ours + `"commit": "` + shortID + `"}`, &sizediff.Manifest{SHA: shortID}, ""},
		{"unknown keys", ours + `"commit": "` + shortID + `", "pull_request": 7, "files": {"vmlinux": []}}`, &sizediff.Manifest{SHA: shortID}, ""},
		{"another program's", `{"manifest_version": 3, "name": "an extension"}`, nil, "is no manifest of ours"},
		{"a later schema", `{"schema": "oxidometer.manifest/2"}`, nil, "is no manifest of ours"},
		{"no JSON", "commit " + shortID, nil, "cannot be read as JSON"},
		{"nothing", "", nil, "cannot be read as JSON"},
		{"a list", "[]", nil, "the manifest cannot be a list; write an object"},
		{"two", ours + `"commit": "` + shortID + `"}{}`, nil, "cannot be read as JSON"},
		{"a number as text", ours + `"commit": "` + shortID + `", "run_id": "7"}`, nil, "run_id cannot be text; write a whole number"},
		{"a huge number", ours + `"commit": "` + shortID + `", "run_id": 9223372036854775808}`, nil, "run_id cannot be this number; write a whole number"},
		{"a negative number", ours + `"commit": "` + shortID + `", "run_attempt": -1}`, nil, "negative"},
		{"no commit", ours + `"run_id": 7}`, nil, "commit is no full SHA"},
		{"a short commit", ours + `"commit": "0123456"}`, nil, "commit is no full SHA; write all"},
		{"an address", ours + `"commit": "../../orgs/x"}`, nil, "commit is no full SHA"},
		{"a line too many", ours + `"commit": "` + shortID + `\n"}`, nil, "commit is no full SHA"},
		{"capitals", ours + `"commit": "` + strings.ToUpper(shortID) + `"}`, nil, "commit is no full SHA"},
		{"a parent", ours + `"commit": "` + shortID + `", "parents": ["main"]}`, nil, "a parent is no full SHA"},
		{"a tree", ours + `"commit": "` + shortID + `", "tree": "x"}`, nil, "tree is no full SHA"},
		{"many parents", ours + `"commit": "` + shortID + `", "parents": [` + many + `]}`, nil, "more than 100 parents"},
		{"a long target", ours + `"commit": "` + shortID + `", "target": "` + strings.Repeat("x", 101) + `"}`, nil, "target"},
		{"a target with escapes", ours + `"commit": "` + shortID + `", "target": "\u001b[31m"}`, nil, "target"},
		{"a target that is no text", ours + `"commit": "` + shortID + "\", \"target\": \"\xff\"}", nil, "target"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := sizediff.ParseManifest([]byte(test.text))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %q", err, test.says)
			}
		})
	}
}

// A manifest beside the images belongs to the measurement; what cannot be understood is there and names nothing.
func TestMeasureManifest(t *testing.T) {
	good, err := json.Marshal(someManifest())
	if err != nil {
		t.Fatal(err)
	}
	good = append([]byte(ours), good[1:]...)
	packedBuild := func(m *sizediff.Manifest) []byte {
		b := smallBuild(t)
		b.Manifest = m
		return packed(t, b)
	}
	own := &sizediff.Manifest{SHA: longID}
	image := kernelImage(t, bannerA, "CONFIG_SMP=y\n", 0x50)
	tests := []struct {
		name       string
		build      []byte
		text       string
		want       *sizediff.Manifest
		wantOpaque int
	}{
		{"images", image, string(good), someManifest(), 0},
		{"images without", image, "", nil, 0},
		{"another program's", image, "{}", nil, 1},
		{"not understood", image, ours + `"commit": "main"}`, new(sizediff.Manifest), 0},
		{"no JSON", image, "commit: main", new(sizediff.Manifest), 0},
		{"a measurement with its own", packedBuild(own), string(good), own, 1},
		{"a measurement without", packedBuild(nil), string(good), someManifest(), 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "vmlinux"), test.build)
			if bytes.HasPrefix(test.build, []byte("OXMZ")) {
				if err := os.Rename(filepath.Join(dir, "vmlinux"), filepath.Join(dir, "size.oxm")); err != nil {
					t.Fatal(err)
				}
			}
			if test.text != "" {
				write(t, filepath.Join(dir, "manifest.json"), []byte(test.text))
			}
			m := measureBuild(t, dir, nil)
			if diff := cmp.Diff(test.want, m.Manifest, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(m.Opaque) != test.wantOpaque {
				t.Errorf("by size only: %v", m.Opaque)
			}
			got, err := sizediff.ReadMeasurement(bytes.NewReader(packed(t, m)))
			if err != nil {
				t.Fatal(err)
			}
			sameMeasurement(t, m, got)
		})
	}
}

// A manifest is at the end of a measurement and changes nothing else of it; without one the file is the one of always.
func TestPackedManifest(t *testing.T) {
	m := smallBuild(t)
	without := packed(t, m)
	if !strings.HasPrefix(string(without), source.MeasurementMagic) {
		t.Errorf("without a manifest it begins with %q", without[:6])
	}
	m.Manifest = someManifest()
	with := packed(t, m)
	if !strings.HasPrefix(string(with), source.ManifestMagic) || !bytes.HasPrefix(unpack(t, with), unpack(t, without)) {
		t.Errorf("with a manifest it begins with %q", with[:6])
	}
	a, err := sizediff.ReadMeasurement(bytes.NewReader(without))
	if err != nil {
		t.Fatal(err)
	}
	b, err := sizediff.ReadMeasurement(bytes.NewReader(with))
	if err != nil {
		t.Fatal(err)
	}
	if r := sizediff.Compare(a, b, sizediff.LinuxKernel().Buckets); r.State != sizediff.Identical {
		t.Errorf("with and without a manifest a build is %s", r.State)
	}
	for _, lie := range []func(*sizediff.Manifest){
		func(m *sizediff.Manifest) { m.SHA = "" },
		func(m *sizediff.Manifest) { m.Tree = "HEAD" },
		func(m *sizediff.Manifest) { m.Run = -1 },
		func(m *sizediff.Manifest) { m.Parents = make([]string, 101) },
	} {
		m.Manifest = someManifest()
		lie(m.Manifest)
		if err := sizediff.WriteMeasurement(new(bytes.Buffer), m); err == nil {
			t.Errorf("%+v was packed", m.Manifest)
		}
	}
}

// TestPackedManifestLies changes the contents and packs them well again.
func TestPackedManifestLies(t *testing.T) {
	m := smallBuild(t)
	image := len(unpack(t, packed(t, m)))
	m.Manifest = someManifest()
	raw := unpack(t, packed(t, m))
	for i := image; i < len(raw); i++ {
		for _, b := range []byte{0, '\n', 0x7f, 0xff} {
			bad := bytes.Clone(raw)
			bad[i] = b
			checkManifest(t, bad)
		}
		if checkManifest(t, raw[:i]) {
			t.Errorf("the first %d bytes of %d are a measurement", i, len(raw))
		}
	}
	if checkManifest(t, append(bytes.Clone(raw), 0)) {
		t.Error("a byte too many is no error")
	}
}

// checkManifest reads a measurement with a manifest and reports whether it can be. Then it can be written again, too.
func checkManifest(t *testing.T, raw []byte) bool {
	t.Helper()
	m, err := sizediff.ReadMeasurement(bytes.NewReader(repackAs(t, source.ManifestMagic, raw)))
	if err != nil {
		return false
	}
	if m.Manifest == nil {
		t.Fatal("read, but without a manifest")
	}
	sameManifest(t, m.Manifest)
	return true
}

// sameManifest holds that a manifest survives being packed, and being written as JSON unless it says nothing.
func sameManifest(t *testing.T, want *sizediff.Manifest) {
	t.Helper()
	m := smallBuild(t)
	m.Manifest = want
	got, err := sizediff.ReadMeasurement(bytes.NewReader(packed(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Manifest, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("packed (-want +got):\n%s", diff)
	}
	if want.SHA == "" {
		return
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sizediff.ParseManifest(append([]byte(ours), text[1:]...))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if diff := cmp.Diff(want, again, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("as JSON (-want +got):\n%s", diff)
	}
}

// FuzzParseManifest: an error or a manifest, and what is one can be stored.
func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(ours + `"commit": "` + shortID + `", "parents": ["` + shortID + `"], "run_id": 1, "target": "x"}`))
	f.Add([]byte(`{"schema": 1, "commit": null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := sizediff.ParseManifest(text)
		if (m == nil) != (err != nil) {
			t.Fatalf("%+v beside %v", m, err)
		}
		if err == nil {
			sameManifest(t, m)
		}
	})
}

// FuzzPackedManifest reads what stands behind a measurement.
func FuzzPackedManifest(f *testing.F) {
	m := smallBuild(f)
	image := unpack(f, packed(f, m))
	m.Manifest = someManifest()
	f.Add(unpack(f, packed(f, m))[len(image):])
	m.Manifest = new(sizediff.Manifest)
	f.Add(unpack(f, packed(f, m))[len(image):])
	f.Fuzz(func(t *testing.T, tail []byte) { checkManifest(t, append(bytes.Clone(image), tail...)) })
}
