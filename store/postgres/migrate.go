package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store"
)

// The states of a database, in the table meta.
const (
	stateInUse     = "in use"
	stateImporting = "importing" // a migration fills it
	stateMoved     = "moved"     // a migration has moved everything out of it
)

// errIncomplete is the error of a database that a migration has not completed.
var errIncomplete = errors.New("a migration to it was begun and is not complete: run store migrate again, or drop the schema")

// migrationTimeout bounds an update of the schema.
const migrationTimeout = 10 * time.Minute

// metadata describes the tables of a schema.
type metadata struct {
	version int // 0 for a schema without tables
	state   string
}

// querier is a connection, a transaction or a pool.
type querier interface {
	Query(ctx context.Context, text string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, text string, args ...any) pgx.Row
}

// openSchema checks the schema, and makes or updates it.
func (s *Store) openSchema(ctx context.Context) error {
	m, err := s.readMetadata(ctx, s.pool)
	if err != nil {
		return err
	}
	if err := s.check(m); err != nil {
		return err
	}
	if m.version < schemaVersion {
		if s.config.KeepSchema && (m.version > 0 || !s.config.Import) {
			return s.olderError(m)
		}
		if err := s.migrate(ctx); err != nil {
			return err
		}
	}
	if err := s.requireDurability(ctx); err != nil {
		return err
	}
	return s.compareSchema(ctx)
}

// requireDurability returns an error if commits do not wait for the disk: an answer that was acknowledged could be lost.
func (s *Store) requireDurability(ctx context.Context) error {
	var setting string
	err := s.pool.QueryRow(ctx, "SELECT current_setting('synchronous_commit')").Scan(&setting)
	if err == nil && setting == "off" {
		err = errors.New("its setting synchronous_commit is off: set it to on for this database and user")
	}
	return err
}

func (s *Store) olderError(m metadata) error {
	if m.version == 0 {
		return fmt.Errorf("its schema %s has no tables: a worker makes them when it starts", s.config.Schema)
	}
	return fmt.Errorf("its schema has version %d, this program uses version %d: let a worker of this release start on it once, "+
		"so that it updates it", m.version, schemaVersion)
}

// readMetadata reads the version and the state of the tables. It only reads.
func (s *Store) readMetadata(ctx context.Context, q querier) (m metadata, err error) {
	// A query of the catalog sees the commits of other transactions since this one began; to_regclass may not.
	const find = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'meta')"
	var exists bool
	err = q.QueryRow(ctx, find, s.config.Schema).Scan(&exists)
	if err != nil || !exists {
		return m, err
	}
	var version string
	const query = `SELECT coalesce((SELECT value FROM relay.meta WHERE name = 'schema'), ''),
		coalesce((SELECT value FROM relay.meta WHERE name = 'state'), '')`
	if err := q.QueryRow(ctx, s.sql(query)).Scan(&version, &m.state); err != nil {
		return m, fmt.Errorf("read its schema version: %w", err)
	}
	if m.version, err = strconv.Atoi(version); err != nil || m.version < 1 {
		return m, fmt.Errorf("its schema %s has a table meta of another program", s.config.Schema)
	}
	return m, nil
}

// check returns an error for a database that this program must not use.
func (s *Store) check(m metadata) error {
	switch {
	case m.version > schemaVersion:
		return fmt.Errorf("its schema has version %d, this program knows versions up to %d: a newer program wrote it; "+
			"use that program, or restore a copy from before the upgrade", m.version, schemaVersion)
	case m.state == stateImporting && !s.config.Import:
		return errIncomplete
	case m.state == stateMoved && !s.config.Moved:
		return store.ErrMoved
	}
	s.importing = m.state == stateImporting
	return nil
}

// migrate makes or updates the tables in a single transaction: if anything fails, they are as before. A lock makes workers
// that start at the same time wait for each other.
func (s *Store) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, migrationTimeout)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		const lock = "SELECT pg_advisory_xact_lock(hashtextextended('approval-relay ' || $1::text, 0))"
		if _, err := tx.Exec(ctx, lock, s.config.Schema); err != nil {
			return err
		}
		m, err := s.readMetadata(ctx, tx) // another worker may have done it
		if err != nil || m.version >= schemaVersion {
			return err
		}
		if m.version == 0 {
			if err := s.createMetadata(ctx, tx); err != nil {
				return err
			}
		}
		for version := m.version + 1; version <= schemaVersion; version++ {
			script, err := schemas.ReadFile(fmt.Sprintf("schemas/v%d.sql", version))
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, s.sql(string(script)), pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		const set = "INSERT INTO relay.meta VALUES ('schema', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
		_, err = tx.Exec(ctx, s.sql(set), strconv.Itoa(schemaVersion))
		return err
	})
	if err != nil {
		return fmt.Errorf("make or update its tables: %w", err)
	}
	return nil
}

// createMetadata makes the schema, unless an administrator has made it, and the table meta.
func (s *Store) createMetadata(ctx context.Context, tx pgx.Tx) error {
	var exists bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", s.config.Schema).Scan(&exists)
	if err != nil {
		return err
	}
	if !exists {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{s.config.Schema}.Sanitize()); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, s.sql("CREATE TABLE relay.meta (name text PRIMARY KEY, value text NOT NULL)")); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, s.sql("INSERT INTO relay.meta VALUES ('state', $1)"), stateInUse)
	return err
}

// setState changes the state of the database.
func (s *Store) setState(ctx context.Context, state string) error {
	_, err := s.exec(ctx, "UPDATE relay.meta SET value = $1 WHERE name = 'state'", state)
	return err
}

// compareSchema returns an error if the tables lack a part that this program needs.
func (s *Store) compareSchema(ctx context.Context) error {
	want, err := schemas.ReadFile(fmt.Sprintf("schemas/v%d.txt", schemaVersion))
	if err != nil {
		return err
	}
	found, err := s.readSchema(ctx)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(want)), "\n"), func(line string) bool {
		return slices.Contains(found, line)
	})
	if len(missing) > 0 {
		return fmt.Errorf("its schema is not that of version %d: it lacks %s. Another program has changed it; restore the tables",
			schemaVersion, strings.Join(missing, ", "))
	}
	return nil
}

// readSchema returns the schema, a line for each column and index. Tables and columns of others have lines too, and are
// harmless.
func (s *Store) readSchema(ctx context.Context) ([]string, error) {
	lines, err := queryAll(ctx, s, pgx.RowTo[string], `SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type
			|| CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
			|| CASE is_identity WHEN 'YES' THEN ' identity' ELSE '' END
		FROM information_schema.columns WHERE table_schema = $1::text
		UNION ALL SELECT 'index ' || replace(indexdef, $1::text || '.', '') FROM pg_indexes WHERE schemaname = $1::text
		ORDER BY 1`, s.config.Schema)
	if err != nil {
		return nil, fmt.Errorf("read its schema: %w", err)
	}
	return lines, nil
}
