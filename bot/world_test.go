package bot_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

// world is a GitHub, a repository on it, and the real program serving its webhooks.
type world struct {
	t            *testing.T
	github       *ghtest.Server
	installation int64
	repo         *ghtest.Repo
	url          string // of the program
	dir          string // its files
	args         []string
	cmd          *exec.Cmd
	log          *syncBuffer
	store        *store.Store // a second look at the program's database, only to learn when it is idle
}

const (
	webhookSecret = "correct horse battery staple"
	patience      = time.Minute
)

var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "oxidometer-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "oxidometer")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/oxidometer").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		f.Value.Set("6") // the tests wait more than they work
	}
	code := storetest.Main(m)
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

var appKey = sync.OnceValues(func() (*rsa.PrivateKey, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
})

// newWorld starts everything. Flags are added to serve's.
func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), log: new(syncBuffer)}
	listen := ghtest.FreeAddress()
	w.url = "http://" + listen
	key, keyPEM := appKey()
	w.github = ghtest.New(ghtest.Options{
		AppID: 7, Key: &key.PublicKey, WebhookURL: w.url + "/webhook", WebhookSecret: webhookSecret, PageSize: 5, T: t,
	})
	api, stop := w.github.Start()
	t.Cleanup(stop)
	w.github.AddOrganization("torvalds")
	w.installation = w.github.AddInstallation("torvalds")
	w.repo = w.github.AddRepo(ghtest.RepoOptions{Owner: "torvalds", Name: "linux", Installation: w.installation, Files: map[string]string{"README": "Linux\n"}})
	keyFile := filepath.Join(w.dir, "key.pem")
	if err := os.WriteFile(keyFile, keyPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	w.args = append([]string{"serve", "--listen", listen, "--app-id", "7", "--private-key", keyFile, "--webhook-secret", webhookSecret,
		"--github-url", api + "/", "--database", "sqlite:" + filepath.Join(w.dir, "bot.db"), "--allow-loopback", "--public-url", w.url,
		"--log-level", "debug", "--log-format", "text"}, flags...)
	t.Cleanup(w.stop)
	w.start()
	return w
}

// start runs the program and waits until it is ready.
func (w *world) start() {
	w.t.Helper()
	path, err := program()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(path, w.args...)
	cmd.Stdout, cmd.Stderr = w.log, w.log
	cmd.Env = []string{"TMPDIR=" + w.dir, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.cmd = cmd
	w.eventually("the program is ready", func() bool {
		resp, err := http.Get(w.url + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// stop ends the program as a service manager would, and shows its log when the test failed.
func (w *world) stop() {
	if w.cmd == nil {
		return
	}
	w.cmd.Process.Signal(syscall.SIGTERM)
	if err := w.cmd.Wait(); err != nil && !w.t.Failed() {
		w.t.Errorf("the program did not end well: %v", err)
	}
	w.cmd = nil
	if w.t.Failed() {
		w.t.Logf("log of the program:\n%s", w.log.String())
	}
}

// replica starts another program on the same database and the same GitHub.
func (w *world) replica() {
	w.t.Helper()
	other := *w
	address := ghtest.FreeAddress()
	other.url = "http://" + address
	other.args = append(slices.Clone(w.args), "--listen", address)
	w.t.Cleanup(other.stop)
	other.start()
}

// restart starts the program again after it was killed.
func (w *world) restart() {
	w.t.Helper()
	w.cmd.Process.Kill()
	w.cmd.Wait()
	w.start()
}

// idle waits until every webhook is delivered and every job that is due is done.
func (w *world) idle() {
	w.t.Helper()
	if w.store == nil {
		s, err := store.Open(w.t.Context(), "sqlite:"+filepath.Join(w.dir, "bot.db"), nil)
		if err != nil {
			w.t.Fatal(err)
		}
		w.store = s
		w.t.Cleanup(func() { s.Close() })
	}
	w.eventually("the program is idle", func() bool {
		if err := w.github.WaitDeliveries(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		st, err := w.store.Stats(w.t.Context())
		return err == nil && st.Jobs["available"]+st.Jobs["running"]+st.Jobs["retryable"] == 0
	})
}

// eventually waits for what the program does by itself.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	if !w.wait(ok) {
		w.t.Fatalf("after %s still not: %s", patience, what)
	}
}

// wait reports whether something became so in time.
func (w *world) wait(ok func() bool) bool {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return true
}

// zipOf packs a directory as actions/upload-artifact does.
func zipOf(t *testing.T, dir string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	if err := z.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Two small builds: in the head a driver pulls parts of core::fmt in.
func smallBase(t *testing.T) []byte { return zipOf(t, "../sizediff/testdata/small-base") }
func smallHead(t *testing.T) []byte { return zipOf(t, "../sizediff/testdata/small-head") }

// build adds a finished run with one artifact.
func (w *world) build(run ghtest.Run, artifact []byte) int64 {
	id := w.github.AddRun(w.repo, run)
	w.github.AddArtifact(id, ghtest.Artifact{Name: "kernel", Bytes: artifact})
	w.github.FinishRun(id, "success")
	return id
}

// syncBuffer is a log that two goroutines may use.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
