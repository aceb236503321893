package baseline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// search decides about the origin, and if it cannot be had about its ancestors, nearest first.
func (r *resolver) search(o origin) Decision {
	d := Decision{Kind: None, ExactSHA: o.exact, Merged: o.merged}
	if o.sha == "" || len(r.needs) > 0 {
		return d.because(o.blame)
	}
	onBase := o.onBase || r.onBase(o.sha)
	found, why := r.look(o.sha)
	if len(r.needs) > 0 {
		return d
	}
	switch {
	case !onBase:
		r.step("%s is not in the history of %s", short(o.sha), r.BaseRef)
		why = blame{NotOnBase, 0, fmt.Sprintf("%s, on which the build is based, is not on %s: the branch was force-pushed, or the pull request had another base", short(o.sha), r.BaseRef),
			fmt.Sprintf("push to the pull request, so that it is built on %s as it is now", r.BaseRef)}
	case found.usable():
		return r.take(d, o, 0, found)
	case why.cause == Running && r.Now.Before(r.deadline()):
		d.Kind, d.WaitUntil = Wait, r.deadline()
		r.step("waiting for it until %s at most", stamp(d.WaitUntil))
		return d.because(why)
	}
	if why.cause == Running {
		r.step("it has been waited for until %s", stamp(r.deadline()))
	}
	return r.searchAncestors(d, o, onBase, why)
}

// deadline is when waiting for a run ends.
func (r *resolver) deadline() time.Time {
	from := r.FirstAsked
	if from.IsZero() || from.After(r.Now) {
		from = r.Now
	}
	return from.Add(r.Rules.WaitForRunning)
}

func (r *resolver) searchAncestors(d Decision, o origin, onBase bool, why blame) Decision {
	if r.Rules.MaxAncestors <= 0 {
		r.step("no older commit is looked at: base.max_ancestors is 0")
		return d.because(why)
	}
	line, whole := r.line(o.sha, 1+r.Rules.MaxAncestors, nil)
	if len(r.needs) > 0 || !r.known(line) {
		return d
	}
	built := 0
	for back, sha := range line {
		if r.hasTrustedRun(sha) || r.Measured[sha] {
			built++
		}
		if back == 0 {
			continue
		}
		found, _ := r.look(sha)
		if len(r.needs) > 0 {
			return d
		}
		if !found.usable() {
			continue
		}
		onBase = onBase || r.onBase(sha)
		if len(r.needs) > 0 {
			return d
		}
		if !onBase {
			r.step("%s is not in the history of %s either", short(sha), r.BaseRef)
			continue
		}
		if o.blame == (blame{}) {
			o.blame = why
		}
		return r.take(d, o, back, found)
	}
	return r.nothing(d, line, whole, built, why)
}

// nothing is the decision when neither the exact base nor an ancestor can be had.
func (r *resolver) nothing(d Decision, line []string, whole bool, built int, why blame) Decision {
	if built == 0 && len(line) > 1 && why.cause == NoRun {
		r.step("%s did not build any of the last %s of %s", workflowPath(r.Head.Path), plural(len(line), "commit", "commits"), r.BaseRef)
		return d.because(blame{BaseStopped, 0,
			fmt.Sprintf("%s has not built %s for at least %d commits", workflowPath(r.Head.Path), r.BaseRef, len(line)),
			fmt.Sprintf("let %s run on pushes to %s; the App measures such runs when they finish", workflowPath(r.Head.Path), r.BaseRef)})
	}
	older := plural(len(line)-1, "commit before it", "commits before it")
	if whole {
		older += ", which is where history begins"
	}
	r.step("no measurement and no artifact in the %s", older)
	if len(line) > 1 {
		why.reason += fmt.Sprintf("; none of the %s can be used either", older)
	}
	return d.because(why)
}

