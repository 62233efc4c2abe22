// Command river is a reference point of the benchmark: the worker for approvals that people build on PostgreSQL with the
// job queue River. It takes requests and decisions over HTTP, as approval-relay does, keeps orders in a table, and sends
// notifications and answers by jobs that are inserted in the same transactions.
//
// It is simpler than approval-relay: without signatures, sealed tokens, deadlines, policies, metrics or history. It is a
// module of its own, so that the program does not depend on River. The benchmark builds it here.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "river:", err)
		os.Exit(1)
	}
}

// config has the flags.
type config struct {
	listen      string
	database    string
	hook        string
	cooldown    time.Duration
	connections int
	workers     int
}

func run(ctx context.Context, args []string) error {
	var c config
	flags := flag.NewFlagSet("river", flag.ContinueOnError)
	flags.StringVar(&c.listen, "listen", "127.0.0.1:0", "address for requests and decisions")
	flags.StringVar(&c.database, "database", "", "URL of the database")
	flags.StringVar(&c.hook, "hook", "", "URL of the webhook for notifications")
	flags.DurationVar(&c.cooldown, "cooldown", river.FetchCooldownDefault, "least time between two fetches of jobs")
	flags.IntVar(&c.connections, "connections", 32, "connections to the database")
	flags.IntVar(&c.workers, "workers", 256, "jobs at the same time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	pool, err := openPool(ctx, c)
	if err != nil {
		return err
	}
	defer pool.Close()
	queue, err := startQueue(ctx, pool, c)
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = queue.Stop(stopping)
	}()
	return serve(ctx, c.listen, &orders{pool: pool, queue: queue})
}

// openPool connects, and creates the tables.
func openPool(ctx context.Context, c config) (*pgxpool.Pool, error) {
	settings, err := pgxpool.ParseConfig(c.database)
	if err != nil {
		return nil, err
	}
	settings.MaxConns = int32(c.connections)
	settings.MinConns = settings.MaxConns
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("migrate River's tables: %w", err)
	}
	if _, err := pool.Exec(ctx, createOrders); err != nil {
		return nil, fmt.Errorf("create the table of orders: %w", err)
	}
	return pool, nil
}

// startQueue starts the jobs.
func startQueue(ctx context.Context, pool *pgxpool.Pool, c config) (*river.Client[pgx.Tx], error) {
	calls := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: c.workers}, Timeout: 10 * time.Second}
	workers := river.NewWorkers()
	river.AddWorker(workers, &notifyWorker{pool: pool, calls: calls, hook: c.hook})
	river.AddWorker(workers, &answerWorker{pool: pool, calls: calls})
	queue, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown:     c.cooldown,
		FetchPollInterval: time.Second,
		Logger:            slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: c.workers}},
		Workers:           workers,
	})
	if err != nil {
		return nil, err
	}
	return queue, queue.Start(ctx)
}

// serve answers requests until the context ends.
func serve(ctx context.Context, address string, o *orders) error {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	routes.HandleFunc("POST /v1/requests", o.takeRequest)
	routes.HandleFunc("POST /v1/orders/{order}/decisions", o.takeDecision)
	server := &http.Server{Addr: address, Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
