package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/app"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/link"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/dynamodb"
	"github.com/approval-relay/approval-relay/store/memory"
	"github.com/approval-relay/approval-relay/store/sqlite"
	"github.com/approval-relay/approval-relay/tracing"
	"github.com/approval-relay/approval-relay/web"
)

// Times that no configuration needs to change.
const (
	// actionLease is how long this process has for an action. It bounds how long a
	// SIGKILL delays an answer, and is longer than callTimeout and recording take.
	actionLease = 30 * time.Second
	// callTimeout bounds one callback or notification: an endpoint that accepts the
	// connection and then says nothing.
	callTimeout = 10 * time.Second
	// messageLimit bounds the handling of one message: a store that hangs.
	messageLimit = 30 * time.Second
	// perOutput bounds the actions under way for one channel or target.
	perOutput = 128
	// perHost bounds the callbacks under way to one host of callback URLs: several may
	// hang before a target has no room for the rest.
	perHost = 32
	// sweepEvery is how late a deadline is noticed at the most.
	sweepEvery = 500 * time.Millisecond
	sweepBatch = 256
	sweepLease = 2 * time.Second
)

// relay is the program, wired.
type relay struct {
	config  *Config
	log     *slog.Logger
	store   orders
	metrics *metrics.Metrics
	tracer  *tracing.Tracer // nil where nothing is traced
	failed  atomic.Int64    // when a commit of the store last did, Unix nanoseconds

	router     *message.Router
	ingress    *api.Ingress
	dispatcher *router.Dispatcher
	sweeper    *router.Sweeper
	http       *api.Endpoints
	aws        *clouds
	depths     map[string]depth // of the queues, by source

	transitions *handlers.Transitions
	decider     *handlers.Decider
	ring        *keys.Ring
	links       *link.Links
	redriver    *handlers.Redriver
	slack       *slack.Interactions // nil where nothing is pressed
	signIn      *signin.Handler     // nil if approvers cannot sign in
}

// orders is a store as the program uses it.
type orders interface {
	store.Store
	store.DeadLetters
	io.Closer
}

// build wires the program. Nothing runs yet, but the store is open.
func build(ctx context.Context, c *Config, log *slog.Logger, stdout io.Writer) (_ *relay, err error) {
	r := &relay{config: c, log: log, depths: map[string]depth{}}
	ring, err := openKeys(c, log)
	if err != nil {
		return nil, err
	}
	names := metricNames(c)
	if err := r.trace(ctx, &names); err != nil {
		return nil, err
	}
	reg := prometheus.NewRegistry()
	r.metrics = metrics.New(reg, names)
	r.metrics.Runtime(version, revision())
	r.aws = newClouds(ctx, c.AWS, r.metrics)
	if r.store, err = r.openStore(ctx, ring); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.store.Close())
		}
	}()
	r.metrics.WatchStore(r.store.Stats)
	kept := timed{r.store, r.metrics}
	base, err := url.Parse(c.Public.URL)
	if err != nil {
		return nil, err
	}
	r.links, r.ring = link.NewLinks(ring, base), ring
	r.ingress = api.NewIngress()
	r.dispatcher = router.NewDispatcher(perOutput, r.metrics, r.log)
	r.transitions = &handlers.Transitions{
		Orders:   kept,
		Dispatch: r.dispatcher,
		Observer: r.metrics,
		Tracer:   r.spans(),
		Log:      r.log,
		Now:      time.Now,
		Lease:    actionLease,
	}
	r.decider = &handlers.Decider{
		Transitions: r.transitions, Keep: approval.UnmatchedRetention{WaitFor: c.Unmatched.TTL, ShowExpiredFor: c.Unmatched.Retention},
	}
	r.sweeper = &router.Sweeper{
		Orders:      kept,
		Transitions: r.transitions,
		Observer:    r.metrics,
		Log:         r.log,
		Every:       sweepEvery,
		Batch:       sweepBatch,
		Lease:       sweepLease,
	}
	if lister, ok := r.store.(store.OrphanLister); ok {
		r.sweeper.Orphans = lister.ListDueBy
	}
	if err := r.wireRouter(ctx, stdout); err != nil {
		return nil, err
	}
	return r, r.wireHTTP(reg)
}

// wireRouter makes the sources and the outputs, and draws the map.
func (r *relay) wireRouter(ctx context.Context, stdout io.Writer) error {
	targets, urls, err := r.targets()
	if err != nil {
		return err
	}
	channels, err := r.channels(stdout)
	if err != nil {
		return err
	}
	if r.slack, err = r.interactions(channels); err != nil {
		return err
	}
	s, err := r.sources(ctx, urls)
	if err != nil {
		return err
	}
	r.redriver = &handlers.Redriver{
		Transitions: r.transitions,
		Orders:      r.store,
		DeadLetters: r.store,
		Queues:      s.queues,
		Handlers:    map[string]message.NoPublishHandlerFunc{},
	}
	for _, source := range slices.Concat(s.requests, s.decisions) {
		r.redriver.Handlers[source.Name] = source.Handle
	}
	r.router, err = router.New(router.Parts{
		Requests:  s.requests,
		Decisions: s.decisions,
		Notifications: &handlers.Notification{
			Transitions: r.transitions,
			Channels:    channels,
			Links:       r.links,
			Timeout:     callTimeout,
		},
		Callbacks:    &handlers.Callback{Transitions: r.transitions, Targets: targets, Timeout: callTimeout},
		Dispatcher:   r.dispatcher,
		Observer:     r.metrics,
		Tracer:       r.messageSpans(),
		Log:          r.log,
		TimeLimit:    messageLimit,
		CloseTimeout: r.config.Shutdown.Timeout * 3 / 5,
	})
	return err
}

