package store

import (
	"context"
	"errors"
	"time"
)

// A Command is a comment with commands, or another thing that a person asked of us.
type Command struct {
	RepoID   int64
	Kind     string // of the source: each kind counts its ids by itself
	Source   int64  // GitHub's id of the comment, the review …
	Pull     int
	Login    string    // who sent it
	Begun    time.Time // when it was claimed first
	Done     time.Time // its effects are there and Outcome is what they were; zero before
	Answered time.Time // the person was told; zero before
	Outcome  []byte    // before it is done, as far as it has come; nil at the beginning
}

// ClaimCommand says that c is worked now, and returns what is known of it. first says that nobody began it before. Otherwise:
//
//   - Answered is set: there is nothing left to do.
//   - Done is set: tell the person Outcome; do not run it again.
//   - neither: whoever began it died, or could not go on. Go on after Outcome; effects have to bear being caused again.
//
// Two that work at once are not kept apart by this; jobs of one key are.
func (s *Store) ClaimCommand(ctx context.Context, c Command) (known Command, first bool, err error) {
	n, err := s.exec(ctx, `INSERT INTO commands (repo, kind, source, pull, login, begun, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT (repo, kind, source) DO NOTHING`, c.RepoID, c.Kind, c.Source, c.Pull, c.Login, s.now().UnixMicro(), []byte{})
	if err != nil {
		return Command{}, false, err
	}
	known = Command{RepoID: c.RepoID, Kind: c.Kind, Source: c.Source}
	var begun, done, answered int64
	err = s.row(ctx, `SELECT pull, login, begun, done, answered, outcome FROM commands WHERE repo = ?1 AND kind = ?2 AND source = ?3`,
		[]any{c.RepoID, c.Kind, c.Source}, &known.Pull, &known.Login, &begun, &done, &answered, &known.Outcome)
	if err != nil {
		return Command{}, false, err
	}
	known.Begun, known.Done, known.Answered = fromMicro(begun), fromStamp(done), fromStamp(answered)
	if len(known.Outcome) == 0 {
		known.Outcome = nil
	}
	return known, n > 0, nil
}

// CommandProgress stores how far a claimed command has come, as long as it is not done.
func (s *Store) CommandProgress(ctx context.Context, c Command, outcome []byte) error {
	_, err := s.exec(ctx, `UPDATE commands SET outcome = ?4 WHERE repo = ?1 AND kind = ?2 AND source = ?3 AND done = 0`,
		c.RepoID, c.Kind, c.Source, notNil(outcome))
	return err
}

// CommandDone stores the outcome of a claimed command. The first one stays.
func (s *Store) CommandDone(ctx context.Context, c Command, outcome []byte) error {
	_, err := s.exec(ctx, `UPDATE commands SET done = ?4, outcome = ?5 WHERE repo = ?1 AND kind = ?2 AND source = ?3 AND done = 0`,
		c.RepoID, c.Kind, c.Source, s.now().UnixMicro(), notNil(outcome))
	return err
}

// CommandAnswered says that the person was told the outcome.
func (s *Store) CommandAnswered(ctx context.Context, c Command) error {
	_, err := s.exec(ctx, `UPDATE commands SET answered = ?4 WHERE repo = ?1 AND kind = ?2 AND source = ?3 AND answered = 0`,
		c.RepoID, c.Kind, c.Source, s.now().UnixMicro())
	return err
}

// CommandsSince counts what login, or anybody when it is "", asked on a pull request since then.
func (s *Store) CommandsSince(ctx context.Context, repoID int64, pull int, login string, since time.Time) (n int, err error) {
	err = s.row(ctx, `SELECT count(*) FROM commands WHERE repo = ?1 AND pull = ?2 AND begun >= ?3 AND (login = ?4 OR ?4 = '')`,
		[]any{repoID, pull, since.UnixMicro(), login}, &n)
	return n, err
}

// SetPaused says whether the comment of a pull request is left as it is, and who wanted that. Who pauses first is remembered.
func (s *Store) SetPaused(ctx context.Context, repoID int64, pull int, by string, paused bool) error {
	if !paused {
		_, err := s.exec(ctx, `DELETE FROM paused WHERE repo = ?1 AND pull = ?2`, repoID, pull)
		return err
	}
	_, err := s.exec(ctx, `INSERT INTO paused (repo, pull, login, since) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (repo, pull) DO NOTHING`,
		repoID, pull, by, s.now().UnixMicro())
	return err
}

// Paused says whether a pull request is paused, and by whom.
func (s *Store) Paused(ctx context.Context, repoID int64, pull int) (by string, paused bool, err error) {
	err = s.row(ctx, `SELECT login FROM paused WHERE repo = ?1 AND pull = ?2`, []any{repoID, pull}, &by)
	if errors.Is(err, ErrNotFound) {
		return "", false, nil
	}
	return by, err == nil, err
}
