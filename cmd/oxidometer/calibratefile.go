package main

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// fileToSuggest is the repository file that gets the suggested budgets.
type fileToSuggest struct {
	name string // "" when there is none
	text string
	repo *config.Repo
}

func readFileToSuggest(name string) (fileToSuggest, error) {
	if name == "" {
		return fileToSuggest{text: "version: 1\n", repo: config.DefaultRepo()}, nil
	}
	repo, err := readRepo(name)
	if err != nil {
		return fileToSuggest{}, err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return fileToSuggest{}, inputError(name, err)
	}
	return fileToSuggest{name, string(text), repo}, nil
}

// with returns the file with the suggested budgets in place of those that they replace. Everything else in it stays, comments too.
// A file that is written in such a way that this does not work is an error: what comes out must say what is meant.
func (f fileToSuggest) with(c *sizediff.Calibration) (string, error) {
	given := f.repo.Policy().Budgets
	text := replaceBudgets(f.text, render.CalibrationBudgets(c, given))
	got, err := config.ParseRepo(f.name, []byte(text))
	if err != nil || !slices.EqualFunc(c.Applied(given), got.Policy().Budgets, sameBudget) || !reflect.DeepEqual(withoutBudgets(f.repo), withoutBudgets(got)) {
		return "", fmt.Errorf("%s: its budgets cannot be replaced, because they are not lines by themselves; write budgets: at the start of a line, and its entries below", f.name)
	}
	return text, nil
}

func sameBudget(a, b sizediff.Budget) bool {
	same := slices.Equal(a.Targets, b.Targets) && slices.Equal(a.Owners, b.Owners)
	a.Targets, a.Owners, b.Targets, b.Owners = nil, nil, nil, nil
	return same && reflect.DeepEqual(a, b)
}

func withoutBudgets(r *config.Repo) config.Repo {
	rest := *r
	rest.Budgets, rest.Warnings = nil, nil
	return rest
}

// replaceBudgets puts a block of lines in the place of the key budgets, or at the end when there is none.
func replaceBudgets(text, block string) string {
	lines := strings.SplitAfter(text, "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	} else {
		lines[last] += "\n"
	}
	from := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "budgets:") })
	if from < 0 {
		return strings.Join(lines, "") + "\n" + block
	}
	to := from + 1
	for i, l := range lines[to:] {
		if strings.TrimSpace(l) == "" || l[0] == '#' {
			continue // belongs to what follows
		}
		if l[0] != ' ' && l[0] != '-' {
			break
		}
		to = from + 1 + i + 1
	}
	if from > 0 && strings.HasPrefix(lines[from-1], render.CalibrationMark) { // of an earlier time
		from--
	}
	return strings.Join(slices.Replace(lines, from, to, block), "")
}
