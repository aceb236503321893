package debuginfo

import "slices"

// What is read of the names of DWARF: tags, attributes and forms.
const (
	tagInlined    = 0x1d
	tagSubprogram = 0x2e
	tagNamespace  = 0x39

	attrName       = 0x03
	attrStmtList   = 0x10
	attrLow        = 0x11
	attrHigh       = 0x12
	attrLanguage   = 0x13
	attrDirectory  = 0x1b
	attrInline     = 0x20
	attrOrigin     = 0x31
	attrSpec       = 0x47
	attrRanges     = 0x55
	attrCallFile   = 0x58
	attrCallLine   = 0x59
	attrLinkage    = 0x6e
	attrStrOffsets = 0x72
	attrAddresses  = 0x73
	attrRangeLists = 0x74
	attrOldLinkage = 0x2007 // DW_AT_MIPS_linkage_name, before DWARF 4

	formAddr        = 0x01
	formBlock2      = 0x03
	formBlock4      = 0x04
	formData2       = 0x05
	formData4       = 0x06
	formData8       = 0x07
	formString      = 0x08
	formBlock       = 0x09
	formBlock1      = 0x0a
	formData1       = 0x0b
	formFlag        = 0x0c
	formSdata       = 0x0d
	formStrp        = 0x0e
	formUdata       = 0x0f
	formRefAddr     = 0x10
	formRef1        = 0x11
	formRef2        = 0x12
	formRef4        = 0x13
	formRef8        = 0x14
	formRefUdata    = 0x15
	formIndirect    = 0x16
	formSecOffset   = 0x17
	formExprloc     = 0x18
	formFlagPresent = 0x19
	formStrx        = 0x1a
	formAddrx       = 0x1b
	formRefSup4     = 0x1c
	formStrpSup     = 0x1d
	formData16      = 0x1e
	formLineStrp    = 0x1f
	formRefSig8     = 0x20
	formImplicit    = 0x21
	formLoclistx    = 0x22
	formRnglistx    = 0x23
	formRefSup8     = 0x24
	formStrx1       = 0x25
	formStrx2       = 0x26
	formStrx3       = 0x27
	formStrx4       = 0x28
	formAddrx1      = 0x29
	formAddrx2      = 0x2a
	formAddrx3      = 0x2b
	formAddrx4      = 0x2c
	formGNURefAlt   = 0x1f20
	formGNUStrpAlt  = 0x1f21
)

// attr is an attribute of an abbreviation.
type attr struct {
	name, form uint64
	implicit   int64 // the value, of DW_FORM_implicit_const
}

// abbrev is the form of an entry.
type abbrev struct {
	tag      uint64
	children bool
	attrs    []attr
	fixed    int // bytes of an entry behind its code, -1 if they differ
}

// abbrevs are the abbreviations of a unit, by code. Compilers number them from 1.
type abbrevs struct {
	dense  []abbrev
	others map[uint64]*abbrev
}

// of returns nil for a code that there is not.
func (a *abbrevs) of(code uint64) *abbrev {
	if code-1 < uint64(len(a.dense)) {
		return &a.dense[code-1]
	}
	return a.others[code]
}

// readAbbrevs reads all abbreviations of a unit.
func (in *Info) readAbbrevs(u *unit) (*abbrevs, error) {
	out := &abbrevs{others: map[uint64]*abbrev{}}
	err := in.eachAbbrev(u.table, func(code uint64, a abbrev) bool {
		a.attrs, a.fixed = slices.Clone(a.attrs), u.fixed(a.attrs)
		if code == uint64(len(out.dense))+1 {
			out.dense = append(out.dense, a)
		} else {
			out.others[code] = &a
		}
		return true
	})
	return out, err
}

