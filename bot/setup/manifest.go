package setup

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/oxidometer/oxidometer/bot/gh"
)

const (
	maxName     = 34 // of an App on GitHub
	homePage    = "https://github.com/oxidometer/oxidometer"
	description = "Says on the pull request what a patch does to the size of a kernel that has Rust in it."
)

// manifest is an App as GitHub's manifest flow takes it.
type manifest struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Description string            `json:"description"`
	Hook        hook              `json:"hook_attributes"`
	RedirectURL string            `json:"redirect_url"`
	Public      bool              `json:"public"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

type hook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

func (f *flow) manifest() manifest {
	return manifest{
		Name: f.o.Name, URL: homePage, Description: description,
		Hook:        hook{URL: f.o.PublicURL + "/webhook", Active: true},
		RedirectURL: "http://" + f.host + "/callback",
		Permissions: gh.Permissions(f.o.Extras...), Events: gh.Events(f.o.Extras...),
	}
}

// permissionLines are the permissions for people, sorted.
func (m manifest) permissionLines() []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(m.Permissions)) {
		lines = append(lines, name+": "+m.Permissions[name])
	}
	return lines
}

// created is what GitHub hands over. Never print it.
type created struct {
	ID            int64  `json:"id"`
	Slug          string `json:"slug"`
	Name          string `json:"name"`
	HTMLURL       string `json:"html_url"`
	PEM           string `json:"pem"`
	WebhookSecret string `json:"webhook_secret"`
}

var (
	codeForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`) })
	slugForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`) })
)

// A pageError is what went wrong between the browser and GitHub. The flow goes on.
type pageError struct {
	problem, remedy string
	again           bool // loading the page again can help
}

func (e *pageError) Error() string { return e.problem + "; " + e.remedy }

const startAgain = "start again on the first page; if GitHub lists an App without a key by now, delete it there"

// exchange trades the code for the credentials. GitHub does that once, within an hour.
func (f *flow) exchange(ctx context.Context, code string) (created, error) {
	resp, err := f.convert(ctx, code)
	if err != nil {
		return created{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusUnprocessableEntity || resp.StatusCode == http.StatusGone:
		return created{}, &pageError{problem: fmt.Sprintf("the code that came back is not known to %s any more: it works once, and for an hour", f.site.web.Host), remedy: startAgain}
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusForbidden:
		return created{}, &pageError{problem: fmt.Sprintf("%s answers %d to the code", f.site.api.Host, resp.StatusCode), remedy: "load this page again in a minute", again: true}
	case resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK:
		return created{}, &pageError{problem: fmt.Sprintf("%s answers %d to the code", f.site.api.Host, resp.StatusCode), remedy: "check --github-url, then " + startAgain}
	case err != nil:
		return created{}, &pageError{problem: "the answer with the App's key broke off", remedy: startAgain}
	}
	var app created
	if json.Unmarshal(body, &app) != nil {
		return created{}, &pageError{problem: f.site.api.Host + " answers with something else than an App", remedy: "check --github-url, then " + startAgain}
	}
	if what := app.fault(); what != "" {
		return created{}, &pageError{problem: "GitHub's answer has " + what, remedy: startAgain}
	}
	return app, nil
}

func (f *flow) convert(ctx context.Context, code string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.site.api.JoinPath("app-manifests", code, "conversions").String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", "oxidometer")
	req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	client := *f.o.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return nil, &pageError{problem: f.site.api.Host + " cannot be reached: " + networkCause(err), remedy: "check the network and --github-url, then load this page again", again: true}
	}
	return resp, nil
}

// networkCause is an error of net/http without the address, which holds the code.
func networkCause(err error) string {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
		if !strings.Contains(err.Error(), "://") {
			break
		}
	}
	return err.Error()
}

// fault says what is wrong with an App that GitHub created, "" for nothing.
func (a created) fault() string {
	block, _ := pem.Decode([]byte(a.PEM))
	switch {
	case a.ID <= 0:
		return "no App id"
	case !slugForm().MatchString(a.Slug):
		return "no name that can be used in addresses"
	case a.WebhookSecret == "" || strings.ContainsAny(a.WebhookSecret, "\r\n"):
		return "no webhook secret"
	case !utf8.ValidString(a.Name):
		return "no readable name"
	case block == nil:
		return "no private key"
	}
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return ""
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if _, ok := key.(*rsa.PrivateKey); ok {
			return ""
		}
	}
	return "a private key that is no RSA key"
}
