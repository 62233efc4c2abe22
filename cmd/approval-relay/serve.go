package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	group "github.com/oklog/run"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/store"
)

// runCmd runs the worker.
type runCmd struct {
	Config string `name:"config.file" env:"APPROVAL_RELAY_CONFIG" help:"The configuration file; without it, SQLite in the working directory and HTTP in."`
}

// Run loads the configuration and serves until the context ends.
func (c *runCmd) Run(w *world) error {
	config, err := Load(c.Config, w.getenv)
	if err != nil {
		return err
	}
	return serve(w.ctx, config, logger(config.Log, w.stderr), w.stdout, func(_, _ net.Addr) {})
}

func logger(c LogConfig, out io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // validated
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(out, options))
	}
	return slog.New(slog.NewJSONHandler(out, options))
}

// serve builds the relay and runs it until the context ends or a part of it
// fails. It tells ready where it listens.
func serve(ctx context.Context, c *Config, log *slog.Logger, stdout io.Writer, ready func(public, operator net.Addr)) (err error) {
	r, err := build(ctx, c, log, stdout)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := r.store.Close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("close store: %w", closeErr))
		}
	}()
	log = r.log
	var ending atomic.Bool
	var ended time.Time
	defer func() { r.flush(ended.Add(c.Shutdown.Timeout)) }()
	r.http.Healthy, r.http.Ready = r.healthy, r.ready(&ending)
	r.sweeper.Adopt(ctx)

	var parts group.Group
	operator, err := addServer(&parts, c.Operator.Listen, r.http.OperatorHandler(), c.Shutdown.Timeout/5, log)
	if err != nil {
		return err
	}
	var public net.Addr
	if c.Public.Listen != "" {
		if public, err = addServer(&parts, c.Public.Listen, r.http.PublicHandler(), c.Shutdown.Timeout/5, log); err != nil {
			return err
		}
	}
	r.addRouter(&parts, log)
	r.addSweeper(&parts)
	r.addDepths(&parts)
	r.addProviderLookup(&parts)
	stop, cancel := context.WithCancel(ctx)
	parts.Add(func() error {
		select {
		case <-r.router.Running():
			ready(public, operator)
			log.Info("running", "version", version, "public", str(public), "operator", str(operator))
		case <-stop.Done():
		}
		<-stop.Done()
		ending.Store(true) // not ready: nothing new is sent here
		ended = time.Now()
		log.Info("going down", "within", c.Shutdown.Timeout.String())
		return nil
	}, func(error) { cancel() })
	err = parts.Run()
	log.Info("stopped")
	return err
}

func str(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// addServer adds an HTTP server. On interrupt it takes no more requests and
// finishes those that run, within the time.
func addServer(parts *group.Group, address string, h http.Handler, within time.Duration, log *slog.Logger) (net.Addr, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	server := api.NewServer(h, log)
	parts.Add(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", address, err)
		}
		return nil
	}, func(error) {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	})
	return l.Addr(), nil
}

// addRouter adds the router. Its own context never ends: Close lets handlers
// finish, a cancelled context does not.
func (r *relay) addRouter(parts *group.Group, log *slog.Logger) {
	parts.Add(func() error {
		if err := r.router.Run(context.Background()); err != nil {
			return fmt.Errorf("router: %w", err)
		}
		return nil
	}, func(error) {
		if err := r.router.Close(); err != nil {
			log.Error("handlers did not end in time; their messages come again", "error", err.Error())
		}
		_ = r.dispatcher.Close()
	})
}

func (r *relay) addSweeper(parts *group.Group) {
	ctx, cancel := context.WithCancel(context.Background())
	parts.Add(func() error {
		select {
		case <-r.router.Running(): // before, its actions would have no one to go to
			return r.sweeper.Run(ctx)
		case <-ctx.Done(): // it never ran
			return nil
		}
	}, func(error) { cancel() })
}

// addProviderLookup adds the lookup of the sign-in provider. It is not part of readiness: a provider that is down stops
// neither links nor programs. The part waits after the lookup, because the first part that ends stops the program.
func (r *relay) addProviderLookup(parts *group.Group) {
	if r.signIn == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	parts.Add(func() error {
		r.signIn.FindProvider(ctx)
		<-ctx.Done()
		return nil
	}, func(error) { cancel() })
}

// staleSweep is how long the sweeper may be silent: a store that hangs, or a
// worker that has locked up. Kubernetes restarts what is not healthy.
const staleSweep = 2 * time.Minute

func (r *relay) healthy() error {
	if age := r.sweeper.Age(time.Now()); age > staleSweep {
		return fmt.Errorf("the sweeper has not ended a sweep for %s", age.Round(time.Second))
	}
	return nil
}

// afterFailure is how long a store is not trusted after a commit that failed: a
// small one may still succeed on a disk that is full.
const afterFailure = 5 * time.Second

func (r *relay) ready(ending *atomic.Bool) func(context.Context) error {
	return func(ctx context.Context) error {
		switch {
		case ending.Load():
			return errors.New("going down")
		case !r.router.IsRunning():
			return errors.New("starting")
		}
		if p, ok := r.store.(store.Prober); ok && p.Probe(ctx) != nil {
			return errors.New("the store takes no updates")
		}
		if time.Since(time.Unix(0, r.failed.Load())) < afterFailure {
			return errors.New("the store has just failed to take an update")
		}
		return nil
	}
}
