package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
)

const (
	noiseWindow = 90 * 24 * time.Hour // what two builds of a commit differed by before that says nothing about today's
	shownMerges = 30                  // in the small picture of the runtime
	mostSums    = 50                  // measurements that one job adds up, each some ten milliseconds of a small kernel
)

// point is a baseline of a branch and what it amounts to.
type point struct {
	sha   string
	built time.Time
	sizes sizediff.Sizes
}

// points returns the history of a target on a branch, in order of time. What nobody has added up by these rules yet it adds up
// and keeps, the newest first, until most is used up; what is older is left out then, and a later job goes on.
func (b *Bot) points(ctx context.Context, repoID int64, target, branch string, policy sizediff.Policy, part sizediff.Selection, most *int) ([]point, error) {
	rules := sizediff.RulesDigest(policy.Buckets, part)
	rows, err := b.Store.History(ctx, repoID, target, branch, rules, b.Now().Add(-reach(policy)))
	if err != nil {
		return nil, err
	}
	var out []point
	for _, row := range slices.Backward(rows) {
		if row.Sizes == nil && *most == 0 {
			continue
		}
		sizes, summed, err := SizesOf(ctx, b.Store, repoID, row, policy.Buckets, part)
		if errors.Is(err, errUnreadable) { // one damaged row must not stop every pull request
			b.Log.WithField("repository", repoID).WithError(err).Warn("a build is missing in the history")
			*most = max(*most-1, 0)
			continue
		}
		if _, lacks := errors.AsType[*sizediff.Lacking](err); lacks { // of a time when the target had other files
			*most = max(*most-1, 0)
			continue
		}
		if errors.Is(err, store.ErrNotFound) { // purged since
			continue
		}
		if err != nil {
			return nil, err
		}
		if summed {
			*most = max(*most-1, 0)
			if err := b.keepSizes(ctx, repoID, row.ID, rules, sizes); err != nil {
				return nil, err
			}
		}
		out = append(out, point{row.SHA, row.Built, sizes})
	}
	slices.Reverse(out)
	return out, nil
}

func (b *Bot) keepSizes(ctx context.Context, repoID, measurement int64, rules string, sizes sizediff.Sizes) error {
	record, err := json.Marshal(sizes)
	if err != nil {
		return err
	}
	return b.Store.PutSizes(ctx, repoID, measurement, rules, record)
}

// reach is how much of the past a policy asks for.
func reach(p sizediff.Policy) time.Duration {
	longest := noiseWindow
	for _, q := range p.Ratchets {
		longest = max(longest, q.Window)
	}
	return longest
}

// SizesOf returns what a part of a baseline amounts to in these buckets: what the store has at hand, else from the measurement.
// summed says that it was the latter. The error is a *sizediff.Lacking when the build has no such part.
func SizesOf(ctx context.Context, s *store.Store, repoID int64, b store.Baseline, buckets []sizediff.Bucket, part sizediff.Selection) (sizes sizediff.Sizes, summed bool, err error) {
	if b.Sizes != nil && json.Unmarshal(b.Sizes, &sizes) == nil {
		return sizes, false, nil
	}
	m, err := MeasurementOf(ctx, s, repoID, b)
	if err != nil {
		return sizediff.Sizes{}, false, err
	}
	if m, err = m.Select(part); err != nil {
		return sizediff.Sizes{}, false, err
	}
	return sizediff.SizesOf(m, buckets, ""), true, nil
}

// errUnreadable is a measurement in the store that cannot be read.
var errUnreadable = errors.New("damaged, or written by a newer program")

// MeasurementOf reads the measurement of a baseline.
func MeasurementOf(ctx context.Context, s *store.Store, repoID int64, b store.Baseline) (*sizediff.Measurement, error) {
	row, err := s.MeasurementByID(ctx, repoID, b.ID)
	if err != nil {
		return nil, err
	}
	m, err := sizediff.ReadMeasurement(bytes.NewReader(row.Blob))
	if err != nil {
		return nil, fmt.Errorf("stored measurement of commit %s: %w: %w", b.SHA, errUnreadable, err)
	}
	return m, nil
}

// past is what one target's base branch was, as a look at a pull request sees it.
type past struct {
	now    time.Time
	base   point   // what the target is compared with
	before []point // the base branch up to the base; empty when the base is not in its history
	all    []point // the base branch up to now
}

