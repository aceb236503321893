package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

const (
	keyFile      = "app.pem"
	secretFile   = "webhook-secret"
	settingsFile = "serve.yml"
)

// files are those that Run leaves behind. They become visible whole, the settings last.
type files struct {
	dir    string
	force  bool
	made   bool   // the folder is ours
	spare  string // a folder inside, for what is not complete
	stored bool
}

// prepareFiles makes the folder and finds out whether the files can be written: an App whose key cannot be stored is lost.
func prepareFiles(dir string, force bool) (*files, error) {
	f := &files{dir: dir, force: force}
	_, err := os.Lstat(dir)
	f.made = errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("--dir %s: cannot be made: %w; choose another folder", dir, cause(err))
	}
	for _, name := range []string{keyFile, secretFile, settingsFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil && !force {
			return nil, fmt.Errorf("%s: exists and may hold another App's credentials; choose another --dir, or replace it with --force", filepath.Join(dir, name))
		}
	}
	if f.spare, err = os.MkdirTemp(dir, ".setup-"); err != nil {
		return nil, fmt.Errorf("--dir %s: cannot be written to: %w; choose another folder", dir, cause(err))
	}
	return f, nil
}

// store writes the credentials and the settings.
func (f *files) store(o Options, s site, app created) error {
	contents := []struct{ name, text string }{
		{keyFile, app.PEM}, {secretFile, app.WebhookSecret + "\n"}, {settingsFile, settings(o, s, app)},
	}
	for _, c := range contents {
		if err := writeSynced(filepath.Join(f.spare, c.name), c.text); err != nil {
			return err
		}
	}
	for _, c := range contents {
		if err := f.publish(c.name); err != nil {
			return err
		}
	}
	f.stored = true
	return syncDir(f.dir)
}

func writeSynced(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// publish moves a file to its place, over nothing unless that was asked for.
func (f *files) publish(name string) error {
	from, to := filepath.Join(f.spare, name), filepath.Join(f.dir, name)
	if !f.force {
		err := os.Link(from, to)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return err
		}
		if _, err := os.Lstat(to); err == nil { // no links on this file system
			return fs.ErrExist
		}
	}
	return os.Rename(from, to)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	d.Sync() // not every file system can
	return d.Close()
}

// discard removes what is not complete.
func (f *files) discard() {
	os.RemoveAll(f.spare)
	if f.made && !f.stored {
		os.Remove(f.dir) // if it is empty
	}
}

// settings is the file for `serve --config`.
func settings(o Options, s site, app created) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Settings of oxidometer serve for the GitHub App %s.\n", printable(app.Name))
	b.WriteString("# Files are relative to this one. Flags and OXIDOMETER_ variables win over it; oxidometer serve --help lists them all.\n\n")
	fmt.Fprintf(&b, "app-id: %d\nprivate-key: %s\nwebhook-secret: \"@%s\"\n", app.ID, keyFile, secretFile)
	if s.web.Host != "github.com" {
		fmt.Fprintf(&b, "github-url: %s\n", quote(s.api.String()))
	}
	fmt.Fprintf(&b, "public-url: %s\ndatabase: sqlite:oxidometer.db\n", quote(o.PublicURL))
	return b.String()
}

// quote writes a string so that YAML reads it back, whatever it holds.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // unreachable: strings can be marshalled
	}
	return string(b)
}

// printable is text from outside as part of one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// cause is an error of package os without the path, which the message names already.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
