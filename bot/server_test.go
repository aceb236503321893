package bot_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
)

// TestServerKey: a key that is none leaves no database behind, and one that is replaced changes no marker and no link.
func TestServerKey(t *testing.T) {
	dir := t.TempDir()
	keyFile, database := filepath.Join(dir, "app.pem"), filepath.Join(dir, "bot.db")
	start := func(key []byte) error {
		t.Helper()
		if err := os.WriteFile(keyFile, key, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := bot.NewServer(t.Context(), config.Server{
			Listen: "127.0.0.1:0", AppID: 1, PrivateKey: keyFile, WebhookSecret: []string{"s"}, Database: "sqlite:" + database, Workers: 1,
		}, os.Args[0], logrus.New())
		if err == nil {
			err = s.Close()
		}
		return err
	}
	if err := start([]byte("no key")); err == nil {
		t.Error("started without a key")
	}
	if _, err := os.Stat(database); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key that is none made a database (error %v)", err)
	}
	oldKey, newKey := newKey(t), newKey(t)
	for _, key := range [][]byte{oldKey, newKey} {
		if err := start(key); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), "sqlite:"+database, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := sha256.Sum256(append([]byte("oxidometer marker\n"), oldKey...))
	if got, err := s.Secret(t.Context(), "marker", nil); err != nil || [32]byte(got) != want {
		t.Errorf("the secret is %x (error %v), want %x, which the first key made", got, err, want)
	}
}

func newKey(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}
