package bot

import (
	"context"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/intake"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
)

// What the repository file says of a target's files is applied to measurements of whole artifacts, to base and head alike, each time
// that they are compared. So a stored measurement stays good when the file changes.

// selectHead is the part of a head's measurement that the target is about.
func selectHead(cfg *config.Repo, target, artifact string, m *sizediff.Measurement) (*sizediff.Measurement, *sizediff.Problem) {
	part, err := m.Select(cfg.Selection(target))
	if err != nil {
		return nil, &sizediff.Problem{
			Kind: sizediff.ProblemNotMeasured, Reason: "artifact " + artifact + " " + err.Error(),
			Remedy: "upload what target " + target + " lists under files in .github/oxidometer.yml, or list what is there",
		}
	}
	return part, nil
}

// selected leaves of a base what its target is about. A base that lacks a listed file is no base: the file would seem to be new.
func (l *look) selected(t headTarget, b baseBuild) baseBuild {
	if b.measured == nil {
		return b
	}
	part, err := b.measured.Select(l.cfg.Selection(t.name))
	if b.measured = part; err != nil {
		b.problem = sizediff.Problem{
			Kind: sizediff.ProblemNotCompared, Reason: "the base " + b.SHA[:min(7, len(b.SHA))] + " " + err.Error(),
			Remedy: "rebase onto a commit whose build has what target " + t.name + " lists under files",
		}
	}
	return b
}

// measuredBefore returns what is stored of an artifact, or store.ErrNotFound; that is also the answer when the repository file
// has changed since and the artifact may be measured now.
func (b *Bot) measuredBefore(ctx context.Context, repo gh.Repo, cfg *config.Repo, a gh.Artifact, target string) (store.Measurement, error) {
	row, err := b.Store.MeasurementByArtifact(ctx, repo.ID, a.ID)
	if err == nil && (row.Problem == noImage && cfg.Selection(target).Opaque || intake.OtherLimits(row.Problem, int64(cfg.Limits.ArtifactSize), measureOptions(cfg, target))) {
		return store.Measurement{}, store.ErrNotFound
	}
	return row, err
}

// measureOptions are what the repository file says about measuring a target.
func measureOptions(cfg *config.Repo, target string) intake.MeasureOptions {
	return intake.MeasureOptions{
		Unpacked: int64(cfg.Limits.UnpackedSize), Time: time.Duration(cfg.Limits.AnalysisTime), Imageless: cfg.Selection(target).Opaque,
	}
}
