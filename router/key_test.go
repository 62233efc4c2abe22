package router

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// TestKeysTellActionsApart holds that a probe and a heartbeat that start together, with the same end, are two actions.
func TestKeysTellActionsApart(t *testing.T) {
	t.Parallel()
	heartbeat := approval.Action{
		Kind:         approval.ActionHeartbeat,
		OrderID:      "o-1",
		ApprovalID:   "a-1",
		LeaseExpires: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	probe := heartbeat
	probe.Probe, probe.Attempt = true, 1
	again := probe
	again.Attempt = 2
	callback := probe
	callback.Kind, callback.Probe = approval.ActionCallback, false
	keys := map[actionKey]bool{}
	for _, a := range []approval.Action{heartbeat, probe, again, callback} {
		keys[keyOf(a)] = true
	}
	require.Len(t, keys, 4)
}
