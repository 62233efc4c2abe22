package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// postgresServer is a PostgreSQL server in place of the SQLite file, with a proxy in front of it.
type postgresServer struct {
	server *postgrestest.Server
	proxy  *toxiproxy.Proxy
}

// startPostgres starts a server that waits for its disk as in production, or skips the test if PostgreSQL is missing.
func startPostgres(t *testing.T) *postgresServer {
	t.Helper()
	d := &postgresServer{server: postgrestest.Run(t, postgrestest.Options{Fsync: true})}
	d.proxy = startDatabaseProxy(t, d.server.Address)
	return d
}

func (d *postgresServer) setting() string {
	return fmt.Sprintf("{postgres: {url: %q}}", "postgres://relay@"+d.proxy.Listen+"/relay")
}

func (d *postgresServer) network() *toxiproxy.Proxy { return d.proxy }

// isLeftByKill implements database. A transaction leaves nothing.
func (d *postgresServer) isLeftByKill(string) bool { return false }

// restart ends the server as a crash of its machine does, and starts it again.
func (d *postgresServer) restart() error {
	if err := d.server.Kill(); err != nil {
		return err
	}
	return d.server.Launch(context.Background())
}

// readTables reads the bytes of all tables.
func (d *postgresServer) readTables(places map[string]string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, d.server.URL())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	rows, err := c.Query(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'approval_relay'")
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(tables) == 0 {
		err = errors.New("there are no tables")
	}
	for _, table := range tables {
		var content bytes.Buffer
		_, copyErr := c.PgConn().CopyTo(ctx, &content, "COPY approval_relay."+table+" TO STDOUT (FORMAT binary)")
		err = errors.Join(err, copyErr)
		places["table "+table] = content.String()
	}
	return err
}

// killWorkerOrServer returns a function that kills a worker, the server of the database, or both. The clocks of the tasks
// stand still while the server is away: on a busy disk its start takes many seconds, and nothing can be recorded meanwhile.
func (d *postgresServer) killWorkerOrServer() func(*world) error {
	return func(w *world) error {
		chance := rand.IntN(3)
		if chance != 1 {
			w.killProgram()
		}
		if chance != 0 {
			goOn := w.aws.StepFunctions.StopClock()
			defer goOn()
			return d.restart()
		}
		return nil
	}
}

// TestKilledOnPostgreSQL runs many approvals through three workers on a database. Workers and the database's server are
// killed, and their connections break.
func TestKilledOnPostgreSQL(t *testing.T) {
	d := startPostgres(t)
	binary, err := buildImpatient()
	if err != nil {
		t.Fatal(err)
	}
	v := runOnPostgreSQL(t, d, binary, stepFaults, chooseSize(10000, 300), chooseSize(1600, 24), chooseSize(40, 6))
	reportViolations(t, v)
}

func runOnPostgreSQL(t *testing.T, d *postgresServer, binary string, faults emulator.Faults, approvals, stories, kills int) violations {
	t.Helper()
	w := newWorld(t, binary, settings{database: d, members: 3})
	w.aws.SQS.SetFaults(queueFaults)
	w.aws.StepFunctions.SetFaults(faults)
	all := planScenarios(approvals, w.aws.StepFunctions)
	w.addStories(stories)
	return w.runThrough(all, disturbance{kills: kills, badNetwork: true, endProcess: d.killWorkerOrServer()})
}

// TestTerminatedOnPostgreSQL replaces workers one after the other by SIGTERM on a good network. Finished calls must not be
// repeated by any of them.
func TestTerminatedOnPostgreSQL(t *testing.T) {
	w := newWorld(t, binaryUnderTest(t), settings{database: startPostgres(t), members: 2})
	w.aws.SQS.SetFaults(queueFaults)
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.08})
	all := planScenarios(chooseSize(10000, 200), w.aws.StepFunctions)
	w.addStories(chooseSize(800, 16))
	v := w.runThrough(all, disturbance{kills: chooseSize(30, 4), endProcess: (*world).terminateProgram})
	w.checkNoRepeatedCalls(all, &v)
	reportViolations(t, v)
}

// TestHeartbeatsOnPostgreSQL is TestHeartbeats with two workers. A worker that is replaced must not keep the leases of the
// orders that it has claimed: they are longer than the lifetime of a task.
func TestHeartbeatsOnPostgreSQL(t *testing.T) {
	reportViolations(t, runHeartbeats(t, binaryUnderTest(t), settings{database: startPostgres(t), members: 2}))
}

// postgresMutants lists the faults that only several workers on a database show.
func postgresMutants() []mutant {
	edit := func(name, before, after string) mutant {
		return mutant{name, append(impatientEdits(), overlay.Edit{File: "store/postgres/write.go", Old: before, New: after})}
	}
	return []mutant{
		edit("a decision is acknowledged before PostgreSQL has synced it", "	if w.unsynced { //", "	if true { //"),
		edit("a worker overwrites another worker's update", `
		WHERE o.id = u.id AND o.version = u.before RETURNING o.id)`+"`\n	insertRows", `
		WHERE o.id = u.id RETURNING o.id)`+"`\n	insertRows"),
	}
}

func runPostgresStorm(t *testing.T, binary string) violations {
	slow := stepFaults
	slow.Latency = 200 * time.Millisecond
	return runOnPostgreSQL(t, startPostgres(t), binary, slow, 300, 2*len(storyKinds()), 6)
}
