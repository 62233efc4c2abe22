package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/clock"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/heartbeat"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/link"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/refusal/recent"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/session"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/gate"
	"github.com/approval-relay/approval-relay/tracing"
)

// Times and bounds that no configuration needs to change.
const (
	// actionLease is the time that this process has for an action. It must be longer than a call (callTimeout) and the
	// recording of its result together. After a crash, an answer is late by at most this time.
	actionLease = 30 * time.Second
	// shortActionLease is the lease of an answer near the end of its task. It is longer than a call too, by more than the clocks
	// of workers differ as a rule. In the default margin of 30 seconds it ends twice.
	shortActionLease = 14 * time.Second
	// callTimeout bounds a single callback or notification, in case the endpoint accepts the connection and never
	// answers.
	callTimeout = 10 * time.Second
	// messageLimit bounds the handling of a message, in case the store hangs.
	messageLimit = 30 * time.Second
	// maxActionsPerURLTarget bounds the actions of each kind in progress for a target of callback URLs, so that a few
	// hosts that hang do not use up its capacity.
	maxActionsPerURLTarget = 4 * setup.DefaultConcurrency
	// sweepInterval is the pause between two sweeps, and so about the longest delay of a deadline.
	sweepInterval = 500 * time.Millisecond
	sweepBatch    = 256
	// sweepLease is the time for which a claimed order is left to this process. If the process dies, another one claims
	// the order after this time, and it is shorter than the time between a deadline and the end of its task.
	sweepLease = 20 * time.Second
)

// Options are what an App gets beside its configuration.
type Options struct {
	Log      *slog.Logger
	Level    *slog.LevelVar // of Log; a reload sets it; nil leaves it as it is
	Stdout   io.Writer      // of the log channel
	Version  string
	Revision string
	// Load reads the configuration again, for a reload; nil means that there is nothing to reload.
	Load func() (*config.Config, []config.Finding, error)
	// File is the path of the configuration file. If WatchInterval is positive, the file is watched for changes.
	File          string
	WatchInterval time.Duration
	// Hangup receives a signal when the configuration is to be reloaded (SIGHUP).
	Hangup <-chan os.Signal
	// Hurry receives a signal that ends the delay of a shutdown at once: a second SIGTERM.
	Hurry <-chan os.Signal
}

// App is the wired program. A reload replaces its rules; all other fields need a restart to change.
type App struct {
	options Options
	config  *config.Config // the configuration of the start; the rules have the current configuration
	log     *slog.Logger
	// inner is the store itself, with its optional interfaces. All else uses store, the same behind a gate.
	inner    orderStore
	store    *gate.Store
	restored *store.Restoration // if the store was restored lately
	metrics  *metrics.Metrics
	registry *prometheus.Registry
	tracer   *tracing.Tracer // nil if nothing is traced
	// lastFailure is the time of the last failed commit of the store, in Unix nanoseconds. Readiness depends on it.
	lastFailure atomic.Int64
	unreadable  *unreadableOrders
	ending      atomic.Bool // the program is shutting down and not ready any more
	listeners   listeners
	inbound     inboundLimits

	router     *router.Router
	ingress    *api.Ingress
	dispatcher *router.Dispatcher
	sweeper    *router.Sweeper
	heart      *heartbeat.Heart // nil if the heartbeats are due in the records
	aws        *awsClients
	queues     *queues

	transitions *handlers.Transitions
	controls    *handlers.Controls
	clock       *clock.Clock
	decider     *handlers.Decider
	ring        *keys.Ring
	nextRing    *keys.Ring // of the reload under way, for the public keys that its rules publish; guarded by reloading
	refusals    *recent.List
	ended       session.Ended // the sessions of approvers and operators who signed out; a reload keeps the list
	links       *link.Links

	reloading sync.Mutex // held by a reload, so that there is only a single reload at a time
	limiters  limiters   // used by makeRules only, so that reloading guards it
	rules     atomic.Pointer[rules]
	watch     *fileWatch
	// providers has the sign-in handler of the start and of each reload. addProviderLookup receives it and looks up its
	// provider in the background.
	providers chan *signin.Handler
}

// orderStore is a store as the program uses it.
type orderStore = gate.Inner

