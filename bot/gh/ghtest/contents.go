package ghtest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	inlineContent = 1 << 20   // larger files come without content
	maxContent    = 100 << 20 // larger ones not at all
)

// File returns a file at a branch or commit. ok is false when there is none.
func (s *Server) File(r *Repo, ref, path string) (text string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.resolve(r, ref)
	if at == nil {
		return "", false
	}
	text, ok = at.files[path]
	return text, ok
}

func getContents(c *call) answer {
	path := strings.Trim(c.arg("path"), "/")
	ref := c.query("ref")
	shown := ref
	setDefault(&ref, c.repo.defaultBranch)
	at := c.s.resolve(c.repo, ref)
	if at == nil {
		return fail(404, "No commit found for the ref "+shown)
	}
	if text, isFile := at.files[path]; isFile {
		return fileContents(c, path, ref, text)
	}
	entries := map[string]obj{}
	prefix := path + "/"
	if path == "" {
		prefix = ""
	}
	for name, text := range at.files {
		rest, inside := strings.CutPrefix(name, prefix)
		if !inside {
			continue
		}
		if dir, _, deeper := strings.Cut(rest, "/"); deeper {
			entries[dir] = contentJSON(c, "dir", prefix+dir, ref, blobSHA(prefix+dir), 0)
		} else {
			entries[rest] = contentJSON(c, "file", name, ref, blobSHA(text), len(text))
		}
	}
	if len(entries) == 0 {
		return notFound()
	}
	out := []obj{}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		out = append(out, entries[name])
	}
	return ok(out)
}

func fileContents(c *call, path, ref, text string) answer {
	if len(text) > maxContent {
		a := fail(http.StatusForbidden, "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API, but you can always clone the repository.")
		a.body.(obj)["errors"] = []obj{{"resource": "Blob", "field": "data", "code": "too_large"}}
		return a
	}
	accept := c.r.Header.Get("Accept")
	for _, raw := range []string{"application/vnd.github.raw", "application/vnd.github.v3.raw"} {
		if strings.Contains(accept, raw) {
			return answer{status: 200, raw: append([]byte{}, text...), header: http.Header{"Content-Type": {raw + "; charset=utf-8"}}}
		}
	}
	o := contentJSON(c, "file", path, ref, blobSHA(text), len(text))
	o["encoding"], o["content"] = "base64", wrapped(base64.StdEncoding.EncodeToString([]byte(text)))
	if len(text) > inlineContent {
		o["encoding"], o["content"] = "none", ""
	}
	return ok(o)
}

// wrapped breaks base64 into lines of 60, as git's tools do.
func wrapped(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		n := min(60, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String()
}

func contentJSON(c *call, kind, path, ref, sha string, size int) obj {
	name := path[strings.LastIndex(path, "/")+1:]
	self := fmt.Sprintf("%s/contents/%s?ref=%s", c.repo.api(c.s), path, ref)
	git, html := c.repo.api(c.s)+"/git/blobs/"+sha, c.repo.web(c.s)+"/blob/"+ref+"/"+path
	var download any
	if kind == "file" {
		download = c.repo.web(c.s) + "/raw/" + ref + "/" + path
	}
	return obj{"type": kind, "size": size, "name": name, "path": path, "sha": sha, "url": self, "git_url": git, "html_url": html,
		"download_url": download, "_links": obj{"self": self, "git": git, "html": html}}
}