// abbrevOf looks one abbreviation up.
func (in *Info) abbrevOf(table, code uint64) (found abbrev, err error) {
	seen := false
	err = in.eachAbbrev(table, func(c uint64, a abbrev) bool {
		if c == code {
			a.attrs = slices.Clone(a.attrs)
			found, seen = a, true
		}
		return !seen
	})
	if err == nil && !seen {
		err = damaged("the first entry of a unit has no form")
	}
	return found, err
}

// eachAbbrev reads a table of abbreviations until f returns false. The attributes are good until it returns.
func (in *Info) eachAbbrev(table uint64, f func(code uint64, a abbrev) bool) error {
	b, err := in.named(".debug_abbrev")
	if err != nil {
		return err
	}
	if table > uint64(len(b)) {
		return damaged("a unit refers to abbreviations that there are not")
	}
	c := cursor{b: b[table:], big: in.im.Big}
	var attrs []attr
	for {
		began := c.off
		code := c.uleb()
		if code == 0 || c.spent {
			break
		}
		a := abbrev{tag: c.uleb(), children: c.u8() != 0, attrs: attrs[:0]}
		for {
			t := attr{name: c.uleb(), form: c.uleb()}
			if t.form == formImplicit {
				t.implicit = c.sleb()
			}
			if t.name == 0 && t.form == 0 || c.spent {
				break
			}
			a.attrs = append(a.attrs, t)
		}
		attrs = a.attrs
		if err := in.spend(c.off - began); err != nil {
			return err
		}
		if c.spent || !f(code, a) {
			break
		}
	}
	if c.spent {
		return damaged("the last abbreviation is not complete")
	}
	return nil
}

// fixed adds up the sizes of attributes, if they are always the same.
func (u *unit) fixed(attrs []attr) int {
	sum := 0
	for _, a := range attrs {
		n := u.size(a.form)
		if n < 0 {
			return -1
		}
		sum += n
	}
	return sum
}

// size returns the bytes that a value takes; -1 if that differs, or if the form is not known.
func (u *unit) size(form uint64) int {
	switch form {
	case formFlagPresent, formImplicit:
		return 0
	case formData1, formFlag, formRef1, formStrx1, formAddrx1:
		return 1
	case formData2, formRef2, formStrx2, formAddrx2:
		return 2
	case formStrx3, formAddrx3:
		return 3
	case formData4, formRef4, formRefSup4, formStrx4, formAddrx4:
		return 4
	case formData8, formRef8, formRefSig8, formRefSup8:
		return 8
	case formData16:
		return 16
	case formAddr:
		return u.address
	case formRefAddr:
		if u.version == 2 {
			return u.address
		}
		return u.offsets
	case formStrp, formSecOffset, formLineStrp, formStrpSup, formGNURefAlt, formGNUStrpAlt:
		return u.offsets
	}
	return -1
}

// value is a value as it stands in an entry. Form 0: there is none.
type value struct {
	form uint64
	n    uint64
	text []byte // of DW_FORM_string
}

// read reads a value. What nobody asks for, such as expressions, is only skipped.
func (u *unit) read(c *cursor, a attr) value {
	if a.form == formIndirect {
		if a.form = c.uleb(); a.form == formIndirect || a.form == formImplicit {
			c.spent = true
		}
	}
	v := value{form: a.form}
	if n := u.size(a.form); n > 0 && n <= 8 {
		v.n = c.number(n)
		return v
	}
	switch a.form {
	case formFlagPresent:
		v.n = 1
	case formImplicit:
		v.n = uint64(a.implicit)
	case formString:
		v.text = c.text()
	case formSdata:
		v.n = uint64(c.sleb())
	case formUdata, formRefUdata, formStrx, formAddrx, formLoclistx, formRnglistx:
		v.n = c.uleb()
	case formData16:
		c.skip(16)
	case formBlock1:
		c.skip(uint64(c.u8()))
	case formBlock2:
		c.skip(c.number(2))
	case formBlock4:
		c.skip(c.number(4))
	case formBlock, formExprloc:
		c.skip(c.uleb())
	default: // nobody knows where the next value begins
		c.spent = true
	}
	return v
}
