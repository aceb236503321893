//go:build !linux

package intake

import "errors"

// Confine cannot confine anything on this system.
func Confine(input, output string) error { return errors.ErrUnsupported }
