package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/tracing"
)

// setUpTracing sets up tracing, if it is configured. It comes before everything else, because log lines and metrics carry
// the trace that they belong to.
func (a *App) setUpTracing(ctx context.Context, names *metrics.Config) error {
	c := a.config.Tracing
	if c.OTLP == nil {
		return nil
	}
	log := a.log
	var failing atomic.Bool
	tracer, err := tracing.New(ctx, tracing.Config{
		Settings: c,
		Version:  a.options.Version,
		ObserveExport: func(spans int, err error) {
			a.metrics.SpansExported(spans, err)
			// A change is logged, without the error: it has the URL, and the answer of the collector.
			if before := failing.Swap(err != nil); before != (err != nil) {
				log.Log(context.Background(), levelOf(err), "export of spans", "works", err == nil)
			}
		},
	})
	if err != nil {
		return err
	}
	a.tracer, names.TraceID = tracer, tracer.SampledTraceID
	a.log = slog.New(tracing.NewLogHandler(log.Handler()))
	return nil
}

// levelOf returns the log level of a change of state.
func levelOf(err error) slog.Level {
	if err != nil {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// handlerTracer returns the tracer of handlers, or a nil interface if nothing is traced.
func (a *App) handlerTracer() handlers.Tracer {
	if a.tracer == nil {
		return nil
	}
	return a.tracer
}

// messageTracer returns the tracer of messages, or a nil interface if nothing is traced.
func (a *App) messageTracer() router.Tracer {
	if a.tracer == nil {
		return nil
	}
	return a.tracer
}

// flushSpans sends the last spans, until the time at which the program must have ended.
func (a *App) flushSpans(until time.Time) {
	if a.tracer == nil {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	if a.tracer.Close(ctx) != nil {
		a.log.Warn("the last spans were not sent in time")
	}
}
