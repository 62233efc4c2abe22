package postgrestest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestKill kills a server, and starts it again: it is at its old address and has what was committed.
func TestKill(t *testing.T) {
	t.Parallel()
	s := Run(t, Options{TLS: true})
	c, err := pgx.Connect(t.Context(), s.URL())
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), "CREATE TABLE kept AS SELECT 1 AS n")
	require.NoError(t, err)

	require.NoError(t, s.Kill())
	_, err = c.Exec(t.Context(), "SELECT 1")
	require.Error(t, err)
	_, err = pgx.Connect(t.Context(), s.URL())
	require.Error(t, err)

	require.NoError(t, s.Launch(t.Context()))
	c, err = pgx.Connect(t.Context(), s.URL()+"?sslmode=verify-full&sslrootcert="+s.CertificateFile())
	require.NoError(t, err)
	var n int
	require.NoError(t, c.QueryRow(t.Context(), "SELECT n FROM kept").Scan(&n))
	require.NoError(t, c.Close(t.Context()))
}
