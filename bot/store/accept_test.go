package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func delivery(guid string) Delivery {
	return Delivery{GUID: guid, Event: "pull_request", Action: "opened", Installation: 3, RepoID: 1, Payload: []byte(`{"number":2}`)}
}

var pullJob = Job{Kind: "pull", Installation: 3, RepoID: 1, Pull: 2, SHA: "abc", Why: "pull_request opened"}

func TestAccept(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		fresh, err := s.Accept(t.Context(), delivery("g1"), []Job{pullJob})
		if err != nil || !fresh {
			t.Fatalf("first: fresh %v, error %v", fresh, err)
		}
		again := delivery("g1")
		again.Payload = []byte("another")
		fresh, err = s.Accept(t.Context(), again, []Job{{Kind: "base", RepoID: 9, RunID: 9}})
		if err != nil || fresh {
			t.Fatalf("second: fresh %v, error %v", fresh, err)
		}
		if n := s.count(t, "river_job"); n != 1 {
			t.Errorf("%d jobs, want 1", n)
		}
		d, err := s.DeliveryByGUID(t.Context(), "g1")
		must(t, err)
		if want := delivery("g1"); !bytes.Equal(d.Payload, want.Payload) || d.Event != want.Event || d.Installation != 3 || d.RepoID != 1 {
			t.Errorf("read back %+v", d)
		}
		if _, err := s.DeliveryByGUID(t.Context(), "g2"); !errors.Is(err, ErrNotFound) {
			t.Errorf("absent delivery: %v", err)
		}
		if _, err := s.Accept(t.Context(), Delivery{}, nil); err == nil {
			t.Error("a delivery without GUID was stored")
		}
	})
}

// TestAcceptTogether sends one delivery many times at once, as GitHub does after a timeout.
func TestAcceptTogether(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		var fresh atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				ok, err := s.Accept(t.Context(), delivery("g"), []Job{pullJob, {Kind: "base", RepoID: 1, RunID: 7}})
				if err != nil {
					t.Error(err)
				}
				if ok {
					fresh.Add(1)
				}
			})
		}
		all.Wait()
		if fresh.Load() != 1 || s.count(t, "river_job") != 2 {
			t.Errorf("%d were fresh, %d jobs; want 1 and 2", fresh.Load(), s.count(t, "river_job"))
		}
	})
}

// TestAcceptIsOneTransaction has the second job refused by the database: neither the delivery nor the first may stay.
func TestAcceptIsOneTransaction(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		bad := Job{Kind: "", RepoID: 1, Pull: 3}
		if _, err := s.Accept(t.Context(), delivery("g"), []Job{pullJob, bad}); err == nil {
			t.Fatal("a job without kind was stored")
		}
		if n := s.count(t, "deliveries") + s.count(t, "river_job") + s.count(t, "job_keys"); n != 0 {
			t.Errorf("%d rows stayed behind", n)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if _, err := s.Accept(ended, delivery("g"), []Job{pullJob}); err == nil {
			t.Error("an ended context was no error")
		}
		fresh, err := s.Accept(t.Context(), delivery("g"), []Job{pullJob})
		if err != nil || !fresh {
			t.Errorf("GitHub's second try: fresh %v, error %v", fresh, err)
		}
	})
}

