package dynamodb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// openThrough returns a store on a new table. Its requests pass through f.
func openThrough(t *testing.T, c Config, f roundTripper) *Store {
	t.Helper()
	if server != nil {
		c.AWS = server.Config()
	}
	c.AWS.HTTPClient = &http.Client{Transport: f}
	return open(t, c)
}

type faultsKey struct{}

// faulty is a context in which each call needs three attempts: the first is not sent, the answer of the second is lost,
// and the third is answered.
func faulty(ctx context.Context) context.Context {
	return context.WithValue(ctx, faultsKey{}, &atomic.Int64{})
}

var errBroken = errors.New("the connection broke")

// twice makes the calls fail in a faulty context.
func twice(r *http.Request) (*http.Response, error) {
	n, ok := r.Context().Value(faultsKey{}).(*atomic.Int64)
	if !ok {
		return http.DefaultTransport.RoundTrip(r)
	}
	at := n.Add(1) % 3
	if at == 1 {
		return nil, errBroken
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && at == 2 {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return nil, errBroken
	}
	return resp, err
}

// TestEachCallFailsTwice runs all operations on an order and on a dead letter in a faulty context. Each operation takes
// effect once, and is counted once.
func TestEachCallFailsTwice(t *testing.T) {
	t.Parallel()
	s := openThrough(t, Config{}, twice)
	ctx := faulty(t.Context())
	pending := func(want int) {
		t.Helper()
		stats, err := s.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, stats.Workflows["payments"].Pending)
	}
	require.NoError(t, s.Update(ctx, "o", addRequest))
	pending(1)
	for i := range 3 {
		require.NoError(t, s.Update(ctx, "o", func(o *approval.Order) error {
			assert.Equal(t, i+1, addVote(o))
			return nil
		}))
	}
	pending(1)
	o, err := s.Get(t.Context(), "o")
	require.NoError(t, err)
	require.Len(t, o.Approvals[0].Votes, 3)
	require.Equal(t, tokenOf("o"), o.Approvals[0].Token.Reveal())

	require.NoError(t, s.Update(ctx, "o", removeOrder))
	pending(0)
	_, err = s.Get(t.Context(), "o")
	require.ErrorIs(t, err, approval.ErrNotFound)

	id, err := s.PutDeadLetter(ctx, store.DeadLetter{Source: "s", Body: []byte("b"), At: startTime})
	require.NoError(t, err)
	letters, err := s.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, letters, 1)
	require.NoError(t, s.DeleteDeadLetter(ctx, id), "an error would lose it")
	require.ErrorIs(t, s.DeleteDeadLetter(ctx, id), approval.ErrNotFound)
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Zero(t, stats.DeadLetters)
}

// TestProcessesRace updates the same orders through two stores on the same table, in a faulty context. Every
// acknowledged update is stored and counted once.
func TestProcessesRace(t *testing.T) {
	t.Parallel()
	c := Config{Settings: Settings{Table: newTable(), Create: true}, Sealer: keys.NewRing(time.Now())}
	stores := []*Store{openThrough(t, c, twice), openThrough(t, c, twice)}
	const orders, each = 3, 12
	var mu sync.Mutex
	counts := map[string]map[int]bool{}
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for i := range each {
				id := fmt.Sprint("o", (i+w)%orders)
				var votes int
				err := stores[w%2].Update(faulty(t.Context()), id, func(o *approval.Order) error {
					if o.IsEmpty() {
						if err := addRequest(o); err != nil {
							return err
						}
					}
					votes = addVote(o)
					return nil
				})
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				if counts[id] == nil {
					counts[id] = map[int]bool{}
				}
				assert.False(t, counts[id][votes], "two had the same turn")
				counts[id][votes] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
	stored := 0
	for id := range counts {
		o, err := stores[0].Get(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, o.Approvals[0].Votes, len(counts[id]), id)
		stored += len(counts[id])
	}
	require.Equal(t, 4*each, stored)
	require.NoError(t, stores[0].tally.flush(t.Context()))
	stats, err := stores[1].Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]store.WorkflowStats{"payments": {Pending: orders, Oldest: startTime}}, stats.Workflows)
}

// answer is an error response of DynamoDB.
func answer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Requestid": {"R1"}},
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

