package main

import (
	"io"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

type showCommand struct {
	Build string `arg:"" help:"Build to show."`

	reportFlags
}

func (*showCommand) Help() string {
	return `Examples:

    oxidometer show vmlinux
    oxidometer show build/ --top all
    oxidometer show base.oxm --format json`
}

// defaultLargest is how many symbols are listed without --top.
const defaultLargest = 30

func (c *showCommand) Run(a *app) error {
	out, err := a.create(c.Output, c.Build, c.Config)
	if err != nil {
		return err
	}
	policy, err := readPolicy(c.Config)
	if err != nil {
		return err
	}
	measured, err := a.measure(false, c.Build)
	if err != nil {
		return err
	}
	n := int(c.Top)
	if n == 0 {
		n = defaultLargest
	}
	m := measured[0]
	report := sizediff.Compare(m, m, policy.Buckets)
	sizediff.Evaluate("", report, policy)
	largest := sizediff.Largest(m, policy.Buckets, n)
	if err := c.write(out, report, largest, c.text(a)); err != nil {
		return err
	}
	return out.commit()
}

func (c *showCommand) write(w io.Writer, r *sizediff.Report, largest []sizediff.SymbolSize, o render.Options) error {
	switch c.Format {
	case "markdown":
		return render.ShowMarkdown(w, r, largest, o)
	case "json":
		return render.ShowJSON(w, r, largest)
	case "html":
		return render.ShowHTML(w, r, largest)
	}
	return render.Show(w, r, largest, o)
}
