package heartbeat_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/heartbeat"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
)

// interval is that of the heartbeats of every request, and limit the time after which a task without one ends.
const (
	interval = 4 * time.Minute
	limit    = 2 * interval
)

// world is a store, the tasks that wait with their tokens, and the workers.
type world struct {
	t        *testing.T
	store    *countingStore
	register *register // nil for a single worker
	interval time.Duration

	mu    sync.Mutex
	tasks map[string]*task
	fails func(token string) error // of heartbeats

	deliveryFails error

	answersAfter time.Duration // from the moment at which the target takes a heartbeat

	beats     int
	delivered map[string]int
	workers   []*worker
}

// task waits with a token.
type task struct {
	latest time.Time // heartbeat, or the beginning
	beats  []time.Time
	isOver bool // it was answered, or waited for a heartbeat for too long
	isLost bool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t:         t,
		interval:  interval,
		store:     &countingStore{Store: memory.New()},
		tasks:     map[string]*task{},
		delivered: map[string]int{},
	}
}

// countingStore counts the updates that were stored, and fails them on request.
type countingStore struct {
	*memory.Store

	mu         sync.Mutex
	updates    int
	failsAfter error // the update is stored, and its answer is lost
}

func (s *countingStore) Update(ctx context.Context, id string, f func(*approval.Order) error) error {
	return s.count(s.Store.Update(ctx, id, f))
}

func (s *countingStore) UpdateUnsynced(ctx context.Context, id string, f func(*approval.Order) error) error {
	return s.count(s.Store.UpdateUnsynced(ctx, id, f))
}

func (s *countingStore) count(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	s.updates++
	return s.failsAfter
}

// getMany is that of store.ManyGetter.
func (s *countingStore) getMany(ctx context.Context, ids []string) (map[string]*approval.Order, error) {
	orders := map[string]*approval.Order{}
	for _, id := range ids {
		if o, err := s.Get(ctx, id); err == nil {
			orders[id] = o
		}
	}
	return orders, nil
}

func (s *countingStore) stored() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.updates
}

// worker is a process with the store of its world.
type worker struct {
	world       *world
	schedule    *heartbeat.Schedule
	transitions *handlers.Transitions
	callbacks   *handlers.Callback
	readOnly    error // guarded by the world's mutex
	cancel      context.CancelFunc
	isDead      bool
	ended       chan struct{}
}

// startWorker starts a worker.
func (w *world) startWorker(id string) *worker {
	least := time.Duration(0)
	if w.register != nil {
		least = heartbeat.MinSharedInterval
	}
	k := &worker{world: w, schedule: heartbeat.NewSchedule(least), ended: make(chan struct{})}
	k.transitions = &handlers.Transitions{
		Orders:     w.store,
		Dispatch:   dispatcher{k},
		Observer:   observer{},
		Log:        slog.New(slog.DiscardHandler),
		Now:        time.Now,
		Lease:      30 * time.Second,
		Heartbeats: k.schedule,
	}
	k.callbacks = &handlers.Callback{
		Transitions: k.transitions,
		Targets:     map[string]callback.Target{"sfn": target{k}},
		Timeout:     10 * time.Second,
	}
	c := heartbeat.Config{
		Schedule:     k.schedule,
		Orders:       w.store,
		Send:         k.callbacks.Beat,
		GetMany:      w.store.getMany,
		MayChange:    k.mayChange,
		WorkerID:     id,
		Now:          time.Now,
		Log:          slog.New(slog.DiscardHandler),
		Concurrency:  func(string) int { return 256 },
		CloseTimeout: time.Second,
	}
	if w.register != nil {
		c.Workers = ownRegister{w.register, k}
	}
	heart := heartbeat.NewHeart(c)
	var ctx context.Context
	ctx, k.cancel = context.WithCancel(w.t.Context())
	var parts sync.WaitGroup
	parts.Go(func() { _ = heart.Run(ctx) })
	parts.Go(func() { k.sweep(ctx) })
	go func() {
		parts.Wait()
		close(k.ended)
	}()
	w.workers = append(w.workers, k)
	return k
}

func (k *worker) mayChange(context.Context) error {
	k.world.mu.Lock()
	defer k.world.mu.Unlock()
	return k.readOnly
}

func (k *worker) setReadOnly(err error) {
	k.world.mu.Lock()
	defer k.world.mu.Unlock()
	k.readOnly = err
}

// stop ends a worker as SIGTERM does.
func (k *worker) stop() {
	k.cancel()
	<-k.ended
}

// kill ends a worker at once: it does not leave the others.
func (k *worker) kill() {
	k.world.mu.Lock()
	k.isDead = true
	k.world.mu.Unlock()
	k.stop()
}

// stopAll ends all workers, so that the bubble of the test can end.
func (w *world) stopAll() {
	for _, k := range w.workers {
		k.stop()
	}
}

