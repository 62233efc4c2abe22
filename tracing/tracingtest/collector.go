// Package tracingtest has an OpenTelemetry collector on loopback for tests: it takes
// OTLP over HTTP and keeps what it got, as spans and as bytes.
package tracingtest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"

	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector is a collector. Its URL is its server's.
type Collector struct {
	*httptest.Server

	mu      sync.Mutex
	spans   []Span
	raw     []byte
	headers []http.Header
	paths   []string
	failing bool
}

// Span is a span as it came.
type Span struct {
	Name, Trace, ID, Parent string
	Links                   []string // IDs of traces
	Attributes              map[string]string
	Failed                  bool
	Error                   string
	Began, Ended            uint64 // Unix nanoseconds
	Service                 string
}

// StartCollector starts a collector; Close ends it.
func StartCollector() *Collector {
	c := &Collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	return c
}

// Fail makes it refuse what comes, or take it again.
func (c *Collector) Fail(failing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failing = failing
}

func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, b...)
	c.headers, c.paths = append(c.headers, r.Header.Clone()), append(c.paths, r.URL.Path)
	var export collect.ExportTraceServiceRequest
	if c.failing || proto.Unmarshal(b, &export) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, resource := range export.GetResourceSpans() {
		service := ""
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, read(s, service))
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func read(s *otlp.Span, service string) Span {
	out := Span{
		Name:       s.GetName(),
		Trace:      hex.EncodeToString(s.GetTraceId()),
		ID:         hex.EncodeToString(s.GetSpanId()),
		Parent:     hex.EncodeToString(s.GetParentSpanId()),
		Attributes: map[string]string{},
		Failed:     s.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR,
		Error:      s.GetStatus().GetMessage(),
		Began:      s.GetStartTimeUnixNano(),
		Ended:      s.GetEndTimeUnixNano(),
		Service:    service,
	}
	for _, a := range s.GetAttributes() {
		out.Attributes[a.GetKey()] = a.GetValue().GetStringValue()
	}
	for _, l := range s.GetLinks() {
		out.Links = append(out.Links, hex.EncodeToString(l.GetTraceId()))
	}
	return out
}

// Of returns the spans of a trace, in the order in which they began.
func (c *Collector) Of(trace string) []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Span
	for _, s := range c.spans {
		if s.Trace == trace {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b Span) int { return int(int64(a.Began) - int64(b.Began)) })
	return out
}

// All returns every span.
func (c *Collector) All() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Got returns all bytes that came, and the headers and paths of each request.
func (c *Collector) Got() (raw []byte, headers []http.Header, paths []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.raw), slices.Clone(c.headers), slices.Clone(c.paths)
}
