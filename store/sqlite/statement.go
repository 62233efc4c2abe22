package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// statement is a prepared statement of the writer's connection. It calls the driver directly, because database/sql would
// allocate more memory for the statements of an update than all its other steps. Only the writer's goroutine uses it.
type statement struct {
	prepared driver.Stmt
	values   []driver.NamedValue // of the parameters
	row      []driver.Value      // of a result
}

// prepare prepares a statement. Its parameters must be question marks without numbers, because the driver would copy a
// name or number in each execution. The connection belongs to the writer until it is closed, so the driver's connection
// stays the same.
func prepare(ctx context.Context, c *sql.Conn, text string) (*statement, error) {
	s := &statement{}
	err := c.Raw(func(driverConn any) (err error) {
		preparer, ok := driverConn.(driver.ConnPrepareContext)
		if !ok {
			return errors.New("the driver cannot prepare it")
		}
		s.prepared, err = preparer.PrepareContext(ctx, text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("prepare statement: %w", err)
	}
	return s, nil
}

// exec runs the statement. A value is an int64, a bool, a string, a []byte or nil.
func (s *statement) exec(values ...driver.Value) (driver.Result, error) {
	stmt, ok := s.prepared.(driver.StmtExecContext)
	if !ok {
		return nil, errNoContext
	}
	defer s.forget()
	return stmt.ExecContext(context.Background(), s.bind(values))
}

// query runs the statement and calls f for each row of its result, which is valid during the call.
func (s *statement) query(f func(row []driver.Value), values ...driver.Value) (err error) {
	stmt, ok := s.prepared.(driver.StmtQueryContext)
	if !ok {
		return errNoContext
	}
	defer s.forget()
	rows, err := stmt.QueryContext(context.Background(), s.bind(values))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if s.row == nil {
		s.row = make([]driver.Value, len(rows.Columns()))
	}
	for {
		switch err := rows.Next(s.row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		f(s.row)
	}
}

var errNoContext = errors.New("the driver has no statements with a context")

func (s *statement) bind(values []driver.Value) []driver.NamedValue {
	s.values = s.values[:0]
	for i, v := range values {
		s.values = append(s.values, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return s.values
}

// forget drops the values, which may be large records.
func (s *statement) forget() {
	clear(s.values)
	clear(s.row)
}

func (s *statement) close() error {
	if s == nil {
		return nil
	}
	return s.prepared.Close()
}
