// Package bot is where the GitHub App grows. So far it holds only this page: a tour of the whole repository as it is
// today. The App's packages will lie below it; until they do, oxidometer is a library and a command line tool.
//
// # What there is
//
//	cmd/oxidometer       main, and one file for each subcommand: flags, exit codes, progress, writing files
//	sizediff             Measure, Compare, Evaluate: the three steps, and the types they hand on
//	sizediff/source      opens a build: file, directory, zip, tar, compressed module, measurement; limits on all of it
//	sizediff/elfmap      reads one ELF image; every byte of every allocated section gets exactly one owner
//	sizediff/rustname    parses Rust symbol names, v0 and legacy, into a structure
//	sizediff/coderef     finds the addresses that machine code refers to
//	sizediff/render      text, Markdown, JSON and HTML from one evaluation
//	config               the repository file, .github/oxidometer.yml: strict reader, presets, JSON schema
//
// Test data lies in sizediff/testdata (small ELF files, their sources and the script that makes them) and in the testdata
// of each package. The gate is .ci/run. A comparison of speed with other tools is .ci/peers.
//
// Imports go one way: cmd/oxidometer → config and sizediff/render → sizediff → sizediff/source, sizediff/elfmap,
// sizediff/rustname and sizediff/coderef. Of these only coderef knows another, elfmap, for the names of machines. A
// test holds the whole rule: cmd/oxidometer/deps_test.go lists for every package what it may import.
//
// # How data flows
//
//	path ── source.Open ──▶ Build: a sorted list of files; names are labels, never paths
//	     ── sizediff.Measure ──▶ Measurement: images, sections, symbols, shares; no buckets yet
//	            per image: elfmap.Open → Digest → ReadSymbols → Own
//	                       → attribute → tables → constants → identify
//	two measurements, buckets ── sizediff.Compare ──▶ Report: sums, and which symbol became which
//	report, policy ── sizediff.Evaluate ──▶ findings and budgets, kept in an Evaluation
//	evaluation ── render.Text, Markdown, JSON, HTML ──▶ bytes
//
// The command diff is exactly this chain (cmd/oxidometer/diff.go). show compares a build with itself and prints one side.
// measure stops after the second step and writes the measurement (sizediff/encode.go), which source.Open later accepts in
// place of a build.
//
// One image, step by step. Own (sizediff/elfmap/own.go, fill.go) cuts each section into ranges by its symbols and
// decides about the rest: prefix, padding, page step, or nobody's. attribute (sizediff/attribute.go) gives symbols their
// crate: by name, by the STT_FILE symbol before them, by their neighbours, because the image is one crate's module. tables
// (sizediff/tables.go) gives entries of derived tables to the crate they describe. constants (sizediff/constants.go)
// gives unnamed constants to the Rust function that refers to them first. identify (sizediff/toolchain.go) reads who
// compiled and linked it. Claims of the later steps only take bytes that had no owner, so sums cannot break.
//
// # Where to change what
//
//	whose bytes a crate or section is by default       sizediff/preset.go; other presets in config/presets.go
//	what is a derived table, what is freed after boot  sizediff/kinds.go
//	how a bucket's rules are applied                   sizediff/classify.go
//	what counts as the same symbol in base and head    sizediff/match.go, and MatchKey in sizediff/rustname
//	a module that became built-in                      sizediff/moved.go
//	differences that are only text                     sizediff/texts.go
//	a finding: its rule, severity and sentence         sizediff/evaluate.go; the rule's name in sizediff/report.go
//	the verdict of a whole evaluation                  sizediff/verdict.go
//	a field of the JSON report                         sizediff/report.go; see the note on contracts below
//	the wording of a report                            sizediff/render/words.go and facts.go; a format only lays out
//	how a hostile name is made harmless                sizediff/render/escape.go: one function for each context
//	what goes first when a comment is too long         sizediff/render/ladder.go
//	an archive or compression format                   sizediff/source/zip.go, tar.go, codec.go
//	what an archive may cost                           sizediff/source/limits.go
//	a machine: padding, relocations                    sizediff/elfmap/machine.go, relocs.go; code in sizediff/coderef
//	a key of the repository file                       config/repo.go: the struct tags are the schema
//	a flag or a subcommand                             cmd/oxidometer, the file with its name
//
// Goldens are rewritten with go test ./PACKAGE -update; read the difference before you commit it. Three forms are
// contracts with other programs: the JSON of diff (sizediff.Schema), the measurement file (its magic is in
// sizediff/source) and the exit codes. A change that breaks a reader needs a new number.
//
// # Decisions
//
// Decision: ELF reading is ours, not debug/elf. The standard package says that it is not hardened against hostile input,
// and ours comes from pull requests: elfmap allocates nothing that a header merely claims, has a cap on everything that
// can be counted, and returns errors that tell people what to do. It must also cost what it uses: a vmlinux of 400 MB
// with debug information is read by offset, and its DWARF never. And every symbol keeps its number in the file and the
// STT_FILE symbol before it, which relocations and attribution need.
//
// Decision: sizediff/coderef is a package of its own, which the first layout did not have. Attribution of constants decodes
// code, and so will the question who pulls a symbol in; neither should import the other.
//
// Decision: sizediff imports klauspost/compress/zstd, though it is otherwise free of dependencies, because the
// measurement file is zstd and the file's form belongs to the type that it stores. All other decompressors are in source.
//
// Decision: a measurement holds no buckets. They are applied when two measurements are compared, so a stored measurement
// stays good when a repository changes its rules.
//
// Decision: sums never depend on matching. Totals, buckets and crates are added up on each side by itself
// (sizediff/tally.go); matching only says which rows belong together. A wrong match misleads a reader, but moves no byte.
//
// Decision: bytes that several parties could claim have one owner by a fixed rule, instead of shares. Of aliases the best
// name counts, an inner symbol takes its bytes from the outer one, and a constant that several crates use belongs to the
// first function, in order of address, that refers to it. So everything adds up, at the price that an owner can change
// although the bytes did not.
//
// Decision: without relocations a constant is claimed only as far as nothing else seems to refer into it. A false
// reference makes a claim shorter, never longer; what is in doubt stays unattributed, and the report says how much.
//
// Decision: the digest of an image covers allocated sections, symbols, relocations and notes, and of debug information
// only its size. Hashing all of a distribution's vmlinux would cost more than comparing two of them. Images with equal
// digests are measured once and are "identical", even where their DWARF differs.
//
// Decision: status in images[] keeps the four values of the contract (added, removed, changed, identical). Finer facts are
// fields beside it: same_size, text_only, moved_to, moved_from. A reader that knows only the four stays right.
//
// Decision: .modinfo and __versions of a module count as init. The module loader reads them and does not keep them, so
// they are no resident bytes; in vmlinux what lies between __init_begin and __init_end is init, whatever its name.
//
// Decision: where a build holds a vmlinux, its .o files and the earlier stages of linking (.tmp_vmlinux*,
// vmlinux.unstripped) are left out. Their bytes are in vmlinux or in a module, and would count twice. A build
// without a vmlinux keeps its .o files: they are then what somebody wants to compare.
//
// Decision: a change of toolchain or of configuration suspends budgets unless the repository file says otherwise. The
// difference is then not the patch's alone, and a gate that fails for somebody else's compiler gets switched off.
//
// Decision: config walks the syntax tree of the YAML itself. The library's decoder stops at the first fault; people want
// all of them at once, each with line, column and what to write instead.
package bot
