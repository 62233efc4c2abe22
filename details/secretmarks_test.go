package details

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Every text that secretValue matches has a mark, so that none is taken for harmless without being matched.
func TestEverySecretValueHasAMark(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(secretValue.String()).Draw(t, "text")
		require.Regexp(t, secretValue, text)
		require.True(t, hasSecretMark(text))
	})
}
