package config

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestSchemaIsFresh holds that oxidometer.schema.json is what the types say.
func TestSchemaIsFresh(t *testing.T) {
	g := schemaGenerator{comments: fieldComments(t, "repo.go")}
	root := g.object(reflect.TypeFor[Repo]())
	schema := append(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "Oxidometer repository file"},
		{"description", "The file .github/oxidometer.yml on the base branch. Everything is optional."},
	}, root...)
	var indented bytes.Buffer
	raw, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "oxidometer.schema.json", indented.String()+"\n")
}

// TestEveryKeyIsExplained: the schema's descriptions, which editors show, are the fields' comments.
func TestEveryKeyIsExplained(t *testing.T) {
	comments := fieldComments(t, "repo.go")
	for _, rt := range []reflect.Type{
		reflect.TypeFor[Repo](), reflect.TypeFor[Target](), reflect.TypeFor[File](), reflect.TypeFor[Bucket](), reflect.TypeFor[Rule](),
		reflect.TypeFor[Base](), reflect.TypeFor[Budget](), reflect.TypeFor[Ratchet](), reflect.TypeFor[Tolerance](), reflect.TypeFor[Gate](),
		reflect.TypeFor[Noise](), reflect.TypeFor[Comment](), reflect.TypeFor[Commands](), reflect.TypeFor[Report](), reflect.TypeFor[Limits](),
	} {
		for i := range rt.NumField() {
			if name := rt.Name() + "." + rt.Field(i).Name; comments[name] == "" && rt.Field(i).Tag.Get("yaml") != "-" {
				t.Errorf("%s has no comment", name)
			}
		}
	}
}

// TestPatternsAgreeWithParsers: a value that the schema's pattern refuses is refused by the parser too.
func TestPatternsAgreeWithParsers(t *testing.T) {
	texts := []string{"0", "12", "1KiB", "8 KiB", "1.5MiB", "2%", "0.5 %", "auto", "45m", "1h30m", "90d", "2w", "0s",
		"", "KiB", "-1", "1KB", "1e3", "1.", ".5", "x", "45 m", "m", "1.5h", "%", "1%%", "auto1"}
	for _, s := range []func() scalar{
		func() scalar { return new(Size) }, func() scalar { return new(Growth) }, func() scalar { return new(Band) }, func() scalar { return new(Duration) },
	} {
		for _, text := range texts {
			matches := regexp.MustCompile(s().pattern()).MatchString(text)
			if parses := s().parse(text) == nil; matches != parses {
				t.Errorf("%T %q: pattern says %t, parser says %t", s(), text, matches, parses)
			}
		}
	}
}

type schemaGenerator struct {
	comments map[string]string
}

// object is a JSON object with an order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(m.name)
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (g schemaGenerator) object(t reflect.Type) object {
	var properties object
	var required []string
	for _, f := range fieldsOf(t) {
		sf := t.FieldByIndex(f.index)
		owner := t
		if len(f.index) > 1 {
			owner = t.FieldByIndex(f.index[:len(f.index)-1]).Type
		}
		s := append(object{{"description", g.comments[owner.Name()+"."+sf.Name]}}, g.value(sf.Type, f)...)
		properties = append(properties, member{f.name, orNull(s, f)})
		if f.need {
			required = append(required, f.name)
		}
	}
	o := object{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}}
	if required != nil {
		o = append(o, member{"required", required})
	}
	return o
}

// orNull: a key whose value is commented out counts as absent.
func orNull(s object, f field) object {
	for i, m := range s {
		if kind, ok := m.value.(string); ok && m.name == "type" && !f.need && kind != "string" {
			s[i].value = []string{kind, "null"}
		}
	}
	return s
}

func (g schemaGenerator) value(t reflect.Type, f field) object {
	if s, ok := reflect.New(t).Interface().(scalar); ok {
		return withDefault(object{{"type", []string{"string", "integer"}}, {"pattern", s.pattern()}}, f, f.fallback)
	}
	switch t.Kind() {
	case reflect.Struct:
		return g.object(t)
	case reflect.Map:
		return object{{"type", "object"}, {"additionalProperties", g.value(t.Elem(), f)}}
	case reflect.Slice:
		return g.list(t.Elem(), f)
	case reflect.Bool:
		return withDefault(object{{"type", "boolean"}}, f, f.fallback == "true")
	case reflect.Int:
		if f.name == "version" {
			return object{{"const", 1}}
		}
		return withDefault(object{{"type", "integer"}, {"minimum", 0}, {"maximum", 1_000_000}}, f, json.Number(f.fallback))
	}
	return withDefault(g.word(f), f, f.fallback)
}

func (g schemaGenerator) list(elem reflect.Type, f field) object {
	if keyField(elem) >= 0 {
		return object{{"type", "object"}, {"additionalProperties", g.value(elem, field{})}}
	}
	if elem.Kind() == reflect.Struct {
		return object{{"type", "array"}, {"items", g.value(elem, field{})}}
	}
	word := g.word(f)
	return withDefault(object{{"anyOf", []object{word, {{"type", "array"}, {"items", word}}}}}, f, strings.Split(f.fallback, ","))
}

func (g schemaGenerator) word(f field) object {
	if len(f.enum) > 0 {
		return object{{"enum", f.enum}}
	}
	return object{{"type", []string{"string", "number"}}}
}

func withDefault(o object, f field, value any) object {
	if f.fallback == "" {
		return o
	}
	return append(o, member{"default", value})
}

// fieldComments reads the comments of struct fields, by "Type.Field".
func fieldComments(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				name := fieldName(f)
				comments[spec.Name.Name+"."+name] = strings.TrimSpace(strings.ReplaceAll(f.Doc.Text(), "\n", " "))
			}
		}
		return true
	})
	return comments
}

func fieldName(f *ast.Field) string {
	if len(f.Names) == 0 {
		return f.Type.(*ast.Ident).Name // embedded
	}
	return f.Names[0].Name
}
