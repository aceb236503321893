package config

import "github.com/oxidometer/oxidometer/sizediff"

// presetPolicy returns the policy that a preset starts from. The caller may change it.
func presetPolicy(p Preset) sizediff.Policy {
	switch p {
	case PresetRustBinary:
		return sizediff.Policy{Buckets: rustBinary()}
	case PresetRustEmbedded:
		return sizediff.Policy{Buckets: rustEmbedded()}
	case PresetGenericELF:
		return sizediff.Policy{Buckets: genericELF()}
	}
	return sizediff.LinuxKernel()
}

// rustBinary: a program or library for an operating system. Its runtime has std and the crates that std is built from; an
// application that uses one of these itself has them counted to the runtime.
func rustBinary() []sizediff.Bucket {
	return withRest(
		derivedTables(".eh_frame*", ".gcc_except_table*", ".rel.*", ".rela.*", ".relr.*", ".dyn*", ".gnu.hash", ".hash", ".gnu.version*",
			".got*", ".plt*", ".init_array", ".fini_array"),
		crates(sizediff.BucketRuntime, "Rust runtime", append(coreCrates(),
			"std", "std_detect", "rustc_std_workspace_*", "unwind", "test", "proc_macro",
			"hashbrown", "rustc_demangle", "addr2line", "gimli", "object", "miniz_oxide", "adler2", "cfg_if", "memchr")...),
		rest("rust", "Rust crates", sizediff.LanguageRust),
		rest(sizediff.BucketC, "C", sizediff.LanguageC),
	)
}

// rustEmbedded: firmware without an operating system. Formatting and panic crates belong to the runtime: they are what
// grows when a message is added.
func rustEmbedded() []sizediff.Bucket {
	return withRest(
		derivedTables(".eh_frame*", ".ARM.ex*", ".vector_table*", ".gcc_except_table*", ".init_array", ".fini_array"),
		crates(sizediff.BucketRuntime, "Rust runtime", append(coreCrates(),
			"panic_*", "rustc_std_workspace_*", "defmt", "defmt_*", "ufmt", "ufmt_*")...),
		crates(sizediff.BucketAbstractions, "Rust abstractions",
			"cortex_m", "cortex_m_*", "riscv", "riscv_*", "xtensa_*", "esp_*", "critical_section", "portable_atomic", "heapless",
			"embedded_*", "embassy_*", "rtic", "rtic_*", "*_hal", "*_pac", "stm32*", "nrf*", "rp2040*", "rp235x*"),
		rest("application", "Rust application", sizediff.LanguageRust),
		rest(sizediff.BucketC, "C", sizediff.LanguageC),
	)
}

// genericELF: any image; Rust is told from C, and nothing more.
func genericELF() []sizediff.Bucket {
	return withRest(
		derivedTables(".eh_frame*", ".gcc_except_table*", ".rel.*", ".rela.*", ".relr.*", ".dyn*", ".gnu.hash", ".hash", ".gnu.version*"),
		crates(sizediff.BucketRuntime, "Rust runtime", append(coreCrates(), "std")...),
		rest("rust", "other Rust", sizediff.LanguageRust),
		rest(sizediff.BucketC, "C", sizediff.LanguageC),
	)
}

func coreCrates() []string {
	return []string{"core", "alloc", "compiler_builtins", "panic_abort", "panic_unwind"}
}

func crates(name, label string, globs ...string) sizediff.Bucket {
	return sizediff.Bucket{Name: name, Label: label, Match: []sizediff.Match{{Crates: globs}}}
}

func rest(name, label string, l sizediff.Language) sizediff.Bucket {
	return sizediff.Bucket{Name: name, Label: label, Match: []sizediff.Match{{Language: []sizediff.Language{l}}}}
}

func derivedTables(sections ...string) sizediff.Bucket {
	return sizediff.Bucket{Name: sizediff.BucketDerived, Label: "derived tables", Match: []sizediff.Match{{Sections: sections}}}
}

// withRest adds the two buckets that always exist.
func withRest(buckets ...sizediff.Bucket) []sizediff.Bucket {
	return append(buckets,
		sizediff.Bucket{Name: sizediff.BucketPadding, Label: "padding"},
		sizediff.Bucket{Name: sizediff.BucketUnattributed, Label: "unattributed"})
}
