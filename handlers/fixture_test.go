package handlers_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/identity"
	"github.com/approval-relay/approval-relay/store/memory"
)

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

const token = "AQCEAAAAKgAAAAMAAAAAAAAAAb-a-task-token"

// house is handlers over a store in memory. It keeps the calls to everything around them.
type house struct {
	*handlers.Transitions
	store *memory.Store

	mu      sync.Mutex
	now     time.Time
	actions []approval.Action
	events  []approval.Event
	order   []string // what was told to whom, in order
	full    bool     // no room for actions
	// reserved has what was reserved and not released, dispatched or not.
	reserved []handlers.Reservation
	nextDue  time.Time
	notMade  []approval.ActionKind
	log      bytes.Buffer
	failing  error // of the store
	// failsAfter is the error of the store after it has run a transition.
	failsAfter   error
	beforeUpdate func(context.Context)
	updates      int
	stored       []string // how the updates were stored: synced or unsynced
	twice        bool     // the store runs every transition twice
}

func newHouse() *house {
	h := &house{store: memory.New(), now: began}
	h.Transitions = &handlers.Transitions{
		Orders:   h,
		Dispatch: h,
		Observer: h,
		Log:      slog.New(slog.NewJSONHandler(&h.log, nil)),
		Lease:    time.Minute,
		Now:      func() time.Time { return h.now },
	}
	return h
}

func (h *house) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return h.updateBy(ctx, "synced", orderID, transition, h.store.Update)
}

func (h *house) UpdateUnsynced(
	ctx context.Context, orderID string, transition func(*approval.Order) error,
) error {
	return h.updateBy(ctx, "unsynced", orderID, transition, h.store.UpdateUnsynced)
}

func (h *house) updateBy(
	ctx context.Context, kind, orderID string, transition func(*approval.Order) error,
	update func(context.Context, string, func(*approval.Order) error) error,
) error {
	h.mu.Lock()
	h.updates++
	failing := h.failing
	h.mu.Unlock()
	if failing != nil {
		return failing
	}
	if h.beforeUpdate != nil {
		h.beforeUpdate(ctx)
	}
	err := update(ctx, orderID, func(o *approval.Order) error {
		if h.twice { // as a store may
			if err := transition(&approval.Order{ID: o.ID}); err != nil {
				return err
			}
		}
		err := transition(o)
		h.note("stored")
		return cmp.Or(err, h.failsAfter)
	})
	if err == nil {
		h.mu.Lock()
		h.stored = append(h.stored, kind)
		h.mu.Unlock()
	}
	return err
}

func (h *house) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	return h.store.Get(ctx, orderID)
}

func (h *house) Reserve(r handlers.Reservation) bool {
	if h.full {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reserved = append(h.reserved, r)
	return true
}

func (h *house) Release(action approval.Action) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reserved = slices.DeleteFunc(h.reserved, func(r handlers.Reservation) bool { return r.Action == action })
}

func (h *house) SetNextDue(_ string, next time.Time) { h.nextDue = next }

func (h *house) ActionNotMade(kind approval.ActionKind) { h.notMade = append(h.notMade, kind) }

func (h *house) Dispatch(_ context.Context, actions []approval.Action) {
	h.note("dispatched")
	h.mu.Lock()
	defer h.mu.Unlock()
	h.actions = append(h.actions, actions...)
}

func (h *house) Observe(_ context.Context, events []approval.Event) {
	h.note("observed")
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, events...)
}

func (h *house) note(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.order = append(h.order, what)
}

// take returns the dispatched actions since the last call.
func (h *house) take(kind approval.ActionKind) []approval.Action {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []approval.Action
	for _, a := range h.actions {
		if a.Kind == kind {
			out = append(out, a)
		}
	}
	h.actions = nil
	return out
}

func (h *house) approval(t *testing.T, orderID string) *approval.Approval {
	t.Helper()
	o, err := h.store.Get(t.Context(), orderID)
	require.NoError(t, err)
	require.NotEmpty(t, o.Approvals)
	return o.Approvals[len(o.Approvals)-1]
}

// at returns a field that reads the first of these paths with a value.
func at(paths ...string) handlers.Field[string] { return as(expression.AsText, paths...) }

// anyAt returns a field that reads the first of these paths with a value of any kind.
func anyAt(paths ...string) handlers.Field[any] {
	return as(func(v any) (any, error) { return v, nil }, paths...)
}

