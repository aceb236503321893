package demo

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// builds holds measurements of real kernels, made with `oxidometer measure` from CI artifacts of Linux 7.2.13 with Rust, and
// two small kernels as ELF files, which are measured here.
//
//go:embed all:builds
var embedded embed.FS

// build is what a CI run of the demo can upload.
type build struct {
	label    string // for the form
	artifact string
	zip      []byte
}

const repositoryPath = ".github/oxidometer.yml"

// repositoryFile is what the demo's maintainers agreed on.
const repositoryFile = `# What a pull request may add to the kernel.
version: 1
budgets:
  - {bucket: runtime, grow: 1KiB}
  - {bucket: total, grow: 64KiB}
gate:
  mode: enforce
`

// laterFile is what a pull request proposes in its place.
var laterFile = strings.Replace(repositoryFile, "grow: 1KiB", "grow: 16KiB", 1)

// person is somebody whom forms can speak for.
type person struct{ Login, Role string }

// users are those of the repository.
var users = []person{{"maint", "maintain"}, {"reviewer", "write"}, {"author", "read"}, {"passer-by", "read"}}

func (d *demo) loadBuilds() error {
	d.builds = map[string]build{}
	for _, b := range []struct{ name, label, artifact string }{
		{"base", "the kernel as it was at first", "kernel-x86_64"},
		{"fmtgrowth", "rust_minimal formats, parses and sorts", "kernel-x86_64"},
		{"binder", "the Rust binder driver is built in", "kernel-x86_64"},
		{"small-base", "the small kernel as it was at first (ELF files)", "kernel-small"},
		{"small-head", "the small kernel, whose driver prints (ELF files)", "kernel-small"},
	} {
		data, err := pack(path.Join("builds", b.name))
		if err != nil {
			return err
		}
		d.builds[b.name] = build{b.label, b.artifact, data}
		d.order = append(d.order, b.name)
	}
	return nil
}

// pack makes an artifact of a folder of builds, as actions/upload-artifact would.
func pack(dir string) ([]byte, error) {
	sub, err := fs.Sub(embedded, dir)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	err = fs.WalkDir(sub, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		in, err := sub.Open(name)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := z.Create(name)
		if err == nil {
			_, err = io.Copy(out, in)
		}
		return err
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return buf.Bytes(), nil
}

// seed makes the repository and its first pull requests. The App hears of all of it through webhooks.
func (d *demo) seed() error {
	if err := d.loadBuilds(); err != nil {
		return err
	}
	g := d.github
	g.AddOrganization("penguins")
	installation := g.AddInstallation("penguins")
	d.repo = g.AddRepo(ghtest.RepoOptions{
		Owner: "penguins", Name: "linux", Installation: installation, Files: map[string]string{"README": "Linux\n", repositoryPath: repositoryFile},
	})
	for _, p := range users {
		g.SetRole(d.repo, p.Login, p.Role)
	}
	d.fork = g.AddFork(d.repo, "author")
	d.buildBranch("main", "base", "small-base")

	d.open("fmtgrowth", ghtest.Pull{
		Head: d.fork, Branch: "rust-minimal", Author: "author", Title: "samples: rust: exercise formatting, parsing and sorting",
		Body:  "The sample shows more of what `core` can do.",
		Files: map[string]string{"samples/rust/rust_minimal.rs": "// formats, parses, sorts\n"},
	})
	d.open("base", ghtest.Pull{
		Branch: "docs", Author: "maint", Title: "docs: rust: say where the samples are",
		Files: map[string]string{"Documentation/rust/samples.rst": "See samples/rust.\n"},
	})
	d.open("small-head", ghtest.Pull{
		Branch: "mydriver", Author: "maint", Title: "mydriver: print what was read",
		Body:  "Who wrote a change does not accept its growth: here `reviewer` can, and `maint` cannot.",
		Files: map[string]string{"drivers/mydriver.rs": "pr_info!(\"{reading:?}\");\n"},
	})
	// Nobody has built the tip of rust-next. The nearest ancestor that was measured has to do.
	g.AddCommit(d.repo, ghtest.Commit{
		Branch: "rust-next", Message: "MAINTAINERS: new entry", Author: "maint", Files: map[string]string{"MAINTAINERS": "maint\n"},
	})
	d.open("binder", ghtest.Pull{
		Head: d.fork, Branch: "binder", Base: "rust-next", Author: "author", Title: "rust_binder: build the driver in",
		Body:  "From a fork, and against a branch whose tip CI has not built.",
		Files: map[string]string{"drivers/android/Kconfig": "default y\n"},
	})
	d.open("small-head", ghtest.Pull{
		Head: d.fork, Branch: "budget", Author: "author", Title: "mydriver: print errors, and a larger budget for the runtime",
		Body:  "A pull request is judged by the file of its base. Once this is merged, `/size refresh` judges the others by the new one.",
		Files: map[string]string{"drivers/mydriver.rs": "pr_err!(\"{error:?}\");\n", repositoryPath: laterFile},
	})
	return nil
}

// open opens a pull request, whose head CI has built as that build.
func (d *demo) open(name string, p ghtest.Pull) {
	d.buildPull(d.github.OpenPull(d.repo, p), name)
}

// buildPull has CI build the head of a pull request.
func (d *demo) buildPull(number int, name string) {
	d.mu.Lock()
	d.built[number] = name
	d.mu.Unlock()
	d.run(ghtest.Run{Pull: number}, name)
}

// buildBranch has CI build the tip of a branch: these builds, and for other artifacts what it built before.
func (d *demo) buildBranch(branch string, names ...string) {
	d.mu.Lock()
	for _, n := range names {
		d.tips[branch+" "+d.builds[n].artifact] = n
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(d.tips)) {
		if strings.HasPrefix(key, branch+" ") {
			all = append(all, d.tips[key])
		}
	}
	d.mu.Unlock()
	d.run(ghtest.Run{Branch: branch}, all...)
}

// merge merges a pull request, and CI builds the branch that it went into.
func (d *demo) merge(v ghtest.PullView) {
	d.mu.Lock()
	name := d.built[v.Number]
	d.mu.Unlock()
	d.github.MergePull(d.repo, v.Number, false)
	d.buildBranch(v.BaseRef, name)
}

// run adds a CI run that succeeds and uploads builds.
func (d *demo) run(r ghtest.Run, names ...string) {
	id := d.github.AddRun(d.repo, r)
	for _, n := range names {
		d.github.AddArtifact(id, ghtest.Artifact{Name: d.builds[n].artifact, Bytes: d.builds[n].zip})
	}
	d.github.FinishRun(id, "success")
}
