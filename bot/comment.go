package bot

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// What a repository's file wants of the comment, besides its contents.

// Kinds of store.Output besides those of publish.go.
const (
	outputCommentHead = "comment head" // the head that the comment was written for first, in place of a digest
	outputWorse       = "worse"        // the comment that tells of a head over budget
)

// statusDraft is the status of a draft that nothing is said of.
const statusDraft = "draft"

// ignoresDraft reports whether nothing at all is said of a draft. A head that has a check run already, because it was no draft before,
// keeps it up to date.
func (l *look) ignoresDraft() (bool, error) {
	if !l.pr.Draft || l.cfg.Comment.OnDraft != config.DraftNothing {
		return false, nil
	}
	if spoken, err := l.spoken(); spoken || err != nil {
		return false, err
	}
	return true, l.noteStatus(statusDraft)
}

// commentKind is what the comment is called in the store: one for each header.
func (l *look) commentKind() string {
	if h := l.cfg.Comment.Header; h != "" {
		return outputComment + " " + h
	}
	return outputComment
}

// clearComment deletes the comment if it was written for another head, so that a new one is written: comment.recreate. GitHub's
// REST interface cannot hide a comment as outdated. It returns the comment to go on with. What must not be deleted is edited.
func (l *look) clearComment(known int64, match func(string) bool) (id int64, cleared bool, err error) {
	out, err := l.Store.Output(l.ctx, l.repo.ID, l.pr.Number, outputCommentHead, l.cfg.Comment.Header)
	if err != nil && !errors.Is(err, store.ErrNotFound) || out.BodySHA256 == l.pr.HeadSHA {
		return known, false, err
	}
	return 0, true, l.client.DeleteComments(l.ctx, l.repo, l.pr.Number, known, match)
}

// noteCommentHead remembers that the comment was written for this head.
func (l *look) noteCommentHead() error {
	return l.Store.PutOutput(l.ctx, store.Output{
		RepoID: l.repo.ID, Pull: l.pr.Number, Kind: outputCommentHead, HeadSHA: l.cfg.Comment.Header, BodySHA256: l.pr.HeadSHA, Updated: l.Now(),
	})
}

// tellWorse writes a short comment when this head goes over budget and the last one did not: comment.notify_on_worse. Nobody is
// notified of the edit of the other comment.
func (l *look) tellWorse(e *sizediff.Evaluation) error {
	if !l.cfg.Comment.NotifyOnWorse || worstCompared(e) != sizediff.VerdictOver {
		return nil
	}
	if _, err := l.Store.Output(l.ctx, l.repo.ID, l.pr.Number, outputWorse, l.pr.HeadSHA); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if before, err := l.verdictBefore(); err != nil || before == "" || before == sizediff.VerdictOver || before == sizediff.VerdictAccepted {
		return err
	}
	marker := l.signer.worse(l.repo, l.pr.Number, l.cfg.Comment.Header, l.pr.HeadSHA)
	var body bytes.Buffer
	fmt.Fprintf(&body, "With `%.7s` this pull request is over budget: %s. The report above has the rest.\n\n%s\n",
		l.pr.HeadSHA, codeSpan(render.CheckTitle(e)), marker)
	id, err := l.client.PutComment(l.ctx, l.repo, l.pr.Number, 0, endsWith(marker), body.String())
	switch class, _ := gh.Classify(err); class {
	case gh.ClassOK:
		return l.putOutput(outputWorse, l.pr.HeadSHA, id, body.Bytes())
	case gh.ClassTemporary, gh.ClassRateLimited, gh.ClassAuth:
		return err
	}
	l.log.WithError(err).Warn("nobody can be told that this head is over budget")
	return nil
}

// verdictBefore is the verdict of the last head before this one that was judged, "" when there was none.
func (l *look) verdictBefore() (sizediff.Verdict, error) {
	list, err := l.Store.Evaluations(l.ctx, l.repo.ID, l.pr.Number)
	if err != nil {
		return "", err
	}
	for _, e := range list {
		switch v := sizediff.Verdict(e.State); {
		case e.HeadSHA == l.pr.HeadSHA, v == sizediff.VerdictNotMeasured, v == sizediff.VerdictNotCompared:
		default:
			return v, nil
		}
	}
	return "", nil
}

// largestChange is the largest change in memory, up or down, in bytes: of the resident or init bytes of any target or bucket, or of a
// file where a target has no images. It is 1 where only something else differs.
func largestChange(e *sizediff.Evaluation) int64 {
	most := int64(1)
	of := func(c sizediff.Change) { most = max(most, c.Delta, -c.Delta) }
	for _, t := range e.Targets {
		if t.Report == nil {
			continue
		}
		of(t.Report.Totals.Resident)
		of(t.Report.Totals.Init)
		for _, b := range t.Report.Buckets {
			of(b.Resident)
			of(b.Init)
		}
		for _, o := range t.Report.Opaque {
			if len(t.Report.Images) == 0 {
				of(o.Change)
			}
		}
	}
	return most
}
