package main

import (
	"io"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

type showCommand struct {
	Build string `arg:"" help:"Build to show."`

	reportFlags
	insightFlag
}

func (*showCommand) Help() string {
	return `Examples:

    oxidometer show vmlinux
    oxidometer show build/ --top all
    oxidometer show build/ --insight --format html -o build.html
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
	code := c.code()
	measured, err := a.measure(c.examine(code), c.Build)
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
	write := c.write
	if code != nil {
		s := summarize(code, m, policy.Buckets)
		s.Use = insight.Uses(m, policy.Buckets)
		write = c.explained(s)
	}
	if err := write(out, report, largest, c.text(a)); err != nil {
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

// explained writes what write does, and the summary.
func (c *showCommand) explained(s *insight.Summary) func(io.Writer, *sizediff.Report, []sizediff.SymbolSize, render.Options) error {
	return func(w io.Writer, r *sizediff.Report, largest []sizediff.SymbolSize, o render.Options) error {
		switch c.Format {
		case "json":
			return render.ShowInsightJSON(w, r, largest, s)
		case "html":
			return render.ShowInsightHTML(w, r, largest, s)
		}
		if err := c.write(w, r, largest, o); err != nil {
			return err
		}
		if c.Format == "markdown" {
			return render.InsightMarkdown(w, s, o)
		}
		return render.Insight(w, s, o)
	}
}
