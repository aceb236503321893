package sizediff

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"

	"github.com/oxidometer/oxidometer/sizediff/source"
)

// ManifestSchema names the form of a manifest.json that ParseManifest reads.
const ManifestSchema = "oxidometer.manifest/1"

// Manifest is what CI says about a build. It is a claim: whoever decides something by it has it confirmed first. The zero value is
// the manifest of a build whose manifest.json cannot be understood.
type Manifest struct {
	SHA     string   `json:"commit"`                // that was built; its full name
	Tree    string   `json:"tree,omitempty"`        // of that commit; "" if not known
	Parents []string `json:"parents,omitempty"`     // of that commit, in order; none if not known
	Run     int64    `json:"run_id,omitempty"`      // of the workflow; 0 if not known
	Attempt int64    `json:"run_attempt,omitempty"` // of the run; 0 if not known
	Target  string   `json:"target,omitempty"`      // what its makers call the build
}

const (
	maxParents = 100 // the kernel's history has a merge of 66
	maxTarget  = 100 // bytes
)

var errNoManifest = errors.New("is no manifest of ours")

// ParseManifest reads a manifest.json. Keys that it does not know are left alone. The error says what to do.
func ParseManifest(data []byte) (*Manifest, error) {
	var file struct {
		Schema string `json:"schema"`
		Manifest
	}
	err := json.Unmarshal(data, &file)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil, wrongType(wrong)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be read as JSON of a manifest: %w; write %q and %q at least", err, "schema", "commit")
	}
	if file.Schema != ManifestSchema {
		return nil, fmt.Errorf("%w: its schema is not %s; give it that one", errNoManifest, ManifestSchema)
	}
	if err := file.Check(); err != nil {
		return nil, err
	}
	return &file.Manifest, nil
}

// wrongType says which key has a value that it cannot have, in the words of the file.
func wrongType(e *json.UnmarshalTypeError) error {
	key := e.Field[strings.LastIndexByte(e.Field, '.')+1:]
	value, _, _ := strings.Cut(e.Value, " ") // of a number, the number follows
	is := map[string]string{"string": "text", "number": "this number", "bool": "true or false", "array": "a list", "object": "an object"}[value]
	want := "text"
	switch {
	case key == "":
		key, want = "the manifest", "an object"
	case key == "parents":
		want = "a list of SHAs"
	case e.Type.Kind() == reflect.Int64:
		want = "a whole number"
	case value == "number":
		is = "a number"
	}
	return fmt.Errorf("%s cannot be %s; write %s", key, is, want)
}

// objectID is the form of a full name of a commit or tree.
var objectID = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// Check says what is not of the right form, and what to do. The zero value is not: it names no commit.
func (m *Manifest) Check() error {
	id := func(key, value string) error {
		if !objectID.MatchString(value) {
			return fmt.Errorf("%s is no full SHA; write all of its 40 or 64 digits", key)
		}
		return nil
	}
	err := id("commit", m.SHA)
	if m.Tree != "" {
		err = errors.Join(err, id("tree", m.Tree))
	}
	for _, p := range m.Parents {
		err = errors.Join(err, id("a parent", p))
	}
	switch {
	case err != nil:
		return err
	case len(m.Parents) > maxParents:
		return fmt.Errorf("a commit with more than %d parents; leave the parents out", maxParents)
	case m.Run < 0 || m.Attempt < 0:
		return errors.New("the number of the run is negative; write it as GitHub does")
	case len(m.Target) > maxTarget || strings.ContainsFunc(m.Target, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }):
		return fmt.Errorf("the target's name is not printable, or longer than %d bytes; write a shorter one", maxTarget)
	}
	return nil
}

// understood reports whether m can be stored: it is well formed, or the zero value.
func (m *Manifest) understood() bool {
	return m.Check() == nil || m.SHA == "" && m.Tree == "" && len(m.Parents) == 0 && m.Run == 0 && m.Attempt == 0 && m.Target == ""
}

// readManifest reads the manifest of a build. A file of another program's is none, and counts by size only.
func (m *Measurement) readManifest(b *source.Build, f *source.File) error {
	text, err := readText(b, f)
	if err != nil {
		return err
	}
	m.Manifest, err = ParseManifest(text)
	switch {
	case errors.Is(err, errNoManifest):
		m.Opaque = append(m.Opaque, OpaqueFile{f.Path, f.Size})
	case err != nil:
		m.Manifest = new(Manifest) // there is one, but it says nothing; the build is measured all the same
	}
	return nil
}

func (e *encoder) manifest(m *Manifest) {
	e.str(m.SHA)
	e.str(m.Tree)
	e.list(m.Parents)
	e.num(uint64(m.Run))
	e.num(uint64(m.Attempt))
	e.str(m.Target)
}

func (d *decoder) manifest() *Manifest {
	const number = 1 << 63
	m := &Manifest{SHA: d.str(), Tree: d.str(), Parents: d.list(), Run: int64(d.max(number)), Attempt: int64(d.max(number)), Target: d.str()}
	if !m.understood() {
		d.fail()
	}
	return m
}
