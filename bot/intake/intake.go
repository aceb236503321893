// Package intake takes in what strangers built: it downloads artifacts and has them measured, so that nothing an artifact
// or a storage host does can hurt the server.
//
// Fetch downloads without credentials, from public hosts only, into a file that nothing outside chose the name of. Measure
// hands that file to a child process, which is this program's own measure command with limits on memory, CPU, time and
// files, without environment and, where the system permits, without network. A second child with less memory then
// reads what the first one wrote and writes it again, so the server never holds a measurement that it could not afford to
// read. The server itself looks into neither.
//
// # How a child is confined
//
// The parent sets the limits with prlimit(2) as soon as the child is started. They hold whatever the child does, need no
// cooperation, no helper program and no privilege. The child runs without them for the time between its start and the call,
// some microseconds in which it starts up and reads nothing from outside; a limit that it had passed by then would hold for
// all that follows. Memory is limited three times: GOMEMLIMIT makes the collector work, the watchdog ends the child when
// its resident memory reaches the limit, and RLIMIT_DATA, somewhat above, cannot be outrun. RLIMIT_AS is only a far bound: a
// Go program reserves more than 1 GiB of addresses before it does anything.
//
// The child has its own process group, and dies with the server. Where user namespaces are permitted it also has its own
// users, network, IPC and processes. Where they are not, which is logged once, it could reach the network; it has nothing to send.
//
// Before it reads the artifact, the measure command also confines itself (see Confine): it keeps that one file and its directory,
// and cannot reach the server's key or database, run programs or connect. That needs Landlock, Linux 5.13 or later, and a
// program without cgo; elsewhere it goes without. Sockets in the file system and UDP are not covered.
//
// On systems other than Linux only time and output are limited. That is enough to try things out, not for strangers' builds.
package intake

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// Options configure an Intake. The zero value of a limit is its default.
type Options struct {
	Dir  string // where artifacts lie while they are looked at; "" is os.TempDir
	Self string // the program that has the measure command; "" is the running one

	MaxArtifact   int64         // bytes of an artifact, compressed; 2 GiB
	FetchTime     time.Duration // one artifact's download with all its retries; 20 minutes
	AllowLoopback bool          // plain http to this machine, for tests and demo
	AllowPrivate  bool          // https to private addresses, for a GitHub Enterprise Server in one's own network
	Hosts         []string      // hosts to download from, "*.example.com" for those below; none: every public one

	// Transport replaces the client's connections, for a proxy say. Whoever sets it answers for what it connects to.
	Transport http.RoundTripper

	MemoryLimit int64         // bytes of memory of a child; 1 GiB, and 256 MiB at least
	ReadMemory  int64         // bytes of memory that reading a measurement may take; 384 MiB, enough for a distribution's kernel and modules
	FileLimit   int64         // bytes of each file that a child writes; 4 GiB
	CPUTime     time.Duration // of a child; 2 minutes
	WallTime    time.Duration // of a child; 5 minutes
	Parallel    int           // children at a time, further ones wait; 2

	Log     logrus.FieldLogger // nil is silent
	Observe func(Observation)  // for metrics; nil is none
}

// Observation is what one Fetch or Measure did.
type Observation struct {
	Op       string // fetch | measure
	Outcome  string // ok | temporary | permanent | not_measured | canceled | error
	Bytes    int64  // received, or of the measurement
	Duration time.Duration
	Memory   int64 // most resident memory of the children, in bytes, as far as it was seen; 0 for fetch
}

// Intake downloads and measures artifacts. It is safe for concurrent use.
type Intake struct {
	o         Options
	transport http.RoundTripper
	slots     chan struct{}
	plain     atomic.Bool // namespaces are not permitted here
	attempts  int
	stall     time.Duration                   // no byte for that long is a cut
	backoff   func(attempt int) time.Duration // before the next attempt
}

// New checks the options and removes what a killed server left behind in Dir.
func New(o Options) (*Intake, error) {
	if o.Self == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("own program: cannot be found: %w; set Self", err)
		}
		o.Self = self
	}
	if o.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		o.Log = silent
	}
	if o.Observe == nil {
		o.Observe = func(Observation) {}
	}
	dir, err := filepath.Abs(cmp.Or(o.Dir, os.TempDir()))
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	o.MaxArtifact = cmp.Or(o.MaxArtifact, 2<<30)
	o.FetchTime = cmp.Or(o.FetchTime, 20*time.Minute)
	o.MemoryLimit = cmp.Or(o.MemoryLimit, 1<<30)
	o.ReadMemory = cmp.Or(o.ReadMemory, 384<<20)
	o.FileLimit = cmp.Or(o.FileLimit, 4<<30)
	o.CPUTime = cmp.Or(o.CPUTime, 2*time.Minute)
	o.WallTime = cmp.Or(o.WallTime, 5*time.Minute)
	o.Parallel = cmp.Or(o.Parallel, 2)
	if err := o.check(); err != nil {
		return nil, err
	}
	in := &Intake{
		o: o, transport: o.Transport, slots: make(chan struct{}, o.Parallel),
		attempts: 8, stall: 30 * time.Second, backoff: backoff,
	}
	if in.transport == nil {
		in.transport = newTransport(o)
	}
	keepFiles()
	if _, err := in.Sweep(); err != nil {
		return nil, err
	}
	return in, nil
}

func (o *Options) check() error {
	switch {
	case o.MaxArtifact < 0, o.FetchTime < 0, o.FileLimit < 0, o.WallTime < 0, o.Parallel < 0:
		return errors.New("limits of artifacts: negative; give positive ones, or 0 for the default")
	case o.MemoryLimit < 256<<20, o.ReadMemory < 64<<20:
		return errors.New("memory limit: below 256 MiB for measuring or 64 MiB for reading, too little for any kernel; raise it")
	case o.CPUTime < time.Second:
		return errors.New("CPU time of measuring: below a second; raise it")
	}
	return nil
}
