package postgres

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// statementTimeout bounds each statement: without an answer by then, its connection is closed.
const statementTimeout = 10 * time.Second

// isPassing reports whether an error is one that a later attempt may not meet: the database is being restarted or
// replaced, or two transactions were in each other's way.
func isPassing(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch answer.Code {
		case "57P01", "57P02", "57P03", // the server ends, or begins
			"57P05", "25P04", // it has closed an idle session
			"25006",          // it does not write any more: another member of the cluster does
			"40001", "40P01", // serialization failure, deadlock
			"53300": // too many connections
			return true
		}
		return strings.HasPrefix(answer.Code, "08") // connection exceptions, also those of a pooler
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, pgconn.ErrReadOnlyConnection) || isConnectError(err) || strings.Contains(err.Error(), "conn closed")
}

func isConnectError(err error) bool {
	connect, ok := errors.AsType[*pgconn.ConnectError](err)
	if !ok {
		return false
	}
	answer, ok := errors.AsType[*pgconn.PgError](connect)
	return !ok || !strings.HasPrefix(answer.Code, "28") && answer.Code != "3D000" // refused for good: password, database
}

// withRetries calls f until it succeeds, fails for good, or has failed for too long. The statements of f must be
// harmless to run twice.
func (s *Store) withRetries(ctx context.Context, f func(context.Context) error) error {
	began := time.Now()
	for attempt := 0; ; attempt++ {
		err := s.withTimeout(ctx, f)
		if !isPassing(err) || time.Since(began) > s.config.RetryFor {
			return err
		}
		s.forgetReadOnly(err)
		if !s.pause(ctx, attempt) {
			return err
		}
	}
}

func (s *Store) withTimeout(ctx context.Context, f func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	err := f(limited)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// forgetReadOnly closes the connections to a server that does not write any more.
func (s *Store) forgetReadOnly(err error) {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == "25006" {
		s.pool.Reset()
	}
}

// pause waits before the next attempt: 50 ms to 1 s, with a random part. It reports whether the wait was not ended by the
// context.
func (*Store) pause(ctx context.Context, attempt int) bool {
	wait := min(50*time.Millisecond<<min(attempt, 5), time.Second)
	wait = wait/2 + rand.N(wait/2) //nolint:gosec // not a secret
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// exec runs a statement that is harmless to run twice, and returns the number of rows.
func (s *Store) exec(ctx context.Context, text string, args ...any) (rows int64, err error) {
	err = s.withRetries(ctx, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, s.sql(text), args...)
		rows = tag.RowsAffected()
		return err
	})
	return rows, err
}

// remove runs a statement that deletes a row, and reports whether it has deleted it. If the answer of an attempt was lost and
// the row is gone, that attempt has deleted it.
func (s *Store) remove(ctx context.Context, text string, args ...any) (removed bool, err error) {
	mayBeGone := false
	err = s.withRetries(ctx, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, s.sql(text), args...)
		removed = tag.RowsAffected() > 0 || err == nil && mayBeGone
		mayBeGone = mayBeGone || mayHaveRun(err)
		return err
	})
	return removed, err
}

// mayHaveRun reports whether a statement with this error may have taken effect.
func mayHaveRun(err error) bool {
	if err == nil || pgconn.SafeToRetry(err) || isConnectError(err) {
		return false
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return !ok || strings.HasPrefix(answer.Code, "57P") || strings.HasPrefix(answer.Code, "08")
}

// queryRow reads the only row of a query. It returns pgx.ErrNoRows if there is none.
func (s *Store) queryRow(ctx context.Context, text string, args []any, into ...any) error {
	return s.withRetries(ctx, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, s.sql(text), args...).Scan(into...)
	})
}

// queryAll reads all rows of a query. The function scan may see rows again if the query is repeated.
func queryAll[T any](ctx context.Context, s *Store, scan pgx.RowToFunc[T], text string, args ...any) (all []T, err error) {
	err = s.withRetries(ctx, func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, s.sql(text), args...)
		if err != nil {
			return err
		}
		all, err = pgx.AppendRows([]T(nil), rows, scan)
		return err
	})
	return all, err
}
