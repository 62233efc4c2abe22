package stepfunctions_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
)

var _ callback.TokenTarget = (*stepfunctions.Target)(nil)

// A token that was changed on its way is refused with the change as the reason, and the reason has no part of it.
func TestValidateToken(t *testing.T) {
	t.Parallel()
	const token = "AQCEAAAAKgAAAAMAAAAAAAAAAXk+q/Zs8=7a-b_c"
	target := stepfunctions.NewTarget(nil, stepfunctions.Config{})
	require.NoError(t, target.ValidateToken(token))
	require.NoError(t, target.ValidateToken("100%"), "a percent sign alone is no escape")
	for text, reason := range map[string]string{
		strings.ReplaceAll(token, "+", " "):     "space where a + was",
		url.QueryEscape(token):                  "percent-escapes",
		strings.ToLower(url.QueryEscape(token)): "percent-escapes",
		token + "\n":                            "line break",
		token[:20] + "\r\n" + token[20:]:        "line break",
	} {
		err := target.ValidateToken(text)
		require.ErrorContains(t, err, reason, "%q", text)
		require.NotContains(t, err.Error(), "AQC")
	}
}
