package store

import (
	"context"
	"time"
)

// A Baseline is a measurement in the history of a branch: trusted, and not failed.
type Baseline struct {
	ID    int64 // of the measurement
	SHA   string
	Built time.Time // when the run was created
	Sizes []byte    // what PutSizes stored for the rules that were asked for, nil when there is nothing
}

// History returns the baselines of a target on a branch whose runs were created at since or later, in the order in which they
// were created. One commit may be there several times, as its runs are.
func (s *Store) History(ctx context.Context, repoID int64, target, branch, rules string, since time.Time) ([]Baseline, error) {
	var list []Baseline
	err := s.rows(ctx, `SELECT m.id, m.sha, m.built, z.record FROM measurements m
		LEFT JOIN sizes z ON z.measurement = m.id AND z.rules = ?4
		WHERE m.repo = ?1 AND m.target = ?2 AND m.branch = ?3 AND m.built >= ?5 AND m.trusted = 1 AND m.problem = ''
		ORDER BY m.built, m.run, m.id`, []any{repoID, target, branch, rules, since.UnixMicro()},
		func(scan func(...any) error) error {
			var b Baseline
			var built int64
			err := scan(&b.ID, &b.SHA, &built, &b.Sizes)
			b.Built = fromMicro(built)
			list = append(list, b)
			return err
		})
	return list, err
}

// HistoryTargets returns the targets that have a history on a branch, by name.
func (s *Store) HistoryTargets(ctx context.Context, repoID int64, branch string) ([]string, error) {
	var list []string
	err := s.rows(ctx, `SELECT DISTINCT target FROM measurements WHERE repo = ?1 AND branch = ?2 AND trusted = 1 AND problem = ''
		ORDER BY target`, []any{repoID, branch}, func(scan func(...any) error) error {
		var target string
		err := scan(&target)
		list = append(list, target)
		return err
	})
	return list, err
}

// PutSizes remembers what a measurement amounts to by a set of rules. It does nothing when the measurement is gone by now.
func (s *Store) PutSizes(ctx context.Context, repoID, measurement int64, rules string, record []byte) error {
	_, err := s.exec(ctx, `INSERT INTO sizes (repo, measurement, rules, record)
		SELECT repo, id, ?3, ?4 FROM measurements WHERE repo = ?1 AND id = ?2
		ON CONFLICT (measurement, rules) DO UPDATE SET record = excluded.record`, repoID, measurement, rules, notNil(record))
	return err
}

// MeasurementByID returns a measurement, or ErrNotFound.
func (s *Store) MeasurementByID(ctx context.Context, repoID, id int64) (Measurement, error) {
	return s.measurement(ctx, `WHERE repo = ?1 AND id = ?2`, repoID, id)
}
