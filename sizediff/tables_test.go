package sizediff_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// namelessRust are the functions of base's vmlinux that are Rust without a mangled name (kernel-facts, section 1), and their
// crates. All names __rust__* are one body of compiler_builtins.
var namelessRust = map[string]string{
	"rust_fmt_argument": "kernel", "rust_tlb_flush_all_noop": "kernel", "rust_tlb_flush_walk_noop": "kernel",
	"drm_panic_qr_generate": "drm_panic_qr", "drm_panic_qr_max_data_size": "drm_panic_qr",
}

// crateOf is the defining crate of a name in vmlinux, "" for C.
func crateOf(name string) string {
	if n, ok := rustname.Parse(name); ok {
		return n.Crate
	}
	if strings.HasPrefix(name, "__rust__") {
		return "compiler_builtins"
	}
	return namelessRust[name]
}

// kernelImageFile reads a file of a zipped kernel, with debug/elf and as it is.
func kernelImageFile(t testing.TB, build, name string) (*elf.File, []byte) {
	t.Helper()
	b, err := source.Open(kernelFile(t, build), source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i := range b.Files {
		if b.Files[i].Path != name {
			continue
		}
		c, err := b.Files[i].Open()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		data := make([]byte, c.Size())
		if _, err := c.ReadAt(data, 0); err != nil {
			t.Fatal(err)
		}
		return readELF(t, data), data
	}
	t.Fatalf("no %s in %s", name, build)
	return nil, nil
}

func readELF(t testing.TB, data []byte) *elf.File {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// tableShares sums what of a section's tables is given to each crate.
func tableShares(im *sizediff.Image, section string) map[string]int {
	out := map[string]int{}
	for _, s := range im.Shares {
		if s.Class == sizediff.ShareTable && s.Crate != 0 && im.Sections[s.Section].Name == section {
			out[im.Crates[s.Crate]] += int(s.Bytes)
		}
	}
	return out
}

// TestKernelExports: an export costs 12 bytes of __ksymtab, one of __kflagstab, and its name with a zero behind.
// 716 mangled names are exported, of core 443, of kernel 272, of __rustc 1.
func TestKernelExports(t *testing.T) {
	file, data := kernelImageFile(t, "base.zip", "vmlinux")
	im := measureELF(t, data)
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	mangled, entries, flags, strs := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for _, s := range symbols {
		name, ok := strings.CutPrefix(s.Name, "__ksymtab_")
		crate := crateOf(name)
		if !ok || crate == "" {
			continue
		}
		if strings.HasPrefix(name, "_R") {
			mangled[crate]++
		}
		entries[crate] += 12
		flags[crate]++
		strs[crate] += len(name) + 1
	}
	if diff := cmp.Diff(map[string]int{"core": 443, "kernel": 272, "__rustc": 1}, mangled); diff != "" {
		t.Errorf("exports of mangled names (-facts +debug/elf):\n%s", diff)
	}
	for section, want := range map[string]map[string]int{"__ksymtab": entries, "__kflagstab": flags, "__ksymtab_strings": strs} {
		if diff := cmp.Diff(want, tableShares(im, section)); diff != "" {
			t.Errorf("%s (-debug/elf +ours):\n%s", section, diff)
		}
	}
}

// kallsymsTable cuts a table out of .rodata: from its label to the next of any name.
func kallsymsTable(t *testing.T, file *elf.File, symbols []elf.Symbol, name string) []byte {
	t.Helper()
	var at, end uint64
	for _, s := range symbols {
		if s.Name == name {
			at = s.Value
		}
	}
	rodata := file.Section(".rodata")
	end = rodata.Addr + rodata.Size
	for _, s := range symbols {
		if s.Value > at && s.Value < end && s.Section == elf.SectionIndex(sectionIndex(file, ".rodata")) {
			end = s.Value
		}
	}
	b, err := rodata.Data()
	if err != nil || at == 0 {
		t.Fatalf("no %s: %v", name, err)
	}
	return b[at-rodata.Addr : end-rodata.Addr]
}

func sectionIndex(file *elf.File, name string) int {
	for i, s := range file.Sections {
		if s.Name == name {
			return i
		}
	}
	return -1
}

// TestKernelKallsyms decompresses kallsyms (scripts/kallsyms.c) and adds up what Rust names take there: the name with its
// length, an offset of 4 bytes and a place of 3 in the sorted order.
func TestKernelKallsyms(t *testing.T) {
	file, data := kernelImageFile(t, "base.zip", "vmlinux")
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range symbols {
		known[s.Name] = true
	}
	names := kallsymsTable(t, file, symbols, "kallsyms_names")
	tokens := kallsymsTable(t, file, symbols, "kallsyms_token_table")
	index := kallsymsTable(t, file, symbols, "kallsyms_token_index")
	want := map[string]int{}
	count := 0
	for pos := 0; pos < len(names) && names[pos] != 0; count++ {
		n, head := int(names[pos]), 1
		if n&0x80 != 0 {
			n, head = n&0x7f|int(names[pos+1])<<7, 2
		}
		var name []byte
		for _, c := range names[pos+head : pos+head+n] {
			token := tokens[binary.LittleEndian.Uint16(index[2*int(c):]):]
			name = append(name, token[:bytes.IndexByte(token, 0)]...)
		}
		plain := string(name[1:])
		if !known[plain] {
			t.Errorf("kallsyms has %q, which the symbol table has not", plain)
		}
		for _, p := range []string{"__pfx_", "__ksymtab_", "__flags_"} { // labels at what the symbol needs elsewhere
			plain = strings.TrimPrefix(plain, p)
		}
		if crate := crateOf(plain); crate != "" {
			want[crate] += head + n + 4 + 3
		}
		pos += head + n
	}
	if count < 40_000 || want["core"] < 20_000 {
		t.Fatalf("%d names in kallsyms, core's take %d bytes: the test reads it wrongly", count, want["core"])
	}
	im := measureELF(t, data)
	if diff := cmp.Diff(want, tableShares(im, ".rodata")); diff != "" {
		t.Errorf("(-decompressed +ours):\n%s", diff)
	}
	total := 0
	for _, s := range im.Shares {
		if s.Table == "kallsyms" {
			total += int(s.Bytes)
		}
	}
	// markers: one of 4 bytes for 256 names; and less than 8 to align each of the eight tables
	exact := len(names) + (4+3)*count + 4*((count+255)/256) + len(tokens) + len(index) + 4
	if total < exact || total > exact+8*8 {
		t.Errorf("kallsyms takes %d bytes in all, want %d and what aligns it", total, exact)
	}
}

// extent is where the code of one crate is.
type extent struct {
	start, end uint64
	crate      string
}

// rustExtents lists the code of Rust functions by address, with the prefixes in front of them.
func rustExtents(t *testing.T, file *elf.File) []extent {
	t.Helper()
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var out []extent
	for _, s := range symbols {
		if crate := crateOf(strings.TrimPrefix(s.Name, "__pfx_")); crate != "" && elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Size > 0 {
			out = append(out, extent{s.Value, s.Value + s.Size, crate})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].start < out[j].start })
	return out
}

func crateAt(list []extent, at uint64) string {
	for _, e := range list {
		if at >= e.start && at < e.end {
			return e.crate
		}
	}
	return ""
}

// TestKernelSites recomputes which entries of vmlinux's tables of code places are of Rust code: each begins with the distance
// from itself to the place.
func TestKernelSites(t *testing.T) {
	file, data := kernelImageFile(t, "base.zip", "vmlinux")
	im := measureELF(t, data)
	code := rustExtents(t, file)
	for _, table := range []struct {
		name string
		size uint64
		with string // a table with an entry of 6 bytes for each
	}{{".orc_unwind_ip", 4, ".orc_unwind"}, {".call_sites", 4, ""}, {".return_sites", 4, ""}, {".retpoline_sites", 4, ""}, {".ibt_endbr_seal", 4, ""},
		{"__bug_table", 16, ""}, {"__ex_table", 12, ""}, {".altinstructions", 14, ""}} {
		s := file.Section(table.name)
		b, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		want, entries := map[string]int{}, map[string]int{}
		for off := uint64(0); off < s.Size; off += table.size {
			if c := crateAt(code, s.Addr+off+uint64(int64(int32(binary.LittleEndian.Uint32(b[off:]))))); c != "" {
				want[c] += int(table.size)
				entries[c] += 6
			}
		}
		if diff := cmp.Diff(want, tableShares(im, table.name)); diff != "" {
			t.Errorf("%s (-debug/elf +ours):\n%s", table.name, diff)
		}
		if table.with == "" {
			continue
		}
		if len(entries) < 4 {
			t.Errorf("%s has entries of %v only", table.name, entries)
		}
		if diff := cmp.Diff(entries, tableShares(im, table.with)); diff != "" {
			t.Errorf("%s (-debug/elf +ours):\n%s", table.with, diff)
		}
	}
}

// TestModuleSites does the same for a module, where relocations say what an entry is about. Both functions that every module
// has are Rust there.
func TestModuleSites(t *testing.T) {
	file, data := kernelImageFile(t, "fmtgrowth.zip", "samples/rust/rust_minimal.ko")
	im := measureELF(t, data)
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".orc_unwind_ip", ".call_sites", ".return_sites", ".ibt_endbr_seal", "__patchable_function_entries"} {
		size := uint64(4)
		if name == "__patchable_function_entries" {
			size = 8
		}
		b, err := file.Section(".rela" + name).Data()
		if err != nil {
			t.Fatal(err)
		}
		relas := make([]elf.Rela64, len(b)/24)
		if err := binary.Read(bytes.NewReader(b), binary.LittleEndian, relas); err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, r := range relas {
			target := symbols[elf.R_SYM64(r.Info)-1]
			if r.Off%size == 0 && inRustFunction(symbols, target.Section, target.Value+uint64(r.Addend)) {
				want += int(size)
			}
		}
		got := 0
		for _, n := range tableShares(im, name) {
			got += n
		}
		if got != want || want == 0 {
			t.Errorf("%s: %d bytes are of Rust, want %d", name, got, want)
		}
	}
}

