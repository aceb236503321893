package ghtest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Repo is a repository. Only ID may be read without the server's methods; it stays when the repository is renamed.
type Repo struct {
	ID int64

	owner         *account
	name          string
	private       bool
	archived      bool
	deleted       bool
	defaultBranch string
	parent        *Repo // of a fork
	network       int64 // id of the first repository of all forks: they share commits
	branches      map[string]string
	roles         map[string]role
	pulls         []*pull
	numbers       int
	labels        []label
	workflows     []*workflow
	runNumbers    map[string]int
	created       time.Time
	updated       time.Time
	pushed        time.Time
}

type label struct {
	id          int64
	name, color string
}

type workflow struct {
	id         int64
	name, path string
	created    time.Time
}

// RepoOptions say what a new repository is like.
type RepoOptions struct {
	Owner, Name   string
	DefaultBranch string // "main" when empty
	Private       bool
	Installation  int64             // 0: the App is not installed there
	Files         map[string]string // of the first commit
}

func (r *Repo) fullName() string { return r.owner.login + "/" + r.name }

// AddRepo makes a repository with one commit on its default branch.
func (s *Server) AddRepo(o RepoOptions) *Repo {
	defer s.lock()()
	setDefault(&o.DefaultBranch, "main")
	r := s.newRepo(s.account(o.Owner), o.Name, o.DefaultBranch, o.Private)
	r.network = r.ID
	first := s.commit(r, Commit{Message: "Initial commit", Author: o.Owner, Files: o.Files}, nil)
	r.branches[o.DefaultBranch] = first.sha
	if o.Installation != 0 {
		s.install(s.installation(o.Installation), r)
	}
	return r
}

func (s *Server) newRepo(owner *account, name, branch string, private bool) *Repo {
	if s.repoByName(owner.login+"/"+name) != nil {
		panic("ghtest: repository " + owner.login + "/" + name + " exists")
	}
	now := s.now()
	r := &Repo{
		ID: s.next("repo"), owner: owner, name: name, defaultBranch: branch, private: private, branches: map[string]string{},
		roles: map[string]role{}, runNumbers: map[string]int{}, created: now, updated: now, pushed: now,
	}
	delete(s.oldNames, strings.ToLower(r.fullName()))
	s.repos = append(s.repos, r)
	return r
}

// AddFork makes a fork that belongs to owner. The App is not installed there.
func (s *Server) AddFork(of *Repo, owner string) *Repo {
	defer s.lock()()
	r := s.newRepo(s.account(owner), of.name, of.defaultBranch, of.private)
	r.parent, r.network, r.branches = of, of.network, maps.Clone(of.branches)
	return r
}

// Repo returns the repository with that name, or nil.
func (s *Server) Repo(fullName string) *Repo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repoByName(fullName)
}

func (s *Server) repoByName(fullName string) *Repo {
	for _, r := range s.repos {
		if !r.deleted && strings.EqualFold(r.fullName(), fullName) {
			return r
		}
	}
	return nil
}

func (s *Server) repoByID(id int64) *Repo {
	for _, r := range s.repos {
		if r.ID == id && !r.deleted {
			return r
		}
	}
	return nil
}

// Name returns the repository's name today, as "owner/name".
func (s *Server) Name(r *Repo) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.fullName()
}

// Rename gives the repository another name. Requests to the old one are redirected.
func (s *Server) Rename(r *Repo, name string) {
	defer s.lock()()
	old := r.name
	s.oldNames[strings.ToLower(r.fullName())] = r
	r.name, r.updated = name, s.now()
	s.emit(r, r.owner, "repository", "renamed", obj{"changes": obj{"repository": obj{"name": obj{"from": old}}}})
}

// Transfer gives the repository another owner. It leaves its installation unless the App is installed there too.
func (s *Server) Transfer(r *Repo, owner string) {
	defer s.lock()()
	from, old := r.owner, s.installationOf(r)
	s.oldNames[strings.ToLower(r.fullName())] = r
	r.owner, r.updated = s.account(owner), s.now()
	if old != nil {
		delete(old.repos, r.ID)
	}
	for _, i := range s.installations {
		if i.account == r.owner && !i.deleted {
			i.repos[r.ID] = true
		}
	}
	s.emit(r, from, "repository", "transferred", obj{"changes": obj{"owner": obj{"from": obj{"user": from.json(s)}}}})
}

// Archive makes the repository read-only, or ends that.
func (s *Server) Archive(r *Repo, archived bool) {
	defer s.lock()()
	r.archived, r.updated = archived, s.now()
	action := "unarchived"
	if archived {
		action = "archived"
	}
	s.emit(r, r.owner, "repository", action, obj{})
}

// DeleteRepo deletes the repository. Pull requests from it stay and have no head repository any more.
func (s *Server) DeleteRepo(r *Repo) {
	defer s.lock()()
	s.emit(r, r.owner, "repository", "deleted", obj{})
	r.deleted = true
	for _, i := range s.installations {
		delete(i.repos, r.ID)
	}
}

// role is what somebody may do: one of GitHub's roles, or one that an organization made on top of one of those.
type role struct{ name, base string }

// SetRole gives a user a role in the repository: admin, maintain, write, triage or read; "" takes it away.
func (s *Server) SetRole(r *Repo, login, name string) { s.SetCustomRole(r, login, name, name) }

