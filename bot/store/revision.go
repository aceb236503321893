package store

import "context"

// maxMeasured bounds how many measurements one revision can bring.
const maxMeasured = 200

// trustedFirst orders trusted measurements above all others, and both by their age.
const trustedFirst = 1 << 62

// MeasuredAt lists a measurement of each target whose commit begins with prefix, by target and commit, at most 200: the newest that
// may be a baseline, else the newest. Those that failed are left out. A prefix that fits several commits brings all of them: the
// caller sees that it is ambiguous. Only ID, Target and SHA are filled in; MeasurementByID has the rest, which is large.
func (s *Store) MeasuredAt(ctx context.Context, repoID int64, prefix string) ([]Measurement, error) {
	var list []Measurement
	err := s.rows(ctx, `SELECT target, sha, max(trusted * ?4 + id) FROM measurements WHERE repo = ?1 AND sha >= ?2 AND sha < ?3 AND problem = ''
		GROUP BY target, sha ORDER BY target, sha LIMIT ?5`, []any{repoID, prefix, prefix + "g", int64(trustedFirst), maxMeasured}, func(scan func(...any) error) error {
		m := Measurement{RepoID: repoID}
		err := scan(&m.Target, &m.SHA, &m.ID)
		m.ID %= trustedFirst
		list = append(list, m)
		return err
	})
	return list, err
}
