package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/link"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/tracing"
)

// Times and bounds that no configuration needs to change.
const (
	// actionLease is the time that this process has for an action. It bounds the delay of an answer after a SIGKILL, and
	// is longer than callTimeout and the recording of the result together.
	actionLease = 30 * time.Second
	// callTimeout bounds one callback or notification: an endpoint that accepts the connection and then stays silent.
	callTimeout = 10 * time.Second
	// messageLimit bounds the handling of one message: a store that hangs.
	messageLimit = 30 * time.Second
	// maxActionsPerOutput bounds the actions in progress for one channel or target.
	maxActionsPerOutput = 128
	// maxCallsPerHost bounds the callbacks in progress to one host of callback URLs: several hosts may hang before a
	// target has no capacity for the others.
	maxCallsPerHost = 32
	// sweepInterval bounds the delay after which a deadline is noticed.
	sweepInterval = 500 * time.Millisecond
	sweepBatch    = 256
	sweepLease    = 2 * time.Second
)

// Options are what an App gets beside its configuration.
type Options struct {
	Log      *slog.Logger
	Stdout   io.Writer // of the log channel
	Version  string
	Revision string
}

// App is the program, wired.
type App struct {
	config  *config.Config
	version string
	stdout  io.Writer
	log     *slog.Logger
	store   orderStore
	metrics *metrics.Metrics
	tracer  *tracing.Tracer // nil if nothing is traced
	// lastFailure is the time of the last failed commit of the store, in Unix nanoseconds.
	lastFailure atomic.Int64

	router     *message.Router
	ingress    *api.Ingress
	dispatcher *router.Dispatcher
	sweeper    *router.Sweeper
	endpoints  *api.Endpoints
	aws        *awsClients
	limiters   limiters
	depths     map[string]queueDepth // by source

	transitions *handlers.Transitions
	decider     *handlers.Decider
	ring        *keys.Ring
	links       *link.Links
	redriver    *handlers.Redriver
	slack       *slack.Interactions // nil if no channel has buttons
	signIn      *signin.Handler     // nil if approvers cannot sign in
}

// orderStore is a store as the program uses it.
type orderStore interface {
	store.Store
	store.DeadLetters
	io.Closer
}

// New wires the program. Nothing runs yet, but the store is open: Run closes it.
func New(ctx context.Context, c *config.Config, o Options) (_ *App, err error) {
	a := &App{
		config:   c,
		version:  o.Version,
		stdout:   o.Stdout,
		log:      o.Log,
		limiters: limiters{},
		depths:   map[string]queueDepth{},
	}
	if a.ring, err = openKeys(c, o.Log); err != nil {
		return nil, err
	}
	names := metricNames(c)
	if err := a.setUpTracing(ctx, &names); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	a.metrics = metrics.New(registry, names)
	a.metrics.RegisterRuntime(o.Version, o.Revision)
	a.aws = newAWSClients(ctx, c.AWS, a.metrics)
	if a.store, err = a.openStore(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.store.Close())
		}
	}()
	a.wireEngine()
	if err := a.wireRouter(ctx); err != nil {
		return nil, err
	}
	return a, a.wireHTTP(registry)
}

// wireEngine makes the parts that move orders on.
func (a *App) wireEngine() {
	a.metrics.RegisterStore(a.store.Stats)
	observed := observedStore{a.store, a.metrics}
	a.links = link.NewLinks(a.ring, a.config.Compiled.PublicURL)
	a.ingress = api.NewIngress()
	a.dispatcher = router.NewDispatcher(maxActionsPerOutput, a.metrics, a.log)
	a.transitions = &handlers.Transitions{
		Orders:   observed,
		Dispatch: a.dispatcher,
		Observer: a.metrics,
		Tracer:   a.handlerTracer(),
		Log:      a.log,
		Now:      time.Now,
		Lease:    actionLease,
	}
	a.decider = &handlers.Decider{
		Transitions: a.transitions,
		UnmatchedRetention: approval.UnmatchedRetention{
			WaitFor:        a.config.Unmatched.TTL,
			ShowExpiredFor: a.config.Unmatched.Retention,
		},
	}
	a.sweeper = &router.Sweeper{
		Claimer:     observed,
		Transitions: a.transitions,
		Observer:    a.metrics,
		Log:         a.log,
		Interval:    sweepInterval,
		Batch:       sweepBatch,
		Lease:       sweepLease,
	}
	if lister, ok := a.store.(store.OrphanLister); ok {
		a.sweeper.Orphans = lister.ListDueBy
	}
}

// wireRouter opens the channels and targets, makes the sources, and draws the map.
func (a *App) wireRouter(ctx context.Context) error {
	opened, err := a.openTargets()
	if err != nil {
		return err
	}
	channels, err := a.openChannels()
	if err != nil {
		return err
	}
	a.slack = a.slackInteractions(channels)
	s, err := a.makeSources(ctx, opened.validateURL)
	if err != nil {
		return err
	}
	a.redriver = &handlers.Redriver{
		Transitions: a.transitions,
		Orders:      a.store,
		DeadLetters: a.store,
		Queues:      s.deadLetterQueues,
		Handlers:    map[string]message.NoPublishHandlerFunc{},
	}
	for _, source := range slices.Concat(s.requests, s.decisions) {
		a.redriver.Handlers[source.Name] = source.Handle
	}
	a.router, err = router.New(router.Parts{
		Requests:  s.requests,
		Decisions: s.decisions,
		Notifications: &handlers.Notification{
			Transitions: a.transitions,
			Channels:    channels,
			Links:       a.links,
			Timeout:     callTimeout,
		},
		Callbacks:    &handlers.Callback{Transitions: a.transitions, Targets: opened.byName, Timeout: callTimeout},
		Dispatcher:   a.dispatcher,
		Observer:     a.metrics,
		Tracer:       a.messageTracer(),
		Log:          a.log,
		TimeLimit:    messageLimit,
		CloseTimeout: a.config.Shutdown.Timeout * 3 / 5,
	})
	return err
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
