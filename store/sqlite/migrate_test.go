package sqlite

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
)

var update = flag.Bool("update", false, "write the schema of a new version")

// TestSchemasNeverChange holds that each script, and the schema that it leads to, stays as it was when files were made
// with it. With -update, the test writes the file of a new version only.
func TestSchemasNeverChange(t *testing.T) {
	t.Parallel()
	scripts := schemaMigrations()
	for i, script := range scripts {
		lines, err := schemaOf(t.Context(), i+1)
		require.NoError(t, err)
		got := fmt.Sprintf("script %x\n%s\n", sha256.Sum256([]byte(script)), strings.Join(lines, "\n"))
		file := schemaFile(i + 1)
		want, err := os.ReadFile(file)
		if os.IsNotExist(err) && *update {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
			continue
		}
		require.NoError(t, err, "go test ./store/sqlite -run TestSchemasNeverChange -update writes the schema of a new version")
		require.Equal(t, string(want), got, "script %d has changed: files were made with it; write a new script", i+1)
	}
	require.NoFileExists(t, schemaFile(len(scripts)+1), "a script is gone")
}

func schemaFile(version int) string {
	return filepath.Join("testdata", "schemas", strconv.Itoa(version)+".txt")
}

// makeVersion makes a file with the schema of a version, as the program of that time did.
func makeVersion(t *testing.T, path string, version int) {
	t.Helper()
	updateVersion(t, path, 0, version)
}

// updateVersion updates the schema of a file from one version to another.
func updateVersion(t *testing.T, path string, from, to int) {
	t.Helper()
	for _, script := range schemaMigrations()[from:to] {
		execute(t, path, script)
	}
	execute(t, path, fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", to, applicationID))
}

// schemaOfFile returns the schema and the version of a file.
func schemaOfFile(t *testing.T, path string) (lines []string, version int) {
	t.Helper()
	withConn(t, path, func(c *sql.Conn) {
		var err error
		lines, err = readSchema(t.Context(), c)
		require.NoError(t, err)
		version, err = readSchemaVersion(t.Context(), c)
		require.NoError(t, err)
	})
	return lines, version
}

func withConn(t *testing.T, path string, f func(*sql.Conn)) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	c, err := db.Conn(t.Context())
	require.NoError(t, err)
	f(c)
	require.NoError(t, errors.Join(c.Close(), db.Close()))
}

func latestSchema(t *testing.T) []string {
	t.Helper()
	lines, err := schemaOf(t.Context(), len(schemaMigrations()))
	require.NoError(t, err)
	return lines
}

// TestUpgradeCopy upgrades files of every version: the copy has the old version, and the old content.
func TestUpgradeCopy(t *testing.T) {
	t.Parallel()
	latest := len(schemaMigrations())
	for version := 1; version < latest; version++ {
		path := newPath(t)
		makeVersion(t, path, version)
		execute(t, path, "INSERT INTO pending (workflow, since, approval) VALUES ('old', 7, 'a')")
		want, _ := schemaOfFile(t, path)
		s := open(t, Config{Path: path})
		copied := fmt.Sprintf("%s.v%d.backup", path, version)
		require.Equal(t, copied, s.UpgradeCopy())
		mustUpdate(t, s, "o", addRequest)
		require.NoError(t, s.Close())

		got, isVersion := schemaOfFile(t, copied)
		require.Equal(t, version, isVersion)
		require.Equal(t, want, got)
		info, err := os.Stat(copied)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		withConn(t, copied, func(c *sql.Conn) {
			var since, orders int
			require.NoError(t, c.QueryRowContext(t.Context(), "SELECT (SELECT sum(since) FROM pending), (SELECT count(*) FROM orders)").
				Scan(&since, &orders))
			require.Equal(t, 7, since)
			require.Zero(t, orders)
		})
		require.NoFileExists(t, copied+".part")

		s = open(t, Config{Path: path})
		require.Empty(t, s.UpgradeCopy(), "the schema is up to date")
		require.NoError(t, s.Close())
	}
	path := newPath(t)
	makeVersion(t, path, latest-1)
	s := open(t, Config{Path: path, SkipUpgradeCopy: true})
	require.Empty(t, s.UpgradeCopy())
	require.NoFileExists(t, fmt.Sprintf("%s.v%d.backup", path, latest-1))
	require.Empty(t, open(t, Config{}).UpgradeCopy(), "a new file needs none")
}

