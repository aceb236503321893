package store

import (
	"context"
	"errors"
	"time"
)

// A Repo is a repository that the App is installed on.
type Repo struct {
	ID            int64
	Installation  int64
	Owner, Name   string
	DefaultBranch string
	Private       bool
	Archived      bool
	Updated       time.Time
}

// PutRepo stores a repository, or its new name or owner.
func (s *Store) PutRepo(ctx context.Context, r Repo) error {
	_, err := s.exec(ctx, `INSERT INTO repos (id, installation, owner, name, default_branch, private, archived, updated)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET installation = excluded.installation, owner = excluded.owner,
		name = excluded.name, default_branch = excluded.default_branch, private = excluded.private, archived = excluded.archived,
		updated = excluded.updated`,
		r.ID, r.Installation, r.Owner, r.Name, r.DefaultBranch, number(r.Private), number(r.Archived), s.orNow(r.Updated))
	return err
}

const repoColumns = `SELECT id, installation, owner, name, default_branch, private, archived, updated FROM repos `

func scanRepo(scan func(...any) error) (Repo, error) {
	var r Repo
	var updated int64
	err := scan(&r.ID, &r.Installation, &r.Owner, &r.Name, &r.DefaultBranch, &r.Private, &r.Archived, &updated)
	if err != nil {
		return Repo{}, notFound(err)
	}
	r.Updated = fromMicro(updated)
	return r, nil
}

// RepoByID returns a repository, or ErrNotFound.
func (s *Store) RepoByID(ctx context.Context, id int64) (Repo, error) {
	return scanRepo(s.read.QueryRowContext(ctx, s.sql(repoColumns+`WHERE id = ?1`), id).Scan)
}

// Repos lists the repositories of installations that are not suspended, by id.
func (s *Store) Repos(ctx context.Context) ([]Repo, error) {
	var list []Repo
	err := s.rows(ctx, repoColumns+`WHERE installation NOT IN (SELECT id FROM installations WHERE suspended = 1) ORDER BY id`, nil,
		func(scan func(...any) error) error {
			r, err := scanRepo(scan)
			list = append(list, r)
			return err
		})
	return list, err
}

// emptyDeliveries leaves nothing of deliveries but that they came.
const emptyDeliveries = `UPDATE deliveries SET payload = ?2, installation = 0, repo = 0 `

// DeleteRepo forgets a repository and all that belongs to it. Of its deliveries the GUIDs stay, so that none is fetched again.
func (s *Store) DeleteRepo(ctx context.Context, id int64) error {
	return s.inTx(ctx, func(t tx) error {
		if _, err := t.exec(ctx, s.sql("DELETE FROM repos WHERE id = ?1"), id); err != nil { // first: see PutMeasurement
			return err
		}
		for _, table := range []string{"sizes", "measurements", "evaluations", "outputs", "pulls", "test_merges", "acceptances", "paused", "commands", "retention"} {
			if _, err := t.exec(ctx, s.sql("DELETE FROM "+table+" WHERE repo = ?1"), id); err != nil {
				return err
			}
		}
		_, err := t.exec(ctx, s.sql(emptyDeliveries+"WHERE repo = ?1"), id, []byte{})
		return err
	})
}

// An Installation is the App on one account.
type Installation struct {
	ID        int64
	Account   string
	Suspended bool
}

// PutInstallation stores an installation.
func (s *Store) PutInstallation(ctx context.Context, i Installation) error {
	_, err := s.exec(ctx, `INSERT INTO installations (id, account, suspended) VALUES (?1, ?2, ?3)
		ON CONFLICT (id) DO UPDATE SET account = excluded.account, suspended = excluded.suspended`, i.ID, i.Account, number(i.Suspended))
	return err
}

// InstallationByID returns an installation, or ErrNotFound.
func (s *Store) InstallationByID(ctx context.Context, id int64) (Installation, error) {
	i := Installation{ID: id}
	err := s.row(ctx, `SELECT account, suspended FROM installations WHERE id = ?1`, []any{id}, &i.Account, &i.Suspended)
	return i, err
}

