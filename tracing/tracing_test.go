package tracing_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/tracing"
	"github.com/approval-relay/approval-relay/tracing/tracingtest"
)

const (
	home   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	theirs = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

	xrayRoot = "5759e988-bd862e3fe1be46a994272793"
)

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// settings returns the settings of a collector at this URL.
func settings(url string, ratio float64) tracing.Settings {
	return tracing.Settings{
		ServiceName: "relay",
		SampleRatio: ratio,
		OTLP:        &tracing.OTLPSettings{Endpoint: url},
	}
}

// openTracer returns a Tracer, its collector, and a function that closes the Tracer and returns its spans.
func openTracer(t *testing.T, ratio float64) (*tracing.Tracer, *tracingtest.Collector, func() []tracingtest.Span) {
	t.Helper()
	c := tracingtest.StartCollector()
	t.Cleanup(c.Close)
	tracer, err := tracing.New(t.Context(), tracing.Config{
		Settings: settings(c.URL, ratio),
		Version:  "1",
		ObserveExport: func(_ int, err error) {
			if err != nil {
				t.Errorf("export: %v", err)
			}
		},
	})
	require.NoError(t, err)
	return tracer, c, func() []tracingtest.Span {
		require.NoError(t, tracer.Close(context.WithoutCancel(t.Context())))
		return c.AllSpans()
	}
}

func TestContinueTrace(t *testing.T) {
	t.Parallel()
	none, _, _ := openTracer(t, 0)
	all, _, _ := openTracer(t, 1)
	for name, tc := range map[string]struct{ traceparent, xray, want, wantAll string }{
		"nothing":                {},
		"W3C":                    {traceparent: home, want: home},
		"W3C, not sampled":       {traceparent: home[:53] + "00", want: home[:53] + "00"},
		"W3C of a later version": {traceparent: "01" + home[2:] + "-more", want: home},
		"W3C first":              {traceparent: home, xray: "Root=1-" + xrayRoot + ";Parent=53995c3f42cd8ad8", want: home},
		// The examples of AWS's own documentation, with the additions of Lambda.
		"X-Ray": {
			xray: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
			want: "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
		},
		"X-Ray, not sampled": {
			xray: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=25:a87bd80c:1",
			want: "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00",
		},
		"X-Ray, sampling left to us": {
			xray:    "Self=1-67891234-12456789abcdef012345678; Root=1-" + xrayRoot + "; Parent=53995c3f42cd8ad8; Sampled=?",
			want:    "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00",
			wantAll: "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
		},
		"X-Ray without a parent":   {xray: "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"},
		"X-Ray of another version": {xray: "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8"},
		"X-Ray cut off":            {xray: "Root=1-5759e988-bd862e3fe1be46a99427279;Parent=53995c3f42cd8ad8"},
		"X-Ray, other digits":      {xray: "Root=1-5759e988-bd862e3fe1be46a99427279g;Parent=53995c3f42cd8ad8"},
		"neither":                  {traceparent: "x", xray: strings.Repeat(";=", 1000)},
		"invalid W3C, then X-Ray": {
			traceparent: "00-0-0-0",
			xray:        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
			want:        "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
		},
	} {
		require.Equal(t, tc.want, none.TraceParent(none.ContinueTrace(t.Context(), tc.traceparent, tc.xray)), name)
		if tc.wantAll == "" {
			tc.wantAll = tc.want
		}
		require.Equal(t, tc.wantAll, all.TraceParent(all.ContinueTrace(t.Context(), tc.traceparent, tc.xray)), name)
	}
}

// The origin of a trace decides about sampling. The ratio applies only to traces that begin here.
func TestSampling(t *testing.T) {
	t.Parallel()
	tracer, _, spans := openTracer(t, 0)
	ctx, end := tracer.StartSpan(t.Context(), "ours")
	require.Len(t, tracer.TraceParent(ctx), 55, "later spans elsewhere must know that it is not sampled")
	require.Empty(t, tracer.SampledTraceID(ctx), "an exemplar would lead nowhere")
	end(nil)
	ctx, end = tracer.StartSpan(tracer.ContinueTrace(t.Context(), home, ""), "theirs")
	require.Equal(t, home[3:35], tracer.SampledTraceID(ctx))
	end(errors.New("odd"))
	got := spans()
	require.Len(t, got, 1)
	require.Equal(t, "theirs", got[0].Name)
	require.Equal(t, home[36:52], got[0].Parent)
	require.True(t, got[0].Failed)
}

