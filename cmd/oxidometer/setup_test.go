package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// process is oxidometer, running.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr watched
}

// watched collects output that is looked at while it grows.
type watched struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func startProcess(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command("oxidometer", args...)}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// says waits until standard error matches.
func (p *process) says(pattern string) string {
	p.t.Helper()
	wanted := regexp.MustCompile(pattern)
	for range 2000 {
		if found := wanted.FindString(p.stderr.String()); found != "" {
			return found
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatalf("it does not say %s: %s", pattern, p.stderr.String())
	return ""
}

// ends waits for the end and returns the exit code.
func (p *process) ends() int {
	p.t.Helper()
	err := p.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return 0
}

// pressButton does what a person does on setup's page.
func pressButton(t *testing.T, page string) {
	t.Helper()
	resp, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	b.ReadFrom(resp.Body)
	form := regexp.MustCompile(`(?s)action="([^"]*)".*name="manifest" value="([^"]*)"`).FindStringSubmatch(b.String())
	if form == nil {
		t.Fatalf("no form: %s", b.String())
	}
	resp, err = http.PostForm(html.UnescapeString(form[1]), url.Values{"manifest": {html.UnescapeString(form[2])}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the way back ends with %s", resp.Status)
	}
}

// TestSetupServeDoctor goes the way of somebody who starts with nothing.
func TestSetupServeDoctor(t *testing.T) {
	github := ghtest.New(ghtest.Options{AppID: 1, T: t})
	api, stop := github.Start()
	defer stop()
	dir, address := t.TempDir(), ghtest.FreeAddress()

	setup := startProcess(t, dir, "setup", "--github-url", api, "--public-url", "http://"+address, "--name", "size", "--commands", "--labels", "--teams")
	pressButton(t, setup.says(`http://127\.0\.0\.1:\d+/`))
	if code := setup.ends(); code != 0 {
		t.Fatalf("setup ends with %d: %s", code, setup.stderr.String())
	}
	want := regexp.MustCompile(fmt.Sprintf(`^size exists. Its number is \d+; its key and secret are in oxidometer-app.

Install it on repositories:

    %s/github-apps/size/installations/new

Start the server where GitHub reaches it, and check it:

    oxidometer serve --config oxidometer-app/serve.yml
    oxidometer doctor --config oxidometer-app/serve.yml
$`, regexp.QuoteMeta(api)))
	if !want.MatchString(setup.stdout.String()) {
		t.Errorf("setup says %s", setup.stdout.String())
	}

	settings := filepath.Join("oxidometer-app", "serve.yml")
	serve := startProcess(t, dir, "serve", "--config", settings, "--listen", address)
	serve.says("serving")
	doctor := startProcess(t, dir, "doctor", "--config", settings, "--format", "json")
	if code := doctor.ends(); code != 0 {
		t.Errorf("doctor ends with %d: %s%s", code, doctor.stdout.String(), doctor.stderr.String())
	}
	var report struct {
		Failed int
		Checks []struct{ Status, What, Finding string }
	}
	if err := json.Unmarshal(doctor.stdout.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, c := range report.Checks {
		found[c.What] = c.Status + " " + c.Finding
	}
	for what, finding := range map[string]string{
		"settings": "ok complete", "private key": "ok ", "webhook secret": "ok set", "App": "ok ", "permissions": "ok ", "events": "ok ",
		"webhook answers": "ok from here, and it knows the secret", "database": "ok ", "queue": "ok ", "installations": "warn none",
	} {
		if !strings.HasPrefix(found[what], finding) {
			t.Errorf("%s: %q, want %q", what, found[what], finding)
		}
	}
	if !strings.Contains(found["measuring"], "works") {
		t.Errorf("measuring: %q", found["measuring"])
	}
	if _, err := os.Stat(filepath.Join(dir, "oxidometer-app", "oxidometer.db")); err != nil {
		t.Errorf("the database is not beside the settings: %v", err)
	}

	serve.cmd.Process.Signal(syscall.SIGTERM)
	if code := serve.ends(); code != 0 {
		t.Errorf("serve ends with %d: %s", code, serve.stderr.String())
	}
	doctor = startProcess(t, dir, "doctor", "-c", settings)
	if code := doctor.ends(); code != 1 || doctor.stderr.String() != "oxidometer: 1 check failed; the report says what to do\n" {
		t.Errorf("doctor ends with %d: %s", code, doctor.stderr.String())
	}
	if !regexp.MustCompile(`(?m)^fail  webhook answers +http://[^ ]+/webhook cannot be reached from here: .*; is oxidometer serve running`).MatchString(doctor.stdout.String()) {
		t.Errorf("doctor says %s", doctor.stdout.String())
	}
}

// TestSetupInterrupted: Ctrl-C leaves nothing behind.
func TestSetupInterrupted(t *testing.T) {
	dir := t.TempDir()
	setup := startProcess(t, dir, "setup", "--public-url", "https://size.example.org")
	setup.says(`http://127\.0\.0\.1:\d+/`)
	setup.cmd.Process.Signal(os.Interrupt)
	if code := setup.ends(); code != exitError || !strings.Contains(setup.stderr.String(), "oxidometer: setup: stopped before") {
		t.Errorf("setup ends with %d: %s", code, setup.stderr.String())
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestSetupExtras: each flag chooses its extra, and no flag none.
func TestSetupExtras(t *testing.T) {
	for _, c := range []struct {
		flags setupCommand
		want  string
	}{
		{setupCommand{}, ""},
		{setupCommand{Commands: true}, "commands"},
		{setupCommand{Labels: true, Teams: true}, "labels teams"},
		{setupCommand{Commands: true, Labels: true, Teams: true, MergeQueue: true}, "commands labels teams merge-queue"},
	} {
		var names []string
		for _, extra := range c.flags.extras() {
			names = append(names, extra.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%+v: %s, want %s", c.flags, got, c.want)
		}
	}
}
