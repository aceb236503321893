package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// voice writes what comes from outside into one kind of output.
type voice struct {
	code  func(string) string // a name in a sentence: a symbol, a commit, an option
	name  func(string) string // a name that is usually harmless: a target, a tool's version
	prose func(string) string // a sentence or a label
	own   func(string) string // our own words in fixed width, such as a command
	quote func(string) string // a line that stands elsewhere as it is here, such as a title
}

var (
	plainVoice = voice{
		code: plain, name: plain, prose: plainProse,
		own:   func(s string) string { return s },
		quote: func(s string) string { return `"` + plainProse(s) + `"` },
	}
	markdownVoice = voice{
		code: code, name: markdownName, prose: markdownProse,
		own:   func(s string) string { return "`" + s + "`" },
		quote: func(s string) string { return "<code>" + entities(plainProse(s)) + "</code>" },
	}
)

// stateWords says a verdict in a word or two, with the symbol that the formats may add.
type stateWords struct{ symbol, words string }

var states = map[sizediff.Verdict]stateWords{
	sizediff.VerdictNoChange:    {"➖", "no change"},
	sizediff.VerdictNoise:       {"➖", "within noise"},
	sizediff.VerdictWithin:      {"✅", "within budget"},
	sizediff.VerdictOver:        {"⚠️", "over budget"},
	sizediff.VerdictAccepted:    {"✅", "accepted"},
	sizediff.VerdictByTrailer:   {"⚠️", "justified by its author, unreviewed"},
	sizediff.VerdictExempt:      {"", "budgets not applied"},
	sizediff.VerdictConfig:      {"❔", "configuration changed"},
	sizediff.VerdictToolchain:   {"❔", "toolchain changed"},
	sizediff.VerdictApproximate: {"❔", "approximate base"},
	sizediff.VerdictNotCompared: {"❔", "not compared"},
	sizediff.VerdictNotMeasured: {"❔", "not measured"},
}

// stateOf is the state in words. Without a budget that was judged nothing is "within" one.
func (v *view) stateOf() stateWords {
	if v.verdict == sizediff.VerdictWithin && !v.withinBudgets() {
		return stateWords{"", "changed"}
	}
	return states[v.verdict]
}

func (v *view) withinBudgets() bool {
	return v.anyBudget(func(b sizediff.BudgetResult) bool { return b.Status == sizediff.BudgetWithin })
}

// headline is the first line of every format: the verdict in plain words and bytes, and what else must be said at once.
type headline struct{ verdict, rest string }

func (h headline) String() string { return strings.TrimSpace(h.verdict + " " + h.rest) }

func (v *view) headline(say voice) headline {
	if len(v.compared) == 0 {
		return v.headlineMissing(say)
	}
	var h headline
	switch v.verdict {
	case sizediff.VerdictNoChange:
		h = v.headlineNoChange(say)
	case sizediff.VerdictOver:
		h = v.headlineOver(say)
	case sizediff.VerdictAccepted:
		h = v.headlineAccepted(say)
	case sizediff.VerdictByTrailer:
		h = headline{v.overClause(say) + ", justified by its author only, unreviewed.", ""}
	case sizediff.VerdictNoise:
		h = headline{"No change beyond noise: " + v.noiseWords(say) + ".", joinSentences("Two builds of one tree differ by as much.", v.comparedCount())}
	case sizediff.VerdictToolchain:
		h = v.headlineToolchain(say)
	case sizediff.VerdictApproximate:
		h = headline{"About " + v.worstGrowth(say) + ", against an older base.", v.olderBase(say)}
	default:
		h = v.headlineWithin(say)
	}
	if v.verdict == sizediff.VerdictOver {
		h.rest = joinSentences(v.lapse(say), h.rest)
	} else {
		h.rest = joinSentences(h.rest, v.lapse(say))
	}
	if len(v.missing) > 0 {
		h.verdict = strings.TrimSuffix(strings.TrimSuffix(h.verdict, ":"), ".") + "; " + v.missingWords(say) + lastMark(h.verdict)
	}
	return h
}

// lastMark keeps the colon of a sentence that a quotation follows.
func lastMark(s string) string {
	if strings.HasSuffix(s, ":") {
		return ":"
	}
	return "."
}

