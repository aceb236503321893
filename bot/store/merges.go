package store

import (
	"context"
	"time"
)

// Merge is a test merge of a pull request, and the last time that GitHub named it.
type Merge struct {
	SHA  string
	Seen time.Time
}

// keptMerges is how many test merges of a pull request are remembered. A run that built an older one is older than anything
// that waits.
const keptMerges = 50

// SeeTestMerge notes that GitHub names sha as the test merge of a pull request now.
func (s *Store) SeeTestMerge(ctx context.Context, repoID int64, pull int, sha string) error {
	_, err := s.exec(ctx, `INSERT INTO test_merges (repo, pull, sha, seen) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (repo, pull, sha) DO UPDATE SET seen = excluded.seen`, repoID, pull, sha, s.now().UnixMicro())
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, `DELETE FROM test_merges WHERE repo = ?1 AND pull = ?2 AND sha NOT IN
		(SELECT sha FROM test_merges WHERE repo = ?1 AND pull = ?2 ORDER BY seen DESC LIMIT ?3)`, repoID, pull, keptMerges)
	return err
}

// TestMerges returns the test merges of a pull request, the one seen last first.
func (s *Store) TestMerges(ctx context.Context, repoID int64, pull int) ([]Merge, error) {
	var list []Merge
	err := s.rows(ctx, `SELECT sha, seen FROM test_merges WHERE repo = ?1 AND pull = ?2 ORDER BY seen DESC, sha`, []any{repoID, pull},
		func(scan func(...any) error) error {
			var m Merge
			var seen int64
			if err := scan(&m.SHA, &seen); err != nil {
				return err
			}
			m.Seen = fromMicro(seen)
			list = append(list, m)
			return nil
		})
	return list, err
}
