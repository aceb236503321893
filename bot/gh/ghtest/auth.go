package ghtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// authKind says what a route wants to see in the Authorization header.
type authKind int

const (
	anybody      authKind = iota
	asApp                 // a JWT signed with the App's key
	asInstalled           // an installation token
	asAppOrToken          // either
)

type token struct {
	text        string
	inst        *installation
	permissions map[string]string
	repos       map[int64]bool // nil: all of the installation's
	expires     time.Time
}

const (
	tokenLife = time.Hour
	maxJWT    = 10 * time.Minute
	skew      = time.Minute // how far ahead a clock may be for iat
)

// authenticate finds out who asks. ok is false when the route is not for them.
func (c *call) authenticate(want authKind) (answer, bool) {
	if want == anybody {
		return answer{}, true
	}
	scheme, secret, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	switch {
	case secret == "":
		if want == asApp {
			return fail(http.StatusUnauthorized, "A JSON web token could not be decoded"), false
		}
		return fail(http.StatusUnauthorized, "Requires authentication"), false
	case !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token"):
		return fail(http.StatusUnauthorized, "Bad credentials"), false
	case strings.Count(secret, ".") == 2:
		// "token" works for installation tokens, a JWT must be sent as "Bearer".
		if !strings.EqualFold(scheme, "bearer") || want == asInstalled {
			return fail(http.StatusUnauthorized, "Bad credentials"), false
		}
		return c.authenticateApp(secret)
	case want == asApp:
		return fail(http.StatusUnauthorized, "A JSON web token could not be decoded"), false
	}
	return c.authenticateToken(secret)
}

func (c *call) authenticateToken(secret string) (answer, bool) {
	t := c.s.tokens[secret]
	if t == nil || t.inst.deleted || !c.s.now().Before(t.expires) {
		return fail(http.StatusUnauthorized, "Bad credentials"), false
	}
	if t.inst.suspended {
		return fail(http.StatusForbidden, "This installation has been suspended"), false
	}
	c.token, c.inst = t, t.inst
	return answer{}, true
}

func (c *call) authenticateApp(jwt string) (answer, bool) {
	app, fault := c.s.verifyJWT(jwt)
	if fault != "" {
		status := http.StatusUnauthorized
		if fault == noIntegration {
			status = http.StatusNotFound
		}
		return fail(status, fault), false
	}
	c.app = app
	return answer{}, true
}

const (
	badJWT        = "A JSON web token could not be decoded"
	noIntegration = "Integration not found"
)

// verifyJWT returns the App that signed the token, or GitHub's words for what is wrong with it.
func (s *Server) verifyJWT(text string) (*app, string) {
	parts := strings.Split(text, ".")
	var header struct{ Alg string }
	var claims struct {
		Iss      any
		Iat, Exp json.Number
	}
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &claims) || header.Alg != "RS256" {
		return nil, badJWT
	}
	var app *app
	for _, a := range s.apps {
		if iss := fmt.Sprint(claims.Iss); a.key != nil && (iss == strconv.FormatInt(a.id, 10) || iss == a.clientID()) {
			app = a
		}
	}
	if app == nil {
		return nil, noIntegration
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(app.key, crypto.SHA256, sum[:], signature) != nil {
		return nil, badJWT
	}
	iat, iatErr := claims.Iat.Int64()
	exp, expErr := claims.Exp.Int64()
	now := s.o.Now()
	switch {
	case expErr != nil || !now.Before(time.Unix(exp, 0)):
		return nil, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	case time.Unix(exp, 0).Sub(now) > maxJWT:
		return nil, "'Expiration time' claim ('exp') is too far in the future"
	case iatErr != nil || time.Unix(iat, 0).Sub(now) > skew:
		return nil, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	}
	return app, ""
}

func decodePart(part string, v any) bool {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return false
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	return d.Decode(v) == nil
}

var levels = map[string]int{"": 0, "read": 1, "write": 2, "admin": 3}

