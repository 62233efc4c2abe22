package handlers_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
)

func TestRedriveOfCallbacks(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.storeExhausted(t, 3, "denied", 0)
	h.storeExhausted(t, 2, "denied", 2)
	h.storeExhausted(t, 2, "denied", 3)
	h.storeExhausted(t, 1, "not_configured", 0)
	r := h.newRedriver(&fakeDeadLetters{}, nil)

	updates := h.updates
	dry := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Equal(t, store.RedriveReport{
		DryRun:  true,
		Found:   groupsOf(counts{"denied": 7, "not_configured": 1}),
		Guarded: 2,
	}, withoutExamples(dry))
	require.Equal(t, updates, h.updates, "nothing was touched")

	h.now = began.Add(3 * time.Hour)
	late := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true, ReasonCode: "not_configured"})
	require.Equal(t, 1, late.Expired)
	h.now = began

	few := r.Redrive(t.Context(), store.RedriveRequest{ReasonCode: "denied", Max: 2, By: "ann"})
	require.NotEmpty(t, few.Next)
	few.Next = ""
	require.Equal(t, store.RedriveReport{
		Found:    groupsOf(counts{"denied": 2}),
		Redriven: 2,
	}, withoutExamples(few))
	require.Len(t, h.take(approval.ActionCallback), 2)
	o, err := h.Get(t.Context(), "denied-0-0")
	require.NoError(t, err)
	last := o.History[len(o.History)-1]
	require.Equal(t, approval.EventRedriven, last.Kind)
	require.Equal(t, "ann", last.By)

	rest := r.Redrive(t.Context(), store.RedriveRequest{MaxRedrives: -1})
	require.Equal(t, store.RedriveReport{
		Found:    groupsOf(counts{"denied": 5, "not_configured": 1}),
		Redriven: 6,
	}, withoutExamples(rest), "without the loop guard")
}

// A redrive of an order restarts its callbacks, and no other callbacks or messages.
func TestRedriveOfOneOrder(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.storeExhausted(t, 2, "denied", 0)
	d := &fakeDeadLetters{letters: []store.DeadLetter{{
		ID:         "1",
		Source:     "requests",
		ReasonCode: "denied",
		Body:       []byte(`{"orderId":"A-1","taskToken":"x"}`),
	}}}
	p := &fakeQueue{counts: counts{"denied": 1}}
	r := h.newRedriver(d, map[string]handlers.DeadLetterQueue{"p": p})
	report := r.Redrive(t.Context(), store.RedriveRequest{OrderID: "denied-0-1", By: "ann"})
	require.Equal(t, store.RedriveReport{Found: groupsOf(counts{"denied": 1}), Redriven: 1}, withoutExamples(report))
	require.Equal(t, approval.CallbackPending, h.approval(t, "denied-0-1").Callback.State)
	require.Equal(t, approval.CallbackExhausted, h.approval(t, "denied-0-0").Callback.State)
	require.Empty(t, d.taken)
	require.False(t, p.moved)
	require.Contains(t, r.Redrive(t.Context(), store.RedriveRequest{OrderID: "nobody"}).Errors[0], `read order "nobody"`)
}

// A redrive is logged with the name of the operator. The body of a message is not logged.
func TestRedriveIsLogged(t *testing.T) {
	t.Parallel()
	h := newHouse()
	var log bytes.Buffer
	h.Log = slog.New(slog.NewTextHandler(&log, nil))
	d := &fakeDeadLetters{letters: []store.DeadLetter{{
		ID:         "7",
		Source:     "requests",
		ReasonCode: "odd",
		Body:       []byte(`{"orderId":"A-1","taskToken":"x-secret"}`),
	}}}
	r := h.newRedriver(d, nil)
	r.Redrive(t.Context(), store.RedriveRequest{DryRun: true, By: "ann"})
	require.Empty(t, log.String())
	r.Redrive(t.Context(), store.RedriveRequest{By: "ann", ReasonCode: "odd"})
	require.Contains(t, log.String(), `msg="dead letter redriven" by=ann id=7 source=requests failed_again=false`)
	require.Contains(t, log.String(), `msg=redrive by=ann on_behalf_of="" reason_code=odd order_id="" redriven=1 requeued=0 failed=0 returned=0 `+
		`guarded=0 kept=0 errors=0 has_more=false`)
	require.NotContains(t, log.String(), "x-secret")
}

