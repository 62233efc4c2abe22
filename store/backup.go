package store

import (
	"context"
	"errors"
	"io"
)

// BackupMaker is an optional interface of a Store. A store implements it if its data is a file that only this program can
// copy while it is used.
//
// SQLite implements it. A PostgreSQL database has its own backups, AWS makes the backups of a DynamoDB table, and the
// in-memory store ends with its process.
type BackupMaker interface {
	// OpenBackup makes a complete and verified copy while the store is used, and returns it for reading. The copy has
	// every change that was stored before the call. It returns ErrBackupRunning while another copy is made,
	// or too many are read.
	OpenBackup(ctx context.Context) (*Backup, error)
}

// Backup is a copy of a store. Its reader must be closed; the copy is removed then.
type Backup struct {
	io.ReadCloser
	Size   int64
	SHA256 []byte
}

// ErrBackupRunning is returned while another backup of the store is made, or too many are read: each takes as much space
// as the store.
var ErrBackupRunning = errors.New("another backup is being made or sent; try again when it has ended")
