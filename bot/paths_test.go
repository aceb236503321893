package bot

import (
	"testing"

	"github.com/oxidometer/oxidometer/bot/gh"
)

func TestOnlyUnder(t *testing.T) {
	globs := []string{"Documentation/**", "*.md"}
	for _, test := range []struct {
		name  string
		files []gh.File
		want  bool
	}{
		{"nothing changed", nil, false},
		{"one of each", []gh.File{{Path: "Documentation/a/b.rst"}, {Path: "README.md"}}, true},
		{"* stays in its folder", []gh.File{{Path: "rust/README.md"}}, false},
		{"another file too", []gh.File{{Path: "README.md"}, {Path: "rust/lib.rs"}}, false},
		{"a file that looks like the folder", []gh.File{{Path: "Documentation.c"}}, false},
		{"renamed within", []gh.File{{Path: "Documentation/a", Previous: "a.md"}}, true},
		{"code that was moved there", []gh.File{{Path: "Documentation/a.c", Previous: "mm/a.c"}}, false},
	} {
		if got := onlyUnder(globs, test.files); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}
