package tracing

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestTruncateKeepsUTF8(t *testing.T) {
	t.Parallel()
	for shift := range 4 {
		long := strings.Repeat("x", shift) + strings.Repeat("€", maxError)
		short := truncate(long)
		require.True(t, utf8.ValidString(short))
		require.True(t, strings.HasPrefix(long, short))
		require.Greater(t, len(short), maxError-utf8.UTFMax)
		require.LessOrEqual(t, len(short), maxError)
	}
	require.Equal(t, "short", truncate("short"))
}
