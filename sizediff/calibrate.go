package sizediff

import "slices"

// CalibrationSchema is the version of the JSON form of a Calibration.
const CalibrationSchema = "oxidometer.calibration/1"

// History is what one target was, build by build, in order of time.
type History struct {
	Target string
	Builds []Built
}

// Built is one build of a history.
type Built struct {
	Label string           // the commit, or the name of a file; builds of one label were made from the same source
	Sizes Sizes            // of the whole build
	Paths map[string]Sizes // of the images that fit a glob, for budgets that have a path
}

// CalibrateOptions say what histories are held against.
type CalibrateOptions struct {
	Buckets  []Bucket // of the policy by which the histories were added up
	Budgets  []Budget // replayed beside the candidates
	StopRate float64  // percent of the changes that the suggested budgets may stop
}

// Calibration is what budgets would have done to the changes of the past. Sizes are resident bytes. No list is ever nil.
//
// A change is one label after the first of its target: what it added to the build before it. With several targets it is
// stopped when one of them is over, and grows by as much as in the target where it grows most. A step between builds of
// different tools or configurations is not judged, because the difference is not the change's alone; neither is a change of
// which nothing else is known.
type Calibration struct {
	Schema     string         `json:"schema"`
	Targets    []Calibrated   `json:"targets"`
	Changes    int            `json:"changes"` // that were judged
	Candidates []int64        `json:"candidates"`
	Growth     []BucketGrowth `json:"growth"`  // the total, then the buckets in the order of the policy
	Budgets    []Replay       `json:"budgets"` // of the options, in their order
	Noise      []NoiseSeen    `json:"noise"`   // of the targets that have two like builds of one label
	StopRate   float64        `json:"stop_rate"`
	Suggested  []Suggestion   `json:"suggested"` // runtime first, total last
	Stopped    int            `json:"stopped"`   // changes that the suggestions together would have stopped
}

// Calibrated says what there was of one target.
type Calibrated struct {
	Target    string `json:"target"`
	Builds    int    `json:"builds"`
	First     string `json:"first"` // label
	Last      string `json:"last"`
	Steps     int    `json:"steps"`
	Toolchain int    `json:"toolchain_steps"` // not judged
	Config    int    `json:"config_steps"`    // not judged
}

// BucketGrowth is how much changes added to a bucket. Percentiles are growth that a change had, by nearest rank.
type BucketGrowth struct {
	Bucket  string `json:"bucket"`
	Grew    int    `json:"grew"` // changes that added to it
	Median  int64  `json:"median"`
	P90     int64  `json:"p90"`
	P95     int64  `json:"p95"`
	P99     int64  `json:"p99"`
	Largest int64  `json:"largest"`
	At      string `json:"at"`      // label of the change that added most, the first of several; "" without growth
	Target  string `json:"target"`  // where
	Stopped []int  `json:"stopped"` // by a budget of each candidate
}

// Replay is what one budget would have stopped.
type Replay struct {
	Bucket   string   `json:"bucket"` // or quantity, see Budget.Name
	Targets  []string `json:"targets,omitempty"`
	Path     string   `json:"path,omitempty"`
	Bytes    int64    `json:"bytes"` // of the budget
	Percent  float64  `json:"percent,omitempty"`
	Replayed bool     `json:"replayed"` // false: the histories do not have what it is about
	Stopped  int      `json:"stopped"`
}

// NoiseSeen is the largest difference between two builds of one label, made alike.
type NoiseSeen struct {
	Target string           `json:"target"`
	Pairs  int              `json:"pairs"`
	Bytes  map[string]int64 `json:"bytes"` // by bucket, and for BucketTotal
}

// Suggestion is a budget that follows from the histories.
type Suggestion struct {
	Bucket  string `json:"bucket"`
	Bytes   int64  `json:"bytes"`
	Stopped int    `json:"stopped"` // changes, by this budget alone
}

// FewChanges is the number of changes below which a calibration says little: one of them is more than 5 percent.
const FewChanges = 20

// Applied are the suggested ones, in their order, and after them those of the given ones that they do not replace. A suggestion
// replaces the budgets of its bucket that hold for whole builds of every target, and takes their owners over.
func (c *Calibration) Applied(given []Budget) []Budget {
	var out []Budget
	index := map[string]int{}
	for i, s := range c.Suggested {
		out = append(out, Budget{Bucket: s.Bucket, Bytes: s.Bytes})
		index[s.Bucket] = i
	}
	for _, b := range given {
		i, suggested := index[b.Bucket]
		if !suggested || b.Quantity != "" || b.Path != "" || len(b.Targets) > 0 {
			out = append(out, b)
			continue
		}
		for _, owner := range b.Owners {
			if !slices.Contains(out[i].Owners, owner) {
				out[i].Owners = append(out[i].Owners, owner)
			}
		}
	}
	return out
}

