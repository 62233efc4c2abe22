package sqlite

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
)

// beforeJoin gives a file the schema of version 9.
const beforeJoin = `DELETE FROM pending WHERE workflow >= x'00';
	CREATE INDEX orders_pending ON orders (id) WHERE pending > 0;
	CREATE TABLE counts (workflow TEXT PRIMARY KEY NOT NULL, pending INTEGER NOT NULL) WITHOUT ROWID;
	INSERT INTO counts SELECT workflow, count(*) FROM pending GROUP BY workflow;
	CREATE INDEX orders_since ON orders (since, id) WHERE since IS NOT NULL;
	PRAGMA user_version = 9;`

// beforeUnderWay gives a file the schema of version 8.
const beforeUnderWay = beforeJoin + `DROP INDEX orders_next;
	DROP INDEX orders_claimed;
	ALTER TABLE orders DROP COLUMN under_way;
	CREATE INDEX orders_due ON orders (due) WHERE due IS NOT NULL;
	CREATE INDEX orders_next ON orders (next) WHERE next IS NOT NULL;
	PRAGMA user_version = 8`

// TestMigrationFindsWhatIsUnderWay upgrades a file of version 8 with records as its programs wrote them.
func TestMigrationFindsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	require.NoError(t, open(t, c).Close())
	execute(t, c.Path, beforeUnderWay)
	for id, approvals := range map[string]string{
		"callback":       `{"id":"1","callback":{"state":"pending","running":true}}`,
		"reconciliation": `{"id":"1","callback":{"reconciliation":{"running":true}}}`,
		"probe":          `{"id":"1"},{"id":"2","probe":{"running":true}}`,
		"notification":   `{"id":"1","notifications":[{"id":1},{"id":2,"running":true}]}`,
		"idle":           `{"id":"1","title":"\\"running\\":true"}`,
		"not running":    `{"id":"1","callback":{"running":false}}`,
	} {
		execute(t, c.Path, fmt.Sprintf(`INSERT INTO orders (id, record, due, next, pending, attention)
			VALUES (CAST('%s' AS BLOB), CAST('{"order":{"approvals":[%s]}}' AS BLOB), 5, 5, 0, 0)`, id, approvals))
	}
	execute(t, c.Path, `INSERT INTO orders (id, record, pending, attention)
		VALUES (CAST('nothing due' AS BLOB), CAST('"running":true' AS BLOB), 0, 0),
			(CAST('unreadable' AS BLOB), x'00ff', 0, 0)`)
	ids, err := open(t, c).ListUnderWay(t.Context())
	require.NoError(t, err)
	slices.Sort(ids)
	require.Equal(t, []string{"callback", "notification", "probe", "reconciliation"}, ids)
}

// TestListUnderWay follows an order from state to state: it is listed, due and claimed as it should be in each of them.
func TestListUnderWay(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	env := approval.Environment{Now: startTime, Lease: time.Minute}
	var begun []approval.Action
	requireState := func(underWay []string, oldest time.Time) {
		t.Helper()
		ids, err := s.ListUnderWay(t.Context())
		require.NoError(t, err)
		require.Equal(t, underWay, ids)
		stats, err := s.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, oldest.UTC(), stats.OldestDue)
		for before, want := range map[time.Duration][]string{-1: nil, 0: {"o"}} {
			due, err := s.ListDueBy(t.Context(), oldest.Add(before))
			require.NoError(t, err)
			require.Equal(t, want, due)
			claimed, err := s.Claim(t.Context(), oldest.Add(-1), 1, time.Hour)
			require.NoError(t, err)
			require.Empty(t, claimed)
		}
	}
	mustUpdate(t, s, "o", addRequest)
	requireState(nil, startTime.Add(time.Hour))
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		begun = decideForTest(o, env)
		assert.Len(t, begun, 1)
		return nil
	})
	requireState([]string{"o"}, startTime.Add(time.Minute))
	claimed, err := s.Claim(t.Context(), startTime.Add(time.Minute), 1, time.Hour)
	require.NoError(t, err)
	require.Equal(t, []string{"o"}, claimed)
	requireState([]string{"o"}, startTime.Add(time.Minute)) // it is leased, and due all the same
	require.NoError(t, s.UpdateUnsynced(t.Context(), "o", func(o *approval.Order) error {
		o.RecordCallbackResult(begun[0], approval.Result{Kind: approval.ResultOK}, env)
		return nil
	}))
	requireState(nil, startTime.Add(time.Hour)) // its removal
}
