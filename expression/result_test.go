package expression

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

const values = `{"n": null, "s": "x", "i": 7, "u": 18446744073709551615, "f": 1.5, "t": true,
	"l": [1, null, ["x", null, {"n": null}]], "o": {"n": null, "o": {"l": [null]}}, "el": [], "eo": {}}`

func TestNative(t *testing.T) {
	t.Parallel()
	m := func(pairs ...any) map[string]any {
		out := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i].(string)] = pairs[i+1]
		}
		return out
	}
	for source, want := range map[string]any{
		"[body.n, null, 0]":               []any{nil, nil, int64(0)},
		"[body][0].l":                     []any{int64(1), nil, []any{"x", nil, m("n", nil)}},
		"[body.l]":                        []any{[]any{int64(1), nil, []any{"x", nil, m("n", nil)}}},
		"[body][0].o":                     m("n", nil, "o", m("l", []any{nil})),
		"{'a': {'b': body.o, 'n': null}}": m("a", m("b", m("n", nil, "o", m("l", []any{nil})), "n", nil)),
		"{'a': body.el, 'b': body.eo}":    m("a", []any{}, "b", m()),
		"body.l.map(x, x)":                []any{int64(1), nil, []any{"x", nil, m("n", nil)}},
		"headers":                         m("x-order", "h"),
		"{'m': meta}":                     m("m", m("order_id", "m")),
		"[body.u, 7u]":                    []any{uint64(math.MaxUint64), uint64(7)},
		"[body.i, -7]":                    []any{int64(7), int64(-7)},
		"[body.f, 1e300]":                 []any{json.Number("1.5"), 1e300},
		"[body.t, !body.t]":               []any{true, false},
		"bytes(body.s)":                   []byte("x"),
		"[b'\\xff\\x00']":                 []any{[]byte{255, 0}},
		"b''":                             []byte{},
		"duration('90s')":                 90 * time.Second,
		"[duration('-1ns')]":              []any{time.Duration(-1)},
		"timestamp('2026-01-31T13:00:00.5+01:00')":                    time.Date(2026, 1, 31, 12, 0, 0, 500e6, time.UTC),
		"optional.of(body.s)":                                         "x",
		"optional.of(optional.of([optional.none(), optional.of(1)]))": []any{nil, int64(1)},
		"{'a': optional.none(), 'b': optional.of(body.o)}":            m("a", nil, "b", m("n", nil, "o", m("l", []any{nil}))),
		"{?'a': body.?none, ?'b': body.?s}":                           m("b", "x"),
		"google.protobuf.Struct{fields: {'a': null}}":                 m("a", nil),
		"google.protobuf.Value{}":                                     nil,
		"google.protobuf.Int64Value{value: 7}":                        int64(7),
		"null":                                                        nil,
		"body.?n":                                                     nil,
		"optional.none()":                                             nil,
		"optional.of(null)":                                           nil,
		"optional.of('')":                                             nil,
		"''":                                                          nil,
	} {
		got, found, err := findInBody(t, values, source)
		if at, ok := got.(time.Time); ok && at.Equal(want.(time.Time)) {
			continue
		}
		if err != nil || found != (want != nil) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v, %v; want %#v", source, got, found, err, want)
		}
	}
}

// A value that JSON does not have is refused at every place of a result.
func TestNotNative(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"0.0 / 0.0":               "finite",
		"1.0 / 0.0":               "finite",
		"-1.0 / 0.0":              "finite",
		"double('NaN')":           "finite",
		"double('-Infinity')":     "finite",
		"type(body.s)":            "type",
		"string":                  "type",
		"dyn(type)":               "type",
		"type(type(1))":           "type",
		"optional_type":           "type",
		"google.protobuf.Empty{}": "google.protobuf.Empty",
		"{1: 'a'}":                "names that are not texts",
		"{'a': 1, 2u: 1}":         "names that are not texts",
		"{true: 1}":               "names that are not texts",
		"{null: 1}":               "names that are not texts",
		"{1.0: 1}":                "names that are not texts",
		"{body.n: 1}":             "names that are not texts",
		"{type(body.s): 1}":       "names that are not texts",
		"{body.l: 1}":             "names that are not texts",
	} {
		for _, form := range []string{
			"VALUE", "[VALUE]", "[[1, VALUE]]", "{'a': VALUE}", "[{'a': [VALUE]}]", "optional.of(VALUE)",
			"[optional.of({'a': VALUE})]", "body.el.map(x, x) + [VALUE]",
		} {
			in := strings.ReplaceAll(form, "VALUE", source)
			got, found, err := findInBody(t, values, in, "body.s")
			if err == nil || found || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %#v, %v", in, got, err)
			}
		}
	}
}

