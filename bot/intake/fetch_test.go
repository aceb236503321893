package intake

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

// testIntake returns an intake that waits for nothing, and its log. At the end its directory has to be empty.
func testIntake(t *testing.T, change func(*Options)) (*Intake, *bytes.Buffer) {
	t.Helper()
	var log lockedBuffer
	logger := logrus.New()
	logger.SetOutput(&log)
	o := Options{Dir: t.TempDir(), MaxArtifact: 1 << 20, AllowLoopback: true, Log: logger}
	if change != nil {
		change(&o)
	}
	in, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	in.backoff = func(int) time.Duration { return 0 }
	in.stall = 5 * time.Second
	t.Cleanup(func() { isEmpty(t, o.Dir) })
	return in, &log.Buffer
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func isEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left behind: %s", e.Name())
	}
}

const signature = "sig=SeCrEt%2Fvalue"

// storage is a host of artifacts. Requests are numbered from 1. Credentials in a request fail the test.
type storage struct {
	t     *testing.T
	serve func(w http.ResponseWriter, r *http.Request, n int)
	mu    sync.Mutex
	n     int
	links int
	asked []string // the Range of each request
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, h := range []string{"Authorization", "Cookie", "Referer", "Proxy-Authorization"} {
		if r.Header.Get(h) != "" {
			s.t.Errorf("%s was sent: %s", h, r.Header.Get(h))
		}
	}
	if got := r.Header.Get("Accept-Encoding"); got != "identity" {
		s.t.Errorf("Accept-Encoding: %q", got)
	}
	s.mu.Lock()
	s.n++
	n := s.n
	s.asked = append(s.asked, r.Header.Get("Range"))
	s.mu.Unlock()
	s.serve(w, r, n)
}

// start returns what asks for a link to the storage.
func (s *storage) start() func(context.Context) (string, error) {
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	return func(context.Context) (string, error) {
		s.links++
		return fmt.Sprintf("%s/artifact.zip?%s&link=%d", server.URL, signature, s.links), nil
	}
}

var content = func() []byte {
	b := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}()

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

var (
	plain = Want{Size: int64(len(content))}
	exact = Want{Size: int64(len(content)), Digest: digestOf(content)}
)

