package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/setup"
)

// FormSchema is the schema of a form as the file has it, as JSON. The order of its properties is the order of the fields.
type FormSchema json.RawMessage

// decodeSchema reads the schema of a form. It records the lines of everything within, so that a fault has its line.
func (d *decoder) decodeSchema(n ast.Node, v reflect.Value, path string) {
	if !d.variables.expand(n, path) {
		d.findings.markUnreadable(path)
	}
	text, err := nodeJSON(n)
	if err != nil {
		d.findings.fault(path, "%s", err)
		d.findings.markUnreadable(path)
		return
	}
	d.recordLines(n, path)
	v.SetBytes(text)
}

// recordLines records the lines of everything within a node.
func (d *decoder) recordLines(n ast.Node, path string) {
	if list, isMapping := entries(n); isMapping {
		for _, entry := range list {
			at := path + "." + keyText(entry.Key)
			d.recordLine(at, entry.Key)
			d.recordLines(entry.Value, at)
		}
	}
	if list, isList := n.(*ast.SequenceNode); isList {
		for i, item := range list.Values {
			at := path + index(i)
			d.findings.lines[at] = item.GetToken().Position.Line
			d.recordLines(item, at)
		}
	}
}

// nodeJSON returns a node as JSON. Its objects keep their order, and its numbers their digits.
func nodeJSON(n ast.Node) ([]byte, error) {
	var b bytes.Buffer
	err := writeNode(&b, n)
	return b.Bytes(), err
}

func writeNode(b *bytes.Buffer, n ast.Node) error {
	if list, isMapping := entries(n); isMapping {
		return writeMapping(b, list)
	}
	switch n := n.(type) {
	case *ast.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Values {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeNode(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case *ast.NullNode:
		b.WriteString("null")
		return nil
	case *ast.BoolNode:
		b.WriteString(strconv.FormatBool(n.Value))
		return nil
	case *ast.TagNode:
		return writeNode(b, n.Value)
	}
	text, isScalar := scalarText(n)
	if !isScalar {
		return fmt.Errorf("has a value of an unknown kind in line %d", n.GetToken().Position.Line)
	}
	if number, isNumber := nodeNumber(n, text); isNumber {
		b.WriteString(number)
		return nil
	}
	writeText(b, text)
	return nil
}

func writeMapping(b *bytes.Buffer, list []*ast.MappingValueNode) error {
	b.WriteByte('{')
	for i, entry := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		writeText(b, keyText(entry.Key))
		b.WriteByte(':')
		if err := writeNode(b, entry.Value); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func writeText(b *bytes.Buffer, text string) {
	encoded, _ := json.Marshal(text) // a text is never refused
	b.Write(encoded)
}

// nodeNumber returns the number of a node as JSON writes it.
func nodeNumber(n ast.Node, text string) (string, bool) {
	_, isInteger := n.(*ast.IntegerNode)
	_, isFloat := n.(*ast.FloatNode)
	if !isInteger && !isFloat {
		scalar, isText := numbersIn(n).(*ast.FloatNode) // 1e3 is a text for the YAML library
		return text, isText && scalar != nil
	}
	if json.Valid([]byte(text)) {
		return text, true
	}
	number, _, err := new(big.Float).SetPrec(256).Parse(strings.ReplaceAll(text, "_", ""), 0)
	if err != nil {
		return "", false
	}
	return number.Text('g', -1), true
}

// expressions returns the expressions of the fields, by the name of the field. It reports a value that is no expression.
func (s FormSchema) expressions(check *setup.Check) map[string]string {
	schema, err := canonical.Parse(s)
	properties := schema.Member("properties")
	if err != nil || properties == nil { // a fault for package form
		return nil
	}
	expressions := map[string]string{}
	for _, property := range properties.Members {
		switch source := property.Value.Member("value"); {
		case source == nil:
		case source.Kind != canonical.String:
			check.Fault("properties."+property.Name+".value", "is not a CEL expression, such as body.purchase.total")
		default:
			expressions[property.Name] = source.Text
		}
	}
	return expressions
}

// MarshalYAML writes the schema in its order.
func (s FormSchema) MarshalYAML() (any, error) {
	if len(s) == 0 {
		return nil, nil
	}
	v, err := canonical.Parse(s)
	return shownSchema{s, v}, err
}

// shownSchema is a schema as "config show" writes it: in its order, also as JSON.
type shownSchema struct {
	text  FormSchema
	value canonical.Value
}

// MarshalJSON implements json.Marshaler.
func (s shownSchema) MarshalJSON() ([]byte, error) {
	return []byte(strings.ReplaceAll(string(s.text), "${", "$${")), nil
}

// MarshalYAML implements yaml.InterfaceMarshaler.
func (s shownSchema) MarshalYAML() (any, error) { return yamlValue(s.value), nil }

// yamlValue returns a value of JSON for the YAML encoder. A text with ${ is written so that it is read as it is.
func yamlValue(v canonical.Value) any {
	switch v.Kind {
	case canonical.Bool:
		return v.True
	case canonical.String:
		return strings.ReplaceAll(v.Text, "${", "$${")
	case canonical.Number:
		if i, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			return i
		}
		f, _ := strconv.ParseFloat(v.Text, 64) // it was read from JSON
		return f
	case canonical.Array:
		items := make([]any, len(v.Items))
		for i := range items {
			items[i] = yamlValue(v.Items[i])
		}
		return items
	case canonical.Object:
		members := yaml.MapSlice{}
		for _, m := range v.Members {
			members = append(members, yaml.MapItem{Key: m.Name, Value: yamlValue(m.Value)})
		}
		return members
	}
	return nil
}
