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
	textSources  = "path of the toolchain"
)

// identify reads what an image says of the tools that made it, the texts in it that only say when, where or by what, and
// the configuration inside it.
func identify(im *elfmap.Image, marks *landmarks, out *Image) error {
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
			return err
		}
	}
	banner, err := readBanner(im, marks.banner, &tools)
	if err != nil {
		return err
	}
	blob, section, err := embeddedConfig(im, marks)
	if err != nil {
		return err
	}
	if len(blob) > 0 {
		texts = append(texts, Text{textConfig, shortDigest(blob), int64(len(blob)), im.Sections[section].Name})
		out.embedded = unpackConfig(blob)
	}
	sources, err := toolchainPath(im)
	if err != nil {
		return err
	}
	out.Texts = append(append(texts, banner...), sources...)
	sort.SliceStable(out.Texts, func(i, j int) bool {
		a, b := &out.Texts[i], &out.Texts[j]
		return a.What < b.What || a.What == b.What && a.Value < b.Value
	})
	out.Tools = Tools{unique(tools.Rustc), unique(tools.CC), unique(tools.LD)}
	return nil
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

// readBanner finds linux_banner, which names the linker too: "Linux version 6.12.1 (user@host) (gcc 14.2.0, GNU ld 2.44) #1".
func readBanner(im *elfmap.Image, s *elfmap.Symbol, tools *Tools) ([]Text, error) {
	if s == nil || s.Size == 0 || s.Size > 4096 {
		return nil, nil
	}
	b, err := symbolBytes(im, s, s.Size)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	text := printable(bytes.TrimRight(b, "\x00\n"))
	if _, ld, ok := strings.Cut(text, ", "); ok && len(tools.LD) == 0 {
		if ld, _, ok = strings.Cut(ld, ") #"); ok {
			tools.LD = append(tools.LD, ld)
		}
	}
	return []Text{{textBanner, text, int64(len(b)), im.Sections[s.Section].Name}}, nil
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

// coreSources is what paths to the sources of core look like in panic locations, whatever stands before it. The kernel
// remaps its own paths, not the toolchain's.
var coreSources = []byte("/library/core/src/")

// toolchainPath finds where the compiler's own sources were, as panic locations of inlined core code say. Only what all
// occurrences in a section have in common is the path: strings of Rust stand side by side without an end mark.
func toolchainPath(im *elfmap.Image) ([]Text, error) {
	var out []Text
	for i := range im.Sections {
		s := &im.Sections[i]
		if !s.Alloc() || s.Exec() || s.Nobits() || !strings.Contains(s.Name, "rodata") {
			continue
		}
		b, err := im.Data(i)
		if err != nil {
			return nil, err
		}
		var path []byte
		count := 0
		for at := bytes.Index(b, coreSources); at >= 0; {
			path = commonEnd(path, b[max(0, at-maxText):at], count == 0)
			count++
			next := bytes.Index(b[at+1:], coreSources)
			if next < 0 {
				break
			}
			at += 1 + next
		}
		if path = path[max(bytes.IndexByte(path, '/'), 0):]; count > 0 && len(path) > 0 {
			out = append(out, Text{textSources, printable(path), int64(count * len(path)), s.Name})
		}
	}
	return out, nil
}

// commonEnd returns what a and b both end with, as far as it can be part of a path; b alone when it is the first.
func commonEnd(a, b []byte, first bool) []byte {
	n := 0
	for n < len(b) && pathByte(b[len(b)-1-n]) && (first || n < len(a) && a[len(a)-1-n] == b[len(b)-1-n]) {
		n++
	}
	return b[len(b)-n:]
}

func pathByte(c byte) bool {
	return c == '/' || c == '.' || c == '_' || c == '-' || c == '+' || c == '~' || c == '@' ||
		c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
