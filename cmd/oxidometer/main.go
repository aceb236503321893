// Command oxidometer measures kernel builds and says what changed between two of them.
//
// Exit codes: 0 done; 1 a finding at or above --fail-on, or a failed check of doctor; 2 bad usage or unreadable input. With
// 2 there is one line on standard error, and nothing was written.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unicode"

	"github.com/alecthomas/kong"

	"github.com/oxidometer/oxidometer/config"
)

type commands struct {
	Diff        diffCommand        `cmd:"" help:"Compare two builds."`
	Measure     measureCommand     `cmd:"" help:"Measure a build into a portable file."`
	Show        showCommand        `cmd:"" help:"Show one build: totals, buckets, crates, runtime inventory, largest symbols."`
	Why         whyCommand         `cmd:"" help:"Say who pulls a symbol into a build."`
	Config      configCommand      `cmd:"" help:"Work with a repository file (.github/oxidometer.yml)."`
	Calibrate   calibrateCommand   `cmd:"" help:"Hold budgets against the changes of the past, and suggest some."`
	Serve       serveCommand       `cmd:"" help:"Run the GitHub App."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a running server whether it is ready."`
	Setup       setupCommand       `cmd:"" help:"Create the GitHub App in the browser."`
	Doctor      doctorCommand      `cmd:"" help:"Check the App's settings and surroundings."`
	Demo        demoCommand        `cmd:"" help:"Show the App at work, against a GitHub of its own."`
	Completion  completionCommand  `cmd:"" help:"Print completions for a shell."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

const (
	exitFindings    = 1
	exitError       = 2
	exitInterrupted = 128 // plus the signal, as shells do
)

func main() {
	a := &app{stdout: os.Stdout, stderr: os.Stderr}
	a.handleSignals()
	os.Exit(a.run(os.Args[1:]))
}

// app is one run of the program.
type app struct {
	stdout, stderr *os.File

	mu      sync.Mutex
	cleanup []func() // what has to be undone when the program ends early
}

func (a *app) run(args []string) int {
	parser, err := newParser(a)
	if err != nil {
		panic(err) // the struct tags in this package are wrong
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return a.fail(usageError(err))
	}
	return a.fail(parsed.Run())
}

func newParser(a *app) (*kong.Kong, error) {
	return kong.New(new(commands),
		kong.Name("oxidometer"),
		kong.Description("What a patch does to the size of a kernel that has Rust in it.\n\n"+
			"A build is an ELF file, a directory, a .zip or .tar[.gz|.xz|.zst], or a measurement. "+
			"Of a kernel's build tree, vmlinux and the modules are measured; object files and earlier stages of the link are left out, "+
			"because their bytes are in vmlinux. Files that are no ELF images count by size only."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80}),
		kong.Writers(a.stdout, a.stderr),
		kong.Bind(a),
		kong.PostBuild(doctorTakesAll),
	)
}

// usageError adds which help to read.
func usageError(err error) error {
	command := "oxidometer"
	if parse, ok := errors.AsType[*kong.ParseError](err); ok && parse.Context.Command() != "" {
		if node := parse.Context.Selected(); node != nil {
			command = node.FullPath()
		}
	}
	return fmt.Errorf("%w; see %s --help", err, command)
}

// findingsError ends a comparison that --fail-on stops. It comes with output, as only checksError does besides.
type findingsError struct {
	count     int
	threshold string
}

func (e *findingsError) Error() string {
	return fmt.Sprintf("%s of severity %s or above", plural(e.count, "finding"), e.threshold)
}

// fail says what went wrong, in one line, and returns the exit code.
func (a *app) fail(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(a.stderr, "oxidometer: %s\n", oneLine(err))
	if _, ok := errors.AsType[*findingsError](err); ok {
		return exitFindings
	}
	if _, ok := errors.AsType[*checksError](err); ok {
		return exitFindings
	}
	return exitError
}

// oneLine is an error as one line that a terminal shows as it is.
func oneLine(err error) string {
	text := err.Error()
	if faults, ok := errors.AsType[config.Faults](err); ok {
		text = faults[0].Error()
		if more := len(faults) - 1; more > 0 {
			text += fmt.Sprintf(" (and %d more: oxidometer config check %s)", more, faults[0].File)
		}
	}
	var b strings.Builder
	for _, r := range strings.TrimSpace(text) {
		switch {
		case r == '\n':
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// undoLater registers what has to be undone if the program is interrupted, and returns how to undo it now. The caller holds mu.
func (a *app) undoLater(undo func()) func() {
	once := sync.OnceFunc(undo)
	a.cleanup = append(a.cleanup, once)
	return once
}

// handleSignals makes Ctrl-C leave nothing behind. A closed pipe on standard output ends the program by itself, silently.
func (a *app) handleSignals() {
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // as nohup and background jobs of a script want it
			signal.Notify(signals, s)
		}
	}
	go func() {
		s := <-signals
		a.mu.Lock() // kept: nothing new may be created
		for _, undo := range a.cleanup {
			undo()
		}
		code := exitInterrupted
		if n, ok := s.(syscall.Signal); ok {
			code += int(n)
		}
		os.Exit(code)
	}()
}

// Limits of the heap for a short run. Two distribution kernels stay below the first, and garbage is not collected before
// it; with many files more of what was measured has to be kept, and keeping the heap small would cost more time than it is
// worth.
const (
	fewFiles    = 200
	smallMemory = 85 << 20
	hugeMemory  = 64 << 20 // of smallMemory, in huge pages if there are any
	largeMemory = 1 << 30
)

// tuneMemory trades memory for time, as suits a short run over so many files. GOGC and GOMEMLIMIT win.
func tuneMemory(files int) {
	free := os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == ""
	switch {
	case free && files <= fewFiles:
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(smallMemory)
		preferHugePages(hugeMemory)
		return
	case os.Getenv("GOGC") == "":
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(largeMemory)
	}
}

// print writes to standard output.
func (a *app) print(text string) error {
	if _, err := io.WriteString(a.stdout, text); err != nil {
		return outputError("standard output", err)
	}
	return nil
}
