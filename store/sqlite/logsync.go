package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// syncDelay is the longest time until a commit in the log is on the disk.
const syncDelay = time.Second

// logSync decides whether a commit waits for the disk. With synchronous=FULL, a commit syncs the log with all that was
// written to it before. With NORMAL, it does not: the log is synced by a later commit, by a checkpoint, or by syncLog.
// In both modes SQLite syncs the log before a checkpoint copies from it, so that the file never has a change that the
// log has lost. Only the writer's goroutine uses it.
type logSync struct {
	logPath    string
	isNormal   bool        // synchronous is NORMAL at present
	isUnsynced atomic.Bool // a commit was not synced
	hasWritten bool        // the transaction has written a record; SQLite syncs for changes only
	timer      *time.Timer
}

// begin is called before a transaction.
func (l *logSync) begin(ctx context.Context, c *sql.Conn, needsSync bool) error {
	l.hasWritten = false
	if l.isNormal == !needsSync {
		return nil
	}
	level := "FULL"
	if !needsSync {
		level = "NORMAL"
	}
	if _, err := c.ExecContext(ctx, "PRAGMA synchronous = "+level); err != nil {
		return fmt.Errorf("set the synchronous level: %w", err)
	}
	l.isNormal = !needsSync
	return nil
}

// finish is called after a transaction was committed.
func (l *logSync) finish() error {
	switch {
	case !l.isNormal && l.hasWritten:
		l.isUnsynced.Store(false)
	case !l.isNormal:
		return l.syncLog()
	case !l.isUnsynced.Load():
		l.isUnsynced.Store(true)
		if l.timer == nil {
			l.timer = time.NewTimer(syncDelay)
		} else {
			l.timer.Reset(syncDelay)
		}
	}
	return nil
}

// due returns a channel that gets a value when the log must be synced.
func (l *logSync) due() <-chan time.Time {
	if !l.isUnsynced.Load() {
		return nil
	}
	return l.timer.C
}

// syncLog syncs the commits that were not synced. If it fails, so does the next commit that needs a sync: the system
// reports a failed write to every open file once.
func (l *logSync) syncLog() error {
	if !l.isUnsynced.Load() {
		return nil
	}
	f, err := os.OpenFile(l.logPath, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("sync the log: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync the log: %w", err)
	}
	l.isUnsynced.Store(false)
	return nil
}