// New wires the program. Nothing runs yet, but the store is open: Run closes it.
func New(ctx context.Context, c *config.Config, o Options) (_ *App, err error) {
	a := &App{
		options:   o,
		config:    c,
		log:       o.Log,
		limiters:  limiters{},
		providers: make(chan *signin.Handler, 1),
	}
	a.watch = newFileWatch(o.File, c)
	names := metricNames(c)
	if err := a.setUpTracing(ctx, &names); err != nil {
		return nil, err
	}
	a.registry = prometheus.NewRegistry()
	a.metrics = metrics.New(a.registry, names)
	a.clock = clock.New(clock.Config{Log: o.Log, Observer: a.metrics, WentBack: a.clockWentBack})
	a.metrics.RegisterRuntime(o.Version, o.Revision)
	a.metrics.ConfigRead(time.Now(), nil)
	if a.inbound, err = newInboundLimits(c, a.metrics, fileLimit(), o.Log); err != nil {
		return nil, err
	}
	a.aws = newAWSClients(ctx, c.AWS, a.newAWSObserver(), o.Log)
	a.aws.opened = func() { a.metrics.ConnectionOpened(metrics.ToAWS) }
	if a.ring, err = a.openKeys(ctx); err != nil {
		return nil, err
	}
	a.refusals = recent.New(recent.Config{Sealer: a.ring, Observer: a.metrics, Log: o.Log, Now: a.clock.Now})
	a.unreadable = newUnreadableOrders(o.Log, a.metrics.UnreadableOrders)
	if a.inner, err = a.openStore(ctx); err != nil {
		return nil, err
	}
	a.store = gate.New(a.inner, gate.Trust)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.store.Close())
		}
	}()
	if err := a.checkKeys(ctx); err != nil {
		return nil, err
	}
	a.wireEngine()
	if err := a.readControls(ctx); err != nil {
		return nil, err
	}
	a.warnRestored(ctx)
	if a.queues, err = a.openQueues(); err != nil {
		return nil, err
	}
	first, err := a.makeRules(c, nil)
	if err != nil {
		return nil, err
	}
	a.rules.Store(first)
	return a, a.wireRouter()
}

// wireEngine makes the parts that run transitions on orders: the dispatcher, the transitions, the decider and the
// sweeper.
func (a *App) wireEngine() {
	a.metrics.RegisterStore(a.store.Stats, a.clock.Now)
	observed := observedStore{a.store, a.metrics, a.unreadable}
	a.links = link.NewLinks(a.ring, a.config.Compiled.PublicURL)
	a.ingress = api.NewIngress()
	a.controls = &handlers.Controls{
		Keeper:    a.store,
		Workflows: a.workflowNames,
		Observer:  a.metrics,
		Log:       a.log,
		Now:       a.clock.Now,
	}
	limits := router.Limits{
		Concurrency:  a.concurrency,
		PerURLTarget: maxActionsPerURLTarget,
		HostOf:       a.hostOf,
		IsPaused:     a.controls.IsPaused,
	}
	a.dispatcher = router.NewDispatcher(limits, a.metrics, a.log)
	a.transitions = &handlers.Transitions{
		Orders:        observed,
		Dispatch:      a.dispatcher,
		Observer:      a.metrics,
		Tracer:        a.handlerTracer(),
		Log:           a.log,
		Now:           a.clock.Now,
		Hold:          a.dispatcher.Hold,
		HoldDeadlines: func() bool { return a.clock.Fault() != nil },
		Lease:         actionLease,
		ShortLease:    shortActionLease,
		Heartbeats:    a.newHeartbeatSchedule(),
	}
	a.wireHeart(observed)
	if recent, ok := a.inner.(store.RecentGetter); ok {
		a.transitions.Recent = observed.observeGet(recent.GetRecent)
	}
	a.dispatcher.Return = a.transitions.ReturnAction
	a.decider = a.newDecider()
	a.sweeper = a.newSweeper(observed)
}

func (a *App) newDecider() *handlers.Decider {
	return &handlers.Decider{
		Transitions: a.transitions,
		UnmatchedRetention: approval.UnmatchedRetention{
			WaitFor:        a.config.Unmatched.TTL,
			ShowExpiredFor: a.config.Unmatched.Retention,
		},
		NeedsSecond: a.needsSecond,

		ProposalChannels: func() []string { return a.rules.Load().config.Operator.Notify },

		People:   a.currentPeople,
		Workflow: a.currentWorkflow,
	}
}

func (a *App) newSweeper(observed observedStore) *router.Sweeper {
	sweep := router.SweeperConfig{
		Claimer:      observed,
		Transitions:  a.transitions,
		Dispatcher:   a.dispatcher,
		Observer:     a.metrics,
		Log:          a.log,
		Interval:     sweepInterval,
		Batch:        sweepBatch,
		Lease:        sweepLease,
		CloseTimeout: a.config.Shutdown.Timeout / 5,
	}
	if lister, ok := a.inner.(store.OrphanLister); ok {
		sweep.Orphans = lister.ListUnderWay
	}
	if lister, ok := a.inner.(store.DueLister); ok {
		sweep.DueBy = lister.ListDueBy
	}
	if returner, ok := a.inner.(store.ClaimReturner); ok {
		sweep.ReturnClaims = returner.ReturnClaims
	}
	return router.NewSweeper(sweep)
}

// wireRouter connects the sources with their handlers.
func (a *App) wireRouter() (err error) {
	s := a.httpSources(a.config)
	a.router, err = router.New(router.Parts{
		Now:           a.clock.Now,
		Requests:      append(s.requests, a.queues.requests...),
		Decisions:     append(s.decisions, a.queues.decisions...),
		Notifications: a.notify,
		Callbacks:     a.callBack,
		Dispatcher:    a.dispatcher,
		Observer:      a.metrics,
		Tracer:        a.messageTracer(),
		Log:           a.log,
		Refusals:      a.refusals,
		TimeLimit:     messageLimit,
		CloseTimeout:  a.config.Shutdown.Timeout * 3 / 5, // before it, each of the two HTTP servers may take a fifth
	})
	return err
}

// workflowNames returns the names of the workflows of the present configuration.
func (a *App) workflowNames() []string { return sortedNames(a.rules.Load().config.Workflows) }

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
