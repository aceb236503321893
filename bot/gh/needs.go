package gh

import (
	"maps"
	"slices"
)

// permissions is what the App needs, and what every installation token carries.
var permissions = map[string]string{"metadata": "read", "actions": "read", "contents": "read", "pull_requests": "write", "checks": "write"}

// Permissions returns what the App asks installations for, with those extras and nothing more: names and levels as in App
// manifests.
func Permissions(extras ...Extra) map[string]string {
	out := maps.Clone(permissions)
	for _, x := range extras {
		if !Grants(out[x.Permission], x.Level) {
			out[x.Permission] = x.Level
		}
	}
	return out
}

// Events returns the events that the App subscribes to with those extras, sorted. GitHub sends ping, installation and
// installation_repositories without being asked, and refuses a manifest that names them. Which permission an event needs is
// in https://docs.github.com/en/webhooks/webhook-events-and-payloads.
func Events(extras ...Extra) []string {
	out := []string{"check_run", "check_suite", "pull_request", "pull_request_review", "push", "repository", "workflow_run"}
	for _, x := range extras {
		if x.Event != "" {
			out = append(out, x.Event)
		}
	}
	slices.Sort(out)
	return out
}

// Extra is something that the App can do, but does not ask for by itself: it takes a permission beyond Permissions.
type Extra struct {
	Name              string // as setup's flag has it
	Event             string // that GitHub only sends with the permission; "" for none
	Permission, Level string
	Token             bool   // installation tokens carry the permission where it was granted; no other token ever does
	Purpose           string // what the App does with it: "reads …"
}

// Extras returns what the App can use but does not ask for by itself.
func Extras() []Extra {
	return []Extra{
		{Name: "commands", Event: "issue_comment", Permission: "issues", Level: "read", Purpose: "follows commands in comments"},
		{Name: "labels", Permission: "issues", Level: "write", Token: true, Purpose: "labels pull requests with the verdict"},
		{Name: "teams", Permission: "members", Level: "read", Token: true, Purpose: "lets the repository file name teams"},
		{Name: "merge-queue", Event: "merge_group", Permission: "merge_queues", Level: "read", Purpose: "answers merge queues at once"},
	}
}

// Grants says whether having a permission at one level includes another level of it. "" is none, which all include.
func Grants(have, want string) bool {
	levels := []string{"", "read", "write", "admin"}
	return slices.Index(levels, have) >= slices.Index(levels, want)
}

// tokenPermissions is what a token is asked for: never more than was granted, which GitHub refuses (422), but for what the
// App cannot do without.
func tokenPermissions(granted map[string]string) map[string]string {
	return Permissions(slices.DeleteFunc(Extras(), func(x Extra) bool {
		return !x.Token || !Grants(granted[x.Permission], x.Level)
	})...)
}
