package source

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// readDir lists a directory tree. It reads no file except the first bytes of those whose names do not tell their
// kind. Symbolic links are not followed; version control is skipped.
func (b *Build) readDir(name string) error {
	b.noun = "file"
	root, err := os.OpenRoot(name)
	if err != nil {
		return err
	}
	b.closers = append(b.closers, root)
	entries := 0
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return b.fail(name, err)
		}
		if entries++; entries > b.lim.DirEntries {
			return b.lim.tooMany(b.lim.DirEntries)
		}
		switch {
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			b.Ignored++
			return nil
		}
		if err := b.addDirFile(root, name, d); err != nil {
			return b.fail(name, err)
		}
		return nil
	})
}

func (b *Build) addDirFile(root *os.Root, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	open := func() (*Content, error) { return openFile(root, name) }
	kind, c, sure := b.classify(name, info.Size())
	if !sure && info.Size() >= int64(len(elfMagic)) {
		if kind, err = sniff(open, kind); err != nil {
			return err
		}
	}
	return b.add(File{name: filepath.ToSlash(name), Kind: kind, Size: info.Size(), codec: c, packed: info.Size(), stored: open})
}

func openFile(root *os.Root, name string) (*Content, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	c := newFileContent(f, info.Size())
	c.close = f.Close
	return c, nil
}

func sniff(open func() (*Content, error), fallback Kind) (Kind, error) {
	c, err := open()
	if err != nil {
		return fallback, err
	}
	defer c.Close()
	var head [sniffBytes]byte
	n, err := c.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return fallback, err
	}
	return kindOf(head[:n], fallback), nil
}
