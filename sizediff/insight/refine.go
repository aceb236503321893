package insight

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// foldable puts functions into classes: two are in the same class when their bodies are the same and what they refer to is
// of the same class, offset by offset. It is the coarsest such partition, so functions that call each other's twins are
// twins, recursive ones too. Functions that may not fold are each in a class of their own. Work grows with the number of
// references times the logarithm of the number of functions, however they are chained.
func foldable(bodies []body, may func(i int) bool) []int32 {
	r := refining{bodies: bodies, class: make([]int32, len(bodies)), users: make([][]int32, len(bodies))}
	r.begin(may)
	dirty := make([]int32, 0, len(bodies))
	for i := range bodies {
		if !r.lonely(int32(i)) {
			dirty = append(dirty, int32(i))
		}
	}
	for len(dirty) > 0 {
		dirty = r.split(dirty)
	}
	return r.class
}

type refining struct {
	bodies  []body
	class   []int32
	classes []class   // at first one of each function that may not fold, without a list
	users   [][]int32 // by function: those that refer to it and share a class
}

// class is a set of functions. Those that left it stay in the list until somebody looks at it.
type class struct {
	size int
	list []int32
}

func (r *refining) begin(may func(i int) bool) {
	known := map[int32]int32{}
	for i, b := range r.bodies {
		c, shared := int32(len(r.classes)), b.class >= 0 && may(i)
		if k, ok := known[b.class]; shared && ok {
			c = k
		} else {
			r.classes = append(r.classes, class{})
		}
		if shared {
			known[b.class] = c
		}
		r.class[i] = c
		r.classes[c].size++
		if shared {
			r.classes[c].list = append(r.classes[c].list, int32(i))
		}
	}
	for i, b := range r.bodies {
		if r.lonely(int32(i)) {
			continue
		}
		for _, x := range b.refs {
			r.users[x.function] = append(r.users[x.function], int32(i))
		}
	}
}

func (r *refining) lonely(i int32) bool { return r.classes[r.class[i]].size == 1 }

// split parts the classes of functions whose references are to be looked at, and returns those that this makes it necessary
// to look at again. All others refer to the same classes as before.
func (r *refining) split(dirty []int32) (next []int32) {
	slices.SortFunc(dirty, func(a, b int32) int { return cmp.Or(cmp.Compare(r.class[a], r.class[b]), cmp.Compare(a, b)) })
	dirty = slices.Compact(dirty)
	var moved [][]int32
	for from := 0; from < len(dirty); {
		c, to := r.class[dirty[from]], from
		for to < len(dirty) && r.class[dirty[to]] == c {
			to++
		}
		moved = append(moved, r.leaving(c, dirty[from:to])...)
		from = to
	}
	for _, part := range moved {
		for _, i := range part {
			r.classes[r.class[i]].size--
			r.class[i] = int32(len(r.classes))
			next = append(next, r.users[i]...)
		}
		r.classes = append(r.classes, class{len(part), part})
	}
	return slices.DeleteFunc(next, r.lonely)
}

// leaving returns the parts of a class that leave it: all but the largest. Members that are not dirty are one part.
func (r *refining) leaving(c int32, dirty []int32) [][]int32 {
	index := map[string]int{}
	var parts [][]int32
	largest := 0
	for _, i := range dirty {
		key := r.key(i)
		k, known := index[key]
		if !known {
			k = len(parts)
			index[key] = k
			parts = append(parts, nil)
		}
		if parts[k] = append(parts[k], i); len(parts[k]) > len(parts[largest]) {
			largest = k
		}
	}
	clean := r.classes[c].size - len(dirty)
	if clean >= len(parts[largest]) {
		return parts
	}
	stay := parts[largest]
	parts = slices.Delete(parts, largest, largest+1)
	if clean > 0 {
		parts = append(parts, slices.DeleteFunc(r.classes[c].list, func(i int32) bool {
			_, in := slices.BinarySearch(dirty, i)
			return in || r.class[i] != c
		}))
	}
	r.classes[c].list = slices.Clone(stay)
	return parts
}

// key is the classes that a function refers to.
func (r *refining) key(i int32) string {
	var b []byte
	for _, x := range r.bodies[i].refs {
		b = binary.AppendUvarint(b, uint64(r.class[x.function]))
		b = binary.AppendUvarint(b, x.at)
	}
	return string(b)
}

// groups lists the classes with two members or more, by their first, and their members in order.
func groups(class []int32) (out [][]int) {
	if len(class) == 0 {
		return nil
	}
	n := slices.Max(class) + 1
	size, place := make([]int32, n), make([]int32, n)
	for _, c := range class {
		size[c]++
	}
	for i, c := range class {
		if size[c] < 2 {
			continue
		}
		if place[c] == 0 {
			out = append(out, make([]int, 0, size[c]))
			place[c] = int32(len(out))
		}
		k := place[c] - 1
		out[k] = append(out[k], i)
	}
	return out
}
