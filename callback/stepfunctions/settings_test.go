package stepfunctions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/callback/stepfunctions"
	"github.com/approval-relay/approval-relay/setup"
)

// The default rate is four fifths of the quota of the region. A configured rate is kept.
func TestDefaultRate(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]struct {
		rate  float64
		burst int
	}{
		"us-east-1":    {400, 2400},
		"us-west-2":    {400, 2400},
		"eu-west-1":    {400, 2400},
		"eu-central-1": {240, 1200},
		"":             {240, 1200},
	} {
		var s stepfunctions.Settings
		s.SetDefaults(setup.Common{Region: region})
		require.InDelta(t, want.rate, s.Rate, 0, region)
		require.Equal(t, want.burst, s.Burst, region)
	}
	var s stepfunctions.Settings
	s.Rate, s.Burst = 7, 8
	s.SetDefaults(setup.Common{Region: "us-east-1"})
	require.InDelta(t, 7.0, s.Rate, 0)
	require.Equal(t, 8, s.Burst)
}
