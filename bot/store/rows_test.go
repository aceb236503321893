package store

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var day = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestMeasurements(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.PutRepo(ctx, Repo{ID: 1}))
		must(t, s.PutRepo(ctx, Repo{ID: 2}))
		put := func(m Measurement) Measurement {
			t.Helper()
			id, err := s.PutMeasurement(ctx, m)
			must(t, err)
			if m.ID = id; m.Built.IsZero() {
				m.Built = m.Created
			}
			return m
		}
		pr := put(Measurement{RepoID: 1, Target: "arm64", SHA: "aaa", RunID: 5, RunEvent: "pull_request", ArtifactID: 10, Blob: []byte{1}, Created: day,
			Branch: "main", Built: day.Add(-time.Hour)})
		failed := put(Measurement{RepoID: 1, Target: "arm64", SHA: "bbb", RunEvent: "push", ArtifactID: 11, Trusted: true, Problem: "no image", Created: day})
		old := put(Measurement{RepoID: 1, Target: "arm64", SHA: "ccc", RunEvent: "push", ArtifactID: 12, Trusted: true, Blob: []byte{2}, Created: day})
		base := put(Measurement{RepoID: 1, Target: "arm64", SHA: "ccc", RunEvent: "push", ArtifactID: 13, Trusted: true, Blob: bytes.Repeat([]byte{0, 255}, 1<<19),
			ArtifactDigest: "sha256:1", Created: day})
		put(Measurement{RepoID: 2, Target: "arm64", SHA: "ddd", ArtifactID: 14, Trusted: true})
		put(Measurement{RepoID: 1, Target: "x86", SHA: "ddd", ArtifactID: 15, Trusted: true})

		for _, want := range []Measurement{pr, failed, old, base} {
			got, err := s.MeasurementByArtifact(ctx, 1, want.ArtifactID)
			must(t, err)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("artifact %d:\n%s", want.ArtifactID, d)
			}
		}
		if got, err := s.Baseline(ctx, 1, "arm64", "ccc"); err != nil || got.ID != base.ID {
			t.Errorf("baseline of ccc is %d (error %v), want %d, the newest", got.ID, err, base.ID)
		}
		for _, sha := range []string{"aaa", "bbb", "ddd", ""} {
			if _, err := s.Baseline(ctx, 1, "arm64", sha); !errors.Is(err, ErrNotFound) {
				t.Errorf("%q has a baseline though it is untrusted, failed or another's (error %v)", sha, err)
			}
		}
		measured, err := s.MeasuredCommits(ctx, 1, "arm64", []string{"aaa", "bbb", "ccc", "ddd"})
		must(t, err)
		if d := cmp.Diff(map[string]bool{"ccc": true}, measured); d != "" {
			t.Error(d)
		}
		again := put(Measurement{RepoID: 1, Target: "arm64", SHA: "bbb", RunEvent: "push", ArtifactID: 11, Trusted: true, Blob: []byte{9}})
		if again.ID != failed.ID {
			t.Errorf("the second measurement of an artifact has id %d, the first had %d", again.ID, failed.ID)
		}
		if got, err := s.Baseline(ctx, 1, "arm64", "bbb"); err != nil || !slices.Equal(got.Blob, []byte{9}) {
			t.Errorf("after measuring again: %v, error %v", got.Blob, err)
		}
	})
}

func TestForgetFailures(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.PutRepo(ctx, Repo{ID: 1}))
		must(t, s.PutRepo(ctx, Repo{ID: 2}))
		for _, m := range []Measurement{
			{RepoID: 1, SHA: "aaa", ArtifactID: 10, Problem: "no memory"},
			{RepoID: 1, SHA: "aaa", ArtifactID: 11, Problem: "no image", Trusted: true},
			{RepoID: 1, SHA: "aaa", ArtifactID: 12, Blob: []byte{1}},
			{RepoID: 1, SHA: "bbb", ArtifactID: 13, Problem: "no memory"},
			{RepoID: 2, SHA: "aaa", ArtifactID: 10, Problem: "no memory"},
		} {
			_, err := s.PutMeasurement(ctx, m)
			must(t, err)
		}
		for _, want := range []int64{2, 0} {
			if n, err := s.ForgetFailures(ctx, 1, "aaa"); n != want || err != nil {
				t.Errorf("forgot %d, error %v, want %d", n, err, want)
			}
		}
		for _, left := range []struct{ repo, artifact int64 }{{1, 12}, {1, 13}, {2, 10}} {
			if _, err := s.MeasurementByArtifact(ctx, left.repo, left.artifact); err != nil {
				t.Errorf("artifact %d of repository %d: %v", left.artifact, left.repo, err)
			}
		}
	})
}