// send serves the content as a proper host does, with ranges.
func send(w http.ResponseWriter, r *http.Request, tag string) {
	if tag != "" {
		w.Header().Set("ETag", tag)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// cutAfter announces everything that is missing and sends only so much of it.
func cutAfter(w http.ResponseWriter, r *http.Request, tag string, n int) {
	send(&cutter{ResponseWriter: w, left: n}, r, tag)
	panic(http.ErrAbortHandler)
}

type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) > c.left {
		p = p[:c.left]
		c.ResponseWriter.Write(p)
		c.ResponseWriter.(http.Flusher).Flush()
		return 0, io.ErrShortWrite
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

func status(w http.ResponseWriter, code int, header ...string) {
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(code)
}

const tag = `"v1"`

func TestFetch(t *testing.T) {
	always := func(code int, header ...string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, _ int) { status(w, code, header...) }
	}
	for _, c := range []struct {
		name   string
		want   Want
		serve  func(w http.ResponseWriter, r *http.Request, n int)
		ranges string // sent, in order
		links  int    // asked for; 0 stands for 1
		fails  string // in the error's text; "" is success
		later  bool   // it is temporary
	}{
		{name: "good", want: exact, serve: func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, tag) }},
		{name: "nothing known", serve: func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, "") }},
		{name: "chunked", want: exact, serve: func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Write(content[:100])
			w.(http.Flusher).Flush()
			w.Write(content[100:])
		}},
		{name: "cut, resumed by etag", want: plain, ranges: "|bytes=1000-|bytes=3000-", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n > 1 && r.Header.Get("If-Range") != tag {
				panic("no If-Range")
			}
			if n < 3 {
				cutAfter(w, r, tag, 1000*n)
			}
			send(w, r, tag)
		}},
		{name: "cut, resumed because of the digest", want: exact, ranges: "|bytes=1000-", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cutAfter(w, r, "", 1000)
			}
			send(w, r, "")
		}},
		{name: "cut, nothing tells that a part belongs", want: plain, ranges: "|", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cutAfter(w, r, "", 1000)
			}
			send(w, r, "")
		}},
		{name: "cut, weak etag", want: plain, ranges: "|", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cutAfter(w, r, `W/"v1"`, 1000)
			}
			send(w, r, `W/"v1"`)
		}},
		{name: "cut, then another file", want: plain, ranges: "|bytes=1000-", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cutAfter(w, r, `"old"`, 1000)
			}
			send(w, r, `"new"`)
		}},
		{name: "cut, then the range is ignored", want: exact, ranges: "|bytes=1000-", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cutAfter(w, r, tag, 1000)
			}
			r.Header.Del("Range")
			send(w, r, tag)
		}},
		{name: "cut, then a wrong range", want: exact, ranges: "|bytes=1000-|", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			switch n {
			case 1:
				cutAfter(w, r, tag, 1000)
			case 2:
				status(w, 206, "Content-Range", fmt.Sprintf("bytes 999-%d/%d", len(content)-1, len(content)))
			default:
				send(w, r, tag)
			}
		}},
		{name: "cut, then another total", want: plain, ranges: "|bytes=1000-|", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			switch n {
			case 1:
				cutAfter(w, r, tag, 1000)
			case 2:
				status(w, 206, "Content-Range", "bytes 1000-1999/2000")
			default:
				send(w, r, tag)
			}
		}},
		{name: "cut, then 416", want: exact, ranges: "|bytes=1000-|", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			switch n {
			case 1:
				cutAfter(w, r, tag, 1000)
			case 2:
				status(w, 416)
			default:
				send(w, r, tag)
			}
		}},
		{name: "cut, then other bytes of the right length", want: exact, ranges: "|bytes=1000-|", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			switch n {
			case 1:
				cutAfter(w, r, "", 1000)
			case 2:
				status(w, 206, "Content-Range", fmt.Sprintf("bytes 1000-%d/%d", len(content)-1, len(content)))
				w.Write(make([]byte, len(content)-1000))
			default:
				send(w, r, "")
			}
		}},
		{name: "cut, and the link expired", want: exact, ranges: "|bytes=1000-|bytes=1000-", links: 2, serve: func(w http.ResponseWriter, r *http.Request, n int) {
			switch {
			case n == 1:
				cutAfter(w, r, tag, 1000)
			case r.URL.Query().Get("link") == "1":
				status(w, 403)
			default:
				send(w, r, tag)
			}
		}},
		{name: "always cut", want: exact, fails: "transfer was cut", later: true, ranges: "|bytes=1-|bytes=2-|bytes=3-|bytes=4-|bytes=5-|bytes=6-|bytes=7-",
			serve: func(w http.ResponseWriter, r *http.Request, _ int) { cutAfter(w, r, tag, 1) }},
		{name: "206 without a range", want: exact, fails: "another part", later: true, ranges: "|||||||", serve: always(206, "Content-Range", "bytes 0-9/10")},
		{name: "403, then ok", want: exact, links: 2, ranges: "|", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				status(w, 403)
				return
			}
			send(w, r, tag)
		}},
		{name: "403 for ever", want: exact, links: 3, ranges: "||", fails: "refuses new links with 403", serve: always(403)},
		{name: "404 for ever", want: exact, links: 3, ranges: "||", fails: "no longer stored", serve: always(404)},
		{name: "410 for ever", want: exact, links: 3, ranges: "||", fails: "no longer stored", serve: always(410)},
		{name: "400", want: exact, fails: "answers 400", serve: always(400)},
		{name: "204", want: exact, fails: "answers 204", serve: always(204)},
		{name: "503, then ok", want: exact, ranges: "|", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				status(w, 503)
				return
			}
			send(w, r, tag)
		}},
		{name: "503 for ever", want: exact, ranges: "|||||||", fails: "answers 503", later: true, serve: always(503)},
		{name: "429, to come back in an hour", want: exact, fails: "answers 429", later: true, serve: always(429, "Retry-After", "3600")},
		{name: "wrong digest", want: Want{Size: plain.Size, Digest: digestOf(nil)}, fails: "digest", serve: func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, tag) }},
		{name: "announced longer than recorded", want: exact, fails: "GitHub recorded 300000", serve: func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)+1))
			w.Write(content)
		}},
		{name: "longer than recorded, unannounced", want: exact, fails: "more than the 300000 bytes", serve: func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Write(content)
			w.(http.Flusher).Flush()
			w.Write(content)
		}},
		{name: "shorter than recorded, unannounced", want: Want{Size: plain.Size + 1, Digest: exact.Digest}, fails: "transfer was cut", later: true,
			ranges: strings.Repeat("|bytes=300000-", 7), serve: func(w http.ResponseWriter, r *http.Request, _ int) {
				w.Write(content[:100])
				w.(http.Flusher).Flush()
				w.Write(content[100:])
			}},
		{name: "another size, but no digest", want: Want{Size: 17}, serve: func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, tag) }},
		{name: "recorded too large", want: Want{Size: 1<<20 + 1}, fails: "larger than 1 MiB", ranges: "none"},
		{name: "announced too large", fails: "larger than 1 MiB", serve: func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Length", "1048577")
			w.Write(content)
		}},
		{name: "never ends", fails: "larger than 1 MiB", serve: func(w http.ResponseWriter, r *http.Request, _ int) {
			for {
				if _, err := w.Write(content); err != nil {
					return
				}
			}
		}},
		{name: "gzip", fails: "encoding", serve: func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(content)
			z.Close()
		}},
		{name: "huge header", ranges: "|||||||", fails: "does not answer", later: true, serve: always(200, "X-Large", strings.Repeat("x", 1<<20))},
		{name: "redirect loop", fails: "more than 3 times", ranges: "|||", serve: always(302, "Location", "/again?"+signature)},
		{name: "three redirects", want: exact, ranges: "|||", serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n <= 3 {
				status(w, []int{0, 301, 303, 307}[n], "Location", fmt.Sprintf("/%d?%s", n, signature))
				return
			}
			send(w, r, tag)
		}},
		{name: "redirect without a target", fails: "to nowhere", serve: always(302)},
		{name: "redirect that cannot be read", fails: "to nowhere", serve: always(302, "Location", "http://[::1?"+signature)},
		{name: "redirect to a file", fails: "leads to file, which is not https", serve: always(302, "Location", "file:///etc/passwd?"+signature)},
		{name: "redirect to http", fails: "leads to http, which is not https", serve: always(302, "Location", "http://example.com/?"+signature)},
		{name: "redirect to gopher", fails: "leads to gopher", serve: always(302, "Location", "gopher://127.0.0.1/?"+signature)},
		{name: "redirect to a user", fails: "user's name", serve: always(302, "Location", "https://user:pass@127.0.0.1/?"+signature)},
		{name: "redirect to the cloud's metadata", fails: "not public", serve: always(302, "Location", "https://169.254.169.254/latest?"+signature)},
		{name: "redirect to a private address", fails: "not public", serve: always(302, "Location", "https://10.0.0.1/?"+signature)},
		{name: "redirect to a private address, disguised", fails: "not public", serve: always(302, "Location", "https://[::ffff:192.168.1.1]/?"+signature)},
		{name: "unknown kind of digest", want: Want{Digest: "md5:00"}, fails: "unknown kind", ranges: "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &storage{t: t, serve: c.serve}
			var seen []Observation
			in, log := testIntake(t, func(o *Options) { o.Observe = func(ob Observation) { seen = append(seen, ob) } })
			a, err := in.Fetch(t.Context(), s.start(), c.want)
			checkFetched(t, a, err, c.fails, c.later)
			if strings.Contains(log.String(), "SeCrEt") {
				t.Errorf("a signature in the log:\n%s", log)
			}
			if got := strings.Join(s.asked, "|"); got != strings.TrimSuffix(c.ranges, "none") {
				t.Errorf("ranges %q, want %q", got, c.ranges)
			}
			if want := max(c.links, 1); s.links != want && c.ranges != "none" {
				t.Errorf("%d links asked for, want %d", s.links, want)
			}
			if len(seen) != 1 || seen[0].Op != "fetch" || (seen[0].Outcome == "ok") != (c.fails == "") {
				t.Errorf("observed %+v", seen)
			}
		})
	}
}

