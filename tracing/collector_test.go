package tracing

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// tripper answers calls without a network, so that they can be in a bubble of testing/synctest.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering returns a client whose calls get these answers in turn, and the times of its calls since now.
func answering(answers ...*httptest.ResponseRecorder) (c *collectorClient, calls *[]time.Duration) {
	began := time.Now()
	calls = &[]time.Duration{}
	return &collectorClient{
		url: "http://collector",
		http: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
			answer := answers[min(len(*calls), len(answers)-1)]
			*calls = append(*calls, time.Since(began))
			return answer.Result(), nil
		})},
	}, calls
}

// answer returns an answer of a collector.
func answer(status int, retryAfter string, body []byte) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", contentType)
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
	return w
}

var oneSpan = []*otlp.ResourceSpans{{ScopeSpans: []*otlp.ScopeSpans{{Spans: []*otlp.Span{{Name: "one"}}}}}}

// The statuses are those of OTLP's specification: 429, 502, 503 and 504 may pass, any other is final.
func TestUploadTries(t *testing.T) {
	t.Parallel()
	taken := answer(http.StatusOK, "", nil)
	for name, tc := range map[string]struct {
		answers []*httptest.ResponseRecorder
		calls   int
		waits   time.Duration // at least
		err     string
	}{
		"taken":                 {answers: []*httptest.ResponseRecorder{taken}, calls: 1},
		"busy, then taken":      {answers: []*httptest.ResponseRecorder{answer(503, "", nil), taken}, calls: 2, waits: firstPause},
		"busy for a time":       {answers: []*httptest.ResponseRecorder{answer(429, "20", nil), taken}, calls: 2, waits: 20 * time.Second},
		"busy all the time":     {answers: []*httptest.ResponseRecorder{answer(502, "", nil)}, calls: 3, waits: 15 * time.Second, err: "502"},
		"busy for too long":     {answers: []*httptest.ResponseRecorder{answer(504, "3600", nil)}, calls: 1, err: "504"},
		"refused":               {answers: []*httptest.ResponseRecorder{answer(401, "", nil), taken}, calls: 1, err: "401"},
		"failed":                {answers: []*httptest.ResponseRecorder{answer(500, "", nil), taken}, calls: 1, err: "500"},
		"another place":         {answers: []*httptest.ResponseRecorder{answer(307, "", nil), taken}, calls: 1, err: "307"},
		"an answer of no sense": {answers: []*httptest.ResponseRecorder{answer(200, "", []byte{0xff, 0xff})}, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, calls := answering(tc.answers...)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // as the SDK's
				defer cancel()
				err := client.UploadTraces(ctx, oneSpan)
				require.Len(t, *calls, tc.calls)
				require.GreaterOrEqual(t, (*calls)[tc.calls-1], tc.waits)
				if tc.err == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, tc.err)
			})
		})
	}
}

// A collector that took only a part of the spans is an error, so that the metric counts them.
func TestPartialSuccess(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		partial *collect.ExportTracePartialSuccess
		err     string
	}{
		"all taken":      {},
		"three rejected": {&collect.ExportTracePartialSuccess{RejectedSpans: 3, ErrorMessage: "odd"}, "rejected 3 spans"},
		"a warning":      {&collect.ExportTracePartialSuccess{ErrorMessage: "odd"}, ""},
	} {
		body, err := proto.Marshal(&collect.ExportTraceServiceResponse{PartialSuccess: tc.partial})
		require.NoError(t, err)
		client, _ := answering(answer(http.StatusOK, "", body))
		err = client.UploadTraces(t.Context(), oneSpan)
		if tc.err == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, tc.err, name)
	}
}

// A collector that does not answer in time may answer the next call; one that cannot be reached costs the spans.
func TestUploadWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err   error
		calls int
	}{
		"too late":    {context.DeadlineExceeded, 3},
		"unreachable": {errors.New("no such host"), 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			client := &collectorClient{
				url: "http://collector",
				http: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
					calls++
					return nil, tc.err
				})},
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			require.ErrorIs(t, client.UploadTraces(ctx, oneSpan), tc.err, name)
			require.Equal(t, tc.calls, calls, name)
		})
	}
}

// The request is that of the collector's service, compressed if OpenTelemetry's variables say so.
func TestUploadRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		all, traces string
		compressed  bool
	}{
		"by default":        {},
		"all signals":       {all: "gzip", compressed: true},
		"traces":            {traces: "gzip", compressed: true},
		"traces come first": {all: "gzip", traces: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", tc.all)
			if tc.traces != "" {
				t.Setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", tc.traces)
			}
			client := &collectorClient{
				url:     "http://collector/v1/traces",
				headers: map[string]string{"x-api-key": "secret"},
				gzip:    compresses(),
				http: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
					require.Equal(t, "secret", r.Header.Get("X-Api-Key"))
					body := io.Reader(r.Body)
					if tc.compressed {
						require.Equal(t, "gzip", r.Header.Get("Content-Encoding"))
						unpacked, err := gzip.NewReader(body)
						require.NoError(t, err)
						body = unpacked
					}
					content, err := io.ReadAll(body)
					require.NoError(t, err)
					var request collect.ExportTraceServiceRequest
					require.NoError(t, proto.Unmarshal(content, &request))
					require.Equal(t, "one", request.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0].GetName())
					return answer(http.StatusOK, "", nil).Result(), nil
				})},
			}
			require.NoError(t, client.UploadTraces(t.Context(), oneSpan))
		})
	}
}