func TestEvaluations(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if _, err := s.LatestEvaluation(ctx, 1, 2); !errors.Is(err, ErrNotFound) {
			t.Errorf("no evaluation yet: %v", err)
		}
		record := bytes.Repeat([]byte(`{"a":1}`), 1000)
		now := day
		s.now = func() time.Time { now = now.Add(time.Millisecond); return now }
		e := Evaluation{RepoID: 1, Pull: 2, HeadSHA: "h", BaseSHA: "b", MergeSHA: "m", State: "changed", Record: record, Created: day}
		first, err := s.PutEvaluation(ctx, e, 0)
		must(t, err)
		second, err := s.PutEvaluation(ctx, e, 0)
		must(t, err)
		if first >= second {
			t.Errorf("ids %q and %q are out of order", first, second)
		}
		e.ID = second
		latest, err := s.LatestEvaluation(ctx, 1, 2)
		must(t, err)
		if d := cmp.Diff(e, latest); d != "" {
			t.Error(d)
		}
		e.ID = first
		byID, err := s.EvaluationByID(ctx, first)
		must(t, err)
		if d := cmp.Diff(e, byID); d != "" {
			t.Error(d)
		}
		list, err := s.Evaluations(ctx, 1, 2)
		must(t, err)
		if len(list) != 2 || list[0].ID != second || list[1].ID != first || list[0].Record != nil {
			t.Errorf("list %+v", list)
		}
		if _, err := s.EvaluationByID(ctx, "' OR 1=1 --"); !errors.Is(err, ErrNotFound) {
			t.Errorf("hostile id: %v", err)
		}
		if n := s.count(t, "evaluations WHERE length(record) < 1000"); n != 2 {
			t.Errorf("%d records are compressed, want 2", n)
		}
	})
}

func TestHead(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		set := func(sha string) int64 {
			t.Helper()
			seq, err := s.SetHead(ctx, 1, 2, sha)
			must(t, err)
			return seq
		}
		if _, err := s.Head(ctx, 1, 2); !errors.Is(err, ErrNotFound) {
			t.Errorf("no head yet: %v", err)
		}
		a, same, b := set("a"), set("a"), set("b")
		if a < 1 || same != a || b <= a {
			t.Errorf("sequence %d, %d, %d", a, same, b)
		}
		if p, err := s.Head(ctx, 1, 2); err != nil || p.HeadSHA != "b" || p.Seq != b {
			t.Errorf("head %+v, error %v", p, err)
		}
		if err := s.Current(ctx, 1, 2, a); !errors.Is(err, ErrSuperseded) {
			t.Errorf("the older head is current: %v", err)
		}
		must(t, s.Current(ctx, 1, 2, b))
		if _, err := s.PutEvaluation(ctx, Evaluation{RepoID: 1, Pull: 2, HeadSHA: "a"}, a); !errors.Is(err, ErrSuperseded) {
			t.Errorf("the older head's evaluation: %v", err)
		}
		_, err := s.PutEvaluation(ctx, Evaluation{RepoID: 1, Pull: 2, HeadSHA: "b"}, b)
		must(t, err)
		back := set("a") // a force push back to the old head is a new head
		if back <= b {
			t.Errorf("sequence %d after %d", back, b)
		}
		must(t, s.ClosePull(ctx, 1, 2))
		if err := s.Current(ctx, 1, 2, back); !errors.Is(err, ErrSuperseded) {
			t.Errorf("a closed pull request's head is current: %v", err)
		}
		if p, err := s.Head(ctx, 1, 2); err != nil || !p.Closed {
			t.Errorf("head %+v, error %v", p, err)
		}
		set("a")
		if p, err := s.Head(ctx, 1, 2); err != nil || p.Closed {
			t.Errorf("reopened: %+v, error %v", p, err)
		}
	})
}

