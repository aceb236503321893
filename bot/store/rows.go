package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Measurement is what one artifact measured to.
type Measurement struct {
	ID             int64
	RepoID         int64
	Target         string
	SHA            string // what was built
	RunID          int64
	RunEvent       string
	ArtifactID     int64
	ArtifactDigest string    // as GitHub gave it, or ""
	Trusted        bool      // may be a baseline
	Branch         string    // that a trusted run was for; "" keeps the measurement out of every history
	Blob           []byte    // compressed by whoever made it; nil when there is a problem
	Problem        string    // why it could not be measured, or ""
	Built          time.Time // when the run was created; zero: when it was measured
	Created        time.Time // when it was measured
}

// PutMeasurement stores a measurement and returns its id. One of the same artifact and target is replaced; what PutSizes stored of
// it goes. It returns ErrRemoved, and stores nothing, when the repository was forgotten in the meantime.
func (s *Store) PutMeasurement(ctx context.Context, m Measurement) (id int64, err error) {
	created := s.orNow(m.Created)
	built := created
	if !m.Built.IsZero() {
		built = m.Built.UnixMicro()
	}
	err = s.inTx(ctx, func(t tx) error {
		// The row stays locked until the end, and DeleteRepo takes it first. So it deletes this measurement, or comes before it.
		n, err := t.exec(ctx, s.sql(`UPDATE repos SET id = id WHERE id = ?1`), m.RepoID)
		if err == nil && n == 0 {
			err = ErrRemoved
		}
		if err != nil {
			return err
		}
		err = t.row(ctx, s.sql(`INSERT INTO measurements
			(repo, target, sha, run, run_event, artifact, digest, trusted, problem, blob, created, branch, built)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
			ON CONFLICT (repo, artifact, target) DO UPDATE SET sha = excluded.sha, run = excluded.run, run_event = excluded.run_event,
			digest = excluded.digest, trusted = excluded.trusted, problem = excluded.problem, blob = excluded.blob, created = excluded.created,
			branch = excluded.branch, built = excluded.built
			RETURNING id`),
			[]any{m.RepoID, m.Target, m.SHA, m.RunID, m.RunEvent, m.ArtifactID, m.ArtifactDigest, number(m.Trusted), m.Problem, notNil(m.Blob),
				created, m.Branch, built}, &id)
		if err == nil {
			_, err = t.exec(ctx, s.sql(`DELETE FROM sizes WHERE measurement = ?1`), id)
		}
		return err
	})
	return id, err
}

// ForgetFailures forgets which artifacts of a commit could not be measured, so that it is tried again, and returns how many.
func (s *Store) ForgetFailures(ctx context.Context, repoID int64, sha string) (int64, error) {
	return s.exec(ctx, `DELETE FROM measurements WHERE repo = ?1 AND sha = ?2 AND problem <> ''`, repoID, sha)
}

const measurementColumns = `SELECT id, repo, target, sha, run, run_event, artifact, digest, trusted, problem, blob, created, branch, built
	FROM measurements `

func (s *Store) measurement(ctx context.Context, where string, args ...any) (Measurement, error) {
	var m Measurement
	var created, built int64
	err := s.row(ctx, measurementColumns+where, args, &m.ID, &m.RepoID, &m.Target, &m.SHA, &m.RunID, &m.RunEvent, &m.ArtifactID,
		&m.ArtifactDigest, &m.Trusted, &m.Problem, &m.Blob, &created, &m.Branch, &built)
	if err != nil {
		return Measurement{}, err
	}
	m.Created, m.Built = fromMicro(created), fromMicro(built)
	if built == 0 { // of a time when this was not kept
		m.Built = m.Created
	}
	if len(m.Blob) == 0 {
		m.Blob = nil
	}
	return m, nil
}

