package rustname

import (
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A tree is a parsed v0 name. The nodes are in the order in which they start,
// and a back-reference is the node it points at: each byte is read once, and
// what a name says with back-references is a graph without cycles.
type tree struct {
	sym   string // behind "_R"; back-references count from here
	nodes []node
	kids  []ref
	root  ref
}

// A ref is the index of a node.
type ref int32

type class uint8

const (
	pathNode class = iota
	typeNode
	constNode
	partNode // of a type or constant, no target of back-references
)

// A node is one production of the grammar. Its tag is the letter by which the
// production is chosen; a part has a letter of ours. A back-reference ('B')
// only keeps the place of its target, num: no other node refers to it.
type node struct {
	class class
	tag   byte
	aux   byte // namespace; 'U' unsafe; 'n' negative; form of an ADT constant
	puny  bool // name is Punycode
	depth uint16
	binds uint16 // lifetimes bound by a "for<…>" here
	free  uint16 // highest lifetime index not bound inside
	start int32
	end   int32  // 0 until complete
	name  span   // identifier, ABI or hexadecimal digits, in sym
	kids  span   // in tree.kids
	num   uint64 // disambiguator or lifetime index
}

type span struct{ from, to int32 }

func (n *node) isImpl() bool { return n.class == pathNode && (n.tag == 'M' || n.tag == 'X') }

// Tags of parts.
const (
	partLifetime = 'L' // generic argument
	partBound    = 'd' // of a trait object: a path and associated types
	partAssoc    = 'p' // name = type or constant
	partField    = 'f' // of a constant: name: constant
	partRange    = 'R' // patterns
	partOr       = 'O'
	partNonNull  = 'N'
)

func (t *tree) children(id ref) []ref {
	s := t.nodes[id].kids
	return t.kids[s.from:s.to]
}

func (t *tree) child(id ref, i int) ref { return t.children(id)[i] }

func (t *tree) text(s span) string { return t.sym[s.from:s.to] }

// parse reads what stands behind "_R". The Name shares the parser's tree.
func (p *parser) parse(body string) (Name, bool) {
	*p = parser{
		tree:  tree{sym: body, nodes: slices.Grow(p.nodes[:0], 8+len(body)/5), kids: slices.Grow(p.kids[:0], 8+len(body)/6)},
		stack: slices.Grow(p.stack[:0], 32),
	}
	for p.pos < len(body) && isDigit(body[p.pos]) { // encoding version
		p.pos++
	}
	p.root = p.path()
	inst := ref(-1)
	if isUpper(p.peek()) {
		inst = p.path()
	}
	end := p.pos
	if p.bad || p.nodes[p.root].free > 0 || !validSuffix(body[end:]) {
		return Name{}, false
	}
	n := Name{Mangling: V0, Suffix: body[end:], tree: p.tree}
	n.Crate, n.Disambiguator = n.crate(p.root)
	if inst >= 0 {
		n.Instantiating, n.InstantiatingDisambiguator = n.crate(inst)
	}
	return n, true
}

// crate follows a path to its crate.
func (t *tree) crate(id ref) (name, disambiguator string) {
	for t.nodes[id].tag != 'C' {
		if t.nodes[id].tag == 'Y' {
			id = t.child(id, 1)
		} else {
			id = t.child(id, 0)
		}
	}
	n := &t.nodes[id]
	if n.num != 0 {
		disambiguator = strconv.FormatUint(n.num, 16)
	}
	return t.identifier(n), disambiguator
}

// A parser reads by recursive descent. After an error pos is at the end, so
// every loop stops by itself.
type parser struct {
	tree
	pos   int
	level int
	bad   bool
	stack []ref // children of the nodes that are open
}

// An open node remembers where its children begin on the stack.
type open struct {
	id   ref
	mark int
}

func (p *parser) fail() ref {
	p.bad = true
	p.pos = len(p.sym)
	return 0
}

func (p *parser) next() byte {
	if p.pos >= len(p.sym) {
		p.fail()
		return 0
	}
	p.pos++
	return p.sym[p.pos-1]
}

func (p *parser) peek() byte {
	if p.pos >= len(p.sym) {
		return 0
	}
	return p.sym[p.pos]
}

func (p *parser) eat(c byte) bool {
	if p.pos < len(p.sym) && p.sym[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// open begins a node whose production started at start.
func (p *parser) open(c class, tag byte, start int) open {
	if p.level++; p.level > maxDepth {
		p.fail()
	}
	p.nodes = append(p.nodes, node{class: c, tag: tag, start: int32(start)})
	return open{ref(len(p.nodes) - 1), len(p.stack)}
}

func (p *parser) push(id ref) { p.stack = append(p.stack, id) }

func (p *parser) at(o open) *node { return &p.nodes[o.id] }

// close completes a node with the children pushed since it was opened.
func (p *parser) close(o open) ref {
	p.level--
	if p.bad {
		return 0
	}
	kids := p.stack[o.mark:]
	n := &p.nodes[o.id]
	var free uint16
	for i, kid := range kids {
		k := &p.nodes[kid]
		n.depth = max(n.depth, k.depth+1)
		if i > 0 || !n.isImpl() { // an impl's path is not printed
			free = max(free, k.free)
		}
	}
	if n.depth > maxDepth {
		return p.fail()
	}
	n.free = free - min(free, n.binds)
	if n.class == typeNode || n.class == partNode && n.tag == partLifetime {
		n.free = max(n.free, uint16(n.num)) // the lifetime of &'a T, dyn T + 'a, 'a
	}
	n.kids = span{int32(len(p.kids)), int32(len(p.kids) + len(kids))}
	p.kids = append(p.kids, kids...)
	p.stack = p.stack[:o.mark]
	n.end = int32(p.pos)
	return o.id
}

// backref reads <backref> = "B" <base-62-number>, behind the B. It must point
// at the start of something complete that may stand in its place, which may
// be a back-reference itself: rustc writes those for a type whose path it has
// written before.
func (p *parser) backref(want class) ref {
	at := p.pos - 1
	to := p.base62()
	if p.bad || to >= uint64(at) {
		return p.fail()
	}
	i, _ := slices.BinarySearchFunc(p.nodes, int32(to), func(n node, to int32) int {
		return int(n.start - to)
	})
	for ; i < len(p.nodes) && p.nodes[i].start == int32(to); i++ {
		n := p.nodes[i]
		fits := n.class == want || want == typeNode && n.class == pathNode
		if !fits || n.end == 0 || int(n.end) > at {
			continue
		}
		target := ref(i)
		if n.tag == 'B' {
			target = ref(n.num)
		}
		p.nodes = append(p.nodes, node{
			class: n.class, tag: 'B', start: int32(at), end: int32(p.pos), num: uint64(target),
		})
		return target
	}
	return p.fail()
}

// path reads
//
//	<path> = "C" <identifier>
//	       | "M" <impl-path> <type>
//	       | "X" <impl-path> <type> <path>
//	       | "Y" <type> <path>
//	       | "N" <namespace> <path> <identifier>
//	       | "I" <path> {<generic-arg>} "E"
//	       | <backref>
//	<impl-path> = [<disambiguator>] <path>
func (p *parser) path() ref {
	start := p.pos
	tag := p.next()
	switch tag {
	case 'C', 'M', 'X', 'Y', 'N', 'I':
	case 'B':
		return p.backref(pathNode)
	default:
		return p.fail()
	}
	o := p.open(pathNode, tag, start)
	switch tag {
	case 'C':
		p.identifier(o)
	case 'M', 'X':
		p.disambiguator()
		p.push(p.path())
		p.push(p.typ())
	case 'Y':
		p.push(p.typ())
	case 'N':
		p.at(o).aux = p.next()
		if ns := p.at(o).aux; !isUpper(ns) && !isLower(ns) {
			return p.fail()
		}
		p.push(p.path())
		p.identifier(o)
	case 'I':
		p.push(p.path())
		for !p.bad && !p.eat('E') {
			p.push(p.genericArg())
		}
	}
	if tag == 'X' || tag == 'Y' {
		p.push(p.path())
	}
	return p.close(o)
}

// genericArg reads <generic-arg> = "L" <base-62-number> | <type> | "K" <const>.
func (p *parser) genericArg() ref {
	switch {
	case p.peek() == 'L':
		o := p.open(partNode, partLifetime, p.pos)
		p.lifetime(o)
		return p.close(o)
	case p.eat('K'):
		return p.constant()
	}
	return p.typ()
}

// lifetime reads "L" <base-62-number>.
func (p *parser) lifetime(o open) {
	if !p.eat('L') {
		p.fail()
		return
	}
	p.at(o).num = uint64(p.small())
}

// binder reads an optional "G" <base-62-number>.
func (p *parser) binder(o open) {
	if p.eat('G') {
		p.at(o).binds = p.small() + 1
	}
}

// small reads a number of lifetimes; more than a thousand are not believed.
func (p *parser) small() uint16 {
	n := p.base62()
	if n > 1000 {
		p.fail()
		return 0
	}
	return uint16(n)
}

// typ reads
//
//	<type> = <basic-type> | <path> | <backref>
//	       | "A" <type> <const> | "S" <type> | "T" {<type>} "E"
//	       | ("R" | "Q") [<lifetime>] <type> | ("P" | "O") <type>
//	       | "F" <fn-sig> | "D" <dyn-bounds> <lifetime>
//	       | "W" <type> <pattern>
func (p *parser) typ() ref {
	start := p.pos
	tag := p.next()
	if isLower(tag) && basicTypes[tag] == "" {
		return p.fail()
	}
	switch tag {
	case 'C', 'M', 'X', 'Y', 'N', 'I':
		p.pos = start
		return p.path()
	case 'B':
		return p.backref(typeNode)
	}
	o := p.open(typeNode, tag, start)
	switch {
	case isLower(tag):
	case tag == 'R' || tag == 'Q':
		if p.peek() == 'L' {
			p.lifetime(o)
		}
		p.push(p.typ())
	case tag == 'P' || tag == 'O' || tag == 'S':
		p.push(p.typ())
	case tag == 'A':
		p.push(p.typ())
		p.push(p.constant())
	case tag == 'T':
		for !p.bad && !p.eat('E') {
			p.push(p.typ())
		}
	case tag == 'F':
		p.signature(o)
	case tag == 'D':
		p.bounds(o)
	case tag == 'W':
		p.push(p.typ())
		p.push(p.pattern())
	default:
		return p.fail()
	}
	return p.close(o)
}

// signature reads, with the return type as the last child,
//
//	<fn-sig> = [<binder>] ["U"] ["K" <abi>] {<type>} "E" <type>
//	<abi> = "C" | <undisambiguated-identifier>
func (p *parser) signature(o open) {
	p.binder(o)
	if p.eat('U') {
		p.at(o).aux = 'U'
	}
	if p.eat('K') {
		if p.peek() == 'C' {
			p.at(o).name = span{int32(p.pos), int32(p.pos + 1)}
			p.pos++
		} else if p.undisambiguated(o); p.at(o).puny || p.at(o).name.from == p.at(o).name.to {
			p.fail()
		}
	}
	for !p.bad && !p.eat('E') {
		p.push(p.typ())
	}
	p.push(p.typ())
}

// bounds reads
//
//	<dyn-bounds> = [<binder>] {<path> {<dyn-trait-assoc-binding>}} "E"
//	<dyn-trait-assoc-binding> = "p" <undisambiguated-identifier> (<type> | "K" <const>)
//
// and the lifetime behind them.
func (p *parser) bounds(o open) {
	p.binder(o)
	for !p.bad && !p.eat('E') {
		bound := p.open(partNode, partBound, p.pos)
		p.push(p.path())
		for p.peek() == 'p' {
			assoc := p.open(partNode, partAssoc, p.pos)
			p.pos++
			p.undisambiguated(assoc)
			if p.eat('K') {
				p.push(p.constant())
			} else {
				p.push(p.typ())
			}
			p.push(p.close(assoc))
		}
		p.push(p.close(bound))
	}
	p.lifetime(o)
}

// pattern reads <pattern> = "R" <const> <const> | "O" <pattern> {<pattern>} "E" | "N".
func (p *parser) pattern() ref {
	start := p.pos
	tag := p.next()
	o := p.open(partNode, tag, start)
	switch tag {
	case partRange:
		p.push(p.constant())
		p.push(p.constant())
	case partOr:
		p.push(p.pattern())
		for !p.bad && !p.eat('E') {
			p.push(p.pattern())
		}
	case partNonNull:
	default:
		return p.fail()
	}
	return p.close(o)
}

// constant reads
//
//	<const> = "p" | <backref> | <basic-type> ["n"] {<hex-digit>} "_"
//	        | "e" {<hex-digit>} "_" | ("R" | "Q") <const>
//	        | ("A" | "T") {<const>} "E"
//	        | "V" <path> ("U" | "T" {<const>} "E" | "S" {<identifier> <const>} "E")
func (p *parser) constant() ref {
	start := p.pos
	tag := p.next()
	if tag == 'B' {
		return p.backref(constNode)
	}
	o := p.open(constNode, tag, start)
	switch tag {
	case 'p':
	case 'a', 's', 'l', 'x', 'n', 'i':
		if p.eat('n') {
			p.at(o).aux = 'n'
		}
		p.hex(o)
	case 'h', 't', 'm', 'y', 'o', 'j', 'b', 'c', 'e':
		p.hex(o)
		if !p.bad && !p.validLeaf(p.at(o)) {
			return p.fail()
		}
	case 'R', 'Q':
		p.push(p.constant())
	case 'A', 'T':
		for !p.bad && !p.eat('E') {
			p.push(p.constant())
		}
	case 'V':
		p.push(p.path())
		p.variant(o)
	default:
		return p.fail()
	}
	return p.close(o)
}

// variant reads what follows the path of an ADT constant.
func (p *parser) variant(o open) {
	form := p.next()
	p.at(o).aux = form
	switch form {
	case 'U':
	case 'T':
		for !p.bad && !p.eat('E') {
			p.push(p.constant())
		}
	case 'S':
		for !p.bad && !p.eat('E') {
			field := p.open(partNode, partField, p.pos)
			p.identifier(field)
			p.push(p.constant())
			p.push(p.close(field))
		}
	default:
		p.fail()
	}
}

// hex reads {<hex-digit>} "_".
func (p *parser) hex(o open) {
	from := p.pos
	for {
		switch c := p.next(); {
		case isDigit(c) || 'a' <= c && c <= 'f':
		case c == '_':
			p.at(o).name = span{int32(from), int32(p.pos - 1)}
			return
		default:
			p.fail()
			return
		}
	}
}

// validLeaf checks the value of a constant without a sign.
func (p *parser) validLeaf(n *node) bool {
	digits := p.text(n.name)
	v, fits := hexUint(digits)
	switch n.tag {
	case 'b':
		return fits && v <= 1
	case 'c':
		return fits && v <= utf8.MaxRune && utf8.ValidRune(rune(v))
	case 'e':
		s, err := hex.DecodeString(digits)
		return err == nil && utf8.Valid(s)
	}
	return true
}

// hexUint reads hexadecimal digits; none are zero. It reports false if the
// value does not fit.
func hexUint(digits string) (uint64, bool) {
	var v uint64
	for i := 0; i < len(digits); i++ {
		if v > math.MaxUint64>>4 {
			return 0, false
		}
		d := digits[i] - '0'
		if digits[i] >= 'a' {
			d = digits[i] - 'a' + 10
		}
		v = v<<4 | uint64(d)
	}
	return v, true
}

// identifier reads <identifier> = [<disambiguator>] <undisambiguated-identifier>.
func (p *parser) identifier(o open) {
	p.at(o).num = p.disambiguator()
	p.undisambiguated(o)
}

// disambiguator reads an optional "s" <base-62-number>; none is 0.
func (p *parser) disambiguator() uint64 {
	if !p.eat('s') {
		return 0
	}
	n := p.base62()
	if n == math.MaxUint64 {
		p.fail()
	}
	return n + 1
}

// undisambiguated reads ["u"] <decimal-number> ["_"] <bytes>. rustc writes
// ASCII letters, digits and underscores only, the rest as Punycode.
func (p *parser) undisambiguated(o open) {
	n := p.at(o)
	n.puny = p.eat('u')
	size := 0
	switch c := p.next(); {
	case c == '0':
	case isDigit(c):
		size = int(c - '0')
		for isDigit(p.peek()) && size < len(p.sym) {
			size = size*10 + int(p.next()-'0')
		}
	default:
		p.fail()
	}
	p.eat('_')
	if p.bad || size > len(p.sym)-p.pos {
		p.fail()
		return
	}
	n.name = span{int32(p.pos), int32(p.pos + size)}
	p.pos += size
	for _, c := range []byte(p.text(n.name)) {
		if !isDigit(c) && !isLower(c) && !isUpper(c) && c != '_' {
			p.fail()
		}
	}
	if n.puny && (size == 0 || p.sym[p.pos-1] == '_') {
		p.fail()
	}
}

// base62 reads <base-62-number> = {<0-9a-zA-Z>} "_": "_" is 0, "0_" is 1.
func (p *parser) base62() uint64 {
	if p.eat('_') {
		return 0
	}
	var v uint64
	for {
		c := p.next()
		var d byte
		switch {
		case c == '_' && v < math.MaxUint64:
			return v + 1
		case isDigit(c):
			d = c - '0'
		case isLower(c):
			d = c - 'a' + 10
		case isUpper(c):
			d = c - 'A' + 36
		default:
			p.fail()
			return 0
		}
		if v > (math.MaxUint64-uint64(d))/62 {
			p.fail()
			return 0
		}
		v = v*62 + uint64(d)
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// basicTypes are the names of <basic-type>, by letter.
var basicTypes = [128]string{
	'a': "i8", 'b': "bool", 'c': "char", 'd': "f64", 'e': "str", 'f': "f32", 'h': "u8", 'i': "isize", 'j': "usize",
	'l': "i32", 'm': "u32", 'n': "i128", 'o': "u128", 'p': "_", 's': "i16", 't': "u16", 'u': "()", 'v': "...",
	'x': "i64", 'y': "u64", 'z': "!",
}
