package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// TestWriteIsPlannedByHash looks at the plan of a write with rows of all tables: the server looks up in hash tables and
// indexes whether an order was changed. If it compared each with all others, a write of twice as many would take four times
// as long.
func TestWriteIsPlannedByHash(t *testing.T) {
	t.Parallel()
	s := open(t, newConfig(t))
	w := newWrite(0, newVersion())
	pending := []approval.PendingApproval{{Workflow: "w", ApprovalID: "a", Since: start}}
	owed := []approval.OwedAnswer{{Workflow: "w", Since: start}}
	w.add("new", stored{}, change{record: []byte{1}, opened: pending, owed: owed})
	w.add("known", stored{version: 1}, change{record: []byte{1}, ended: pending, paid: owed})
	w.add("removed", stored{version: 1}, change{})
	require.Equal(t, shape{
		updated: true, inserted: true, removed: true, opened: true, ended: true, owed: true, paid: true, unsynced: true,
	}, w.shape(), "all parts")

	st := w.statement()
	rows, err := s.pool.Query(t.Context(), "EXPLAIN "+s.sql(st.text()), st.args...)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	plan := strings.Join(lines, "\n")
	require.NotContains(t, plan, "Join Filter", plan)
	require.Equal(t, 4, strings.Count(plan, "(hashed SubPlan"), plan)
}
