package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
)

// openOnCrashing opens a store on a server that writes its log rarely, so that a crash loses unsynced writes.
func openOnCrashing(t *testing.T) (*postgrestest.Server, *Store) {
	t.Helper()
	own := postgrestest.Run(t, postgrestest.Options{Settings: []string{"wal_writer_delay=10s"}})
	c := Config{
		Settings: Settings{URL: secret.New(own.URL()), Connections: 4},
		Sealer:   keys.NewRing(time.Now()),
		RetryFor: time.Minute,
	}
	c.SetDefaults(setup.Common{})
	return own, open(t, c)
}

// crash kills the server and starts it again.
func crash(t *testing.T, own *postgrestest.Server) {
	t.Helper()
	require.NoError(t, own.Kill())
	require.NoError(t, own.Launch(context.WithoutCancel(t.Context())))
}

// votesIn returns the number of votes in the row, read by a connection of its own.
func votesIn(t *testing.T, s *Store, own *postgrestest.Server, orderID string) int {
	t.Helper()
	c := Config{Settings: Settings{URL: secret.New(own.URL())}, Sealer: s.config.Sealer}
	c.SetDefaults(setup.Common{})
	reader := open(t, c)
	defer func() { require.NoError(t, reader.Close()) }() // the server has few connections
	return countVotes(t, reader, orderID)
}

// TestCrashKeepsUnsyncedWrites kills the server after unsynced writes, which are lost there. The worker stores them again,
// also the second of two, and also if the next update of the order comes first.
func TestCrashKeepsUnsyncedWrites(t *testing.T) {
	t.Parallel()
	own, s := openOnCrashing(t)
	for i := range 3 {
		id := fmt.Sprint("o", i)
		require.NoError(t, s.Update(t.Context(), id, addVote("synced")))
		require.NoError(t, s.UpdateUnsynced(t.Context(), id, addVote("1")))
		require.NoError(t, s.UpdateUnsynced(t.Context(), id, addVote("2")))
		crash(t, own)
		require.Equal(t, 1, votesIn(t, s, own, id), "the server has lost nothing, so that this test proves nothing")
		if i == 0 {
			require.NoError(t, s.Update(t.Context(), id, addVote("3")))
			require.Equal(t, 4, votesIn(t, s, own, id))
			continue
		}
		for n := 0; votesIn(t, s, own, id) != 3 && n < 1000; n++ {
			require.NoError(t, s.Probe(t.Context())) // connects
		}
		require.Equal(t, 3, votesIn(t, s, own, id))
	}
	require.NoError(t, s.CheckRecords(t.Context(), false, failOnFault(t)))
}

// TestCrashAndAnotherWorker lets another worker change the order after the crash: its change stays as it is.
func TestCrashAndAnotherWorker(t *testing.T) {
	t.Parallel()
	own, s := openOnCrashing(t)
	require.NoError(t, s.Update(t.Context(), "o", addVote("synced")))
	require.NoError(t, s.UpdateUnsynced(t.Context(), "o", addVote("lost")))
	crash(t, own)
	other := open(t, s.config)
	require.NoError(t, other.Update(t.Context(), "o", addVote("other")))
	require.NoError(t, s.Update(t.Context(), "o", addVote("after")))
	o, err := other.Get(t.Context(), "o")
	require.NoError(t, err)
	var names []string
	for _, v := range o.Approvals[0].Votes {
		names = append(names, v.By)
	}
	require.Equal(t, []string{"synced", "other", "after"}, names)
}

// TestLateWritesAreBounded keeps unsynced writes for their time and within their bytes, but not before those that the
// server may have lost are stored again.
func TestLateWritesAreBounded(t *testing.T) {
	t.Parallel()
	var l lateWrites
	row := func(version int64, size int) stored { return stored{version: version, record: make([]byte, size)} }
	l.add("a", row(1, 1), row(2, 1), start)
	l.add("a", row(2, 1), row(3, 1), start)
	for version, isLost := range map[int64]bool{1: true, 2: true, 3: false, 4: false} {
		require.Equal(t, isLost, l.findLost("a", version) != nil, version)
	}
	l.suspect()
	l.add("b", row(1, 1), row(2, 1), start.Add(2*lateKept))
	require.NotNil(t, l.findLost("a", 2))
	for _, w := range l.suspects() {
		l.confirm(w)
	}
	l.add("c", row(1, 1), row(2, 1), start.Add(2*lateKept))
	require.Nil(t, l.findLost("a", 2))
	require.NotNil(t, l.findLost("b", 1))

	l.add("d", row(1, 1), row(2, lateBytes), start.Add(2*lateKept))
	require.Nil(t, l.findLost("b", 1))
	require.LessOrEqual(t, l.size, lateBytes)
	l.forget("d")
	require.Nil(t, l.findLost("d", 1))
}
