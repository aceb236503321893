// Package deploy_test holds the files of this folder together: with each other, and with the program that they run. Their own
// tools check more, see the script check.
package deploy_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/webhook"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
)

const (
	user  = "65532"
	data  = "/var/lib/oxidometer"
	cache = "/var/cache/oxidometer"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// decode reads YAML and refuses keys that the type does not know.
func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := yaml.NewDecoder(strings.NewReader(text), yaml.Strict()).Decode(&v); err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	return v
}

func TestAppManifestAsksForWhatTheAppNeeds(t *testing.T) {
	var m struct {
		Name        string            `json:"name"`
		URL         string            `json:"url"`
		Description string            `json:"description"`
		Public      bool              `json:"public"`
		Permissions map[string]string `json:"default_permissions"`
		Events      []string          `json:"default_events"`
		Hook        struct {
			URL    string `json:"url"`
			Active bool   `json:"active"`
		} `json:"hook_attributes"`
	}
	d := json.NewDecoder(strings.NewReader(read(t, "app-manifest.json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"metadata": "read", "actions": "read", "contents": "read", "pull_requests": "write", "checks": "write"}
	if !maps.Equal(m.Permissions, want) || !maps.Equal(m.Permissions, gh.Permissions()) {
		t.Errorf("permissions %v", m.Permissions)
	}
	if !slices.Equal(m.Events, gh.Events()) {
		t.Errorf("events %v, the App wants %v", m.Events, gh.Events())
	}
	if m.Public || !m.Hook.Active || !strings.HasSuffix(m.Hook.URL, "/webhook") {
		t.Errorf("%+v", m)
	}
}

// settings are the environment variables and flags of the server.
func settings() (environment, flags map[string]bool) {
	environment, flags = map[string]bool{}, map[string]bool{}
	upper := regexp.MustCompile(`([a-z])([A-Z])`)
	for field := range reflect.TypeFor[config.Server]().Fields() {
		for name := range strings.SplitSeq(field.Tag.Get("env"), ",") {
			environment[name] = true
		}
		name := field.Tag.Get("name")
		if name == "" {
			name = strings.ToLower(upper.ReplaceAllString(field.Name, "$1-$2"))
		}
		flags["--"+name] = true
	}
	return environment, flags
}

// Whatever looks like a setting, in any file here, is one that the server reads.
func TestSettingsExist(t *testing.T) {
	environment, _ := settings()
	files := []string{"../Dockerfile"}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(name, ".go") {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		for _, setting := range regexp.MustCompile(`OXIDOMETER_[A-Z_]+`).FindAllString(read(t, name), -1) {
			found++
			if !environment[setting] {
				t.Errorf("%s: %s is no setting of the server", name, setting)
			}
		}
	}
	if found < 20 {
		t.Errorf("found only %d settings", found)
	}
}

func TestDockerfile(t *testing.T) {
	text := read(t, "../Dockerfile")
	_, last, found := strings.Cut(text, "\nFROM scratch\n")
	if !found || strings.Contains(last, "\nFROM ") || strings.Contains(last, "\nRUN ") {
		t.Error("the last stage is not from scratch, or runs something")
	}
	for _, line := range []string{"USER " + user + ":" + user, `ENTRYPOINT ["/oxidometer"]`, `CMD ["/oxidometer", "healthcheck"]`,
		"TMPDIR=" + cache, "sqlite:" + data + "/", `VOLUME ["` + data + `", "` + cache + `"]`, "EXPOSE 8080", "OXIDOMETER_LISTEN=:8080"} {
		if !strings.Contains(last, line) {
			t.Errorf("the last stage lacks %s", line)
		}
	}
	if !strings.Contains(text, "CGO_ENABLED=0 ") {
		t.Error("the program may not be static")
	}
	for _, copied := range regexp.MustCompile(`(?m)^COPY ([a-z.]+)(?: ([a-z.]+))?`).FindAllStringSubmatch(text, -1) {
		for _, name := range copied[1:] {
			if _, err := os.Stat(filepath.Join("..", name)); err != nil {
				t.Error(err)
			}
		}
	}
}

type composeFile struct {
	Name     string
	Server   composeService    `yaml:"x-server"`
	Settings map[string]string `yaml:"x-settings"`
	Services map[string]composeService
	Secrets  map[string]struct{ File string }
	Volumes  map[string]any
}

type composeService struct {
	Image       string
	Build       struct{ Context string }
	Profiles    []string
	Restart     string
	StopGrace   string   `yaml:"stop_grace_period"`
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	Security    []string `yaml:"security_opt"`
	Memory      string   `yaml:"mem_limit"`
	Pids        int      `yaml:"pids_limit"`
	Secrets     []string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Deploy      struct{ Replicas int }
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Health      struct {
		Test              []string
		Interval, Timeout string
		Retries           int
	} `yaml:"healthcheck"`
}

func TestCompose(t *testing.T) {
	c := decode[composeFile](t, read(t, "compose.yaml"))
	for _, name := range []string{"server", "replica"} {
		s := c.Services[name]
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.Security, "no-new-privileges:true") {
			t.Errorf("%s is not hardened: %+v", name, s)
		}
		if !slices.ContainsFunc(s.Volumes, func(v string) bool { return strings.HasSuffix(v, cache) }) {
			t.Errorf("%s: nothing to write artifacts to: %v", name, s.Volumes)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") || !strings.HasSuffix(port, ":8080") {
				t.Errorf("%s: port %s", name, port)
			}
		}
		for setting, value := range c.Settings {
			if s.Environment[setting] != value {
				t.Errorf("%s: %s is %q", name, setting, s.Environment[setting])
			}
		}
		for _, secret := range s.Secrets {
			if c.Secrets[secret].File == "" {
				t.Errorf("%s: secret %s is not defined", name, secret)
			}
		}
	}
	if s := c.Services["server"]; !slices.Contains(s.Volumes, "data:"+data) || s.Environment["OXIDOMETER_DATABASE"] != "" {
		t.Error("the server with SQLite does not keep its database")
	}
	if s := c.Services["replica"]; s.Deploy.Replicas != 2 || !strings.HasPrefix(s.Environment["OXIDOMETER_DATABASE"], "postgres://") ||
		c.Services["database"].Health.Test == nil || s.DependsOn["database"].Condition != "service_healthy" {
		t.Errorf("the replicas do not share a database: %+v", s)
	}
}

func TestUnit(t *testing.T) {
	text := read(t, "oxidometer.service")
	_, flags := settings()
	start := regexp.MustCompile(`(?m)^ExecStart=\S+ serve (.*)$`).FindStringSubmatch(text)
	if start == nil {
		t.Fatal("no ExecStart")
	}
	for argument := range strings.FieldsSeq(start[1]) {
		if flag, _, _ := strings.Cut(argument, "="); !flags[flag] {
			t.Errorf("%s is no flag of serve", flag)
		}
	}
	for _, line := range []string{"DynamicUser=yes", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "ProtectHome=yes",
		"PrivateTmp=yes", "SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM", "StateDirectory=oxidometer", "CacheDirectory=oxidometer",
		"Environment=TMPDIR=" + cache, "Environment=OXIDOMETER_DATABASE=sqlite:" + data + "/oxidometer.db"} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("the unit lacks %s", line)
		}
	}
}

