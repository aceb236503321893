package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// textLine says one difference that is only text: "19 modules differ only in vermagic (7.2.13 → 7.2.6), -19 B".
func textLine(r *sizediff.Report, t sizediff.TextChange, say voice) string {
	s := subjectOf(t.Images, say) + " "
	s += map[bool]string{true: "differs ", false: "differ "}[len(t.Images) == 1]
	if onlyText(r, t) {
		s += "only "
	}
	s += "in " + say.prose(t.What)
	if base, head := differingWords(t.Base, t.Head); base != head {
		s += " (" + textValue(base, say) + " → " + textValue(head, say) + ")"
	}
	if t.Delta != 0 {
		s += ", " + deltaBytes(t.Delta)
	}
	return s
}

// textLines are the differences that are only text and worth a line: a build id without any other difference is not,
// because it changes with everything else.
func textLines(r *sizediff.Report, say voice) []string {
	var lines []string
	for _, t := range r.Texts {
		if t.What == buildID && t.Delta == 0 && !onlyText(r, t) {
			continue
		}
		lines = append(lines, textLine(r, t, say))
	}
	return lines
}

// buildID is how the measurement calls the text that identifies a build.
const buildID = "build id"

// differingWords leaves out the words that two texts begin and end with. What only one of them has stands with the words
// around it.
func differingWords(base, head string) (string, string) {
	b, h := strings.Fields(base), strings.Fields(head)
	for len(b) > 1 && len(h) > 1 && b[0] == h[0] {
		b, h = b[1:], h[1:]
	}
	for len(b) > 1 && len(h) > 1 && b[len(b)-1] == h[len(h)-1] {
		b, h = b[:len(b)-1], h[:len(h)-1]
	}
	return strings.Join(b, " "), strings.Join(h, " ")
}

func textValue(s string, say voice) string {
	if s == "" {
		return "none"
	}
	return say.name(capped(visible(s), 60))
}

// subjectOf counts images by what they are, and names one that is alone.
func subjectOf(images []string, say voice) string {
	if len(images) == 1 {
		return say.code(images[0])
	}
	modules := !slices.ContainsFunc(images, func(p string) bool { return !strings.HasSuffix(p, ".ko") })
	if modules {
		return counted(len(images), "module")
	}
	return counted(len(images), "image")
}

// onlyText reports whether the text is all that differs in its images.
func onlyText(r *sizediff.Report, t sizediff.TextChange) bool {
	named := map[string]int{}
	for _, x := range r.Texts {
		for _, i := range x.Images {
			named[i]++
		}
	}
	textOnly := map[string]bool{}
	for _, i := range r.Images {
		textOnly[i.Path] = i.TextOnly
	}
	return len(t.Images) > 0 && !slices.ContainsFunc(t.Images, func(p string) bool { return !textOnly[p] || named[p] > 1 })
}

// imageGroups splits the images into those worth a row and those that are only counted.
type imageGroups struct {
	rows                          []sizediff.ImageChange // a group is one of them, with its sums
	moves                         []sizediff.ImageChange // became built-in, or a module; they have no row
	identical, textOnly, sameSize int
}

func groupImages(r *sizediff.Report) imageGroups {
	var g imageGroups
	for _, i := range r.Images {
		switch {
		case i.Status == sizediff.ImageIdentical:
			g.identical++
		case i.MovedTo != "" || i.MovedFrom != "":
			g.moves = append(g.moves, i)
		case i.TextOnly:
			g.textOnly++
		case i.SameSize:
			g.sameSize++
		default:
			g.rows = append(g.rows, i)
		}
	}
	g.rows = joined(g.rows)
	return g
}