func TestOutputs(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		comment := Output{RepoID: 1, Pull: 2, Kind: "comment", GitHubID: 1 << 40, BodySHA256: "x", Updated: day}
		check := Output{RepoID: 1, Pull: 2, Kind: "check", HeadSHA: "a", GitHubID: 8, BodySHA256: "y", Updated: day}
		must(t, s.PutOutput(ctx, comment))
		must(t, s.PutOutput(ctx, check))
		comment.BodySHA256 = "z"
		must(t, s.PutOutput(ctx, comment))
		for _, want := range []Output{comment, check} {
			got, err := s.Output(ctx, 1, 2, want.Kind, want.HeadSHA)
			must(t, err)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
		if _, err := s.Output(ctx, 1, 2, "check", "b"); !errors.Is(err, ErrNotFound) {
			t.Errorf("absent output: %v", err)
		}
	})
}

func TestRepos(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		r := Repo{ID: 1, Installation: 3, Owner: "o", Name: "n", DefaultBranch: "main", Private: true, Updated: day}
		must(t, s.PutRepo(ctx, r))
		r.Name, r.Archived = "renamed", true
		must(t, s.PutRepo(ctx, r))
		got, err := s.RepoByID(ctx, 1)
		must(t, err)
		if d := cmp.Diff(r, got); d != "" {
			t.Error(d)
		}
		must(t, s.PutRepo(ctx, Repo{ID: 2, Installation: 4, Updated: day}))
		must(t, s.PutInstallation(ctx, Installation{ID: 3, Account: "o"}))
		names := func() (ids []int64) {
			list, err := s.Repos(ctx)
			must(t, err)
			for _, r := range list {
				ids = append(ids, r.ID)
			}
			return ids
		}
		if got := names(); !slices.Equal(got, []int64{1, 2}) {
			t.Errorf("repositories %v", got)
		}
		must(t, s.SuspendInstallation(ctx, 3, true))
		if i, err := s.InstallationByID(ctx, 3); err != nil || !i.Suspended || i.Account != "o" {
			t.Errorf("installation %+v, error %v", i, err)
		}
		if got := names(); !slices.Equal(got, []int64{2}) {
			t.Errorf("repositories while one installation is suspended: %v", got)
		}
		must(t, s.SuspendInstallation(ctx, 3, false))
		fill(t, s, 1)
		fill(t, s, 2)
		must(t, s.DeleteInstallation(ctx, 3))
		for _, table := range []string{"measurements", "sizes", "evaluations", "outputs", "pulls", "test_merges", "acceptances", "paused", "commands", "deliveries"} {
			if n := s.count(t, table+" WHERE repo = 1"); n != 0 {
				t.Errorf("%d %s of the deleted installation", n, table)
			}
			if n := s.count(t, table+" WHERE repo = 2"); n == 0 {
				t.Errorf("no %s of the other installation are left", table)
			}
		}
		if got := names(); !slices.Equal(got, []int64{2}) {
			t.Errorf("repositories %v", got)
		}
	})
}

// fill puts a row of everything into a repository.
func fill(t *testing.T, s *Store, repo int64) {
	t.Helper()
	ctx := t.Context()
	if _, err := s.RepoByID(ctx, repo); errors.Is(err, ErrNotFound) {
		must(t, s.PutRepo(ctx, Repo{ID: repo}))
	}
	id, err := s.PutMeasurement(ctx, Measurement{RepoID: repo, Target: "x", ArtifactID: 1, Created: day})
	must(t, err)
	must(t, s.PutSizes(ctx, repo, id, "rules", []byte("{}")))
	_, err = s.PutEvaluation(ctx, Evaluation{RepoID: repo, Pull: 1, Created: day}, 0)
	must(t, err)
	must(t, s.PutOutput(ctx, Output{RepoID: repo, Pull: 1, Kind: "comment"}))
	_, err = s.SetHead(ctx, repo, 1, "a")
	must(t, err)
	must(t, s.SeeTestMerge(ctx, repo, 1, "m"))
	_, err = s.PutAcceptance(ctx, Acceptance{RepoID: repo, Pull: 1, At: day})
	must(t, err)
	must(t, s.SetPaused(ctx, repo, 1, "maint", true))
	_, _, err = s.ClaimCommand(ctx, Command{RepoID: repo, Kind: "comment", Source: 1, Pull: 1})
	must(t, err)
	_, err = s.Accept(ctx, Delivery{GUID: time.Now().String(), RepoID: repo, Received: day}, nil)
	must(t, err)
}