type (
	kustomization struct {
		APIVersion, Kind, Namespace string
		Resources                   []string
		Images                      []struct{ Name, NewName, NewTag string }
		ConfigMapGenerator          []struct {
			Name     string
			Literals []string
		}
		Patches []struct{ Path string }
	}
	deployment struct {
		APIVersion, Kind string
		Metadata         metadata
		Spec             struct {
			Replicas int
			Strategy struct{ Type string }
			Selector struct{ MatchLabels map[string]string }
			Template struct {
				Metadata metadata
				Spec     pod
			}
		}
	}
	metadata struct {
		Name                string
		Labels, Annotations map[string]string
	}
	pod struct {
		AutomountServiceAccountToken  *bool
		EnableServiceLinks            *bool
		TerminationGracePeriodSeconds int
		SecurityContext               struct {
			RunAsNonRoot                   bool
			RunAsUser, RunAsGroup, FSGroup int
			SeccompProfile                 struct{ Type string }
		}
		Containers []container
		Volumes    []volume
	}
	volume struct {
		Name                  string
		PersistentVolumeClaim struct{ ClaimName string }
		EmptyDir              struct{ SizeLimit string }
		Secret                struct {
			SecretName  string
			DefaultMode int
		}
	}
	container struct {
		Name, Image string
		EnvFrom     []struct{ ConfigMapRef struct{ Name string } }
		Env         []struct{ Name, Value string }
		Ports       []struct {
			Name          string
			ContainerPort int
		}
		StartupProbe, LivenessProbe, ReadinessProbe probe
		Resources                                   struct{ Requests, Limits map[string]string }
		SecurityContext                             struct {
			AllowPrivilegeEscalation *bool
			ReadOnlyRootFilesystem   bool
			Capabilities             struct{ Drop []string }
		}
		VolumeMounts []struct {
			Name, MountPath string
			ReadOnly        bool
		}
	}
	probe struct {
		HTTPGet                                         struct{ Path, Port string }
		PeriodSeconds, TimeoutSeconds, FailureThreshold int
	}
)

