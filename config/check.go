package config

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/goccy/go-yaml/token"

	"github.com/oxidometer/oxidometer/sizediff"
)

// check finds what is wrong with values that are well-formed one by one.
func check(d *decoder, r *Repo) {
	c := checker{d}
	if r.Version != 1 {
		c.fault("version", "write version: 1; a newer oxidometer may know more", "version %d of the file format is not known", r.Version)
	}
	c.targets(r.Targets)
	c.buckets(r)
	c.budgets(r)
	c.report(r.Report)
	c.limits(r.Limits)
	c.globs("base.branches", r.Base.Branches)
	c.globs("tolerance.paths_only", r.Tolerance.PathsOnly)
	c.roles("commands.accept", r.Commands.Accept)
	c.roles("commands.rebuild", r.Commands.Rebuild)
	if h := r.Comment.Header; len([]rune(h)) > 60 || strings.ContainsFunc(h, func(r rune) bool { return !unicode.IsPrint(r) }) {
		c.fault("comment.header", "write a few words", "%s is no heading: it has more than 60 characters, or a line break", quote(h))
	}
	if p := r.Commands.Prefix; !commandPrefix.MatchString(p) {
		c.fault("commands.prefix", "write a slash and a word of letters, digits, _ and -, such as /size", "%s cannot start a command", quote(p))
	}
	if strings.ContainsAny(r.Gate.Trailer, " :") || r.Gate.Trailer == "" {
		c.fault("gate.trailer", "write a word such as Size-Justification, without the colon", "%s cannot be a trailer", quote(r.Gate.Trailer))
	}
	c.inert(r)
}

var commandPrefix = regexp.MustCompile(`^/[A-Za-z0-9_-]{1,39}$`)

// inert warns of what is asked for and has no effect in this version.
func (c checker) inert(r *Repo) {
	warn := func(path string, asked bool) {
		if place := c.d.places[path]; place != nil && asked {
			c.d.warn(place, "remove it, or leave it for a later version", "%s has no effect in this version", path)
		}
	}
	warn("commands.rebuild", true)
}

// checker finds positions by path.
type checker struct{ d *decoder }

func (c checker) fault(path, remedy, format string, args ...any) {
	c.d.fault(c.d.places[path], remedy, format, args...)
}

// warn is about something that has no effect.
func (c checker) warn(path, remedy, format string, args ...any) {
	c.d.warn(c.d.places[path], remedy, format, args...)
}

func (c checker) targets(targets []Target) {
	seen := map[string]bool{}
	for i, t := range targets {
		at := fmt.Sprintf("targets[%d]", i)
		if seen[t.Name] {
			c.fault(at+".name", "give every target its own name", "there are two targets named %s", quote(t.Name))
		}
		seen[t.Name] = true
		if t.Name == "" {
			c.fault(at+".name", "write a name", "a target's name is empty")
		}
		if ext := path.Ext(t.Workflow); t.Workflow != "" && (ext != ".yml" && ext != ".yaml" || strings.Contains(t.Workflow, "/")) {
			c.fault(at+".workflow", "write the file's name in .github/workflows, such as kernel.yml; display names can be copied", "%s is not a workflow's file name", quote(t.Workflow))
		}
		c.glob(at+".artifact", t.Artifact)
		for j, f := range t.Files {
			c.inArtifact(fmt.Sprintf("%s.files[%d].path", at, j), f.Path)
			if f.Kind == KindMeasurement {
				c.warn(fmt.Sprintf("%s.files[%d].kind", at, j), "list the files that were measured", "a measurement stands for all files of its artifact; this is read as kind: elf")
			}
			if f.Group != "" && (f.Kind == KindOpaque || t.Kind == KindOpaque) {
				c.warn(fmt.Sprintf("%s.files[%d].group", at, j), "remove it", "files that are counted by size only are not shown in groups")
			}
		}
		c.inArtifact(at+".config_file", t.ConfigFile)
		if t.ConfigFile != defaultConfigFile {
			c.warn(at+".config_file", "remove it, and upload one .config", "config_file has no effect in this version: the configuration is found by its name")
		}
	}
}

// defaultConfigFile is the path that is no wish.
const defaultConfigFile = ".config"

// report warns of what this version cannot do.
func (c checker) report(r Report) {
	if r.Link == LinkAuthenticated {
		c.warn("report.link", "write public or none", "authenticated is not available; it is treated as none")
	}
	if c.d.places["report.disassembly"] != nil && r.Disassembly != DisassembleNone {
		c.warn("report.disassembly", "remove it", "disassembly has no effect in this version: none is shown")
	}
}

