package main

import (
	"errors"
	"fmt"

	"golang.org/x/term"

	"github.com/oxidometer/oxidometer/bot/intake"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

type measureCommand struct {
	Build    string `arg:"" help:"Build to measure."`
	Output   string `short:"o" required:"" placeholder:"FILE" help:"Write the measurement to FILE; - is standard output."`
	Manifest string `default:"auto" placeholder:"FILE" help:"What the measurement says of the commit that was built: a manifest.json, none, or auto, which is the build's own, else in GitHub Actions what is checked out here."`
	Target   string `placeholder:"NAME" help:"Name of the build in the manifest that auto makes."`

	// What the App asks of the process that measures for it.
	Confined  bool  `hidden:"" help:"Before reading BUILD, give up all other files and TCP where the kernel can take them."`
	Imageless bool  `hidden:"" help:"Measure a build without any image by the sizes of its files."`
	Unpacked  int64 `hidden:"" placeholder:"BYTES" help:"Unpack BYTES at most."`
}

func (*measureCommand) Help() string {
	return `A measurement is small, and stands for the build in every other command. It holds
sizes, names and the references of Rust, and where Rust code has debug information
also lines of source and what is inlined. It holds no code: what --insight says of
code that could be shared takes the build itself.

Examples:

    oxidometer measure build/ -o base.oxm
    oxidometer measure kernel.tar.zst -o - | ssh host 'cat > base.oxm'

In a job of GitHub Actions, run it in the checkout that was built: the measurement then says which commit that is, so that the
App knows what to compare it with.`
}

func (c *measureCommand) Run(a *app) error {
	if c.Output == "-" && term.IsTerminal(int(a.stdout.Fd())) {
		return errors.New("standard output: is a terminal, and a measurement is binary; write it to a file with -o FILE")
	}
	if c.Target != "" && c.Manifest != autoManifest {
		return fmt.Errorf("--target %s: only the manifest that --manifest auto makes takes it; leave the flag out, or give no --manifest", c.Target)
	}
	if c.Confined {
		if err := intake.Confine(c.Build, c.Output); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	out, err := a.create(c.Output, c.Build)
	if err != nil {
		return err
	}
	manifest, err := c.readManifest()
	if err != nil {
		return err
	}
	limits := source.DefaultLimits()
	limits.Imageless = c.Imageless
	if c.Unpacked > 0 {
		limits.TotalBytes, limits.FileBytes = min(limits.TotalBytes, c.Unpacked), min(limits.FileBytes, c.Unpacked)
	}
	measured, err := a.measureWith(sizediff.MeasureOptions{Portable: true, Imageless: c.Imageless, Examine: insight.Examine}, limits, c.Build)
	if err != nil {
		return err
	}
	if err := c.chooseManifest(measured[0], manifest); err != nil {
		return err
	}
	if err := sizediff.WriteMeasurement(out, measured[0]); err != nil {
		return err
	}
	return out.commit()
}
