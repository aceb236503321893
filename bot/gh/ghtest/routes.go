package ghtest

import (
	"net/http"
	"net/url"
	"strings"
)

// Permissions that a route asks for, one of them if there are several. With "!" they are needed in public repositories
// too.
const (
	readMetadata      = "metadata:read"
	readCollaborators = "metadata:read!"
	readContents      = "contents:read"
	readPulls         = "pull_requests:read"
	writePulls        = "pull_requests:write"
	// Which of both it takes depends on what the number or the comment belongs to; see call.may.
	readIssues       = "issues:read|pull_requests:read"
	writeIssues      = "issues:write|pull_requests:write"
	readActions      = "actions:read"
	downloadArtifact = "actions:read!"
	readMembers      = "members:read"
	readChecks       = "checks:read"
	writeChecks      = "checks:write"
)

type route struct {
	// pattern has wildcards for one segment {name} or several {name...}. REPO is /repos/{owner}/{repo}. The first pattern in
	// the table that matches counts.
	pattern string
	auth    authKind
	needs   string
	serve   func(*call) answer
}

var table = []route{
	{"GET /app", asApp, "", getApp},
	{"GET /app/installations", asApp, "", listInstallations},
	{"GET /app/installations/{id}", asApp, "", getInstallation},
	{"POST /app/installations/{id}/access_tokens", asApp, "", createToken},
	{"GET /app/hook/config", asApp, "", getHookConfig},
	{"PATCH /app/hook/config", asApp, "", updateHookConfig},
	{"GET /app/hook/deliveries", asApp, "", listDeliveries},
	{"GET /app/hook/deliveries/{id}", asApp, "", getDelivery},
	{"POST /app/hook/deliveries/{id}/attempts", asApp, "", attemptDelivery},
	{"POST /app-manifests/{code}/conversions", anybody, "", convertManifest},
	{"GET /installation/repositories", asInstalled, "", listInstalledRepos},
	{"DELETE /installation/token", asInstalled, "", revokeToken},
	{"GET /rate_limit", asAppOrToken, "", rateLimit},
	{"GET /orgs/{org}/teams/{team}/memberships/{username}", asInstalled, readMembers, getTeamMembership},

	{"GET REPO", asInstalled, readMetadata, getRepo},
	{"GET REPO/installation", asApp, "", getRepoInstallation},
	{"GET REPO/collaborators/{username}/permission", asInstalled, readCollaborators, getPermission},
	{"GET REPO/contents/{path...}", asInstalled, readContents, getContents},
	{"GET REPO/commits", asInstalled, readContents, listCommits},
	{"GET REPO/commits/{ref...}/pulls", asInstalled, readPulls, pullsOfCommit},
	{"GET REPO/commits/{ref...}/check-runs", asInstalled, readChecks, listChecksForRef},
	{"GET REPO/commits/{ref...}/check-suites", asInstalled, readChecks, listSuites},
	{"GET REPO/commits/{ref...}", asInstalled, readContents, getCommit},
	{"GET REPO/compare/{basehead...}", asInstalled, readContents, compare},
	{"GET REPO/git/commits/{sha}", asInstalled, readContents, getGitCommit},
	{"GET REPO/git/ref/{ref...}", asInstalled, readContents, getRef},
	{"GET REPO/git/matching-refs/{ref...}", asInstalled, readContents, matchingRefs},
	{"GET REPO/branches", asInstalled, readContents, listBranches},
	{"GET REPO/branches/{branch...}", asInstalled, readContents, getBranch},

	{"GET REPO/pulls", asInstalled, readPulls, listPulls},
	{"GET REPO/pulls/{number}", asInstalled, readPulls, getPull},
	{"GET REPO/pulls/{number}/commits", asInstalled, readPulls, listPullCommits},
	{"GET REPO/pulls/{number}/files", asInstalled, readPulls, listPullFiles},
	{"GET REPO/pulls/{number}/reviews", asInstalled, readPulls, listReviews},
	{"POST REPO/pulls/{number}/reviews", asInstalled, writePulls, createReview},
	{"GET REPO/issues/comments", asInstalled, readIssues, listRepoComments},
	{"GET REPO/issues/{number}", asInstalled, readIssues, getIssue},
	{"GET REPO/issues/{number}/events", asInstalled, readIssues, listIssueEvents},
	{"GET REPO/issues/{number}/labels", asInstalled, readIssues, listLabels},
	{"POST REPO/issues/{number}/labels", asInstalled, writeIssues, addLabels},
	{"DELETE REPO/issues/{number}/labels/{name}", asInstalled, writeIssues, removeLabel},
	{"GET REPO/labels", asInstalled, readIssues, listRepoLabels},
	{"GET REPO/issues/{number}/comments", asInstalled, readIssues, listComments},
	{"POST REPO/issues/{number}/comments", asInstalled, writeIssues, createComment},
	{"GET REPO/issues/comments/{id}", asInstalled, readIssues, getComment},
	{"PATCH REPO/issues/comments/{id}", asInstalled, writeIssues, updateComment},
	{"DELETE REPO/issues/comments/{id}", asInstalled, writeIssues, deleteComment},
	{"GET REPO/issues/comments/{id}/reactions", asInstalled, readIssues, listReactions},
	{"POST REPO/issues/comments/{id}/reactions", asInstalled, writeIssues, createReaction},
	{"DELETE REPO/issues/comments/{id}/reactions/{reaction}", asInstalled, writeIssues, deleteReaction},

	{"GET REPO/actions/runs", asInstalled, readActions, listRuns},
	{"GET REPO/actions/workflows", asInstalled, readActions, listWorkflows},
	{"GET REPO/actions/workflows/{workflow}", asInstalled, readActions, getWorkflow},
	{"GET REPO/actions/workflows/{workflow}/runs", asInstalled, readActions, listWorkflowRuns},
	{"GET REPO/actions/runs/{id}", asInstalled, readActions, getRun},
	{"GET REPO/actions/runs/{id}/attempts/{attempt}", asInstalled, readActions, getAttempt},
	{"GET REPO/actions/runs/{id}/attempts/{attempt}/jobs", asInstalled, readActions, listJobs},
	{"GET REPO/actions/runs/{id}/jobs", asInstalled, readActions, listJobs},
	{"GET REPO/actions/runs/{id}/artifacts", asInstalled, readActions, listRunArtifacts},
	{"GET REPO/actions/jobs/{id}", asInstalled, readActions, getJob},
	{"GET REPO/actions/artifacts", asInstalled, readActions, listArtifacts},
	{"GET REPO/actions/artifacts/{id}", asInstalled, readActions, getArtifact},
	{"GET REPO/actions/artifacts/{id}/{format}", asInstalled, downloadArtifact, downloadZip},

	{"POST REPO/check-runs", asInstalled, writeChecks, createCheck},
	{"GET REPO/check-runs/{id}", asInstalled, readChecks, getCheck},
	{"PATCH REPO/check-runs/{id}", asInstalled, writeChecks, updateCheck},
	{"POST REPO/check-runs/{id}/rerequest", asInstalled, writeChecks, rerequestCheck},
	{"GET REPO/check-runs/{id}/annotations", asInstalled, readChecks, listAnnotations},
	{"POST REPO/check-suites", asInstalled, writeChecks, createSuite},
	{"GET REPO/check-suites/{id}", asInstalled, readChecks, getSuite},
	{"GET REPO/check-suites/{id}/check-runs", asInstalled, readChecks, listChecksOfSuite},
	{"POST REPO/check-suites/{id}/rerequest", asInstalled, writeChecks, rerequestSuite},
}

