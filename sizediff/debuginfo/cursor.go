package debuginfo

import (
	"bytes"
	"encoding/binary"
)

// cursor reads numbers one after the other. Behind the end it reads zeros, and is spent.
type cursor struct {
	b     []byte
	off   int
	big   bool
	spent bool // something was read that is not there
}

// next returns the next n bytes, or nil.
func (c *cursor) next(n uint64) []byte {
	if n > uint64(len(c.b)-c.off) {
		c.off, c.spent = len(c.b), true
		return nil
	}
	c.off += int(n)
	return c.b[c.off-int(n) : c.off]
}

func (c *cursor) skip(n uint64) { c.next(n) }

func (c *cursor) done() bool { return c.off >= len(c.b) }

func (c *cursor) u8() uint8 {
	if b := c.next(1); b != nil {
		return b[0]
	}
	return 0
}

// number reads n bytes, 8 at most, in the byte order of the image.
func (c *cursor) number(n int) uint64 {
	b := c.next(uint64(n))
	switch {
	case b == nil:
		return 0
	case n == 8:
		return c.order().Uint64(b)
	case n == 4:
		return uint64(c.order().Uint32(b))
	}
	v := uint64(0)
	for i := range b {
		at := i
		if !c.big {
			at = n - 1 - i
		}
		v = v<<8 | uint64(b[at])
	}
	return v
}

func (c *cursor) order() binary.ByteOrder {
	if c.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// uleb reads an unsigned LEB128; bits beyond 64 are lost.
func (c *cursor) uleb() uint64 {
	if c.off < len(c.b) && c.b[c.off] < 0x80 { // nearly all of them
		c.off++
		return uint64(c.b[c.off-1])
	}
	return c.longULEB()
}

func (c *cursor) longULEB() uint64 {
	v := uint64(0)
	for shift := uint(0); ; shift += 7 {
		b := c.u8()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

// sleb reads a signed LEB128.
func (c *cursor) sleb() int64 {
	v := int64(0)
	for shift := uint(0); ; {
		b := c.u8()
		v |= int64(b&0x7f) << shift
		shift += 7
		if b < 0x80 {
			if b&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
}

// text reads up to a NUL.
func (c *cursor) text() []byte {
	n := bytes.IndexByte(c.b[c.off:], 0)
	if n < 0 {
		c.off, c.spent = len(c.b), true
		return nil
	}
	return c.next(uint64(n) + 1)[:n]
}

// length reads the length that a unit begins with, and the size of offsets in it: 8 in the 64-bit format.
func (c *cursor) length() (n uint64, offsets int) {
	n, offsets = c.number(4), 4
	if n == 0xffffffff {
		n, offsets = c.number(8), 8
	}
	return n, offsets
}
