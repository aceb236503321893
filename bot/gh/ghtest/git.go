package ghtest

import (
	"cmp"
	"crypto/sha1"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Commit says what a new commit is like.
type Commit struct {
	// Branch is moved to the commit when not empty, and created when there is none of that name.
	Branch string
	// Parents default to the branch's tip, or the default branch's when the branch is new or none is named.
	Parents []string
	Message string // "Commit N" when empty
	Author  string // a login; the repository's owner when empty
	Date    time.Time
	// Files are what differs from the first parent, by path; Remove lists what is gone.
	Files  map[string]string
	Remove []string
}

type commit struct {
	sha, tree string
	parents   []string
	message   string
	author    *account
	date      time.Time
	files     map[string]string // all of them; shared between commits, never changed
	network   int64
	order     int64
}

// AddCommit makes a commit, moves Commit.Branch to it and returns its SHA. Like a push to GitHub, that also updates the
// pull requests of that branch.
func (s *Server) AddCommit(r *Repo, c Commit) string {
	defer s.lock()()
	return s.push(r, c)
}

func (s *Server) push(r *Repo, c Commit) string {
	parents := c.Parents
	if parents == nil {
		tip := r.branches[c.Branch]
		setDefault(&tip, r.branches[r.defaultBranch])
		parents = []string{tip}
	}
	made := s.commit(r, c, parents)
	if c.Branch != "" {
		s.moveBranch(r, c.Branch, made.sha, made.author)
	}
	return made.sha
}

func (s *Server) commit(r *Repo, c Commit, parents []string) *commit {
	n := s.next("commit")
	setDefault(&c.Message, fmt.Sprintf("Commit %d", n))
	setDefault(&c.Author, r.owner.login)
	if c.Date.IsZero() {
		c.Date = s.now()
	}
	files := map[string]string{}
	if len(parents) > 0 {
		files = s.mustCommit(r, parents[0]).files
	}
	if len(c.Files)+len(c.Remove) > 0 {
		files = maps.Clone(files)
		maps.Copy(files, c.Files)
		for _, path := range c.Remove {
			delete(files, path)
		}
	}
	for _, parent := range parents {
		s.mustCommit(r, parent)
	}
	made := &commit{parents: slices.Clone(parents), message: c.Message, author: s.account(c.Author), date: c.Date, files: files, network: r.network, order: n}
	tree := sha1.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(tree, "%s %s\n", path, blobSHA(files[path]))
	}
	made.tree = fmt.Sprintf("%x", tree.Sum(nil))
	made.sha = fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "%d %s %q %s %d %q", r.network, made.tree, parents, c.Author, c.Date.Unix(), c.Message)))
	if known := s.commits[made.sha]; known != nil {
		return known
	}
	s.commits[made.sha] = made
	return made
}

func blobSHA(content string) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)))
}

func (s *Server) mustCommit(r *Repo, sha string) *commit {
	c := s.commits[sha]
	if c == nil || c.network != r.network {
		panic(fmt.Sprintf("ghtest: no commit %q in %s", sha, r.fullName()))
	}
	return c
}

// Branch returns the tip of a branch, or "".
func (s *Server) Branch(r *Repo, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.branches[name]
}

// SetBranch moves a branch to any commit, as a forced push does; sha "" deletes it.
func (s *Server) SetBranch(r *Repo, name, sha string) {
	defer s.lock()()
	if sha != "" {
		s.mustCommit(r, sha)
	}
	s.moveBranch(r, name, sha, r.owner)
}

const noSHA = "0000000000000000000000000000000000000000"

func (s *Server) moveBranch(r *Repo, name, sha string, by *account) {
	before := r.branches[name]
	if before == sha {
		return
	}
	r.pushed = s.now()
	if sha == "" {
		delete(r.branches, name)
	} else {
		r.branches[name] = sha
	}
	s.emitPush(r, name, before, sha, by)
	if sha != "" {
		s.requestSuites(r, name, before, sha, by)
	}
	s.updatePulls(r, name, before, sha, by)
}