// TestEditedSchemas opens files whose schema is not that of their version. Those of programs before the first release,
// and those that lack an index, are completed. Nothing else is changed.
func TestEditedSchemas(t *testing.T) {
	t.Parallel()
	latest := len(schemaMigrations())
	const noLeases = `DROP INDEX orders_next; ALTER TABLE orders DROP COLUMN next; ALTER TABLE orders DROP COLUMN claimed;`
	const noRetrying = `DROP INDEX orders_retrying; ALTER TABLE orders DROP COLUMN retrying;`
	for name, c := range map[string]struct {
		versions []int
		edit     string
		refused  string
	}{
		"the first program, without leases":        {[]int{1}, noLeases, ""},
		"it was upgraded halfway":                  {[]int{2, 3, 6}, noLeases + noRetrying, ""},
		"an index by age, without retries":         {[]int{2, 3, 4, 6}, noRetrying, ""},
		"an index was dropped":                     {[]int{1, 8}, "DROP INDEX orders_due;", ""},
		"a later index was dropped":                {[]int{latest}, "DROP INDEX orders_next; DROP INDEX orders_claimed;", ""},
		"Litestream's tables":                      {[]int{1, latest}, "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);", ""},
		"statistics":                               {[]int{1, latest}, "ANALYZE;", ""},
		"an index of others":                       {[]int{1, latest}, "CREATE INDEX mine ON orders (pending);", ""},
		"a table is gone":                          {[]int{1, 9}, "DROP TABLE counts;", "lacks"},
		"a table of now is gone":                   {[]int{latest}, "DROP TABLE pending;", "lacks"},
		"a column is gone":                         {[]int{1, 9}, "ALTER TABLE counts DROP COLUMN pending;", "column counts.pending"},
		"a column of now is gone":                  {[]int{latest}, "ALTER TABLE controls DROP COLUMN reason;", "column controls.reason"},
		"a column has another name":                {[]int{latest}, "ALTER TABLE orders RENAME COLUMN record TO data;", "column orders.record"},
		"a column has another type":                {[]int{latest}, "DROP TABLE seal_keys; CREATE TABLE seal_keys (id INTEGER PRIMARY KEY);", "seal_keys"},
		"a later script would collide with others": {[]int{1}, "CREATE TABLE seal_keys (name TEXT);", "already exists"},
	} {
		for _, version := range c.versions {
			t.Run(fmt.Sprintf("%s, version %d", name, version), func(t *testing.T) {
				t.Parallel()
				path := newPath(t)
				makeVersion(t, path, 1)
				execute(t, path, `INSERT INTO orders (id, record, due, next, pending, exhausted) VALUES (x'6f', x'7b', 5, 5, 1, 0)`)
				updateVersion(t, path, 1, version)
				execute(t, path, c.edit)
				before, beforeVersion := schemaOfFile(t, path)
				if c.refused != "" {
					s, err := Open(t.Context(), Config{Path: path, Sealer: keys.NewRing(time.Now())})
					require.Nil(t, s)
					require.ErrorContains(t, err, c.refused)
					after, afterVersion := schemaOfFile(t, path)
					require.Equal(t, before, after)
					require.Equal(t, beforeVersion, afterVersion)
					requireOnly(t, path)
					return
				}
				s := open(t, Config{Path: path})
				mustUpdate(t, s, "new", addRequest)
				ids, err := s.Claim(t.Context(), startTime, 10, time.Minute)
				require.NoError(t, err)
				require.Equal(t, []string{"o"}, ids, "what was due is still due")
				_, err = s.Stats(t.Context())
				require.NoError(t, err)
				require.NoError(t, s.Close())
				after, afterVersion := schemaOfFile(t, path)
				require.Equal(t, latest, afterVersion)
				require.Empty(t, subtract(latestSchema(t), after))
			})
		}
	}
}

// requireOnly requires that nothing but the file and its lock is in the directory.
func requireOnly(t *testing.T, path string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	for _, f := range files {
		name := strings.TrimPrefix(f.Name(), filepath.Base(path))
		require.Contains(t, []string{"", ".lock", "-wal", "-shm"}, name)
	}
}

// TestUpgradeIsWhole lets each statement of the upgrade from the first version fail in turn, also the preparation of the
// statements. The file has its old version, and the next start upgrades it.
func TestUpgradeIsWhole(t *testing.T) {
	t.Parallel()
	latest := len(schemaMigrations())
	for failing := range latest + 1 {
		path := newPath(t)
		makeVersion(t, path, 1)
		before, _ := schemaOfFile(t, path)
		withConn(t, path, func(c *sql.Conn) {
			plan, err := planMigration(t.Context(), c, 1)
			require.NoError(t, err)
			require.True(t, plan.isNeeded())
			require.Len(t, plan.scripts, latest-1)
			if failing < len(plan.scripts) {
				plan.scripts[failing] += "; SELECT no_such_function();"
			} else {
				plan.scripts = append(plan.scripts, "ALTER TABLE orders RENAME COLUMN record TO data")
			}
			var s statements
			require.Error(t, plan.run(t.Context(), c, &s))
			require.NoError(t, s.closeAll())
		})
		after, version := schemaOfFile(t, path)
		require.Equal(t, 1, version)
		require.Equal(t, before, after)
		mustUpdate(t, open(t, Config{Path: path}), "o", addRequest)
	}
}

// TestUpgradeWithoutSpace has no space for the copy. The file stays as it is.
func TestUpgradeWithoutSpace(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	makeVersion(t, path, 1)
	require.NoError(t, os.Mkdir(path+".v1.backup", 0o700)) // a copy cannot take this name
	require.NoError(t, os.WriteFile(filepath.Join(path+".v1.backup", "x"), nil, 0o600))
	before, _ := schemaOfFile(t, path)
	_, err := Open(t.Context(), Config{Path: path, Sealer: keys.NewRing(time.Now())})
	require.ErrorContains(t, err, "before its schema changes")
	after, version := schemaOfFile(t, path)
	require.Equal(t, 1, version)
	require.Equal(t, before, after)
	require.NoFileExists(t, path+".v1.backup.part")

	withConn(t, path, func(c *sql.Conn) {
		require.NoError(t, checkSpace(t.Context(), c, filepath.Dir(path)))
		require.ErrorContains(t, checkSpace(t.Context(), c, "/proc"), "has 0 MiB left")
	})
}

// TestFailedUpgradeLeavesNoCopy starts again and again: the disk does not fill.
func TestFailedUpgradeLeavesNoCopy(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	makeVersion(t, path, 1)
	execute(t, path, "CREATE TABLE seal_keys (name TEXT)")
	for range 3 {
		_, err := Open(t.Context(), Config{Path: path, Sealer: keys.NewRing(time.Now())})
		require.ErrorContains(t, err, "update its schema from version 1")
		requireOnly(t, path)
	}
}
