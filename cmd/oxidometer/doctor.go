package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/oxidometer/oxidometer/bot/doctor"
)

type doctorCommand struct {
	Format string `short:"f" enum:"text,json" default:"text" help:"Form of the report: text or json."`
	serverSettings
}

func (*doctorCommand) Help() string {
	return `Checks settings, GitHub's view of the App, the way of webhooks, database and measuring, with the settings of serve. One line
for each check: ok, warn or fail, what was looked at, what was found, what to do.

Examples:

    oxidometer doctor --config oxidometer-app/serve.yml
    oxidometer doctor --config oxidometer-app/serve.yml --format json

Exit codes: 0 nothing failed, 1 a check failed, 2 bad usage.`
}

func (c *doctorCommand) Run(a *app) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program cannot find itself, which it must start to measure: %w", err)
	}
	ctx, stop := a.untilSignal()
	defer stop()
	report := doctor.Run(ctx, doctor.Options{Server: c.Server, Self: self})
	text := report.Text()
	if c.Format == "json" {
		if text, err = report.JSON(); err != nil {
			return err
		}
	}
	if err := a.print(text); err != nil {
		return err
	}
	if n := report.Failed(); n > 0 {
		return &checksError{n}
	}
	return nil
}

// checksError ends a doctor who found something. It comes with output.
type checksError struct{ count int }

func (e *checksError) Error() string {
	return plural(e.count, "check") + " failed; the report says what to do"
}

// doctorTakesAll lets the doctor run without settings that the server cannot do without: it says which they are.
func doctorTakesAll(k *kong.Kong) error {
	for _, command := range k.Model.Children {
		if command.Name == "doctor" {
			for _, flag := range command.Flags {
				flag.Required = false
			}
		}
	}
	return nil
}
