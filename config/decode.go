package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/approval-relay/approval-relay/setup"
)

// decoder fills a value from a syntax tree. It goes on after a fault, so that all faults of a file are reported at
// once.
type decoder struct {
	findings  *findings
	variables *variables
	defaults  ast.Node // of workflows; nil if the file has none
}

// decodeFile fills the configuration.
func (d *decoder) decodeFile(body ast.Node, c *Config) {
	list, isMapping := entries(body)
	if !isMapping {
		if body.Type() != ast.NullType {
			d.findings.fault("(file)", "is not a mapping of fields, such as workflows: {orders: {}}")
		}
		return
	}
	for _, entry := range list {
		if keyText(entry.Key) == "defaults" && entry.Value.Type() != ast.NullType {
			d.defaults = entry.Value
		}
	}
	d.decode(body, reflect.ValueOf(c).Elem(), "")
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
	case v.Type() == reflect.TypeFor[FormSchema]():
		d.decodeSchema(n, v, path)
	case v.Type() == reflect.TypeFor[Details]():
		d.decodeDetails(n, v, path)
	case isLeaf(v.Type()):
		d.decodeLeaf(n, v, path)
	case hasShortForm(v.Type()) && isSecretAlone(n):
		d.decode(n, v.FieldByName("Token"), path)
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
	if path == "" && (strings.HasPrefix(name, "x-") || name == "$schema") { // for anchors, and for editors
		return
	}
	d.recordLine(at, entry.Key)
	if field, ok := fieldNamed(v, name); ok {
		d.decode(entry.Value, field, at)
		return
	}
	chooser, ok := v.Addr().Interface().(Chooser)
	if !ok {
		d.unknownField(v, path, name)
		return
	}
	for _, c := range chooser.Choices() {
		if c.Name == name {
			chooser.choose(name, c.Settings)
			d.decode(entry.Value, reflect.ValueOf(c.Settings), at)
			return
		}
	}
	d.unknownKind(entry, v, chooser, path)
}

// unknownField reports an unknown field. The field that was meant counts as unreadable, so that it is not reported as
// missing.
func (d *decoder) unknownField(v reflect.Value, path, name string) {
	at := strings.TrimPrefix(path+"."+name, ".")
	if name == "<<" {
		d.findings.fault(at, "merges a mapping or a list of mappings, nothing else")
		return
	}
	known := fieldNames(v)
	d.findings.fault(at, "unknown field%s", suggestField(name, known))
	if meant := setup.Similar(name, known); meant != "" {
		d.findings.markUnreadable(strings.TrimPrefix(path+"."+meant, "."))
	}
}

// unknownKind reports a field of a part that names a kind. The field is a misspelt kind, or a misspelt field beside it.
func (d *decoder) unknownKind(entry *ast.MappingValueNode, v reflect.Value, chooser Chooser, path string) {
	name := keyText(entry.Key)
	if !hasOwnFields(v) {
		chooser.misspell()
		d.findings.fault(path+"."+name, "is not a %s; %s", chooser.noun(), thereAre(name, choiceNames(chooser)))
		return
	}
	if _, isMapping := entries(entry.Value); isMapping { // settings of a kind
		chooser.misspell()
	}
	d.unknownField(v, path, name)
}

// decodeMap fills a map. An entry of a map of structs is decoded over the entry that is there.
func (d *decoder) decodeMap(list []*ast.MappingValueNode, v reflect.Value, path string) {
	filled := reflect.MakeMap(v.Type())
	for _, key := range v.MapKeys() {
		filled.SetMapIndex(key, v.MapIndex(key))
	}
	for _, entry := range list {
		name := keyText(entry.Key)
		at := path + "." + name
		d.recordLine(at, entry.Key)
		name, _ = d.variables.expandText(name, at)
		value := reflect.New(v.Type().Elem()).Elem()
		key := reflect.ValueOf(name).Convert(v.Type().Key())
		if there := filled.MapIndex(key); there.IsValid() && value.Kind() == reflect.Struct {
			value.Set(there)
		}
		if path == "workflows" && d.defaults != nil {
			d.decodeDefaults(value, at)
		}
		d.decode(entry.Value, value, at)
		filled.SetMapIndex(key, value)
	}
	v.Set(filled)
}

// decodeDefaults fills a workflow from the defaults. Their faults are reported at "defaults", so they are ignored here.
func (d *decoder) decodeDefaults(workflow reflect.Value, path string) {
	ignored := newFindings()
	quiet := decoder{findings: ignored, variables: d.variables.reportingTo(ignored)}
	quiet.decode(d.defaults, workflow, path)
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

// suggestField returns the end of a fault about an unknown field: a similar name, or the list of all.
func suggestField(name string, known []string) string {
	if suggestion := setup.DidYouMean(name, known); suggestion != "" {
		return suggestion
	}
	return "; " + thereAre(name, known)
}
