package gh

import "maps"

// permissions is what the App needs. Installation tokens are narrowed to the same, see session.
var permissions = map[string]string{"metadata": "read", "actions": "read", "contents": "read", "pull_requests": "write", "checks": "write"}

// Permissions returns what the App asks installations for, and nothing more: names and levels as in App manifests.
func Permissions() map[string]string { return maps.Clone(permissions) }

// Events returns the events that the App subscribes to with those Permissions, sorted. GitHub sends ping, installation and
// installation_repositories without being asked, and refuses a manifest that names them.
func Events() []string {
	return []string{"check_run", "check_suite", "pull_request", "push", "repository", "workflow_run"}
}

// Extra is an event that GitHub only lets an App subscribe to with a permission beyond Permissions. No token ever carries
// that permission.
type Extra struct {
	Event, Permission, Level string
	Purpose                  string // what the App does with it: "reads …"
}

// Extras returns what the App can use but does not ask for by itself.
func Extras() []Extra {
	return []Extra{
		{Event: "issue_comment", Permission: "issues", Level: "read", Purpose: "follows commands in comments"},
		{Event: "merge_group", Permission: "merge_queues", Level: "read", Purpose: "answers merge queues at once"},
	}
}
