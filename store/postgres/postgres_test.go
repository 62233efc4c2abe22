package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
	"github.com/approval-relay/approval-relay/store/storetest"
)

// server is shared by the tests: each of them has a schema of its own. It is nil if PostgreSQL is missing.
var server *postgrestest.Server

func TestMain(m *testing.M) {
	ctx := func() (code int) {
		var err error
		server, err = postgrestest.Start(context.Background(), postgrestest.Options{})
		switch {
		case errors.Is(err, postgrestest.ErrMissing):
			return m.Run()
		case err != nil:
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = server.Stop() }()
		return m.Run()
	}
	os.Exit(ctx())
}

var schemaNumber atomic.Int64

// newConfig returns the configuration of a store in a new schema.
func newConfig(t *testing.T) Config {
	t.Helper()
	if server == nil {
		t.Skip(postgrestest.ErrMissing)
	}
	c := Config{
		Settings: Settings{
			URL:         secret.New(server.URL()),
			Schema:      fmt.Sprintf("s%d", schemaNumber.Add(1)),
			Connections: 2,
		},
		Sealer: keys.NewRing(time.Now()),
	}
	c.SetDefaults(setup.Common{})
	return c
}

func open(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, newConfig(t)) })
}

func TestFullOrders(t *testing.T) {
	t.Parallel()
	storetest.RunFull(t, func(t *testing.T) store.Store {
		c := newConfig(t)
		c.Limits = storetest.SmallLimits()
		return open(t, c)
	})
}
