package config

import (
	"cmp"
	"slices"
	"time"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Policy is how the file wants builds to be judged: the preset's buckets with the file's merged in, and the file's budgets and
// ratchets. What depends on history or on a pull request is left to the caller: floors of ratchets, a noise band that is
// auto, and exemptions. The result shares nothing with r.
func (r *Repo) Policy() sizediff.Policy {
	p := presetPolicy(r.Preset)
	p.Buckets = mergeBuckets(p.Buckets, r.Buckets)
	p.Budgets = nil
	for _, b := range r.Budgets {
		budget := sizediff.Budget{
			Bucket:   b.Bucket,
			Quantity: sizediff.Quantity(b.Quantity),
			Targets:  slices.Clone(b.Targets),
			Path:     b.Path,
			Sources:  b.Unit == UnitSymbols,
			Bytes:    int64(b.Grow.Bytes),
			Percent:  b.Grow.Percent,
			Owners:   slices.Clone(b.Owners),
		}
		if budget.Quantity != "" {
			budget.Bucket = "" // the default
		}
		p.Budgets = append(p.Budgets, budget)
	}
	for _, q := range r.Ratchets {
		p.Ratchets = append(p.Ratchets, sizediff.Ratchet{
			Bucket:  q.Bucket,
			Targets: slices.Clone(q.Targets),
			Bytes:   int64(q.Headroom.Bytes),
			Percent: q.Headroom.Percent,
			Window:  time.Duration(q.Window),
		})
	}
	p.NoiseBytes = int64(r.Noise.Band.Bytes) // 0 when it is auto
	p.TrailerBypasses = r.Gate.TrailerBypassesGate
	p.Tolerate = sizediff.Tolerance{
		ToolchainChange: r.Tolerance.ToolchainChange != Apply,
		ConfigChange:    r.Tolerance.ConfigChange != Apply,
	}
	return p
}

// RenderGate is what the file says of the check run's conclusion, as the renderer wants it.
func (r *Repo) RenderGate() sizediff.Gate {
	g := r.Gate
	return sizediff.Gate{
		Enforce:         g.Mode == GateEnforce,
		OverBudget:      string(g.OnOverBudget),
		MissingBase:     string(g.OnMissingBase),
		NotMeasured:     string(g.OnNotMeasured),
		ApproximateBase: string(g.OnApproximateBase),
	}
}

// Exemption is what a treatment of tolerance means for one pull request, nil when budgets apply as written. The reason is a
// clause for people, such as "a revert of #12".
func (t Treatment) Exemption(reason string) *sizediff.Exemption {
	switch t {
	case ReportOnly, Unlimited:
		return &sizediff.Exemption{Reason: reason, Unlimited: t == Unlimited}
	}
	return nil
}

// mergeBuckets replaces preset buckets in place. A new one goes before the bucket that follows it in the file, and at the
// latest before the first that takes a whole language: the first match wins, so any later it would stay empty.
func mergeBuckets(preset []sizediff.Bucket, file []Bucket) []sizediff.Bucket {
	merged := slices.Clone(preset)
	next := slices.IndexFunc(merged, func(b sizediff.Bucket) bool {
		return isRest(b.Name) || slices.ContainsFunc(b.Match, wholeLanguage)
	})
	if next < 0 {
		next = len(merged)
	}
	for _, b := range slices.Backward(file) {
		if i := bucketIndex(merged, b.Name); i >= 0 {
			merged[i] = b.over(merged[i])
			next = min(i, next)
		} else {
			merged = slices.Insert(merged, next, b.over(sizediff.Bucket{Name: b.Name, Label: b.Name}))
		}
	}
	return merged
}

// over lays the file's bucket over one of the same name. A bucket without rules only gives it a label.
func (b Bucket) over(old sizediff.Bucket) sizediff.Bucket {
	old.Label = cmp.Or(b.Label, old.Label)
	switch {
	case len(b.Match) > 0:
		old.Match = nil
		for _, rule := range b.Match {
			old.Match = append(old.Match, rule.match())
		}
	case !b.Rule.empty():
		old.Match = []sizediff.Match{b.Rule.match()}
	}
	return old
}

func (r Rule) match() sizediff.Match {
	m := sizediff.Match{
		Crates:   slices.Clone(r.Crates),
		Paths:    slices.Clone(r.Paths),
		Sections: slices.Clone(r.Sections),
		Symbols:  slices.Clone(r.Symbols),
		Images:   slices.Clone(r.Images),
	}
	for _, word := range r.Language {
		if l := language(word); !slices.Contains(m.Language, l) {
			m.Language = append(m.Language, l)
		}
	}
	return m
}

// language of a word in the file. The symbol table does not tell assembly from C.
func language(word string) sizediff.Language {
	if word == "rust" {
		return sizediff.LanguageRust
	}
	return sizediff.LanguageC
}

// wholeLanguage reports whether a rule asks for a language and nothing else.
func wholeLanguage(m sizediff.Match) bool {
	return len(m.Language) > 0 && len(m.Crates)+len(m.Paths)+len(m.Sections)+len(m.Symbols)+len(m.Images) == 0
}

// isRest names the buckets that no rule can claim bytes for.
func isRest(name string) bool {
	return name == sizediff.BucketPadding || name == sizediff.BucketUnattributed
}

func bucketIndex(buckets []sizediff.Bucket, name string) int {
	return slices.IndexFunc(buckets, func(b sizediff.Bucket) bool { return b.Name == name })
}
