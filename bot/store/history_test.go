package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHistory(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		must(t, s.PutRepo(t.Context(), Repo{ID: 1}))
		must(t, s.PutRepo(t.Context(), Repo{ID: 2}))
		ctx := t.Context()
		good := Measurement{RepoID: 1, Target: "arm64", RunEvent: "push", Trusted: true, Branch: "main", Blob: []byte{1}, Created: day}
		artifact := int64(0)
		put := func(sha string, built time.Time, change func(*Measurement)) Baseline {
			t.Helper()
			m := good
			m.SHA, m.Built = sha, built
			artifact++
			m.ArtifactID = artifact
			if change != nil {
				change(&m)
			}
			id, err := s.PutMeasurement(ctx, m)
			must(t, err)
			return Baseline{ID: id, SHA: sha, Built: m.Built}
		}
		hour := func(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }
		late := put("ccc", hour(3), nil) // measured first, built last
		early := put("aaa", hour(1), nil)
		second := put("aaa", hour(2), nil)
		put("old", hour(-5), nil)
		put("pr", hour(2), func(m *Measurement) { m.Trusted = false })
		put("failed", hour(2), func(m *Measurement) { m.Problem = "no image" })
		put("side", hour(2), func(m *Measurement) { m.Branch = "next" })
		put("x86", hour(2), func(m *Measurement) { m.Target = "x86" })
		put("other", hour(2), func(m *Measurement) { m.RepoID = 2 })
		put("before", hour(2), func(m *Measurement) { m.Branch = "" })

		must(t, s.PutSizes(ctx, 1, early.ID, "r1", []byte("one")))
		must(t, s.PutSizes(ctx, 1, early.ID, "r1", []byte("two")))
		must(t, s.PutSizes(ctx, 1, early.ID, "r2", []byte("three")))
		must(t, s.PutSizes(ctx, 2, second.ID, "r1", []byte("another's")))
		must(t, s.PutSizes(ctx, 1, 1<<40, "r1", []byte("nobody's")))
		early.Sizes = []byte("two")
		got, err := s.History(ctx, 1, "arm64", "main", "r1", hour(0))
		must(t, err)
		if d := cmp.Diff([]Baseline{early, second, late}, got); d != "" {
			t.Error(d)
		}
		if n := s.count(t, "sizes"); n != 2 {
			t.Errorf("%d sizes, want those of two rules", n)
		}
		if got, err = s.History(ctx, 1, "arm64", "' OR 1=1 --", "r1", hour(0)); err != nil || len(got) != 0 {
			t.Errorf("a branch that does not exist: %v, error %v", got, err)
		}
		targets, err := s.HistoryTargets(ctx, 1, "main")
		must(t, err)
		if d := cmp.Diff([]string{"arm64", "x86"}, targets); d != "" {
			t.Error(d)
		}
		if m, err := s.MeasurementByID(ctx, 1, late.ID); err != nil || m.SHA != "ccc" {
			t.Errorf("by id: %+v, error %v", m, err)
		}
		if _, err := s.MeasurementByID(ctx, 2, late.ID); err != ErrNotFound {
			t.Errorf("another repository's: %v", err)
		}

		// What is measured again is summed again.
		again := good
		again.SHA, again.Built, again.ArtifactID = "aaa", hour(1), 2
		id, err := s.PutMeasurement(ctx, again)
		must(t, err)
		if n := s.count(t, "sizes WHERE measurement = ?1", id); id != early.ID || n != 0 {
			t.Errorf("measurement %d has %d sizes of what measurement %d was", id, n, early.ID)
		}
	})
}