// A callback that another operator restarted meanwhile is not restarted twice.
func TestRedriveOfRestartedCallback(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.storeExhausted(t, 1, "denied", 0)
	stale, _, err := h.List(t.Context(), store.OrderQuery{State: store.StateExhausted, Limit: 1})
	require.NoError(t, err)
	r := h.newRedriver(&fakeDeadLetters{}, nil)
	require.Equal(t, 1, r.Redrive(t.Context(), store.RedriveRequest{}).Redriven)
	r.Orders = listed(stale)
	report := r.Redrive(t.Context(), store.RedriveRequest{})
	require.Equal(t, store.RedriveReport{Found: groupsOf(counts{"denied": 1}), Kept: 1}, withoutExamples(report))
}

type listed []*approval.Order

func (l listed) List(context.Context, store.OrderQuery) ([]*approval.Order, string, error) {
	return l, "", nil
}

func TestRedriveOfDeadLetters(t *testing.T) {
	t.Parallel()
	h := newHouse()
	mended := store.DeadLetter{
		ID:         "1",
		Source:     "requests",
		ReasonCode: "odd",
		Body:       []byte(`{"orderId":"A-1","taskToken":"x"}`),
	}
	d := &fakeDeadLetters{unreadable: map[string]error{"5": errOdd}, letters: []store.DeadLetter{
		mended,
		{
			ID:         "2",
			Source:     "requests",
			ReasonCode: "invalid_field:order",
			Body:       []byte(`{"taskToken":"x"}`),
			Redrives:   1,
		},
		{
			ID:         "3",
			Source:     "requests",
			ReasonCode: "invalid_field:order",
			Body:       []byte(`{}`),
			Redrives:   3,
		},
		{
			ID:         "4",
			Source:     "gone",
			ReasonCode: "invalid_field:order",
			Body:       []byte(`{}`),
		},
		{
			ID:         "5",
			Source:     "requests",
			ReasonCode: "odd",
			Body:       []byte(`{"orderId":"A-2","taskToken":"x"}`),
		},
	}}
	r := h.newRedriver(d, nil)
	dry := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Equal(t, counts{"odd": 2, "invalid_field:order": 3}, countsOf(dry))
	require.Equal(t, 1, dry.Guarded)
	require.Empty(t, d.taken)

	report := r.Redrive(t.Context(), store.RedriveRequest{})
	require.Equal(t, []int{1, 1, 1, 2}, []int{report.Redriven, report.Failed, report.Guarded, report.Kept})
	require.Len(t, report.Errors, 1, "the others are redriven")
	require.Equal(t, []string{"1"}, d.taken)
	require.Len(t, d.marked, 1, "a refused letter keeps its place")
	require.Equal(t, "2", d.marked[0].ID)
	require.Equal(t, 2, d.marked[0].Redrives)
	require.Contains(t, d.marked[0].Reason, "order: is missing")
	require.Equal(t, approval.Pending, h.approval(t, "A-1").Status)
}

// What cannot be done now leaves a dead letter where it is.
func TestRedriveOfDeadLettersFails(t *testing.T) {
	t.Parallel()
	mended := store.DeadLetter{
		ID:         "1",
		Source:     "requests",
		ReasonCode: "odd",
		Body:       []byte(`{"orderId":"A-1","taskToken":"x"}`),
	}
	redrive := func(d *fakeDeadLetters, failing error) store.RedriveReport {
		h := newHouse()
		h.failing = failing
		report := h.newRedriver(d, nil).Redrive(t.Context(), store.RedriveRequest{})
		require.Len(t, report.Errors, 1)
		return report
	}
	d := &fakeDeadLetters{letters: []store.DeadLetter{mended}}
	report := redrive(d, errOdd)
	require.Contains(t, report.Errors[0], "redrive dead letter 1")
	require.Equal(t, 1, report.Kept)
	require.Empty(t, d.taken)

	d = &fakeDeadLetters{letters: []store.DeadLetter{mended}, failure: errOdd}
	require.Contains(t, redrive(d, nil).Errors[0], "delete dead letter 1, which was handled: odd")

	mended.Body = []byte(`{}`)
	d = &fakeDeadLetters{letters: []store.DeadLetter{mended}, failure: errOdd}
	require.Contains(t, redrive(d, nil).Errors[0], "mark dead letter 1, which failed again: odd")
	require.Empty(t, d.taken)

	gone := &fakeDeadLetters{letters: []store.DeadLetter{mended}, failure: approval.ErrNotFound}
	report = newHouse().newRedriver(gone, nil).Redrive(t.Context(), store.RedriveRequest{})
	require.Empty(t, report.Errors, "another operator redrove it meanwhile")
}

