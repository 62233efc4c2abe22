package stepfunctions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
)

var _ callback.TokenTarget = (*stepfunctions.Target)(nil)

func TestValidateToken(t *testing.T) {
	t.Parallel()
	target := stepfunctions.NewTarget(nil, stepfunctions.Config{})
	require.NoError(t, target.ValidateToken("AQCEAAAAKgAAAAMAAAAAAAAAAXk+q/Zs8="))
	require.ErrorContains(t, target.ValidateToken("AQCEAAAAKgAAAAMAAAAAAAAAAXk q/Zs8="), "space where a + was")
}