// wireHTTP makes the routes.
func (r *relay) wireHTTP(reg *prometheus.Registry) error {
	program, operator, err := credentials(r.config)
	if err != nil {
		return err
	}
	ways, err := r.ways()
	if err != nil {
		return err
	}
	base, err := url.Parse(r.config.Public.URL)
	if err != nil {
		return err
	}
	pages := web.Config{
		Links:   r.links,
		Orders:  r.store,
		Decider: r.decider,
		Origin:  base.Scheme + "://" + base.Host,
		Now:     time.Now,
		Log:     r.log,
		Observe: func(e web.Event) { r.metrics.Page(string(e)) },
	}
	if r.config.Public.OIDC != nil {
		if r.signIn, err = r.config.signIn(r.ring, r.log); err != nil {
			return err
		}
		pages.Sessions = r.signIn
	}
	page, err := web.New(pages)
	if err != nil {
		return err
	}
	people, err := r.console()
	if err != nil {
		return err
	}
	r.http = &api.Endpoints{
		Ingress:       r.ingress,
		DecisionPage:  page,
		Webhooks:      ways,
		Workflows:     sorted(r.config.Workflows),
		ProgramToken:  program,
		OperatorToken: operator,
		Metrics:       promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg, EnableOpenMetrics: true}),
		OpenMetrics:   r.config.Operator.OpenMetrics,
		OperatorAPI: &api.OperatorAPI{
			Orders:      r.store,
			Lister:      timed{r.store, r.metrics},
			Decider:     r.decider,
			DeadLetters: r.store,
			Redriver:    r.redriver,
		},
		ConsolePages: people,
		Observe:      r.metrics.HTTP,
	}
	if r.signIn != nil {
		r.signIn.ShowMessage = page.ShowMessage
		r.http.SignIn = r.signIn
	}
	if r.slack != nil {
		r.http.SlackInteractions = r.slack
	}
	return nil
}

// signIn returns the handler that signs approvers in.
func (c *Config) signIn(ring signin.MAC, log *slog.Logger) (*signin.Handler, error) {
	base, err := url.Parse(c.Public.URL)
	if err != nil {
		return nil, err
	}
	o := c.Public.OIDC
	return signin.New(signin.Config{
		Issuer:       o.Issuer,
		ClientID:     o.ClientID,
		ClientSecret: o.ClientSecret,
		Claim:        o.Claim,
		Base:         base,
		MAC:          ring,
		Now:          time.Now,
		Log:          log,
	})
}

// openStore opens the store that the configuration names.
func (r *relay) openStore(ctx context.Context, sealer store.Sealer) (orders, error) {
	if r.config.Store.Memory {
		r.log.Warn("orders are kept in memory only")
		return memory.New(), nil
	}
	observe := func(updates int, took time.Duration, err error) {
		if r.metrics.Committed(updates, took, err); err != nil {
			r.failed.Store(time.Now().UnixNano())
		}
	}
	if d := r.config.Store.DynamoDB; d != nil {
		cfg, err := r.aws.at(awsPlace{region: d.Region, endpoint: cmp.Or(d.Endpoint, r.config.AWS.Endpoint)})
		if err != nil {
			return nil, err
		}
		return opened(dynamodb.Open(ctx, dynamodb.Config{
			AWS:     cfg,
			Table:   d.Table,
			Create:  d.Create,
			Sealer:  sealer,
			Observe: func(c dynamodb.Commit) { observe(1, c.Took, c.Err) },
		}))
	}
	return opened(sqlite.Open(ctx, sqlite.Config{
		Path: r.config.Store.SQLite, Sealer: sealer, Observe: func(c sqlite.Commit) { observe(c.Updates, c.Took, c.Err) },
	}))
}

// opened is a store, or nil beside an error: never a nil of its type.
func opened[S orders](s S, err error) (orders, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// metricNames lists the label values that the configuration gives.
func metricNames(c *Config) metrics.Config {
	n := metrics.Config{
		Workflows: sorted(c.Workflows), Channels: sorted(c.Channels), Targets: sorted(c.Targets),
		Sources: slices.Concat([]string{"api", "link", "sso", "operator", slack.Source}, sorted(c.Decisions), sorted(c.Webhooks)),
		Routes:  api.Routes(), Handlers: []string{decisionName("api")},
		AWSOperations: app.AWSOperations(),
	}
	for name, w := range c.Workflows {
		n.Handlers = append(n.Handlers, requestName(name), requestName(name)+httpSuffix)
		if w.Requests.SQS != nil {
			n.Queues = append(n.Queues, requestName(name))
		}
	}
	for name := range c.Decisions {
		n.Handlers = append(n.Handlers, decisionName(name))
		n.Queues = append(n.Queues, decisionName(name))
	}
	for name := range c.Webhooks {
		n.Handlers = append(n.Handlers, decisionName(name))
	}
	return n
}

// names of sources, as metrics, logs and dead letters have them.
func requestName(workflow string) string { return "request-" + workflow }
func decisionName(source string) string  { return "decision-" + source }

// httpSuffix tells the HTTP way in from the queue of the same workflow.
const httpSuffix = "-http"

var _ http.Handler = (*web.Page)(nil)

var _ store.Sealer = (*keys.Ring)(nil)