func (v *view) headlineMissing(say voice) headline {
	switch {
	case v.verdict == sizediff.VerdictNotCompared:
		return headline{"Not compared: there is no baseline.", "This says nothing about growth."}
	case len(v.missing) == 0:
		return headline{"Not measured: there is nothing to measure.", "This says nothing about growth."}
	}
	at := ""
	if v.e.Provenance.Head != "" {
		at = " at " + say.code(short(v.e.Provenance.Head))
	}
	rest := "This says nothing about growth."
	if v.e.Provenance.Earlier != "" {
		rest = "Last result: " + say.prose(v.e.Provenance.Earlier) + "."
	}
	return headline{"Not measured" + at + ": " + say.prose(problemOf(v.missing[0]).Reason) + ".", rest}
}

func (v *view) headlineNoChange(say voice) headline {
	groups := map[string][]string{}
	for _, t := range v.compared {
		how := equality(t.Report, say)
		groups[how] = append(groups[how], say.name(t.Name))
	}
	hows := slices.Sorted(maps.Keys(groups))
	if len(hows) == 1 {
		return headline{"No size change.", joinSentences(v.comparedCount(), "Every image has "+hows[0]+".")}
	}
	var clauses []string
	for _, how := range hows {
		names := groups[how]
		clauses = append(clauses, listed(capNames(names))+" "+verb(names, "has", "have")+" "+how)
	}
	return headline{"No size change.", joinSentences(v.comparedCount(), strings.Join(clauses, "; ")+".")}
}

// equality says what is equal in a build without a change of size: all bytes, all but some texts, or only the sizes. These are
// different facts, and the first is much stronger.
func equality(r *sizediff.Report, say voice) string {
	if r.State == sizediff.Identical {
		return "identical bytes (debug information is not compared)"
	}
	text := len(r.Texts) > 0
	for _, i := range r.Images {
		text = text && (i.Status == sizediff.ImageIdentical || i.TextOnly)
	}
	if !text {
		return "equal section and symbol sizes, but not identical bytes"
	}
	var what []string
	for _, t := range r.Texts {
		if w := say.prose(t.What); !slices.Contains(what, w) {
			what = append(what, w)
		}
	}
	slices.Sort(what)
	return "identical bytes apart from " + listed(capList(what, 4))
}

func verb(subjects []string, one, many string) string {
	if len(subjects) == 1 {
		return one
	}
	return many
}

func (v *view) headlineWithin(say voice) headline {
	t := v.worst()
	if v.verdict == sizediff.VerdictConfig {
		n := counted(len(v.options()), "option")
		return headline{
			fmt.Sprintf("%s; the configuration differs in %s, so this is not the patch's growth alone.", v.growth(say, false), n),
			joinSentences(v.comparedCount(), v.budgetNote(say)),
		}
	}
	h := headline{v.growth(say, true) + ".", joinSentences(v.comparedCount(), v.imagesNote(), v.budgetNote(say))}
	if t.Report.Totals.Resident.Delta != 0 && len(v.missing) > 0 {
		h.verdict = fmt.Sprintf("%s%s.", deltaBytes(t.Report.Totals.Resident.Delta), v.worstOf())
		if clause := v.runtimeClause(say, true); clause != "" {
			h.rest = joinSentences(sentenceCase(clause)+".", v.budgetNote(say))
		}
	}
	return h
}

// growth says what happened to the worst target, without a full stop.
func (v *view) growth(say voice, judged bool) string {
	t := v.worst()
	subject := "Build"
	if v.kernel() {
		subject = "Kernel"
	}
	totals := t.Report.Totals
	var s string
	switch d := totals.Resident.Delta; {
	case d > 0:
		s = subject + " grows by " + bytesOf(d)
	case d < 0:
		s = subject + " shrinks by " + strings.TrimPrefix(deltaBytes(d), "-")
	case totals.Init.Delta != 0:
		s = "Resident size is unchanged, init " + deltaBytes(totals.Init.Delta)
	case shifted(t.Report):
		s = "Resident size is unchanged in all, but not in its parts"
	case totals.Unloaded.Delta != 0 || totals.File.Delta != 0:
		s = fmt.Sprintf("Only what is never loaded changes: unloaded %s, files %s", deltaBytes(totals.Unloaded.Delta), deltaBytes(totals.File.Delta))
	case opaqueDelta(t.Report) != 0:
		s = "Only files that are counted by size change: " + deltaBytes(opaqueDelta(t.Report))
	default:
		s = "Totals are unchanged, but sizes within them differ"
	}
	if judged && v.judgingBucket() == sizediff.BucketTotal {
		s += v.used(sizediff.BucketTotal)
	}
	if clause := v.runtimeClause(say, judged); clause != "" {
		s += "; " + clause
	}
	return s
}