func (s *Server) emitPush(r *Repo, branch, before, after string, by *account) {
	body := obj{
		"ref": "refs/heads/" + branch, "before": cmp.Or(before, noSHA), "after": cmp.Or(after, noSHA), "created": before == "",
		"deleted": after == "", "forced": before != "" && after != "" && !s.contains(after, before), "base_ref": nil,
		"compare": r.web(s) + "/compare/" + short(before) + "..." + short(after),
		"pusher":  obj{"name": by.login, "email": by.login + "@users.noreply.github.com"}, "commits": []obj{}, "head_commit": nil,
	}
	if after != "" {
		commits := []obj{}
		fresh := s.fresh(r, branch, before, after)
		pushed := fresh
		if before != "" {
			pushed = s.between(before, after)
		}
		for _, c := range pushed {
			o := c.pushed(s, r)
			o["distinct"] = slices.Contains(fresh, c)
			commits = append(commits, o)
		}
		body["commits"], body["head_commit"] = commits, s.commits[after].pushed(s, r)
	}
	s.emit(r, by, "push", "", body)
}

// fresh lists what a push brought that no branch had before, parents first.
func (s *Server) fresh(r *Repo, branch, before, after string) []*commit {
	known := s.ancestors(before)
	for name, sha := range r.branches {
		if name != branch {
			maps.Copy(known, s.ancestors(sha))
		}
	}
	return slices.DeleteFunc(s.between("", after), func(c *commit) bool { return known[c.sha] })
}

func short(sha string) string { return cmp.Or(sha, noSHA)[:12] }

// ancestors returns the commit and all it was made from.
func (s *Server) ancestors(sha string) map[string]bool {
	seen := map[string]bool{}
	for todo := []string{sha}; len(todo) > 0; {
		last := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if c := s.commits[last]; c != nil && !seen[last] {
			seen[last] = true
			todo = append(todo, c.parents...)
		}
	}
	return seen
}

func (s *Server) contains(tip, sha string) bool { return s.ancestors(tip)[sha] }

// between lists what is reachable from head and not from base, parents first.
func (s *Server) between(base, head string) []*commit {
	known := s.ancestors(base)
	var out []*commit
	for sha := range s.ancestors(head) {
		if !known[sha] {
			out = append(out, s.commits[sha])
		}
	}
	slices.SortFunc(out, func(a, b *commit) int { return cmp.Compare(a.order, b.order) })
	return out
}

// mergeBase returns the newest commit that both were made from and that no other such commit was made from.
func (s *Server) mergeBase(a, b string) *commit {
	ofA, ofB := s.ancestors(a), s.ancestors(b)
	var best *commit
	for sha := range ofA {
		// A commit is always made after its parents, so the newest common one is nobody's ancestor.
		if c := s.commits[sha]; ofB[sha] && (best == nil || c.order > best.order) {
			best = c
		}
	}
	return best
}

var shaForm = regexp.MustCompile(`^[0-9a-f]{7,40}$`)

// resolve finds the commit that a branch, a ref or a SHA (which may be shortened) names, or nil.
func (s *Server) resolve(r *Repo, ref string) *commit {
	name := strings.TrimPrefix(strings.TrimPrefix(ref, "refs/"), "heads/")
	if sha := r.branches[name]; sha != "" {
		return s.commits[sha]
	}
	if sha := s.pullRef(r, strings.TrimPrefix(ref, "refs/")); sha != "" {
		return s.commits[sha]
	}
	if ref == "HEAD" {
		return s.commits[r.branches[r.defaultBranch]]
	}
	if c := s.commits[ref]; c != nil && c.network == r.network {
		return c
	}
	if !shaForm.MatchString(ref) {
		return nil
	}
	var found *commit
	for sha, c := range s.commits {
		if c.network == r.network && strings.HasPrefix(sha, ref) {
			if found != nil {
				return nil // ambiguous
			}
			found = c
		}
	}
	return found
}

// pullRef knows pull/N/head and pull/N/merge.
func (s *Server) pullRef(r *Repo, ref string) string {
	var n int
	var what string
	if _, err := fmt.Sscanf(strings.ReplaceAll(ref, "/", " "), "pull %d %s", &n, &what); err != nil {
		return ""
	}
	for _, p := range r.pulls {
		switch {
		case p.number != n || p.issue:
		case what == "head":
			return p.headSHA
		case what == "merge" && p.state == "open":
			return p.mergeSHA
		}
	}
	return ""
}

