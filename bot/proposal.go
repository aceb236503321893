package bot

import (
	"bytes"
	"errors"
	"slices"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// filePath is where a repository keeps its file.
const filePath = ".github/oxidometer.yml"

// proposed is the repository file as a pull request wants it. The pull request is judged by the file of its base.
type proposed struct {
	cfg    *config.Repo
	faults config.Faults // when cfg is nil
}

// readProposal reads the file of the head, if the pull request changes it. It is nil when it does not.
func (l *look) readProposal() (*proposed, error) {
	at := func(ref string) ([]byte, error) {
		data, err := l.client.File(l.ctx, l.repo, filePath, ref)
		if isNotFound(err) {
			return nil, nil
		}
		return data, err
	}
	head, err := at(l.pr.HeadSHA)
	if err != nil {
		return nil, err
	}
	base, err := at(l.pr.BaseRef)
	if err != nil || bytes.Equal(base, head) {
		return nil, err
	}
	files, _, err := l.client.PullFiles(l.ctx, l.repo, l.pr.Number) // or the base branch changed it since
	if err != nil || !slices.ContainsFunc(files, func(f gh.File) bool { return f.Path == filePath || f.Previous == filePath }) {
		return nil, err
	}
	cfg, err := config.ParseRepo(filePath, head)
	if faults, ok := errors.AsType[config.Faults](err); ok {
		return &proposed{faults: faults}, nil
	}
	return &proposed{cfg: cfg}, err
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
	policy.Exempt = e.Policy.Exempt
	then, err := l.judge(pairs, policy)
	if err != nil {
		return err
	}
	e.Proposal = &sizediff.Proposal{
		Title: render.CheckTitle(then), Verdict: then.Verdict(), Loosened: sizediff.Loosen(e.Policy, then.Policy, e.Targets),
		Weaker: config.Weaker(l.cfg, l.proposed.cfg),
	}
	return nil
}

// annotate puts the faults of the proposed file on their lines.
func (l *look) annotate(c *gh.Check) {
	if l.proposed == nil || l.proposed.cfg != nil {
		return
	}
	for _, f := range l.proposed.faults {
		c.Annotations = append(c.Annotations, gh.Annotation{
			Path: filePath, StartLine: max(f.Line, 1), EndLine: max(f.Line, 1), Level: "failure", Title: "oxidometer", Message: f.Message + "; " + f.Remedy,
		})
	}
	c.Summary += "\n\nThis pull request breaks `" + filePath + "`. It is judged by the file of its base; merged as it is, nothing would be measured.\n\n" +
		render.Fence(faultText(l.proposed.faults))
}