// SuspendInstallation says that GitHub suspended an installation, or not any more.
func (s *Store) SuspendInstallation(ctx context.Context, id int64, suspended bool) error {
	_, err := s.exec(ctx, `INSERT INTO installations (id, account, suspended) VALUES (?1, '', ?2)
		ON CONFLICT (id) DO UPDATE SET suspended = excluded.suspended`, id, number(suspended))
	return err
}

// DeleteInstallation forgets an installation, its repositories and all that belongs to them: who removes the App wants that.
func (s *Store) DeleteInstallation(ctx context.Context, id int64) error {
	var repos []int64
	err := s.rows(ctx, `SELECT id FROM repos WHERE installation = ?1 ORDER BY id`, []any{id}, func(scan func(...any) error) error {
		var repo int64
		err := scan(&repo)
		repos = append(repos, repo)
		return err
	})
	if err != nil {
		return err
	}
	for _, repo := range repos {
		if err := s.DeleteRepo(ctx, repo); err != nil {
			return err
		}
	}
	if _, err := s.exec(ctx, emptyDeliveries+`WHERE installation = ?1`, id, []byte{}); err != nil {
		return err
	}
	_, err = s.exec(ctx, `DELETE FROM installations WHERE id = ?1`, id)
	return err
}

// A Pull is an open pull request and the head that is wanted.
type Pull struct {
	RepoID  int64
	Pull    int
	HeadSHA string
	Seq     int64
	Since   time.Time // when this head was seen first, or again after another
	Closed  bool
}

// SetHead says which head of an open pull request is wanted. The sequence number grows when it is another one than before.
func (s *Store) SetHead(ctx context.Context, repoID int64, pull int, headSHA string) (seq int64, err error) {
	err = notFound(s.write.QueryRowContext(ctx, s.sql(`INSERT INTO pulls (repo, pull, head, seq, closed, updated, since) VALUES (?1, ?2, ?3, 1, 0, ?4, ?4)
		ON CONFLICT (repo, pull) DO UPDATE SET seq = pulls.seq + CASE WHEN pulls.head = excluded.head THEN 0 ELSE 1 END,
		since = CASE WHEN pulls.head = excluded.head THEN pulls.since ELSE excluded.since END,
		head = excluded.head, closed = 0, updated = excluded.updated RETURNING seq`),
		repoID, pull, headSHA, s.now().UnixMicro()).Scan(&seq))
	return seq, err
}

// Head returns the head that is wanted, or ErrNotFound.
func (s *Store) Head(ctx context.Context, repoID int64, pull int) (Pull, error) {
	p := Pull{RepoID: repoID, Pull: pull}
	var since int64
	err := s.row(ctx, `SELECT head, seq, since, closed FROM pulls WHERE repo = ?1 AND pull = ?2`, []any{repoID, pull}, &p.HeadSHA, &p.Seq, &since, &p.Closed)
	if err != nil {
		return Pull{}, err
	}
	p.Since = fromMicro(since)
	return p, nil
}

// PullsOfHead lists the open pull requests whose wanted head is a commit, by number.
func (s *Store) PullsOfHead(ctx context.Context, repoID int64, sha string) ([]int, error) {
	var list []int
	err := s.rows(ctx, `SELECT pull FROM pulls WHERE repo = ?1 AND head = ?2 AND closed = 0 ORDER BY pull`, []any{repoID, sha},
		func(scan func(...any) error) error {
			var n int
			err := scan(&n)
			list = append(list, n)
			return err
		})
	return list, err
}

// Current returns ErrSuperseded unless the head that had this sequence number is still wanted. Ask right before writing to GitHub.
func (s *Store) Current(ctx context.Context, repoID int64, pull int, seq int64) error {
	var one int
	err := s.row(ctx, `SELECT 1 FROM pulls WHERE repo = ?1 AND pull = ?2 AND seq = ?3`, []any{repoID, pull, seq}, &one)
	if errors.Is(err, ErrNotFound) {
		return ErrSuperseded
	}
	return err
}

// ClosePull says that a pull request was closed: nothing is wanted any more.
func (s *Store) ClosePull(ctx context.Context, repoID int64, pull int) error {
	_, err := s.exec(ctx, `UPDATE pulls SET closed = 1, seq = seq + 1, updated = ?3 WHERE repo = ?1 AND pull = ?2 AND closed = 0`,
		repoID, pull, s.now().UnixMicro())
	return err
}
