package baseline

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// origin is the commit to look for first.
type origin struct {
	sha    string // "": there is none
	exact  string // the commit that would be exact; usually sha, "" if it cannot be known
	merged bool   // what was built is a merge with exact
	onBase bool   // sha is known to be in the base branch's history, by how it was found
	blame  blame  // why comparing with it is not exact, or why there is none; zero: it is exact
}

// blame is a cause with what to say about it.
type blame struct {
	cause  Cause
	run    int64
	reason string
	remedy string
}

// origin finds out what the head's run built, and so which base is exact.
func (r *resolver) origin() origin {
	head := r.Head.HeadSHA
	if r.Manifest != nil {
		return r.originByManifest()
	}
	switch r.Head.Event {
	case "push", "workflow_dispatch", "schedule":
		r.step("run %d of event %s built the head %s itself", r.Head.ID, r.Head.Event, short(head))
		return r.originOfHead()
	case "pull_request":
		r.step("run %d of event pull_request built a merge of %s and the head %s", r.Head.ID, r.BaseRef, short(head))
		if merge, ok := r.testMerge(); ok {
			return r.originOfMerge(merge)
		}
		return r.unknownMerge("GitHub has replaced the test merge since the run began")
	}
	r.step("run %d is of event %s; what such a run builds is up to its workflow", r.Head.ID, r.Head.Event)
	return origin{blame: blame{UnknownMerge, r.Head.ID,
		fmt.Sprintf("what a run of event %s built cannot be known", r.Head.Event),
		"build on event pull_request or push"}}
}

// commitID is the form of a commit's name. Nothing else that an artifact says is asked for.
var commitID = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// originByManifest takes what the build says, as far as GitHub confirms it. A claim that GitHub contradicts ends it: then
// nobody knows what was built.
func (r *resolver) originByManifest() origin {
	claim, head := r.Manifest.SHA, r.Head.HeadSHA
	if r.Manifest.Run != 0 && r.Manifest.Run != r.Head.ID {
		r.step("the manifest of run %d says that it is of run %d", r.Head.ID, r.Manifest.Run)
		return origin{blame: blame{BadManifest, r.Head.ID, fmt.Sprintf("the manifest is of another run, %d", r.Manifest.Run),
			"check the step that writes the manifest: every run must write its own"}}
	}
	if claim == head {
		r.step("the manifest of run %d says that the head %s itself was built", r.Head.ID, short(head))
		return r.originOfHead()
	}
	if !commitID.MatchString(claim) {
		r.step("the manifest of run %d does not name a commit", r.Head.ID)
		return origin{blame: blame{BadManifest, r.Head.ID, "the manifest does not name a commit by its full SHA",
			"check the step that writes the manifest"}}
	}
	commit, known := r.commit(claim)
	if !known {
		return origin{}
	}
	if commit.Missing {
		r.step("the manifest of run %d says that %s was built, which GitHub does not know", r.Head.ID, short(claim))
		return r.unknownMerge(fmt.Sprintf("GitHub does not know %s, which the manifest names", short(claim)))
	}
	mergesHead := len(commit.Parents) == 2 && commit.Parents[1] == head
	if !mergesHead || r.Manifest.Parents != nil && !slices.Equal(r.Manifest.Parents, commit.Parents) {
		r.step("the manifest of run %d says that %s was built; GitHub says that its parents are %s", r.Head.ID, short(claim), shorts(commit.Parents))
		return origin{blame: blame{BadManifest, r.Head.ID,
			fmt.Sprintf("the manifest says that %s was built, which is no merge of the head %s as GitHub knows it", short(claim), short(head)),
			"check the step that writes the manifest: it must run in the tree that was built"}}
	}
	r.step("the manifest of run %d says that %s was built; GitHub confirms that it merges the head %s", r.Head.ID, short(claim), short(head))
	return r.originOfMerge(claim)
}

// originOfHead: the head was built alone.
func (r *resolver) originOfHead() origin {
	if r.Rules.Strategy == FirstParent {
		r.step("the repository file asks for the first parent of the merge; none was built, so the merge base is right")
	}
	return r.mergeBase()
}

// originOfMerge: a merge whose second parent is the head was built.
func (r *resolver) originOfMerge(merge string) origin {
	first := r.Commits[merge].Parents[0]
	r.step("the exact base is %s, the first parent of %s", short(first), short(merge))
	if r.Rules.Strategy != MergeBase {
		return origin{sha: first, exact: first, merged: true}
	}
	fork := r.mergeBase()
	if fork.sha == "" {
		return fork
	}
	fork.exact, fork.merged = first, true
	if fork.sha != first {
		r.step("the repository file asks for the merge base %s instead", short(fork.sha))
		fork.blame = blame{ByStrategy, 0,
			fmt.Sprintf("the repository file asks for the merge base; the build also has what %s got up to %s", r.BaseRef, short(first)),
			"set base.strategy to auto, or build the head without merging it"}
	}
	return fork
}

