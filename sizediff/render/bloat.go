package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oxidometer/oxidometer/sizediff"
)

// The columns of scripts/bloat-o-meter: "%-40s %7s %7s %+7s".
const (
	bloatName    = 40
	bloatNumbers = 24
)

// bloatBlock is the block that the kernel's scripts/bloat-o-meter prints, over the named symbols of all images. It shows at
// most top rows (all when negative) and says how many it left out. Changes of fewer bytes than fold are one row, the last. A
// name longer than its column stands on lines of its own, and the numbers at the end of the last.
func bloatBlock(r *sizediff.Report, header string, top, width int, fold int64) string {
	var b strings.Builder
	changed := bloatOrder(r.Symbols)
	tally := countSymbols(changed)
	fmt.Fprintf(&b, "add/remove: %d/%d grow/shrink: %d/%d up/down: %d/%d (%d)\n",
		tally.added, tally.removed, tally.grew, tally.shrank, tally.up, -tally.down, tally.up-tally.down)
	changed, small := foldSmall(changed, fold)
	shown := changed
	if top >= 0 && len(shown) > top {
		shown = mostImportant(shown, top)
	}
	column := bloatName
	for _, s := range shown {
		column = max(column, len(plain(symbolName(s))))
	}
	column = max(bloatName, min(column, width-bloatNumbers))
	fmt.Fprintf(&b, "%-*s %7s %7s %7s\n", column, header, "old", "new", "delta")
	for _, s := range shown {
		writeBloatRow(&b, s, column)
	}
	if left := len(changed) - len(shown); left > 0 {
		fmt.Fprintf(&b, "(%s not shown)\n", counted(left, "smaller change"))
	}
	if len(small) > 0 {
		var sum sizediff.Change
		for _, s := range small {
			sum = sum.Plus(s.Change)
		}
		fmt.Fprintf(&b, "%-*s %7d %7d %+7d\n", column, fmt.Sprintf("(%s below %s B)", counted(len(small), "change"), num(fold)), sum.Base, sum.Head, sum.Delta)
	}
	total := r.Closing.Resident.Named.Plus(r.Closing.Init.Named)
	chg := "n/a"
	if total.Base > 0 {
		chg = fmt.Sprintf("%+.2f%%", float64(total.Delta)*100/float64(total.Base))
	}
	fmt.Fprintf(&b, "Total: Before=%d, After=%d, chg %s\n", total.Base, total.Head, chg)
	return b.String()
}

// foldSmall takes out what changes by fewer bytes than fold. A single one is a row like any other.
func foldSmall(symbols []sizediff.SymbolChange, fold int64) (large, small []sizediff.SymbolChange) {
	for _, s := range symbols {
		if fold > 0 && magnitude(s.Delta) < uint64(fold) {
			small = append(small, s)
		} else {
			large = append(large, s)
		}
	}
	if len(small) < 2 {
		return symbols, nil
	}
	return large, small
}

func writeBloatRow(w io.Writer, s sizediff.SymbolChange, column int) {
	lines := wrapName(plain(symbolName(s)), column)
	for _, l := range lines[:len(lines)-1] {
		fmt.Fprintln(w, l)
	}
	before, after := fmt.Sprint(s.Base), fmt.Sprint(s.Head)
	switch s.State {
	case sizediff.SymbolAdded:
		before = "-"
	case sizediff.SymbolRemoved:
		after = "-"
	}
	fmt.Fprintf(w, "%-*s %7s %7s %+7d\n", column, lines[len(lines)-1], before, after, s.Delta)
}

// symbolName is what a symbol is called in a report.
func symbolName(s sizediff.SymbolChange) string {
	if s.Demangled == "" {
		return s.Name
	}
	return s.Demangled
}

// symbolTally counts as bloat-o-meter does. A symbol that moved counts by its change of size.
type symbolTally struct {
	added, removed, grew, shrank int
	up, down                     int64
}

func countSymbols(symbols []sizediff.SymbolChange) symbolTally {
	var t symbolTally
	for _, s := range symbols {
		switch {
		case s.State == sizediff.SymbolAdded:
			t.added++
		case s.State == sizediff.SymbolRemoved:
			t.removed++
		case s.Delta > 0:
			t.grew++
		case s.Delta < 0:
			t.shrank++
		}
		if s.Delta > 0 {
			t.up += s.Delta
		} else {
			t.down -= s.Delta
		}
	}
	return t
}

