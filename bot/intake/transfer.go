package intake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxRedirects   = 3
	maxHostChanges = 1
)

// errStalled ends an attempt that brings nothing.
var errStalled = errors.New("nothing came for too long")

// try asks for what is missing and receives as much of it as comes.
func (d *download) try(ctx context.Context) error {
	fresh := d.url == nil
	if fresh {
		text, err := d.link(ctx)
		if err != nil {
			return err
		}
		if d.url, err = url.Parse(text); err != nil { // its text would hold the link
			return permanent("GitHub gives a link that cannot be read", "update this server")
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(d.in.stall, func() { cancel(errStalled) })
	defer stall.Stop()
	resp, err := d.get(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := d.accept(resp, fresh); err != nil {
		return err
	}
	return d.receive(ctx, resp, stall)
}

// get sends the request and follows redirects. Every request is made anew: none carries credentials, cookies or a referrer.
func (d *download) get(ctx context.Context) (*http.Response, error) {
	at, changes := d.url, 0
	for hops := 0; ; hops++ {
		if err := d.in.o.mayFetch(at); err != nil {
			return nil, err
		}
		resp, err := d.in.transport.RoundTrip(d.request(ctx, at))
		if err != nil {
			return nil, connectError(ctx, err)
		}
		if !isRedirect(resp.StatusCode) {
			return resp, nil
		}
		location := resp.Header.Get("Location")
		resp.Body.Close()
		next, err := at.Parse(location)
		switch {
		case err != nil || location == "":
			return nil, permanent("its host redirects to nowhere", "try again later")
		case hops == maxRedirects:
			return nil, permanent(fmt.Sprintf("its host redirects more than %d times", maxRedirects), "try again later")
		case at.Scheme == "https" && next.Scheme == "http":
			return nil, permanent("its host redirects from https to http", "artifacts are only fetched over https")
		}
		if next.Host != at.Host {
			if changes++; changes > maxHostChanges {
				return nil, permanent("it is redirected from host to host", "artifacts are only fetched from where GitHub stores them")
			}
			d.in.o.Log.WithField("from", harmless(at.Host)).WithField("to", harmless(next.Host)).Info("artifact is redirected to another host")
		}
		at = next
	}
}

func (d *download) request(ctx context.Context, u *url.URL) *http.Request {
	r := (&http.Request{
		Method: http.MethodGet, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"User-Agent":      {"oxidometer"},
			"Accept":          {"*/*"},
			"Accept-Encoding": {"identity"},
		},
	}).WithContext(ctx)
	if d.got > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.got))
		if d.etag != "" {
			r.Header.Set("If-Range", d.etag)
		}
	}
	return r
}

func isRedirect(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

func connectError(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	if errors.Is(err, errAddress) {
		return &FetchError{
			Problem: "its host has an address that is not public",
			Remedy:  "allow private addresses in the settings if GitHub's storage is in this network", Err: errAddress,
		}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &FetchError{Problem: "its host shows a certificate that is not trusted", Remedy: "check this machine's certificates and clock", Err: err}
	}
	return temporary("its host does not answer", err)
}

// accept decides by status and header whether the body is what is missing.
func (d *download) accept(resp *http.Response, fresh bool) error {
	switch status := resp.StatusCode; {
	case status == http.StatusOK:
		if d.got > 0 { // the range was ignored, or the file is another one now
			if err := d.reset(); err != nil {
				return err
			}
		}
	case status == http.StatusPartialContent, status == http.StatusRequestedRangeNotSatisfiable:
		if d.got == 0 || !d.continues(resp) {
			if err := d.reset(); err != nil {
				return err
			}
			return temporary("its host sends another part than was asked for", nil)
		}
		d.resumed = true
	case status == 401, status == 403, status == 404, status == 410:
		return d.expired(status, fresh)
	case status == 408, status == 429, status >= 500:
		e := temporary(fmt.Sprintf("its host answers %d", status), nil)
		e.RetryAfter = retryAfter(resp.Header)
		return e
	default:
		return permanent(fmt.Sprintf("its host answers %d", status), "try again later")
	}
	d.refused = 0
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return permanent("its host sends it with an encoding that was not asked for", "try again later")
	}
	return d.fits(resp)
}

// continues reports whether a 206 goes on exactly where we are, to the end of a file of the size we know.
func (d *download) continues(resp *http.Response) bool {
	text, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	part, total, ok2 := strings.Cut(text, "/")
	first, last, ok3 := strings.Cut(part, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	all, err3 := strconv.ParseInt(total, 10, 64)
	switch {
	case resp.StatusCode != http.StatusPartialContent, !ok || !ok2 || !ok3, err != nil || err2 != nil || err3 != nil:
		return false
	case from != d.got, to != all-1, d.size >= 0 && all != d.size:
		return false
	case resp.ContentLength >= 0 && resp.ContentLength != all-d.got:
		return false
	}
	d.size = all
	return true
}

// fits compares the announced length with what is known, and remembers it.
func (d *download) fits(resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		d.etag = ""
		if tag := resp.Header.Get("ETag"); strings.HasPrefix(tag, `"`) && len(tag) < 200 {
			d.etag = tag
		}
		if n := resp.ContentLength; n >= 0 {
			if d.recorded() >= 0 && n != d.want.Size {
				return permanent(fmt.Sprintf("its host sends %d bytes, but GitHub recorded %d", n, d.want.Size), "run the workflow again")
			}
			d.size = n
		}
	}
	if d.size > d.most() {
		return d.tooLarge()
	}
	return nil
}

// expired is for links that the host refuses. They are short-lived, so a new one is worth asking for, but not for ever.
func (d *download) expired(status int, fresh bool) error {
	d.url = nil
	if fresh {
		d.refused++
	}
	switch {
	case d.refused < 3:
		return temporary(fmt.Sprintf("its host refuses the link with %d", status), nil)
	case status == 404 || status == 410:
		return permanent("it is no longer stored", "run the workflow again")
	}
	return permanent(fmt.Sprintf("its host refuses new links with %d", status), "check this machine's clock, and run the workflow again")
}

func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 16); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(t), 0), 24*time.Hour)
	}
	return 0
}

// receive appends the body. What came before a cut is kept if a later part can be told to belong to it.
func (d *download) receive(ctx context.Context, resp *http.Response, stall *time.Timer) error {
	most := d.most()
	if d.size >= 0 {
		most = d.size
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			stall.Reset(d.in.stall)
			d.received += int64(n)
			if d.got+int64(n) > most {
				return d.tooMuch()
			}
			if _, err := d.file.Write(buf[:n]); err != nil {
				return d.diskError(err)
			}
			d.sum.Write(buf[:n])
			d.got += int64(n)
		}
		switch {
		case err != nil && d.got == d.size, err == io.EOF && d.size < 0:
			return nil
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
		case err == nil:
			continue
		case errors.Is(context.Cause(ctx), errStalled):
			err = errStalled
		}
		return d.cut(err)
	}
}

func (d *download) tooMuch() error {
	if d.size >= 0 {
		return permanent(fmt.Sprintf("its host sends more than the %d bytes it announced", d.size), "run the workflow again")
	}
	return d.tooLarge()
}

// cut is for a transfer that ended too early.
func (d *download) cut(cause error) error {
	if d.etag == "" && d.want.Digest == "" {
		if err := d.reset(); err != nil {
			return err
		}
	}
	return temporary("its transfer was cut", cause)
}
