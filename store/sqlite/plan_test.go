package sqlite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// TestQueriesReadIndexes asks SQLite for the plans of the queries whose cost must not depend on the number of orders:
// they use the table of orders only through an index.
func TestQueriesReadIndexes(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	for _, c := range []struct {
		query, args string
		want        []string
	}{
		{anyClaimable, "1", []string{
			"orders USING COVERING INDEX orders_next (under_way=? AND next<?)", "orders USING COVERING INDEX orders_next (under_way=? AND next<?)",
		}},
		{claimable, "1 2", []string{
			"orders USING INDEX orders_next (under_way=? AND next<?)", "orders USING INDEX orders_next (under_way=? AND next<?)",
		}},
		{releaseClaims, "", []string{"orders USING INDEX orders_claimed"}},
		{selectUnderWay, "", []string{"orders USING INDEX orders_next (under_way=? AND next>?)"}},
		{selectDueBy, "1", []string{
			"orders USING INDEX orders_next (under_way=? AND next<?)",
			"orders USING INDEX orders_next (under_way=? AND next<?)",
			"orders USING INDEX orders_claimed (due<?)",
		}},
		{selectMany(), strings.Repeat("x ", store.MaxMany), []string{"orders USING INDEX sqlite_autoindex_orders_1 (id=?)"}},
		{byAge, "1 x 2", []string{"SEARCH p USING PRIMARY KEY (workflow=?", "SEARCH o USING INDEX sqlite_autoindex_orders_1 (id=?)"}},
		{pendingByID, "x 2", []string{
			"SEARCH p USING PRIMARY KEY (workflow=? AND since=? AND approval>?)",
			"SEARCH o USING INDEX sqlite_autoindex_orders_1 (id=?)",
		}},
		{byState, "x 1 2", []string{"orders USING INDEX orders_attention (id>?)"}},
		{attentionCounts, "", []string{"SCAN orders USING COVERING INDEX orders_attention"}},
		{totals, "", []string{
			"SCAN dead_letters USING COVERING INDEX",
			"orders USING COVERING INDEX orders_next (under_way=? AND next>?)",
			"orders USING INDEX orders_claimed",
		}},
		{selectDeadLetters, "1 2", []string{"dead_letters USING COVERING INDEX dead_letter_heads (id>?)"}},
		{byWorkflow, "", []string{
			"SEARCH pending USING PRIMARY KEY (workflow<?)",
			"SEARCH p USING PRIMARY KEY (workflow>? AND workflow<?)",
			"SEARCH p USING PRIMARY KEY (workflow=?)",
		}},
		{owedByWorkflow, "", []string{"SCAN owed USING COVERING INDEX owed_since"}},
		{oldestOwed, "w 5", []string{"SEARCH owed USING COVERING INDEX owed_since (workflow=?)"}},
	} {
		var args []any
		for a := range strings.FieldsSeq(c.args) {
			args = append(args, a)
		}
		rows, err := s.reads.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+c.query, args...)
		require.NoError(t, err)
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
			plan = append(plan, detail)
		}
		require.NoError(t, rows.Err())
		text := strings.Join(plan, "\n")
		for _, want := range c.want {
			require.Contains(t, text, want)
		}
		require.NotContains(t, text, "TEMP B-TREE", "nothing is sorted")
	}
}
