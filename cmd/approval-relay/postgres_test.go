package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/upkeep"
)

// databasePassword is the password of a role. It must not appear in any output of the program.
const databasePassword = "canary-database-0123456789abcdef"

// fileWith writes a configuration like that of file with this store, under this name.
func (p place) fileWith(t *testing.T, name, store string) string {
	t.Helper()
	text, err := os.ReadFile(p.file(t, false, ""))
	require.NoError(t, err)
	changed := bytes.Replace(text, []byte("store: {memory: true}"), []byte("store: {"+store+"}"), 1)
	require.NotEqual(t, text, changed)
	path := filepath.Join(p.dir, name)
	require.NoError(t, os.WriteFile(path, changed, 0o600))
	return path
}

// onDatabase writes a configuration with a store in this database. Workers on a database need a key file that is there before.
func (p place) onDatabase(t *testing.T, url string) string {
	t.Helper()
	if file := filepath.Join(p.dir, "keys"); !exists(file) {
		require.NoError(t, keys.NewRing(time.Now()).CreateFile(file))
	}
	return p.fileWith(t, "postgres.yaml", fmt.Sprintf("postgres: {url: %q}", url))
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// TestPostgres asks on a database, restarts the worker, kills the database and starts it again: the worker says that it is not
// ready meanwhile, and answers every workflow afterwards.
func TestPostgres(t *testing.T) {
	t.Parallel()
	server := postgrestest.Run(t, postgrestest.Options{Fsync: true})
	p := newPlace(t)
	config := p.onDatabase(t, server.URL())
	r := p.start(t, config)
	before, after := r.ask(t, "before", ""), r.ask(t, "after", "")
	require.NoError(t, r.stop())

	r = p.start(t, config)
	readiness := func() int { return do(t, "GET", r.operator+"/readyz", "").status }
	require.Equal(t, http.StatusOK, readiness())
	r.ops(t, 0, "decide", "approve", "before", "--reason=x")
	require.Equal(t, emulator.TaskSucceeded, r.task(t, before).State)
	isDelivered := func() bool { return r.order(t, "before").Approvals[0].Callback.State == api.CallbackDelivered }
	eventually(t, "delivered", isDelivered)
	r.ask(t, "later", "") // with this request, the end of the callback before is on disk

	require.NoError(t, server.Kill())
	eventually(t, "not ready", func() bool { return readiness() == http.StatusServiceUnavailable })
	require.NoError(t, server.Launch(t.Context()))
	eventually(t, "ready", func() bool { return readiness() == http.StatusOK })
	require.True(t, isDelivered())
	r.ops(t, 0, "decide", "reject", "after", "--reason=x")
	require.Equal(t, emulator.TaskFailed, r.task(t, after).State)
	require.NoError(t, r.stop())
	noSecrets(t, r)
}

// TestDatabasesThatCannotBeUsed starts workers on databases that they must not use. Each error names its reason and the place,
// and none has a password.
func TestDatabasesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	server := postgrestest.Run(t, postgrestest.Options{})
	p := newPlace(t)
	require.NoError(t, p.start(t, p.onDatabase(t, server.URL())).stop()) // makes the tables
	server.AddGuest(t, databasePassword)
	server.Execute(t, "CREATE DATABASE empty")
	with := func(user, password, rest string) string {
		return "postgres://" + user + ":" + password + "@" + server.Address + "/" + rest
	}
	for name, c := range map[string]struct{ url, prepare, want string }{
		"no server":        {"postgres://guest:" + databasePassword + "@127.0.0.1:1/relay", "", "connection refused"},
		"no database":      {with("guest", databasePassword, "nothing"), "", `database "nothing" does not exist`},
		"another password": {with("guest", databasePassword+"x", "relay"), "", "password authentication failed for user \"guest\""},
		"no such user":     {with("nobody", databasePassword, "relay"), "", "password authentication failed for user \"nobody\""},
		"no rights":        {with("guest", databasePassword, "empty"), "", "permission denied for database empty"},
		"a bad URL":        {with("guest", databasePassword+" %zz", "relay"), "", "store.postgres.url: must begin with"},
		"an unknown part":  {with("guest", databasePassword, "relay?pool_max_conns=many"), "", "store.postgres.url: cannot be used"},
		"foreign tables":   {with("guest", databasePassword, "relay"), "", "permission denied for schema approval_relay"},
	} {
		status, out, errs := command(t, "run", "--config.file", p.onDatabase(t, c.url))
		require.Equal(t, 1, status, name)
		require.Contains(t, errs, c.want, name)
		require.NotContains(t, out+errs, databasePassword, name)
	}

	server.Execute(t, "UPDATE approval_relay.meta SET value = '99' WHERE name = 'schema'")
	for _, args := range [][]string{{"run", "--config.file"}, {"store", "check"}} {
		status, _, errs := command(t, append(args, p.onDatabase(t, server.URL()))...)
		require.Equal(t, 1, status)
		require.Contains(t, errs, "its schema has version 99, this program knows versions up to ")
	}
}

