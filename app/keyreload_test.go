package app

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// A reload takes new keys at once, and refuses to lose a key that has sealed something. After a refusal the old keys stay.
func TestKeysAreReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, keyFile := filepath.Join(dir, "relay.yaml"), filepath.Join(dir, "keys")
	text := `
public: {listen: ""}
operator: {listen: "127.0.0.1:0", tokens: {ops: "` + reloadToken + `"}}
store: {sqlite: ` + filepath.Join(dir, "relay.db") + `}
keys: {file: ` + keyFile + `}
`
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	load := func() (*config.Config, []config.Finding, error) { return config.Load(file, nil, os.Getenv) }
	c, _, err := load()
	require.NoError(t, err)
	first := keys.NewRing(time.Now())
	require.NoError(t, first.CreateFile(keyFile))
	var log lockedBuffer
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Load: load})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Run(ctx, func(net.Addr, net.Addr) { close(ready) }) }()
	<-ready
	defer func() {
		stop()
		require.NoError(t, <-ended)
	}()
	reload := func(ring *keys.Ring) error {
		require.NoError(t, ring.SaveFile(keyFile))
		_, err := a.Reload(t.Context(), "test")
		return err
	}

	before, err := a.ring.Seal([]byte("x"), "y")
	require.NoError(t, err)
	prepared := first.AddSecondary(time.Now())
	require.NoError(t, reload(prepared))
	require.Equal(t, first.PrimaryID(), a.ring.PrimaryID())
	require.NoError(t, reload(first), "the prepared key has sealed nothing: it can go")
	rotated := first.Rotate(time.Now())
	require.NoError(t, reload(rotated))
	require.Equal(t, rotated.PrimaryID(), a.ring.PrimaryID())
	require.Contains(t, log.String(), "keys replaced")
	opened, err := a.ring.Open(before, "y")
	require.NoError(t, err)
	require.Equal(t, "x", string(opened))
	after, err := a.ring.Seal([]byte("x"), "y")
	require.NoError(t, err)
	_, err = rotated.Open(after, "y")
	require.NoError(t, err)
	used, err := a.inner.(store.KeyRegister).KeyIDs(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{first.PrimaryID(), rotated.PrimaryID()}, used)

	require.ErrorContains(t, reload(first), "key "+rotated.PrimaryID()+" has sealed records of the store")
	require.ErrorContains(t, reload(keys.NewRing(time.Now())), "has sealed records of the store")
	require.NoError(t, os.Remove(keyFile))
	_, err = a.Reload(t.Context(), "test")
	require.ErrorContains(t, err, "are missing")
	require.Equal(t, rotated.PrimaryID(), a.ring.PrimaryID(), "the keys stay after a refusal")
	require.NoError(t, reload(rotated))
}
