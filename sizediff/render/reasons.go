package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// reasons explain a change of the runtime: what came or went, who first referred to it, and what else of it the change uses.
type reasons struct {
	title  string
	causes []cause
	more   int    // causes left out
	shared origin // of all causes, if it is one
	extras []string
	kernel bool // the build has one; else it is modules, or something else
}

// reasonsOf returns at most limit lines altogether, of which three is the least. The title is "" when there is nothing to explain.
func reasonsOf(r *sizediff.Report, limit int, say voice) reasons {
	x := reasons{extras: usageLines(r, say), kernel: hasVmlinux(r)}
	x.extras = x.extras[:min(len(x.extras), limit-1)]
	n := limit - len(x.extras)
	x.find(r, n)
	switch x.shared = sharedOrigin(x.causes); {
	case !x.shared.known() || len(x.causes) < n:
	case n < 3: // a line of its own would leave one cause
		x.shared = origin{}
	default:
		x.find(r, n-1)
	}
	x.entitle(r, say)
	return x
}

// reasonsTable has up to limit causes, for a table, besides the lines.
func reasonsTable(r *sizediff.Report, limit int, say voice) reasons {
	x := reasons{extras: usageLines(r, say), kernel: hasVmlinux(r)}
	x.find(r, limit)
	x.entitle(r, say)
	return x
}

func (x *reasons) find(r *sizediff.Report, limit int) {
	if runtimeOf(r).Resident.Delta != 0 && len(r.Stripped()) == 0 {
		x.causes, x.more = causes(r, limit)
	}
}

func (x *reasons) entitle(r *sizediff.Report, say voice) {
	runtime := runtimeOf(r)
	switch noun := runtimeNoun(runtime, say); {
	case len(x.causes) > 0 && runtime.Resident.Delta > 0:
		x.title = "Why the " + noun + " grew"
	case len(x.causes) > 0:
		x.title = "Why the " + noun + " shrank"
	case newlyUsedOf(r).bytes > 0 || panicsMoved(r) || r.Causes != nil && r.Causes.Inlined != nil && r.Causes.Inlined.Runtime.Delta != 0:
		x.title = "Use of the " + noun
	}
}

// lines are the sentences, each of one line.
func (x reasons) lines(say voice) []string {
	var out []string
	last := origin{}
	for _, c := range x.causes {
		line := causeLine(c, say, x.kernel)
		switch {
		case c.idle:
			line += "; nothing in this build uses it"
		case x.shared.known() || !c.origin.known():
		default:
			line += "; first referenced by " + c.origin.after(last, say)
		}
		last = c.origin
		out = append(out, line)
	}
	if x.shared.known() {
		out = append(out, "first reference: "+x.shared.words(say))
	}
	return append(out, x.extras...)
}

// sharedOrigin is where all causes come from; unknown when they come from several places, or when there is one cause to tell it of.
func sharedOrigin(list []cause) origin {
	if len(list) < 2 {
		return origin{}
	}
	first := list[0].origin
	for _, c := range list[1:] {
		if !c.origin.same(first) {
			return origin{}
		}
	}
	first.through = nil // it differs
	return first
}

// words say who referred first, and where.
func (o origin) words(say voice) string { return o.after(origin{}, say) }

// after is the same for a reader who has just read of last.
func (o origin) after(last origin, say voice) string {
	s, way := o.places(say), ""
	if via := o.via(); via != "" {
		way = ", through " + say.code(via)
	}
	if o.same(last) {
		s = "the same"
		if o.location != nil && (last.location == nil || *o.location != *last.location) {
			s += " in " + say.code(placeOf(o.location))
		}
		switch {
		case o.via() == last.via():
			way = ""
		case way == "":
			way = ", directly"
		}
	}
	return s + way
}

// via is what lies between one origin and what it referred to, "" when it referred to it directly.
func (o origin) via() string {
	if len(o.through) == 0 || len(o.also) > 0 {
		return ""
	}
	return withoutArguments(o.through[0])
}

