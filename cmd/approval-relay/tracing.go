package main

import (
	"context"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/tracing"
)

// TracingConfig says what is traced, and where to.
type TracingConfig struct {
	SampleRatio float64     `yaml:"sample_ratio" doc:"of the traces that begin here, how many are sampled, from 0 to 1; of one that a request brings along, it was decided where it began"`
	ServiceName string      `yaml:"service_name" doc:"service.name of the spans"`
	OTLP        *OTLPConfig `yaml:"otlp" doc:"the OpenTelemetry collector; without it nothing is traced"`
}

// OTLPConfig is an OpenTelemetry collector, reached by OTLP over HTTP.
type OTLPConfig struct {
	Endpoint string                 `yaml:"endpoint" doc:"URL, such as http://collector:4318; without a path it is /v1/traces"`
	Headers  map[string]secret.Text `yaml:"headers" doc:"headers of every export, such as a collector's credential"`
}

func (c TracingConfig) validate(l *loading, at string) {
	if math.IsNaN(c.SampleRatio) || c.SampleRatio < 0 || c.SampleRatio > 1 {
		l.fault(at+".sample_ratio", "is %v, must be 0 to 1", c.SampleRatio)
	}
	if c.ServiceName == "" {
		l.fault(at+".service_name", "is empty")
	}
	if c.OTLP == nil {
		return
	}
	baseURL(l, at+".otlp.endpoint", c.OTLP.Endpoint)
	for _, name := range sorted(c.OTLP.Headers) {
		switch value := c.OTLP.Headers[name].Reveal(); {
		case !headerName.MatchString(name):
			l.fault(at+".otlp.headers."+name, "is no name of a header")
		case value == "" || !headerValue.MatchString(value):
			l.fault(at+".otlp.headers."+name, "is empty, or has what no header can have")
		}
	}
}

// trace sets up tracing, if it is configured: before everything else, because what
// is logged and counted says which trace it is in.
func (r *relay) trace(ctx context.Context, names *metrics.Config) error {
	c := r.config.Tracing
	if c.OTLP == nil {
		return nil
	}
	log := r.log
	var failing atomic.Bool
	tracer, err := tracing.New(ctx, tracing.Config{
		Endpoint: c.OTLP.Endpoint,
		Headers:  revealed(c.OTLP.Headers),
		Service:  c.ServiceName,
		Version:  version,
		Ratio:    c.SampleRatio,
		ObserveExport: func(spans int, err error) {
			r.metrics.Exported(spans, err)
			if before := failing.Swap(err != nil); before != (err != nil) { // said once, and when it is over
				log.Log(context.Background(), level(err), "export of spans", "works", err == nil) // the error has the URL and what the collector said
			}
		},
	})
	if err != nil {
		return err
	}
	r.tracer, names.TraceID = tracer, tracer.SampledTraceID
	r.log = slog.New(tracing.NewLogHandler(log.Handler()))
	return nil
}

func level(err error) slog.Level {
	if err != nil {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// spans and messageSpans are nil interfaces where nothing is traced.
func (r *relay) spans() handlers.Tracer {
	if r.tracer == nil {
		return nil
	}
	return r.tracer
}

func (r *relay) messageSpans() router.Tracer {
	if r.tracer == nil {
		return nil
	}
	return r.tracer
}

// flush sends the last spans, by the time that the program must have ended.
func (r *relay) flush(by time.Time) {
	if r.tracer == nil {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), by)
	defer cancel()
	if r.tracer.Close(ctx) != nil {
		r.log.Warn("the last spans were not sent in time")
	}
}

func revealed(secrets map[string]secret.Text) map[string]string {
	out := map[string]string{}
	for name, s := range secrets {
		out[name] = s.Reveal()
	}
	return out
}
