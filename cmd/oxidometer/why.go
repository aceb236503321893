package main

import (
	"math"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/render"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

type whyCommand struct {
	Build  string `arg:"" help:"Build to look into."`
	Symbol string `arg:"" help:"Symbol, mangled or demangled, or a part of its name that no other has."`

	Format string `short:"f" enum:"text,json" default:"text" help:"Form of the answer: text or json."`
	Output string `short:"o" placeholder:"FILE" help:"Write to FILE; - is standard output."`
	Top    top    `placeholder:"N" help:"Chains, callers and callees, or all (default: 10)."`
}

func (*whyCommand) Help() string {
	return `Shows the shortest chains of references that lead to the symbol from an entry
point, from C or from a module; what would go if the symbol went; who refers to
it, and what it refers to.

Examples:

    oxidometer why build/ core::fmt::write
    oxidometer why kernel.zip rust_minimal.ko:init_module --format json
    oxidometer why vmlinux vmlinux:.rodata+0x120

Relocations make references exact: those of modules, of objects, and of a
vmlinux linked with --emit-relocs. Otherwise code is decoded. Of a measurement
only the references of Rust are known. Where Rust code has debug information,
references have file and line.`
}

// defaultLinks is how many chains, callers and callees are listed without --top, and maxChains how many chains ever.
const (
	defaultLinks = 10
	maxChains    = 1000
)

func (c *whyCommand) Run(a *app) error {
	out, err := a.create(c.Output, c.Build)
	if err != nil {
		return err
	}
	g, err := a.graph(c.Build)
	if err != nil {
		return err
	}
	rows := int(c.Top)
	switch {
	case rows == 0:
		rows = defaultLinks
	case rows < 0:
		rows = math.MaxInt
	}
	answer, err := g.Why(c.Build, c.Symbol, min(rows, maxChains))
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = render.WhyJSON(out, answer)
	} else {
		err = render.Why(out, answer, render.Options{Top: rows})
	}
	if err != nil {
		return err
	}
	return out.commit()
}

// graph measures a build and reads who refers to what in it.
func (a *app) graph(name string) (*insight.Graph, error) {
	b, err := source.Open(name, source.DefaultLimits())
	if err != nil {
		return nil, err
	}
	defer b.Close()
	tuneMemory(len(b.Files))
	p := a.startProgress()
	defer p.end()
	m, err := sizediff.Measure(b, sizediff.MeasureOptions{Examine: insight.ExamineAll, Progress: p.of(name)})
	if err != nil {
		return nil, err
	}
	return insight.NewGraph(m)
}
