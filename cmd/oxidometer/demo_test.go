package main

import (
	"os"
	"syscall"
	"testing"
)

// TestDemoEnds: whichever signal ends the demo, a closed terminal's included, nothing is left behind.
func TestDemoEnds(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		demo := startProcess(t, dir, "demo", "--log-level", "info")
		demo.says("serving")
		if made, err := os.ReadDir(dir); err != nil || len(made) != 1 {
			t.Errorf("in TMPDIR while it runs: %v (error %v), want the demo's folder", made, err)
		}
		demo.cmd.Process.Signal(s)
		if code := demo.ends(); code != 0 {
			t.Errorf("%v: the demo ends with %d: %s", s, code, demo.stderr.String())
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%v: left in TMPDIR: %v (error %v)", s, left, err)
		}
	}
}