func (c *commit) person(a *account) obj {
	return obj{"name": a.login, "email": fmt.Sprintf("%d+%s@users.noreply.github.com", a.id, a.login), "date": stamp(c.date)}
}

// git is the inner form, which git itself knows.
func (c *commit) git(s *Server, r *Repo) obj {
	return obj{
		"author": c.person(c.author), "committer": c.person(c.author), "message": c.message,
		"tree": obj{"sha": c.tree, "url": r.api(s) + "/git/trees/" + c.tree}, "url": r.api(s) + "/git/commits/" + c.sha, "comment_count": 0,
		"verification": obj{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
	}
}

func (c *commit) parentList(s *Server, r *Repo, api string) []obj {
	out := []obj{}
	for _, p := range c.parents {
		out = append(out, obj{"sha": p, "url": r.api(s) + api + p, "html_url": r.web(s) + "/commit/" + p})
	}
	return out
}

func (c *commit) json(s *Server, r *Repo) obj {
	url := r.api(s) + "/commits/" + c.sha
	return obj{
		"sha": c.sha, "node_id": "C_" + c.sha[:16], "commit": c.git(s, r), "url": url, "html_url": r.web(s) + "/commit/" + c.sha,
		"comments_url": url + "/comments", "author": c.author.json(s), "committer": c.author.json(s), "parents": c.parentList(s, r, "/commits/"),
	}
}

// simple is the form in workflow runs and check suites.
func (c *commit) simple() obj {
	p := c.person(c.author)
	who := obj{"name": p["name"], "email": p["email"]}
	return obj{"id": c.sha, "tree_id": c.tree, "message": c.message, "timestamp": stamp(c.date), "author": who, "committer": who}
}

// pushed is the form in push payloads.
func (c *commit) pushed(s *Server, r *Repo) obj {
	o := c.simple()
	who := obj{"name": c.author.login, "email": c.person(c.author)["email"], "username": c.author.login}
	added, removed, modified := []string{}, []string{}, []string{}
	for _, f := range s.diff(c.firstParent(), c.sha) {
		switch f.status {
		case "added":
			added = append(added, f.path)
		case "removed":
			removed = append(removed, f.path)
		default:
			modified = append(modified, f.path)
		}
	}
	maps.Copy(o, obj{"distinct": true, "url": r.web(s) + "/commit/" + c.sha, "author": who, "committer": who,
		"added": added, "removed": removed, "modified": modified})
	return o
}

func (c *commit) firstParent() string {
	if len(c.parents) == 0 {
		return ""
	}
	return c.parents[0]
}

type changedFile struct {
	path, status, sha    string
	additions, deletions int
	previous             string // of a renamed file
}

// diff lists the files that differ, by path. base may be "".
func (s *Server) diff(base, head string) []changedFile {
	var old map[string]string
	if base != "" {
		old = s.commits[base].files
	}
	var out []changedFile
	now := s.commits[head].files
	for path, text := range now {
		was, had := old[path]
		switch {
		case !had:
			out = append(out, changedFile{path, "added", blobSHA(text), lines(text), 0, ""})
		case was != text:
			out = append(out, changedFile{path, "modified", blobSHA(text), lines(text), lines(was), ""})
		}
	}
	for path, was := range old {
		if _, has := now[path]; !has {
			out = append(out, changedFile{path, "removed", blobSHA(was), 0, lines(was), ""})
		}
	}
	slices.SortFunc(out, func(a, b changedFile) int { return cmp.Compare(a.path, b.path) })
	return out
}

// renames makes one renamed file of an added and a removed one with the same content, as git does with equal files.
func renames(files []changedFile) []changedFile {
	removed := map[string][]string{}
	for _, f := range files {
		if f.status == "removed" {
			removed[f.sha] = append(removed[f.sha], f.path)
		}
	}
	gone := map[string]bool{}
	var out []changedFile
	for _, f := range files {
		if from := removed[f.sha]; f.status == "added" && len(from) > 0 {
			f.status, f.previous, f.additions = "renamed", from[0], 0
			gone[from[0]], removed[f.sha] = true, from[1:]
		}
		out = append(out, f)
	}
	return slices.DeleteFunc(out, func(f changedFile) bool { return f.status == "removed" && gone[f.path] })
}

func lines(text string) int {
	n := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		n++
	}
	return n
}