// limits can only be lowered.
func (c checker) limits(l Limits) {
	most := DefaultRepo().Limits
	for _, x := range []struct {
		key         string
		value, most int64
	}{
		{"artifact_size", int64(l.ArtifactSize), int64(most.ArtifactSize)}, {"unpacked_size", int64(l.UnpackedSize), int64(most.UnpackedSize)},
		{"analysis_time", int64(l.AnalysisTime), int64(most.AnalysisTime)},
	} {
		at := "limits." + x.key
		switch {
		case x.value <= 0:
			c.fault(at, "write more, or remove the key", "nothing can be measured within a limit of 0")
		case x.value > x.most:
			c.warn(at, "remove it", "limits can only be lowered; the server's own holds")
		}
	}
}

// inArtifact checks a path below the root of an artifact.
func (c checker) inArtifact(at, p string) {
	if strings.HasPrefix(p, "/") || strings.Contains(p, `\`) || slices.Contains(strings.Split(p, "/"), "..") {
		c.fault(at, "write a path below the artifact's root, with forward slashes", "%s leads out of the artifact", quote(p))
		return
	}
	c.glob(at, p)
}

func (c checker) buckets(r *Repo) {
	preset := presetPolicy(r.Preset).Buckets
	for _, b := range r.Buckets {
		at := "buckets." + b.Name
		hasRules := !b.Rule.empty() || len(b.Match) > 0
		switch {
		case b.Name == sizediff.BucketTotal || b.Name == "" || sizediff.Quantity(b.Name).Known():
			c.fault(at, "choose another name", "%s cannot be a bucket's name", quote(b.Name))
		case isRest(b.Name) && hasRules:
			c.fault(at, "give it a label only", "bucket %s takes what no rule can claim", quote(b.Name))
		case !b.Rule.empty() && len(b.Match) > 0:
			c.fault(at+".match", "move the keys into an entry of match", "bucket %s has both match and keys beside it", quote(b.Name))
		case !hasRules && !isRest(b.Name) && bucketIndex(preset, b.Name) < 0:
			c.fault(at, "add crates, paths, sections, symbols, images or language", "bucket %s matches nothing", quote(b.Name))
		}
		c.rule(at, b.Rule)
		for i, rule := range b.Match {
			if rule.empty() {
				c.fault(fmt.Sprintf("%s.match[%d]", at, i), "add crates, paths, sections, symbols, images or language", "this alternative matches everything")
			}
			c.rule(fmt.Sprintf("%s.match[%d]", at, i), rule)
		}
	}
}

func (c checker) rule(at string, r Rule) {
	for _, list := range []struct {
		key   string
		globs []string
	}{{"crates", r.Crates}, {"paths", r.Paths}, {"sections", r.Sections}, {"symbols", r.Symbols}, {"images", r.Images}} {
		c.globs(at+"."+list.key, list.globs)
	}
}

// Names as GitHub writes them. A user's may have an underscore, before the short code of an enterprise.
const (
	accountName = `[A-Za-z0-9][A-Za-z0-9_-]{0,38}`
	teamSlug    = `[A-Za-z0-9]([A-Za-z0-9_-]{0,98}[A-Za-z0-9])?`
)

var (
	ownerName = regexp.MustCompile(`^@` + accountName + `(/` + teamSlug + `)?$`)
	teamName  = regexp.MustCompile(`^` + teamSlug + `$`)
)

func (c checker) budgets(r *Repo) {
	buckets := []string{sizediff.BucketTotal}
	for _, b := range r.Policy().Buckets {
		buckets = append(buckets, b.Name)
	}
	for i, b := range r.Budgets {
		at := fmt.Sprintf("budgets[%d]", i)
		if b.Quantity != "" {
			c.quantity(at, b)
		} else {
			c.bucket(at+".bucket", b.Bucket, buckets, "write quantity: "+b.Bucket)
		}
		c.targetGlobs(at+".targets", b.Targets, r.Targets)
		c.glob(at+".path", b.Path)
		for j, owner := range b.Owners {
			if !ownerName.MatchString(owner) {
				c.d.fault(c.place(at+".owners", j), `write "@user" or "@org/team", as GitHub does`, "%s is not a user or team", quote(owner))
			}
		}
		switch {
		case b.Quantity != "":
		case b.Unit == UnitSymbols && b.Path == "":
			c.fault(at+".unit", "add path:, or remove unit:", "unit: symbols is about source files, and there is no path")
		case b.Unit == UnitSymbols:
			c.warn(at+".unit", "use a bucket or a path of images", "a budget by source file is only shown: this version cannot judge it")
		}
	}
	for i, ratchet := range r.Ratchets {
		at := fmt.Sprintf("ratchets[%d]", i)
		c.bucket(at+".bucket", ratchet.Bucket, buckets, noRatchet)
		c.targetGlobs(at+".targets", ratchet.Targets, r.Targets)
		if ratchet.Window == 0 {
			c.fault(at+".window", "write a duration such as 90d", "a ratchet's window is empty")
		}
	}
}

// bucket checks a bucket's name. What to do about a quantity that is written there depends on what the bucket is for.
func (c checker) bucket(at, name string, known []string, ifQuantity string) {
	switch {
	case sizediff.Quantity(name).Known():
		c.fault(at, ifQuantity, "%s is no bucket but a quantity", quote(name))
	case !slices.Contains(known, name):
		c.fault(at, suggest(name, known), "there is no bucket %s", quote(name))
	}
}

const noRatchet = "write a budget: a ratchet looks back at builds, of which the sizes of buckets are kept and no quantities"

func (*Ratchet) absent(key string) string {
	if key == "quantity" {
		return noRatchet
	}
	return ""
}

// quantity checks a budget that is on no bucket.
func (c checker) quantity(at string, b Budget) {
	q := sizediff.Quantity(b.Quantity)
	for _, key := range []string{"bucket", "path", "unit"} {
		if c.d.places[at+"."+key] != nil {
			c.fault(at+"."+key, "remove it, or remove quantity:", "a budget of %s is on the whole build, and takes no %s", q, key)
		}
	}
	switch {
	case q.Counted() && !b.Grow.Plain:
		c.fault(at+".grow", "write a number without a unit, such as 4", "%s are counted: they are no bytes, and have no share", q)
	case b.Grow.Percent != 0 && !q.Shared():
		c.fault(at+".grow", "write a size such as 512B", "what %s were before is not known, so no share of them can be allowed", q)
	}
}

// targetGlobs checks globs over target names, and that each fits one where the file lists them.
func (c checker) targetGlobs(at string, globs []string, targets []Target) {
	c.globs(at, globs)
	for i, glob := range globs {
		fits := func(t Target) bool { ok, _ := path.Match(glob, t.Name); return ok }
		if len(targets) > 0 && !slices.ContainsFunc(targets, fits) {
			c.d.warn(c.place(at, i), "use a name from targets", "no target is named %s", quote(glob))
		}
	}
}

const closeBrackets = `close every [ and {, and write \ before a literal one`

// globs checks a list of patterns over paths, branches or names.
func (c checker) globs(at string, globs []string) {
	for i, glob := range globs {
		if glob == "" || !doublestar.ValidatePattern(glob) {
			c.d.fault(c.place(at, i), closeBrackets, "%s is not a pattern", quote(glob))
		}
	}
}

// glob checks a single pattern, which may be absent.
func (c checker) glob(at, glob string) {
	if !doublestar.ValidatePattern(glob) {
		c.fault(at, closeBrackets, "%s is not a pattern", quote(glob))
	}
}

func (c checker) roles(at string, roles []string) {
	known := []string{"read", "triage", "write", "maintain", "admin", "owners", "author"}
	for i, role := range roles {
		team, isTeam := strings.CutPrefix(role, "team:")
		switch {
		case isTeam && team != "" && !teamName.MatchString(team):
			c.d.fault(c.place(at, i), "write the last part of the team's address on GitHub, such as team:rust-size, without the organization", "%s is not a team", quote(team))
		case !isTeam && !slices.Contains(known, role), isTeam && team == "":
			c.d.fault(c.place(at, i), suggest(role, append(known, "team:NAME")), "there is no role %s", quote(role))
		}
	}
}

// place of entry i of a list, or of the list itself when it comes from a single word.
func (c checker) place(at string, i int) (p *token.Position) {
	if p = c.d.places[fmt.Sprintf("%s[%d]", at, i)]; p == nil {
		p = c.d.places[at]
	}
	return p
}

func (r Rule) empty() bool {
	return len(r.Crates)+len(r.Paths)+len(r.Sections)+len(r.Symbols)+len(r.Images)+len(r.Language) == 0
}