// SetCustomRole gives a user a role that the organization made, on top of one of GitHub's.
func (s *Server) SetCustomRole(r *Repo, login, name, base string) {
	defer s.lock()()
	if base != "" && permissionOf[base] == "" {
		panic("ghtest: no role " + base)
	}
	s.account(login)
	r.roles[strings.ToLower(login)] = role{name, base}
}

var permissionOf = map[string]string{"admin": "admin", "maintain": "write", "write": "write", "triage": "read", "read": "read"}

func (r *Repo) role(a *account) role {
	switch has := r.roles[strings.ToLower(a.login)]; {
	case has.base != "":
		return has
	case a == r.owner:
		return role{"admin", "admin"}
	case r.private:
		return role{"none", "none"}
	}
	return role{"read", "read"}
}

func (r *Repo) association(a *account) string {
	switch {
	case a == r.owner:
		return "OWNER"
	case r.roles[strings.ToLower(a.login)].base == "":
		return "NONE"
	case r.owner.kind == "Organization":
		return "MEMBER"
	}
	return "COLLABORATOR"
}

func (r *Repo) hasLabel(name string) bool {
	return slices.ContainsFunc(r.labels, func(l label) bool { return strings.EqualFold(l.name, name) })
}

// label returns the repository's label, which is made when there is none.
func (r *Repo) label(s *Server, name string) label {
	for _, l := range r.labels {
		if strings.EqualFold(l.name, name) {
			return l
		}
	}
	l := label{s.next("label"), name, "ededed"}
	r.labels = append(r.labels, l)
	return l
}

func (l label) json(s *Server, r *Repo) obj {
	return obj{"id": l.id, "node_id": nodeID("LA", l.id), "url": r.api(s) + "/labels/" + url.PathEscape(l.name), "name": l.name, "color": l.color,
		"default": false, "description": ""}
}

func (r *Repo) api(s *Server) string { return s.o.APIURL + "/repos/" + r.fullName() }
func (r *Repo) web(s *Server) string { return s.o.WebURL + "/" + r.fullName() }

// brief is the form in payloads about installations.
func (r *Repo) brief() obj {
	return obj{"id": r.ID, "node_id": nodeID("R", r.ID), "name": r.name, "full_name": r.fullName(), "private": r.private}
}

// repoURLs are the addresses that every form of a repository carries, as templates in the sense of RFC 6570.
var repoURLs = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}", "branches_url": "/branches{/branch}",
	"collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}",
	"compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
	"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}",
	"git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
	"milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
	"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers",
	"subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}", "url": "",
}

// minimal is the form inside of other objects.
func (r *Repo) minimal(s *Server) obj {
	o := r.brief()
	api := r.api(s)
	for name, rest := range repoURLs {
		o[name] = api + rest
	}
	maps.Copy(o, obj{"owner": r.owner.json(s), "html_url": r.web(s), "description": nil, "fork": r.parent != nil})
	return o
}

func (r *Repo) json(s *Server) obj {
	o := r.minimal(s)
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	maps.Copy(o, obj{
		"default_branch": r.defaultBranch, "archived": r.archived, "disabled": false, "visibility": visibility, "language": "Rust", "size": 1024,
		"clone_url": r.web(s) + ".git", "ssh_url": "git@github.com:" + r.fullName() + ".git", "git_url": "git://github.com/" + r.fullName() + ".git",
		"svn_url": r.web(s), "custom_properties": obj{},
		"created_at": stamp(r.created), "updated_at": stamp(r.updated), "pushed_at": stamp(r.pushed), "homepage": nil, "license": nil, "mirror_url": nil,
		"forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "open_issues_count": len(r.open()), "topics": []string{},
		"forks": 0, "watchers": 0, "open_issues": len(r.open()), "has_issues": true, "has_wiki": false, "has_pages": false, "has_projects": false,
		"has_downloads": false, "has_discussions": false, "allow_forking": true, "is_template": false, "web_commit_signoff_required": false,
	})
	return o
}

func (r *Repo) open() []*pull {
	return slices.DeleteFunc(slices.Clone(r.pulls), func(p *pull) bool { return p.state != "open" })
}

func getRepo(c *call) answer {
	o := c.repo.json(c.s)
	o["permissions"] = obj{"admin": false, "maintain": false, "push": false, "triage": false, "pull": false}
	o["network_count"], o["subscribers_count"] = 0, 0
	if c.repo.parent != nil && !c.repo.parent.deleted {
		o["parent"], o["source"] = c.repo.parent.json(c.s), c.repo.parent.json(c.s)
	}
	return ok(o)
}

func getPermission(c *call) answer {
	a := c.s.accounts[strings.ToLower(c.arg("username"))]
	if a == nil || a.kind != "User" {
		return fail(404, fmt.Sprintf("%s is not a user", c.arg("username")))
	}
	has := c.repo.role(a)
	permission := permissionOf[has.base]
	setDefault(&permission, "none")
	user := a.json(c.s)
	user["role_name"] = has.name
	level := levels[permission]
	user["permissions"] = obj{"admin": level == 3, "maintain": level == 3 || has.base == "maintain", "push": level >= 2,
		"triage": level >= 2 || has.base == "triage", "pull": level >= 1}
	return ok(obj{"permission": permission, "role_name": has.name, "user": user})
}
