package browser

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
	"github.com/approval-relay/approval-relay/web/console"
)

// desk is the operator's console over a store as it may look at three in the
// morning.
type desk struct {
	t     *testing.T
	url   string
	store *memory.Store
	mu    sync.Mutex
	now   time.Time
}

type token string

func (t token) Reveal() string { return string(t) }

const opsToken = "ops-token-4711-aPa2Kq"

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, store: memory.New(), now: time.Date(2026, 3, 4, 3, 12, 45, 0, time.UTC)}
	log := slog.New(slog.DiscardHandler)
	tr := &handlers.Transitions{Orders: d.store, Dispatch: nobody{}, Observer: nobody{}, Log: log, Now: d.clock, Lease: time.Minute}
	c, err := console.New(console.Config{
		Tokens: map[string]console.Secret{"ada": token(opsToken)}, MAC: keys.NewRing(d.now), Orders: d, Lists: d, Counter: d, Letters: d,
		Decider: &handlers.Decider{Transitions: tr}, Queues: []string{"request-orders"}, Now: d.clock, Log: log,
		Redriver: redriver{&handlers.Redrive{
			Transitions: tr, Exhausted: d, Letters: shelf{d}, Queues: map[string]handlers.Queue{},
			Handle: map[string]message.NoPublishHandlerFunc{"request-orders": func(*message.Message) error { return nil }, "decision-erp": func(*message.Message) error {
				return approval.Permanent(errors.New("order: is missing"))
			}},
		}},
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/relay/console/", http.StripPrefix("/relay", c)) // behind a prefix, as a proxy may have it
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	d.url = server.URL + "/relay/console/"
	return d
}

func (d *desk) Get(ctx context.Context, id string) (*approval.Order, error) {
	o, err := d.store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return handlers.View(o), nil
}

func (d *desk) List(ctx context.Context, which console.Which, after string, limit int) ([]*approval.Order, string, error) {
	return d.store.List(ctx, store.Query{ByAge: which == console.Waiting, Exhausted: which == console.GivenUp, After: after, Limit: limit})
}

func (d *desk) ListExhausted(ctx context.Context, after string, limit int) ([]*approval.Order, string, error) {
	return d.store.List(ctx, store.Query{Exhausted: true, After: after, Limit: limit})
}

func (d *desk) Counts(ctx context.Context) (out console.Counts, err error) {
	stats, err := d.store.Stats(ctx)
	for _, name := range []string{"payouts", "refunds", "releases"} {
		if w, ok := stats.Workflows[name]; ok {
			out.Workflows = append(out.Workflows, console.WorkflowCount{Name: name, Pending: w.Pending, Oldest: w.Oldest})
		}
	}
	out.GivenUp, out.DeadLetters = stats.Exhausted, stats.DeadLetters
	return out, err
}

func (d *desk) Letters(ctx context.Context, after string, limit int) (out []console.Letter, err error) {
	stored, err := d.store.ListDeadLetters(ctx, after, limit)
	for _, l := range stored {
		out = append(out, console.Letter{ID: l.ID, Source: l.Source, Reason: l.Reason, At: l.At, Redrives: l.Redrives})
	}
	return out, err
}

// shelf is the table of dead letters for redrives.
type shelf struct{ *desk }

func (s shelf) List(ctx context.Context, after string, limit int) (out []handlers.Letter, err error) {
	stored, err := s.store.ListDeadLetters(ctx, after, limit)
	for _, l := range stored {
		out = append(out, handlers.Letter{ID: l.ID, Source: l.Source, Reason: l.Reason, At: l.At, Redrives: l.Redrives, Body: l.Body})
	}
	return out, err
}

func (s shelf) Put(ctx context.Context, l handlers.Letter) error {
	_, err := s.store.PutDeadLetter(ctx, store.DeadLetter{Source: l.Source, Reason: l.Reason, At: l.At, Redrives: l.Redrives, Body: l.Body})
	return err
}

func (s shelf) Take(ctx context.Context, id string) error { return s.store.TakeDeadLetter(ctx, id) }

type redriver struct{ redrive *handlers.Redrive }

func (r redriver) Redrive(ctx context.Context, o console.Redrive) console.Report {
	got := r.redrive.Run(ctx, handlers.RedriveOrder{DryRun: o.DryRun, Max: o.Max, Reason: o.Reason, By: o.By, OrderID: o.OrderID})
	return console.Report{Found: got.Found, Redriven: got.Redriven, Guarded: got.Guarded, Expired: got.Expired, Failed: got.Failed, Errors: got.Errors}
}

// ago is a turn that long before now.
func (d *desk) ago(ago time.Duration) approval.Environment {
	return approval.Environment{Now: d.now.Add(-ago), Lease: time.Minute}
}

// on runs a transition on an order.
func (d *desk) on(order string, f func(o *approval.Order)) {
	d.t.Helper()
	require.NoError(d.t, d.store.Update(d.t.Context(), order, func(o *approval.Order) error { f(o); return nil }))
}

// end ends the attempts that were begun: each as the function says of its channel
// or target.
func end(o *approval.Order, actions []approval.Action, t approval.Environment, how func(name string) approval.Result) (more []approval.Action) {
	for _, act := range actions {
		switch act.Kind {
		case approval.ActionNotify:
			more = append(more, o.RecordNotificationResult(act, how(act.Channel), t)...)
		case approval.ActionCallback:
			more = append(more, o.RecordCallbackResult(act, how("target"), t)...)
		}
	}
	return more
}

func ok(string) approval.Result { return approval.Result{Kind: approval.ResultOK} }

func failed(reason string) func(string) approval.Result {
	return func(string) approval.Result { return approval.Result{Kind: approval.ResultFailed, Reason: reason} }
}
