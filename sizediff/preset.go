package sizediff

// DerivedSections are patterns of the sections that are derived tables, for use in a Match.
func DerivedSections() []string { return append([]string{"kallsyms*"}, derivedSections...) }

// LinuxKernel is the default policy: the buckets of a Linux kernel with Rust in it, and no budgets. Budgets that are added
// are suspended when the toolchain or the configuration changes.
func LinuxKernel() Policy {
	rust := []Language{LanguageRust}
	return Policy{
		Buckets: []Bucket{
			{BucketDerived, "derived tables", []Match{{Sections: DerivedSections()}}},
			{BucketRuntime, "Rust runtime", []Match{{Crates: []string{
				"core", "alloc", "compiler_builtins", "panic_abort", "panic_unwind", "std", "std_detect", "unwind", "__rustc",
			}}}},
			{BucketAbstractions, "Rust abstractions", []Match{{Crates: []string{
				"kernel", "pin_init", "pin_init_internal", "bindings", "uapi", "ffi", "macros", "helpers", "build_error", "zerocopy",
			}}}},
			{BucketHelpers, "C helpers for Rust", []Match{{Language: []Language{LanguageC}, Symbols: []string{"rust_helper_*"}}}},
			{BucketDrivers, "Rust drivers", []Match{{Language: rust}}},
			{BucketC, "C", []Match{{Language: []Language{LanguageC}}}},
			{BucketPadding, "alignment", nil},
			{BucketUnattributed, "unattributed", nil},
		},
		Tolerate: Tolerance{ToolchainChange: true, ConfigChange: true},
	}
}