func as[T any](convert func(any) (T, error), paths ...string) handlers.Field[T] {
	find := func(in handlers.Input) (value T, found bool, err error) {
		for _, path := range paths {
			v := in.Body
			for name := range strings.SplitSeq(path, ".") {
				object, _ := v.(map[string]any)
				v = object[name]
			}
			if v != nil && v != "" {
				value, err = convert(v)
				return value, err == nil, err
			}
		}
		return value, false, nil
	}
	locate := func(in handlers.Input) (source string, empty bool) {
		for _, path := range paths {
			v, present := in.Body, false
			for name := range strings.SplitSeq(path, ".") {
				object, _ := v.(map[string]any)
				v, present = object[name]
			}
			if v != nil && v != "" {
				return "body." + path, false
			}
			if present && source == "" {
				source = "body." + path
			}
		}
		return source, source != ""
	}
	return handlers.Field[T]{Find: find, Locate: locate, Expressions: paths}
}

// asPeople reads the people in a text, or in a list of texts.
func asPeople(v any) ([]string, error) {
	texts, err := expression.AsIDList(v)
	if _, isList := v.([]any); isList && err == nil {
		return identity.ReadItems(texts)
	}
	if err != nil {
		return nil, err
	}
	return identity.ReadList(texts[0])
}

func anyValue(v any) (any, error) { return v, nil }

// broken is a field that cannot be read.
func broken[T any]() handlers.Field[T] {
	return handlers.Field[T]{Find: func(handlers.Input) (value T, found bool, err error) { return value, false, errOdd }}
}

// workflow reads the well-known shapes of requests.
func workflow(change ...func(*handlers.Workflow)) handlers.Workflow {
	w := handlers.Workflow{
		Name:              "orders",
		Policy:            approval.Policy{Kind: approval.PolicyAny},
		MinAssurance:      approval.AssuranceLink,
		Deadline:          24 * time.Hour,
		Margin:            30 * time.Second,
		TokenTarget:       "sfn",
		Retention:         time.Hour,
		CallbackRetry:     approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
		NotificationRetry: approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
		Fields: handlers.RequestFields{
			Order:        at("orderId", "approvalRequest.orderId", "order.id"),
			Token:        at("taskToken", "TaskToken", "MyTaskToken", "task_token"),
			Callback:     at("callbackUrl"),
			Step:         at("step"),
			Title:        at("title"),
			Requester:    at("requester"),
			Execution:    at("executionArn"),
			State:        at("stateName"),
			Approvers:    as(asPeople, "approvers", "managerEmail"),
			Started:      as(expression.AsTime, "enteredTime", "EnteredTime", "startedAt"),
			Deadline:     as(expression.AsTime, "approvalDeadline", "taskTokenExpiration"),
			Timeout:      as(expression.AsDuration, "timeoutSeconds"),
			RetryCount:   at("retryCount"),
			RedriveCount: at("redriveCount"),
			NotUsed: []handlers.PlaceNotUsed{
				{Field: "approvers", Value: as(anyValue, "approvalRequest.approvers", "order.managerEmail")},
				{Field: "deadline", Value: as(anyValue, "approvalRequest.deadline")},
				{Field: "requester", Value: as(anyValue, "approvalRequest.requester", "order.requester")},
				{Field: "timeout", Value: as(anyValue, "approvalRequest.timeoutSeconds")},
			},
		},
	}
	for _, f := range change {
		f(&w)
	}
	return w
}

func (h *house) requests(change ...func(*handlers.Workflow)) *handlers.Request {
	return &handlers.Request{
		Workflow: workflow(change...), Transitions: h.Transitions, Decode: expression.DecodeJSON,
		ValidateURL: func(url string) error {
			if !strings.HasPrefix(url, "https://") {
				return errors.New("is no https URL")
			}
			return nil
		},
	}
}

// decisions reads decisions as the defaults do.
func (h *house) decisions(via approval.Via) *handlers.Decision {
	return &handlers.Decision{
		Source: handlers.DecisionSource{Name: "erp", Via: via, Fields: handlers.DecisionFields{
			ID:        at("decisionId"),
			Order:     at("orderId"),
			Outcome:   at("decision"),
			Choice:    at("choice"),
			Values:    anyAt("values"),
			Shown:     at("shownDigest"),
			Step:      at("step"),
			Execution: at("executionArn"),
			Approval:  at("approvalId"),
			By:        at("by"),
			Comment:   at("comment"),
		}},
		Decider: &handlers.Decider{
			Transitions:        h.Transitions,
			UnmatchedRetention: approval.UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour},
		},
		Decode: expression.DecodeJSON,
	}
}

// msg returns a message with metadata, given as pairs of key and value.
func msg(t *testing.T, body string, metadata ...string) *message.Message {
	t.Helper()
	m := message.NewMessage("uuid", []byte(body))
	for i := 0; i+1 < len(metadata); i += 2 {
		m.Metadata.Set(metadata[i], metadata[i+1])
	}
	m.SetContext(t.Context())
	return m
}

// requireField requires a Permanent error about a field.
func requireField(t *testing.T, field string, err error) {
	t.Helper()
	var f *approval.FieldError
	require.ErrorAs(t, err, &f)
	require.Equal(t, field, f.Field, "%v", err)
	require.True(t, approval.IsPermanent(err))
}
