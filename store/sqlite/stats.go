package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// Stats implements store.Store. It reads one row per workflow and the first entry of an index, and counts the rows of
// small indexes: the orders that need attention, the dead letters, and the owed answers.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	out := store.Stats{Workflows: map[string]store.WorkflowStats{}}
	var waiting, underWay, leased sql.NullInt64
	err := s.reads.QueryRowContext(ctx, attentionCounts).
		Scan(&out.Exhausted, &out.Retrying, &out.Undeliverable, &out.Unanswered)
	if err == nil {
		err = s.reads.QueryRowContext(ctx, totals).Scan(&out.DeadLetters, &waiting, &underWay, &leased)
	}
	if err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	for _, due := range []sql.NullInt64{waiting, underWay, leased} {
		if t := fromNanos(due); out.OldestDue.IsZero() || due.Valid && t.Before(out.OldestDue) {
			out.OldestDue = t
		}
	}
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
		w.Oldest = fromNanos(oldest)
		if w.Pending > 0 {
			out.Workflows[name] = w
		}
	}
	if err := rows.Err(); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	if out.Owed, err = s.countOwed(ctx); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	return out, nil
}

// minTime and maxTime are the limits of a stored time: the years 1677 and 2262.
var minTime, maxTime = time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)

// toNanos returns the stored form of a time: Unix nanoseconds. A time beyond the limits becomes the nearest limit.
func toNanos(t time.Time) int64 {
	switch {
	case t.Before(minTime):
		return math.MinInt64
	case t.After(maxTime):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func fromNanos(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}
