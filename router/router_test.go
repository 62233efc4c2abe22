package router

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/store/memory"
)

// outside is a channel and a target that keep their messages and answers.
type outside struct {
	told     chan approval.Message
	answered chan approval.Answer
	panicked atomic.Int32
}

func (o *outside) Notify(_ context.Context, m approval.Message) error   { o.told <- m; return nil }
func (o *outside) Heartbeat(_ context.Context, _ approval.Answer) error { return nil }
func (o *outside) Deliver(_ context.Context, a approval.Answer) error {
	if a.OrderID == "odd" {
		o.panicked.Add(1)
		panic("secret")
	}
	o.answered <- a
	return nil
}

func text(name string) handlers.Field[string] {
	return handlers.Field[string]{Find: func(in handlers.Input) (string, bool, error) { return value(in, name) }}
}
func value(in handlers.Input, name string) (text string, ok bool, _ error) {
	object, _ := in.Body.(map[string]any)
	text, ok = object[name].(string)
	return text, ok, nil
}

// house is the whole map, with a workflow over HTTP.
type house struct {
	*outside
	*watcher
	store  *memory.Store
	in     *api.Ingress
	router *Router
	ended  chan error
	site   http.Handler
}

// newHouse makes the map and runs it. If odd is set, it handles the requests of a second workflow.
func newHouse(t *testing.T, odd message.NoPublishHandlerFunc) *house {
	t.Helper()
	h := &house{
		outside: &outside{
			told:     make(chan approval.Message, 10),
			answered: make(chan approval.Answer, 10),
		},
		watcher: newWatcher(),
		store:   memory.New(),
		in:      api.NewIngress(),
		ended:   make(chan error, 1),
	}
	d := newDispatcher(h.watcher, 4)
	tr := transitions(h.store, h.watcher, d)
	decode := func(b []byte) (v any, err error) { return v, json.Unmarshal(b, &v) }
	request := &handlers.Request{Transitions: tr, Decode: decode, Workflow: handlers.Workflow{
		Name:        "orders",
		Policy:      approval.Policy{Kind: approval.PolicyAny},
		Channels:    []string{"mail"},
		TokenTarget: "sfn",
		Deadline:    time.Hour,
		Fields:      handlers.RequestFields{Order: text("order"), Token: text("token")},
	}}
	decision := &handlers.Decision{
		Source: handlers.DecisionSource{
			Name:   "api",
			Via:    approval.ViaAPI,
			Fields: handlers.DecisionFields{Outcome: text("outcome")},
		},
		Decode:  decode,
		Decider: &handlers.Decider{Transitions: tr, UnmatchedRetention: approval.UnmatchedRetention{WaitFor: time.Hour}},
	}
	requests := []Source{{
		Name:       "request-orders",
		Topic:      api.RequestTopic("orders"),
		Subscriber: h.in,
		Handle:     request.Handle,
	}}
	if odd != nil {
		requests = append(requests, Source{
			Name:       "request-odd",
			Topic:      api.RequestTopic("odd"),
			Subscriber: h.in,
			Handle:     odd,
		})
	}
	var err error
	h.router, err = New(Parts{
		Now:      time.Now,
		Requests: requests,
		Decisions: []Source{{
			Name:       "decision-api",
			Topic:      api.DecisionTopic(),
			Subscriber: h.in,
			Handle:     decision.Handle,
		}},
		Notifications: (&handlers.Notification{
			Transitions: tr,
			Channels:    map[string]handlers.Channel{"mail": {Sender: h, Audience: notify.AudienceApprover}},
			Timeout:     time.Second,
			Links:       links{},
		}).Handle,
		Callbacks:    (&handlers.Callback{Transitions: tr, Targets: map[string]callback.Target{"sfn": h}, Timeout: time.Second}).Handle,
		Dispatcher:   d,
		Observer:     h.watcher,
		Log:          h.logger(),
		TimeLimit:    10 * time.Second,
		CloseTimeout: 10 * time.Second,
	})
	require.NoError(t, err)
	go func() { h.ended <- h.router.Run(context.Background()) }()
	<-h.router.Running()
	t.Cleanup(func() {
		require.NoError(t, h.router.Close())
		require.NoError(t, <-h.ended)
		require.NoError(t, d.Close())
	})
	mux := http.NewServeMux()
	mux.Handle("POST /requests/{workflow}", h.in.MessageHandler(func(r *http.Request) (string, error) {
		return api.RequestTopic(r.PathValue("workflow")), nil
	}, api.SourcePolicy{}))
	mux.Handle("POST /{orderId}", h.in.MessageHandler(func(*http.Request) (string, error) {
		return api.DecisionTopic(), nil
	}, api.SourcePolicy{}))
	h.site = mux
	return h
}

