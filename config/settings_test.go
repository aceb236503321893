package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSettings(t *testing.T) {
	for _, c := range []struct {
		file, text string
		want       map[string][]string
	}{
		{"f.yml", "", map[string][]string{}},
		{"f.yml", "# nothing\n", map[string][]string{}},
		{"etc/f.yml", "app-id: 12\nprivate-key: key.pem\nwebhook-secret: \"@secret\"\ndatabase: sqlite:o.db\n", map[string][]string{
			"app-id": {"12"}, "private-key": {"etc/key.pem"}, "webhook-secret": {"@etc/secret"}, "database": {"sqlite:etc/o.db"}}},
		{"etc/f.yml", "private-key: /run/key.pem\nwebhook-secret: [plain, \"@/run/new\"]\ndatabase: postgres://u@h/o\n", map[string][]string{
			"private-key": {"/run/key.pem"}, "webhook-secret": {"plain", "@/run/new"}, "database": {"postgres://u@h/o"}}},
		{"f.yml", "listen: :80\ngithub-url: https://g/api/v3/\npublic-url: https://o\nlog-level: debug\nlog-format: json\nrequire-config: true\nworkers: 4\n",
			map[string][]string{"listen": {":80"}, "github-url": {"https://g/api/v3/"}, "public-url": {"https://o"}, "log-level": {"debug"},
				"log-format": {"json"}, "require-config": {"true"}, "workers": {"4"}}},
	} {
		got, err := ParseSettings(c.file, []byte(c.text))
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

func TestParseSettingsFaults(t *testing.T) {
	_, err := ParseSettings("f.yml", []byte("app_id: 12\nlog-level: loud\nrequire-config: perhaps\n"))
	faults, ok := errors.AsType[Faults](err)
	if !ok || len(faults) != 3 {
		t.Fatalf("%v", err)
	}
	for i, want := range []string{`f.yml:1:1: unknown key "app_id"; did you mean app-id?`, "f.yml:2:12: ", "f.yml:3:17: "} {
		if got := faults[i].Error(); !strings.HasPrefix(got, want) {
			t.Errorf("fault %d is %q, want %q", i, got, want)
		}
	}
}

// TestSettingsFileIsComplete: every visible setting of the server is a key of the file, under the flag's name.
func TestSettingsFileIsComplete(t *testing.T) {
	keys := map[string]bool{}
	for _, f := range fieldsOf(reflect.TypeFor[settingsFile]()) {
		keys[strings.ToUpper(strings.ReplaceAll(f.name, "-", "_"))] = true
	}
	server := reflect.TypeFor[Server]()
	for i := range server.NumField() {
		tag := server.Field(i).Tag
		if _, hidden := tag.Lookup("hidden"); hidden {
			continue
		}
		name := strings.TrimPrefix(tag.Get("env"), "OXIDOMETER_")
		if !keys[name] {
			t.Errorf("%s is no key of the file", name)
		}
		delete(keys, name)
	}
	if len(keys) > 0 {
		t.Errorf("keys that are no settings: %v", keys)
	}
}
