package store

import (
	"context"
	"crypto/rand"
	"fmt"
)

// Secret returns the secret that has this name in the database. Who asks first makes it: it becomes first, or 32 random bytes when
// first is nil. It never changes after that, and replicas that ask at once get the same.
func (s *Store) Secret(ctx context.Context, name string, first []byte) ([]byte, error) {
	if first == nil {
		first = make([]byte, 32)
		rand.Read(first) // never fails
	}
	var kept []byte
	_, err := s.exec(ctx, `INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING`, name, first)
	if err == nil {
		err = s.row(ctx, `SELECT value FROM secrets WHERE name = ?1`, []any{name}, &kept)
	}
	if err != nil {
		return nil, fmt.Errorf("secret %s of the database cannot be read: %w; check that the database can be written to", name, err)
	}
	return kept, nil
}
