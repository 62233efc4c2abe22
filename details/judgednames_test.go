package details

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A name is judged alike the second time, and when the memory is full. Senders cannot fill it without bound.
func TestJudgedNames(t *testing.T) {
	t.Parallel()
	want := map[string]bool{
		"amount": false, "apiKey": true, "api_key": true, "tokenCount": false, "shipping": false, "cardPin": true,
		strings.Repeat("x", maxJudgedName) + "Password": true, strings.Repeat("x", 2*maxJudgedName): false,
	}
	var judged judgedNames
	judge := func() {
		for name, isSecret := range want {
			require.Equal(t, isSecret, looksSecret(name), name)
			require.Equal(t, isSecret, judged.looksSecret(name), name)
		}
	}
	judge()
	judge()
	for i := range maxJudgedNames + 10 {
		require.True(t, judged.looksSecret(fmt.Sprint("secret", i)))
	}
	judge()
	require.LessOrEqual(t, len(judged.names), maxJudgedNames)
	for name := range judged.names {
		require.LessOrEqual(t, len(name), maxJudgedName)
	}
}
