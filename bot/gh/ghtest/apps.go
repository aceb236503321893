package ghtest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

func getApp(c *call) answer {
	o := c.app.json(c.s)
	n := 0
	for _, i := range c.s.installations {
		if i.app == c.app && !i.deleted {
			n++
		}
	}
	o["installations_count"] = n
	return ok(o)
}

func listInstallations(c *call) answer {
	var all []*installation
	for _, i := range c.s.installations {
		if i.app == c.app && !i.deleted {
			all = append(all, i)
		}
	}
	out := []obj{}
	for _, i := range paged(c, all) {
		out = append(out, i.json(c.s))
	}
	return ok(out)
}

// mine finds the installation that the route names, of the App that asks.
func (c *call) mine() *installation {
	for _, i := range c.s.installations {
		if i.id == c.id("id") && i.app == c.app && !i.deleted {
			return i
		}
	}
	return nil
}

func getInstallation(c *call) answer {
	i := c.mine()
	if i == nil {
		return notFound()
	}
	return ok(i.json(c.s))
}

func getRepoInstallation(c *call) answer {
	if i := c.s.installationOf(c.repo); i != nil && i.app == c.app {
		return ok(i.json(c.s))
	}
	return notFound()
}

func createToken(c *call) answer {
	i := c.mine()
	switch {
	case i == nil:
		return notFound()
	case i.suspended:
		return fail(403, "This installation has been suspended")
	}
	var in struct {
		Repositories  []string           `json:"repositories"`
		RepositoryIDs []int64            `json:"repository_ids"`
		Permissions   *map[string]string `json:"permissions"`
	}
	if a, ok := c.decode(&in); !ok {
		return a
	}
	permissions := maps.Clone(i.permissions)
	if in.Permissions != nil && len(*in.Permissions) > 0 {
		permissions = map[string]string{}
		for name, level := range *in.Permissions {
			if levels[level] == 0 || levels[level] > levels[i.permissions[name]] {
				return fail(422, "The permissions requested are not granted to this installation.")
			}
			permissions[name] = level
		}
		if permissions["metadata"] == "" {
			permissions["metadata"] = "read" // which every App has
		}
	}
	repos, missing := c.narrowed(i, in.Repositories, in.RepositoryIDs)
	if missing {
		return fail(422, "There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	t := c.s.newToken(i, permissions, repos)
	o := obj{"token": t.text, "expires_at": stamp(t.expires), "permissions": maps.Clone(permissions), "repository_selection": "selected"}
	if repos != nil {
		shown := []obj{}
		for _, r := range c.s.reposOf(i) {
			if repos[r.ID] {
				shown = append(shown, r.json(c.s))
			}
		}
		o["repositories"] = shown
	}
	return created(o)
}

func (c *call) narrowed(i *installation, names []string, ids []int64) (repos map[int64]bool, missing bool) {
	if len(names)+len(ids) == 0 {
		return nil, false
	}
	repos = map[int64]bool{}
	for _, name := range names {
		r := c.s.repoByName(i.account.login + "/" + name)
		if r == nil || !i.has(r) {
			return nil, true
		}
		repos[r.ID] = true
	}
	for _, id := range ids {
		if !i.repos[id] {
			return nil, true
		}
		repos[id] = true
	}
	return repos, false
}

func listInstalledRepos(c *call) answer {
	var all []*Repo
	for _, r := range c.s.reposOf(c.inst) {
		if c.covers(r) {
			all = append(all, r)
		}
	}
	out := []obj{}
	for _, r := range paged(c, all) {
		out = append(out, r.json(c.s))
	}
	return ok(obj{"total_count": len(all), "repository_selection": "selected", "repositories": out})
}

func revokeToken(c *call) answer {
	delete(c.s.tokens, c.token.text)
	return answer{status: 204}
}

func rateLimit(c *call) answer {
	core := c.quota().json()
	return ok(obj{"resources": obj{"core": core, "search": core, "graphql": core, "integration_manifest": core}, "rate": core})
}

func getHookConfig(c *call) answer {
	return ok(obj{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": c.app.hookURL})
}

func updateHookConfig(c *call) answer {
	var in struct {
		URL         *string `json:"url"`
		ContentType *string `json:"content_type"`
		Secret      *string `json:"secret"`
		InsecureSSL any     `json:"insecure_ssl"`
	}
	if a, ok := c.decode(&in); !ok {
		return a
	}
	if in.URL != nil {
		c.app.hookURL = *in.URL
	}
	if in.Secret != nil {
		c.app.hookSecret = *in.Secret
	}
	return getHookConfig(c)
}

// manifest is an App that somebody agreed to create in the browser, and whose code was not yet exchanged.
type manifest struct {
	Name           string            `json:"name"`
	URL            string            `json:"url"`
	RedirectURL    string            `json:"redirect_url"`
	Description    string            `json:"description"`
	Public         bool              `json:"public"`
	Events         []string          `json:"default_events"`
	Permissions    map[string]string `json:"default_permissions"`
	HookAttributes struct {
		URL    string `json:"url"`
		Active *bool  `json:"active"`
	} `json:"hook_attributes"`
	SetupURL      string   `json:"setup_url"`
	CallbackURLs  []string `json:"callback_urls"`
	SetupOnUpdate bool     `json:"setup_on_update"`
	RequestOAuth  bool     `json:"request_oauth_on_install"`
	owner         *account
	agreed        time.Time
	taken         bool
}

const manifestLife = time.Hour

var newAppPath = regexp.MustCompile(`^(?:/organizations/([^/]+))?/settings/apps/new$`)

// webRoute answers the one page of the website that is part of the manifest flow: the form that a browser posts the
// manifest to. A person would press "Create GitHub App" there; here that is taken as done.
func (s *Server) webRoute(c *call) (answer, bool) {
	m := newAppPath.FindStringSubmatch(c.r.URL.Path)
	if m == nil {
		return answer{}, false
	}
	if c.r.Method != http.MethodPost {
		return answer{status: 200, raw: []byte("<!doctype html><title>Register new GitHub App</title>"), header: htmlType}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agree(c, cmp.Or(m[1], "octocat")), true
}

var htmlType = http.Header{"Content-Type": {"text/html; charset=utf-8"}}

func (s *Server) agree(c *call, owner string) answer {
	page := func(status int, text string) answer {
		return answer{status: status, raw: []byte("<!doctype html><p>" + html.EscapeString(text)), header: htmlType}
	}
	if err := c.r.ParseForm(); err != nil {
		return page(400, "The form cannot be read.")
	}
	var m manifest
	d := json.NewDecoder(strings.NewReader(c.r.PostForm.Get("manifest")))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		s.report("ghtest: App manifest: %v", err)
		return page(422, "Error The manifest is not valid: "+err.Error())
	}
	switch {
	case m.URL == "" || !isWeb(m.URL):
		return page(422, "Error: url is missing")
	case m.HookAttributes.URL == "" && m.HookAttributes.Active == nil, m.HookAttributes.URL != "" && !isWeb(m.HookAttributes.URL):
		return page(422, "Error: Hook url cannot be blank")
	case !isWeb(m.RedirectURL):
		return page(422, "Error: redirect_url is missing")
	}
	for name, level := range m.Permissions {
		if levels[level] == 0 || name == "" {
			return page(422, "Error: Default permission records "+name+" is not valid")
		}
	}
	setDefault(&m.Name, fmt.Sprintf("app-%d", s.next("named")))
	m.owner, m.agreed = s.account(owner), s.now()
	code := fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "manifest %d", s.next("manifest"))))[:40]
	s.manifests[code] = &m
	back, _ := url.Parse(m.RedirectURL)
	q := back.Query()
	q.Set("code", code)
	if state := c.r.URL.Query().Get("state"); state != "" {
		q.Set("state", state)
	}
	back.RawQuery = q.Encode()
	return answer{status: 302, raw: []byte{}, header: http.Header{"Location": {back.String()}}}
}

var notInSlug = regexp.MustCompile(`[^a-z0-9]+`)

// convertManifest exchanges the code, once and within an hour, for the App's credentials. The App becomes known here.
func convertManifest(c *call) answer {
	m := c.s.manifests[c.arg("code")]
	if m == nil || m.taken || c.s.now().Sub(m.agreed) > manifestLife {
		return notFound()
	}
	m.taken = true
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fail(500, "Server Error")
	}
	a := &app{id: c.s.next("app"), slug: strings.Trim(notInSlug.ReplaceAllString(strings.ToLower(m.Name), "-"), "-"), name: m.Name, owner: m.owner,
		key: &key.PublicKey, permissions: maps.Clone(m.Permissions), events: slices.Clone(m.Events), hookURL: m.HookAttributes.URL, created: c.s.now()}
	a.hookSecret = fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "secret %d", a.id)))[:40]
	c.s.apps[a.id] = a
	o := a.json(c.s)
	maps.Copy(o, obj{"client_secret": strings.Repeat("0", 40), "webhook_secret": a.hookSecret,
		"pem": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))})
	return created(o)
}
