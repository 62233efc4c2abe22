package canonical_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/approval-relay/approval-relay/canonical"
)

// FuzzJSON checks that a text is either refused, or has a canonical form that is its own and means the same.
func FuzzJSON(f *testing.F) {
	f.Add(`{"b": [1.50, -0, 1e21, "\u00e9\ud83d\ude00\n"], "a": {"": null}}`)
	f.Add(`{"a": 1, "\u0061": 2}`)
	f.Add(`"\ud800"`)

	f.Fuzz(func(t *testing.T, raw string) {
		text, err := canonical.JSON([]byte(raw))
		if err != nil {
			return
		}
		again, err := canonical.JSON(text)
		assert.NoError(t, err)
		assert.Equal(t, string(text), string(again))
		var before, after any
		assert.NoError(t, json.Unmarshal([]byte(raw), &before))
		assert.NoError(t, json.Unmarshal(text, &after))
		assert.Equal(t, before, after)
	})
}
