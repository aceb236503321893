// Package rustname reads the structure of Rust symbol names: which crate
// defines an item, which crate pays for the instance, what the item would be
// called without its generic arguments, and a key that stays the same when
// the compiler or the crate hashes change.
//
// Both manglings are read: v0 (RFC 2603 and the "v0 Symbol Format" chapter of
// the rustc book) into a tree, and the legacy one ("_ZN…17h<hash>E") as far
// as its text allows. Symbol names are untrusted: a name is read once, from
// left to right, into at most one node per byte, and every printed form is
// cut at [MaxPrinted] bytes. Identifiers are returned as they are, control
// characters included; escaping is the renderer's work.
package rustname

import "strings"

// Limits on one name. A name beyond MaxSymbol or maxDepth is no Rust name to
// Parse; a printed form beyond MaxPrinted ends in "...".
const (
	MaxSymbol  = 64 << 10 // bytes of a mangled name
	MaxPrinted = 64 << 10 // bytes of a printed form, before the "..."; of a short name fewer
	maxDepth   = 500      // nesting, through back-references too
)

// Mangling is the scheme a symbol name is encoded in.
type Mangling uint8

const (
	V0     Mangling = iota // "_R…", RFC 2603
	Legacy                 // "_ZN…17h<16 hex digits>E"
)

func (m Mangling) String() string {
	if m == Legacy {
		return "legacy"
	}
	return "v0"
}

// A Name is a parsed Rust symbol name. It is immutable and may be shared.
// The printed forms are made on demand.
type Name struct {
	Mangling Mangling

	// Crate is the defining crate: of a trait or inherent impl the crate the
	// impl is written in, of a trait's own method (v0 "Y") the trait's crate.
	// For a legacy "<A as B>::f" it is A's crate if A is a path and else B's,
	// since rustc writes that form only in A's or B's module. "" if unknown.
	Crate string
	// Disambiguator is the defining crate's hash in lower-case hexadecimal
	// without leading zeros, as rustc prints it; "" if the name has none.
	Disambiguator string

	// Instantiating is the crate that made this instance, and
	// InstantiatingDisambiguator its hash; "" if the name does not say.
	// It is filled in even if it equals Crate. rustc says it for every
	// generic or inlinable item and for no other.
	Instantiating              string
	InstantiatingDisambiguator string

	// Suffix is what the compiler or linker put behind the name, such as
	// ".llvm.1234" or ".cold", with its first character. No other form has it.
	Suffix string
	// Hash is the legacy hash, 16 hexadecimal digits; "" in v0.
	Hash string

	tree              // v0
	segments []string // legacy: the decoded path without the hash
}

// Looks reports whether sym starts like a Rust name. It only sorts out names
// that Parse would certainly refuse; Parse decides.
func Looks(sym string) bool {
	body, mangling, ok := cutPrefix(sym)
	switch {
	case !ok || body == "":
		return false
	case mangling == Legacy:
		return isDigit(body[0]) && strings.Contains(body, "17h")
	}
	return isDigit(body[0]) || strings.IndexByte("CMXYNIB", body[0]) >= 0
}

// Parse reads a symbol name. It reports false if sym is not, as a whole, a
// Rust name: C and C++ names, C names that happen to start with _R, names
// beyond the limits, and back-references that do not point at something
// already complete. One extra leading underscore is accepted, and so are an
// encoding version after "_R" (later versions are read as version 0, or
// refused) and a suffix that starts with "." or "$".
func Parse(sym string) (*Name, bool) { return new(Parser).Parse(sym) }

// A Parser reads names in memory that it uses again and again. The zero value
// is ready.
type Parser struct {
	name Name
	v0   parser
}

// Parse is like the function of that name, but the Name is only valid until
// the next call.
func (p *Parser) Parse(sym string) (*Name, bool) {
	if len(sym) > MaxSymbol {
		return nil, false
	}
	body, mangling, ok := cutPrefix(sym)
	switch {
	case !ok:
		return nil, false
	case mangling == Legacy:
		return parseLegacy(body)
	}
	if p.name, ok = p.v0.parse(body); !ok {
		return nil, false
	}
	return &p.name, true
}

func cutPrefix(sym string) (body string, m Mangling, ok bool) {
	if strings.HasPrefix(sym, "__") {
		sym = sym[1:]
	}
	if body, ok := strings.CutPrefix(sym, "_R"); ok {
		return body, V0, true
	}
	body, ok = strings.CutPrefix(sym, "_ZN")
	return body, Legacy, ok
}

