//go:build linux

package intake

import (
	"archive/zip"
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/sizediff"
)

// TestFetchRepositoryLimit: a repository file can lower the limit of an artifact, and not raise it. The reason names who set it.
func TestFetchRepositoryLimit(t *testing.T) {
	size := int64(len(content))
	for _, c := range []struct {
		name         string
		server, file int64
		known        bool // GitHub says how large it is
		want         string
	}{
		{"none", 0, 0, true, ""},
		{"exactly", 0, size, true, ""},
		{"one byte less", 0, size - 1, true, "limits.artifact_size in the repository file"},
		{"one byte less, found while it comes", 0, size - 1, false, "limits.artifact_size in the repository file"},
		{"higher than the server's", 100, size, true, "it is larger than 100 bytes; "},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, _ := testIntake(t, func(o *Options) {
				if c.server > 0 {
					o.MaxArtifact = c.server
				}
			})
			s := &storage{t: t, serve: func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, tag) }}
			link := s.start()
			want := Want{Most: c.file}
			if c.known {
				want.Size, want.Digest = size, digestOf(content)
			}
			a, err := in.Fetch(t.Context(), link, want)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				a.Close()
				return
			}
			e, ok := errors.AsType[*FetchError](err)
			if !ok || e.Temporary || !strings.Contains(e.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			byFile := strings.Contains(c.want, "limits.")
			if OtherLimits(e.Error(), c.file, MeasureOptions{}) || OtherLimits(e.Error(), 2*c.file, MeasureOptions{}) != byFile {
				t.Errorf("%v: it is taken for the reason of another limit, or a higher limit changes nothing", err)
			}
		})
	}
}

// TestMeasureRepositoryLimits: the same for unpacking and for the time.
func TestMeasureRepositoryLimits(t *testing.T) {
	image := read(t, smallELF)
	path := write(t, zipOf(t, member{"vmlinux", zip.Deflate, image}))
	for _, c := range []struct {
		name string
		o    MeasureOptions
		want string
	}{
		{"as large as it is", MeasureOptions{Unpacked: int64(len(image))}, ""},
		{"one byte less", MeasureOptions{Unpacked: int64(len(image)) - 1}, "limits.unpacked_size in the repository file"},
		{"more than the server permits", MeasureOptions{Unpacked: 1 << 50, Time: 1000 * time.Hour}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, _ := testIntake(t, func(o *Options) { o.Self = program(t, "oxidometer") })
			_, err := in.Measure(t.Context(), path, c.o)
			if e, ok := errors.AsType[*NotMeasured](err); c.want == "" && err != nil || c.want != "" && (!ok || e.Retry || !strings.Contains(e.Reason, c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestMeasureRepositoryTime(t *testing.T) {
	in, _ := hostile(t, false)
	_, err := in.Measure(t.Context(), write(t, []byte("hang")), MeasureOptions{Time: 10 * time.Millisecond})
	e, ok := errors.AsType[*NotMeasured](err)
	if want := "measuring it takes longer than 10ms, which is limits.analysis_time in the repository file"; !ok || e.Reason != want {
		t.Errorf("%v, want %q", err, want)
	}
}

// TestMeasureImageless: files without any image are measured by their sizes where that is asked for.
func TestMeasureImageless(t *testing.T) {
	path := write(t, zipOf(t, member{"boot/bzImage", zip.Store, make([]byte, 5000)}, member{"README", zip.Store, []byte("x")}))
	in, _ := testIntake(t, func(o *Options) { o.Self = program(t, "oxidometer") })
	blob, err := in.Measure(t.Context(), path, MeasureOptions{Imageless: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sizediff.ReadMeasurement(bytes.NewReader(blob))
	if err != nil {
		t.Fatal(err)
	}
	want := []sizediff.OpaqueFile{{Path: "README", Size: 1}, {Path: "boot/bzImage", Size: 5000}}
	if len(m.Images) != 0 || len(m.Opaque) != 2 || m.Opaque[0] != want[0] || m.Opaque[1] != want[1] {
		t.Errorf("%+v and %d images, want %+v", m.Opaque, len(m.Images), want)
	}
}
