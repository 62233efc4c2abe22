package sqlite

import (
	"context"
	"database/sql"
	"errors"
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
	if err := s.readPending(ctx, out.Workflows); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	if out.Owed, err = s.countOwed(ctx); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	return out, nil
}

// readPending adds the statistics of the pending approvals of each workflow.
func (s *Store) readPending(ctx context.Context, to map[string]store.WorkflowStats) (err error) {
	counts, err := s.counts.read(ctx)
	if err != nil {
		return err
	}
	for workflow, n := range counts {
		if n > 0 {
			to[workflow] = store.WorkflowStats{Pending: n}
		}
	}
	rows, err := s.reads.QueryContext(ctx, byWorkflow)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var workflow string
		var oldest sql.NullInt64
		if err := rows.Scan(&workflow, &oldest); err != nil {
			return err
		}
		if w, isCounted := to[workflow]; isCounted { // its first approval may be newer than the counts
			w.Oldest = fromNanos(oldest)
			to[workflow] = w
		}
	}
	return rows.Err()
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
