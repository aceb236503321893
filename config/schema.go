package config

import (
	"reflect"
	"strings"
)

// field is what the tags of a struct field say.
type field struct {
	name     string
	index    []int
	enum     []string
	fallback string // text of the default, "" for the zero value
	need     bool
}

// fieldsOf lists the keys of a struct in order, those of inlined structs in their place.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, option, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			for _, f := range fieldsOf(sf.Type) {
				f.index = append([]int{i}, f.index...)
				fields = append(fields, f)
			}
		case name != "" && name != "-":
			f := field{name: name, index: []int{i}, fallback: sf.Tag.Get("default"), need: sf.Tag.Get("need") == "yes"}
			if enum := sf.Tag.Get("enum"); enum != "" {
				f.enum = strings.Split(enum, ",")
			}
			fields = append(fields, f)
		}
	}
	return fields
}

// keyField returns the index of the field that takes the key of the surrounding mapping, or -1.
func keyField(t reflect.Type) int {
	if t.Kind() != reflect.Struct {
		return -1
	}
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == ",key" {
			return i
		}
	}
	return -1
}

func names(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

// setDefaults fills the struct that v points to from its tags. A default that does not fit its field is a mistake in this
// package, so it panics.
func setDefaults(v any) {
	s := reflect.ValueOf(v).Elem()
	for _, f := range fieldsOf(s.Type()) {
		target := s.FieldByIndex(f.index)
		_, isScalar := target.Addr().Interface().(scalar)
		switch {
		case target.Kind() == reflect.Struct && !isScalar:
			setDefaults(target.Addr().Interface())
		case f.fallback == "":
		case target.Kind() == reflect.Slice:
			target.Set(reflect.ValueOf(strings.Split(f.fallback, ",")))
		default:
			setDefault(target, f)
		}
	}
}

func setDefault(target reflect.Value, f field) {
	parse := func(text string) error { return setScalar(target, text, f, 0) }
	if s, ok := target.Addr().Interface().(scalar); ok {
		parse = s.parse
	}
	if err := parse(f.fallback); err != nil {
		panic("default of " + f.name + ": " + err.Error())
	}
}
