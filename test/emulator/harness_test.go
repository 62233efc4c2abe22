package emulator

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// clients has an emulator and AWS's own clients that are connected to it.
type clients struct {
	*testing.T
	*Server
	queues *sqs.Client
	topics *sns.Client
	tasks  *sfn.Client
}

// openClients connects clients to an emulator. They make one attempt a call, because tests count calls.
func openClients(t *testing.T, s *Server, dial func(ctx context.Context, network, address string) (net.Conn, error)) clients {
	t.Helper()
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	cfg := aws.Config{
		Region: Region, Credentials: credentials.NewStaticCredentialsProvider("x", "x", ""), BaseEndpoint: aws.String(s.URL()),
		HTTPClient: &http.Client{Transport: transport}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
	return clients{t, s, sqs.NewFromConfig(cfg), sns.NewFromConfig(cfg), sfn.NewFromConfig(cfg)}
}

// onLoopback starts an emulator on the loopback interface and connects clients to it.
func onLoopback(t *testing.T) clients {
	t.Helper()
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	return openClients(t, s, nil)
}

// inBubble runs a test in a bubble of synctest, with an emulator on connections in memory. The clock is the bubble's, so
// days pass at once and the speed of the machine has no influence.
func inBubble(t *testing.T, test func(clients)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		l := &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		test(openClients(t, startServer(l), l.dial))
	})
}

// memoryListener listens for connections in memory.
type memoryListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
	case <-ctx.Done():
	}
	return nil, net.ErrClosed
}

func (p *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *memoryListener) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *memoryListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// errorCode returns the code of an error of AWS, and "" for any other error.
func errorCode(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// isError reports whether the SDK decoded an error to the type E.
func isError[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// mustReturn returns a function that returns its value, or ends the test on an error.
func mustReturn[V any](t testing.TB) func(V, error) V {
	t.Helper()
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// passTime advances the clock of the bubble.
func (w clients) passTime(d time.Duration) {
	w.Helper()
	waitFor(w.Context(), d)
}
