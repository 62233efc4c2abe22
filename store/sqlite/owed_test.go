package sqlite

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
)

// TestMigrationFindsOwedAnswers migrates a file of version 7, which had no table of owed answers. They are found in the
// records, with exact times, also beside a record that cannot be read. The same records are sound for a check.
func TestMigrationFindsOwedAnswers(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	since := startTime.Add(123_456_789)
	answer := func(status approval.Status, callback approval.Callback) func(*approval.Approval) {
		return func(a *approval.Approval) {
			a.Status = status
			a.Callback = callback
			a.Callback.PendingSince = since
			since = since.Add(1_100_000_000)
		}
	}
	running := approval.Callback{State: approval.CallbackPending, AttemptRunning: true, Attempts: 1, Due: startTime}
	failed, held := running, running
	failed.LastError = "timeout"
	held.HeldSince = startTime
	for id, change := range map[string]func(*approval.Approval){
		"pending":    func(*approval.Approval) {},
		"delivered":  answer(approval.Approved, approval.Callback{State: approval.CallbackDelivered, LastError: `"owed"`}),
		"superseded": answer(approval.Superseded, failed),
		"running":    answer(approval.Approved, running),
		"waiting":    answer(approval.Rejected, approval.Callback{State: approval.CallbackPending, Due: startTime}),
		"failed":     answer(approval.TimedOut, failed),
		"held":       answer(approval.Cancelled, held),
		"exhausted":  answer(approval.Approved, approval.Callback{State: approval.CallbackExhausted, LastError: `"owed"`}),
		"in seconds": func(a *approval.Approval) {
			answer(approval.Approved, failed)(a)
			a.Callback.PendingSince = startTime.Truncate(time.Second)
		},
		"unreadable": func(*approval.Approval) {},
	} {
		mustUpdate(t, s, id, func(o *approval.Order) error {
			if err := addRequest(o); err != nil {
				return err
			}
			change(o.Approvals[0])
			return nil
		})
	}
	execute(t, c.Path, "UPDATE orders SET record = x'7b226f77656422' WHERE id = CAST('unreadable' AS BLOB)")
	want := readOwedRows(t, s)
	require.Len(t, want, 4)
	require.NoError(t, s.Close())
	writeAsJSON(t, c)
	execute(t, c.Path, beforeUnderWay+"; DROP TABLE owed; PRAGMA user_version = 7")

	s = open(t, c)
	require.Equal(t, want, readOwedRows(t, s))
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, 4, stats.Owed["payments"].Orders)
	require.Equal(t, startTime.Truncate(time.Second).UTC(), stats.Owed["payments"].Oldest[0])
	for _, id := range []string{"waiting", "failed", "held", "in seconds"} {
		mustUpdate(t, s, id, func(o *approval.Order) error {
			o.Approvals[0].Callback.State = approval.CallbackDelivered
			return nil
		})
	}
	require.Empty(t, readOwedRows(t, s))
	stats, err = s.Stats(t.Context())
	require.NoError(t, err)
	require.Nil(t, stats.Owed)
}

func readOwedRows(t *testing.T, s *Store) map[owedRow]bool {
	t.Helper()
	c, err := s.reads.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	rows, err := readOwed(t.Context(), c)
	require.NoError(t, err)
	return rows
}
