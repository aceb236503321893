package gh

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
)

// Role is what somebody may do in a repository, in GitHub's order: each may what those before it may.
// https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
type Role int

// GitHub's roles.
const (
	RoleNone Role = iota
	RoleRead      // everybody has it in a public repository
	RoleTriage
	RoleWrite
	RoleMaintain
	RoleAdmin
)

var roleNames = [...]string{"none", "read", "triage", "write", "maintain", "admin"}

// String is GitHub's name of the role.
func (r Role) String() string {
	if r < 0 || int(r) >= len(roleNames) {
		return "unknown"
	}
	return roleNames[r]
}

// AtLeast says whether r may all that want may.
func (r Role) AtLeast(want Role) bool { return r >= want }

// ParseRole finds a role by GitHub's name of it.
func ParseRole(name string) (role Role, ok bool) {
	for i, known := range roleNames {
		if known == name {
			return Role(i), true
		}
	}
	return RoleNone, false
}

// loginForm is of users and of Apps' bots. Logins are escaped in requests; this keeps "..", which escaping does not change.
var loginForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}(\[bot\])?$`)

// Role reads what a user may do in the repository, from all grants together: the repository's, teams', the organization's.
// Of a role that an organization made itself, it is the one that GitHub's permission field names, which may be less.
// Somebody who is no user, such as an App, has RoleNone. That GitHub cannot tell is always an error.
// https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
func (c *Client) Role(ctx context.Context, repo Repo, login string) (Role, error) {
	op := fmt.Sprintf("read the role of %s in %s", oneLine(login), repo)
	if err := repo.check(op); err != nil {
		return RoleNone, err
	}
	if !loginForm.MatchString(login) {
		return RoleNone, misuse(op, "%q is no login", oneLine(login))
	}
	var has struct {
		Permission string `json:"permission"` // maintain is write there, triage is read
		RoleName   string `json:"role_name"`
	}
	_, err := send(ctx, c.api, http.MethodGet, repo.path("collaborators/%s/permission", login), nil, &has)
	if class, _ := Classify(err); class == ClassNotFound {
		return RoleNone, nil
	}
	if err != nil {
		return RoleNone, c.app.fail(op, err)
	}
	if role, ok := ParseRole(has.RoleName); ok {
		return role, nil
	}
	if role, ok := ParseRole(has.Permission); ok {
		return role, nil
	}
	return RoleNone, unusable(op)
}

// TeamMember says whether a user is an active member of an organization's team, which is given by its name in URLs, or of
// one of its child teams. A team that the App cannot see has no members. It needs the extra permission on members;
// without, the error is ClassForbidden.
// https://docs.github.com/en/rest/teams/members#get-team-membership-for-a-user
func (c *Client) TeamMember(ctx context.Context, org, team, login string) (bool, error) {
	op := fmt.Sprintf("look for %s in team %s/%s", oneLine(login), oneLine(org), oneLine(team))
	if !validName(org) || !validName(team) || !loginForm.MatchString(login) {
		return false, misuse(op, "want the names of an organization, a team and a user")
	}
	var member struct {
		State string `json:"state"` // active or pending
	}
	path := fmt.Sprintf("orgs/%s/teams/%s/memberships/%s", org, team, url.PathEscape(login))
	_, err := send(ctx, c.api, http.MethodGet, path, nil, &member)
	if class, _ := Classify(err); class == ClassNotFound {
		return false, nil
	}
	if err == nil && member.State != "active" && member.State != "pending" {
		err = unusable("")
	}
	return err == nil && member.State == "active", c.app.fail(op, err)
}
