package record

import (
	"maps"
	"slices"
	"time"
)

// moments is a field with a list of times.
func moments[T any](number uint64, name string, at func(*T) *[]time.Time) field[T] {
	return numbers(number, name, "[]time", at,
		func(e *encoder, t time.Time) uint64 { return e.timeIndex(t) },
		func(d *decoder, n uint64) (time.Time, error) {
			if n == 0 {
				return time.Time{}, nil
			}
			i, err := d.instant(n)
			return i.time(), err
		})
}

// texts is a field with a list of texts.
func texts[T any](number uint64, name string, at func(*T) *[]string) field[T] {
	return numbers(number, name, "[]text", at,
		func(e *encoder, s string) uint64 { return e.textIndex(s) },
		func(d *decoder, n uint64) (string, error) { return d.text(n) })
}

// numbers is a field with a list of values that are written as numbers.
func numbers[T, U any](
	number uint64, name, kind string, at func(*T) *[]U,
	index func(*encoder, U) uint64, find func(*decoder, uint64) (U, error),
) field[T] {
	f := field[T]{number: number, name: name, kind: kind}
	f.encode = func(e *encoder, number uint64, from *T) {
		values := *at(from)
		if values == nil {
			return
		}
		e.body = appendTag(e.body, number, wireBytes)
		start := e.begin()
		e.number(uint64(len(values)))
		for _, v := range values {
			e.number(index(e, v))
		}
		e.end(start)
	}
	f.decode = func(d *decoder, v value, into *T) error {
		c, n, err := beginList(v)
		if err != nil {
			return err
		}
		values := make([]U, n)
		for i := range values {
			n, ok := c.number()
			if !ok {
				return errCut()
			}
			if values[i], err = find(d, n); err != nil {
				return err
			}
		}
		*at(into) = values
		return endList(c)
	}
	return f
}

// rows is a field with the rows of a table.
func rows[T any](number uint64, name string, at func(*T) *[][]string) field[T] {
	row := texts(0, "", func(r *[]string) *[]string { return r })
	return field[T]{
		number: number,
		name:   name,
		kind:   "[][]text",
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
				if values[i] != nil {
					e.number(uint64(len(values[i])))
				}
				for _, s := range values[i] {
					e.number(e.textIndex(s))
				}
				e.end(element)
			}
			e.end(start)
		},
		decode: func(d *decoder, v value, into *T) error {
			c, n, err := beginList(v)
			if err != nil {
				return err
			}
			values := make([][]string, n)
			for i := range values {
				b, ok := c.bytes()
				switch {
				case !ok:
					return errCut()
				case len(b) == 0: // nil
					continue
				}
				if err := row.decode(d, value{wire: wireBytes, bytes: b}, &values[i]); err != nil {
					return err
				}
			}
			*at(into) = values
			return endList(c)
		},
	}
}

// textMap is a field with texts by texts, such as a text in several languages.
func textMap[T any, M ~map[K]string, K ~string](number uint64, name string, at func(*T) *M) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "{text}text",
		encode: func(e *encoder, number uint64, from *T) {
			m := *at(from)
			if m == nil {
				return
			}
			e.body = appendTag(e.body, number, wireBytes)
			start := e.begin()
			e.number(uint64(len(m)))
			for _, k := range slices.Sorted(maps.Keys(m)) {
				e.number(e.textIndex(string(k)))
				e.number(e.textIndex(m[k]))
			}
			e.end(start)
		},
		decode: func(d *decoder, v value, into *T) error {
			c, n, err := beginList(v)
			if err != nil {
				return err
			}
			m := make(M, n)
			for range n {
				key, isKey := c.number()
				text, isText := c.number()
				if !isKey || !isText {
					return errCut()
				}
				k, err := d.text(key)
				if err != nil {
					return err
				}
				if m[K(k)], err = d.text(text); err != nil {
					return err
				}
			}
			*at(into) = m
			return endList(c)
		},
	}
}
