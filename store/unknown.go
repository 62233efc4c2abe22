package store

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// Unknown holds the fields of a stored record that this program does not know: a newer program wrote them. A store passes
// it from DecodeForUpdate to Encode, so that an update by this program keeps them. The zero value means that the program
// knows all fields, as it nearly always does.
//
// It holds the whole record as it was read. To add the unknown fields to the new record takes as much time as to encode
// it several times, but only records of newer programs need that. Package record adds the fields of a binary record,
// the code below the fields of JSON.
type Unknown struct {
	record []byte
	writer int // its version
	// sealed are the tokens of the record, so that they are not sealed again. Unlike the rest, it follows the updates.
	sealed *sealedTokens
}

// NewUnknown returns the value for an order that is not stored yet. Its updates in a row do not seal the tokens again.
func NewUnknown() Unknown { return Unknown{sealed: &sealedTokens{}} }

// IsEmpty reports whether the program knows all fields of the record.
func (u Unknown) IsEmpty() bool { return u.record == nil }

// decodeStrictly decodes JSON and reports whether it has fields that the target does not have.
func decodeStrictly(b []byte, into *jsonRecord) (hasUnknown bool, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err = d.Decode(into)
	if err == nil && d.InputOffset() == int64(len(b)) {
		return false, nil
	}
	// The decoder returns its first error only: another error may hide behind an unknown field, and text behind the value.
	hasUnknown = err != nil && strings.HasPrefix(err.Error(), "json: unknown field ")
	*into = jsonRecord{}
	return hasUnknown, json.Unmarshal(b, into)
}

// addTo returns the new record with the unknown fields of the old record.
func (u Unknown) addTo(newRecord []byte) ([]byte, error) {
	if u.IsEmpty() {
		return newRecord, nil
	}
	return mergeUnknown(reflect.TypeFor[jsonRecord](), u.record, newRecord)
}

// mergeUnknown returns the new value with the members of the old value that type t does not have, at all depths. A value
// that the new record does not have any more, such as an approval that was removed, is not kept.
func mergeUnknown(t reflect.Type, old, current json.RawMessage) (json.RawMessage, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return current, nil
	case t.Kind() == reflect.Struct:
		return mergeObject(t, old, current)
	case t.Kind() == reflect.Map && holdsObjects(t.Elem()):
		return mergeMap(t.Elem(), old, current)
	case t.Kind() == reflect.Slice && holdsObjects(t.Elem()):
		return mergeArray(t.Elem(), old, current)
	}
	return current, nil
}

// holdsObjects reports whether values of the type contain JSON objects with known members.
func holdsObjects(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

func mergeObject(t reflect.Type, old, current json.RawMessage) (json.RawMessage, error) {
	var before, after map[string]json.RawMessage
	if json.Unmarshal(old, &before) != nil || json.Unmarshal(current, &after) != nil || after == nil {
		return current, nil // one of them is null, or a text such as a time
	}
	known := jsonFields(t)
	for name, value := range before {
		field, isKnown := known[name]
		now, isThere := after[name]
		switch {
		case !isKnown && !isFoldedField(known, name):
			after[name] = value
			continue
		case !isKnown:
			continue
		case !isThere && field.Kind() == reflect.Struct: // all its known members are zero
			now = json.RawMessage("{}")
		case !isThere:
			continue
		}
		merged, err := mergeUnknown(field, value, now)
		if err != nil {
			return nil, err
		}
		if isThere || !bytes.Equal(merged, now) {
			after[name] = merged
		}
	}
	return json.Marshal(after)
}

func mergeMap(element reflect.Type, old, current json.RawMessage) (json.RawMessage, error) {
	var before, after map[string]json.RawMessage
	if json.Unmarshal(old, &before) != nil || json.Unmarshal(current, &after) != nil {
		return current, nil
	}
	for key, now := range after {
		if value, ok := before[key]; ok {
			merged, err := mergeUnknown(element, value, now)
			if err != nil {
				return nil, err
			}
			after[key] = merged
		}
	}
	return json.Marshal(after)
}

func mergeArray(element reflect.Type, old, current json.RawMessage) (json.RawMessage, error) {
	var before, after []json.RawMessage
	if json.Unmarshal(old, &before) != nil || json.Unmarshal(current, &after) != nil {
		return current, nil
	}
	for i, was := range matchElements(element, before, after) {
		if was < 0 {
			continue
		}
		merged, err := mergeUnknown(element, before[was], after[i])
		if err != nil {
			return nil, err
		}
		after[i] = merged
	}
	return json.Marshal(after)
}

// matchElements returns for each new element the index of the old element that it was, or -1.
//
// Elements with an ID are matched by it. The others are matched by their known content: most of them never change, they
// are added at the end and removed at the beginning. An element that did change is matched by its place beside the
// element before it.
func matchElements(t reflect.Type, before, after []json.RawMessage) []int {
	matches := make([]int, len(after))
	used := make([]bool, len(before))
	oldKeys := elementKeys(t, before)
	for i, key := range elementKeys(t, after) {
		matches[i] = -1
		for j := range oldKeys {
			if !used[j] && oldKeys[j] == key {
				matches[i] = j
				used[j] = true
				break
			}
		}
	}
	if _, hasID := jsonFields(elementType(t))["id"]; hasID {
		return matches
	}
	offset := 0 // of the closest match before
	for i, match := range matches {
		if match >= 0 {
			offset = match - i
		} else if j := i + offset; j < len(before) && !used[j] {
			matches[i] = j
			used[j] = true
		}
	}
	return matches
}

func elementType(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// elementKeys returns the texts that identify elements: the ID, or else all that the program knows of them.
func elementKeys(t reflect.Type, elements []json.RawMessage) []string {
	t = elementType(t)
	_, hasID := jsonFields(t)["id"]
	keys := make([]string, len(elements))
	for i, e := range elements {
		var head struct {
			ID string `json:"id"`
		}
		if hasID && json.Unmarshal(e, &head) == nil {
			keys[i] = head.ID
			continue
		}
		value := reflect.New(t)
		_ = json.Unmarshal(e, value.Interface())
		known, _ := json.Marshal(value.Interface())
		keys[i] = string(known)
	}
	return keys
}

// jsonFields returns the types of the members of a struct's JSON object by name, embedded structs included.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	if t.Kind() != reflect.Struct {
		return fields
	}
	for f := range structFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "":
			maps.Copy(fields, jsonFields(elementType(f.Type)))
		case name == "":
			fields[f.Name] = f.Type
		default:
			fields[name] = f.Type
		}
	}
	return fields
}

// structFields yields the fields of a struct that encoding/json uses.
func structFields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); (f.IsExported() || f.Anonymous) && !yield(f) {
				return
			}
		}
	}
}

// isFoldedField reports whether encoding/json reads the name as one of the fields although its case differs.
func isFoldedField(fields map[string]reflect.Type, name string) bool {
	for known := range fields {
		if strings.EqualFold(known, name) {
			return true
		}
	}
	return false
}
