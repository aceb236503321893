package sizediff

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
)

// Sizes is what a build amounts to: the resident bytes that budgets and ratchets are about, and what says whether another build
// was made in the same way.
type Sizes struct {
	Resident    int64            `json:"resident"`
	Buckets     map[string]int64 `json:"buckets"` // resident bytes of every bucket; they add up to Resident
	Fingerprint Fingerprint      `json:"fingerprint"`
	Options     string           `json:"options"` // SHA-256 of the configuration without versions, "" when the build carries none
}

// SizesOf adds up a build, or only those of its images whose path fits the glob. The sums are those of a Report.
func SizesOf(m *Measurement, buckets []Bucket, path string) Sizes {
	c := newClassifier(buckets)
	sum := newTally(len(c.buckets))
	paths := modules{}
	for i := range m.Images {
		if f := &m.Images[i]; path == "" || MatchPath(path, f.Path) {
			sum.add(c.tallyImage(f.Path, f.Image, paths))
		}
	}
	s := Sizes{Resident: sum.memory[0], Buckets: map[string]int64{}, Fingerprint: buildInfo(m).Fingerprint}
	for i, b := range c.buckets {
		s.Buckets[b.Name] += sum.buckets[i][0]
	}
	var options []Option
	for _, o := range m.Config {
		if !isVersionOption(o.Name) {
			options = append(options, o)
		}
	}
	s.Options = configDigest(options)
	return s
}

// Of returns the bytes of a bucket, or of all for BucketTotal.
func (s Sizes) Of(bucket string) int64 {
	if bucket == BucketTotal || bucket == "" {
		return s.Resident
	}
	return s.Buckets[bucket]
}

// OtherTools reports whether the two are known to come from different compilers or linkers.
func (s Sizes) OtherTools(t Sizes) bool { return s.Fingerprint.differs(t.Fingerprint) }

// OtherConfig reports whether the two are known to have different configurations, versions aside.
func (s Sizes) OtherConfig(t Sizes) bool {
	return s.Options != "" && t.Options != "" && s.Options != t.Options
}

// MadeAlike reports whether the two are known to come from the same tools and the same configuration, so that two builds of one
// commit differ in nothing but noise.
func (s Sizes) MadeAlike(t Sizes) bool {
	known := len(s.Fingerprint.Rustc)+len(s.Fingerprint.CC)+len(s.Fingerprint.LD) > 0
	return known && reflect.DeepEqual(s.Fingerprint, t.Fingerprint)
}

// sizesVersion is part of every digest of rules: raise it when the same rules give the same measurement other sizes.
const sizesVersion = 1

// RulesDigest names the rules by which a part of a build is added up. Sizes of one measurement under one digest are the same.
func RulesDigest(buckets []Bucket, s Selection) string {
	type named struct {
		Name  string
		Match []Match
	}
	rules := []any{sizesVersion}
	for _, b := range buckets {
		rules = append(rules, named{b.Name, b.Match}) // labels move no byte
	}
	if len(s.Files) > 0 || s.Opaque || s.Instantiating {
		rules = append(rules, s)
	}
	text, err := json.Marshal(rules)
	if err != nil {
		panic(err) // strings only
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