// validSuffix reports whether s, the text behind a complete name, is a vendor
// suffix: nothing, or printable ASCII that starts with "." or "$".
func validSuffix(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != '.' && s[0] != '$' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// String prints the name without crate hashes and suffix, with all generic
// arguments: what rustc-demangle prints for {:#}.
func (n *Name) String() string {
	if n.Mangling == Legacy {
		return cut(strings.Join(n.segments, "::"))
	}
	return n.print(n.root, 0)
}

// Verbose prints the name with crate hashes and the types of constants,
// without the suffix: what rustc-demangle prints for {}.
func (n *Name) Verbose() string {
	if n.Mangling == Legacy {
		return cut(strings.Join(n.segments, "::") + "::h" + n.Hash)
	}
	return n.print(n.root, hashes)
}

// Family prints the generic family the item belongs to: String with its
// generic arguments replaced by "_". These are the arguments of every
// segment of the item's path ("::<_>"), of the self type and the trait of its
// impl ("<_>"), the elements of a built-in self type ("&_", "[_]", "[_; _]",
// "(_, _)"), and the whole self type of a trait's own method
// ("<_ as Trait>::f"). Closures and shims are kept, lifetimes too.
//
// A blanket impl ("impl<T: A> B for T") looks in a symbol name like an impl
// for each T, so its instances stay families of their own.
func (n *Name) Family() string {
	if n.Mangling == Legacy {
		s, _ := n.legacyFamily("<_>")
		return cut(s)
	}
	return n.print(n.root, fold)
}

// Generic reports whether the item is an instance of generic code: whether it
// has Args and names the crate that made it. Without that crate arguments are
// those of a concrete impl ("impl FromStr for NonZero<u16>"), of which there
// is one; a concrete #[inline] item with arguments is still taken for generic.
// A legacy name has no arguments but may show parameters ("Vec<T,A>"), which
// count.
func (n *Name) Generic() bool {
	if n.Mangling == Legacy {
		_, args := n.legacyFamily("<_>")
		return len(args) > 0
	}
	return n.Instantiating != "" && len(n.folded()) > 0
}

// Args prints, in order of appearance, the type and const arguments that
// Family takes off. Legacy names give one string for each list.
func (n *Name) Args() []string {
	if n.Mangling == Legacy {
		_, args := n.legacyFamily("<_>")
		return args
	}
	var args []string
	total := 0
	for _, id := range n.folded() {
		if total > n.limit() {
			break
		}
		s := n.print(id, 0)
		total += len(s)
		args = append(args, s)
	}
	return args
}

// Item prints the outermost item: closures, shims and whatever is nested in
// them are left off, and so are all generic arguments.
func (n *Name) Item() string {
	if n.Mangling == Legacy {
		return cut(n.legacyItem())
	}
	return n.print(n.itemRoot(), fold|omit)
}

// MatchKey identifies the item in another build, also by another compiler:
// String without the disambiguators of crates, impls and identifiers, without
// suffix, legacy hash and instantiating crate. What rustc 1.96 calls
// core::ptr::drop_in_place::<T> and rustc 1.97 drop_glue gives the same key,
// and auto traits of trait objects are sorted. Closure and shim indices are
// kept. Keys are not unique: items that differ in nothing else share one.
func (n *Name) MatchKey() string {
	if n.Mangling == Legacy {
		return cut(n.legacyKey())
	}
	return n.print(n.root, key)
}

// FamilyKey is MatchKey without the indices of closures and shims, for
// pairing what an added or removed closure has renumbered.
func (n *Name) FamilyKey() string {
	if n.Mangling == Legacy {
		return cut(n.legacyKey())
	}
	return n.print(n.root, key|noIndex)
}

// Module returns the path of the module the item is written in, crate first.
// An impl's path names its module, whatever its self type; closures, shims
// and nested functions are in their outermost item's module. Types and
// traits on the way are told from modules by their capital, which Rust's
// naming rules ask for. Legacy names are read as well as their text allows.
func (n *Name) Module() string {
	if n.Mangling == Legacy {
		return n.legacyModule()
	}
	return n.modulePath()
}

// ImplSelf prints the self type of the item's impl, "" if it is in none.
func (n *Name) ImplSelf() string {
	if n.Mangling == Legacy {
		self, _ := n.legacyImpl()
		return self
	}
	impl, ok := n.impl()
	if !ok {
		return ""
	}
	self := n.child(impl, 0)
	if n.nodes[impl].tag != 'Y' {
		self = n.child(impl, 1)
	}
	return n.print(self, 0)
}

// Trait prints the trait whose item this is, "" if it is of none.
func (n *Name) Trait() string {
	if n.Mangling == Legacy {
		_, trait := n.legacyImpl()
		return trait
	}
	impl, ok := n.impl()
	if !ok || n.nodes[impl].tag == 'M' {
		return ""
	}
	kids := n.children(impl)
	return n.print(kids[len(kids)-1], 0)
}

// Closure returns how many closures deep inside the item the code is, and
// their indices, outermost first. Legacy names have no indices.
func (n *Name) Closure() (depth int, index []uint64) {
	if n.Mangling == Legacy {
		return n.legacyClosures(), nil
	}
	index = n.closures()
	return len(index), index
}

// Shim returns the kind of a compiler-made shim, such as "vtable" or
// "reify", and "" if the code is none.
func (n *Name) Shim() string {
	if n.Mangling == Legacy {
		return n.legacyShim()
	}
	return n.shim()
}

// cut keeps a printed legacy form within MaxPrinted.
func cut(s string) string {
	if len(s) > MaxPrinted {
		return strings.ToValidUTF8(s[:MaxPrinted], "") + "..."
	}
	return s
}
