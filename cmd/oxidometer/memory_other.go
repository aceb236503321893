//go:build !linux

package main

// preferHugePages is for Linux only.
func preferHugePages(int) {}
