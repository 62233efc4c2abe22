package preset_test

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
	"github.com/approval-relay/approval-relay/webhook/preset"
)

// A sender with two kinds of credentials is refused for the credential that it sent.
func TestGitLabWithBothTokens(t *testing.T) {
	t.Parallel()
	const token = "a secret token of enough bytes"
	signing := "whsec_" + base64.StdEncoding.EncodeToString([]byte("a signing token of 32 bytes ...."))
	settings := preset.GitLab{Tokens: secret.NewAll([]string{token}), SigningTokens: secret.NewAll([]string{signing})}
	scheme, err := settings.Scheme()
	require.NoError(t, err)
	standard, err := webhook.NewStandard(signing)
	require.NoError(t, err)
	now := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	body := []byte(`{}`)
	signed := func(at time.Time, more ...string) http.Header {
		h := standard.Sign("id-1", at, body)
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	for name, c := range map[string]struct {
		header http.Header
		want   error
	}{
		"signature":                  {signed(now), nil},
		"token":                      {http.Header{"X-Gitlab-Token": {token}}, nil},
		"signature and another":      {signed(now, "X-Gitlab-Token", "another token"), nil},
		"stale signature and token":  {signed(now.Add(-time.Hour), "X-Gitlab-Token", token), nil},
		"nothing":                    {http.Header{}, webhook.ErrMissing},
		"another token":              {http.Header{"X-Gitlab-Token": {"another token"}}, webhook.ErrMismatch},
		"stale signature":            {signed(now.Add(-time.Hour)), webhook.ErrStale},
		"stale and another token":    {signed(now.Add(-time.Hour), "X-Gitlab-Token", "another token"), webhook.ErrStale},
		"signature of another body":  {signed(now, "Webhook-Id", "id-2"), webhook.ErrMismatch},
		"broken signature":           {signed(now, "Webhook-Signature", "v1,!"), webhook.ErrMalformed},
		"broken and another token":   {signed(now, "Webhook-Signature", "v1,!", "X-Gitlab-Token", "x"), webhook.ErrMismatch},
		"two tokens, the right last": {http.Header{"X-Gitlab-Token": {"another token", token}}, webhook.ErrMalformed},
	} {
		err := scheme.Verify(now, webhook.Request{Method: http.MethodPost, Header: c.header, Body: body})
		require.ErrorIs(t, err, c.want, name)
		if c.want == nil {
			require.NoError(t, err, name)
		}
	}
	require.Equal(t, "X-Gitlab-Token", scheme.CredentialHeader)
	require.False(t, scheme.CoversRequest, "a signature does not cover the headers")
}

// The order of the words in Authorization: with Bearer or without it, and nothing else.
func TestOktaAuthorization(t *testing.T) {
	t.Parallel()
	const token = "an authentication secret of enough bytes"
	settings := preset.Okta{Header: "Authorization", Tokens: secret.NewAll([]string{token})}
	scheme, err := settings.Scheme()
	require.NoError(t, err)
	for value, want := range map[string]error{
		token:                   nil,
		"Bearer " + token:       nil,
		"bearer " + token:       nil,
		"Basic " + token:        webhook.ErrMismatch,
		token + "x":             webhook.ErrMismatch,
		"Bearer " + token + "x": webhook.ErrMismatch,
		"":                      webhook.ErrMissing,
	} {
		err := scheme.Verify(time.Now(), webhook.Request{Header: http.Header{"Authorization": {value}}})
		require.ErrorIs(t, err, want, value)
		if want == nil {
			require.NoError(t, err, value)
		}
	}
	settings.Header = "X-Okta-Secret"
	scheme, err = settings.Scheme()
	require.NoError(t, err)
	require.NoError(t, scheme.Verify(time.Now(), webhook.Request{Header: http.Header{"X-Okta-Secret": {token}}}))
	err = scheme.Verify(time.Now(), webhook.Request{Header: http.Header{"Authorization": {token}}})
	require.ErrorIs(t, err, webhook.ErrMissing)
}
