package webhook

import (
	"encoding/base64"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
)

// The schemes of plain credentials accept each configured credential in its place, and nothing else.
func TestPlainCredentials(t *testing.T) {
	t.Parallel()
	const other = "another, of enough bytes"
	secrets := secret.NewAll([]string{key, other})
	basicOf := func(text string) Request {
		return Request{Header: header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(text)))}
	}
	for name, c := range map[string]struct {
		settings  Settings
		good      []Request
		malformed []Request
		mismatch  []Request
	}{
		"token": {
			settings: &TokenSettings{Header: "X-Gitlab-Token", Tokens: secrets},
			good:     []Request{{Header: header("X-Gitlab-Token", key)}, {Header: header("X-Gitlab-Token", other)}},
			malformed: []Request{
				{Header: header("X-Gitlab-Token", key, "X-Gitlab-Token", key)},
			},
			mismatch: []Request{
				{Header: header("X-Gitlab-Token", key+", "+key)}, {Header: header("X-Gitlab-Token", key+"x")},
				{Header: header("X-Gitlab-Token", "x,"+key)},
			},
		},
		"token with a prefix": {
			settings: &TokenSettings{Header: "Authorization", Prefix: "GenieKey ", Tokens: secrets},
			good: []Request{
				{Header: header("Authorization", "GenieKey "+key)}, {Header: header("Authorization", "geniekey "+key)},
			},
			malformed: []Request{{Header: header("Authorization", "Bearer "+key)}, {Header: header("Authorization", key)}},
			mismatch:  []Request{{Header: header("Authorization", "GenieKey ")}},
		},
		"basic": {
			settings:  &BasicSettings{Username: "azure", Passwords: secrets},
			good:      []Request{basicOf("azure:" + key), basicOf("azure:" + other)},
			malformed: []Request{basicOf("azure"), {Header: header("Authorization", "Basic ***")}, {Header: header("Authorization", "Bearer "+key)}},
			mismatch:  []Request{basicOf("azure:"), basicOf("Azure:" + key), basicOf(":" + key), basicOf("azure:x:" + key)},
		},
		"basic with any name": {
			settings:  &BasicSettings{Passwords: secrets},
			good:      []Request{basicOf("azure:" + key), basicOf(":" + key)},
			malformed: []Request{basicOf(key)},
			mismatch:  []Request{basicOf("azure:" + key + "x")},
		},
		"query": {
			settings: &QuerySettings{Parameter: "token", Tokens: secrets},
			good:     []Request{{Query: "a=b&token=" + url.QueryEscape(key)}, {Query: "token=" + url.QueryEscape(other)}},
			malformed: []Request{
				{Query: "token=x&token=" + url.QueryEscape(key)}, {Query: "token=" + url.QueryEscape(key) + ";a=b"},
				{Query: "token=" + url.QueryEscape(key) + "&%zz"},
			},
			mismatch: []Request{{Query: "token=" + url.QueryEscape(key) + "x"}},
		},
	} {
		scheme, err := c.settings.Scheme()
		require.NoError(t, err, name)
		require.True(t, scheme.CoversRequest, name)
		for _, r := range c.good {
			require.NoError(t, scheme.Verify(now, r), "%s: %v", name, r)
		}
		for _, r := range c.malformed {
			require.ErrorIs(t, scheme.Verify(now, r), ErrMalformed, "%s: %v", name, r)
		}
		for _, r := range c.mismatch {
			require.ErrorIs(t, scheme.Verify(now, r), ErrMismatch, "%s: %v", name, r)
		}
		require.ErrorIs(t, scheme.Verify(now, Request{Query: "token="}), ErrMissing, name)
	}
}

func TestPlainCredentialsRefuseWeakSecrets(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]string{nil, {""}, {"   "}, {"short"}, {key, ""}} {
		secrets := secret.NewAll(bad)
		for _, s := range []Settings{
			&TokenSettings{Header: "X", Tokens: secrets}, &BasicSettings{Passwords: secrets},
			&QuerySettings{Parameter: "x", Tokens: secrets},
		} {
			_, err := s.Scheme()
			require.Error(t, err, "%T accepts %q", s, bad)
		}
	}
}
