package ledger

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// database is a PostgreSQL server in place of the SQLite file, with a proxy in front of it.
type database struct {
	server *postgrestest.Server
	proxy  *toxiproxy.Proxy
}

// startDatabase starts a server that waits for its disk as in production, or skips the test if PostgreSQL is missing.
func startDatabase(t *testing.T) *database {
	t.Helper()
	d := &database{server: postgrestest.Run(t, postgrestest.Options{Fsync: true})}
	d.proxy = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()),
		"database", "127.0.0.1:0", d.server.Address)
	if err := d.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.proxy.Stop)
	return d
}

func (d *database) url() string { return "postgres://relay@" + d.proxy.Listen + "/relay" }

// restart ends the server as a crash of its machine does, and starts it again.
func (d *database) restart() error {
	if err := d.server.Kill(); err != nil {
		return err
	}
	return d.server.Launch(context.Background())
}

// readTables reads the bytes of all tables.
func (d *database) readTables(places map[string]string) error {
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

// checkStore lets the program compare everything that the database has with the records of the orders.
func (w *world) checkStore(v *violations) {
	if out, err := exec.Command(w.binary, "store", "check", w.members[0].config).CombinedOutput(); err != nil {
		v.addf("store check: %v: %s", err, out)
	}
}

// proxies returns the proxies that stand for the networks of the program.
func (w *world) proxies() []*toxiproxy.Proxy {
	all := []*toxiproxy.Proxy{w.sqsProxy, w.stepsProxy}
	if w.settings.database != nil {
		all = append(all, w.settings.database.proxy)
	}
	return all
}

// killWorkerOrServer kills a worker, the server of the database, or both. The clocks of the tasks stand while the server is
// away: a machine whose disk is busy needs many seconds to bring it back, and nothing can be recorded meanwhile.
func (w *world) killWorkerOrServer() error {
	chance := rand.IntN(3)
	if chance != 1 {
		w.killProgram()
	}
	if chance != 0 {
		goOn := w.aws.StepFunctions.StopClock()
		defer goOn()
		return w.settings.database.restart()
	}
	return nil
}

// shortLeases are edits with shorter leases. The survivors advance the orders of a killed worker, and make its attempts
// again, when their leases have expired, and so those whose ends the database has lost. Then a task of a run must still be
// open, also if the next worker is killed too.
func shortLeases() []overlay.Edit {
	const wiring = "app/app.go"
	return []overlay.Edit{
		{File: wiring, Old: "actionLease = 30 * time.Second", New: "actionLease = 5 * time.Second"},
		{File: wiring, Old: "sweepLease = 20 * time.Second", New: "sweepLease = 4 * time.Second"},
		{File: wiring, Old: "callTimeout = 10 * time.Second", New: "callTimeout = 2 * time.Second"},
	}
}

// TestKilledOnPostgreSQL runs many approvals through three workers on a database. Workers and the database's server are
// killed, and their connections break.
func TestKilledOnPostgreSQL(t *testing.T) {
	d := startDatabase(t)
	binary, err := overlay.Build(t.TempDir(), "cmd/approval-relay", shortLeases()...)
	if err != nil {
		t.Fatal(err)
	}
	v := runOnPostgreSQL(t, d, binary, stepFaults, chooseSize(10000, 300), chooseSize(1600, 24), chooseSize(40, 6))
	reportViolations(t, v)
}

func runOnPostgreSQL(t *testing.T, d *database, binary string, faults emulator.Faults, approvals, stories, kills int) violations {
	t.Helper()
	w := newWorld(t, binary, settings{database: d, members: 3})
	w.aws.SQS.SetFaults(queueFaults)
	w.aws.StepFunctions.SetFaults(faults)
	all := planScenarios(approvals, w.aws.StepFunctions)
	w.addStories(stories)
	return w.runThrough(all, disturbance{kills: kills, badNetwork: true, endProcess: (*world).killWorkerOrServer})
}

// TestTerminatedOnPostgreSQL replaces workers one after the other by SIGTERM on a good network. Finished calls must not be
// repeated by any of them.
func TestTerminatedOnPostgreSQL(t *testing.T) {
	w := newWorld(t, binaryUnderTest(t), settings{database: startDatabase(t), members: 2})
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
	reportViolations(t, runHeartbeats(t, binaryUnderTest(t), settings{database: startDatabase(t), members: 2}))
}

// postgresMutants lists the faults that only several workers on a database show.
func postgresMutants() []mutant {
	edit := func(name, before, after string) mutant {
		return mutant{name, append(shortLeases(), overlay.Edit{File: "store/postgres/write.go", Old: before, New: after})}
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
	return runOnPostgreSQL(t, startDatabase(t), binary, slow, 300, 2*len(storyKinds()), 6)
}
