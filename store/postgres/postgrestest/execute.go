package postgrestest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Execute executes statements in the database.
func (s *Server) Execute(tb testing.TB, statements ...string) {
	tb.Helper()
	c, err := pgx.Connect(tb.Context(), s.URL())
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(tb.Context())) }()
	for _, statement := range statements {
		if _, err := c.Exec(tb.Context(), statement); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}

// AddGuest makes the role guest. Unlike the role relay, it signs in with a password.
func (s *Server) AddGuest(tb testing.TB, password string) {
	tb.Helper()
	s.Execute(tb,
		"CREATE ROLE guest LOGIN PASSWORD '"+password+"'",
		`DO $$ BEGIN EXECUTE format('COPY (VALUES (''host all relay 127.0.0.1/32 trust''),
			(''host all all 127.0.0.1/32 scram-sha-256'')) TO %L', current_setting('hba_file')); END $$`,
		"SELECT pg_reload_conf()",
	)
}
