package sqlite

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
)

// TestFullDisk fills the space that SQLite may use. Further updates fail, and the acknowledged updates can be read.
// Once there is space again, updates succeed.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	var failed atomic.Int64
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now()), Observe: func(c Commit) {
		if c.Err != nil {
			failed.Add(1)
		}
	}}
	s := open(t, c)
	pages := func(most int) {
		_, err := s.conn.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", most))
		require.NoError(t, err)
	}
	acknowledged := &ledger{}
	updateConcurrently(s, acknowledged)
	_, err := s.conn.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	var used int
	require.NoError(t, s.conn.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&used))
	pages(used + 1)
	rounds := 1
	for ; failed.Load() == 0 && rounds < 20; rounds++ { // records may have grown within their pages
		updateConcurrently(s, acknowledged)
	}
	require.Positive(t, failed.Load(), "some did not fit")
	require.ErrorContains(t, s.Update(t.Context(), "one more", addLargeApproval), "full")
	require.NotEmpty(t, acknowledged.copy())
	requireAcknowledged(t, s, acknowledged.copy(), rounds*busyWorkers*busyUpdates)

	pages(1 << 30)
	mustUpdate(t, s, "one more", addLargeApproval)
	updateConcurrently(s, acknowledged)
	require.NoError(t, s.Close())
	s = open(t, Config{Path: c.Path, Sealer: c.Sealer})
	requireAcknowledged(t, s, acknowledged.copy(), (rounds+1)*busyWorkers*busyUpdates)
	requireOrder(t, s, "one more", 0)
}

// addLargeApproval adds an approval that takes more space than is left.
func addLargeApproval(o *approval.Order) error {
	err := addRequest(o)
	o.Approvals[0].Title = strings.Repeat("x", 100_000)
	return err
}

// limitedProcess is an environment variable that is set in the child process of TestLogCannotGrow.
const limitedProcess = "SQLITE_TEST_LIMITED_PROCESS"

// A probe writes to the disk, not only to SQLite's cache.
func TestAProbeWrites(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	size := func() int64 {
		info, err := os.Stat(s.config.Path + "-wal")
		require.NoError(t, err)
		return info.Size()
	}
	before := size()
	require.NoError(t, s.Probe(t.Context()))
	require.Greater(t, size(), before)
	version, err := readSchemaVersion(t.Context(), s.conn)
	require.NoError(t, err)
	require.Equal(t, len(schemaMigrations()), version, "the next start would migrate the file again")
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Probe(t.Context()), errClosed)
	require.NoError(t, open(t, s.config).Probe(t.Context()))
}

// TestLogCannotGrow does the same if the operating system refuses the bytes at the commit. It runs in a process of its
// own, because the limit applies to a process. It is not parallel: until the child runs its program, it shares the
// locks of all open stores, so that a store that is closed meanwhile could not be opened again.
func TestLogCannotGrow(t *testing.T) {
	if os.Getenv(limitedProcess) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLogCannotGrow$", "-test.v")
		child.Env = append(os.Environ(), limitedProcess+"=1")
		out, err := child.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestLogCannotGrow")
		return
	}
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	size := func(most uint64) {
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: limit.Max}))
	}
	size(400_000)
	acknowledged := &ledger{}
	updateConcurrently(s, acknowledged)
	for range 3 {
		require.Error(t, s.Update(t.Context(), "one more", addLargeApproval))
	}
	require.NotEmpty(t, acknowledged.copy())
	requireAcknowledged(t, s, acknowledged.copy(), busyWorkers*busyUpdates)

	size(limit.Cur)
	mustUpdate(t, s, "one more", addLargeApproval)
	updateConcurrently(s, acknowledged)
	require.NoError(t, s.Close())
	s = open(t, c)
	requireAcknowledged(t, s, acknowledged.copy(), 2*busyWorkers*busyUpdates)
}
