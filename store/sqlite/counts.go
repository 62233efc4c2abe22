package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"sync"
)

// pendingCounts keeps the number of pending approvals of each workflow in memory, so that a scrape counts no rows. In the
// file, the numbers would cost each commit that opens or closes an approval a further page. At the start, a goroutine
// counts the rows of the file, in a snapshot from before the first change. Changes are added meanwhile.
type pendingCounts struct {
	mu      sync.Mutex
	numbers map[string]int
	counted chan struct{} // closed when the rows of the file are among the numbers
	err     error         // of the counting
	cancel  context.CancelFunc
	// changes are those of the writer's transaction. Only the writer's goroutine uses them.
	changes map[string]int
}

// begin takes the snapshot and begins to count. It must be called before the first change.
func (p *pendingCounts) begin(ctx context.Context, db *sql.DB) error {
	p.numbers, p.changes = map[string]int{}, map[string]int{}
	p.counted = make(chan struct{})
	counting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.cancel = cancel
	tx, err := db.BeginTx(counting, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		var isAny bool // the first read takes the snapshot
		err = tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pending)").Scan(&isAny)
	}
	if err != nil {
		cancel()
		close(p.counted)
		return fmt.Errorf("count the pending approvals: %w", err)
	}
	go func() {
		defer close(p.counted)
		p.add(p.count(counting, tx))
	}()
	return nil
}

// count returns the numbers of the snapshot.
func (p *pendingCounts) count(ctx context.Context, tx *sql.Tx) (map[string]int, error) {
	rows, err := tx.QueryContext(ctx, countPending)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	numbers := map[string]int{}
	for rows.Next() && err == nil {
		var workflow string
		var n int
		err = rows.Scan(&workflow, &n)
		numbers[workflow] = n
	}
	return numbers, errors.Join(err, rows.Err(), rows.Close(), tx.Rollback())
}

// add adds numbers, which may be negative, and records the error of the counting.
func (p *pendingCounts) add(numbers map[string]int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = errors.Join(p.err, err)
	for workflow, n := range numbers {
		p.numbers[workflow] += n
	}
}

// commit adds the changes of a transaction that was committed.
func (p *pendingCounts) commit() {
	if len(p.changes) > 0 {
		p.add(p.changes, nil)
	}
}

// set makes the numbers equal to wanted when the transaction is committed. It replaces the earlier changes of the
// transaction.
func (p *pendingCounts) set(ctx context.Context, wanted map[string]int) error {
	now, err := p.read(ctx)
	clear(p.changes)
	for workflow, n := range now {
		p.changes[workflow] -= n
	}
	for workflow, n := range wanted {
		p.changes[workflow] += n
	}
	return err
}

// read returns the numbers. It waits until the rows of the file are counted.
func (p *pendingCounts) read(ctx context.Context) (map[string]int, error) {
	select {
	case <-p.counted:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, fmt.Errorf("count the pending approvals: %w", p.err)
	}
	return maps.Clone(p.numbers), nil
}

// close ends the counting.
func (p *pendingCounts) close() {
	if p.counted != nil {
		p.cancel()
		<-p.counted
	}
}
