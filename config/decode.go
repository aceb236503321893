package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits that no file written by people comes near. The parser needs time quadratic in the nesting.
const (
	maxNesting = 32
	maxVisits  = 20_000 // nodes looked at, aliases counted each time
)

// decoder fills a struct from a file and collects what is wrong. It walks the syntax tree itself, because the library's own
// decoder stops at the first fault.
type decoder struct {
	file     string
	lines    []string
	anchors  map[string]ast.Node
	places   map[string]*token.Position // by path, such as budgets[2].grow, of every value that was given
	visits   int
	faults   []Fault
	warnings []Fault
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, anchors: map[string]ast.Node{}, places: map[string]*token.Position{}}
}

func (d *decoder) fault(p *token.Position, remedy, format string, args ...any) {
	d.faults = append(d.faults, d.at(p, remedy, format, args...))
}

func (d *decoder) warn(p *token.Position, remedy, format string, args ...any) {
	d.warnings = append(d.warnings, d.at(p, remedy, format, args...))
}

func (d *decoder) at(p *token.Position, remedy, format string, args ...any) Fault {
	f := Fault{File: d.file, Message: clean(fmt.Sprintf(format, args...)), Remedy: clean(remedy)} // both may quote the file
	if p != nil && p.Line >= 1 && p.Line <= len(d.lines) {
		f.Line, f.Source = p.Line, d.lines[p.Line-1]
		f.Column = min(max(p.Column, 1), utf8.RuneCountInString(f.Source)+1)
	}
	return f
}

func (d *decoder) sorted(fs []Fault) Faults {
	slices.SortStableFunc(fs, byPosition)
	return slices.CompactFunc(fs, func(a, b Fault) bool { return a == b })
}

// decode reads a whole file into the struct that v points to.
func (d *decoder) decode(data []byte, v any) {
	defer func() {
		if r := recover(); r != nil { // the parser has had panics under fuzzing
			d.fault(nil, "write it in a simpler way", "the YAML reader cannot cope with this file")
		}
	}()
	text, ok := d.text(data)
	if !ok {
		return
	}
	file, ok := d.parse(text)
	if !ok {
		return
	}
	body := d.body(file)
	if body == nil {
		return // empty, or only comments
	}
	d.value(body, reflect.ValueOf(v).Elem(), "", field{})
	if d.visits > maxVisits {
		d.fault(nil, "use fewer entries or aliases", "the file has more than %d values, with its aliases written out", maxVisits)
	}
}

// text checks the bytes before the parser sees them.
func (d *decoder) text(data []byte) (string, bool) {
	if len(data) > MaxFileSize {
		d.fault(nil, "leave out what is not needed", "the file has more than %d bytes", MaxFileSize)
		return "", false
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	d.lines = strings.Split(text, "\n")
	for i, line := range d.lines {
		column := 0
		for offset, r := range line {
			column++
			bad := r < ' ' && r != '\t' || r == 0x7f
			if r == utf8.RuneError {
				_, size := utf8.DecodeRuneInString(line[offset:])
				bad = size == 1
			}
			if bad {
				d.fault(&token.Position{Line: i + 1, Column: column}, "save the file as UTF-8 text", "this is not text")
				return "", false
			}
		}
	}
	return text, true
}

func (d *decoder) parse(text string) (*ast.File, bool) {
	tokens := lexer.Tokenize(text)
	if p := tooDeep(tokens); p != nil {
		d.fault(p, "use less nesting", "more than %d levels of nesting", maxNesting)
		return nil, false
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err == nil {
		return file, true
	}
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil {
		d.fault(syntax.Token.Position, "correct the YAML here or in the line above", "%s", syntax.Message)
	} else {
		d.fault(nil, "correct the YAML", "this is not YAML")
	}
	return nil, false
}

// tooDeep returns where brackets, or the indicators - ? & ! of one line, are nested too deeply.
func tooDeep(tokens token.Tokens) *token.Position {
	brackets, indicators, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			indicators, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			indicators++
		}
		if brackets > maxNesting || indicators > maxNesting {
			return t.Position
		}
	}
	return nil
}

