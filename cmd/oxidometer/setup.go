package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/setup"
)

type setupCommand struct {
	PublicURL    string `name:"public-url" required:"" placeholder:"URL" help:"Where GitHub will reach the server." env:"OXIDOMETER_PUBLIC_URL"`
	Organization string `placeholder:"NAME" help:"Organization that will own the App (default: your own account)."`
	Name         string `placeholder:"NAME" help:"Name of the App; GitHub lets you change it on its page."`
	Dir          string `default:"oxidometer-app" placeholder:"DIR" help:"Folder for id, key and secret (default: ${default})."`
	Force        bool   `help:"Replace the files of an earlier setup."`
	Commands     bool   `help:"Also follow commands in comments; asks for issues: read."`
	Labels       bool   `help:"Also label pull requests with the verdict; asks for issues: write."`
	Teams        bool   `help:"Also let the repository file name teams; asks for members: read."`
	MergeQueue   bool   `help:"Also answer merge queues at once; asks for merge_queues: read."`
	GitHubURL    string `name:"github-url" placeholder:"URL" help:"A GitHub Enterprise Server, such as https://github.example.com." env:"OXIDOMETER_GITHUB_URL"`
	Port         int    `default:"0" placeholder:"PORT" help:"Port of the page on this machine (default: any free one)."`
}

func (*setupCommand) Help() string {
	return `Shows a page on this machine whose button creates the GitHub App, with the permissions metadata: read, actions: read,
contents: read, pull_requests: write and checks: write. Stores the App's id, private key and webhook secret in files that
only you can read. Ctrl-C ends it; so does an hour.

Over ssh, choose a port and forward it: ssh -L 8765:127.0.0.1:8765 HOST.

Examples:

    oxidometer setup --public-url https://size.example.org
    oxidometer setup --public-url https://size.example.org --organization rust-for-linux --port 8765`
}

func (c *setupCommand) Run(a *app) error {
	ctx, stop := a.untilSignal()
	defer stop()
	result, err := setup.Run(ctx, setup.Options{
		GitHubURL: c.GitHubURL, Organization: c.Organization, Name: c.Name, PublicURL: c.PublicURL, Extras: c.extras(),
		Dir: filepath.Clean(c.Dir), Force: c.Force, Port: c.Port, Out: a.stderr,
	})
	if err != nil {
		return err
	}
	return a.print(fmt.Sprintf(`%s exists. Its number is %d; its key and secret are in %s.

Install it on repositories:

    %s

Start the server where GitHub reaches it, and check it:

    oxidometer serve --config %[5]s
    oxidometer doctor --config %[5]s
`, result.Name, result.AppID, filepath.Dir(result.Settings), result.InstallURL, result.Settings))
}

func (c *setupCommand) extras() []gh.Extra {
	asked := map[string]bool{"commands": c.Commands, "labels": c.Labels, "teams": c.Teams, "merge-queue": c.MergeQueue}
	return slices.DeleteFunc(gh.Extras(), func(x gh.Extra) bool { return !asked[x.Name] })
}
