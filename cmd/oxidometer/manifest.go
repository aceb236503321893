package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// What --manifest may be besides a file.
const (
	autoManifest = "auto"
	noManifest   = "none"
)

// readManifest reads the file that --manifest names; with auto and none there is none.
func (c *measureCommand) readManifest() (*sizediff.Manifest, error) {
	if c.Manifest == autoManifest || c.Manifest == noManifest {
		return nil, nil
	}
	f, err := os.Open(c.Manifest)
	if err != nil {
		return nil, inputError(c.Manifest, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, source.DefaultLimits().ManifestBytes+1))
	if err != nil {
		return nil, inputError(c.Manifest, err)
	}
	m, err := sizediff.ParseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Manifest, err)
	}
	return m, nil
}

// chooseManifest decides what the measurement says of its build. given is the one that --manifest names.
func (c *measureCommand) chooseManifest(m *sizediff.Measurement, given *sizediff.Manifest) error {
	switch {
	case c.Manifest != autoManifest:
		m.Manifest = given
	case m.Manifest == nil && os.Getenv("GITHUB_ACTIONS") == "true":
		m.Manifest = c.actionsManifest()
		if err := m.Manifest.Check(); err != nil {
			return fmt.Errorf("manifest of this job: %w, or give --manifest none", err)
		}
	}
	return nil
}

// actionsManifest is what a job of GitHub Actions says about itself. The commit is the one that is checked out here, because a
// workflow may check out another than the event's.
func (c *measureCommand) actionsManifest() *sizediff.Manifest {
	m := &sizediff.Manifest{SHA: os.Getenv("GITHUB_SHA"), Target: c.Target}
	m.Run, _ = strconv.ParseInt(os.Getenv("GITHUB_RUN_ID"), 10, 64)
	m.Attempt, _ = strconv.ParseInt(os.Getenv("GITHUB_RUN_ATTEMPT"), 10, 64)
	if head, err := git("rev-parse", "HEAD"); err == nil {
		m.SHA = head
		m.Tree, m.Parents = parents(head)
	}
	return m
}

// parents reads a commit itself: in a shallow clone, git log has none.
func parents(commit string) (tree string, parents []string) {
	text, err := git("cat-file", "commit", commit)
	if err != nil {
		return "", nil
	}
	header, _, _ := strings.Cut(text, "\n\n")
	for line := range strings.Lines(header) {
		switch key, id, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); key {
		case "tree":
			tree = id
		case "parent":
			parents = append(parents, id)
		}
	}
	return tree, parents
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"--no-replace-objects"}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}
