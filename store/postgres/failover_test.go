package postgres

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// addApproval returns a transition that adds an approval with a vote for each of its runs that was stored.
func addVote(name string) func(*approval.Order) error {
	return func(o *approval.Order) error {
		if len(o.Approvals) == 0 {
			_, _, err := o.AddRequest(approval.Request{
				Token:     approval.NewToken("token of " + o.ID),
				Target:    "sfn",
				Workflow:  "payments",
				Policy:    approval.Policy{Kind: approval.PolicyAny},
				Deadline:  start.Add(time.Hour),
				Retention: time.Hour,
			}, approval.Environment{Now: start, Lease: time.Minute, Jitter: 0.5})
			if err != nil {
				return err
			}
		}
		a := o.Approvals[0]
		a.Votes = append(a.Votes, approval.Vote{DecisionID: name, Outcome: approval.Approve, By: name, Via: approval.ViaAPI, At: start})
		return nil
	}
}

func countVotes(t *testing.T, s *Store, orderID string) int {
	t.Helper()
	o, err := s.Get(t.Context(), orderID)
	require.NoError(t, err)
	return len(o.Approvals[0].Votes)
}

// proxy passes bytes between clients and a server. It can lose answers, and break its connections.
type proxy struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	conns []net.Conn
	// loseAnswers closes each connection in place of the next answer of the server.
	loseAnswers atomic.Bool
	lost        atomic.Int64
}

func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l, server: server}
	t.Cleanup(func() { _ = l.Close(); p.breakAll() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.pass(client)
		}
	}()
	return p
}

func (p *proxy) pass(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, client, server)
	p.mu.Unlock()
	go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
	defer func() { _ = client.Close() }()
	b := make([]byte, 64<<10)
	for {
		n, err := server.Read(b)
		if err != nil {
			return
		}
		if p.loseAnswers.CompareAndSwap(true, false) {
			p.lost.Add(1)
			return
		}
		if _, err := client.Write(b[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) breakAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func urlThrough(p *proxy) secret.Text {
	return secret.New("postgres://relay@" + p.listener.Addr().String() + "/relay")
}

// TestLostAnswers loses the answers of writes: each of them was stored, and must be found to be stored, so that no
// transition is applied twice.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	open(t, c) // makes the tables
	p := startProxy(t, server.Address)
	c.URL = urlThrough(p)
	s := open(t, c)
	require.NoError(t, s.Update(t.Context(), "o", addVote("first")))
	for i := range 10 {
		p.loseAnswers.Store(true)
		name := fmt.Sprint("v", i)
		var runs []int
		err := s.Update(t.Context(), "o", func(o *approval.Order) error {
			runs = append(runs, len(o.Approvals[0].Votes))
			return addVote(name)(o)
		})
		require.NoError(t, err)
		require.Equal(t, i+2, countVotes(t, s, "o"), "%v", runs)
	}
	require.Positive(t, p.lost.Load())
}

// TestLostAnswerOfARemoval loses the answer of the write that removes an order.
func TestLostAnswerOfARemoval(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	open(t, c)
	p := startProxy(t, server.Address)
	c.URL = urlThrough(p)
	s := open(t, c)
	require.NoError(t, s.Update(t.Context(), "o", addVote("first")))
	p.loseAnswers.Store(true)
	require.NoError(t, s.Update(t.Context(), "o", func(o *approval.Order) error { o.Approvals = nil; return nil }))
	_, err := s.Get(t.Context(), "o")
	require.ErrorIs(t, err, approval.ErrNotFound)
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Empty(t, stats.Workflows)
}

// TestLostAnswerOfADelete loses the answers of deletes. A row that was deleted so counts as deleted; a second delete finds it
// missing.
func TestLostAnswerOfADelete(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	direct := open(t, c)
	p := startProxy(t, server.Address)
	c.URL = urlThrough(p)
	s := open(t, c)
	id, err := s.PutDeadLetter(t.Context(), store.DeadLetter{Source: "queue", At: start})
	require.NoError(t, err)
	pause := store.Control{Workflow: "payments", Mode: store.ControlPause, By: "op", Since: start}
	require.NoError(t, s.SetControl(t.Context(), pause))

	p.loseAnswers.Store(true)
	require.NoError(t, s.DeleteDeadLetter(t.Context(), id))
	require.ErrorIs(t, s.DeleteDeadLetter(t.Context(), id), approval.ErrNotFound)
	_, err = direct.GetDeadLetter(t.Context(), id)
	require.ErrorIs(t, err, approval.ErrNotFound)

	p.loseAnswers.Store(true)
	removed, err := s.RemoveControl(t.Context(), "payments")
	require.NoError(t, err)
	require.True(t, removed)
	removed, err = s.RemoveControl(t.Context(), "payments")
	require.NoError(t, err)
	require.False(t, removed)
	require.EqualValues(t, 2, p.lost.Load())
}

// TestBrokenConnections breaks all connections again and again while many goroutines update the same orders. Every update
// that returned nil is stored once, and no other but those with an error.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	open(t, c)
	p := startProxy(t, server.Address)
	c.URL = urlThrough(p)
	s := open(t, c)
	requireExactVotes(t, s, func(done <-chan struct{}) {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			_ = s.Probe(t.Context()) // a pause of the length of a commit
			if i%2 == 0 {
				p.breakAll()
			} else {
				p.loseAnswers.Store(true)
			}
		}
	})
	require.NoError(t, s.CheckRecords(t.Context(), false, failOnFault(t)))
}

