package config

import (
	"reflect"
	"strings"

	"github.com/approval-relay/approval-relay/secret"
)

// walkSecrets calls visit for every secret of a configuration.
func walkSecrets(c *Config, visit func(path string, text secret.Text)) {
	walk(reflect.ValueOf(c).Elem(), "", func(path string, v reflect.Value) {
		if text, ok := v.Interface().(secret.Text); ok {
			visit(path, text)
		}
	})
}

// walk calls visit for every value of a configuration, with its dotted path.
func walk(v reflect.Value, path string, visit func(path string, v reflect.Value)) {
	visit(path, v)
	switch {
	case isLeaf(v.Type()):
	case v.Kind() == reflect.Pointer && !v.IsNil():
		walk(v.Elem(), path, visit)
	case v.Kind() == reflect.Struct:
		walkStruct(v, path, visit)
	case v.Kind() == reflect.Map:
		for _, key := range v.MapKeys() {
			walk(addressable(v.Type().Elem(), v.MapIndex(key)), path+"."+key.String(), visit)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), path+index(i), visit)
		}
	}
}

func walkStruct(v reflect.Value, path string, visit func(path string, v reflect.Value)) {
	if chooser, ok := v.Addr().Interface().(Chooser); ok {
		if kind, settings := chooser.current(); kind != "" {
			walk(reflect.ValueOf(settings), path+"."+kind, visit)
		}
	}
	for f, field := range v.Fields() {
		switch tag := f.Tag.Get("yaml"); {
		case isInline(f):
			walk(field, path, visit)
		case f.IsExported() && tag != "" && tag != "-":
			walk(field, strings.TrimPrefix(path+"."+tag, "."), visit)
		}
	}
}
