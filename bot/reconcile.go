package bot

import (
	"context"
	"errors"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/webhook"
)

// Reconcile finds what no webhook told us of: open pull requests whose head has no evaluation.
func (b *Bot) Reconcile(ctx context.Context) error {
	installations, err := b.GitHub.Installations(ctx)
	if err != nil {
		return b.giveUp(err)
	}
	for _, i := range installations {
		if i.Suspended {
			continue
		}
		if err := b.reconcileInstallation(ctx, i.ID); err != nil {
			class, _ := gh.Classify(err)
			if class == gh.ClassRateLimited || class == gh.ClassTemporary {
				return b.giveUp(err)
			}
			b.Log.WithField("installation", i.ID).WithError(err).Warn("an installation cannot be looked at")
		}
	}
	return nil
}

func (b *Bot) reconcileInstallation(ctx context.Context, installation int64) error {
	client := b.GitHub.Installation(installation)
	repos, err := client.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, repo := range repos {
		if repo.Archived {
			continue
		}
		repo.Installation = installation
		open, err := client.OpenPullRequests(ctx, repo)
		if err != nil {
			return err
		}
		var missing []int
		for _, pr := range open {
			e, err := b.Store.LatestEvaluation(ctx, repo.ID, pr.Number)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err != nil || e.HeadSHA != pr.HeadSHA {
				missing = append(missing, pr.Number)
			}
		}
		if err := b.lookAt(ctx, repo, missing, "reconcile"); err != nil {
			return err
		}
	}
	return nil
}

// redeliverWindow is how far back failed deliveries are fetched: GitHub keeps them for three days.
const redeliverWindow = 72 * time.Hour

// Redeliver fetches the deliveries that did not reach us from the App's delivery log. GitHub does not repeat them by itself.
func (b *Bot) Redeliver(ctx context.Context) error {
	failed, err := b.GitHub.FailedDeliveries(ctx, b.Now().Add(-redeliverWindow))
	if err != nil {
		return b.giveUp(err)
	}
	for _, d := range failed {
		if _, err := b.Store.DeliveryByGUID(ctx, d.GUID); !errors.Is(err, store.ErrNotFound) {
			if err != nil {
				return err
			}
			continue
		}
		event, guid, payload, err := b.GitHub.DeliveryPayload(ctx, d.ID)
		if err != nil {
			return b.giveUp(err)
		}
		if err := b.Accept(ctx, webhook.Delivery{GUID: guid, Event: event, Payload: payload}); err != nil {
			return err
		}
	}
	return nil
}

// Installation brings what we know of an installation in line with GitHub: suspended, removed, repositories renamed. A
// repository is known by its number, so a new name changes nothing but what people read.
func (b *Bot) Installation(ctx context.Context, job store.Job) error {
	client := b.GitHub.Installation(job.Installation)
	repos, err := client.Repositories(ctx)
	if class, _ := gh.Classify(err); class == gh.ClassAuth || class == gh.ClassNotFound || class == gh.ClassForbidden {
		b.Log.WithField("installation", job.Installation).Info("suspended or removed; its jobs end")
		return nil
	}
	if err != nil {
		return b.giveUp(err)
	}
	for _, repo := range repos {
		repo.Installation = job.Installation
		open, err := client.OpenPullRequests(ctx, repo)
		if err != nil {
			return b.giveUp(err)
		}
		var pulls []int
		for _, pr := range open {
			pulls = append(pulls, pr.Number)
		}
		if err := b.lookAt(ctx, repo, pulls, "installation"); err != nil {
			return err
		}
	}
	return nil
}

// Discarded tells people that a job was given up after all its tries: in the check run of the head that it worked for.
func (b *Bot) Discarded(ctx context.Context, job store.Job, cause error) {
	if job.Kind != queue.Pull {
		return
	}
	client, repo, err := b.open(ctx, job)
	if err == nil {
		l := &look{Bot: b, ctx: ctx, client: client, repo: repo, log: b.log(repo, job.Pull)}
		if l.pr, err = client.PullRequest(ctx, repo, job.Pull); err == nil {
			err = l.putCheck(gh.Check{Status: "completed", Conclusion: "neutral", Title: "Not measured: something kept failing",
				Summary: "This says nothing about growth. The server's log has the cause. To try again, re-run this check."})
		}
	}
	b.log(repo, job.Pull).WithError(cause).Error("given up")
	if err != nil {
		b.log(repo, job.Pull).WithError(err).Warn("the check run cannot say so")
	}
}
