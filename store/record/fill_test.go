package record

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// filled returns an order in which every field that is stored has a value, and every list that many elements.
func filled(t *testing.T, elements int) *approval.Order {
	t.Helper()
	o := &approval.Order{}
	f := filler{elements: elements}
	f.fill(reflect.ValueOf(o).Elem())
	return o
}

// tokensOf returns a token for most approvals of an order.
func tokensOf(o *approval.Order) []SealedToken {
	var tokens []SealedToken
	for i := range o.Approvals {
		if i != 1 {
			tokens = append(tokens, SealedToken{Index: i, Sealed: fmt.Append(nil, "token", i), IsPacked: i%2 == 0})
		}
	}
	return tokens
}

type filler struct{ elements, n int }

// isStored reports whether a field of a struct is part of the record.
func isStored(f reflect.StructField) bool {
	return f.IsExported() && f.Tag.Get("json") != "-"
}

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(1_700_000_000+f.n), int64(f.n)).UTC()))
		return
	case time.Duration:
		v.SetInt(int64(f.n)*int64(time.Second) + int64(f.n%2))
		return
	case json.RawMessage:
		v.SetBytes(fmt.Appendf(nil, `{"b":%d.50,"a":[]}`, f.n))
		return
	case json.Number:
		v.SetString(strconv.Itoa(f.n))
		return
	case approval.Output:
		v.Set(reflect.ValueOf(approval.Output{"n": json.Number("1.500"), "m": fmt.Sprint(f.n)}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if isStored(v.Type().Field(i)) {
				f.fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), f.elements, f.elements))
		for i := range f.elements {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range f.elements {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key)
			f.fill(value)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(int64(f.n))
	default:
		panic("no value for " + v.Type().String())
	}
}

func encode(t *testing.T, o *approval.Order, before []byte) []byte {
	t.Helper()
	b, err := Encode(Content{Versions: Versions{Reader: 9, Writer: 10}, Order: o, Tokens: tokensOf(o)}, before)
	require.NoError(t, err)
	return b
}

func decode(t *testing.T, b []byte) Content {
	t.Helper()
	c, err := Decode(b, 9)
	require.NoError(t, err)
	return c
}
