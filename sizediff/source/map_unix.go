//go:build unix

package source

import (
	"os"
	"syscall"
)

// mapFile maps a file for reading, or returns nil.
func mapFile(f *os.File, size int) (data []byte, release func()) {
	data, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil
	}
	return data, func() { syscall.Munmap(data) }
}
