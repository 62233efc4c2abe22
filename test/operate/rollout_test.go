package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
)

const (
	// rolloutDelay is the shutdown.delay of the workers. It covers the lag of the services.
	rolloutDelay = 12 * time.Second
	// serviceLag is the time after which a service obeys the readiness of a worker.
	serviceLag = time.Second
)

// service forwards connections to the workers that were ready a while ago, in turn. As a Service of Kubernetes does, it
// leaves open connections alone: a client that keeps its connection alive stays with its worker.
type service struct {
	listener net.Listener
	address  func(*worker) string // of the worker that it forwards to

	mu     sync.Mutex
	ready  []*worker
	turn   int
	served map[*worker]int // connections
}

func startService(t *testing.T, address func(*worker) string) *service {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &service{listener: l, address: address, served: map[*worker]int{}}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.forward(c)
		}
	}()
	return s
}

func (s *service) forward(client net.Conn) {
	defer func() { _ = client.Close() }()
	k := s.next()
	if k == nil {
		return
	}
	worker, err := net.Dial("tcp", s.address(k)) //nolint:noctx // of this machine
	if err != nil {
		return
	}
	defer func() { _ = worker.Close() }()
	var copies sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, worker}, {worker, client}} {
		copies.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].(*net.TCPConn).CloseWrite()
		})
	}
	copies.Wait()
}

// next returns the worker whose turn it is, or nil if none is ready.
func (s *service) next() *worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ready) == 0 {
		return nil
	}
	s.turn++
	k := s.ready[s.turn%len(s.ready)]
	s.served[k]++
	return k
}

// add and remove change the workers that the service forwards to.
func (s *service) add(k *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = append(s.ready, k)
}

func (s *service) remove(k *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []*worker
	for _, other := range s.ready {
		if other != k {
			left = append(left, other)
		}
	}
	s.ready = left
}

func (s *service) connections(k *worker) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served[k]
}

// load is the clients of the services. Each keeps its connection alive and repeats nothing. They send slowly: a worker answers
// 503 to a request that a busy machine has taken too long for.
type load struct {
	group sync.WaitGroup
	sent  atomic.Int64

	mu     sync.Mutex
	failed []string
	orders []string // that were accepted
}

// run lets a client send requests one after the other until the context ends. Path and body are for the number of a request.
func (l *load) run(ctx context.Context, s *service, method string, request func(n int64) (path, body, orderID string)) {
	l.group.Go(func() {
		client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
		defer client.CloseIdleConnections()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			path, body, orderID := request(l.sent.Add(1))
			url := "http://" + s.listener.Addr().String() + path
			r, err := http.NewRequest(method, url, strings.NewReader(body)) //nolint:noctx // the client's timeout ends it
			if err == nil {
				r.GetBody = nil // so that the client does not send it again by itself
				r.Header.Set("Authorization", "Bearer "+operatorToken)
				err = l.send(client, r)
			}
			l.mu.Lock()
			if err != nil {
				l.failed = append(l.failed, err.Error())
			} else if orderID != "" {
				l.orders = append(l.orders, orderID)
			}
			l.mu.Unlock()
		}
	})
}

func (l *load) send(client *http.Client, r *http.Request) error {
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %d %s", r.URL.Path, answer.StatusCode, text)
	}
	return nil
}

// A rolling update under load drops no request: two workers on one table are replaced in turn, and every request that the
// clients send meanwhile, at the operator's and at the public address, is answered and stored. The clients keep their
// connections alive and do not repeat anything.
func TestRollingUpdate(t *testing.T) {
	t.Parallel()
	table, err := dynamodbtest.Start(t.Context())
	if errors.Is(err, dynamodbtest.ErrMissing) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = table.Stop() })
	w := newWorld(t)
	w.aws.SQS.CreateQueue("orders")
	require.NoError(t, keys.NewRing(time.Now()).CreateFile(filepath.Join(w.dir, "keys"))) // shared by the workers
	settings := oneWorkflow + fmt.Sprintf("store: {dynamodb: {table: approvals, create: true, endpoint: %q}}\n", table.URL) +
		fmt.Sprintf("shutdown: {delay: %s}\n", rolloutDelay)
	operator := startService(t, func(k *worker) string { return k.operator })
	public := startService(t, func(k *worker) string { return k.public })
	replace := func(old *worker) *worker {
		k := w.start(t, w.config(t, settings))
		operator.add(k)
		public.add(k)
		if old == nil {
			return k
		}
		old.terminate(t)
		await(t, "it is not ready", func() bool {
			status, _ := old.readiness(t)
			return status == http.StatusServiceUnavailable
		})
		stays(t, serviceLag, "", func() bool { return true })
		operator.remove(old)
		public.remove(old)
		require.NoError(t, old.awaitEnd(t))
		return k
	}
	workers := []*worker{replace(nil), replace(nil)}

	var l load
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 4 {
		l.run(ctx, operator, http.MethodPost, func(n int64) (path, body, orderID string) {
			orderID = fmt.Sprint("A-", n)
			return "/v1/requests?workflow=orders", requestBody(orderID, w.aws.StepFunctions.OpenTask(time.Hour, 0)), orderID
		})
		l.run(ctx, public, http.MethodGet, func(int64) (path, body, orderID string) { return "/healthz", "", "" })
	}
	all := append([]*worker{}, workers...)
	for _, old := range workers {
		all = append(all, replace(old))
	}
	await(t, "the new workers serve", func() bool { return operator.connections(all[2]) > 0 && operator.connections(all[3]) > 0 })
	cancel()
	l.group.Wait()

	require.Empty(t, l.failed, "of %d requests", l.sent.Load())
	require.Greater(t, len(l.orders), 50)
	for i, k := range all {
		require.Positive(t, operator.connections(k), "worker %d", i)
		require.Positive(t, public.connections(k), "worker %d", i)
	}
	for _, id := range l.orders {
		require.Len(t, all[3].order(t, id).Approvals, 1, id)
	}
}
