package ghtest

import (
	"fmt"
	"strings"
)

type team struct {
	id      int64
	org     *account
	slug    string
	members map[string]string // state of the membership by login in small letters: active or pending
}

// SetTeamMember makes a user a member of an organization's team: state is active, or pending while an invitation is open;
// "" takes the user away. The team is made when there is none of that slug, its name in URLs.
func (s *Server) SetTeamMember(org, slug, login, state string) {
	defer s.lock()()
	if state != "" && state != "active" && state != "pending" {
		panic("ghtest: no membership is " + state)
	}
	o := s.account(org)
	if o.kind != "Organization" {
		panic("ghtest: " + org + " is no organization")
	}
	s.account(login)
	key := strings.ToLower(org + "/" + slug)
	if s.teams[key] == nil {
		s.teams[key] = &team{id: s.next("team"), org: o, slug: slug, members: map[string]string{}}
	}
	s.teams[key].members[strings.ToLower(login)] = state
}

func getTeamMembership(c *call) answer {
	t := c.s.teams[strings.ToLower(c.arg("org")+"/"+c.arg("team"))]
	if t == nil {
		return notFound()
	}
	state := t.members[strings.ToLower(c.arg("username"))]
	if state == "" {
		return notFound()
	}
	return ok(obj{"url": fmt.Sprintf("%s/organizations/%d/team/%d/memberships/%s", c.s.o.APIURL, t.org.id, t.id, c.arg("username")),
		"role": "member", "state": state})
}
