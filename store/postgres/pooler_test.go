package postgres

import (
	"net/url"
	"strings"
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

// TestModesOfTheURL runs the contract in modes that a URL can have: this program tells the types of arguments then.
func TestModesOfTheURL(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) store.Store {
				t.Helper()
				c := newConfig(t)
				u, err := url.Parse(c.URL.Reveal())
				require.NoError(t, err)
				query := u.Query()
				query.Set("default_query_exec_mode", strings.ReplaceAll(mode.String(), " ", "_"))
				u.RawQuery = query.Encode()
				c.URL = secret.New(u.String())
				s := open(t, c)
				require.Equal(t, mode, s.pool.Config().ConnConfig.DefaultQueryExecMode)
				return s
			})
		})
	}
}
