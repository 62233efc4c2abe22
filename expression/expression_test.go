package expression

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func findInBody(t *testing.T, body string, alternatives ...string) (any, bool, error) {
	t.Helper()
	c, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Compile(alternatives...)
	if err != nil {
		t.Fatal(err)
	}
	v, err := DecodeJSON([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return f.Find(Input{Body: v, Headers: map[string]string{"x-order": "h"}, Meta: map[string]string{"order_id": "m"}})
}

const body = `{"a": "x", "n": null, "e": "", "o": {"id": 12345678901234567890, "list": [{"k": "v"}]},
	"t": true, "f": 1.5, "i": 7}`

func TestFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		alternatives []string
		want         any // nil means missing
	}{
		{[]string{"body.a"}, "x"},
		{[]string{"body.none", "body.a"}, "x"},
		{[]string{"body.n", "body.e", "body.a"}, "x"},
		{[]string{"body.a.b.c"}, nil},
		{[]string{"body.none.at.all"}, nil},
		{[]string{"body['none']"}, nil},
		{[]string{"body.o.id"}, uint64(12345678901234567890)},
		{[]string{"string(body.o.id)"}, "12345678901234567890"},
		{[]string{"body.o.list[0].k"}, "v"},
		{[]string{"body.o.list[1].k"}, nil},
		{[]string{"body.?o.?none.orValue('d')"}, "d"},
		{[]string{"body.?o.?none"}, nil},
		{[]string{"body.a.upperAscii()"}, "X"},
		{[]string{"headers['x-order']"}, "h"},
		{[]string{"headers['none']"}, nil},
		{[]string{"meta.order_id"}, "m"},
		{[]string{"body.t ? 'approve' : 'reject'"}, "approve"},
		{[]string{"[body.a, 'y']"}, []any{"x", "y"}},
		{[]string{"{'k': body.a}"}, map[string]any{"k": "x"}},
		{nil, nil},
	} {
		got, found, err := findInBody(t, body, c.alternatives...)
		if err != nil || found != (c.want != nil) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %#v, %v, %v; want %#v", c.alternatives, got, found, err, c.want)
		}
	}
}

func TestFailureIsNotMissing(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"body.i + body.a", "timestamp(body.a)", "body.i / 0"} {
		if _, _, err := findInBody(t, body, source, "body.a"); err == nil || !strings.Contains(err.Error(), source) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestCompileNamesThePlace(t *testing.T) {
	t.Parallel()
	c, _ := NewCompiler()
	for source, want := range map[string]string{"body.a +": "1:9", "boddy.a": "1:1", "body.a.none()": "1:"} {
		if _, err := c.Compile(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestConversions(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 12, 0, 0, 500e6, time.UTC)
	for _, v := range []any{
		"2026-01-31T12:00:00.5Z", "2026-01-31T13:00:00.5+01:00", int64(1769860800500),
		float64(1769860800.5), at,
	} {
		if got, err := AsTime(v); err != nil || !got.Equal(at) {
			t.Errorf("time of %v: %v, %v", v, got, err)
		}
	}
	for _, v := range []any{int64(90), float64(90), uint64(90), "90", "1m30s", 90 * time.Second} {
		if got, err := AsDuration(v); err != nil || got != 90*time.Second {
			t.Errorf("duration of %v: %v, %v", v, got, err)
		}
	}
	for v, want := range map[any]string{
		"x":           "x",
		true:          "true",
		int64(7):      "7",
		1.5:           "1.5",
		float64(1e21): "1000000000000000000000",
	} {
		if got, err := AsText(v); err != nil || got != want {
			t.Errorf("text of %v: %q, %v", v, got, err)
		}
	}
	if got, err := AsIDList([]any{"a", int64(1)}); err != nil || !reflect.DeepEqual(got, []string{"a", "1"}) {
		t.Errorf("list: %q, %v", got, err)
	}
	for name, bad := range map[string]func() error{
		"text":     func() error { _, err := AsText(map[string]any{}); return err },
		"list":     func() error { _, err := AsIDList([]any{"a", nil}); return err },
		"time":     func() error { _, err := AsTime("tomorrow"); return err },
		"zero":     func() error { _, err := AsTime(int64(0)); return err },
		"duration": func() error { _, err := AsDuration("long"); return err },
		"huge":     func() error { _, err := AsDuration("1e300"); return err },
		"nan":      func() error { _, err := AsDuration("NaN"); return err },
	} {
		if bad() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	c, _ := NewCompiler()
	v, _ := DecodeJSON([]byte(body))
	for name, source := range map[string][]string{
		"path": {"body.none", "body.none.a", "body.a"},
		"cel":  {"string(body.o.id)"},
	} {
		f, err := c.Compile(source...)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, found, err := f.Find(Input{Body: v}); !found || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}