func TestKey(t *testing.T) {
	for _, c := range []struct {
		a, b Job
		same bool
	}{
		{Job{Kind: "pull", RepoID: 1, Pull: 2, SHA: "a", Why: "x"}, Job{Kind: "pull", RepoID: 1, Pull: 2, SHA: "b"}, true},
		{Job{Kind: "pull", RepoID: 1, Pull: 2}, Job{Kind: "pull", RepoID: 2, Pull: 2}, false},
		{Job{Kind: "pull", RepoID: 1, Pull: 2}, Job{Kind: "base", RepoID: 1, Pull: 2}, false},
		{Job{Kind: "base", RepoID: 1, RunID: 2}, Job{Kind: "base", RepoID: 1, RunID: 3}, false},
		{Job{Kind: "base", RepoID: 1, SHA: "a"}, Job{Kind: "base", RepoID: 1, SHA: "b"}, false},
		{Job{Kind: "pull", RepoID: 1, Pull: 2, Command: true, Delivery: "g"}, Job{Kind: "pull", RepoID: 1, Pull: 2}, false},
		{Job{Kind: "installation", Installation: 1}, Job{Kind: "installation", Installation: 2}, false},
		{Job{Kind: "base", RepoID: 1, Pull: 23}, Job{Kind: "base", RepoID: 12, Pull: 3}, false},
	} {
		if same := c.a.Key() == c.b.Key(); same != c.same {
			t.Errorf("%+v and %+v have keys %q and %q", c.a, c.b, c.a.Key(), c.b.Key())
		}
	}
}

// set puts a job into a state of River's, as its worker would.
func (s *Store) set(t testing.TB, id int64, state string) {
	t.Helper()
	now := "CURRENT_TIMESTAMP"
	final, attempted := "NULL", "attempted_at"
	switch state {
	case "completed", "cancelled", "discarded":
		final = now
	case "running":
		attempted = now
	}
	_, err := s.exec(t.Context(), "UPDATE river_job SET state = '"+state+"', finalized_at = "+final+", attempted_at = "+attempted+" WHERE id = ?1", id)
	must(t, err)
}

func (s *Store) state(t testing.TB, id int64) (state string) {
	t.Helper()
	must(t, s.row(context.Background(), "SELECT state FROM river_job WHERE id = ?1", []any{id}, &state))
	return state
}

func TestMerge(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		jobs := 0
		for i, c := range []struct {
			state  string
			merged bool
		}{
			{"available", true}, {"scheduled", true}, {"retryable", true}, {"pending", true},
			{"running", false}, {"completed", false}, {"cancelled", false}, {"discarded", false},
		} {
			j := Job{Kind: "pull", RepoID: 1, Pull: i + 1}
			must(t, s.Enqueue(t.Context(), []Job{j}))
			first, err := s.NewestJob(t.Context(), j.Key())
			must(t, err)
			s.set(t, first, c.state)
			must(t, s.Enqueue(t.Context(), []Job{j, j}))
			second, err := s.NewestJob(t.Context(), j.Key())
			must(t, err)
			if merged := second == first; merged != c.merged {
				t.Errorf("%s: merged %v, want %v", c.state, merged, c.merged)
			}
			if second < first {
				t.Errorf("%s: newest job is %d, after %d", c.state, second, first)
			}
			jobs++
			if !c.merged {
				jobs++
			}
			if n := s.count(t, "river_job"); n != jobs {
				t.Errorf("%s: %d jobs, want %d", c.state, n, jobs)
			}
		}
	})
}

// TestBringForward puts a job off and then hints at its pull request.
func TestBringForward(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		for i, c := range []struct {
			name  string
			state string
			hint  Job
			runs  bool
		}{
			{"put off", "scheduled", Job{}, true},
			{"put off, hint is later", "scheduled", Job{After: 2 * time.Hour}, false},
			{"backs off", "retryable", Job{}, false},
			{"backs off, a person asks", "retryable", Job{Priority: 1}, true},
		} {
			hint := c.hint
			hint.Kind, hint.RepoID, hint.Pull = "pull", 1, i+1
			must(t, s.Enqueue(t.Context(), []Job{{Kind: "pull", RepoID: 1, Pull: i + 1, After: time.Hour}}))
			id, err := s.NewestJob(t.Context(), hint.Key())
			must(t, err)
			s.set(t, id, c.state)
			must(t, s.Enqueue(t.Context(), []Job{hint}))
			want := c.state
			if c.runs {
				want = "available"
			}
			if got := s.state(t, id); got != want {
				t.Errorf("%s: state %s, want %s", c.name, got, want)
			}
			if n := s.count(t, "river_job"); n != i+1 {
				t.Errorf("%s: %d jobs, want %d", c.name, n, i+1)
			}
		}
	})
}

