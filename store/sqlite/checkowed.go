package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"

	"github.com/approval-relay/approval-relay/store"
)

// owedRow is a row of the table of owed answers.
type owedRow struct {
	id, workflow string
	since        int64
}

// compareOwed compares the table owed with the owed answers of all orders.
func (s *Store) compareOwed(
	ctx context.Context, c *sql.Conn, want map[owedRow]bool, fix bool, report func(store.Fault),
) error {
	have, err := readOwed(ctx, c)
	if err != nil || maps.Equal(have, want) {
		return err
	}
	report(store.Fault{Text: fmt.Sprintf("the table owed has not the owed answers of the records: %d rows instead of %d",
		len(have), len(want))})
	if !fix {
		return nil
	}
	if _, err := c.ExecContext(ctx, "DELETE FROM owed"); err != nil {
		return err
	}
	for row := range want {
		if _, err := s.stmts.owed.exec([]byte(row.id), row.workflow, row.since); err != nil {
			return err
		}
	}
	return nil
}

func readOwed(ctx context.Context, c *sql.Conn) (have map[owedRow]bool, err error) {
	rows, err := c.QueryContext(ctx, "SELECT id, workflow, since FROM owed")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	have = map[owedRow]bool{}
	for rows.Next() {
		var id []byte
		var row owedRow
		if err := rows.Scan(&id, &row.workflow, &row.since); err != nil {
			return nil, err
		}
		row.id = string(id)
		have[row] = true
	}
	return have, rows.Err()
}
