package store

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

// expire lets time pass for a lease.
func (s *Store) expire(t testing.TB, key string) {
	t.Helper()
	_, err := s.exec(t.Context(), "UPDATE leases SET expires = 0 WHERE key = ?1", key)
	must(t, err)
}

// TestLeaseModel does random things to leases and compares with the obvious model.
func TestLeaseModel(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		type held struct {
			owner   string
			expired bool
		}
		model := map[string]held{}
		random := rand.New(rand.NewPCG(1, 2))
		for step := range 300 {
			key := fmt.Sprint("pull/1/", random.IntN(2))
			owner := fmt.Sprint("owner", random.IntN(3))
			h, exists := model[key]
			var ok, want bool
			var err error
			op := []string{"lease", "renew", "release", "expire"}[random.IntN(4)]
			switch op {
			case "lease":
				if want = !exists || h.expired || h.owner == owner; want {
					model[key] = held{owner: owner}
				}
				ok, err = s.Lease(t.Context(), key, owner, time.Hour)
			case "renew":
				if want = exists && h.owner == owner; want {
					model[key] = held{owner: owner}
				}
				ok, err = s.Renew(t.Context(), key, owner, time.Hour)
			case "release":
				if exists && h.owner == owner {
					delete(model, key)
				}
				err = s.Release(t.Context(), key, owner)
			case "expire":
				if exists {
					model[key] = held{h.owner, true}
				}
				s.expire(t, key)
			}
			must(t, err)
			if ok != want {
				t.Fatalf("step %d: %s of %s by %s is %v, want %v (%+v)", step, op, key, owner, ok, want, h)
			}
		}
	})
}

// TestLeaseExcludes has several replicas fight for one lease.
func TestLeaseExcludes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		var inside, entered atomic.Int32
		var all sync.WaitGroup
		for replica := range 3 {
			s := open(t, url, nil)
			for worker := range 2 {
				owner := fmt.Sprint(replica, "/", worker)
				all.Go(func() {
					for range 40 {
						ok, err := s.Lease(t.Context(), "pull/1/1", owner, time.Hour)
						if err != nil {
							t.Error(err)
							return
						}
						if !ok {
							continue
						}
						if inside.Add(1) != 1 {
							t.Error("two owners hold the lease")
						}
						entered.Add(1)
						time.Sleep(time.Millisecond)
						inside.Add(-1)
						if err := s.Release(t.Context(), "pull/1/1", owner); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		all.Wait()
		if entered.Load() == 0 {
			t.Error("nobody got the lease")
		}
	})
}

func TestLeaseExpires(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s := open(t, storetest.SQLite(t), func() time.Time { return now })
	lease := func(owner string) bool {
		t.Helper()
		ok, err := s.Lease(t.Context(), "k", owner, 10*time.Second)
		must(t, err)
		return ok
	}
	if !lease("a") || lease("b") {
		t.Fatal("the first owner does not hold the lease")
	}
	now = now.Add(9 * time.Second)
	if lease("b") {
		t.Error("taken over before it expired")
	}
	now = now.Add(time.Second)
	if !lease("b") {
		t.Error("not taken over when it expired")
	}
	if ok, err := s.Renew(t.Context(), "k", "a", time.Second); err != nil || ok {
		t.Errorf("the first owner renewed what is the second's (error %v)", err)
	}
}

func TestRescueOrphans(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		run := func(pull int, worker string, attempt, attempts int) int64 {
			j := Job{Kind: "pull", RepoID: 1, Pull: pull, MaxAttempts: attempts}
			must(t, s.Enqueue(ctx, []Job{j}))
			id, err := s.NewestJob(ctx, j.Key())
			must(t, err)
			s.set(t, id, "running")
			by := `'["` + worker + `"]'`
			if s.postgres {
				by = "ARRAY['" + worker + "']"
			} else {
				by = "jsonb(" + by + ")"
			}
			_, err = s.exec(ctx, "UPDATE river_job SET attempted_by = "+by+", attempt = ?2 WHERE id = ?1", id, attempt)
			must(t, err)
			return id
		}
		must(t, s.Alive(ctx, "living", time.Hour))
		must(t, s.Alive(ctx, "dead", time.Hour))
		s.expire(t, "worker/dead")
		kept, saved, last := run(1, "living", 1, 3), run(2, "dead", 1, 3), run(3, "never seen", 3, 3)

		rescued, discarded, err := s.RescueOrphans(ctx)
		must(t, err)
		if len(rescued) != 1 || rescued[0].ID != saved || len(discarded) != 1 || discarded[0].ID != last {
			t.Errorf("rescued %v, discarded %v", rescued, discarded)
		}
		for id, want := range map[int64]string{kept: "running", saved: "available", last: "discarded"} {
			if got := s.state(t, id); got != want {
				t.Errorf("job %d is %s, want %s", id, got, want)
			}
		}
		// A replica that read the list at the same moment comes too late: the job runs again meanwhile.
		s.set(t, saved, "running")
		_, err = s.exec(ctx, "UPDATE river_job SET attempted_at = "+map[bool]string{
			true: "now() + interval '1 minute'", false: "datetime('now', '+1 minute')"}[s.postgres]+" WHERE id = ?1", saved)
		must(t, err)
		must(t, s.jobs.rescue(ctx, rescued[0], "again", time.Now()))
		if got := s.state(t, saved); got != "running" {
			t.Errorf("a job was taken from the worker that had taken it over: %s", got)
		}
		must(t, s.Gone(ctx, "living"))
		if rescued, _, err := s.RescueOrphans(ctx); err != nil || len(rescued) == 0 {
			t.Errorf("jobs of a worker that said goodbye stay behind (error %v)", err)
		}
	})
}
