package bot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// Base looks at what does not belong to one pull request: a workflow run, a commit whose check was asked for again, a group
// of the merge queue.
func (b *Bot) Base(ctx context.Context, job store.Job) error {
	switch {
	case job.MergeGroup != "":
		return b.mergeGroup(ctx, job)
	case job.RunID != 0:
		return b.run(ctx, job)
	}
	return b.head(ctx, job)
}

// run looks at a workflow run. A successful run of a branch is measured at once, as a baseline that outlives its artifacts;
// then every open pull request that it may concern is looked at.
func (b *Bot) run(ctx context.Context, job store.Job) error {
	client, repo, err := b.open(ctx, job)
	if err != nil {
		return b.giveUp(err)
	}
	run, err := client.RunByID(ctx, repo, job.RunID)
	if err != nil {
		return b.giveUp(err)
	}
	pulls, err := b.pullsOfRun(ctx, client, repo, run)
	if err != nil {
		return b.giveUp(err)
	}
	if succeeded(run, repo) {
		if err := b.measureBaseline(ctx, client, repo, run); err != nil {
			return b.giveUp(err)
		}
	}
	return b.lookAt(ctx, repo, pulls, "workflow_run")
}

// succeeded reports whether a run can be a base.
func succeeded(run gh.Run, repo gh.Repo) bool {
	return trusted(run, repo) && run.Status == "completed" && run.Conclusion == "success"
}

// pullsOfRun finds the open pull requests that a run concerns, through the API: those whose head it built, and if it built a
// branch those that want to be merged into it and miss a base. workflow_run.pull_requests is empty for forks, so it is not asked.
func (b *Bot) pullsOfRun(ctx context.Context, c *gh.Client, repo gh.Repo, run gh.Run) ([]int, error) {
	open, err := c.OpenPullRequests(ctx, repo)
	if err != nil {
		return nil, err
	}
	built := succeeded(run, repo)
	var out []int
	for _, pr := range open {
		head := pr.HeadSHA == run.HeadSHA && (pr.HeadRepoID == 0 || pr.HeadRepoID == run.HeadRepoID)
		base := built && pr.BaseRef == run.HeadBranch
		if base && !head {
			if base, err = b.wantsBase(ctx, repo, pr); err != nil {
				return nil, err
			}
		}
		if head || base {
			out = append(out, pr.Number)
		}
	}
	return out, nil
}

// wantsBase reports whether another build of its branch may change what is said of a pull request: if it was compared exactly,
// it cannot, and a busy branch need not wake every pull request.
func (b *Bot) wantsBase(ctx context.Context, repo gh.Repo, pr gh.PullRequest) (bool, error) {
	e, err := b.Store.LatestEvaluation(ctx, repo.ID, pr.Number)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil || e.HeadSHA != pr.HeadSHA {
		return true, err
	}
	switch sizediff.Verdict(e.State) {
	case sizediff.VerdictApproximate, sizediff.VerdictToolchain, sizediff.VerdictNotCompared, sizediff.VerdictNotMeasured:
		return true, nil
	}
	return false, nil
}

