package main

import (
	"fmt"
	"os"

	"github.com/oxidometer/oxidometer/bot/demo"
)

type demoCommand struct {
	Listen   string `default:"127.0.0.1:0" help:"Address of the pages; port 0 takes a free one."`
	LogLevel string `enum:"debug,info,warning,error" default:"warning" help:"debug, info, warning or error."`
}

func (*demoCommand) Help() string {
	return `Starts a GitHub of its own on this machine, with pull requests whose builds are real, and the App beside it.
Needs no account and no network, and leaves nothing behind. Ctrl-C ends it.

Examples:

    oxidometer demo
    oxidometer demo --listen 127.0.0.1:8080`
}

func (c *demoCommand) Run(a *app) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program cannot find itself, which it must start to measure: %w", err)
	}
	ctx, stop := a.untilSignal()
	defer stop()
	return demo.Run(ctx, demo.Options{
		Listen: c.Listen, Self: self, Log: newLogger(c.LogLevel, "text", a.stderr),
		Ready: func(url string) { fmt.Fprintf(a.stdout, "Look at %s\nCtrl-C ends the demo.\n", url) },
	})
}
