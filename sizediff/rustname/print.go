package rustname

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A style is a set of deviations from the form of String.
type style uint8

const (
	hashes  style = 1 << iota // crate hashes, types of constants
	fold                      // the item's own arguments as "_"
	omit                      // with fold: argument lists left off
	key                       // what compilers differ in made equal
	noIndex                   // closures and shims without "#0"
)

// A printer walks the tree. The walk ends early when out is full; a step
// budget bounds walks that print next to nothing.
type printer struct {
	*tree
	style
	out    []byte
	steps  int
	bound  int   // lifetimes bound by the binders around
	folded []ref // arguments that fold replaced
}

func (p *printer) is(s style) bool { return p.style&s != 0 }

// print prints a path, type or constant.
func (t *tree) print(id ref, s style) string {
	p := printer{tree: t, style: s}
	p.node(id)
	if p.full() {
		p.out = append(p.out[:min(len(p.out), p.limit())], "..."...)
		return strings.ToValidUTF8(string(p.out), "")
	}
	return string(p.out)
}

// folded returns the arguments that Family replaces, lifetimes excluded.
func (t *tree) folded() []ref {
	p := printer{tree: t, style: fold}
	p.node(t.root)
	return p.folded
}

func (p *printer) node(id ref) {
	switch p.nodes[id].class {
	case pathNode:
		p.path(id, id == p.root || p.is(omit), p.is(fold))
	case typeNode:
		p.typ(id)
	case constNode:
		p.constant(id, false)
	}
}

func (p *printer) full() bool { return len(p.out) > p.limit() || p.steps > 4*p.limit() }

// limit is how many bytes of the name are printed. With back-references a short name can mean an endless one; those that
// compilers make are no more than five times as long as their symbols.
func (t *tree) limit() int { return min(MaxPrinted, 4096+16*len(t.sym)) }

func (p *printer) str(s string) { p.out = append(p.out, s...) }

// list prints nodes with separators between them.
func (p *printer) list(ids []ref, sep string, print func(ref)) {
	for i, id := range ids {
		if p.full() {
			return
		}
		if i > 0 {
			p.str(sep)
		}
		print(id)
	}
}

// path prints a path; in value position generic arguments follow a "::", as
// in an expression. If spine is set the path is the folded item's own.
func (p *printer) path(id ref, value, spine bool) {
	if p.steps++; p.full() {
		return
	}
	n := &p.nodes[id]
	kids := p.children(id)
	switch n.tag {
	case 'C':
		p.str(p.identifier(n))
		if p.is(hashes) && n.num != 0 {
			p.str("[")
			p.out = strconv.AppendUint(p.out, n.num, 16)
			p.str("]")
		}
	case 'N':
		p.path(kids[0], value, spine)
		p.segment(n)
	case 'M':
		p.str("<")
		p.self(kids[1], spine)
		p.str(">")
	case 'X', 'Y':
		p.str("<")
		if self := kids[len(kids)-2]; spine && n.tag == 'Y' {
			p.hole(self)
		} else {
			p.self(self, spine)
		}
		p.str(" as ")
		p.path(kids[len(kids)-1], false, spine)
		p.str(">")
	case 'I':
		p.path(kids[0], value, spine)
		p.arguments(kids[1:], value, spine)
	}
}

// segment prints the last segment of a nested path.
func (p *printer) segment(n *node) {
	name := p.identifier(n)
	switch {
	case isLower(n.aux) && name == "":
		return
	case isLower(n.aux):
		if p.is(key) && p.isDropInPlace(n) {
			name = "drop_glue"
		}
		p.str("::")
		p.str(name)
		return
	case n.aux == 'C':
		p.str("::{closure")
	case n.aux == 'S':
		p.str("::{shim")
	default:
		p.str("::{")
		p.out = append(p.out, n.aux)
	}
	if name != "" {
		p.str(":")
		p.str(name)
	}
	if !p.is(noIndex) {
		p.str("#")
		p.out = strconv.AppendUint(p.out, n.num, 10)
	}
	p.str("}")
}

// isDropInPlace recognizes core::ptr::drop_in_place, the name that the code
// dropping a value had until rustc 1.96.
func (p *printer) isDropInPlace(n *node) bool {
	if p.text(n.name) != "drop_in_place" {
		return false
	}
	ptr := &p.nodes[p.kids[n.kids.from]]
	if ptr.tag != 'N' || ptr.aux != 't' || p.text(ptr.name) != "ptr" {
		return false
	}
	core := &p.nodes[p.kids[ptr.kids.from]]
	return core.tag == 'C' && p.text(core.name) == "core"
}

// arguments prints generic arguments, folded if they are on the item's spine
// and not only lifetimes.
func (p *printer) arguments(args []ref, value, spine bool) {
	types := 0
	for _, a := range args {
		if p.nodes[a].class != partNode {
			types++
			if spine {
				p.folded = append(p.folded, a)
			}
		}
	}
	if spine && p.is(omit) {
		return
	}
	if value {
		p.str("::")
	}
	p.str("<")
	if spine && types > 0 {
		p.str("_")
	} else {
		p.list(args, ", ", p.argument)
	}
	p.str(">")
}

