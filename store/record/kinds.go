package record

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// text is a field with a text, or a value of an enumeration.
func text[T any, S ~string](number uint64, name string, at func(*T) *S) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "text",
		encode: func(e *encoder, number uint64, from *T) {
			if s := *at(from); s != "" {
				e.numberField(number, e.textIndex(string(s)))
			}
		},
		decode: func(d *decoder, v value, into *T) error {
			if v.wire != wireNumber {
				return errKind()
			}
			s, err := d.text(v.number)
			*at(into) = S(s)
			return err
		},
	}
}

// truth is a field with a bool.
func truth[T any](number uint64, name string, at func(*T) *bool) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "bool",
		encode: func(e *encoder, number uint64, from *T) {
			if *at(from) {
				e.body = appendTag(e.body, number, wireTrue)
			}
		},
		decode: func(_ *decoder, v value, into *T) error {
			if v.wire != wireTrue {
				return errKind()
			}
			*at(into) = true
			return nil
		},
	}
}

// count is a field with an int.
func count[T any](number uint64, name string, at func(*T) *int) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "number",
		encode: func(e *encoder, number uint64, from *T) {
			if n := *at(from); n != 0 {
				e.numberField(number, zigzag(int64(n)))
			}
		},
		decode: func(_ *decoder, v value, into *T) error {
			n, ok := asInt(v.number)
			switch {
			case v.wire != wireNumber:
				return errKind()
			case !ok:
				return errRange()
			}
			*at(into) = n
			return nil
		},
	}
}

// limit is a field with a pointer to an int. Nil differs from 0.
func limit[T any](number uint64, name string, at func(*T) **int) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "number",
		encode: func(e *encoder, number uint64, from *T) {
			if p := *at(from); p != nil {
				e.numberField(number, zigzag(int64(*p)))
			}
		},
		decode: func(_ *decoder, v value, into *T) error {
			n, ok := asInt(v.number)
			switch {
			case v.wire != wireNumber:
				return errKind()
			case !ok:
				return errRange()
			}
			*at(into) = &n
			return nil
		},
	}
}

// span is a field with a duration: whole seconds are a number, other durations are bytes with the nanoseconds.
func span[T any](number uint64, name string, at func(*T) *time.Duration) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "duration",
		encode: func(e *encoder, number uint64, from *T) {
			d := *at(from)
			switch {
			case d == 0:
			case d%time.Second == 0:
				e.numberField(number, zigzag(int64(d/time.Second)))
			default:
				e.body = appendTag(e.body, number, wireBytes)
				start := e.begin()
				e.number(zigzag(int64(d)))
				e.end(start)
			}
		},
		decode: func(_ *decoder, v value, into *T) error {
			switch v.wire {
			case wireNumber:
				seconds := unzigzag(v.number)
				d := time.Duration(seconds) * time.Second
				if int64(d/time.Second) != seconds {
					return errRange()
				}
				*at(into) = d
				return nil
			case wireBytes:
				c := cursor{b: v.bytes}
				n, ok := c.number()
				*at(into) = time.Duration(unzigzag(n))
				if !ok || !c.isAtEnd() {
					return errCut()
				}
				return nil
			}
			return errKind()
		},
	}
}

// moment is a field with a time. The zero time is left out.
func moment[T any](number uint64, name string, at func(*T) *time.Time) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "time",
		encode: func(e *encoder, number uint64, from *T) {
			if t := at(from); !t.IsZero() {
				e.numberField(number, e.timeIndex(*t))
			}
		},
		decode: func(d *decoder, v value, into *T) error {
			if v.wire != wireNumber || v.number == 0 {
				return errKind()
			}
			i, err := d.instant(v.number)
			*at(into) = i.time()
			return err
		},
	}
}

// rawJSON is a field with a JSON value, as it came.
func rawJSON[T any](number uint64, name string, at func(*T) *json.RawMessage) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "json",
		encode: func(e *encoder, number uint64, from *T) {
			if b := *at(from); len(b) > 0 {
				e.bytesField(number, b)
			}
		},
		decode: func(_ *decoder, v value, into *T) error {
			if v.wire != wireBytes {
				return errKind()
			}
			*at(into) = slices.Clone(v.bytes)
			return checkJSON(v.bytes)
		},
	}
}

// rawJSONs is a field with a list of JSON values.
func rawJSONs[T any](number uint64, name string, at func(*T) *[]json.RawMessage) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "[]json",
		encode: func(e *encoder, number uint64, from *T) {
			values := *at(from)
			if values == nil {
				return
			}
			e.body = appendTag(e.body, number, wireBytes)
			start := e.begin()
			e.number(uint64(len(values)))
			for _, b := range values {
				e.number(uint64(len(b)))
				e.body = append(e.body, b...)
			}
			e.end(start)
		},
		decode: func(_ *decoder, v value, into *T) error {
			c, n, err := beginList(v)
			if err != nil {
				return err
			}
			values := make([]json.RawMessage, n)
			for i := range values {
				b, ok := c.bytes()
				if !ok {
					return errCut()
				}
				if err := checkJSON(b); err != nil {
					return err
				}
				values[i] = slices.Clone(b)
			}
			*at(into) = values
			return endList(c)
		},
	}
}

// checkJSON returns an error for a value that could not be written into a message.
func checkJSON(b []byte) error {
	if len(b) > 0 && !json.Valid(b) {
		return &fault{text: "is not JSON"}
	}
	return nil
}

// output is a field with the JSON that is added to an answer.
func output[T any](number uint64, name string, at func(*T) *approval.Output) field[T] {
	return field[T]{
		number: number,
		name:   name,
		kind:   "json",
		encode: func(e *encoder, number uint64, from *T) {
			o := *at(from)
			if o == nil {
				return
			}
			b, err := json.Marshal(o)
			if err != nil && e.err == nil {
				e.err = err
			}
			e.bytesField(number, b)
		},
		decode: func(_ *decoder, v value, into *T) error {
			if v.wire != wireBytes {
				return errKind()
			}
			if err := json.Unmarshal(v.bytes, at(into)); err != nil {
				return &fault{text: "is not a JSON object"}
			}
			return nil
		},
	}
}
