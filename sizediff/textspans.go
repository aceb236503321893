package sizediff

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// coreSources is what paths to the sources of core look like in panic locations, whatever stands before it. The kernel
// remaps its own paths, not the toolchain's.
var coreSources = []byte("/library/core/src/")

// toolchainPath finds where the compiler's own sources were, as panic locations of inlined core code say. Only what all
// occurrences in a section have in common is the path: strings of Rust stand side by side without an end mark.
func (f *identifying) toolchainPath(section int) error {
	b, err := f.im.Data(section)
	if err != nil {
		return err
	}
	var path []byte
	var ends []uint64
	for at := bytes.Index(b, coreSources); at >= 0; {
		path = commonEnd(path, b[max(0, at-maxText):at], len(ends) == 0)
		ends = append(ends, uint64(at))
		next := bytes.Index(b[at+len(coreSources):], coreSources)
		if next < 0 {
			break
		}
		at += len(coreSources) + next
	}
	n := uint64(len(path[max(bytes.IndexByte(path, '/'), 0):]))
	if n == 0 || len(f.texts) == maxTexts {
		return nil
	}
	value := printable(b[ends[0]-n : ends[0]])
	f.texts = append(f.texts, Text{textSources, value, int64(n) * int64(len(ends)), f.im.Sections[section].Name})
	for _, end := range ends {
		f.paths[section] = append(f.paths[section], span{end - n, end})
	}
	f.spans[section] = append(f.spans[section], f.paths[section]...)
	return nil
}

// commonEnd returns what a and b both end with, as far as it can be part of a path; b alone when it is the first.
func commonEnd(a, b []byte, first bool) []byte {
	n := 0
	for n < len(b) && pathByte(b[len(b)-1-n]) && (first || n < len(a) && a[len(a)-1-n] == b[len(b)-1-n]) {
		n++
	}
	return b[len(b)-n:]
}

func pathByte(c byte) bool {
	return c == '/' || c == '.' || c == '_' || c == '-' || c == '+' || c == '~' || c == '@' ||
		c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// rest is a digest of what a section holds besides its texts, so that a section that differs in nothing else is known. In
// a relocatable file a longer path of the toolchain also changes the lengths of the strings with it and the alignment
// behind them; there the lengths are counted without it, and zeros do not count.
func (f *identifying) rest(section int, portable bool) (uint64, error) {
	b, err := f.im.Data(section)
	if err != nil {
		return 0, err
	}
	paths := f.paths[section]
	loose := f.im.Type == elfmap.FileRelocatable && len(paths) > 0
	if loose {
		b = f.withoutPathLengths(b, paths)
	}
	var h hash.Hash = sha256.New()
	if !portable {
		m := new(maphash.Hash)
		m.SetSeed(restKey)
		h = m
	}
	for piece := range outside(b, f.spans[section]) {
		if loose {
			piece = bytes.ReplaceAll(piece, []byte{0}, nil)
		}
		h.Write(piece)
	}
	return binary.LittleEndian.Uint64(h.Sum(nil)), nil
}

var restKey = maphash.MakeSeed() // of digests that stay in the process

// outside yields the bytes that no span covers, piece by piece.
func outside(b []byte, spans []span) iter.Seq[[]byte] {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	return func(yield func([]byte) bool) {
		at := uint64(0)
		for _, s := range spans {
			if s.start > at && !yield(b[at:s.start]) {
				return
			}
			at = max(at, s.end)
		}
		yield(b[at:])
	}
}

// withoutPathLengths returns a copy of a section in which the length of each string with a path is that of the string
// without it. Such a string ends in ".rs", and its length is an aligned word.
func (f *identifying) withoutPathLengths(b []byte, paths []span) []byte {
	shorter := map[uint64]uint64{}
	for _, p := range paths {
		if i := bytes.Index(b[p.end:min(p.end+maxText, uint64(len(b)))], []byte(".rs")); i >= 0 {
			name := uint64(i + len(".rs"))
			shorter[name+p.end-p.start] = name
		}
	}
	out := bytes.Clone(b)
	var order binary.ByteOrder = binary.LittleEndian
	if f.im.Big {
		order = binary.BigEndian
	}
	size := f.im.PointerSize()
	for word := out; len(word) >= size; word = word[size:] {
		n, ok := shorter[f.im.Pointer(word)]
		switch {
		case !ok:
		case size == 8:
			order.PutUint64(word, n)
		default:
			order.PutUint32(word, uint32(n))
		}
	}
	return out
}
