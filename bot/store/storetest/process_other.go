//go:build !linux

package storetest

import "os/exec"

func giveAway(string) error                 { return nil }
func unprivileged(*exec.Cmd)                {}
func startUnprivileged(cmd *exec.Cmd) error { return cmd.Start() }
