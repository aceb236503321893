package render

import (
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// tool is one part of a fingerprint.
type tool struct {
	name       string // of the program when it is the same one everywhere, else what it is for
	base, head []string
	short      func(string) string // a version out of what the tool says of itself
}

func tools(base, head sizediff.Fingerprint) []tool {
	return []tool{
		newTool("rustc", rustcName, base.Rustc, head.Rustc),
		newTool("C compiler", compilerName, base.CC, head.CC),
		newTool("linker", linkerName, base.LD, head.LD),
	}
}

func newTool(use string, program func(string) string, base, head []string) tool {
	t := tool{name: use, base: base, head: head, short: versionOf}
	var programs []string
	for _, said := range slices.Concat(base, head) {
		if p := program(said); !slices.Contains(programs, p) {
			programs = append(programs, p)
		}
	}
	switch len(programs) {
	case 0:
	case 1:
		t.name = programs[0]
	default:
		t.short = func(said string) string { return program(said) + " " + versionOf(said) }
	}
	return t
}

func rustcName(string) string { return "rustc" }

// compilerName tells compilers apart: GCC says only who packed it, and its version.
func compilerName(said string) string {
	if strings.Contains(said, "clang") {
		return "clang"
	}
	return "gcc"
}

func linkerName(said string) string {
	for _, n := range []struct{ in, name string }{{"LLD", "LLD"}, {"GNU ld", "GNU ld"}, {"mold", "mold"}} {
		if strings.Contains(said, n.in) {
			return n.name
		}
	}
	return "linker"
}

var (
	inParens = lazily(`\([^()]*\)`)
	version  = lazily(`(?:^|[ v:])([0-9]+(?:\.[0-9]+)+\S*)`)
)

// versionOf takes the version out of what a tool says of itself, such as "rustc version 1.97.1 (8bab26f4f 2026-07-14)".
func versionOf(s string) string {
	if m := version().FindStringSubmatch(inParens().ReplaceAllString(s, " ")); m != nil {
		return m[1]
	}
	return s
}

func versions(list []string, f func(string) string) string {
	if len(list) == 0 {
		return "unknown"
	}
	var out []string
	for _, s := range list {
		if x := f(s); !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return strings.Join(out, " and ")
}

func (t tool) changed() bool { return !slices.Equal(t.base, t.head) }

// change is "rustc 1.86.0 → 1.87.0"; builds of the same version are told apart by all they say.
func (t tool) change(say voice) string {
	base, head := versions(t.base, t.short), versions(t.head, t.short)
	if base == head {
		whole := func(s string) string { return s }
		return t.name + " " + say.code(versions(t.base, whole)) + " → " + say.code(versions(t.head, whole))
	}
	return t.name + " " + say.name(base) + " → " + say.name(head)
}

// toolchain tells what changed between the toolchains of the first target that has another one, and what did not.
func (v *view) toolchain(say voice) (changed, kept string) {
	i := slices.IndexFunc(v.compared, toolchainChanged)
	r := v.compared[i].Report
	var c, k []string
	for _, t := range tools(r.Base.Fingerprint, r.Head.Fingerprint) {
		switch {
		case t.changed():
			c = append(c, t.change(say))
		case len(t.head) > 0:
			k = append(k, t.name)
		}
	}
	if len(c) == 0 {
		c = []string{"The tools differ"}
	}
	return strings.Join(c, ", ") + v.inTarget(say, v.compared[i]), listed(k)
}

// fingerprint says what both sides were built with, for the provenance.
func fingerprint(r *sizediff.Report, say voice) string {
	var parts []string
	for _, t := range tools(r.Base.Fingerprint, r.Head.Fingerprint) {
		switch {
		case t.changed():
			parts = append(parts, t.change(say))
		case len(t.head) > 0:
			parts = append(parts, t.name+" "+say.name(versions(t.head, t.short)))
		}
	}
	base, head := r.Base.Fingerprint.ConfigSHA256, r.Head.Fingerprint.ConfigSHA256
	switch {
	case base == "" || head == "":
		parts = append(parts, say.code(".config")+" not known")
	case base == head:
		parts = append(parts, "same "+say.code(".config"))
	default:
		parts = append(parts, "different "+say.code(".config"))
	}
	return strings.Join(parts, ", ")
}