func (o origin) places(say voice) string {
	names := []string{say.code(withoutArguments(o.name))}
	oneImage := true
	for _, p := range o.also {
		names = append(names, say.code(withoutArguments(p.name)))
		oneImage = oneImage && p.image == o.image
	}
	s := listed(capList(names, 3))
	switch {
	case o.location != nil && len(names) == 1:
		s += " in " + say.code(placeOf(o.location))
	case oneImage && o.image != "" && o.image != "vmlinux":
		s += " in " + say.code(o.image)
	}
	return s
}

func placeOf(l *sizediff.Location) string { return fmt.Sprintf("%s:%d", l.File, l.Line) }

// usageLines say what of the runtime is used for the first time, what is inlined elsewhere, and how many places can panic.
func usageLines(r *sizediff.Report, say voice) []string {
	if r.Causes == nil {
		return nil
	}
	var out []string
	if u := newlyUsedOf(r); u.bytes > 0 {
		var paths []string
		for i, p := range u.paths {
			if i == 3 {
				paths = append(paths, counted(len(u.paths)-i, "more path"))
				break
			}
			paths = append(paths, say.code(p.name)+" "+bytesOf(p.change.Head))
		}
		s := bytesOf(u.bytes) + " of the runtime were there before and are used for the first time: " + strings.Join(paths, ", ")
		if u.origin.known() {
			s += "; first by " + u.origin.words(say)
		}
		out = append(out, s)
	}
	if in := r.Causes.Inlined; in != nil && in.Runtime.Delta != 0 {
		out = append(out, fmt.Sprintf("inlined into other code, and counted there: %s of the runtime", changed(in.Runtime)))
	}
	if r.Causes.References == nil {
		return append(out, "who refers to what, and how many places can panic, is not compared: it is not known of both builds")
	}
	return append(out, panicLine(r.Causes.References.Panics, say))
}

// portionLines say of the runtime and the abstractions how much is used, and what keeps the rest.
func portionLines(r *sizediff.Report) []string {
	var out []string
	if r.Causes == nil || r.Causes.References == nil {
		return nil
	}
	for _, p := range r.Causes.References.Portions {
		label := p.Bucket
		if b, ok := bucketOf(r, p.Bucket); ok {
			label = bucketLabel(b)
		}
		s := fmt.Sprintf("%s by what keeps it: used %s", plainProse(label), changed(p.Used))
		if p.Exported != (sizediff.Change{}) {
			s += ", only exported " + changed(p.Exported)
		}
		if p.Linked != (sizediff.Change{}) {
			s += ", linked whole " + changed(p.Linked)
		}
		out = append(out, s)
	}
	return out
}

// changed is a number of bytes, before and after if it is not the same.
func changed(c sizediff.Change) string {
	if c.Delta == 0 {
		return bytesOf(c.Head)
	}
	return fmt.Sprintf("%s → %s (%s)", num(c.Base), bytesOf(c.Head), delta(c.Delta))
}

func panicsMoved(r *sizediff.Report) bool {
	return r.Causes != nil && r.Causes.References != nil && len(r.Causes.References.Panics.Functions) > 0
}

func panicLine(p sizediff.PanicChange, say voice) string {
	n := p.Sites.Delta
	s := "no new panic paths"
	switch {
	case n == 0 && len(p.Functions) == 0:
		return fmt.Sprintf("%s (%s before and after)", s, counted(int(p.Sites.Head), "call site"))
	case n == 0:
		s = "as many panic call sites as before, in other functions"
	case n > 0:
		s = counted(int(n), "more panic call site")
	default:
		s = counted(int(-n), "fewer panic call site")
	}
	s += fmt.Sprintf(" (%s → %s)", num(p.Sites.Base), num(p.Sites.Head))
	return s + among(panicFunctions(p, n >= 0), say)
}

