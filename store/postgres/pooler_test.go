package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
	"github.com/approval-relay/approval-relay/store/storetest"
)

// TestContractThroughPooler runs the contract through PgBouncer in transaction mode: each transaction may run on another
// connection to the server.
func TestContractThroughPooler(t *testing.T) {
	t.Parallel()
	if server == nil {
		t.Skip(postgrestest.ErrMissing)
	}
	url := postgrestest.RunPooler(t, server)
	storetest.Run(t, func(t *testing.T) store.Store {
		t.Helper()
		c := newConfig(t)
		c.URL = secret.New(url)
		s := open(t, c)
		require.Equal(t, pgx.QueryExecModeCacheDescribe, s.pool.Config().ConnConfig.DefaultQueryExecMode)
		return s
	})
}

func TestNoPooler(t *testing.T) {
	t.Parallel()
	s := open(t, newConfig(t))
	require.Equal(t, pgx.QueryExecModeCacheStatement, s.pool.Config().ConnConfig.DefaultQueryExecMode)
}
