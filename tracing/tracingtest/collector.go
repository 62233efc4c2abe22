// Package tracingtest contains an OpenTelemetry collector on loopback for tests. It receives OTLP over HTTP and keeps
// the spans and the raw bytes.
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

// Collector is an OpenTelemetry collector. Its server has the URL for exporters.
type Collector struct {
	*httptest.Server

	mu      sync.Mutex
	spans   []Span
	raw     []byte
	headers []http.Header
	paths   []string
	failing bool
}

// Span is a received span.
type Span struct {
	Name       string
	Trace      string
	ID         string
	Parent     string
	Links      []string // IDs of traces
	Attributes map[string]string
	Failed     bool
	Error      string
	Began      uint64 // Unix nanoseconds
	Ended      uint64 // Unix nanoseconds
	Service    string
}

// StartCollector starts a collector. Close stops it.
func StartCollector() *Collector {
	c := &Collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.handleExport))
	return c
}

// SetFailing sets whether the collector refuses exports.
func (c *Collector) SetFailing(failing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failing = failing
}

func (c *Collector) handleExport(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, b...)
	c.headers = append(c.headers, r.Header.Clone())
	c.paths = append(c.paths, r.URL.Path)
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
				c.spans = append(c.spans, readSpan(s, service))
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func readSpan(s *otlp.Span, service string) Span {
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

// SpansOf returns the spans of a trace, ordered by their beginning.
func (c *Collector) SpansOf(trace string) []Span {
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

// AllSpans returns every span.
func (c *Collector) AllSpans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Received returns all received bytes, and the headers and the path of each request.
func (c *Collector) Received() (raw []byte, headers []http.Header, paths []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.raw), slices.Clone(c.headers), slices.Clone(c.paths)
}
