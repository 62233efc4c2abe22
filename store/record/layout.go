package record

import "strconv"

// layout describes how the values of a type are written: its fields, in the order of their numbers.
type layout[T any] struct {
	name   string
	fields []field[T]
}

// field is a field of a layout. A number is used once and for ever: testdata/fields.txt has them all.
type field[T any] struct {
	number uint64
	name   string
	kind   string
	// encode writes the field with its number, unless its value is zero. An empty list is not zero.
	encode func(e *encoder, number uint64, from *T)
	decode func(d *decoder, v value, into *T) error
	nested nested // for fields that have fields
}

// encode writes the fields of a value that are not zero.
func (l *layout[T]) encode(e *encoder, from *T) {
	for i := range l.fields {
		l.fields[i].encode(e, l.fields[i].number, from)
	}
}

// decode reads the fields of a value. Fields that the layout does not have are left out.
func (l *layout[T]) decode(d *decoder, b []byte, into *T) error {
	last, i := uint64(0), 0
	for c := (cursor{b: b}); !c.isAtEnd(); {
		number, v, ok := c.field()
		switch {
		case !ok:
			return errCut()
		case number <= last:
			return &fault{text: "has its fields in a wrong order"}
		}
		for i < len(l.fields) && l.fields[i].number < number {
			i++
		}
		last = number
		if i == len(l.fields) || l.fields[i].number != number {
			d.hasUnknown = true
			continue
		}
		if err := l.fields[i].decode(d, v, into); err != nil {
			return within(l.fields[i].name, err)
		}
	}
	return nil
}

// one is a field with a value that has fields. It is left out if all of them are zero.
func one[T, U any](number uint64, name string, l *layout[U], at func(*T) *U) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   l.name,
		nested: nested{l, nestedValue},
		encode: func(e *encoder, number uint64, from *T) {
			before := len(e.body)
			e.body = appendTag(e.body, number, wireBytes)
			start := e.begin()
			if l.encode(e, at(from)); len(e.body) == start {
				e.body = e.body[:before]
				return
			}
			e.end(start)
		},
		decode: func(d *decoder, v value, into *T) error {
			if v.wire != wireBytes {
				return errKind()
			}
			return l.decode(d, v.bytes, at(into))
		},
	}
}

// optional is a field with a pointer to a value that has fields.
func optional[T, U any](number uint64, name string, l *layout[U], at func(*T) **U) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   l.name,
		nested: nested{l, nestedPointer},
		encode: func(e *encoder, number uint64, from *T) {
			p := *at(from)
			if p == nil {
				return
			}
			e.body = appendTag(e.body, number, wireBytes)
			start := e.begin()
			l.encode(e, p)
			e.end(start)
		},
		decode: func(d *decoder, v value, into *T) error {
			if v.wire != wireBytes {
				return errKind()
			}
			p := new(U)
			*at(into) = p
			return l.decode(d, v.bytes, p)
		},
	}
}

// list is a field with a list of values that have fields.
func list[T, U any](number uint64, name string, l *layout[U], at func(*T) *[]U) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "[]" + l.name,
		nested: nested{l, nestedList},
		encode: func(e *encoder, number uint64, from *T) {
			values := *at(from)
			if values == nil {
				return
			}
			e.body = appendTag(e.body, number, wireBytes)
			start := e.begin()
			e.number(uint64(len(values)))
			for i := range values {
				element := e.begin()
				l.encode(e, &values[i])
				e.end(element)
			}
			e.end(start)
		},
		decode: func(d *decoder, v value, into *T) error {
			values, err := decodeList(d, v, l)
			*at(into) = values
			return err
		},
	}
}

// pointers is a field with a list of pointers to values that have fields.
func pointers[T, U any](number uint64, name string, l *layout[U], at func(*T) *[]*U) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "[]" + l.name,
		nested: nested{l, nestedList},
		encode: func(e *encoder, number uint64, from *T) {
			values := *at(from)
			if values == nil {
				return
			}
			e.body = appendTag(e.body, number, wireBytes)
			start := e.begin()
			e.number(uint64(len(values)))
			for _, p := range values {
				element := e.begin()
				l.encode(e, p)
				e.end(element)
			}
			e.end(start)
		},
		decode: func(d *decoder, v value, into *T) error {
			values, err := decodeList(d, v, l)
			if err != nil {
				return err
			}
			all := make([]*U, len(values))
			for i := range values {
				all[i] = &values[i]
			}
			*at(into) = all
			return nil
		},
	}
}

// decodeList reads the elements of a list: their number, and each with its length.
func decodeList[U any](d *decoder, v value, l *layout[U]) ([]U, error) {
	c, n, err := beginList(v)
	if err != nil {
		return nil, err
	}
	values := make([]U, n)
	for i := range values {
		b, ok := c.bytes()
		if !ok {
			return nil, within("["+strconv.Itoa(i)+"]", errCut())
		}
		if err := l.decode(d, b, &values[i]); err != nil {
			return nil, within("["+strconv.Itoa(i)+"]", err)
		}
	}
	return values, endList(c)
}

// beginList reads the number of elements of a list. Each has at least one byte.
func beginList(v value) (cursor, int, error) {
	if v.wire != wireBytes {
		return cursor{}, 0, errKind()
	}
	c := cursor{b: v.bytes}
	n, ok := c.number()
	if !ok || n > c.left() {
		return c, 0, errCut()
	}
	return c, int(n), nil
}

func endList(c cursor) error {
	if !c.isAtEnd() {
		return &fault{text: "goes on behind its last element"}
	}
	return nil
}