func TestSupersede(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		for i, c := range []struct {
			name      string
			head      string // that the running job works on
			hint      Job
			cancelled bool
		}{
			{"new head", "old", Job{SHA: "new", Supersede: true}, true},
			{"same head", "new", Job{SHA: "new", Supersede: true}, false},
			{"only a hint", "old", Job{SHA: "new"}, false},
			{"head unknown", "", Job{SHA: "new", Supersede: true}, false},
		} {
			hint := c.hint
			hint.Kind, hint.RepoID, hint.Pull = "pull", 1, i+1
			must(t, s.Enqueue(t.Context(), []Job{{Kind: "pull", RepoID: 1, Pull: i + 1}}))
			id, err := s.NewestJob(t.Context(), hint.Key())
			must(t, err)
			s.set(t, id, "running")
			if c.head != "" {
				_, err := s.SetHead(t.Context(), 1, i+1, c.head)
				must(t, err)
			}
			must(t, s.Enqueue(t.Context(), []Job{hint}))
			if cancelled := s.Cancelled(t.Context(), id); cancelled != c.cancelled {
				t.Errorf("%s: cancelled %v, want %v", c.name, cancelled, c.cancelled)
			}
			if n := s.count(t, "river_job WHERE state = 'available'"); n != i+1 {
				t.Errorf("%s: %d jobs wait, want %d", c.name, n, i+1)
			}
		}
	})
}

// TestNoHintIsLost does random things to the jobs of three pull requests. Whatever happens, a job that starts after the last hint
// ends up done or waits, and the queue runs dry.
func TestNoHintIsLost(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		for round := range 4 {
			noHintIsLost(t, s, int64(round+1), rand.New(rand.NewPCG(uint64(round), 5)))
		}
	})
}

func noHintIsLost(t *testing.T, s *Store, repo int64, random *rand.Rand) {
	const pulls = 3
	hinted := map[int]bool{}            // since the last start of a job
	running := map[int]map[int64]bool{} // by pull request
	for pull := range pulls {
		running[pull] = map[int64]bool{}
	}
	var ids [pulls][]int64 // of all jobs, as they come to be
	waiting := func(pull int) (list []int64) {
		for _, id := range ids[pull] {
			if slices.Contains([]string{"available", "scheduled", "retryable"}, s.state(t, id)) {
				list = append(list, id)
			}
		}
		return list
	}
	job := func(pull int) Job { return Job{Kind: "pull", RepoID: repo, Pull: pull + 1} }
	begin := func(pull int) {
		list := waiting(pull)
		if len(list) == 0 {
			return
		}
		id := list[random.IntN(len(list))]
		newest, err := s.NewestJob(t.Context(), job(pull).Key())
		must(t, err)
		if newest > id { // as the queue does
			s.set(t, id, "cancelled")
			return
		}
		s.set(t, id, "running")
		running[pull][id] = true
		hinted[pull] = false
	}
	for range 60 {
		pull := random.IntN(pulls)
		switch random.IntN(4) {
		case 0:
			must(t, s.Enqueue(t.Context(), []Job{job(pull)}))
			hinted[pull] = true
			newest, err := s.NewestJob(t.Context(), job(pull).Key())
			must(t, err)
			if !slices.Contains(ids[pull], newest) {
				ids[pull] = append(ids[pull], newest)
			}
		case 1:
			begin(pull)
		default:
			for id := range running[pull] {
				s.set(t, id, []string{"completed", "retryable", "scheduled", "discarded", "available"}[random.IntN(5)])
				delete(running[pull], id)
				break
			}
		}
		for pull := range pulls {
			if hinted[pull] && len(waiting(pull)) == 0 {
				t.Fatalf("repository %d, pull request %d: a hint was lost", repo, pull+1)
			}
		}
	}
	for pull := range pulls { // run dry
		for len(waiting(pull))+len(running[pull]) > 0 {
			begin(pull)
			for id := range running[pull] {
				s.set(t, id, "completed")
				delete(running[pull], id)
			}
		}
		if hinted[pull] {
			t.Errorf("repository %d, pull request %d: nothing ran after the last hint", repo, pull+1)
		}
	}
}

