package tracing

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/approval-relay/approval-relay/outbound"
)

// contentType is that of OTLP's requests and answers.
const contentType = "application/x-protobuf"

// Bounds of a call to the collector. In the meantime spans wait in a queue; a full queue drops spans, and approvals never
// wait for it.
const (
	callTimeout = 10 * time.Second
	maxAnswer   = 64 << 10 // bytes of the collector's answer that are read
)

// The pauses between the tries of an export: 5 s, 10 s, and so on, each with up to half of it more. The SDK ends an export
// after 30 seconds.
const firstPause = 5 * time.Second

// collectorClient sends spans to a collector by OTLP over HTTP. OpenTelemetry's own client brings gRPC along, which nothing
// here calls: 2 MB of the program.
type collectorClient struct {
	url     string
	headers map[string]string
	gzip    bool
	http    *http.Client
}

// newExporter returns an exporter to the collector. It does not follow redirects, because its headers may be secret.
func newExporter(ctx context.Context, collector *OTLPSettings) (sdktrace.SpanExporter, error) {
	endpoint, err := url.Parse(collector.Endpoint)
	if err != nil {
		return nil, errors.New("tracing: the endpoint is not a URL") // the error itself would quote the endpoint
	}
	if endpoint.Path == "" || endpoint.Path == "/" {
		endpoint.Path = "/v1/traces"
	}
	exporter, err := otlptrace.New(ctx, &collectorClient{
		url:     endpoint.String(),
		headers: collector.headerTexts(),
		gzip:    compresses(),
		http: &http.Client{
			Timeout:       callTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	if err != nil {
		return nil, fmt.Errorf("tracing: set up the exporter: %w", err)
	}
	return exporter, nil
}

// compresses reports whether the environment requests compression, by OpenTelemetry's own variables.
func compresses() bool {
	compression := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"), os.Getenv("OTEL_EXPORTER_OTLP_COMPRESSION"))
	return compression == "gzip"
}

// Start implements otlptrace.Client.
func (c *collectorClient) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client. The context of a running export ends the export.
func (c *collectorClient) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. It tries again while the collector says that it is busy and the context lasts.
func (c *collectorClient) UploadTraces(ctx context.Context, spans []*otlp.ResourceSpans) error {
	// TracesData has the same form as the request of the collector's service, whose package imports gRPC.
	body, err := proto.Marshal(&otlp.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	if c.gzip {
		body = compress(body)
	}
	for pause := firstPause; ; pause *= 2 {
		again, after, err := c.send(ctx, body)
		if !again {
			return err
		}
		jitter := rand.N(pause / 2) //nolint:gosec // this spreads calls, and protects nothing
		select {
		case <-time.After(max(after, pause+jitter)):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// compress returns the body as gzip.
func compress(body []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(body) // a buffer takes all
	_ = w.Close()
	return out.Bytes()
}

// send makes one call. It reports whether another may succeed, and after which pause if the collector says so.
func (c *collectorClient) send(ctx context.Context, body []byte) (again bool, after time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, 0, fmt.Errorf("prepare the export: %w", err)
	}
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", contentType)
	if c.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return isTimeout(err) && ctx.Err() == nil, 0, fmt.Errorf("call the collector: %w", err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch code := answer.StatusCode; code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, outbound.RetryAfter(answer.Header, time.Now()), fmt.Errorf("the collector answered %d", code)
	default:
		if code/100 != 2 {
			return false, 0, fmt.Errorf("the collector answered %d", code)
		}
	}
	if err != nil {
		return false, 0, fmt.Errorf("read the collector's answer: %w", err)
	}
	if answer.Header.Get("Content-Type") != contentType {
		return false, 0, nil
	}
	return false, 0, judgeAnswer(content)
}

// isTimeout reports whether a call ended because it took too long.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// judgeAnswer returns an error if the collector took only a part of the spans: the first field of its answer is
// partial_success, whose first field is the number of rejected spans.
func judgeAnswer(answer []byte) error {
	partial, _ := protowire.ConsumeBytes(firstField(answer))
	if rejected, _ := protowire.ConsumeVarint(firstField(partial)); rejected != 0 {
		return fmt.Errorf("the collector rejected %d spans", rejected)
	}
	return nil
}

// firstField returns the value of field 1 of a message of protobuf. It is nil if the field is missing, or the message is
// malformed.
func firstField(message []byte) []byte {
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return nil
		}
		value := protowire.ConsumeFieldValue(number, kind, message[tag:])
		if value < 0 {
			return nil
		}
		if number == 1 {
			return message[tag : tag+value]
		}
		message = message[tag+value:]
	}
	return nil
}
