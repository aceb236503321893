package config

import "github.com/oxidometer/oxidometer/sizediff"

// Target returns the target of that name; nil when the file lists none of it.
func (r *Repo) Target(name string) *Target {
	for i := range r.Targets {
		if r.Targets[i].Name == name {
			return &r.Targets[i]
		}
	}
	return nil
}

// Linked reports whether report pages can be opened. There are no accounts, so authenticated is nobody.
func (r Report) Linked() bool { return r.Link == LinkPublic }

// Selection is what of a build of a target is judged. For a name that the file does not list that is all of it.
func (r *Repo) Selection(target string) sizediff.Selection {
	s := sizediff.Selection{Instantiating: r.Attribution == AttributeInstantiating}
	t := r.Target(target)
	if t == nil {
		return s
	}
	s.Opaque = t.Kind == KindOpaque
	for _, f := range t.Files {
		s.Files = append(s.Files, sizediff.FileRule{Path: f.Path, Opaque: f.Kind == KindOpaque || s.Opaque, Group: f.Group})
	}
	return s
}
