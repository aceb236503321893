package gh

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// world is a ghtest server with one repository, a fork, and our client.
type world struct {
	*ghtest.Server
	app  *App
	c    *Client
	inst int64
	r    *ghtest.Repo
	repo Repo
	url  string
}

func newWorld(t *testing.T, change ...func(*ghtest.Options)) *world {
	t.Helper()
	o := ghtest.Options{AppID: testApp, PEM: testKey(), PageSize: 7, T: t}
	for _, c := range change {
		c(&o)
	}
	s := ghtest.New(o)
	url, stop := s.Start()
	t.Cleanup(stop)
	app, err := New(Options{BaseURL: url + "/api/v3/", AppID: testApp, Key: testKey()})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Server: s, app: app, url: url}
	w.inst = s.AddInstallation("rust-kernel")
	w.r = s.AddRepo(ghtest.RepoOptions{Owner: "rust-kernel", Name: "linux", DefaultBranch: "rust-next", Installation: w.inst,
		Files: map[string]string{".github/oxidometer.yml": "version: 1\n"}})
	w.c = app.Installation(w.inst)
	w.repo = Repo{ID: w.r.ID, Owner: "rust-kernel", Name: "linux", DefaultBranch: "rust-next", Installation: w.inst}
	return w
}

// calls counts requests to the API by method and a part of the path.
func (w *world) calls(method, part string) int {
	n := 0
	for _, c := range w.Calls() {
		if c.Method == method && strings.Contains(c.Path, part) {
			n++
		}
	}
	return n
}