func (d *decoder) body(file *ast.File) ast.Node {
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil || doc.Body.Type() == ast.DirectiveType {
			d.fault(place(doc.Body), "write one document, without --- between parts and without % lines", "a second document or a directive")
			return nil
		}
		body = doc.Body
	}
	return body
}

// resolve follows anchors and aliases. It returns nil, with a fault, for what is not supported.
func (d *decoder) resolve(n ast.Node) ast.Node {
	for n != nil {
		if d.visits++; d.visits > maxVisits {
			return nil
		}
		switch t := n.(type) {
		case *ast.AnchorNode:
			d.anchors[t.Name.GetToken().Value] = t.Value
			n = t.Value
		case *ast.AliasNode:
			name := t.Value.GetToken().Value
			target, ok := d.anchors[name]
			if !ok {
				d.fault(place(n), "define it above, with & before its name", "there is no anchor %s", quote(name))
				return nil
			}
			n = target
		case *ast.TagNode:
			d.fault(place(n), "remove it", "tags such as %s are not used in this file", quote(t.GetToken().Value))
			return nil
		default:
			return n
		}
	}
	return nil
}

// value decodes a node into v. The path names it, the field has its tags.
func (d *decoder) value(n ast.Node, v reflect.Value, path string, f field) {
	at := place(n)
	if n = d.resolve(n); n == nil {
		return
	}
	d.places[path] = at
	if s, ok := v.Addr().Interface().(scalar); ok {
		d.scalar(n, at, path, s.parse)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, at, v, path)
	case reflect.Map:
		d.mapOf(n, at, v, path, f)
	case reflect.Slice:
		switch elem := v.Type().Elem(); {
		case keyField(elem) >= 0:
			d.keyed(n, at, v, path)
		default:
			d.list(n, at, v, path, f)
		}
	default:
		d.scalar(n, at, path, func(text string) error { return setScalar(v, text, f, n.Type()) })
	}
}

// structure decodes a mapping into a struct.
func (d *decoder) structure(n ast.Node, at *token.Position, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	given := map[string]bool{}
	d.entries(n, at, path, func(key string, keyAt *token.Position, value ast.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
		if i < 0 {
			remedy := suggest(key, names(fields))
			if e, ok := v.Addr().Interface().(explainer); ok {
				remedy = cmp.Or(e.absent(key), remedy)
			}
			d.fault(keyAt, remedy, "unknown key %s%s", quote(key), under(path))
			return
		}
		if isNull(value) {
			return // "key:" with everything below it commented out
		}
		given[key] = true
		d.value(value, v.FieldByIndex(fields[i].index), join(path, key), fields[i])
	})
	for _, f := range fields {
		if f.need && !given[f.name] && n.Type() == ast.MappingType {
			d.fault(at, "add "+f.name+":", "%s has no %s", path, f.name)
		}
	}
}

// explainer is a struct that knows what to write in place of a key that it does not have; "" for any other key.
type explainer interface {
	absent(key string) (remedy string)
}

// keyed decodes a mapping into a list whose elements know their key.
func (d *decoder) keyed(n ast.Node, at *token.Position, v reflect.Value, path string) {
	v.SetZero()
	d.entries(n, at, path, func(key string, keyAt *token.Position, value ast.Node) {
		elem := reflect.New(v.Type().Elem()).Elem()
		setDefaults(elem.Addr().Interface())
		elem.Field(keyField(elem.Type())).SetString(key)
		if !isNull(value) {
			d.value(value, elem, join(path, key), field{})
		}
		d.places[join(path, key)] = keyAt
		v.Set(reflect.Append(v, elem))
	})
}

func (d *decoder) mapOf(n ast.Node, at *token.Position, v reflect.Value, path string, f field) {
	m := reflect.MakeMap(v.Type())
	d.entries(n, at, path, func(key string, _ *token.Position, value ast.Node) {
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(value, elem, join(path, key), f)
		m.SetMapIndex(reflect.ValueOf(key), elem)
	})
	v.Set(m)
}