// joined makes one row of the images of a group, called by its name. Largest change first.
func joined(rows []sizediff.ImageChange) []sizediff.ImageChange {
	var out []sizediff.ImageChange
	at, members := map[string]int{}, map[string]int{}
	for _, i := range rows {
		k, known := at[i.Group]
		switch {
		case i.Group == "":
			out = append(out, i)
		case !known:
			at[i.Group] = len(out)
			out = append(out, sizediff.ImageChange{Path: i.Path, Group: i.Group, Status: i.Status, Stripped: i.Stripped, Totals: i.Totals})
		default:
			sum := &out[k]
			sum.Totals = plusTotals(sum.Totals, i.Totals)
			sum.Stripped = sum.Stripped || i.Stripped
			if sum.Status != i.Status {
				sum.Status = sizediff.ImageChanged
			}
		}
		members[i.Group]++
	}
	if len(at) == 0 {
		return rows
	}
	for k := range out {
		if group := out[k].Group; group != "" {
			out[k].Path = fmt.Sprintf("%s (%s)", group, counted(members[group], "image"))
		}
	}
	slices.SortStableFunc(out, func(a, b sizediff.ImageChange) int {
		return cmp.Or(-cmp.Compare(magnitude(a.Totals.Resident.Delta), magnitude(b.Totals.Resident.Delta)), cmp.Compare(a.Path, b.Path))
	})
	return out
}

func plusTotals(a, b sizediff.Totals) sizediff.Totals {
	return sizediff.Totals{
		Resident: a.Resident.Plus(b.Resident), Init: a.Init.Plus(b.Init), Unloaded: a.Unloaded.Plus(b.Unloaded), File: a.File.Plus(b.File),
	}
}

// counts tells of the images that have no row.
func (g imageGroups) counts() string {
	var s []string
	for _, x := range []struct {
		n    int
		what string
	}{{g.identical, "identical"}, {g.textOnly, "different only in version texts"}, {g.sameSize, "different with equal sizes"}} {
		if x.n > 0 {
			s = append(s, counted(x.n, "image")+" "+x.what)
		}
	}
	return strings.Join(s, ", ")
}

// moveLine tells of a module that became built-in, or of the reverse.
func moveLine(i sizediff.ImageChange, say voice) string {
	if i.MovedTo != "" {
		return fmt.Sprintf("%s became built-in (its symbols are in %s now); as a module it had %s B resident",
			say.code(i.Path), say.code(i.MovedTo), num(i.Totals.Resident.Base))
	}
	return fmt.Sprintf("%s became a module (its symbols were in %s before); it has %s B resident",
		say.code(i.Path), say.code(i.MovedFrom), num(i.Totals.Resident.Head))
}

// pathState says how a path of the inventory changed.
func pathState(c sizediff.Change) string {
	switch {
	case c.Base == 0 && c.Head > 0:
		return "new"
	case c.Head == 0 && c.Base > 0:
		return "gone"
	case c.Delta > 0:
		return "grew"
	case c.Delta < 0:
		return "shrank"
	}
	return "same"
}

// changedPaths of the runtime and how many are new, gone and changed.
func changedPaths(r *sizediff.Report) (paths []sizediff.PathChange, summary string) {
	counts := map[string]int{}
	for _, p := range r.Runtime {
		if p.Delta != 0 {
			paths = append(paths, p)
			counts[pathState(p.Change)]++
		}
	}
	return paths, fmt.Sprintf("%d new, %d gone, %d changed", counts["new"], counts["gone"], counts["grew"]+counts["shrank"])
}

// changedCrates leaves out crates of which nothing changed.
func changedCrates(list []sizediff.CrateChange) []sizediff.CrateChange {
	return slices.DeleteFunc(slices.Clone(list), func(c sizediff.CrateChange) bool { return c.Delta == 0 && c.Unnamed.Delta == 0 })
}

// crateName names the bytes that are of no crate.
func crateName(c string) string {
	if c == "" {
		return "(no crate)"
	}
	return c
}

