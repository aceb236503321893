package doctor

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/oxidometer/oxidometer/bot/gh"
)

// settings checks what the server is given, without asking anybody.
func (e *examination) settings() {
	s := e.o.Server
	var missing []string
	for _, m := range []struct {
		flag  string
		given bool
	}{{"--app-id", s.AppID > 0}, {"--private-key", s.PrivateKey != ""}, {"--webhook-secret", len(s.WebhookSecret) > 0}} {
		if !m.given {
			missing = append(missing, m.flag)
		}
	}
	if len(missing) > 0 {
		e.fail("settings", "give them as flags, in the environment or with --config; oxidometer setup makes such a file", "%s not set", strings.Join(missing, ", "))
	} else {
		e.ok("settings", "complete, for App %d", s.AppID)
	}
	e.privateKey()
	e.webhookSecret()
	e.publicURL()
}

func (e *examination) privateKey() {
	const what = "private key"
	name := e.o.Server.PrivateKey
	if name == "" {
		e.skipped("settings", what)
		return
	}
	text, err := os.ReadFile(name)
	if err != nil {
		e.fail(what, "name the .pem file that GitHub gave you, readable for the user who runs the server", "%s cannot be read: %v", name, cause(err))
		return
	}
	bits, err := keySize(text)
	if err != nil {
		e.fail(what, "name the .pem file that GitHub gave you, or generate a new key in the App's settings", "%s: %v", name, err)
		return
	}
	e.key = text
	if public := exposed(name); public != "" {
		e.warn(what, "chmod 600 "+name, "%s is RSA with %d bits; %s", name, bits, public)
		return
	}
	e.ok(what, "%s is RSA with %d bits, for its owner only", name, bits)
}

// keySize is the size of an RSA key in PEM form, in bits.
func keySize(text []byte) (int, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return 0, errors.New("is no PEM file")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key.N.BitLen(), nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if key, ok := key.(*rsa.PrivateKey); ok {
			return key.N.BitLen(), nil
		}
	}
	return 0, fmt.Errorf("holds %q, which is no RSA private key", block.Type)
}

// exposed says whether other users of this machine can read a file with a secret, "" if not.
func exposed(name string) string {
	info, err := os.Stat(name)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return ""
	}
	return fmt.Sprintf("its mode %04o lets other users have it", info.Mode().Perm())
}

// goodSecret is the length, in bytes, from which a random secret cannot be guessed.
const goodSecret = 16

func (e *examination) webhookSecret() {
	const what = "webhook secret"
	if len(e.o.Server.WebhookSecret) == 0 {
		e.skipped("settings", what)
		return
	}
	secrets, err := e.o.Server.Secrets()
	if err != nil {
		e.failed(what, err, "")
		return
	}
	if len(secrets) > 2 {
		e.fail(what, "give one, or during a rotation the new and the old one", "%d are given", len(secrets))
		return
	}
	e.secrets = secrets
	for i, value := range e.o.Server.WebhookSecret {
		name, file := strings.CutPrefix(value, "@")
		if len(secrets[i]) < goodSecret {
			e.warn(what, "set a random one of 32 characters here and in the App's settings", "has only %d characters and may be guessed", len(secrets[i]))
			return
		}
		if public := exposed(name); file && public != "" {
			e.warn(what, "chmod 600 "+name, "%s: %s", name, public)
			return
		}
	}
	if len(secrets) == 2 {
		e.ok(what, "two are valid; remove the old one when the rotation is over")
		return
	}
	e.ok(what, "set")
}

func (e *examination) publicURL() {
	const what = "public URL"
	text := e.o.Server.PublicURL
	u, err := url.Parse(text)
	switch {
	case text == "":
		e.warn(what, "set --public-url to where people reach the server", "not set, so comments have no links to reports")
	case err != nil || u.Scheme != "https":
		e.warn(what, "put a proxy with a certificate in front, and use https://", "%s is not encrypted", text)
	default:
		e.ok(what, "%s", text)
	}
}

func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// newApp makes the client; nil when the settings do not suffice.
func (e *examination) newApp() (*gh.App, error) {
	if e.key == nil || e.o.Server.AppID <= 0 {
		return nil, nil
	}
	return gh.New(gh.Options{BaseURL: e.o.Server.GitHubURL, AppID: e.o.Server.AppID, Key: e.key, Transport: e.clock, Timeout: requestTime})
}
