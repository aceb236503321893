package insight

import (
	"crypto/sha256"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// comparison is the functions of an image and which of them are identical. Folding, tails and outlining start from it.
type comparison struct {
	*program
	bodies []body  // by function
	class  []int32 // by function: identical ones have the same

	judged, notJudged uint64 // bytes of the functions in scope that can be compared, and of the others
}

// body is what a function consists of.
type body struct {
	class int32         // of those with the same code but for the functions it refers to; -1 when that is not known
	refs  []functionRef // to functions, in order
}

type functionRef struct {
	function int32
	at       uint64
}

func newComparison(im *elfmap.Image, owners *elfmap.Map, scope Scope) (*comparison, error) {
	p, err := newProgram(im, owners, scope)
	if err != nil {
		return nil, err
	}
	c := &comparison{program: p}
	if c.bodies, err = p.readBodies(); err != nil {
		return nil, err
	}
	c.class = foldable(c.bodies, func(int) bool { return true })
	for i, f := range p.functions {
		switch {
		case !f.chosen:
		case c.bodies[i].class >= 0:
			c.judged += f.bytes()
		default:
			c.notJudged += f.bytes()
		}
	}
	for i := range im.Sections {
		if s := &im.Sections[i]; im.Stripped && s.Alloc() && s.Exec() && !s.Nobits() {
			c.notJudged += s.Size // whatever functions it holds
		}
	}
	return c, nil
}

// readBodies reads the code of the functions in scope.
func (p *program) readBodies() ([]body, error) {
	out := make([]body, len(p.functions))
	classes := map[[sha256.Size]byte]int32{}
	var window *elfmap.Window
	section := -1
	r := reader{program: p}
	for i := range p.functions {
		f := &p.functions[i]
		if out[i].class = -1; !f.chosen {
			continue
		}
		if f.section != section {
			section, window = f.section, p.im.Window(f.section)
		}
		code, err := window.Bytes(f.start, f.end)
		if err != nil {
			return nil, err
		}
		ok, err := r.read(f, int32(i), code)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		digest := sha256.Sum256(r.plain)
		class, known := classes[digest]
		if !known {
			class = int32(len(classes))
			classes[digest] = class
		}
		out[i] = body{class, slices.Clone(r.refs)}
	}
	return out, nil
}