func TestDeliveriesSince(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		base := time.Date(2026, 11, 20, 12, 0, 0, 123456000, time.UTC)
		for i, guid := range []string{"c", "a", "b"} {
			d := delivery(guid)
			d.Received = base.Add(time.Duration(i) * time.Minute)
			_, err := s.Accept(t.Context(), d, nil)
			must(t, err)
		}
		list, err := s.DeliveriesSince(t.Context(), base.Add(time.Minute))
		must(t, err)
		if len(list) != 2 || list[0].GUID != "a" || list[1].GUID != "b" || !list[0].Received.Equal(base.Add(time.Minute)) {
			t.Errorf("got %+v", list)
		}
	})
}

func TestStats(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		st, err := s.Stats(t.Context())
		must(t, err)
		if st.Waiting != 0 || st.OldestAge != 0 || st.Jobs["available"] != 0 {
			t.Errorf("empty queue: %+v", st)
		}
		for i := range 3 {
			must(t, s.Enqueue(t.Context(), []Job{{Kind: "pull", RepoID: 1, Pull: i + 1}}))
		}
		must(t, s.Enqueue(t.Context(), []Job{{Kind: "pull", RepoID: 1, Pull: 9, After: time.Hour}}))
		s.set(t, 1, "completed")
		s.now = func() time.Time { return time.Now().Add(time.Minute) }
		st, err = s.Stats(t.Context())
		must(t, err)
		if st.Waiting != 3 || st.Jobs["available"] != 2 || st.Jobs["scheduled"] != 1 || st.Jobs["completed"] != 1 {
			t.Errorf("got %+v", st)
		}
		if st.OldestAge < time.Minute || st.OldestAge > 10*time.Minute {
			t.Errorf("oldest job is %v old, want about a minute", st.OldestAge)
		}
	})
}

func TestBusy(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		holds := func(within time.Duration, want bool) {
			t.Helper()
			if busy, err := s.Busy(t.Context(), within); busy != want || err != nil {
				t.Errorf("busy within %s: %t (error %v), want %t", within, busy, err, want)
			}
		}
		holds(time.Hour, false)
		must(t, s.Enqueue(t.Context(), []Job{{Kind: "pull", RepoID: 1, Pull: 9, After: time.Hour}}))
		holds(time.Minute, false)
		holds(2*time.Hour, true)
		must(t, s.Enqueue(t.Context(), []Job{{Kind: "pull", RepoID: 1, Pull: 1}}))
		holds(time.Minute, true)
		s.set(t, 2, "completed")
		holds(time.Minute, false)
	})
}

// BenchmarkAccept is one delivery after the other. BenchmarkLoad in package queue sends them as GitHub does.
func BenchmarkAccept(b *testing.B) {
	s := open(b, "sqlite:"+b.TempDir()+"/db", nil)
	payload := bytes.Repeat([]byte(`{"url":"https://api.github.com/repos/owner/name/pulls/1"},`), 400)
	b.SetBytes(int64(len(payload)))
	for i := 0; b.Loop(); i++ {
		d := Delivery{GUID: fmt.Sprint("guid-", i), Event: "pull_request", RepoID: 1, Payload: payload}
		if _, err := s.Accept(b.Context(), d, []Job{{Kind: "pull", RepoID: 1, Pull: 1 + i%500}}); err != nil {
			b.Fatal(err)
		}
	}
}
