package sizediff

import (
	"cmp"
	"slices"
)

// textChanges gathers differences that are only text, the same one in many images once.
type textChanges struct{ byKey map[textKey]*TextChange }

// textKey is one text that changed in one way.
type textKey struct{ what, base, head string }

// compare notes the texts that differ between two versions of an image.
func (t *textChanges) compare(path string, base, head *Image) {
	for _, p := range pairByKey(base.Texts, head.Texts, func(x Text) string { return x.What }) {
		var b, h Text
		if p.base != nil {
			b = *p.base
		}
		if p.head != nil {
			h = *p.head
		}
		if b == h {
			continue
		}
		key := textKey{cmp.Or(b.What, h.What), b.Value, h.Value}
		if key.what == textSources && (b.Value == "" || h.Value == "" || b.Value == h.Value) {
			continue // the path is as it was; there are more or fewer places that name it
		}
		if key.what == textBuildID {
			key.base, key.head = "", "" // different in every image
		}
		t.add(key, path, h.Size-b.Size)
	}
}

func (t *textChanges) add(key textKey, path string, delta int64) {
	if t.byKey == nil {
		t.byKey = map[textKey]*TextChange{}
	}
	c := t.byKey[key]
	if c == nil {
		c = &TextChange{What: key.what, Base: key.base, Head: key.head}
		t.byKey[key] = c
	}
	c.Images = append(c.Images, path)
	c.Delta += delta
}

func (t *textChanges) list() []TextChange {
	out := []TextChange{}
	for _, c := range t.byKey {
		slices.Sort(c.Images)
		out = append(out, *c)
	}
	byDelta(out, func(c *TextChange) (int64, []string) { return c.Delta, []string{c.What, c.Base, c.Head} })
	return out
}

// textOnly reports whether two versions of an image differ in allocated sections, and only in the texts there. Sections
// are paired in order of name.
func textOnly(base, head *Image) bool {
	found := false
	for _, p := range pairByKey(allocated(base), allocated(head), func(s Section) string { return s.Name }) {
		switch {
		case p.base == nil || p.head == nil || p.base.Kind != p.head.Kind:
			return false
		case p.base.Content == p.head.Content && p.base.Size == p.head.Size:
		case p.base.Rest != p.head.Rest || p.base.Rest == p.base.Content || p.head.Rest == p.head.Content:
			return false
		default:
			found = true
		}
	}
	return found
}

func allocated(im *Image) []Section {
	var out []Section
	for _, s := range im.Sections {
		if s.Kind != Unloaded {
			out = append(out, s)
		}
	}
	return out
}