// TestMoveToPostgresAndBack moves a store with a pending order, a control and a dead letter from a SQLite file to a database and
// back. Then the order is decided, the workflow is answered, and the dead letter is still there.
func TestMoveToPostgresAndBack(t *testing.T) {
	t.Parallel()
	server := postgrestest.Run(t, postgrestest.Options{})
	p := newPlace(t)
	onFile := p.fileWith(t, "old.yaml", fmt.Sprintf("sqlite: %q", filepath.Join(p.dir, "old.db")))
	onDatabase := p.onDatabase(t, server.URL())
	back := p.fileWith(t, "back.yaml", fmt.Sprintf("sqlite: %q", filepath.Join(p.dir, "back.db")))

	r := p.start(t, onFile)
	first, second := r.ask(t, "first", ""), r.ask(t, "second", "")
	r.aws.SQS.PutMessage("decisions-raw", `{"decisionId":"d","decision":"perhaps","orderId":"first"}`, nil)
	listed := func() string { out, _ := r.ops(t, 0, "deadletters"); return out }
	eventually(t, "a dead letter", func() bool { return strings.Contains(listed(), "neither an approval nor a rejection") })
	letters := listed()
	r.ops(t, 0, "pause", "orders", "--reason=move")
	require.NoError(t, r.stop())

	requireMoved(t, onFile, onDatabase)
	stats := readStats(t, onDatabase)
	require.Equal(t, 2, stats.Orders)
	require.Equal(t, 1, stats.DeadLetters)
	require.Len(t, stats.KeyIDs, 1)
	r = p.start(t, onDatabase)
	require.Equal(t, letters, listed())
	out, _ := r.ops(t, 0, "controls")
	require.Contains(t, out, "move", "the reason of the control")
	r.ops(t, 0, "resume", "orders")
	r.ops(t, 0, "decide", "approve", "first", "--reason=x")
	require.Equal(t, emulator.TaskSucceeded, r.task(t, first).State)
	require.Equal(t, 1, r.redrive(t).Failed, "the decision is still invalid")
	require.NoError(t, r.stop())

	requireMoved(t, onDatabase, back)
	status, _, errs := command(t, "run", "--config.file", onDatabase)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "the store was moved to another one")
	r = p.start(t, back)
	require.Equal(t, api.CallbackDelivered, r.order(t, "first").Approvals[0].Callback.State)
	r.ops(t, 0, "decide", "approve", "second", "--reason=x")
	require.Equal(t, emulator.TaskSucceeded, r.task(t, second).State)
	require.Contains(t, listed(), "neither an approval nor a rejection")
}

func requireMoved(t *testing.T, from, to string) {
	t.Helper()
	status, out, errs := command(t, "store", "migrate", "--from", from, "--to", to)
	require.Equal(t, 0, status, errs)
	require.Contains(t, out, "2 orders, digest ")
	require.Contains(t, out, "1 dead letter, digest ")
	status, out, errs = command(t, "store", "check", to)
	require.Equal(t, 0, status, out+errs)
}

func readStats(t *testing.T, config string) (stats upkeep.Stats) {
	t.Helper()
	status, out, errs := command(t, "store", "stats", config, "-o", "json")
	require.Equal(t, 0, status, errs)
	require.NoError(t, json.Unmarshal([]byte(out), &stats))
	return stats
}

// TestDamagedDatabase checks a database with wrong columns and counts, which --fix mends from the records, and then one with a
// record that cannot be read. That is a fault that nothing mends.
func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	server := postgrestest.Run(t, postgrestest.Options{})
	p := newPlace(t)
	config := p.onDatabase(t, server.URL())
	r := p.start(t, config)
	token := r.ask(t, "sound", "")
	r.ask(t, "damaged", "")
	require.NoError(t, r.stop())

	server.Execute(t,
		"UPDATE approval_relay.orders SET due = NULL, next = NULL, attention = 1 WHERE id = 'sound'",
		"UPDATE approval_relay.counts SET pending = pending + 5",
		"DELETE FROM approval_relay.pending",
		"INSERT INTO approval_relay.owed VALUES ('sound', 'orders', 1)")
	faults := []string{
		`order "sound": the columns attention, due, next are not those of its record`,
		"the table pending has not the pending approvals of the records: 0 rows instead of 2",
		"the table counts has not the numbers",
		"the table owed has not the owed answers of the records: 1 rows instead of 0",
	}
	for _, prefix := range []string{"", "fixed: "} {
		args := []string{"store", "check", config}
		want := 1
		if prefix != "" {
			args, want = append(args, "--fix"), 0
		}
		status, out, errs := command(t, args...)
		require.Equal(t, want, status, errs)
		for _, text := range faults {
			require.Contains(t, out, prefix+text)
		}
	}
	status, out, errs := command(t, "store", "check", config)
	require.Equal(t, 0, status, out+errs)
	require.Contains(t, out, " is sound\n")

	server.Execute(t, "UPDATE approval_relay.orders SET record = substr(record, 1, length(record) - 20) WHERE id = 'damaged'")
	for _, args := range [][]string{{"store", "check", config}, {"store", "check", config, "--fix"}} {
		status, out, errs = command(t, args...)
		require.Equal(t, 1, status)
		require.Contains(t, out, `order "damaged"`)
		require.Contains(t, errs, "1 fault of ")
	}
	r = p.start(t, config)
	r.ops(t, 0, "decide", "approve", "sound", "--reason=x")
	require.Equal(t, emulator.TaskSucceeded, r.task(t, token).State)
}
