package sizediff_test

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// textModule is a module in which only texts need to differ.
type textModule struct {
	vermagic, description string
	buildID               byte
	toolchain             string // where the sources of core were
	code                  byte
	symbol                string
}

var plainModule = textModule{"7.2.13 SMP preempt mod_unload", "a driver", 1, "/usr/lib/rustlib/src/rust", 0x50, "probe"}

func (m textModule) bytes() []byte {
	modinfo := "license=GPL\x00vermagic=" + m.vermagic + "\x00description=" + m.description + "\x00"
	note := []byte("\x04\x00\x00\x00\x14\x00\x00\x00\x03\x00\x00\x00GNU\x00")
	note = append(note, bytes.Repeat([]byte{m.buildID}, 20)...)
	f := elfFile{typ: elf.ET_REL, sections: []elfSection{
		{name: ".text", flags: execable, data: bytes.Repeat([]byte{m.code}, 64)},
		{name: ".rodata", flags: alloc, data: locations(m.toolchain, "fmt/mod.rs", "str/mod.rs")},
		{name: ".modinfo", flags: alloc, data: []byte(modinfo)},
		{name: ".note.gnu.build-id", typ: elf.SHT_NOTE, flags: alloc, data: note},
	}}
	f.symbols = []elfSymbol{
		{name: "__UNIQUE_ID_vermagic", section: ".modinfo", typ: elf.STT_OBJECT, value: 12, size: uint64(len("vermagic=") + len(m.vermagic) + 1)},
		{name: m.symbol, section: ".text", typ: elf.STT_FUNC, size: 64, bind: elf.STB_GLOBAL},
	}
	return f.bytes()
}

// locations is what rustc makes of panic locations: the strings side by side, then for each a pointer (a relocation fills
// it in), the length, line and column.
func locations(toolchain string, files ...string) []byte {
	var out []byte
	for _, f := range files {
		out = append(out, toolchain+"/library/core/src/"+f...)
	}
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	for i, f := range files {
		out = binary.LittleEndian.AppendUint64(out, 0)
		out = binary.LittleEndian.AppendUint64(out, uint64(len(toolchain+"/library/core/src/"+f)))
		out = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(out, uint32(100+i)), 9)
	}
	return out
}

// textBuild writes modules into a folder and measures it.
func textBuild(t *testing.T, modules map[string][]byte) *sizediff.Measurement {
	t.Helper()
	dir := t.TempDir()
	for name, data := range modules {
		write(t, filepath.Join(dir, name), data)
	}
	return measureBuild(t, dir, nil)
}

