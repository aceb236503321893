package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"time"
)

// Want is what GitHub says about an artifact.
type Want struct {
	Size   int64  // bytes; 0 is unknown. Without a digest it is not held to be exact: older storage reports the size before packing
	Digest string // "sha256:" and 64 hexadecimal digits, or ""
	Most   int64  // bytes that the repository file permits, limits.artifact_size; 0 is the server's limit, which it can only lower
}

// Artifact is a downloaded file.
type Artifact struct {
	Path   string
	Size   int64
	Digest string // of what was received, in the form of Want.Digest
	dir    *workDir
}

// Close removes the file. It may be called again.
func (a *Artifact) Close() error { return a.dir.remove() }

// Fetch downloads what link leads to. It asks link for a new link when one has expired, and goes on where a transfer was cut
// if the host lets it. The caller closes the artifact. Errors are *FetchError, the context's cause, link's own errors as they
// are, or problems of the local disk.
func (in *Intake) Fetch(ctx context.Context, link func(context.Context) (string, error), want Want) (*Artifact, error) {
	began := time.Now()
	d := &download{in: in, link: link, want: want, size: -1, sum: sha256.New()}
	a, err := d.artifact(ctx)
	in.o.Observe(Observation{Op: "fetch", Outcome: outcome(ctx, err), Bytes: d.received, Duration: time.Since(began)})
	return a, err
}

func outcome(ctx context.Context, err error) string {
	fetch, isFetch := errors.AsType[*FetchError](err)
	_, isMeasure := errors.AsType[*NotMeasured](err)
	switch {
	case err == nil:
		return "ok"
	case ctx.Err() != nil:
		return "canceled"
	case isMeasure:
		return "not_measured"
	case isFetch && fetch.Temporary:
		return "temporary"
	case isFetch:
		return "permanent"
	}
	return "error"
}

// download is one artifact on its way in. The first got bytes of it are in file and in sum.
type download struct {
	in   *Intake
	link func(context.Context) (string, error)
	want Want
	size int64 // exact size; -1 while unknown

	file     *os.File
	sum      hash.Hash
	got      int64
	received int64 // with what had to be thrown away
	resumed  bool
	etag     string   // strong validator of the first got bytes, or ""
	url      *url.URL // nil: ask link
	refused  int      // new links in a row that the host refused
}

func (d *download) artifact(ctx context.Context) (_ *Artifact, err error) {
	if err := d.expect(); err != nil {
		return nil, err
	}
	dir, err := d.in.newDir()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			dir.remove()
		}
	}()
	path := dir.file("artifact")
	d.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer d.file.Close()
	if err := d.run(ctx); err != nil {
		return nil, err
	}
	if err := d.file.Close(); err != nil {
		return nil, d.diskError(err)
	}
	return &Artifact{Path: path, Size: d.got, Digest: d.digest(), dir: dir}, nil
}

// expect checks what GitHub says before anything is downloaded.
func (d *download) expect() error {
	if d.want.Size > d.most() {
		return d.tooLarge()
	}
	if d.want.Digest == "" {
		return nil
	}
	digits, ok := strings.CutPrefix(d.want.Digest, "sha256:")
	if sum, err := hex.DecodeString(digits); !ok || err != nil || len(sum) != sha256.Size {
		return permanent("GitHub gives a digest of an unknown kind, "+harmless(cutTo(d.want.Digest, 80)), "update this server")
	}
	d.size = d.recorded()
	return nil
}

// recorded is the exact size if GitHub recorded one, or -1.
func (d *download) recorded() int64 {
	if d.want.Digest == "" || d.want.Size <= 0 {
		return -1
	}
	return d.want.Size
}

// run tries until the artifact is there, time is up, or trying again would not help.
func (d *download) run(ctx context.Context) error {
	limit := d.in.o.FetchTime
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := d.try(timed)
		if err == nil {
			err = d.check()
		}
		fail, ok := errors.AsType[*FetchError](err)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case timed.Err() != nil:
			return temporary(fmt.Sprintf("downloading it took longer than %s", formatTime(limit)), nil)
		case !ok || !fail.Temporary || attempt >= d.in.attempts:
			return err
		}
		wait := d.in.backoff(attempt)
		if fail.RetryAfter > 30*time.Second { // rather give the worker to somebody else
			return err
		}
		d.in.o.Log.WithField("attempt", attempt).WithField("bytes", d.got).Info(fail.Error())
		select {
		case <-time.After(max(wait, fail.RetryAfter)):
		case <-timed.Done():
		}
	}
}

// backoff is half a second, doubled for each attempt up to 16, and spread.
func backoff(attempt int) time.Duration {
	d := 500 * time.Millisecond << min(attempt-1, 5)
	return d/2 + rand.N(d)
}

// check compares what was received with what GitHub recorded.
func (d *download) check() error {
	if d.want.Digest == "" || strings.EqualFold(d.digest(), d.want.Digest) {
		return nil
	}
	if d.resumed { // the parts may be of different files
		if err := d.reset(); err != nil {
			return err
		}
		return temporary("it does not have the digest that GitHub recorded", nil)
	}
	return permanent("it does not have the digest that GitHub recorded", "run the workflow again")
}

func (d *download) digest() string { return "sha256:" + hex.EncodeToString(d.sum.Sum(nil)) }

// reset throws away what was received.
func (d *download) reset() error {
	d.sum.Reset()
	d.got, d.size, d.etag, d.resumed = 0, d.recorded(), "", false
	if _, err := d.file.Seek(0, 0); err != nil {
		return d.diskError(err)
	}
	if err := d.file.Truncate(0); err != nil {
		return d.diskError(err)
	}
	return nil
}

// most is how many bytes an artifact may have.
func (d *download) most() int64 {
	if d.want.Most > 0 {
		return min(d.want.Most, d.in.o.MaxArtifact)
	}
	return d.in.o.MaxArtifact
}

func (d *download) tooLarge() *FetchError {
	e := permanent("it is larger than "+formatSize(d.most()), "upload only what was built: vmlinux, the modules and .config")
	if d.most() < d.in.o.MaxArtifact {
		e.Problem += byFile("limits.artifact_size")
	}
	return e
}

func (d *download) diskError(err error) error {
	return fmt.Errorf("artifact: cannot be stored in %s: %w; make room, or set another directory", d.in.o.Dir, err)
}