// list decodes a sequence. A single word where words are listed is a list of one.
func (d *decoder) list(n ast.Node, at *token.Position, v reflect.Value, path string, f field) {
	elem := v.Type().Elem()
	var nodes []ast.Node
	switch t := n.(type) {
	case *ast.SequenceNode:
		nodes = t.Values
	case *ast.MappingNode, *ast.MappingValueNode:
		d.fault(at, `start each entry with "- "`, "%s has to be a list, not keys", path)
		return
	default:
		if elem.Kind() == reflect.Struct {
			d.fault(at, `start each entry with "- "`, "%s has to be a list", path)
			return
		}
		nodes = []ast.Node{n}
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, len(nodes)))
	for i, node := range nodes {
		e := reflect.New(elem).Elem()
		if elem.Kind() == reflect.Struct {
			setDefaults(e.Addr().Interface())
		}
		d.value(node, e, path+"["+strconv.Itoa(i)+"]", f)
		v.Set(reflect.Append(v, e))
	}
}

// entries calls fn for each key of a mapping, once.
func (d *decoder) entries(n ast.Node, at *token.Position, path string, fn func(key string, keyAt *token.Position, value ast.Node)) {
	var values []*ast.MappingValueNode
	switch t := n.(type) {
	case *ast.MappingNode:
		values = t.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{t}
	default:
		d.fault(at, `write "key: value" lines`, "%s has to have keys, not %s", orFile(path), kindOf(n))
		return
	}
	seen := map[string]*token.Position{}
	for _, value := range values {
		key, keyAt := value.Key.GetToken().Value, value.Key.GetToken().Position
		switch value.Key.(type) {
		case *ast.MergeKeyNode:
			d.fault(keyAt, "write the keys out", "<< is not supported")
			continue
		case *ast.MappingKeyNode:
			d.fault(keyAt, `write "key: value"`, "? is not supported")
			continue
		}
		if first := seen[key]; first != nil {
			d.fault(keyAt, fmt.Sprintf("remove one of the two; the first is in line %d", first.Line), "%s is given twice%s", quote(key), under(path))
			continue
		}
		seen[key] = keyAt
		fn(key, keyAt, value.Value)
	}
}

// scalar hands the text of a single value to set and says what is wrong with it.
func (d *decoder) scalar(n ast.Node, at *token.Position, path string, set func(text string) error) {
	text, ok := textOf(n)
	if !ok {
		d.fault(at, "write a single value", "%s cannot be %s", path, kindOf(n))
		return
	}
	if err := set(text); err != nil {
		d.fault(at, err.Error(), "%s cannot be %s", path, quote(text))
	}
}

func setScalar(v reflect.Value, text string, f field, kind ast.NodeType) error {
	switch v.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("write true or false")
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 1_000_000 {
			return errors.New("write a whole number between 0 and 1000000")
		}
		v.SetInt(int64(n))
	case reflect.String:
		if kind == ast.BoolType || kind == ast.NullType {
			return errors.New(`write a word, in "quotes" if it is meant literally`)
		}
		if strings.ContainsFunc(text, unicode.IsControl) {
			return errors.New("write one line without control characters")
		}
		if len(f.enum) > 0 && !slices.Contains(f.enum, text) {
			return errors.New(suggest(text, f.enum))
		}
		v.SetString(text)
	}
	return nil
}

func textOf(n ast.Node) (string, bool) {
	switch t := n.(type) {
	case *ast.StringNode:
		return t.Value, true
	case *ast.LiteralNode:
		return t.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys"
	case *ast.NullNode:
		return "empty"
	}
	return "a single value"
}

func isNull(n ast.Node) bool {
	_, ok := n.(*ast.NullNode)
	return ok || n == nil
}

// place is where a value starts. The token of a block mapping is its first colon, which is not where people look.
func place(n ast.Node) *token.Position {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken().Position
	}
	if n == nil || n.GetToken() == nil {
		return nil
	}
	return n.GetToken().Position
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func under(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}

func orFile(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}
