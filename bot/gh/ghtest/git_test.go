package ghtest

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

// TestCompare checks against the definition, on random histories: a merge base is a common ancestor that no other common
// ancestor was made from.
func TestCompare(t *testing.T) {
	w := newWorld(t, nil)
	c, ctx := w.client(""), context.Background()
	random := rand.New(rand.NewSource(1))
	parents := map[string][]string{}
	shas := []string{w.Branch(w.repo, "main")}
	for range 30 {
		var of []string
		for range 1 + random.Intn(2) {
			if p := shas[max(0, len(shas)-1-random.Intn(5))]; len(of) == 0 || of[0] != p {
				of = append(of, p)
			}
		}
		sha := w.AddCommit(w.repo, Commit{Parents: of})
		parents[sha], shas = of, append(shas, sha)
	}
	var reach func(sha string, into map[string]bool) map[string]bool
	reach = func(sha string, into map[string]bool) map[string]bool {
		into[sha] = true
		for _, p := range parents[sha] {
			reach(p, into)
		}
		return into
	}
	for range 60 {
		a, b := shas[random.Intn(len(shas))], shas[random.Intn(len(shas))]
		ofA, ofB := reach(a, map[string]bool{}), reach(b, map[string]bool{})
		ahead, behind := 0, 0
		best := map[string]bool{}
		for sha := range ofB {
			if !ofA[sha] {
				ahead++
			} else {
				best[sha] = true
			}
		}
		for sha := range ofA {
			if !ofB[sha] {
				behind++
			}
		}
		for sha := range ofA {
			if ofB[sha] {
				for older := range reach(sha, map[string]bool{}) {
					if older != sha {
						delete(best, older)
					}
				}
			}
		}
		status := map[[2]bool]string{{true, true}: "diverged", {true, false}: "ahead", {false, true}: "behind", {false, false}: "identical"}[[2]bool{ahead > 0, behind > 0}]
		got := must[*github.CommitsComparison](t)(c.Repositories.CompareCommits(ctx, "acme", "linux", a, b, &github.ListOptions{PerPage: 100}))
		if got.GetStatus() != status || got.GetAheadBy() != ahead || got.GetBehindBy() != behind || !best[got.GetMergeBaseCommit().GetSHA()] ||
			len(got.Commits) != ahead || got.GetTotalCommits() != ahead {
			t.Errorf("%.7s...%.7s: %s +%d -%d base %.7s; want %s +%d -%d, one of %v", a, b, got.GetStatus(), got.GetAheadBy(), got.GetBehindBy(),
				got.GetMergeBaseCommit().GetSHA(), status, ahead, behind, best)
		}
	}
	token := w.token("")
	orphan := w.AddCommit(w.repo, Commit{Parents: []string{}})
	for path, want := range map[string]string{"main..." + orphan: "No common ancestor", "main...none": "Not Found", "main": "Not Found", "none...main": "Not Found"} {
		if a := w.do("GET", "/repos/acme/linux/compare/"+path, token, ""); a.StatusCode != 404 || !strings.Contains(a.text, want) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.text)
		}
	}
}

func TestTestMerge(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MergeableAfter = 1 })
	c, ctx := w.client(""), context.Background()
	n := w.OpenPull(w.repo, Pull{Branch: "topic", Files: map[string]string{"new": "1"}})
	get := func() *github.PullRequest {
		return must[*github.PullRequest](t)(c.PullRequests.Get(ctx, "acme", "linux", n))
	}
	parents := func(p *github.PullRequest) string {
		commit := must[*github.Commit](t)(c.Git.GetCommit(ctx, "acme", "linux", p.GetMergeCommitSHA()))
		return commit.Parents[0].GetSHA() + " " + commit.Parents[1].GetSHA()
	}
	first := get()
	if first.Mergeable != nil || first.MergeCommitSHA != nil || first.GetMergeableState() != "unknown" {
		t.Errorf("first answer: mergeable %v, merge commit %v", first.Mergeable, first.MergeCommitSHA)
	}
	p := get()
	if !p.GetMergeable() || parents(p) != w.Branch(w.repo, "main")+" "+p.GetHead().GetSHA() {
		t.Errorf("mergeable %v, merge of %s", p.Mergeable, parents(p))
	}
	ref, _, err := c.Git.GetRef(ctx, "acme", "linux", fmt.Sprintf("pull/%d/merge", n))
	if err != nil || ref.GetObject().GetSHA() != p.GetMergeCommitSHA() {
		t.Errorf("refs/pull/%d/merge: %v %v", n, ref, err)
	}
	for _, path := range []string{"new", "README"} {
		if _, _, _, err := c.Repositories.GetContents(ctx, "acme", "linux", path, &github.RepositoryContentGetOptions{Ref: p.GetMergeCommitSHA()}); err != nil {
			t.Errorf("%s in the merge: %v", path, err)
		}
	}
	for what, move := range map[string]func(){
		"head": func() { w.PushHead(w.repo, n, Commit{}) },
		"base": func() { w.AddCommit(w.repo, Commit{Branch: "main"}) },
	} {
		old := get().GetMergeCommitSHA()
		base := get().GetBase().GetSHA()
		move()
		if p := get(); p.Mergeable != nil || p.GetMergeCommitSHA() != old {
			t.Errorf("%s moved: mergeable %v, merge commit %s, was %s", what, p.Mergeable, p.GetMergeCommitSHA(), old)
		}
		p := get()
		if p.GetMergeCommitSHA() == old || parents(p) != w.Branch(w.repo, "main")+" "+w.Branch(w.repo, "topic") {
			t.Errorf("%s moved: still the old merge", what)
		}
		if what == "base" && p.GetBase().GetSHA() != base {
			t.Error("base.sha follows the branch; on GitHub it stays what it was at the last push")
		}
	}
	w.SetConflict(w.repo, n, true)
	get()
	if p := get(); p.GetMergeable() || p.Mergeable == nil || p.GetMergeableState() != "dirty" || p.MergeCommitSHA != nil {
		t.Errorf("conflict: %v %v", p.Mergeable, p.GetMergeCommitSHA())
	}
	w.SetConflict(w.repo, n, false)
	if sha := w.TestMerge(w.repo, n); sha == "" || get().GetMergeCommitSHA() != sha {
		t.Errorf("test merge %q", sha)
	}
	tip := w.MergePull(w.repo, n, true)
	if p := get(); !p.GetMerged() || p.GetState() != "closed" || p.GetMergeCommitSHA() != tip || tip != w.Branch(w.repo, "main") || p.Mergeable != nil {
		t.Errorf("merged: %+v", p)
	}
}

