package debuginfo

// entry is what is of interest in an entry of .debug_info.
type entry struct {
	name, linkage, directory          value
	low, high, ranges                 value
	origin, declaration               value // DW_AT_abstract_origin, DW_AT_specification
	callFile, callLine, inline        value
	lines                             value
	strOffsets, addresses, rangeLists value
}

// entry reads the attributes of an entry; c is behind its code.
func (u *unit) entry(c *cursor, form *abbrev) (e entry) {
	for _, a := range form.attrs {
		v := u.read(c, a)
		if to := e.field(a.name); to != nil {
			*to = v
		}
	}
	return e
}

func (e *entry) field(name uint64) *value {
	switch name {
	case attrName:
		return &e.name
	case attrLinkage, attrOldLinkage:
		return &e.linkage
	case attrDirectory:
		return &e.directory
	case attrLow:
		return &e.low
	case attrHigh:
		return &e.high
	case attrRanges:
		return &e.ranges
	case attrOrigin:
		return &e.origin
	case attrSpec:
		return &e.declaration
	case attrCallFile:
		return &e.callFile
	case attrCallLine:
		return &e.callLine
	case attrInline:
		return &e.inline
	case attrStmtList:
		return &e.lines
	case attrStrOffsets:
		return &e.strOffsets
	case attrAddresses:
		return &e.addresses
	case attrRangeLists:
		return &e.rangeLists
	}
	return nil
}

// pass skips the attributes of an entry.
func (u *unit) pass(c *cursor, form *abbrev) {
	if form.fixed >= 0 {
		c.skip(uint64(form.fixed))
		return
	}
	for _, a := range form.attrs {
		u.read(c, a)
	}
}

// scope is a function with code of its own, or one that was inlined into another.
type scope struct {
	parent   int32  // the scope it stands in, -1 for none
	inlined  bool   // else it is a function with code of its own
	item     uint64 // the entry that says what was inlined; of a function its own
	callFile uint32 // of inlined code: where the call was, a file of the unit's lines
	callLine uint32
}

// scopes reads the functions of a unit, what was inlined into them, and what code each of both has.
func (in *Info) scopes(u *unit) ([]scope, []span, error) {
	if err := in.load(u); err != nil {
		return nil, nil, err
	}
	w := walk{in: in, unit: u, c: u.cursor(in.im.Big, u.entries)}
	for !w.c.done() {
		if err := w.next(); err != nil {
			return nil, nil, err
		}
		if w.c.spent {
			return nil, nil, damaged("a unit ends inside of an entry")
		}
	}
	return w.scopes, w.spans, nil
}

// walk goes through the entries of one unit.
type walk struct {
	in     *Info
	unit   *unit
	c      cursor
	scopes []scope
	spans  []span
	open   []place // the entries whose children are read now
}

// place is where an entry stands.
type place struct {
	scope     int32 // -1: in no function
	depth     int32 // of scopes
	namespace string
}

func (w *walk) next() error {
	at := w.unit.start + uint64(w.c.off)
	code := w.c.uleb()
	if code == 0 {
		if len(w.open) > 0 {
			w.open = w.open[:len(w.open)-1]
		}
		return w.in.spend(1)
	}
	form := w.unit.abbrevs.of(code)
	if form == nil {
		return damaged("an entry has no form")
	}
	if err := w.in.spend(1 + len(form.attrs)); err != nil {
		return err
	}
	here := place{scope: -1}
	if len(w.open) > 0 {
		here = w.open[len(w.open)-1]
	}
	if err := w.enter(at, form, &here); err != nil || !form.children {
		return err
	}
	if len(w.open) == maxDepth {
		return damaged("entries stand in each other %d deep", maxDepth)
	}
	w.open = append(w.open, here)
	return nil
}

// enter reads an entry, and makes of the place where it stands that of its children.
func (w *walk) enter(at uint64, form *abbrev, here *place) error {
	switch form.tag {
	case tagNamespace:
		e := w.unit.entry(&w.c, form)
		return w.namespace(&e, here)
	case tagSubprogram, tagInlined:
		e := w.unit.entry(&w.c, form)
		if form.tag == tagSubprogram && e.inline.form != 0 && e.linkage.form == 0 && here.namespace != "" {
			w.in.homes[at] = here.namespace
		}
		if e.low.form == 0 && e.ranges.form == 0 {
			return nil
		}
		return w.scope(at, form.tag == tagInlined, &e, here)
	}
	w.unit.pass(&w.c, form)
	return nil
}

func (w *walk) namespace(e *entry, here *place) error {
	name := string(w.in.stringOf(w.unit, e.name))
	if name == "" || name[0] == '{' { // {impl#0}: what is in it belongs to the module
		return nil
	}
	if here.namespace != "" {
		name = here.namespace + "::" + name
	}
	here.namespace = name
	return w.in.spend(8 * len(name)) // it may be kept
}

// scope adds a function, or what was inlined into one, with its ranges of code.
func (w *walk) scope(at uint64, inlined bool, e *entry, here *place) error {
	s := scope{parent: here.scope, inlined: inlined, item: at}
	if inlined {
		s.item, _ = w.unit.reference(e.origin)
		s.callFile, s.callLine = uint32(e.callFile.n), uint32(e.callLine.n)
	}
	n := int32(len(w.scopes))
	w.scopes = append(w.scopes, s)
	here.scope = n
	here.depth++
	if w.in.spans++; w.in.spans > maxSpans {
		return tooMany
	}
	return w.in.eachRange(w.unit, e, func(start, end uint64) {
		w.spans = append(w.spans, span{start, end, here.depth, n})
	})
}

var tooMany = notKnown("its debug information has more ranges or lines than are read here, %d", maxSpans)

// reference returns the entry that a value refers to, as an offset in .debug_info, or nowhere and false.
func (u *unit) reference(v value) (uint64, bool) {
	switch v.form {
	case formRef1, formRef2, formRef4, formRef8, formRefUdata:
		return u.start + v.n, true
	case formRefAddr:
		return v.n, true
	}
	return nowhere, false // to another file, or to a type
}