func (r *resolver) mergeBase() origin {
	switch {
	case r.MergeBase == nil:
		r.need(Need{Ask: AskMergeBase})
		return origin{}
	case *r.MergeBase == "":
		r.step("%s and the head %s have no common ancestor", r.BaseRef, short(r.Head.HeadSHA))
		return origin{blame: blame{Unrelated, 0,
			fmt.Sprintf("%s and the head have no common history", r.BaseRef), "rebase onto " + r.BaseRef}}
	}
	r.step("the merge base of %s and the head is %s", r.BaseRef, short(*r.MergeBase))
	return origin{sha: *r.MergeBase, exact: *r.MergeBase, onBase: true}
}

// stampSlack is by how much the time of a test merge may be after that of the run that built it. GitHub makes both on the
// same event; the order of two clocks is no proof within seconds.
const stampSlack = 15 * time.Second

// testMerge returns the test merge that the head's run built: a merge of the head that was the current one when the
// run was created. Attempts of a run build what the first one built.
func (r *resolver) testMerge() (sha string, ok bool) {
	began := r.Head.Created
	for _, t := range r.sortedTestMerges() {
		c, known := r.commit(t.SHA)
		switch {
		case !known:
			continue
		case c.Missing:
			r.step("GitHub does not know the test merge %s any more", short(t.SHA))
		case len(c.Parents) != 2 || c.Parents[1] != r.Head.HeadSHA:
			r.step("the test merge %s is not of this head: its parents are %s", short(t.SHA), shorts(c.Parents))
		case c.Date.After(began.Add(stampSlack)):
			r.step("the test merge %s was made %s, after the run began", short(t.SHA), stamp(c.Date))
		case t.Seen.Before(began):
			r.step("the test merge %s was seen last %s, before the run began", short(t.SHA), stamp(t.Seen))
		case !ok || r.Commits[sha].Date.After(began): // without the slack is better than with it
			sha, ok = t.SHA, true
		}
	}
	if ok {
		r.step("the test merge %s has the parents %s and was the current one when the run began", short(sha), shorts(r.Commits[sha].Parents))
	}
	return sha, ok && len(r.needs) == 0
}

// sortedTestMerges has the latest first, and each commit once with the last time it was seen.
func (r *resolver) sortedTestMerges() []TestMerge {
	merges := slices.DeleteFunc(slices.Clone(r.TestMerges), func(t TestMerge) bool { return t.SHA == "" })
	slices.SortFunc(merges, func(a, b TestMerge) int {
		return cmp.Or(r.Commits[b.SHA].Date.Compare(r.Commits[a.SHA].Date), strings.Compare(a.SHA, b.SHA), b.Seen.Compare(a.Seen))
	})
	return slices.CompactFunc(merges, func(a, b TestMerge) bool { return a.SHA == b.SHA })
}

// estimateDepth is how far back the base branch is searched for where it was when the run began.
const estimateDepth = 100

// unknownMerge estimates: the build has the head and what the base branch was when the run began, as far as dates of
// commits tell. That is never exact.
func (r *resolver) unknownMerge(why string) origin {
	if len(r.needs) > 0 {
		return origin{}
	}
	because := blame{UnknownMerge, r.Head.ID, "which merge was built cannot be known: " + why,
		"push to the pull request, so that it is built anew"}
	if r.Rules.Strategy == MergeBase {
		fork := r.mergeBase()
		if fork.sha != "" {
			fork.exact, fork.blame = "", because
		}
		return fork
	}
	if r.BaseTip == "" {
		r.need(Need{Ask: AskBaseTip})
		return origin{}
	}
	line, _ := r.line(r.BaseTip, estimateDepth, func(c Commit) bool { return !c.Date.After(r.Head.Created) })
	if len(r.needs) > 0 {
		return origin{}
	}
	if n := len(line); n > 0 && !r.Head.Created.IsZero() {
		if last := line[n-1]; !r.Commits[last].Date.After(r.Head.Created) {
			r.step("%s is the last commit of %s from before the run began", short(last), r.BaseRef)
			return origin{sha: last, onBase: true, blame: because}
		}
	}
	r.step("none of the last %s of %s is from before the run began", plural(len(line), "commit", "commits"), r.BaseRef)
	return origin{blame: because}
}

// line follows first parents from a commit on, at most so many commits and up to the first that is the end. It asks
// for what it does not know. whole is whether it came to the beginning of history, or to a commit that GitHub does not know.
func (r *resolver) line(from string, most int, end func(Commit) bool) (line []string, whole bool) {
	for sha := from; len(line) < most; {
		c, known := r.Commits[sha]
		if !known {
			r.need(Need{Ask: AskFirstParents, SHAs: []string{sha}, N: most - len(line)})
			return line, false
		}
		if c.Missing {
			return line, true
		}
		line = append(line, sha)
		if end != nil && end(c) {
			return line, false
		}
		if len(c.Parents) == 0 {
			return line, true
		}
		sha = c.Parents[0]
	}
	return line, false
}

func shorts(shas []string) string {
	if len(shas) == 0 {
		return "none"
	}
	names := make([]string, len(shas))
	for i, sha := range shas {
		names[i] = short(sha)
	}
	return strings.Join(names, " and ")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
