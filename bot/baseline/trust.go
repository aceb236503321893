package baseline

import (
	"fmt"
	"slices"
	"strings"
)

// TrustedEvents are the events whose runs may ever be a base: only people who may push to the repository can cause them.
func TrustedEvents() []string {
	return []string{"push", "merge_group", "schedule", "workflow_dispatch"}
}

// Trusted reports whether what this run built may be a base in the repository, and if not, why. It is not enough: the run
// must have succeeded, and its commit must be in the history of the base branch. pull_request runs never count, even of the same repository,
// because they built a merge and report the head's SHA; nor do runs of forks, which lie among the repository's own,
// with whatever SHA.
func Trusted(run Run, repoID int64, path string, rules Rules) (ok bool, why string) {
	switch {
	case !slices.Contains(TrustedEvents(), run.Event):
		return false, fmt.Sprintf("runs of event %s are never a base", run.Event)
	case len(rules.Events) > 0 && !slices.Contains(rules.Events, run.Event):
		return false, fmt.Sprintf("the repository file does not allow event %s", run.Event)
	case repoID == 0 || run.RepoID != repoID:
		return false, "it belongs to another repository"
	case run.HeadRepoID != repoID:
		return false, "its commit comes from a fork"
	case workflowPath(run.Path) == "" || workflowPath(run.Path) != workflowPath(path):
		return false, fmt.Sprintf("it is of another workflow, %s", workflowPath(run.Path))
	case rules.Branch != nil && !rules.Branch(branchOf(run)):
		return false, fmt.Sprintf("the repository file does not allow branch %s", branchOf(run))
	}
	return true, ""
}

// workflowPath takes off the ref that GitHub sometimes adds.
func workflowPath(path string) string {
	path, _, _ = strings.Cut(path, "@")
	return path
}

// branchOf is the branch of a run. A merge queue builds on gh-readonly-queue/BRANCH/pr-N-SHA what becomes BRANCH.
func branchOf(run Run) string {
	if queued, ok := strings.CutPrefix(run.HeadBranch, "gh-readonly-queue/"); ok && run.Event == "merge_group" {
		if i := strings.LastIndex(queued, "/pr-"); i > 0 {
			return queued[:i]
		}
	}
	return run.HeadBranch
}
