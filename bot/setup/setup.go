// Package setup creates the GitHub App in the browser, by GitHub's manifest flow, and stores its credentials.
//
// A page on this machine posts the manifest to GitHub; GitHub creates the App and sends the browser back with a code, which
// is exchanged once for the App's id, private key and webhook secret. They go into files that only their owner can read,
// and nowhere else: no page and no message shows them.
package setup

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh"
)

// Life is how long Run waits for the browser. GitHub's codes live as long.
const Life = time.Hour

// Options of Run. PublicURL, Dir and Out are required.
type Options struct {
	GitHubURL    string // "" is github.com; otherwise a GitHub Enterprise Server, by its web or its API address
	Organization string // that owns the App; "" is whoever is signed in
	Name         string // of the App, "" for a proposal; it can be changed on GitHub's page
	PublicURL    string // where GitHub reaches the server that will run
	Extras       []gh.Extra

	Dir   string // for the files; made with mode 0700
	Force bool   // replace files of an earlier run
	Port  int    // of the page; 0 is any free one

	Out    io.Writer     // what people have to know, in lines
	Client *http.Client  // for GitHub's API; nil is a new one
	Life   time.Duration // 0 is Life
}

// Result is what there is at the end.
type Result struct {
	Name       string
	Slug       string
	AppID      int64
	InstallURL string // where the App is installed on repositories
	Settings   string // the file for `serve --config`
}

// flow is one run.
type flow struct {
	o     Options
	site  site
	files *files
	state string
	host  string // of the page, with the port

	turn chan struct{} // holds one token: codes are exchanged one at a time
	done chan outcome
}

type outcome struct {
	result Result
	err    error
}

// Run serves the page on loopback until the App exists and is stored, ctx ends, or the time is over.
func Run(ctx context.Context, o Options) (Result, error) {
	f, listener, err := prepare(o)
	if err != nil {
		return Result{}, err
	}
	defer f.files.discard()
	server := &http.Server{Handler: f.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute}
	go server.Serve(listener)
	fmt.Fprintf(o.Out, "Open this page in a browser that is signed in to %s:\n\n    http://%s/\n\n", f.site.web.Host, f.host)

	timeout := time.NewTimer(f.o.Life)
	defer timeout.Stop()
	var end outcome
	select {
	case end = <-f.done:
	case <-ctx.Done():
		end.err = errors.New("setup: stopped before GitHub handed over an App; nothing was stored, run it again when you are ready")
	case <-timeout.C:
		end.err = fmt.Errorf("setup: nobody came back from GitHub within %s; run it again, and delete the App on GitHub if it was created", span(f.o.Life))
	}
	stop, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	server.Shutdown(stop) // the last page still has to be sent
	return end.result, end.err
}

// prepare checks everything that can be checked before GitHub creates anything.
func prepare(o Options) (*flow, net.Listener, error) {
	site, err := parseSite(o.GitHubURL)
	if err != nil {
		return nil, nil, err
	}
	if o.PublicURL, err = parsePublic(o.PublicURL, site); err != nil {
		return nil, nil, err
	}
	if o.Organization != "" && !login().MatchString(o.Organization) {
		return nil, nil, fmt.Errorf("--organization %q: is no name that GitHub allows; give it as in %s/ORGANIZATION", o.Organization, site.web)
	}
	if o.Name == "" {
		o.Name = strings.TrimRight(cut("oxidometer-"+o.Organization, maxName), "-")
	}
	if len(o.Name) > maxName {
		return nil, nil, fmt.Errorf("--name %q: has %d characters; GitHub takes %d at most", o.Name, len(o.Name), maxName)
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if o.Life == 0 {
		o.Life = Life
	}
	files, err := prepareFiles(o.Dir, o.Force)
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("--port %d: is in use by another program; choose another port, or 0 for any that is free", o.Port)
	} else if err != nil {
		err = fmt.Errorf("--port %d: cannot be listened on: %w; choose another port, or 0 for any that is free", o.Port, err)
	}
	if err != nil {
		files.discard()
		return nil, nil, err
	}
	f := &flow{o: o, site: site, files: files, host: listener.Addr().String(), state: randomState(), turn: make(chan struct{}, 1), done: make(chan outcome, 1)}
	f.turn <- struct{}{}
	return f, listener, nil
}

func randomState() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// cut is the first n bytes of s.
func cut(s string, n int) string { return s[:min(n, len(s))] }

// span writes 1h0m0s as people do.
func span(d time.Duration) string {
	if d == time.Hour {
		return "an hour"
	}
	return d.String()
}
