package gh

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

func TestRole(t *testing.T) {
	w := newWorld(t)
	private := w.AddRepo(ghtest.RepoOptions{Owner: "rust-kernel", Name: "private", Installation: w.inst, Private: true})
	hidden := Repo{ID: private.ID, Owner: "rust-kernel", Name: "private"}
	role := func(r Repo, login string) Role {
		t.Helper()
		return must[Role](t)(w.c.Role(t.Context(), r, login))
	}
	w.PostComment(w.r, w.OpenPull(w.r, ghtest.Pull{Branch: "b"}), "passer-by", "/size")
	for name, want := range map[string]Role{"read": RoleRead, "triage": RoleTriage, "write": RoleWrite, "maintain": RoleMaintain, "admin": RoleAdmin} {
		w.SetRole(w.r, "dev", name)
		if got := role(w.repo, "dev"); got != want || got.String() != name {
			t.Errorf("%s: %v", name, got)
		}
	}
	for base, want := range map[string]Role{"triage": RoleRead, "maintain": RoleWrite, "admin": RoleAdmin} {
		w.SetCustomRole(w.r, "dev", "size-owner", base)
		if got := role(w.repo, "DEV"); got != want {
			t.Errorf("a role on top of %s: %v", base, got)
		}
	}
	if got := role(w.repo, "passer-by"); got != RoleRead {
		t.Errorf("anybody in a public repository: %v", got)
	}
	if got := role(hidden, "passer-by"); got != RoleNone {
		t.Errorf("anybody in a private repository: %v", got)
	}
	for _, login := range []string{"nobody", "oxidometer[bot]"} {
		if got := role(w.repo, login); got != RoleNone {
			t.Errorf("%s: %v", login, got)
		}
	}
	w.ResetCalls()
	for _, login := range []string{"", ".", "..", "a/b", "a b", "[bot]", "a[bot]x", "a?b"} {
		_, err := w.c.Role(t.Context(), w.repo, login)
		wantClass(t, err, ClassPermanent)
	}
	if n := len(w.Calls()); n != 0 {
		t.Errorf("%d requests for what is no login", n)
	}
}

// TestRoleUnknown: that GitHub says nothing usable is no answer.
func TestRoleUnknown(t *testing.T) {
	for body, want := range map[string]Class{
		``: ClassTemporary, `null`: ClassTemporary, `{}`: ClassTemporary, `[]`: ClassTemporary, `{"permission":null,"role_name":""}`: ClassTemporary,
		`{"permission":"owner","role_name":"owner"}`: ClassTemporary, `{"permission":"none","role_name":""}`: ClassOK, `{"permission":"admin"}`: ClassOK,
	} {
		f, c := fakeClient(t)
		f.on("GET repos/o/r/collaborators/dev/permission", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		role, err := c.Role(t.Context(), testRepo, "dev")
		if class, _ := Classify(err); class != want || err != nil && role != RoleNone {
			t.Errorf("%s: %v, %v", body, role, err)
		}
	}
}

func TestRoleOrder(t *testing.T) {
	for i := range roleNames {
		for j := range roleNames {
			if Role(i).AtLeast(Role(j)) != (i >= j) {
				t.Errorf("%v at least %v: %v", Role(i), Role(j), i < j)
			}
		}
		if role, ok := ParseRole(roleNames[i]); !ok || role != Role(i) {
			t.Errorf("%s is %v", roleNames[i], role)
		}
	}
	for _, name := range []string{"", "Write", "owner", "write "} {
		if role, ok := ParseRole(name); ok || role != RoleNone {
			t.Errorf("%q is %v", name, role)
		}
	}
	if Role(-1).String() != "unknown" || Role(9).String() != "unknown" {
		t.Error("a role that is none has a name")
	}
}

func TestTeamMember(t *testing.T) {
	w := newWorld(t, func(o *ghtest.Options) { o.Permissions = Permissions(Extras()...) })
	w.AddOrganization("rust-kernel")
	w.AddOrganization("rival")
	w.SetTeamMember("rust-kernel", "rust-size", "dev", "active")
	w.SetTeamMember("rust-kernel", "rust-size", "invited", "pending")
	w.SetTeamMember("rival", "rust-size", "dev", "active")
	for login, want := range map[string]bool{"dev": true, "invited": false, "nobody": false, "oxidometer[bot]": false} {
		if got := must[bool](t)(w.c.TeamMember(t.Context(), "rust-kernel", "rust-size", login)); got != want {
			t.Errorf("%s: %v", login, got)
		}
	}
	if must[bool](t)(w.c.TeamMember(t.Context(), "rust-kernel", "none", "dev")) {
		t.Error("a member of no team")
	}
	_, err := w.c.TeamMember(t.Context(), "rival", "rust-size", "dev")
	wantClass(t, err, ClassForbidden)
	w.ResetCalls()
	for _, name := range [][3]string{{"", "t", "u"}, {"o", "", "u"}, {"o", "t", ""}, {"..", "t", "u"}, {"o", "..", "u"}, {"o", "t", ".."}, {"o", "t/x", "u"}} {
		_, err := w.c.TeamMember(t.Context(), name[0], name[1], name[2])
		wantClass(t, err, ClassPermanent)
	}
	if n := len(w.Calls()); n != 0 {
		t.Errorf("%d requests for what are no names", n)
	}

	// Where it was not granted, no token has it.
	little := newWorld(t)
	little.AddOrganization("rust-kernel")
	_, err = little.c.TeamMember(t.Context(), "rust-kernel", "rust-size", "dev")
	wantClass(t, err, ClassForbidden)
}

func TestTeamMemberUnknown(t *testing.T) {
	for _, state := range []any{nil, "", "former", 1} {
		f, c := fakeClient(t)
		f.json("GET orgs/o/teams/t/memberships/dev", map[string]any{"state": state})
		member, err := c.TeamMember(t.Context(), "o", "t", "dev")
		if class, _ := Classify(err); class != ClassTemporary || member {
			t.Errorf("%v: %v, %v", state, member, err)
		}
	}
}

// TestPermissionsAcceptedLater: the extras of an installation come with the first token after its owner accepted them.
func TestPermissionsAcceptedLater(t *testing.T) {
	w := newWorld(t, func(o *ghtest.Options) { o.Permissions = Permissions(Extras()...) })
	w.AddOrganization("rust-kernel")
	w.SetTeamMember("rust-kernel", "size", "dev", "active")
	w.SetPermissions(w.inst, Permissions())
	_, err := w.c.TeamMember(t.Context(), "rust-kernel", "size", "dev")
	wantClass(t, err, ClassForbidden)
	w.SetPermissions(w.inst, Permissions(Extras()...))
	w.ExpireTokens()
	if !must[bool](t)(w.c.TeamMember(t.Context(), "rust-kernel", "size", "dev")) {
		t.Error("no member")
	}
	var asked struct{ Permissions map[string]string }
	for _, c := range w.Calls() {
		if c.Method == "POST" && forToken(c.Path) {
			if err := json.Unmarshal(c.Body, &asked); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := Permissions()
	want["issues"], want["members"] = "write", "read"
	equal(t, "permissions asked for", want, asked.Permissions)
	// An installation that there is not cannot be asked.
	_, err = w.app.Installation(w.inst+1).Has(t.Context(), "members", "read")
	if e := wantClass(t, err, ClassAuth); e.Status != 404 {
		t.Error(e)
	}
}