func equal(t *testing.T, what string, want, got any, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestAppAndInstallations(t *testing.T) {
	w := newWorld(t)
	slug, id, permissions, events, err := w.app.Slug(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"metadata": "read", "actions": "read", "contents": "read", "pull_requests": "write", "checks": "write"}
	equal(t, "permissions", want, permissions)
	equal(t, "permissions needed", want, Permissions())
	if slug != "oxidometer" || id != testApp || len(events) == 0 {
		t.Errorf("slug %q, id %d, events %v", slug, id, events)
	}
	var list []Installation
	list = append(list, Installation{ID: w.inst, Account: "rust-kernel"})
	for i := range 9 { // more than a page
		in := Installation{ID: w.AddInstallation(fmt.Sprintf("org%d", i)), Account: fmt.Sprintf("org%d", i)}
		if in.Suspended = i == 4; in.Suspended {
			w.Suspend(in.ID, true)
		}
		list = append(list, in)
	}
	equal(t, "installations", list, must[[]Installation](t)(w.app.Installations(t.Context())))
}

func TestRepositories(t *testing.T) {
	w := newWorld(t)
	equal(t, "repository", w.repo, must[Repo](t)(w.c.Repository(t.Context(), w.r.ID)))
	want := []string{"rust-kernel/linux"}
	for i := range 10 {
		name := fmt.Sprintf("r%d", i)
		w.AddRepo(ghtest.RepoOptions{Owner: "rust-kernel", Name: name, Installation: w.inst, Private: i == 1})
		want = append(want, "rust-kernel/"+name)
	}
	var got []string
	for _, r := range must[[]Repo](t)(w.c.Repositories(t.Context())) {
		got = append(got, r.String())
		if r.Installation != w.inst || r.ID == 0 || r.Private != (r.Name == "r1") {
			t.Errorf("%+v", r)
		}
	}
	equal(t, "names", want, got)

	w.Rename(w.r, "kernel")
	w.Archive(w.r, true)
	moved := must[Repo](t)(w.c.Repository(t.Context(), w.r.ID))
	if moved.String() != "rust-kernel/kernel" || !moved.Archived {
		t.Errorf("%+v", moved)
	}
	if text, err := w.c.File(t.Context(), w.repo, ".github/oxidometer.yml", "rust-next"); err != nil || string(text) != "version: 1\n" {
		t.Errorf("file of a renamed repository: %q, %v", text, err)
	}
	_, err := w.c.Repository(t.Context(), 424242)
	if wantClass(t, err, ClassNotFound); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestFile(t *testing.T) {
	w := newWorld(t)
	text := strings.Repeat("a line of it\n", 1000)
	sha := w.AddCommit(w.r, ghtest.Commit{Branch: "rust-next", Files: map[string]string{"dir/a b#c?.yml": text}})
	for _, ref := range []string{"rust-next", sha, ""} {
		if got, err := w.c.File(t.Context(), w.repo, "dir/a b#c?.yml", ref); err != nil || string(got) != text {
			t.Errorf("at %q: %d bytes, %v", ref, len(got), err)
		}
	}
	_, err := w.c.File(t.Context(), w.repo, "none.yml", "rust-next")
	wantClass(t, err, ClassNotFound)
	_, err = w.c.File(t.Context(), w.repo, "dir", "rust-next")
	wantClass(t, err, ClassPermanent)
	// The repository file at the head of a fork's pull request, through the repository that it wants to be merged to.
	fork := w.AddFork(w.r, "dev")
	n := w.OpenPull(w.r, ghtest.Pull{Head: fork, Branch: "config", Files: map[string]string{".github/oxidometer.yml": "version: 2\n"}})
	head := must[PullRequest](t)(w.c.PullRequest(t.Context(), w.repo, n)).HeadSHA
	for _, ref := range []string{head, fmt.Sprintf("refs/pull/%d/head", n)} {
		if got, err := w.c.File(t.Context(), w.repo, ".github/oxidometer.yml", ref); err != nil || string(got) != "version: 2\n" {
			t.Errorf("at %q: %q, %v", ref, got, err)
		}
	}
	w.DeleteRepo(fork)
	if got, err := w.c.File(t.Context(), w.repo, ".github/oxidometer.yml", head); err != nil || string(got) != "version: 2\n" {
		t.Errorf("after the fork was deleted: %q, %v", got, err)
	}
	for _, path := range []string{"", "/x", "a/../b", "..", "a//b", "./a"} {
		_, err = w.c.File(t.Context(), w.repo, path, "rust-next")
		wantClass(t, err, ClassPermanent)
	}
}

func TestPullRequests(t *testing.T) {
	w := newWorld(t)
	fork := w.AddFork(w.r, "dev")
	n := w.OpenPull(w.r, ghtest.Pull{Head: fork, Branch: "binder/a+b", Title: "rust: binder", Body: "Reverts rust-kernel/linux#7", Draft: true, Labels: []string{"rust", "size"},
		Files: map[string]string{"x": "1"}})
	head := w.Branch(fork, "binder/a+b")
	base := w.Branch(w.r, "rust-next")
	p := must[PullRequest](t)(w.c.PullRequest(t.Context(), w.repo, n))
	if p.MergeCommitSHA == "" || p.UpdatedAt.IsZero() {
		t.Errorf("%+v", p)
	}
	if p.AuthorID == 0 {
		t.Error("the author has no id")
	}
	p.MergeCommitSHA, p.UpdatedAt, p.AuthorID = "", time.Time{}, 0
	equal(t, "pull request", PullRequest{
		Number: n, State: "open", Draft: true, Title: "rust: binder", Body: "Reverts rust-kernel/linux#7", Author: "dev", HeadSHA: head, HeadRef: "binder/a+b", HeadRepoID: fork.ID,
		HeadOwner: "dev", BaseRef: "rust-next", BaseSHA: base, Labels: []string{"rust", "size"},
	}, p)

	of := func(owner, branch, sha string, id int64) (numbers []int) {
		t.Helper()
		for _, p := range must[[]PullRequest](t)(w.c.PullRequestsOfHead(t.Context(), w.repo, owner, branch, sha, id)) {
			numbers = append(numbers, p.Number)
		}
		return numbers
	}
	equal(t, "of head", []int{n}, of("dev", "binder/a+b", head, fork.ID))
	equal(t, "of another commit", []int(nil), of("dev", "binder/a+b", base, fork.ID))
	equal(t, "of another repository", []int(nil), of("dev", "binder/a+b", head, w.r.ID))
	equal(t, "of another owner", []int(nil), of("rust-kernel", "binder/a+b", head, fork.ID))
	_, err := w.c.PullRequestsOfHead(t.Context(), w.repo, "", "", head, 0)
	wantClass(t, err, ClassPermanent)

	want := map[int]bool{n: true}
	for i := range 15 {
		want[w.OpenPull(w.r, ghtest.Pull{Branch: fmt.Sprintf("b%d", i), Files: map[string]string{"y": fmt.Sprint(i)}})] = true
	}
	w.ClosePull(w.r, n+1)
	delete(want, n+1)
	got := map[int]bool{}
	for _, p := range must[[]PullRequest](t)(w.c.OpenPullRequests(t.Context(), w.repo)) {
		got[p.Number] = true
	}
	equal(t, "open", want, got)

	w.DeleteRepo(fork)
	p = must[PullRequest](t)(w.c.PullRequest(t.Context(), w.repo, n))
	if p.HeadRepoID != 0 || p.HeadSHA != head || p.HeadOwner != "dev" {
		t.Errorf("after the fork was deleted: %+v", p)
	}
	_, err = w.c.PullRequest(t.Context(), w.repo, 999)
	wantClass(t, err, ClassNotFound)
}

func TestPullCommitsAndFiles(t *testing.T) {
	w := newWorld(t, func(o *ghtest.Options) { o.PageSize = 0 })
	w.AddCommit(w.r, ghtest.Commit{Branch: "rust-next", Files: map[string]string{"a.rs": "1", "b.rs": "2", "c.rs": "3"}})
	fork := w.AddFork(w.r, "dev")
	n := w.OpenPull(w.r, ghtest.Pull{Head: fork, Branch: "b", Message: "first", Files: map[string]string{".github/oxidometer.yml": "version: 2\n"}})
	base := w.Branch(w.r, "rust-next")
	w.PushHead(w.r, n, ghtest.Commit{Message: "second\n\nSize-Justification: tables", Files: map[string]string{"a.rs": "x", "d/b.rs": "2"}, Remove: []string{"b.rs", "c.rs"}})
	files, all, err := w.c.PullFiles(t.Context(), w.repo, n)
	if err != nil || !all {
		t.Error(all, err)
	}
	equal(t, "files", []File{
		{".github/oxidometer.yml", "", "modified"}, {"a.rs", "", "modified"}, {"c.rs", "", "removed"}, {"d/b.rs", "b.rs", "renamed"},
	}, files)
	commits := must[[]Commit](t)(w.c.PullCommits(t.Context(), w.repo, n))
	if len(commits) != 2 || commits[0].Message != "first" || !slices.Equal(commits[0].Parents, []string{base}) || len(commits[0].Tree) != 40 ||
		commits[1].SHA != w.Branch(fork, "b") || commits[1].Message != "second\n\nSize-Justification: tables" {
		t.Errorf("%+v", commits)
	}
	equal(t, "the head's commit", must[Commit](t)(w.c.Commit(t.Context(), w.repo, commits[1].SHA)), commits[1])

	many := map[string]string{}
	for i := range 3001 {
		many[fmt.Sprint("m", i)] = fmt.Sprint(i)
	}
	w.PushHead(w.r, n, ghtest.Commit{Files: many})
	w.ResetCalls()
	if files, all, err = w.c.PullFiles(t.Context(), w.repo, n); err != nil || all || len(files) != 3000 || w.calls("GET", "/files") != 30 {
		t.Errorf("%d files, all %v, in %d requests, %v", len(files), all, w.calls("GET", "/files"), err)
	}
	for i := range 260 {
		w.PushHead(w.r, n, ghtest.Commit{Message: fmt.Sprint("commit ", i)})
	}
	if commits = must[[]Commit](t)(w.c.PullCommits(t.Context(), w.repo, n)); len(commits) != 250 || commits[0].Message != "first" {
		t.Errorf("%d commits", len(commits))
	}
	_, _, err = w.c.PullFiles(t.Context(), w.repo, 999)
	wantClass(t, err, ClassNotFound)
	_, err = w.c.PullCommits(t.Context(), w.repo, 999)
	wantClass(t, err, ClassNotFound)
}

func TestCommits(t *testing.T) {
	w := newWorld(t)
	root := w.Branch(w.r, "rust-next")
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	main1 := w.AddCommit(w.r, ghtest.Commit{Branch: "rust-next", Message: "main 1", Date: at, Files: map[string]string{"m": "1"}})
	side := w.AddCommit(w.r, ghtest.Commit{Branch: "feature/x", Parents: []string{root}, Message: "side", Date: at.Add(time.Minute), Files: map[string]string{"s": "1"}})
	merge := w.AddCommit(w.r, ghtest.Commit{Branch: "rust-next", Parents: []string{main1, side}, Message: "merge", Date: at.Add(time.Hour)})

	got := must[Commit](t)(w.c.Commit(t.Context(), w.repo, merge))
	if len(got.Tree) != 40 {
		t.Errorf("tree is %q", got.Tree)
	}
	got.Tree = ""
	equal(t, "commit", Commit{SHA: merge, Parents: []string{main1, side}, Message: "merge", Date: at.Add(time.Hour)}, got)
	_, err := w.c.Commit(t.Context(), w.repo, sha1st)
	wantClass(t, err, ClassNotFound)
	_, err = w.c.Commit(t.Context(), w.repo, "../../user")
	wantClass(t, err, ClassPermanent)

	base := must[string](t)
	equal(t, "merge base of commits", root, base(w.c.MergeBase(t.Context(), w.repo, main1, side)))
	equal(t, "merge base of branches", side, base(w.c.MergeBase(t.Context(), w.repo, "rust-next", "feature/x")))
	_, err = w.c.MergeBase(t.Context(), w.repo, "rust-next", sha1st)
	wantClass(t, err, ClassNotFound)

	newer := w.AddCommit(w.r, ghtest.Commit{Branch: "feature/x", Message: "newer", Files: map[string]string{"s": "2"}})
	for _, tt := range []struct {
		branch, sha string
		want        bool
	}{
		{"rust-next", merge, true}, {"rust-next", main1, true}, {"rust-next", side, true}, {"rust-next", root, true},
		{"rust-next", newer, false}, {"feature/x", newer, true}, {"feature/x", merge, false},
	} {
		if got := must[bool](t)(w.c.Contains(t.Context(), w.repo, tt.branch, tt.sha)); got != tt.want {
			t.Errorf("%s contains %s: %v", tt.branch, tt.sha, got)
		}
	}
	chain := func(sha string, n int) (shas []string) {
		for _, c := range must[[]Commit](t)(w.c.FirstParents(t.Context(), w.repo, sha, n)) {
			shas = append(shas, c.SHA)
		}
		return shas
	}
	equal(t, "first parents", []string{merge, main1, root}, chain(merge, 10))
	equal(t, "two of them", []string{merge, main1}, chain(merge, 2))
	equal(t, "none of them", []string(nil), chain(merge, 0))
}

// TestFirstParentsOverMerges has more commits on side branches than a page holds.
func TestFirstParentsOverMerges(t *testing.T) {
	w := newWorld(t)
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	tip := w.Branch(w.r, "rust-next")
	want := []string{tip}
	for i := range 12 {
		old := want[max(0, len(want)-3)]
		side := old
		for j := range 9 {
			at = at.Add(time.Minute)
			side = w.AddCommit(w.r, ghtest.Commit{Parents: []string{side}, Date: at, Message: fmt.Sprint("side ", i, j)})
		}
		at = at.Add(time.Minute)
		tip = w.AddCommit(w.r, ghtest.Commit{Parents: []string{tip, side}, Date: at, Message: fmt.Sprint("merge ", i)})
		want = append(want, tip)
	}
	var got []string
	for _, c := range must[[]Commit](t)(w.c.FirstParents(t.Context(), w.repo, tip, 100)) {
		got = append([]string{c.SHA}, got...)
	}
	equal(t, "first parents", want, got)
}

func TestRuns(t *testing.T) {
	w := newWorld(t)
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	fork := w.AddFork(w.r, "dev")
	n := w.OpenPull(w.r, ghtest.Pull{Head: fork, Branch: "binder", Files: map[string]string{"x": "1"}})
	pr := w.AddRun(w.r, ghtest.Run{Pull: n, Created: at, Conclusion: "success"})
	var pushes []int64
	for i := range 20 {
		pushes = append([]int64{w.AddRun(w.r, ghtest.Run{Created: at.Add(time.Duration(i+1) * time.Minute)})}, pushes...)
	}
	other := w.AddRun(w.r, ghtest.Run{Workflow: ".github/workflows/docs.yml", Created: at.Add(time.Hour), Conclusion: "failure"})

	r := must[Run](t)(w.c.RunByID(t.Context(), w.repo, pr))
	if r.URL == "" || r.UpdatedAt.IsZero() || r.Name == "" {
		t.Errorf("%+v", r)
	}
	r.URL, r.UpdatedAt, r.Name = "", time.Time{}, ""
	equal(t, "run", Run{
		ID: pr, Attempt: 1, Event: "pull_request", Status: "completed", Conclusion: "success", HeadSHA: w.Branch(fork, "binder"), HeadBranch: "binder",
		Path: ".github/workflows/kernel.yml", RepoID: w.r.ID, HeadRepoID: fork.ID, CreatedAt: at,
	}, r)
	_, err := w.c.RunByID(t.Context(), w.repo, 424242)
	wantClass(t, err, ClassNotFound)

	for _, tt := range []struct {
		filter RunFilter
		want   []int64
	}{
		{RunFilter{}, append(append([]int64{other}, pushes...), pr)},
		{RunFilter{WorkflowFile: "kernel.yml"}, append(pushes[:len(pushes):len(pushes)], pr)},
		{RunFilter{Event: "pull_request"}, []int64{pr}},
		{RunFilter{HeadSHA: w.Branch(fork, "binder")}, []int64{pr}},
		{RunFilter{Branch: "binder"}, []int64{pr}},
		{RunFilter{Status: "failure"}, []int64{other}},
		{RunFilter{Event: "push", WorkflowFile: "kernel.yml", Limit: 9}, pushes[:9]},
		{RunFilter{Event: "schedule"}, nil},
	} {
		var got []int64
		for _, r := range must[[]Run](t)(w.c.Runs(t.Context(), w.repo, tt.filter)) {
			got = append(got, r.ID)
		}
		equal(t, fmt.Sprintf("%+v", tt.filter), tt.want, got)
	}
	_, err = w.c.Runs(t.Context(), w.repo, RunFilter{WorkflowFile: "never.yml"})
	wantClass(t, err, ClassNotFound)

	w.Rerun(pr)
	if r := must[Run](t)(w.c.RunByID(t.Context(), w.repo, pr)); r.Attempt != 2 || r.Conclusion != "" {
		t.Errorf("after another try: %+v", r)
	}
	w.DeleteRepo(fork)
	if r := must[Run](t)(w.c.RunByID(t.Context(), w.repo, pr)); r.HeadRepoID != 0 {
		t.Errorf("after the fork was deleted: %+v", r)
	}
}

func TestFailedStep(t *testing.T) {
	w := newWorld(t)
	run := w.AddRun(w.r, ghtest.Run{Conclusion: "failure"})
	check := func(wantJob, wantStep string) {
		t.Helper()
		job, step, url, err := w.c.FailedStep(t.Context(), w.repo, run)
		if err != nil || job != wantJob || step != wantStep || (url != "") != (wantJob != "") {
			t.Errorf("job %q, step %q, url %q, %v", job, step, url, err)
		}
	}
	check("", "")
	for i := range 8 { // a page of good ones
		w.AddJob(run, ghtest.Job{Name: fmt.Sprint("good ", i), Conclusion: "success", Steps: []ghtest.Step{{Name: "a"}}})
	}
	check("", "")
	w.AddJob(run, ghtest.Job{Name: "stopped", Conclusion: "cancelled"})
	check("stopped", "")
	w.AddJob(run, ghtest.Job{Name: "build", Conclusion: "failure", Steps: []ghtest.Step{
		{Name: "checkout", Conclusion: "success"}, {Name: "make", Conclusion: "failure"}, {Name: "upload", Conclusion: "skipped"},
	}})
	check("build", "make")
	_, _, _, err := w.c.FailedStep(t.Context(), w.repo, 424242)
	wantClass(t, err, ClassNotFound)
}

func TestArtifacts(t *testing.T) {
	w := newWorld(t, func(o *ghtest.Options) { o.PageSize = 0 })
	run := w.AddRun(w.r, ghtest.Run{Conclusion: "success"})
	want := map[string]bool{}
	for i := range 305 {
		name := fmt.Sprintf("kernel-%d", i)
		w.AddArtifact(run, ghtest.Artifact{Name: name, Bytes: []byte(name), Expired: i == 7})
		want[name] = true
	}
	w.AddArtifact(run, ghtest.Artifact{Name: "old", Bytes: []byte("x"), Digest: "-"})
	list := must[[]Artifact](t)(w.c.Artifacts(t.Context(), w.repo, run))
	for _, a := range list {
		switch {
		case a.Name == "old":
			if a.Digest != "" {
				t.Errorf("%+v", a)
			}
			continue
		case !want[a.Name]:
			t.Errorf("%s is there twice or should not be there", a.Name)
		}
		delete(want, a.Name)
		if len(a.Digest) != len("sha256:")+64 || a.Size != int64(len(a.Name)) || a.Expired != (a.Name == "kernel-7") || a.CreatedAt.IsZero() || a.ExpiresAt.IsZero() {
			t.Errorf("%+v", a)
		}
	}
	if len(list) != 306 || w.calls("GET", "/artifacts") != 4 {
		t.Errorf("%d artifacts in %d requests", len(list), w.calls("GET", "/artifacts"))
	}
	_, err := w.c.Artifacts(t.Context(), w.repo, 424242)
	wantClass(t, err, ClassNotFound)
}

func TestArtifactURL(t *testing.T) {
	w := newWorld(t)
	run := w.AddRun(w.r, ghtest.Run{Conclusion: "success"})
	id := w.AddArtifact(run, ghtest.Artifact{Name: "kernel", Bytes: []byte("zip bytes")})
	url := must[string](t)(w.c.ArtifactURL(t.Context(), w.repo, id))
	if strings.HasPrefix(url, w.url) {
		t.Errorf("%s is on the API's host", url)
	}
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the address answers %s", resp.Status)
	}
	w.Rename(w.r, "kernel")
	must[string](t)(w.c.ArtifactURL(t.Context(), w.repo, id))
	w.ExpireArtifact(id)
	_, err = w.c.ArtifactURL(t.Context(), w.repo, id)
	wantClass(t, err, ClassGone)
	_, err = w.c.ArtifactURL(t.Context(), w.repo, 424242)
	wantClass(t, err, ClassNotFound)
}

func TestSuspendedInstallation(t *testing.T) {
	w := newWorld(t)
	must[Repo](t)(w.c.Repository(t.Context(), w.r.ID))
	w.Suspend(w.inst, true)
	_, err := w.c.Repository(t.Context(), w.r.ID) // with the token from before
	wantClass(t, err, ClassAuth)
	w.ExpireTokens()
	_, err = w.c.Repository(t.Context(), w.r.ID) // with none
	wantClass(t, err, ClassAuth)
	w.Suspend(w.inst, false)
	must[Repo](t)(w.c.Repository(t.Context(), w.r.ID))
	w.Uninstall(w.inst)
	_, err = w.c.Repository(t.Context(), w.r.ID)
	wantClass(t, err, ClassAuth)
}

func TestTokenExpiresInTheMiddle(t *testing.T) {
	w := newWorld(t)
	fork := w.AddFork(w.r, "dev")
	n := w.OpenPull(w.r, ghtest.Pull{Head: fork, Branch: "b", Files: map[string]string{"x": "1"}})
	for i := range 3 {
		must[PullRequest](t)(w.c.PullRequest(t.Context(), w.repo, n))
		w.ExpireTokens()
		must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker+fmt.Sprint("push ", i)))
		w.ExpireTokens()
	}
	if got := len(w.Comments(w.r, n)); got != 1 {
		t.Errorf("%d comments", got)
	}
}

