package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/oxidometer/oxidometer/bot"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

type calibrateCommand struct {
	Dir string `arg:"" optional:"" help:"Folder of builds, whose names are in the order of their history."`

	Database   string `placeholder:"URL" help:"Database of the server: sqlite:FILE or postgres://…" env:"OXIDOMETER_DATABASE"`
	Repository string `placeholder:"OWNER/NAME" help:"Repository whose history is replayed, in place of a folder."`
	Branch     string `placeholder:"NAME" help:"Its branch (default: the default branch)."`
	Target     string `placeholder:"NAME" help:"Only this target; of a folder, the name that its builds have."`

	Config    string  `short:"c" placeholder:"FILE" help:"Repository file with buckets and budgets, which are replayed too."`
	StopShare percent `default:"2%" placeholder:"PERCENT" help:"Share of the changes that the suggested budgets may stop (default: ${default})."`
	Format    string  `short:"f" enum:"text,json" default:"text" help:"Form of the report: text or json."`
	Output    string  `short:"o" placeholder:"FILE" help:"Write the suggested repository file to FILE."`
}

func (*calibrateCommand) Help() string {
	return `Holds budgets of several sizes against the changes of the past, and says how many of them each would have stopped. Then it
suggests a repository file, with the evidence beside each budget. With --config it is that file with other budgets; those
about a path or some targets stay as they are, and owners too.

The past is what a server has stored of a branch, or a folder of builds whose names sort in the order of their history.
A step to another toolchain or configuration is counted, and not judged. Two builds of one commit show the noise.

Examples:

    oxidometer calibrate measurements/ -o oxidometer.yml
    oxidometer calibrate measurements/ --config .github/oxidometer.yml --stop-share 5%
    oxidometer calibrate --database sqlite:oxidometer.db --repository rust-for-linux/linux --target x86_64`
}

func (c *calibrateCommand) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	out, err := a.create(c.Output, c.Config)
	if err != nil {
		return err
	}
	file, err := readFileToSuggest(c.Config)
	if err != nil {
		return err
	}
	policy := file.repo.Policy()
	s := summer{buckets: policy.Buckets, paths: pathsOf(policy.Budgets), repo: file.repo}
	histories, err := c.histories(a, s)
	if err != nil {
		return err
	}
	calibration := sizediff.Calibrate(histories, sizediff.CalibrateOptions{
		Buckets: policy.Buckets, Budgets: policy.Budgets, StopRate: float64(c.StopShare),
	})
	suggested, err := file.with(calibration)
	if err != nil {
		return err
	}
	report := &output{app: a}
	if err := c.write(report, out, calibration, suggested); err != nil {
		return err
	}
	if out.path != "" {
		if err := out.commit(); err != nil {
			return err
		}
	}
	return report.commit()
}

// write puts the report into one output, and the suggested file into the other or, when that is standard output too, after it.
func (c *calibrateCommand) write(report, file *output, calibration *sizediff.Calibration, suggested string) error {
	apart := file.path != ""
	if apart {
		file.WriteString(suggested)
	}
	if c.Format == "json" {
		if apart {
			suggested = ""
		}
		return render.CalibrationJSON(report, calibration, suggested)
	}
	if err := render.Calibration(report, calibration, render.Options{}); err != nil {
		return err
	}
	if !apart {
		report.WriteString("\nRepository file\n" + suggested)
	}
	return nil
}

// histories reads what there is of the past: at least two builds of a target.
func (c *calibrateCommand) histories(a *app, s summer) ([]sizediff.History, error) {
	if c.Dir != "" {
		h, err := c.folder(a, s)
		return []sizediff.History{h}, err
	}
	return c.stored(a, s)
}

// check refuses what does not go together. The database may come from the environment, so a folder goes before it.
func (c *calibrateCommand) check() error {
	switch {
	case c.Dir != "" && c.Repository != "":
		return errors.New("calibrate: both a folder and --repository are given; give one of them; see oxidometer calibrate --help")
	case c.Dir != "" && c.Branch != "":
		return fmt.Errorf("--branch %s: a folder of builds has no branches; leave the flag out, or give --database and --repository in place of %s", c.Branch, c.Dir)
	case c.Dir != "":
		return nil
	case c.Repository != "" && c.Database == "":
		return fmt.Errorf("--repository %s: it is not said which database holds its history; add --database with the server's; see oxidometer calibrate --help", c.Repository)
	case c.Repository == "":
		return errors.New("calibrate: no history is given; give a folder of builds, or --database and --repository; see oxidometer calibrate --help")
	}
	return nil
}

// folder measures the builds in a folder, one after the other.
func (c *calibrateCommand) folder(a *app, s summer) (sizediff.History, error) {
	h := sizediff.History{Target: c.Target}
	if info, err := os.Stat(c.Dir); err == nil && !info.IsDir() {
		return h, fmt.Errorf("%s: is one file, and a history is several builds; name a folder that holds them", c.Dir)
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return h, inputError(c.Dir, err)
	}
	for _, e := range entries { // sorted by name
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		measured, err := a.measure(nil, filepath.Join(c.Dir, e.Name()))
		if err != nil {
			return h, err
		}
		built, err := s.built(e.Name(), c.Target, measured[0])
		if err != nil {
			return h, err
		}
		h.Builds = append(h.Builds, built)
	}
	if len(h.Builds) < 2 {
		return h, fmt.Errorf("%s: holds %s, and a change lies between two; name a folder with two builds or more", c.Dir, plural(len(h.Builds), "build"))
	}
	return h, nil
}

