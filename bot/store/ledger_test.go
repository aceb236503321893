package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPublished(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		e := Evaluation{RepoID: 1, Pull: 2, HeadSHA: "h", Created: day}
		id, err := s.PutEvaluation(ctx, e, 0)
		must(t, err)
		published := func(want time.Time) {
			t.Helper()
			byID, err := s.EvaluationByID(ctx, id)
			must(t, err)
			latest, err := s.LatestEvaluation(ctx, 1, 2)
			must(t, err)
			list, err := s.Evaluations(ctx, 1, 2)
			must(t, err)
			for _, got := range append(list, byID, latest) {
				if !got.Published.Equal(want) {
					t.Errorf("published %v, want %v", got.Published, want)
				}
			}
		}
		published(time.Time{})
		must(t, s.Published(ctx, id, day))
		must(t, s.Published(ctx, id, day.Add(time.Hour)))
		must(t, s.Published(ctx, "another", day))
		published(day)
		e.ID, e.State = id, "something else"
		_, err = s.PutEvaluation(ctx, e, 0)
		must(t, err)
		published(time.Time{})
	})
}

func TestLedger(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		now := day
		s.now = func() time.Time { return now }
		put := func(a Acceptance) Acceptance {
			t.Helper()
			id, err := s.PutAcceptance(ctx, a)
			must(t, err)
			a.ID = id
			return a
		}
		ledger := func(pull int, want ...Acceptance) {
			t.Helper()
			got, err := s.Acceptances(ctx, 1, pull)
			must(t, err)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
		first := put(Acceptance{RepoID: 1, Pull: 2, Head: "a", Tree: "t", Evaluation: "e1", Bucket: "runtime", Growth: []byte(`[{"delta":-9}]`),
			By: "maint", ByID: 1 << 40, Reason: `'; DROP TABLE "acceptances" -- ü`, Button: true, At: day})
		second := put(Acceptance{RepoID: 1, Pull: 2, Head: "b", Evaluation: "e2", Growth: []byte(`[]`), By: "other", ByID: 2, At: day.Add(time.Minute)})
		elsewhere := put(Acceptance{RepoID: 1, Pull: 3, Evaluation: "e3", Growth: []byte(`[]`), By: "maint", At: day.Add(2 * time.Minute)})
		put(Acceptance{RepoID: 2, Pull: 2, Evaluation: "e1", By: "maint", At: day})
		ledger(2, first, second)

		again := first
		again.Reason, again.Withdrawn = "another reason", day
		if again = put(again); again.ID != first.ID {
			t.Errorf("given again: row %d, want %d", again.ID, first.ID)
		}
		ledger(2, first, second)

		now = day.Add(time.Hour)
		must(t, s.LapseAcceptance(ctx, 1, first.ID, "b", "it grew"))
		must(t, s.LapseAcceptance(ctx, 1, first.ID, "c", "it grew more")) // the first lapse stays
		must(t, s.LapseAcceptance(ctx, 2, second.ID, "c", "another repository's"))
		first.Lapsed, first.LapsedAt, first.Why = now, "b", "it grew"
		ledger(2, first, second)

		// Withdrawn before the second was given, though worked after it.
		if n, err := s.WithdrawAcceptances(ctx, 1, 2, "boss", second.At.Add(-time.Second)); err != nil || n != 1 {
			t.Errorf("%d rows withdrawn, error %v, want the first", n, err)
		}
		if n, err := s.WithdrawAcceptances(ctx, 1, 2, "boss", second.At.Add(-time.Second)); err != nil || n != 1 {
			t.Errorf("the same again: %d rows withdrawn, error %v, want the first", n, err)
		}
		first.Withdrawn, first.WithdrawnBy = second.At.Add(-time.Second), "boss"
		ledger(2, first, second)
		if n, err := s.WithdrawAcceptances(ctx, 1, 2, "late", second.At); err != nil || n != 1 {
			t.Errorf("%d rows withdrawn, error %v, want the second", n, err)
		}
		second.Withdrawn, second.WithdrawnBy = second.At, "late"
		must(t, s.LapseAcceptance(ctx, 1, second.ID, "c", "withdrawn is withdrawn"))
		put(second) // its command came once more
		ledger(2, first, second)

		lapsed := put(Acceptance{RepoID: 1, Pull: 2, Head: "c", Evaluation: "e4", Growth: []byte(`[]`), By: "maint", At: day.Add(3 * time.Minute)})
		must(t, s.LapseAcceptance(ctx, 1, lapsed.ID, "d", "it grew"))
		lapsed.Lapsed, lapsed.LapsedAt, lapsed.Why = now, "d", "it grew"
		holds := put(Acceptance{RepoID: 1, Pull: 2, Head: "d", Evaluation: "e5", Growth: []byte(`[]`), By: "maint", At: day.Add(4 * time.Minute)})
		must(t, s.MergeAcceptances(ctx, 1, 2, "m")) // only what holds has part in it
		merged := now
		now = now.Add(time.Hour)
		must(t, s.MergeAcceptances(ctx, 1, 2, "n"))
		holds.MergeCommit, holds.Merged = "m", merged
		ledger(2, first, second, lapsed, holds)
		ledger(3, elsewhere)
		ledger(4)

		list, err := s.Ledger(ctx, 1, 2)
		must(t, err)
		if d := cmp.Diff([]Acceptance{holds, lapsed}, list); d != "" {
			t.Error(d)
		}
	})
}

func TestLedgerOutlivesEvaluations(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		old, err := s.PutEvaluation(ctx, Evaluation{RepoID: 1, Pull: 2, Created: day}, 0)
		must(t, err)
		_, err = s.PutAcceptance(ctx, Acceptance{RepoID: 1, Pull: 2, Evaluation: old, Reason: "needed", At: day})
		must(t, err)
		s.now = func() time.Time { return day.Add(1000 * 24 * time.Hour) }
		_, err = s.PutEvaluation(ctx, Evaluation{RepoID: 1, Pull: 2}, 0)
		must(t, err)
		_, err = s.Purge(ctx, DefaultRetention())
		must(t, err)
		if n := s.count(t, "evaluations WHERE id = ?1", old); n != 0 {
			t.Errorf("the old evaluation is still there")
		}
		if list, err := s.Ledger(ctx, 1, 10); err != nil || len(list) != 1 || list[0].Evaluation != old || list[0].Reason != "needed" {
			t.Errorf("ledger %+v, error %v", list, err)
		}
	})
}
