package store

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCommands(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		now := day
		s.now = func() time.Time { return now }
		c := Command{RepoID: 1, Kind: "comment", Source: 1 << 40, Pull: 2, Login: "maint"}
		claim := func(want Command, wantFirst bool) {
			t.Helper()
			got, first, err := s.ClaimCommand(ctx, c)
			must(t, err)
			if d := cmp.Diff(want, got); d != "" || first != wantFirst {
				t.Errorf("first %v, want %v\n%s", first, wantFirst, d)
			}
		}
		known := c
		known.Begun = day
		claim(known, true)
		now = day.Add(time.Second)
		claim(known, false) // who began it died

		must(t, s.CommandProgress(ctx, c, []byte("half")))
		known.Outcome = []byte("half")
		claim(known, false)

		must(t, s.CommandDone(ctx, c, []byte("outcome")))
		must(t, s.CommandDone(ctx, c, []byte("another")))
		must(t, s.CommandProgress(ctx, c, []byte("too late")))
		known.Done, known.Outcome = now, []byte("outcome")
		claim(known, false)

		now = day.Add(time.Minute)
		must(t, s.CommandAnswered(ctx, c))
		known.Answered = now
		now = day.Add(time.Hour)
		must(t, s.CommandAnswered(ctx, c))
		claim(known, false)

		for _, other := range []Command{
			{RepoID: 1, Kind: "review", Source: c.Source, Pull: 2, Login: "other"},
			{RepoID: 1, Kind: "comment", Source: 5, Pull: 3, Login: "maint"},
			{RepoID: 2, Kind: "comment", Source: c.Source, Pull: 2, Login: "maint"},
		} {
			if got, first, err := s.ClaimCommand(ctx, other); err != nil || !first || got.Outcome != nil {
				t.Errorf("%+v, first %v, error %v: want a command of its own", got, first, err)
			}
		}
		for _, q := range []struct {
			login string
			since time.Time
			want  int
		}{{"", day, 2}, {"maint", day, 1}, {"maint", day.Add(time.Microsecond), 0}, {"", day.Add(time.Microsecond), 1}, {"nobody", day, 0}} {
			if n, err := s.CommandsSince(ctx, 1, 2, q.login, q.since); err != nil || n != q.want {
				t.Errorf("%d commands of %q since %v, error %v, want %d", n, q.login, q.since, err, q.want)
			}
		}
	})
}

func TestClaimTogether(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		var firsts atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, first, err := s.ClaimCommand(t.Context(), Command{RepoID: 1, Kind: "comment", Source: 1})
				if err != nil {
					t.Error(err)
				}
				if first {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		if n := firsts.Load(); n != 1 {
			t.Errorf("%d were first", n)
		}
	})
}

func TestPaused(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		paused := func(wantBy string) {
			t.Helper()
			if by, paused, err := s.Paused(ctx, 1, 2); err != nil || by != wantBy || paused != (wantBy != "") {
				t.Errorf("paused %v by %q, error %v, want %q", paused, by, err, wantBy)
			}
		}
		paused("")
		must(t, s.SetPaused(ctx, 1, 2, "maint", true))
		must(t, s.SetPaused(ctx, 1, 2, "other", true))
		must(t, s.SetPaused(ctx, 1, 3, "other", true))
		paused("maint")
		must(t, s.SetPaused(ctx, 1, 3, "other", false))
		paused("maint")
		must(t, s.SetPaused(ctx, 1, 2, "other", false))
		paused("")
		must(t, s.SetPaused(ctx, 1, 2, "other", true))
		paused("other")
	})
}