// inRustFunction looks for a function of Rust, or its prefix, at an offset in a section of a module.
func inRustFunction(symbols []elf.Symbol, section elf.SectionIndex, at uint64) bool {
	for _, s := range symbols {
		name := strings.TrimPrefix(s.Name, "__pfx_")
		rust := crateOf(name) != "" || name == "init_module" || name == "cleanup_module"
		if rust && s.Section == section && elf.ST_TYPE(s.Info) == elf.STT_FUNC && at >= s.Value && at < s.Value+s.Size {
			return true
		}
	}
	return false
}

// TestEntrySizes: of a table whose kernel had entries of another size, the size is found by what every entry must be.
func TestEntrySizes(t *testing.T) {
	const rust = "_RNvCsdJ13ReMSUMg_6kernel5print"
	for _, size := range []int{16, 12, 8} { // of __bug_table over the years
		table := make([]byte, 48)
		f := functions(elf.ET_REL, global(rust), global("c_function"))
		var relas []elf.Rela64
		for off := 0; off < len(table); off += size {
			symbol := uint32(1)
			if off%(2*size) != 0 {
				symbol = 2
			}
			relas = append(relas, rela(uint64(off), symbol, elf.R_X86_64_PC32, 0))
		}
		f.sections = append(f.sections, elfSection{name: "__bug_table", flags: writable, data: table, relas: relas})
		want := map[string]int{"kernel": (48/size + 1) / 2 * size}
		if diff := cmp.Diff(want, tableShares(measureELF(t, f.bytes()), "__bug_table")); diff != "" {
			t.Errorf("entries of %d bytes (-want +got):\n%s", size, diff)
		}
	}
}

// TestExportTables reads a module made by hand; see testdata/src/tables.S. Nothing in it is Rust but what we call so here.
func TestExportTables(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "asm", "tables.ko"))
	if err != nil {
		t.Fatal(err)
	}
	im := measureELF(t, data)
	for _, s := range im.Shares {
		if s.Crate != 0 {
			t.Errorf("%d bytes of %s are given to %s, and there is no Rust", s.Bytes, im.Sections[s.Section].Name, im.Crates[s.Crate])
		}
	}
	for _, s := range im.Sections {
		if s.Name == ".orc_unwind" || s.Name == "__ksymtab_strings" || s.Name == ".BTF" {
			if !s.Derived {
				t.Errorf("%s is no derived table", s.Name)
			}
		}
	}
}