// take ends the search with a commit that can be used.
func (r *resolver) take(d Decision, o origin, back int, found candidate) Decision {
	d.SHA, d.Measured, d.RunID, d.ArtifactID = found.sha, found.measured, found.run.ID, found.run.Artifact.ID
	if o.blame == (blame{}) {
		d.Kind = Exact
		d.Reason = "the exact base of what was built"
		r.step("taken: %s, exact", short(d.SHA))
		return d
	}
	d.Kind, d.AncestorsBack = Ancestor, back
	d = d.because(o.blame)
	if back > 0 {
		d.Reason += fmt.Sprintf("; compared with %s, %s earlier on the first-parent line", short(d.SHA), plural(back, "commit", "commits"))
	} else {
		d.Reason += fmt.Sprintf("; compared with %s", short(d.SHA))
	}
	r.step("taken: %s, which is not the exact base", short(d.SHA))
	return d
}

func (d Decision) because(b blame) Decision {
	d.Cause, d.CauseRun, d.Reason, d.Remedy = b.cause, b.run, b.reason, b.remedy
	return d
}

// onBase is whether a commit is known to be in the base branch's history; it asks if that is not known.
func (r *resolver) onBase(sha string) bool {
	on, known := r.OnBase[sha]
	if !known {
		r.need(Need{Ask: AskOnBase, SHAs: []string{sha}})
	}
	return on
}

// known asks at once for the runs and measurements of all commits where they are not known.
func (r *resolver) known(shas []string) bool {
	without := func(known map[string]bool) []string {
		var missing []string
		for _, sha := range shas {
			if _, ok := known[sha]; !ok {
				missing = append(missing, sha)
			}
		}
		return missing
	}
	if missing := without(r.Measured); missing != nil {
		r.need(Need{Ask: AskMeasured, SHAs: missing})
	}
	if missing := without(r.RunsListed); missing != nil {
		r.need(Need{Ask: AskRuns, SHAs: missing})
	}
	return len(r.needs) == 0
}

// candidate is a commit with what it can be compared by.
type candidate struct {
	sha      string
	measured bool
	run      Run // with an available artifact, unless measured
}

func (c candidate) usable() bool { return c.measured || c.run.ID != 0 }

// look finds out whether a commit can be used, and if not, why.
func (r *resolver) look(sha string) (candidate, blame) {
	c := candidate{sha: sha}
	if measured, known := r.Measured[sha]; !known {
		r.need(Need{Ask: AskMeasured, SHAs: []string{sha}})
		return c, blame{}
	} else if measured {
		r.step("%s: measured", short(sha))
		c.measured = true
		return c, blame{}
	}
	if !r.known([]string{sha}) {
		return c, blame{}
	}
	var running, failed, succeeded *Run
	runs := r.runsOf(sha)
	for i := range runs {
		run := &runs[i]
		if ok, why := Trusted(*run, r.RepoID, r.Head.Path, r.Rules); !ok {
			r.step("%s: run %d is not used: %s", short(sha), run.ID, why)
			continue
		}
		switch {
		case run.Status != "completed":
			running = cmp.Or(running, run)
		case run.Conclusion != "success":
			failed = cmp.Or(failed, run)
		case run.Artifact.State == NotListed:
			r.need(Need{Ask: AskArtifacts, Runs: []int64{run.ID}})
			return c, blame{}
		case run.Artifact.State == Available:
			r.step("%s: not measured; run %d of event %s has an artifact", short(sha), run.ID, run.Event)
			c.run = *run
			return c, blame{}
		case succeeded == nil || rank(run.Artifact.State) > rank(succeeded.Artifact.State):
			succeeded = run
		}
	}
	why := r.whyNot(sha, running, succeeded, failed)
	r.step("%s: %s", short(sha), strings.TrimPrefix(why.reason, "the base "+short(sha)+" "))
	return c, why
}

// rank orders artifacts that cannot be used by how much they explain.
func rank(s ArtifactState) int { return slices.Index([]ArtifactState{Absent, Expired, Unusable}, s) }

