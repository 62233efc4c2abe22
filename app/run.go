package app

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	group "github.com/oklog/run"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/store"
)

// Run serves until the context ends or a part of the program fails, and then closes the store. It calls ready with the
// addresses at which it listens; the public address is nil if the program does not serve it.
func (a *App) Run(ctx context.Context, ready func(public, operator net.Addr)) (err error) {
	defer func() {
		if closeErr := a.store.Close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("close store: %w", closeErr))
		}
	}()
	shutdown := a.config.Shutdown.Timeout
	var ended time.Time
	defer func() { a.flushSpans(ended.Add(shutdown)) }()
	a.askReference(ctx)
	a.sweeper.AdoptOrphans(ctx)

	var parts group.Group
	var public net.Addr
	if listen := a.config.Public.Listen; listen != "" {
		if public, err = a.addServer(&parts, listen, a.inbound.public, a.serverOf(refusal.SourcePublic, a.servePublic)); err != nil {
			return err
		}
	}
	a.addSweeper(&parts) // it is interrupted before the router: without receivers it would claim orders for nothing
	a.addHeart(&parts)
	a.addRouter(&parts)
	a.addDepths(&parts)
	a.addProviderLookup(&parts)
	a.addControls(&parts)
	a.addClock(&parts)
	a.addReloader(&parts)
	// The operator's address is closed last, so that metrics can be scraped until the end.
	operator, err := a.addServer(&parts, a.config.Operator.Listen, a.inbound.operator, a.serverOf(refusal.SourceAPI, a.serveOperator))
	if err != nil {
		return err
	}
	stop, cancel := context.WithCancel(ctx)
	parts.Add(func() error {
		select {
		case <-a.router.Running():
			a.log.Info("running", "version", a.options.Version, "public", addressText(public), "operator", addressText(operator))
			a.logFirstSteps(public, operator)
			ready(public, operator)
		case <-stop.Done():
		}
		<-stop.Done()
		a.ending.Store(true)  // not ready: load balancers send nothing new, but take a while to notice
		if ctx.Err() != nil { // not after the failure of another part
			a.awaitDelay()
		}
		ended = time.Now()
		a.log.Info("going down", "within", shutdown.String())
		return nil
	}, func(error) { cancel() })
	err = parts.Run()
	a.log.Info("stopped")
	return err
}

// awaitDelay keeps everything served for the delay of the shutdown, or until a second signal.
func (a *App) awaitDelay() {
	delay := a.config.Shutdown.Delay
	if delay <= 0 {
		return
	}
	a.log.Info("not ready any more; serving on", "for", delay.String())
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.options.Hurry:
	}
}

func addressText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// serverOf returns the server of an address. Source is where its refusals of connections are listed.
func (a *App) serverOf(source string, serve http.HandlerFunc) *http.Server {
	server := api.NewServer(a.endConnections(serve), log.New(serverLog{source, a.refusals, a.log}, "", 0))
	unread := &unreadRequests{source: source, refusals: a.refusals}
	unread.attach(server)
	return server
}

// endConnections ends each connection after its answer while the program is shutting down. Clients that keep connections
// alive then open the next one at another worker, and none sends a request into a connection that is just being closed.
func (a *App) endConnections(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a.ending.Load() {
			w.Header().Set("Connection", "close")
		}
		serve(w, r)
	}
}

// addServer adds an HTTP server. On interrupt it accepts no more requests, and finishes those in progress within a fifth
// of the shutdown's time.
func (a *App) addServer(parts *group.Group, address string, limits addressLimits, server *http.Server) (net.Addr, error) {
	listener, err := limits.listen(address)
	if err != nil {
		return nil, err
	}
	a.listeners.add(listener.Addr())
	parts.Add(func() error {
		if err := limits.serve(server, listener); err != nil {
			return fmt.Errorf("serve %s: %w", address, err)
		}
		return nil
	}, func(error) {
		ctx, cancel := context.WithTimeout(context.Background(), a.config.Shutdown.Timeout/5)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	})
	return listener.Addr(), nil
}