func (k *worker) sweep(ctx context.Context) {
	for ctx.Err() == nil {
		due, err := k.world.store.Claim(ctx, time.Now(), 1000, 20*time.Second)
		if err == nil {
			for _, id := range due {
				_ = k.transitions.Run(ctx, id, func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
					return o.Advance(env), nil
				})
			}
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// request opens an approval.
func (k *worker) request(orderID string) {
	token := "token-" + orderID
	k.world.mu.Lock()
	k.world.tasks[token] = &task{latest: time.Now()}
	k.world.mu.Unlock()
	err := k.transitions.Run(k.world.t.Context(), orderID,
		func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
			_, actions, err := o.AddRequest(approval.Request{
				Workflow:          "orders",
				Step:              "approve",
				Policy:            approval.Policy{Kind: approval.PolicyAny},
				Token:             approval.NewToken(token),
				Target:            "sfn",
				AttemptStartedAt:  env.Now,
				Deadline:          env.Now.Add(10 * 24 * time.Hour),
				HeartbeatInterval: k.world.interval,
				HeartbeatTimeout:  limit,
				Retention:         time.Hour,
				CallbackRetry:     approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
			}, env)
			return actions, err
		})
	if k.world.store.failsAfter == nil {
		require.NoError(k.world.t, err)
	}
}

// decide approves an order.
func (k *worker) decide(orderID string) {
	err := k.transitions.Run(k.world.t.Context(), orderID,
		func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
			verdict, actions, err := o.Decide(approval.Decision{
				ID:      "d-" + orderID,
				Outcome: approval.Approve,
				By:      "ann",
				Via:     approval.ViaSSO,
			}, approval.UnmatchedRetention{WaitFor: time.Hour}, env)
			require.Equal(k.world.t, approval.VerdictDecided, verdict.Code)
			return actions, err
		})
	require.NoError(k.world.t, err)
}

func (w *world) order(orderID string) *approval.Approval {
	o, err := w.store.Get(w.t.Context(), orderID)
	require.NoError(w.t, err)
	return o.Approvals[0]
}

// lost returns the tokens whose tasks ended without an answer.
func (w *world) lost() (tokens []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for token, k := range w.tasks {
		if k.isLost || !k.isOver && time.Since(k.latest) > limit {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// sent returns the number of heartbeats so far.
func (w *world) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.beats
}

// longestPause returns the longest time between two heartbeats of a task, and from the beginning and to now.
func (w *world) longestPause() (longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.tasks {
		for i, at := range k.beats {
			if i > 0 {
				longest = max(longest, at.Sub(k.beats[i-1]))
			}
		}
		longest = max(longest, time.Since(k.latest))
	}
	return longest
}

// target answers tasks as Step Functions does.
type target struct{ *worker }

var errDead = approval.NotApplied(errors.New("the process has ended"))

// Deliver implements callback.Target.
func (k target) Deliver(_ context.Context, a approval.Answer) error {
	w := k.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if k.isDead {
		return errDead
	}
	if w.deliveryFails != nil {
		return approval.NotApplied(w.deliveryFails)
	}
	open := w.tasks[a.Token.Reveal()]
	if open.isOver || time.Since(open.latest) > limit {
		open.isLost = !open.isOver
		return approval.ErrClosed
	}
	open.isOver = true
	w.delivered[a.OrderID]++
	return nil
}

// Heartbeat implements callback.Heartbeater.
func (k target) Heartbeat(_ context.Context, a approval.Answer) error {
	defer time.Sleep(k.world.answersAfter)
	w := k.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if k.isDead {
		return errDead
	}
	w.beats++
	if w.fails != nil {
		if err := w.fails(a.Token.Reveal()); err != nil {
			return err
		}
	}
	open := w.tasks[a.Token.Reveal()]
	if open.isOver || time.Since(open.latest) > limit {
		open.isLost = !open.isOver
		return approval.ErrClosed
	}
	open.latest = time.Now()
	open.beats = append(open.beats, open.latest)
	return nil
}

// dispatcher carries out actions at once.
type dispatcher struct{ *worker }

func (dispatcher) Reserve(handlers.Reservation) bool { return true }
func (dispatcher) Release(approval.Action)           {}
func (dispatcher) SetNextDue(string, time.Time)      {}

func (k dispatcher) Dispatch(_ context.Context, actions []approval.Action) {
	for _, action := range actions {
		switch action.Kind {
		case approval.ActionCallback, approval.ActionHeartbeat:
			msg := message.NewMessage("", nil)
			msg.SetContext(handlers.WithAction(k.world.t.Context(), action))
			go func() { _ = k.callbacks.Handle(msg) }()
		}
	}
}

type observer struct{}

func (observer) Observe(context.Context, []approval.Event) {}
func (observer) ActionNotMade(approval.ActionKind)         {}

// register is the part of a store in which workers find each other.
type register struct {
	mu      sync.Mutex
	workers map[string]store.Worker
	fails   error
	hidden  map[string]store.Worker // the states that the others see in the place of the present ones
}

func (r *register) setFails(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails = err
}

// hide lets the others see the present state of a worker, whatever it writes.
func (r *register) hide(id string, isHidden bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hidden = nil; isHidden {
		r.hidden = map[string]store.Worker{id: r.workers[id]}
	}
}

func (r *register) KeepWorker(_ context.Context, w store.Worker) (all []store.Worker, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails != nil {
		return nil, r.fails
	}
	r.workers[w.ID] = w
	for id, k := range r.workers {
		if old, isHidden := r.hidden[id]; isHidden && id != w.ID {
			k = old
		}
		all = append(all, k)
	}
	return all, nil
}

func (r *register) RemoveWorker(_ context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.workers, id)
	return nil
}

// ownRegister is the register as a worker sees it: a dead one does not leave it.
type ownRegister struct {
	*register
	*worker
}

func (r ownRegister) RemoveWorker(ctx context.Context, id string) error {
	r.world.mu.Lock()
	isDead := r.isDead
	r.world.mu.Unlock()
	if isDead {
		return nil
	}
	return r.register.RemoveWorker(ctx, id)
}

func orderIDs(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("o-%d", i))
	}
	return ids
}