// shifted reports whether bytes went from bucket to bucket.
func shifted(r *sizediff.Report) bool {
	return slices.ContainsFunc(r.Buckets, func(b sizediff.BucketChange) bool { return b.Resident.Delta != 0 })
}

// runtimeClause says what happened to the runtime of the worst target, "" when the policy knows no runtime. What symbols
// alone could tell is not said of stripped images.
func (v *view) runtimeClause(say voice, judged bool) string {
	r := v.worst().Report
	b, ok := bucketOf(r, sizediff.BucketRuntime)
	if !ok {
		return ""
	}
	label := say.prose(bucketLabel(b))
	if stripped := r.Stripped(); len(stripped) > 0 {
		return fmt.Sprintf("%s not known, because %s %s stripped", label, subjectOf(stripped, say), verb(stripped, "is", "are"))
	}
	s := label + " unchanged"
	switch {
	case b.Resident.Delta != 0:
		s = label + " " + deltaBytes(b.Resident.Delta)
	case b.Resident == sizediff.Change{} && b.Init == sizediff.Change{}:
		s = "no " + label + " in it"
	}
	if judged && v.judgingBucket() == sizediff.BucketRuntime {
		s += v.used(sizediff.BucketRuntime)
	}
	return s
}

// judgingBucket is the bucket whose budget the headline quotes: the runtime's, else the total's, else none.
func (v *view) judgingBucket() string {
	for _, b := range []string{sizediff.BucketRuntime, sizediff.BucketTotal} {
		if r, ok := budgetFor(v.worst(), b); ok && r.Status == sizediff.BudgetWithin {
			return b
		}
	}
	return ""
}

func (v *view) used(bucket string) string {
	b, _ := budgetFor(v.worst(), bucket)
	if b.Delta <= 0 {
		return ", within budget"
	}
	return fmt.Sprintf(", within budget (%d %% of %s B)", b.Used(), num(b.Limit))
}

// imagesNote says how many images of the worst target exist on one side only: their whole size is in the difference.
func (v *view) imagesNote() string {
	added, removed := 0, 0
	for _, i := range v.worst().Report.Images {
		switch {
		case i.MovedFrom != "" || i.MovedTo != "":
		case i.Status == sizediff.Added:
			added++
		case i.Status == sizediff.Removed:
			removed++
		}
	}
	var clauses []string
	if added > 0 {
		clauses = append(clauses, counted(added, "image")+" only in the head")
	}
	if removed > 0 {
		clauses = append(clauses, counted(removed, "image")+" only in the base")
	}
	if len(clauses) == 0 {
		return ""
	}
	return sentenceCase(listed(clauses)) + "."
}

func capList(s []string, n int) []string {
	if len(s) <= n {
		return s
	}
	return append(slices.Clone(s[:n]), counted(len(s)-n, "other"))
}

// noiseWords are the largest change and its band: "+16 B (band ±32 B)". Of the totals, or where none changed of a bucket.
func (v *view) noiseWords(say voice) string {
	label, largest, band := "", int64(0), int64(0)
	look := func(t *sizediff.TargetResult, name, bucket string, c sizediff.Change) {
		if magnitude(c.Delta) > magnitude(largest) {
			label, largest, band = name, c.Delta, t.Bands[bucket]
		}
	}
	for _, t := range v.compared {
		look(t, "", sizediff.BucketTotal, t.Report.Totals.Resident)
	}
	for _, t := range v.compared {
		if largest == 0 {
			look(t, "init ", sizediff.BucketTotal, t.Report.Totals.Init)
		}
	}
	if largest == 0 {
		for _, t := range v.compared {
			for _, b := range ordered(t.Report.Buckets) {
				look(t, say.prose(bucketLabel(b))+" ", b.Name, b.Resident)
				look(t, say.prose(bucketLabel(b))+" init ", b.Name, b.Init)
			}
		}
	}
	return fmt.Sprintf("%s%s (band ±%s)", label, deltaBytes(largest), bytesOf(band))
}