func (f changedFile) json(s *Server, r *Repo, ref string) obj {
	o := obj{
		"sha": f.sha, "filename": f.path, "status": f.status, "additions": f.additions, "deletions": f.deletions, "changes": f.additions + f.deletions,
		"blob_url": r.web(s) + "/blob/" + ref + "/" + f.path, "raw_url": r.web(s) + "/raw/" + ref + "/" + f.path,
		"contents_url": r.api(s) + "/contents/" + f.path + "?ref=" + ref,
	}
	if f.previous != "" {
		o["previous_filename"] = f.previous
	}
	return o
}

func noCommit(ref string) answer { return fail(422, "No commit found for SHA: "+ref) }

func getCommit(c *call) answer {
	ref := c.arg("ref")
	found := c.s.resolve(c.repo, ref)
	if found == nil {
		return noCommit(ref)
	}
	if accept := c.r.Header.Get("Accept"); strings.Contains(accept, "sha") && strings.Contains(accept, "application/vnd.github") {
		return answer{status: 200, raw: []byte(found.sha), header: map[string][]string{"Content-Type": {"application/vnd.github.sha; charset=utf-8"}}}
	}
	o := found.json(c.s, c.repo)
	files, added, deleted := []obj{}, 0, 0
	for _, f := range c.s.diff(found.firstParent(), found.sha) {
		files = append(files, f.json(c.s, c.repo, found.sha))
		added, deleted = added+f.additions, deleted+f.deletions
	}
	o["stats"] = obj{"total": added + deleted, "additions": added, "deletions": deleted}
	o["files"] = paged(c, files)
	return ok(o)
}

// listCommits walks all parents, newest first.
func listCommits(c *call) answer {
	ref := cmp.Or(c.query("sha"), c.repo.defaultBranch)
	tip := c.s.resolve(c.repo, ref)
	if tip == nil {
		return notFound()
	}
	all := c.s.between("", tip.sha)
	slices.Reverse(all)
	out := []obj{}
	for _, one := range paged(c, all) {
		out = append(out, one.json(c.s, c.repo))
	}
	return ok(out)
}

func getGitCommit(c *call) answer {
	found := c.s.commits[c.arg("sha")]
	if found == nil || found.network != c.repo.network {
		return notFound()
	}
	o := found.git(c.s, c.repo)
	delete(o, "comment_count")
	maps.Copy(o, obj{"sha": found.sha, "node_id": "C_" + found.sha[:16], "html_url": c.repo.web(c.s) + "/commit/" + found.sha,
		"parents": found.parentList(c.s, c.repo, "/git/commits/")})
	return ok(o)
}

func (r *Repo) refJSON(s *Server, ref, sha string) obj {
	return obj{"ref": "refs/" + ref, "node_id": "REF_" + fmt.Sprintf("%x", sha1.Sum([]byte(ref)))[:16], "url": r.api(s) + "/git/refs/" + ref,
		"object": obj{"type": "commit", "sha": sha, "url": r.api(s) + "/git/commits/" + sha}}
}

func getRef(c *call) answer {
	ref := c.arg("ref")
	sha := c.s.pullRef(c.repo, ref)
	if name, branch := strings.CutPrefix(ref, "heads/"); branch {
		sha = c.repo.branches[name]
	}
	if sha == "" {
		return notFound()
	}
	return ok(c.repo.refJSON(c.s, ref, sha))
}

func matchingRefs(c *call) answer {
	all := []obj{}
	for _, name := range slices.Sorted(maps.Keys(c.repo.branches)) {
		if ref := "heads/" + name; strings.HasPrefix(ref, c.arg("ref")) {
			all = append(all, c.repo.refJSON(c.s, ref, c.repo.branches[name]))
		}
	}
	return ok(paged(c, all))
}

