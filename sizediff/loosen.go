package sizediff

import (
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// looseName is what is left of a name when everything is taken off that a rebuild changes by itself.
type looseName struct {
	hashFree string // without hashes, disambiguators and counters
	family   string // also without the numbers of closures and shims, and without what compilers append
	numbered bool   // family lacks the number of a closure or a shim
}

func loosen(name string) looseName {
	if rustname.Looks(name) {
		if n, ok := rustname.Parse(name); ok {
			key, family := uncount(n.MatchKey()), uncount(n.FamilyKey())
			_, clone := cutClones("_" + n.Suffix)
			return looseName{key + clone, family, key != family}
		}
	}
	stem, clone := cutClones(withoutHashes(name))
	stem = uncount(stem)
	family := stem
	if strings.Contains(clone, ".cold") { // what is split off is no relative of what it was split from
		family += ".cold"
	}
	return looseName{stem + clone, family, false}
}

// looseSection is a section's name without hashes: compilers give functions sections of their own, .text.<name>.
func looseSection(name string) string {
	for _, mangled := range []string{"._R", "._ZN"} {
		if i := strings.Index(name, mangled); i >= 0 {
			return name[:i+1] + loosen(name[i+1:]).hashFree
		}
	}
	return withoutHashes(name)
}

// minHash is how many hexadecimal digits make a hash. Codegen units have 15 or 16, unnamed constants (anon.<hash>.N,
// alloc_<hash>) have 32.
const minHash = 15

// withoutHashes replaces runs of hexadecimal digits that can only be hashes by #.
func withoutHashes(name string) string {
	if len(name) < minHash {
		return name
	}
	var b strings.Builder
	done := 0
	for i := 0; i < len(name); i++ {
		j := i
		for j < len(name) && (isDigit(name[j]) || name[j] >= 'a' && name[j] <= 'f') {
			j++
		}
		if j-i >= minHash {
			b.WriteString(name[done:i] + "#")
			done = j
		}
		i = max(i, j-1)
	}
	return b.String() + name[done:]
}

// cutClones takes off the suffixes that compilers append to C names: .llvm.N and .N go, of .constprop.N, .isra.N, .part.N
// and .cold the word stays in clone.
func cutClones(name string) (stem, clone string) {
	i := strings.IndexByte(name, '.')
	if i <= 0 {
		return name, ""
	}
	stem = name[:i]
	for _, part := range strings.Split(name[i+1:], ".") {
		if part == "llvm" || digits(part, "0123456789") {
			continue
		}
		clone += "." + part
	}
	return stem, clone
}

// counted are the beginnings of names that carry a counter or a line number somewhere.
var counted = []string{
	"__UNIQUE_ID_", "__BTF_ID_", "__mod_device_table__", "__addressable_", "__initcall__", "__exitcall__", "__compound_literal",
}

// uncount replaces numbers by # in names that carry a counter. In a Rust key the last path element decides.
func uncount(name string) string {
	last := name
	if i := strings.LastIndex(name, "::"); i >= 0 {
		last = name[i+2:]
	}
	number := len(last) - len(strings.TrimRight(last, "0123456789"))
	hit := strings.HasPrefix(last, "__") && number > 0 && last[len(last)-number-1] == '_'
	for _, p := range counted {
		hit = hit || strings.HasPrefix(last, p)
	}
	if !hit {
		return name
	}
	var b strings.Builder
	b.WriteString(name[:len(name)-len(last)])
	for i := 0; i < len(last); i++ {
		if !isDigit(last[i]) {
			b.WriteByte(last[i])
		} else if i == 0 || !isDigit(last[i-1]) {
			b.WriteByte('#')
		}
	}
	return b.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
