package debuginfo

// eachRange calls f for each range of addresses of an entry that is in a section with code, and not empty.
func (in *Info) eachRange(u *unit, e *entry, f func(start, end uint64)) error {
	count := func(start, end uint64) error {
		if end, ok := in.inCode(start, end); ok {
			f(start, end)
			in.spans++
		}
		if in.spans > maxSpans {
			return tooMany
		}
		return in.spend(8)
	}
	if e.ranges.form != 0 {
		if u.version < 5 {
			return in.oldRanges(u, e.ranges.n, count)
		}
		return in.rangeList(u, e.ranges, count)
	}
	start, ok := in.addressOf(u, e.low)
	if !ok || e.high.form == 0 {
		return nil
	}
	end, absolute := in.addressOf(u, e.high)
	if !absolute {
		end = start + e.high.n
	}
	return count(start, end)
}

// addressOf resolves an address; false when the value is none, or leads nowhere.
func (in *Info) addressOf(u *unit, v value) (uint64, bool) {
	switch v.form {
	case formAddr:
		return v.n, true
	case formAddrx, formAddrx1, formAddrx2, formAddrx3, formAddrx4:
		return in.indexed(".debug_addr", u.addresses, v.n, u.address)
	}
	return 0, false
}

// indexed reads number n of a table in a section; each has size bytes.
func (in *Info) indexed(name string, table, n uint64, size int) (uint64, bool) {
	b, err := in.named(name)
	at := table + n*uint64(size)
	if err != nil || n > uint64(len(b)) || at < table || at > uint64(len(b)) {
		return 0, false
	}
	c := cursor{b: b[at:], big: in.im.Big}
	return c.number(size), !c.spent
}

// list returns a cursor on a place in a section of ranges.
func (in *Info) list(name string, at uint64) (*cursor, error) {
	b, err := in.named(name)
	if err != nil {
		return nil, err
	}
	if at > uint64(len(b)) {
		return nil, damaged("ranges lead out of %s", name)
	}
	return &cursor{b: b[at:], big: in.im.Big}, nil
}

// oldRanges reads a list of .debug_ranges: pairs of addresses that count from the unit's, until one of zeros. A pair that
// begins with the largest address sets what they count from.
func (in *Info) oldRanges(u *unit, at uint64, f func(start, end uint64) error) error {
	c, err := in.list(".debug_ranges", at)
	if err != nil {
		return err
	}
	last := ^uint64(0) >> (64 - 8*u.address)
	for from := u.low; ; {
		start, end := c.number(u.address), c.number(u.address)
		switch {
		case c.spent:
			return damaged("a list of ranges has no end")
		case start == 0 && end == 0:
			return nil
		case start == last:
			from = end
			continue
		}
		if err := f(from+start, from+end); err != nil {
			return err
		}
	}
}

// Kinds of entries of .debug_rnglists, DW_RLE.
const (
	rangesEnd = iota
	rangesFromIndex
	rangesIndexes
	rangesIndexLength
	rangesOffsets
	rangesFrom
	rangesAddresses
	rangesAddressLength
)

// rangeList reads a list of .debug_rnglists.
func (in *Info) rangeList(u *unit, v value, f func(start, end uint64) error) error {
	at := v.n
	if v.form == formRnglistx {
		off, ok := in.indexed(".debug_rnglists", u.rangeLists, v.n, u.offsets)
		if !ok {
			return damaged("ranges lead out of .debug_rnglists")
		}
		at = u.rangeLists + off
	}
	c, err := in.list(".debug_rnglists", at)
	if err != nil {
		return err
	}
	known := true
	index := func() uint64 {
		a, ok := in.indexed(".debug_addr", u.addresses, c.uleb(), u.address)
		known = known && ok
		return a
	}
	for from := u.low; ; {
		var start, end uint64
		kind := c.u8()
		switch kind {
		case rangesEnd:
			if c.spent {
				return damaged("a list of ranges has no end")
			}
			return nil
		case rangesFromIndex:
			from = index()
		case rangesFrom:
			from = c.number(u.address)
		case rangesIndexes:
			start, end = index(), index()
		case rangesIndexLength:
			start = index()
			end = start + c.uleb()
		case rangesOffsets:
			start, end = from+c.uleb(), from+c.uleb()
		case rangesAddresses:
			start, end = c.number(u.address), c.number(u.address)
		case rangesAddressLength:
			start = c.number(u.address)
			end = start + c.uleb()
		default:
			return damaged("a list of ranges has an entry of kind %d", kind)
		}
		if !known {
			return damaged("ranges lead out of .debug_addr")
		}
		if err := f(start, end); err != nil { // an empty one, where only what they count from was set
			return err
		}
	}
}