func (r *Repo) branchJSON(s *Server, name string) obj {
	sha := r.branches[name]
	return obj{"name": name, "protected": false, "commit": obj{"sha": sha, "url": r.api(s) + "/commits/" + sha}}
}

func listBranches(c *call) answer {
	out := []obj{}
	for _, name := range paged(c, slices.Sorted(maps.Keys(c.repo.branches))) {
		out = append(out, c.repo.branchJSON(c.s, name))
	}
	return ok(out)
}

func getBranch(c *call) answer {
	name := c.arg("branch")
	sha := c.repo.branches[name]
	if sha == "" {
		return fail(404, "Branch not found")
	}
	o := c.repo.branchJSON(c.s, name)
	o["commit"] = c.s.commits[sha].json(c.s, c.repo)
	self := c.repo.api(c.s) + "/branches/" + name
	o["_links"] = obj{"self": self, "html": c.repo.web(c.s) + "/tree/" + name}
	o["protection"], o["protection_url"] = obj{"enabled": false, "required_status_checks": obj{"enforcement_level": "off", "contexts": []string{}, "checks": []string{}}}, self+"/protection"
	return ok(o)
}

// compareEnd resolves one side of a comparison: a ref, owner:ref or owner:repo:ref, all within the network.
func compareEnd(c *call, text string) *commit {
	parts := strings.Split(text, ":")
	if len(parts) == 1 {
		return c.s.resolve(c.repo, text)
	}
	for _, r := range c.s.repos {
		if r.network == c.repo.network && !r.deleted && strings.EqualFold(r.owner.login, parts[0]) && (len(parts) == 2 || strings.EqualFold(r.name, parts[1])) {
			return c.s.resolve(r, parts[len(parts)-1])
		}
	}
	return nil
}

func compare(c *call) answer {
	from, to, three := strings.Cut(c.arg("basehead"), "...")
	if !three {
		from, to, three = strings.Cut(c.arg("basehead"), "..")
	}
	base, head := compareEnd(c, from), compareEnd(c, to)
	if !three || base == nil || head == nil {
		return notFound()
	}
	merge := c.s.mergeBase(base.sha, head.sha)
	if merge == nil {
		return fail(404, fmt.Sprintf("No common ancestor between %s and %s.", from, to))
	}
	ahead, behind := c.s.between(base.sha, head.sha), len(c.s.between(head.sha, base.sha))
	status := "diverged"
	switch {
	case len(ahead) == 0 && behind == 0:
		status = "identical"
	case behind == 0:
		status = "ahead"
	case len(ahead) == 0:
		status = "behind"
	}
	web := c.repo.web(c.s) + "/compare/" + from + "..." + to
	commits, files := []obj{}, []obj{}
	for _, one := range paged(c, ahead) {
		commits = append(commits, one.json(c.s, c.repo))
	}
	if c.query("page") == "" || c.query("page") == "1" {
		for _, f := range c.s.diff(merge.sha, head.sha) {
			files = append(files, f.json(c.s, c.repo, head.sha))
		}
	}
	return ok(obj{
		"url": c.repo.api(c.s) + "/compare/" + from + "..." + to, "html_url": web, "permalink_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch",
		"base_commit": base.json(c.s, c.repo), "merge_base_commit": merge.json(c.s, c.repo), "status": status, "ahead_by": len(ahead),
		"behind_by": behind, "total_commits": len(ahead), "commits": commits, "files": files[:min(len(files), 300)],
	})
}

// mergeFiles is what a merge of head into base holds: base, with what head changed since both parted.
func (s *Server) mergeFiles(base, head string) (files map[string]string, removed []string) {
	files = map[string]string{}
	parted := ""
	if c := s.mergeBase(base, head); c != nil {
		parted = c.sha
	}
	for _, f := range s.diff(parted, head) {
		if f.status == "removed" {
			removed = append(removed, f.path)
		} else {
			files[f.path] = s.commits[head].files[f.path]
		}
	}
	return files, removed
}
