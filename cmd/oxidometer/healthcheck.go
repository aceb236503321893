package main

import (
	"fmt"
	"net/http"
	"time"
)

type healthcheckCommand struct {
	URL string `arg:"" default:"http://127.0.0.1:8080/readyz" help:"Page to ask."`
}

func (*healthcheckCommand) Help() string {
	return `Asks a running server whether it is ready: for container health checks, which have no other program at hand.

Examples:

    oxidometer healthcheck
    oxidometer healthcheck http://127.0.0.1:9000/readyz`
}

func (c *healthcheckCommand) Run(a *app) error {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(c.URL)
	if err != nil {
		return fmt.Errorf("%s: no answer: %w; is the server running?", c.URL, err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: answers %s; the server's log says why", c.URL, resp.Status)
	}
	return nil
}
