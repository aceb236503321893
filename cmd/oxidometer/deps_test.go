package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/oxidometer/oxidometer"

// layer says what one package may import besides the standard library: our own packages by path inside the module, others
// by full path. A trailing /... covers what lies below.
type layer struct {
	pkg string
	may []string
	not []string // of the standard library
}

// layers is the dependency rule: arrows go one way, cmd → bot → leaves → sizediff. A package that is not in it may not exist.
var layers = []layer{
	{pkg: "sizediff", may: []string{"sizediff/...", "github.com/klauspost/compress/zstd"}, not: network},
	{pkg: "sizediff/source", may: []string{"github.com/klauspost/compress/...", "github.com/mikelolasagasti/xz"}, not: network},
	{pkg: "sizediff/elfmap", not: pure},
	{pkg: "sizediff/rustname", not: pure},
	{pkg: "sizediff/debuginfo", may: []string{"sizediff/elfmap", "sizediff/rustname", "github.com/klauspost/compress/zstd"}, not: pure},
	{pkg: "sizediff/coderef", may: []string{"sizediff/elfmap", "golang.org/x/arch/..."}, not: pure},
	{pkg: "sizediff/insight", may: []string{"sizediff/...", "golang.org/x/arch/..."}, not: pure},
	{pkg: "sizediff/render", may: []string{"sizediff/..."}, not: pure},
	{pkg: "config", may: []string{"sizediff", "github.com/goccy/go-yaml/...", "github.com/bmatcuk/doublestar/v4"}, not: network},

	{pkg: "bot/webhook", may: []string{"github.com/sirupsen/logrus"}},
	{pkg: "bot/gh", may: []string{"config", "github.com/google/go-github/v60/github", "github.com/bradleyfalzon/ghinstallation/v2",
		"github.com/golang-jwt/jwt/v4", "github.com/sirupsen/logrus"}},
	{pkg: "bot/gh/ghtest", may: []string{"github.com/google/go-github/v60/github", "github.com/golang-jwt/jwt/v4"}},
	{pkg: "bot/baseline"},
	{pkg: "bot/acceptance", may: []string{"sizediff"}, not: pure},
	{pkg: "bot/intake", may: []string{"sizediff/...", "github.com/sirupsen/logrus", "golang.org/x/sys/..."}},
	{pkg: "bot/command", may: []string{"github.com/yuin/goldmark/..."}, not: pure},
	// A job is inserted in the transaction that stores its delivery, so River's drivers lie with the SQL drivers in store, and queue
	// gets its client from there.
	{pkg: "bot/store", may: []string{"github.com/klauspost/compress/...", "modernc.org/sqlite/...", "github.com/jackc/pgx/v5/...", "github.com/riverqueue/river/..."}},
	{pkg: "bot/store/storetest", may: []string{"bot/store", "github.com/jackc/pgx/v5/..."}}, // for tests of store and queue
	{pkg: "bot/queue", may: []string{"bot/store", "github.com/sirupsen/logrus", "github.com/riverqueue/river/..."}},
	{pkg: "bot/web", may: []string{"bot/store", "sizediff/...", "config", "github.com/sirupsen/logrus", "github.com/prometheus/client_golang/..."}},
	{pkg: "bot", may: []string{"bot/...", "sizediff/...", "config", "github.com/sirupsen/logrus"}},

	// Programs around the App. Only cmd knows them.
	{pkg: "bot/demo", may: []string{"bot", "bot/gh", "bot/gh/ghtest", "config", "github.com/sirupsen/logrus", "github.com/yuin/goldmark/..."}},
	{pkg: "bot/setup", may: []string{"bot/gh"}},
	{pkg: "bot/doctor", may: []string{"bot/gh", "bot/store", "bot/intake", "config", "github.com/sirupsen/logrus", "golang.org/x/sys/..."}},

	{pkg: "deploy"}, // holds a test only

	{pkg: "cmd/oxidometer", may: []string{"bot/...", "sizediff/...", "config", "github.com/alecthomas/kong", "github.com/sirupsen/logrus",
		"golang.org/x/term", "golang.org/x/sys/..."}},
}

// What a package without network, or one that only computes, does not need from the standard library.
var (
	network = []string{"net", "net/http", "log", "log/slog", "os/exec"}
	pure    = append([]string{"os"}, network...)
)

