package sizediff

import (
	"slices"
	"strings"
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
		key := textKey{b.What + h.What, b.Value, h.Value}
		if p.base != nil && p.head != nil {
			key.what = b.What
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

// textOnly reports whether every allocated section that differs holds a text that differs, and differs in size only as
// much as the texts do. Sections are paired in order of name; symbol tables follow and are not judged.
func textOnly(base, head *Image) bool {
	if base == nil || head == nil {
		return false
	}
	delta := map[string]int64{}
	for _, p := range pairByKey(base.Texts, head.Texts, func(x Text) string { return x.What }) {
		if p.base == nil || p.head == nil {
			return false
		}
		if *p.base != *p.head {
			delta[p.head.Section] += p.head.Size - p.base.Size
		}
	}
	for _, p := range pairByKey(allocated(base), allocated(head), func(s Section) string { return s.Name }) {
		if p.base == nil || p.head == nil {
			return false
		}
		if p.base.Content == p.head.Content && p.base.Size == p.head.Size {
			continue
		}
		d, hasText := delta[p.head.Name]
		if !hasText || int64(p.head.Size)-int64(p.base.Size) != d {
			return false
		}
	}
	return len(delta) > 0
}

func allocated(im *Image) []Section {
	var out []Section
	for _, s := range im.Sections {
		if s.Kind != Unloaded && !strings.HasPrefix(s.Name, ".rela.") {
			out = append(out, s)
		}
	}
	return out
}
