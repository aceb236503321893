package store

import (
	"context"
	"time"
)

// An Acceptance is one row of the ledger: a maintainer's consent to growth over budget. It is kept as long as the repository.
type Acceptance struct {
	ID                     int64
	RepoID                 int64
	Pull                   int
	Head, Tree, Evaluation string // of what was accepted; the evaluation may be purged by now
	Bucket                 string // the one bucket that was accepted, or ""
	Growth                 []byte // JSON
	By                     string // login
	ByID                   int64
	Reason                 string
	Button                 bool
	At                     time.Time // when it was given
	Withdrawn              time.Time // zero: it was not
	WithdrawnBy            string
	Lapsed                 time.Time // zero: it did not
	LapsedAt               string    // head for which it lapsed
	Why                    string    // it lapsed
	MergeCommit            string
	Merged                 time.Time
}

// PutAcceptance adds a row and returns its id. What one person gave at one moment for one evaluation and bucket is one row: the same
// again changes nothing, and returns the id of the first. A new row is neither withdrawn, lapsed nor merged, whatever a says.
func (s *Store) PutAcceptance(ctx context.Context, a Acceptance) (id int64, err error) {
	err = notFound(s.write.QueryRowContext(ctx, s.sql(`INSERT INTO acceptances
		(repo, pull, head, tree, evaluation, bucket, growth, login, login_id, reason, button, given)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
		ON CONFLICT (repo, pull, evaluation, bucket, login_id, given) DO UPDATE SET given = excluded.given RETURNING id`),
		a.RepoID, a.Pull, a.Head, a.Tree, a.Evaluation, a.Bucket, notNil(a.Growth), a.By, a.ByID, a.Reason, number(a.Button),
		s.orNow(a.At)).Scan(&id))
	return id, err
}

func (s *Store) acceptances(ctx context.Context, where string, args ...any) ([]Acceptance, error) {
	var list []Acceptance
	err := s.rows(ctx, `SELECT id, repo, pull, head, tree, evaluation, bucket, growth, login, login_id, reason, button, given,
		withdrawn, withdrawn_by, lapsed, lapsed_at, why, merge_commit, merged FROM acceptances `+where, args,
		func(scan func(...any) error) error {
			var a Acceptance
			var at, withdrawn, lapsed, merged int64
			err := scan(&a.ID, &a.RepoID, &a.Pull, &a.Head, &a.Tree, &a.Evaluation, &a.Bucket, &a.Growth, &a.By, &a.ByID, &a.Reason,
				&a.Button, &at, &withdrawn, &a.WithdrawnBy, &lapsed, &a.LapsedAt, &a.Why, &a.MergeCommit, &merged)
			a.At, a.Withdrawn, a.Lapsed, a.Merged = fromMicro(at), fromStamp(withdrawn), fromStamp(lapsed), fromStamp(merged)
			list = append(list, a)
			return err
		})
	return list, err
}

// Acceptances lists the acceptances of a pull request, oldest first, with those that do not hold any more.
func (s *Store) Acceptances(ctx context.Context, repoID int64, pull int) ([]Acceptance, error) {
	return s.acceptances(ctx, `WHERE repo = ?1 AND pull = ?2 ORDER BY given, id`, repoID, pull)
}

// Ledger lists the acceptances of a repository, newest first, at most limit of them.
func (s *Store) Ledger(ctx context.Context, repoID int64, limit int) ([]Acceptance, error) {
	return s.acceptances(ctx, `WHERE repo = ?1 ORDER BY given DESC, id DESC LIMIT ?2`, repoID, limit)
}

// WithdrawAcceptances withdraws what was accepted on a pull request up to the moment at which somebody wrote so. What was given later
// stays, in whatever order the two are worked. It returns how many rows that withdrew; the same again returns the same.
func (s *Store) WithdrawAcceptances(ctx context.Context, repoID int64, pull int, by string, at time.Time) (n int64, err error) {
	moment := s.orNow(at)
	_, err = s.exec(ctx, `UPDATE acceptances SET withdrawn = ?3, withdrawn_by = ?4 WHERE repo = ?1 AND pull = ?2 AND withdrawn = 0
		AND given <= ?3`, repoID, pull, moment, by)
	if err != nil {
		return 0, err
	}
	err = s.row(ctx, `SELECT count(*) FROM acceptances WHERE repo = ?1 AND pull = ?2 AND withdrawn = ?3 AND withdrawn_by = ?4`,
		[]any{repoID, pull, moment, by}, &n)
	return n, err
}

// LapseAcceptance says that an acceptance lapsed, for which head and why. What lapsed or was withdrawn before stays as it is.
func (s *Store) LapseAcceptance(ctx context.Context, repoID, id int64, head, why string) error {
	_, err := s.exec(ctx, `UPDATE acceptances SET lapsed = ?3, lapsed_at = ?4, why = ?5 WHERE repo = ?1 AND id = ?2 AND lapsed = 0
		AND withdrawn = 0`, repoID, id, s.now().UnixMicro(), head, why)
	return err
}

// MergeAcceptances notes as which commit a pull request was merged, in those of its rows that hold: what was withdrawn or lapsed had
// no part in it. The first to say so is right.
func (s *Store) MergeAcceptances(ctx context.Context, repoID int64, pull int, mergeCommit string) error {
	_, err := s.exec(ctx, `UPDATE acceptances SET merge_commit = ?3, merged = ?4 WHERE repo = ?1 AND pull = ?2 AND merged = 0
		AND withdrawn = 0 AND lapsed = 0`, repoID, pull, mergeCommit, s.now().UnixMicro())
	return err
}
