//go:build !linux

package intake

import (
	"errors"
	"io/fs"
	"os"
)

func lockDir(string, bool) (*os.File, error) { return nil, errors.ErrUnsupported }

// ours cannot tell; the directory for temporary files is one's own on most of these systems, and removing fails otherwise.
func ours(fs.FileInfo) bool { return true }
