package config

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/approval-relay/approval-relay/secret"
)

// decodeLeaf fills a value that is read as a whole. The value is not in the fault's text: it may be a secret.
func (d *decoder) decodeLeaf(n ast.Node, v reflect.Value, path string) {
	known := d.variables.expand(n, path)
	if !known {
		d.findings.markUnreadable(path)
	}
	into := reflect.New(v.Type())
	err := readLeaf(n, into)
	if err == nil {
		v.Set(into.Elem())
	}
	if err == nil || !known {
		return
	}
	message := "is not a " + typeName(v.Type())
	if text, _ := scalarText(n); v.Type() == reflect.TypeFor[time.Duration]() && isNumber(text) {
		message = "is a number without a unit; a duration is written 90s, 15m or 24h"
	}
	if isLeaf(v.Type()) && v.Type() != reflect.TypeFor[time.Time]() {
		message = err.Error()
		if y, ok := errors.AsType[yaml.Error](err); ok {
			message = withoutQuotes(y)
		}
	}
	d.findings.fault(path, "%s", message)
	d.findings.markUnreadable(path)
}

// readLeaf reads a node into the value that a pointer points to. Numbers and truth values may be texts, because the
// value of a variable is a text.
func readLeaf(n ast.Node, into reflect.Value) error {
	kind := into.Elem().Kind()
	text, isScalar := scalarText(n)
	switch {
	case !isScalar:
		return yaml.NodeToValue(numbersIn(n), into.Interface())
	case into.Type() == reflect.TypeFor[*time.Duration]() && text == "0":
		return nil
	case into.Type() == reflect.TypeFor[*time.Duration]():
		return yaml.NodeToValue(n, into.Interface())
	case into.Type() == reflect.TypeFor[*time.Time]():
		return readTime(text, into.Interface().(*time.Time))
	case kind == reflect.Int:
		return readInt(text, into.Elem())
	case kind == reflect.Bool && (text == "true" || text == "false"):
		into.Elem().SetBool(text == "true")
		return nil
	case kind == reflect.String, into.Type() == reflect.TypeFor[*secret.Text]():
		return yaml.NodeToValue(textNode(n, text), into.Interface())
	}
	return yaml.NodeToValue(n, into.Interface())
}

// scalarText returns the text of a node that is a single value, as it stands in the file: a secret of digits that looks
// like a number keeps its zeros.
func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// textNode returns a node of this text at the place of another node.
func textNode(n ast.Node, text string) *ast.StringNode {
	return ast.String(token.String(text, text, n.GetToken().Position))
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// anyZone is the zone of a day without a zone, until its person is known.
var anyZone = time.FixedZone("any zone", 0)

// inZone returns the beginning of a day in the zone of a person. A time that has its zone stays the same.
func inZone(t time.Time, zone *time.Location) time.Time {
	if t.Location() != anyZone || zone == nil {
		return t
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
}

// readTime reads a day, or a time with its zone.
func readTime(text string, into *time.Time) (err error) {
	if *into, err = time.ParseInLocation(time.DateOnly, text, anyZone); err == nil {
		return nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00"} {
		if *into, err = time.Parse(form, text); err == nil {
			return nil
		}
	}
	return err
}

// errNotWhole is the error of a number with a fraction, and of a text that is not a number.
var errNotWhole = errors.New("is not a whole number")

// readInt reads a whole number in any notation: Helm writes 1048576 as 1.048576e+06.
func readInt(text string, v reflect.Value) error {
	number, _, err := new(big.Float).Parse(strings.ReplaceAll(text, "_", ""), 0)
	if err != nil || !number.IsInt() {
		return errNotWhole
	}
	whole, exactly := number.Int64()
	if exactly != big.Exact || whole > math.MaxInt || whole < math.MinInt {
		return errNotWhole
	}
	v.SetInt(whole)
	return nil
}

// exponent matches a number that the YAML library takes for a text, because it has an exponent and no decimal point.
var exponent = regexp.MustCompile(`^([-+]?[0-9]+)([eE][-+]?[0-9]+)$`)

// numbersIn turns the texts within a node that are numbers of JSON and of YAML 1.2 into numbers.
func numbersIn(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, entry := range n.Values {
			entry.Value = numbersIn(entry.Value)
		}
	case *ast.MappingValueNode:
		n.Value = numbersIn(n.Value)
	case *ast.SequenceNode:
		for i, item := range n.Values {
			n.Values[i] = numbersIn(item)
		}
	case *ast.StringNode:
		if t := n.GetToken(); t.Type == token.StringType && exponent.MatchString(n.Value) {
			text := exponent.ReplaceAllString(n.Value, "$1.0$2")
			return ast.Float(token.New(text, text, t.Position))
		}
	}
	return n
}

// typeName returns the name of a type for people.
func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration, such as 90s, 15m or 24h"
	case t == reflect.TypeFor[time.Time]():
		return "time, such as 2026-12-24 or 2026-12-24T18:00:00+01:00"
	case t.Kind() == reflect.Slice:
		return "list, such as [a, b]"
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map || t.Kind() == reflect.Pointer:
		return "mapping of fields"
	case t.Kind() == reflect.Bool:
		return "truth value: true or false"
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Int:
		return "whole number"
	}
	return "number"
}
