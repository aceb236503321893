package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// Server is what `oxidometer serve` needs to know. Flags, environment and a file fill it; the tags are kong's.
type Server struct {
	Listen        string   `default:"127.0.0.1:8080" help:"Address to listen on." env:"OXIDOMETER_LISTEN"`
	AppID         int64    `name:"app-id" required:"" help:"Number of the GitHub App." env:"OXIDOMETER_APP_ID"`
	PrivateKey    string   `required:"" placeholder:"FILE" help:"File with the App's private key (PEM)." env:"OXIDOMETER_PRIVATE_KEY"`
	WebhookSecret []string `required:"" placeholder:"SECRET" help:"Webhook secret, or @FILE that holds it. Give it twice while you rotate it." env:"OXIDOMETER_WEBHOOK_SECRET" sep:","`
	GitHubURL     string   `name:"github-url" placeholder:"URL" help:"API base of a GitHub Enterprise Server, such as https://github.example.com/api/v3/." env:"OXIDOMETER_GITHUB_URL"`
	Database      string   `default:"sqlite:oxidometer.db" placeholder:"URL" help:"sqlite:FILE or postgres://…" env:"OXIDOMETER_DATABASE"`
	PublicURL     string   `name:"public-url" placeholder:"URL" help:"Where people reach this server, for links to reports." env:"OXIDOMETER_PUBLIC_URL"`
	LogLevel      string   `enum:"debug,info,warning,error" default:"info" help:"debug, info, warning or error." env:"OXIDOMETER_LOG_LEVEL"`
	LogFormat     string   `enum:"text,json" default:"text" help:"text or json." env:"OXIDOMETER_LOG_FORMAT"`
	RequireConfig bool     `help:"Say nothing in repositories without a repository file." env:"OXIDOMETER_REQUIRE_CONFIG"`
	Workers       int      `default:"2" help:"Jobs worked on at a time." env:"OXIDOMETER_WORKERS"`

	AllowLoopback bool          `hidden:"" help:"Fetch artifacts from this machine and over plain HTTP: for tests."`
	PollInterval  time.Duration `hidden:"" default:"5m" help:"Time between two looks at pull requests that nobody told us of."`
}

// Validate reports every setting that cannot work.
func (s *Server) Validate() error {
	var errs []error
	switch scheme, rest, _ := strings.Cut(s.Database, ":"); {
	case scheme != "sqlite" && scheme != "postgres" && scheme != "postgresql":
		errs = append(errs, fmt.Errorf("--database %q: %q is no database we know; give sqlite:FILE or postgres://…", s.Database, scheme))
	case scheme == "sqlite" && rest == "":
		errs = append(errs, fmt.Errorf("--database %q: names no file; give sqlite:FILE, such as sqlite:oxidometer.db", s.Database))
	case rest == "":
		errs = append(errs, fmt.Errorf("--database %q: names no host; give postgres://user:password@host:5432/name", s.Database))
	}
	for _, u := range []struct{ flag, value string }{{"--github-url", s.GitHubURL}, {"--public-url", s.PublicURL}} {
		if u.value == "" {
			continue
		}
		if p, err := url.Parse(u.value); err != nil || p.Host == "" || p.Scheme != "https" && p.Scheme != "http" {
			errs = append(errs, fmt.Errorf("%s %q: not a URL; give one that begins with https://", u.flag, u.value))
		}
	}
	if s.Workers < 1 {
		errs = append(errs, fmt.Errorf("--workers %d: nobody would work; give 1 or more", s.Workers))
	}
	return errors.Join(errs...)
}

// Secrets returns the webhook secrets, read from their files where they are given as @FILE. An empty secret is an error:
// anybody could sign with it.
func (s *Server) Secrets() ([][]byte, error) {
	empty := errors.New("--webhook-secret: is empty, so anybody could sign; give the secret that the App's settings on GitHub hold")
	if len(s.WebhookSecret) == 0 {
		return nil, empty // so kong reads ''
	}
	var out [][]byte
	for _, v := range s.WebhookSecret {
		if name, ok := strings.CutPrefix(v, "@"); ok {
			b, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("--webhook-secret %s: cannot be read: %w; name a readable file", v, errors.Unwrap(err))
			}
			v = strings.TrimSpace(string(b))
		}
		if strings.TrimSpace(v) == "" {
			return nil, empty
		}
		out = append(out, []byte(v))
	}
	return out, nil
}
