package bot

import (
	"context"
	"strings"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/webhook"
)

// Accept stores a verified delivery together with the jobs it asks for, in one transaction. A webhook is a hint: a job says
// only what to look at again. A delivery that came before is accepted and does nothing.
func (b *Bot) Accept(ctx context.Context, d webhook.Delivery) error {
	e, err := gh.ParseEvent(d.Event, d.Payload)
	if err != nil {
		b.count(d.Event, "unreadable")
		b.Log.WithFields(map[string]any{"delivery": d.GUID, "event": d.Event}).WithError(err).Warn("a delivery that we cannot read")
		// Its GUID is kept, or it would be fetched again and again. Its contents are not: nobody could say whose they are.
		_, err := b.Store.Accept(ctx, store.Delivery{GUID: d.GUID, Event: d.Event, Received: b.Now()}, nil)
		return err
	}
	fresh, err := b.Store.Accept(ctx, store.Delivery{
		GUID: d.GUID, Event: d.Event, Action: e.Action, Installation: e.Installation, RepoID: e.Repo.ID, Payload: d.Payload, Received: b.Now(),
	}, jobs(e))
	switch {
	case err != nil:
		b.count(d.Event, "not stored")
	case !fresh:
		b.count(d.Event, "duplicate")
	default:
		b.count(d.Event, "accepted")
	}
	return err
}

func (b *Bot) count(event, result string) {
	if b.Metrics.Delivery != nil {
		b.Metrics.Delivery(event, result)
	}
}

// queueBranches begin the names of the merge queue's branches.
const queueBranches = "gh-readonly-queue/"

// asks reports whether a comment may hold commands: it is new, a person's, on a pull request, and a line of it begins as a
// command does. Whoever edits a comment asks for nothing.
func asks(e gh.Event) bool {
	if e.Comment == nil || e.Comment.Author.Bot || e.Pull == 0 || e.Action != "created" && e.Action != "submitted" {
		return false
	}
	return addressed(e.Comment.Body, "@")
}

// addressed reports whether a line begins with a slash, or with the mention.
func addressed(body, mention string) bool {
	for line := range strings.Lines(strings.ReplaceAll(body, "\r", "\n")) {
		line = strings.TrimLeft(line, " ")
		if strings.HasPrefix(line, "/") || len(line) >= len(mention) && strings.EqualFold(line[:len(mention)], mention) {
			return true
		}
	}
	return false
}

// jobs says what an event asks us to look at.
func jobs(e gh.Event) []store.Job {
	job := store.Job{Kind: queue.Base, Installation: e.Installation, RepoID: e.Repo.ID, Why: e.Name + " " + e.Action, Priority: 2}
	switch e.Name {
	case "pull_request":
		switch e.Action {
		case "opened", "synchronize", "reopened", "ready_for_review", "edited", "closed":
			job.Kind, job.Pull, job.SHA, job.Supersede = queue.Pull, e.Pull, e.HeadSHA, e.Action == "synchronize"
			return []store.Job{job}
		case "labeled", "unlabeled": // the repository file may exempt by label, but only what a person set
			if !e.Sender.Bot {
				job.Kind, job.Pull, job.SHA = queue.Pull, e.Pull, e.HeadSHA
				return []store.Job{job}
			}
		}
	case "workflow_run":
		if e.Action == "completed" || e.Action == "requested" {
			job.RunID = e.RunID
			return []store.Job{job}
		}
	case "check_run", "check_suite":
		if e.Action == "rerequested" || e.Action == "requested_action" {
			job.SHA, job.CheckRunID, job.Priority = e.HeadSHA, e.CheckRunID, 1 // a person waits
			job.Command = e.Action == "requested_action"
			if strings.HasPrefix(e.HeadBranch, queueBranches) {
				job.MergeGroup = e.HeadBranch
			}
			return []store.Job{job}
		}
	case "push": // without the permission to read merge queues, this is how we hear of a group
		if branch, ok := strings.CutPrefix(e.Ref, "refs/heads/"); ok && strings.HasPrefix(branch, queueBranches) && !e.Deleted && e.HeadSHA != "" {
			job.SHA, job.MergeGroup, job.Priority = e.HeadSHA, branch, 1
			return []store.Job{job}
		}
	case "merge_group":
		if e.Action == "checks_requested" {
			job.SHA, job.MergeGroup, job.Priority = e.MergeGroup.HeadSHA, strings.TrimPrefix(e.MergeGroup.HeadRef, "refs/heads/"), 1
			return []store.Job{job}
		}
	case "issue_comment", "pull_request_review":
		if asks(e) {
			job.Kind, job.Pull, job.Command, job.Priority, job.MaxAttempts = queue.Command, e.Pull, true, 1, commandAttempts
			return []store.Job{job}
		}
	case "installation", "installation_repositories", "repository":
		return installationJobs(e, job)
	}
	return nil
}
