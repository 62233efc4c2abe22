package config

import (
	"reflect"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// isLeaf reports whether a type is read from YAML as a single value, not field by field.
func isLeaf(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.InterfaceUnmarshaler]())
}

// fieldNamed returns the field of a struct with this name in the file. It looks into inlined structs too.
func fieldNamed(v reflect.Value, name string) (reflect.Value, bool) {
	for f, field := range v.Fields() {
		switch {
		case isInline(f):
			if found, ok := fieldNamed(field, name); ok {
				return found, true
			}
		case f.IsExported() && f.Tag.Get("yaml") == name && name != "-":
			return field, true
		}
	}
	return reflect.Value{}, false
}

// fieldNames returns the names of the fields of a struct, and of the kinds that it can name.
func fieldNames(v reflect.Value) []string {
	var names []string
	for f, field := range v.Fields() {
		switch tag := f.Tag.Get("yaml"); {
		case isInline(f):
			names = append(names, fieldNames(field)...)
		case f.IsExported() && tag != "" && tag != "-":
			names = append(names, tag)
		}
	}
	if chooser, ok := v.Addr().Interface().(Chooser); ok {
		for _, name := range choiceNames(chooser) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// hasOwnFields reports whether a struct has fields beside the kinds that it can name.
func hasOwnFields(v reflect.Value) bool {
	return slices.ContainsFunc(reflect.VisibleFields(v.Type()), func(f reflect.StructField) bool {
		tag := f.Tag.Get("yaml")
		return tag != "" && tag != "-"
	})
}

func isInline(f reflect.StructField) bool {
	return f.IsExported() && f.Type.Kind() == reflect.Struct && f.Tag.Get("yaml") == ",inline"
}
