package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

type versionCommand struct{}

func (*versionCommand) Help() string {
	return `Example:

    oxidometer version`
}

func (*versionCommand) Run(a *app) error {
	info, _ := debug.ReadBuildInfo()
	return a.print(version(info))
}

// version describes a build of this program. The info may be nil.
func version(info *debug.BuildInfo) string {
	release, commit := "unknown", ""
	if info != nil {
		release = info.Main.Version
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		commit = settings["vcs.revision"]
		if at := settings["vcs.time"]; at != "" && commit != "" {
			commit += " of " + at
		}
		if settings["vcs.modified"] == "true" {
			commit += ", modified"
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "oxidometer %s\n", release)
	if commit != "" {
		fmt.Fprintf(&b, "commit %s\n", commit)
	}
	fmt.Fprintf(&b, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return b.String()
}
