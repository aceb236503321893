package ghtest

import (
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// actionsApp is the App that GitHub's own workflows write their checks with.
const actionsApp = 15368

type account struct {
	id    int64
	login string
	kind  string // User, Organization or Bot
}

type app struct {
	id          int64
	slug, name  string
	owner       *account
	key         *rsa.PublicKey
	permissions map[string]string
	events      []string
	hookURL     string
	hookSecret  string
	created     time.Time
}

func (a *app) clientID() string { return fmt.Sprintf("Iv1.%016x", a.id) }

type installation struct {
	id          int64
	app         *app
	account     *account
	permissions map[string]string
	events      []string
	repos       map[int64]bool
	suspended   bool
	deleted     bool
	created     time.Time
	updated     time.Time
}

func (i *installation) has(r *Repo) bool { return !i.deleted && i.repos[r.ID] }

// account returns the account with that login, which it makes when there is none.
func (s *Server) account(login string) *account {
	key := strings.ToLower(login)
	if a := s.accounts[key]; a != nil {
		return a
	}
	a := &account{id: s.next("account"), login: login, kind: "User"}
	if strings.HasSuffix(login, "[bot]") {
		a.kind = "Bot"
	}
	s.accounts[key] = a
	return a
}

func (s *Server) bot(a *app) *account { return s.account(a.slug + "[bot]") }

// AddOrganization makes the account an organization. Accounts that are only mentioned are users.
func (s *Server) AddOrganization(login string) {
	defer s.lock()()
	s.account(login).kind = "Organization"
}

// AddInstallation installs the App on an account, for these repositories, and returns the installation's id.
func (s *Server) AddInstallation(login string, repos ...*Repo) int64 {
	defer s.lock()()
	now := s.now()
	i := &installation{
		id: s.next("installation"), app: s.app, account: s.account(login), permissions: maps.Clone(s.app.permissions),
		events: slices.Clone(s.app.events), repos: map[int64]bool{}, created: now, updated: now,
	}
	for _, r := range repos {
		i.repos[r.ID] = true
	}
	s.installations = append(s.installations, i)
	s.emitInstallation(i, "installation", "created", obj{"repositories": s.briefs(i), "requester": nil})
	return i.id
}

func (s *Server) installation(id int64) *installation {
	for _, i := range s.installations {
		if i.id == id && !i.deleted {
			return i
		}
	}
	panic(fmt.Sprintf("ghtest: no installation %d", id))
}

func (s *Server) installationOf(r *Repo) *installation {
	for _, i := range s.installations {
		if i.has(r) {
			return i
		}
	}
	return nil
}

// InstallRepo adds the repository to an installation.
func (s *Server) InstallRepo(installation int64, r *Repo) {
	defer s.lock()()
	s.install(s.installation(installation), r)
}

func (s *Server) install(i *installation, r *Repo) {
	i.repos[r.ID] = true
	s.emitInstallation(i, "installation_repositories", "added", obj{
		"repositories_added": []obj{r.brief()}, "repositories_removed": []obj{}, "repository_selection": "selected", "requester": nil,
	})
}

// UninstallRepo takes the repository out of its installation.
func (s *Server) UninstallRepo(r *Repo) {
	defer s.lock()()
	if i := s.installationOf(r); i != nil {
		delete(i.repos, r.ID)
		s.emitInstallation(i, "installation_repositories", "removed", obj{
			"repositories_added": []obj{}, "repositories_removed": []obj{r.brief()}, "repository_selection": "selected", "requester": nil,
		})
	}
}

// SetPermissions replaces what an installation may do. Tokens that exist lose what is no longer granted.
func (s *Server) SetPermissions(installation int64, permissions map[string]string) {
	defer s.lock()()
	i := s.installation(installation)
	i.permissions, i.updated = maps.Clone(permissions), s.now()
	for _, t := range s.tokens {
		if t.inst == i {
			t.permissions = lesser(i.permissions, t.permissions)
		}
	}
	s.emitInstallation(i, "installation", "new_permissions_accepted", obj{})
}

func lesser(a, b map[string]string) map[string]string {
	out := map[string]string{}
	for name, level := range a {
		if levels[b[name]] < levels[level] {
			level = b[name]
		}
		if level != "" {
			out[name] = level
		}
	}
	return out
}

// Suspend suspends an installation, or ends that.
func (s *Server) Suspend(installation int64, suspended bool) {
	defer s.lock()()
	i := s.installation(installation)
	i.suspended, i.updated = suspended, s.now()
	action := "unsuspend"
	if suspended {
		action = "suspend"
	}
	s.emitInstallation(i, "installation", action, obj{"repositories": s.briefs(i)})
}

// Uninstall removes the App from an account.
func (s *Server) Uninstall(installation int64) {
	defer s.lock()()
	i := s.installation(installation)
	body := obj{"repositories": s.briefs(i)}
	s.emitInstallation(i, "installation", "deleted", body)
	i.deleted = true
}

func (s *Server) briefs(i *installation) []obj {
	out := []obj{}
	for _, r := range s.reposOf(i) {
		out = append(out, r.brief())
	}
	return out
}

func (s *Server) reposOf(i *installation) []*Repo {
	var out []*Repo
	for _, r := range s.repos {
		if i.has(r) && !r.deleted {
			out = append(out, r)
		}
	}
	return out
}

func (a *account) json(s *Server) obj {
	api, web := s.o.APIURL+"/users/"+a.login, s.o.WebURL+"/"+a.login
	if slug, bot := strings.CutSuffix(a.login, "[bot]"); bot {
		web = s.o.WebURL + "/apps/" + slug
	}
	return obj{
		"login": a.login, "id": a.id, "node_id": nodeID("U", a.id), "avatar_url": s.o.WebURL + "/avatars/" + a.login, "gravatar_id": "",
		"url": api, "html_url": web, "followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": a.kind, "site_admin": false,
	}
}

func (a *app) json(s *Server) obj {
	return obj{
		"id": a.id, "slug": a.slug, "node_id": nodeID("A", a.id), "client_id": a.clientID(), "owner": a.owner.json(s), "name": a.name,
		"description": "", "external_url": s.o.WebURL + "/" + a.slug, "html_url": s.o.WebURL + "/apps/" + a.slug,
		"created_at": stamp(a.created), "updated_at": stamp(a.created), "permissions": permissionList(a.permissions), "events": list(a.events),
	}
}

// permissionList is an object even when there are none.
func permissionList(permissions map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, permissions)
	return out
}

