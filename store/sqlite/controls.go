package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// Controls implements store.ControlKeeper.
func (s *Store) Controls(ctx context.Context) ([]store.Control, error) {
	rows, err := s.reads.QueryContext(ctx, "SELECT workflow, mode, principal, claimed, reason, since FROM controls ORDER BY workflow")
	if err != nil {
		return nil, fmt.Errorf("read the controls: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var controls []store.Control
	for rows.Next() {
		var c store.Control
		var since int64
		if err := rows.Scan(&c.Workflow, &c.Mode, &c.By, &c.Claimed, &c.Reason, &since); err != nil {
			return nil, fmt.Errorf("read the controls: %w", err)
		}
		c.Since = time.Unix(0, since).UTC()
		controls = append(controls, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the controls: %w", err)
	}
	return controls, nil
}

// SetControl implements store.ControlKeeper.
func (s *Store) SetControl(ctx context.Context, c store.Control) error {
	err := s.submit(ctx, singleStep(func(ctx context.Context) error {
		if err := s.requireNotMoved(ctx); err != nil {
			return err
		}
		return s.putControl(ctx, c)
	}))
	if err != nil {
		return fmt.Errorf("store the control: %w", err)
	}
	return nil
}

// putControl stores a control, on the connection of the writer.
func (s *Store) putControl(ctx context.Context, c store.Control) error {
	const put = "INSERT OR REPLACE INTO controls (workflow, mode, principal, claimed, reason, since) VALUES (?, ?, ?, ?, ?, ?)"
	_, err := s.conn.ExecContext(ctx, put, c.Workflow, c.Mode, c.By, c.Claimed, c.Reason, c.Since.UnixNano())
	return err
}

// requireNotMoved returns store.ErrMoved if the file was moved to another store.
func (s *Store) requireNotMoved(ctx context.Context) error {
	const query = "SELECT EXISTS (SELECT 1 FROM controls WHERE workflow = '' AND mode = ?)"
	var isMoved bool
	err := s.conn.QueryRowContext(ctx, query, store.ControlMoved).Scan(&isMoved)
	if err == nil && isMoved {
		err = store.ErrMoved
	}
	return err
}

// RemoveControl implements store.ControlKeeper.
func (s *Store) RemoveControl(ctx context.Context, workflow string) (bool, error) {
	var removed int64
	err := s.submit(ctx, singleStep(func(ctx context.Context) error {
		if err := s.requireNotMoved(ctx); err != nil {
			return err
		}
		result, err := s.conn.ExecContext(ctx, "DELETE FROM controls WHERE workflow = ?", workflow)
		if err != nil {
			return err
		}
		removed, err = result.RowsAffected()
		return err
	}))
	if err != nil {
		return false, fmt.Errorf("remove the control: %w", err)
	}
	return removed > 0, nil
}
