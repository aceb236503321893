package sizediff_test

import (
	"debug/elf"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

func TestParseConfig(t *testing.T) {
	tests := []struct {
		name, text string
		want       []sizediff.Option
	}{
		{"empty", "", nil},
		{"comments only", "#\n# Automatically generated file; DO NOT EDIT.\n# CONFIG_WERROR is not set\n", nil},
		{"every type, sorted", "CONFIG_Z=m\nCONFIG_A=y\nCONFIG_HZ=250\nCONFIG_ADDR=0xffff\nCONFIG_TEXT=\"a = b\"\n", []sizediff.Option{
			{Name: "A", Value: "y"}, {Name: "ADDR", Value: "0xffff"}, {Name: "HZ", Value: "250"}, {Name: "TEXT", Value: `"a = b"`}, {Name: "Z", Value: "m"}}},
		{"set twice: the last counts", "CONFIG_A=y\nCONFIG_B=y\nCONFIG_A=m\n", []sizediff.Option{{Name: "A", Value: "m"}, {Name: "B", Value: "y"}}},
		{"line ends of other systems, none at the end", "CONFIG_A=y\r\nCONFIG_B=m", []sizediff.Option{{Name: "A", Value: "y"}, {Name: "B", Value: "m"}}},
		{"what is no option", "A=y\n CONFIG_B=y\nCONFIG_=y\nCONFIG_C\nXCONFIG_D=y\n", nil},
		{"control characters", "CONFIG_A=\"a\x1b[31mb\xff\"\n", []sizediff.Option{{Name: "A", Value: `"a [31mb?"`}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, sizediff.ParseConfig([]byte(tt.text))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestLongOption: values are kept short, and still differ when they differ far behind.
func TestLongOption(t *testing.T) {
	long := strings.Repeat("x", 4000)
	a, b := sizediff.ParseConfig([]byte("CONFIG_A="+long+"1")), sizediff.ParseConfig([]byte("CONFIG_A="+long+"2"))
	if len(a) != 1 || len(b) != 1 || len(a[0].Value) > 512 || a[0].Value == b[0].Value {
		t.Errorf("%q and %q", a, b)
	}
}

func TestConfigChanges(t *testing.T) {
	config := func(text string) *sizediff.Measurement {
		m := makeBuild(makeImage(t, "vmlinux", fn("start_kernel", 8)))
		m.Config = sizediff.ParseConfig([]byte(text))
		return m
	}
	base := config("CONFIG_A=y\nCONFIG_HZ=250\nCONFIG_RUSTC_VERSION=109600\nCONFIG_CC_VERSION_TEXT=\"clang 20\"\nCONFIG_SAME=y\n")
	head := config("CONFIG_B=m\nCONFIG_HZ=300\nCONFIG_RUSTC_VERSION=109701\nCONFIG_CC_VERSION_TEXT=\"clang 21\"\nCONFIG_SAME=y\n")
	want := []sizediff.OptionChange{
		{Option: "CONFIG_A", Base: "y"}, {Option: "CONFIG_B", Head: "m"},
		{Option: "CONFIG_CC_VERSION_TEXT", Base: `"clang 20"`, Head: `"clang 21"`, Version: true}, {Option: "CONFIG_HZ", Base: "250", Head: "300"},
		{Option: "CONFIG_RUSTC_VERSION", Base: "109600", Head: "109701", Version: true},
	}
	r := compareMade(t, base, head)
	if diff := cmp.Diff(want, r.Config); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a, b := r.Base.Fingerprint.ConfigSHA256, r.Head.Fingerprint.ConfigSHA256; len(a) != 64 || a == b {
		t.Errorf("digests %q and %q, want two", a, b)
	}
	unknown := compareMade(t, makeBuild(makeImage(t, "vmlinux", fn("start_kernel", 8))), head)
	if len(unknown.Config) != 0 || unknown.Base.Fingerprint.ConfigSHA256 != "" {
		t.Errorf("a build without a configuration differs in %+v", unknown.Config)
	}
}

// TestFingerprint: what is not known does not differ, and one build can hold several versions.
func TestFingerprint(t *testing.T) {
	build := func(rustc ...string) *sizediff.Measurement {
		m := &sizediff.Measurement{Label: "made", Portable: true}
		for i, v := range rustc {
			f := makeImage(t, string(rune('a'+i))+".ko", fn("f", 8))
			if v != "" {
				f.Tools.Rustc = []string{v}
			}
			m.Images = append(m.Images, f)
		}
		return m
	}
	tests := []struct {
		name       string
		base, head []string
		state      sizediff.State
		rustc      []string // of head
	}{
		{"equal", []string{"1.96"}, []string{"1.96"}, sizediff.Identical, []string{"1.96"}},
		{"changed", []string{"1.96"}, []string{"1.97"}, sizediff.ToolchainChanged, []string{"1.97"}},
		{"base unknown", []string{""}, []string{"1.97"}, sizediff.Identical, []string{"1.97"}},
		{"head unknown", []string{"1.97"}, []string{""}, sizediff.Identical, []string{}},
		{"head mixes", []string{"1.97", "1.97"}, []string{"1.97", "1.96"}, sizediff.ToolchainChanged, []string{"1.96", "1.97"}},
		{"both mix alike", []string{"1.96", "1.97"}, []string{"1.97", "1.96"}, sizediff.Identical, []string{"1.96", "1.97"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := compareMade(t, build(tt.base...), build(tt.head...))
			if r.State != tt.state || !cmp.Equal(r.Head.Fingerprint.Rustc, tt.rustc) {
				t.Errorf("state %s, rustc %q; want %s, %q", r.State, r.Head.Fingerprint.Rustc, tt.state, tt.rustc)
			}
		})
	}
}

// TestComments reads the tools that .comment names, as clang, gcc, rustc and LLD write them there.
func TestComments(t *testing.T) {
	f := elfFile{typ: elf.ET_EXEC, sections: []elfSection{
		{name: ".text", flags: execable, data: code(8)},
		{name: ".comment", data: []byte("Linker: Debian LLD 21.1.8\x00Debian clang version 21.1.8 (14)\x00\x00GCC: (Debian 14.2.0-19) 14.2.0\x00" +
			"rustc version 1.97.1 (8bab26f4f 2026-07-14) (built from a source tarball)\x00rustc version 1.97.1 (8bab26f4f 2026-07-14) (built from a source tarball)\x00something else\x00")},
	}}
	want := sizediff.Tools{
		Rustc: []string{"1.97.1 (8bab26f4f 2026-07-14) (built from a source tarball)"},
		CC:    []string{"(Debian 14.2.0-19) 14.2.0", "Debian clang version 21.1.8 (14)"},
		LD:    []string{"Debian LLD 21.1.8"},
	}
	if diff := cmp.Diff(want, measureELF(t, f.bytes()).Tools); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f.sections[1].data = []byte(strings.Repeat("rustc version 1.97.1-"+"0123456789\x00", 1))
	for i := range 1000 {
		f.sections[1].data = append(f.sections[1].data, "rustc version 1."+strings.Repeat("9", i)+"\x00"...)
	}
	if n := len(measureELF(t, f.bytes()).Tools.Rustc); n > 16 {
		t.Errorf("%d versions of one tool in one image are kept", n)
	}
}

// TestLone: two files given by themselves are compared whatever their names, a file and a build are not.
func TestLone(t *testing.T) {
	dir := t.TempDir()
	before, after := functions(elf.ET_EXEC, global("f")), functions(elf.ET_EXEC, global("f"), global("g"))
	write(t, filepath.Join(dir, "vmlinux.before"), before.bytes())
	write(t, filepath.Join(dir, "vmlinux.after"), after.bytes())
	write(t, filepath.Join(dir, "build", "vmlinux.after"), after.bytes())
	base := measureBuild(t, filepath.Join(dir, "vmlinux.before"), nil)
	head := measureBuild(t, filepath.Join(dir, "vmlinux.after"), nil)
	r := sizediff.Compare(base, head, sizediff.LinuxKernel().Buckets)
	if len(r.Images) != 1 || r.Images[0].Status != sizediff.ImageChanged || r.Images[0].Path != "vmlinux.after" {
		t.Errorf("two lone files: %+v", r.Images)
	}
	if diff := cmp.Diff([]string{"added g 0 16"}, rows(r)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	tree := measureBuild(t, filepath.Join(dir, "build"), nil)
	if r := sizediff.Compare(base, tree, sizediff.LinuxKernel().Buckets); len(r.Images) != 2 {
		t.Errorf("a lone file and a build: %+v", r.Images)
	}
}
