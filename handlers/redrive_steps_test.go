package handlers_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// endless lists exhausted orders without an end.
type endless struct{ pages int }

func (e *endless) List(_ context.Context, q store.OrderQuery) (orders []*approval.Order, next string, _ error) {
	e.pages++
	for i := range q.Limit {
		orders = append(orders, &approval.Order{
			ID: fmt.Sprintf("%09d-%04d", e.pages, i),
			Approvals: []*approval.Approval{{
				ID:       "x",
				Callback: approval.Callback{State: approval.CallbackExhausted},
			}},
		})
	}
	return orders, orders[q.Limit-1].ID, nil
}

// A redrive reads no more orders than it restarts, however many callbacks are exhausted.
func TestRedriveStopsAtMax(t *testing.T) {
	t.Parallel()
	h := newHouse()
	r := h.newRedriver(&fakeDeadLetters{}, nil)
	orders := &endless{}
	r.Orders = orders
	report := r.Redrive(t.Context(), store.RedriveRequest{Max: 1})
	require.Equal(t, 1, orders.pages)
	require.Equal(t, 1, report.Found.Total())
	require.NotEmpty(t, report.Next)
}

// A step ends after some seconds, also a dry run over orders without an end, and when its caller leaves.
func TestRedriveStepsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.Now = func() time.Time { h.now = h.now.Add(time.Second); return h.now }
	r := h.newRedriver(&fakeDeadLetters{}, nil)
	orders := &endless{}
	r.Orders = orders
	report := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Less(t, orders.pages, 20)
	require.NotEmpty(t, report.Next)
	left, cancel := context.WithCancel(t.Context())
	cancel()
	require.NotEmpty(t, r.Redrive(left, store.RedriveRequest{}).Next)
	require.Equal(t, []string{"after: is not a position in a redrive"},
		r.Redrive(t.Context(), store.RedriveRequest{After: "odd"}).Errors)
}

// The steps of a redrive restart everything once, whatever the size of a step: callbacks of one order and of several,
// dead letters and messages. The guarded ones are counted once, although they stay.
func TestRedriveInSteps(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 3, 7, 1000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			h.storeExhausted(t, 4, "denied", 0)
			h.storeExhausted(t, 3, "denied", 3)
			many := &approval.Order{ID: "denied-0-9"} // it comes after the others without a redrive
			for i := range 5 {
				a := &approval.Approval{
					ID:       fmt.Sprint("a", i),
					Callback: approval.Callback{State: approval.CallbackExhausted, Redrives: 3 * (i % 2)},
				}
				a.Token = approval.NewToken(fmt.Sprint(token, i))
				many.Approvals = append(many.Approvals, a)
			}
			require.NoError(t, h.store.Update(t.Context(), many.ID, func(o *approval.Order) error { *o = *many; return nil }))
			d := &fakeDeadLetters{}
			for i := range 60 {
				d.letters = append(d.letters, store.DeadLetter{
					ID:       store.FormatDeadLetterID(int64(i + 1)),
					Source:   "requests",
					Body:     fmt.Appendf(nil, `{"orderId":"L-%d","taskToken":"x"}`, i),
					Redrives: 3 * (i % 3 / 2),
				})
			}
			queues := map[string]handlers.DeadLetterQueue{
				"a": &fakeQueue{counts: counts{"odd": 5}, step: 2},
				"b": &fakeQueue{counts: counts{}},
				"c": &fakeQueue{counts: counts{"odd": 4}, step: 3},
			}
			r := h.newRedriver(d, queues)
			total := store.RedriveReport{}
			for after, steps := "", 0; after != "" || steps == 0; steps++ {
				require.Less(t, steps, 200)
				step := r.Redrive(t.Context(), store.RedriveRequest{Max: size, After: after})
				require.LessOrEqual(t, step.Redriven, size)
				require.Empty(t, step.Errors)
				total.Redriven += step.Redriven
				total.Requeued += step.Requeued
				total.Guarded += step.Guarded
				total.Found.Add("all", step.Found.Total(), "")
				after = step.Next
			}
			require.Equal(t, 4+3+40+9, total.Redriven)
			require.Equal(t, 9, total.Requeued)
			require.Equal(t, 3+2+20, total.Guarded)
			require.Equal(t, 4+3+5+60+9, total.Found.Total())
			require.Len(t, d.taken, 40)
			require.LessOrEqual(t, d.mostBodies, 8, "bodies in memory")
		})
	}
}

// A dry run counts a part of a long queue, and states how many messages it did not look at.
func TestDryRunOfALongQueue(t *testing.T) {
	t.Parallel()
	r := newHouse().newRedriver(&fakeDeadLetters{}, map[string]handlers.DeadLetterQueue{
		"a": &fakeQueue{counts: counts{"odd": 5}, step: 5},
		"b": &fakeQueue{counts: counts{"odd": 1}},
	})
	report := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Equal(t, 77, report.NotLookedAt)
	require.Equal(t, 6, report.Found.Total())
	require.Empty(t, report.Next)
}

// A letter that fails for now does not keep the redrive from the letters after it.
func TestRedriveGoesAroundAFailure(t *testing.T) {
	t.Parallel()
	h := newHouse()
	d := &fakeDeadLetters{unreadable: map[string]error{store.FormatDeadLetterID(3): errOdd}}
	for i := range 100 {
		d.letters = append(d.letters, store.DeadLetter{ID: store.FormatDeadLetterID(int64(i + 1)), Source: "requests", Body: []byte(`x`)})
	}
	r := h.newRedriver(d, nil)
	r.Handlers["requests"] = func(*message.Message) error { return nil }
	report := r.Redrive(t.Context(), store.RedriveRequest{})
	require.Equal(t, []int{99, 1}, []int{report.Redriven, report.Kept})
	require.Len(t, report.Errors, 1)
}

func TestQueueDepths(t *testing.T) {
	t.Parallel()
	r := newHouse().newRedriver(&fakeDeadLetters{}, map[string]handlers.DeadLetterQueue{
		"b": &fakeQueue{counts: counts{"odd": 5, "denied": 1}},
		"a": &fakeQueue{failure: errOdd},
	})
	require.Equal(t, []store.QueueDepth{
		{Source: "a", Queue: "dlq", Err: errOdd},
		{Source: "b", Queue: "dlq", Messages: 6},
	}, r.QueueDepths(t.Context()))
}
