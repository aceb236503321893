package render

import (
	"fmt"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// hint is a way of writing Rust that is known to pull in parts of the runtime.
type hint struct {
	under []string // module paths, or functions, that show it
	says  string   // what does it, with the bytes of them behind
}

var knownHints = []hint{
	{[]string{"core::fmt::Formatter::pad", "core::str::count"}, "a width or precision in a format string pulls in padding and character counting"},
	{[]string{"core::num::flt2dec", "core::num::imp::flt2dec", "core::fmt::float"}, "a floating point number is printed"},
	{[]string{"core::num::dec2flt", "core::num::imp::dec2flt"}, "a floating point number is parsed"},
	{[]string{"core::fmt::builders"}, "a derived Debug is printed with {:?}"},
	{[]string{"core::slice::sort"}, "each type that is sorted, and each way to compare it, gets a sort of its own"},
	{[]string{"core::unicode"}, "a question about characters beyond ASCII brings Unicode tables"},
	{[]string{"core::str::lossy"}, "text that may not be UTF-8 is printed"},
	{[]string{"core::slice::index"}, "a slice without a checked range adds a panic path"},
}

const maxHints = 2

// hints say what may lie behind growth of the runtime, the largest first as they are known, two at most.
func hints(r *sizediff.Report) []string {
	var out []string
	for _, h := range knownHints {
		if n := h.bytes(r); n > 0 && len(out) < maxHints {
			out = append(out, fmt.Sprintf("%s, here %s", h.says, bytesOf(n)))
		}
	}
	return out
}

// bytes adds up how much the symbols grew that show the pattern.
func (h hint) bytes(r *sizediff.Report) (sum int64) {
	for _, s := range r.Symbols {
		if s.Bucket == sizediff.BucketRuntime && s.Delta > 0 && h.shown(symbolName(s)) {
			sum += s.Delta
		}
	}
	return sum
}

// shown reports whether a name is under one of the paths: <core::fmt::Formatter>::pad as well as core::str::count::do_count_chars.
func (h hint) shown(name string) bool {
	name = strings.TrimLeft(strings.ReplaceAll(name, ">::", "::"), "<&*[( ")
	for _, p := range h.under {
		if rest, ok := strings.CutPrefix(name, p); ok && (rest == "" || strings.HasPrefix(rest, "::") || strings.HasPrefix(rest, " ")) {
			return true
		}
	}
	return false
}
