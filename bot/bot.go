package bot

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/intake"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
)

// Options are what a Bot is made of.
type Options struct {
	GitHub        *gh.App
	Store         *store.Store
	Intake        *intake.Intake
	Log           *logrus.Logger
	MarkerKey     []byte // secret that signs the markers of our comments; the same after every start
	PublicURL     string // where report pages can be reached, "" for no links
	RequireConfig bool   // say nothing in repositories without a repository file
	Now           func() time.Time
	Metrics       Metrics
}

// Metrics are told what happens; any may be nil.
type Metrics struct {
	Delivery     func(event, result string)
	Unattributed func(share float64) // of the resident bytes of a measured head
}

// Bot is the App's workflow: from a delivery to the comment and the check run. It knows all the other packages, and
// decides nothing that one of them can decide.
type Bot struct {
	Options
	signer    signer
	measuring oneEach
	self      self
}

// New returns a Bot. The store's contents survive it; everything else in a Bot is a cache.
func New(o Options) *Bot {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Bot{Options: o, signer: signer(o.MarkerKey), measuring: oneEach{busy: map[int64]chan struct{}{}}}
}

// self is what GitHub says of the App.
type self struct {
	mu     sync.Mutex
	read   time.Time
	slug   string
	events []string
}

// about returns the App's name in mentions and the events that it gets, which its owner may change at any time.
func (b *Bot) about(ctx context.Context) (slug string, events []string, err error) {
	s := &b.self
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Now().Sub(s.read) > 10*time.Minute {
		slug, _, _, events, err := b.GitHub.Slug(ctx)
		if err != nil {
			return "", nil, err
		}
		s.read, s.slug, s.events = b.Now(), slug, events
	}
	return s.slug, s.events, nil
}

// followsComments reports whether commands in comments reach us, so that they may be recommended.
func (b *Bot) followsComments(ctx context.Context) (bool, error) {
	_, events, err := b.about(ctx)
	return slices.Contains(events, "issue_comment"), err
}

// log returns a logger with a pull request's fields.
func (b *Bot) log(repo gh.Repo, pull int) *logrus.Entry {
	return b.Log.WithFields(logrus.Fields{"repository": repo.ID, "pull_request": pull, "installation": repo.Installation})
}

// open returns the client and the repository of a job. The repository is asked for by its number, so that renames do not matter.
func (b *Bot) open(ctx context.Context, job store.Job) (*gh.Client, gh.Repo, error) {
	client := b.GitHub.Installation(job.Installation)
	repo, err := client.Repository(ctx, job.RepoID)
	repo.Installation = job.Installation
	if err == nil {
		err = b.remember(ctx, repo)
	}
	return client, repo, err
}

// repositoryFile reads .github/oxidometer.yml of a branch, else oxidometer.yml of the owner's .github repository.
// found is false when there is neither; the defaults are returned then. A file with faults is an error of package config.
func (b *Bot) repositoryFile(ctx context.Context, c *gh.Client, repo gh.Repo, ref string) (cfg *config.Repo, found bool, err error) {
	own, err := ownFile(ctx, c, repo, ref)
	if err != nil {
		return nil, isFaults(err), err
	}
	return parseFile(ctx, c, repo, own)
}

// ownFile reads .github/oxidometer.yml of a branch or commit, nil when there is none. Something else of that name, such as a
// folder, is an error of package config.
func ownFile(ctx context.Context, c *gh.Client, repo gh.Repo, ref string) ([]byte, error) {
	data, err := c.File(ctx, repo, filePath, ref)
	switch {
	case isNotFound(err):
		return nil, nil
	case unreadable(err):
		return nil, config.Faults{{File: filePath, Message: "this cannot be read as a file", Remedy: "make it a text file of at most 64 KiB"}}
	case err != nil:
		return nil, err
	}
	return append([]byte{}, data...), nil // an empty file is one
}

// parseFile reads a repository's own file, or where that is nil its owner's.
func parseFile(ctx context.Context, c *gh.Client, repo gh.Repo, own []byte) (cfg *config.Repo, found bool, err error) {
	name, data := filePath, own
	if own == nil {
		name = repo.Owner + "/.github/oxidometer.yml"
		data, err = c.File(ctx, gh.Repo{Owner: repo.Owner, Name: ".github", Installation: repo.Installation}, "oxidometer.yml", "")
	}
	if isNotFound(err) {
		return config.DefaultRepo(), false, nil
	}
	if err != nil {
		return nil, false, err
	}
	cfg, err = config.ParseRepo(name, data)
	return cfg, true, err
}

// keepResults passes on how long the repository wants its results kept. Of several branches the default one decides.
func (b *Bot) keepResults(ctx context.Context, repo gh.Repo, ref string, cfg *config.Repo) error {
	if ref != repo.DefaultBranch {
		return nil
	}
	return b.Store.SetRetention(ctx, repo.ID, time.Duration(cfg.Report.HistoryDays)*24*time.Hour)
}

func isFaults(err error) bool {
	_, ok := errors.AsType[config.Faults](err)
	return ok
}

// unreadable reports whether GitHub will never give what was asked for, as of a folder where a file was meant.
func unreadable(err error) bool {
	class, _ := gh.Classify(err)
	return class == gh.ClassPermanent
}

// isNotFound reports whether GitHub says that something does not exist, or does not exist for us.
func isNotFound(err error) bool {
	if err == nil {
		return false
	}
	class, _ := gh.Classify(err)
	return class == gh.ClassNotFound
}