// sectionTotals adds up the sections of all images by name and kind, largest change first.
func sectionTotals(r *sizediff.Report) (changed []sizediff.SectionChange, unchanged int) {
	type key struct {
		name    string
		kind    sizediff.Kind
		derived bool
	}
	sums := map[key]sizediff.Change{}
	for _, i := range r.Images {
		for _, s := range i.Sections {
			k := key{s.Name, s.Kind, s.Derived}
			sums[k] = sums[k].Plus(s.Change)
		}
	}
	for k, c := range sums {
		if c.Delta == 0 {
			unchanged++
			continue
		}
		changed = append(changed, sizediff.SectionChange{Name: k.name, Kind: k.kind, Derived: k.derived, Change: c})
	}
	slices.SortFunc(changed, func(a, b sizediff.SectionChange) int {
		return cmp.Or(cmp.Compare(kindRank(a.Kind), kindRank(b.Kind)), -cmp.Compare(magnitude(a.Delta), magnitude(b.Delta)),
			cmp.Compare(a.Name, b.Name), boolRank(a.Derived)-boolRank(b.Derived))
	})
	return changed, unchanged
}

func kindRank(k sizediff.Kind) int {
	return slices.Index([]sizediff.Kind{sizediff.Resident, sizediff.Init, sizediff.Unloaded}, k)
}

// sectionKind is the kind in a word; a derived section says so.
func sectionKind(s sizediff.SectionChange) string {
	if !s.Derived {
		return string(s.Kind)
	}
	if s.Kind == sizediff.Resident {
		return "derived"
	}
	return string(s.Kind) + ", derived"
}

// sparkline draws the last thirty values between their own minimum and maximum.
func sparkline(values []int64) (line string, n int) {
	if len(values) > 30 {
		values = values[len(values)-30:]
	}
	if len(values) == 0 {
		return "", 0
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	low, high := slices.Min(values), slices.Max(values)
	var b strings.Builder
	for _, v := range values {
		i := 0
		if high > low {
			i = int((float64(v) - float64(low)) / (float64(high) - float64(low)) * float64(len(bars)-1))
		}
		b.WriteRune(bars[i])
	}
	return b.String(), len(values)
}

// provenanceWords says what was compared with what, and how the base was chosen.
func (v *view) provenanceWords(say voice) string {
	p := v.e.Provenance
	if p.Head == "" {
		return "Head and base have no name"
	}
	s := "Head " + say.code(short(p.Head))
	if p.MergeOf != "" {
		s += " built as merge with " + say.code(short(p.MergeOf))
	}
	switch {
	case len(v.compared) == 0:
		return s
	case p.BaseChoice == sizediff.BaseExact:
		return s + ", compared with " + say.code(short(p.Base)) + " (exact base)"
	case p.BaseChoice == sizediff.BaseApproximate:
		return s + ", compared with " + say.code(short(p.Base)) + " (approximate base)"
	}
	return s + ", compared with " + say.code(short(p.Base))
}

// importantFindings are warnings and errors that neither the headline nor the explanation of the runtime tells already, and the
// notes that sizes do not show.
func importantFindings(r *sizediff.Report) []sizediff.Finding {
	told := []string{
		sizediff.RuleOverBudget, sizediff.RuleOverRatchet, sizediff.RuleToolchainChanged, sizediff.RuleConfigChanged, sizediff.RuleRuntimeGrowth,
		sizediff.RuleNewRuntimePath, sizediff.RuleNewlyUsedRuntime, sizediff.RuleNewPanicSites,
	}
	notes := []string{sizediff.RuleExportGrowth}
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f sizediff.Finding) bool {
		return !f.Severity.AtLeast(sizediff.Warning) && !slices.Contains(notes, f.Rule) || slices.Contains(told, f.Rule)
	})
}

// sortedFindings are all findings, the most severe first.
func sortedFindings(r *sizediff.Report) []sizediff.Finding {
	out := slices.Clone(r.Findings)
	slices.SortStableFunc(out, func(a, b sizediff.Finding) int {
		return boolRank(!a.Severity.AtLeast(b.Severity)) - boolRank(!b.Severity.AtLeast(a.Severity))
	})
	return out
}
