package bot

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
)

func exempt(t config.Treatment, reason string) *sizediff.Exemption {
	return &sizediff.Exemption{Reason: reason, Unlimited: t == config.Unlimited}
}

// exemptByLabel looks for a label of the repository file. It counts when somebody with triage access, who is not the author,
// set it after the last push: earlier, it was about something else.
func (l *look) exemptByLabel() (*sizediff.Exemption, error) {
	rules := l.cfg.Tolerance.Label
	if !slices.ContainsFunc(l.pr.Labels, func(name string) bool { return rules[name] != "" && rules[name] != config.Apply }) {
		return nil, nil
	}
	set, err := l.client.LabelsSet(l.ctx, l.repo, l.pr.Number)
	if err != nil {
		return nil, err
	}
	head, err := l.Store.Head(l.ctx, l.repo.ID, l.pr.Number)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		i := slices.IndexFunc(set, func(x gh.Label) bool { return x.Name == name })
		// GitHub tells the time in whole seconds, and we hear of a push after it.
		if rules[name] == config.Apply || i < 0 || set[i].At.Before(head.Since) || set[i].By.ID == l.pr.AuthorID {
			continue
		}
		role, err := l.client.Role(l.ctx, l.repo, set[i].By.Login)
		if err != nil {
			return nil, err
		}
		if role.AtLeast(gh.RoleTriage) {
			return exempt(rules[name], fmt.Sprintf("label %s, set by %s", name, set[i].By.Login)), nil
		}
	}
	return nil, nil
}

var revertForm = regexp.MustCompile(`(?m)^This reverts commit ([0-9a-f]{40})\b`)

// maxReverted bounds how many files of a revert are looked at, with four requests each.
const maxReverted = 30

// exemptAsRevert believes a commit message that it takes back a commit of the base branch if that is so, and all that the pull
// request does: each file that it changes is on the base branch what that commit made it, and in the head what it was before.
func (l *look) exemptAsRevert() (*sizediff.Exemption, error) {
	if l.cfg.Tolerance.Revert == config.Apply {
		return nil, nil
	}
	commits, err := l.series()
	if err != nil {
		return nil, err
	}
	var reverted string
	for _, c := range commits {
		if m := revertForm.FindStringSubmatch(strings.ReplaceAll(c.Message, "\r\n", "\n")); m != nil {
			reverted = m[1]
		}
	}
	if reverted == "" {
		return nil, nil
	}
	taken, err := l.takesBack(reverted)
	if err != nil || !taken {
		return nil, err
	}
	return exempt(l.cfg.Tolerance.Revert, fmt.Sprintf("a revert of %.7s", reverted)), nil
}

func (l *look) takesBack(sha string) (bool, error) {
	on, err := l.client.Contains(l.ctx, l.repo, l.pr.BaseRef, sha)
	if err != nil || !on {
		return false, unlessRefused(err)
	}
	commit, err := l.client.Commit(l.ctx, l.repo, sha)
	if err != nil || len(commit.Parents) == 0 {
		return false, unlessRefused(err)
	}
	changed, err := l.changes()
	if err != nil || !changed.all || len(changed.files) == 0 || len(changed.files) > maxReverted {
		return false, err
	}
	for _, f := range changed.files {
		for _, path := range []string{f.Path, f.Previous} {
			if path == "" {
				continue
			}
			same, err := l.sameFile(path, commit.Parents[0], l.pr.HeadSHA)
			if err == nil && same {
				same, err = l.sameFile(path, sha, l.pr.BaseRef)
			}
			if err != nil || !same {
				return false, unlessRefused(err)
			}
		}
	}
	return true, nil
}

// unlessRefused is nil for what no other try would bring: it is then not known, which is not believed.
func unlessRefused(err error) error {
	if permanent(err) || unreadable(err) {
		return nil
	}
	return err
}

// sameFile reports whether a file is the same in two commits, or in neither.
func (l *look) sameFile(path, a, b string) (bool, error) {
	x, err := l.client.FileID(l.ctx, l.repo, path, a)
	if err != nil && !isNotFound(err) {
		return false, err
	}
	y, err := l.client.FileID(l.ctx, l.repo, path, b)
	if err != nil && !isNotFound(err) {
		return false, err
	}
	return x == y, nil
}
