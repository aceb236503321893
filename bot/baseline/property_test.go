package baseline

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// history is a random repository whose truth is known: what the head's run really built and on what.
type history struct {
	*world
	exact  string // the commit that lacks nothing but the pull request; "" if the strategy asks for another
	merged bool   // the head was built as a merge with exact
}

// randomHistory lets a base branch, a pull request and GitHub's test merges go on for a while, then makes runs of all kinds.
func randomHistory(rng *rand.Rand) history {
	w := &world{commits: map[string]Commit{}, measured: map[string]bool{}, refuse: map[Ask]bool{}}
	h := history{world: w}
	events := []string{"pull_request", "pull_request", "push", "workflow_dispatch"}
	w.facts = Facts{RepoID: ourRepo, BaseRef: "main", Rules: Rules{
		Strategy:       []Strategy{Auto, Auto, FirstParent, MergeBase}[rng.IntN(4)],
		WaitForRunning: time.Duration(rng.IntN(3)) * 20 * time.Minute, MaxAncestors: rng.IntN(6)}}

	minute := 0
	line := []string{"b0"} // of the base branch
	w.commit("b0", 0)
	head, fork := "h0", "b0"
	w.commit("h0", 0, "b0")
	merge, merges, mergeSeen := "", 0, map[string]int{}
	built := "" // the test merge that the head's run built
	push := func() {
		name := fmt.Sprintf("b%d", minute)
		w.commit(name, minute, line[len(line)-1])
		line = append(line, name)
	}
	remerge := func() {
		merges++
		merge = fmt.Sprintf("t%d", merges)
		w.commit(merge, minute, line[len(line)-1], head)
	}
	look := func() { // somebody looks at the pull request, and so GitHub brings the test merge up to date
		if merge == "" || w.commits[id(merge)].Parents[0] != id(line[len(line)-1]) || w.commits[id(merge)].Parents[1] != id(head) {
			remerge()
		}
		mergeSeen[merge] = minute
	}
	length := 5 + rng.IntN(15)
	runAt := rng.IntN(length)
	for step := range length {
		minute += 1 + rng.IntN(5)
		switch rng.IntN(5) {
		case 0, 1:
			push()
		case 2:
			look()
		case 3:
			if built == "" { // a push to the pull request
				head, fork = fmt.Sprintf("h%d", minute), line[rng.IntN(len(line))]
				w.commit(head, minute, fork)
			}
		case 4:
			if len(line) > 2 && rng.IntN(3) == 0 { // a forced push
				line = slices.Clone(line[:len(line)-1-rng.IntN(2)])
				minute++
				push()
			}
		}
		if step == runAt {
			minute++
			remerge() // GitHub makes it for the event
			built = merge
			if rng.IntN(2) == 0 {
				mergeSeen[merge] = minute
			}
			w.facts.Head = Run{ID: 1, Attempt: 1, Event: events[rng.IntN(len(events))], Status: "completed", Conclusion: "success",
				HeadSHA: id(head), HeadBranch: "topic", Path: kernel, RepoID: ourRepo, HeadRepoID: forkRepo, Created: at(minute)}
		}
	}
	minute++
	w.facts.Now, w.facts.FirstAsked = at(minute), at(minute-rng.IntN(60))
	w.tip = id(line[len(line)-1])
	for name, seen := range mergeSeen {
		w.facts.TestMerges = append(w.facts.TestMerges, TestMerge{id(name), at(seen)})
	}
	h.truth(rng, built)
	h.builds(rng, line, head)
	return h
}

// truth sets what the head's run really built, and what it says about that.
func (h *history) truth(rng *rand.Rand, built string) {
	f := &h.facts
	first := h.commits[id(built)].Parents[0]
	switch {
	case f.Head.Event == "pull_request" && rng.IntN(4) == 0: // checks out the head, and says so
		f.Manifest, h.exact = &Manifest{SHA: f.Head.HeadSHA}, h.bestCommonAncestor(h.tip, f.Head.HeadSHA)
	case f.Head.Event == "pull_request":
		h.exact, h.merged = first, true
		if rng.IntN(3) == 0 {
			f.Manifest = &Manifest{SHA: id(built), Parents: []string{first, f.Head.HeadSHA}}
		}
	default:
		h.exact = h.bestCommonAncestor(h.tip, f.Head.HeadSHA)
	}
}

