// Package insight explains sizes: why something is in a build, and what could be smaller.
//
// # Who pulls it in
//
// Examine reads the references of an image while it is measured, and NewGraph makes a graph of a build's: who refers to a symbol, on
// which ways it is reached from what is used, and what would go with it. The model is that of a linker's --gc-sections, with symbols for sections. Nodes are the symbols as sizediff.Measure gives
// them their bytes; besides, whatever is referred to and has no name (string literals, vtables), and for each section the
// rest: tables, padding, and what nothing refers to. The nodes hold every byte of memory of every image exactly once.
// An edge is a reference, from code or from a pointer in data. Roots are what stays by itself:
//
//   - entry points: the one in the ELF header, init_module and cleanup_module, initcalls;
//   - all that is C, because the kernel's own C code is not linked by section;
//   - what lies in a section of its own that somebody reads as a table, such as __param;
//   - globals of objects and shared libraries, which others may refer to;
//   - what the kernel exports, as long as exports count.
//
// What then remains is linked whole, and referred to by nobody that stays; its beginnings are roots of the last kind.
//
// References are exact where the file has relocations: these, and the references inside of a section that the assembler
// resolved, which are decoded; code of x86-64, arm64, riscv64, loongarch64, little-endian ppc64 and s390x is. Without
// relocations all code of these machines is decoded (see coderef), and aligned words in data are taken for
// pointers if they lead into the image: calls are exact then, but a number can look like an address, and addresses that code
// computes are not seen. Where a constant without a name ends is known only from where the next reference leads.
//
// A measurement keeps only the references of Rust, from Rust to Rust and from C to Rust (RustReferences). What it says of Rust
// symbols agrees with the whole graph; of constants and of C it has only what leads to Rust.
//
// # Why it changed
//
// Explain finds the causes of a change, which Compare puts into a report: the shortest chains of first new references to what is
// new, larger or used for the first time, beginning at what was used before (Graph.Since); panic call sites by function
// (Graph.Panics); and the bytes of the runtime and the abstractions by what keeps them. Where one image lacks symbols or
// references, or calls are not among these, all of that is nil. Uses says the same of one build.
//
// # Copies, exports, generic code, full cost
//
// Summarize says from a measurement alone what a build has more than once, what its exports and its generic code cost, and what
// comes with every function; Changed compares two of them. What a measurement does not know is left out, never 0.
//
// # Inlined code
//
// CompareInlined says how much of the runtime and the abstractions stands inside of others' functions, from what package
// debuginfo reads of each image. It is known where every image with Rust code has debug information, and is no part of any sum.
//
// # Folding, tails and outlining
//
// Fold finds functions that are the same once addresses are resolved, MergeTails their common ends, Outline what instances of
// a generic function have in common, and each what sharing it would save. They read code by themselves, because they need every
// instruction and not only those with an address. Code is only there while a build is measured: a CodeReader reads
// all of it then, and adds it up for a build afterwards. A measurement that was read from a file holds none, and then nothing
// is known.
package insight
