package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store"
)

const (
	selectControls = `SELECT workflow, mode, principal, claimed, reason, since FROM relay.controls ORDER BY workflow COLLATE "C"`
	// putControl leaves a database that was moved as it is.
	putControl = `INSERT INTO relay.controls (workflow, mode, principal, claimed, reason, since)
		SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM relay.controls WHERE workflow = '' AND mode = 'moved')
		ON CONFLICT (workflow) DO UPDATE SET mode = excluded.mode, principal = excluded.principal, claimed = excluded.claimed,
			reason = excluded.reason, since = excluded.since WHERE controls.mode <> 'moved'`
	removeControl = "DELETE FROM relay.controls WHERE workflow = $1 AND mode <> 'moved'"
)

// Controls implements store.ControlKeeper.
func (s *Store) Controls(ctx context.Context) ([]store.Control, error) {
	controls, err := queryAll(ctx, s, scanControl, selectControls)
	if err != nil {
		return nil, fmt.Errorf("read the controls: %w", err)
	}
	return controls, nil
}

func scanControl(row pgx.CollectableRow) (c store.Control, err error) {
	var since int64
	err = row.Scan(&c.Workflow, &c.Mode, &c.By, &c.Claimed, &c.Reason, &since)
	c.Since = time.Unix(0, since).UTC()
	return c, err
}

// SetControl implements store.ControlKeeper.
func (s *Store) SetControl(ctx context.Context, c store.Control) error {
	rows, err := s.exec(ctx, putControl, c.Workflow, string(c.Mode), c.By, c.Claimed, c.Reason, c.Since.UnixNano())
	if err == nil && rows == 0 {
		err = store.ErrMoved
	}
	if err != nil {
		return fmt.Errorf("store the control: %w", err)
	}
	return nil
}

// RemoveControl implements store.ControlKeeper.
func (s *Store) RemoveControl(ctx context.Context, workflow string) (bool, error) {
	removed, err := s.remove(ctx, removeControl, workflow)
	if err == nil { // also after a lost answer, which does not tell whether the control was refused
		err = s.requireNotMoved(ctx)
	}
	if err != nil {
		return false, fmt.Errorf("remove the control: %w", err)
	}
	return removed, nil
}

// requireNotMoved returns store.ErrMoved if the database was moved to another store.
func (s *Store) requireNotMoved(ctx context.Context) error {
	controls, err := s.Controls(ctx)
	if err != nil {
		return err
	}
	if c, isReadOnly := store.FindReadOnly(controls); isReadOnly && c.Mode == store.ControlMoved {
		return store.ErrMoved
	}
	return nil
}
