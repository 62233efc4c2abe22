package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
)

const (
	// coresForTwo is the number of processors that leave the database some to spare for a second worker. Two workers,
	// the server and the clients share them.
	coresForTwo = 8
	// minRate and minCPU are the goals: the multiple of the approvals a second of the worker on River, and the divisor of
	// its CPU time.
	minRate, minCPU = 3, 4
)

// rival is a program that carries out approvals on PostgreSQL, with its figures.
type rival struct {
	loop  *approvalLoop
	rates []float64
	cpu   time.Duration // of the program and of the server, in all rounds
	done  int           // approvals in all rounds
}

func (r *rival) cpuEach() float64 { return r.cpu.Seconds() / float64(r.done) }

// measurePostgres compares the store on PostgreSQL with a worker on River that does the same work. Both use the same
// server, in turns, each with a database of its own.
func (b *bench) measurePostgres(ctx context.Context) error {
	server, err := b.startPostgres(ctx, postgrestest.Options{Fsync: true, Settings: []string{"max_connections=200"}})
	if err != nil {
		return err
	}
	pid, err := server.PID()
	if err != nil {
		return err
	}
	riverLoop, err := b.startRiver(ctx, server)
	if err != nil {
		return err
	}
	ourLoop, err := b.newLoop(ctx, "postgres", postgresStore(server))
	if err != nil {
		return err
	}
	for _, l := range []*approvalLoop{riverLoop, ourLoop} { // opens connections and fills caches
		if _, err := l.runRound(ctx, clientCount, 5*clientCount); err != nil {
			return err
		}
	}
	for _, load := range []struct{ clients, approvals int }{{1, 150}, {16, 640}, {clientCount, approvalRound}} {
		ours := &rival{loop: ourLoop}
		river := &rival{loop: riverLoop}
		for range b.rounds {
			for _, r := range []*rival{ours, river} {
				if err := r.runTurn(ctx, pid, load.clients, load.approvals); err != nil {
					return err
				}
			}
		}
		b.addRivals(load.clients, ours, river)
	}
	return b.measureTwoWorkers(ctx, server, ourLoop)
}

// runTurn carries out approvals, and adds their figures.
func (r *rival) runTurn(ctx context.Context, server, clients, approvals int) error {
	before, err := r.readCPU(server)
	if err != nil {
		return err
	}
	rate, err := r.loop.runRound(ctx, clients, approvals)
	if err != nil {
		return err
	}
	after, err := r.readCPU(server)
	r.rates = append(r.rates, rate)
	r.cpu += after - before
	r.done += approvals
	return err
}

// readCPU returns the CPU time of the program and of all processes of the server.
func (r *rival) readCPU(server int) (time.Duration, error) {
	database, err := treeCPU(server)
	if err != nil {
		return 0, err
	}
	program, err := treeCPU(r.loop.cmd.Process.Pid)
	return database + program, err
}

func (b *bench) addRivals(clients int, ours, river *rival) {
	b.addRow(atLeast(fmt.Sprintf("whole approvals/s on PostgreSQL, %d at once", clients), formatRate(median(ours.rates)),
		"River on the same server: "+formatRate(median(river.rates)), ratio(ours.rates, river.rates), minRate))
	b.addRow(atLeast("  CPU of the worker and the server, less by", formatSmall(ours.cpuEach()),
		formatSmall(river.cpuEach()), river.cpuEach()/ours.cpuEach(), minCPU))
}

// measureTwoWorkers compares two workers on a database with a single worker, with the same number of clients.
func (b *bench) measureTwoWorkers(ctx context.Context, server *postgrestest.Server, first *approvalLoop) error {
	second, err := b.newLoopWith(ctx, "postgres-second", postgresStore(server), "postgres")
	if err != nil {
		return err
	}
	for i := range second.count {
		second.count[i] = 1_000_000_000 // the orders of the first worker are in the same database
	}
	both := []*approvalLoop{first, second}
	var one, two []float64
	for range b.rounds {
		rate, err := first.runRound(ctx, clientCount, approvalRound)
		if err != nil {
			return err
		}
		one = append(one, rate)
		began := time.Now()
		err = runClients(len(both), func(i int) error {
			_, err := both[i].runRound(ctx, clientCount/2, approvalRound/2)
			return err
		})
		if err != nil {
			return err
		}
		two = append(two, approvalRound/time.Since(began).Seconds())
	}
	r := atLeast("approvals/s of two workers on one database", formatRate(median(two)), "one worker: "+formatRate(median(one)),
		ratio(two, one), 1.7)
	if runtime.NumCPU() < coresForTwo {
		r.limit = fmt.Sprintf("%s with %d processors; %d here", r.limit, coresForTwo, runtime.NumCPU())
		r.ok = true
	}
	b.addRow(r)
	return nil
}

func (b *bench) startPostgres(ctx context.Context, o postgrestest.Options) (*postgrestest.Server, error) {
	server, err := postgrestest.Start(ctx, o)
	if errors.Is(err, postgrestest.ErrMissing) {
		return nil, fmt.Errorf("%w: %w", errNotInstalled, err)
	}
	if err == nil {
		b.cleanups = append(b.cleanups, func() { _ = server.Stop() })
	}
	return server, err
}

// postgresStore returns the setting of a store in the database of the server.
func postgresStore(server *postgrestest.Server) string {
	return fmt.Sprintf("{postgres: {url: %q}}", server.URL())
}

// startRiver builds the worker on River and starts it in a database of its own.
func (b *bench) startRiver(ctx context.Context, server *postgrestest.Server) (*approvalLoop, error) {
	dir := filepath.Join(b.dir, "river")
	binary := dir + "-worker"
	out, err := exec.CommandContext(ctx, "go", "build", "-C", b.river, "-o", binary, ".").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: River cannot be built: %w: %s", errNotInstalled, err, out)
	}
	connection, err := pgx.Connect(ctx, server.URL())
	if err != nil {
		return nil, err
	}
	_, err = connection.Exec(ctx, "CREATE DATABASE river")
	if err := errors.Join(err, connection.Close(ctx)); err != nil {
		return nil, err
	}
	e, err := startEndpoint(maxClients)
	if err != nil {
		return nil, err
	}
	b.cleanups = append(b.cleanups, e.stop)
	address, err := loopback.Address()
	if err != nil {
		return nil, err
	}
	w := &worker{operator: "http://" + address, log: dir + ".log", done: make(chan struct{}), client: newClient()}
	database := strings.TrimSuffix(server.URL(), "/relay") + "/river"
	cmd := exec.Command(binary, "-listen", address, "-database", database, "-hook", e.url+"/hook", "-cooldown", "1ms")
	return &approvalLoop{worker: w, endpoint: e, count: make([]int, maxClients)}, b.startProcess(ctx, w, cmd)
}
