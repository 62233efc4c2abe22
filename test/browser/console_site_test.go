package browser

import (
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
	"github.com/approval-relay/approval-relay/refusal/recent"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/store/memory"
	"github.com/approval-relay/approval-relay/web/console"
)

// consoleSite serves the operator's console over a store with incidents.
type consoleSite struct {
	t      *testing.T
	url    string
	server string // without the path of the console
	store  *memory.Store
	queue  *letterQueue
	mu     sync.Mutex
	now    time.Time
}

const opsToken = "ops-token-4711-aPa2Kq"

func (d *consoleSite) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func newConsoleSite(t *testing.T, change ...func(*console.Config)) *consoleSite {
	t.Helper()
	d := &consoleSite{t: t, store: memory.New(), queue: &letterQueue{}, now: time.Date(2026, 3, 4, 3, 12, 45, 0, time.UTC)}
	log := slog.New(slog.DiscardHandler)
	tr := &handlers.Transitions{
		Orders:   d.store,
		Dispatch: discard{},
		Observer: discard{},
		Log:      log,
		Now:      d.clock,
		Lease:    time.Minute,
	}
	refused := recent.New(recent.Config{Sealer: keys.NewRing(d.now), Observer: ignoreRefusals{}, Log: log, Now: d.clock})
	d.refuseSome(refused)
	view := role.View{Records: d.store}
	redriver := &handlers.Redriver{
		Transitions: tr,
		Orders:      d.store,
		DeadLetters: d.store,
		Queues:      map[string]handlers.DeadLetterQueue{"decision-erp": d.queue},
		Handlers: map[string]message.NoPublishHandlerFunc{
			"request-orders": func(*message.Message) error { return nil },
			"decision-erp": func(*message.Message) error {
				return approval.Permanent(errors.New("order: is missing"))
			},
		},
	}
	settings := console.Config{
		Refused:     refused,
		Operators:   map[string]console.Operator{"ada": {Token: secret.New(opsToken), Grants: role.Grants{{Role: role.Admin}}}},
		MAC:         keys.NewRing(d.now),
		Orders:      view,
		Counter:     view,
		DeadLetters: redriver,
		Decider:     &handlers.Decider{Transitions: tr},
		Controls: &handlers.Controls{
			Keeper:    d.store,
			Workflows: func() []string { return consoleWorkflows() },
			Observer:  discard{},
			Log:       log,
			Now:       d.clock,
		},
		Workflows: consoleWorkflows(),
		Now:       d.clock,
		Log:       log,
		Redriver:  redriver,
	}
	for _, f := range change {
		f(&settings)
	}
	c, err := console.New(settings)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/relay/console/", http.StripPrefix("/relay", c)) // behind a prefix, as some proxies use it
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	d.server = server.URL
	d.url = server.URL + "/relay/console/"
	return d
}

func consoleWorkflows() []string { return []string{"payouts", "refunds", "releases"} }

// ago returns an environment with a time before now.
func (d *consoleSite) ago(ago time.Duration) approval.Environment {
	return approval.Environment{Now: d.now.Add(-ago), Lease: time.Minute}
}

// on runs a transition on an order.
func (d *consoleSite) on(order string, f func(o *approval.Order)) {
	d.t.Helper()
	require.NoError(d.t, d.store.Update(d.t.Context(), order, func(o *approval.Order) error { f(o); return nil }))
}

// end records the results of running attempts. The function returns the result for a channel or target.
func end(
	o *approval.Order,
	actions []approval.Action,
	t approval.Environment,
	how func(name string) approval.Result,
) (more []approval.Action) {
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
