package ghtest_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

// A repository with a pull request from a fork, whose build is done and has an artifact.
func Example() {
	key, err := rsa.GenerateKey(rand.Reader, 2048) // the App under test signs with it
	if err != nil {
		panic(err)
	}
	gh := ghtest.New(ghtest.Options{AppID: 1, Key: &key.PublicKey, WebhookURL: "", WebhookSecret: "secret"})
	url, stop := gh.Start()
	defer stop()
	_ = url // is what the App takes for GitHub

	installation := gh.AddInstallation("acme")
	repo := gh.AddRepo(ghtest.RepoOptions{Owner: "acme", Name: "linux", Installation: installation})
	fork := gh.AddFork(repo, "maria")
	n := gh.OpenPull(repo, ghtest.Pull{Head: fork, Branch: "topic", Title: "rust: faster", Files: map[string]string{"a.rs": "fn a() {}\n"}})
	run := gh.AddRun(repo, ghtest.Run{Pull: n})
	gh.AddArtifact(run, ghtest.Artifact{Name: "kernel", Bytes: []byte("the zip")})
	gh.FinishRun(run, "success")
	if _, err := gh.PostComment(repo, n, "maria", "/size status"); err != nil {
		panic(err)
	}

	view, _ := gh.PullView(repo, n)
	fmt.Println(view.Repo, view.Number, view.Title, view.HeadRepo, view.Runs[0].Conclusion, view.Runs[0].Artifacts, view.Comments[0].Body)
	// Output: acme/linux 1 rust: faster maria/linux success [kernel] /size status
}