// candidates are the budgets of which every bucket's row says how many changes they stop.
var candidates = []int64{256, 512, 1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10}

// Calibrate replays histories. They must have been added up with o.Buckets.
func Calibrate(histories []History, o CalibrateOptions) *Calibration {
	r := &replay{index: map[string]int{}, held: map[string]bool{}}
	c := &Calibration{
		Schema: CalibrationSchema, Targets: []Calibrated{}, Candidates: slices.Clone(candidates), StopRate: o.StopRate,
		Growth: []BucketGrowth{}, Budgets: []Replay{}, Noise: []NoiseSeen{}, Suggested: []Suggestion{},
	}
	for _, h := range histories {
		c.Targets = append(c.Targets, r.add(h))
		if pairs, bytes := Noise(h.Builds); pairs > 0 {
			c.Noise = append(c.Noise, NoiseSeen{h.Target, pairs, bytes})
		}
	}
	c.Changes = len(r.changes)
	c.Growth = append(c.Growth, r.growth(BucketTotal))
	for _, b := range o.Buckets {
		c.Growth = append(c.Growth, r.growth(b.Name))
	}
	for _, b := range o.Budgets {
		c.Budgets = append(c.Budgets, r.budget(b))
	}
	c.suggest(r, o.Buckets)
	return c
}

// Noise compares the builds of one label with each other, as far as they were made alike. It returns how many pairs there
// are, and by how many bytes two of them differ at most: in total and in each bucket.
func Noise(builds []Built) (pairs int, bytes map[string]int64) {
	same := map[string][]Sizes{}
	bytes = map[string]int64{}
	for _, b := range builds {
		for _, other := range same[b.Label] {
			if !other.MadeAlike(b.Sizes) {
				continue
			}
			pairs++
			bytes[BucketTotal] = max(bytes[BucketTotal], abs(b.Sizes.Resident-other.Resident))
			for name, n := range b.Sizes.Buckets {
				bytes[name] = max(bytes[name], abs(n-other.Buckets[name]))
			}
		}
		same[b.Label] = append(same[b.Label], b.Sizes)
	}
	return pairs, bytes
}

// replay is the changes of all histories.
type replay struct {
	changes []change        // in the order in which their labels first come
	index   map[string]int  // of labels in changes
	held    map[string]bool // buckets that hold a byte somewhere
}

// change is what one label did to each target, where that can be judged.
type change struct {
	label string
	steps []step
}

type step struct {
	target   string
	from, to Built
}

// add takes a target's steps over: from each label's first build to that of the next.
func (r *replay) add(h History) Calibrated {
	c := Calibrated{Target: h.Target, Builds: len(h.Builds)}
	seen := map[string]bool{}
	var last *Built
	for i := range h.Builds {
		b := &h.Builds[i]
		if seen[b.Label] {
			continue
		}
		seen[b.Label] = true
		r.hold(b.Sizes)
		if last == nil {
			c.First = b.Label
		} else {
			c.Steps++
			switch {
			case last.Sizes.OtherTools(b.Sizes):
				c.Toolchain++
			case last.Sizes.OtherConfig(b.Sizes):
				c.Config++
			default:
				r.step(step{h.Target, *last, *b})
			}
		}
		c.Last, last = b.Label, b
	}
	return c
}

func (r *replay) hold(s Sizes) {
	for name, n := range s.Buckets {
		r.held[name] = r.held[name] || n > 0
	}
}

func (r *replay) step(s step) {
	i, ok := r.index[s.to.Label]
	if !ok {
		i = len(r.changes)
		r.index[s.to.Label] = i
		r.changes = append(r.changes, change{label: s.to.Label})
	}
	r.changes[i].steps = append(r.changes[i].steps, s)
}

// most is the growth of a bucket in the target where it grows most.
func (c change) most(bucket string) (bytes int64, target string) {
	for i, s := range c.steps {
		if n := s.to.Sizes.Of(bucket) - s.from.Sizes.Of(bucket); i == 0 || n > bytes {
			bytes, target = n, s.target
		}
	}
	return bytes, target
}