func TestBoundsOfConversions(t *testing.T) {
	t.Parallel()
	for v, want := range map[any]time.Duration{
		int64(999_999_999):  999_999_999 * time.Second,
		int64(-999_999_999): -999_999_999 * time.Second,
		999_999_999.5:       999_999_999_500 * time.Millisecond,
		"-1.5":              -1500 * time.Millisecond,
		"277777h46m39s":     999_999_999 * time.Second,
		1e-9:                1,
		4e-10:               0,
	} {
		if got, err := AsDuration(v); err != nil || got != want {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
	for _, v := range []any{
		int64(1e9), int64(-1e9), int64(math.MinInt64), uint64(math.MaxUint64), 1e9, math.Inf(1),
		math.NaN(), "Inf", "277777h46m40s", "", true, nil, []any{},
	} {
		if got, err := AsDuration(v); err == nil {
			t.Errorf("%v: %v", v, got)
		}
	}
	for v, want := range map[any]time.Time{
		int64(9e8):                   time.Unix(9e8, 0),
		uint64(9_999_999_999):        time.Unix(9_999_999_999, 0),
		int64(9e11):                  time.Unix(9e8, 0),
		9_999_999_999.5:              time.Unix(9_999_999_999, 5e8),
		int64(9_999_999_999_999):     time.Unix(9_999_999_999, 999e6),
		json.Number("1769860800.25"): time.Unix(1_769_860_800, 25e7),
	} {
		if got, err := AsTime(v); err != nil || !got.Equal(want) {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
	for _, v := range []any{
		int64(-1), int64(0), int64(899_999_999), int64(1e10), int64(899_999_999_999), int64(1e13), int64(1e16),
		int64(math.MinInt64), int64(-1769860800), uint64(math.MaxUint64), -0.5,
		math.Inf(1), math.NaN(), true, nil, map[string]any{}, []byte{}, json.Number("1e300"), json.Number("-0"),
	} {
		if got, err := AsTime(v); err == nil {
			t.Errorf("%v: %v", v, got)
		}
	}
	// A record can contain the result, regardless of the time zone.
	for text, good := range map[string]bool{
		"2026-03-01T08:00:00+23:59": true,
		"2026-03-01T08:00:00+24:00": false,
		"2026-03-01T08:00:00-23:60": false,
		"0000-01-01T00:00:00Z":      false,
		"0000-12-31T23:59:59-00:01": true,
		"0001-01-01T00:00:00+23:59": false,
		"9999-12-31T23:59:59Z":      true,
		"9999-12-31T23:59:59-00:01": false,
	} {
		got, err := AsTime(text)
		if (err == nil) != good {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if _, err := got.MarshalJSON(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for v, want := range map[any]string{
		int64(math.MinInt64):   "-9223372036854775808",
		uint64(math.MaxUint64): "18446744073709551615",
		0.1:                    "0.1",
		-1e-7:                  "-0.0000001",
		false:                  "false",
	} {
		if got, err := AsText(v); err != nil || got != want {
			t.Errorf("%v: %q, %v", v, got, err)
		}
	}
	for _, v := range []any{nil, []any{}, []byte("x"), time.Second, time.Now(), map[string]any{}} {
		if got, err := AsText(v); err == nil {
			t.Errorf("%v: %q", v, got)
		}
	}
}
