package bot

import (
	"context"
	"errors"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
)

// installationJobs says what to forget and what to look at after an event about an installation or a repository's place in one.
func installationJobs(e gh.Event, job store.Job) []store.Job {
	job.Kind, job.RepoID = queue.Installation, 0
	removed := job
	removed.Removed = true
	if e.Name == "repository" && e.Action == "deleted" {
		removed.RepoID = e.Repo.ID
		return []store.Job{removed}
	}
	var list []store.Job
	for _, repo := range e.Removed {
		removed.RepoID = repo.ID
		list = append(list, removed)
	}
	if e.Name == "installation" && e.Action == "deleted" {
		removed.RepoID = 0
		return append(list, removed)
	}
	return append(list, job)
}

// Installation brings what we know of an installation in line with GitHub: suspended, removed, repositories renamed. A
// repository is known by its number, so a new name changes nothing but what people read.
func (b *Bot) Installation(ctx context.Context, job store.Job) error {
	if job.Removed {
		return b.forget(ctx, job)
	}
	installations, err := b.GitHub.Installations(ctx)
	if err != nil {
		return b.giveUp(err)
	}
	for _, i := range installations {
		if i.ID != job.Installation {
			continue
		}
		if err := b.Store.PutInstallation(ctx, store.Installation(i)); err != nil || i.Suspended {
			return err
		}
		return b.giveUp(b.eachRepository(ctx, i.ID, func(repo gh.Repo, open []gh.PullRequest) error {
			return b.lookAt(ctx, repo, numbers(open), "installation")
		}))
	}
	b.Log.WithField("installation", job.Installation).Info("there is no such installation any more; its jobs end")
	return nil
}

func numbers(pulls []gh.PullRequest) (out []int) {
	for _, pr := range pulls {
		out = append(out, pr.Number)
	}
	return out
}

// forget deletes what was made from a repository, or from all of an installation: who takes it from the App wants that.
func (b *Bot) forget(ctx context.Context, job store.Job) error {
	log := b.Log.WithField("installation", job.Installation)
	if job.RepoID == 0 {
		log.Info("removed; what we have of it is deleted")
		return b.Store.DeleteInstallation(ctx, job.Installation)
	}
	known, err := b.Store.RepoByID(ctx, job.RepoID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err == nil && known.Installation != job.Installation {
		return nil // it was transferred, and belongs to another installation by now
	}
	log.WithField("repository", job.RepoID).Info("removed; what we have of it is deleted")
	return b.Store.DeleteRepo(ctx, job.RepoID)
}

// remember stores which installation a repository belongs to, and what it is called. It writes only what is new.
func (b *Bot) remember(ctx context.Context, repo gh.Repo) error {
	now := store.Repo{
		ID: repo.ID, Installation: repo.Installation, Owner: repo.Owner, Name: repo.Name, DefaultBranch: repo.DefaultBranch,
		Private: repo.Private, Archived: repo.Archived,
	}
	known, err := b.Store.RepoByID(ctx, repo.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	known.Updated = time.Time{}
	if err == nil && known == now {
		return nil
	}
	now.Updated = b.Now()
	return b.Store.PutRepo(ctx, now)
}