// inTarget is " (name)" when there is more than one target.
func (v *view) inTarget(say voice, t *sizediff.TargetResult) string {
	if len(v.e.Targets) < 2 {
		return ""
	}
	return " (" + say.name(t.Name) + ")"
}

func (v *view) headlineToolchain(say voice) headline {
	changed, kept := v.toolchain(say)
	s := "Toolchain changed, so the difference is not this patch's growth alone."
	rest := changed
	if kept != "" {
		rest += ", " + kept + " unchanged"
	}
	sentences := []string{rest + ".", "All together: " + v.sums(say) + "."}
	if v.e.Provenance.BaseChoice == sizediff.BaseApproximate {
		sentences = append(sentences, "The base is approximate as well. "+v.olderBase(say))
	}
	return headline{s, joinSentences(append(sentences, v.budgetNote(say))...)}
}

// sums are the bare changes of the worst target.
func (v *view) sums(say voice) string {
	s := deltaBytes(v.worst().Report.Totals.Resident.Delta) + v.worstOf()
	if clause := v.runtimeClause(say, false); clause != "" {
		s += "; " + clause
	}
	return s
}

func (v *view) worstGrowth(say voice) string {
	return deltaBytes(v.worst().Report.Totals.Resident.Delta) + v.worstOf()
}

func (v *view) worstOf() string {
	if len(v.compared) < 2 {
		return ""
	}
	return fmt.Sprintf(" (worst of %d targets)", len(v.compared))
}

// olderBase tells which base was used instead of the exact one, and that the budgets do not apply.
func (v *view) olderBase(say voice) string {
	p := v.e.Provenance
	exact := "The exact base"
	if p.ExactBase != "" {
		exact += " " + say.code(short(p.ExactBase))
	}
	why := "has no measurement"
	if p.WhyNotExact != "" {
		why += " (" + strings.TrimSuffix(say.prose(p.WhyNotExact), ".") + ")"
	}
	older := "an older commit"
	if p.AncestorsBack > 0 {
		older = counted(p.AncestorsBack, "commit") + " earlier on the first-parent line"
	}
	return fmt.Sprintf("%s %s. Compared with %s, %s; the difference may include those commits. Not gated.", exact, why, say.code(short(p.Base)), older)
}

// missingWords says which targets are missing, and how.
func (v *view) missingWords(say voice) string {
	groups := map[sizediff.ProblemKind][]string{}
	for _, t := range v.missing {
		k := problemOf(t).Kind
		groups[k] = append(groups[k], say.name(t.Name))
	}
	var clauses []string
	for _, k := range []sizediff.ProblemKind{sizediff.ProblemNotMeasured, sizediff.ProblemNotCompared} {
		names := groups[k]
		if len(names) == 0 {
			continue
		}
		was := verb(names, "was ", "were ")
		clauses = append(clauses, listed(capNames(names))+" "+was+string(k))
	}
	return strings.Join(clauses, "; ")
}

// capNames keeps a list of targets short enough for a sentence.
func capNames(names []string) []string {
	if len(names) <= 4 {
		return names
	}
	return append(names[:3:3], counted(len(names)-3, "more target"))
}

// comparedCount says how many targets were compared, "" when there is only one.
func (v *view) comparedCount() string {
	all := len(v.e.Targets)
	if all < 2 {
		return ""
	}
	return sentenceCase(inWords(len(v.compared))) + " of " + inWords(all) + " targets compared."
}

func joinSentences(s ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(s), func(x string) bool { return x == "" }), " ")
}

// short abbreviates a commit id; anything else stays.
func short(id string) string {
	if len(id) >= 40 && hexRun().MatchString(id) {
		return id[:7]
	}
	return id
}
