package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oxidometer/oxidometer/config"
)

type configCommand struct {
	Check configCheckCommand `cmd:"" help:"Check a repository file."`
}

type configCheckCommand struct {
	File string `arg:"" optional:"" default:".github/oxidometer.yml" help:"Repository file (default: ${default})."`
}

func (*configCheckCommand) Help() string {
	return `All that is wrong with the form of the file is shown at once, with its place; then all that
is wrong with its values.

Examples:

    oxidometer config check
    oxidometer config check oxidometer.yml`
}

func (c *configCheckCommand) Run(a *app) error {
	r, err := readRepo(c.File)
	if faults, ok := errors.AsType[config.Faults](err); ok {
		if err := a.print(faults.Error() + "\n\n"); err != nil {
			return err
		}
		return fmt.Errorf("%s: %s; correct the file as shown", c.File, plural(len(faults), "fault"))
	}
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, w := range r.Warnings {
		b.WriteString(w.Detail() + "\n")
	}
	fmt.Fprintf(&b, "%s: good: preset %s, %s, %s, %s, %s\n", c.File, r.Preset,
		plural(len(r.Policy().Buckets), "bucket"), plural(len(r.Budgets), "budget"), plural(len(r.Ratchets), "ratchet"), plural(len(r.Targets), "target"))
	return a.print(b.String())
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