// camel decodes Kubernetes' YAML, whose keys are lowerCamelCase, through JSON, whose names Go matches in any case.
func camel[T any](t *testing.T, name string) T {
	t.Helper()
	text, err := yaml.YAMLToJSON([]byte(read(t, name)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var v T
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func TestKubernetesServer(t *testing.T) {
	d := camel[deployment](t, "kubernetes/sqlite/deployment.yaml")
	spec := d.Spec.Template.Spec
	c := spec.Containers[0]
	if d.Spec.Replicas != 1 || d.Spec.Strategy.Type != "Recreate" {
		t.Error("SQLite has one writer, but there may be two servers")
	}
	for label, value := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Metadata.Labels[label] != value {
			t.Errorf("label %s of the selector is not the pods'", label)
		}
	}
	no := func(b *bool) bool { return b != nil && !*b }
	s := spec.SecurityContext
	if !s.RunAsNonRoot || s.RunAsUser != 65532 || s.FSGroup != 65532 || s.SeccompProfile.Type != "RuntimeDefault" || !no(spec.AutomountServiceAccountToken) {
		t.Errorf("the pod is not hardened: %+v", s)
	}
	if !no(c.SecurityContext.AllowPrivilegeEscalation) || !c.SecurityContext.ReadOnlyRootFilesystem || !slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("the container is not hardened: %+v", c.SecurityContext)
	}
	if c.Ports[0].Name != "http" || c.Ports[0].ContainerPort != 8080 || c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/healthz" {
		t.Errorf("port %v, probes %+v %+v", c.Ports, c.ReadinessProbe, c.LivenessProbe)
	}
	var mounted []string
	for _, m := range c.VolumeMounts {
		mounted = append(mounted, m.MountPath)
		if !slices.ContainsFunc(spec.Volumes, func(v volume) bool { return v.Name == m.Name }) {
			t.Errorf("volume %s does not exist", m.Name)
		}
	}
	if want := []string{data, cache, "/run/secrets/oxidometer"}; !slices.Equal(mounted, want) {
		t.Errorf("mounted are %v, not %v", mounted, want)
	}
}

func TestKustomizations(t *testing.T) {
	for _, dir := range []string{"kubernetes/sqlite", "kubernetes/postgres"} {
		k := camel[kustomization](t, path.Join(dir, "kustomization.yaml"))
		names := slices.Clone(k.Resources)
		for _, p := range k.Patches {
			names = append(names, p.Path)
		}
		for _, name := range names {
			if _, err := os.Stat(path.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		files, err := filepath.Glob(dir + "/*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if base := path.Base(file); base != "kustomization.yaml" && !slices.Contains(names, base) {
				t.Errorf("%s is used by nothing", file)
			}
		}
	}
}

type rules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

// The metrics, and the values of labels, are those that the program has; and every alert is tested.
func TestAlerts(t *testing.T) {
	metrics := read(t, "../bot/web/metrics.go")
	outcomes := read(t, "../bot/queue/queue.go")
	tests := read(t, "alerts.test.yaml")
	var classes []string
	for c := gh.ClassOK; c.String() != "unknown"; c++ {
		classes = append(classes, c.String())
	}
	labels := map[string]func(string) bool{
		"result":  func(v string) bool { return v == webhook.Accepted || v == webhook.Unavailable || v == webhook.Unsigned },
		"class":   func(v string) bool { return slices.Contains(classes, v) },
		"outcome": func(v string) bool { return strings.Contains(outcomes, v) },
		"job":     func(v string) bool { return v == "oxidometer" },
	}
	count := 0
	for _, group := range decode[rules](t, read(t, "alerts.yaml")).Groups {
		for _, rule := range group.Rules {
			count++
			for _, name := range regexp.MustCompile(`oxidometer_[a-z_]+`).FindAllString(rule.Expr, -1) {
				if !strings.Contains(metrics, `"`+strings.TrimSuffix(name, "_bucket")+`"`) {
					t.Errorf("%s: %s is no metric of the server", rule.Alert, name)
				}
			}
			for _, m := range regexp.MustCompile(`([a-z]+)=~?"([^"]+)"`).FindAllStringSubmatch(rule.Expr, -1) {
				for value := range strings.SplitSeq(m[2], "|") {
					if known := labels[m[1]]; known == nil || !known(value) {
						t.Errorf("%s: label %s never is %s", rule.Alert, m[1], value)
					}
				}
			}
			if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s says too little", rule.Alert)
			}
			if strings.Count(tests, rule.Alert+"}") != 1 || strings.Count(tests, `"`+rule.Alert+`"`) != 1 {
				t.Errorf("%s has no test that it is raised, or none that it is not", rule.Alert)
			}
		}
	}
	if count == 0 {
		t.Error("there are no alerts")
	}
}

