package sqlite

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// TestBackupUnderLoad makes backups while many goroutines update orders, and restores each: every update that was
// acknowledged before the backup began is in it.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	done := &ledger{}
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					updateConcurrently(s, done)
				}
			}
		})
	}
	for range 5 {
		acknowledged := done.copy()
		b, err := s.OpenBackup(t.Context())
		require.NoError(t, err)
		folder := t.TempDir()
		saved := filepath.Join(folder, "copy.db")
		saveBackup(t, b, saved)

		summary, err := Inspect(t.Context(), saved, c.Sealer)
		require.NoError(t, err)
		require.Zero(t, summary.Unreadable)
		require.GreaterOrEqual(t, summary.Orders, len(acknowledged))
		restored := filepath.Join(folder, "restored.db")
		require.NoError(t, Restore(t.Context(), saved, restored, time.Time{}))
		r := open(t, Config{Path: restored, Sealer: c.Sealer})
		requireAcknowledged(t, r, acknowledged, 1<<30)
		require.NoError(t, r.Close())
	}
	close(stop)
	load.Wait()
	require.NotEmpty(t, done.copy())
	files, err := filepath.Glob(c.Path + "*backup*")
	require.NoError(t, err)
	require.Empty(t, files, "a backup leaves no file beside the store")
}

// saveBackup writes a backup to a file and requires that size and digest are right.
func saveBackup(t *testing.T, b *store.Backup, to string) {
	t.Helper()
	content, err := io.ReadAll(b)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.Len(t, content, int(b.Size))
	hash := sha256.Sum256(content)
	require.Equal(t, hash[:], b.SHA256)
	require.NoError(t, os.WriteFile(to, content, 0o600))
}

func TestOneBackupAtATime(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	s.backup.Lock()
	_, err := s.OpenBackup(t.Context())
	require.ErrorIs(t, err, store.ErrBackupRunning)
	s.backup.Unlock()
	require.NoError(t, os.WriteFile(s.config.Path+".backup-online.part", []byte("of a process that died"), 0o600))
	b, err := s.OpenBackup(t.Context())
	require.NoError(t, err)
	require.NoError(t, b.Close())
}

// TestSlowReadersOfBackups has readers that do not end: their copies take space, so that there are only a few.
func TestSlowReadersOfBackups(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	var slow []*store.Backup
	for range maxBackups {
		b, err := s.OpenBackup(t.Context())
		require.NoError(t, err)
		slow = append(slow, b)
	}
	_, err := s.OpenBackup(t.Context())
	require.ErrorIs(t, err, store.ErrBackupRunning)
	require.NoError(t, slow[0].Close())
	_ = slow[0].Close() // to close it again frees nothing more
	b, err := s.OpenBackup(t.Context())
	require.NoError(t, err)
	_, err = s.OpenBackup(t.Context())
	require.ErrorIs(t, err, store.ErrBackupRunning)
	require.NoError(t, errors.Join(b.Close(), slow[1].Close()))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for range maxBackups + 1 {
		_, err = s.OpenBackup(cancelled)
		require.Error(t, err)
		require.NotErrorIs(t, err, store.ErrBackupRunning, "a copy that failed frees its place")
	}
}

// TestRestoreOverwritesNothing has files in the place of the store.
func TestRestoreOverwritesNothing(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	mustUpdate(t, s, "o", addRequest)
	require.ErrorContains(t, Copy(t.Context(), c.Path, c.Path+".copy"), "in use by another process")
	require.NoError(t, s.Close())
	saved := c.Path + ".copy"
	require.NoError(t, Copy(t.Context(), c.Path, saved))
	require.ErrorIs(t, Copy(t.Context(), c.Path+"x", saved), os.ErrNotExist)

	require.ErrorContains(t, Restore(t.Context(), saved, c.Path, time.Time{}), "orders.db exists: move it away first")
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		to := newPath(t)
		require.NoError(t, os.WriteFile(to+suffix, nil, 0o600))
		require.ErrorContains(t, Restore(t.Context(), saved, to, time.Time{}), suffix+" exists")
		require.NoFileExists(t, to)
	}
	to := newPath(t)
	require.NoError(t, Restore(t.Context(), saved, to, time.Time{}))
	requireOrder(t, open(t, Config{Path: to, Sealer: c.Sealer}), "o", 0)
}

// TestInspect looks at files that are no sound store.
func TestInspect(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(time.Now())
	path := newPath(t)
	s := open(t, Config{Path: path, Sealer: ring})
	mustUpdate(t, s, "o", addRequest)
	mustUpdate(t, s, "p", addRequest)
	require.NoError(t, s.AddKeyID(t.Context(), "k1"))
	require.NoError(t, s.Close())
	got, err := Inspect(t.Context(), path, ring)
	require.NoError(t, err)
	require.Equal(t, Summary{
		Version: len(schemaMigrations()), Orders: 2, Pending: 2, KeyIDs: []string{"k1"}, Newest: startTime,
	}, got)
	got, err = Inspect(t.Context(), path, keys.NewRing(time.Now()))
	require.NoError(t, err)
	require.Equal(t, 2, got.Unreadable)
	require.ErrorContains(t, got.FirstFault, "open token of order")

	_, err = Inspect(t.Context(), path+"x", nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	empty := newPath(t)
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = Inspect(t.Context(), empty, nil)
	require.ErrorContains(t, err, "is empty")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := newPath(t)
	for i := range content[8192:] { // everything behind the first two pages
		content[8192+i] ^= 0x5a
	}
	require.NoError(t, os.WriteFile(damaged, content, 0o600))
	_, err = Inspect(t.Context(), damaged, nil)
	require.Error(t, err)
	short := newPath(t)
	require.NoError(t, os.WriteFile(short, content[:4096*3], 0o600))
	_, err = Inspect(t.Context(), short, nil)
	require.Error(t, err)
	foreign := newPath(t)
	execute(t, foreign, "CREATE TABLE t (x)")
	_, err = Inspect(t.Context(), foreign, nil)
	require.ErrorContains(t, err, "database of another program")
	edited := newPath(t)
	makeVersion(t, edited, 5)
	execute(t, edited, "DROP TABLE counts")
	_, err = Inspect(t.Context(), edited, nil)
	require.True(t, err != nil && strings.Contains(err.Error(), "lacks"), err)
}

// TestRestoredIsNoted restores a copy of a restored store: each file knows how it was made itself.
func TestRestoredIsNoted(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(time.Now())
	path := newPath(t)
	s := open(t, Config{Path: path, Sealer: ring})
	mustUpdate(t, s, "o", addRequest)
	_, isRestored, err := s.Restoration(t.Context())
	require.NoError(t, err)
	require.False(t, isRestored)
	require.NoError(t, s.Close())
	newest := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	before := time.Now()
	for i, copied := range []time.Time{newest, {}, newest.Add(time.Hour)} {
		to := fmt.Sprint(newPath(t), i)
		require.NoError(t, Restore(t.Context(), path, to, copied))
		s := open(t, Config{Path: to, Sealer: ring})
		got, isRestored, err := s.Restoration(t.Context())
		require.NoError(t, err)
		require.True(t, isRestored)
		require.Equal(t, copied, got.Copied)
		require.False(t, got.Restored.Before(before.Truncate(time.Nanosecond)))
		require.NoError(t, s.Close())
		path = to
	}
}