// find returns the route for a request, and what its wildcards stand for.
func find(method, escapedPath string) (*route, map[string]string) {
	segments := strings.Split(strings.Trim(escapedPath, "/"), "/")
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			segments[i] = plain
		}
	}
	for i := range table {
		want, pattern, _ := strings.Cut(table[i].pattern, " ")
		pattern = strings.Replace(pattern, "REPO", "/repos/{owner}/{repo}", 1)
		if want != method {
			continue
		}
		if args, ok := match(strings.Split(pattern[1:], "/"), segments); ok {
			return &table[i], args
		}
	}
	return nil, nil
}

func match(pattern, segments []string) (map[string]string, bool) {
	args := map[string]string{}
	for i, p := range pattern {
		name, wild := strings.CutPrefix(p, "{")
		name = strings.TrimSuffix(name, "}")
		name, many := strings.CutSuffix(name, "...")
		n := 1
		if many {
			n = len(segments) - (len(pattern) - i - 1)
		}
		if n < 0 || len(segments) < n || !wild && (n == 0 || segments[0] != p) {
			return nil, false
		}
		if wild {
			args[name] = strings.Join(segments[:n], "/")
		}
		segments = segments[n:]
	}
	return args, len(segments) == 0
}

// dispatch asks who it is and what they may do, then lets the route answer. All of that is one step for other requests.
func (s *Server) dispatch(rt *route, c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, pass := c.authenticate(rt.auth)
	if pass {
		if q := c.quota(); q != nil && q.used >= q.limit && c.r.URL.Path != "/rate_limit" {
			return c.finish(fail(http.StatusForbidden, "API rate limit exceeded for "+c.who()+"."))
		}
		if c.arg("owner") != "" {
			a, pass = c.enterRepo(rt.needs)
		} else if c.arg("org") != "" {
			a, pass = c.enterOrg(rt.needs)
		}
	}
	if !pass {
		return c.finish(a)
	}
	a = rt.serve(c)
	if c.r.Method != http.MethodGet && a.status < 300 {
		s.touch()
	}
	return c.finish(a)
}