// builds makes runs, trusted and not, of all kinds of commits.
func (h *history) builds(rng *rand.Rand, line []string, head string) {
	names := append(slices.Clone(line), head, "t1")
	for n := range rng.IntN(40) {
		name := names[rng.IntN(len(names))]
		h.run(int64(100+n), name, updated(rng.IntN(60)), func(r *Run) {
			if rng.IntN(3) == 0 {
				r.Event = []string{"pull_request", "merge_group", "schedule", "workflow_dispatch", "workflow_run"}[rng.IntN(5)]
			}
			if rng.IntN(5) == 0 {
				r.HeadRepoID = []int64{forkRepo, 0}[rng.IntN(2)]
			}
			if rng.IntN(8) == 0 {
				r.Path = ".github/workflows/other.yml"
			}
			switch rng.IntN(6) {
			case 0:
				failed(r)
			case 1:
				running(r)
			default:
				r.Artifact.State = Available + ArtifactState(rng.IntN(4))
			}
		})
	}
	for range rng.IntN(4) {
		h.measure(line[rng.IntN(len(line))])
	}
}

func resolveAll(t *testing.T, h history) (Decision, Facts) {
	t.Helper()
	f := h.facts
	d, err := Find(context.Background(), &f, h.answer)
	if err != nil {
		t.Fatal(err)
	}
	return d, f
}

// eachHistory runs a check on many random histories, the same ones every time.
func eachHistory(t *testing.T, check func(t *testing.T, rng *rand.Rand, h history) bool) {
	counted := 0
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		if check(t, rng, randomHistory(rng)) {
			counted++
		}
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
	if counted < 100 {
		t.Errorf("only %d histories say anything", counted)
	}
}

// Exact is only what is exact in truth, and everything is decided in the end.
func TestExactIsTrue(t *testing.T) {
	eachHistory(t, func(t *testing.T, _ *rand.Rand, h history) bool {
		d, f := resolveAll(t, h)
		if d.Cause == Undecided {
			t.Errorf("undecided, steps %q", d.Steps)
		}
		if d.Kind == Exact && d.SHA != h.exact {
			t.Errorf("%s is called exact, but %s is: %q", short(d.SHA), short(h.exact), d.Steps)
		}
		if d.ExactSHA != "" && d.ExactSHA != h.exact {
			t.Errorf("ExactSHA is %s, but %s is exact: %q", short(d.ExactSHA), short(h.exact), d.Steps)
		}
		if d.ExactSHA != "" && d.Merged != h.merged {
			t.Errorf("merged is %t, but %t is true: %q", d.Merged, h.merged, d.Steps)
		}
		if d.Kind == Ancestor && d.AncestorsBack > f.Rules.MaxAncestors {
			t.Errorf("%d commits back, allowed are %d", d.AncestorsBack, f.Rules.MaxAncestors)
		}
		return d.Kind == Exact
	})
}

// A base is measured, or comes from a run that only people who may push can have caused; and it is on the base branch.
func TestNeverTakesAnUntrustedRun(t *testing.T) {
	eachHistory(t, func(t *testing.T, _ *rand.Rand, h history) bool {
		d, _ := resolveAll(t, h)
		if d.SHA == "" {
			return false
		}
		if d.Measured && !h.measured[d.SHA] {
			t.Error("not measured")
		}
		if !h.ancestors(h.tip)[d.SHA] {
			t.Errorf("%s is not on the base branch: %q", short(d.SHA), d.Steps)
		}
		if d.Measured {
			return false
		}
		for _, r := range h.runs {
			if r.ID != d.RunID {
				continue
			}
			trusted := r.Event == "push" || r.Event == "merge_group" || r.Event == "schedule" || r.Event == "workflow_dispatch"
			if !trusted || r.HeadRepoID != ourRepo || r.RepoID != ourRepo || r.Path != kernel || r.HeadSHA != d.SHA ||
				r.Conclusion != "success" || r.Artifact.State != Available || r.Artifact.ID != d.ArtifactID {
				t.Errorf("takes run %+v", r)
			}
			return true
		}
		t.Errorf("run %d does not exist", d.RunID)
		return true
	})
}

