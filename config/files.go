package config

import (
	"reflect"
	"slices"

	"github.com/approval-relay/approval-relay/secret"
)

// fileNamer is implemented by settings that name files, such as templates.
type fileNamer interface{ Files() []string }

// Files lists the files that the configuration was read from beside its own: secrets, templates, and the token file.
func (c *Config) Files() []string {
	var files []string
	walkValues(reflect.ValueOf(*c), func(v reflect.Value) {
		switch value := v.Interface().(type) {
		case secret.Text:
			files = append(files, value.File())
		case fileNamer:
			files = append(files, value.Files()...)
		}
	})
	if len(c.Operator.Tokens) == 0 {
		files = append(files, c.Operator.TokenFile)
	}
	slices.Sort(files)
	return slices.DeleteFunc(slices.Compact(files), func(path string) bool { return path == "" })
}

// walkValues calls visit for every exported value within v that is a struct.
func walkValues(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walkValues(v.Elem(), visit)
		}
	case reflect.Struct:
		visit(v)
		if chooser, ok := v.Interface().(interface{ settingsOf() any }); ok {
			walkValues(reflect.ValueOf(chooser.settingsOf()), visit)
		}
		for f, field := range v.Fields() {
			if f.IsExported() && f.Tag.Get("yaml") != "-" {
				walkValues(field, visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkValues(v.Index(i), visit)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			walkValues(v.MapIndex(key), visit)
		}
	}
}
