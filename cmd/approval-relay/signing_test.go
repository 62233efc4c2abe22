package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A key that the command makes is taken by the configuration, and its public key is printed.
func TestSigningKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var lines strings.Builder
	private := []string{}
	for _, name := range []string{"old.key", "new.key"} {
		status, out, errs := command(t, "keys", "signing")
		require.Zero(t, status, errs)
		require.NotContains(t, errs, strings.TrimSpace(out), "the private key is in the standard output only")
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(out), 0o600))
		private = append(private, strings.TrimSpace(out))
		_, public, found := strings.Cut(errs, "whpk_")
		require.True(t, found, errs)
		lines.WriteString("targets.http  whpk_" + public)
	}
	file := filepath.Join(dir, "relay.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
store: {memory: true}
targets: {http: {http: {signing_keys: [{file: `+dir+`/old.key}, {file: `+dir+`/new.key}]}}}
channels: {hook: {webhook: {url: "https://hooks.example.com/", secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}}
`), 0o600))
	status, out, errs := command(t, "config", "public-keys", file)
	require.Zero(t, status, errs)
	require.Equal(t, lines.String(), out)
	_, shown, _ := command(t, "config", "show", file)
	for _, key := range private {
		require.NotContains(t, shown, key)
	}
}