func (p *printer) argument(id ref) {
	switch n := &p.nodes[id]; n.class {
	case partNode:
		p.lifetime(n.num)
	case constNode:
		p.constant(id, false)
	default:
		p.typ(id)
	}
}

// hole prints "_" in place of a folded argument.
func (p *printer) hole(arg ref) {
	p.folded = append(p.folded, arg)
	p.str("_")
}

// self prints the self type of an impl. On the item's spine its own
// arguments, or the elements of a built-in type, are folded.
func (p *printer) self(id ref, spine bool) {
	n := &p.nodes[id]
	if !spine || n.class != pathNode && !strings.ContainsRune("RQPOAST", rune(n.tag)) {
		p.typ(id)
		return
	}
	kids := p.children(id)
	switch n.tag {
	case 'R', 'Q', 'P', 'O':
		p.pointer(n)
		p.hole(kids[0])
	case 'S':
		p.str("[")
		p.hole(kids[0])
		p.str("]")
	case 'A':
		p.str("[")
		p.hole(kids[0])
		p.str("; ")
		p.hole(kids[1])
		p.str("]")
	case 'T':
		p.tuple(kids, p.hole)
	default:
		p.path(id, false, true)
	}
}

func (p *printer) typ(id ref) {
	n := &p.nodes[id]
	if n.class == pathNode {
		p.path(id, false, false)
		return
	}
	if p.steps++; p.full() {
		return
	}
	kids := p.children(id)
	switch n.tag {
	case 'R', 'Q', 'P', 'O':
		p.pointer(n)
		p.typ(kids[0])
	case 'S', 'A':
		p.str("[")
		p.typ(kids[0])
		if n.tag == 'A' {
			p.str("; ")
			p.constant(kids[1], true)
		}
		p.str("]")
	case 'T':
		p.tuple(kids, p.typ)
	case 'F':
		p.signature(n, kids)
	case 'D':
		p.object(n, kids)
	case 'W':
		p.typ(kids[0])
		p.str(" is ")
		p.pattern(kids[1])
	default:
		p.str(basicTypes[n.tag])
	}
}

// pointer prints what stands before the pointee.
func (p *printer) pointer(n *node) {
	switch n.tag {
	case 'P':
		p.str("*const ")
	case 'O':
		p.str("*mut ")
	default:
		p.str("&")
		if n.num != 0 {
			p.lifetime(n.num)
			p.str(" ")
		}
		if n.tag == 'Q' {
			p.str("mut ")
		}
	}
}

func (p *printer) tuple(kids []ref, print func(ref)) {
	p.str("(")
	p.list(kids, ", ", print)
	if len(kids) == 1 {
		p.str(",")
	}
	p.str(")")
}

func (p *printer) signature(n *node, kids []ref) {
	p.bind(n)
	if n.aux == 'U' {
		p.str("unsafe ")
	}
	if n.name.to > 0 {
		p.str(`extern "`)
		p.str(strings.ReplaceAll(p.text(n.name), "_", "-"))
		p.str(`" `)
	}
	params, result := kids[:len(kids)-1], kids[len(kids)-1]
	p.str("fn(")
	p.list(params, ", ", p.typ)
	p.str(")")
	if r := &p.nodes[result]; r.tag != 'u' || r.end != n.end { // a literal "u" only
		p.str(" -> ")
		p.typ(result)
	}
	p.bound -= int(n.binds)
}

// object prints a trait object. For keys the auto traits are sorted; the
// first bound stays in front unless it is an auto trait too.
func (p *printer) object(n *node, kids []ref) {
	p.str("dyn ")
	p.bind(n)
	if p.is(key) && len(kids) > 1 {
		p.sortedBounds(kids)
	} else {
		p.list(kids, " + ", p.traitBound)
	}
	p.bound -= int(n.binds)
	if n.num != 0 {
		p.str(" + ")
		p.lifetime(n.num)
	}
}

var autoTraits = map[string]bool{
	"core::marker::Send":                      true,
	"core::marker::Sync":                      true,
	"core::marker::Unpin":                     true,
	"core::marker::Freeze":                    true,
	"core::panic::unwind_safe::UnwindSafe":    true,
	"core::panic::unwind_safe::RefUnwindSafe": true,
}

func (p *printer) sortedBounds(kids []ref) {
	start := len(p.out)
	var bounds []string
	for _, id := range kids {
		if p.full() {
			return
		}
		at := len(p.out)
		p.traitBound(id)
		bounds = append(bounds, string(p.out[at:]))
	}
	p.out = p.out[:start]
	if autoTraits[bounds[0]] {
		slices.Sort(bounds)
	} else {
		slices.Sort(bounds[1:])
	}
	p.str(strings.Join(bounds, " + "))
}

