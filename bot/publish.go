package bot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oxidometer/oxidometer/bot/command"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/web"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// checkName is the name of our check run. A ruleset can require it from this App.
const checkName = "oxidometer"

// Kinds of store.Output.
const (
	outputComment = "comment"
	outputCheck   = "check"  // of a commit, whatever pull requests have it as their head
	outputSaid    = "said"   // of that commit by one pull request, in place of a digest
	outputStatus  = "status" // of the check run, in place of a digest
	outputAsked   = "asked"  // a person asked for the comment

	outputMentioned = "mentioned" // in place of a digest of the comment, that of the owners that it mentions
)

// uncomparedFor is how long a head must lack a base until a first comment says so.
const uncomparedFor = 2 * time.Hour

// publish stores the evaluation and brings comment and check run in line with it, unless the head has moved on.
func (l *look) publish(e *sizediff.Evaluation, steps []string) error {
	if stale, err := l.stale(); stale || err != nil {
		return err
	}
	id, since, err := l.storeEvaluation(e, steps)
	if err != nil {
		return ignoreSuperseded(err)
	}
	if err := l.lapse(); err != nil {
		return err
	}
	if l.PublicURL != "" && l.cfg.Report.Linked() {
		e.Provenance.ReportURL = l.PublicURL + "/r/" + id
		e.Provenance.HistoryURL = l.PublicURL + "/p/" + l.historyKey()
		e.Provenance.JSONURL = e.Provenance.ReportURL + ".json"
	}
	if err := l.publishCheck(e); err != nil { // first: it can always be written, and it gates
		return err
	}
	if err := l.Store.Published(l.ctx, id, l.Now()); err != nil { // from now on somebody can have seen it
		return err
	}
	if err := l.publishComment(e, since); err != nil {
		return err
	}
	if err := l.label(e); err != nil {
		return err
	}
	if left := since.Add(uncomparedFor).Sub(l.Now()); left > 0 && worstCompared(e) == sizediff.VerdictNotCompared {
		return queue.Snooze(left)
	}
	return nil
}

// storeEvaluation returns the evaluation's id, and since when that is what we say: those of the newest one, if it says the same
// of the same head.
func (l *look) storeEvaluation(e *sizediff.Evaluation, steps []string) (id string, since time.Time, err error) {
	data, err := web.Record{
		Repository: l.repo.String(), Pull: l.pr.Number, Title: l.pr.Title, Evaluation: e, Steps: steps, Hidden: !l.cfg.Report.Linked(),
	}.Encode()
	if err != nil {
		return "", since, err
	}
	last, err := l.Store.LatestEvaluation(l.ctx, l.repo.ID, l.pr.Number)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", since, err
	}
	if err == nil && last.HeadSHA == l.pr.HeadSHA && sameEvaluation(last.Record, data) {
		return last.ID, last.Created, nil
	}
	since = l.Now()
	id, err = l.Store.PutEvaluation(l.ctx, store.Evaluation{
		RepoID: l.repo.ID, Pull: l.pr.Number, HeadSHA: l.pr.HeadSHA, BaseSHA: e.Provenance.Base, MergeSHA: e.Provenance.MergeOf,
		State: string(e.Verdict()), Record: data, Created: since,
	}, l.seq)
	return id, since, err
}

// sameEvaluation compares records by what they say of the build, and to whom. Its title may have changed since, and the steps to its
// base are shorter once that is measured; neither is worth a new report and an edited comment.
func sameEvaluation(a, b []byte) bool {
	type record struct {
		Evaluation json.RawMessage `json:"evaluation"`
		Hidden     bool            `json:"hidden"`
	}
	var x, y record
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && bytes.Equal(x.Evaluation, y.Evaluation) && x.Hidden == y.Hidden
}

// stale reads the pull request again: nothing may be written for a head that is not the head any longer, or by a look that
// another has overtaken.
func (l *look) stale() (bool, error) {
	now, err := l.client.PullRequest(l.ctx, l.repo, l.pr.Number)
	if err != nil {
		return false, err
	}
	if now.State != "open" || now.HeadSHA != l.pr.HeadSHA || now.BaseRef != l.pr.BaseRef {
		l.log.WithField("now", now.HeadSHA).Info("the head moved on while we measured; nothing written")
		return true, nil
	}
	err = l.Store.Current(l.ctx, l.repo.ID, l.pr.Number, l.seq)
	return errors.Is(err, store.ErrSuperseded), ignoreSuperseded(err)
}

func ignoreSuperseded(err error) error {
	if errors.Is(err, store.ErrSuperseded) {
		return nil
	}
	return err
}