// allows says whether the permissions hold one of those in needs, written "checks:write" or "issues:read|pull_requests:read".
func allows(permissions map[string]string, needs string) bool {
	for need := range strings.SplitSeq(needs, "|") {
		name, level, _ := strings.Cut(need, ":")
		if levels[permissions[name]] >= levels[level] {
			return true
		}
	}
	return false
}

// enterRepo finds the repository that the route names and decides whether the caller may do there what needs says.
func (c *call) enterRepo(needs string) (answer, bool) {
	name := c.arg("owner") + "/" + c.arg("repo")
	repo := c.s.repoByName(name)
	if repo == nil {
		if moved := c.s.oldNames[strings.ToLower(name)]; moved != nil && !moved.deleted && c.sees(moved) {
			return c.movedTo(moved), false
		}
		return notFound(), false
	}
	if !c.sees(repo) {
		return notFound(), false
	}
	c.repo = repo
	if c.app != nil {
		return answer{}, true // routes for the App's JWT have no permission
	}
	// What lies in a public repository can be read with any token, but for a few routes.
	needs, always := strings.CutSuffix(needs, "!")
	reads := c.r.Method == http.MethodGet
	switch {
	case c.covers(repo) && !allows(c.token.permissions, needs), !c.covers(repo) && (!reads || always):
		return refuse(needs), false
	case !reads && repo.archived:
		return fail(http.StatusForbidden, "Repository was archived so is read-only."), false
	}
	return answer{}, true
}

// refuse is GitHub's answer to a token that lacks the permission, with the permissions that would do.
func refuse(needs string) answer {
	a := fail(http.StatusForbidden, "Resource not accessible by integration")
	a.header = http.Header{"X-Accepted-Github-Permissions": {strings.NewReplacer("|", "; ", ":", "=").Replace(needs)}}
	return a
}

// enterOrg decides whether the caller may do in the organization that the route names what needs says.
func (c *call) enterOrg(needs string) (answer, bool) {
	org := c.s.accounts[strings.ToLower(c.arg("org"))]
	switch {
	case org == nil || org.kind != "Organization":
		return notFound(), false
	case c.inst.account != org || !allows(c.token.permissions, needs):
		return refuse(needs), false
	}
	return answer{}, true
}

// covers says whether the token was made for the repository.
func (c *call) covers(r *Repo) bool {
	return c.inst != nil && c.inst.has(r) && (c.token.repos == nil || c.token.repos[r.ID])
}

func (c *call) sees(r *Repo) bool {
	return !r.private || c.covers(r) || c.app != nil && c.s.installationOf(r) != nil
}

// movedTo sends the client to the address by id, which stays when names change.
func (c *call) movedTo(r *Repo) answer {
	rest := strings.SplitN(c.r.URL.EscapedPath(), "/", 5)
	to := fmt.Sprintf("%s%s/repositories/%d", c.s.o.APIURL, c.prefix, r.ID)
	if len(rest) == 5 {
		to += "/" + rest[4]
	}
	if c.r.URL.RawQuery != "" {
		to += "?" + c.r.URL.RawQuery
	}
	status, message := http.StatusMovedPermanently, "Moved Permanently"
	if c.r.Method != http.MethodGet {
		status, message = http.StatusTemporaryRedirect, "Temporary Redirect"
	}
	return answer{status: status, body: obj{"message": message, "url": to, "documentation_url": docs},
		header: http.Header{"Location": {to}}}
}

// newToken mints an installation token.
func (s *Server) newToken(inst *installation, permissions map[string]string, repos map[int64]bool) *token {
	sum := sha256.Sum256(fmt.Appendf(nil, "token %d of %d", s.next("token"), inst.id))
	t := &token{
		text: "ghs_" + base64.RawURLEncoding.EncodeToString(sum[:])[:36],
		inst: inst, permissions: permissions, repos: repos, expires: s.now().Add(tokenLife),
	}
	s.tokens[t.text] = t
	return t
}

// ExpireTokens ends the life of every installation token that was handed out so far.
func (s *Server) ExpireTokens() {
	defer s.lock()()
	clear(s.tokens)
}
