package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/sizediff/source"
)

const maxMeasurement = 64 << 20 // bytes of what a child may hand back

// MeasureOptions are what one build may take, as the repository file wants it. It can only lower the server's limits, and the zero
// value does not.
type MeasureOptions struct {
	Unpacked  int64         // bytes of all that is unpacked: limits.unpacked_size
	Time      time.Duration // of measuring: limits.analysis_time
	Imageless bool          // a build without any ELF image is measured by the sizes of its files
}

// Measure has a build measured by a child process and returns the measurement's portable form, for sizediff.ReadMeasurement.
// It is well-formed and can be read within Options.ReadMemory. Errors are *NotMeasured, the context's cause, or problems of this machine.
func (in *Intake) Measure(ctx context.Context, path string, o MeasureOptions) ([]byte, error) {
	select {
	case in.slots <- struct{}{}:
		defer func() { <-in.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	began := time.Now()
	if o.Unpacked >= source.DefaultLimits().TotalBytes {
		o.Unpacked = 0
	}
	m := &measuring{in: in, o: o, began: began}
	blob, err := m.measure(ctx, path)
	in.o.Observe(Observation{
		Op: "measure", Outcome: outcome(ctx, err), Bytes: int64(len(blob)), Duration: time.Since(began), Memory: m.memory,
	})
	return blob, err
}

// measuring is one call of Measure.
type measuring struct {
	in     *Intake
	o      MeasureOptions
	began  time.Time
	dir    *workDir
	memory int64 // most of its children
}

func (m *measuring) measure(ctx context.Context, path string) ([]byte, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if m.dir, err = m.in.newDir(); err != nil {
		return nil, err
	}
	defer m.dir.remove()
	measured, checked := m.dir.file("measured"), m.dir.file("checked")
	if err := m.child(ctx, "measuring", path, measured, m.in.o.MemoryLimit); err != nil {
		return nil, err
	}
	// The check costs the second child what reading costs the server, or more. What it writes is its own.
	if err := m.child(ctx, "reading", measured, checked, m.in.o.ReadMemory); err != nil {
		return nil, unreadable(err)
	}
	f, _, err := open(checked)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxMeasurement))
}

// unreadable says that it was the measurement which could not be read, in place of its file's name.
func unreadable(err error) error {
	if e, ok := errors.AsType[*NotMeasured](err); ok {
		return &NotMeasured{Reason: "its measurement cannot be used: " + e.Reason, Retry: e.Retry}
	}
	return err
}

// child runs the measure command on one file and leaves a measurement in another.
func (m *measuring) child(ctx context.Context, doing, from, to string, memory int64) error {
	l := limits{doing: doing, memory: memory, file: m.in.o.FileLimit, cpu: m.in.o.CPUTime, wall: m.in.o.WallTime, output: to, outputSize: maxMeasurement}
	l.lower(m.o, time.Since(m.began))
	e, err := m.in.runChild(ctx, m.dir.path, l, append([]string{"measure", from, "-o", to, "--confined"}, m.o.flags()...)...)
	if err != nil {
		return fmt.Errorf("measuring process: cannot be run: %w; check the program and this machine's limits", err)
	}
	m.memory = max(m.memory, e.memory)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failure := e.failure(l); failure != nil {
		failure.Reason = harmless(strings.ReplaceAll(strings.ReplaceAll(failure.Reason, from+": ", ""), m.dir.path, "the server's directory"))
		m.in.o.Log.WithFields(logrus.Fields{"exit": e.state.String(), "memory": e.memory, "stderr": harmless(e.stderr)}).Info(failure.Error())
		return failure
	}
	return inspect(to)
}

// inspect looks at what a child left, as far as one can without reading it.
func inspect(path string) error {
	f, size, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	magic := make([]byte, len(source.MeasurementMagic))
	_, err = io.ReadFull(f, magic)
	switch {
	case size > maxMeasurement:
		return tooMuchOutput()
	case err != nil || !source.IsMeasurement(magic):
		return &NotMeasured{Reason: "the measuring process wrote no measurement"}
	}
	return nil
}

