package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver that the store uses
)

// plainTable is the reference point for durable writes: a table with the same driver on the same disk. Its rows are
// written in sequence, each with a synced commit (journal_mode=WAL, synchronous=FULL, like the store's).
type plainTable struct {
	db      *sql.DB
	insert  *sql.Stmt
	commits int
}

// plainRow is the length of a row in bytes, about the length of an order's record.
const plainRow = 1500

func openPlainTable(ctx context.Context, dir string) (*plainTable, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "plain.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-16000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "CREATE TABLE plain (id BLOB PRIMARY KEY NOT NULL, record BLOB NOT NULL)"); err != nil {
		return nil, err
	}
	p := &plainTable{db: db}
	p.insert, err = db.PrepareContext(ctx, "INSERT INTO plain (id, record) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET record = ?2")
	return p, err
}

// commitRow writes a row durably.
func (p *plainTable) commitRow(ctx context.Context) error {
	p.commits++
	record := make([]byte, plainRow)
	for i := range record {
		record[i] = byte('a' + (i+p.commits)%26)
	}
	_, err := p.insert.ExecContext(ctx, fmt.Appendf(nil, "order-%d", p.commits%storeOrders), record)
	return err
}

func (p *plainTable) closeDatabase() { _ = p.db.Close() }
