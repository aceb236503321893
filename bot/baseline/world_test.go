package baseline

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

const (
	ourRepo  = 1296269
	forkRepo = 77
	kernel   = ".github/workflows/kernel.yml"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// at is so many minutes after noon.
func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// id makes a full SHA of a short name, so that tables can say m5.
func id(name string) string {
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

// world is a GitHub that knows everything; answer hands it out as asked.
type world struct {
	commits   map[string]Commit
	tip       string // of the base branch
	runs      []Run
	measured  map[string]bool
	asked     []Need
	facts     Facts
	refuse    map[Ask]bool // questions left without an answer
	mergeBase *string      // instead of the real one
}

// newWorld has the base branch main with m0 to m9, a minute apart from noon on, and a pull request with the head h,
// forked off at m5, whose test merge t was made at minute 10 when main was at m9. Its run began at minute 11, and it is minute 60.
func newWorld() *world {
	w := &world{commits: map[string]Commit{}, measured: map[string]bool{}, refuse: map[Ask]bool{}}
	w.commit("m0", 0)
	for i := 1; i < 10; i++ {
		w.commit(fmt.Sprintf("m%d", i), i, fmt.Sprintf("m%d", i-1))
	}
	w.tip = id("m9")
	w.commit("h", 9, "m5")
	w.commit("t", 10, "m9", "h")
	w.facts = Facts{
		Now: at(60), RepoID: ourRepo, BaseRef: "main", FirstAsked: at(55),
		Head: Run{ID: 9000, Attempt: 1, Event: "pull_request", Status: "completed", Conclusion: "success", HeadSHA: id("h"),
			HeadBranch: "topic", Path: kernel, RepoID: ourRepo, HeadRepoID: forkRepo, Created: at(11), Updated: at(50)},
		Rules:      Rules{Strategy: Auto, WaitForRunning: 45 * time.Minute, MaxAncestors: 4},
		TestMerges: []TestMerge{{SHA: id("t"), Seen: at(60)}},
	}
	return w
}

func (w *world) commit(name string, minute int, parents ...string) {
	c := Commit{Date: at(minute)}
	for _, p := range parents {
		c.Parents = append(c.Parents, id(p))
	}
	w.commits[id(name)] = c
}

// run adds a completed push run on main with an artifact; change makes it another.
func (w *world) run(runID int64, name string, change ...func(*Run)) {
	r := Run{ID: runID, Attempt: 1, Event: "push", Status: "completed", Conclusion: "success", HeadSHA: id(name), HeadBranch: "main",
		Path: kernel, RepoID: ourRepo, HeadRepoID: ourRepo, Created: at(20), Updated: at(30), Artifact: Artifact{State: Available, ID: runID * 10}}
	for _, c := range change {
		c(&r)
	}
	w.runs = append(w.runs, r)
}

func (w *world) measure(names ...string) {
	for _, name := range names {
		w.measured[id(name)] = true
	}
}

// pushed makes the head's run one of event push, which built the head itself.
func (w *world) pushed() {
	w.facts.Head.Event, w.facts.Head.HeadRepoID, w.facts.TestMerges = "push", ourRepo, nil
}

func event(name string) func(*Run)  { return func(r *Run) { r.Event = name } }
func branch(name string) func(*Run) { return func(r *Run) { r.HeadBranch = name } }
func running(r *Run)                { r.Status, r.Conclusion, r.Artifact = "in_progress", "", Artifact{State: Absent} }
func failed(r *Run)                 { r.Conclusion, r.Artifact = "failure", Artifact{State: Absent} }
func expired(r *Run)                { r.Artifact.State = Expired }
func absent(r *Run)                 { r.Artifact = Artifact{State: Absent} }
func fork(r *Run)                   { r.HeadRepoID = forkRepo }
func attempt(n int) func(*Run)      { return func(r *Run) { r.Attempt = n } }
func updated(minute int) func(*Run) { return func(r *Run) { r.Updated = at(minute) } }
func broken(r *Run)                 { r.Artifact.State, r.Artifact.Problem = Unusable, "no ELF image" }

// ancestors of a commit, itself included.
func (w *world) ancestors(sha string) map[string]bool {
	found := map[string]bool{}
	for queue := []string{sha}; len(queue) > 0; queue = queue[1:] {
		if c, ok := w.commits[queue[0]]; ok && !found[queue[0]] {
			found[queue[0]] = true
			queue = append(queue, c.Parents...)
		}
	}
	return found
}

// bestCommonAncestor is what git merge-base prints: a common ancestor that is no ancestor of another one.
func (w *world) bestCommonAncestor(a, b string) string {
	of, common := w.ancestors(a), map[string]bool{}
	for sha := range w.ancestors(b) {
		if of[sha] {
			common[sha] = true
		}
	}
	var best []string
	for sha := range common {
		inner := true
		for other := range common {
			if other != sha && w.ancestors(other)[sha] {
				inner = false
			}
		}
		if inner {
			best = append(best, sha)
		}
	}
	if len(best) == 0 {
		return ""
	}
	return slices.Min(best)
}

// shallow is how many commits a list of first parents has at most, whatever was asked for.
const shallow = 3

func (w *world) answer(_ context.Context, n Need, f *Facts) error {
	w.asked = append(w.asked, n)
	if w.refuse[n.Ask] {
		return nil
	}
	mark := func(m *map[string]bool, sha string, v bool) {
		if *m == nil {
			*m = map[string]bool{}
		}
		(*m)[sha] = v
	}
	if f.Commits == nil {
		f.Commits = map[string]Commit{}
	}
	lookup := func(sha string) Commit {
		c, ok := w.commits[sha]
		c.Missing = !ok
		f.Commits[sha] = c
		return c
	}
	switch n.Ask {
	case AskCommits:
		for _, sha := range n.SHAs {
			lookup(sha)
		}
	case AskFirstParents:
		for sha, i := n.SHAs[0], 0; i < min(n.N, shallow); i++ {
			c := lookup(sha)
			if len(c.Parents) == 0 {
				break
			}
			sha = c.Parents[0]
		}
	case AskOnBase:
		for _, sha := range n.SHAs {
			mark(&f.OnBase, sha, w.ancestors(w.tip)[sha])
		}
	case AskMergeBase:
		base := w.bestCommonAncestor(w.tip, f.Head.HeadSHA)
		if w.mergeBase != nil {
			base = *w.mergeBase
		}
		f.MergeBase = &base
	case AskBaseTip:
		f.BaseTip = w.tip
	case AskRuns:
		for _, sha := range n.SHAs {
			mark(&f.RunsListed, sha, true)
		}
		for _, r := range w.runs {
			if slices.Contains(n.SHAs, r.HeadSHA) {
				r.Artifact = Artifact{}
				f.Runs = append(f.Runs, r)
			}
		}
	case AskMeasured:
		for _, sha := range n.SHAs {
			mark(&f.Measured, sha, w.measured[sha])
		}
	case AskArtifacts:
		for i := range f.Runs {
			for _, r := range w.runs {
				if slices.Contains(n.Runs, r.ID) && f.Runs[i].ID == r.ID && f.Runs[i].Attempt == r.Attempt {
					f.Runs[i].Artifact = r.Artifact
				}
			}
		}
	default:
		return fmt.Errorf("unknown question %q", n.Ask)
	}
	return nil
}
