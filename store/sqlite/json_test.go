package sqlite

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

// writeAsJSON replaces the records of a file by the JSON that programs wrote up to record version 8. Records that cannot be
// read stay as they are.
func writeAsJSON(t *testing.T, c Config) {
	t.Helper()
	db, err := sql.Open("sqlite", c.Path)
	require.NoError(t, err)
	rows, err := db.QueryContext(t.Context(), "SELECT id, record FROM orders")
	require.NoError(t, err)
	records := map[string][]byte{}
	for rows.Next() {
		var id, b []byte
		require.NoError(t, rows.Scan(&id, &b))
		if o, err := store.Decode(string(id), b, c.Sealer); err == nil {
			records[string(id)] = storetest.JSONRecord(t, o, c.Sealer)
		}
	}
	require.NoError(t, errors.Join(rows.Err(), rows.Close()))
	require.NotEmpty(t, records)
	for id, b := range records {
		_, err := db.ExecContext(t.Context(), "UPDATE orders SET record = ? WHERE id = ?", b, []byte(id))
		require.NoError(t, err)
	}
	require.NoError(t, db.Close())
}
