package record

import (
	"bytes"
	"encoding/binary"
)

// nested describes the value of a field that has fields.
type nested struct {
	layout rawLayout
	mode   mode
}

type mode int

const (
	nestedValue mode = iota
	nestedPointer
	nestedList
)

// rawLayout is a layout without its type.
type rawLayout interface {
	// find returns the nested value of a field, and whether the field is known. The layout is nil if the field is not
	// nested.
	find(number uint64) (nested, bool)
	// idNumber returns the number of the field with the ID of the value, or 0 without an ID.
	idNumber() uint64
}

func (l *layout[T]) find(number uint64) (nested, bool) {
	for i := range l.fields {
		if l.fields[i].number == number {
			return l.fields[i].nested, true
		}
	}
	return nested{}, false
}

func (l *layout[T]) idNumber() uint64 {
	for i := range l.fields {
		if l.fields[i].name == "id" {
			return l.fields[i].number
		}
	}
	return 0
}

// beginWithTables begins with the tables of the record before, so that the indexes in its unknown fields stay right.
func (e *encoder) beginWithTables(before []byte) error {
	p, err := split(before)
	if err != nil {
		return err
	}
	d := newDecoder()
	defer d.release()
	if err := d.readTexts(p.texts); err != nil {
		return err
	}
	if err := d.readTimes(p.times); err != nil {
		return err
	}
	for _, s := range d.texts {
		e.texts.add(s)
	}
	for _, t := range d.times {
		e.times.add(t)
	}
	return nil
}

// rawField is a field as it is in the record.
type rawField struct {
	number uint64
	bytes  []byte // of its value, if it has bytes
	raw    []byte // all of it, with its tag
}

// fieldsOf returns the fields of a value that was decoded before.
func fieldsOf(b []byte) []rawField {
	var out []rawField
	for c := (cursor{b: b}); !c.isAtEnd(); {
		start := c.at
		number, v, ok := c.field()
		if !ok {
			break
		}
		out = append(out, rawField{number, v.bytes, b[start:c.at]})
	}
	return out
}

// merge returns the new value with the fields of the old value that the layout does not have, at all depths. A value
// that is gone from the new value, such as an approval that was removed, is not kept.
func merge(l rawLayout, old, current []byte) []byte {
	var out []byte
	before, now := fieldsOf(old), fieldsOf(current)
	for len(before) > 0 || len(now) > 0 {
		var was, is rawField
		number := nextNumber(before, now)
		if len(before) > 0 && before[0].number == number {
			was, before = before[0], before[1:]
		}
		if len(now) > 0 && now[0].number == number {
			is, now = now[0], now[1:]
		}
		out = mergeField(l, out, number, was, is)
	}
	return out
}

func nextNumber(before, now []rawField) uint64 {
	switch {
	case len(before) == 0:
		return now[0].number
	case len(now) == 0:
		return before[0].number
	}
	return min(before[0].number, now[0].number)
}

// mergeField adds a field of the old value, the new value or both.
func mergeField(l rawLayout, out []byte, number uint64, was, is rawField) []byte {
	n, isKnown := l.find(number)
	switch {
	case !isKnown:
		return append(out, was.raw...)
	case n.layout == nil || was.raw == nil:
		return append(out, is.raw...)
	case is.raw == nil && n.mode != nestedValue:
		return out
	}
	var merged []byte
	if n.mode == nestedList {
		merged = mergeList(n.layout, was.bytes, is.bytes)
	} else if merged = merge(n.layout, was.bytes, is.bytes); len(merged) == 0 && is.raw == nil {
		return out
	}
	out = appendTag(out, number, wireBytes)
	return append(binary.AppendUvarint(out, uint64(len(merged))), merged...)
}

func mergeList(l rawLayout, old, current []byte) []byte {
	before, after := elementsOf(old), elementsOf(current)
	out := binary.AppendUvarint(nil, uint64(len(after)))
	for i, was := range matchElements(l, before, after) {
		element := after[i]
		if was >= 0 {
			element = merge(l, before[was], after[i])
		}
		out = append(binary.AppendUvarint(out, uint64(len(element))), element...)
	}
	return out
}

func elementsOf(b []byte) [][]byte {
	c := cursor{b: b}
	n, _ := c.number()
	var out [][]byte
	for range n {
		element, ok := c.bytes()
		if !ok {
			break
		}
		out = append(out, element)
	}
	return out
}

// matchElements returns for each new element the index of the old element that it was, or -1.
//
// Elements with an ID are matched by it. The others are matched by their known content: most of them never change, they
// are added at the end and removed at the beginning. An element that did change is matched by its place beside the
// element before it.
func matchElements(l rawLayout, before, after [][]byte) []int {
	matches := make([]int, len(after))
	used := make([]bool, len(before))
	keys := make([][]byte, len(before))
	for j := range before {
		keys[j] = keyOf(l, before[j])
	}
	for i := range after {
		matches[i] = -1
		key := keyOf(l, after[i])
		for j := range keys {
			if !used[j] && bytes.Equal(keys[j], key) {
				matches[i] = j
				used[j] = true
				break
			}
		}
	}
	if l.idNumber() > 0 {
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

// keyOf returns the bytes that identify an element: its ID, or else all that the program knows of it. Equal texts have
// equal indexes, because both records have the same tables.
func keyOf(l rawLayout, element []byte) []byte {
	id := l.idNumber()
	if id == 0 {
		return known(l, element)
	}
	for _, f := range fieldsOf(element) {
		if f.number == id {
			return f.raw
		}
	}
	return nil
}

// known returns a value without its unknown fields.
func known(l rawLayout, b []byte) []byte {
	var out []byte
	for _, f := range fieldsOf(b) {
		n, isKnown := l.find(f.number)
		switch {
		case !isKnown:
			continue
		case n.layout == nil:
			out = append(out, f.raw...)
			continue
		}
		var inner []byte
		if n.mode == nestedList {
			elements := elementsOf(f.bytes)
			inner = binary.AppendUvarint(nil, uint64(len(elements)))
			for _, element := range elements {
				element = known(n.layout, element)
				inner = append(binary.AppendUvarint(inner, uint64(len(element))), element...)
			}
		} else if inner = known(n.layout, f.bytes); len(inner) == 0 && n.mode == nestedValue {
			continue
		}
		out = appendTag(out, f.number, wireBytes)
		out = append(binary.AppendUvarint(out, uint64(len(inner))), inner...)
	}
	return out
}