// next returns the next value, or fails the test.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// An approval passes every arrow of the map, from the request to the answer.
func TestTheMap(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	require.Equal(t, http.StatusAccepted, send(t, h.site, "POST", "/requests/orders", `{"order":"A-1","token":"secret"}`).StatusCode)
	require.Equal(t, "A-1", next(t, h.told).OrderID)
	got := send(t, h.site, "POST", "/A-1", `{"outcome":"approve"}`)
	require.Equal(t, http.StatusOK, got.StatusCode, got.text)
	answer := next(t, h.answered)
	require.Equal(t, "secret", answer.Token.Reveal())
	require.Equal(t, approval.Approved, answer.Status)
	require.Eventually(
		t,
		func() bool { return get(t, h.store, "A-1").Approvals[0].Callback.State == approval.CallbackDelivered },
		time.Minute,
		time.Millisecond,
	)
	require.Equal(t, http.StatusOK, send(t, h.site, "POST", "/A-1", `{"outcome":"approve"}`).StatusCode)
	require.Empty(t, h.answered, "it was answered")
	require.Equal(t, 422, send(t, h.site, "POST", "/requests/orders", `{"token":"secret"}`).StatusCode)
	require.NotContains(t, h.logged(), "secret")
	want := []string{"request-orders ok", "request-orders invalid", "decision-api ok", "notifications ok", "callbacks ok"}
	seesAll := func() (sees bool) { // a result is in the store before its message ends
		h.note(func() {
			sees = h.running[approval.ActionNotify] == 0 && !slices.ContainsFunc(want, func(message string) bool {
				return !slices.Contains(h.messages, message)
			})
		})
		return sees
	}
	require.Eventually(t, seesAll, time.Minute, time.Millisecond)
}

// A handler that panics fails its message only.
func TestAPanicEndsOneMessage(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(*message.Message) error { panic("secret") })
	require.Equal(t, http.StatusServiceUnavailable, send(t, h.site, "POST", "/requests/odd", `{}`).StatusCode)
	require.Equal(t, http.StatusServiceUnavailable, send(t, h.site, "POST", "/requests/odd", `{}`).StatusCode, "it goes on")
	require.Equal(t, http.StatusAccepted, send(t, h.site, "POST", "/requests/orders", `{"order":"A-1","token":"x"}`).StatusCode)
	require.NotContains(t, h.logged(), "secret")
	h.note(func() { require.Contains(t, h.messages, "request-odd failed") })
}

// A target that panics is called once for each attempt: the Go channel does not deliver the action again, and the
// capacity is released once.
func TestAPanicOfATargetIsOneAttempt(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for _, id := range []string{"odd", "A-1"} {
		require.Equal(t, http.StatusAccepted, send(t, h.site, "POST", "/requests/orders", `{"order":"`+id+`","token":"x"}`).StatusCode)
		require.Equal(t, http.StatusOK, send(t, h.site, "POST", "/"+id, `{"outcome":"approve"}`).StatusCode)
		if id == "odd" {
			require.Eventually(t, func() bool { return h.panicked.Load() > 0 }, time.Minute, time.Millisecond)
		}
	}
	require.Equal(t, "A-1", next(t, h.answered).OrderID)
	require.Eventually(
		t,
		func() bool { return get(t, h.store, "A-1").Approvals[0].Callback.State == approval.CallbackDelivered },
		time.Minute,
		time.Millisecond,
	)
	require.EqualValues(t, 1, h.panicked.Load())
	callback := get(t, h.store, "odd").Approvals[0].Callback
	require.True(t, callback.AttemptRunning, "its lease ends")
	require.Equal(t, 1, callback.Attempts)
	require.NotContains(t, h.logged(), "secret")
}

// A closing router lets running handlers finish, and answers their senders.
func TestCloseLetsWhatRunsFinish(t *testing.T) {
	t.Parallel()
	began, finish := make(chan struct{}), make(chan struct{})
	h := newHouse(t, func(m *message.Message) error {
		close(began)
		<-finish
		return m.Context().Err()
	})
	var status int
	var group sync.WaitGroup
	group.Go(func() { status = send(t, h.site, "POST", "/requests/odd", `{}`).StatusCode })
	<-began
	closed := make(chan error, 1)
	go func() { closed <- h.router.Close() }()
	select {
	case err := <-closed:
		require.NoError(t, errors.Join(err, errors.New("it did not wait")))
	case <-time.After(50 * time.Millisecond): // it waits; a machine that is slower than this proves less, and fails nothing
	}
	close(finish)
	require.NoError(t, next(t, closed))
	group.Wait()
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, http.StatusServiceUnavailable, send(t, h.site, "POST", "/requests/orders", `{"order":"A-1","token":"x"}`).StatusCode)
}

type links struct{}

func (links) URL(approval.Capability) string         { return "link" }
func (links) StatusURL(approval.Capability) string   { return "status" }
func (links) ButtonToken(approval.Capability) string { return "button" }