// MeasurementByArtifact returns what an artifact measured to, or ErrNotFound.
func (s *Store) MeasurementByArtifact(ctx context.Context, repoID, artifactID int64) (Measurement, error) {
	return s.measurement(ctx, `WHERE repo = ?1 AND artifact = ?2 ORDER BY id DESC LIMIT 1`, repoID, artifactID)
}

// Baseline returns the newest trusted measurement of a commit, or ErrNotFound. One that failed is none.
func (s *Store) Baseline(ctx context.Context, repoID int64, target, sha string) (Measurement, error) {
	return s.measurement(ctx, `WHERE repo = ?1 AND target = ?2 AND sha = ?3 AND trusted = 1 AND problem = '' ORDER BY id DESC LIMIT 1`,
		repoID, target, sha)
}

// MeasuredCommits says which of the commits have a baseline.
func (s *Store) MeasuredCommits(ctx context.Context, repoID int64, target string, shas []string) (map[string]bool, error) {
	measured := map[string]bool{}
	for _, sha := range shas {
		var one int
		err := s.row(ctx, `SELECT 1 FROM measurements WHERE repo = ?1 AND target = ?2 AND sha = ?3 AND trusted = 1 AND problem = '' LIMIT 1`,
			[]any{repoID, target, sha}, &one)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err == nil {
			measured[sha] = true
		}
	}
	return measured, nil
}

// An Evaluation is the one record that every rendering of a comparison is made from.
type Evaluation struct {
	ID        string // sorts by time; made by PutEvaluation when empty
	RepoID    int64
	Pull      int
	HeadSHA   string
	BaseSHA   string
	MergeSHA  string
	State     string // the verdict
	Record    []byte // JSON; kept as gzip
	Created   time.Time
	Published time.Time // see Published; zero before
}

// NewID makes an id of hexadecimal digits that sorts by time, in microseconds, and cannot be guessed: it ends in 128 random bits.
func (s *Store) NewID() string {
	var tail [16]byte
	rand.Read(tail[:]) // never fails
	return fmt.Sprintf("%013x", s.now().UnixMicro()) + hex.EncodeToString(tail[:])
}

// PutEvaluation stores an evaluation of the head that had sequence number seq (see SetHead), and returns its id. It returns
// ErrSuperseded, and stores nothing, when another head is wanted by now; seq 0 does not ask. One of the same id is replaced, and is not published then.
func (s *Store) PutEvaluation(ctx context.Context, e Evaluation, seq int64) (id string, err error) {
	if e.ID == "" {
		e.ID = s.NewID()
	}
	record, err := pack(e.Record)
	if err != nil {
		return "", err
	}
	err = s.inTx(ctx, func(t tx) error {
		if err := s.current(ctx, t, e.RepoID, e.Pull, seq); err != nil {
			return err
		}
		_, err := t.exec(ctx, s.sql(`INSERT INTO evaluations (id, repo, pull, head, base, merge, state, record, created)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET head = excluded.head, base = excluded.base,
			merge = excluded.merge, state = excluded.state, record = excluded.record, created = excluded.created,
			published = 0`),
			e.ID, e.RepoID, e.Pull, e.HeadSHA, e.BaseSHA, e.MergeSHA, e.State, record, s.orNow(e.Created))
		return err
	})
	return e.ID, err
}

// current returns ErrSuperseded unless the pull request's head still has that sequence number. The row stays locked until the
// transaction ends.
func (s *Store) current(ctx context.Context, t tx, repoID int64, pull int, seq int64) error {
	if seq == 0 {
		return nil
	}
	n, err := t.exec(ctx, s.sql(`UPDATE pulls SET seq = seq WHERE repo = ?1 AND pull = ?2 AND seq = ?3`), repoID, pull, seq)
	if err == nil && n == 0 {
		err = ErrSuperseded
	}
	return err
}

// Published notes when an evaluation was first written to GitHub, by our own clock: who wrote before that cannot have seen it. Later
// calls change nothing.
func (s *Store) Published(ctx context.Context, evaluationID string, at time.Time) error {
	_, err := s.exec(ctx, `UPDATE evaluations SET published = ?2 WHERE id = ?1 AND published = 0`, evaluationID, s.orNow(at))
	return err
}