// publishComment creates the comment when there is something to say, and always updates one that exists. What e says is said
// since then.
func (l *look) publishComment(e *sizediff.Evaluation, since time.Time) error {
	header := l.cfg.Comment.Header
	marker := l.signer.marker(l.repo, l.pr.Number, header)
	match := endsWith(marker)
	known, exists, err := l.knownComment(match)
	if err != nil {
		return err
	}
	due, err := l.commentDue(e, since, exists)
	if err != nil || !due {
		return err
	}
	tells, renew := l.wantsComment(e, since), false
	if exists && tells && l.cfg.Comment.Recreate {
		if known, renew, err = l.clearComment(known, match); err != nil {
			return err
		}
	}
	var body bytes.Buffer
	o := render.MarkdownOptions{
		Top: l.cfg.Comment.MaxRows, Header: header, Marker: marker, Style: render.Style(l.cfg.Comment.Style),
		FoldBelow: int64(l.cfg.Noise.FoldSymbolsBelow),
	}
	if o.Mention, err = l.mentioned(e, exists && !renew); err != nil {
		return err
	}
	if err := render.Markdown(&body, e, o); err != nil {
		return err
	}
	id, err := l.client.PutComment(l.ctx, l.repo, l.pr.Number, known, match, body.String())
	switch class, _ := gh.Classify(err); class {
	case gh.ClassOK:
	case gh.ClassTemporary, gh.ClassRateLimited, gh.ClassAuth:
		return err
	default:
		l.log.WithError(err).Warn("the comment cannot be written; the check run carries it")
		return nil
	}
	if !exists || renew {
		if err := l.noteCommentHead(); err != nil {
			return err
		}
	} else if tells {
		if err := l.tellWorse(e); err != nil {
			return err
		}
	}
	return l.putOutput(l.commentKind(), "", id, body.Bytes())
}

// mentioned are the owners that the comment mentions: those of its first text, as long as it is about the same. An edit notifies
// nobody, so later ones are not mentioned.
func (l *look) mentioned(e *sizediff.Evaluation, exists bool) ([]string, error) {
	if !l.cfg.Comment.MentionOwners {
		return nil, nil
	}
	all := owners(e)
	names := []byte(strings.Join(all, " "))
	if !exists {
		return all, l.putOutput(outputMentioned, "", 0, names)
	}
	out, err := l.Store.Output(l.ctx, l.repo.ID, l.pr.Number, outputMentioned, "")
	if errors.Is(err, store.ErrNotFound) || err == nil && out.BodySHA256 != digest(names) {
		return nil, nil
	}
	return all, err
}

// knownComment reports whether there is a comment of ours. The id is that of the store, 0 when it knows none: whoever writes
// the comment then looks for it, and clears up if there are several.
func (l *look) knownComment(match func(string) bool) (id int64, exists bool, err error) {
	out, err := l.Store.Output(l.ctx, l.repo.ID, l.pr.Number, l.commentKind(), "")
	if !errors.Is(err, store.ErrNotFound) {
		return out.GitHubID, true, err
	}
	_, err = l.client.FindComment(l.ctx, l.repo, l.pr.Number, match)
	if isNotFound(err) {
		return 0, false, nil
	}
	return 0, true, err
}

// commentDue says whether the comment is to be written now: not while somebody paused it, always when somebody asked for it or it
// exists, else when a first one is due.
func (l *look) commentDue(e *sizediff.Evaluation, since time.Time, exists bool) (bool, error) {
	if _, paused, err := l.Store.Paused(l.ctx, l.repo.ID, l.pr.Number); paused || err != nil {
		return false, err
	}
	if exists {
		return true, nil
	}
	_, err := l.Store.Output(l.ctx, l.repo.ID, l.pr.Number, outputAsked, "")
	if errors.Is(err, store.ErrNotFound) {
		return l.wantsComment(e, since), nil
	}
	return err == nil, err
}

// wantsComment says whether a first comment is due.
func (l *look) wantsComment(e *sizediff.Evaluation, since time.Time) bool {
	if l.pr.Draft && l.cfg.Comment.OnDraft != config.DraftComment {
		return false
	}
	v := worstCompared(e)
	switch l.cfg.Comment.When {
	case config.CommentNever:
		return false
	case config.CommentAlways:
		return true
	case config.CommentOverBudget:
		return v == sizediff.VerdictOver
	}
	if p := e.Proposal; p != nil && len(p.Loosened)+len(p.Weaker) > 0 { // whoever merges it should know
		return true
	}
	switch v {
	case sizediff.VerdictNoChange, sizediff.VerdictNoise, sizediff.VerdictNotMeasured:
		return false
	case sizediff.VerdictWithin, sizediff.VerdictApproximate:
		return largestChange(e) >= int64(l.cfg.Noise.MinCommentChange)
	case sizediff.VerdictNotCompared: // only when it lasts: the base may be measured soon
		return l.Now().Sub(since) >= uncomparedFor
	}
	return true
}

// worstCompared is the verdict of the targets that were compared. Where none was, it is that of all.
func worstCompared(e *sizediff.Evaluation) sizediff.Verdict {
	some := *e
	some.Targets = nil
	for _, t := range e.Targets {
		if t.Problem == nil {
			some.Targets = append(some.Targets, t)
		}
	}
	if len(some.Targets) == 0 {
		return e.Verdict()
	}
	return some.Verdict()
}

