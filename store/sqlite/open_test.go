package sqlite

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

func TestReopenKeepsEverything(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	for i := range 20 {
		mustUpdate(t, s, orderName(i), addRequest)
	}
	for range 3 {
		mustUpdate(t, s, orderName(7), requestOrVote)
	}
	mustUpdate(t, s, orderName(8), func(o *approval.Order) error {
		o.Approvals = nil
		return nil
	})
	id, err := s.PutDeadLetter(t.Context(), store.DeadLetter{
		Source:     "s",
		ReasonCode: "c",
		Reason:     "r",
		Body:       []byte("body"),
		At:         startTime,
	})
	require.NoError(t, err)
	before, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice is as good")

	require.NoFileExists(t, c.Path+"-wal", "closed, one file is all there is")
	s = open(t, c)
	requireOrder(t, s, orderName(7), 3)
	requireOrder(t, s, orderName(19), 0)
	_, err = s.Get(t.Context(), orderName(8))
	require.ErrorIs(t, err, approval.ErrNotFound)
	after, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	letter, err := s.GetDeadLetter(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, store.DeadLetter{
		ID:         id,
		Source:     "s",
		ReasonCode: "c",
		Reason:     "r",
		Body:       []byte("body"),
		At:         startTime,
	}, letter)
}

// TestDurable checks the two settings on which durability depends.
func TestDurable(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	var mode string
	var synchronous int
	require.NoError(t, s.conn.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode))
	require.NoError(t, s.conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&synchronous))
	require.Equal(t, "wal", mode)
	require.Equal(t, 2, synchronous, "FULL: the log is synced at every commit")
}

func TestOnlyItsOwnerReadsTheFiles(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	mustUpdate(t, s, "o", addRequest)
	files, err := os.ReadDir(filepath.Dir(s.config.Path))
	require.NoError(t, err)
	require.Len(t, files, 4, "orders.db, -wal, -shm and .lock")
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
}

func TestPathsOfAnyKind(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.db", "50%.db", "what?.db", "a#b.db", "ü&x=1.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, Config{Path: path})
		mustUpdate(t, s, "o", addRequest)
		requireOrder(t, s, "o", 0)
		require.FileExists(t, path+"-wal")
	}
	_, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "no", "folder.db"), Sealer: keys.NewRing(time.Now())})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Open(t.Context(), Config{Path: newPath(t)})
	require.ErrorContains(t, err, "a sealer for the task tokens is missing")
}

func TestSecondOpenerIsRefused(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	first := open(t, c)
	for range 2 {
		second, err := Open(t.Context(), c)
		require.Nil(t, second)
		require.ErrorContains(t, err, c.Path)
		require.ErrorContains(t, err, "in use by another process")
	}
	mustUpdate(t, first, "o", addRequest)
	require.NoError(t, first.Close())
	requireOrder(t, open(t, c), "o", 0)
}

// TestOthersFilesAreRefused opens files of other programs and of newer versions. The files do not change.
func TestOthersFilesAreRefused(t *testing.T) {
	t.Parallel()
	ours := func(t *testing.T, path string) {
		t.Helper()
		require.NoError(t, open(t, Config{Path: path}).Close())
	}
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"a newer schema": {func(t *testing.T, path string) {
			ours(t, path)
			execute(t, path, "PRAGMA user_version = 1000")
		}, "schema has version 1000"},
		"a database with tables": {func(t *testing.T, path string) {
			execute(t, path, "CREATE TABLE orders (id TEXT); INSERT INTO orders VALUES ('theirs')")
		}, "database of another program"},
		"a database with a version": {func(t *testing.T, path string) {
			execute(t, path, "PRAGMA user_version = 1")
		}, "database of another program"},
		"a database with an application": {func(t *testing.T, path string) {
			execute(t, path, "PRAGMA application_id = 42")
		}, "database of another program"},
		"a text": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, make([]byte, 5000), 0o600))
		}, "not a database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newPath(t)
			c.make(t, path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			s, err := Open(t.Context(), Config{Path: path, Sealer: keys.NewRing(time.Now())})
			require.Nil(t, s)
			require.ErrorContains(t, err, "open store "+path)
			require.ErrorContains(t, err, c.want)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after)
			require.NoFileExists(t, path+"-wal")

			require.NoError(t, os.Remove(path)) // the lock is released
			mustUpdate(t, open(t, Config{Path: path}), "o", addRequest)
		})
	}
}

