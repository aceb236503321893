package bot

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/oxidometer/oxidometer/bot/command"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// A check run belongs to a commit, and a commit may be the head of several pull requests, each judged against its own base. What
// stands on it is the worst that one of them says: else a second pull request would clear the check of the first.

// said is what a pull request says of its head.
type said struct {
	Pull                      int `json:"-"`
	Status, Conclusion, Title string
}

// severity orders what is said from good to bad. What is not known yet is worse than what stops nobody.
func (s said) severity() int {
	if s.Status != "completed" {
		return 2
	}
	return max(0, slices.Index([]string{"success", "neutral", "", "action_required", "failure"}, s.Conclusion))
}

// say notes what this pull request says of a commit, for the others that have it as their head; without a status, nothing any more.
func (l *look) say(c gh.Check) error {
	var data []byte
	if c.Status != "" {
		var err error
		if data, err = json.Marshal(said{Status: c.Status, Conclusion: c.Conclusion, Title: c.Title}); err != nil {
			return err
		}
	}
	return l.Store.PutOutput(l.ctx, store.Output{
		RepoID: l.repo.ID, Pull: l.pr.Number, Kind: outputSaid, HeadSHA: c.HeadSHA, BodySHA256: string(data), Updated: l.Now(),
	})
}

// spoken reports whether this pull request has said anything of its head.
func (l *look) spoken() (bool, error) {
	out, err := l.Store.Output(l.ctx, l.repo.ID, l.pr.Number, outputSaid, l.pr.HeadSHA)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return out.BodySHA256 != "", err
}

// others returns what other open pull requests say of a commit that is their head, by number.
func (l *look) others(sha string) ([]said, error) {
	pulls, err := l.Store.PullsOfHead(l.ctx, l.repo.ID, sha)
	if err != nil {
		return nil, err
	}
	var out []said
	for _, n := range pulls {
		if n == l.pr.Number {
			continue
		}
		s := said{Pull: n}
		row, err := l.Store.Output(l.ctx, l.repo.ID, n, outputSaid, sha)
		if errors.Is(err, store.ErrNotFound) || err == nil && row.BodySHA256 == "" {
			continue // it says nothing, as in repositories without a file; or not yet, and then it will
		}
		if err == nil {
			err = json.Unmarshal([]byte(row.BodySHA256), &s)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// maxShown is how many other pull requests a summary quotes; there is little room left in it.
const maxShown = 8

// amid returns the check run as it has to be amid what others say.
func amid(c gh.Check, others []said) gh.Check {
	worst := said{Status: c.Status, Conclusion: c.Conclusion, Title: c.Title}
	for i, s := range others {
		if i < maxShown {
			c.Summary += fmt.Sprintf("\n\nThis commit is the head of #%d as well, which says: %s", s.Pull, render.Prose(s.Title))
		}
		if s.severity() > worst.severity() {
			worst = s
		}
	}
	if len(others) > 0 { // a button could not tell which of them it accepts
		c.Actions = slices.DeleteFunc(slices.Clone(c.Actions), func(a gh.CheckAction) bool { return a.Identifier == string(command.Accept) })
	}
	if worst.Pull != 0 {
		c.Status, c.Conclusion, c.Title = worst.Status, worst.Conclusion, fmt.Sprintf("#%d: %s", worst.Pull, worst.Title)
	}
	return c
}

// leave takes back what the pull request said of a commit. Others that have it as their head say again what holds without it; it
// reports whether there are any.
func (l *look) leave(sha string) (shared bool, err error) {
	if err := l.say(gh.Check{HeadSHA: sha}); err != nil {
		return false, err
	}
	others, err := l.others(sha)
	if err != nil || len(others) == 0 {
		return false, err
	}
	var pulls []int
	for _, s := range others {
		pulls = append(pulls, s.Pull)
	}
	if err := l.forgetCheck(l.ctx, l.repo, sha); err != nil {
		return true, err
	}
	return true, l.lookAt(l.ctx, l.repo, pulls, "its head was another's as well")
}
