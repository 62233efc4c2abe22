package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Field describes a field of the configuration file, for the documentation and for editors.
type Field struct {
	Name    string // in the file; NAME stands for every name of a mapping, and [] for every item of a list
	Path    string // dotted, from the top of the file
	Doc     string
	Default any      // as in the file; nil if there is no default
	Values  []string // all possible values; empty if there is no such list
	Type    reflect.Type
	IsKind  bool     // the field is a kind, of which exactly one is set
	Fields  []*Field // within this field
}

// DefaultText returns the default as it is written in the file, or the empty text.
func (f *Field) DefaultText() string {
	if f.Default == nil {
		return ""
	}
	return fmt.Sprint(f.Default)
}

// Walk calls f for the field and for all fields within it, in their order. It leaves out NAME and [], whose fields have
// them in their path.
func (f *Field) Walk(visit func(*Field)) {
	if f.Name != anyName && f.Name != anyItem {
		visit(f)
	}
	for _, field := range f.Fields {
		field.Walk(visit)
	}
}

const (
	anyName = "NAME"
	anyItem = "[]"
)

// Describe returns the parts of the configuration, in the order of the file's documentation.
func Describe() []*Field {
	c := Defaults()
	c.Workflows = map[string]Workflow{anyName: {}}
	c.Decisions = map[string]Decision{anyName: {}}
	c.Webhooks = map[string]Webhook{anyName: {}}
	c.Operator.Tokens = map[string]OperatorToken{anyName: {}}
	c.Operator.APITokens = map[string]APIToken{anyName: {}}
	c.Defaults = nil
	c.setDefaultsOfMaps()
	return describeStruct(reflect.ValueOf(&c).Elem(), "")
}

// setDefaultsOfMaps fills the parts that have no defaults before they are named in a file.
func (c *Config) setDefaultsOfMaps() {
	c.setDefaults()
	w := c.Workflows[anyName]
	w.Notify = nil // "all channels for people"
	c.Workflows[anyName] = w
}

// describeStruct describes the fields of a struct. Those of inlined structs stand among them.
func describeStruct(v reflect.Value, path string) []*Field {
	var fields []*Field
	if chooser, ok := v.Addr().Interface().(Chooser); ok && !hasOwnFields(v) {
		return describeChoices(chooser, path)
	}
	for f, value := range v.Fields() {
		tag := f.Tag.Get("yaml")
		switch {
		case isInline(f):
			fields = append(fields, describeStruct(value, path)...)
		case f.IsExported() && tag != "" && tag != "-":
			fields = append(fields, describeField(f, value, path))
		}
	}
	return fields
}

func describeChoices(chooser Chooser, path string) []*Field {
	var fields []*Field
	for _, c := range chooser.Choices() {
		setSettingsDefaults(c.Settings, setup.Common{})
		v := reflect.ValueOf(c.Settings).Elem()
		fields = append(fields, &Field{
			Name:   c.Name,
			Path:   path + "." + c.Name,
			Doc:    c.Doc,
			Type:   v.Type(),
			IsKind: true,
			Fields: describeStruct(v, path+"."+c.Name),
		})
	}
	return fields
}

func describeField(f reflect.StructField, v reflect.Value, path string) *Field {
	name := f.Tag.Get("yaml")
	field := &Field{
		Name:    name,
		Path:    strings.TrimPrefix(path+"."+name, "."),
		Doc:     f.Tag.Get("doc"),
		Default: defaultOf(v),
		Type:    f.Type,
	}
	if values := f.Tag.Get("enum"); values != "" {
		field.Values = strings.Split(values, ",")
	}
	field.Fields = describeWithin(f.Type, v, field.Path)
	if len(field.Fields) > 0 {
		field.Default = nil
	}
	return field
}

// describeWithin describes the fields within a field of this type.
func describeWithin(t reflect.Type, v reflect.Value, path string) []*Field {
	switch {
	case isLeaf(t):
		return nil
	case t == reflect.TypeFor[Details]():
		return describeNamed(t.Elem(), reflect.Value{}, path+"."+anyName, anyName)
	case t.Kind() == reflect.Pointer:
		within := reflect.New(t.Elem())
		if v.IsValid() && !v.IsNil() {
			within = v
		} else {
			setSettingsDefaults(within.Interface(), setup.Common{})
		}
		if t == reflect.TypeFor[*Workflow]() { // defaults: as in workflows
			return nil
		}
		return describeWithin(t.Elem(), within.Elem(), path)
	case t.Kind() == reflect.Struct:
		return describeStruct(addressable(t, v), path)
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct && !isLeaf(t.Elem()):
		return describeNamed(t.Elem(), v.MapIndex(reflect.ValueOf(anyName)), path+"."+anyName, anyName)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && !isLeaf(t.Elem()):
		return describeNamed(t.Elem(), reflect.Value{}, path+anyItem, anyItem)
	}
	return nil
}

func describeNamed(t reflect.Type, v reflect.Value, path, name string) []*Field {
	return []*Field{{
		Name:   name,
		Path:   path,
		Type:   t,
		Fields: describeStruct(addressable(t, v), path),
	}}
}

// addressable returns a copy of a value that can be addressed, or a zero value if there is none.
func addressable(t reflect.Type, v reflect.Value) reflect.Value {
	copied := reflect.New(t).Elem()
	if v.IsValid() {
		copied.Set(v)
	}
	return copied
}

// defaultOf returns a default as it is written in the file, or nil.
func defaultOf(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return nil
	}
	if v.IsZero() {
		return nil
	}
	switch value := v.Interface().(type) {
	case secret.Text:
		return nil
	case Policy:
		return value.Kind
	case time.Duration:
		return setup.FormatDuration(value)
	}
	if v.Kind() == reflect.String {
		return v.String()
	}
	return v.Interface()
}
