package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// withBackup makes a backup that is this text.
type withBackup struct{ running bool }

const backupText = "a file of SQLite"

func (s withBackup) OpenBackup(context.Context) (*store.Backup, error) {
	if s.running {
		return nil, store.ErrBackupRunning
	}
	hash := sha256.Sum256([]byte(backupText))
	return &store.Backup{
		ReadCloser: io.NopCloser(bytes.NewReader([]byte(backupText))),
		Size:       int64(len(backupText)),
		SHA256:     hash[:],
	}, nil
}

func TestBackup(t *testing.T) {
	t.Parallel()
	call := func(running bool, isFile bool) reply {
		h, _, _ := site(t)
		h.Backups = nil
		if isFile {
			h.Backups = withBackup{running}
		}
		return send(t, h.OperatorHandler(), "GET", "/v1/backup", "", "Authorization", "Bearer operator")
	}
	got := call(false, true)
	require.Equal(t, 200, got.StatusCode)
	require.Equal(t, backupText, got.text)
	require.Equal(t, "application/vnd.sqlite3", got.Header.Get("Content-Type"))
	require.Equal(t, "16", got.Header.Get("Content-Length"))
	require.Equal(t, "sha-256=:R6Mi+CCNOHWwbbWh7ewwQPLb16HFuUYwEPIP2BsZa1I=:", got.Header.Get("Repr-Digest"))

	got = call(true, true)
	require.Equal(t, 503, got.StatusCode)
	require.Equal(t, "60", got.Header.Get("Retry-After"))
	require.Contains(t, got.text, "another backup")

	got = call(false, false)
	require.Equal(t, 422, got.StatusCode)
	require.Contains(t, got.text, "is not a SQLite file")
}
