package approval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A request without a policy for undeliverable approvals waits.
func TestDefaultUndeliverablePolicy(t *testing.T) {
	t.Parallel()
	_, a := pendingOrder(t)
	require.Equal(t, UndeliverableWait, a.OnUndeliverable)
}
