package setup

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// login is what a user or an organization can be called.
var login = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9](-?[A-Za-z0-9_]){0,99}$`) })

// site is a GitHub: the one everybody knows, one of its tenants, or a GitHub Enterprise Server.
type site struct {
	web *url.URL // without a trailing slash
	api *url.URL // with one
}

// public reports whether it is github.com, or a tenant on the same machines: they reach webhooks over the Internet only.
func (s site) public() bool {
	return s.web.Host == "github.com" || strings.HasSuffix(s.web.Host, ".ghe.com")
}

// parseSite takes the address of a GitHub, of its web pages or of its API.
func parseSite(text string) (site, error) {
	if text == "" {
		text = "https://github.com"
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return site{}, fmt.Errorf("--github-url %q: is no address of a GitHub; give one such as https://github.example.com", text)
	}
	host := strings.ToLower(u.Host)
	tenant := strings.TrimPrefix(host, "api.")
	if tenant == "github.com" || strings.HasSuffix(tenant, ".ghe.com") {
		return site{web: &url.URL{Scheme: "https", Host: tenant}, api: &url.URL{Scheme: "https", Host: "api." + tenant, Path: "/"}}, nil
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/api/v3")
	web := &url.URL{Scheme: u.Scheme, Host: host, Path: path}
	return site{web: web, api: web.JoinPath("api/v3/")}, nil
}

// origin is what a Content-Security-Policy calls the web pages.
func (s site) origin() string { return s.web.Scheme + "://" + s.web.Host }

// newApp is where a manifest is posted to.
func (s site) newApp(organization, state string) string {
	u := s.settings(organization).JoinPath("new")
	u.RawQuery = url.Values{"state": {state}}.Encode()
	return u.String()
}

// settings is the page with all Apps of an owner.
func (s site) settings(organization string) *url.URL {
	if organization == "" {
		return s.web.JoinPath("settings/apps")
	}
	return s.web.JoinPath("organizations", organization, "settings/apps")
}

// installPage returns where the App is installed. GitHub names the App's page; what is not on its own site is not believed.
func (s site) installPage(page, slug string) string {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != s.web.Scheme || !strings.EqualFold(u.Host, s.web.Host) || u.User != nil || strings.Contains(page, "..") {
		u = s.web.JoinPath("apps", slug)
		if !s.public() {
			u = s.web.JoinPath("github-apps", slug)
		}
	}
	u.RawQuery, u.Fragment = "", ""
	return u.JoinPath("installations/new").String()
}

// parsePublic checks where the server can be reached, and takes a trailing slash off.
func parsePublic(text string, s site) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("--public-url %q: is no address; give the one that GitHub will reach the server at, such as https://size.example.org", text)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsLinkLocalUnicast())
	if s.public() && local {
		return "", fmt.Errorf("--public-url %s: %s cannot reach this address; give a public one, such as a reverse proxy's or a tunnel's", text, s.web.Host)
	}
	return strings.TrimRight(u.String(), "/"), nil
}
