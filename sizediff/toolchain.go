package sizediff

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// Limits on what one image can say.
const (
	maxText     = 512 // bytes of a text that is kept
	maxTexts    = 64
	maxVersions = 16 // of one tool
)

// What a Text can be.
const (
	textVermagic = "vermagic"
	textBanner   = "linux_banner"
	textBuildID  = "build id"
	textConfig   = "embedded configuration"
	textSources  = "path of the toolchain"
)

// identifying reads what an image says of the tools that made it, the texts in it that only say when, where or by what,
// and the configuration inside it.
type identifying struct {
	im    *elfmap.Image
	tools Tools
	texts []Text
	spans map[int][]span // where texts lie, by section
	paths map[int][]span // those that are the toolchain's path
}

// span is a range of bytes of a section.
type span struct{ start, end uint64 }

func (w *measuring) identify(portable bool) error {
	f := &identifying{im: w.elf, spans: map[int][]span{}, paths: map[int][]span{}}
	for i := range f.im.Sections {
		if err := f.section(i); err != nil {
			return err
		}
	}
	if err := f.banner(w.marks.banner); err != nil {
		return err
	}
	blob, section, err := embeddedConfig(f.im, w.marks)
	if err != nil {
		return err
	}
	if len(blob) > 0 {
		start := f.im.Offset(w.marks.config)
		f.text(textConfig, shortDigest(blob), int(section), start, start+uint64(len(blob)))
		w.out.embedded = unpackConfig(blob)
	}
	slices.SortStableFunc(f.texts, func(a, b Text) int {
		return cmp.Or(strings.Compare(a.What, b.What), strings.Compare(a.Value, b.Value))
	})
	w.out.Texts = f.texts
	w.out.Tools = Tools{unique(f.tools.Rustc), unique(f.tools.CC), unique(f.tools.LD)}
	for section := range f.spans {
		sum, err := f.rest(section, portable)
		if err != nil {
			return err
		}
		w.out.Sections[w.section[section]].Rest = sum
	}
	return nil
}

func (f *identifying) section(i int) error {
	switch s := &f.im.Sections[i]; {
	case s.Name == ".comment":
		return f.comments(i)
	case s.Name == ".modinfo" && s.Alloc():
		return f.vermagic(i)
	case s.Type == elfmap.TypeNote && s.Alloc():
		return f.buildID(i)
	case s.Alloc() && !s.Exec() && !s.Nobits() && strings.Contains(s.Name, "rodata"):
		return f.toolchainPath(i)
	}
	return nil
}

// text adds a text that lies in one piece.
func (f *identifying) text(what, value string, section int, start, end uint64) {
	if len(f.texts) < maxTexts {
		f.texts = append(f.texts, Text{what, value, int64(end - start), f.im.Sections[section].Name})
		f.spans[section] = append(f.spans[section], span{start, end})
	}
}

func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// comments sorts the strings of .comment by tool. Compilers and linkers each leave one there; it survives strip.
func (f *identifying) comments(section int) error {
	b, err := f.im.Data(section)
	if err != nil {
		return err
	}
	t := &f.tools
	for part := range bytes.SplitSeq(b, []byte{0}) {
		s := printable(part)
		switch {
		case strings.HasPrefix(s, "rustc version "):
			note(&t.Rustc, strings.TrimPrefix(s, "rustc version "))
		case strings.HasPrefix(s, "Linker: "):
			note(&t.LD, strings.TrimPrefix(s, "Linker: "))
		case strings.HasPrefix(s, "GCC: "), strings.Contains(s, "clang version"):
			note(&t.CC, strings.TrimPrefix(s, "GCC: "))
		}
	}
	return nil
}

// note adds a version to a list of some, once.
func note(list *[]string, version string) {
	if version != "" && len(*list) < maxVersions && !slices.Contains(*list, version) {
		*list = append(*list, version)
	}
}

// vermagic finds the version text of a module.
func (f *identifying) vermagic(section int) error {
	b, err := f.im.Data(section)
	if err != nil {
		return err
	}
	at := uint64(0)
	for part := range bytes.SplitAfterSeq(b, []byte{0}) {
		end := at + uint64(len(part))
		if v, ok := bytes.CutPrefix(part, []byte("vermagic=")); ok {
			f.text(textVermagic, printable(bytes.TrimRight(v, "\x00")), section, at, end)
		}
		at = end
	}
	return nil
}

// buildID finds the build id in a section of notes (gABI, "Note Section"): name "GNU", type 3.
func (f *identifying) buildID(section int) error {
	b, err := f.im.Data(section)
	if err != nil {
		return err
	}
	for at := uint64(0); at+12 <= uint64(len(b)); {
		n := b[at:]
		name, desc := uint64(uint32(f.im.Word(n))), uint64(uint32(f.im.Word(n[4:])))
		nameEnd := 12 + (name+3)&^3
		end := nameEnd + (desc+3)&^3
		if end > uint64(len(n)) {
			break
		}
		if f.im.Word(n[8:]) == 3 && string(n[12:12+name]) == "GNU\x00" {
			f.text(textBuildID, hex.EncodeToString(n[nameEnd:nameEnd+min(desc, 64)]), section, at, at+end)
		}
		at += end
	}
	return nil
}

// banner reads linux_banner, which names the linker too: "Linux version 6.12.1 (user@host) (gcc 14.2.0, GNU ld 2.44) #1".
func (f *identifying) banner(s *elfmap.Symbol) error {
	if s == nil || s.Size == 0 || s.Size > 4096 {
		return nil
	}
	b, err := symbolBytes(f.im, s, s.Size)
	if err != nil || len(b) == 0 {
		return err
	}
	text := printable(bytes.TrimRight(b, "\x00\n"))
	if _, ld, ok := strings.Cut(text, ", "); ok && len(f.tools.LD) == 0 {
		if ld, _, ok = strings.Cut(ld, ") #"); ok {
			note(&f.tools.LD, ld)
		}
	}
	start := f.im.Offset(s)
	f.text(textBanner, text, int(s.Section), start, start+uint64(len(b)))
	return nil
}

// symbolBytes returns a copy of up to n bytes at a symbol, nil when it has none in the file.
func symbolBytes(im *elfmap.Image, s *elfmap.Symbol, n uint64) ([]byte, error) {
	sec := &im.Sections[s.Section]
	off := im.Offset(s)
	if sec.Nobits() || off >= sec.Size {
		return nil, nil
	}
	n = min(n, sec.Size-off)
	b := make([]byte, n)
	if got, err := im.ReadAt(b, int64(sec.Offset+off)); uint64(got) < n {
		return nil, err
	}
	return b, nil
}

// printable keeps a text short and harmless: control characters become spaces.
func printable(b []byte) string {
	b = b[:min(len(b), maxText)]
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(b), "?")))
}
