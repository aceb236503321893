package sizediff

import (
	"bytes"
	"encoding/hex"
	"slices"
	"sort"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

const maxText = 512 // bytes of a text that is kept

// What a Text can be.
const (
	textVermagic = "vermagic"
	textBanner   = "linux_banner"
	textBuildID  = "build id"
	textConfig   = "embedded configuration"
)

// identify reads what an image says of the tools that made it, and the texts in it that only say when, where or by what.
func identify(im *elfmap.Image, m *elfmap.Map) (Tools, []Text, error) {
	var tools Tools
	var texts []Text
	for i := range im.Sections {
		s := &im.Sections[i]
		var err error
		switch {
		case s.Name == ".comment":
			err = comments(im, i, &tools)
		case s.Name == ".modinfo":
			texts, err = vermagic(im, i, texts)
		case s.Type == elfmap.TypeNote && s.Alloc():
			texts, err = buildID(im, i, texts)
		}
		if err != nil {
			return tools, nil, err
		}
	}
	texts, err := bannerAndConfig(im, m, &tools, texts)
	tools.Rustc, tools.CC, tools.LD = unique(tools.Rustc), unique(tools.CC), unique(tools.LD)
	return tools, texts, err
}

func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// comments sorts the strings of .comment by tool. Compilers and linkers each leave one there; it survives strip.
func comments(im *elfmap.Image, section int, t *Tools) error {
	b, err := im.Data(section)
	if err != nil {
		return err
	}
	for _, part := range bytes.Split(b, []byte{0}) {
		s := strings.TrimSpace(string(part[:min(len(part), maxText)]))
		switch {
		case s == "":
		case strings.HasPrefix(s, "rustc version "):
			t.Rustc = append(t.Rustc, strings.TrimPrefix(s, "rustc version "))
		case strings.HasPrefix(s, "Linker: "):
			t.LD = append(t.LD, strings.TrimPrefix(s, "Linker: "))
		case strings.HasPrefix(s, "GCC: "), strings.Contains(s, "clang version"):
			t.CC = append(t.CC, strings.TrimPrefix(s, "GCC: "))
		}
	}
	return nil
}

// vermagic finds the version text of a module.
func vermagic(im *elfmap.Image, section int, texts []Text) ([]Text, error) {
	b, err := im.Data(section)
	if err != nil {
		return nil, err
	}
	for _, part := range bytes.Split(b, []byte{0}) {
		if v, ok := bytes.CutPrefix(part, []byte("vermagic=")); ok {
			texts = append(texts, Text{textVermagic, printable(v), int64(len(part)) + 1, im.Sections[section].Name})
		}
	}
	return texts, nil
}

// buildID finds the build id in a section of notes (gABI, "Note Section"): name "GNU", type 3.
func buildID(im *elfmap.Image, section int, texts []Text) ([]Text, error) {
	b, err := im.Data(section)
	if err != nil {
		return nil, err
	}
	for len(b) >= 12 {
		name, desc := uint64(uint32(im.Word(b))), uint64(uint32(im.Word(b[4:])))
		kind := im.Word(b[8:])
		nameEnd := 12 + (name+3)&^3
		end := nameEnd + (desc+3)&^3
		if end > uint64(len(b)) {
			break
		}
		if kind == 3 && string(b[12:12+name]) == "GNU\x00" {
			texts = append(texts, Text{textBuildID, hex.EncodeToString(b[nameEnd : nameEnd+min(desc, 64)]), int64(end), im.Sections[section].Name})
		}
		b = b[end:]
	}
	return texts, nil
}

// bannerAndConfig finds linux_banner, which names the linker too, and the configuration inside the image.
func bannerAndConfig(im *elfmap.Image, m *elfmap.Map, tools *Tools, texts []Text) ([]Text, error) {
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if s.Name != "linux_banner" || !s.Defined() || s.Size == 0 || s.Size > 4096 {
			continue
		}
		b, err := symbolBytes(im, s, s.Size)
		if err != nil {
			return nil, err
		}
		if len(b) > 0 {
			texts = append(texts, Text{textBanner, printable(bytes.TrimRight(b, "\x00\n")), int64(len(b)), im.Sections[s.Section].Name})
		}
	}
	blob, section, err := embeddedConfig(im)
	if err != nil {
		return nil, err
	}
	if len(blob) > 0 {
		texts = append(texts, Text{textConfig, shortDigest(blob), int64(len(blob)), im.Sections[section].Name})
	}
	sort.SliceStable(texts, func(i, j int) bool {
		return texts[i].What < texts[j].What || texts[i].What == texts[j].What && texts[i].Value < texts[j].Value
	})
	return texts, nil
}

// symbolBytes returns a copy of up to n bytes at a symbol, nil when it has none in the file.
func symbolBytes(im *elfmap.Image, s *elfmap.Symbol, n uint64) ([]byte, error) {
	sec := &im.Sections[s.Section]
	off := s.Value
	if im.Type != elfmap.FileRelocatable {
		off -= sec.Addr
	}
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
