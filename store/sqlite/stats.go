package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// Stats implements store.Store: a row a workflow, a look at the ends of two
// indexes, and the counts of the few that were given up or are tried again.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	out := store.Stats{Workflows: map[string]store.WorkflowStats{}}
	var due sql.NullInt64
	err := s.reads.QueryRowContext(ctx, totals).Scan(&out.Exhausted, &out.Retrying, &out.DeadLetters, &due)
	if err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	out.OldestDue = unix(due)
	rows, err := s.reads.QueryContext(ctx, byWorkflow)
	if err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var w store.WorkflowStats
		var oldest sql.NullInt64
		if err := rows.Scan(&name, &w.Pending, &oldest); err != nil {
			return out, fmt.Errorf("read counts: %w", err)
		}
		w.Oldest = unix(oldest)
		if w.Pending > 0 {
			out.Workflows[name] = w
		}
	}
	return out, rows.Err()
}

// first and last are the times that fit: from 1677 to 2262.
var first, last = time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)

// nanos is a time as it is stored: Unix nanoseconds, and of a time that has none
// the nearest.
func nanos(t time.Time) int64 {
	switch {
	case t.Before(first):
		return math.MinInt64
	case t.After(last):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func unix(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}