// measureBaseline measures what a run of a branch built. Artifacts that cannot be measured are recorded as such.
func (b *Bot) measureBaseline(ctx context.Context, c *gh.Client, repo gh.Repo, run gh.Run) error {
	cfg, found, err := b.repositoryFile(ctx, c, repo, run.HeadBranch)
	if _, broken := errors.AsType[config.Faults](err); broken {
		return nil // the pull requests' checks say so
	}
	if err != nil {
		return err
	}
	if err := b.keepResults(ctx, repo, run.HeadBranch, cfg); err != nil {
		return err
	}
	if !found && b.RequireConfig || !mayBeBase(cfg, repo, run) || !wanted(run.Path, cfg.Targets) {
		return nil
	}
	artifacts, err := c.Artifacts(ctx, repo, run.ID)
	if err != nil {
		return err
	}
	slices.SortStableFunc(artifacts, func(x, y gh.Artifact) int { return strings.Compare(x.Name, y.Name) })
	for i, a := range artifacts {
		if a.Expired || len(cfg.Targets) == 0 && i >= maxTargets {
			continue
		}
		for _, target := range targetsOf(cfg.Targets, run, a.Name) {
			m, _, err := b.measure(ctx, c, repo, cfg, run, a, target)
			if err == nil && m != nil {
				err = b.addUp(ctx, repo.ID, storedTarget(run.Path, target), run.HeadBranch, cfg)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// targetsOf returns the names of the targets that an artifact is. Without targets each artifact is one.
func targetsOf(targets []config.Target, run gh.Run, artifact string) (names []string) {
	if len(targets) == 0 {
		return []string{artifact}
	}
	for _, t := range targets {
		pattern := t.Artifact
		if pattern == "" {
			pattern = t.Name
		}
		if wanted(run.Path, []config.Target{t}) && sizediff.MatchName(pattern, artifact) {
			names = append(names, t.Name)
		}
	}
	return names
}

func anyName(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return sizediff.MatchName(p, name) })
}

// lookAt enqueues a look at each pull request.
func (b *Bot) lookAt(ctx context.Context, repo gh.Repo, pulls []int, why string) error {
	var jobs []store.Job
	for _, n := range pulls {
		jobs = append(jobs, store.Job{Kind: queue.Pull, Installation: repo.Installation, RepoID: repo.ID, Pull: n, Why: why})
	}
	if len(jobs) == 0 {
		return nil
	}
	return b.Store.Enqueue(ctx, jobs)
}

// head looks at the pull requests whose head is one commit: somebody asked for a check run again. What could not be measured of
// it is measured again.
func (b *Bot) head(ctx context.Context, job store.Job) error {
	client, repo, err := b.open(ctx, job)
	if err != nil {
		return b.giveUp(err)
	}
	open, err := client.OpenPullRequests(ctx, repo)
	if err != nil {
		return b.giveUp(err)
	}
	var pulls []int
	for _, pr := range open {
		if pr.HeadSHA == job.SHA {
			pulls = append(pulls, pr.Number)
		}
	}
	if len(pulls) == 0 && job.CheckRunID != 0 {
		check := unmeasured(job.SHA, "no open pull request has this head", "")
		check.ID = job.CheckRunID
		_, err = client.PutCheck(ctx, repo, check)
		return b.giveUp(err)
	}
	if job.Command {
		return b.pressed(ctx, job, pulls)
	}
	if _, err := b.Store.ForgetFailures(ctx, repo.ID, job.SHA); err != nil {
		return err
	}
	if err := b.forgetCheck(ctx, repo, job.SHA); err != nil {
		return err
	}
	return b.lookAt(ctx, repo, pulls, "asked for again")
}

// pressed has a button of the check run answered on each pull request with its head.
func (b *Bot) pressed(ctx context.Context, job store.Job, pulls []int) error {
	var jobs []store.Job
	for _, n := range pulls {
		jobs = append(jobs, store.Job{
			Kind: queue.Command, Installation: job.Installation, RepoID: job.RepoID, Pull: n, SHA: job.SHA, Command: true, Delivery: job.Delivery,
			Why: "button", Priority: 1, MaxAttempts: commandAttempts,
		})
	}
	return b.Store.Enqueue(ctx, jobs)
}

// forgetCheck has the check run written again even if there is nothing new to say: on GitHub it waits for an answer now.
func (b *Bot) forgetCheck(ctx context.Context, repo gh.Repo, sha string) error {
	out, err := b.Store.Output(ctx, repo.ID, 0, outputCheck, sha)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	out.BodySHA256 = ""
	return b.Store.PutOutput(ctx, out)
}

// mergeGroup answers for a group of the merge queue at once: its pull requests were judged one by one, and a check that
// never reports would stop the queue. What was said, or accepted, of the pull request that the group is named after holds for it.
func (b *Bot) mergeGroup(ctx context.Context, job store.Job) error {
	client, repo, err := b.open(ctx, job)
	if err != nil {
		return b.giveUp(err)
	}
	if silent, err := b.silent(ctx, client, repo, job.SHA); silent || err != nil {
		return b.giveUp(err)
	}
	check, err := b.groupCheck(ctx, client, repo, groupPull(job.MergeGroup))
	if err != nil {
		return b.giveUp(err)
	}
	check.Name, check.HeadSHA, check.Status = checkName, job.SHA, "completed"
	check.Summary = "The size of each pull request in this group is judged on the pull request itself."
	_, err = client.PutCheck(ctx, repo, check)
	return b.giveUp(err)
}

var groupForm = regexp.MustCompile(`/pr-([1-9][0-9]{0,8})-[0-9a-f]{40,64}$`)

// groupPull is the pull request that a branch of the merge queue is named after, 0 when the name does not tell.
func groupPull(branch string) int {
	m := groupForm.FindStringSubmatch(branch)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// groupCheck has title and conclusion of a group that is named after a pull request, 0 when nobody knows which: those of its head.
func (b *Bot) groupCheck(ctx context.Context, c *gh.Client, repo gh.Repo, pull int) (gh.Check, error) {
	unknown := gh.Check{Conclusion: "neutral", Title: "Judged on the pull requests of this group"}
	if pull == 0 {
		return unknown, nil
	}
	pr, err := c.PullRequest(ctx, repo, pull)
	if isNotFound(err) { // anybody who may push can give a branch such a name
		return unknown, nil
	}
	if err != nil {
		return gh.Check{}, err
	}
	l := &look{Bot: b, ctx: ctx, client: c, repo: repo, pr: pr}
	rec, e, err := l.latest()
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return gh.Check{}, err
	}
	if err != nil || e.HeadSHA != pr.HeadSHA {
		return gh.Check{Conclusion: "neutral", Title: fmt.Sprintf("#%d: not judged at %.7s", pull, pr.HeadSHA)}, nil
	}
	check := gh.Check{Conclusion: "neutral", Title: fmt.Sprintf("#%d: %s", pull, render.CheckTitle(rec.Evaluation))}
	cfg, _, err := b.repositoryFile(ctx, c, repo, pr.BaseRef)
	if isFaults(err) {
		return check, nil
	}
	if err == nil {
		check.Conclusion = render.CheckConclusion(rec.Evaluation, cfg.RenderGate())
	}
	return check, err
}