func TestContents(t *testing.T) {
	big := strings.Repeat("x", 1<<20+1)
	w := newWorld(t, nil)
	w.AddCommit(w.repo, Commit{Branch: "main", Files: map[string]string{".github/oxidometer.yml": "version: 1\n", "a/b/c": "1", "a/d": "2", "big": big, "empty": "", "ü ber/ä": "3"}})
	c, ctx := w.client(""), context.Background()
	_, dir, _, err := c.Repositories.GetContents(ctx, "acme", "linux", "a", nil)
	if err != nil || len(dir) != 2 || dir[0].GetType() != "dir" || dir[0].GetPath() != "a/b" || dir[1].GetType() != "file" || dir[1].GetSize() != 1 {
		t.Errorf("%v %v", dir, err)
	}
	for path, want := range map[string]string{".github/oxidometer.yml": "version: 1\n", "empty": "", "ü ber/ä": "3"} {
		file, _, _, err := c.Repositories.GetContents(ctx, "acme", "linux", path, &github.RepositoryContentGetOptions{Ref: "main"})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if text, err := file.GetContent(); err != nil || text != want || file.GetSHA() != blobSHA(want) {
			t.Errorf("%s: %q %v", path, text, err)
		}
	}
	if file, _, _, err := c.Repositories.GetContents(ctx, "acme", "linux", "big", nil); err != nil || file.GetEncoding() != "none" || file.GetSize() != len(big) {
		t.Errorf("large file: %v", err)
	}
	token := w.token("")
	for _, accept := range []string{"application/vnd.github.raw+json", "application/vnd.github.raw", "application/vnd.github.v3.raw"} {
		if a := w.do("GET", "/repos/acme/linux/contents/big", token, "", "Accept", accept); a.text != big || !strings.Contains(a.Header.Get("Content-Type"), "raw") {
			t.Errorf("%s: %d bytes, %s", accept, len(a.text), a.Header.Get("Content-Type"))
		}
	}
	for path, want := range map[string]string{"none": "Not Found", "a/none": "Not Found", "a?ref=none": "No commit found for the ref none", "a?ref=" + noSHA: "No commit found"} {
		if a := w.do("GET", "/repos/acme/linux/contents/"+path, token, ""); a.StatusCode != 404 || !strings.Contains(a.text, want) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.text)
		}
	}
	// Known to git: the empty blob.
	if blobSHA("") != "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" {
		t.Error(blobSHA(""))
	}
}

func TestRefs(t *testing.T) {
	w := newWorld(t, nil)
	sha := w.AddCommit(w.repo, Commit{Branch: "feature/x", Message: "one\n\ntwo"})
	c, ctx := w.client(""), context.Background()
	for _, ref := range []string{"feature/x", "heads/feature/x", sha, sha[:10]} {
		got := must[*github.RepositoryCommit](t)(c.Repositories.GetCommit(ctx, "acme", "linux", ref, nil))
		if got.GetSHA() != sha || got.GetCommit().GetMessage() != "one\n\ntwo" {
			t.Errorf("%s: %s", ref, got.GetSHA())
		}
	}
	if one, _, err := c.Repositories.GetCommitSHA1(ctx, "acme", "linux", "feature/x", ""); err != nil || one != sha {
		t.Errorf("as a SHA: %s %v", one, err)
	}
	if b := must[*github.Branch](t)(c.Repositories.GetBranch(ctx, "acme", "linux", "feature/x", 0)); b.GetCommit().GetSHA() != sha {
		t.Errorf("%+v", b)
	}
	if refs := must[[]*github.Reference](t)(c.Git.ListMatchingRefs(ctx, "acme", "linux", &github.ReferenceListOptions{Ref: "heads/feature"})); len(refs) != 1 {
		t.Errorf("%v", refs)
	}
	must[*github.ListCheckRunsResults](t)(c.Checks.ListCheckRunsForRef(ctx, "acme", "linux", "feature/x", nil))
	w.SetBranch(w.repo, "feature/x", "")
	if _, _, err := c.Repositories.GetBranch(ctx, "acme", "linux", "feature/x", 0); err == nil {
		t.Error("the branch is still there")
	}
}

// TestDeterministic: two servers that are told the same things answer the same.
func TestDeterministic(t *testing.T) {
	build := func() string {
		w := newWorld(t, nil)
		n := w.OpenPull(w.repo, Pull{Branch: "topic", Files: map[string]string{"b": "1"}})
		w.AddRun(w.repo, Run{Pull: n, Conclusion: "success"})
		w.TestMerge(w.repo, n)
		v, _ := w.PullView(w.repo, n)
		return fmt.Sprintf("%+v", v)
	}
	if a, b := build(), build(); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}
