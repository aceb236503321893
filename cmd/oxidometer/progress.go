package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress is one line on standard error while builds are measured. It appears only on a terminal, and only when the work
// takes longer than a second.
type progress struct {
	app  *app
	stop chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	measured map[string]int // images, by build
	all      map[string]int
}

const (
	progressDelay    = time.Second
	progressInterval = 100 * time.Millisecond
	clearLine        = "\r\x1b[K"
)

func (a *app) startProgress() *progress {
	p := &progress{app: a, stop: make(chan struct{}), measured: map[string]int{}, all: map[string]int{}}
	if term.IsTerminal(int(a.stderr.Fd())) && os.Getenv("TERM") != "dumb" {
		p.done.Go(p.draw)
	}
	return p
}

// of returns the callback for one build.
func (p *progress) of(build string) func(done, total int) {
	return func(done, total int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.measured[build], p.all[build] = done, total
	}
}

// end takes the line away again.
func (p *progress) end() {
	close(p.stop)
	p.done.Wait()
}

func (p *progress) draw() {
	p.app.mu.Lock()
	wipe := p.app.undoLater(func() { fmt.Fprint(p.app.stderr, clearLine) })
	p.app.mu.Unlock()
	next := time.NewTimer(progressDelay)
	defer next.Stop()
	for drawn := false; ; drawn = true {
		select {
		case <-p.stop:
			if drawn {
				wipe()
			}
			return
		case <-next.C:
			fmt.Fprintf(p.app.stderr, "%s%s", clearLine, p.line())
			next.Reset(progressInterval)
		}
	}
}

func (p *progress) line() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	done, total := 0, 0
	for build, n := range p.all {
		done, total = done+p.measured[build], total+n
	}
	if total == 0 {
		return "measuring"
	}
	return fmt.Sprintf("measuring: %d of %d images", done, total)
}
