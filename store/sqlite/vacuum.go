package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	// vacuumPause is the time between two looks at the free pages, and vacuumStep the time between two steps.
	vacuumPause = 10 * time.Second
	vacuumStep  = 100 * time.Millisecond
	// vacuumPages is the number of free pages that a step gives back to the file system. It takes a millisecond or two, so
	// that updates hardly wait for it.
	vacuumPages = 64
	// keptPages is the smallest number of free pages that are left for new orders, beside a tenth of the file.
	keptPages = 1024
)

// vacuum gives free pages back to the file system, a few at a time, so that the file shrinks after the retention of
// many orders has ended. Only some files can shrink: this program has made them since schema version 9, or Compact has
// written them. Only the writer's goroutine uses it.
type vacuum struct {
	isPossible bool
	timer      *time.Timer // nil until the next commit
	hasGiven   bool        // pages were given back, and leave the file at the next checkpoint
}

// open finds out whether the file can shrink.
func (v *vacuum) open(ctx context.Context, s *Store) error {
	var mode int
	if err := s.conn.QueryRowContext(ctx, "PRAGMA auto_vacuum").Scan(&mode); err != nil {
		return fmt.Errorf("read how it is vacuumed: %w", err)
	}
	v.isPossible = mode == incrementalVacuum
	return nil
}

// incrementalVacuum is the mode of PRAGMA auto_vacuum that leaves it to the program when the file shrinks.
const incrementalVacuum = 2

// prepareVacuum lets a new database shrink later, and so the copy of a database that VACUUM INTO makes. Any other
// database stays as it is.
func prepareVacuum(ctx context.Context, c *sql.Conn) error {
	var mode int
	if err := c.QueryRowContext(ctx, "PRAGMA auto_vacuum").Scan(&mode); err != nil || mode == incrementalVacuum {
		return err
	}
	_, err := c.ExecContext(ctx, fmt.Sprintf("PRAGMA auto_vacuum = %d", incrementalVacuum))
	return err
}

// written is called after each commit.
func (v *vacuum) written() {
	if v.isPossible && v.timer == nil {
		v.timer = time.NewTimer(vacuumPause)
	}
}

// due returns a channel that gets a value when step must be called.
func (v *vacuum) due() <-chan time.Time {
	if v.timer == nil {
		return nil
	}
	return v.timer.C
}

// step gives back some pages if there are too many, and plans the next step.
func (v *vacuum) step(ctx context.Context, s *Store) error {
	v.timer = nil
	var free, pages int
	err := s.conn.QueryRowContext(ctx, "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count").
		Scan(&free, &pages)
	if err != nil {
		return err
	}
	if free-vacuumPages < max(keptPages, pages/10) {
		return v.shorten(ctx, s)
	}
	if err := s.sync.begin(ctx, s.conn, false); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages)); err != nil {
		return fmt.Errorf("give back free pages: %w", err)
	}
	v.timer = time.NewTimer(vacuumStep)
	v.hasGiven = true
	return s.sync.finish()
}

// shorten makes the file shorter by the pages that were given back. Until then they are gone in SQLite's log only, and a
// worker without further updates would not move the log into the file.
func (v *vacuum) shorten(ctx context.Context, s *Store) error {
	if !v.hasGiven {
		return nil
	}
	v.hasGiven = false
	if _, err := s.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return fmt.Errorf("shorten the file: %w", err)
	}
	return nil
}
