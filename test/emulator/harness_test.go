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

// world is an emulator and the real clients of it.
type world struct {
	*testing.T
	*Server
	queues *sqs.Client
	topics *sns.Client
	tasks  *sfn.Client
}

// open returns the clients of an emulator. They try once: a test counts calls.
func open(t *testing.T, s *Server, dial func(ctx context.Context, network, address string) (net.Conn, error)) world {
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
	return world{t, s, sqs.NewFromConfig(cfg), sns.NewFromConfig(cfg), sfn.NewFromConfig(cfg)}
}

// loopback is a world on the loopback interface.
func loopback(t *testing.T) world {
	t.Helper()
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	return open(t, s, nil)
}

// timeless runs a test in a world of its own, on connections in memory, where the
// clock is the bubble's: days pass at once, and nothing is a question of speed.
func timeless(t *testing.T, test func(world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		test(open(t, startServer(l), l.dial))
	})
}

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
	case <-ctx.Done():
	}
	return nil, net.ErrClosed
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// code returns the code of an error of AWS, "" of any other.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// is says whether the SDK decoded an error to this type.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// must ends the test on an error.
func must[V any](t testing.TB) func(V, error) V {
	t.Helper()
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// sleep lets the bubble's clock pass.
func (w world) sleep(d time.Duration) {
	w.Helper()
	waitFor(w.Context(), d)
}