// stored reads what a server has kept.
func (c *calibrateCommand) stored(a *app, s summer) ([]sizediff.History, error) {
	if file, ok := strings.CutPrefix(c.Database, "sqlite:"); ok {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("--database %s: does not exist; name the server's database", c.Database)
		}
	}
	ctx, stop := a.untilSignal()
	defer stop()
	db, err := store.Open(ctx, c.Database, nil)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	repo, err := c.repository(ctx, db)
	if err != nil {
		return nil, err
	}
	branch := c.Branch
	if branch == "" {
		branch = repo.DefaultBranch
	}
	targets, err := db.HistoryTargets(ctx, repo.ID, branch)
	if err != nil {
		return nil, err
	}
	var histories []sizediff.History
	most := 0
	for _, target := range targets {
		name := bot.TargetName(target)
		if c.Target != "" && c.Target != name {
			continue
		}
		h := sizediff.History{Target: name}
		if h.Builds, err = s.stored(ctx, db, repo.ID, target, branch); err != nil {
			return nil, err
		}
		histories = append(histories, h)
		most = max(most, len(h.Builds))
	}
	if most < 2 {
		what := "branch " + branch
		if c.Target != "" {
			what = "target " + c.Target + " on " + what
		}
		return nil, fmt.Errorf("%s: %s has %s in the database, and a change lies between two; wait for more of its builds, or name another branch or target",
			c.Repository, what, plural(most, "build"))
	}
	return histories, nil
}

// repository finds a repository by the name that it has now.
func (c *calibrateCommand) repository(ctx context.Context, db *store.Store) (store.Repo, error) {
	repos, err := db.Repos(ctx)
	if err != nil {
		return store.Repo{}, err
	}
	for _, r := range repos {
		if strings.EqualFold(r.Owner+"/"+r.Name, c.Repository) {
			return r, nil
		}
	}
	return store.Repo{}, fmt.Errorf("--repository %s: is not in the database; write OWNER/NAME of one where the App is installed", c.Repository)
}

// summer adds builds up.
type summer struct {
	buckets []sizediff.Bucket
	paths   []string // globs of budgets that are about some of the images
	repo    *config.Repo
}

// part is what of a target's builds counts. A file with one target is about that one.
func (s summer) part(target string) sizediff.Selection {
	if target == "" && len(s.repo.Targets) == 1 {
		target = s.repo.Targets[0].Name
	}
	return s.repo.Selection(target)
}

func pathsOf(budgets []sizediff.Budget) (paths []string) {
	for _, b := range budgets {
		if b.Path != "" && !b.Sources {
			paths = append(paths, b.Path)
		}
	}
	return paths
}

func (s summer) built(label, target string, m *sizediff.Measurement) (sizediff.Built, error) {
	m, err := m.Select(s.part(target))
	if err != nil {
		return sizediff.Built{}, fmt.Errorf("%s: %w, which the repository file lists; leave the build out, or correct the list", label, err)
	}
	b := sizediff.Built{Label: label, Sizes: sizediff.SizesOf(m, s.buckets, ""), Paths: map[string]sizediff.Sizes{}}
	for _, p := range s.paths {
		b.Paths[p] = sizediff.SizesOf(m, s.buckets, p)
	}
	return b, nil
}

// stored adds up a stored history; what the server has added up by the same rules is taken as it is.
func (s summer) stored(ctx context.Context, db *store.Store, repo int64, target, branch string) ([]sizediff.Built, error) {
	name := bot.TargetName(target)
	rows, err := db.History(ctx, repo, target, branch, sizediff.RulesDigest(s.buckets, s.part(name)), time.Unix(0, 0))
	if err != nil {
		return nil, err
	}
	var builds []sizediff.Built
	for _, row := range rows {
		if len(s.paths) == 0 {
			sizes, _, err := bot.SizesOf(ctx, db, repo, row, s.buckets, s.part(name))
			if _, lacks := errors.AsType[*sizediff.Lacking](err); lacks { // of a time when the target had other files
				continue
			}
			if err != nil {
				return nil, err
			}
			builds = append(builds, sizediff.Built{Label: row.SHA, Sizes: sizes})
			continue
		}
		m, err := bot.MeasurementOf(ctx, db, repo, row)
		if err != nil {
			return nil, err
		}
		built, err := s.built(row.SHA, name, m)
		if err == nil {
			builds = append(builds, built)
		}
	}
	return builds, nil
}

// percent is a share of 100.
type percent float64

// Decode takes -1 for a value as well, so that it is told what to write.
func (p *percent) Decode(ctx *kong.DecodeContext) error {
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(ctx.Scan.Pop().String(), "%")), 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > 100 {
		return errors.New("write a share from 0% to 100%")
	}
	*p = percent(n)
	return nil
}
