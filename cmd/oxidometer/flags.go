package main

import (
	"errors"
	"os"
	"strconv"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// reportFlags are shared by the commands that write a report.
type reportFlags struct {
	Format string `short:"f" enum:"text,markdown,json,html" default:"text" help:"Form of the report: text, markdown, json or html."`
	Output string `short:"o" placeholder:"FILE" help:"Write to FILE; - is standard output."`
	Top    top    `placeholder:"N" help:"Rows of symbols, or all (the default depends on the format)."`
	Config string `short:"c" placeholder:"FILE" help:"Repository file with buckets and budgets."`
	Color  string `enum:"auto,always,never" default:"auto" help:"Colour in text: auto, always or never. auto is a terminal without NO_COLOR."`
}

// insightFlag asks for more than sizes.
type insightFlag struct {
	Insight insightScope `help:"Add what explains the size: who refers to what, panic call sites, copies, exports, generic code, full cost, inlined code, code to share; of C code too with --insight=all."`
}

// code reads the code of images while they are measured; nil when nobody asks.
func (f insightFlag) code() *insight.CodeReader {
	switch f.Insight {
	case "":
		return nil
	case "all":
		return insight.NewCodeReader(insight.WholeImage)
	}
	return insight.NewCodeReader(insight.RustCode)
}

// examine reads code and references of images while they are measured; code may be nil.
func (insightFlag) examine(code *insight.CodeReader) sizediff.Examiner {
	if code == nil {
		return nil
	}
	return sizediff.Examiners(insight.Examine, code.Examine)
}

// insightScope is whose code is compared: "" none, "rust", "all". On the command line it is a flag that may have a value.
type insightScope string

// IsBool says that the flag needs no value.
func (s *insightScope) IsBool() bool { return true }

// Decode takes a value that is given with =.
func (s *insightScope) Decode(ctx *kong.DecodeContext) error {
	*s = "rust"
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	switch text := ctx.Scan.Pop().String(); text {
	case "rust", "all":
		*s = insightScope(text)
		return nil
	}
	return errors.New("write --insight=rust, which is --insight, or --insight=all")
}

// top is a number of rows; 0 is the format's default, negative is all.
type top int

// Decode takes -1 for a value as well, so that it is told what to write.
func (t *top) Decode(ctx *kong.DecodeContext) error {
	text := ctx.Scan.Pop().String()
	if text == "all" {
		*t = -1
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("write a number of 1 or more, or all")
	}
	*t = top(n)
	return nil
}

func (f *reportFlags) text(a *app) render.Options {
	return render.Options{Top: int(f.Top), Color: f.colored(a)}
}

// colored follows no-color.org.
func (f *reportFlags) colored(a *app) bool {
	if f.Color != "auto" {
		return f.Color == "always"
	}
	toStdout := f.Output == "" || f.Output == "-"
	return toStdout && term.IsTerminal(int(a.stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
