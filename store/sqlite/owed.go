package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// countOwed counts the owed answers of each workflow.
func (s *Store) countOwed(ctx context.Context) (owed map[string]store.OwedStats, err error) {
	rows, err := s.reads.QueryContext(ctx, owedByWorkflow)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		var w store.OwedStats
		if err := rows.Scan(&name, &w.Orders); err != nil {
			return nil, err
		}
		if owed == nil {
			owed = map[string]store.OwedStats{}
		}
		owed[name] = w
	}
	for name, w := range owed {
		if w.Oldest, err = s.oldestOwed(ctx, name); err != nil {
			return nil, err
		}
		owed[name] = w
	}
	return owed, rows.Err()
}

// oldestOwed returns the times since which the oldest answers of a workflow are owed.
func (s *Store) oldestOwed(ctx context.Context, workflow string) (oldest []time.Time, err error) {
	rows, err := s.reads.QueryContext(ctx, oldestOwed, workflow, store.OldestOwed)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var since sql.NullInt64
		if err := rows.Scan(&since); err != nil {
			return nil, err
		}
		oldest = append(oldest, fromNanos(since))
	}
	return oldest, rows.Err()
}