// checkFetched checks the outcome of a fetch of content, and closes it.
func checkFetched(t *testing.T, a *Artifact, err error, fails string, later bool) {
	t.Helper()
	if fails != "" {
		e, ok := errors.AsType[*FetchError](err)
		switch {
		case !ok:
			t.Fatalf("%T %v, want a FetchError about %q", err, err, fails)
		case !strings.Contains(err.Error(), fails) || strings.Contains(err.Error(), "SeCrEt"):
			t.Errorf("%q, want it to be about %q", err, fails)
		case e.Temporary != later:
			t.Errorf("%q: temporary %t", err, e.Temporary)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(a.Path)
	if err != nil || !bytes.Equal(data, content) || a.Size != int64(len(content)) || a.Digest != digestOf(content) {
		t.Errorf("%d bytes, %+v, %v", len(data), a, err)
	}
	info, err := os.Stat(a.dir.path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	if err := errors.Join(a.Close(), a.Close()); err != nil {
		t.Error(err)
	}
}

func TestFetchSlow(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		for i := range content {
			if _, err := w.Write(content[i : i+1]); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
	t.Run("drip", func(t *testing.T) {
		in, _ := testIntake(t, func(o *Options) { o.FetchTime = 200 * time.Millisecond })
		a, err := in.Fetch(t.Context(), (&storage{t: t, serve: drip}).start(), exact)
		checkFetched(t, a, err, "longer than 200ms", true)
	})
	t.Run("silence after a part", func(t *testing.T) {
		in, _ := testIntake(t, nil)
		in.stall = 50 * time.Millisecond
		s := &storage{t: t, serve: func(w http.ResponseWriter, r *http.Request, n int) {
			if n > 1 {
				send(w, r, tag)
				return
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			w.Write(content[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}}
		a, err := in.Fetch(t.Context(), s.start(), exact)
		checkFetched(t, a, err, "", false)
	})
	t.Run("silence", func(t *testing.T) {
		in, _ := testIntake(t, nil)
		in.stall, in.attempts = 50*time.Millisecond, 2
		s := &storage{t: t, serve: func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }}
		a, err := in.Fetch(t.Context(), s.start(), exact)
		checkFetched(t, a, err, "nothing came for too long", true)
	})
	t.Run("canceled", func(t *testing.T) {
		in, _ := testIntake(t, nil)
		why := errors.New("newer head")
		ctx, cancel := context.WithCancelCause(t.Context())
		s := &storage{t: t, serve: func(w http.ResponseWriter, r *http.Request, _ int) {
			w.(http.Flusher).Flush()
			cancel(why)
			<-r.Context().Done()
		}}
		if _, err := in.Fetch(ctx, s.start(), exact); err != why {
			t.Errorf("%v, want the cause", err)
		}
	})
}

// TestFetchHosts goes over TLS to hosts that are all this machine.
func TestFetchHosts(t *testing.T) {
	s := &storage{t: t}
	server := httptest.NewTLSServer(s)
	defer server.Close()
	pool := server.Client().Transport.(*http.Transport).TLSClientConfig
	transport := &http.Transport{TLSClientConfig: pool, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	defer transport.CloseIdleConnections()
	to := func(locations ...string) func(w http.ResponseWriter, r *http.Request, n int) {
		return func(w http.ResponseWriter, r *http.Request, _ int) {
			if step, _ := strconv.Atoi(r.URL.Query().Get("step")); step < len(locations) {
				status(w, 302, "Location", fmt.Sprintf("%s?step=%d&%s", locations[step], step+1, signature))
				return
			}
			send(w, r, tag)
		}
	}
	for _, c := range []struct {
		name, first string
		hosts       []string
		serve       func(w http.ResponseWriter, r *http.Request, n int)
		fails       string
	}{
		{name: "one other host", serve: to("https://b.example.com/")},
		{name: "two other hosts", serve: to("https://b.example.com/", "https://c.example.com/"), fails: "from host to host"},
		{name: "there and back", serve: to("https://b.example.com/", "https://example.com/"), fails: "from host to host"},
		{name: "down to http", serve: to("http://127.0.0.1/"), fails: "https to http"},
		{name: "known hosts", hosts: []string{"example.com", "*.EXAMPLE.com"}, serve: to("https://b.example.com/")},
		{name: "unknown host", hosts: []string{"example.com"}, serve: to("https://b.example.com/"), fails: "not among the hosts"},
		{name: "a name that only looks known", hosts: []string{"*.example.com"}, first: "https://evilexample.com/", serve: to(), fails: "not among the hosts"},
		{name: "a user in the link", first: "https://user:pass@example.com/", serve: to(), fails: "user's name"},
		{name: "no host", first: "https:///x", serve: to(), fails: "no host"},
		{name: "a link that cannot be read", first: "https://exa mple.com/?" + signature, serve: to(), fails: "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t, s.serve = t, c.serve
			in, log := testIntake(t, func(o *Options) { o.Transport, o.Hosts = transport, c.hosts })
			first := c.first
			if first == "" {
				first = "https://example.com/"
			}
			a, err := in.Fetch(t.Context(), func(context.Context) (string, error) { return first, nil }, exact)
			checkFetched(t, a, err, c.fails, false)
			if strings.Contains(log.String(), "SeCrEt") {
				t.Errorf("a signature in the log:\n%s", log)
			}
			if c.name == "one other host" && !strings.Contains(log.String(), "from=example.com") {
				t.Errorf("not logged:\n%s", log)
			}
		})
	}
	t.Run("unknown authority", func(t *testing.T) {
		in, _ := testIntake(t, nil)
		a, err := in.Fetch(t.Context(), func(context.Context) (string, error) { return server.URL, nil }, exact)
		checkFetched(t, a, err, "not trusted", false)
	})
	t.Run("loopback not allowed", func(t *testing.T) {
		in, _ := testIntake(t, func(o *Options) { o.AllowLoopback = false })
		a, err := in.Fetch(t.Context(), func(context.Context) (string, error) { return server.URL, nil }, exact)
		checkFetched(t, a, err, "not public", false)
		a, err = in.Fetch(t.Context(), func(context.Context) (string, error) { return "http://127.0.0.1/", nil }, exact)
		checkFetched(t, a, err, "not https", false)
	})
	t.Run("no proxy of the environment", func(t *testing.T) {
		in, _ := testIntake(t, nil)
		if in.transport.(*http.Transport).Proxy != nil {
			t.Error("there is one")
		}
	})
}

func TestFetchLinkError(t *testing.T) {
	in, _ := testIntake(t, nil)
	why := errors.New("rate limited")
	if _, err := in.Fetch(t.Context(), func(context.Context) (string, error) { return "", why }, exact); err != why {
		t.Errorf("%v, want link's own error", err)
	}
}

func TestFetchFullDisk(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("no " + full + " on this system")
	}
	in, _ := testIntake(t, nil)
	f, err := os.OpenFile(full, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &storage{t: t, serve: func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, tag) }}
	d := &download{in: in, link: s.start(), want: exact, size: -1, sum: sha256.New(), file: f}
	if err := d.run(t.Context()); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("%v", err)
	}
}

func TestPublic(t *testing.T) {
	for _, c := range []struct {
		address            string
		loopback, private_ bool
		want               bool
	}{
		{address: "140.82.121.4:443", want: true},
		{address: "[2606:50c0:8000::153]:443", want: true},
		{address: "[::ffff:140.82.121.4]:443", want: true},
		{address: "[64:ff9b::8c52:7904]:443", want: true},
		{address: "[64:ff9b::a00:1]:443"},
		{address: "127.0.0.1:443"},
		{address: "127.0.0.1:443", loopback: true, want: true},
		{address: "[::1]:443", loopback: true, want: true},
		{address: "[::ffff:127.0.0.1]:443"},
		{address: "10.1.2.3:443"},
		{address: "10.1.2.3:443", loopback: true},
		{address: "10.1.2.3:443", private_: true, want: true},
		{address: "127.0.0.1:443", private_: true},
		{address: "169.254.169.254:443", private_: true, loopback: true},
		{address: "100.64.0.1:443"},
		{address: "100.64.0.1:443", private_: true, want: true},
		{address: "0.0.0.0:443", loopback: true},
		{address: "[::]:443", loopback: true},
		{address: "[fe80::1%eth0]:443", private_: true},
		{address: "[fd00::1]:443"},
		{address: "[fec0::1]:443"},
		{address: "[2002:a00:1::]:443"},
		{address: "[::10.0.0.1]:443"},
		{address: "224.0.0.1:443"},
		{address: "255.255.255.255:443"},
		{address: "198.18.0.1:443"},
		{address: "localhost:443", loopback: true},
	} {
		o := Options{AllowLoopback: c.loopback, AllowPrivate: c.private_}
		if got := o.mayDial(c.address) == nil; got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

func FuzzLink(f *testing.F) {
	for _, s := range []string{"https://a.example/?x", "http://127.0.0.1/", "file:/etc/passwd", "//host", "https://u@h/", "http://localhost:1/"} {
		f.Add(s)
	}
	o := Options{AllowLoopback: true, Hosts: []string{"a.example", "127.0.0.1", "localhost"}}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		if err := o.mayFetch(u); err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q", err)
			}
			return
		}
		if u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) || !o.knows(u.Hostname()) {
			t.Errorf("%q may be fetched", text)
		}
	})
}

// FuzzHeader holds that no header of a storage host makes it accept a part that does not fit.
func FuzzHeader(f *testing.F) {
	f.Add("bytes 5-9/10", int64(5), int64(5), int64(10))
	f.Add("bytes 5-9/*", int64(5), int64(5), int64(-1))
	f.Add("bytes -1--1/0", int64(-1), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, text string, got, length, size int64) {
		if got <= 0 {
			return
		}
		d := &download{got: got, size: size}
		resp := &http.Response{StatusCode: 206, Header: http.Header{"Content-Range": {text}, "Retry-After": {text}}, ContentLength: length}
		if d.continues(resp) && (d.size < 0 || size >= 0 && d.size != size || length >= 0 && got+length != d.size) {
			t.Errorf("%q is accepted at %d of %d", text, got, size)
		}
		if w := retryAfter(resp.Header); w < 0 || w > 24*time.Hour {
			t.Errorf("wait %s", w)
		}
	})
}
