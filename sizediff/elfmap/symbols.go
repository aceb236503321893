package elfmap

// Symbol is one entry of the symbol table.
type Symbol struct {
	Name    string
	Value   uint64 // as in the file
	Size    uint64
	Section int32 // index, or one of the Section… values below
	File    int32 // index of the STT_FILE symbol that precedes it, or -1; meaningful for local symbols only
	Type    SymbolType
	Bind    Binding
	Hidden  bool // visibility is hidden or internal
}

// Section values of symbols that are in no section.
const (
	SectionUndefined int32 = 0
	SectionAbsolute  int32 = -1
	SectionCommon    int32 = -2
	SectionUnknown   int32 = -3 // reserved or out of range
)

// SymbolType is the type in st_info.
type SymbolType uint8

// Types of the gABI.
const (
	NoType      SymbolType = 0
	Object      SymbolType = 1
	Func        SymbolType = 2
	SectionType SymbolType = 3
	File        SymbolType = 4
	Common      SymbolType = 5
	TLS         SymbolType = 6
	IFunc       SymbolType = 10
)

// Binding is the binding in st_info.
type Binding uint8

// Bindings of the gABI.
const (
	Local  Binding = 0
	Global Binding = 1
	Weak   Binding = 2
)

// Head returns how the name of symbol i begins, with zeros behind a shorter one. Most questions about names are answered by
// it, and looking at every name costs much more: they lie scattered over the string table.
func (im *Image) Head(i int32) [4]byte { return im.heads[i] }

// Defined reports whether the symbol names a place in a section.
func (s *Symbol) Defined() bool { return s.Section > 0 }

// ReadSymbols fills Symbols from the symbol table; a file without one is Stripped, which is no error. After an error
// Symbols is nil.
func (im *Image) ReadSymbols() error {
	tab := 0
	for i := range im.Sections {
		if im.Sections[i].Type == TypeSymtab {
			tab = i
			break
		}
	}
	if tab == 0 || im.Sections[tab].Size == 0 {
		im.Stripped = true
		return nil
	}
	s := &im.Sections[tab]
	esz := uint64(16)
	if im.Class == 64 {
		esz = 24
	}
	n := s.Size / esz
	if n > maxSymbols {
		return refused("%d symbols", n)
	}
	if uint64(s.Link) >= uint64(len(im.Sections)) {
		return damaged("its symbol names are in section %d, which does not exist", s.Link)
	}
	strtab, err := im.stringTable(int(s.Link), maxStrtab)
	if err != nil {
		return err
	}
	shndx, err := im.extendedIndex(tab)
	if err != nil {
		return err
	}
	raw, err := im.Data(tab)
	if err != nil {
		return err
	}
	im.Symbols, err = im.decodeSymbols(raw[:n*esz], strtab, shndx)
	return err
}

func (im *Image) decodeSymbols(raw []byte, strtab string, shndx []byte) ([]Symbol, error) {
	esz := 16
	if im.Class == 64 {
		esz = 24
	}
	symbols := make([]Symbol, len(raw)/esz)
	im.heads = make([][4]byte, len(symbols))
	file, names := int32(-1), 0
	for i := range symbols {
		b := raw[i*esz:]
		s := &symbols[i]
		var info, other byte
		var idx uint16
		if im.Class == 64 {
			info, other, idx = b[4], b[5], im.u16(b[6:])
			s.Value, s.Size = im.u64(b[8:]), im.u64(b[16:])
		} else {
			s.Value, s.Size = uint64(im.u32(b[4:])), uint64(im.u32(b[8:]))
			info, other, idx = b[12], b[13], im.u16(b[14:])
		}
		s.Name = cstring(strtab, uint64(im.u32(b)))
		copy(im.heads[i][:], s.Name)
		s.Type, s.Bind = SymbolType(info&15), Binding(info>>4)
		s.Hidden = other&3 == 1 || other&3 == 2
		s.Section = im.symbolSection(idx, i, shndx)
		if names += len(s.Name); names > maxNames {
			return nil, refused("more than %d bytes of symbol names", maxNames)
		}
		if s.Type == File {
			file = int32(i)
		}
		s.File = file
	}
	return symbols, nil
}

// extendedIndex returns the SHT_SYMTAB_SHNDX table of a symbol table, copied; nil when there is none.
func (im *Image) extendedIndex(tab int) ([]byte, error) {
	for i := range im.Sections {
		if s := &im.Sections[i]; s.Type == TypeShndx && int(s.Link) == tab {
			b, err := im.Data(i)
			return append([]byte(nil), b...), err
		}
	}
	return nil, nil
}

func (im *Image) symbolSection(idx uint16, symbol int, shndx []byte) int32 {
	n := uint32(idx)
	switch {
	case idx == 0xfff1:
		return SectionAbsolute
	case idx == 0xfff2:
		return SectionCommon
	case idx == 0xffff && len(shndx) >= symbol*4+4:
		n = im.u32(shndx[symbol*4:])
	case idx >= 0xff00:
		return SectionUnknown
	}
	if n >= uint32(len(im.Sections)) {
		return SectionUnknown
	}
	return int32(n)
}

// FileName returns the name of the source file that a local symbol came from, or "". Hidden locals were global in their
// object and have been appended behind the last file's symbols by the linker, so for them nothing is known.
func (im *Image) FileName(s *Symbol) string {
	if s.Bind != Local || s.Hidden || s.File < 0 {
		return ""
	}
	return im.Symbols[s.File].Name
}

// Offset is where a defined symbol lies in its section. It may be outside: nothing checks st_value.
func (im *Image) Offset(s *Symbol) uint64 {
	v := s.Value
	if im.Machine == MachineARM && s.Type == Func {
		v &^= 1 // the Thumb bit
	}
	switch {
	case im.Type == FileRelocatable:
		return v
	case s.Type == TLS:
		v += im.tlsBase
	}
	return v - im.Sections[s.Section].Addr
}