// past reads the history behind a base that was measured.
func (l *look) past(t headTarget, base baseBuild, policy sizediff.Policy) (past, error) {
	points, err := l.points(l.ctx, l.repo.ID, storedTarget(t.run.Path, t.name), l.pr.BaseRef, policy, l.cfg.Selection(t.name), &l.sums)
	if err != nil {
		return past{}, err
	}
	p := past{now: l.Now(), all: points}
	for i, q := range points {
		if q.sha == base.SHA {
			p.base, p.before = q, points[:i+1]
		}
	}
	if p.before == nil {
		p.base = point{base.SHA, base.built, sizediff.SizesOf(base.measured, policy.Buckets, "")}
	}
	return p, nil
}

// floor is the smallest size of a ratchet's bucket in its window, up to the base: what the branch became later is not what the
// head was built on. Where the policy does not apply budgets across a change of toolchain or configuration, neither does a floor
// from before such a change count.
func (p past) floor(q sizediff.Ratchet, tolerate sizediff.Tolerance) sizediff.Floor {
	floor := sizediff.Floor{Bytes: p.base.sizes.Of(q.Bucket), SHA: p.base.sha, Since: p.base.built}
	for _, x := range slices.Backward(p.before) {
		if x.built.Before(p.now.Add(-q.Window)) ||
			tolerate.ToolchainChange && x.sizes.OtherTools(p.base.sizes) || tolerate.ConfigChange && x.sizes.OtherConfig(p.base.sizes) {
			continue
		}
		if n := x.sizes.Of(q.Bucket); n <= floor.Bytes { // the first of equal ones
			floor = sizediff.Floor{Bytes: n, SHA: x.sha, Since: x.built}
		}
	}
	return floor
}

// noise is by how many bytes two like builds of one commit differed at most, by bucket; nothing where they did not, or where there
// are none.
func (p past) noise() map[string]int64 {
	var builds []sizediff.Built
	for _, x := range p.all {
		if !x.built.Before(p.now.Add(-noiseWindow)) {
			builds = append(builds, sizediff.Built{Label: x.sha, Sizes: x.sizes})
		}
	}
	_, bytes := sizediff.Noise(builds)
	for bucket, n := range bytes {
		if n == 0 {
			delete(bytes, bucket)
		}
	}
	return bytes
}

// runtime is the size of the Rust runtime in the last commits of the base branch that were measured, up to the base, oldest first.
func (p past) runtime() []int64 {
	points := p.before
	if len(points) == 0 {
		points = p.all
	}
	seen := map[string]bool{}
	var out []int64
	for _, x := range points {
		if _, has := x.sizes.Buckets[sizediff.BucketRuntime]; has && !seen[x.sha] {
			seen[x.sha] = true
			out = append(out, x.sizes.Of(sizediff.BucketRuntime))
		}
	}
	return out[max(0, len(out)-shownMerges):]
}

// byHistory puts into the evaluation what the past of a target's base branch says: floors of ratchets, bands of noise and the
// picture of the runtime. It returns the policy for this target alone, because two workflows may have targets of one name.
func (l *look) byHistory(e *sizediff.Evaluation, t headTarget, base baseBuild) (sizediff.Policy, error) {
	policy := e.Policy
	if base.measured == nil {
		return policy, nil
	}
	p, err := l.past(t, base, policy)
	if err != nil {
		return policy, err
	}
	if len(e.Provenance.RuntimeHistory) == 0 {
		e.Provenance.RuntimeHistory = p.runtime()
	}
	policy.Ratchets = slices.Clone(policy.Ratchets)
	for i, q := range policy.Ratchets {
		floor := p.floor(q, policy.Tolerate)
		policy.Ratchets[i].Floors = map[string]sizediff.Floor{t.name: floor}
		if q.Floors == nil {
			e.Policy.Ratchets[i].Floors = map[string]sizediff.Floor{}
		}
		e.Policy.Ratchets[i].Floors[t.name] = floor
	}
	if !l.cfg.Noise.Band.Auto {
		return policy, nil
	}
	policy.Noise = map[string]map[string]int64{}
	if noise := p.noise(); len(noise) > 0 {
		policy.Noise[t.name] = noise
		if e.Policy.Noise == nil {
			e.Policy.Noise = map[string]map[string]int64{}
		}
		e.Policy.Noise[t.name] = noise
	}
	return policy, nil
}

// addUp adds up what a branch's run built, so that looks at pull requests find it done.
func (b *Bot) addUp(ctx context.Context, repoID int64, target, branch string, cfg *config.Repo) error {
	most := mostSums
	_, err := b.points(ctx, repoID, target, branch, cfg.Policy(), cfg.Selection(TargetName(target)), &most)
	return err
}

// TargetName is the name of a target as people write it, of the name that it has in the store.
func TargetName(stored string) string {
	for _, ext := range []string{".yml ", ".yaml ", " "} {
		if _, name, ok := strings.Cut(stored, ext); ok {
			return name
		}
	}
	return stored
}
