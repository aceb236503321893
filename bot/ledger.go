package bot

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/oxidometer/oxidometer/bot/acceptance"
	"github.com/oxidometer/oxidometer/bot/command"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/web"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// maxVerdicts is how many of the newest evaluations of a pull request an acceptance can bind to.
const maxVerdicts = 20

// accept stores consent to growth over budget, bound to what was published before the person wrote.
func (r *request) accept(c command.Command) (string, error) {
	if r.comment == nil { // a button stands on a commit: it cannot say which of its pull requests is meant
		pulls, err := r.Store.PullsOfHead(r.ctx, r.repo.ID, r.pr.HeadSHA)
		if err != nil {
			return "", err
		}
		if len(pulls) > 1 {
			return "", refusedf("%s is the head of %d pull requests. Accept in a comment on the one that you mean.", render.Code(r.pr.HeadSHA[:7]), len(pulls))
		}
	}
	verdicts, err := r.verdicts()
	if err != nil {
		return "", err
	}
	rec, refused := acceptance.Bind(acceptance.Request{
		SHA: c.Value("sha"), Bucket: c.Value("bucket"), Reason: c.Value("reason"), By: r.by.Login, ByID: r.by.ID, Button: r.comment == nil,
		Written: r.written, Prefix: r.cfg.Commands.Prefix,
	}, verdicts, r.pr.HeadSHA)
	if refused != nil {
		return "", refusal(refused.Text)
	}
	growth, err := json.Marshal(rec.Growth)
	if err != nil {
		return "", err
	}
	commit, err := r.client.Commit(r.ctx, r.repo, rec.Head)
	if err != nil {
		return "", err
	}
	_, err = r.Store.PutAcceptance(r.ctx, store.Acceptance{
		RepoID: r.repo.ID, Pull: r.pr.Number, Head: rec.Head, Tree: commit.Tree, Evaluation: rec.Evaluation, Bucket: rec.Bucket, Growth: growth,
		By: rec.By, ByID: rec.ByID, Reason: rec.Reason, Button: rec.Button, At: rec.At,
	})
	if err != nil {
		return "", err
	}
	return "", r.lookAgain()
}

// unaccept withdraws what was accepted on the pull request until then.
func (r *request) unaccept(command.Command) (string, error) {
	until := r.written.Add(time.Second - time.Microsecond) // GitHub tells the time of a comment in whole seconds
	n, err := r.Store.WithdrawAcceptances(r.ctx, r.repo.ID, r.pr.Number, r.by.Login, until)
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "", refusedf("There is no acceptance to withdraw.")
	}
	return "", r.lookAgain()
}

// button is what a button of the check run stands for.
func button(identifier string) []command.Command {
	switch verb := command.Verb(identifier); verb {
	case command.Refresh, command.Accept:
		return []command.Command{{Verb: verb, Source: identifier}}
	}
	return nil
}

// verdicts are what was published on the pull request, and when. What was over budget is read of the head's alone: no other can be
// accepted.
func (l *look) verdicts() ([]acceptance.Verdict, error) {
	list, err := l.Store.Evaluations(l.ctx, l.repo.ID, l.pr.Number)
	if err != nil {
		return nil, err
	}
	var out []acceptance.Verdict
	for _, listed := range list[:min(len(list), maxVerdicts)] {
		v := acceptance.Verdict{Head: listed.HeadSHA, Evaluation: listed.ID, Published: listed.Published}
		if v.Head == l.pr.HeadSHA {
			e, err := l.Store.EvaluationByID(l.ctx, listed.ID)
			if err != nil {
				return nil, err
			}
			rec, err := web.DecodeRecord(e.Record)
			if err != nil {
				return nil, err
			}
			v.Over = acceptance.Over(rec.Evaluation)
		}
		out = append(out, v)
	}
	return out, nil
}

