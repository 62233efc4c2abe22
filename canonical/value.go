package canonical

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is the type of a JSON value.
type Kind int

// The types of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is a JSON value. Unlike a map, it keeps the order of the members of an object, and the names that are given
// twice.
type Value struct {
	Kind    Kind
	True    bool   // the value of a Bool
	Text    string // a String, or a Number as it is written
	Items   []Value
	Members []Member
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value Value
}

// Parse reads a JSON value. The error is an *Error.
func Parse(raw []byte) (Value, error) {
	if !json.Valid(raw) {
		return Value{}, &Error{Reason: "is not JSON"}
	}
	if !utf8.Valid(raw) || hasLoneSurrogate(raw) {
		return Value{}, &Error{Reason: "has text that is not Unicode"}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := read(d)
	if err != nil { // impossible, because the JSON is valid
		return Value{}, &Error{Reason: "is not JSON"}
	}
	return v, nil
}

// Member returns the member with this name, or nil. If the name is given twice, it is the first.
func (v Value) Member(name string) *Value {
	for i := range v.Members {
		if v.Members[i].Name == name {
			return &v.Members[i].Value
		}
	}
	return nil
}

// All returns the values of the members with this name: several if the name is given several times.
func (v Value) All(name string) []Value {
	var all []Value
	for _, m := range v.Members {
		if m.Name == name {
			all = append(all, m.Value)
		}
	}
	return all
}

func read(d *json.Decoder) (Value, error) {
	token, err := d.Token()
	if err != nil {
		return Value{}, err
	}
	switch t := token.(type) {
	case bool:
		return Value{Kind: Bool, True: t}, nil
	case json.Number:
		return Value{Kind: Number, Text: string(t)}, nil
	case string:
		return Value{Kind: String, Text: t}, nil
	case json.Delim:
		if t == '[' {
			return readArray(d)
		}
		return readObject(d)
	}
	return Value{Kind: Null}, nil
}

func readArray(d *json.Decoder) (Value, error) {
	v := Value{Kind: Array}
	for d.More() {
		item, err := read(d)
		if err != nil {
			return Value{}, err
		}
		v.Items = append(v.Items, item)
	}
	_, err := d.Token() // the closing bracket
	return v, err
}

func readObject(d *json.Decoder) (Value, error) {
	v := Value{Kind: Object}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return Value{}, err
		}
		value, err := read(d)
		if err != nil {
			return Value{}, err
		}
		v.Members = append(v.Members, Member{Name: name.(string), Value: value})
	}
	_, err := d.Token() // the closing brace
	return v, err
}

// hasLoneSurrogate reports whether a string of valid JSON has the escape of half a character. The decoder of the
// standard library replaces it, so that two different strings would be the same.
func hasLoneSurrogate(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		unit, ok := escapedUnit(raw[i:])
		if !ok {
			i++ // another escape, of two bytes
			continue
		}
		i += 5
		if !utf16.IsSurrogate(unit) {
			continue
		}
		low, ok := escapedUnit(raw[i+1:])
		if !ok || utf16.DecodeRune(unit, low) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// escapedUnit returns the UTF-16 code unit of an escape such as \u00e9 at the beginning of some JSON.
func escapedUnit(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	var unit rune
	for _, c := range raw[2:6] {
		switch {
		case c <= '9':
			c -= '0'
		default:
			c = c&^0x20 - 'A' + 10
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}