func TestRecordTransition(t *testing.T) {
	t.Parallel()
	decided := []approval.Event{
		{
			Kind:          approval.EventDecisionReceived,
			Approval:      "a",
			Trace:         home,
			DecisionTrace: theirs,
			Via:           approval.ViaAPI,
			Note:          "the note",
			By:            "ann@example.com",
		},
		{Kind: approval.EventDecided, Approval: "a", Trace: home, Workflow: "w"},
	}
	linked := []string{theirs[3:35]}
	waiting := []approval.Event{{Kind: approval.EventDecisionReceived, DecisionTrace: theirs}}
	routine := []approval.Event{
		{Kind: approval.EventHeartbeat, Trace: home},
		{Kind: approval.EventTokenErased, Trace: home},
	}
	superseded := []approval.Event{
		{Kind: approval.EventSuperseded, Trace: theirs},
		{Kind: approval.EventRequested, Trace: home},
	}
	for name, tc := range map[string]struct {
		in     string // the trace of the context
		events []approval.Event
		err    error
		want   string // the span's name; empty for none
		trace  string // and traceparent of its parent
		links  []string
	}{
		"by the clock":                    {events: decided[1:], want: "order.decided", trace: home},
		"by a decision in a trace":        {in: theirs, events: decided, want: "order.decision", trace: home, links: linked},
		"in its own trace":                {in: home, events: decided[1:], want: "order.decided", trace: home},
		"a message of another trace":      {in: theirs, events: decided[1:], want: "order.decided", trace: home, links: linked},
		"a decision that waits":           {in: theirs, events: waiting, want: "order.decision", trace: theirs},
		"a decision that waits, untraced": {events: []approval.Event{{Kind: approval.EventDecisionReceived}}},
		"an approval that was not traced": {events: []approval.Event{{Kind: approval.EventDecided, Approval: "a"}}},
		"not stored":                      {in: home, events: decided, err: errors.New("odd"), want: "order.update", trace: home},
		"not stored, untraced":            {events: decided, err: errors.New("odd")},
		"no event":                        {in: home},
		"no notable event":                {in: home, events: routine},
		"an approval was superseded":      {in: home, events: superseded, want: "order.superseded", trace: home},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, c, spans := openTracer(t, 1)
			ctx := tracer.RecordTransition(tracer.ContinueTrace(t.Context(), tc.in, ""), "o-1", began, tc.events, tc.err)
			got := spans()
			if tc.want == "" {
				require.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			s := got[0]
			require.Equal(t, tc.want, s.Name)
			require.Equal(t, tc.trace[3:35], s.Trace)
			require.Equal(t, tc.trace[36:52], s.Parent)
			require.Equal(t, tc.links, s.Links)
			require.Equal(t, uint64(began.UnixNano()), s.Began)
			require.Equal(t, "o-1", s.Attributes["order_id"])
			require.Equal(t, tc.err != nil, s.Failed)
			require.Equal(t, s.Trace, tracer.SampledTraceID(ctx))
			raw, _, _ := c.Received()
			require.NotContains(t, string(raw), "ann@example.com")
			require.NotContains(t, string(raw), "the note")
		})
	}
}

func TestLogHandler(t *testing.T) {
	t.Parallel()
	tracer, _, _ := openTracer(t, 1)
	var out bytes.Buffer
	log := slog.New(tracing.NewLogHandler(slog.NewTextHandler(&out, nil))).With("a", 1).WithGroup("g")
	log.InfoContext(t.Context(), "outside")
	require.NotContains(t, out.String(), "trace_id")
	log.InfoContext(tracer.ContinueTrace(t.Context(), home, ""), "inside")
	require.Contains(t, out.String(), "trace_id="+home[3:35])
	require.Contains(t, out.String(), "a=1")
}

// A collector that does not answer does not delay Close beyond its context.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hangs.Close()
	defer close(release)
	tracer, err := tracing.New(t.Context(), tracing.Config{
		Settings:      settings(hangs.URL, 1),
		ObserveExport: func(int, error) {},
	})
	require.NoError(t, err)
	_, end := tracer.StartSpan(t.Context(), "one")
	end(nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, tracer.Close(ctx), context.DeadlineExceeded)
}

func TestNew(t *testing.T) {
	t.Parallel()
	_, err := tracing.New(t.Context(), tracing.Config{Settings: settings("http://user:secret@\x00", 1)})
	require.ErrorContains(t, err, "endpoint is not a URL")
	require.NotContains(t, err.Error(), "secret")
}
