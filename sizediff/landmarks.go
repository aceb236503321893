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
	exports                                       map[int32][]exportLabel   // labels of exported symbols, by section
}

// exportLabel is a label at an entry or a string of an export table, with the name of the exported symbol.
type exportLabel struct {
	at   uint64
	name string
}

// exportPrefixes begin the labels that EXPORT_SYMBOL puts at its entries and strings (include/linux/export.h, and the
// export tables that modpost writes).
var exportPrefixes = []string{"__ksymtab_", "__kstrtab_", "__flags_", "__kcrctab_", "__crc_"}

func findLandmarks(im *elfmap.Image) *landmarks {
	l := &landmarks{kallsyms: map[string]*elfmap.Symbol{}, exports: map[int32][]exportLabel{}}
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if !s.Defined() || len(s.Name) < 8 {
			continue
		}
		switch s.Name[:2] {
		case "__":
			l.underscore(im, s)
		case "li":
			if s.Name == "linux_banner" {
				l.banner = s
			}
		case "ke":
			switch s.Name {
			case "kernel_config_data":
				l.config = s
			case "kernel_config_data_end":
				l.configEnd = s
			}
		case "ka":
			if s.Size == 0 && strings.HasPrefix(s.Name, "kallsyms_") && slices.Contains(kallsymsTables, s.Name) {
				l.kallsyms[s.Name] = s
			}
		}
	}
	return l
}

// underscore files a symbol whose name begins with two underscores.
func (l *landmarks) underscore(im *elfmap.Image, s *elfmap.Symbol) {
	switch s.Name {
	case "__init_begin":
		l.initBegin = s
	case "__init_end":
		l.initEnd = s
	}
	if s.Name[2] != 'k' && s.Name[2] != 'f' && s.Name[2] != 'c' {
		return
	}
	for _, p := range exportPrefixes {
		if name, ok := strings.CutPrefix(s.Name, p); ok {
			l.exports[s.Section] = append(l.exports[s.Section], exportLabel{im.Offset(s), name})
			return
		}
	}
}
