package baseline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestResolve(t *testing.T) {
	type want struct {
		kind  Kind
		sha   string // name; "" none
		exact string // name of the exact base; "" not known
		cause Cause
		back  int
		run   int64 // to be measured
		blame int64 // CauseRun
		says  string
	}
	// The names of upstream reports are those of the reference on peers, P1 to P3: what goes wrong there, must not here.
	tests := []struct {
		name string
		set  func(w *world)
		want want
	}{
		// P1: the wrong base.
		{"merge built: first parent, although the branch forked off earlier (codecov/codecov-cli#564, microsoft/FluidFramework#27965, WordPress/gutenberg#2354)",
			func(w *world) { w.measure("m5", "m8", "m9") },
			want{Exact, "m9", "m9", "", 0, 0, 0, "exact base"}},
		{"head built: merge base, although main went on (react/react#37355, iNavFlight/inav#11835, getsentry/sentry-javascript#4775, NomicFoundation/slang#1718)",
			func(w *world) { w.pushed(); w.measure("m5", "m8", "m9") },
			want{Exact, "m5", "m5", "", 0, 0, 0, ""}},
		{"main's tip is not the base of a merge built before (preactjs/compressed-size-action#10, project-chip/connectedhomeip#990)",
			func(w *world) {
				w.commit("m10", 20, "m9")
				w.tip = id("m10")
				w.measure("m9", "m10")
			},
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},
		{"GitHub made the merge anew after the run began: only about (microsoft/FluidFramework#27965)",
			func(w *world) {
				w.commit("m10", 20, "m9")
				w.commit("t2", 25, "m10", "h")
				w.tip = id("m10")
				w.facts.TestMerges = []TestMerge{{id("t2"), at(60)}}
				w.measure("m9", "m10")
			},
			want{Ancestor, "m9", "", UnknownMerge, 0, 0, 9000, "cannot be known"}},
		{"the same, but the older merge was seen after the run began",
			func(w *world) {
				w.commit("m10", 20, "m9")
				w.commit("t2", 25, "m10", "h")
				w.tip = id("m10")
				w.facts.TestMerges = []TestMerge{{id("t2"), at(60)}, {id("t"), at(12)}}
				w.measure("m9", "m10")
			},
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},
		{"seen last before the run began proves nothing: there may have been another between",
			func(w *world) {
				w.facts.TestMerges = []TestMerge{{id("t"), at(10)}}
				w.measure("m9")
			},
			want{Ancestor, "m9", "", UnknownMerge, 0, 0, 9000, "cannot be known"}},
		{"GitHub's clocks differ by seconds",
			func(w *world) { w.facts.Head.Created = at(10).Add(-5 * time.Second); w.measure("m9") },
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},
		{"of a merge made before the run began and one made seconds after, the first was built",
			func(w *world) {
				w.commit("m10", 11, "m9")
				w.commit("t2", 11, "m10", "h")
				w.facts.Head.Created = at(11).Add(-time.Second)
				w.facts.TestMerges = []TestMerge{{id("t2"), at(60)}, {id("t"), at(11)}}
				w.measure("m9", "m10")
			},
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},
		{"the test merge is of an older head",
			func(w *world) {
				w.commit("h0", 8, "m5")
				w.commit("t", 10, "m9", "h0")
				w.measure("m9", "m5")
			},
			want{Ancestor, "m9", "", UnknownMerge, 0, 0, 9000, ""}},
		{"no test merge at all: the pull request conflicts by now",
			func(w *world) { w.facts.TestMerges = nil; w.measure("m9") },
			want{Ancestor, "m9", "", UnknownMerge, 0, 0, 9000, ""}},
		{"no test merge, strategy merge_base: about, because a merge was built",
			func(w *world) {
				w.facts.TestMerges, w.facts.Rules.Strategy = nil, MergeBase
				w.measure("m9", "m5")
			},
			want{Ancestor, "m5", "", UnknownMerge, 0, 0, 9000, ""}},
		{"no test merge, and all of main is newer than the run",
			func(w *world) { w.facts.TestMerges, w.facts.Head.Created = nil, at(-10); w.measure("m9") },
			want{None, "", "", UnknownMerge, 0, 0, 9000, "cannot be known"}},
		{"a pull_request run with the base's SHA built something else (ariakit/ariakit#6448)",
			func(w *world) { w.run(1, "m9", event("pull_request"), branch("topic2")); w.measure("m8") },
			want{Ancestor, "m8", "m9", NoRun, 1, 0, 0, "no run"}},
		{"the branch's own earlier runs are no base (godatadriven/dbt-bouncer#645)",
			func(w *world) {
				w.pushed()
				w.commit("h0", 6, "m5")
				w.commit("h", 9, "h0")
				w.run(1, "h0", branch("topic"))
				w.run(2, "m5")
			},
			want{Exact, "m5", "m5", "", 0, 2, 0, ""}},
		{"an old base is named and its distance told (codecov/feedback#123)",
			func(w *world) { w.run(1, "m9", failed); w.measure("m5") },
			want{Ancestor, "m5", "m9", RunFailed, 4, 0, 1, "4 commits earlier"}},
		{"further back than allowed is nothing (codecov/feedback#123)",
			func(w *world) { w.run(1, "m9", failed); w.measure("m4") },
			want{None, "", "m9", RunFailed, 0, 0, 1, "none of the 4 commits before it"}},

		// What the build says about itself.
		{"the manifest names the merge, whatever GitHub names now (microsoft/FluidFramework#27965)",
			func(w *world) {
				w.facts.TestMerges = nil
				w.facts.Manifest = &Manifest{SHA: id("t"), Parents: []string{id("m9"), id("h")}}
				w.measure("m9")
			},
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},
		{"the manifest says that a pull_request run built the head itself",
			func(w *world) { w.facts.Manifest = &Manifest{SHA: id("h")}; w.measure("m5", "m9") },
			want{Exact, "m5", "m5", "", 0, 0, 0, ""}},
		{"the manifest names a merge of something else",
			func(w *world) {
				w.commit("x", 10, "m9", "m3")
				w.facts.Manifest = &Manifest{SHA: id("x")}
				w.measure("m9")
			},
			want{None, "", "", BadManifest, 0, 0, 9000, "no merge of the head"}},
		{"the manifest names other parents than GitHub",
			func(w *world) {
				w.facts.Manifest = &Manifest{SHA: id("t"), Parents: []string{id("m2"), id("h")}}
				w.measure("m2", "m9")
			},
			want{None, "", "", BadManifest, 0, 0, 9000, ""}},
		{"the manifest names a merge with a commit that is not on main",
			func(w *world) {
				w.commit("x", 3, "m2")
				w.commit("y", 10, "x", "h")
				w.facts.Manifest = &Manifest{SHA: id("y")}
				w.run(1, "x")
				w.measure("x", "m2")
			},
			want{Ancestor, "m2", "x", NotOnBase, 1, 0, 0, "not on main"}},
		{"the manifest names a commit that GitHub does not know",
			func(w *world) { w.facts.Manifest = &Manifest{SHA: id("gone")}; w.measure("m9") },
			want{Ancestor, "m9", "", UnknownMerge, 0, 0, 9000, "does not know"}},
		{"the manifest names no commit",
			func(w *world) { w.facts.Manifest = &Manifest{SHA: "../../orgs/x"}; w.measure("m9") },
			want{None, "", "", BadManifest, 0, 0, 9000, ""}},
		{"the manifest is of another run",
			func(w *world) { w.facts.Manifest = &Manifest{SHA: id("t"), Run: 8999}; w.measure("m9") },
			want{None, "", "", BadManifest, 0, 0, 9000, "of another run, 8999"}},
		{"the manifest is of another run, of the same head",
			func(w *world) { w.facts.Manifest = &Manifest{SHA: id("h"), Run: 8999}; w.measure("m5") },
			want{None, "", "", BadManifest, 0, 0, 9000, "of another run, 8999"}},
		{"the manifest is of this run",
			func(w *world) { w.facts.Manifest = &Manifest{SHA: id("t"), Run: 9000}; w.measure("m9") },
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},
		{"a push run that merged by itself, and says so",
			func(w *world) { w.pushed(); w.facts.Manifest = &Manifest{SHA: id("t")}; w.measure("m9", "m5") },
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},

		// Events of the head's run.
		{"workflow_dispatch on the branch built the head",
			func(w *world) { w.pushed(); w.facts.Head.Event = "workflow_dispatch"; w.measure("m5") },
			want{Exact, "m5", "m5", "", 0, 0, 0, ""}},
		{"pull_request_target builds what it likes",
			func(w *world) { w.facts.Head.Event = "pull_request_target"; w.measure("m5", "m9") },
			want{None, "", "", UnknownMerge, 0, 0, 9000, "pull_request_target"}},
		{"pull_request_target with a manifest",
			func(w *world) {
				w.facts.Head.Event, w.facts.Manifest = "pull_request_target", &Manifest{SHA: id("h")}
				w.measure("m5")
			},
			want{Exact, "m5", "m5", "", 0, 0, 0, ""}},
		{"merge groups are answered without a comparison",
			func(w *world) { w.facts.Head.Event = "merge_group"; w.measure("m5", "m9") },
			want{None, "", "", UnknownMerge, 0, 0, 9000, "merge_group"}},
		{"a commit that came through the queue was built there",
			func(w *world) {
				w.run(1, "m9", event("merge_group"), branch("gh-readonly-queue/main/pr-7-"+id("m8")))
				w.facts.Rules.Branch = func(name string) bool { return name == "main" }
			},
			want{Exact, "m9", "m9", "", 0, 1, 0, ""}},

		// Stacks, history and branches.
		{"stacked: the lower branch was built by pushes",
			func(w *world) { w.stack(); w.run(1, "a2", branch("feat-a")) },
			want{Exact, "a2", "a2", "", 0, 1, 0, ""}},
		{"stacked: the lower branch has only pull_request runs (ariakit/ariakit#6448)",
			func(w *world) { w.stack(); w.run(1, "a2", event("pull_request"), branch("feat-a")); w.measure("m5") },
			want{Ancestor, "m5", "a2", NoRun, 2, 0, 0, "2 commits earlier"}},
		{"stacked: the repository file allows main only",
			func(w *world) {
				w.stack()
				w.facts.Rules.Branch = func(name string) bool { return name == "main" }
				w.run(1, "a2", branch("feat-a"))
				w.run(2, "m5")
			},
			want{Ancestor, "m5", "a2", NoRun, 2, 2, 0, ""}},
		{"force-pushed base: the build is based on what is gone",
			func(w *world) {
				w.commit("n8", 12, "m7")
				w.commit("n9", 13, "n8")
				w.tip = id("n9")
				w.run(1, "m9")
				w.measure("m9", "m8", "m7", "n9")
			},
			want{Ancestor, "m7", "m9", NotOnBase, 2, 0, 0, "force-pushed"}},
		{"force-pushed base, head built: the merge base is found anew",
			func(w *world) {
				w.pushed()
				w.commit("n5", 12, "m4")
				w.tip = id("n5")
				w.measure("m5", "m4")
			},
			want{Exact, "m4", "m4", "", 0, 0, 0, ""}},
		{"another base branch since (edited base)",
			func(w *world) {
				w.stack()
				w.tip, w.facts.BaseRef = id("m9"), "main"
				w.measure("a2", "m5")
			},
			want{Ancestor, "m5", "a2", NotOnBase, 2, 0, 0, "another base"}},
		{"renamed base branch: its runs have the old name",
			func(w *world) { w.facts.BaseRef = "trunk"; w.run(1, "m9", branch("main")) },
			want{Exact, "m9", "m9", "", 0, 1, 0, ""}},
		{"squashed: the base is one commit, its runs are as any",
			func(w *world) {
				w.pushed()
				w.commit("s", 12, "m9")
				w.commit("h", 13, "s")
				w.tip = id("s")
				w.run(1, "s")
			},
			want{Exact, "s", "s", "", 0, 1, 0, ""}},
		{"reverted: the same tree as an older commit is still another commit",
			func(w *world) {
				w.commit("r", 10, "m9")
				w.commit("t", 11, "r", "h")
				w.tip = id("r")
				w.facts.Head.Created = at(12)
				w.measure("m8")
			},
			want{Ancestor, "m8", "r", NoRun, 2, 0, 0, ""}},
		{"the head is on main: compared with itself",
			func(w *world) {
				w.pushed()
				w.facts.Head.HeadSHA = id("m7")
				w.run(1, "m7")
			},
			want{Exact, "m7", "m7", "", 0, 1, 0, ""}},
		{"an orphan head",
			func(w *world) { w.pushed(); w.commit("h", 9); w.measure("m9") },
			want{None, "", "", Unrelated, 0, 0, 0, "common history"}},
		{"the base is the first commit there is",
			func(w *world) {
				w.pushed()
				w.commit("h", 9, "m0")
				w.run(1, "m0", failed)
			},
			want{None, "", "m0", RunFailed, 0, 0, 1, "ended as failure"}},
		{"main merges with --no-ff: only first parents count",
			func(w *world) {
				w.commit("side", 8, "m7")
				w.commit("m9", 9, "m8", "side")
				w.run(1, "side")
				w.measure("side", "m7")
			},
			want{Ancestor, "m7", "m9", NoRun, 2, 0, 0, ""}},

		// Strategies.
		{"strategy merge_base where a merge was built is only about",
			func(w *world) { w.facts.Rules.Strategy = MergeBase; w.measure("m5", "m9") },
			want{Ancestor, "m5", "m9", ByStrategy, 0, 0, 0, "merge base"}},
		{"strategy merge_base where both are the same",
			func(w *world) {
				w.facts.Rules.Strategy = MergeBase
				w.commit("h", 9, "m9")
				w.measure("m9")
			},
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},
		{"strategy merge_base where the head was built",
			func(w *world) { w.pushed(); w.facts.Rules.Strategy = MergeBase; w.measure("m5") },
			want{Exact, "m5", "m5", "", 0, 0, 0, ""}},
		{"strategy first_parent where a merge was built",
			func(w *world) { w.facts.Rules.Strategy = FirstParent; w.measure("m9") },
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},
		{"strategy first_parent where the head was built",
			func(w *world) { w.pushed(); w.facts.Rules.Strategy = FirstParent; w.measure("m5") },
			want{Exact, "m5", "m5", "", 0, 0, 0, ""}},
		{"max_ancestors 0: exact or nothing",
			func(w *world) { w.facts.Rules.MaxAncestors = 0; w.run(1, "m9", failed); w.measure("m8") },
			want{None, "", "m9", RunFailed, 0, 0, 1, "ended as failure"}},
		{"max_ancestors 0 still waits",
			func(w *world) { w.facts.Rules.MaxAncestors = 0; w.run(1, "m9", running); w.measure("m8") },
			want{Wait, "", "m9", Running, 0, 0, 1, "still being built"}},

		// P2: a missing base is never "no change", and says which side is missing.
		{"main stopped reporting (bencherdev/bencher#482)",
			func(w *world) {},
			want{None, "", "m9", BaseStopped, 0, 0, 0, "has not built main"}},
		{"main did not stop where it only fails",
			func(w *world) { w.run(1, "m8", failed) },
			want{None, "", "m9", NoRun, 0, 0, 0, "no run"}},
		{"one commit without a run does not break the next ones (shakacode/react_on_rails#3146, shakacode/react_on_rails#3148, kernel-patches/vmtest#217)",
			func(w *world) { w.run(1, "m8") },
			want{Ancestor, "m8", "m9", NoRun, 1, 1, 0, "1 commit earlier"}},
		{"the first pull request that measures: nobody has a base (preactjs/compressed-size-action#100, molefrog/wouter#184, wKovacs64/hibp#150, contentful/forma-36#2183, withastro/starlight#45)",
			func(w *world) { w.run(1, "m9", absent); w.run(2, "m8", absent) },
			want{None, "", "m9", NoTarget, 0, 0, 1, "the base "}},
		{"the configuration did not exist at the base, but the side is named (encounter/decomp.dev#32)",
			func(w *world) { w.facts.Rules.MaxAncestors = 0; w.run(1, "m9", absent) },
			want{None, "", "m9", NoTarget, 0, 0, 1, "not this target"}},
		{"skipped by a filter on paths",
			func(w *world) { w.run(1, "m9", failed, func(r *Run) { r.Conclusion = "skipped" }); w.measure("m8") },
			want{Ancestor, "m8", "m9", RunFailed, 1, 0, 1, "skipped"}},
		{"the base was built and cannot be measured",
			func(w *world) { w.run(1, "m9", broken); w.run(2, "m8", failed) },
			want{None, "", "m9", NotMeasurable, 0, 0, 1, "no ELF image"}},

		// P3: expired, in progress, failed.
		{"the artifact has expired: an older one is named instead (powdr-labs/apc-optimizer#279, RumbleDB/rumble#1522)",
			func(w *world) { w.run(1, "m9", expired); w.run(2, "m7") },
			want{Ancestor, "m7", "m9", ExpiredBase, 2, 2, 1, "expired"}},
		{"the artifact has expired, but it was measured in time",
			func(w *world) { w.run(1, "m9", expired); w.measure("m9") },
			want{Exact, "m9", "m9", "", 0, 0, 0, ""}},
		{"all have expired",
			func(w *world) { w.run(1, "m9", expired); w.run(2, "m7", expired) },
			want{None, "", "m9", ExpiredBase, 0, 0, 1, "expired"}},
		{"a stale base is never taken for the exact one (powdr-labs/apc-optimizer#278, actualbudget/actual#8753)",
			func(w *world) { w.run(1, "m2"); w.run(2, "m9", failed); w.measure("m1") },
			want{None, "", "m9", RunFailed, 0, 0, 2, ""}},
		{"the base is being built (microsoft/python-environment-tools#516, cube-js/cube-ui-kit#1321, Comfy-Org/ComfyUI_frontend#13522)",
			func(w *world) { w.run(1, "m9", running); w.measure("m8") },
			want{Wait, "", "m9", Running, 0, 0, 1, "still being built by run 1"}},
		{"it waits in a queue",
			func(w *world) { w.run(1, "m9", running, func(r *Run) { r.Status = "queued" }) },
			want{Wait, "", "m9", Running, 0, 0, 1, ""}},
		{"it has been waited for long enough (ariakit/ariakit#5861)",
			func(w *world) { w.facts.FirstAsked = at(10); w.run(1, "m9", running); w.measure("m8") },
			want{Ancestor, "m8", "m9", Running, 1, 0, 1, "still being built"}},
		{"waiting is off",
			func(w *world) { w.facts.Rules.WaitForRunning = 0; w.run(1, "m9", running); w.measure("m8") },
			want{Ancestor, "m8", "m9", Running, 1, 0, 1, ""}},
		{"asked for in the future waits no longer than from now",
			func(w *world) { w.facts.FirstAsked = at(6000); w.run(1, "m9", running) },
			want{Wait, "", "m9", Running, 0, 0, 1, ""}},
		{"nobody waits for an ancestor",
			func(w *world) { w.run(1, "m9", failed); w.run(2, "m8", running); w.measure("m7") },
			want{Ancestor, "m7", "m9", RunFailed, 2, 0, 1, ""}},
		{"nobody waits for a commit that is not on main",
			func(w *world) {
				w.commit("n8", 12, "m7")
				w.tip = id("n8")
				w.run(1, "m9", running)
				w.measure("m7")
			},
			want{Ancestor, "m7", "m9", NotOnBase, 2, 0, 0, ""}},

		// Several runs of one commit.
		{"a failed run beside a successful one",
			func(w *world) { w.run(1, "m9"); w.run(2, "m9", failed, updated(40)) },
			want{Exact, "m9", "m9", "", 0, 1, 0, ""}},
		{"the newest success wins",
			func(w *world) { w.run(1, "m9", updated(40)); w.run(2, "m9", updated(45)); w.run(3, "m9", updated(35)) },
			want{Exact, "m9", "m9", "", 0, 2, 0, ""}},
		{"an old run, attempted again, is the newest",
			func(w *world) {
				w.run(1, "m9", failed)
				w.run(2, "m9", updated(40))
				w.run(1, "m9", attempt(2), updated(50))
			},
			want{Exact, "m9", "m9", "", 0, 1, 0, ""}},
		{"an attempt in progress does not undo an earlier success",
			func(w *world) { w.run(1, "m9"); w.run(1, "m9", attempt(2), running, updated(50)) },
			want{Exact, "m9", "m9", "", 0, 1, 0, ""}},
		{"an attempt in progress after an expired one is waited for",
			func(w *world) { w.run(1, "m9", expired); w.run(1, "m9", attempt(2), running, updated(50)) },
			want{Wait, "", "m9", Running, 0, 0, 1, ""}},
		{"the newest success has no artifact for the target, an older one has",
			func(w *world) { w.run(1, "m9"); w.run(2, "m9", absent, updated(50)) },
			want{Exact, "m9", "m9", "", 0, 1, 0, ""}},
		{"the newest has expired, an older one not (RumbleDB/rumble#1522)",
			func(w *world) { w.run(1, "m9"); w.run(2, "m9", expired, updated(50)) },
			want{Exact, "m9", "m9", "", 0, 1, 0, ""}},
		{"the same attempt listed twice, before and after its end",
			func(w *world) { w.run(1, "m9", failed, updated(50)); w.run(1, "m9", running); w.measure("m8") },
			want{Ancestor, "m8", "m9", RunFailed, 1, 0, 1, ""}},
		{"nightly and started by hand",
			func(w *world) { w.run(1, "m9", event("schedule")); w.run(2, "m8", event("workflow_dispatch")) },
			want{Exact, "m9", "m9", "", 0, 1, 0, ""}},

		// Who built it.
		{"a fork's run with the same SHA",
			func(w *world) { w.run(1, "m9", fork); w.measure("m8") },
			want{Ancestor, "m8", "m9", NoRun, 1, 0, 0, ""}},
		{"a fork's run beside ours",
			func(w *world) { w.run(1, "m9", fork, updated(50)); w.run(2, "m9") },
			want{Exact, "m9", "m9", "", 0, 2, 0, ""}},
		{"a deleted fork's run",
			func(w *world) { w.run(1, "m9", func(r *Run) { r.HeadRepoID = 0 }); w.measure("m8") },
			want{Ancestor, "m8", "m9", NoRun, 1, 0, 0, ""}},
		{"another workflow with the same name",
			func(w *world) {
				w.run(1, "m9", func(r *Run) { r.Path = ".github/workflows/kernel2.yml" })
				w.measure("m8")
			},
			want{Ancestor, "m8", "m9", NoRun, 1, 0, 0, ""}},
		{"the workflow's path with a ref",
			func(w *world) { w.run(1, "m9", func(r *Run) { r.Path = kernel + "@refs/heads/main" }) },
			want{Exact, "m9", "m9", "", 0, 1, 0, ""}},
		{"the repository file narrows the events",
			func(w *world) {
				w.facts.Rules.Events = []string{"push", "pull_request"}
				w.run(1, "m9", event("schedule"))
				w.run(2, "m8", event("pull_request"))
				w.run(3, "m7")
			},
			want{Ancestor, "m7", "m9", NoRun, 2, 3, 0, ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			test.set(w)
			f := w.facts
			d, err := Find(context.Background(), &f, w.answer)
			if err != nil {
				t.Fatal(err)
			}
			show := func() string { return "\n  " + strings.Join(d.Steps, "\n  ") }
			name := func(sha string) string {
				if sha == "" {
					return ""
				}
				return id(sha)
			}
			got := want{d.Kind, d.SHA, d.ExactSHA, d.Cause, d.AncestorsBack, d.RunID, d.CauseRun, test.want.says}
			expect := test.want
			expect.sha, expect.exact = name(expect.sha), name(expect.exact)
			if got != expect {
				t.Errorf("got  %+v\nwant %+v\nreason: %s%s", got, expect, d.Reason, show())
			}
			if !strings.Contains(d.Reason, test.want.says) || d.Reason == "" || strings.Contains(d.Reason, "\n") {
				t.Errorf("reason %q does not say %q%s", d.Reason, test.want.says, show())
			}
			if (d.Remedy == "") != (d.Kind == Exact) {
				t.Errorf("%s with remedy %q", d.Kind, d.Remedy)
			}
			if (d.SHA != "") != (d.Kind == Exact || d.Kind == Ancestor) || d.Measured == (d.RunID != 0) && d.SHA != "" || (d.ArtifactID == 10*d.RunID) != true {
				t.Errorf("inconsistent: %+v", d)
			}
			if (d.Kind == Wait) != !d.WaitUntil.IsZero() || d.Kind == Wait && (d.WaitUntil.Before(f.Now) || d.WaitUntil.After(f.Now.Add(f.Rules.WaitForRunning))) {
				t.Errorf("waits until %s", d.WaitUntil)
			}
			if len(d.Steps) == 0 {
				t.Error("no steps")
			}
		})
	}
}