// bloatOrder leaves out what has not changed its size and sorts by delta, growth first.
func bloatOrder(symbols []sizediff.SymbolChange) []sizediff.SymbolChange {
	var changed []sizediff.SymbolChange
	for _, s := range symbols {
		if s.Delta != 0 || s.State == sizediff.SymbolAdded || s.State == sizediff.SymbolRemoved {
			changed = append(changed, s)
		}
	}
	slices.SortStableFunc(changed, func(a, b sizediff.SymbolChange) int {
		return cmp.Or(-cmp.Compare(a.Delta, b.Delta), cmp.Compare(a.Demangled, b.Demangled), cmp.Compare(a.Image, b.Image))
	})
	return changed
}

// mostImportant keeps the n largest changes in the order they have.
func mostImportant(symbols []sizediff.SymbolChange, n int) []sizediff.SymbolChange {
	order := make([]int, len(symbols))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return -cmp.Compare(magnitude(symbols[a].Delta), magnitude(symbols[b].Delta))
	})
	order = order[:n]
	slices.Sort(order)
	kept := make([]sizediff.SymbolChange, 0, n)
	for _, i := range order {
		kept = append(kept, symbols[i])
	}
	return kept
}

// wrapName breaks a name into lines of at most width characters, where possible behind :: or a space; lines after the first
// are indented by two. Nothing is left out.
func wrapName(name string, width int) []string {
	var lines []string
	indent := ""
	for len(indent)+utf8.RuneCountInString(name) > width {
		line := firstLine(name, width-len(indent))
		lines = append(lines, indent+strings.TrimRight(line, " "))
		name, indent = strings.TrimLeft(name[len(line):], " "), "  "
	}
	return append(lines, indent+name)
}

// firstLine is what fits on a line of a name that is longer than width, up to the best place for a break.
func firstLine(name string, width int) string {
	line := string([]rune(name)[:width])
	best := 0
	for _, sep := range []string{"::", " ", "/", ", "} {
		if i := strings.LastIndex(line, sep); i >= 0 {
			best = max(best, i+len(sep))
		}
	}
	if best > len(line)/2 {
		return line[:best]
	}
	return line
}

// String counts what is not zero: "5 new, 2 larger, 1 smaller (+1,844 / -64)".
func (t symbolTally) String() string {
	var parts []string
	for _, x := range []struct {
		n    int
		what string
	}{{t.added, "new"}, {t.removed, "gone"}, {t.grew, "larger"}, {t.shrank, "smaller"}} {
		if x.n > 0 {
			parts = append(parts, num(int64(x.n))+" "+x.what)
		}
	}
	if len(parts) == 0 {
		return "moved only"
	}
	return fmt.Sprintf("%s (%s / %s)", strings.Join(parts, ", "), delta(t.up), delta(-t.down))
}

// closingLines are the sums that show that no byte was forgotten: resident and init, where they changed.
func closingLines(c sizediff.Closing, strong func(string) string) []string {
	var lines []string
	if closingChanged(c.Resident) {
		lines = append(lines, "Resident: "+closingSum(c.Resident, strong)+".")
	}
	if closingChanged(c.Init) {
		lines = append(lines, "Init: "+closingSum(c.Init, strong)+".")
	}
	return lines
}

func closingChanged(p sizediff.ClosingParts) bool {
	for _, c := range []sizediff.Change{p.Named, p.Constants, p.Derived, p.Padding, p.Unattributed} {
		if c.Delta != 0 {
			return true
		}
	}
	return false
}

func closingSum(p sizediff.ClosingParts, strong func(string) string) string {
	parts := []string{"named symbols " + delta(p.Named.Delta)}
	for _, x := range []struct {
		name   string
		change sizediff.Change
	}{{"unnamed constants", p.Constants}, {"alignment", p.Padding}, {"derived tables", p.Derived}, {"unattributed", p.Unattributed}} {
		if x.change.Delta != 0 {
			parts = append(parts, x.name+" "+delta(x.change.Delta))
		}
	}
	return strings.Join(parts, ", ") + " = " + strong(delta(p.Sum().Delta))
}
