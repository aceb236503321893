package demo

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"path"

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

// repositoryFile is what the demo's maintainers agreed on.
const repositoryFile = `# What a pull request may add to the kernel.
version: 1
budgets:
  - {bucket: runtime, grow: 1KiB}
  - {bucket: total, grow: 64KiB}
gate:
  mode: enforce
`

func (d *demo) loadBuilds() error {
	d.builds = map[string]build{}
	for _, b := range []struct{ name, label, artifact string }{
		{"base", "the kernel as it is on main", "kernel-x86_64"},
		{"fmtgrowth", "rust_minimal formats, parses and sorts", "kernel-x86_64"},
		{"binder", "the Rust binder driver is built in", "kernel-x86_64"},
		{"small-base", "small kernel as it is on main (ELF files)", "kernel-small"},
		{"small-head", "small kernel whose driver prints (ELF files)", "kernel-small"},
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
		Owner: "penguins", Name: "linux", Installation: installation,
		Files: map[string]string{"README": "Linux\n", ".github/oxidometer.yml": repositoryFile},
	})
	for login, role := range map[string]string{"maint": "maintain", "author": "read", "passer-by": "read"} {
		g.SetRole(d.repo, login, role)
	}
	d.fork = g.AddFork(d.repo, "author")
	d.run(ghtest.Run{}, "base", "small-base")

	over := g.OpenPull(d.repo, ghtest.Pull{
		Branch: "rust-minimal", Author: "maint", Title: "samples: rust: exercise formatting, parsing and sorting",
		Body:  "The sample shows more of what `core` can do.",
		Files: map[string]string{"samples/rust/rust_minimal.rs": "// formats, parses, sorts\n"},
	})
	d.run(ghtest.Run{Pull: over}, "fmtgrowth")
	same := g.OpenPull(d.repo, ghtest.Pull{
		Branch: "docs", Author: "maint", Title: "docs: rust: say where the samples are",
		Files: map[string]string{"Documentation/rust/samples.rst": "See samples/rust.\n"},
	})
	d.run(ghtest.Run{Pull: same}, "base")
	small := g.OpenPull(d.repo, ghtest.Pull{
		Branch: "mydriver", Author: "maint", Title: "mydriver: print what was read",
		Files: map[string]string{"drivers/mydriver.rs": "pr_info!(\"{reading:?}\");\n"},
	})
	d.run(ghtest.Run{Pull: small}, "small-head")

	// Nobody has built the tip of rust-next. The nearest ancestor that was measured has to do.
	g.AddCommit(d.repo, ghtest.Commit{
		Branch: "rust-next", Message: "MAINTAINERS: new entry", Author: "maint", Files: map[string]string{"MAINTAINERS": "maint\n"},
	})
	binder := g.OpenPull(d.repo, ghtest.Pull{
		Head: d.fork, Branch: "binder", Base: "rust-next", Author: "author", Title: "rust_binder: build the driver in",
		Body:  "From a fork, and against a branch whose tip CI has not built.",
		Files: map[string]string{"drivers/android/Kconfig": "default y\n"},
	})
	d.run(ghtest.Run{Pull: binder}, "binder")
	return nil
}

// run adds a CI run that succeeds and uploads builds.
func (d *demo) run(r ghtest.Run, names ...string) {
	id := d.github.AddRun(d.repo, r)
	for _, n := range names {
		d.github.AddArtifact(id, ghtest.Artifact{Name: d.builds[n].artifact, Bytes: d.builds[n].zip})
	}
	d.github.FinishRun(id, "success")
}
