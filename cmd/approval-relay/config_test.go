package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConfigCommands uses the output of each command: the starting file and the effective values are read again.
func TestConfigCommands(t *testing.T) {
	t.Parallel()
	status, starting, stderr := command(t, "config", "init")
	require.Zero(t, status, stderr)
	status, stdout, stderr := commandWith(t, starting, "check", "config", "--strict", "-")
	require.Zero(t, status, stderr)
	require.Contains(t, stdout, "is good: 1 workflow,")

	for _, form := range []string{"yaml", "json"} {
		status, shown, stderr := commandWith(t, starting, "config", "show", "--output", form, "-")
		require.Zero(t, status, stderr)
		require.Contains(t, shown, "body.MyTaskToken")
		status, _, stderr = commandWith(t, shown, "check", "config", "--strict", "-")
		require.Zero(t, status, stderr)
	}
	status, _, stderr = commandWith(t, configWithFault, "config", "show", "-")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "workflows.orders.deadlin")

	status, stdout, stderr = command(t, "config", "schema")
	require.Zero(t, status, stderr)
	require.JSONEq(t, read(t, "../../deploy/relay.schema.json"), stdout)
}