// onlyImporters says who may import a dependency, whatever the table above says.
var onlyImporters = map[string][]string{
	"github.com/google/go-github/...":     {"bot/gh", "bot/gh/ghtest"},
	"github.com/bradleyfalzon/...":        {"bot/gh"},
	"database/sql":                        {"bot/store", "bot/store/storetest"},
	"modernc.org/sqlite/...":              {"bot/store"},
	"github.com/jackc/pgx/v5/...":         {"bot/store", "bot/store/storetest"},
	"github.com/riverqueue/river/...":     {"bot/store", "bot/queue"},
	"github.com/yuin/goldmark/...":        {"bot/demo", "bot/command"},
	"github.com/goccy/go-yaml/...":        {"config"},
	"github.com/alecthomas/kong":          {"cmd/oxidometer"},
	"github.com/prometheus/...":           {"bot/web", "cmd/oxidometer"},
	"github.com/sirupsen/logrus":          {"bot", "bot/webhook", "bot/gh", "bot/intake", "bot/queue", "bot/web", "bot/demo", "bot/doctor", "cmd/oxidometer"},
	"github.com/mikelolasagasti/xz":       {"sizediff/source"},
	"golang.org/x/arch/...":               {"sizediff/insight", "sizediff/coderef"},
	"unsafe":                              {"bot/intake"}, // system calls that confine the measuring child
	"C":                                   {},
	"github.com/bradleyfalkner/...":       {}, // a look-alike of bradleyfalzon's
	"github.com/ianlancetaylor/demangle":  {}, // in tests only
	"github.com/google/go-cmp/...":        {},
	"github.com/rogpeppe/go-internal/...": {},
}

type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestDependencyRule(t *testing.T) {
	packages := listPackages(t)
	standard := map[string]bool{}
	for _, p := range packages {
		standard[p.ImportPath] = p.Standard
	}
	checked := 0
	for _, p := range packages {
		name, ours := inModule(p.ImportPath)
		if !ours {
			continue
		}
		checked++
		for _, fault := range importFaults(name, p.Imports, func(i string) bool { return standard[i] }) {
			t.Error(fault)
		}
	}
	if checked == 0 {
		t.Error("no package of this module was found")
	}
}

// importFaults says which imports of a package break the rule.
func importFaults(name string, imports []string, standard func(string) bool) []string {
	at := slices.IndexFunc(layers, func(l layer) bool { return l.pkg == name })
	if at < 0 {
		return []string{name + " is not in the table of layers"}
	}
	rule := layers[at]
	var faults []string
	for _, imported := range imports {
		own, _ := inModule(imported)
		switch {
		case standard(imported):
			if slices.Contains(rule.not, imported) {
				faults = append(faults, name+" may not import "+imported)
			}
		case !covers(rule.may, own):
			faults = append(faults, name+" may not import "+imported)
		}
		for pattern, importers := range onlyImporters {
			if covers([]string{pattern}, imported) && !slices.Contains(importers, name) {
				faults = append(faults, name+" imports "+imported+": only "+strings.Join(importers, ", ")+" may")
			}
		}
	}
	return faults
}

// inModule returns the path inside this module, or the path as it is.
func inModule(importPath string) (string, bool) {
	name, ours := strings.CutPrefix(importPath, module+"/")
	return name, ours
}

func covers(patterns []string, importPath string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		base, tree := strings.CutSuffix(pattern, "/...")
		return importPath == base || tree && strings.HasPrefix(importPath, base+"/")
	})
}

// TestDependencyRuleNotices holds that the rule can fail.
func TestDependencyRuleNotices(t *testing.T) {
	standard := func(p string) bool { return !strings.Contains(p, ".") }
	for _, c := range []struct {
		pkg, imports string
		ok           bool
	}{
		{"sizediff", "fmt", true},
		{"sizediff", module + "/sizediff/source", true},
		{"sizediff", "net/http", false},
		{"sizediff", "github.com/klauspost/compress/zstd", true},
		{"sizediff", "golang.org/x/arch/x86/x86asm", false},
		{"sizediff", module + "/config", false},
		{"sizediff/source", "os", true},
		{"sizediff/source", "github.com/klauspost/compress/zstd", true},
		{"sizediff/elfmap", "os", false},
		{"sizediff/render", "os", false},
		{"sizediff/insight", "golang.org/x/arch/x86/x86asm", true},
		{"config", module + "/sizediff", true},
		{"config", module + "/bot", false},
		{"bot/gh", "github.com/google/go-github/v60/github", true},
		{"bot", "github.com/google/go-github/v60/github", false},
		{"bot/store", "modernc.org/sqlite", true},
		{"bot/web", "modernc.org/sqlite", false},
		{"bot/web", module + "/bot/store", true},
		{"bot/gh", module + "/bot/store", false},
		{"bot/gh", module + "/bot", false},
		{"bot", module + "/bot/gh", true},
		{"bot", module + "/cmd/oxidometer", false},
		{"cmd/oxidometer", module + "/bot", true},
		{"cmd/oxidometer", "github.com/spf13/cobra", false},
		{"util", "fmt", false},
	} {
		if faults := importFaults(c.pkg, []string{c.imports}, standard); (len(faults) == 0) != c.ok {
			t.Errorf("%s imports %s: %q", c.pkg, path.Base(c.imports), faults)
		}
	}
}
