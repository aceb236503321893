package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestServerDatabase(t *testing.T) {
	for database, want := range map[string]string{
		"sqlite:o.db": "", "postgres://u@h/o": "", "postgresql://u@h/o": "",
		"sqlite:":   `--database "sqlite:": names no file; give sqlite:FILE, such as sqlite:oxidometer.db`,
		"postgres:": `--database "postgres:": names no host; give postgres://user:password@host:5432/name`,
		"mysql://h": `--database "mysql://h": "mysql" is no database we know; give sqlite:FILE or postgres://…`,
		"":          `--database "": "" is no database we know; give sqlite:FILE or postgres://…`,
	} {
		s := Server{Database: database, Workers: 1}
		got := ""
		if err := s.Validate(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", database, got, want)
		}
	}
}

// TestServerSecretEmpty: an empty secret is the same fault, however it is given.
func TestServerSecretEmpty(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "--webhook-secret: is empty, so anybody could sign; give the secret that the App's settings on GitHub hold"
	for _, given := range [][]string{nil, {""}, {" "}, {"@" + file}, {"good", ""}} {
		s := Server{WebhookSecret: given}
		if secrets, err := s.Secrets(); err == nil || err.Error() != want {
			t.Errorf("%q: %q, error %v; want %s", given, secrets, err, want)
		}
	}
}