// open opens what a child left if it is a regular file.
func open(path string) (*os.File, int64, error) {
	none := &NotMeasured{Reason: "the measuring process wrote no measurement"}
	before, err := os.Lstat(path)
	if err != nil || !before.Mode().IsRegular() {
		return nil, 0, none
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, none
	}
	info, err := f.Stat()
	if err != nil || !os.SameFile(before, info) {
		f.Close()
		return nil, 0, none
	}
	return f, info.Size(), nil
}

func tooMuchOutput() *NotMeasured {
	return &NotMeasured{Reason: "its measurement is larger than " + formatSize(maxMeasurement)}
}

// limits of one child.
type limits struct {
	doing        string // what takes so much, for the reason
	memory, file int64
	cpu, wall    time.Duration
	output       string // this file may have outputSize bytes
	outputSize   int64
	time         time.Duration // the repository file's, if that is why wall is what it is
	unpacked     int64         // the repository file's; 0: none
}

// lower applies what the repository file asks for, when so much time is gone already.
func (l *limits) lower(o MeasureOptions, gone time.Duration) {
	if o.Time > 0 && o.Time-gone < l.wall {
		l.wall, l.time = max(o.Time-gone, time.Millisecond), o.Time
	}
	l.unpacked = o.Unpacked
}

// flags are for the child.
func (o MeasureOptions) flags() []string {
	var out []string
	if o.Unpacked > 0 {
		out = append(out, fmt.Sprintf("--unpacked=%d", o.Unpacked))
	}
	if o.Imageless {
		out = append(out, "--imageless")
	}
	return out
}

// ended is how a child ended.
type ended struct {
	state  *os.ProcessState
	killed cause // why we ended it
	stderr string
	memory int64 // most resident memory seen, in bytes
}

type cause int

const (
	byItself cause = iota
	canceled
	overMemory
	overTime
	overOutput
)

// failure says why there is no measurement, or nil.
func (e ended) failure(l limits) *NotMeasured {
	memory := &NotMeasured{Reason: l.doing + " it takes more than " + formatSize(l.memory) + " of memory"}
	cpu := &NotMeasured{Reason: l.doing + " it takes more than " + formatTime(l.cpu) + " of processor time"}
	file := &NotMeasured{Reason: "it unpacks to a file larger than " + formatSize(l.file)}
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(e.stderr, w) {
				return true
			}
		}
		return false
	}
	line, one := strings.CutPrefix(strings.TrimSpace(e.stderr), "oxidometer: ")
	used := e.state.UserTime() + e.state.SystemTime()
	switch {
	case e.killed == overMemory:
		return memory
	case e.killed == overTime && l.time > 0:
		return &NotMeasured{Reason: "measuring it takes longer than " + formatTime(l.time) + byFile("limits.analysis_time")}
	case e.killed == overTime:
		return &NotMeasured{Reason: l.doing + " it takes longer than " + formatTime(l.wall)}
	case e.killed == overOutput:
		return tooMuchOutput()
	case e.state.Success():
		return nil
	case used >= l.cpu:
		return cpu
	case says("SIGXFSZ", "file too large"), e.signal("file size limit exceeded"):
		return file
	case one && says("no space left on device", "quota exceeded"):
		return &NotMeasured{Reason: line, Retry: true}
	case one && l.unpacked > 0 && strings.Contains(line, "unpacks to more than ") && !strings.Contains(line, "times its size"):
		return &NotMeasured{Reason: "it unpacks to more than " + formatSize(l.unpacked) + byFile("limits.unpacked_size")}
	case one && !strings.Contains(line, "\n"):
		return &NotMeasured{Reason: line}
	case says("out of memory", "cannot allocate memory", "errno=12", "failed to reserve"):
		return memory
	case e.signal("killed"):
		return &NotMeasured{Reason: "the measuring process was killed, perhaps because this machine has too little memory", Retry: true}
	}
	return &NotMeasured{Reason: "the measuring process ended unexpectedly (" + e.state.String() + ")"}
}

// signal reports whether a signal of that name ended the child.
func (e ended) signal(name string) bool {
	return strings.HasPrefix(e.state.String(), "signal: "+name)
}

// head keeps the beginning of what is written to it.
type head struct {
	b    strings.Builder
	most int
}

func (h *head) Write(p []byte) (int, error) {
	h.b.Write(p[:min(len(p), h.most-h.b.Len())])
	return len(p), nil
}