type workflow struct {
	Name string
	On   struct {
		Push             struct{ Branches []string }
		PullRequest      any `yaml:"pull_request"`
		MergeGroup       any `yaml:"merge_group"`
		WorkflowDispatch any `yaml:"workflow_dispatch"`
	}
	Permissions map[string]string
	Concurrency struct {
		Group  string
		Cancel string `yaml:"cancel-in-progress"`
	}
	Jobs map[string]struct {
		RunsOn  string `yaml:"runs-on"`
		Timeout int    `yaml:"timeout-minutes"`
		Env     map[string]string
		Steps   []step
	}
}

type step struct {
	Name, Uses, Run string
	With, Env       map[string]any
}

func TestWorkflows(t *testing.T) {
	pinned := regexp.MustCompile(`^actions/[a-z-]+@[0-9a-f]{40}$`)
	for _, name := range []string{"ci/upload-build.yml", "ci/upload-measurement.yml"} {
		w := decode[workflow](t, read(t, name))
		job := w.Jobs["kernel"]
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s: permissions %v", name, w.Permissions)
		}
		for _, variable := range []string{"KBUILD_BUILD_TIMESTAMP", "KBUILD_BUILD_USER", "KBUILD_BUILD_HOST", "KBUILD_BUILD_VERSION"} {
			if job.Env[variable] == "" {
				t.Errorf("%s: %s is not fixed", name, variable)
			}
		}
		for _, s := range job.Steps {
			if s.Uses != "" && !pinned.MatchString(s.Uses) {
				t.Errorf("%s: %s is not pinned", name, s.Uses)
			}
			if strings.Contains(s.Run, "${{") {
				t.Errorf("%s: step %q puts what others may write into a shell", name, s.Name)
			}
		}
		upload := job.Steps[len(job.Steps)-1]
		if !strings.HasPrefix(upload.Uses, "actions/upload-artifact@") || upload.With["name"] == nil || upload.With["if-no-files-found"] != "error" {
			t.Errorf("%s does not end with an upload: %+v", name, upload)
		}
		if hidden := upload.With["include-hidden-files"]; name == "ci/upload-build.yml" && hidden != true {
			t.Errorf("%s: .config is hidden, and would not be uploaded", name)
		}
		if len(w.On.Push.Branches) == 0 || strings.Contains(read(t, name), "paths") {
			t.Errorf("%s does not build every commit of the base branch", name)
		}
	}
}

// The manifest that the workflow writes is one that the program reads.
func TestWorkflowWritesManifest(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "built")
	steps := decode[workflow](t, read(t, "ci/upload-build.yml")).Jobs["kernel"].Steps
	at := slices.IndexFunc(steps, func(s step) bool { return strings.Contains(s.Run, "manifest.json") })
	if at < 0 {
		t.Fatal("no step writes a manifest")
	}
	if err := os.Mkdir(filepath.Join(dir, "kernel"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-e", "-c", steps[at].Run)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "RUNNER_TEMP="+dir, "GITHUB_RUN_ID=8841", "GITHUB_RUN_ATTEMPT=2")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := sizediff.ParseManifest([]byte(read(t, filepath.Join(dir, "kernel", "manifest.json"))))
	if err != nil {
		t.Fatal(err)
	}
	want := sizediff.Manifest{SHA: git("rev-parse", "HEAD"), Run: 8841, Attempt: 2}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
