package render

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Calibration writes what budgets would have done to the changes of the past, as text.
func Calibration(w io.Writer, c *sizediff.Calibration, o Options) error {
	p := &page{o: o.withDefaults()}
	for _, t := range c.Targets {
		p.paragraph(calibratedLine(t), 2)
	}
	p.paragraph(fmt.Sprintf("%s to judge budgets by.", sentenceCase(counted(c.Changes, "change"))), 2)
	if c.Changes < sizediff.FewChanges {
		p.paragraph(fewChanges, 2)
	}
	p.calibrationGrowth(c)
	p.calibrationStopped(c)
	p.calibrationBudgets(c)
	p.calibrationNoise(c)
	return writeTo(w, p.String())
}

// fewChanges follows how many there are.
var fewChanges = fmt.Sprintf("So few changes say little about later ones: calibrate again with %d or more.", sizediff.FewChanges)

// CalibrationJSON writes a calibration as JSON. file is the repository file that was made of it, "" when it was written elsewhere.
func CalibrationJSON(w io.Writer, c *sizediff.Calibration, file string) error {
	return encode(w, struct {
		*sizediff.Calibration
		File string `json:"file,omitempty"`
	}{c, file})
}

func calibratedLine(t sizediff.Calibrated) string {
	s := counted(t.Builds, "build")
	if t.Target != "" {
		s += " of " + plain(t.Target)
	}
	if t.Builds > 0 {
		s += fmt.Sprintf(", from %s to %s", plain(short(t.First)), plain(short(t.Last)))
	}
	s += ": " + counted(t.Steps, "step")
	var not []string
	if t.Toolchain > 0 {
		not = append(not, num(int64(t.Toolchain))+" to another toolchain")
	}
	if t.Config > 0 {
		not = append(not, num(int64(t.Config))+" to another configuration")
	}
	if len(not) > 0 {
		s += "; " + listed(not) + ", not judged"
	}
	return s + "."
}

func (p *page) calibrationGrowth(c *sizediff.Calibration) {
	p.heading("Growth per change, in resident bytes")
	g := grid{head: []string{"bucket", "grew", "median", "90 %", "95 %", "99 %", "largest"}}
	for _, b := range c.Growth {
		g.add(plain(b.Bucket), num(int64(b.Grew)), delta(b.Median), delta(b.P90), delta(b.P95), delta(b.P99), delta(b.Largest))
	}
	g.write(p)
	var changes []string
	buckets := map[string][]string{}
	for _, b := range c.Growth {
		if b.At == "" {
			continue
		}
		change := where(c, b)
		if buckets[change] == nil {
			changes = append(changes, change)
		}
		buckets[change] = append(buckets[change], plain(b.Bucket))
	}
	for _, change := range changes {
		p.paragraph("Largest with "+change+": "+listed(buckets[change])+".", 2)
	}
}

// where is the change in which a bucket grew most.
func where(c *sizediff.Calibration, b sizediff.BucketGrowth) string {
	s := plain(short(b.At))
	if len(c.Targets) > 1 {
		s += " (" + plain(b.Target) + ")"
	}
	return s
}

func (p *page) calibrationStopped(c *sizediff.Calibration) {
	p.heading(fmt.Sprintf("Changes that a budget would have stopped, of %s", num(int64(c.Changes))))
	g := grid{head: []string{"budget in KiB"}}
	for _, n := range c.Candidates {
		g.head = append(g.head, strconv.FormatFloat(float64(n)/1024, 'f', -1, 64))
	}
	for _, b := range c.Growth {
		cells := []string{plain(b.Bucket)}
		for _, n := range b.Stopped {
			cells = append(cells, num(int64(n)))
		}
		g.add(cells...)
	}
	g.write(p)
}

func (p *page) calibrationBudgets(c *sizediff.Calibration) {
	if len(c.Budgets) == 0 {
		return
	}
	p.heading("Budgets of the repository file")
	for _, b := range c.Budgets {
		s := plain(b.Bucket)
		if len(b.Targets) > 0 {
			s += " of " + plain(strings.Join(b.Targets, ", "))
		}
		if b.Path != "" {
			s += " in " + plain(b.Path)
		}
		s += ": " + budgetSize(b)
		if b.Replayed {
			s += fmt.Sprintf(" would have stopped %s of %s", num(int64(b.Stopped)), num(int64(c.Changes)))
		} else {
			s += " was not replayed: the history does not say what it is about"
		}
		p.paragraph(s, 2)
	}
}

func budgetSize(b sizediff.Replay) string {
	switch {
	case b.Percent != 0:
		return strconv.FormatFloat(b.Percent, 'f', -1, 64) + " %"
	case sizediff.Quantity(b.Bucket).Counted():
		return num(b.Bytes)
	}
	return num(b.Bytes) + " B"
}