// whyNot says why a commit cannot be used; of its runs the first that is not nil counts.
func (r *resolver) whyNot(sha string, running, succeeded, failed *Run) blame {
	is := "the base " + short(sha) + " "
	switch {
	case running != nil:
		return blame{Running, running.ID, fmt.Sprintf("%sis still being built by run %d, created %s", is, running.ID, stamp(running.Created)),
			fmt.Sprintf("wait for run %d; the comparison is then made again", running.ID)}
	case succeeded != nil && succeeded.Artifact.State == Unusable:
		return blame{NotMeasurable, succeeded.ID, fmt.Sprintf("%scould not be measured from run %d: %s", is, succeeded.ID, succeeded.Artifact.Problem),
			fmt.Sprintf("check what run %d has uploaded", succeeded.ID)}
	case succeeded != nil && succeeded.Artifact.State == Expired:
		return blame{ExpiredBase, succeeded.ID, fmt.Sprintf("%swas never measured, and the artifact of run %d has expired", is, succeeded.ID),
			fmt.Sprintf("re-run %d, or rebase onto a newer commit of %s", succeeded.ID, r.BaseRef)}
	case succeeded != nil:
		return blame{NoTarget, succeeded.ID, fmt.Sprintf("%swas built by run %d, but not this target", is, succeeded.ID),
			fmt.Sprintf("nothing to do if the pull request adds the target; otherwise check what run %d has uploaded", succeeded.ID)}
	case failed != nil:
		return blame{RunFailed, failed.ID, fmt.Sprintf("%swas not built: run %d ended as %s", is, failed.ID, cmp.Or(failed.Conclusion, "unknown")),
			fmt.Sprintf("re-run %d, or rebase once %s builds again", failed.ID, r.BaseRef)}
	}
	return blame{NoRun, 0, fmt.Sprintf("%shas no run of %s that may be a base", is, workflowPath(r.Head.Path)),
		fmt.Sprintf("start %s for it by hand, or rebase onto a commit of %s that was built", workflowPath(r.Head.Path), r.BaseRef)}
}

func (r *resolver) hasTrustedRun(sha string) bool {
	return slices.ContainsFunc(r.runsOf(sha), func(run Run) bool {
		ok, _ := Trusted(run, r.RepoID, r.Head.Path, r.Rules)
		return ok
	})
}

// runsOf returns the attempts of a commit's runs, the one that ended last first. So of several successes the newest counts, also if it is
// a new attempt of an old run.
func (r *resolver) runsOf(sha string) []Run {
	runs := slices.DeleteFunc(slices.Clone(r.Runs), func(run Run) bool { return run.HeadSHA != sha })
	slices.SortFunc(runs, func(a, b Run) int {
		return cmp.Or(b.Updated.Compare(a.Updated), cmp.Compare(b.ID, a.ID), cmp.Compare(b.Attempt, a.Attempt),
			b.Created.Compare(a.Created), strings.Compare(a.Status, b.Status), strings.Compare(a.Conclusion, b.Conclusion),
			strings.Compare(a.Event, b.Event), strings.Compare(a.Path, b.Path), strings.Compare(a.HeadBranch, b.HeadBranch),
			cmp.Compare(a.RepoID, b.RepoID), cmp.Compare(a.HeadRepoID, b.HeadRepoID), cmp.Compare(b.Artifact.State, a.Artifact.State),
			cmp.Compare(b.Artifact.ID, a.Artifact.ID), strings.Compare(a.Artifact.Problem, b.Artifact.Problem))
	})
	seen := map[[2]int64]bool{} // the same attempt may have been asked for twice, at different times
	return slices.DeleteFunc(runs, func(run Run) bool {
		key := [2]int64{run.ID, int64(run.Attempt)}
		double := seen[key]
		seen[key] = true
		return double
	})
}
