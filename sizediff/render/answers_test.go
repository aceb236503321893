package render

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

// found is what an ordinary name means.
func found() sizediff.Found {
	return sizediff.Found{
		Query: "core::fmt",
		Symbols: []sizediff.FoundSymbol{
			{Image: "vmlinux", Section: ".text", Name: "<core::fmt::Formatter>::pad", Crate: "core", Bucket: sizediff.BucketRuntime, Change: sizediff.NewChange(0, 388)},
			{Image: "drivers/rust_sample.ko", Section: ".text", Name: "core::fmt::write", Crate: "core", Bucket: sizediff.BucketRuntime, Change: sizediff.NewChange(1112, 1096)},
			{Image: "vmlinux", Section: ".text", Name: "core::fmt::write", Crate: "core", Bucket: sizediff.BucketRuntime, Change: sizediff.NewChange(1096, 1096)},
		},
		Families: []sizediff.FoundFamily{{Name: "core::fmt::num::imp::<impl _>::fmt", BaseInstances: 3, HeadInstances: 5, Change: sizediff.NewChange(759, 1126)}},
		Crates:   []sizediff.CrateChange{{Bucket: sizediff.BucketRuntime, Crate: "core::fmt", Change: sizediff.NewChange(6102, 15854)}},
		Sections: []sizediff.FoundSection{{Image: "vmlinux", SectionChange: sizediff.SectionChange{Name: ".text", Kind: sizediff.Resident, Change: sizediff.NewChange(9000, 12000)}}},
	}
}

func asFound(t *testing.T, target string, f sizediff.Found) string {
	return rendered(t, func(w io.Writer) error { return FoundMarkdown(w, target, f) })
}

func asTop(t *testing.T, target string, largest []sizediff.SymbolSize) string {
	return rendered(t, func(w io.Writer) error { return TopMarkdown(w, target, largest) })
}

func asConfigs(t *testing.T, targets []MeasuredTarget) string {
	return rendered(t, func(w io.Writer) error { return ConfigsMarkdown(w, targets) })
}

func asCommitText(t *testing.T, e *sizediff.Evaluation) string {
	return rendered(t, func(w io.Writer) error { return CommitText(w, e) })
}

func TestAnswers(t *testing.T) {
	golden(t, "answer-found.md", asFound(t, "x86_64", found()))
	alone := found()
	alone.Alone = true
	out := asFound(t, "x86_64", alone)
	golden(t, "answer-found-alone.md", out)
	if strings.Contains(out, "change") || strings.Contains(out, "before") || strings.Contains(out, "→") {
		t.Errorf("what is not compared has a change:\n%s", out)
	}
	golden(t, "answer-found-nothing.md", asFound(t, "x86_64", sizediff.Found{Query: "no such thing"}))

	largest := []sizediff.SymbolSize{
		{Image: "vmlinux", Demangled: "log_buffer", Bucket: sizediff.BucketC, Size: 4096},
		{Image: "vmlinux", Demangled: "<core::fmt::Formatter>::pad", Bucket: sizediff.BucketRuntime, Size: 388},
	}
	golden(t, "answer-top.md", asTop(t, "x86_64", largest))
	golden(t, "answer-top-none.md", asTop(t, "x86_64", nil))
	golden(t, "answer-configs.md", asConfigs(t, []MeasuredTarget{{"x86_64", "9f3c2a1b5d", growthReport()}, {"arm64", "9f3c2a1b5d", growthReport()}}))
	golden(t, "answer-text.md", asCommitText(t, &sizediff.Evaluation{Targets: []sizediff.TargetResult{target("x86_64", growthReport())}}))
}

// TestAnswersAreShort: however much a name means, and however long names are, an answer is a part of a comment.
func TestAnswersAreShort(t *testing.T) {
	f := found()
	for i := range 3 * answerRows {
		s := f.Symbols[0]
		s.Name = fmt.Sprint(i, strings.Repeat("<@&|", 1000))
		f.Symbols = append(f.Symbols, s)
	}
	f.Query = strings.Repeat("x", 2000)
	out := asFound(t, "x86_64", f)
	if len(out) > 40_000 || !strings.Contains(out, "43 symbols not shown") {
		t.Errorf("%d bytes:\n%.2000s", len(out), out)
	}
}

// TestHostileAnswers: whatever a name holds, it stays a name.
func TestHostileAnswers(t *testing.T) {
	for _, n := range hostileNames {
		f := found()
		f.Query = n
		for i := range f.Symbols {
			f.Symbols[i] = sizediff.FoundSymbol{Image: n, Section: n, Name: n, Crate: n, Bucket: n, Change: sizediff.NewChange(1, 2)}
		}
		f.Families[0].Name, f.Crates[0].Crate, f.Crates[0].Bucket, f.Sections[0].Image, f.Sections[0].Name = n, n, n, n, n
		largest := []sizediff.SymbolSize{{Image: n, Section: n, Name: n, Demangled: n, Crate: n, Bucket: n, Size: 9}}
		evaluation := hostileEvaluation(n)
		for where, out := range map[string]string{
			"found":   asFound(t, n, f),
			"nothing": asFound(t, n, sizediff.Found{Query: n}),
			"top":     asTop(t, n, largest),
			"configs": asConfigs(t, []MeasuredTarget{{n, n, evaluation.Targets[0].Report}}),
			"text":    asCommitText(t, evaluation),
			"code":    Code(n) + "\n",
			"prose":   "It says " + Prose(n) + "\n",
			"fence":   Fence(visibleLines(n)),
			"link":    Link("run 1", "https://example.org/"+n) + "\n",
		} {
			checkMarkdown(t, fmt.Sprintf("%s of %.40q", where, n), out, evaluation)
		}
	}
}

// visibleLines is a text whose lines hold nothing that cannot be seen, as those of faults.
func visibleLines(s string) string {
	var lines []string
	for l := range strings.SplitSeq(s, "\n") {
		lines = append(lines, visible(l))
	}
	return strings.Join(lines, "\n")
}

// The text for a commit message is that of the comment, without a verdict or what could be done.
func TestCommitText(t *testing.T) {
	over := target("x86_64", growthReport())
	over.Budgets = []sizediff.BudgetResult{{Budget: sizediff.Budget{Bucket: sizediff.BucketRuntime}, Delta: 612, Status: sizediff.BudgetOver}}
	e := &sizediff.Evaluation{
		Provenance: sizediff.Provenance{Head: headID, Commands: true},
		Targets:    []sizediff.TargetResult{over, target("arm64", growthReport()), {Name: "riscv", Problem: &sizediff.Problem{Kind: sizediff.ProblemNotCompared}}},
	}
	out := asCommitText(t, e)
	for _, want := range []string{commitBlock(&over), "Size (arm64", "Size (riscv): not compared", "add/remove:"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	for _, bad := range []string{"budget", "/size", "accept", "smaller change or", headID[:7]} {
		if strings.Contains(out, bad) {
			t.Errorf("%q is in\n%s", bad, out)
		}
	}
}
