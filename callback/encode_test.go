package callback

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// An answer is written as json.Encoder writes it.
func TestAnswersAreWrittenAsJSONWritesThem(t *testing.T) {
	t.Parallel()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	fields := map[string]any{
		"b": "plain", "a": true, "c": nil, "d": 19.9, "e": json.Number("1e5"), "f": []any{"x", 1}, "g": map[string]any{"z": 1, "a": "<&>"},
		"": "", "B": false, "é": "Müller & <b>\u2028\u2029", "\"quoted\"": "a\\b\n\t\x00\x7f", "\xff": "\xff\xfe", "z": string(every),
		"<name>": json.RawMessage(`{"a": "<"}`), "votes": []vote{{DecidedBy: "ann"}},
	}
	for _, c := range []map[string]any{fields, {}, nil, {"one": "x"}} {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		require.NoError(t, e.Encode(c))
		var members object
		for name, value := range c {
			if text, isText := value.(string); isText {
				members.addText(name, text)
			} else {
				members.add(name, value)
			}
		}
		got, err := encodeJSON(members)
		require.NoError(t, err)
		if c == nil {
			require.Equal(t, "{}", string(got))
			continue
		}
		require.Equal(t, string(bytes.TrimSuffix(want.Bytes(), []byte("\n"))), string(got))
	}
	for _, value := range []any{func() {}, json.RawMessage("{"), map[string]any{"x": make(chan int)}} {
		_, err := encodeJSON(object{{name: "a", value: value}})
		require.Error(t, err)
	}
}
