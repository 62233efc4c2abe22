package body

import (
	"reflect"
	"strings"
	"testing"
)

func TestForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"":                               map[string]any{},
		"order=A-1&say=yes+%26+no&e=":    map[string]any{"order": "A-1", "say": "yes & no", "e": ""},
		"a=1&b=x&a=2":                    map[string]any{"a": []any{"1", "2"}, "b": "x"},
		"K%C3%A4ufer=%F0%9F%98%80":       map[string]any{"Käufer": "😀"},
		`{"order":"A-1","x":"a&b"}`:      map[string]any{`{"order":"A-1","x":"a`: "", `b"}`: ""},
		"a=%zz&secret=1":                 nil,
		"a=1;secret=2":                   nil,
		"a=%ff":                          nil,
		"%ff=a":                          nil,
		"a=\xff":                         nil,
		"a[b]=1&a[c]=2" + "&=empty+name": map[string]any{"a[b]": "1", "a[c]": "2", "": "empty name"},
	} {
		decoded, err := Decode(Form, []byte(text), nil)
		got := decoded.Value
		if want == nil {
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: %v, %v", text, got, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