func TestRedriveOfQueues(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.storeExhausted(t, 1, "denied", 0)
	a := &fakeQueue{counts: counts{"denied": 4, "odd": 2}, guarded: 1}
	b := &fakeQueue{counts: counts{"odd": 3}, failure: errOdd}
	c := &fakeQueue{counts: counts{"odd": 500}}
	queues := map[string]handlers.DeadLetterQueue{"a": a, "b": b, "c": c}

	dry := h.newRedriver(&fakeDeadLetters{}, queues).Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Equal(t, counts{"denied": 5, "odd": 505}, countsOf(dry))
	require.Equal(t, []string{"dead letter queue of b: odd"}, dry.Errors)
	require.False(t, a.moved || b.moved || c.moved)
	denied := store.RedriveRequest{DryRun: true, ReasonCode: "denied"}
	require.Equal(t, counts{"denied": 5}, countsOf(h.newRedriver(&fakeDeadLetters{}, queues).Redrive(t.Context(), denied)))

	report := h.newRedriver(&fakeDeadLetters{}, queues).Redrive(t.Context(), store.RedriveRequest{Max: 100})
	require.Equal(t, 100, report.Redriven, "the callback, 6 of a, 3 of b, and c as far as the limit goes")
	require.Equal(t, 99, report.Requeued)
	require.Equal(t, 1, report.Guarded)
	require.Equal(t, []int{99, 93, 90}, []int{a.asked.Max, b.asked.Max, c.asked.Max})
	require.Equal(t, 3, a.asked.MaxRedrives)
	require.Len(t, report.Errors, 1)
	require.Contains(t, report.Next, "queues/", "there are more")
}

func TestRedriveIsBounded(t *testing.T) {
	t.Parallel()
	for _, most := range []int{0, -5, 1001, 1 << 30} {
		p := &fakeQueue{counts: counts{"odd": 5000}}
		r := newHouse().newRedriver(&fakeDeadLetters{}, map[string]handlers.DeadLetterQueue{"p": p})
		require.Equal(t, 1000, r.Redrive(t.Context(), store.RedriveRequest{Max: most, MaxRedrives: -1, ReasonCode: "odd"}).Redriven)
		require.Equal(t, -1, p.asked.MaxRedrives)
		require.Equal(t, approval.ReasonCode("odd"), p.asked.ReasonCode)
	}
}

// A dead letter that an operator redrives is still the message of its sender: the operator does not become the asker of
// a request or the maker of a decision, whatever the operator's call has in its context.
func TestRedrivenMessageIsNotTheOperators(t *testing.T) {
	t.Parallel()
	h := newHouse()
	d := &fakeDeadLetters{letters: []store.DeadLetter{
		{ID: "1", Source: "requests", ReasonCode: "odd", Body: []byte(`{"orderId":"A-1","taskToken":"x"}`)},
	}}
	r := h.newRedriver(d, nil)
	var seen []bool
	r.Handlers["decisions"] = func(msg *message.Message) error {
		_, hasPrincipal := handlers.PrincipalOf(msg.Context())
		_, hasScope := role.ScopeOf(msg.Context())
		seen = append(seen, hasPrincipal, hasScope)
		return nil
	}
	d.letters = append(d.letters, store.DeadLetter{ID: "2", Source: "decisions", ReasonCode: "odd", Body: []byte(`{}`)})
	ctx := handlers.WithPrincipal(t.Context(), handlers.Principal{Name: "olga", IsOperator: true})
	report := r.Redrive(role.WithScope(ctx, role.Everything()), store.RedriveRequest{By: "olga"})
	require.Equal(t, 2, report.Redriven)
	require.Equal(t, []bool{false, false}, seen)
	require.Empty(t, h.approval(t, "A-1").Asker)
}

// An operator of a workflow restarts the callbacks and messages of that workflow only.
func TestRedriveWithinTheScope(t *testing.T) {
	t.Parallel()
	h := newHouse()
	d := &fakeDeadLetters{letters: []store.DeadLetter{
		{ID: "1", Source: "request-payroll", ReasonCode: "odd", Body: []byte(`{}`)},
		{ID: "2", Source: "decision-erp", ReasonCode: "odd", Body: []byte(`{}`)},
	}}
	queue := &fakeQueue{counts: counts{"odd": 3}}
	r := h.newRedriver(d, map[string]handlers.DeadLetterQueue{"request-payroll": queue, "decision-erp": queue})
	ctx := role.WithScope(t.Context(), role.Scope{Workflows: []string{"orders"}})
	report := r.Redrive(ctx, store.RedriveRequest{})
	require.Zero(t, report.Redriven)
	require.Empty(t, report.Found)
	require.False(t, queue.moved)
	require.Empty(t, r.QueueDepths(ctx))
	require.Len(t, r.QueueDepths(t.Context()), 2)
}
