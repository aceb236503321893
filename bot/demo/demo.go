// Package demo shows the App at work without an account and without a network: the very same server as in production,
// against a GitHub of our own (package ghtest), on measurements of real kernels and on small ELF builds.
//
// Everything listens on loopback, lies in one temporary directory, and is gone when it ends.
package demo

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
	"github.com/oxidometer/oxidometer/config"
)

const appID = 1

// Options of a demo.
type Options struct {
	Listen string // address of the pages; "127.0.0.1:0" lets the system choose
	Self   string // path of this program, which is started again to measure
	Log    *logrus.Logger
	Ready  func(url string) // told where the pages are, when they can be looked at
}

// demo is one run.
type demo struct {
	github *ghtest.Server
	repo   *ghtest.Repo
	fork   *ghtest.Repo
	builds map[string]build
	order  []string // names of builds, as a form offers them

	working func(context.Context) (bool, error) // whether the App is at something; nil: it is not

	mu    sync.Mutex
	built map[int]string    // by pull request: the build of its head
	tips  map[string]string // by branch and artifact: the build of its tip
}

// Run serves the demo until ctx ends. Its temporary directory is removed in any case.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "oxidometer-demo-")
	if err != nil {
		return fmt.Errorf("no temporary directory: %w; set TMPDIR to one that can be written", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	key, keyFile, err := newKey(dir)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w; choose another address", o.Listen, err)
	}
	pages := "http://" + listener.Addr().String()
	secret := newSecret()
	d := newDemo(ghtest.Options{AppID: appID, Key: &key.PublicKey, WebhookSecret: secret, WebURL: pages})
	api, stopGitHub := d.github.Start()
	defer stopGitHub()
	server, err := bot.NewServer(ctx, config.Server{
		Listen: "127.0.0.1:0", AppID: appID, PrivateKey: keyFile, WebhookSecret: []string{secret}, GitHubURL: api + "/",
		Database: "sqlite:" + filepath.Join(dir, "demo.db"), PublicURL: pages, Workers: 2, PollInterval: time.Minute, AllowLoopback: true,
	}, o.Self, o.Log)
	if err != nil {
		listener.Close()
		return err
	}
	d.working = server.Working
	d.github.SetWebhook(server.URL()+"/webhook", secret)
	if err := d.seed(); err != nil {
		return errors.Join(err, listener.Close(), server.Close())
	}
	return d.serve(ctx, server, listener, pages, o.Ready)
}

// newDemo makes the GitHub, where the App has all that it can use.
func newDemo(o ghtest.Options) *demo {
	o.Permissions, o.Events = gh.Permissions(gh.Extras()...), gh.Events(gh.Extras()...)
	return &demo{github: ghtest.New(o), built: map[int]string{}, tips: map[string]string{}}
}

// serve runs the App and the pages side by side until ctx ends or one of them fails.
func (d *demo) serve(ctx context.Context, server *bot.Server, listener net.Listener, url string, ready func(string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	web := &http.Server{Handler: onlyHere(listener.Addr().String(), d.pages(server)), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 2)
	go func() { failed <- server.Run(ctx) }()
	go func() { failed <- ignoreClosed(web.Serve(listener)) }()
	if ready != nil {
		ready(url)
	}
	var err error
	ended := 0
	select {
	case <-ctx.Done():
	case err = <-failed:
		ended++
	}
	cancel()
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	web.Shutdown(stop)
	for ; ended < 2; ended++ {
		err = errors.Join(err, <-failed)
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func newKey(dir string) (*rsa.PrivateKey, string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, "", err
	}
	name := filepath.Join(dir, "key.pem")
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return key, name, os.WriteFile(name, pem.EncodeToMemory(block), 0o600)
}

func newSecret() string {
	b := make([]byte, 16)
	rand.Read(b)
	return hex.EncodeToString(b)
}
