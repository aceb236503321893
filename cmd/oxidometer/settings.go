package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/oxidometer/oxidometer/config"
)

// serverSettings are the settings of the server, and the file that can hold them. Flags win over the environment, and both
// win over the file.
type serverSettings struct {
	Config settingsFile `short:"c" placeholder:"FILE" help:"File with settings, as oxidometer setup writes it." env:"OXIDOMETER_CONFIG"`
	config.Server
}

// settingsFile is the name of a file with settings, one key for each flag.
type settingsFile string

// BeforeResolve makes kong look settings up in the file. f is set when the name comes from the environment; then kong calls
// for every command that has the flag.
func (f settingsFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	if node := ctx.Selected(); node == nil || !slices.Contains(node.Flags, trace.Flag) {
		return nil
	}
	name := f
	if given, ok := ctx.FlagValue(trace.Flag).(settingsFile); ok && given != "" {
		name = given
	}
	if name == "" {
		return nil
	}
	data, err := os.ReadFile(string(name))
	if err != nil {
		cause := err
		if p, ok := errors.AsType[*fs.PathError](err); ok {
			cause = p.Err
		}
		return fmt.Errorf("--config %s: cannot be read: %w; name a file with settings, oxidometer setup writes one", name, cause)
	}
	settings, err := config.ParseSettings(string(name), data)
	if err != nil {
		return err
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		return lookUp(settings, flag), nil
	}))
	return nil
}

// lookUp returns the file's value of a flag, nil when it has none or the environment has one.
func lookUp(settings map[string][]string, flag *kong.Flag) any {
	values := settings[flag.Name]
	for _, env := range flag.Envs {
		if _, ok := os.LookupEnv(env); ok {
			return nil
		}
	}
	switch {
	case len(values) == 0:
		return nil
	case !flag.IsSlice():
		return values[0]
	}
	list := make([]any, len(values)) // as a list, so that nothing in a value separates
	for i, v := range values {
		list[i] = v
	}
	return list
}