// requireExactVotes adds votes to a few orders from many goroutines while disturb runs, and requires that exactly the votes of
// the updates without an error are stored.
func requireExactVotes(t *testing.T, s *Store, disturb func(done <-chan struct{})) {
	t.Helper()
	const orders, writers, each = 5, 8, 15
	var acknowledged [orders]atomic.Int64
	var group, disturber sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		group.Go(func() {
			for i := range each {
				n := (w + i) % orders
				if err := s.Update(t.Context(), fmt.Sprint("o", n), addVote(fmt.Sprint(w, "/", i))); err == nil {
					acknowledged[n].Add(1)
				} else {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	disturber.Go(func() { disturb(done) })
	group.Wait()
	close(done)
	disturber.Wait()
	for n := range orders {
		require.EqualValues(t, acknowledged[n].Load(), countVotes(t, s, fmt.Sprint("o", n)))
	}
}

// TestKilledServer kills the server while updates arrive, and starts it again. Every acknowledged update is there, and the
// waiting ones are stored after the restart.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	own := postgrestest.Run(t, postgrestest.Options{})
	c := Config{
		Settings: Settings{URL: secret.New(own.URL()), Connections: 4},
		Sealer:   keys.NewRing(time.Now()),
		RetryFor: time.Minute,
	}
	c.SetDefaults(setup.Common{})
	s := open(t, c)
	requireExactVotes(t, s, func(<-chan struct{}) {
		for range 2 {
			if err := own.Kill(); err != nil {
				t.Error(err)
				return
			}
			if err := own.Launch(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
				return
			}
		}
	})
	require.NoError(t, s.CheckRecords(t.Context(), false, failOnFault(t)))
}

// TestBrokenOpen breaks connections while a worker opens the store: it connects again.
func TestBrokenOpen(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	p := startProxy(t, server.Address)
	c.URL = urlThrough(p)
	for range 3 {
		p.loseAnswers.Store(true)
		s := open(t, c)
		require.NoError(t, s.Close())
	}
	require.EqualValues(t, 3, p.lost.Load())
}

// TestUnreachable stops the server for good: an update ends with an error after its time, and so does the probe.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	open(t, c)
	p := startProxy(t, server.Address)
	c.URL = urlThrough(p)
	c.RetryFor = time.Nanosecond
	s := open(t, c)
	require.NoError(t, p.listener.Close())
	p.breakAll()
	require.Error(t, s.Update(t.Context(), "o", addVote("lost")))
	require.Error(t, s.Probe(t.Context()))
	_, err := s.Get(t.Context(), "o")
	require.NotErrorIs(t, err, approval.ErrNotFound)
	require.Error(t, err)
}