// growth is the distribution of what changes added to a bucket.
func (r *replay) growth(bucket string) BucketGrowth {
	g := BucketGrowth{Bucket: bucket, Stopped: make([]int, len(candidates))}
	var all []int64
	for _, c := range r.changes {
		n, target := c.most(bucket)
		all = append(all, n)
		if n > 0 {
			g.Grew++
		}
		if n > 0 && (g.At == "" || n > g.Largest) {
			g.At, g.Target, g.Largest = c.label, target, n
		}
	}
	for i, limit := range candidates {
		g.Stopped[i] = len(r.over(bucket, limit))
	}
	slices.Sort(all)
	g.Median, g.P90, g.P95, g.P99 = percentile(all, 50), percentile(all, 90), percentile(all, 95), percentile(all, 99)
	if len(all) > 0 {
		g.Largest = all[len(all)-1]
	}
	return g
}

// percentile is by nearest rank: the smallest value that percent of all do not exceed. 0 without values.
func percentile(sorted []int64, percent int) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}

// over returns the changes that a budget of so many bytes stops, by index.
func (r *replay) over(bucket string, limit int64) map[int]bool {
	out := map[int]bool{}
	for i, c := range r.changes {
		if n, _ := c.most(bucket); n > limit {
			out[i] = true
		}
	}
	return out
}

// budget replays any budget, as Evaluate applies it.
func (r *replay) budget(b Budget) Replay {
	out := Replay{
		Bucket: b.Name(), Targets: b.Targets, Path: b.Path, Bytes: b.Bytes, Percent: b.Percent, Replayed: !b.Sources && b.Quantity == "",
	}
	fits := compileAll(b.Targets, false)
	for _, c := range r.changes {
		stopped := false
		for _, s := range c.steps {
			if !out.Replayed || len(b.Targets) > 0 && !anyMatch(fits, s.target) {
				continue
			}
			from, to := s.from.Sizes, s.to.Sizes
			if b.Path != "" {
				var known [2]bool
				from, known[0] = s.from.Paths[b.Path]
				to, known[1] = s.to.Paths[b.Path]
				out.Replayed = out.Replayed && known[0] && known[1]
			}
			limit := b.Bytes
			if b.Percent != 0 {
				limit = percentOf(from.Of(b.Bucket), b.Percent)
			}
			stopped = stopped || to.Of(b.Bucket)-from.Of(b.Bucket) > limit
		}
		if stopped {
			out.Stopped++
		}
	}
	if !out.Replayed {
		out.Stopped = 0
	}
	return out
}

// suggest finds, bucket by bucket, the smallest budget with which no more changes are stopped in all than the rate allows.
// Buckets that nobody could act on, and those that are empty, get none. No budget is below the noise that was seen.
func (c *Calibration) suggest(r *replay, buckets []Bucket) {
	var names []string
	for _, b := range buckets {
		switch {
		case !takesRust(b) || !r.held[b.Name] || slices.Contains(names, b.Name):
		case b.Name == BucketRuntime:
			names = slices.Insert(names, 0, b.Name)
		default:
			names = append(names, b.Name)
		}
	}
	allowed := int(percentOf(int64(c.Changes), c.StopRate))
	stopped := map[int]bool{}
	for _, name := range append(names, BucketTotal) {
		for limit := range ladder {
			over := r.over(name, limit)
			all := union(stopped, over)
			if len(all) <= allowed && limit >= c.noise(name) {
				stopped = all
				c.Suggested = append(c.Suggested, Suggestion{name, limit, len(over)})
				break
			}
		}
	}
	c.Stopped = len(stopped)
}

func (c *Calibration) noise(bucket string) (most int64) {
	for _, n := range c.Noise {
		most = max(most, n.Bytes[bucket])
	}
	return most
}

// ladder yields the budgets that are suggested: a power of two, or one and a half of it.
func ladder(yield func(int64) bool) {
	for n := int64(256); n < 1<<50; n *= 2 {
		if !yield(n) || !yield(n/2*3) {
			return
		}
	}
}

// takesRust reports whether a bucket is about Rust: all of it, or code of certain crates.
func takesRust(b Bucket) bool {
	return slices.ContainsFunc(b.Match, func(m Match) bool {
		return len(m.Crates)+len(m.Paths) > 0 || slices.Contains(m.Language, LanguageRust)
	})
}

func union(a, b map[int]bool) map[int]bool {
	out := map[int]bool{}
	for _, m := range []map[int]bool{a, b} {
		for k := range m {
			out[k] = true
		}
	}
	return out
}
