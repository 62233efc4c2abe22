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
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/link"
	"github.com/approval-relay/approval-relay/metrics"
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
	Level    *slog.LevelVar // of Log; a reload sets it; nil leaves it as it is
	Stdout   io.Writer      // of the log channel
	Version  string
	Revision string
	// Load reads the configuration again, for a reload; nil means that there is nothing to reload.
	Load func() (*config.Config, []config.Finding, error)
	// File is the path of the configuration file, which is watched for changes if WatchInterval is positive.
	File          string
	WatchInterval time.Duration
	// Hangup receives a signal when the configuration is to be reloaded (SIGHUP).
	Hangup <-chan os.Signal
}

// App is the program, wired. The part that the configuration can change while the program runs is in rules.
type App struct {
	options Options
	config  *config.Config // at the start; for everything that needs a restart
	log     *slog.Logger
	store   orderStore
	metrics *metrics.Metrics
	scrape  *prometheus.Registry
	tracer  *tracing.Tracer // nil if nothing is traced
	// lastFailure is the time of the last failed commit of the store, in Unix nanoseconds.
	lastFailure atomic.Int64
	ending      atomic.Bool

	router     *router.Router
	ingress    *api.Ingress
	dispatcher *router.Dispatcher
	sweeper    *router.Sweeper
	aws        *awsClients
	queues     *queues

	transitions *handlers.Transitions
	decider     *handlers.Decider
	ring        *keys.Ring
	links       *link.Links

	reloading sync.Mutex // held by a reload
	limiters  limiters   // used by rules that are being made
	rules     atomic.Pointer[rules]
	watch     *fileWatch
	// providers receives the handler of each new sign-in provider, which is then looked up.
	providers chan *signin.Handler
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
		options:   o,
		config:    c,
		log:       o.Log,
		limiters:  limiters{},
		providers: make(chan *signin.Handler, 1),
	}
	a.watch = newFileWatch(o.File, c)
	if a.ring, err = openKeys(c, o.Log); err != nil {
		return nil, err
	}
	names := metricNames(c)
	if err := a.setUpTracing(ctx, &names); err != nil {
		return nil, err
	}
	a.scrape = prometheus.NewRegistry()
	a.metrics = metrics.New(a.scrape, names)
	a.metrics.RegisterRuntime(o.Version, o.Revision)
	a.metrics.ConfigRead(time.Now(), nil)
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
	if a.queues, err = a.openQueues(ctx); err != nil {
		return nil, err
	}
	first, err := a.makeRules(c, nil)
	if err != nil {
		return nil, err
	}
	a.rules.Store(first)
	return a, a.wireRouter()
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

// wireRouter draws the map of sources and handlers.
func (a *App) wireRouter() (err error) {
	s := a.httpSources(a.config)
	a.router, err = router.New(router.Parts{
		Requests:      append(s.requests, a.queues.requests...),
		Decisions:     append(s.decisions, a.queues.decisions...),
		Notifications: a.notify,
		Callbacks:     a.callBack,
		Dispatcher:    a.dispatcher,
		Observer:      a.metrics,
		Tracer:        a.messageTracer(),
		Log:           a.log,
		TimeLimit:     messageLimit,
		CloseTimeout:  a.config.Shutdown.Timeout * 3 / 5,
	})
	return err
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
