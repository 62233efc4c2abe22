package jsonpointer_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/jsonpointer"
)

// document is the example of RFC 6901, section 5, with a number of many digits and an object in a list.
const document = `{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,
	"n":12345678901234567890.10,"list":[{"x":1},{"x":2}]}`

func TestFind(t *testing.T) {
	t.Parallel()
	for pointer, want := range map[string]string{
		"/foo":      `["bar","baz"]`,
		"/foo/0":    `"bar"`,
		"/":         "0",
		"/a~1b":     "1",
		"/c%d":      "2",
		"/e^f":      "3",
		"/g|h":      "4",
		`/i\j`:      "5",
		`/k"l`:      "6",
		"/ ":        "7",
		"/m~0n":     "8",
		"/n":        "12345678901234567890.10",
		"/list/1/x": "2",
	} {
		value, found := jsonpointer.Find(json.RawMessage(document), pointer)
		require.True(t, found, pointer)
		require.Equal(t, want, string(value), pointer)
	}
	for _, pointer := range []string{
		"foo", "/foo/2", "/foo/-", "/foo/00", "/foo/-1", "/foo/x", "/nothing", "/n/1", "/m~n", "/m~2n", "/list/1/y",
		"/" + strings.Repeat("a", 512), strings.Repeat("/a", 33),
	} {
		_, found := jsonpointer.Find(json.RawMessage(document), pointer)
		require.False(t, found, pointer)
	}
	_, found := jsonpointer.Find(json.RawMessage(`{"a":`), "/a")
	require.False(t, found)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ document, pointer, value, want string }{
		{`{"b":{"total":1,"x":9007199254740993},"a":"<&>"}`, "/b/total", "2.50", `{"a":"<&>","b":{"total":2.50,"x":9007199254740993}}`},
		{`{"list":[{"x":1},{"x":2}]}`, "/list/1/x", `"y"`, `{"list":[{"x":1},{"x":"y"}]}`},
		{`{"a~b":{"c/d":null}}`, "/a~0b/c~1d", "[]", `{"a~b":{"c/d":[]}}`},
		{`{"a":1}`, "", "3", "3"},
	} {
		got, err := jsonpointer.Replace(json.RawMessage(test.document), test.pointer, json.RawMessage(test.value))
		require.NoError(t, err, test.pointer)
		require.Equal(t, test.want, string(got), test.pointer)
	}
	for _, pointer := range []string{"/b", "/a/0", "/list/2", "/list/-", "/list/x", "a"} {
		_, err := jsonpointer.Replace(json.RawMessage(`{"a":1,"list":[1,2]}`), pointer, json.RawMessage("1"))
		require.Error(t, err, pointer)
	}
}

func TestJoinIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, tokens := range [][]string{{"a"}, {"a/b", "m~n"}, {"", "0"}, {"~1", "~0"}} {
		got, err := jsonpointer.Parse(jsonpointer.Join(tokens...))
		require.NoError(t, err)
		require.Equal(t, tokens, got)
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	require.True(t, jsonpointer.Overlap("/a/b", "/a"))
	require.True(t, jsonpointer.Overlap("/a", "/a/b"))
	require.True(t, jsonpointer.Overlap("/a", "/a"))
	require.False(t, jsonpointer.Overlap("/a", "/ab"))
	require.False(t, jsonpointer.Overlap("/a/b", "/a/c"))
}
