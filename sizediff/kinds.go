package sizediff

import (
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// derivedSections are the tables that grow because other things grow: unwind data, exported names, exception and call
// site tables, type information, dynamic linking. An entry that ends in * is a prefix.
var derivedSections = []string{
	".orc_*", "__ksymtab*", "__kcrctab*", "__kflagstab*", ".BTF*", "__ex_table", "__bug_table", "__jump_table",
	".call_sites", ".return_sites", ".retpoline_sites", ".ibt_endbr_seal", ".cfi_sites", ".static_call_sites",
	".altinstructions", ".parainstructions", ".smp_locks", "__mcount_loc", "__patchable_function_entries",
	".eh_frame*", ".gcc_except_table*", ".ARM.exidx*", ".ARM.extab*", ".rela.dyn", ".rela.plt", ".rel.dyn", ".rel.plt", ".relr.dyn",
	".dynsym", ".dynstr", ".gnu.hash", ".hash", ".gnu.version*",
}

// isDerived reports whether a section is a derived table. Names of modules' exit and init copies count too.
func isDerived(name string) bool {
	for _, p := range derivedSections {
		if q, ok := strings.CutSuffix(p, "*"); ok && strings.HasPrefix(name, q) || name == p {
			return true
		}
	}
	return false
}

// initSections is what vmlinux frees after boot, for images that do not mark the region themselves.
var initSections = []string{
	".init.*", ".exit.*", ".altinstr*", ".parainstructions", ".apicdrivers", ".x86_cpu_dev.init", ".cpuidle_*",
	".retpoline_sites", ".return_sites", ".call_sites", ".ibt_endbr_seal", ".cfi_sites", ".data..percpu",
}

// kinds decides where sections end up in memory. It knows vmlinux, modules, and objects that become part of one.
type kinds struct {
	module      bool
	discardExit bool   // modules cannot be unloaded: .exit.* is not kept
	begin, end  uint64 // the region of vmlinux that is freed, when it is marked
}

func newKinds(im *elfmap.Image, marks *landmarks, discardExit bool) kinds {
	k := kinds{discardExit: discardExit}
	k.module = im.Type == elfmap.FileRelocatable && (im.Find(".modinfo") > 0 || im.Find(".gnu.linkonce.this_module") > 0)
	if im.Type == elfmap.FileRelocatable {
		return k
	}
	if marks.initBegin != nil && marks.initEnd != nil {
		k.begin, k.end = marks.initBegin.Value, marks.initEnd.Value
	}
	if k.begin >= k.end {
		k.begin, k.end = 0, 0
		if b, e := im.Find(".init.begin"), im.Find(".init.end"); b > 0 && e > 0 {
			k.begin, k.end = im.Sections[b].Addr, im.Sections[e].Addr
		}
	}
	return k
}

// of returns the kind of one section.
func (k kinds) of(s *elfmap.Section) Kind {
	if !s.Alloc() {
		return Unloaded
	}
	if k.module {
		return k.ofModule(s.Name)
	}
	if k.end > k.begin {
		if s.Addr >= k.begin && s.Addr < k.end {
			return Init
		}
		return Resident
	}
	for _, p := range initSections {
		if q, ok := strings.CutSuffix(p, "*"); ok && strings.HasPrefix(s.Name, q) || s.Name == p {
			return Init
		}
	}
	return Resident
}

// ofModule follows the module loader (kernel/module/main.c): .init* is freed after loading, .modinfo and __versions are
// read and not kept.
func (k kinds) ofModule(name string) Kind {
	switch {
	case strings.HasPrefix(name, ".init"), name == ".modinfo", strings.HasPrefix(name, "__versions"), strings.HasPrefix(name, "__version_ext"):
		return Init
	case strings.HasPrefix(name, ".exit") && k.discardExit:
		return Init
	}
	return Resident
}