func (i *installation) json(s *Server) obj {
	o := obj{
		"id": i.id, "account": i.account.json(s), "repository_selection": "selected",
		"access_tokens_url": fmt.Sprintf("%s/app/installations/%d/access_tokens", s.o.APIURL, i.id),
		"repositories_url":  s.o.APIURL + "/installation/repositories",
		"html_url":          fmt.Sprintf("%s/settings/installations/%d", s.o.WebURL, i.id),
		"app_id":            i.app.id, "app_slug": i.app.slug, "client_id": i.app.clientID(), "target_id": i.account.id, "target_type": i.account.kind,
		"permissions": maps.Clone(i.permissions), "events": list(i.events),
		"created_at": stamp(i.created), "updated_at": stamp(i.updated), "single_file_name": nil, "has_multiple_single_files": false,
		"single_file_paths": []string{}, "suspended_at": nil, "suspended_by": nil,
	}
	if i.suspended {
		o["suspended_at"], o["suspended_by"] = stamp(i.updated), i.account.json(s)
	}
	return o
}

func nodeID(kind string, id int64) string {
	return fmt.Sprintf("%s_%x", kind, sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, id)))[:20]
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// stampOrNil is null in JSON for the zero time.
func stampOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func textOrNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func list[T any](in []T) []T { return append([]T{}, in...) }
