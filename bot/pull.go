package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot/acceptance"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/intake"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
)

const (
	lookAgain = 2 * time.Minute // while CI runs and no event tells us that it ended
	deadline  = 12 * time.Hour  // after which a check does not wait for CI any longer
)

// look is one look at one pull request: what is known of it now, and what follows.
type look struct {
	*Bot
	ctx    context.Context
	client *gh.Client
	repo   gh.Repo
	pr     gh.PullRequest
	cfg    *config.Repo
	seq    int64 // of the head in the store: whoever holds a later one may write, we not
	sums   int   // measurements of the past that this look may still add up
	log    *logrus.Entry

	proposed *proposed // the repository file as the pull request wants it, nil when it leaves that alone
	commands bool      // comments reach us, so commands may be recommended

	changes func() (changes, error)     // what the pull request changes
	series  func() ([]gh.Commit, error) // its commits
	lapses  []acceptance.Lapse          // to be noted in the ledger when the evaluation is published
}

// changes are the files that a pull request changes; all says that there are no others.
type changes struct {
	files []gh.File
	all   bool
}

func (l *look) readChanges() (changes, error) {
	files, all, err := l.client.PullFiles(l.ctx, l.repo, l.pr.Number)
	return changes{files, all}, err
}

func (l *look) readSeries() ([]gh.Commit, error) {
	return l.client.PullCommits(l.ctx, l.repo, l.pr.Number)
}

// Pull looks at a pull request: it reads its state again and brings comment and check run to what that state asks for.
// It is safe to run any number of times; the queue sees to it that no two looks at one pull request run side by side.
func (b *Bot) Pull(ctx context.Context, job store.Job) error {
	client, repo, err := b.open(ctx, job)
	if err != nil {
		return b.giveUp(err)
	}
	l := &look{Bot: b, ctx: ctx, client: client, repo: repo, sums: mostSums, log: b.log(repo, job.Pull)}
	l.changes, l.series = sync.OnceValues(l.readChanges), sync.OnceValues(l.readSeries)
	if l.pr, err = client.PullRequest(ctx, repo, job.Pull); err != nil {
		return b.giveUp(err)
	}
	l.log = l.log.WithFields(logrus.Fields{"head": l.pr.HeadSHA, "job": job.ID, "delivery": job.Delivery})
	err = l.run()
	if permanent(err) {
		l.sayRefused(err)
	}
	return b.giveUp(err)
}

// sayRefused completes the check run when GitHub refuses something for good, so that it does not stay pending. If that is
// refused too, the log has it.
func (l *look) sayRefused(cause error) {
	err := l.putCheck(unmeasured(l.pr.HeadSHA, "GitHub refused what the App needs",
		"The server's log has the cause, and `oxidometer doctor` looks for it. To try again, re-run this check."))
	l.log.WithError(cause).Error("GitHub refuses; given up")
	if err != nil {
		l.log.WithError(err).Warn("the check run cannot say so")
	}
}

// permanent reports whether no later try can mend an error. A credential that GitHub does not know may be a clock that is
// being set, so that is tried again; an installation that is suspended or removed is not.
func permanent(err error) bool {
	switch class, _ := gh.Classify(err); class {
	case gh.ClassNotFound, gh.ClassGone, gh.ClassForbidden, gh.ClassLocked:
		return true
	case gh.ClassAuth:
		refused, ok := errors.AsType[*gh.Error](err)
		return ok && refused.Status != http.StatusUnauthorized
	}
	return false
}

// giveUp turns errors that no later try can mend into the end of the job, and rate limits into a wait.
func (b *Bot) giveUp(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*intake.FetchError](err); ok && f.RetryAfter > 0 {
		return queue.Snooze(f.RetryAfter)
	}
	class, after := gh.Classify(err)
	switch {
	case permanent(err), errors.Is(err, store.ErrRemoved):
		return queue.Cancel(err.Error())
	case class == gh.ClassRateLimited:
		return queue.Snooze(max(after, 10*time.Second))
	}
	return err
}