const evaluationColumns = `SELECT id, repo, pull, head, base, merge, state, record, created, published FROM evaluations `

func scanEvaluation(scan func(...any) error) (Evaluation, error) {
	var e Evaluation
	var created, published int64
	var record []byte
	if err := scan(&e.ID, &e.RepoID, &e.Pull, &e.HeadSHA, &e.BaseSHA, &e.MergeSHA, &e.State, &record, &created, &published); err != nil {
		return Evaluation{}, notFound(err)
	}
	e.Created, e.Published = fromMicro(created), fromStamp(published)
	var err error
	e.Record, err = unpack(record)
	return e, err
}

// LatestEvaluation returns the newest evaluation of a pull request, or ErrNotFound.
func (s *Store) LatestEvaluation(ctx context.Context, repoID int64, pull int) (Evaluation, error) {
	return scanEvaluation(s.read.QueryRowContext(ctx,
		s.sql(evaluationColumns+`WHERE repo = ?1 AND pull = ?2 ORDER BY id DESC LIMIT 1`), repoID, pull).Scan)
}

// EvaluationByID returns an evaluation, or ErrNotFound.
func (s *Store) EvaluationByID(ctx context.Context, id string) (Evaluation, error) {
	return scanEvaluation(s.read.QueryRowContext(ctx, s.sql(evaluationColumns+`WHERE id = ?1`), id).Scan)
}

// Evaluations lists the evaluations of a pull request, newest first, without their records.
func (s *Store) Evaluations(ctx context.Context, repoID int64, pull int) ([]Evaluation, error) {
	var list []Evaluation
	err := s.rows(ctx, `SELECT id, repo, pull, head, base, merge, state, created, published FROM evaluations WHERE repo = ?1 AND pull = ?2
		ORDER BY id DESC`, []any{repoID, pull}, func(scan func(...any) error) error {
		var e Evaluation
		var created, published int64
		err := scan(&e.ID, &e.RepoID, &e.Pull, &e.HeadSHA, &e.BaseSHA, &e.MergeSHA, &e.State, &created, &published)
		e.Created, e.Published = fromMicro(created), fromStamp(published)
		list = append(list, e)
		return err
	})
	return list, err
}

// An Output is something of ours on GitHub.
type Output struct {
	RepoID     int64
	Pull       int
	Kind       string // "comment" or "check"
	HeadSHA    string // of a check; "" for the comment, of which there is one
	GitHubID   int64
	BodySHA256 string
	Updated    time.Time
}

// PutOutput remembers an output, or that it says something else now.
func (s *Store) PutOutput(ctx context.Context, o Output) error {
	_, err := s.exec(ctx, `INSERT INTO outputs (repo, pull, kind, head, github_id, body, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT (repo, pull, kind, head) DO UPDATE SET github_id = excluded.github_id, body = excluded.body, updated = excluded.updated`,
		o.RepoID, o.Pull, o.Kind, o.HeadSHA, o.GitHubID, o.BodySHA256, s.orNow(o.Updated))
	return err
}

// Output returns an output, or ErrNotFound.
func (s *Store) Output(ctx context.Context, repoID int64, pull int, kind, headSHA string) (Output, error) {
	o := Output{RepoID: repoID, Pull: pull, Kind: kind, HeadSHA: headSHA}
	var updated int64
	err := s.row(ctx, `SELECT github_id, body, updated FROM outputs WHERE repo = ?1 AND pull = ?2 AND kind = ?3 AND head = ?4`,
		[]any{repoID, pull, kind, headSHA}, &o.GitHubID, &o.BodySHA256, &updated)
	if err != nil {
		return Output{}, err
	}
	o.Updated = fromMicro(updated)
	return o, nil
}

func pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unpack(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// notNil keeps an absent blob from becoming NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
