package sizediff

import (
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// landmarks are the symbols of a kernel image that say where something lies. They are found in one pass over the symbols.
type landmarks struct {
	initBegin, initEnd, banner, config, configEnd *elfmap.Symbol            // nil when absent
	kallsyms                                      map[string]*elfmap.Symbol // labels of kallsymsTables
	exports                                       map[int32][]exportLabel   // labels in export tables, by section
}

// exportLabel is a label at an entry or a string of an export table: its offset in the 32 high bits, then the first letter of
// the exported symbol's name, 0 when there is none, then the label's symbol in 24 bits, which hold the number of any
// (maxSymbols of elfmap). Numbers sort faster than structures, and the letter decides about most names.
type exportLabel uint64

func newExportLabel(at uint64, name string, symbol int) exportLabel {
	letter := uint64(0)
	if name != "" {
		letter = uint64(name[0])
	}
	return exportLabel(at<<32 | letter<<24 | uint64(symbol))
}

func (l exportLabel) at() uint64   { return uint64(l >> 32) }
func (l exportLabel) letter() byte { return byte(l >> 24) }
func (l exportLabel) symbol() int  { return int(l & (1<<24 - 1)) }

// exportEntry begins the label of the entry itself, of which each export has one.
const exportEntry = "__ksymtab_"

// exportPrefixes begin the labels that EXPORT_SYMBOL puts at its entries and strings (include/linux/export.h, and the
// export tables that modpost writes).
var exportPrefixes = []string{exportEntry, "__kstrtab_", "__flags_", "__kcrctab_", "__crc_"}

func findLandmarks(im *elfmap.Image) *landmarks {
	l := &landmarks{kallsyms: map[string]*elfmap.Symbol{}, exports: map[int32][]exportLabel{}}
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if !s.Defined() || len(s.Name) < 8 {
			continue
		}
		switch head := im.Head(int32(i)); string(head[:]) {
		case "__in", "__ks", "__fl", "__kc", "__cr":
			l.underscore(im, i)
		case "linu":
			if s.Name == "linux_banner" {
				l.banner = s
			}
		case "kern":
			switch s.Name {
			case "kernel_config_data":
				l.config = s
			case "kernel_config_data_end":
				l.configEnd = s
			}
		case "kall":
			if s.Size == 0 && slices.Contains(kallsymsTables, s.Name) {
				l.kallsyms[s.Name] = s
			}
		}
	}
	return l
}

// underscore files a symbol whose name begins with two underscores.
func (l *landmarks) underscore(im *elfmap.Image, i int) {
	s := &im.Symbols[i]
	switch s.Name {
	case "__init_begin":
		l.initBegin = s
	case "__init_end":
		l.initEnd = s
	}
	name, ok := exported(s.Name)
	if at := im.Offset(s); ok && at < im.Sections[s.Section].Size && at < 1<<32 { // no file has a larger table
		l.exports[s.Section] = append(l.exports[s.Section], newExportLabel(at, name, i))
	}
}

// exported returns the name of the symbol that a label in an export table is about.
func exported(label string) (name string, ok bool) {
	for _, p := range exportPrefixes {
		if name, ok = strings.CutPrefix(label, p); ok {
			return name, true
		}
	}
	return "", false
}
