package bot

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// filePath is where a repository keeps its file.
const filePath = ".github/oxidometer.yml"

// proposed is the repository file as a pull request wants it. The pull request is judged by the file of its base: whatever this
// one holds, it must not keep that from being done.
type proposed struct {
	cfg    *config.Repo
	faults config.Faults // when cfg is nil
}

// readProposal reads the file of the head, if the pull request changes it: takes it away, adds it, or writes something else than
// the base has. It is nil when the pull request leaves the file alone.
func (l *look) readProposal(base []byte) (*proposed, error) {
	head, err := ownFile(l.ctx, l.client, l.repo, l.pr.HeadSHA)
	faults, broken := errors.AsType[config.Faults](err)
	if err != nil && !broken {
		return nil, err
	}
	if !broken && bytes.Equal(base, head) && (base == nil) == (head == nil) {
		return nil, nil
	}
	changed, err := l.changes() // or the base branch changed it since
	if err != nil {
		return nil, err
	}
	if changed.all && !slices.ContainsFunc(changed.files, touchesFile) {
		return nil, nil
	}
	if broken {
		return &proposed{faults: faults}, nil
	}
	cfg, _, err := parseFile(l.ctx, l.client, l.repo, head)
	if faults, ok := errors.AsType[config.Faults](err); ok {
		return &proposed{faults: faults}, nil
	}
	return &proposed{cfg: cfg}, err
}

// touchesFile reports whether a change is one of the repository file, or makes it a folder.
func touchesFile(f gh.File) bool {
	return f.Path == filePath || f.Previous == filePath || strings.HasPrefix(f.Path, filePath+"/")
}

// maxWork bounds how many patterns and budgets of a proposed file are tried on every symbol. Nobody vouches for that file, and what
// it costs must not keep the pull request from being judged.
const maxWork = 500

// work counts the patterns, their wildcards and the budgets of a policy.
func work(p sizediff.Policy) int {
	n := len(p.Budgets) + len(p.Ratchets)
	count := func(patterns []string) {
		for _, s := range patterns {
			n += 1 + strings.Count(s, "*") + strings.Count(s, "?")
		}
	}
	for _, b := range p.Buckets {
		for _, m := range b.Match {
			count(slices.Concat(m.Crates, m.Paths, m.Sections, m.Symbols, m.Images))
		}
	}
	for _, b := range p.Budgets {
		count(append(b.Targets, b.Path))
	}
	for _, q := range p.Ratchets {
		count(q.Targets)
	}
	return n
}

// preview adds what the check would say with the proposed file, and what that loosens.
func (l *look) preview(e *sizediff.Evaluation, pairs []pair) error {
	if l.proposed == nil {
		return nil
	}
	if l.proposed.cfg == nil {
		e.Proposal = &sizediff.Proposal{Faults: len(l.proposed.faults)}
		return nil
	}
	policy := l.proposed.cfg.Policy()
	weaker := config.Weaker(l.cfg, l.proposed.cfg)
	if n := work(policy); n > maxWork {
		e.Proposal = &sizediff.Proposal{Weaker: append(weaker, fmt.Sprintf("perhaps; %d patterns and budgets are too many to try them here", n))}
		return nil
	}
	policy.Exempt = e.Policy.Exempt
	l.sums = 0 // nothing is added up, and kept, by rules that nobody has agreed to
	then, err := l.judge(pairs, policy)
	if err != nil {
		return err
	}
	then.Acceptance, then.Justification = e.Acceptance, e.Justification
	e.Proposal = &sizediff.Proposal{
		Title: render.CheckTitle(then), Verdict: then.Verdict(), Loosened: sizediff.Loosen(e.Policy, then.Policy, e.Targets), Weaker: weaker,
	}
	return nil
}

// brokenFile says that nothing is measured, because the file of the base has faults.
func (l *look) brokenFile(own []byte, faults config.Faults) error {
	var err error
	if l.proposed, err = l.readProposal(own); err != nil {
		return err
	}
	summary := "Nothing is measured until it is mended:\n\n" + faultBlock(faults)
	if l.proposed != nil && l.proposed.cfg != nil {
		summary += "\nThe file of this pull request has no faults.\n"
	}
	return l.putCheck(gh.Check{
		Status: "completed", Conclusion: "neutral", Title: "The repository file on " + l.pr.BaseRef + " has faults", Summary: summary,
	})
}

const maxNotes = 50 // faults that are shown on their lines

// annotate puts the faults of the proposed file on their lines.
func (l *look) annotate(c *gh.Check) {
	if l.proposed == nil || l.proposed.cfg != nil {
		return
	}
	for _, f := range l.proposed.faults[:min(len(l.proposed.faults), maxNotes)] {
		line := max(f.Line, 1)
		c.Annotations = append(c.Annotations, gh.Annotation{
			Path: filePath, StartLine: line, EndLine: line, Level: "failure", Title: "oxidometer", Message: f.Message + "; " + f.Remedy,
		})
	}
	c.Text = "This pull request breaks `" + filePath + "`. It is judged by the file of its base; merged as it is, nothing would be measured.\n\n" +
		faultBlock(l.proposed.faults)
}

// faultBlock shows the first faults of a repository file, whatever that holds.
func faultBlock(faults config.Faults) string { return render.Fence(faults.Error() + "\n") }
