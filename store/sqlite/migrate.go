package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/store"
)

// readSchemaVersion returns the version of the file's schema, 0 for a new file. It returns an error for a file of
// another program or of a newer version. It does not change the file.
func readSchemaVersion(ctx context.Context, c *sql.Conn) (version int, err error) {
	const query = `SELECT
		(SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`
	var application, objects int
	if err := c.QueryRowContext(ctx, query).Scan(&version, &application, &objects); err != nil {
		return 0, fmt.Errorf("read its schema version: %w", err)
	}
	fresh := version == 0 && application == 0 && objects == 0
	switch known := len(schemaMigrations()); {
	case application == importID:
		return version, errIncomplete
	case application == movedID:
		return version, store.ErrMoved
	case application != applicationID && !fresh:
		return 0, errors.New("it is a database of another program")
	case version > known:
		return 0, fmt.Errorf("its schema has version %d, this program knows versions up to %d: a newer program wrote it; "+
			"use that program, or restore a copy from before the upgrade", version, known)
	}
	return version, nil
}

// repair completes the schema of a file that a program before the first release wrote. Two scripts were changed after
// files had been made with them.
type repair struct {
	since  int    // the first version of the schema that has the column
	column string // that is missing
	script string
	adds   []string // lines of the schema, see readSchema
}

func repairs() []repair {
	return []repair{
		{
			since:  1,
			column: "column orders.next INTEGER",
			script: `ALTER TABLE orders ADD COLUMN next INTEGER; ALTER TABLE orders ADD COLUMN claimed INTEGER;
				UPDATE orders SET next = due; CREATE INDEX orders_next ON orders (next) WHERE next IS NOT NULL;`,
			adds: []string{
				"column orders.next INTEGER", "column orders.claimed INTEGER",
				"index orders_next on orders (next) where next is not null",
			},
		},
		{
			since:  2,
			column: "column orders.retrying INTEGER not null default 0",
			script: `ALTER TABLE orders ADD COLUMN retrying INTEGER NOT NULL DEFAULT 0;
				CREATE INDEX orders_retrying ON orders (id) WHERE retrying = 1;`,
			adds: []string{
				"column orders.retrying INTEGER not null default 0",
				"index orders_retrying on orders (id) where retrying = 1",
			},
		},
	}
}

// migration leads the file from its version to the latest.
type migration struct {
	from    int
	scripts []string // repairs, then the scripts of the later versions
}

// isNeeded reports whether the migration changes a file that exists already.
func (m migration) isNeeded() bool { return m.from > 0 && len(m.scripts) > 0 }

// planMigration compares the file's schema with the schema of its version. It returns an error if they differ in what no
// repair completes. It does not change the file.
func planMigration(ctx context.Context, c *sql.Conn, version int) (migration, error) {
	m := migration{from: version}
	if version > 0 {
		found, err := readSchema(ctx, c)
		if err != nil {
			return m, err
		}
		want, err := schemaOf(ctx, version)
		if err != nil {
			return m, err
		}
		missing := subtract(want, found)
		for _, r := range repairs() {
			if version >= r.since && slices.Contains(missing, r.column) {
				m.scripts = append(m.scripts, r.script)
				missing = subtract(missing, r.adds)
			}
		}
		missing, m.scripts = addIndexScripts(missing, m.scripts)
		if len(missing) > 0 {
			return m, differsError(version, missing)
		}
	}
	m.scripts = append(m.scripts, schemaMigrations()[version:]...)
	return m, nil
}

// addIndexScripts adds the scripts of missing indexes, which a person has dropped: they can be made again at any time.
func addIndexScripts(missing, scripts []string) (rest, all []string) {
	for _, line := range missing {
		if index, ok := strings.CutPrefix(line, "index "); ok {
			scripts = append(scripts, "CREATE INDEX "+index)
		} else {
			rest = append(rest, line)
		}
	}
	return rest, scripts
}

func differsError(version int, missing []string) error {
	return fmt.Errorf("its schema is not that of version %d: it lacks %s. Another program has changed it. Nothing was changed; "+
		"restore a backup of the file", version, strings.Join(missing, ", "))
}

// run migrates the file and prepares the statements, in a single transaction: if anything fails, the file is as before,
// and the old program can use it.
func (m migration) run(ctx context.Context, c *sql.Conn, s *statements) (err error) {
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("update its schema: %w", err)
	}
	defer func() {
		if err != nil {
			_, _ = c.ExecContext(ctx, "ROLLBACK")
		}
	}()
	if err := m.runScripts(ctx, c); err != nil {
		return err
	}
	if err := s.prepareAll(ctx, c); err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, releaseClaims); err != nil {
		return fmt.Errorf("release the claims of the previous process: %w", err)
	}
	if _, err := c.ExecContext(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("update its schema: %w", err)
	}
	return nil
}

func (m migration) runScripts(ctx context.Context, c *sql.Conn) error {
	if len(m.scripts) == 0 {
		return nil
	}
	latest := len(schemaMigrations())
	for _, script := range m.scripts {
		if _, err := c.ExecContext(ctx, script); err != nil {
			return fmt.Errorf("update its schema from version %d to %d: %w", m.from, latest, err)
		}
	}
	pragmas := fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", latest, applicationID)
	if _, err := c.ExecContext(ctx, pragmas); err != nil {
		return fmt.Errorf("update its schema from version %d to %d: %w", m.from, latest, err)
	}
	found, err := readSchema(ctx, c)
	if err != nil {
		return err
	}
	want, err := schemaOf(ctx, latest)
	if err != nil {
		return err
	}
	if missing := subtract(want, found); len(missing) > 0 {
		return differsError(latest, missing)
	}
	return nil
}
