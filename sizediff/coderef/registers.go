package coderef

import "math/bits"

// registers is what is known of general registers: the upper part of an address. It follows code downwards, with branches to
// where they lead; not with those that lead up, nor through tables and memory.
type registers struct {
	known   uint32     // one bit for each
	number  uint32     // those whose upper part was not made from the program counter
	upper   [32]uint64 // of those that are known
	at      [32]uint64 // the instruction that put it there
	pending []pending
	next    uint64 // the lowest address in pending, or 0 for none
}

// pending is what is known of a register where a branch leads to.
type pending struct {
	to, upper, at uint64
	n             uint32
	number        bool
}

// maxPending is far more than a compiler needs. It bounds what hostile code costs.
const maxPending = 256

func (r *registers) set(n uint32, upper, at uint64) {
	r.known |= 1 << n
	r.number &^= 1 << n
	r.upper[n], r.at[n] = upper, at
}

func (r *registers) setNumber(n uint32, upper, at uint64) {
	r.set(n, upper, at)
	r.number |= 1 << n
}

func (r *registers) forget(n uint32) { r.known &^= 1 << n }

// refer calls f for the instruction at an address that adds an offset to register n, if that is known.
func (r *registers) refer(n uint32, at, offset uint64, kind Kind, f func(Ref)) {
	if r.known>>n&1 == 0 {
		return
	}
	if r.number>>n&1 == 1 {
		kind = Number
	}
	f(Ref{at, r.upper[n] + offset, kind, r.at[n]})
}

// branch calls f for a direct branch at an address that may go to another.
func (r *registers) branch(at, to uint64, f func(Ref)) {
	f(Ref{at, to, Jump, at})
	if to <= at {
		return
	}
	for known := r.known; known != 0 && len(r.pending) < maxPending; known &= known - 1 {
		n := uint32(bits.TrailingZeros32(known))
		r.pending = append(r.pending, pending{to, r.upper[n], r.at[n], n, r.number>>n&1 == 1})
		if r.next == 0 || to < r.next {
			r.next = to
		}
	}
}

// jump calls f for a direct branch that always goes there.
func (r *registers) jump(at, to uint64, f func(Ref)) {
	r.branch(at, to, f)
	r.known = 0
}

// arrive adds what branches to an address know to what is known without them. Where it matters they do not differ: who uses a
// register finds it set on all ways.
func (r *registers) arrive(at uint64) {
	if r.next == 0 || at < r.next {
		return
	}
	rest := r.pending[:0]
	r.next = 0
	for _, p := range r.pending {
		switch {
		case p.to > at:
			rest = append(rest, p)
			if r.next == 0 || p.to < r.next {
				r.next = p.to
			}
		case p.to == at && r.known>>p.n&1 == 0:
			r.set(p.n, p.upper, p.at)
			if p.number {
				r.number |= 1 << p.n
			}
		}
	}
	r.pending = rest
}