// panicFunctions are the functions that have more panic call sites, or those that have fewer; instances of one count together.
func panicFunctions(p sizediff.PanicChange, more bool) (list []contribution) {
	sums := map[string]sizediff.Change{}
	for _, f := range p.Functions {
		if (f.Sites.Delta > 0) == more {
			name := withoutArguments(f.Name)
			sums[name] = sums[name].Plus(f.Sites)
		}
	}
	for name, sites := range sums {
		list = append(list, contribution{name: name, change: sites})
	}
	slices.SortFunc(list, compareContributions)
	return list
}

// among lists the three largest.
func among(list []contribution, say voice) string {
	var s []string
	for i, x := range list {
		if i == 3 {
			s = append(s, fmt.Sprintf("%d more", len(list)-i))
			break
		}
		s = append(s, say.code(x.name)+" "+delta(x.change.Delta))
	}
	if len(s) == 0 {
		return ""
	}
	return ": " + strings.Join(s, ", ")
}

// withoutArguments folds the generic arguments of a name: sort::<u8, lt> is sort::<_>.
func withoutArguments(name string) string {
	var b strings.Builder
	for {
		i := strings.Index(name, "::<")
		if i < 0 {
			return b.String() + name
		}
		end := closing(name[i+3:])
		if end < 0 {
			return b.String() + name
		}
		b.WriteString(name[:i] + "::<_>")
		name = name[i+3+end+1:]
	}
}

// closing returns where the bracket closes that s is inside of, -1 when it does not. The arrow of a function type closes nothing.
func closing(s string) int {
	depth := 1
	for i := range len(s) {
		switch {
		case s[i] == '<':
			depth++
		case s[i] == '>' && (i == 0 || s[i-1] != '-'):
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

func runtimeNoun(b sizediff.BucketChange, say voice) string {
	if bucketLabel(b) == "Rust runtime" {
		return "runtime"
	}
	return say.prose(bucketLabel(b))
}

func causeName(x cause, say voice) string {
	if x.path != "" {
		return say.code(x.path)
	}
	return say.code(x.parts[0].name)
}

// causeState says in a table how large a cause was before, and what it consists of.
func causeState(x cause, say voice) string {
	switch {
	case x.path != "":
		return x.state + " path" + causeParts(x, say)
	case x.parts[0].instances > 1:
		return instances(x.parts[0])
	case x.change.Base > 0 && x.change.Head > 0:
		return fmt.Sprintf("%s, was %s", x.state, num(x.change.Base))
	}
	return x.state
}

// causeLine is a bullet.
func causeLine(x cause, say voice, kernel bool) string {
	where := map[bool]string{true: "kernel", false: "build"}[kernel]
	d, name := deltaBytes(x.change.Delta), causeName(x, say)
	switch {
	case x.path != "" && x.state == "new":
		return fmt.Sprintf("%s is new in this %s, %s%s", name, where, d, causeParts(x, say))
	case x.path != "":
		return fmt.Sprintf("%s is gone from this %s, %s%s", name, where, d, causeParts(x, say))
	case x.parts[0].instances > 1:
		return fmt.Sprintf("%s: %s, %s", name, instances(x.parts[0]), d)
	case x.state == "new" || x.state == "gone":
		return fmt.Sprintf("%s is %s, %s", name, x.state, d)
	}
	return fmt.Sprintf("%s is %s, %s (%s → %s)", name, x.state, d, num(x.change.Base), num(x.change.Head))
}

// causeParts lists the three largest families of a path.
func causeParts(x cause, say voice) string {
	if len(x.parts) == 0 {
		return ""
	}
	var s []string
	for i, y := range x.parts {
		if i == 3 {
			s = append(s, fmt.Sprintf("%d more", len(x.parts)-i))
			break
		}
		part := say.code(within(y.name, x.path)) + " " + delta(y.change.Delta)
		if y.instances > 1 {
			part += " (" + instances(y) + ")"
		}
		s = append(s, part)
	}
	return ": " + strings.Join(s, ", ")
}

// instances counts the instances of a generic family that changed. Others may be as they were.
func instances(c contribution) string {
	return fmt.Sprintf("%d %s instances", c.instances, sizeState(c.change))
}