// TestRefusals checks that temporary errors are retried a bounded number of times, and that other errors are not
// retried.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const space = `{"__type":"com.amazonaws.dynamodb.v20120810#`
	for _, c := range []struct {
		name, body string
		status     int
		tries      int64
	}{
		{"throttled", space + `ProvisionedThroughputExceededException"}`, 400, maxAttempts},
		{"throttled account", space + `ThrottlingException"}`, 400, maxAttempts},
		{"conflict", space + `TransactionConflictException"}`, 400, maxAttempts},
		{
			"conflicting transaction",
			space + `TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]}`,
			400,
			maxAttempts,
		},
		{
			"impossible transaction",
			space + `TransactionCanceledException","CancellationReasons":[{"Code":"ValidationError"},{"Code":"None"}]}`,
			400,
			1,
		},
		{"fault", space + `InternalServerError"}`, 500, maxAttempts},
		{"no JSON", `<html>`, 503, maxAttempts},
		{"no right", `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"may not PutItem"}`, 400, 1},
		{"no table", space + `ResourceNotFoundException"}`, 400, 1},
		{"invalid", space + `ValidationException","message":"quoting secret of o"}`, 400, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var refuse atomic.Bool
			var tries atomic.Int64
			s := openThrough(t, Config{}, func(r *http.Request) (*http.Response, error) {
				target := r.Header.Get("X-Amz-Target")
				if refuse.Load() && strings.HasSuffix(target, ".PutItem") {
					tries.Add(1)
					return answer(c.status, c.body), nil
				}
				return http.DefaultTransport.RoundTrip(r)
			})
			refuse.Store(true)
			err := s.Update(t.Context(), "o", addRequest)
			require.Error(t, err)
			require.False(t, approval.IsPermanent(err), "the message comes again")
			require.NotContains(t, err.Error(), "secret")
			require.Equal(t, c.tries, tries.Load(), "%v", err)
			refuse.Store(false)
			mustUpdate(t, s, "o", addRequest)
		})
	}
}

// TestStaleIndex answers queries of indexes with earlier results. An order that is no longer due is not claimed, and an
// order that is no longer pending is not listed.
func TestStaleIndex(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var before map[string][]byte // by request
	s := openThrough(t, Config{}, func(r *http.Request) (*http.Response, error) {
		q, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(q))
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Query") {
			return resp, err
		}
		b, err := io.ReadAll(resp.Body)
		mu.Lock()
		defer mu.Unlock()
		if old, ok := before[string(q)]; ok {
			b = old
			resp.Header.Del("X-Amz-Crc32")
		} else if before != nil {
			before[string(q)] = b
		}
		resp.Body = io.NopCloser(bytes.NewReader(b))
		return resp, err
	})
	for i := range 20 {
		mustUpdate(t, s, fmt.Sprint(i), addRequest)
	}
	before = map[string][]byte{}
	now := startTime.Add(time.Hour)
	list := func() []*approval.Order {
		var out []*approval.Order
		for _, q := range []store.OrderQuery{{State: store.StatePending}, {ByAge: true}} {
			orders, _, err := s.List(t.Context(), q)
			require.NoError(t, err)
			out = append(out, orders...)
		}
		return out
	}
	claimed, err := s.Claim(t.Context(), now, 20, time.Minute)
	require.NoError(t, err)
	require.Len(t, claimed, 20)
	require.Len(t, list(), 40)
	for i := range 20 {
		mustUpdate(t, s, fmt.Sprint(i), func(o *approval.Order) error {
			if i%2 == 0 {
				return removeOrder(o)
			}
			o.Cancel("", "ann", "", approval.Environment{Now: startTime})
			o.Approvals[0].Callback.Due = now.Add(time.Minute)
			return nil
		})
	}
	claimed, err = s.Claim(t.Context(), now, 20, time.Minute)
	require.NoError(t, err)
	require.Empty(t, claimed)
	require.Empty(t, list())
	for i := range 20 {
		_, err := s.Get(t.Context(), fmt.Sprint(i))
		require.Equal(t, i%2 == 0, errors.Is(err, approval.ErrNotFound), "a claim makes no order")
	}
}

type leavesKey struct{}

// A caller who leaves while their update is stored is no failure of the store: it changes no readiness, and alerts nobody.
func TestACallerWhoLeavesIsNoFailure(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	var mu sync.Mutex
	var commits []error
	s := openThrough(t, Config{Observe: func(c Commit) {
		mu.Lock()
		defer mu.Unlock()
		commits = append(commits, c.Err)
	}}, func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.Header.Get("X-Amz-Target"), "PutItem") && r.Context().Value(leavesKey{}) != nil {
			leave()
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	err := s.Update(context.WithValue(ctx, leavesKey{}, true), "o", addRequest)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.Update(t.Context(), "o", addRequest))
	require.Equal(t, []error{nil}, commits, "the second update only")
}
