package sqs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A late delivery forgets only itself: the message is in flight as another delivery by then, and must not be handled twice.
func TestForgetDeliveryKeepsAnother(t *testing.T) {
	t.Parallel()
	r := newRegistry()
	first, second, third := &delivery{id: "m"}, &delivery{id: "m"}, &delivery{id: "m"}
	require.Nil(t, r.admitDelivery(first))
	r.forgetDelivery(first)
	require.Nil(t, r.admitDelivery(second))
	r.forgetDelivery(first)
	require.Same(t, second, r.admitDelivery(third))
	r.forgetDelivery(second)
	require.Nil(t, r.admitDelivery(third))
}