func TestPermissionMissing(t *testing.T) {
	w := newWorld(t)
	w.SetPermissions(w.inst, map[string]string{"metadata": "read", "contents": "read", "actions": "read", "checks": "write"})
	_, err := w.c.Repository(t.Context(), w.r.ID)
	if e := wantClass(t, err, ClassForbidden); !strings.Contains(e.Error(), "permission") {
		t.Error(e)
	}
}

func TestManyInstallationsOfGhtest(t *testing.T) {
	w := newWorld(t)
	type place struct {
		inst int64
		repo int64
	}
	places := []place{{w.inst, w.r.ID}}
	for i := range 3 {
		owner := fmt.Sprintf("org%d", i)
		inst := w.AddInstallation(owner)
		places = append(places, place{inst, w.AddRepo(ghtest.RepoOptions{Owner: owner, Name: "r", Private: true, Installation: inst}).ID})
	}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			p := places[i%len(places)]
			if i%8 == 7 {
				w.ExpireTokens()
			}
			if r, err := w.app.Installation(p.inst).Repository(context.Background(), p.repo); err != nil {
				// Expired twice between two tries: what is reported is still a refused token.
				if class, _ := Classify(err); class != ClassAuth {
					t.Error(err)
				}
			} else if r.ID != p.repo {
				t.Errorf("asked for %d, got %d", p.repo, r.ID)
			}
		})
	}
	wg.Wait()
}