// addRouter adds the router. Its own context never ends: Close lets handlers finish, a cancelled context does not.
func (a *App) addRouter(parts *group.Group) {
	parts.Add(func() error {
		if err := a.router.Run(context.Background()); err != nil {
			return fmt.Errorf("router: %w", err)
		}
		return nil
	}, func(error) {
		if err := a.router.Close(); err != nil {
			a.log.Error("handlers did not end in time; their messages will be delivered again", "error", err.Error())
		}
		_ = a.dispatcher.Close()
	})
}

// addSweeper adds the sweeper. It waits for the router, because until then its actions would have no receiver.
func (a *App) addSweeper(parts *group.Group) {
	ctx, cancel := context.WithCancel(context.Background())
	parts.Add(func() error {
		select {
		case <-a.router.Running():
			var held sync.WaitGroup
			held.Go(func() { a.sweeper.AwaitHeld(ctx) })
			defer held.Wait()
			return a.sweeper.Run(ctx)
		case <-ctx.Done(): // the router never ran
			return nil
		}
	}, func(error) { cancel() })
}

// addProviderLookup adds the lookup of sign-in providers. It is not part of readiness: a provider that is down stops
// neither links nor programs. A lookup ends when it has succeeded, or when a reload brings another provider.
func (a *App) addProviderLookup(parts *group.Group) {
	ctx, cancel := context.WithCancel(context.Background())
	if first := a.rules.Load().signIn; first != nil {
		a.providers <- first
	}
	parts.Add(func() error {
		a.lookUpProviders(ctx)
		return nil
	}, func(error) { cancel() })
}

// lookUpProviders looks up the latest provider, until the context ends.
func (a *App) lookUpProviders(ctx context.Context) {
	var provider *signin.Handler
	select {
	case <-ctx.Done():
		return
	case provider = <-a.providers:
	}
	for provider != nil {
		provider = a.lookUpProvider(ctx, provider)
	}
}

// lookUpProvider looks up a provider until the next one comes, and returns that, or nil when the context ends.
func (a *App) lookUpProvider(ctx context.Context, provider *signin.Handler) *signin.Handler {
	lookup, stop := context.WithCancel(ctx)
	defer stop()
	go provider.FindProvider(lookup)
	select {
	case <-ctx.Done():
		return nil
	case next := <-a.providers:
		return next
	}
}

// maxSweepAge is the longest time between two sweeps of a healthy program. Beyond it the store hangs, or the worker is
// locked up, and Kubernetes restarts it.
const maxSweepAge = 2 * time.Minute

func (a *App) checkHealth() error {
	if age := a.sweeper.SinceLastSweep(a.clock.Now()); age > maxSweepAge {
		return fmt.Errorf("the sweeper has not ended a sweep for %s", age.Round(time.Second))
	}
	return nil
}

// distrust is the time for which a store is not ready after a commit that failed. A small commit may still succeed on a
// disk that is full.
const distrust = 5 * time.Second

func (a *App) checkReadiness(ctx context.Context) error {
	switch {
	case a.ending.Load():
		return errors.New("going down")
	case !a.router.IsRunning():
		return errors.New("starting")
	}
	if control, isReadOnly := store.FindReadOnly(a.controls.List()); isReadOnly && control.Mode == store.ControlMoved {
		return errors.New("the store was moved to another one: stop this worker")
	}
	if prober, ok := a.inner.(store.Prober); ok && prober.Probe(ctx) != nil {
		return errors.New("the store accepts no updates")
	}
	if a.clock.Now().Sub(time.Unix(0, a.lastFailure.Load())) < distrust {
		return errors.New("the last update of the store failed")
	}
	if err := a.unreadable.err(); err != nil {
		return err
	}
	return a.clock.Fault()
}