// considerAcceptances adds to an evaluation that is over budget what was accepted, what no longer holds, and what the author says.
func (l *look) considerAcceptances(e *sizediff.Evaluation) error {
	over := acceptance.Over(e)
	if len(over) == 0 {
		return nil
	}
	records, err := l.records()
	if err != nil {
		return err
	}
	j := acceptance.Judge(records, acceptance.Verdict{Head: l.pr.HeadSHA, Over: over}, acceptance.Rules{
		HeadOnly: l.cfg.Gate.Acceptance == config.AcceptHeadOnly, Band: acceptance.Bands(e),
	})
	e.Acceptance = j.Accepted
	for _, lapse := range j.Lapse {
		e.Lapsed = &sizediff.Lapse{By: lapse.Record.By, Head: lapse.Record.Head, Reason: lapse.Record.Reason, Why: lapse.Why}
	}
	l.lapses = j.Lapse
	return l.justify(e)
}

// lapse notes in the ledger what the evaluation that is being published says. What nobody gets to see ends no acceptance.
func (l *look) lapse() error {
	for _, lapse := range l.lapses {
		if !lapse.Record.Lapsed.IsZero() {
			continue
		}
		if err := l.Store.LapseAcceptance(l.ctx, l.repo.ID, lapse.Record.ID, l.pr.HeadSHA, lapse.Why); err != nil {
			return err
		}
	}
	return nil
}

// justify adds the author's words from trailers. They are shown, and count only where the repository file says so.
func (l *look) justify(e *sizediff.Evaluation) error {
	commits, err := l.series()
	if err != nil {
		return err
	}
	var messages []string
	for _, c := range commits {
		messages = append(messages, c.Message)
	}
	e.Justification = strings.Join(acceptance.Trailers(messages, l.pr.Body, l.cfg.Gate.Trailer), " / ")
	return nil
}

// records are the rows of the pull request's ledger.
func (l *look) records() ([]acceptance.Record, error) {
	rows, err := l.Store.Acceptances(l.ctx, l.repo.ID, l.pr.Number)
	if err != nil {
		return nil, err
	}
	var out []acceptance.Record
	for _, a := range rows {
		rec := acceptance.Record{
			ID: a.ID, RepoID: a.RepoID, Pull: a.Pull, Head: a.Head, Tree: a.Tree, Evaluation: a.Evaluation, Bucket: a.Bucket, By: a.By, ByID: a.ByID,
			Reason: a.Reason, Button: a.Button, At: a.At, Withdrawn: a.Withdrawn, WithdrawnBy: a.WithdrawnBy, Lapsed: a.Lapsed, LapsedAt: a.LapsedAt,
			Why: a.Why, MergeCommit: a.MergeCommit, Merged: a.Merged,
		}
		if err := json.Unmarshal(a.Growth, &rec.Growth); err != nil {
			return nil, fmt.Errorf("stored acceptance %d: %w", a.ID, err)
		}
		out = append(out, rec)
	}
	return out, nil
}

// merged notes in the ledger as what the pull request was merged.
func (l *look) merged() error {
	if !l.pr.Merged || l.pr.MergeCommitSHA == "" {
		return nil
	}
	return l.Store.MergeAcceptances(l.ctx, l.repo.ID, l.pr.Number, l.pr.MergeCommitSHA)
}

// Labels that say the verdict. They are written where the App was given the permission, and never read.
const (
	labelOver     = "binary-size/over-budget"
	labelAccepted = "binary-size/accepted"
	labelImproved = "binary-size/improved"
)

// improved reports whether something shrank and nothing grew.
func improved(e *sizediff.Evaluation) bool {
	shrank := false
	for _, t := range e.Targets {
		if t.Report == nil || t.Problem != nil || t.Report.Totals.Resident.Delta > 0 {
			return false
		}
		shrank = shrank || t.Report.Totals.Resident.Delta < 0
	}
	v := e.Verdict()
	return shrank && (v == sizediff.VerdictWithin || v == sizediff.VerdictNoChange)
}

// label sets the labels of the pull request to the verdict.
func (l *look) label(e *sizediff.Evaluation) error {
	if may, err := l.client.Has(l.ctx, "issues", "write"); err != nil || !may {
		return err
	}
	v := e.Verdict()
	err := l.client.SetLabels(l.ctx, l.repo, l.pr.Number, map[string]bool{
		labelOver: v == sizediff.VerdictOver, labelAccepted: v == sizediff.VerdictAccepted, labelImproved: improved(e),
	})
	if permanent(err) {
		l.log.WithError(err).Warn("labels cannot be written")
		return nil
	}
	return err
}
