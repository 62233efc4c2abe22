package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver, the store's own
)

// plain is the yardstick of durability: a table of the same driver on the same
// disk, whose rows are written one after another, each with a commit that is
// synced (journal_mode=WAL, synchronous=FULL, as the store's).
type plain struct {
	db  *sql.DB
	put *sql.Stmt
	n   int
}

// plainRow is how long its rows are, in bytes: about an order's record.
const plainRow = 1500

func openPlain(ctx context.Context, dir string) (*plain, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "plain.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-16000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "CREATE TABLE plain (id BLOB PRIMARY KEY NOT NULL, record BLOB NOT NULL)"); err != nil {
		return nil, err
	}
	p := &plain{db: db}
	p.put, err = db.PrepareContext(ctx, "INSERT INTO plain (id, record) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET record = ?2")
	return p, err
}

// commit writes one row, durably.
func (p *plain) commit(ctx context.Context) error {
	p.n++
	record := make([]byte, plainRow)
	for i := range record {
		record[i] = byte('a' + (i+p.n)%26)
	}
	_, err := p.put.ExecContext(ctx, fmt.Appendf(nil, "order-%d", p.n%storeOrders), record)
	return err
}

func (p *plain) close() { _ = p.db.Close() }
