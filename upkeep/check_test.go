package upkeep_test

import (
	"database/sql"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/sqlite"
	"github.com/approval-relay/approval-relay/upkeep"
)

// TestCheckFindsAndFixes spoils what follows from the records of a file, a kind at a time. The check finds it, and a fix
// makes a worker see the same as before.
func TestCheckFindsAndFixes(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]struct{ statement, fault string }{
		"a time":            {"UPDATE orders SET due = due + 1 WHERE id = CAST('order-1' AS BLOB)", "the columns due are not those"},
		"no time":           {"UPDATE orders SET next = NULL", "the columns next are not those"},
		"age":               {"UPDATE orders SET since = 0 WHERE since IS NOT NULL", "the columns since are not those"},
		"number of pending": {"UPDATE orders SET pending = 1 - min(pending, 1)", "the columns pending are not those"},
		"states":            {"UPDATE orders SET attention = 15 - attention", "the columns attention are not those"},
		"pending approvals": {"DELETE FROM pending", "the table pending has not"},
		"foreign approvals": {"INSERT INTO pending VALUES ('payments', 1, 'x')", "the table pending has not"},
		"ages":              {"UPDATE pending SET since = since + 1 WHERE workflow = x'00'", "the table pending has not"},
		"owed answers":      {"DELETE FROM owed", "the table owed has not"},
		"foreign answers":   {"INSERT INTO owed VALUES (x'61', 'payments', 1)", "the table owed has not"},
		"IDs":               {"DELETE FROM pending WHERE workflow = x'01'", "the table pending has not"},
		"age of none":       {"INSERT INTO pending VALUES (x'00', 1, x'61')", "the table pending has not"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring := keys.NewRing(start)
			path := filepath.Join(t.TempDir(), "relay.db")
			s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Sealer: ring})
			require.NoError(t, err)
			fill(t, s, rand.New(rand.NewPCG(7, 8)))
			want := contentOf(t, s)
			require.NoError(t, s.Close())
			db, err := sql.Open("sqlite", path)
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), damage.statement)
			require.NoError(t, err)
			require.NoError(t, db.Close())

			s, err = openSQLite(t, path, ring, false)
			require.NoError(t, err)
			for _, fix := range []bool{false, true} {
				var texts string
				require.NoError(t, upkeep.Check(t.Context(), s, fix, func(f store.Fault) {
					require.Equal(t, fix, f.Fixed)
					require.False(t, f.Lost)
					texts += f.Text + "\n"
				}))
				require.Contains(t, texts, damage.fault)
			}
			requireSound(t, s)
			require.Equal(t, want, contentOf(t, s))
		})
	}
}

// TestLostRecord damages a record. The check reports it and does not fix it, a migration refuses it, unless it is to be
// left out.
func TestLostRecord(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(start)
	path := filepath.Join(t.TempDir(), "relay.db")
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Sealer: ring})
	require.NoError(t, err)
	fill(t, s, rand.New(rand.NewPCG(9, 10)))
	require.NoError(t, s.Close())
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `UPDATE orders SET record = CAST('{"v":5,"order":{' AS BLOB) WHERE id = CAST('order-1' AS BLOB)`)
	require.NoError(t, err)
	require.NoError(t, db.Close())

	s, err = openSQLite(t, path, ring, false)
	require.NoError(t, err)
	var lost []string
	require.NoError(t, upkeep.Check(t.Context(), s, true, func(f store.Fault) {
		require.True(t, f.Lost)
		require.False(t, f.Fixed)
		lost = append(lost, f.Order)
	}))
	require.Equal(t, []string{"order-1"}, lost)

	target := newSQLite(t, ring)
	m := migration(s, target, ring)
	_, err = m.Run(t.Context())
	require.ErrorContains(t, err, "1 orders and dead letters cannot be read: nothing was moved")
	m.SkipLost = true
	moved, err := m.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, 66, moved.Orders)
	require.Equal(t, 1, moved.Lost)
	requireSound(t, target)
	stats, err := upkeep.ReadStats(t.Context(), s, ring, func(string, int) {})
	require.NoError(t, err)
	require.Equal(t, 67, stats.Orders)
	require.Equal(t, 1, stats.Unreadable)
	require.Equal(t, 3, stats.DeadLetters)
	require.Equal(t, s.SchemaVersion(), stats.SchemaVersion)
	require.Positive(t, stats.Approvals["payments"]["pending"])
	require.Equal(t, start, stats.OldestPending.Truncate(60e9))
	require.Contains(t, stats.KeyIDs, "an-old-key")
}
