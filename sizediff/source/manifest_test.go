package source

import (
	"archive/zip"
	"slices"
	"strings"
	"testing"
)

// One manifest counts: that of the whole build, if it is small.
func TestManifest(t *testing.T) {
	text := []byte(`{"schema": "oxidometer.manifest/1"}`)
	most := int(DefaultLimits().ManifestBytes)
	tests := map[string]struct {
		name string
		data []byte
		path string
		want Kind
	}{
		"at the root":       {"manifest.json", text, "manifest.json", Manifest},
		"of the wrapped":    {"build/manifest.json", text, "manifest.json", Manifest},
		"below":             {"build/sound/manifest.json", text, "sound/manifest.json", Opaque},
		"largest":           {"manifest.json", make([]byte, most), "manifest.json", Manifest},
		"larger":            {"manifest.json", make([]byte, most+1), "manifest.json", Opaque},
		"empty":             {"manifest.json", nil, "manifest.json", Manifest},
		"an image by bytes": {"manifest.json", helper, "manifest.json", ELF},
		"in other letters":  {"Manifest.json", text, "Manifest.json", Opaque},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			top, _, _ := strings.Cut(test.name+"/", "/")
			files := []entry{{"vmlinux", module}, {test.name, test.data}}
			if top == "build" {
				files[0].name = "build/vmlinux"
			}
			want := slices.Sorted(slices.Values([]string{line("vmlinux", ELF, module), line(test.path, test.want, test.data)}))
			for _, data := range [][]byte{packZip(t, zip.Deflate, files...), packTar(t, files...), packGzip(t, packTar(t, files...))} {
				b, err := open(data, "x", DefaultLimits())
				check(t, err)
				equal(t, list(t, b), want)
				check(t, b.Close())
			}
			b, err := Open(writeDir(t, files...), DefaultLimits())
			check(t, err)
			equal(t, list(t, b), want)
			check(t, b.Close())
		})
	}
}

// A manifest is nothing to measure.
func TestManifestAlone(t *testing.T) {
	if b, err := open(packZip(t, zip.Store, entry{"manifest.json", []byte("{}")}), "x", DefaultLimits()); err == nil {
		t.Errorf("a build of %d files", len(b.Files))
	}
}

// Both forms of a measurement file are one.
func TestMeasurementForms(t *testing.T) {
	for magic, want := range map[string]Kind{MeasurementMagic: Measurement, ManifestMagic: Measurement, LinksMagic: Measurement, ReferencesMagic: Measurement, "OXMZ\x00\x05": Opaque} {
		b, err := open(packZip(t, zip.Store, entry{"vmlinux", module}, entry{"size.oxm", []byte(magic + "rest")}), "x", DefaultLimits())
		check(t, err)
		if got := b.Files[0].Kind; got != want {
			t.Errorf("a file that begins with %q is %v, want %v", magic, got, want)
		}
		check(t, b.Close())
	}
}