func (p *page) calibrationNoise(c *sizediff.Calibration) {
	p.heading("Noise")
	if len(c.Noise) == 0 {
		p.paragraph("No commit was built twice in the same way, so none is known.", 2)
	}
	for _, n := range c.Noise {
		p.paragraph(noiseLine(n), 2)
	}
}

func noiseLine(n sizediff.NoiseSeen) string {
	s := counted(n.Pairs, "pair") + " of like builds"
	if n.Target != "" {
		s = plain(n.Target) + ": " + s
	}
	var names []string
	for name, bytes := range n.Bytes {
		if bytes != 0 && name != sizediff.BucketTotal {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	s += fmt.Sprintf(" differ by at most %s B in total", num(n.Bytes[sizediff.BucketTotal]))
	for _, name := range names {
		s += fmt.Sprintf(", %s B in %s", num(n.Bytes[name]), plain(name))
	}
	return s + "."
}

// CalibrationMark begins the first line of CalibrationBudgets, a comment.
const CalibrationMark = "# Replayed "

// CalibrationBudgets is the part of a repository file that a calibration suggests: the key budgets, with the evidence beside
// each. given are the file's budgets until now; those that stay stand last. It begins at the start of a line and ends with a
// line feed.
func CalibrationBudgets(c *sizediff.Calibration, given []sizediff.Budget) string {
	budgets := c.Applied(given)
	if len(budgets) == 0 {
		return "budgets: []\n"
	}
	var b strings.Builder
	if len(c.Suggested) > 0 {
		fmt.Fprintf(&b, "%s%s: all budgets suggested here together would have stopped %s; at most %s %% was asked for.\n", CalibrationMark,
			counted(c.Changes, "change"), num(int64(c.Stopped)), strconv.FormatFloat(c.StopRate, 'f', -1, 64))
	}
	b.WriteString("budgets:\n")
	if len(c.Suggested) > 0 && c.Changes < sizediff.FewChanges {
		b.WriteString("  # " + fewChanges + "\n")
	}
	for i, budget := range budgets {
		if i < len(c.Suggested) {
			b.WriteString("  # " + evidence(c, c.Suggested[i]) + "\n")
		} else if i == len(c.Suggested) {
			b.WriteString("  # As before: about a part of the builds, or a bucket for which nothing is suggested.\n")
		}
		b.WriteString("  - " + yamlBudget(budget) + "\n")
	}
	return b.String()
}

// evidence says what a suggestion follows from.
func evidence(c *sizediff.Calibration, s sizediff.Suggestion) string {
	g := c.Growth[slices.IndexFunc(c.Growth, func(g sizediff.BucketGrowth) bool { return g.Bucket == s.Bucket })]
	text := fmt.Sprintf("Stops %s of %s. Growth per change: median %s B, 95 %% up to %s B, largest %s B", num(int64(s.Stopped)), num(int64(c.Changes)),
		delta(g.Median), delta(g.P95), delta(g.Largest))
	if g.At != "" {
		text += " with " + where(c, g)
	}
	return text + "."
}

// yamlBudget is a budget as one entry of a repository file.
func yamlBudget(b sizediff.Budget) string {
	s := "{bucket: " + yamlWord(b.Bucket)
	if b.Quantity != "" {
		s = "{quantity: " + yamlWord(string(b.Quantity))
	}
	if len(b.Targets) > 0 {
		s += ", targets: " + yamlWords(b.Targets)
	}
	if b.Path != "" {
		s += ", path: " + yamlWord(b.Path)
	}
	if b.Sources {
		s += ", unit: symbols"
	}
	switch {
	case b.Percent != 0:
		s += ", grow: " + strconv.FormatFloat(b.Percent, 'f', -1, 64) + "%"
	case b.Quantity.Counted():
		s += ", grow: " + strconv.FormatInt(b.Bytes, 10)
	default:
		s += ", grow: " + yamlSize(b.Bytes)
	}
	if len(b.Owners) > 0 {
		s += ", owners: " + yamlWords(b.Owners)
	}
	return s + "}"
}

func yamlWords(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, yamlWord(w))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// plainYAML are words that a YAML reader takes for nothing but a string.
var plainYAML = regexp.MustCompile(`^[a-z][a-z0-9_-]{3,}$|^c$`)

func yamlWord(s string) string {
	if plainYAML.MatchString(s) && s != "true" && s != "false" && s != "null" {
		return s
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string
	}
	return string(quoted)
}

// yamlSize writes a size in the largest unit in which it is a whole number.
func yamlSize(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}
