package router

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/store/memory"
)

var errOdd = errors.New("odd")

// watcher is the observer and the log of the map.
type watcher struct {
	mu       sync.Mutex
	messages []string // handler and result
	dead     []string // sources
	refused  []refusal.Refusal
	swept    []int
	failed   int
	running  map[approval.ActionKind]int
	most     int // running at the same time
	waiting  map[approval.ActionKind]int
	log      bytes.Buffer
}

func newWatcher() *watcher {
	return &watcher{running: map[approval.ActionKind]int{}, waiting: map[approval.ActionKind]int{}}
}

func (w *watcher) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *watcher) MessageHandled(_ context.Context, source, result string, _ time.Duration) {
	w.note(func() { w.messages = append(w.messages, source+" "+result) })
}
func (w *watcher) RecordRefusal(_ context.Context, r refusal.Refusal) {
	w.note(func() { w.refused = append(w.refused, r) })
}
func (w *watcher) DeadLettered(source string)           { w.note(func() { w.dead = append(w.dead, source) }) }
func (w *watcher) ActionDispatched(approval.ActionKind) {}
func (w *watcher) RunningActionsChanged(kind approval.ActionKind, delta int) {
	w.note(func() {
		w.running[kind] += delta
		w.most = max(w.most, w.running[kind])
	})
}
func (w *watcher) WaitingOrdersChanged(kind approval.ActionKind, delta int) {
	w.note(func() { w.waiting[kind] += delta })
}
func (w *watcher) ActionNotMade(approval.ActionKind)         {}
func (w *watcher) Observe(context.Context, []approval.Event) {}

func (w *watcher) SweepEnded(claimed int, err error) {
	w.note(func() {
		w.swept = append(w.swept, claimed)
		if err != nil {
			w.failed++
		}
	})
}

// Write is the log.
func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *watcher) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *watcher) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }

// nowhere drops actions.
type nowhere struct{}

func (nowhere) Reserve(handlers.Reservation) bool           { return true }
func (nowhere) Release(approval.Action)                     {}
func (nowhere) SetNextDue(string, time.Time)                {}
func (nowhere) Dispatch(context.Context, []approval.Action) {}

// newDispatcher returns a dispatcher with so many slots for each output, and for each host. The token of a URL is the
// name of its host.
func newDispatcher(w *watcher, slots int) *Dispatcher {
	return NewDispatcher(Limits{
		Concurrency:  slotsOf(slots),
		PerURLTarget: 4 * slots,
		HostOf: func(target string, token approval.Token) string {
			if target != "http" {
				return ""
			}
			return token.Reveal()
		},
	}, w, w.logger())
}

// slotsOf gives the same number of slots to every output and host.
func slotsOf(n int) func(approval.ActionKind, string) int {
	return func(approval.ActionKind, string) int { return n }
}

// transitions run on a store in memory.
func transitions(orders handlers.Orders, w *watcher, d handlers.Dispatcher) *handlers.Transitions {
	return &handlers.Transitions{
		Orders:   orders,
		Dispatch: d,
		Observer: w,
		Log:      slog.New(slog.DiscardHandler),
		Now:      time.Now,
		Lease:    30 * time.Second,
	}
}

// ask stores an approval with a deadline.
func ask(t *testing.T, s *memory.Store, orderID string, deadline time.Time, change ...func(*approval.Request)) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, func(o *approval.Order) error {
		a := approval.Request{
			Token:         approval.NewToken("secret of " + orderID),
			Target:        "sfn",
			Workflow:      "orders",
			Policy:        approval.Policy{Kind: approval.PolicyAny},
			Deadline:      deadline,
			Retention:     time.Hour,
			CallbackRetry: approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
		}
		for _, f := range change {
			f(&a)
		}
		env := approval.Environment{Now: time.Now(), Lease: 30 * time.Second}
		if len(a.Channels) > 0 { // its messages stay due: nothing here would carry them out
			env.Lease = 0
		}
		_, _, err := o.AddRequest(a, env)
		return err
	}))
}

func get(t *testing.T, s *memory.Store, orderID string) *approval.Order {
	t.Helper()
	o, err := s.Get(t.Context(), orderID)
	require.NoError(t, err)
	return o
}

// reply is an answer to a request.
type reply struct {
	*http.Response
	text string
}

func send(t *testing.T, h http.Handler, method, path, body string) reply {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	return reply{Response: w.Result(), text: w.Body.String()}
}
