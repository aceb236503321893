package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

// BenchmarkLoad sends 200 deliveries a second to a store whose queue is at work, and says how long a delivery waits for its answer.
// A minute of it:
//
//	go test -run - -bench Load -benchtime 12000x ./bot/queue
func BenchmarkLoad(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { load(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { load(b, storetest.Postgres(b)) })
}

func load(b *testing.B, url string) {
	const perSecond = 200
	s, err := store.Open(b.Context(), url, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var seen sync.Map // repository/pull → when it was last looked at
	look := func(_ context.Context, j Job) error {
		seen.Store(j.Pull, time.Now())
		return nil
	}
	q, err := New(s, Workers{Pull: look, Base: look, Installation: look, Command: look}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := q.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	defer q.Stop(context.Background())

	payload := samplePayload()
	took := make([]time.Duration, b.N)
	var lost atomic.Int64
	var all sync.WaitGroup
	sent := map[int]time.Time{}
	b.ResetTimer()
	start := time.Now()
	for i := range b.N {
		due := start.Add(time.Duration(i) * time.Second / perSecond)
		time.Sleep(time.Until(due))
		pull := 1 + rand.IntN(500)
		sent[pull] = time.Now()
		all.Go(func() {
			d := store.Delivery{GUID: fmt.Sprintf("guid-%d", i), Event: "pull_request", Action: "synchronize", RepoID: 1, Payload: payload}
			fresh, err := s.Accept(context.Background(), d, []Job{{Kind: Pull, RepoID: 1, Pull: pull, Why: "pull_request"}})
			if err != nil || !fresh {
				lost.Add(1)
			}
			took[i] = time.Since(due) // from when it was due: a queue before the store counts
		})
	}
	all.Wait()
	b.StopTimer()
	if n := lost.Load(); n > 0 {
		b.Errorf("%d deliveries were refused", n)
	}
	kept, err := s.DeliveriesSince(b.Context(), time.Time{})
	if err != nil || len(kept) != b.N {
		b.Errorf("%d deliveries are in the store (error %v), want %d", len(kept), err, b.N)
	}
	waitFor(b, func() bool {
		st, err := s.Stats(b.Context())
		return err == nil && st.Waiting == 0 && st.Jobs["running"] == 0
	})
	for pull, at := range sent {
		if last, ok := seen.Load(pull); !ok || last.(time.Time).Before(at) {
			b.Errorf("pull request %d was not looked at after its last delivery", pull)
		}
	}
	slices.Sort(took)
	for _, p := range []struct {
		name string
		at   float64
	}{{"p50-ms", 0.5}, {"p99-ms", 0.99}, {"max-ms", 1}} {
		b.ReportMetric(float64(took[max(0, int(p.at*float64(len(took)))-1)].Microseconds())/1000, p.name)
	}
}

// samplePayload is as long as a pull_request delivery, and compresses as one does.
func samplePayload() []byte {
	var text strings.Builder
	for text.Len() < 22<<10 {
		fmt.Fprintf(&text, `"field_%d_url":"https://api.github.com/repos/owner/name/%x",`, text.Len(), rand.Uint64())
	}
	return []byte("{" + strings.TrimSuffix(text.String(), ",") + "}")
}

// waitFor waits until ok, for as long as a slow machine may need.
func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	for range 6000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("what was waited for did not happen within a minute")
}
