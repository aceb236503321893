package bot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/sizediff"
)

// touchesNothing says that a pull request is not measured because it changes only files that the repository's file leaves out
// (tolerance.paths_only), and reports whether that is so. A required check has its answer at once, whether CI runs or not. There is
// no comment; one from an earlier head is corrected.
func (l *look) touchesNothing() (bool, error) {
	globs := l.cfg.Tolerance.PathsOnly
	if len(globs) == 0 {
		return false, nil
	}
	changed, err := l.changes()
	if err != nil || !changed.all || !onlyUnder(globs, changed.files) {
		return false, err
	}
	if stale, err := l.stale(); stale || err != nil {
		return true, err
	}
	e := &sizediff.Evaluation{Policy: l.cfg.Policy(), Provenance: l.provenance(), Targets: []sizediff.TargetResult{{Problem: &sizediff.Problem{
		Kind: sizediff.ProblemNotMeasured, Reason: "only files changed that tolerance.paths_only leaves out",
	}}}}
	_, since, err := l.storeEvaluation(e, nil)
	if err != nil {
		return true, ignoreSuperseded(err)
	}
	var patterns []string
	for _, g := range globs {
		patterns = append(patterns, codeSpan(g))
	}
	err = l.putCheck(gh.Check{
		Status: "completed", Conclusion: "success", Title: "Not measured: only files changed that tolerance.paths_only leaves out",
		Summary: fmt.Sprintf("Files changed: %d. Each fits a pattern of `tolerance.paths_only` in the repository file: %s.", len(changed.files), strings.Join(patterns, ", ")),
	})
	if err != nil {
		return true, err
	}
	_, exists, err := l.knownComment(endsWith(l.signer.marker(l.repo, l.pr.Number, l.cfg.Comment.Header)))
	if err != nil || !exists {
		return true, err
	}
	return true, l.publishComment(e, since)
}

// onlyUnder reports whether there are changed files and a pattern fits each, also under the name that it had before.
func onlyUnder(globs []string, files []gh.File) bool {
	fits := func(path string) bool {
		return slices.ContainsFunc(globs, func(g string) bool { return sizediff.MatchPath(g, path) })
	}
	return len(files) > 0 && !slices.ContainsFunc(files, func(f gh.File) bool {
		return !fits(f.Path) || f.Previous != "" && !fits(f.Previous)
	})
}