func TestPurge(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		now := day
		s.now = func() time.Time { now = now.Add(time.Second); return now }
		for range 3 {
			fill(t, s, 1)
		}
		_, err := s.Accept(ctx, Delivery{GUID: "young", RepoID: 1, Received: day.Add(90 * 24 * time.Hour)}, []Job{pullJob})
		must(t, err)
		s.now = func() time.Time { return day.Add(100 * 24 * time.Hour) }
		keep := Retention{Deliveries: 30 * 24 * time.Hour, Evaluations: 30 * 24 * time.Hour}
		n, err := s.Purge(ctx, keep)
		must(t, err)
		if n != 3+1+2+1 {
			t.Errorf("%d rows purged, want 3 deliveries, a command, 2 evaluations and the key of a job", n)
		}
		for table, want := range map[string]int{"deliveries": 1, "evaluations": 1, "measurements": 1, "sizes": 1, "pulls": 1, "outputs": 1, "acceptances": 1, "paused": 1, "commands": 0} {
			if got := s.count(t, table); got != want {
				t.Errorf("%d %s are left, want %d", got, table, want)
			}
		}
		keep.Measurements = time.Hour
		if n, err := s.Purge(ctx, keep); err != nil || n != 2 {
			t.Errorf("%d rows purged (error %v), want 1 measurement and its sizes", n, err)
		}
	})
}

// TestRetention: a repository's own retention goes first. It spares the newest of an open pull request only.
func TestRetention(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		put := func(repo int64, pull int, age time.Duration) {
			_, err := s.PutEvaluation(ctx, Evaluation{RepoID: repo, Pull: pull, Record: []byte("{}"), Created: day.Add(-age)}, 0)
			must(t, err)
		}
		s.now = func() time.Time { return day }
		left := func(repo int64, pull, want int) {
			t.Helper()
			list, err := s.Evaluations(ctx, repo, pull)
			must(t, err)
			if len(list) != want {
				t.Errorf("%d evaluations of %d#%d are left, want %d", len(list), repo, pull, want)
			}
		}
		for _, repo := range []int64{1, 2} {
			for pull := 1; pull <= 2; pull++ {
				_, err := s.SetHead(ctx, repo, pull, "sha")
				must(t, err)
				put(repo, pull, 40*24*time.Hour)
				put(repo, pull, 31*24*time.Hour)
			}
			must(t, s.ClosePull(ctx, repo, 2))
			put(repo, 3, 29*24*time.Hour)
		}
		must(t, s.SetRetention(ctx, 1, 24*time.Hour))
		must(t, s.SetRetention(ctx, 1, 30*24*time.Hour))
		must(t, s.SetRetention(ctx, 2, 30*24*time.Hour))
		must(t, s.SetRetention(ctx, 2, 0))
		n, err := s.Purge(ctx, Retention{})
		must(t, err)
		if n != 3 {
			t.Errorf("%d rows purged, want 3", n)
		}
		left(1, 1, 1) // open: the newest
		left(1, 2, 0) // closed
		left(1, 3, 1) // young
		left(2, 1, 2)
		left(2, 2, 2)
	})
}

func TestTestMerges(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		now := day
		s.now = func() time.Time { now = now.Add(time.Second); return now }
		for i := range keptMerges + 5 {
			must(t, s.SeeTestMerge(ctx, 1, 2, fmt.Sprint("sha", i)))
		}
		must(t, s.SeeTestMerge(ctx, 1, 3, "other"))
		must(t, s.SeeTestMerge(ctx, 1, 2, "sha10"))
		list, err := s.TestMerges(ctx, 1, 2)
		must(t, err)
		if len(list) != keptMerges || list[0].SHA != "sha10" || list[1].SHA != fmt.Sprint("sha", keptMerges+4) || !list[0].Seen.Equal(now) {
			t.Errorf("%d test merges, first %+v", len(list), list[:2])
		}
	})
}

func TestNewID(t *testing.T) {
	now := day
	s := &Store{now: func() time.Time { now = now.Add(time.Microsecond); return now }}
	last := ""
	tails := map[string]bool{}
	for range 1000 {
		id := s.NewID()
		if !regexp.MustCompile(`^[0-9a-f]{45}$`).MatchString(id) || id <= last {
			t.Fatalf("%q after %q: want 13 digits of time and 32 random ones, in order", id, last)
		}
		last, tails[id[13:]] = id, true
	}
	if len(tails) != 1000 {
		t.Errorf("%d random ends of 1000 ids", len(tails))
	}
}
