package bot_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// TestKernels is a pull request on real kernels: the sample module grows, then the binder driver is built in instead, then all of it
// is taken back. One comment says so, one after the other. OXIDOMETER_KERNELS names the folder of the builds.
func TestKernels(t *testing.T) {
	dir := cmp.Or(os.Getenv("OXIDOMETER_KERNELS"), "../../shared/kernels")
	kernel := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Skipf("no real kernels here: %v; OXIDOMETER_KERNELS names their folder", err)
		}
		return data
	}
	base := kernel("base.zip")
	t.Parallel()
	w := newWorld(t)
	w.build(ghtest.Run{}, base)
	pull := w.open("rust-minimal")
	var id int64
	for _, push := range []struct {
		artifact, comment, conclusion, check, why string
	}{
		// The numbers are those of truth-fmtgrowth.json and truth-binder.json: text, rodata and data without what is freed after boot.
		{"fmtgrowth.zip", "**Kernel grows by 51,110 B", "neutral", "+51,110 B", "rust_minimal.ko"},
		{"binder.zip", "**Kernel grows by 252,132 B", "neutral", "252,132 B", "rust_binder"},
		{"base.zip", "**No size change.**", "success", "No size change", ""},
	} {
		if id != 0 {
			w.push(pull)
		}
		w.build(ghtest.Run{Pull: pull}, kernel(push.artifact))
		c := w.comment(pull, push.comment)
		w.shows(pull, push.conclusion, push.check)
		if !strings.Contains(c.Body, push.why) || !strings.Contains(c.Body, w.head(pull)[:7]) {
			t.Errorf("%s: the comment lacks %s or its head:\n%s", push.artifact, push.why, c.Body)
		}
		if id != 0 && c.ID != id {
			t.Errorf("%s: another comment", push.artifact)
		}
		id = c.ID
	}
	if c := w.ours(pull)[0]; len(c.Edits) != 2 {
		t.Errorf("the comment was edited %d times, want twice", len(c.Edits))
	}
}
