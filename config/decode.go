package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/approval-relay/approval-relay/setup"
)

// decoder fills a value from a syntax tree. It goes on after a fault, so that all faults of a file are reported at once.
type decoder struct {
	findings   *findings
	defaults   ast.Node // of workflows
	unreadable []string // paths of values that could not be read
}

// decodeFile fills the configuration. The defaults of workflows are decoded first into each workflow.
func (d *decoder) decodeFile(body ast.Node, v reflect.Value) {
	if list, ok := entries(body); ok {
		for _, entry := range list {
			if keyText(entry.Key) == "defaults" && entry.Value.Type() != ast.NullType {
				d.defaults = entry.Value
			}
		}
	}
	d.decode(body, v, "")
}

// decode fills v from a node: it records the line of every field, and reports every unknown field and every value that
// does not fit.
func (d *decoder) decode(n ast.Node, v reflect.Value, path string) {
	if n.Type() == ast.NullType { // the default
		return
	}
	if v.Kind() == reflect.Pointer && !isLeaf(v.Type()) {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.decode(n, v.Elem(), path)
		return
	}
	list, isMapping := entries(n)
	sequence, isList := n.(*ast.SequenceNode)
	switch {
	case isLeaf(v.Type()):
		d.decodeLeaf(n, v, path)
	case isMapping && v.Kind() == reflect.Struct:
		for _, entry := range list {
			d.decodeField(entry, v, path)
		}
	case isMapping && v.Kind() == reflect.Map && v.Type().Elem().Kind() != reflect.Interface:
		d.decodeMap(list, v, path)
	case isList && v.Kind() == reflect.Slice:
		d.decodeList(sequence, v, path)
	default:
		d.decodeLeaf(n, v, path)
	}
}

func (d *decoder) decodeField(entry *ast.MappingValueNode, v reflect.Value, path string) {
	name := keyText(entry.Key)
	at := strings.TrimPrefix(path+"."+name, ".")
	d.recordLine(at, entry.Key)
	if field, ok := fieldNamed(v, name); ok {
		d.decode(entry.Value, field, at)
		return
	}
	if chooser, ok := v.Addr().Interface().(Chooser); ok {
		for _, c := range chooser.Choices() {
			if c.Name == name {
				chooser.choose(name, c.Settings)
				d.decode(entry.Value, reflect.ValueOf(c.Settings), at)
				return
			}
		}
	}
	d.findings.fault(at, "unknown field%s", setup.DidYouMean(name, fieldNames(v)))
}

// decodeMap fills a map. An entry of a map of structs is decoded over the entry that is there.
func (d *decoder) decodeMap(list []*ast.MappingValueNode, v reflect.Value, path string) {
	filled := reflect.MakeMap(v.Type())
	for _, key := range v.MapKeys() {
		filled.SetMapIndex(key, v.MapIndex(key))
	}
	for _, entry := range list {
		name := keyText(entry.Key)
		at := strings.TrimPrefix(path+"."+name, ".")
		d.recordLine(at, entry.Key)
		value := reflect.New(v.Type().Elem()).Elem()
		key := reflect.ValueOf(name).Convert(v.Type().Key())
		if there := filled.MapIndex(key); there.IsValid() && value.Kind() == reflect.Struct {
			value.Set(there)
		}
		if path == "workflows" && d.defaults != nil {
			quiet := decoder{findings: &findings{lines: map[string]int{}}} // its faults are reported at "defaults"
			quiet.decode(d.defaults, value, at)
		}
		d.decode(entry.Value, value, at)
		filled.SetMapIndex(key, value)
	}
	v.Set(filled)
}

func (d *decoder) decodeList(n *ast.SequenceNode, v reflect.Value, path string) {
	filled := reflect.MakeSlice(v.Type(), len(n.Values), len(n.Values))
	for i, item := range n.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.findings.lines[at] = item.GetToken().Position.Line
		d.decode(item, filled.Index(i), at)
	}
	v.Set(filled)
}

func (d *decoder) recordLine(path string, key ast.MapKeyNode) {
	if _, known := d.findings.lines[path]; !known {
		d.findings.lines[path] = key.GetToken().Position.Line
	}
}

// decodeLeaf fills a value that is read as a whole. The value is not in the fault's text: it may be a secret.
func (d *decoder) decodeLeaf(n ast.Node, v reflect.Value, path string) {
	into := reflect.New(v.Type())
	err := yaml.NodeToValue(n, into.Interface())
	if err == nil {
		v.Set(into.Elem())
		return
	}
	message := "is not a " + typeName(v.Type())
	if isLeaf(v.Type()) && v.Type() != reflect.TypeFor[time.Time]() {
		message = err.Error()
		if y, ok := errors.AsType[yaml.Error](err); ok {
			message = withoutQuotes(y)
		}
	}
	d.findings.fault(path, "%s", message)
	d.unreadable = append(d.unreadable, path)
}

// typeName returns the name of a type for people.
func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration, such as 90s or 24h"
	case t == reflect.TypeFor[time.Time]():
		return "time, such as 2026-12-24 or 2026-12-24T18:00:00+01:00"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map || t.Kind() == reflect.Pointer:
		return "mapping of fields"
	case t.Kind() == reflect.Bool:
		return "truth value: true or false"
	case t.Kind() == reflect.String:
		return "text"
	}
	return "number"
}

// isLeaf reports whether a type is read from YAML as one value, not field by field.
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
		for _, c := range chooser.Choices() {
			if !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

func isInline(f reflect.StructField) bool {
	return f.IsExported() && f.Type.Kind() == reflect.Struct && f.Tag.Get("yaml") == ",inline"
}