// More facts never make an exact base an approximate one, and never take a decision back to undecided.
func TestMoreFactsNeverLoseTheExactBase(t *testing.T) {
	eachHistory(t, func(t *testing.T, rng *rand.Rand, h history) bool {
		before, f := resolveAll(t, h)
		if before.Kind != Exact {
			return false
		}
		for sha, c := range h.commits {
			if rng.IntN(2) == 0 {
				f.Commits[sha] = c
			}
		}
		f.BaseTip = h.tip
		f.OnBase, f.Measured, f.RunsListed = maps.Clone(f.OnBase), maps.Clone(f.Measured), maps.Clone(f.RunsListed)
		for sha := range h.commits {
			if rng.IntN(2) == 0 {
				_ = h.answer(context.Background(), Need{Ask: AskOnBase, SHAs: []string{sha}}, &f)
			}
			if rng.IntN(2) == 0 {
				f.Measured[sha] = f.Measured[sha] || rng.IntN(3) == 0
			}
			if rng.IntN(2) == 0 && !f.RunsListed[sha] {
				_ = h.answer(context.Background(), Need{Ask: AskRuns, SHAs: []string{sha}}, &f)
			}
		}
		for i := range f.Runs {
			if f.Runs[i].Artifact.State == NotListed && rng.IntN(2) == 0 {
				_ = h.answer(context.Background(), Need{Ask: AskArtifacts, Runs: []int64{f.Runs[i].ID}}, &f)
			}
		}
		f.Runs = append(f.Runs, Run{ID: 5000, Attempt: 1, Event: "push", Status: []string{"completed", "queued"}[rng.IntN(2)],
			Conclusion: "failure", HeadSHA: before.SHA, HeadBranch: "main", Path: kernel, RepoID: ourRepo, HeadRepoID: ourRepo, Updated: at(100)})
		after, needs := Resolve(f)
		if after.Kind != Exact || after.SHA != before.SHA || len(needs) > 0 {
			t.Errorf("%s %s became %s %s, needs %v: %q", before.Kind, short(before.SHA), after.Kind, short(after.SHA), needs, after.Steps)
		}
		return true
	})
}

// On the way to a decision nothing else is decided first, and the order of lists does not matter.
func TestOrderDoesNotMatter(t *testing.T) {
	eachHistory(t, func(t *testing.T, rng *rand.Rand, h history) bool {
		d, f := resolveAll(t, h)
		for range 3 {
			shuffled := f
			shuffled.Runs, shuffled.TestMerges = slices.Clone(f.Runs), slices.Clone(f.TestMerges)
			rng.Shuffle(len(f.Runs), func(i, j int) { shuffled.Runs[i], shuffled.Runs[j] = shuffled.Runs[j], shuffled.Runs[i] })
			rng.Shuffle(len(f.TestMerges), func(i, j int) {
				shuffled.TestMerges[i], shuffled.TestMerges[j] = shuffled.TestMerges[j], shuffled.TestMerges[i]
			})
			if again, _ := Resolve(shuffled); !reflect.DeepEqual(d, again) {
				t.Errorf("got %+v, and in another order %+v", d, again)
			}
		}
		return len(f.Runs) > 1
	})
}

// Whatever a build says about itself and whoever ran it: an exact base is never a commit outside the base branch.
func FuzzManifest(f *testing.F) {
	f.Add("pull_request", id("t"), id("m9"), id("h"), int64(9000))
	f.Add("push", id("h"), "", "", int64(1))
	f.Add("pull_request", "../../x", "", "", int64(0))
	f.Add("workflow_run", id("m9"), id("m8"), "", int64(-1))
	f.Fuzz(func(t *testing.T, event, claim, first, second string, run int64) {
		w := newWorld()
		w.facts.Head.Event = event
		w.facts.Manifest = &Manifest{SHA: claim, Parents: []string{first, second}, Run: run}
		w.commit("x", 3, "m2")
		w.commit("y", 10, "x", "h")
		w.measure("m9", "m5", "x", "h")
		facts := w.facts
		d, err := Find(context.Background(), &facts, w.answer)
		if err != nil {
			t.Fatal(err)
		}
		if d.SHA != "" && d.SHA != id("m9") && d.SHA != id("m5") {
			t.Errorf("takes %s", d.SHA)
		}
		for _, n := range w.asked {
			for _, sha := range n.SHAs {
				if !commitID.MatchString(sha) {
					t.Errorf("asks GitHub for %q", sha)
				}
			}
		}
	})
}