func (l *look) run() error {
	if l.pr.State != "open" {
		if err := l.Store.ClosePull(l.ctx, l.repo.ID, l.pr.Number); err != nil { // what still works on it may not write
			return err
		}
		if err := l.merged(); err != nil {
			return err
		}
		return l.endCheck(l.pr.HeadSHA, "the pull request was closed")
	}
	before, err := l.Store.Head(l.ctx, l.repo.ID, l.pr.Number)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err == nil && before.HeadSHA != l.pr.HeadSHA {
		if err := l.endCheck(before.HeadSHA, fmt.Sprintf("%.7s came before this was", l.pr.HeadSHA)); err != nil {
			return err
		}
	}
	seq, err := l.Store.SetHead(l.ctx, l.repo.ID, l.pr.Number, l.pr.HeadSHA)
	if err != nil {
		return err
	}
	l.seq = seq
	if sha := l.pr.MergeCommitSHA; sha != "" {
		if err := l.Store.SeeTestMerge(l.ctx, l.repo.ID, l.pr.Number, sha); err != nil {
			return err
		}
	}
	own, err := ownFile(l.ctx, l.client, l.repo, l.pr.BaseRef)
	var cfg *config.Repo
	found := true
	if err == nil {
		cfg, found, err = parseFile(l.ctx, l.client, l.repo, own)
	}
	if faults, ok := errors.AsType[config.Faults](err); ok {
		return l.brokenFile(own, faults)
	}
	if err != nil {
		return err
	}
	if !found && l.RequireConfig {
		return l.noteStatus("completed") // nothing to say is all there is to say
	}
	l.cfg = cfg
	if l.commands, err = l.followsComments(l.ctx); err != nil {
		return err
	}
	if l.proposed, err = l.readProposal(own); err != nil {
		return err
	}
	if err := l.keepResults(l.ctx, l.repo, l.pr.BaseRef, cfg); err != nil {
		return err
	}
	if ignored, err := l.ignoresDraft(); ignored || err != nil {
		return err
	}
	if done, err := l.touchesNothing(); done || err != nil {
		return err
	}
	if err := l.announce(); err != nil {
		return err
	}
	return l.measureAndCompare()
}

// measureAndCompare goes from the head's runs to what is published. Where something is still awaited it says so in the
// check run and returns; the event that ends the wait, or a later look, goes on.
func (l *look) measureAndCompare() error {
	heads, err := l.headBuilds()
	if err != nil {
		return err
	}
	if heads.pending {
		if !heads.ready(l.Now(), l.cfg.Comment.Settle) {
			return l.await(heads.waiting(l.cfg.Targets), heads.settling(l.Now(), l.cfg.Comment.Settle), heads.since)
		}
		heads.expect(l.cfg.Targets)
	}
	if len(heads.targets) == 0 {
		return l.nothingToMeasure(heads)
	}
	e, steps, wait, err := l.evaluate(heads)
	if err != nil {
		return err
	}
	if wait > 0 {
		return l.await(gh.Check{Status: "in_progress", Title: "Waiting for the build of the base", Summary: heads.summary()}, min(wait, lookAgain), heads.since)
	}
	return l.publish(e, steps)
}

// announce gives a head that is new to us its check run, before anything is fetched.
func (l *look) announce() error {
	if spoken, err := l.spoken(); spoken || err != nil {
		return err
	}
	return l.putCheck(gh.Check{Status: "queued", Title: "Waiting for CI", Summary: "No workflow run of this head was seen yet."})
}

// await says in the check run what is awaited, ends this look and asks for another one. An event brings that forward. When
// nothing has moved for too long it gives up instead.
func (l *look) await(c gh.Check, after time.Duration, since time.Time) error {
	if !since.IsZero() && l.Now().Sub(since) > deadline {
		return l.publishNotMeasured(sizediff.Problem{
			Kind: sizediff.ProblemNotMeasured, Reason: "CI did not finish in " + deadline.String(), Remedy: "run the workflow again",
		})
	}
	if err := l.putCheck(c); err != nil {
		return err
	}
	return queue.Snooze(after)
}

// nothingToMeasure says why a head has no build to look at.
func (l *look) nothingToMeasure(h *headBuilds) error {
	switch {
	case h.failed != nil:
		return l.publishNotMeasured(*h.failed)
	case h.seen:
		return l.publishNotMeasured(sizediff.Problem{
			Kind: sizediff.ProblemNotMeasured, Reason: "the runs of this head have no artifact with an ELF image", Remedy: "upload vmlinux and modules as an artifact",
		})
	}
	return l.await(gh.Check{Status: "queued", Title: "Waiting for CI", Summary: "No workflow run of this head has begun."}, lookAgain, l.pr.UpdatedAt)
}

// publishNotMeasured tells that the head's build failed. Without an earlier comment the check run says it alone.
func (l *look) publishNotMeasured(p sizediff.Problem) error {
	e := &sizediff.Evaluation{Targets: []sizediff.TargetResult{{Problem: &p}}, Policy: l.cfg.Policy(), Provenance: l.provenance()}
	return l.publish(e, nil)
}
