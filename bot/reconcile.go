package bot

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/webhook"
)

// troubles are what went wrong with some of many things, none of which may keep us from the others. first is the first that
// another try may mend.
type troubles struct{ first error }

func (t *troubles) add(log *logrus.Entry, err error, what string) {
	log.WithError(err).Warn(what)
	class, _ := gh.Classify(err)
	if t.first == nil && (class == gh.ClassRateLimited || class == gh.ClassTemporary) {
		t.first = err
	}
}

// Reconcile finds what no webhook told us of: open pull requests whose head has no complete check run. An installation or a
// repository that cannot be read does not keep it from the others.
func (b *Bot) Reconcile(ctx context.Context) error {
	installations, err := b.GitHub.Installations(ctx)
	if err != nil {
		return b.giveUp(err)
	}
	var t troubles
	for _, i := range installations {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := b.Store.PutInstallation(ctx, store.Installation(i)); err != nil {
			return err
		}
		if i.Suspended {
			continue
		}
		if err := b.eachRepository(ctx, i.ID, b.reconcileRepository(ctx)); err != nil {
			t.add(b.Log.WithField("installation", i.ID), err, "an installation cannot be looked at, or not all of it")
		}
	}
	return b.giveUp(t.first)
}

// eachRepository calls do with every repository of an installation that can be written to, and its open pull requests. It
// goes on after one that cannot be read, unless the installation's rate limit is reached, and returns the first error that
// another try may mend.
func (b *Bot) eachRepository(ctx context.Context, installation int64, do func(gh.Repo, []gh.PullRequest) error) error {
	client := b.GitHub.Installation(installation)
	repos, err := client.Repositories(ctx)
	if err != nil {
		return err
	}
	var t troubles
	for _, repo := range repos {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		repo.Installation = installation
		if err := b.remember(ctx, repo); err != nil {
			return err
		}
		if repo.Archived {
			continue
		}
		open, err := client.OpenPullRequests(ctx, repo)
		if err == nil {
			err = do(repo, open)
		}
		if err == nil {
			continue
		}
		t.add(b.Log.WithFields(logrus.Fields{"installation": installation, "repository": repo.ID}), err, "a repository cannot be looked at")
		if class, _ := gh.Classify(err); class == gh.ClassRateLimited {
			break
		}
	}
	return t.first
}

func (b *Bot) reconcileRepository(ctx context.Context) func(gh.Repo, []gh.PullRequest) error {
	return func(repo gh.Repo, open []gh.PullRequest) error {
		var missing []int
		for _, pr := range open {
			status, err := b.Store.Output(ctx, repo.ID, pr.Number, outputStatus, pr.HeadSHA)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			left := status.BodySHA256 == "completed" || status.BodySHA256 == statusDraft && pr.Draft
			if !left { // also when there is no status
				missing = append(missing, pr.Number)
			}
		}
		return b.lookAt(ctx, repo, missing, "reconcile")
	}
}

// redeliverWindow is how far back failed deliveries are fetched: GitHub keeps them for three days.
const redeliverWindow = 72 * time.Hour

// Redeliver fetches the deliveries that did not reach us from the App's delivery log. GitHub does not repeat them by itself.
// One that cannot be fetched does not keep it from the others.
func (b *Bot) Redeliver(ctx context.Context) error {
	failed, err := b.GitHub.FailedDeliveries(ctx, b.Now().Add(-redeliverWindow))
	if err != nil {
		return b.giveUp(err)
	}
	var t troubles
	for _, d := range failed {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := b.redeliver(ctx, d); err != nil {
			t.add(b.Log.WithFields(logrus.Fields{"delivery": d.GUID, "event": d.Event}), err, "a delivery that failed was not fetched")
		}
	}
	return b.giveUp(t.first)
}

func (b *Bot) redeliver(ctx context.Context, d gh.FailedDelivery) error {
	if _, err := b.Store.DeliveryByGUID(ctx, d.GUID); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	event, _, payload, err := b.GitHub.DeliveryPayload(ctx, d.ID)
	if class, _ := gh.Classify(err); class == gh.ClassNotFound || class == gh.ClassGone {
		// It is lost. Its GUID is kept, so that we do not ask for it again for three days.
		_, stored := b.Store.Accept(ctx, store.Delivery{GUID: d.GUID, Event: d.Event, Installation: d.InstallationID, Received: b.Now()}, nil)
		return errors.Join(err, stored)
	}
	if err != nil {
		return err
	}
	return b.Accept(ctx, webhook.Delivery{GUID: d.GUID, Event: event, Payload: payload})
}

// Discarded tells people that a job was given up after all its tries: who asked for something in their comment's answer, others in
// the check run of the commit that it worked for, if that is still wanted.
func (b *Bot) Discarded(ctx context.Context, job store.Job, cause error) {
	log := b.Log.WithFields(logrus.Fields{"installation": job.Installation, "repository": job.RepoID, "pull_request": job.Pull, "kind": job.Kind})
	log.WithError(cause).Error("given up")
	var err error
	switch {
	case job.Kind == queue.Pull:
		err = b.discardedPull(ctx, job)
	case job.Kind == queue.Command:
		err = b.discardedCommand(ctx, job)
	case job.MergeGroup != "":
		err = b.discardedGroup(ctx, job)
	}
	if err != nil {
		log.WithError(err).Warn("people cannot be told")
	}
}

func givenUp(sha string) gh.Check {
	return unmeasured(sha, "something kept failing", "The server's log has the cause. To try again, re-run this check.")
}

// discardedPull holds no lease, so it leaves the word to a job that came later.
func (b *Bot) discardedPull(ctx context.Context, job store.Job) error {
	if newest, err := b.Store.NewestJob(ctx, job.Key()); err != nil || newest > job.ID {
		return err
	}
	client, repo, err := b.open(ctx, job)
	if err != nil {
		return err
	}
	l := &look{Bot: b, ctx: ctx, client: client, repo: repo, log: b.log(repo, job.Pull)}
	if l.pr, err = client.PullRequest(ctx, repo, job.Pull); err != nil {
		return err
	}
	if l.pr.State != "open" || job.SHA != "" && job.SHA != l.pr.HeadSHA {
		return nil
	}
	if silent, err := b.silent(ctx, client, repo, l.pr.BaseRef); silent || err != nil {
		return err
	}
	return l.putCheck(givenUp(l.pr.HeadSHA))
}

// discardedGroup answers for a group of the merge queue: a check that never reports would stop the queue.
func (b *Bot) discardedGroup(ctx context.Context, job store.Job) error {
	client, repo, err := b.open(ctx, job)
	if err != nil {
		return err
	}
	if silent, err := b.silent(ctx, client, repo, job.SHA); silent || err != nil {
		return err
	}
	check := givenUp(job.SHA)
	check.Summary = "The size of each pull request in this group was judged on the pull request itself."
	_, err = client.PutCheck(ctx, repo, check)
	return err
}

// silent reports whether nothing may be said in a repository because it has no file. A file with faults is one.
func (b *Bot) silent(ctx context.Context, c *gh.Client, repo gh.Repo, ref string) (bool, error) {
	if !b.RequireConfig {
		return false, nil
	}
	_, found, err := b.repositoryFile(ctx, c, repo, ref)
	if found {
		err = nil
	}
	return !found, err
}
