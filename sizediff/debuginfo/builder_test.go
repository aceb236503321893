package debuginfo

import (
	"bytes"
	"encoding/binary"
)

// part is a section of a made image.
type part struct {
	name string
	data []byte
	code bool // at codeStart
}

const codeStart = 0x1000

// elfOf makes a 64-bit little-endian executable of sections.
func elfOf(parts ...part) []byte {
	names := []byte{0}
	body := bytes.NewBuffer(make([]byte, 64))
	headers := bytes.NewBuffer(make([]byte, 64))
	add := func(name string, typ uint32, flags, addr uint64, data []byte) {
		h := make([]byte, 64)
		binary.LittleEndian.PutUint32(h, uint32(len(names)))
		binary.LittleEndian.PutUint32(h[4:], typ)
		for i, v := range []uint64{flags, addr, uint64(body.Len()), uint64(len(data))} {
			binary.LittleEndian.PutUint64(h[8+8*i:], v)
		}
		headers.Write(h)
		names = append(append(names, name...), 0)
		body.Write(data)
	}
	for _, p := range parts {
		if p.code {
			add(p.name, 1, 6, codeStart, p.data)
		} else {
			add(p.name, 1, 0, 0, p.data)
		}
	}
	names = append(names, ".shstrtab\x00"...)
	n := len(names) - len(".shstrtab\x00")
	add("", 3, 0, 0, names)
	binary.LittleEndian.PutUint32(headers.Bytes()[64*(len(parts)+1):], uint32(n))
	out := append(body.Bytes(), headers.Bytes()...)
	copy(out, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(out[16:], 2)
	binary.LittleEndian.PutUint16(out[18:], 62)
	binary.LittleEndian.PutUint64(out[40:], uint64(body.Len()))
	binary.LittleEndian.PutUint16(out[58:], 64)
	binary.LittleEndian.PutUint16(out[60:], uint16(len(parts)+2))
	binary.LittleEndian.PutUint16(out[62:], uint16(len(parts)+1))
	return out
}

// dwarf writes debug information piece by piece.
type dwarf struct {
	bytes.Buffer
	wide bool // the 64-bit format
}

func (d *dwarf) u8(v ...byte)     { d.Write(v) }
func (d *dwarf) u16(v uint16)     { d.Write(binary.LittleEndian.AppendUint16(nil, v)) }
func (d *dwarf) u32(v uint32)     { d.Write(binary.LittleEndian.AppendUint32(nil, v)) }
func (d *dwarf) u64(v uint64)     { d.Write(binary.LittleEndian.AppendUint64(nil, v)) }
func (d *dwarf) uleb(v ...uint64) { d.Write(ulebs(v...)) }
func (d *dwarf) text(s string)    { d.WriteString(s + "\x00") }

func (d *dwarf) offset(v uint64) {
	if d.wide {
		d.u64(v)
	} else {
		d.u32(uint32(v))
	}
}

// unit begins a unit of .debug_info, and returns what ends it.
func (d *dwarf) unit(version uint16, table uint64) (end func()) {
	at := d.Len()
	if d.wide {
		d.u32(0xffffffff)
	}
	d.offset(0)
	from := d.Len()
	d.u16(version)
	if version >= 5 {
		d.u8(1, 8)
	}
	d.offset(table)
	if version < 5 {
		d.u8(8)
	}
	return func() {
		n := uint64(d.Len() - from)
		if d.wide {
			binary.LittleEndian.PutUint64(d.Bytes()[at+4:], n)
		} else {
			binary.LittleEndian.PutUint32(d.Bytes()[at:], uint32(n))
		}
	}
}

func ulebs(values ...uint64) []byte {
	var out []byte
	for _, v := range values {
		out = binary.AppendUvarint(out, v) // the same encoding
	}
	return out
}

// form is an abbreviation: its tag, whether it has children, and attributes and forms in turn.
func form(code, tag uint64, children byte, attrs ...uint64) []byte {
	out := append(ulebs(code, tag), children)
	return append(append(out, ulebs(attrs...)...), 0, 0)
}
