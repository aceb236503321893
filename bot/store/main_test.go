package store

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// each runs a test of the store on both kinds of database.
func each(t *testing.T, test func(t *testing.T, s *Store)) {
	storetest.Each(t, func(t *testing.T, url string) { test(t, open(t, url, nil)) })
}

func open(t testing.TB, url string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// count counts the rows of a table that the store itself does not list.
func (s *Store) count(t testing.TB, from string, args ...any) (n int) {
	t.Helper()
	must(t, s.row(context.Background(), "SELECT count(*) FROM "+from, args, &n))
	return n
}
