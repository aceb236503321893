package source

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// cleanName makes a label of a name in an archive: "./x//vmlinux" becomes "x/vmlinux". It refuses every name that a
// careless program could be led astray by, although nothing here is opened or created by it.
func (b *Build) cleanName(name string) (string, error) {
	const remedy = "pack it again with names relative to one directory"
	switch {
	case len(name) > b.lim.NameBytes:
		return "", b.fail(name, &Error{
			Problem: fmt.Sprintf("has a name of more than %d bytes", b.lim.NameBytes), Remedy: "use shorter names", Err: ErrLimit,
		})
	case name == "":
		return "", b.refuse(name, "has no name", remedy)
	case strings.ContainsRune(name, 0):
		return "", b.refuse(name, "has a NUL in its name", remedy)
	case strings.Contains(name, `\`):
		return "", b.refuse(name, "has a backslash in its name", "pack it again with forward slashes")
	case name[0] == '/', hasDrive(name):
		return "", b.refuse(name, "has an absolute name", remedy)
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "", b.refuse(name, "has a name that leaves the archive", remedy)
	}
	return path.Clean(name), nil
}

func hasDrive(name string) bool {
	return len(name) >= 2 && name[1] == ':' && (name[0]|0x20) >= 'a' && (name[0]|0x20) <= 'z'
}

// isTarName says whether a member of a zip is taken for a tar.
func isTarName(name string) bool {
	base := strings.TrimSuffix(name, codecBySuffix(name).suffix())
	return strings.HasSuffix(base, ".tar") || slices.Contains([]string{".tgz", ".txz", ".tzst"}, path.Ext(name))
}