// stack puts the pull request onto another one, feat-a with a1 and a2 above m5.
func (w *world) stack() {
	w.commit("a1", 6, "m5")
	w.commit("a2", 7, "a1")
	w.commit("h", 8, "a2")
	w.commit("t", 10, "a2", "h")
	w.tip, w.facts.BaseRef = id("a2"), "feat-a"
}

// What people are shown for one ordinary and one difficult case, as a whole.
func TestSteps(t *testing.T) {
	w := newWorld()
	w.run(1, "m9", fork)
	w.run(2, "m9", failed)
	w.run(3, "m8", expired)
	w.run(4, "m7")
	f := w.facts
	d, err := Find(context.Background(), &f, w.answer)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(append(d.Steps, d.Reason, d.Remedy), "\n")
	for i := range 10 {
		got = strings.ReplaceAll(got, short(id(fmt.Sprintf("m%d", i))), fmt.Sprintf("m%d", i))
	}
	got = strings.NewReplacer(short(id("h")), "h", short(id("t")), "t").Replace(got)
	want := `run 9000 of event pull_request built a merge of main and the head h
the test merge t has the parents m9 and h and was the current one when the run began
the exact base is m9, the first parent of t
m9: run 1 is not used: its commit comes from a fork
m9: was not built: run 2 ended as failure
m8: was never measured, and the artifact of run 3 has expired
m7: not measured; run 4 of event push has an artifact
taken: m7, which is not the exact base
the base m9 was not built: run 2 ended as failure; compared with m7, 2 commits earlier on the first-parent line
re-run 2, or rebase once main builds again`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// Ancestors are not asked for while the exact base may still do, and artifacts only of runs that are needed.
func TestAsksOnlyWhatItNeeds(t *testing.T) {
	w := newWorld()
	w.run(1, "m9")
	f := w.facts
	if _, err := Find(context.Background(), &f, w.answer); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range w.asked {
		got = append(got, fmt.Sprintf("%s %d", n.Ask, len(n.SHAs)+len(n.Runs)))
	}
	want := []string{"commits 1", "on_base 1", "measured 1", "runs 1", "artifacts 1"}
	if !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

func TestUnansweredStaysUndecided(t *testing.T) {
	for _, ask := range []Ask{AskCommits, AskFirstParents, AskOnBase, AskMergeBase, AskBaseTip, AskRuns, AskMeasured, AskArtifacts} {
		w := newWorld()
		w.run(1, "m9", expired)
		switch ask {
		case AskMergeBase:
			w.pushed()
		case AskBaseTip:
			w.facts.TestMerges = nil
		}
		w.refuse[ask] = true
		f := w.facts
		d, err := Find(context.Background(), &f, w.answer)
		if err != nil || d.Kind != None || d.Cause != Undecided || d.SHA != "" {
			t.Errorf("without an answer to %s: %+v, error %v", ask, d, err)
		}
	}
}

func TestFindReturnsErrors(t *testing.T) {
	w := newWorld()
	f := w.facts
	gone := errors.New("connection refused")
	_, err := Find(context.Background(), &f, func(context.Context, Need, *Facts) error { return gone })
	if !errors.Is(err, gone) || !strings.Contains(err.Error(), "commits") {
		t.Errorf("error %v", err)
	}
}

func TestTrusted(t *testing.T) {
	good := Run{Event: "push", HeadBranch: "main", Path: kernel, RepoID: ourRepo, HeadRepoID: ourRepo}
	if ok, why := Trusted(good, ourRepo, kernel, Rules{}); !ok || why != "" {
		t.Errorf("an ordinary run: %t %q", ok, why)
	}
	for _, event := range []string{"pull_request", "pull_request_target", "workflow_run", "repository_dispatch", "issue_comment", "release", ""} {
		run := good
		run.Event = event
		if ok, why := Trusted(run, ourRepo, kernel, Rules{Events: []string{event}}); ok || why == "" {
			t.Errorf("event %q is trusted", event)
		}
	}
	unknown := good
	unknown.RepoID, unknown.HeadRepoID = 0, 0
	if ok, _ := Trusted(unknown, 0, kernel, Rules{}); ok {
		t.Error("repository 0 is trusted")
	}
	pathless := good
	pathless.Path = ""
	if ok, _ := Trusted(pathless, ourRepo, "", Rules{}); ok {
		t.Error("a run without a workflow is trusted")
	}
}

func TestBranchOf(t *testing.T) {
	for _, test := range []struct{ event, branch, want string }{
		{"merge_group", "gh-readonly-queue/main/pr-7-abc", "main"},
		{"merge_group", "gh-readonly-queue/stable/6.18/pr-7-abc", "stable/6.18"},
		{"push", "gh-readonly-queue/main/pr-7-abc", "gh-readonly-queue/main/pr-7-abc"},
		{"merge_group", "gh-readonly-queue/", "gh-readonly-queue/"},
		{"push", "main", "main"},
	} {
		if got := branchOf(Run{Event: test.event, HeadBranch: test.branch}); got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}
