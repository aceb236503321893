package main

import (
	"io"
	"sync"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

type diffCommand struct {
	Base string `arg:"" help:"Build to compare with."`
	Head string `arg:"" help:"Build that is judged."`

	reportFlags
	Target string `placeholder:"NAME" help:"Target of the repository file that the builds are of; not needed if it has one."`
	insightFlag
	FailOn string `enum:"note,warning,error,never" default:"never" help:"Exit with 1 at a finding of this severity or above: note, warning, error or never."`
}

func (*diffCommand) Help() string {
	return `Builds are compared image by image, by the path inside the build.

Examples:

    oxidometer diff vmlinux.before vmlinux.after
    oxidometer diff base.zip head.zip --top 10
    oxidometer diff base/ head/ --format html -o report.html
    oxidometer diff base.zip head.zip --insight
    oxidometer diff base.oxm head/ --config .github/oxidometer.yml --fail-on error

With --insight the report says why the runtime grew: who first referred to it, and
what of it was there before and is used for the first time.

The repository file's budgets make findings of severity error when they are exceeded. Where its
target lists files, only these are compared.

Exit codes: 0 done, 1 a finding at or above --fail-on, 2 bad usage or unreadable input.`
}

func (c *diffCommand) Run(a *app) error {
	out, err := a.create(c.Output, c.Base, c.Head, c.Config)
	if err != nil {
		return err
	}
	rules, err := readRules(c.Config, c.Target)
	if err != nil {
		return err
	}
	code := c.code()
	examine := c.examine(code)
	if examine == nil && rules.policy.NeedsCauses() {
		examine = insight.Examine
	}
	measured, err := a.measure(examine, c.Base, c.Head)
	if err != nil {
		return err
	}
	for i, m := range measured {
		if measured[i], err = rules.selected(m); err != nil {
			return err
		}
	}
	report, write := c.compare(measured[0], measured[1], rules.policy.Buckets, examine != nil, code)
	result := sizediff.Evaluate(rules.target, report, rules.policy)
	result.Name = "" // there is one
	e := &sizediff.Evaluation{
		Targets:    []sizediff.TargetResult{result},
		Policy:     rules.policy,
		Provenance: sizediff.Provenance{Base: c.Base, Head: c.Head, BaseChoice: sizediff.BaseGiven},
	}
	if err := write(out, e, c.text(a)); err != nil {
		return err
	}
	if err := out.commit(); err != nil {
		return err
	}
	return c.judge(e)
}

// writer writes an evaluation in the format that was asked for.
type writer func(io.Writer, *sizediff.Evaluation, render.Options) error

// compare makes the report, with causes if they can be known, and with all that explains the sizes if code was read.
func (c *diffCommand) compare(base, head *sizediff.Measurement, buckets []sizediff.Bucket, causes bool, code *insight.CodeReader) (*sizediff.Report, writer) {
	if !causes {
		return sizediff.Compare(base, head, buckets), c.write
	}
	if code == nil {
		return insight.Compare(base, head, buckets), c.write
	}
	var (
		wait   sync.WaitGroup
		before *insight.Summary
		after  *insight.Summary
	)
	report := sizediff.Compare(base, head, buckets)
	base = insight.Renamed(base, head, report)
	wait.Go(func() { before = summarize(code, base, buckets) })
	wait.Go(func() { after = summarize(code, head, buckets) })
	report.Causes = insight.Explain(base, head, buckets)
	wait.Wait()
	changes := insight.Changed(before, after)
	changes.Inlined = report.Causes.Inlined
	return report, c.explained(changes)
}

func (c *diffCommand) write(w io.Writer, e *sizediff.Evaluation, o render.Options) error {
	switch c.Format {
	case "markdown":
		return render.Markdown(w, e, render.MarkdownOptions{Top: o.Top})
	case "json":
		return render.JSON(w, e)
	case "html":
		return render.HTML(w, e)
	}
	return render.Text(w, e, o)
}

// explained writes what write does, and the changes.
func (c *diffCommand) explained(x *insight.Changes) writer {
	return func(w io.Writer, e *sizediff.Evaluation, o render.Options) error {
		switch c.Format {
		case "json":
			return render.InsightJSON(w, e, x)
		case "html":
			return render.InsightHTML(w, e, x)
		}
		if err := c.write(w, e, o); err != nil {
			return err
		}
		if c.Format == "markdown" {
			return render.InsightChangesMarkdown(w, x, o)
		}
		return render.InsightChanges(w, x, o)
	}
}

// summarize explains the size of one build.
func summarize(code *insight.CodeReader, m *sizediff.Measurement, buckets []sizediff.Bucket) *insight.Summary {
	s := insight.Summarize(m, buckets)
	s.Code = code.Savings(m)
	return s
}

// judge returns an error when there are findings that --fail-on is about.
func (c *diffCommand) judge(e *sizediff.Evaluation) error {
	if c.FailOn == "never" {
		return nil
	}
	count := 0
	for _, t := range e.Targets {
		for _, f := range t.Report.Findings {
			if f.Severity.AtLeast(sizediff.Severity(c.FailOn)) {
				count++
			}
		}
	}
	if count > 0 {
		return &findingsError{count, c.FailOn}
	}
	return nil
}
