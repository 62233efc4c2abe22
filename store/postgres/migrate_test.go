package postgres

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

var updateSchemas = flag.Bool("update", false, "write the file of a new version of the schema")

// TestSchemasNeverChange compares the schema that the scripts make with the file of its version. A released script never
// changes, and so neither does its file.
func TestSchemasNeverChange(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	s := &Store{config: c, prefix: pgx.Identifier{c.Schema}.Sanitize() + "."}
	var err error
	s.pool, err = s.newPool(t.Context())
	require.NoError(t, err)
	t.Cleanup(s.pool.Close)
	require.NoError(t, s.migrate(t.Context()))
	found, err := s.readSchema(t.Context())
	require.NoError(t, err)
	text := strings.Join(found, "\n") + "\n"
	file := fmt.Sprintf("schemas/v%d.txt", schemaVersion)
	if *updateSchemas {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}

// TestWorkersStartAtOnce opens several stores on a new schema at the same time: one of them makes the tables.
func TestWorkersStartAtOnce(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	var group sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		group.Go(func() {
			s, err := Open(t.Context(), c)
			if errs[i] = err; err == nil {
				errs[i] = s.Close()
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// mustExec runs a statement without the store.
func mustExec(t *testing.T, s *Store, text string, args ...any) {
	t.Helper()
	_, err := s.pool.Exec(context.WithoutCancel(t.Context()), s.sql(text), args...)
	require.NoError(t, err)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change string
		want   string
	}{
		"a newer schema":       {"UPDATE relay.meta SET value = '99' WHERE name = 'schema'", "a newer program wrote it"},
		"a moved database":     {"UPDATE relay.meta SET value = 'moved' WHERE name = 'state'", store.ErrMoved.Error()},
		"an incomplete import": {"UPDATE relay.meta SET value = 'importing' WHERE name = 'state'", "run store migrate again"},
		"a missing index":      {"DROP INDEX relay.orders_next", "it lacks index CREATE INDEX orders_next"},
		"a missing column":     {"ALTER TABLE relay.orders DROP COLUMN claimed", "column orders.claimed"},
		"a foreign table":      {"DELETE FROM relay.meta WHERE name = 'schema'", "of another program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfig(t)
			s := open(t, c)
			mustExec(t, s, test.change)
			_, err := Open(t.Context(), c)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestKeepSchema(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	c.KeepSchema = true
	_, err := Open(t.Context(), c)
	require.ErrorContains(t, err, "has no tables")

	c.KeepSchema = false
	open(t, c)
	c.KeepSchema = true
	open(t, c)
}
