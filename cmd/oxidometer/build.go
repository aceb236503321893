package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// measure measures builds side by side. Images that several of them hold are measured once, and examined; examine may be nil. With
// several errors, the first build's is returned.
func (a *app) measure(examine sizediff.Examiner, names ...string) ([]*sizediff.Measurement, error) {
	return a.measureWith(sizediff.MeasureOptions{Examine: examine}, source.DefaultLimits(), names...)
}

// measureWith is measure with options of which Cache and Progress are its own, within limits.
func (a *app) measureWith(options sizediff.MeasureOptions, limits source.Limits, names ...string) ([]*sizediff.Measurement, error) {
	builds := make([]*source.Build, len(names))
	files := 0
	for i, name := range names {
		b, err := source.Open(name, limits)
		if err != nil {
			return nil, err
		}
		defer b.Close()
		builds[i] = b
		files += len(b.Files)
	}
	tuneMemory(files)
	var (
		cache   sizediff.Cache
		wait    sync.WaitGroup
		results = make([]*sizediff.Measurement, len(names))
		errs    = make([]error, len(names))
	)
	p := a.startProgress()
	measure := func(i int) {
		o := options
		o.Cache, o.Progress = &cache, p.of(fmt.Sprint(i))
		results[i], errs[i] = sizediff.Measure(builds[i], o)
	}
	for i, b := range builds {
		if isMeasurement(b) { // decoded first: what it knows need not be measured again, unless somebody looks further
			if measure(i); errs[i] == nil && options.Examine == nil {
				cache.Add(results[i])
			}
			options.Portable = true
		}
	}
	for i, b := range builds {
		if !isMeasurement(b) {
			wait.Go(func() { measure(i) })
		}
	}
	wait.Wait()
	p.end()
	for i := range names {
		if errs[i] != nil {
			return nil, errs[i]
		}
		results[i].Label = names[i]
	}
	return results, nil
}

// isMeasurement reports whether a build is a measurement by itself.
func isMeasurement(b *source.Build) bool {
	return b.Single && b.Files[0].Kind == source.Measurement
}

// readPolicy reads a repository file; "" is the default policy.
func readPolicy(name string) (sizediff.Policy, error) {
	if name == "" {
		return sizediff.LinuxKernel(), nil
	}
	r, err := readRepo(name)
	if err != nil {
		return sizediff.Policy{}, err
	}
	return r.Policy(), nil
}

// rules are what a repository file says about one comparison.
type rules struct {
	policy sizediff.Policy
	file   string // "" for none
	target string // "" for none
	sizediff.Selection
}

// readRules reads a repository file, "" for none, and takes its only target or the one that is named. Of several one has to be
// named, because budgets are by target. Where the file lists none, the whole of the builds is compared.
func readRules(file, target string) (rules, error) {
	if file == "" && target != "" {
		return rules{}, fmt.Errorf("--target %s: there is no repository file to take it from; give one with --config", target)
	}
	if file == "" {
		return rules{policy: sizediff.LinuxKernel()}, nil
	}
	r, err := readRepo(file)
	if err != nil {
		return rules{}, err
	}
	var names []string
	for _, t := range r.Targets {
		names = append(names, t.Name)
	}
	switch {
	case target == "" && len(names) == 1:
		target = names[0]
	case target == "" && len(names) > 1:
		return rules{}, fmt.Errorf("%s: lists %d targets, and it is not said of which the builds are; name it with --target, one of %s",
			file, len(names), strings.Join(names, ", "))
	case target != "" && names == nil:
		return rules{}, fmt.Errorf("--target %s: %s lists no targets; leave the flag out", target, file)
	case target != "" && r.Target(target) == nil:
		return rules{}, fmt.Errorf("--target %s: %s has no such target; use one of %s", target, file, strings.Join(names, ", "))
	}
	return rules{r.Policy(), file, target, r.Selection(target)}, nil
}

// selected is the part of a build that is compared.
func (r rules) selected(m *sizediff.Measurement) (*sizediff.Measurement, error) {
	part, err := m.Select(r.Selection)
	if err != nil {
		return nil, fmt.Errorf("%s: %w, but %s lists that for target %s; give a build that has it, or correct the list", m.Label, err, r.file, r.target)
	}
	return part, nil
}

func readRepo(name string) (*config.Repo, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, inputError(name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, config.MaxFileSize+1))
	if err != nil {
		return nil, inputError(name, err)
	}
	return config.ParseRepo(name, data)
}

// inputError says why a file cannot be read, and what to do.
func inputError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: does not exist; check the path", name)
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("%s: cannot be read: %w; name a readable file", name, err)
}