// TestMigrationIsWhole interrupts a migration: the file is as before, and can be opened.
func TestMigrationIsWhole(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	db, err := openDatabase(path, 1)
	require.NoError(t, err)
	c, err := db.Conn(t.Context())
	require.NoError(t, err)
	_, err = c.ExecContext(t.Context(), "PRAGMA max_page_count = 3")
	require.NoError(t, err)
	plan, err := planMigration(t.Context(), c, 0)
	require.NoError(t, err)
	require.Error(t, plan.run(t.Context(), c, &statements{}))
	require.NoError(t, errors.Join(c.Close(), db.Close()))
	mustUpdate(t, open(t, Config{Path: path}), "o", addRequest)
}

// execute runs SQL on a file, as another program would.
func execute(t *testing.T, path, script string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), script)
	require.NoError(t, errors.Join(err, db.Close()))
}

// A file of the first version is migrated to the current version: pending orders are listed by age, also if a record
// cannot be read, and dead letters have the code for an unknown reason.
func TestMigrationOfFirstVersion(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	for i, id := range []string{"young", "old", "closed", "damaged"} {
		mustUpdate(t, s, id, func(o *approval.Order) error {
			if err := addRequest(o); err != nil {
				return err
			}
			o.Approvals[0].RequestedAt = startTime.Add(-time.Duration(i)*time.Hour + 1).In(time.FixedZone("", 3600))
			if id == "closed" {
				o.Approvals[0].Status = approval.Approved
			}
			return nil
		})
	}
	_, err := s.PutDeadLetter(t.Context(), store.DeadLetter{ReasonCode: approval.ReasonDenied, Reason: "old", At: startTime})
	require.NoError(t, err)
	want, _, err := s.List(t.Context(), store.OrderQuery{ByAge: true, Limit: 3})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	writeAsJSON(t, c)
	execute(t, c.Path, beforeAttention+`; DROP INDEX orders_since; ALTER TABLE orders DROP COLUMN since;
		DROP INDEX orders_retrying; ALTER TABLE orders DROP COLUMN retrying;
		DROP INDEX dead_letter_heads; ALTER TABLE dead_letters DROP COLUMN reason_code; DROP TABLE seal_keys; DROP TABLE controls;
		PRAGMA user_version = 1;
		UPDATE orders SET record = x'7b' WHERE id = CAST('damaged' AS BLOB)`)

	s = open(t, c)
	got, next, err := s.List(t.Context(), store.OrderQuery{ByAge: true})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Len(t, got, 3)
	require.Equal(t, []string{"damaged", "old", "young"}, []string{got[0].ID, got[1].ID, got[2].ID})
	require.Equal(t, want[1:], got[1:])
	_, next, err = s.List(t.Context(), store.OrderQuery{ByAge: true, Limit: 2})
	require.NoError(t, err)
	require.Equal(t, store.AgeCursor{Since: startTime.Add(-time.Hour + 1), OrderID: "old"}.String(), next)
	letters, err := s.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, letters, 1)
	require.Equal(t, approval.ReasonUnknown, letters[0].ReasonCode)
}

// The claims of a process that has ended do not delay the next process.
func TestOpenReleasesTheClaimsOfThePreviousProcess(t *testing.T) {
	t.Parallel()
	config := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, config)
	now := time.Now()
	for _, id := range []string{"claimed", "due"} {
		require.NoError(t, s.Update(t.Context(), id, func(o *approval.Order) error {
			_, _, err := o.AddRequest(approval.Request{
				Token:     approval.NewToken("token of " + id),
				Target:    "sfn",
				Workflow:  "orders",
				Policy:    approval.Policy{Kind: approval.PolicyAny},
				Deadline:  now.Add(-time.Second),
				Retention: time.Hour,
			}, approval.Environment{Now: now.Add(-time.Hour)})
			return err
		}))
	}
	claim := func(limit int) []string {
		ids, err := s.Claim(t.Context(), now, limit, time.Hour)
		require.NoError(t, err)
		return ids
	}
	require.Len(t, claim(1), 1)
	require.Len(t, claim(2), 1, "the other one is claimed")
	require.NoError(t, s.Close())

	s = open(t, config)
	require.Len(t, claim(2), 2)
}

func TestKeyRegister(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	storetest.TestKeyRegister(t, s, func() store.KeyRegister {
		require.NoError(t, s.Close())
		s = open(t, c)
		return s
	})
}

func TestControls(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	storetest.TestControlKeeper(t, s, func() store.ControlKeeper {
		require.NoError(t, s.Close())
		s = open(t, c)
		return s
	})
}

func TestDueLister(t *testing.T) {
	t.Parallel()
	storetest.TestDueLister(t, open(t, Config{}))
}

func TestManyGetter(t *testing.T) {
	t.Parallel()
	storetest.TestManyGetter(t, open(t, Config{}))
}
