package rustname

import "strings"

// itemRoot returns the path of the outermost item: the last path before the
// outermost closure, shim or other compiler-made part, if there is one.
func (t *tree) itemRoot() ref {
	item := t.root
	t.spine(func(id ref) {
		if isUpper(t.nodes[id].aux) {
			item = t.child(id, 0)
		}
	})
	return item
}

// spine visits the nested segments of the item's path, last first, down to
// its crate or impl, which it returns.
func (t *tree) spine(segment func(id ref)) (end ref) {
	id := t.root
	for {
		switch t.nodes[id].tag {
		case 'N':
			segment(id)
		case 'I':
		default:
			return id
		}
		id = t.child(id, 0)
	}
}

// impl returns the impl, or the trait's own scope, that the item is in.
func (t *tree) impl() (id ref, ok bool) {
	id = t.spine(func(ref) {})
	return id, t.nodes[id].tag != 'C'
}

func (t *tree) closures() []uint64 {
	var index []uint64
	t.spine(func(id ref) {
		if n := &t.nodes[id]; n.aux == 'C' {
			index = append([]uint64{n.num}, index...)
		}
	})
	return index
}

func (t *tree) shim() string {
	kind := ""
	t.spine(func(id ref) {
		if n := &t.nodes[id]; n.aux == 'S' && kind == "" {
			if kind = t.identifier(n); kind == "" {
				kind = "shim"
			}
		}
	})
	return kind
}

// modulePath collects the module segments that follow the crate.
func (t *tree) modulePath() string {
	var segments []*node // last first
	id := t.itemRoot()
	own := true // the first segment is the item itself
	for t.nodes[id].tag != 'C' {
		n := &t.nodes[id]
		switch n.tag {
		case 'N':
			if own {
				own = false
			} else {
				segments = append(segments, n)
			}
			id = t.child(id, 0)
		case 'M', 'X':
			segments, own = segments[:0], false
			id = t.child(id, 0)
		case 'Y':
			segments, own = segments[:0], true // the trait
			id = t.child(id, 1)
		default:
			id = t.child(id, 0)
		}
	}
	var path strings.Builder
	path.WriteString(t.identifier(&t.nodes[id]))
	for i := len(segments) - 1; i >= 0; i-- {
		name := t.identifier(segments[i])
		if segments[i].aux != 't' || !isModuleName(name) || path.Len() > MaxPrinted {
			break
		}
		path.WriteString("::")
		path.WriteString(name)
	}
	return path.String()
}

// isModuleName reports whether a type-namespace segment is a module rather
// than a type or trait, by its first letter.
func isModuleName(s string) bool {
	s = strings.TrimLeft(s, "_")
	return s == "" || !isUpper(s[0])
}
