package store

import "context"

// maxMeasured bounds how many measurements one revision can bring.
const maxMeasured = 200

// MeasuredAt lists the newest measurement of each target whose commit begins with prefix, by target and commit; at most 200. Those
// that failed are left out. A prefix that fits several commits brings all of them: the caller sees that it is ambiguous.
func (s *Store) MeasuredAt(ctx context.Context, repoID int64, prefix string) ([]Measurement, error) {
	var ids []int64
	err := s.rows(ctx, `SELECT max(id) FROM measurements WHERE repo = ?1 AND sha >= ?2 AND sha < ?3 AND problem = ''
		GROUP BY target, sha ORDER BY target, sha LIMIT ?4`, []any{repoID, prefix, prefix + "g", maxMeasured}, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	var list []Measurement
	for _, id := range ids {
		if err != nil {
			break
		}
		var m Measurement
		m, err = s.measurement(ctx, `WHERE id = ?1`, id)
		list = append(list, m)
	}
	return list, err
}
