// Package metrics has every series of the program. Each file has a subject: its series with their help texts, and the
// methods that count. Callers name an event and never a label. The values of all labels are bounded and exist at 0
// from the start, so that an alert sees the first event of a kind.
package metrics

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Config names the configured parts of the program, so that their series exist before the first event. A name that is
// missing here is counted as "other".
type Config struct {
	Workflows []string
	// Groups are the groups of approvers that each workflow names.
	Groups   map[string][]string
	Channels []string
	Targets  []string
	// Sources are the sources of decisions.
	Sources []string
	// Handlers are the handlers of the router, except those of the in-process topics.
	Handlers []string
	// RefusingSources are the ways in whose refusals are counted.
	RefusingSources []string
	// Queues are the SQS queues, by their configured names.
	Queues []string
	// Routes are the patterns of http.ServeMux.
	Routes []string
	// AWSOperations are the operations of AWS that the program calls, such as SQS.ReceiveMessage.
	AWSOperations []string

	// Histograms are the kinds of buckets that histograms have; "" is both.
	Histograms Histograms

	// TraceID returns the ID of the sampled trace that a context is in, or "". It becomes the exemplar of an
	// observation. TraceID is nil if tracing is off.
	TraceID func(context.Context) string
}

// Metrics has every series of the program. Its methods are the events that can be counted.
type Metrics struct {
	builder *builder
	config  Config

	approvals     approvalSeries
	decisions     decisionSeries
	notifications notificationSeries
	callbacks     callbackSeries
	work          workSeries
	store         storeSeries
	table         tableSeries
	http          httpSeries
	aws           awsSeries
	connections   connectionSeries
	spans         counter
	sqs           sqsSeries
	reload        reloadSeries
	refused       counter
	inbound       inboundSeries
	paused        gauge
	groups        atomic.Pointer[map[string][]string] // by workflow
	pausedNow     atomic.Pointer[map[string]bool]     // by workflow
}

// New registers every series, with every configured label value at 0. The series that are read from the store are
// registered by WatchStore. New panics if the registry already has a series of the same name.
func New(registerer prometheus.Registerer, config Config) *Metrics {
	b := &builder{registerer: registerer, histograms: config.Histograms}
	m := &Metrics{
		builder:       b,
		config:        config,
		approvals:     newApprovalSeries(b, config),
		decisions:     newDecisionSeries(b, config),
		notifications: newNotificationSeries(b, config),
		callbacks:     newCallbackSeries(b, config),
		work:          newWorkSeries(b, config),
		store:         newStoreSeries(b),
		table:         newTableSeries(b),
		http:          newHTTPSeries(b, config),
		aws:           newAWSSeries(b, config),
		connections:   newConnectionSeries(b, config),
		spans:         newSpanCounter(b),
		sqs:           newSQSSeries(b, config),
		reload:        newReloadSeries(b),
		inbound:       newInboundSeries(b),
		paused:        newPausedSeries(b, config),
		refused:       newRefusalCounter(b, config),
	}
	m.setGroups(config)
	return m
}

// traceID returns the ID of the sampled trace that the context is in, or "".
func (m *Metrics) traceID(ctx context.Context) string {
	if m.config.TraceID == nil {
		return ""
	}
	return m.config.TraceID(ctx)
}