// maxSummary is the longest summary in bytes. GitHub takes 65,535; the rest is for what other pull requests say of the commit.
const maxSummary = 54_000

func (l *look) publishCheck(e *sizediff.Evaluation) error {
	var summary bytes.Buffer
	if err := render.CheckSummary(&summary, e, maxSummary); err != nil {
		return err
	}
	return l.putCheck(gh.Check{
		Status: "completed", Conclusion: render.CheckConclusion(e, l.cfg.RenderGate()), Title: render.CheckTitle(e),
		Summary: summary.String(), DetailsURL: e.Provenance.ReportURL, Actions: buttons(e),
	})
}

// buttons of a complete check run. GitHub shows them to people with write access; who presses one is asked for again.
func buttons(e *sizediff.Evaluation) []gh.CheckAction {
	list := []gh.CheckAction{{Label: "Refresh", Description: "Look at the builds again", Identifier: string(command.Refresh)}}
	if e.Verdict() == sizediff.VerdictOver {
		list = append(list, gh.CheckAction{Label: "Accept growth", Description: "For this head; the comment takes reasons", Identifier: string(command.Accept)})
	}
	return list
}

// putCheck brings our check run on the head to the given state, unless another pull request says worse of that commit.
func (l *look) putCheck(c gh.Check) error {
	c.Name, c.HeadSHA = checkName, l.pr.HeadSHA
	l.annotate(&c)
	if err := l.say(c); err != nil {
		return err
	}
	var written []said
	for try := range 3 { // again, if one of the others has said something else in the meantime
		others, err := l.others(c.HeadSHA)
		if err != nil {
			return err
		}
		if try > 0 && slices.Equal(written, others) {
			break
		}
		if err := l.writeCheck(amid(c, others)); err != nil {
			return err
		}
		written = others
	}
	return l.noteStatus(c.Status)
}

// unmeasured is the check run that ends without a measurement. why follows "Not measured: "; remedy is what people can do, or "".
func unmeasured(sha, why, remedy string) gh.Check {
	return gh.Check{
		Name: checkName, HeadSHA: sha, Status: "completed", Conclusion: "neutral", Title: "Not measured: " + why,
		Summary: strings.TrimSpace("This says nothing about growth. " + remedy),
	}
}

// writeCheck writes the check run of a commit. One that says the same already is left alone.
func (l *look) writeCheck(c gh.Check) error {
	out, err := l.Store.Output(l.ctx, l.repo.ID, 0, outputCheck, c.HeadSHA)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	text := fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%s\x00%v", c.Status, c.Conclusion, c.Title, c.Summary, c.Text, c.Actions)
	if out.GitHubID != 0 && out.BodySHA256 == digest(text) {
		return nil
	}
	c.ID = out.GitHubID
	id, err := l.client.PutCheck(l.ctx, l.repo, c)
	if err != nil {
		return err
	}
	return l.Store.PutOutput(l.ctx, store.Output{
		RepoID: l.repo.ID, Kind: outputCheck, HeadSHA: c.HeadSHA, GitHubID: id, BodySHA256: digest(text), Updated: l.Now(),
	})
}

// noteStatus remembers how far the head is, for Reconcile: nobody need look again at one that is completed.
func (l *look) noteStatus(status string) error {
	return l.Store.PutOutput(l.ctx, store.Output{
		RepoID: l.repo.ID, Pull: l.pr.Number, Kind: outputStatus, HeadSHA: l.pr.HeadSHA, BodySHA256: status, Updated: l.Now(),
	})
}

// endCheck completes the check run of a head that will not be measured any more, if it has one and was not evaluated: a
// check that stays pending for ever tells nobody anything.
func (l *look) endCheck(sha, why string) error {
	if shared, err := l.leave(sha); shared || err != nil {
		return err
	}
	out, err := l.Store.Output(l.ctx, l.repo.ID, 0, outputCheck, sha)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	list, err := l.Store.Evaluations(l.ctx, l.repo.ID, l.pr.Number)
	if err != nil || slices.ContainsFunc(list, func(e store.Evaluation) bool { return e.HeadSHA == sha }) {
		return err
	}
	check := unmeasured(sha, why, "")
	check.ID = out.GitHubID
	_, err = l.client.PutCheck(l.ctx, l.repo, check)
	if err != nil && !isNotFound(err) { // else the commit is gone with its fork
		return err
	}
	return l.forgetCheck(l.ctx, l.repo, sha) // reopened or pushed back to, it has to say again what it said
}

func (l *look) putOutput(kind, head string, id int64, body []byte) error {
	return l.Store.PutOutput(l.ctx, store.Output{
		RepoID: l.repo.ID, Pull: l.pr.Number, Kind: kind, HeadSHA: head, GitHubID: id, BodySHA256: digest(body), Updated: l.Now(),
	})
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
