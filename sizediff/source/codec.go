package source

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
)

// codec is how a stream is compressed.
type codec uint8

const (
	plain codec = iota
	gzipped
	xzed
	zstded
)

var codecs = [...]struct{ suffix, magic string }{
	gzipped: {".gz", "\x1f\x8b"},
	xzed:    {".xz", "\xfd7zXZ\x00"},
	zstded:  {".zst", "\x28\xb5\x2f\xfd"},
}

func (c codec) suffix() string { return codecs[c].suffix }

func codecBySuffix(name string) codec {
	for c := gzipped; c <= zstded; c++ {
		if strings.HasSuffix(name, c.suffix()) {
			return c
		}
	}
	return plain
}

func codecOf(head []byte) codec {
	for c := gzipped; c <= zstded; c++ {
		if bytes.HasPrefix(head, []byte(codecs[c].magic)) {
			return c
		}
	}
	return plain
}

// The windows that decompressors may be told to keep: those of "xz -9" and of "zstd --ultra -22" or "--long".
const (
	xzWindow   = 64 << 20
	zstdWindow = 128 << 20
)

// unpack decompresses a stream of so many bytes into at most so many, fewer if the ratio says so. With a total, what
// it yields is taken from that.
func (b *Build) unpack(r io.Reader, packed int64, c codec, most int64, total *atomic.Int64) (io.ReadCloser, error) {
	d, err := c.newReader(bufio.NewReaderSize(r, int(min(packed, 64<<10))))
	if err != nil {
		return nil, err
	}
	left, over := b.lim.unpacked(packed, most)
	m := &meter{r: calm{d}, left: left, over: over, total: total, lim: b.lim}
	return struct {
		io.Reader
		io.Closer
	}{m, d}, nil
}

func (c codec) newReader(r io.Reader) (io.ReadCloser, error) {
	switch c {
	case gzipped:
		return gzip.NewReader(r)
	case xzed:
		d, err := xz.NewReader(r, xzWindow)
		return io.NopCloser(d), err
	case zstded:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// calm makes an error of a decompressor's panic.
type calm struct{ r io.Reader }

func (c calm) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, fmt.Errorf("it cannot be decompressed: %v", r)
		}
	}()
	return c.r.Read(p)
}

// peek returns up to n first bytes of a stream, and the whole stream.
func peek(r io.Reader, n int) ([]byte, io.Reader, error) {
	br := bufio.NewReaderSize(r, max(n, 64<<10))
	head, err := br.Peek(n)
	if err == io.EOF {
		err = nil
	}
	return head, br, err
}

// inflaters are kept for reuse: a build may have thousands of members, and each would allocate its window anew.
var inflaters sync.Pool

type inflater struct{ r io.ReadCloser }

func newInflater(r io.Reader) io.ReadCloser {
	if old, ok := inflaters.Get().(io.ReadCloser); ok {
		if err := old.(flate.Resetter).Reset(r, nil); err == nil {
			return &inflater{old}
		}
	}
	return &inflater{flate.NewReader(r)}
}

func (i *inflater) Read(p []byte) (int, error) {
	if i.r == nil {
		return 0, io.ErrClosedPipe
	}
	return calm{i.r}.Read(p)
}

func (i *inflater) Close() error {
	if i.r != nil {
		inflaters.Put(i.r)
		i.r = nil
	}
	return nil
}
