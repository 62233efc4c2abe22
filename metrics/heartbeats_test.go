package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestHeartbeatsInMemory(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m := New(reg, Config{})
	kept, late := 0, time.Duration(0)
	m.RegisterHeartbeats(func() (int, time.Duration) { return kept, late })
	require.Zero(t, values(t, reg)["heartbeats_scheduled{}"])
	kept, late = 500_000, 1500*time.Millisecond
	require.InDelta(t, 500_000, values(t, reg)["heartbeats_scheduled{}"], 0)
	require.InDelta(t, 1.5, values(t, reg)["heartbeat_lag_seconds{}"], 0)
}