// traitBound prints a trait with its associated types among its arguments.
func (p *printer) traitBound(id ref) {
	kids := p.children(id)
	trait, assoc := kids[0], kids[1:]
	p.path(trait, false, false)
	if len(assoc) == 0 || p.full() {
		return
	}
	if p.nodes[trait].tag == 'I' {
		p.out = p.out[:len(p.out)-1] // reopen "<…>"
		p.str(", ")
	} else {
		p.str("<")
	}
	p.list(assoc, ", ", func(id ref) {
		p.str(p.identifier(&p.nodes[id]))
		p.str(" = ")
		p.argument(p.child(id, 0))
	})
	p.str(">")
}

// bind prints "for<'a, …> " and makes the lifetimes known.
func (p *printer) bind(n *node) {
	if n.binds == 0 {
		return
	}
	p.str("for<")
	for i := range n.binds {
		if i > 0 {
			p.str(", ")
		}
		p.bound++
		p.lifetime(1)
	}
	p.str("> ")
}

// lifetime prints the index-th innermost bound lifetime; 0 is an erased one.
// Parse has checked that it is bound.
func (p *printer) lifetime(index uint64) {
	p.str("'")
	depth := p.bound - int(index)
	switch {
	case index == 0:
		p.str("_")
	case depth < 26:
		p.out = append(p.out, 'a'+byte(max(depth, 0)))
	default:
		p.str("_")
		p.out = strconv.AppendInt(p.out, int64(depth), 10)
	}
}

func (p *printer) pattern(id ref) {
	if p.steps++; p.full() {
		return
	}
	switch kids := p.children(id); p.nodes[id].tag {
	case partRange:
		p.constant(kids[0], false)
		p.str("..=")
		p.constant(kids[1], false)
	case partOr:
		p.list(kids, " | ", p.pattern)
	case partNonNull:
		p.str("!null")
	}
}

// constant prints a const argument. What is not a literal stands in braces
// unless it is inside another expression.
func (p *printer) constant(id ref, inside bool) {
	if p.steps++; p.full() {
		return
	}
	n := &p.nodes[id]
	kids := p.children(id)
	stringRef := n.tag == 'R' && p.nodes[kids[0]].tag == 'e' && p.nodes[kids[0]].start == n.start+1
	if braces := strings.ContainsRune("eRQATV", rune(n.tag)) && !stringRef && !inside; braces {
		p.str("{")
		defer func() { p.str("}") }()
	}
	switch n.tag {
	case 'p':
		p.str("_")
	case 'b':
		v, _ := hexUint(p.text(n.name))
		p.str(strconv.FormatBool(v == 1))
	case 'c':
		v, _ := hexUint(p.text(n.name))
		p.quoted('\'', string(rune(v)))
	case 'e':
		p.str("*")
		p.literal(n)
	case 'R', 'Q':
		if stringRef {
			p.literal(&p.nodes[kids[0]])
			return
		}
		p.str("&")
		if n.tag == 'Q' {
			p.str("mut ")
		}
		p.constant(kids[0], true)
	case 'A':
		p.str("[")
		p.list(kids, ", ", p.expression)
		p.str("]")
	case 'T':
		p.tuple(kids, p.expression)
	case 'V':
		p.variant(n, kids)
	default:
		p.integer(n)
	}
}

func (p *printer) expression(id ref) { p.constant(id, true) }

// variant prints a constant of a struct or enum type.
func (p *printer) variant(n *node, kids []ref) {
	p.path(kids[0], true, false)
	switch n.aux {
	case 'T':
		p.str("(")
		p.list(kids[1:], ", ", p.expression)
		p.str(")")
	case 'S':
		p.str(" { ")
		p.list(kids[1:], ", ", func(id ref) {
			p.str(p.identifier(&p.nodes[id]))
			p.str(": ")
			p.constant(p.child(id, 0), true)
		})
		p.str(" }")
	}
}

// integer prints in decimal what fits 64 bits, else the hexadecimal digits.
func (p *printer) integer(n *node) {
	if n.aux == 'n' {
		p.str("-")
	}
	if v, fits := hexUint(p.text(n.name)); fits {
		p.out = strconv.AppendUint(p.out, v, 10)
	} else {
		p.str("0x")
		p.str(p.text(n.name))
	}
	if p.is(hashes) {
		p.str(basicTypes[n.tag])
	}
}

func (p *printer) literal(n *node) {
	s, _ := hex.DecodeString(p.text(n.name)) // Parse has checked it
	p.quoted('"', string(s))
}

// quoted prints a character or string literal with Rust's escapes.
func (p *printer) quoted(quote rune, s string) {
	p.out = utf8.AppendRune(p.out, quote)
	for _, r := range s {
		switch {
		case r == 0:
			p.str(`\0`)
		case r == '\t':
			p.str(`\t`)
		case r == '\r':
			p.str(`\r`)
		case r == '\n':
			p.str(`\n`)
		case r == '\\' || r == quote:
			p.out = append(p.out, '\\', byte(r))
		case unicode.IsPrint(r) && !unicode.Is(unicode.Mn, r):
			p.out = utf8.AppendRune(p.out, r)
		default:
			p.str(`\u{`)
			p.out = strconv.AppendInt(p.out, int64(r), 16)
			p.str("}")
		}
	}
	p.out = utf8.AppendRune(p.out, quote)
}
