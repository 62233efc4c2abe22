package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
)

// countedOnDynamoDB is the number of approvals on DynamoDB Local, 16 at once.
const countedOnDynamoDB = 320

// countDynamoDB counts the calls and the write units of approvals on DynamoDB Local. Queries are left out: their number
// depends on how long the approvals take.
func (b *bench) countDynamoDB(ctx context.Context, into counts) error {
	p, _, err := b.startDynamoDB(ctx)
	if err != nil {
		return err
	}
	fleet, err := b.startFleet(ctx, p, "counted", 1)
	if err != nil {
		return err
	}
	defer fleet[0].worker.stop()
	var spent capacity
	for range 2 { // the first round opens connections and fills caches
		before := p.read()
		if _, err := runFleet(ctx, fleet, dynamodbClients, countedOnDynamoDB); err != nil {
			return err
		}
		spent = p.read().since(before)
	}
	calls := spent.sum() - spent.calls["Query"] - spent.calls["Scan"]
	into["DynamoDB: calls of an approval, beside queries"] = float64(calls) / countedOnDynamoDB
	into["DynamoDB: write units of an approval"] = spent.write / countedOnDynamoDB
	return nil
}

// countPostgres counts the allocations of approvals on PostgreSQL, and the bytes of the server's write-ahead log. The
// server does not write images of whole pages: their number depends on the time of checkpoints.
func (b *bench) countPostgres(ctx context.Context, into counts) error {
	server, err := b.startPostgres(ctx, postgrestest.Options{Settings: []string{"full_page_writes=off", "autovacuum=off"}})
	if err != nil {
		return err
	}
	l, err := b.newLoop(ctx, "postgres-counts", postgresStore(server))
	if err != nil {
		return err
	}
	defer l.worker.stop()
	if _, err := l.runRound(ctx, clientCount, 5*clientCount); err != nil { // opens connections and fills caches
		return err
	}
	together, err := l.measureTogether(ctx)
	if err != nil {
		return err
	}
	into["PostgreSQL: allocations of an approval, 64 at once"] = together.mallocs
	before, err := walBytes(ctx, server)
	if err != nil {
		return err
	}
	if _, err := l.measureAlone(ctx, countedAlone); err != nil {
		return err
	}
	after, err := walBytes(ctx, server)
	into["PostgreSQL: bytes of write-ahead log of an approval, one at a time"] = (after - before) / countedAlone
	return err
}

// walBytes returns the bytes that the server has written to its write-ahead log.
func walBytes(ctx context.Context, server *postgrestest.Server) (bytes float64, err error) {
	connection, err := pgx.Connect(ctx, server.URL())
	if err != nil {
		return 0, err
	}
	err = connection.QueryRow(ctx, "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8").Scan(&bytes)
	return bytes, errors.Join(err, connection.Close(ctx))
}
