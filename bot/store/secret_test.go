package store

import (
	"bytes"
	"sync"
	"testing"

	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

func TestSecret(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		var all sync.WaitGroup
		got := make([][]byte, 6)
		for i := range got {
			replica := open(t, url, nil)
			all.Go(func() {
				var err error
				if got[i], err = replica.Secret(t.Context(), "marker", nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for i, secret := range got {
			if len(secret) != 32 || !bytes.Equal(secret, got[0]) {
				t.Errorf("replica %d has %x, the first has %x; want the same 32 bytes", i, secret, got[0])
			}
		}
		s := open(t, url, nil)
		if again, err := s.Secret(t.Context(), "marker", nil); err != nil || !bytes.Equal(again, got[0]) {
			t.Errorf("after another start: %x, error %v; want %x", again, err, got[0])
		}
		if other, err := s.Secret(t.Context(), "other", nil); err != nil || len(other) != 32 || bytes.Equal(other, got[0]) {
			t.Errorf("another name: %x, error %v; want 32 bytes of its own", other, err)
		}
		for _, first := range []string{"old key", "new key"} {
			if kept, err := s.Secret(t.Context(), "given", []byte(first)); err != nil || string(kept) != "old key" {
				t.Errorf("given %q: %q, error %v; want the one that came first", first, kept, err)
			}
		}
	})
}
