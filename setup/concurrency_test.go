package setup

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConcurrencyAt(t *testing.T) {
	t.Parallel()
	for perSecond, want := range map[float64]int{
		0:           256,
		0.1:         1,
		5:           20,
		50:          200,
		64:          256,
		400:         256,
		-1:          256,
		math.Inf(1): 256,
	} {
		require.Equal(t, want, ConcurrencyAt(perSecond, 256), perSecond)
	}
	require.Equal(t, 256, ConcurrencyAt(math.NaN(), 256))
	require.Equal(t, 8, ConcurrencyAt(2, 32))
	require.Equal(t, 32, ConcurrencyAt(20, 32))
}
