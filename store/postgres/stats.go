package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store"
)

// The queries of the counts. They read all orders that need attention, all owed answers and all dead letters, because these are
// few, some rows for each workflow, and the first entries of indexes. Claimed orders are few, too; the others are due when a
// Claim may return them.
const (
	selectTotals = `SELECT
		count(*) FILTER (WHERE attention & 1 <> 0), count(*) FILTER (WHERE attention & 2 <> 0),
		count(*) FILTER (WHERE attention & 4 <> 0), count(*) FILTER (WHERE attention & 8 <> 0),
		(SELECT count(*) FROM relay.dead_letters),
		least((SELECT min(next) FROM relay.orders WHERE next IS NOT NULL),
			(SELECT min(due) FROM relay.orders WHERE claimed IS NOT NULL))
		FROM relay.orders WHERE attention > 0`
	selectWorkflows = `SELECT workflow, sum(pending)::bigint,
		coalesce((SELECT since FROM relay.pending p WHERE p.workflow = c.workflow ORDER BY since LIMIT 1), -9223372036854775808)
		FROM relay.counts c GROUP BY workflow`
	selectOwed = `SELECT w.workflow, w.orders, ARRAY(SELECT since FROM relay.owed o WHERE o.workflow = w.workflow ORDER BY since LIMIT $1)
		FROM (SELECT workflow, count(*) AS orders FROM relay.owed GROUP BY workflow) w`
)

// Stats implements store.Store.
func (s *Store) Stats(ctx context.Context) (out store.Stats, err error) {
	err = s.withRetries(ctx, func(ctx context.Context) error {
		out, err = s.readStats(ctx)
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	return out, nil
}

// readStats reads all counts in one round trip.
func (s *Store) readStats(ctx context.Context) (out store.Stats, err error) {
	out.Workflows = map[string]store.WorkflowStats{}
	var queries pgx.Batch
	queries.Queue(s.sql(selectTotals))
	queries.Queue(s.sql(selectWorkflows))
	queries.Queue(s.sql(selectOwed), store.OldestOwed)
	answers := s.pool.SendBatch(ctx, &queries)
	defer func() { err = errors.Join(err, answers.Close()) }()

	var due *int64
	err = answers.QueryRow().Scan(&out.Exhausted, &out.Retrying, &out.Undeliverable, &out.Unanswered, &out.DeadLetters, &due)
	if err != nil {
		return out, err
	}
	if due != nil {
		out.OldestDue = store.FromNanos(*due)
	}
	rows, err := answers.Query()
	if err != nil {
		return out, err
	}
	var name string
	var pending int
	var oldest int64
	_, err = pgx.ForEachRow(rows, []any{&name, &pending, &oldest}, func() error {
		if pending > 0 {
			out.Workflows[name] = store.WorkflowStats{Pending: pending, Oldest: store.FromNanos(oldest)}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	out.Owed, err = readOwed(answers)
	return out, err
}

func readOwed(answers pgx.BatchResults) (owed map[string]store.OwedStats, err error) {
	rows, err := answers.Query()
	if err != nil {
		return nil, err
	}
	var name string
	var orders int
	var oldest []int64
	_, err = pgx.ForEachRow(rows, []any{&name, &orders, &oldest}, func() error {
		if owed == nil {
			owed = map[string]store.OwedStats{}
		}
		sum := store.OwedStats{Orders: orders}
		for _, n := range oldest {
			sum.Oldest = append(sum.Oldest, store.FromNanos(n))
		}
		owed[name] = sum
		oldest = nil
		return nil
	})
	return owed, err
}
