package sqlite

import (
	"database/sql"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// fillAndEmpty adds large orders and removes all but the first.
func fillAndEmpty(t *testing.T, s *Store) {
	t.Helper()
	const orders = 80 // of 25 pages each
	for i := range orders {
		mustUpdate(t, s, orderName(i), addLargeApproval)
	}
	for i := 1; i < orders; i++ {
		mustUpdate(t, s, orderName(i), func(o *approval.Order) error { o.Approvals = nil; return nil })
	}
}

func countPages(t *testing.T, s *Store) (pages, free int) {
	t.Helper()
	require.NoError(t, s.reads.QueryRowContext(t.Context(),
		"SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count").Scan(&pages, &free))
	return pages, free
}

// sizeInPages returns the length of the file.
func sizeInPages(t *testing.T, s *Store, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	var size int
	require.NoError(t, s.reads.QueryRowContext(t.Context(), "PRAGMA page_size").Scan(&size))
	return int(info.Size()) / size
}

// TestFileShrinks removes orders, as the end of their retention does. The file shrinks in steps, keeps pages for new
// orders, and then stays as it is.
func TestFileShrinks(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), c)
		require.NoError(t, err)
		fillAndEmpty(t, s)
		before, free := countPages(t, s)
		require.Greater(t, free, keptPages+10*vacuumPages)
		time.Sleep(vacuumPause + vacuumStep/2)
		synctest.Wait()
		pages, _ := countPages(t, s)
		require.InDelta(t, before-vacuumPages, pages, 2, "one step")
		time.Sleep(time.Minute)
		synctest.Wait()
		pages, free = countPages(t, s)
		require.Less(t, pages, before-9*vacuumPages)
		require.Less(t, free, keptPages+vacuumPages)
		require.GreaterOrEqual(t, free, keptPages-vacuumPages)
		require.Nil(t, s.vacuum.timer, "nothing is left to do until the next commit")
		require.Equal(t, pages, sizeInPages(t, s, c.Path), "the file is shorter while the worker runs")
		requireOrder(t, s, orderName(0), 0)
		mustUpdate(t, s, "new", addRequest)
		require.NoError(t, s.CheckRecords(t.Context(), false, func(f store.Fault) { require.Empty(t, f) }))
		require.NoError(t, s.Close())
	})
	requirePending(t, open(t, c), 2)
}

// TestCompact compacts a file that an earlier program has made, whose free pages stay for ever. It has what it had, and
// shrinks from then on.
func TestCompact(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	execute(t, c.Path, "PRAGMA auto_vacuum = 0; PRAGMA journal_mode = WAL")
	makeVersion(t, c.Path, 8)
	c.SkipUpgradeCopy = true
	s := open(t, c)
	require.False(t, s.vacuum.isPossible)
	fillAndEmpty(t, s)
	require.Nil(t, s.vacuum.timer)
	_, _, err := Compact(t.Context(), c.Path)
	require.ErrorContains(t, err, "is in use by another process")
	require.NoError(t, s.Close())

	before, after, err := Compact(t.Context(), c.Path)
	require.NoError(t, err)
	require.Less(t, after, before/5)
	requireOnly(t, c.Path)
	info, err := os.Stat(c.Path)
	require.NoError(t, err)
	require.Equal(t, after, info.Size())
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	s = open(t, c)
	require.True(t, s.vacuum.isPossible)
	requireOrder(t, s, orderName(0), 0)
	requirePending(t, s, 1)
	_, isRestored, err := s.Restoration(t.Context())
	require.NoError(t, err)
	require.False(t, isRestored, "it is the same store")
}

// TestCompactRefuses leaves files alone that are not a store of this program, or are in use.
func TestCompactRefuses(t *testing.T) {
	t.Parallel()
	_, _, err := Compact(t.Context(), newPath(t))
	require.ErrorIs(t, err, os.ErrNotExist)
	path := newPath(t)
	execute(t, path, "CREATE TABLE notes (text TEXT)")
	_, _, err = Compact(t.Context(), path)
	require.ErrorContains(t, err, "database of another program")
	path = newPath(t)
	require.NoError(t, open(t, Config{Path: path}).Close())
	withConn(t, path, func(c *sql.Conn) { // another program
		_, err := c.ExecContext(t.Context(), "INSERT INTO seal_keys VALUES ('k')")
		require.NoError(t, err)
		_, _, err = Compact(t.Context(), path)
		require.ErrorContains(t, err, "in use by another program")
	})
	require.NoFileExists(t, path+".compact")
}
