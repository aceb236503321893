package bot

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = ".."

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// packages returns the folders that hold Go code, by path from the root.
func packages(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (d.Name()[0] == '.' || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			dir, err := filepath.Rel(root, filepath.Dir(name))
			if err != nil {
				return err
			}
			found[filepath.ToSlash(dir)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A path from the root, or the name of another file in the folder of the path before it.
var pathInTour = regexp.MustCompile(`(?:\b(?:cmd|bot|sizediff|config|deploy)/|\.ci/|\.github/)[\w./-]*\w|\b\w+\.go\b`)

// TestTour holds that the tour names every package, and nothing that does not exist.
func TestTour(t *testing.T) {
	tour, _, _ := strings.Cut(read(t, "bot/doc.go"), "\npackage bot")
	for pkg := range packages(t) {
		if !regexp.MustCompile(`(?m)^//\t`+regexp.QuoteMeta(pkg)+` `).MatchString(tour) && pkg != "bot" {
			t.Errorf("the tour does not say what %s is for", pkg)
		}
	}
	dir := ""
	for _, name := range pathInTour.FindAllString(tour, -1) {
		switch {
		case name == ".github/oxidometer.yml":
			continue // a file of the repositories that use this one
		case !strings.Contains(name, "/"):
			name = path.Join(dir, name)
		default:
			dir = path.Dir(name)
		}
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("the tour names %s, which does not exist", name)
		}
	}
}

// TestReadmeOutput holds that the output which README shows is what its first command prints, but for the lines left out.
func TestReadmeOutput(t *testing.T) {
	const command = "go run ./cmd/oxidometer diff sizediff/testdata/small-base sizediff/testdata/small-head"
	_, after, ok := strings.Cut(read(t, "README.md"), "\n$ "+command+"\n")
	shown, _, closed := strings.Cut(after, "\n```")
	if !ok || !closed {
		t.Fatalf("README does not show %s", command)
	}
	words := strings.Fields(command)
	run := exec.Command(words[0], words[1:]...)
	run.Dir = root
	run.Stderr = os.Stderr
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	rest := string(out)
	for _, line := range strings.Split(shown, "\n") {
		if line == "[...]" {
			continue
		}
		if _, rest, ok = strings.Cut("\n"+rest, "\n"+line+"\n"); !ok {
			t.Fatalf("not printed, or not in this order: %q", line)
		}
	}
}