// TestTextOnly holds what counts as a difference of texts only, and that it is said once for all modules.
func TestTextOnly(t *testing.T) {
	tests := []struct {
		name   string
		change func(*textModule)
		only   bool
		texts  []sizediff.TextChange // of two modules
	}{{
		name: "vermagic", change: func(m *textModule) { m.vermagic = "7.2.6 SMP preempt mod_unload" }, only: true,
		texts: []sizediff.TextChange{{What: "vermagic", Base: "7.2.13 SMP preempt mod_unload", Head: "7.2.6 SMP preempt mod_unload", Delta: -2}},
	}, {
		name: "build id", change: func(m *textModule) { m.buildID = 2 }, only: true,
		texts: []sizediff.TextChange{{What: "build id"}},
	}, {
		name: "a toolchain in another folder, as long", change: func(m *textModule) { m.toolchain = "/opt/lib/rustlib/src/rust" }, only: true,
		texts: []sizediff.TextChange{{What: "path of the toolchain", Base: "/usr/lib/rustlib/src/rust", Head: "/opt/lib/rustlib/src/rust"}},
	}, {
		// two strings in each module, 4 bytes longer
		name: "a toolchain in a longer folder", change: func(m *textModule) { m.toolchain = "/home/ci/lib/rustlib/src/rust" }, only: true,
		texts: []sizediff.TextChange{{What: "path of the toolchain", Base: "/usr/lib/rustlib/src/rust", Head: "/home/ci/lib/rustlib/src/rust", Delta: 2 * 2 * 4}},
	}, {
		name: "two texts", change: func(m *textModule) { m.vermagic, m.buildID = "7.2.14 SMP preempt mod_unload", 3 }, only: true,
		texts: []sizediff.TextChange{{What: "build id"}, {What: "vermagic", Base: "7.2.13 SMP preempt mod_unload", Head: "7.2.14 SMP preempt mod_unload"}},
	}, {
		name: "a text and code", change: func(m *textModule) { m.buildID, m.code = 2, 0x51 },
		texts: []sizediff.TextChange{{What: "build id"}},
	}, {
		name: "a text and other bytes of its section", change: func(m *textModule) { m.vermagic, m.description = "7.2.14 SMP preempt mod_unload", "a drover" },
		texts: []sizediff.TextChange{{What: "vermagic", Base: "7.2.13 SMP preempt mod_unload", Head: "7.2.14 SMP preempt mod_unload"}},
	}, {
		name: "a text and a name", change: func(m *textModule) { m.buildID, m.symbol = 2, "attach" },
		texts: []sizediff.TextChange{{What: "build id"}},
	}, {
		name: "no text", change: func(m *textModule) { m.description = "a drover" },
		texts: []sizediff.TextChange{},
	}, {
		name: "only a name", change: func(m *textModule) { m.symbol = "attach" },
		texts: []sizediff.TextChange{},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changed := plainModule
			tt.change(&changed)
			base := textBuild(t, map[string][]byte{"a.ko": plainModule.bytes(), "b/b.ko": plainModule.bytes()})
			head := textBuild(t, map[string][]byte{"a.ko": changed.bytes(), "b/b.ko": changed.bytes()})
			r := compareMade(t, base, head)
			for _, im := range r.Images {
				if im.Status != sizediff.ImageChanged || im.TextOnly != tt.only {
					t.Errorf("%s is %s, text only %v; want changed, %v", im.Path, im.Status, im.TextOnly, tt.only)
				}
			}
			for i := range tt.texts {
				tt.texts[i].Images = []string{"a.ko", "b/b.ko"}
			}
			if diff := cmp.Diff(tt.texts, r.Texts); diff != "" {
				t.Errorf("texts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTextOnlyNeedsLengths: the length of a string with a path follows the path; any other length is a change.
func TestTextOnlyNeedsLengths(t *testing.T) {
	base, head := plainModule, plainModule
	head.toolchain = "/home/ci/lib/rustlib/src/rust"
	file := head.bytes()
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(head.toolchain+"/library/core/src/fmt/mod.rs")))
	i := bytes.LastIndex(file, length)
	if i < 0 {
		t.Fatal("no length of a location in the file")
	}
	file[i]++
	r := compareMade(t, textBuild(t, map[string][]byte{"a.ko": base.bytes()}), textBuild(t, map[string][]byte{"a.ko": file}))
	if r.Images[0].TextOnly {
		t.Error("another length of a string reads as text only")
	}
}

// kernelImage is a linked image with a banner and an embedded configuration.
func kernelImage(t *testing.T, banner, config string, code byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(config))
	w.Close()
	rodata := append([]byte(banner+"\n\x00"), z.Bytes()...)
	at := uint64(0x2000)
	n := uint64(len(banner) + 2)
	return (&elfFile{typ: elf.ET_EXEC, sections: []elfSection{
		{name: ".text", flags: execable, addr: 0x1000, data: bytes.Repeat([]byte{code}, 32)},
		{name: ".rodata", flags: alloc, addr: at, data: rodata},
	}, symbols: []elfSymbol{
		{name: "linux_banner", section: ".rodata", typ: elf.STT_OBJECT, bind: elf.STB_GLOBAL, value: at, size: n},
		{name: "kernel_config_data", section: ".rodata", bind: elf.STB_GLOBAL, value: at + n},
		{name: "kernel_config_data_end", section: ".rodata", bind: elf.STB_GLOBAL, value: at + uint64(len(rodata))},
		{name: "start_kernel", section: ".text", typ: elf.STT_FUNC, bind: elf.STB_GLOBAL, value: 0x1000, size: 32},
	}}).bytes()
}

const (
	bannerA = "Linux version 7.2.13 (ci@host) (clang version 21.1.8, GNU ld (GNU Binutils) 2.47) #1 SMP"
	bannerB = "Linux version 7.2.13 (ci@host) (clang version 21.1.8, GNU ld (GNU Binutils) 2.47) #2 SMP"
)

// TestKernelTexts does the same for what only vmlinux has, and reads the linker and the configuration there.
func TestKernelTexts(t *testing.T) {
	base := textBuild(t, map[string][]byte{"vmlinux": kernelImage(t, bannerA, "CONFIG_SMP=y\nCONFIG_HZ=250\n", 0x50)})
	if diff := cmp.Diff([]sizediff.Option{{Name: "HZ", Value: "250"}, {Name: "SMP", Value: "y"}}, base.Config); diff != "" {
		t.Errorf("embedded configuration (-want +got):\n%s", diff)
	}
	tests := []struct {
		name string
		head []byte
		only bool
		what []string
	}{
		{"banner", kernelImage(t, bannerB, "CONFIG_SMP=y\nCONFIG_HZ=250\n", 0x50), true, []string{"linux_banner"}},
		{"configuration", kernelImage(t, bannerA, "CONFIG_SMP=y\nCONFIG_HZ=300\n", 0x50), true, []string{"embedded configuration"}},
		{"banner and code", kernelImage(t, bannerB, "CONFIG_SMP=y\nCONFIG_HZ=250\n", 0x51), false, []string{"linux_banner"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := compareMade(t, base, textBuild(t, map[string][]byte{"vmlinux": tt.head}))
			if diff := cmp.Diff([]string{"GNU ld (GNU Binutils) 2.47"}, r.Base.Fingerprint.LD); diff != "" {
				t.Errorf("linker (-want +got):\n%s", diff)
			}
			var what []string
			for _, x := range r.Texts {
				what = append(what, x.What)
			}
			if im := r.Images[0]; im.TextOnly != tt.only || !cmp.Equal(what, tt.what) {
				t.Errorf("text only %v, texts %q; want %v, %q", im.TextOnly, what, tt.only, tt.what)
			}
		})
	}
}

// TestKernelTextsSaid reads the texts of a real kernel, which kernel-facts names.
func TestKernelTextsSaid(t *testing.T) {
	m := measureBuild(t, kernelFile(t, "base.zip"), nil)
	texts := map[string]sizediff.Text{}
	for _, x := range image(t, m, "vmlinux").Texts {
		texts[x.What] = x
	}
	if x := texts["linux_banner"]; !strings.HasPrefix(x.Value, "Linux version 7.2.13 (") || x.Section != ".rodata" {
		t.Errorf("banner %+v", x)
	}
	if x := texts["path of the toolchain"]; x.Value != "/usr/lib/rustlib/src/rust" || x.Size != int64(29*len(x.Value)) {
		t.Errorf("toolchain %+v, want /usr/lib/rustlib/src/rust 29 times", x)
	}
	if x := texts["embedded configuration"]; x.Size < 15_000 || x.Size > 16_500 {
		t.Errorf("embedded configuration %+v, want about 15.6 KB", x)
	}
	if x := texts["build id"]; len(x.Value) != 40 || x.Section != ".notes" {
		t.Errorf("build id %+v", x)
	}
	modules := 0
	for _, f := range m.Images {
		for _, x := range f.Texts {
			if x.What == "vermagic" && x.Value == "7.2.13 SMP preempt mod_unload" && x.Section == ".modinfo" {
				modules++
			}
		}
	}
	if modules != 20 {
		t.Errorf("%d modules with the vermagic, want 20", modules)
	}
}
